// SPDX-License-Identifier: GPL-2.0-only
/*
 * Where a vcpu begins: as the toolstack says (records of hvmcontext), as its own kernel says
 * (VCPUOP_initialise), or in real mode by a start-up IPI. All three come to the same record.
 */
#include "hvm-private.h"
#include <xen/hvm/hvm_vcpu.h>

#define MAX_CONTEXT	KB(64)
#define CPU_RECORD	HVM_SAVE_CODE(CPU)
#define END_RECORD	HVM_SAVE_CODE(END)

/* Segment attributes: "_ar" of <xen/hvm/hvm_vcpu.h>. */
#define AR_CODE64	0xa9b
#define AR_CODE16	0x09b
#define AR_DATA32	0xc93
#define AR_DATA16	0x093
#define AR_TSS		0x08b
#define AR_LDT		0x082
#define AR_VALID	0xfff

static void set_general(struct cpu_regs *r, const struct hvm_hw_cpu *c)
{
	*r = (struct cpu_regs){
		.rax = c->rax, .rbx = c->rbx, .rcx = c->rcx, .rdx = c->rdx, .rsi = c->rsi, .rdi = c->rdi,
		.rbp = c->rbp, .rsp = c->rsp, .r8 = c->r8, .r9 = c->r9, .r10 = c->r10, .r11 = c->r11,
		.r12 = c->r12, .r13 = c->r13, .r14 = c->r14, .r15 = c->r15, .rip = c->rip,
		.rflags = c->rflags | X86_EFLAGS_MBS, .cs = c->cs_sel, .ss = c->ss_sel,
	};
}

/* @v is not running, or current. What the processor does not like of it ends the domain when it runs. */
static void set_cpu(struct vcpu *v, const struct hvm_hw_cpu *c)
{
	set_general(v == current ? guest_regs() : &v->regs, c);
	v->hvm.dr[0] = c->dr0;
	v->hvm.dr[1] = c->dr1;
	v->hvm.dr[2] = c->dr2;
	v->hvm.dr[3] = c->dr3;
	v->hvm.nmi_blocked = false;
	v->pv.ctrl_tsc_aux = c->msr_tsc_aux;
	hvm_ops->set_cpu(v, c);
	v->initialised = true;
}

/* ---- start-up IPI ---- */

void hvm_reset(struct vcpu *v)
{
	struct hvm_hw_cpu c = {
		.msr_tsc_aux = v->pv.ctrl_tsc_aux, .rdx = 0x600, .cr0 = X86_CR0_ET, .dr6 = 0xffff0ff0, .dr7 = 0x400,
		.cs_sel = v->hvm.start_page << 8, .cs_base = (u64)v->hvm.start_page << 12,
		.cs_limit = 0xffff, .ds_limit = 0xffff, .es_limit = 0xffff, .fs_limit = 0xffff, .gs_limit = 0xffff,
		.ss_limit = 0xffff, .tr_limit = 0xffff, .ldtr_limit = 0xffff, .idtr_limit = 0xffff, .gdtr_limit = 0xffff,
		.cs_arbytes = AR_CODE16, .ds_arbytes = AR_DATA16, .es_arbytes = AR_DATA16, .fs_arbytes = AR_DATA16,
		.gs_arbytes = AR_DATA16, .ss_arbytes = AR_DATA16, .tr_arbytes = AR_TSS, .ldtr_arbytes = AR_LDT,
	};

	WRITE_ONCE(v->hvm.reset, false);	/* first: the next one may come at once */
	vlapic_reset(v);
	set_cpu(v, &c);
}

/* ---- VCPUOP_initialise ---- */

static void from_64(struct hvm_hw_cpu *c, const struct vcpu_hvm_x86_64 *r)
{
	*c = (struct hvm_hw_cpu){
		.rax = r->rax, .rbx = r->rbx, .rcx = r->rcx, .rdx = r->rdx, .rsi = r->rsi, .rdi = r->rdi,
		.rbp = r->rbp, .rsp = r->rsp, .rip = r->rip, .rflags = r->rflags, .cr0 = r->cr0, .cr3 = r->cr3,
		.cr4 = r->cr4, .msr_efer = r->efer, .cs_arbytes = AR_CODE64, .ds_arbytes = AR_DATA32,
		.es_arbytes = AR_DATA32, .ss_arbytes = AR_DATA32, .tr_arbytes = AR_TSS,
		.cs_limit = ~0u, .ds_limit = ~0u, .es_limit = ~0u, .ss_limit = ~0u, .tr_limit = 0x67,
	};
}

static void from_32(struct hvm_hw_cpu *c, const struct vcpu_hvm_x86_32 *r)
{
	*c = (struct hvm_hw_cpu){
		.rax = r->eax, .rbx = r->ebx, .rcx = r->ecx, .rdx = r->edx, .rsi = r->esi, .rdi = r->edi,
		.rbp = r->ebp, .rsp = r->esp, .rip = r->eip, .rflags = r->eflags, .cr0 = r->cr0, .cr3 = r->cr3,
		.cr4 = r->cr4, .msr_efer = r->efer,
		.cs_base = r->cs_base, .ds_base = r->ds_base, .ss_base = r->ss_base, .es_base = r->es_base,
		.tr_base = r->tr_base, .cs_limit = r->cs_limit, .ds_limit = r->ds_limit, .ss_limit = r->ss_limit,
		.es_limit = r->es_limit, .tr_limit = r->tr_limit, .cs_arbytes = r->cs_ar, .ds_arbytes = r->ds_ar,
		.ss_arbytes = r->ss_ar, .es_arbytes = r->es_ar, .tr_arbytes = r->tr_ar,
	};
}

long hvm_initialise(struct vcpu *v, unsigned long arg)
{
	struct vcpu_hvm_context in;
	struct hvm_hw_cpu c;
	long rc = 0;

	if (copy_in(&in, arg))
		return -EFAULT;
	if (in.mode == VCPU_HVM_MODE_64B)
		from_64(&c, &in.cpu_regs.x86_64);
	else if (in.mode == VCPU_HVM_MODE_32B)
		from_32(&c, &in.cpu_regs.x86_32);
	else
		return -EINVAL;
	c.dr6 = 0xffff0ff0;
	c.dr7 = 0x400;
	spin_lock(&v->domain->lock);
	if (v->initialised) {
		rc = -EEXIST;
	} else {
		set_cpu(v, &c);
		v->hvm.wait_sipi = false;
	}
	spin_unlock(&v->domain->lock);
	return rc;
}

/* ---- XEN_DOMCTL_getvcpucontext, XEN_DOMCTL_setvcpucontext: a toolstack sets rax when it resumes ---- */

/* Those before error_code lie as in the ABI. */
#define GENERAL_BYTES	(offsetof(struct cpu_regs, error_code) - offsetof(struct cpu_regs, r15))
_Static_assert(GENERAL_BYTES == offsetof(struct cpu_user_regs, error_code), "registers lie as in the ABI");

void hvm_get_regs(struct vcpu *v, struct cpu_user_regs *to)
{
	const struct cpu_regs *r = &v->regs;

	context_sync(v);
	memcpy(to, &r->r15, GENERAL_BYTES);
	to->rip = r->rip;
	to->rsp = r->rsp;
	to->rflags = r->rflags;
}

void hvm_set_regs(struct vcpu *v, const struct cpu_user_regs *from)
{
	struct cpu_regs *r = &v->regs;

	context_sync(v);
	memcpy(&r->r15, from, GENERAL_BYTES);
	r->rip = from->rip;
	r->rsp = from->rsp;
	r->rflags = from->rflags | X86_EFLAGS_MBS;
}

/* ---- XEN_DOMCTL_sethvmcontext ---- */

static int set_record(struct domain *d, const struct hvm_save_descriptor *desc, const struct hvm_hw_cpu *c)
{
	struct vcpu *v = vcpu_find(d, desc->instance);

	if (!v)
		return -EINVAL;
	vcpu_pause(v);
	set_cpu(v, c);
	v->hvm.wait_sipi = false;
	clear_bit(VF_DOWN, &v->sched.flags);
	vcpu_unpause(v);
	return 0;
}

/* Of all records only those of CPUs mean something here. */
long hvm_set_context(struct domain *d, unsigned long buffer, u32 size)
{
	struct hvm_save_descriptor desc;
	struct hvm_hw_cpu c;
	int rc = 0;

	if (d == current->domain || size > MAX_CONTEXT)
		return -EINVAL;
	for (unsigned long at = 0; !rc; at += sizeof(desc) + desc.length) {
		if (at + sizeof(desc) > size)
			return -ENODATA;
		if (copy_in(&desc, buffer + at))
			return -EFAULT;
		if (desc.typecode == END_RECORD)
			break;
		if (desc.typecode != CPU_RECORD)
			continue;
		if (desc.length != sizeof(c) || at + sizeof(desc) + sizeof(c) > size)
			return -EINVAL;
		rc = copy_in(&c, buffer + at + sizeof(desc)) ?: set_record(d, &desc, &c);
	}
	return rc;
}
