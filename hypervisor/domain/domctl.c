// SPDX-License-Identifier: GPL-2.0-only
/*
 * domctl: what a control domain asks of or does to one domain. Who only reads takes no lock; of
 * those who change a domain there is one at a time, others come again.
 */
#include <xenolith/domain.h>
#include <xenolith/hypercall.h>
#include <xen/domctl.h>
#include "control.h"

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
		      (d->controller_pauses ? XEN_DOMINF_paused : 0) |
		      (running ? XEN_DOMINF_running : 0) |
		      (d->is_xenstore ? XEN_DOMINF_xs_domain : 0) |
		      (d->is_hvm ? XEN_DOMINF_hvm_guest | XEN_DOMINF_hap : 0) |
		      (u32)d->shutdown_code << XEN_DOMINF_shutdownshift;
	info->tot_pages = d->mm.tot_pages;
	info->max_pages = d->mm.max_pages;
	info->outstanding_pages = d->mm.outstanding;
	info->shared_info_frame = mfn_x(virt_to_mfn(d->shared_info));
	info->gpaddr_bits = x86.phys_bits;
	memcpy(info->handle, d->handle, sizeof(info->handle));
}

/* ---- life ---- */

/* The number asked for when it is free, else the next free one behind the last one given. */
static struct domain *create_with_number(domid_t wanted, const struct domain_config *config)
{
	static domid_t last;
	struct domain *d;

	if (wanted && wanted < DOMID_FIRST_RESERVED && !domain_find(wanted))
		return domain_create(wanted, config);
	for (unsigned int tries = 1; tries < DOMID_FIRST_RESERVED; tries++) {
		domid_t id = READ_ONCE(last) % (DOMID_FIRST_RESERVED - 1) + 1;

		WRITE_ONCE(last, id);
		if (domain_find(id))
			continue;
		d = domain_create(id, config);
		if (d || !domain_find(id))	/* somebody was quicker with this number: go on */
			return d;
	}
	return NULL;
}

static unsigned int limit_or(s32 asked, unsigned int otherwise)
{
	return asked < 0 ? otherwise : asked;
}

static long create_domain(domid_t *id, const struct xen_domctl_createdomain *op)
{
	struct domain_config config = {
		.max_vcpus = op->max_vcpus,
		.max_port = op->max_evtchn_port,
		.grant_frames = limit_or(op->max_grant_frames, DEFAULT_GRANT_FRAMES),
		.maptrack_frames = limit_or(op->max_maptrack_frames, DEFAULT_MAPTRACK_FRAMES),
		.grant_version = XEN_DOMCTL_GRANT_version(op->grant_opts),
	};
	u32 hvm = XEN_DOMCTL_CDF_hvm | XEN_DOMCTL_CDF_hap;
	struct domain *d;

	/* PVH: nested paging, a local APIC and nothing else of a machine. */
	config.hvm = (op->flags & hvm) == hvm && hvm_available();
	if (op->flags & ~(XEN_DOMCTL_CDF_xs_domain | (config.hvm ? hvm : 0)) || op->iommu_opts || op->vmtrace_size ||
	    op->arch.emulation_flags != (config.hvm ? XEN_X86_EMU_LAPIC : 0) || op->arch.misc_flags & ~XEN_X86_MSR_RELAXED ||
	    !config.grant_version || config.grant_version > grant_max_version ||
	    op->grant_opts & ~XEN_DOMCTL_GRANT_version_mask)
		return -EINVAL;
	if (!op->max_vcpus || op->max_vcpus > MAX_VCPUS || op->cpupool_id ||
	    config.grant_frames > MAX_GRANT_FRAMES || config.maptrack_frames > MAX_MAPTRACK_FRAMES)
		return -EINVAL;
	d = create_with_number(*id, &config);
	if (!d)
		return -ENOMEM;
	d->is_xenstore = op->flags & XEN_DOMCTL_CDF_xs_domain;
	memcpy(d->handle, op->handle, sizeof(d->handle));
	*id = d->id;
	return 0;
}

/* One vcpu more a round: preemptible, and called again after a failure it goes on. */
static long make_vcpus(struct domain *d, unsigned int max)
{
	unsigned int cpu = cpumask_first(&cpu_online_mask);

	if (!max || max > d->max_vcpus)
		return -EINVAL;
	for (unsigned int i = 0; i < max; i++) {
		if (d->vcpu[i])
			continue;
		for (unsigned int skip = (d->id + i) % cpumask_weight(&cpu_online_mask); skip; skip--)
			cpu = cpumask_next(&cpu_online_mask, cpu + 1);
		if (!vcpu_create(d, i, cpu))
			return -ENOMEM;
		return i + 1 < max ? -ERESTART : 0;
	}
	return 0;
}

static long pause_domain(struct domain *d)
{
	spin_lock(&d->lock);
	d->controller_pauses++;
	spin_unlock(&d->lock);
	domain_pause(d);
	return 0;
}

static long unpause_domain(struct domain *d)
{
	struct vcpu *v;
	bool was;

	spin_lock(&d->lock);
	was = d->controller_pauses && d->controller_pauses--;
	spin_unlock(&d->lock);
	if (!was)
		return -EINVAL;
	for_each_vcpu(d, v)
		time_was_stopped(v);
	domain_unpause(d);
	return 0;
}

static long resume_domain(struct domain *d)
{
	bool was;

	spin_lock(&d->lock);
	was = d->shut_down;
	if (was || !d->shutting_down) {		/* one that is on its way goes on */
		d->shut_down = d->shutting_down = false;
		d->shutdown_code = SHUTDOWN_CODE_NONE;
	}
	spin_unlock(&d->lock);
	if (was)
		domain_unpause(d);
	return 0;
}

/* ---- settings ---- */

static long set_max_mem(struct domain *d, u64 kb)
{
	u64 pages = kb >> (PAGE_SHIFT - 10);

	spin_lock(&d->mm.lock);
	d->mm.max_pages = min(pages, (u64)INT32_MAX);
	spin_unlock(&d->mm.lock);
	return 0;
}

/* What the caller may not touch itself it cannot give away. */
static long permit(struct domain *d, struct rangeset *set, bool mine, unsigned long first, unsigned long nr,
		   bool allow)
{
	unsigned long last = first + nr - 1;
	int rc;

	if (!nr || last < first)
		return -EINVAL;
	if (allow && !mine)
		return -EPERM;
	spin_lock(&d->caps_lock);
	rc = allow ? rangeset_add(set, first, last) : rangeset_remove(set, first, last);
	spin_unlock(&d->caps_lock);
	return rc;
}

static long permission(struct domain *d, const struct xen_domctl *op)
{
	const struct xen_domctl_ioport_permission *port = &op->u.ioport_permission;
	const struct xen_domctl_iomem_permission *mem = &op->u.iomem_permission;
	const struct xen_domctl_irq_permission *irq = &op->u.irq_permission;
	struct domain *self = current->domain;

	switch (op->cmd) {
	case XEN_DOMCTL_ioport_permission:
		if (port->first_port + port->nr_ports > 0x10000 || port->first_port > 0xffff)
			return -EINVAL;
		return permit(d, &d->io_ports,
			      domain_has(self, &self->io_ports, port->first_port, port->first_port + port->nr_ports - 1),
			      port->first_port, port->nr_ports, port->allow_access);
	case XEN_DOMCTL_iomem_permission:
		return permit(d, &d->io_frames,
			      domain_has(self, &self->io_frames, mem->first_mfn, mem->first_mfn + mem->nr_mfns - 1),
			      mem->first_mfn, mem->nr_mfns, mem->allow_access);
	}
	return permit(d, &d->irqs, !rights_hardware(self), irq->pirq, 1, irq->allow_access);
}

static long fill_hypercall_page(struct domain *d, u64 gfn)
{
	unsigned long frame = domain_frame(d, gfn);
	struct page_info *pg;

	if (!mfn_valid(mfn(frame)))
		return -EACCES;
	pg = mfn_to_page(mfn(frame));
	if (get_page_and_type(pg, d, PGT_WRITABLE, false))
		return -EINVAL;
	(d->is_hvm ? hvm_hypercall_page_fill : hypercall_page_fill)(page_to_virt(pg));
	put_page_and_type(pg);
	return 0;
}

static long set_time_offset(struct domain *d, s64 seconds)
{
	d->time_offset_seconds = seconds;
	time_update_wallclock(d);
	return 0;
}

/* Of Xen's triggers the one that a guest without firmware knows. */
static long send_trigger(struct domain *d, const struct xen_domctl_sendtrigger *op)
{
	struct vcpu *v = vcpu_find(d, op->vcpu);

	if (op->trigger != XEN_DOMCTL_SENDTRIGGER_NMI)
		return -EOPNOTSUPP;
	if (!v)
		return -ESRCH;
	if (!d->is_hvm && !v->pv.trap[X86_EXC_NMI].address)
		return -EINVAL;
	vcpu_send_nmi(v);
	return 0;
}

/* The guest's TSC is the machine's: nothing else is offered. */
static long tsc_info(const struct xen_domctl_tsc_info *op)
{
	return op->tsc_mode == 0 || op->tsc_mode == 2 ? 0 : -EOPNOTSUPP;
}

static long node_affinity(const struct xen_domctl_nodeaffinity *op, bool set)
{
	static const u8 only_node = 1;
	u8 first = 0;

	if (!op->nodemap.nr_bits || !set)
		return op->nodemap.nr_bits && copy_to_guest(guest_ptr(op->nodemap.bitmap.p), &only_node, 1) ? -EFAULT : 0;
	if (copy_from_guest(&first, guest_ptr(op->nodemap.bitmap.p), 1))
		return -EFAULT;
	return first & 1 ? 0 : -EINVAL;
}

/* There are no shadow tables, and nested ones come from the common heap. */
static long paging_op(struct xen_domctl *op, bool hvm)
{
	switch (op->cmd) {
	case XEN_DOMCTL_get_paging_mempool_size:
		op->u.paging_mempool.size = 0;
		return 0;
	case XEN_DOMCTL_set_paging_mempool_size:
		return op->u.paging_mempool.size && !hvm ? -EOPNOTSUPP : 0;
	}
	if (op->u.shadow_op.op != XEN_DOMCTL_SHADOW_OP_GET_ALLOCATION)
		return op->u.shadow_op.op == XEN_DOMCTL_SHADOW_OP_OFF ? 0 : -EOPNOTSUPP;
	op->u.shadow_op.mb = 0;
	return 0;
}

/* ---- dispatch ---- */

/* 0: done, the structure is copied back. -ENOSYS: not an operation that only reads. */
static long read_op(struct domain *d, struct xen_domctl *op)
{
	switch (op->cmd) {
	case XEN_DOMCTL_getdomaininfo:
		domain_get_info(d, &op->u.getdomaininfo);
		op->domain = d->id;
		return 0;
	case XEN_DOMCTL_getvcpuinfo:
		return control_vcpu_info(d, &op->u.getvcpuinfo);
	case XEN_DOMCTL_getvcpuaffinity:
		return control_affinity(d, false, &op->u.vcpuaffinity);
	case XEN_DOMCTL_get_address_size:
		op->u.address_size.size = 64;
		return 0;
	case XEN_DOMCTL_getnodeaffinity:
		return node_affinity(&op->u.nodeaffinity, false);
	case XEN_DOMCTL_gettscinfo:
		op->u.tsc_info = (struct xen_domctl_tsc_info){ .gtsc_khz = tsc_khz };
		return 0;
	case XEN_DOMCTL_get_cpu_policy:
		return control_get_cpu_policy(d->cpu_features, &op->u.cpu_policy.nr_leaves,
					      (unsigned long)op->u.cpu_policy.leaves.p, &op->u.cpu_policy.nr_msrs);
	case XEN_DOMCTL_shadow_op:
	case XEN_DOMCTL_get_paging_mempool_size:
	case XEN_DOMCTL_set_paging_mempool_size:
		return paging_op(op, d->is_hvm);
	}
	return -ENOSYS;
}

static long change_op(struct domain *d, struct xen_domctl *op)
{
	switch (op->cmd) {
	case XEN_DOMCTL_destroydomain:
		return d == current->domain ? -EINVAL : domain_kill(d);
	case XEN_DOMCTL_pausedomain:
		return d == current->domain ? -EINVAL : pause_domain(d);
	case XEN_DOMCTL_unpausedomain:
		return d == current->domain ? -EINVAL : unpause_domain(d);
	case XEN_DOMCTL_resumedomain:
		return d == current->domain ? -EINVAL : resume_domain(d);
	case XEN_DOMCTL_max_vcpus:
		return make_vcpus(d, op->u.max_vcpus.max);
	case XEN_DOMCTL_max_mem:
		return set_max_mem(d, op->u.max_mem.max_memkb);
	case XEN_DOMCTL_setvcpucontext:
		return control_set_context(d, &op->u.vcpucontext);
	case XEN_DOMCTL_sethvmcontext:
		return d->is_hvm ? hvm_set_context(d, (unsigned long)op->u.hvmcontext.buffer.p, op->u.hvmcontext.size) : -EINVAL;
	case XEN_DOMCTL_getvcpucontext:
		return control_get_context(d, &op->u.vcpucontext);
	case XEN_DOMCTL_setvcpuaffinity:
		return control_affinity(d, true, &op->u.vcpuaffinity);
	case XEN_DOMCTL_setnodeaffinity:
		return node_affinity(&op->u.nodeaffinity, true);
	case XEN_DOMCTL_scheduler_op:
		return sched_domctl(d, &op->u.scheduler_op);
	case XEN_DOMCTL_setdomainhandle:
		memcpy(d->handle, op->u.setdomainhandle.handle, sizeof(d->handle));
		return 0;
	case XEN_DOMCTL_ioport_permission:
	case XEN_DOMCTL_iomem_permission:
	case XEN_DOMCTL_irq_permission:
		return permission(d, op);
	case XEN_DOMCTL_hypercall_init:
		return fill_hypercall_page(d, op->u.hypercall_init.gmfn);
	case XEN_DOMCTL_sendtrigger:
		return d == current->domain ? -EINVAL : send_trigger(d, &op->u.sendtrigger);
	case XEN_DOMCTL_settimeoffset:
		return set_time_offset(d, op->u.settimeoffset.time_offset_seconds);
	case XEN_DOMCTL_settscinfo:
		return tsc_info(&op->u.tsc_info);
	case XEN_DOMCTL_set_address_size:
		return op->u.address_size.size == 64 ? 0 : -EINVAL;
	case XEN_DOMCTL_set_target:
		d->target_domid = op->u.set_target.target;
		return 0;
	case XEN_DOMCTL_set_cpu_policy:
		return control_set_cpu_policy(d, &op->u.cpu_policy);
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
		return create_domain(&op.domain, &op.u.createdomain) ?: copy_out(arg, &op);
	d = op.cmd == XEN_DOMCTL_getdomaininfo ? domain_next(op.domain) : domain_get(op.domain);
	if (!d)
		return -ESRCH;
	rc = read_op(d, &op);
	if (rc == -ENOSYS) {
		rc = -ERESTART;
		if (!xchg(&d->control_busy, true)) {
			rc = change_op(d, &op);
			__atomic_store_n(&d->control_busy, false, __ATOMIC_RELEASE);
		}
	}
	domain_put(d);
	if (rc == -ERESTART)
		return hypercall_continue(__HYPERVISOR_domctl, arg, 0, 0, 0, 0);
	return rc ?: copy_out(arg, &op);
}
