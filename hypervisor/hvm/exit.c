// SPDX-License-Identifier: GPL-2.0-only
/* What guests do that makes them exit, on whatever processor: CPUID, MSRs, ports, hypercalls, holes in memory. */
#include <xenolith/debug.h>
#include <xenolith/drivers.h>
#include "hvm-private.h"
#include <xen/arch-x86/cpufeatureset.h>

#define MSR_TSC_DEADLINE	0x6e0
#define APIC_BASE_X2APIC	BIT(10)
#define EFER_MAY		(EFER_SCE | EFER_LME | EFER_LMA | EFER_NXE)
#define F(name)			(1u << XEN_X86_FEATURE_##name % 32)

void hvm_inject_gp(struct vcpu *v)
{
	hvm_ops->inject(v, HVM_EVENT_EXCEPTION, X86_EXC_GP, true, 0);
}

void hvm_inject_ud(struct vcpu *v)
{
	hvm_ops->inject(v, HVM_EVENT_EXCEPTION, X86_EXC_UD, false, 0);
}

void hvm_cpuid(struct vcpu *v, struct cpu_regs *regs)
{
	u32 leaf = regs->rax;
	struct cpuid_leaf r;
	struct hvm_mode m;

	if (leaf == 0xd)
		fpu_note_xcr0(v);
	r = x86_cpuid_guest(v, leaf, regs->rcx);
	if (leaf == 1) {		/* what is ours, not the machine's */
		hvm_ops->mode(v, &m);
		r.c |= F(X2APIC) | F(TSC_DEADLINE) | (x86.xsave && m.cr4 & X86_CR4_OSXSAVE ? F(OSXSAVE) : 0);
	}
	regs->rax = r.a;
	regs->rbx = r.b;
	regs->rcx = r.c;
	regs->rdx = r.d;
}

/* ---- MSRs ---- */

static bool pat_legal(u64 pat)
{
	for (unsigned int i = 0; i < 64; i += 8)
		if ((pat >> i & 0xff) > 7 || (pat >> i & 6) == 2)
			return false;
	return true;
}

/* LMA follows LME and paging, by the processor. */
static bool set_efer(struct vcpu *v, u64 val)
{
	struct hvm_mode m;

	hvm_ops->mode(v, &m);
	if (val & ~EFER_MAY || (m.cr0 & X86_CR0_PG && (val ^ m.efer) & EFER_LME))
		return false;
	hvm_ops->set_efer(v, (val & ~EFER_LMA) | (m.efer & EFER_LMA));
	return true;
}

static bool write_msr(struct vcpu *v, u32 msr, u64 val)
{
	if (msr >> 8 == VLAPIC_MSR >> 8)
		return vlapic_write(v, msr - VLAPIC_MSR, val);
	switch (msr) {
	case MSR_EFER:
		return set_efer(v, val);
	case MSR_PAT:
		if (!pat_legal(val))
			return false;
		v->hvm.pat = val;
		return true;
	case MSR_TSC_DEADLINE:
		return vlapic_set_deadline(v, val);
	}
	return !x86_guest_wrmsr(v, msr, val);
}

static bool read_msr(struct vcpu *v, u32 msr, u64 *val)
{
	struct hvm_mode m;

	if (msr >> 8 == VLAPIC_MSR >> 8)
		return vlapic_read(v, msr - VLAPIC_MSR, val);
	switch (msr) {
	case MSR_EFER:
		hvm_ops->mode(v, &m);
		*val = m.efer;
		return true;
	case MSR_PAT:
		*val = v->hvm.pat;
		return true;
	case MSR_TSC_DEADLINE:
		*val = v->hvm.apic.tsc_deadline;
		return true;
	}
	if (x86_guest_rdmsr(v, msr, val))
		return false;
	if (msr == MSR_APIC_BASE)
		*val |= APIC_BASE_X2APIC;
	return true;
}

bool hvm_msr(struct vcpu *v, struct cpu_regs *regs, bool write)
{
	u64 val = (u32)regs->rax | regs->rdx << 32;

	if (write)
		return write_msr(v, regs->rcx, val);
	if (!read_msr(v, regs->rcx, &val))
		return false;
	regs->rax = (u32)val;
	regs->rdx = val >> 32;
	return true;
}

bool hvm_xsetbv(struct vcpu *v, struct cpu_regs *regs)
{
	struct hvm_mode m;

	hvm_ops->mode(v, &m);
	return !m.cpl && !fpu_set_xcr0(v, regs->rcx, (u32)regs->rax | regs->rdx << 32);
}

/* ---- ports and memory where nothing is ---- */

/*
 * COM1 sends and is always ready to: an early console for kernels that do not know where they are. Its output
 * goes where that of console_io goes. Nothing else of it is there, so drivers do not find it. The counters of
 * the PIT and the registers of the CMOS clock are 0, which ends a kernel's search for them at once.
 *
 * The ACPI timer is the clock of a kernel that does not know where it is and does not trust the TSC (ACPI 6, 4.8.2.1).
 */
#define COM1		0x3f8
#define COM1_STATUS	(COM1 + 5)
#define COM1_EMPTY	0x60
#define PIT_FIRST	0x40
#define PIT_LAST	0x43
#define CMOS_INDEX	0x70
#define CMOS_DATA	0x71
#define ACPI_TIMER	0xb008		/* told by the toolstack's FADT */
#define ACPI_TIMER_HZ	3579545UL
#define NS_PER_SEC	1000000000UL

static u32 acpi_timer(void)
{
	u64 ns = now_ns();

	return ns / NS_PER_SEC * ACPI_TIMER_HZ + ns % NS_PER_SEC * ACPI_TIMER_HZ / NS_PER_SEC;
}

static u32 read_port(u16 port)
{
	switch (port) {
	case PIT_FIRST ... PIT_LAST:
	case CMOS_INDEX ... CMOS_DATA:
		return 0;
	case COM1_STATUS:
		return COM1_EMPTY;
	case ACPI_TIMER:
		return acpi_timer();
	}
	return ~0u;
}

void hvm_io(struct vcpu *v, struct cpu_regs *regs, u16 port, bool in, unsigned int bytes)
{
	u64 mask = BIT(8 * bytes) - 1;
	char c = regs->rax;

	if (in)
		regs->rax = (bytes == 4 ? 0 : regs->rax & ~mask) | (read_port(port) & mask);
	else if (port == COM1)
		console_guest_write(v->domain, &c, 1);
}

void hvm_nested_fault(struct vcpu *v, u64 gpa, bool write)
{
	domain_crash(v->domain, "%s address %#lx, where it has no memory", write ? "writes to" : "reads from", gpa);
}

/* ---- hypercalls ---- */

const hypercall_fn hvm_hypercall_table[NR_HYPERCALLS] = {
	[__HYPERVISOR_sched_op_compat]		= do_sched_op_compat,
	[__HYPERVISOR_memory_op]		= do_memory_op,
	[__HYPERVISOR_multicall]		= do_multicall,
	[__HYPERVISOR_set_timer_op]		= do_set_timer_op,
	[__HYPERVISOR_xen_version]		= do_xen_version,
	[__HYPERVISOR_console_io]		= do_console_io,
	[__HYPERVISOR_grant_table_op]		= do_grant_table_op,
	[__HYPERVISOR_vm_assist]		= do_vm_assist,
	[__HYPERVISOR_vcpu_op]			= do_vcpu_op,
	[__HYPERVISOR_sched_op]			= do_sched_op,
	[__HYPERVISOR_event_channel_op]		= do_event_channel_op,
	[__HYPERVISOR_hvm_op]			= do_hvm_op,
	[__HYPERVISOR_sysctl]			= do_sysctl,
	[__HYPERVISOR_domctl]			= do_domctl,
};

/* Structures are those of 64-bit guests: calls from other modes are not answered. */
void hvm_hypercall(struct vcpu *v, struct cpu_regs *regs)
{
	hypercall_fn fn = regs->rax < NR_HYPERCALLS ? hvm_hypercall_table[regs->rax] : NULL;
	struct hvm_mode m;

	hvm_ops->mode(v, &m);
	cpu_info()->count[COUNT_HYPERCALL]++;
	if (m.cpl)
		regs->rax = -EPERM;
	else if (!m.cs_long || !fn)
		regs->rax = -ENOSYS;
	else
		regs->rax = fn(regs->rdi, regs->rsi, regs->rdx, regs->r10, regs->r8);
}

/* One slot of 32 bytes a number: mov $number, %eax; vmmcall; ret. There is no iret here. */
void hvm_hypercall_page_fill(void *page)
{
	static const u8 call[] = { 0xb8, 0, 0, 0, 0, 0x0f, 0x01, 0xd9, 0xc3 }, none[] = { 0x0f, 0x0b };

	memset(page, 0xcc, PAGE_SIZE);
	for (unsigned int nr = 0; nr < PAGE_SIZE / 32; nr++) {
		u8 *slot = (u8 *)page + nr * 32;

		memcpy(slot, call, sizeof(call));
		slot[1] = nr;
		if (nr == __HYPERVISOR_iret)
			memcpy(slot, none, sizeof(none));
	}
}
