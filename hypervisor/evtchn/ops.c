// SPDX-License-Identifier: GPL-2.0-only
/* The hypercall edge of event channels: arguments in, rights, the operation, results out. */
#include <xenolith/domain.h>
#include <xenolith/evtchn.h>
#include <xenolith/hypercall.h>

union evtchn_args {
	struct evtchn_alloc_unbound alloc_unbound;
	struct evtchn_bind_interdomain bind_interdomain;
	struct evtchn_bind_virq bind_virq;
	struct evtchn_bind_pirq bind_pirq;
	struct evtchn_bind_ipi bind_ipi;
	struct evtchn_close close;
	struct evtchn_send send;
	struct evtchn_status status;
	struct evtchn_bind_vcpu bind_vcpu;
	struct evtchn_unmask unmask;
	struct evtchn_reset reset;
	struct evtchn_init_control init_control;
	struct evtchn_expand_array expand_array;
	struct evtchn_set_priority set_priority;
};

/* Bytes of each operation's argument, and whether it is also a result. */
#define ARG(field, out)		{ sizeof(((union evtchn_args *)0)->field), out }
static const struct {
	u8 size, out;
} op_arg[] = {
	[EVTCHNOP_bind_interdomain]	= ARG(bind_interdomain, true),
	[EVTCHNOP_bind_virq]		= ARG(bind_virq, true),
	[EVTCHNOP_bind_pirq]		= ARG(bind_pirq, true),
	[EVTCHNOP_close]		= ARG(close, false),
	[EVTCHNOP_send]			= ARG(send, false),
	[EVTCHNOP_status]		= ARG(status, true),
	[EVTCHNOP_alloc_unbound]	= ARG(alloc_unbound, true),
	[EVTCHNOP_bind_ipi]		= ARG(bind_ipi, true),
	[EVTCHNOP_bind_vcpu]		= ARG(bind_vcpu, false),
	[EVTCHNOP_unmask]		= ARG(unmask, false),
	[EVTCHNOP_reset]		= ARG(reset, false),
	[EVTCHNOP_init_control]		= ARG(init_control, true),
	[EVTCHNOP_expand_array]		= ARG(expand_array, false),
	[EVTCHNOP_set_priority]		= ARG(set_priority, false),
};

/* Domain @id for the caller to act on: referenced; -ESRCH, -EPERM. */
static int target_get(domid_t id, struct domain **dp)
{
	struct domain *d = domain_get(id);
	int rc;

	if (!d)
		return -ESRCH;
	rc = d == current->domain ? 0 : rights_target(current->domain, d);
	if (rc)
		domain_put(d);
	*dp = d;
	return rc;
}

static int op_alloc_unbound(struct evtchn_alloc_unbound *op)
{
	domid_t remote = op->remote_dom == DOMID_SELF ? current->domain->id : op->remote_dom;
	struct domain *d;
	int rc = target_get(op->dom, &d);

	if (rc)
		return rc;
	rc = evtchn_alloc_unbound(d, remote, &op->port);
	domain_put(d);
	return rc;
}

static int op_bind_interdomain(struct evtchn_bind_interdomain *op)
{
	struct domain *rd = domain_get(op->remote_dom);
	int rc;

	if (!rd)
		return -ESRCH;
	rc = evtchn_bind_interdomain(current->domain, rd, op->remote_port, &op->local_port);
	domain_put(rd);
	return rc;
}

static int op_status(struct evtchn_status *op)
{
	struct domain *d;
	int rc = target_get(op->dom, &d);

	if (rc)
		return rc;
	rc = evtchn_status(d, op);
	domain_put(d);
	return rc;
}

static int op_reset(const struct evtchn_reset *op)
{
	struct domain *d;
	int rc = target_get(op->dom, &d);

	if (rc)
		return rc;
	if (d != current->domain && !d->paused_by_controller)
		rc = -EINVAL;
	else
		rc = evtchn_reset(d);
	domain_put(d);
	return rc;
}

static long dispatch(unsigned long cmd, union evtchn_args *a)
{
	struct domain *d = current->domain;

	switch (cmd) {
	case EVTCHNOP_unmask:
		return evtchn_unmask(d, a->unmask.port);
	case EVTCHNOP_bind_interdomain:
		return op_bind_interdomain(&a->bind_interdomain);
	case EVTCHNOP_bind_virq:
		return evtchn_bind_virq(d, a->bind_virq.virq, a->bind_virq.vcpu, &a->bind_virq.port);
	case EVTCHNOP_bind_pirq:
		return evtchn_bind_pirq(d, a->bind_pirq.pirq,
					a->bind_pirq.flags & BIND_PIRQ__WILL_SHARE,
					&a->bind_pirq.port);
	case EVTCHNOP_bind_ipi:
		return evtchn_bind_ipi(d, a->bind_ipi.vcpu, &a->bind_ipi.port);
	case EVTCHNOP_close:
		return evtchn_close(d, a->close.port);
	case EVTCHNOP_status:
		return op_status(&a->status);
	case EVTCHNOP_alloc_unbound:
		return op_alloc_unbound(&a->alloc_unbound);
	case EVTCHNOP_bind_vcpu:
		return evtchn_bind_vcpu(d, a->bind_vcpu.port, a->bind_vcpu.vcpu);
	case EVTCHNOP_reset:
		return op_reset(&a->reset);
	case EVTCHNOP_init_control:
		return evtchn_fifo_init_control(&a->init_control);
	case EVTCHNOP_expand_array:
		return evtchn_fifo_expand_array(&a->expand_array);
	case EVTCHNOP_set_priority:
		return evtchn_set_priority(d, a->set_priority.port, a->set_priority.priority);
	}
	return -ENOSYS;
}

long do_event_channel_op(unsigned long cmd, unsigned long arg, unsigned long a3, unsigned long a4,
			 unsigned long a5)
{
	union evtchn_args args;
	long rc;

	cmd = (u32)cmd;
	if (likely(cmd == EVTCHNOP_send)) {
		if (unlikely(copy_in(&args.send, arg)))
			return -EFAULT;
		return evtchn_send(current->domain, args.send.port);
	}
	if (cmd >= ARRAY_SIZE(op_arg))
		return -ENOSYS;
	if (copy_from_guest(&args, guest_ptr(arg), op_arg[cmd].size))
		return -EFAULT;
	rc = dispatch(cmd, &args);
	if (rc == -ERESTART)
		return hypercall_continue(__HYPERVISOR_event_channel_op, cmd, arg, 0, 0, 0);
	if (!rc && op_arg[cmd].out && copy_to_guest(guest_ptr(arg), &args, op_arg[cmd].size))
		rc = -EFAULT;
	return rc;
}

long do_event_channel_op_compat(unsigned long op, unsigned long a2, unsigned long a3,
				unsigned long a4, unsigned long a5)
{
	struct evtchn_op head;

	if (copy_in(&head, op))
		return -EFAULT;
	if (head.cmd > EVTCHNOP_unmask)
		return -ENOSYS;
	return do_event_channel_op(head.cmd, op + offsetof(struct evtchn_op, u), 0, 0, 0);
}
