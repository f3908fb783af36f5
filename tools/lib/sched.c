// SPDX-License-Identifier: GPL-2.0-only
/* Scheduler parameters of a domain, whichever of the two weighted schedulers the hypervisor runs. */
#include <errno.h>
#include "sched.h"

int sched_current(struct host *h)
{
	struct xen_sysctl op = { 0 };
	int rc = hcall_sysctl(h, XEN_SYSCTL_sched_id, &op);

	return rc < 0 ? rc : (int)op.u.sched_id.sched_id;
}

/* Weight and cap lie in different places for each. */
static int exchange(struct host *h, uint32_t domid, uint32_t cmd, uint32_t *weight, uint32_t *cap)
{
	struct xen_domctl op = { 0 };
	struct xen_domctl_scheduler_op *s = &op.u.scheduler_op;
	int rc = sched_current(h);

	if (rc < 0)
		return rc;
	s->sched_id = rc;
	s->cmd = cmd;
	switch (rc) {
	case XEN_SCHEDULER_CREDIT2:
		s->u.credit2.weight = *weight;
		s->u.credit2.cap = *cap;
		rc = hcall_domctl(h, XEN_DOMCTL_scheduler_op, domid, &op);
		*weight = s->u.credit2.weight;
		*cap = s->u.credit2.cap;
		return rc;
	case XEN_SCHEDULER_CREDIT:
		s->u.credit.weight = *weight;
		s->u.credit.cap = *cap;
		rc = hcall_domctl(h, XEN_DOMCTL_scheduler_op, domid, &op);
		*weight = s->u.credit.weight;
		*cap = s->u.credit.cap;
		return rc;
	}
	return -EOPNOTSUPP;
}

int sched_get(struct host *h, uint32_t domid, uint32_t *weight, uint32_t *cap)
{
	*weight = *cap = 0;
	return exchange(h, domid, XEN_DOMCTL_SCHEDOP_getinfo, weight, cap);
}

int sched_set(struct host *h, uint32_t domid, uint32_t weight, uint32_t cap)
{
	uint32_t old_weight, old_cap;
	int rc = sched_get(h, domid, &old_weight, &old_cap);

	if (rc < 0)
		return rc;
	if (weight == SCHED_KEEP)
		weight = old_weight;
	if (cap == SCHED_KEEP)
		cap = old_cap;
	return exchange(h, domid, XEN_DOMCTL_SCHEDOP_putinfo, &weight, &cap);
}
