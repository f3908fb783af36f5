// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a hardware-assisted (PVH) domain must not be able to do. Instructions and MSRs of the virtualization itself are
 * not there; pointers are checked and followed in its own tables only; calls of PV domains and of control domains are
 * refused, in a multicall too (XSA-109). It cannot take memory of the hypervisor's without bound by scattering its own,
 * nor keep a CPU: not with interrupts off, not by exceptions that raise themselves (XSA-156), not by vcpus that reset
 * each other or flush each other's TLBs. A state that no processor runs ends the domain. Its frames are no page tables (XSA-109).
 *
 * boot: -i self -m 512 -x dom0_mem=192M
 */
#include "hvm.h"

enum { ROLE_REFUSED = 1, ROLE_CALLS, ROLE_SCATTER, ROLE_SPIN, ROLE_DEBUG, ROLE_RESET, ROLE_FLUSH, ROLE_TRIPLE };
#define MSR_EFER	0xc0000080
#define MSR_VM_CR	0xc0010114
#define MSR_HSAVE	0xc0010117
#define X2APIC_ICR	0x830
#define PARAM_EXITS	0x1000		/* of Xenolith only */
#define NOWHERE		0xffff900000000000UL
#define HYPERVISOR	0xffff830000000000UL

static struct child c;
static uint8_t spare[4096] __attribute__((aligned(4096)));

/* ---- the children ---- */

static void refused(struct mailbox *box)
{
	unsigned int n = 1;

	box->word[n++] = U(CATCH("vmrun", : : "a"(gpa(spare))));
	box->word[n++] = U(CATCH("vmload", : : "a"(gpa(spare))));
	box->word[n++] = U(CATCH("vmsave", : : "a"(gpa(spare))));
	box->word[n++] = U(CATCH("stgi"));
	box->word[n++] = U(CATCH("clgi"));
	box->word[n++] = U(CATCH("skinit", : : "a"(0)));
	box->word[n++] = U(CATCH("invlpga", : : "a"(0), "c"(0)));
	box->word[n++] = U(CATCH("monitor", : : "a"(spare), "c"(0), "d"(0)));
	n = 21;
	box->word[n++] = U(CATCH("rdpmc", : : "c"(0) : "rax", "rdx"));
	box->word[n++] = U(try_wrmsr(MSR_EFER, rdmsr(MSR_EFER) | 1 << 12));
	box->word[n++] = U(try_wrmsr(MSR_EFER, rdmsr(MSR_EFER) & ~0x100UL));
	box->word[n++] = U(try_wrmsr(MSR_VM_CR, 0x10));
	box->word[n++] = U(try_wrmsr(MSR_HSAVE, 0));
	box->word[n++] = U(try_rdmsr(0xdeadbeef));
	box->word[n++] = U(try_wrmsr(0x277, 0x0202020202020202));
	box->word[n++] = U(try_rdmsr(0x80b));
	box->word[n++] = U(try_wrmsr(0x80b, 1));
	box->word[n++] = U(try_wrmsr(0x8ff, 0));
	box->word[n++] = U(try_wrmsr(0x40000000, 1UL << 50));
	box->word[n++] = U(try_wrmsr(0xc0000103, 1UL << 40));
}

static void calls(struct mailbox *box)
{
	struct multicall_entry m = { .op = __HYPERVISOR_mmu_update };
	struct xen_hvm_param p = { .domid = DOMID_SELF, .index = HVM_PARAM_STORE_PFN, .value = 1 };
	struct xen_domctl d = { .cmd = XEN_DOMCTL_pausedomain, .interface_version = XEN_DOMCTL_INTERFACE_VERSION };
	pte_t *l4, *l2 = NULL;

	asm volatile("mov %%cr3, %0" : "=r"(l4));
	l2 = (pte_t *)((unsigned long)l4 + 2 * PAGE_SIZE);
	l2[100] = make_pte(0x200000, PTE_P | PTE_RW | PTE_PSE);		/* where it has no memory */
	box->word[1] = U(hcall(xen_version, XENVER_extraversion, NOWHERE));
	box->word[2] = U(hcall(xen_version, XENVER_extraversion, HYPERVISOR));
	box->word[3] = U(hcall(xen_version, XENVER_extraversion, 100UL << 21));
	box->word[4] = U(hcall(event_channel_op, EVTCHNOP_send, ~0UL));
	box->word[5] = U(hcall(mmu_update, &m, 1UL, 0UL, DOMID_SELF));
	box->word[6] = U(hcall(multicall, &m, 1UL));
	box->word[7] = m.result;
	box->word[8] = U(hcall(domctl, &d));
	box->word[9] = U(hcall(hvm_op, HVMOP_set_param, &p));
	p.index = HVM_NR_PARAMS;
	box->word[10] = U(hcall(hvm_op, HVMOP_get_param, &p));
	p.index = 0;
	p.domid = 0;
	box->word[11] = U(hcall(hvm_op, HVMOP_set_param, &p));
	box->word[12] = U(hcall(iret, 0UL));
	p.domid = DOMID_SELF;
	p.index = PARAM_EXITS;
	box->word[13] = U(hcall(hvm_op, HVMOP_set_param, &p));
	box->word[14] = U(hcall(hvm_op, HVMOP_get_param, &p)) || !p.value;
}

static void scatter(struct mailbox *box)
{
	struct xen_add_to_physmap op = { .domid = DOMID_SELF, .space = XENMAPSPACE_shared_info };
	unsigned long placed = 0;

	for (unsigned long i = 1; i < 1000; i++) {
		op.gpfn = i << 18;
		placed += !hcall(memory_op, XENMEM_add_to_physmap, &op);
	}
	box->word[1] = placed;
}

static bool come_back(struct frame *f)
{
	return f->vector == TRAP_DB;
}

/* A breakpoint on the very words that the processor writes when it delivers the exception. */
static void debug_loop(struct mailbox *box)
{
	hvm_hook = come_back;
	box->word[1] = 1;
	asm volatile("lea -0x40(%%rsp), %%rax; mov %%rax, %%dr0; mov %0, %%rax; mov %%rax, %%dr7;"
		     "and $-16, %%rsp; 1: push $0; push $0; push $0; push $0; push $0; push $0; push $0; push $0; add $64, %%rsp; jmp 1b"
		     : : "i"(0x90402) : "rax", "memory");
}

static void reset_others(unsigned long box)
{
	for (;;)
		for (unsigned long to = 0; to < 3; to++) {
			((struct mailbox *)box)->word[1]++;
			wrmsr(X2APIC_ICR, to << 32 | 5 << 8);
			wrmsr(X2APIC_ICR, to << 32 | 6 << 8 | 1);
		}
}

static void resets(struct mailbox *box)
{
	for (unsigned long id = 1; id < 3; id++)
		hvm_start_vcpu(id, reset_others, U(box));
	reset_others(U(box));
}

static void flush_others(unsigned long box)
{
	for (unsigned long mask = 0;; mask = mask * 6364136223846793005 + 1442695040888963407) {
		((struct mailbox *)box)->word[1]++;
		hcall(hvm_op, HVMOP_flush_tlbs, mask);
	}
}

static void storms_of_flushes(struct mailbox *box)
{
	for (unsigned long id = 1; id < 3; id++)
		hvm_start_vcpu(id, flush_others, U(box));
	flush_others(U(box));
}

static void child_main(unsigned long role)
{
	struct sched_shutdown s = { .reason = SHUTDOWN_poweroff };
	struct mailbox *box = child_box();

	switch (role) {
	case ROLE_REFUSED:	refused(box); break;
	case ROLE_CALLS:	calls(box); break;
	case ROLE_SCATTER:	scatter(box); break;
	case ROLE_SPIN:		box->word[1] = 1; asm volatile("cli; 1: jmp 1b"); break;
	case ROLE_DEBUG:	debug_loop(box); break;
	case ROLE_RESET:	resets(box); break;
	case ROLE_FLUSH:	storms_of_flushes(box); break;
	case ROLE_TRIPLE:	asm volatile("push $0; push $0; lidt (%rsp); ud2");
	}
	hcall(sched_op, SCHEDOP_shutdown, &s);
}

/* ---- Domain0 ---- */

static void start(unsigned long role, unsigned int vcpus)
{
	is(hvm_make(&c, child_main, role, vcpus), 0, "a domain is built");
	is(child_start(&c), 0, "unpaused");
}

static void ends(unsigned int want)
{
	unsigned int reason = 99;

	ok(wait_for(child_shut_down(&c, &reason), 20000), "it ends");
	is(reason, want, "with reason %u", want);
}

static void run(unsigned long role)
{
	start(role, 1);
	ends(SHUTDOWN_poweroff);
}

static void instructions(void)
{
	static const char *const ud[] = { "VMRUN", "VMLOAD", "VMSAVE", "STGI", "CLGI", "SKINIT", "INVLPGA", "MONITOR" };
	static const char *const gp[] = { "RDPMC", "EFER.SVME", "EFER.LME while paging", "VM_CR", "VM_HSAVE_PA", "an unknown MSR",
		"a PAT with reserved types", "reading EOI", "EOI with a value", "an unknown x2APIC register",
		"a hypercall page out of reach", "a wide TSC_AUX" };

	run(ROLE_REFUSED);
	for (unsigned int i = 0; i < ARRAY_SIZE(ud); i++)
		is((long)c.box->word[1 + i], TRAP_UD, "#UD: %s", ud[i]);
	for (unsigned int i = 0; i < ARRAY_SIZE(gp); i++)
		is((long)c.box->word[21 + i], TRAP_GP, "#GP: %s", gp[i]);
	is(child_destroy(&c), 0, "destroyed");
}

static void hypercalls(void)
{
	run(ROLE_CALLS);
	is((long)c.box->word[1], -EFAULT, "an address that its tables do not map");
	is((long)c.box->word[2], -EFAULT, "one in the hypervisor's range");
	is((long)c.box->word[3], -EFAULT, "one where it has no memory");
	is((long)c.box->word[4], -EFAULT, "one at the end of everything");
	is((long)c.box->word[5], -ENOSYS, "XSA-109: no page-table updates");
	is((long)c.box->word[6], 0, "a multicall");
	is((long)c.box->word[7], -ENOSYS, "has none either");
	is((long)c.box->word[8], -EPERM, "no domctl");
	is((long)c.box->word[9], -EPERM, "the toolstack's parameters are not its own to change");
	is((long)c.box->word[10], -EINVAL, "nor are there more of them");
	is((long)c.box->word[11], -EPERM, "nor another domain's");
	is((long)c.box->word[12], -ENOSYS, "no iret");
	is((long)c.box->word[13], -EINVAL, "what is counted cannot be set");
	is((long)c.box->word[14], 0, "but read");
	is(child_destroy(&c), 0, "destroyed");
}

static void tables(void)
{
	struct mmuext_op op = { };
	unsigned long before;

	start(ROLE_SCATTER, 1);
	before = free_pages();
	ends(SHUTDOWN_poweroff);
	ok(c.box->word[1] > 10 && c.box->word[1] < 300, "places far apart are bounded: %lu", (unsigned long)c.box->word[1]);
	ok(before - free_pages() < 600, "so is what the hypervisor spends on them: %lu pages", before - free_pages());
	for (unsigned int level = 1; level <= 4; level++) {
		op.cmd = MMUEXT_PIN_L1_TABLE + level - 1;
		op.arg1.mfn = 0x100 + level;
		is(hypercall(mmuext_op, &op, 1UL, 0UL, c.domid), -EINVAL, "XSA-109: its frames are no tables of level %u", level);
	}
	is(child_destroy(&c), 0, "destroyed");
}

static void keeps_cpu(unsigned long role, unsigned int vcpus, const char *how)
{
	start(role, vcpus);
	ok(wait_for(c.box->word[1], 10000), "%s: it is at work", how);
	wait_for(false, 300);
	is(child_destroy(&c), 0, "%s: destroyed all the same", how);
}

static void bad_states(void)
{
	static struct {
		struct hvm_save_descriptor d;
		struct hvm_hw_cpu cpu;
		struct hvm_save_descriptor end;
	} __attribute__((packed)) ctxt;
	struct xen_domctl op = { };

	start(ROLE_TRIPLE, 1);
	ends(SHUTDOWN_crash);
	is(child_destroy(&c), 0, "destroyed");

	is(hvm_make(&c, child_main, ROLE_SPIN, 1), 0, "a domain is built");
	ctxt.d = (struct hvm_save_descriptor){ HVM_SAVE_CODE(CPU), 0, sizeof(ctxt.cpu) };
	ctxt.cpu.cr0 = 1UL << 40 | 0x80000001;
	ctxt.cpu.msr_efer = ~0UL;
	op.u.hvmcontext.size = sizeof(ctxt);
	set_xen_guest_handle(op.u.hvmcontext.buffer, (uint8_t *)&ctxt);
	is(domctl(XEN_DOMCTL_sethvmcontext, c.domid, &op), 0, "a state that no processor runs");
	is(child_start(&c), 0, "unpaused");
	ends(SHUTDOWN_crash);
	ctxt.d.length = 8;
	is(domctl(XEN_DOMCTL_sethvmcontext, c.domid, &op), -EINVAL, "half a record");
	op.u.hvmcontext.size = 4;
	is(domctl(XEN_DOMCTL_sethvmcontext, c.domid, &op), -ENODATA, "none at all");
	is(child_destroy(&c), 0, "destroyed");
}

void test_main(void)
{
	instructions();
	hypercalls();
	tables();
	keeps_cpu(ROLE_SPIN, 1, "interrupts off");
	keeps_cpu(ROLE_RESET, 3, "vcpus that reset each other");
	keeps_cpu(ROLE_FLUSH, 3, "vcpus that flush each other");
	bad_states();
	keeps_cpu(ROLE_DEBUG, 1, "XSA-156");
}
