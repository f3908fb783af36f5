// SPDX-License-Identifier: GPL-2.0-only
/*
 * The builder of hardware-assisted children, and the little that such a child needs. Its memory:
 *
 *	0 .. image | (start_info) | mailbox | L4 | L3 | L2 | free	pfns; mapped by 2 MiB pages
 */
#include "hvm.h"

#define MSR_GS_BASE	0xc0000101
#define CR0_PROTECTED_PAGED 0x80000033UL
#define CR4_PAE		0x20UL
#define EFER_LONG	0x500UL

extern const uint8_t hvm_stubs[];
void hvm_begin(void);
void hvm_setup(void);
void hvm_trap(struct frame *f);

bool (*volatile hvm_hook)(struct frame *f);
volatile unsigned int hvm_count[256];

/* ---- building, in Domain0 ---- */

static void fill_tables(struct child *c)
{
	unsigned long l3 = c->l4 + 1, l2 = c->l4 + 2;
	pte_t *t = child_page(c, c->l4);

	memset(t, 0, PAGE_SIZE);
	t[0] = t[511] = make_pte(l3, PTE_P | PTE_RW);
	t = child_page(c, l3);
	memset(t, 0, PAGE_SIZE);
	t[0] = t[510] = make_pte(l2, PTE_P | PTE_RW);
	t = child_page(c, l2);
	memset(t, 0, PAGE_SIZE);
	for (unsigned long i = 0; i < CHILD_PAGES / 512; i++)
		t[i] = make_pte(i * 512, PTE_P | PTE_RW | PTE_PSE);
}

struct context {
	struct hvm_save_descriptor cpu_desc;
	struct hvm_hw_cpu cpu;
	struct hvm_save_descriptor end;
} __attribute__((packed));

static long set_context(struct child *c, void (*fn)(unsigned long role), unsigned long role)
{
	static struct context ctxt;
	struct xen_domctl op = { };

	memset(&ctxt, 0, sizeof(ctxt));
	ctxt.cpu_desc = (struct hvm_save_descriptor){ HVM_SAVE_CODE(CPU), 0, sizeof(ctxt.cpu) };
	ctxt.cpu = (struct hvm_hw_cpu){
		.rip = (unsigned long)hvm_begin, .rsp = (unsigned long)pcpus[0].stack + sizeof(pcpus[0].stack),
		.rdi = (unsigned long)fn, .rsi = role, .rbx = (c->start_info << 12) + VIRT_BASE, .rflags = 2,
		.cr0 = CR0_PROTECTED_PAGED, .cr3 = c->l4 << 12, .cr4 = CR4_PAE, .msr_efer = EFER_LONG,
		.dr6 = 0xffff0ff0, .dr7 = 0x400,
		.cs_limit = ~0u, .ds_limit = ~0u, .es_limit = ~0u, .ss_limit = ~0u, .tr_limit = 0x67,
		.cs_arbytes = 0xa9b, .ds_arbytes = 0xc93, .es_arbytes = 0xc93, .ss_arbytes = 0xc93, .tr_arbytes = 0x8b,
	};
	ctxt.end = (struct hvm_save_descriptor){ HVM_SAVE_CODE(END), 0, 0 };
	op.u.hvmcontext.size = sizeof(ctxt);
	set_xen_guest_handle(op.u.hvmcontext.buffer, (uint8_t *)&ctxt);
	return domctl(XEN_DOMCTL_sethvmcontext, c->domid, &op);
}

long hvm_make(struct child *c, void (*fn)(unsigned long role), unsigned long role, unsigned int vcpus)
{
	long rc = child_make_hvm(c, vcpus);

	if (rc)
		return rc;
	fill_tables(c);
	rc = set_context(c, fn, role);
	if (rc)
		note("child: context: %ld", rc);
	return rc ? rc : child_open_box(c);
}

/* ---- the child ---- */

struct __attribute__((packed)) pointer {
	uint16_t limit;
	uint64_t base;
};
static struct {
	uint16_t offset0, selector, type, offset1;
	uint32_t offset2, reserved;
} idt[256];
/* null, code, data */
static uint64_t gdt[] = { 0, 0x00af9b000000ffff, 0x00cf93000000ffff };

void hvm_load_tables(unsigned int id)
{
	struct pointer gdtr = { sizeof(gdt) - 1, U(gdt) }, idtr = { sizeof(idt) - 1, U(idt) };

	asm volatile("lgdt %0; lidt %1" : : "m"(gdtr), "m"(idtr));
	asm volatile("push $8; lea 1f(%%rip), %%rax; push %%rax; lretq; 1: mov %0, %%ss" : : "r"(16) : "rax", "memory");
	pcpus[id].self = &pcpus[id];
	pcpus[id].trap.vector = NO_TRAP;
	wrmsr(MSR_GS_BASE, U(&pcpus[id]));
}

void hvm_setup(void)
{
	unsigned long si;

	asm volatile("mov %%rbx, %0" : "=r"(si));
	start_info = (struct start_info *)si;
	for (unsigned int v = 0; v < 256; v++) {
		unsigned long at = U(hvm_stubs) + 16 * v;

		idt[v].offset0 = (uint16_t)at;
		idt[v].offset1 = (uint16_t)(at >> 16);
		idt[v].offset2 = (uint32_t)(at >> 32);
		idt[v].selector = 8;
		idt[v].type = 0x8e00;
	}
	hvm_load_tables(0);
}

struct extable {
	unsigned long from, to;
};
extern const struct extable __ex_table[], __ex_table_end[];

void hvm_trap(struct frame *f)
{
	struct pcpu *p = this_pcpu();

	if (hvm_hook && hvm_hook(f))
		return;
	hvm_count[f->vector]++;
	if (f->vector >= 32)
		return;
	p->trap.vector = (int)f->vector;
	p->trap.error = f->error;
	p->trap.rip = f->rip;
	asm volatile("mov %%cr2, %0" : "=r"(p->trap.cr2));
	p->trap.frame = *f;
	for (const struct extable *e = __ex_table; e < __ex_table_end; e++)
		if (f->rip == e->from) {
			f->rip = e->to;
			return;
		}
	hcall(sched_op, SCHEDOP_shutdown, &(struct sched_shutdown){ .reason = SHUTDOWN_crash });
}

long hvm_start_vcpu(unsigned long id, void (*fn)(unsigned long arg), unsigned long arg)
{
	struct vcpu_hvm_context ctxt = { .mode = VCPU_HVM_MODE_64B };
	struct vcpu_hvm_x86_64 *r = &ctxt.cpu_regs.x86_64;
	long rc;

	asm volatile("mov %%cr3, %0" : "=r"(r->cr3));
	r->rip = U(fn);
	r->rsp = U(pcpus[id].stack) + sizeof(pcpus[id].stack) - 8;
	r->rdi = arg;
	r->rflags = 2;
	r->cr0 = CR0_PROTECTED_PAGED;
	r->cr4 = CR4_PAE;
	r->efer = EFER_LONG;
	rc = hcall(vcpu_op, VCPUOP_initialise, id, &ctxt);
	return rc ? rc : hcall(vcpu_op, VCPUOP_up, id, 0UL);
}
