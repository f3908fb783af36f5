// SPDX-License-Identifier: GPL-2.0-only
/* First C code of the guest: find what the builder gave us, install handlers, run the test. */
#include "lib.h"

struct start_info *start_info;
struct shared_info *shared_info;
struct pcpu pcpus[MAX_VCPUS];
static uint8_t shared_page[PAGE_SIZE] __attribute__((aligned(4096)));

static void pcpu_init(unsigned int id)
{
	pcpus[id].self = &pcpus[id];
	pcpus[id].id = id;
	pcpus[id].info = &shared_info->vcpu_info[id];
	pcpus[id].trap.vector = NO_TRAP;
}

void guest_start(struct start_info *si)
{
	start_info = si;
	if (hypercall(update_va_mapping, shared_page, si->shared_info | PTE_RW_FLAGS, UVMF_INVLPG))
		hypercall(console_io, CONSOLEIO_write, 25, "shared_info: cannot map\n");
	shared_info = (struct shared_info *)shared_page;
	for (unsigned int i = 0; i < MAX_VCPUS; i++)
		pcpu_init(i);
	hypercall(set_segment_base, SEGBASE_GS_KERNEL, &pcpus[0]);
	hypercall(stack_switch, FLAT_KERNEL_SS, pcpus[0].trap_stack + sizeof(pcpus[0].trap_stack));
	memset(shared_info->evtchn_mask, 0xff, sizeof(shared_info->evtchn_mask));
	trap_init();
	test_main();
	finish();
}

/* --- other vcpus ----------------------------------------------------------------------------------------------------- */

void vcpu_start(void);

void guest_vcpu_start(struct pcpu *p)
{
	p->alive = true;
	p->entry();
	p->alive = false;
	for (;;)
		hypercall(vcpu_op, VCPUOP_down, p->id, 0UL);
}

extern const struct trap_info trap_table[];
void entry_0x100(void);
void entry_0x101(void);
void entry_0x102(void);

void vcpu_context(unsigned int id, void (*entry)(void), struct vcpu_guest_context *c)
{
	struct pcpu *p = &pcpus[id];

	p->entry = entry;
	memset(c, 0, sizeof(*c));
	c->flags = VGCF_in_kernel;
	c->user_regs.rip = (unsigned long)vcpu_start;
	c->user_regs.cs = FLAT_KERNEL_CS;
	c->user_regs.ss = FLAT_KERNEL_SS;
	c->user_regs.rsp = (unsigned long)(p->stack + sizeof(p->stack) - 8);
	c->user_regs.rdi = (unsigned long)p;
	c->user_regs.rflags = 0x202;
	for (const struct trap_info *t = trap_table; t->address; t++)
		c->trap_ctxt[t->vector] = *t;
	c->kernel_ss = FLAT_KERNEL_SS;
	c->kernel_sp = (unsigned long)(p->trap_stack + sizeof(p->trap_stack));
	c->ctrlreg[3] = xen_pfn_to_cr3(cr3_mfn());
	c->event_callback_eip = (unsigned long)entry_0x101;
	c->failsafe_callback_eip = (unsigned long)entry_0x102;
	c->syscall_callback_eip = (unsigned long)entry_0x100;
	c->gs_base_kernel = (unsigned long)p;
}

long vcpu_boot(unsigned int id, void (*entry)(void))
{
	static struct vcpu_guest_context context;
	long rc;

	vcpu_context(id, entry, &context);
	pcpus[id].info->evtchn_upcall_mask = 1;
	rc = hypercall(vcpu_op, VCPUOP_initialise, id, &context);
	return rc ? rc : hypercall(vcpu_op, VCPUOP_up, id, 0UL);
}

unsigned int vcpu_count(void)
{
	unsigned int n = 0;

	while (n < MAX_VCPUS && hypercall(vcpu_op, VCPUOP_is_up, n, 0UL) >= 0)
		n++;
	return n;
}
