// SPDX-License-Identifier: GPL-2.0-only
/*
 * Privileged instructions of PV guests. The guest's kernel runs in ring 3, so they fault; what it
 * may do is done for it, the rest stays a fault. The bytes are read once; another vcpu that changes
 * them meanwhile only chooses which instruction is judged.
 */
#include "emulate.h"

#define DR6_BS		BIT(14)
#define CS_LONG		BIT(21)		/* L bit as LAR shows it */

/* The decoder knows 64-bit code only; a guest may have other code segments in its GDT. */
static bool long_mode_code(u32 cs)
{
	u32 rights;

	if (cs == SEL_GUEST_CS64)
		return true;
	if (cs & 4)
		return false;		/* LDT */
	asm goto("1: lar %1, %0; jnz %l[bad]\n" EXTABLE(1b, %l[bad])
		 : "=r" (rights) : "r" (cs) : "cc" : bad);
	return rights & CS_LONG;
bad:
	return false;
}

bool emulate_fetch(const struct cpu_regs *regs, struct insn *in)
{
	u8 bytes[15];
	unsigned int nr = sizeof(bytes);

	if (!long_mode_code(regs->cs))
		return false;
	/* The instruction may end right before a page that is not there. */
	if (copy_from_guest(bytes, guest_ptr(regs->rip), nr)) {
		nr = PAGE_SIZE - (regs->rip & ~PAGE_MASK);
		if (nr > sizeof(bytes) || copy_from_guest(bytes, guest_ptr(regs->rip), nr))
			return false;
	}
	return !insn_decode(in, bytes, nr);
}

void emulate_retire(struct cpu_regs *regs, unsigned int length)
{
	regs->rip += length;
	regs->rflags &= ~X86_EFLAGS_RF;
	if (regs->rflags & X86_EFLAGS_TF) {
		current->pv.dr[6] |= DR6_BS;
		pv_inject_trap(X86_EXC_DB, 0);
	}
}

static int set_edx_eax(struct cpu_regs *regs, u64 val)
{
	regs->rax = (u32)val;
	regs->rdx = val >> 32;
	return 0;
}

static u64 edx_eax(const struct cpu_regs *regs)
{
	return (u32)regs->rax | regs->rdx << 32;
}

static int emulate_cpuid(const struct vcpu *v, struct cpu_regs *regs)
{
	struct cpuid_leaf r = x86_cpuid_guest(v, regs->rax, regs->rcx);

	regs->rax = r.a;
	regs->rbx = r.b;
	regs->rcx = r.c;
	regs->rdx = r.d;
	return 0;
}

static int read_msr(struct vcpu *v, struct cpu_regs *regs)
{
	u64 val = 0;

	return x86_guest_rdmsr(v, regs->rcx, &val) ?: set_edx_eax(regs, val);
}

static int write_msr(struct vcpu *v, const struct cpu_regs *regs)
{
	return x86_guest_wrmsr(v, regs->rcx, edx_eax(regs));
}

static int invalidate(const struct cpu_regs *regs, const struct insn *in)
{
	unsigned long addr = insn_effective_address(in, regs, regs->rip + in->length);

	if (in->seg || !guest_addr_ok(addr, 1))
		return -EINVAL;
	tlb_flush_local_va(addr);
	return 0;
}

/* 0f 01: told apart by the modrm byte. */
static int system_group(struct vcpu *v, struct cpu_regs *regs, const struct insn *in)
{
	if (in->mem)
		return invalidate(regs, in);
	switch (in->modrm) {
	case 0xd0:				/* xgetbv */
		return x86.xsave && !(u32)regs->rcx ? set_edx_eax(regs, v->fpu.xcr0) : -EINVAL;
	case 0xd1:				/* xsetbv */
		return fpu_set_xcr0(v, regs->rcx, edx_eax(regs));
	}
	regs->rcx = v->pv.ctrl_tsc_aux;		/* rdtscp */
	return set_edx_eax(regs, rdtsc());
}

static int emulate(struct vcpu *v, struct cpu_regs *regs, const struct insn *in)
{
	switch (in->opcode) {
	case 0x6c ... 0x6f: case 0xe4 ... 0xe7: case 0xec ... 0xef:
		return emulate_io(v, regs, in);
	case 0xfa: case 0xfb:
		/* Nothing more: POPF could not be seen, so a virtual IF would be lost by it. */
		return emulate_iopl_ok(v) ? 0 : -EINVAL;
	case 0x0fa2:				/* faults only where the machine is told to */
		return emulate_cpuid(v, regs);
	}
	if (!v->pv.kernel_mode)
		return -EINVAL;
	switch (in->opcode) {
	case 0x0f01:
		return system_group(v, regs, in);
	case 0x0f06:
		return do_fpu_taskswitch(0, 0, 0, 0, 0);
	case 0x0f08: case 0x0f09:		/* invd as wbinvd: others' data is in the caches too */
		if (v->domain->is_hardware)
			wbinvd();
		return 0;
	case 0x0f20 ... 0x0f23:
		return emulate_control(v, regs, in);
	case 0x0f30:
		return write_msr(v, regs);
	case 0x0f31:				/* its kernel wants CR4.TSD for user mode, the machine applies it to both */
		return set_edx_eax(regs, rdtsc());
	case 0x0f32:
		return read_msr(v, regs);
	}
	return -EINVAL;
}

#define INSN_RDMSR	0x320f
#define INSN_WRMSR	0x300f

/* Kernels read and write a base register at every switch of processes: not by way of the decoder. */
static bool emulate_msr(struct vcpu *v, struct cpu_regs *regs)
{
	u32 bytes;

	/* Four bytes, which is one load; at the end of a page the decoder has its turn. */
	if (!v->pv.kernel_mode || regs->cs != SEL_GUEST_CS64 || regs->error_code ||
	    copy_from_guest(&bytes, guest_ptr(regs->rip), sizeof(bytes)))
		return false;
	if ((u16)bytes == INSN_RDMSR ? read_msr(v, regs) : (u16)bytes == INSN_WRMSR ? write_msr(v, regs) : -EINVAL)
		return false;
	emulate_retire(regs, 2);
	return true;
}

bool pv_emulate_privileged(struct cpu_regs *regs)
{
	struct vcpu *v = current;
	struct insn in;
	int rc;

	if (likely(emulate_msr(v, regs)))
		return true;
	if (!emulate_fetch(regs, &in))
		return false;
	rc = emulate(v, regs, &in);
	if (!rc)
		emulate_retire(regs, in.length);
	return !rc || rc == -ERESTART;
}

bool pv_emulate_invalid_op(struct cpu_regs *regs)
{
	/* ud2, "xen", cpuid: __XEN_EMULATE_PREFIX of the ABI before the one instruction it works for */
	static const u8 forced[] = { 0x0f, 0x0b, 'x', 'e', 'n', 0x0f, 0xa2 };
	const u64 xsave = BIT(26), osxsave = BIT(27);
	u8 bytes[sizeof(forced)];
	u32 leaf = regs->rax;

	if (copy_from_guest(bytes, guest_ptr(regs->rip), sizeof(bytes)) || memcmp(bytes, forced, sizeof(forced)))
		return false;
	emulate_cpuid(current, regs);
	/* Kernels use XSAVE only where OSXSAVE shows before they set it in CR4: on Xen it always did. */
	if (leaf == 1 && regs->rcx & xsave && current->pv.kernel_mode)
		regs->rcx |= osxsave;
	emulate_retire(regs, sizeof(forced));
	return true;
}
