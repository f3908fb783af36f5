// SPDX-License-Identifier: GPL-2.0-only
/* The hypercall edge of event channels: arguments in, rights, the operation, results out. */
#include <xenolith/hypercall.h>
#include "evtchn-private.h"

static int run(const struct evtchn_operation *op, struct domain *d, union evtchn_args *a)
{
	int rc;

	if (!(op->flags & OP_LOCKED))
		return op->fn(d, a);
	spin_lock(&d->evtchn.lock);
	rc = op->fn(d, a);
	spin_unlock(&d->evtchn.lock);
	return rc;
}

static int run_on_named(const struct evtchn_operation *op, union evtchn_args *a)
{
	struct domain *d = domain_get(a->dom);
	int rc;

	if (!d)
		return -ESRCH;
	rc = d == current->domain ? 0 : rights_target(current->domain, d);
	if (!rc)
		rc = run(op, d, a);
	domain_put(d);
	return rc;
}

long do_event_channel_op(unsigned long cmd, unsigned long arg, unsigned long a3, unsigned long a4,
			 unsigned long a5)
{
	const struct evtchn_operation *op;
	union evtchn_args a;
	long rc;

	if (likely((u32)cmd == EVTCHNOP_send)) {
		if (unlikely(copy_in(&a.send, arg)))
			return -EFAULT;
		return evtchn_send(current->domain, a.send.port);
	}
	if ((u32)cmd >= NR_EVTCHN_OPS)
		return -ENOSYS;
	op = &evtchn_operations[(u32)cmd];
	if (copy_from_guest(&a, guest_ptr(arg), op->size))
		return -EFAULT;
	rc = op->flags & OP_DOMAIN ? run_on_named(op, &a) : run(op, current->domain, &a);
	if (rc == -ERESTART)
		return hypercall_continue(__HYPERVISOR_event_channel_op, cmd, arg, 0, 0, 0);
	if (!rc && (op->flags & OP_RESULT) && copy_to_guest(guest_ptr(arg), &a, op->size))
		rc = -EFAULT;
	return rc;
}

long do_event_channel_op_compat(unsigned long op, unsigned long a2, unsigned long a3,
				unsigned long a4, unsigned long a5)
{
	u32 cmd;

	if (copy_in(&cmd, op))
		return -EFAULT;
	if (cmd > EVTCHNOP_unmask)
		return -ENOSYS;
	return do_event_channel_op(cmd, op + offsetof(struct evtchn_op, u), 0, 0, 0);
}
