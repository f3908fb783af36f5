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
		printk("Hardware-assisted guests: %s\n", hvm_ops->name);
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

/* The upcall is level-triggered: its line is the byte in vcpu_info. */
static bool upcall_pending(const struct vcpu *v)
{
	return READ_ONCE(v->info->evtchn_upcall_pending) &&
	       (v->hvm.upcall_vector ? !vlapic_blocks(v, v->hvm.upcall_vector) : v->domain->hvm.callback_vector);
}

static void inject_upcall(struct vcpu *v)
{
	u8 own = v->hvm.upcall_vector;

	if (own && !v->domain->hvm.port)	/* ends with an EOI; the domain's callback vector does not */
		vlapic_in_service(v, own);
	hvm_ops->inject(v, HVM_EVENT_INTR, own ?: v->domain->hvm.callback_vector, false, 0);
}

/* Only one fits; what comes after it opens a window (ready()). */
static void inject_events(struct vcpu *v)
{
	int vector;

	if (unlikely(v->pv.nmi_pending) && !v->hvm.nmi_blocked && hvm_ops->ready(v, HVM_EVENT_NMI)) {
		v->pv.nmi_pending = false;
		v->hvm.nmi_blocked = true;
		hvm_ops->inject(v, HVM_EVENT_NMI, X86_EXC_NMI, false, 0);
	}
	if (upcall_pending(v) && hvm_ops->ready(v, HVM_EVENT_INTR))
		inject_upcall(v);
	vector = vlapic_pending(v);
	if (vector >= 0 && hvm_ops->ready(v, HVM_EVENT_INTR)) {
		vlapic_accept(v, vector);
		hvm_ops->inject(v, HVM_EVENT_INTR, vector, false, 0);
	}
}

/* HLT: until there is an interrupt; one that the guest has masked will not end it, as on the machine. */
void hvm_halt(struct vcpu *v)
{
	set_bit(VF_BLOCKED, &v->sched.flags);	/* orders before the look: pairs with hvm_rouse()'s callers */
	if (upcall_pending(v) || vlapic_pending(v) >= 0 || v->pv.nmi_pending)
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
		bool flush;

		if (unlikely(READ_ONCE(v->hvm.reset)))
			hvm_reset(v);
		irq_disable();
		if (READ_ONCE(cpu_info()->softirq_pending) || READ_ONCE(v->hvm.reset)) {
			irq_enable();
			softirq_run();
			continue;
		}
		inject_events(v);
		flushes = tlb_flushes();
		WRITE_ONCE(v->hvm.in_guest, true);
		flush = xchg(&v->hvm.flush, false);	/* full barrier: pairs with flush_vcpu()'s */
		flush |= v->hvm.asid_stamp != flushes || v->hvm.asid_cpu != smp_cpu();
		v->hvm.asid_stamp = flushes;
		v->hvm.asid_cpu = smp_cpu();
		hvm_ops->run(v, regs, flush);
		WRITE_ONCE(v->hvm.in_guest, false);
		cpu_info()->count[COUNT_EXIT]++;
		hvm_ops->exit(v, regs);
	}
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
