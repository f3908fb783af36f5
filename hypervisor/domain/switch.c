// SPDX-License-Identifier: GPL-2.0-only
/*
 * The switch from one vcpu to another.
 *
 *   loaded_vcpu   the vcpu whose guest state this CPU holds: guest_regs(), FPU, segment bases,
 *                 descriptor windows, CR3. Always current, or current is the idle vcpu.
 *   v->dirty_cpu  the CPU where v is loaded, VCPU_NOT_LOADED when all of it is in memory
 *
 * Only the CPU itself loads and unloads, with interrupts off; others ask it to by an interrupt.
 * A CPU's bit in d->dirty_cpus is set before a table of d is loaded and cleared after the next
 * CR3 is (which drops all TLB entries), so that a flush misses nobody.
 */
#include <xenolith/domain.h>
#include <xenolith/entry.h>
#include <xenolith/hypercall.h>

static DEFINE_PER_CPU(struct vcpu *, loaded_vcpu);

static void unload_regs(struct vcpu *v)
{
	v->regs = *guest_regs();
	if (unlikely(v->is_hvm))
		hvm_ctxt_switch_from(v);
	else
		pv_ctxt_switch_from(v);
	fpu_save(v);
}

/* The CPU's page tables are no longer @v's; @next is loaded now, or nobody (NULL). */
static void unload_done(struct vcpu *v, const struct vcpu *next)
{
	if (!next || next->domain != v->domain)
		cpumask_clear(&v->domain->dirty_cpus, smp_cpu());
	smp_wmb();			/* pairs with context_sync(): state before the news of it */
	WRITE_ONCE(v->dirty_cpu, VCPU_NOT_LOADED);
}

bool context_drop_idle(void)
{
	struct vcpu *v = this_cpu(loaded_vcpu);

	if (!v || !current->is_idle)
		return false;
	unload_regs(v);
	tlb_load_cr3(hyp_cr3());
	this_cpu(loaded_vcpu) = NULL;
	unload_done(v, NULL);
	return true;
}

static void load(struct vcpu *v)
{
	struct vcpu *old = this_cpu(loaded_vcpu);

	if (old == v)
		return;
	if (old)
		unload_regs(old);
	cpumask_set(&v->domain->dirty_cpus, smp_cpu());
	v->dirty_cpu = smp_cpu();
	*guest_regs() = v->regs;
	fpu_restore(v);
	if (unlikely(v->is_hvm))
		hvm_ctxt_switch_to(v, old);
	else
		pv_ctxt_switch_to(v, old);
	this_cpu(loaded_vcpu) = v;
	if (old)
		unload_done(old, v);
}

static void drop_idle_of(void *v)
{
	if (this_cpu(loaded_vcpu) == v)
		context_drop_idle();
}

void context_sync(struct vcpu *v)
{
	unsigned int cpu = READ_ONCE(v->dirty_cpu);
	unsigned long flags;
	cpumask_t mask;

	if (cpu == VCPU_NOT_LOADED)
		return;
	if (cpu == smp_cpu()) {
		flags = irq_save();
		drop_idle_of(v);
		irq_restore(flags);
	} else {
		mask = cpumask_of(cpu);
		smp_call(&mask, drop_idle_of, v);
	}
}

/* ---- what the guest asked to have written at switches ---- */

static void write_runstate_area(const struct vcpu *v)
{
	struct vcpu_runstate_info rs = v->sched.runstate;
	struct vcpu_runstate_info __user *area = guest_ptr(v->runstate_area);
	bool flag = v->domain->pv.vm_assist & BIT(VMASST_TYPE_runstate_update_flag);
	u64 entered = rs.state_entry_time;

	if (flag) {			/* readers wait while the top bit is set */
		rs.state_entry_time |= XEN_RUNSTATE_UPDATE;
		if (copy_to_guest(&area->state_entry_time, &rs.state_entry_time, sizeof(entered)))
			return;
		smp_wmb();
	}
	if (copy_to_guest(area, &rs, sizeof(rs)) || !flag)
		return;
	smp_wmb();
	copy_to_guest(&area->state_entry_time, &entered, sizeof(entered));
}

/* The area is a kernel address: for a vcpu in user mode the kernel's tables are borrowed. */
static void __noreturn finish_switch(struct vcpu *v)
{
	time_update_vcpu(v);
	if (v->runstate_area) {
		bool user = !v->pv.kernel_mode;

		if (user)
			pv_toggle_mode(v);
		write_runstate_area(v);
		if (user)
			pv_toggle_mode(v);
	}
	entry_reset_stack_and_jump(v->is_hvm ? hvm_run : entry_exit_to_guest);
}

void __noreturn context_switch(struct vcpu *prev, struct vcpu *next)
{
	if (!prev->is_idle && prev->runstate_area && prev->pv.kernel_mode)
		write_runstate_area(prev);	/* other vcpus look at it to see who was preempted */
	if (next->dirty_cpu != smp_cpu())
		context_sync(next);
	irq_disable();
	cpu_info()->vcpu = next;
	if (!next->is_idle)
		load(next);
	sched_context_saved(prev);
	irq_enable();
	if (!next->is_idle)
		finish_switch(next);
	entry_reset_stack_and_jump(idle_loop);
}
