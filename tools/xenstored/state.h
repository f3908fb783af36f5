/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Live update: the daemon becomes another version of itself, and no client notices.
 *
 * Everything that clients know of is written to a memory file: nodes, domains, watches, transactions, half-read
 * requests and unread answers. Then the new program is executed in the same process: its number, the sockets and the
 * event channels stay; pages are mapped anew.
 */
#ifndef XENSTORED_STATE_H
#define XENSTORED_STATE_H

#include <stdbool.h>

/** state_remember_program() - how we were started, from main(): a live update starts us like that again. */
void state_remember_program(char **argv);

/**
 * state_request_update() - do a live update at the end of this round.
 * @program: its file, or NULL for the one that we were started from.
 * Returns 0, or an errno if that program does not take our state over; then nothing happens.
 */
int state_request_update(const char *program);

/** state_update() - if requested: write the state and become the new program. Returns when that fails. */
void state_update(void);

/** state_can_load() - would state_load() of this program take what is in the file @fd? */
bool state_can_load(int fd);

/** state_load_devices() - open what belongs to the hypervisor as it was. state_load() - then, all the rest. */
void state_load_devices(int fd);
void state_load(void);

#endif
