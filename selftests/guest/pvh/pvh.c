// SPDX-License-Identifier: GPL-2.0-only
/*
 * Hardware-assisted (PVH) domains: one is built by domctl, runs in 64-bit mode on page tables of its own, makes
 * hypercalls by VMMCALL and through its hypercall page, sees the CPUID and MSRs that it may, gets events as interrupts,
 * starts its vcpus by hypercall and by start-up IPI, flushes their TLBs, moves frames by physmap operations, shares pages by grants, and is
 * gone without a trace. What pvh-hostile tries is refused.
 *
 * boot: -i self -m 512 -x dom0_mem=192M
 */
#include "hvm.h"

enum { ROLE_HELLO = 1, ROLE_EVENTS, ROLE_APIC, ROLE_VCPUS, ROLE_PHYSMAP, ROLE_GRANTS, ROLE_FLUSH, ROLE_HALT, ROLE_SUSPEND };
#define ROUNDS		40
#define VECTOR		0x40
#define OWN_VECTOR	0x51
#define X2APIC(reg)	(0x800 + (reg))
enum { APIC_ID = 2, APIC_EOI = 0xb, APIC_SVR = 0xf, APIC_ICR = 0x30, APIC_TIMER = 0x32, APIC_COUNT = 0x38,
       APIC_SELF = 0x3f };
#define MSR_TSC_DEADLINE 0x6e0

static struct child c;
static uint8_t own_page[4096] __attribute__((aligned(4096)));	/* each side has its own */
static uint8_t spare[16][4096] __attribute__((aligned(4096)));

static void end(unsigned int reason)
{
	struct sched_shutdown s = { .reason = reason };

	hcall(sched_op, SCHEDOP_shutdown, &s);
}

/* Until the condition, or for some time. */
#define patiently(condition) ({							\
	uint64_t until_ = rdtsc() + 40000000000UL;				\
	while (!(condition) && rdtsc() < until_)				\
		hcall(sched_op, SCHEDOP_yield, 0UL);				\
	(bool)(condition); })

/* ---- the children ---- */

static void hello(struct mailbox *box)
{
	static const char text[] = "Hello from a hardware-assisted guest\n";
	uint32_t a = 0x40000000, b, d, cx = 0;
	long rc;

	hcall(console_io, CONSOLEIO_write, sizeof(text) - 1, text);
	asm volatile("cpuid" : "+a"(a), "=b"(b), "+c"(cx), "=d"(d));
	box->word[1] = b;
	box->word[2] = U(hcall(xen_version, XENVER_version, 0UL));
	a = 0x40000000;
	asm volatile("rep; cs; cpuid" : "+a"(a), "=b"(b), "+c"(cx), "=d"(d));	/* prefixes are part of its length */
	box->word[3] = b;
	wrmsr(0x40000000, gpa(own_page));
	asm volatile("call *%1" : "=a"(rc) : "r"(own_page + __HYPERVISOR_xen_version * 32), "D"(0UL), "S"(0UL) : "memory");
	box->word[4] = U(rc);
	box->word[5] = rdmsr(0x1b);
	asm volatile("in $0x60, %%al" : "=a"(a) : "0"(0));
	box->word[6] = a;
}

static void map_shared_info(void)
{
	struct xen_add_to_physmap op = { .domid = DOMID_SELF, .space = XENMAPSPACE_shared_info, .gpfn = gpa(own_page) >> 12 };

	hcall(memory_op, XENMEM_add_to_physmap, &op);
	shared_info = (struct shared_info *)own_page;
}

/* The line is a level: an exit before it is taken back here raises it once more, and then there is nothing to be found. */
static bool upcall(struct frame *f)
{
	bool found = shared_info->vcpu_info[0].evtchn_upcall_pending;

	if (f->vector != VECTOR && f->vector != OWN_VECTOR)
		return false;
	shared_info->vcpu_info[0].evtchn_upcall_pending = 0;
	shared_info->vcpu_info[0].evtchn_pending_sel = 0;
	shared_info->evtchn_pending[0] = 0;
	hvm_count[f->vector] += found;
	if (f->vector == OWN_VECTOR)
		wrmsr(X2APIC(APIC_EOI), 0);
	return true;
}

static void events(struct mailbox *box)
{
	struct xen_hvm_param via = { .domid = DOMID_SELF, .index = HVM_PARAM_CALLBACK_IRQ, .value = 2UL << 56 | VECTOR };
	struct xen_hvm_evtchn_upcall_vector own = { .vcpu = 0, .vector = OWN_VECTOR };
	struct evtchn_bind_ipi ipi = { .vcpu = 0 };
	struct evtchn_send send;

	map_shared_info();
	hvm_hook = upcall;
	box->word[1] = U(hcall(hvm_op, HVMOP_set_param, &via));
	box->word[2] = U(hcall(event_channel_op, EVTCHNOP_bind_ipi, &ipi));
	send.port = ipi.port;
	hcall(event_channel_op, EVTCHNOP_send, &send);
	box->word[3] = hvm_count[VECTOR];			/* interrupts are off */
	asm volatile("sti; nop; nop" ::: "memory");
	box->word[4] = hvm_count[VECTOR];
	asm volatile("cli");
	box->word[5] = U(hcall(hvm_op, HVMOP_set_evtchn_upcall_vector, &own));
	hcall(event_channel_op, EVTCHNOP_send, &send);
	asm volatile("sti; hlt; cli" ::: "memory");		/* HLT ends with an event */
	hcall(event_channel_op, EVTCHNOP_send, &send);
	asm volatile("sti; nop; nop; cli" ::: "memory");
	box->word[6] = hvm_count[OWN_VECTOR];
	own.vector = 3;
	box->word[7] = U(hcall(hvm_op, HVMOP_set_evtchn_upcall_vector, &own));
}

static bool end_of_interrupt(struct frame *f)
{
	if (f->vector < 32 && f->vector != TRAP_NMI)
		return false;
	hvm_count[f->vector]++;
	if (f->vector != TRAP_NMI)
		wrmsr(X2APIC(APIC_EOI), 0);
	return true;
}

static void apic(struct mailbox *box)
{
	hvm_hook = end_of_interrupt;
	box->word[1] = rdmsr(X2APIC(APIC_ID));
	wrmsr(X2APIC(APIC_SVR), 0x1ff);
	asm volatile("mov %0, %%cr8; sti" : : "r"(8UL));
	wrmsr(X2APIC(APIC_SELF), 0x71);
	box->word[2] = hvm_count[0x71];				/* CR8 holds it back */
	wrmsr(X2APIC(APIC_SELF), 0x93);
	box->word[3] = hvm_count[0x93];
	asm volatile("mov %0, %%cr8; nop" : : "r"(0UL) : "memory");
	box->word[4] = U(patiently(hvm_count[0x71] == 1));
	wrmsr(X2APIC(APIC_TIMER), 0xa1);
	wrmsr(X2APIC(APIC_COUNT), 1000000);
	box->word[5] = U(patiently(hvm_count[0xa1] == 1));
	wrmsr(X2APIC(APIC_TIMER), 2 << 17 | 0xa2);
	asm volatile("cli");					/* it must not come before the HLT */
	wrmsr(MSR_TSC_DEADLINE, rdtsc() + 1000000);
	asm volatile("sti; hlt" ::: "memory");
	box->word[6] = U(patiently(hvm_count[0xa2] == 1));
	wrmsr(X2APIC(APIC_ICR), 4 << 8 | 1 << 18);		/* an NMI to itself */
	box->word[7] = U(patiently(hvm_count[2] == 1));
}

extern const uint8_t real_code[], real_code_end[];
asm(".pushsection .text\n"
    "real_code: .byte 0xb8, 0x34, 0x12, 0xa3, 0x00, 0x00, 0xf4, 0xeb, 0xfd\n"	/* mov $0x1234, %ax; mov %ax, (0); hlt */
    "real_code_end: .popsection\n");
#define REAL_PAGE	8UL			/* its data segment is page 0 */

static void second(unsigned long box)
{
	((struct mailbox *)box)->word[3] = rdmsr(X2APIC(APIC_ID)) + 100;
	hcall(vcpu_op, VCPUOP_down, 1UL, 0UL);
}

static void vcpus(struct mailbox *box)
{
	volatile uint16_t *low = (volatile uint16_t *)VIRT_BASE;

	box->word[1] = U(hvm_start_vcpu(1, second, U(box)));
	patiently(box->word[3]);
	memcpy((void *)(VIRT_BASE + (REAL_PAGE << 12)), real_code, (size_t)(real_code_end - real_code));
	*low = 0;
	wrmsr(X2APIC(APIC_ICR), 2UL << 32 | 5 << 8);
	wrmsr(X2APIC(APIC_ICR), 2UL << 32 | 6 << 8 | REAL_PAGE);
	box->word[4] = U(patiently(*low == 0x1234));
	*low = 0;
	wrmsr(X2APIC(APIC_ICR), 2UL << 32 | 5 << 8);		/* once more, while it halts */
	wrmsr(X2APIC(APIC_ICR), 2UL << 32 | 6 << 8 | REAL_PAGE);
	box->word[5] = U(patiently(*low == 0x1234));
}

static void halt_for_good(unsigned long box)
{
	((struct mailbox *)box)->word[2] = 1;
	for (;;)
		asm volatile("cli; hlt" ::: "memory");
}

/* The second vcpu first, and no interrupt brings it back; then the last one. */
static void halts(struct mailbox *box)
{
	box->word[1] = U(hvm_start_vcpu(1, halt_for_good, U(box)));
	box->word[3] = U(patiently(box->word[2] && !hcall(vcpu_op, VCPUOP_is_up, 1UL, 0UL)));
	wrmsr(X2APIC(APIC_ICR), 1UL << 32 | 0x40);
	box->word[4] = U(hcall(vcpu_op, VCPUOP_is_up, 1UL, 0UL));
	wrmsr(X2APIC(APIC_ICR), 0x40 | 1 << 18);		/* what waits does not count, either */
	halt_for_good(U(box));
}

static long reservation(unsigned int op, xen_pfn_t gfn, unsigned int order)
{
	struct xen_memory_reservation r = { .nr_extents = 1, .extent_order = order, .domid = DOMID_SELF };

	set_xen_guest_handle(r.extent_start, &gfn);
	return hcall(memory_op, op, &r);
}

static void physmap(struct mailbox *box)
{
	volatile uint64_t *p = (volatile uint64_t *)spare[1];
	struct xen_add_to_physmap op = { .domid = DOMID_SELF, .space = XENMAPSPACE_grant_table, .gpfn = gpa(spare[2]) >> 12 };

	*p = 42;
	box->word[1] = U(reservation(XENMEM_decrease_reservation, gpa(spare[1]) >> 12, 0));
	box->word[2] = U(reservation(XENMEM_decrease_reservation, gpa(spare[1]) >> 12, 0));
	box->word[3] = U(reservation(XENMEM_populate_physmap, gpa(spare[1]) >> 12, 0));
	box->word[4] = *p;
	box->word[5] = U(hcall(memory_op, XENMEM_add_to_physmap, &op));
	((volatile uint64_t *)spare[2])[100] = 7;
	op.idx = 1000;
	box->word[6] = U(hcall(memory_op, XENMEM_add_to_physmap, &op));
	op.idx = 0;
	op.space = 99;
	box->word[7] = U(hcall(memory_op, XENMEM_add_to_physmap, &op));
	box->word[8] = U(reservation(XENMEM_populate_physmap, 1UL << 50, 0));
	box->word[9] = U(reservation(XENMEM_increase_reservation, 0, 0));
	box->word[0] = 2;
	((volatile uint64_t *)spare[3])[0] = 1;
	reservation(XENMEM_decrease_reservation, gpa(spare[3]) >> 12, 0);
	((volatile uint64_t *)spare[3])[0] = 1;			/* the end of it */
	box->word[0] = 3;
}

static void grants(struct mailbox *box)
{
	struct xen_add_to_physmap op = { .domid = DOMID_SELF, .space = XENMAPSPACE_grant_table, .gpfn = gpa(spare[2]) >> 12 };
	grant_entry_v1_t *table = (grant_entry_v1_t *)spare[2];
	struct gnttab_map_grant_ref map = { .flags = GNTMAP_host_map, .host_addr = gpa(spare[5]), .dom = 0 };
	struct gnttab_unmap_grant_ref unmap = { .host_addr = gpa(spare[5]) };

	hcall(memory_op, XENMEM_add_to_physmap, &op);
	memcpy(spare[4], "given", 6);
	table[8].domid = 0;
	table[8].frame = (uint32_t)(gpa(spare[4]) >> 12);
	barrier();
	table[8].flags = GTF_permit_access;
	box->word[0] = 2;
	patiently(box->word[0] == 3);
	table[8].flags = 0;
	box->word[1] = table[8].flags;
	map.ref = (grant_ref_t)box->word[10];
	reservation(XENMEM_decrease_reservation, gpa(spare[5]) >> 12, 0);
	hcall(grant_table_op, GNTTABOP_map_grant_ref, &map, 1UL);
	box->word[2] = U((long)map.status);
	if (!map.status)
		box->word[3] = *(volatile uint64_t *)spare[5];
	unmap.handle = map.handle;
	hcall(grant_table_op, GNTTABOP_unmap_grant_ref, &unmap, 1UL);
	box->word[4] = U((long)unmap.status);
	map.host_addr = gpa(spare[5]) + 8;
	hcall(grant_table_op, GNTTABOP_map_grant_ref, &map, 1UL);
	box->word[5] = U((long)map.status);
}

/* One virtual page, now at one frame and now at the other, which holds the number of the change that put it there. */
#define CHANGES		400UL
#define WINDOW		((volatile uint64_t *)(VIRT_BASE + (100UL << 21)))
static volatile uint64_t flushed, reads, stale;

/* Whoever learns that all was flushed has no older translation left. */
static void reader(unsigned long arg)
{
	for (;;) {
		uint64_t atleast = flushed;

		barrier();
		stale += *WINDOW < atleast;
		reads++;
	}
}

static void flushes(struct mailbox *box)
{
	static const unsigned long masks[] = { 0, 1 << 1, 1 << 1 | 1 << 2, ~0UL, 1 << 1 | 1UL << 63 };
	pte_t *l4, *l2, *l1 = (pte_t *)spare[6];
	uint32_t a = 0x40000006, b, d, cx = 0;

	asm volatile("cpuid" : "+a"(a), "=b"(b), "+c"(cx), "=d"(d));
	box->word[1] = a & 4;
	box->word[2] = b;
	asm volatile("mov %%cr3, %0" : "=r"(l4));
	l2 = (pte_t *)((unsigned long)l4 + 2 * PAGE_SIZE);
	l1[0] = make_pte(gpa(spare[7]) >> 12, PTE_P | PTE_RW | PTE_A | PTE_D);
	l2[100] = make_pte(gpa(l1) >> 12, PTE_P | PTE_RW | PTE_A);
	hvm_start_vcpu(1, reader, 0);
	patiently(reads);
	for (unsigned long n = 1; n <= CHANGES; n++) {
		uint64_t before = reads;

		*(volatile uint64_t *)spare[8 + n % 2] = n;
		barrier();
		((volatile pte_t *)l1)[0] = make_pte(gpa(spare[8 + n % 2]) >> 12, PTE_P | PTE_RW | PTE_A | PTE_D);
		box->word[3] |= U(hcall(hvm_op, HVMOP_flush_tlbs, masks[n % ARRAY_SIZE(masks)]));
		flushed = n;
		patiently(reads > before + 1);
	}
	box->word[4] = stale;
	box->word[5] = *WINDOW;
	box->word[6] = U(hcall(hvm_op, HVMOP_flush_tlbs, 1UL << 2 | 1UL << 40));	/* none of them is there */
}

static void suspends(struct mailbox *box)
{
	struct sched_shutdown s = { .reason = SHUTDOWN_suspend };

	box->word[1] = U(hcall(sched_op, SCHEDOP_shutdown, &s));
	box->word[2] = U(hcall(sched_op, SCHEDOP_shutdown, &s));
}

static void child_main(unsigned long role)
{
	static void (*const roles[])(struct mailbox *box) = {
		[ROLE_HELLO] = hello, [ROLE_EVENTS] = events, [ROLE_APIC] = apic, [ROLE_VCPUS] = vcpus,
		[ROLE_PHYSMAP] = physmap, [ROLE_GRANTS] = grants, [ROLE_FLUSH] = flushes, [ROLE_HALT] = halts,
		[ROLE_SUSPEND] = suspends,
	};

	roles[role](child_box());
	child_box()->word[0] = 1;
	end(SHUTDOWN_poweroff);
}

/* ---- Domain0 ---- */

static bool finished(unsigned int want)
{
	unsigned int reason = 99;

	return ok(wait_for(child_shut_down(&c, &reason), 20000), "it ends") && is(reason, want, "with reason %u", want);
}

static bool run(unsigned long role, unsigned int vcpus, unsigned int reason)
{
	is(hvm_make(&c, child_main, role, vcpus), 0, "a domain is built");
	is(child_start(&c), 0, "unpaused");
	return finished(reason);
}

static void life(void)
{
	struct xen_domctl op = { };

	run(ROLE_HELLO, 1, SHUTDOWN_poweroff);
	domctl(XEN_DOMCTL_getdomaininfo, c.domid, &op);
	ok(op.u.getdomaininfo.flags & XEN_DOMINF_hvm_guest, "it is a hardware-assisted domain");
	is((long)c.box->word[1], 0x566e6558, "CPUID tells it where it is");
	is((long)c.box->word[2] >> 16, 4, "a hypercall answers");
	is((long)c.box->word[3], 0x566e6558, "an instruction with prefixes is stepped over whole");
	is((long)c.box->word[4] >> 16, 4, "so does one through the hypercall page");
	is((long)c.box->word[5] & 0xd00, 0xd00, "the first vcpu's local APIC is an x2APIC");
	is((long)c.box->word[6], 0xff, "nothing answers at a port");
	is(child_destroy(&c), 0, "destroyed");
}

static void interrupts(void)
{
	run(ROLE_EVENTS, 1, SHUTDOWN_poweroff);
	is((long)c.box->word[1], 0, "the callback vector is set");
	is((long)c.box->word[2], 0, "a port is bound");
	is((long)c.box->word[3], 0, "no upcall while interrupts are off");
	is((long)c.box->word[4], 1, "one when they are on");
	is((long)c.box->word[5], 0, "a vcpu's own vector is set");
	is((long)c.box->word[6], 2, "and takes the events, each once");
	is((long)c.box->word[7], -EINVAL, "an exception is no vector for them");
	is(child_destroy(&c), 0, "destroyed");

	run(ROLE_APIC, 1, SHUTDOWN_poweroff);
	is((long)c.box->word[1], 0, "APIC: number 0");
	is((long)c.box->word[2], 0, "CR8 holds a vector back");
	is((long)c.box->word[3], 1, "but not a higher one");
	is((long)c.box->word[4], 1, "which comes when it may");
	is((long)c.box->word[5], 1, "timer: one shot");
	is((long)c.box->word[6], 1, "timer: TSC deadline, through a HLT");
	is((long)c.box->word[7], 1, "an NMI arrives");
	is(child_destroy(&c), 0, "destroyed");
}

static void processors(void)
{
	run(ROLE_VCPUS, 3, SHUTDOWN_poweroff);
	is((long)c.box->word[1], 0, "VCPUOP_initialise, VCPUOP_up");
	is((long)c.box->word[3], 101, "the second vcpu ran");
	is((long)c.box->word[4], 1, "a third starts in real mode by start-up IPI");
	is((long)c.box->word[5], 1, "and again");
	is(child_destroy(&c), 0, "destroyed");

	run(ROLE_HALT, 2, SHUTDOWN_poweroff);
	is((long)c.box->word[1], 0, "VCPUOP_initialise, VCPUOP_up");
	is((long)c.box->word[3], 1, "HLT with interrupts off: the vcpu is down");
	is((long)c.box->word[4], 0, "and an interrupt does not bring it back");
	is(child_destroy(&c), 0, "destroyed");
}

static long context(unsigned int cmd, unsigned int vcpu, struct vcpu_guest_context *ctxt)
{
	struct xen_domctl op = { .u.vcpucontext.vcpu = vcpu };

	set_xen_guest_handle(op.u.vcpucontext.ctxt, (vcpu_guest_context_t *)ctxt);
	return domctl(cmd, c.domid, &op);
}

/* How a toolstack tells a guest that it is where it was: its hypercall answers 1. */
static void suspension(void)
{
	static struct vcpu_guest_context regs, after;
	struct xen_domctl op = { };

	run(ROLE_SUSPEND, 1, SHUTDOWN_suspend);
	is(context(XEN_DOMCTL_getvcpucontext, 0, &regs), 0, "the registers of a vcpu");
	ok(regs.user_regs.rip > VIRT_BASE && regs.user_regs.rsp > VIRT_BASE && regs.flags & VGCF_online, "are those of a guest");
	regs.user_regs.rax = 1;
	is(context(XEN_DOMCTL_setvcpucontext, 0, &regs), 0, "can be set");
	context(XEN_DOMCTL_getvcpucontext, 0, &after);
	ok(!memcmp(&regs, &after, sizeof(regs)), "and are so then");
	ok(context(XEN_DOMCTL_setvcpucontext, 1, &regs) < 0, "not of a vcpu that does not exist");
	is(domctl(XEN_DOMCTL_resumedomain, c.domid, &op), 0, "resumed");
	finished(SHUTDOWN_suspend);
	is((long)c.box->word[1], 1, "its hypercall answers what was set");
	is(domctl(XEN_DOMCTL_resumedomain, c.domid, &op), 0, "resumed again");
	finished(SHUTDOWN_poweroff);
	is((long)c.box->word[2], 0, "or 0, of itself");
	is(child_destroy(&c), 0, "destroyed");
}

static void tlbs(void)
{
	run(ROLE_FLUSH, 3, SHUTDOWN_poweroff);
	is((long)c.box->word[1], 4, "a leaf of ours says that some vcpus' TLBs can be flushed");
	is((long)c.box->word[2], 0x6f6e6558, "and whose it is");
	is((long)c.box->word[3], 0, "%lu flushes of some or all of them", CHANGES);
	is((long)c.box->word[4], 0, "after which nobody finds what was there before");
	is((long)c.box->word[5], CHANGES, "nor the one who asked");
	is((long)c.box->word[6], 0, "vcpus that do not exist or run are none to wait for");
	is(hypercall(hvm_op, HVMOP_flush_tlbs, 0UL), -EINVAL, "a PV domain flushes by other means");
	is(child_destroy(&c), 0, "destroyed");
}

static void memory(void)
{
	run(ROLE_PHYSMAP, 1, SHUTDOWN_crash);
	is((long)c.box->word[0], 2, "touching a page given back is the end of the domain");
	is((long)c.box->word[1], 1, "a page is given back");
	is((long)c.box->word[2], 0, "but not twice");
	is((long)c.box->word[3], 1, "and another one comes");
	is((long)c.box->word[4], 0, "which has nothing of the old");
	is((long)c.box->word[5], 0, "the grant table is placed");
	is((long)c.box->word[6], -EINVAL, "no frame of it that there cannot be");
	ok((long)c.box->word[7] < 0, "no space of another kind");
	is((long)c.box->word[8], 0, "no memory beyond the address space");
	is((long)c.box->word[9], 0, "nor without a place");
	is(child_destroy(&c), 0, "destroyed");
}

static long map_grant(struct gnttab_map_grant_ref *map, void *va, unsigned int ref)
{
	*map = (struct gnttab_map_grant_ref){ .flags = GNTMAP_host_map, .host_addr = U(va), .ref = ref, .dom = (domid_t)c.domid };
	hypercall(grant_table_op, GNTTABOP_map_grant_ref, map, 1UL);
	return map->status;
}

static void sharing(void)
{
	struct gnttab_setup_table setup = { .dom = DOMID_SELF, .nr_frames = 1 };
	struct gnttab_unmap_grant_ref unmap = { };
	struct gnttab_map_grant_ref map;
	xen_pfn_t frame = 0;
	grant_entry_v1_t *table = page_alloc();
	uint64_t *given = page_alloc(), *va = page_alloc();

	set_xen_guest_handle(setup.frame_list, &frame);
	hypercall(grant_table_op, GNTTABOP_setup_table, &setup, 1UL);
	is(map_mfn(table, frame, PTE_RW_FLAGS), 0, "Domain0 has its grant table");
	is(hvm_make(&c, child_main, ROLE_GRANTS, 1), 0, "a domain is built");
	*given = 77;
	table[9].domid = (domid_t)c.domid;
	table[9].frame = (uint32_t)va_to_mfn(given);
	barrier();
	table[9].flags = GTF_permit_access;
	c.box->word[10] = 9;
	child_start(&c);
	ok(wait_for(c.box->word[0] == 2, 10000), "it grants a page");
	is(map_grant(&map, va, 8), 0, "which is mapped here");
	ok(!memcmp(va, "given", 6), "with what it wrote");
	unmap.host_addr = U(va);
	unmap.handle = map.handle;
	hypercall(grant_table_op, GNTTABOP_unmap_grant_ref, &unmap, 1UL);
	is(unmap.status, 0, "and unmapped");
	remap(va, PTE_RW_FLAGS);
	c.box->word[0] = 3;
	finished(SHUTDOWN_poweroff);
	is((long)c.box->word[1], 0, "no mark is left in its entry");
	is((long)c.box->word[2], 0, "it maps a page of ours");
	is((long)c.box->word[3], 77, "with what is written here");
	is((long)c.box->word[4], 0, "and unmaps it");
	ok((long)c.box->word[5] < 0, "an address that is no page's is refused");
	is(child_destroy(&c), 0, "destroyed");
	is(table[9].flags, GTF_permit_access, "nobody uses our page any more");
}

/* XSA-322 and others: nothing stays behind. */
static void leaks(void)
{
	unsigned long before = 0;

	for (unsigned int i = 0; i < ROUNDS; i++) {
		if (i == 2)
			before = free_pages();
		if (hvm_make(&c, child_main, ROLE_HELLO, 2) || child_start(&c) || child_destroy(&c))
			bail("round %u", i);
	}
	ok(wait_for(free_pages() >= before, 2000), "%u domains leave nothing: %lu free pages, %lu before", ROUNDS, free_pages(), before);
}

void test_main(void)
{
	life();
	interrupts();
	processors();
	suspension();
	tlbs();
	memory();
	sharing();
	leaks();
}
