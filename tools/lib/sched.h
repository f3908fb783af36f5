/* SPDX-License-Identifier: GPL-2.0-only */
/* A domain's share of the CPUs, in the words of the credit2 scheduler: weight against the others, cap in percent of a CPU. */
#ifndef TOOLS_SCHED_H
#define TOOLS_SCHED_H

#include "hypercall.h"

/** sched_current - the scheduler's number (XEN_SCHEDULER_*), or -errno */
int sched_current(struct host *h);

/** sched_get, sched_set - 0 or -errno without a message; SCHED_KEEP leaves weight or cap as it is */
int sched_get(struct host *h, uint32_t domid, uint32_t *weight, uint32_t *cap);
int sched_set(struct host *h, uint32_t domid, uint32_t weight, uint32_t cap);

#define SCHED_KEEP UINT32_MAX

#endif
