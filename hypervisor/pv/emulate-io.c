// SPDX-License-Identifier: GPL-2.0-only
/*
 * Port I/O of PV guests. Two questions, in this order: may this mode of the guest do I/O at all
 * (virtual IOPL, or its bitmap; else #GP), and is the port the domain's? What it does not own
 * reads as all ones and swallows writes, like a bus without the device: kernels probe.
 */
#include <xenolith/drivers.h>
#include "emulate.h"

#define STRING_CHUNK	64	/* repetitions before interrupts and the scheduler get their turn */

bool emulate_iopl_ok(const struct vcpu *v)
{
	unsigned int need = 3;

	if (v->pv.kernel_mode)
		need = v->domain->pv.vm_assist & BIT(VMASST_TYPE_architectural_iopl) ? 0 : 1;
	return v->pv.guest_iopl >> 12 >= need;
}

/* PHYSDEVOP_set_iobitmap: a clear bit allows. It lies in kernel memory: its tables are borrowed. */
static bool bitmap_allows(struct vcpu *v, unsigned int port, unsigned int bytes)
{
	bool user = !v->pv.kernel_mode, ok = false;
	u8 map[2] = { 0xff, 0xff };

	if (!v->pv.io_bitmap || port + bytes > v->pv.io_bitmap_ports)
		return false;
	if (user)
		pv_toggle_mode(v);
	if (!copy_from_guest(map, guest_ptr(v->pv.io_bitmap + port / 8), port % 8 + bytes > 8 ? 2 : 1))
		ok = !((map[0] | map[1] << 8) >> port % 8 & ((1u << bytes) - 1));
	if (user)
		pv_toggle_mode(v);
	return ok;
}

/* Configuration cycles are two accesses that the hypervisor makes too. */
static bool pci_config_port(unsigned int port, unsigned int bytes)
{
	return port >= 0xcf8 && port + bytes <= 0xd00;
}

static u32 port_read(struct domain *d, unsigned int port, unsigned int bytes)
{
	if (!domain_has(d, &d->io_ports, port, port + bytes - 1))
		return ~0u;
	if (pci_config_port(port, bytes))
		return pci_cf8_guest_read(d, port, bytes);
	return io_read(port, bytes);
}

static void port_write(struct domain *d, unsigned int port, unsigned int bytes, u32 val)
{
	if (!domain_has(d, &d->io_ports, port, port + bytes - 1))
		return;
	if (pci_config_port(port, bytes))
		pci_cf8_guest_write(d, port, bytes, val);
	else
		io_write(port, bytes, val);
}

/* ---- ins, outs ---- */

static u64 masked(u64 v, const struct insn *in)
{
	return in->adsize == 4 ? (u32)v : v;
}

static u32 access(const struct vcpu *v, bool write)
{
	return (write ? PFEC_WRITE : 0) | (v->pv.kernel_mode ? 0 : PFEC_USER);
}

/* Checked before the device is touched: what was read from it could not be put back. */
static bool memory_ok(const struct vcpu *v, unsigned long addr, unsigned int bytes, bool write)
{
	u64 cr3 = v->pv.kernel_mode ? v->pv.kernel_cr3 : v->pv.user_cr3;

	for (unsigned long a = addr; a - addr < bytes; a = (a | ~PAGE_MASK) + 1) {
		pte_t leaf = 0;
		bool there = guest_addr_ok(a, 1) && pt_walk(cr3, a, &leaf);

		if (there && (!write || leaf & PTE_RW))
			continue;
		pv_inject_page_fault((there ? PFEC_PRESENT : 0) | access(v, write), a);
		return false;
	}
	return true;
}

static bool move_element(struct vcpu *v, const struct insn *in, unsigned int port, unsigned long addr, bool ins)
{
	u32 val = 0;

	if (!memory_ok(v, addr, in->opsize, ins))
		return false;
	if (ins) {
		val = port_read(v->domain, port, in->opsize);
		if (!copy_to_guest(guest_ptr(addr), &val, in->opsize))
			return true;
	} else if (!copy_from_guest(&val, guest_ptr(addr), in->opsize)) {
		port_write(v->domain, port, in->opsize, val);
		return true;
	}
	pv_inject_page_fault(access(v, ins), addr);
	return false;
}

static u64 segment_base(const struct insn *in, bool ins)
{
	if (ins)
		return 0;		/* always ES */
	return in->seg == 0x64 ? rdmsr(MSR_FS_BASE) : in->seg == 0x65 ? rdmsr(MSR_GS_BASE) : 0;
}

static int string_io(struct vcpu *v, struct cpu_regs *regs, const struct insn *in, unsigned int port)
{
	bool ins = in->opcode < 0x6e;
	u64 *pointer = ins ? &regs->rdi : &regs->rsi, base = segment_base(in, ins);
	u64 step = regs->rflags & X86_EFLAGS_DF ? -(u64)in->opsize : in->opsize;

	for (unsigned int i = 0; i < STRING_CHUNK; i++) {
		unsigned long addr = base + masked(*pointer, in);

		if (in->rep && !masked(regs->rcx, in))
			return 0;
		if (!canonical(addr) || !canonical(addr + in->opsize - 1))
			return -EINVAL;
		if (!move_element(v, in, port, addr, ins))
			return -ERESTART;
		*pointer = masked(*pointer + step, in);
		if (!in->rep)
			return 0;
		regs->rcx = masked(regs->rcx - 1, in);
	}
	return masked(regs->rcx, in) ? -ERESTART : 0;
}

int emulate_io(struct vcpu *v, struct cpu_regs *regs, const struct insn *in)
{
	bool by_imm = in->opcode >= 0xe4 && in->opcode <= 0xe7;
	unsigned int port = by_imm ? in->imm : (u16)regs->rdx;

	if (!emulate_iopl_ok(v) && !bitmap_allows(v, port, in->opsize))
		return -EINVAL;
	if (in->opcode < 0x70)
		return string_io(v, regs, in, port);
	if (in->opcode & 2)
		port_write(v->domain, port, in->opsize, regs->rax);
	else
		emulate_set(&regs->rax, port_read(v->domain, port, in->opsize), in->opsize);
	return 0;
}
