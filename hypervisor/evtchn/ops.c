// SPDX-License-Identifier: GPL-2.0-only
/* The hypercall edge of event channels: arguments in, rights, the operation, results out. */
#include <xenolith/hypercall.h>
#include "evtchn-private.h"

static int run(const struct evtchn_operation *op, struct domain *d, union evtchn_args *a)
{
	int rc = 0;

	if ((op->flags & OP_DOMAIN) && d != current->domain)
		rc = rights_target(current->domain, d);
	if (rc)
		return rc;
	if (op->flags & OP_LOCKED)
		spin_lock(&d->evtchn.lock);
	rc = op->fn(d, a);
	if (op->flags & OP_LOCKED)
		spin_unlock(&d->evtchn.lock);
	return rc;
}

long do_event_channel_op(unsigned long cmd, unsigned long arg, unsigned long a3, unsigned long a4, unsigned long a5)
{
	const struct evtchn_operation *op;
	union evtchn_args a;
	struct domain *d;
	long rc;

	if (likely((u32)cmd == EVTCHNOP_send)) {
		count_on_cpu(COUNT_SEND, 1);
		return unlikely(copy_in(&a.send, arg)) ? -EFAULT : evtchn_send(current->domain, a.send.port);
	}
	if ((u32)cmd >= NR_EVTCHN_OPS)
		return -ENOSYS;
	op = &evtchn_operations[(u32)cmd];
	if (copy_from_guest(&a, guest_ptr(arg), op->size))
		return -EFAULT;
	d = domain_get(op->flags & OP_DOMAIN ? a.dom : DOMID_SELF);
	if (!d)
		return -ESRCH;
	rc = run(op, d, &a);
	domain_put(d);
	if (rc == -ERESTART)
		return hypercall_continue(__HYPERVISOR_event_channel_op, cmd, arg, 0, 0, 0);
	if (rc > 0)
		*(port_t *)((u8 *)&a + op->size - sizeof(port_t)) = rc;
	if (rc >= 0)
		rc = op->flags & OP_RESULT ? copy_to_guest(guest_ptr(arg), &a, op->size) : 0;
	return rc;
}
