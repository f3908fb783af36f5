// SPDX-License-Identifier: GPL-2.0-only
/*
 * Life of hardware-assisted domains and vcpus, and the loop in which such a vcpu runs:
 *
 *	softirqs -> what is to be injected -> run -> why did it exit? -> ...
 *
 * The loop is left where a softirq switches to another vcpu, and begun anew when that is switched back.
 */
#include <xenolith/debug.h>
#include <xenolith/drivers.h>
#include "hvm-private.h"

const struct hvm_ops *hvm_ops __ro_after_init;

bool hvm_available(void)
{
	return hvm_ops;
}

void __init hvm_init(void)
{
	hvm_ops = &svm_ops;
	hvm_cpu_init();
	if (hvm_ops)
		printk("Hardware-assisted guests: %s%s\n", hvm_ops->name, x86.tcg ? ", kept off CPU 0 of several (QEMU)" : "");
}

/*
 * On TCG whichever processor loads x87 state (FXRSTOR, XRSTOR, FLDENV) also writes, not atomically, a word of CPU 0's: the one
 * that holds GIF and whether nested paging is on (cpu_clear_ignne() of QEMU, seen in 7.2). Where CPU 0 enters or leaves a guest
 * at that time, guest or machine end by a triple fault.
 */
cpumask_t hvm_default_cpus(void)
{
	cpumask_t cpus;

	memset(&cpus, 0xff, sizeof(cpus));
	if (x86.tcg && cpumask_weight(&cpu_online_mask) > 1)
		cpumask_clear(&cpus, 0);
	return cpus;
}

/* No domain exists yet: one CPU that cannot means no such domains. */
void hvm_cpu_init(void)
{
	if (hvm_ops && hvm_ops->cpu_init())
		hvm_ops = NULL;
}

/* ---- life ---- */

int hvm_domain_init(struct domain *d)
{
	return p2m_init(d);
}

void hvm_domain_free(struct domain *d)
{
	p2m_free(d);
}

#define PAT_DEFAULT	0x0007040600070406UL

int hvm_vcpu_init(struct vcpu *v)
{
	int rc = hvm_ops->vcpu_init(v);

	if (rc)
		return rc;
	v->pv.kernel_mode = 1;		/* no other tables to borrow where areas of the guest's are written */
	v->info->evtchn_upcall_mask = 0;
	v->hvm.pat = PAT_DEFAULT;
	vlapic_init(v);
	return 0;
}

void hvm_vcpu_destroy(struct vcpu *v)
{
	vlapic_destroy(v);
	hvm_ops->vcpu_destroy(v);
}

/* ---- the switch ---- */

void hvm_ctxt_switch_from(struct vcpu *v)
{
	fpu_note_xcr0(v);
	if (v->hvm.dr_loaded)
		hvm_ops->own_debugregs(v, false);
}

void hvm_ctxt_switch_to(struct vcpu *v, struct vcpu *prev)
{
	if (read_cr4() != x86.cr4)
		write_cr4(x86.cr4);
	tlb_load_cr3(hyp_cr3());
	if (x86.rdtscp && (!prev || prev->pv.ctrl_tsc_aux != v->pv.ctrl_tsc_aux))
		wrmsr(MSR_TSC_AUX, v->pv.ctrl_tsc_aux);
	hvm_ops->switch_to(v);
}

/* ---- events ---- */

void hvm_rouse(struct vcpu *v)
{
	if (test_bit(VF_BLOCKED, &v->sched.flags))
		vcpu_unblock(v);
	else
		vcpu_kick(v);
}

/*
 * The vector of the upcall that is due, or 0. It is level-triggered: its line is the byte in vcpu_info. The vcpu's own vector
 * may change at any time.
 */
static u8 due_upcall(const struct vcpu *v)
{
	u8 own = READ_ONCE(v->hvm.upcall_vector);

	if (!READ_ONCE(v->info->evtchn_upcall_pending) || (own && vlapic_blocks(v, own)))
		return 0;
	return own ?: v->domain->hvm.callback_vector;
}

static void offer_upcall(struct vcpu *v)
{
	u8 vector = due_upcall(v);
	bool own = vector && vector == READ_ONCE(v->hvm.upcall_vector);

	if (!vector || !hvm_ops->offer(v, vector, own))
		return;
	v->hvm.offered = vector;
	v->hvm.offered_from = own && !v->domain->hvm.port ? OFFER_UPCALL : OFFER_NO_EOI;
}

/*
 * One interrupt is offered to the guest. What the local APIC has comes first, for it ends with an EOI, which exits: then it is
 * the upcall's turn, which may end without.
 */
static void offer_interrupt(struct vcpu *v)
{
	int vector = vlapic_pending(v);

	v->hvm.offered = 0;
	if (vector < 0) {
		offer_upcall(v);
	} else if (hvm_ops->offer(v, vector, true)) {
		vlapic_withdraw(v, vector);	/* the same one, posted from here on, is another one */
		v->hvm.offered = vector;
		v->hvm.offered_from = OFFER_VLAPIC;
	}
}

static void settle_offer(struct vcpu *v, bool taken)
{
	if (!v->hvm.offered)
		return;
	if (taken && v->hvm.offered_from != OFFER_NO_EOI)
		vlapic_in_service(v, v->hvm.offered);
	else if (!taken && v->hvm.offered_from == OFFER_VLAPIC)
		vlapic_put_back(v, v->hvm.offered);
}

static void inject_nmi(struct vcpu *v)
{
	if (likely(!v->pv.nmi_pending) || v->hvm.nmi_blocked || !hvm_ops->ready(v))
		return;
	v->pv.nmi_pending = false;
	v->hvm.nmi_blocked = true;
	hvm_ops->inject(v, HVM_EVENT_NMI, X86_EXC_NMI, false, 0);
}

void hvm_halt(struct vcpu *v, bool interruptible)
{
	if (!interruptible && !v->pv.nmi_pending && !READ_ONCE(v->hvm.reset)) {
		vcpu_take_down(v);
		return;
	}
	set_bit(VF_BLOCKED, &v->sched.flags);	/* orders before the look: pairs with hvm_rouse()'s callers */
	if (due_upcall(v) || vlapic_pending(v) >= 0 || v->pv.nmi_pending || READ_ONCE(v->hvm.reset))
		clear_bit(VF_BLOCKED, &v->sched.flags);
	else
		softirq_raise(SOFTIRQ_SCHEDULE);
}

/* ---- the loop ---- */

void hvm_run(void)
{
	struct cpu_regs *regs = guest_regs();
	struct vcpu *v = current;

	for (;;) {
		u64 flushes;
		bool flush, taken;

		if (unlikely(READ_ONCE(v->hvm.reset)))
			hvm_reset(v);
		irq_disable();
		if (READ_ONCE(cpu_info()->softirq_pending) || READ_ONCE(v->hvm.reset)) {
			irq_enable();
			softirq_run();
			continue;
		}
		inject_nmi(v);
		offer_interrupt(v);
		flushes = tlb_flushes();
		WRITE_ONCE(v->hvm.in_guest, true);
		flush = xchg(&v->hvm.flush, false);	/* full barrier: pairs with flush_vcpu()'s */
		flush |= v->hvm.asid_stamp != flushes || v->hvm.asid_cpu != smp_cpu();
		v->hvm.asid_stamp = flushes;
		v->hvm.asid_cpu = smp_cpu();
		taken = hvm_ops->run(v, regs, flush);
		WRITE_ONCE(v->hvm.in_guest, false);
		settle_offer(v, taken);
		cpu_info()->count[COUNT_EXIT]++;
		hvm_ops->exit(v, regs);
	}
}

void hvm_dump_vcpu(const struct vcpu *v)
{
	hvm_ops->dump(v);
}

void hvm_dump(struct domain *d)
{
	if (!d->is_hvm)
		return;
	printk("d%u: exits\n", d->id);
	for (unsigned int i = 0; i < HVM_NR_EXITS; i++)
		if (d->hvm.exits[i])
			printk("  %s (%#x): %u\n", hvm_ops->exit_name(i), i, d->hvm.exits[i]);
}
