// SPDX-License-Identifier: GPL-2.0-only
/* sysctl: what a control domain asks of the hypervisor as a whole. */
#include <xenolith/debug.h>
#include <xenolith/domain.h>
#include <xenolith/drivers.h>
#include <xenolith/hypercall.h>
#include <xen/sysctl.h>
#include "control.h"

#define CHUNK	256

static unsigned int last_cpu(void)
{
	return cpumask_weight(&cpu_online_mask) ? nr_cpus_present - 1 : 0;
}

static long read_console(struct xen_sysctl_readconsole *op)
{
	unsigned long to = (unsigned long)op->buffer.p;
	u32 index = op->incremental ? op->index : 0, done = 0;
	char buf[CHUNK];
	size_t n;

	while (done < op->count) {
		n = console_ring_copy(&index, buf, min((u32)CHUNK, op->count - done), false);
		if (!n)
			break;
		if (copy_to_guest(guest_ptr(to + done), buf, n))
			return -EFAULT;
		done += n;
	}
	if (op->clear)
		console_ring_copy(&index, NULL, 0, true);
	op->count = done;
	op->index = index;
	return 0;
}

static long physinfo(struct xen_sysctl_physinfo *pi)
{
	memset(pi, 0, sizeof(*pi));
	pi->threads_per_core = 1;
	pi->cores_per_socket = nr_cpus_present;
	pi->nr_cpus = cpumask_weight(&cpu_online_mask);
	pi->max_cpu_id = last_cpu();
	pi->nr_nodes = 1;
	pi->cpu_khz = tsc_khz;
	pi->capabilities = XEN_SYSCTL_PHYSCAP_pv | XEN_SYSCTL_PHYSCAP_gnttab_v1;
	if (grant_max_version > 1)
		pi->capabilities |= XEN_SYSCTL_PHYSCAP_gnttab_v2;
	if (hvm_available())
		pi->capabilities |= XEN_SYSCTL_PHYSCAP_hvm | XEN_SYSCTL_PHYSCAP_hap;
	pi->total_pages = total_pages;
	pi->free_pages = mm_free_pages();
	pi->max_mfn = max_page - 1;
	pi->hw_cap[0] = cpuid(1, 0).d;
	pi->hw_cap[4] = cpuid(1, 0).c;
	return 0;
}

static long domain_infos(struct xen_sysctl_getdomaininfolist *op)
{
	unsigned long to = (unsigned long)op->buffer.p;
	struct xen_domctl_getdomaininfo info;
	unsigned int id = op->first_domain, n = 0;
	struct domain *d;

	while (n < op->max_domains && (d = domain_next(id))) {
		id = d->id + 1;
		domain_get_info(d, &info);
		domain_put(d);
		if (copy_to_guest(guest_ptr(to + n * sizeof(info)), &info, sizeof(info)))
			return -EFAULT;
		n++;
	}
	op->num_domains = n;
	return 0;
}

static long debug_keys(const struct xen_sysctl_debug_keys *op)
{
	char key;

	for (u32 i = 0; i < op->nr_keys; i++) {
		if (copy_from_guest(&key, guest_ptr((unsigned long)op->keys.p + i), 1))
			return -EFAULT;
		debug_key(key);
	}
	return 0;
}

static long cpu_infos(struct xen_sysctl_getcpuinfo *op)
{
	unsigned int n = min(op->max_cpus, last_cpu() + 1);
	struct vcpu_runstate_info rs;

	for (unsigned int cpu = 0; cpu < n; cpu++) {
		struct xen_sysctl_cpuinfo info = { };

		if (cpumask_test(&cpu_online_mask, cpu)) {
			vcpu_runstate_get(idle_domain->vcpu[cpu], &rs);
			info.idletime = rs.time[RUNSTATE_running];
		}
		if (copy_to_guest(guest_ptr((unsigned long)(op->info.p + cpu)), &info, sizeof(info)))
			return -EFAULT;
	}
	op->nr_cpus = n;
	return 0;
}

static long cpu_topology(struct xen_sysctl_cputopoinfo *op)
{
	unsigned int cpus = last_cpu() + 1;

	for (unsigned int cpu = 0; op->cputopo.p && cpu < min(op->num_cpus, cpus); cpu++) {
		struct xen_sysctl_cputopo topo = { .core = cpu };

		if (!cpumask_test(&cpu_online_mask, cpu))
			topo = (struct xen_sysctl_cputopo){ XEN_INVALID_CORE_ID,
				XEN_INVALID_SOCKET_ID, XEN_INVALID_NODE_ID };
		if (copy_to_guest(guest_ptr((unsigned long)(op->cputopo.p + cpu)), &topo, sizeof(topo)))
			return -EFAULT;
	}
	op->num_cpus = cpus;
	return 0;
}

static long numa_info(struct xen_sysctl_numainfo *op)
{
	struct xen_sysctl_meminfo mem = { (u64)max_page << PAGE_SHIFT, mm_free_pages() << PAGE_SHIFT };
	u32 distance = 10;

	if (op->num_nodes && op->meminfo.p &&
	    copy_to_guest(guest_ptr((unsigned long)op->meminfo.p), &mem, sizeof(mem)))
		return -EFAULT;
	if (op->num_nodes && op->distance.p &&
	    copy_to_guest(guest_ptr((unsigned long)op->distance.p), &distance, sizeof(distance)))
		return -EFAULT;
	op->num_nodes = 1;
	return 0;
}

static void count_domain(struct domain *d, void *n)
{
	(*(u32 *)n)++;
}

/* There is one pool, with all CPUs in it. */
static long cpupool_op(struct xen_sysctl_cpupool_op *op)
{
	unsigned int bytes = min(DIV_ROUND_UP(op->cpumap.nr_bits, 8), (u32)sizeof(cpumask_t));
	cpumask_t map = cpu_online_mask;

	switch (op->op) {
	case XEN_SYSCTL_CPUPOOL_OP_INFO:
		if (op->cpupool_id != 0 && op->cpupool_id != XEN_SYSCTL_CPUPOOL_PAR_ANY)
			return -ENOENT;
		op->cpupool_id = 0;
		op->sched_id = sched_policy->id;
		op->n_dom = 0;
		domain_list_for_each(count_domain, &op->n_dom);
		break;
	case XEN_SYSCTL_CPUPOOL_OP_FREEINFO:
		map = (cpumask_t){ };
		break;
	default:
		return -EOPNOTSUPP;
	}
	return copy_to_guest(guest_ptr((unsigned long)op->cpumap.bitmap.p), &map, bytes);
}

static long cpu_policy(struct xen_sysctl_cpu_policy *op)
{
	static const u32 all[X86_FEATURE_WORDS] = { [0 ... X86_FEATURE_WORDS - 1] = ~0U };
	bool machine = op->index == XEN_SYSCTL_cpu_policy_raw || op->index == XEN_SYSCTL_cpu_policy_host;

	if (op->index == XEN_SYSCTL_cpu_policy_hvm_max || op->index == XEN_SYSCTL_cpu_policy_hvm_default)
		return -EOPNOTSUPP;
	if (op->index > XEN_SYSCTL_cpu_policy_hvm_default || op->_rsvd)
		return -EINVAL;
	return control_get_cpu_policy(machine ? all : x86_pv_features, &op->nr_leaves,
				      (unsigned long)op->leaves.p, &op->nr_msrs);
}

/* The whole scheduler has one parameter in the ABI, and it is not adjustable here. */
static long scheduler_op(struct xen_sysctl_scheduler_op *op)
{
	if (op->cpupool_id || op->sched_id != sched_policy->id)
		return -EINVAL;
	if (op->cmd != XEN_SYSCTL_SCHEDOP_getinfo)
		return -EOPNOTSUPP;
	op->u.sched_credit2.ratelimit_us = 1000;
	return 0;
}

/* One value each, of all CPUs together. */
static long counters(struct xen_sysctl_perfc_op *op)
{
	static const char *const name[NR_COUNTS] = {
		"hypercalls", "CR3 loads", "TLB flushes", "TLB page flushes", "remote TLB flushes", "grant operations", "events sent",
		"exits",
	};

	if (op->cmd != XEN_SYSCTL_PERFCOP_query)
		return -EOPNOTSUPP;
	for (unsigned int i = 0, cpu; i < NR_COUNTS; i++) {
		struct xen_sysctl_perfc_desc desc = { .nr_vals = 1 };
		u32 value = 0;

		strlcpy_(desc.name, name[i], sizeof(desc.name));
		for_each_cpu(cpu, &cpu_online_mask)
			value += ((struct cpu_info *)entry_cpu_stack_top(cpu))[-1].count[i];
		if ((op->desc.p && copy_to_guest(guest_ptr((unsigned long)(op->desc.p + i)), &desc, sizeof(desc))) ||
		    (op->val.p && copy_to_guest(guest_ptr((unsigned long)(op->val.p + i)), &value, sizeof(value))))
			return -EFAULT;
	}
	op->nr_counters = op->nr_vals = NR_COUNTS;
	return 0;
}

static long sysctl(struct xen_sysctl *op)
{
	switch (op->cmd) {
	case XEN_SYSCTL_readconsole:
		return read_console(&op->u.readconsole);
	case XEN_SYSCTL_physinfo:
		return physinfo(&op->u.physinfo);
	case XEN_SYSCTL_sched_id:
		op->u.sched_id.sched_id = sched_policy->id;
		return 0;
	case XEN_SYSCTL_perfc_op:
		return counters(&op->u.perfc_op);
	case XEN_SYSCTL_getdomaininfolist:
		return domain_infos(&op->u.getdomaininfolist);
	case XEN_SYSCTL_debug_keys:
		return debug_keys(&op->u.debug_keys);
	case XEN_SYSCTL_getcpuinfo:
		return cpu_infos(&op->u.getcpuinfo);
	case XEN_SYSCTL_availheap:
		op->u.availheap.avail_bytes = mm_free_pages() << PAGE_SHIFT;
		return 0;
	case XEN_SYSCTL_cputopoinfo:
		return cpu_topology(&op->u.cputopoinfo);
	case XEN_SYSCTL_numainfo:
		return numa_info(&op->u.numainfo);
	case XEN_SYSCTL_get_cpu_levelling_caps:
		op->u.cpu_levelling_caps.caps = 0;
		return 0;
	case XEN_SYSCTL_get_cpu_featureset:
		return control_get_featureset(op->u.cpu_featureset.index, &op->u.cpu_featureset.nr_features,
					      (unsigned long)op->u.cpu_featureset.features.p);
	case XEN_SYSCTL_get_cpu_policy:
		return cpu_policy(&op->u.cpu_policy);
	case XEN_SYSCTL_scheduler_op:
		return scheduler_op(&op->u.scheduler_op);
	case XEN_SYSCTL_cpupool_op:
		return cpupool_op(&op->u.cpupool_op);
	}
	return -ENOSYS;
}

long do_sysctl(unsigned long arg, unsigned long a2, unsigned long a3, unsigned long a4,
	       unsigned long a5)
{
	struct xen_sysctl op;

	if (rights_control(current->domain))
		return -EPERM;
	if (copy_in(&op, arg))
		return -EFAULT;
	if (op.interface_version != XEN_SYSCTL_INTERFACE_VERSION)
		return -EACCES;
	return sysctl(&op) ?: copy_out(arg, &op);
}
