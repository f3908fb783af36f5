// SPDX-License-Identifier: GPL-2.0-only
/* domctl, the part about single vcpus: information, affinity, context. */
#include <xenolith/domain.h>
#include <xenolith/hypercall.h>
#include "control.h"

#define CPUMAP_BITS	NR_CPUS

long control_vcpu_info(struct domain *d, struct xen_domctl_getvcpuinfo *op)
{
	struct vcpu *v = vcpu_find(d, op->vcpu);
	struct vcpu_runstate_info rs;

	if (!v)
		return -ESRCH;
	vcpu_runstate_get(v, &rs);
	op->online = !test_bit(VF_DOWN, &v->sched.flags);
	op->blocked = test_bit(VF_BLOCKED, &v->sched.flags);
	op->running = v->sched.running;
	op->cpu_time = rs.time[RUNSTATE_running];
	op->cpu = v->sched.cpu;
	return 0;
}

/* ---- CPU maps: bytes in guest memory, little endian, any length ---- */

static int map_out(const struct xenctl_bitmap *map, const cpumask_t *mask)
{
	unsigned long ptr = (unsigned long)map->bitmap.p;
	unsigned int want = DIV_ROUND_UP(map->nr_bits, 8), have = min(want, CPUMAP_BITS / 8u);
	u8 last;

	if (!want)
		return 0;
	if (want > have && clear_guest(guest_ptr(ptr + have), want - have))
		return -EFAULT;
	if (copy_to_guest(guest_ptr(ptr), mask, have))
		return -EFAULT;
	if (want > have || map->nr_bits % 8 == 0)
		return 0;
	last = ((const u8 *)mask)[have - 1] & ((1U << map->nr_bits % 8) - 1);
	return copy_to_guest(guest_ptr(ptr + have - 1), &last, 1);
}

static int map_in(cpumask_t *mask, const struct xenctl_bitmap *map)
{
	unsigned int bytes = min(DIV_ROUND_UP(map->nr_bits, 8), CPUMAP_BITS / 8u);

	*mask = (cpumask_t){ };
	if (copy_from_guest(mask, guest_ptr((unsigned long)map->bitmap.p), bytes))
		return -EFAULT;
	if (map->nr_bits < CPUMAP_BITS && map->nr_bits % 8)
		((u8 *)mask)[bytes - 1] &= (1U << map->nr_bits % 8) - 1;
	return 0;
}

static long set_affinity(struct vcpu *v, const struct xen_domctl_vcpuaffinity *op)
{
	cpumask_t mask;
	int rc = 0;

	if (op->flags & XEN_VCPUAFFINITY_FORCE)
		v->sched.saved_affinity = (cpumask_t){ };
	else if (!cpumask_empty(&v->sched.saved_affinity))
		return -EBUSY;
	if (op->flags & XEN_VCPUAFFINITY_HARD) {
		rc = map_in(&mask, &op->cpumap_hard) ?: vcpu_set_affinity(v, &mask);
		mask = cpumask_and(&v->sched.hard_affinity, &cpu_online_mask);
		rc = rc ?: map_out(&op->cpumap_hard, &mask);
	}
	if (!rc && (op->flags & XEN_VCPUAFFINITY_SOFT)) {
		rc = map_in(&mask, &op->cpumap_soft);
		if (rc)
			return rc;
		v->sched.soft_affinity = mask;
		mask = cpumask_and(&mask, &v->sched.hard_affinity);
		mask = cpumask_and(&mask, &cpu_online_mask);
		rc = map_out(&op->cpumap_soft, &mask);
	}
	return rc;
}

static long get_affinity(const struct vcpu *v, const struct xen_domctl_vcpuaffinity *op)
{
	int rc = 0;

	if (op->flags & XEN_VCPUAFFINITY_HARD)
		rc = map_out(&op->cpumap_hard, &v->sched.hard_affinity);
	if (!rc && (op->flags & XEN_VCPUAFFINITY_SOFT))
		rc = map_out(&op->cpumap_soft, &v->sched.soft_affinity);
	return rc;
}

long control_affinity(struct domain *d, bool set, const struct xen_domctl_vcpuaffinity *op)
{
	struct vcpu *v = vcpu_find(d, op->vcpu);

	if (!v)
		return op->vcpu >= d->max_vcpus ? -EINVAL : -ESRCH;
	if (!op->flags || op->flags & ~(XEN_VCPUAFFINITY_HARD | XEN_VCPUAFFINITY_SOFT |
					(set ? XEN_VCPUAFFINITY_FORCE : 0)))
		return -EINVAL;
	return set ? set_affinity(v, op) : get_affinity(v, op);
}

/* Of a hardware-assisted vcpu only what hvm_get_regs() names; the rest is 0, and is not looked at in what is set. */
static void get_context(struct vcpu *v, struct vcpu_guest_context *ctxt)
{
	if (!v->is_hvm) {
		pv_vcpu_get_context(v, ctxt);
		return;
	}
	hvm_get_regs(v, &ctxt->user_regs);
	ctxt->flags = test_bit(VF_DOWN, &v->sched.flags) ? 0 : VGCF_online;
}

static int set_context(struct vcpu *v, const struct vcpu_guest_context *ctxt)
{
	if (!v->is_hvm)
		return pv_vcpu_set_context(v, ctxt);
	if (!v->initialised)
		return -EINVAL;
	hvm_set_regs(v, &ctxt->user_regs);
	return 0;
}

long control_get_context(struct domain *d, const struct xen_domctl_vcpucontext *op)
{
	struct vcpu *v = vcpu_find(d, op->vcpu);
	struct vcpu_guest_context *ctxt;
	long rc;

	if (!v)
		return op->vcpu >= d->max_vcpus ? -EINVAL : -ESRCH;
	if (v == current)
		return -EINVAL;
	if (!v->initialised)
		return -ENODATA;
	ctxt = new(struct vcpu_guest_context);
	if (!ctxt)
		return -ENOMEM;
	vcpu_pause(v);
	get_context(v, ctxt);
	vcpu_unpause(v);
	rc = copy_to_guest(guest_ptr((unsigned long)op->ctxt.p), ctxt, sizeof(*ctxt));
	lib_free(ctxt);
	return rc;
}

long control_set_context(struct domain *d, const struct xen_domctl_vcpucontext *op)
{
	struct vcpu *v = vcpu_find(d, op->vcpu);
	struct vcpu_guest_context *ctxt;
	long rc;

	if (!v || !op->ctxt.p)
		return -EINVAL;
	if (v->domain == current->domain)
		return -EINVAL;
	ctxt = new(struct vcpu_guest_context);
	if (!ctxt)
		return -ENOMEM;
	rc = copy_from_guest(ctxt, guest_ptr(op->ctxt.p), sizeof(*ctxt));
	if (!rc) {
		vcpu_pause(v);
		context_sync(v);
		rc = set_context(v, ctxt);
		if (!rc)
			v->initialised = true;
		if (!rc && v->id == 0)
			time_update_wallclock(d);	/* who built the domain filled its shared page anew */
		vcpu_unpause(v);
	}
	lib_free(ctxt);
	return rc;
}
