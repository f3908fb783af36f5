// SPDX-License-Identifier: GPL-2.0-only
/* vcpu_op: a guest brings its own vcpus up and down, sets their timers, says where areas lie. */
#include <xenolith/domain.h>
#include <xenolith/hypercall.h>

#define MIN_PERIOD_NS	1000000ULL
#define MAX_PERIOD_NS	(~0ULL >> 9)		/* no overflow in sums of system times: 208 days */

static long initialise(struct vcpu *v, unsigned long arg)
{
	struct vcpu_guest_context *ctxt = new(struct vcpu_guest_context);
	struct domain *d = v->domain;
	long rc;

	if (!ctxt)
		return -ENOMEM;
	rc = copy_from_guest(ctxt, guest_ptr(arg), sizeof(*ctxt));
	if (!rc) {
		spin_lock(&d->lock);
		rc = v->initialised ? -EEXIST : pv_vcpu_set_context(v, ctxt);
		if (!rc)
			v->initialised = true;
		spin_unlock(&d->lock);
	}
	lib_free(ctxt);
	if (rc == -ERESTART)
		return hypercall_continue(__HYPERVISOR_vcpu_op, VCPUOP_initialise, v->id, arg, 0, 0);
	return rc;
}

static long bring_up(struct vcpu *v)
{
	if (!v->initialised)
		return -EINVAL;
	if (test_and_clear_bit(VF_DOWN, &v->sched.flags))
		vcpu_wake(v);
	return 0;
}

/* Two that go at once: each says so before it looks for others, so one of them finds none. */
void vcpu_take_down(struct vcpu *v)
{
	struct domain *d = v->domain;
	struct vcpu *other;

	if (test_and_set_bit(VF_DOWN, &v->sched.flags))
		return;
	for_each_vcpu(d, other) {
		if (!test_bit(VF_DOWN, &other->sched.flags)) {
			vcpu_sleep_nosync(v);
			return;
		}
	}
	clear_bit(VF_DOWN, &v->sched.flags);		/* it was the last one: if the domain is resumed, it goes on */
	domain_shutdown(d, SHUTDOWN_poweroff);
}

static long get_runstate(const struct vcpu *v, unsigned long addr)
{
	struct vcpu_runstate_info rs;

	vcpu_runstate_get(v, &rs);
	return copy_out(addr, &rs);
}

static long register_runstate(struct vcpu *v, unsigned long arg)
{
	struct vcpu_register_runstate_memory_area area;

	if (copy_in(&area, arg) || !guest_addr_ok(area.addr.p, sizeof(struct vcpu_runstate_info)))
		return -EFAULT;
	v->runstate_area = area.addr.p;
	if (area.addr.p)
		get_runstate(v, area.addr.p);	/* unmapped now: maybe mapped at the next switch */
	return 0;
}

static long register_time(struct vcpu *v, unsigned long arg)
{
	struct vcpu_register_time_memory_area area;

	if (copy_in(&area, arg) || !guest_addr_ok(area.addr.p, sizeof(struct vcpu_time_info)))
		return -EFAULT;
	v->time_area = area.addr.p;
	v->time_version = 0;			/* write it anew */
	if (v == current)
		time_update_vcpu(v);
	return 0;
}

static long set_periodic(struct vcpu *v, unsigned long arg)
{
	struct vcpu_set_periodic_timer set;

	if (copy_in(&set, arg))
		return -EFAULT;
	if (set.period_ns < MIN_PERIOD_NS || set.period_ns > MAX_PERIOD_NS)
		return -EINVAL;
	v->sched.periodic_period = set.period_ns;
	timer_set(&v->sched.periodic, now_ns() + set.period_ns);
	return 0;
}

static long stop_periodic(struct vcpu *v)
{
	v->sched.periodic_period = 0;
	timer_stop(&v->sched.periodic);
	return 0;
}

static long set_singleshot(struct vcpu *v, unsigned long arg)
{
	struct vcpu_set_singleshot_timer set;

	if (v != current)
		return -EINVAL;
	if (copy_in(&set, arg))
		return -EFAULT;
	if ((set.flags & VCPU_SSHOTTMR_future) && (s64)set.timeout_abs_ns < now_ns())
		return -ETIME;
	timer_set(&v->sched.singleshot, set.timeout_abs_ns);
	return 0;
}

static long stop_singleshot(struct vcpu *v)
{
	if (v != current)
		return -EINVAL;
	timer_stop(&v->sched.singleshot);
	return 0;
}

static long register_info(struct vcpu *v, unsigned long arg)
{
	struct vcpu_register_vcpu_info info;
	long rc;

	if (copy_in(&info, arg))
		return -EFAULT;
	spin_lock(&v->domain->lock);
	rc = vcpu_map_info(v, info.mfn, info.offset);
	spin_unlock(&v->domain->lock);
	return rc;
}

void vcpu_send_nmi(struct vcpu *v)
{
	if (!xchg(&v->pv.nmi_pending, true)) {
		vcpu_unblock(v);
		vcpu_kick(v);
	}
}

static long send_nmi(struct vcpu *v, unsigned long arg)
{
	if (!arg)
		vcpu_send_nmi(v);
	return arg ? -EINVAL : 0;
}

/* Only a vcpu that never moves has a physical CPU worth telling. */
static long get_physid(const struct vcpu *v, unsigned long arg)
{
	unsigned int cpu = cpumask_first(&v->sched.hard_affinity);
	struct vcpu_get_physid id;

	if (!v->domain->is_hardware || cpumask_weight(&v->sched.hard_affinity) != 1)
		return -EINVAL;
	id.phys_id = cpu_apic_id[cpu] | (u64)cpu_acpi_id[cpu] << 32;
	return copy_out(arg, &id);
}

long do_vcpu_op(unsigned long cmd, unsigned long vcpuid, unsigned long arg, unsigned long a4,
		unsigned long a5)
{
	struct vcpu *v = vcpu_find(current->domain, (u32)vcpuid);

	if (!v)
		return -ENOENT;
	switch ((u32)cmd) {
	case VCPUOP_initialise:				return v->is_hvm ? hvm_initialise(v, arg) : initialise(v, arg);
	case VCPUOP_up:					return bring_up(v);
	case VCPUOP_down:				vcpu_take_down(v); return 0;
	case VCPUOP_is_up:				return !test_bit(VF_DOWN, &v->sched.flags);
	case VCPUOP_get_runstate_info:			return get_runstate(v, arg);
	case VCPUOP_register_runstate_memory_area:	return register_runstate(v, arg);
	case VCPUOP_set_periodic_timer:			return set_periodic(v, arg);
	case VCPUOP_stop_periodic_timer:		return stop_periodic(v);
	case VCPUOP_set_singleshot_timer:		return set_singleshot(v, arg);
	case VCPUOP_stop_singleshot_timer:		return stop_singleshot(v);
	case VCPUOP_register_vcpu_info:			return register_info(v, arg);
	case VCPUOP_send_nmi:				return send_nmi(v, arg);
	case VCPUOP_get_physid:				return get_physid(v, arg);
	case VCPUOP_register_vcpu_time_memory_area:	return register_time(v, arg);
	}
	return -ENOSYS;
}
