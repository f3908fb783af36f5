/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Who acts when a domain shuts down: one daemon for all domains of this machine. It keeps nothing in memory that is not
 * also in the hypervisor, in the store or in a record (registry.h), so it may be killed at any moment: the next xl, whatever
 * it is called for, starts another one, which looks at every domain before it waits.
 */
#ifndef XL_MONITOR_H
#define XL_MONITOR_H

/** monitor_ensure - start the daemon if none runs; cheap when one does */
void monitor_ensure(void);

/** monitor_run - be the daemon, in the foreground. Return: exit code; 0 at once when there is one already. */
int monitor_run(void);

#endif
