// SPDX-License-Identifier: GPL-2.0-only
/* hvm_op: parameters that toolstack and guest agree by, and how a guest wants to be told of events. */
#include "hvm-private.h"
#include <xen/hvm/hvm_op.h>

#define VIA_TYPE(val)	((val) >> 56)
#define FIRST_VECTOR	16

static long set_callback(struct domain *d, u64 val)
{
	/* Interrupts of a chipset that these guests do not have stay without effect. */
	d->hvm.callback_vector = VIA_TYPE(val) == HVM_PARAM_CALLBACK_TYPE_VECTOR && (u8)val >= FIRST_VECTOR ? val : 0;
	return 0;
}

static long set_param(struct domain *d, u32 index, u64 val)
{
	if (index == HVM_PARAM_CALLBACK_IRQ)
		set_callback(d, val);
	else if (d == current->domain)
		return -EPERM;			/* the rest is the toolstack's word */
	d->hvm.param[index] = val;
	return 0;
}

static u64 get_param(const struct domain *d, u32 index)
{
	u64 exits = 0;

	if (index < HVM_NR_PARAMS)
		return d->hvm.param[index];
	for (unsigned int i = 0; i < HVM_NR_EXITS; i++)
		exits += d->hvm.exits[i];
	return exits;
}

static long param(bool set, unsigned long arg)
{
	struct xen_hvm_param op;
	struct domain *d;
	long rc;

	if (copy_in(&op, arg))
		return -EFAULT;
	if (op.index >= HVM_NR_PARAMS && (set || op.index != XENOLITH_PARAM_EXITS))
		return -EINVAL;
	d = domain_get(op.domid);
	if (!d)
		return -ESRCH;
	rc = d == current->domain ? 0 : rights_target(current->domain, d);
	if (!rc && !d->is_hvm)
		rc = -EINVAL;			/* a PV domain has no parameters */
	if (!rc && set)
		rc = set_param(d, op.index, op.value);
	else if (!rc) {
		op.value = get_param(d, op.index);
		rc = copy_out(arg, &op);
	}
	domain_put(d);
	return rc;
}

static long set_upcall_vector(unsigned long arg)
{
	struct xen_hvm_evtchn_upcall_vector op;
	struct vcpu *v;

	if (copy_in(&op, arg))
		return -EFAULT;
	if (!current->domain->is_hvm)
		return -EINVAL;
	v = vcpu_find(current->domain, op.vcpu);
	if (!v)
		return -ENOENT;
	/* A kernel of the port's takes it back with 0: its vectors are those of CPUs that come and go. */
	if (op.vector < FIRST_VECTOR && (op.vector || !v->domain->hvm.port))
		return -EINVAL;
	v->hvm.upcall_vector = op.vector;
	return 0;
}

/* Who is in its guest is to leave it; who is not, needs no more than the mark. */
static void flush_vcpu(struct vcpu *v, cpumask_t *cpus)
{
	WRITE_ONCE(v->hvm.flush, true);
	smp_mb();			/* pairs with hvm_run(): it sees the mark, or this sees it in its guest */
	if (READ_ONCE(v->hvm.in_guest))
		cpumask_set(cpus, READ_ONCE(v->sched.cpu));
}

static void leave_guest(void *arg)
{
}

/* @mask: of the first 64 vcpus, or 0: all. */
static long flush_tlbs(u64 mask)
{
	cpumask_t cpus = { };
	struct vcpu *v;

	if (!current->domain->is_hvm)
		return -EINVAL;
	for_each_vcpu(current->domain, v)
		if (!mask || (v->id < 64 && mask & BIT(v->id)))
			flush_vcpu(v, &cpus);
	smp_call(&cpus, leave_guest, NULL);
	return 0;
}

long do_hvm_op(unsigned long cmd, unsigned long arg, unsigned long a3, unsigned long a4, unsigned long a5)
{
	switch (cmd) {
	case HVMOP_set_param:
		return param(true, arg);
	case HVMOP_get_param:
		return param(false, arg);
	case HVMOP_flush_tlbs:
		return flush_tlbs(arg);
	case HVMOP_set_evtchn_upcall_vector:
		return set_upcall_vector(arg);
	}
	return -ENOSYS;
}
