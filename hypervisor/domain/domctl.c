// SPDX-License-Identifier: GPL-2.0-only
/* domctl: what a control domain asks of or does to one domain. */
#include <xenolith/domain.h>
#include <xenolith/hypercall.h>
#include <xen/domctl.h>

#define CPUMAP_BITS	NR_CPUS

void domain_get_info(struct domain *d, struct xen_domctl_getdomaininfo *info)
{
	bool running = false, blocked = true;
	struct vcpu_runstate_info rs;
	struct vcpu *v;

	memset(info, 0, sizeof(*info));
	info->max_vcpu_id = XEN_INVALID_MAX_VCPU_ID;
	for_each_vcpu(d, v) {
		vcpu_runstate_get(v, &rs);
		info->cpu_time += rs.time[RUNSTATE_running];
		info->max_vcpu_id = v->id;
		if (test_bit(VF_DOWN, &v->sched.flags))
			continue;
		info->nr_online_vcpus++;
		running |= v->sched.running;
		blocked &= test_bit(VF_BLOCKED, &v->sched.flags);
	}
	info->domain = d->id;
	info->flags = (info->nr_online_vcpus && blocked ? XEN_DOMINF_blocked : 0) |
		      (d->state == DOMAIN_DEAD ? XEN_DOMINF_dying : 0) |
		      (d->shut_down ? XEN_DOMINF_shutdown : 0) |
		      (d->paused_by_controller ? XEN_DOMINF_paused : 0) |
		      (running ? XEN_DOMINF_running : 0) |
		      (u32)d->shutdown_code << XEN_DOMINF_shutdownshift;
	info->tot_pages = d->mm.tot_pages;
	info->max_pages = d->mm.max_pages;
	info->outstanding_pages = d->mm.outstanding;
	info->shared_info_frame = mfn_x(virt_to_mfn(d->shared_info));
	info->gpaddr_bits = x86.phys_bits;
	info->arch_config.emulation_flags = 0;
	memcpy(info->handle, d->handle, sizeof(info->handle));
}

static long get_vcpu_info(struct domain *d, struct xen_domctl_getvcpuinfo *op)
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

static long affinity(struct domain *d, bool set, const struct xen_domctl_vcpuaffinity *op)
{
	struct vcpu *v = vcpu_find(d, op->vcpu);

	if (!v)
		return op->vcpu >= d->max_vcpus ? -EINVAL : -ESRCH;
	if (!op->flags || op->flags & ~(XEN_VCPUAFFINITY_HARD | XEN_VCPUAFFINITY_SOFT |
					(set ? XEN_VCPUAFFINITY_FORCE : 0)))
		return -EINVAL;
	return set ? set_affinity(v, op) : get_affinity(v, op);
}

static long scheduler_op(struct domain *d, struct xen_domctl_scheduler_op *op)
{
	if (op->sched_id != sched_policy->id)
		return -EINVAL;
	if (op->cmd == XEN_DOMCTL_SCHEDOP_getinfo) {
		op->u.credit2.weight = d->sched.weight;
		op->u.credit2.cap = d->sched.cap;
		return 0;
	}
	if (op->cmd != XEN_DOMCTL_SCHEDOP_putinfo)
		return -EINVAL;
	if (op->u.credit2.weight)
		WRITE_ONCE(d->sched.weight, op->u.credit2.weight);
	if (op->u.credit2.cap != (u16)~0)
		d->sched.cap = op->u.credit2.cap;
	return 0;
}

static long pause_domain(struct domain *d, bool pause)
{
	bool was;

	if (d == current->domain)
		return -EINVAL;
	spin_lock(&d->lock);
	was = d->paused_by_controller;
	d->paused_by_controller = pause;
	spin_unlock(&d->lock);
	if (pause && !was)
		domain_pause(d);
	else if (!pause && was)
		domain_unpause(d);
	return pause == was && !pause ? -EINVAL : 0;
}

static long get_vcpu_context(struct domain *d, const struct xen_domctl_vcpucontext *op)
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
	pv_vcpu_get_context(v, ctxt);
	vcpu_unpause(v);
	rc = copy_to_guest(guest_ptr((unsigned long)op->ctxt.p), ctxt, sizeof(*ctxt));
	lib_free(ctxt);
	return rc;
}

/* 0: done, the structure is copied back. */
static long domctl(struct domain *d, struct xen_domctl *op)
{
	switch (op->cmd) {
	case XEN_DOMCTL_getdomaininfo:
		domain_get_info(d, &op->u.getdomaininfo);
		op->domain = d->id;
		return 0;
	case XEN_DOMCTL_getvcpuinfo:
		return get_vcpu_info(d, &op->u.getvcpuinfo);
	case XEN_DOMCTL_setvcpuaffinity:
	case XEN_DOMCTL_getvcpuaffinity:
		return affinity(d, op->cmd == XEN_DOMCTL_setvcpuaffinity, &op->u.vcpuaffinity);
	case XEN_DOMCTL_max_mem:
		d->mm.max_pages = min(op->u.max_mem.max_memkb >> (PAGE_SHIFT - 10), (u64)INT32_MAX);
		return 0;
	case XEN_DOMCTL_pausedomain:
	case XEN_DOMCTL_unpausedomain:
		return pause_domain(d, op->cmd == XEN_DOMCTL_pausedomain);
	case XEN_DOMCTL_scheduler_op:
		return scheduler_op(d, &op->u.scheduler_op);
	case XEN_DOMCTL_getvcpucontext:
		return get_vcpu_context(d, &op->u.vcpucontext);
	case XEN_DOMCTL_setdomainhandle:
		memcpy(d->handle, op->u.setdomainhandle.handle, sizeof(d->handle));
		return 0;
	case XEN_DOMCTL_get_address_size:
		op->u.address_size.size = 64;
		return 0;
	case XEN_DOMCTL_settimeoffset:
		d->time_offset_seconds = op->u.settimeoffset.time_offset_seconds;
		time_update_wallclock(d);
		return 0;
	}
	return -ENOSYS;
}

long do_domctl(unsigned long arg, unsigned long a2, unsigned long a3, unsigned long a4,
	       unsigned long a5)
{
	struct xen_domctl op;
	struct domain *d;
	long rc;

	if (rights_control(current->domain))
		return -EPERM;
	if (copy_in(&op, arg))
		return -EFAULT;
	if (op.interface_version != XEN_DOMCTL_INTERFACE_VERSION)
		return -EACCES;
	if (op.cmd == XEN_DOMCTL_createdomain)
		return -ENOSYS;
	d = op.cmd == XEN_DOMCTL_getdomaininfo ? domain_next(op.domain) : domain_get(op.domain);
	if (!d)
		return -ESRCH;
	rc = domctl(d, &op);
	domain_put(d);
	return rc ?: copy_out(arg, &op);
}
