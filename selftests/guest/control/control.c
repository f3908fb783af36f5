// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a control domain sets on another one: shares, affinity, memory, pauses, the context of vcpus. What was set can be
 * read back and has its effect; what is wrong is refused, changes nothing, and the domain runs on as it did. In the end no
 * page is lost.
 *
 * boot: -i self -m 512 -x dom0_mem=192M
 */
#include "child.h"

#define VCPUS	2

static struct child c;
static struct xen_domctl op;

static long answer(long a, long b, long unused)
{
	return a + b;
}

static bool runs(void)
{
	return child_call(&c, answer, 40, 2, 0) == 42;
}

/* ---- shares ---- */

static long shares(unsigned int cmd, unsigned int weight, unsigned int cap)
{
	op.u.scheduler_op.sched_id = XEN_SCHEDULER_CREDIT2;
	op.u.scheduler_op.cmd = cmd;
	op.u.scheduler_op.u.credit2.weight = (uint16_t)weight;
	op.u.scheduler_op.u.credit2.cap = (uint16_t)cap;
	return domctl(XEN_DOMCTL_scheduler_op, c.domid, &op);
}

static bool shares_are(unsigned int weight, unsigned int cap)
{
	return !shares(XEN_DOMCTL_SCHEDOP_getinfo, 0, 0) && op.u.scheduler_op.u.credit2.weight == weight &&
	       op.u.scheduler_op.u.credit2.cap == cap;
}

static void test_shares(void)
{
	ok(shares_are(256, 0), "a domain starts with weight 256 and no cap");
	is(shares(XEN_DOMCTL_SCHEDOP_putinfo, 512, 50), 0, "weight 512, cap 50 %%");
	ok(shares_are(512, 50), "are read back");
	is(shares(XEN_DOMCTL_SCHEDOP_putinfo, 0, 200), 0, "weight 0 leaves the weight; a cap of all its vcpus");
	ok(shares_are(512, 200), "is read back");
	is(shares(XEN_DOMCTL_SCHEDOP_putinfo, 100, 100 * VCPUS + 1), -EINVAL, "a cap beyond what its vcpus can use is refused");
	is(shares(XEN_DOMCTL_SCHEDOP_putinfo, 100, 0xffff), -EINVAL, "the greatest too");
	ok(shares_are(512, 200), "and nothing was changed");
	is(shares(99, 100, 0), -EINVAL, "an unknown command");
	op.u.scheduler_op.sched_id = XEN_SCHEDULER_RTDS;
	op.u.scheduler_op.cmd = XEN_DOMCTL_SCHEDOP_getinfo;
	is(domctl(XEN_DOMCTL_scheduler_op, c.domid, &op), -EINVAL, "another scheduler");
	is(shares(XEN_DOMCTL_SCHEDOP_putinfo, 256, 0), 0, "as it was");
	ok(runs(), "it runs");
}

/* ---- affinity ---- */

static uint64_t map[2];			/* hard, soft */

static long affinity(unsigned int cmd, unsigned int vcpu, unsigned int flags, unsigned int bits)
{
	struct xen_domctl_vcpuaffinity *a = &op.u.vcpuaffinity;

	a->vcpu = vcpu;
	a->flags = flags;
	a->cpumap_hard.nr_bits = a->cpumap_soft.nr_bits = bits;
	set_xen_guest_handle(a->cpumap_hard.bitmap, (uint8_t *)&map[0]);
	set_xen_guest_handle(a->cpumap_soft.bitmap, (uint8_t *)&map[1]);
	return domctl(cmd, c.domid, &op);
}

static long set_hard(uint64_t cpus)
{
	map[0] = cpus;
	return affinity(XEN_DOMCTL_setvcpuaffinity, 0, XEN_VCPUAFFINITY_HARD, 64);
}

static uint64_t hard(void)
{
	map[0] = 0;
	affinity(XEN_DOMCTL_getvcpuaffinity, 0, XEN_VCPUAFFINITY_HARD, 64);
	return map[0];
}

static unsigned int cpu_of(unsigned int vcpu)
{
	op.u.getvcpuinfo.vcpu = vcpu;
	domctl(XEN_DOMCTL_getvcpuinfo, c.domid, &op);
	return op.u.getvcpuinfo.cpu;
}

static void test_affinity(void)
{
	struct xen_sysctl s = { };
	unsigned int cpus;
	uint64_t all;

	sysctl(XEN_SYSCTL_physinfo, &s);
	cpus = s.u.physinfo.nr_cpus;
	all = (1UL << cpus) - 1;
	is((long)(hard() & all), (long)all, "a vcpu may run on all %u CPUs", cpus);
	for (unsigned int cpu = 0; cpu < cpus; cpu++) {
		is(set_hard(1UL << cpu), 0, "it is sent to CPU %u", cpu);
		is((long)map[0], 1L << cpu, "that is told");
		is((long)hard(), 1L << cpu, "and read back");
		ok(runs() && cpu_of(0) == cpu, "it runs there");
	}
	is(set_hard(0), -EINVAL, "no CPU at all is refused");
	is(set_hard(1UL << 63), -EINVAL, "CPUs that do not exist too");
	is((long)hard(), 1L << (cpus - 1), "and nothing was changed");
	is(set_hard(~0UL), 0, "all CPUs there may ever be");
	is((long)map[0], (long)all, "are those that are there");
	is((long)hard(), -1L, "read back as they were set");
	map[1] = 1;
	is(affinity(XEN_DOMCTL_setvcpuaffinity, 0, XEN_VCPUAFFINITY_SOFT, 64), 0, "a preference");
	map[1] = 0;
	affinity(XEN_DOMCTL_getvcpuaffinity, 0, XEN_VCPUAFFINITY_SOFT, 64);
	is((long)map[1], 1, "is read back");
	map[0] = ~0UL;
	is(affinity(XEN_DOMCTL_getvcpuaffinity, 0, XEN_VCPUAFFINITY_HARD, 3), 0, "a map of three bits");
	is((long)map[0], ~0xffL | 7, "gets three bits and no more than its byte");
	is(affinity(XEN_DOMCTL_setvcpuaffinity, 9, XEN_VCPUAFFINITY_HARD, 64), -EINVAL, "a vcpu that cannot be");
	is(affinity(XEN_DOMCTL_setvcpuaffinity, 0, 0, 64), -EINVAL, "nothing to set");
	is(affinity(XEN_DOMCTL_setvcpuaffinity, 0, 0x80, 64), -EINVAL, "unknown flags");
	op.u.vcpuaffinity.flags = XEN_VCPUAFFINITY_HARD;
	set_xen_guest_handle(op.u.vcpuaffinity.cpumap_hard.bitmap, (uint8_t *)0x1000);
	is(domctl(XEN_DOMCTL_setvcpuaffinity, c.domid, &op), -EFAULT, "an unreadable map");
	ok(runs(), "it runs");
}

/* ---- memory ---- */

static long populate(void)
{
	xen_pfn_t frame = CHILD_PAGES;
	struct xen_memory_reservation r = { .nr_extents = 1, .domid = (domid_t)c.domid };

	set_xen_guest_handle(r.extent_start, &frame);
	return hypercall(memory_op, XENMEM_populate_physmap, &r);
}

static long max_mem(unsigned long pages)
{
	op.u.max_mem.max_memkb = pages * 4;
	return domctl(XEN_DOMCTL_max_mem, c.domid, &op);
}

static void test_memory(void)
{
	is(max_mem(CHILD_PAGES / 2), 0, "a domain may be given a limit below what it has");
	domctl(XEN_DOMCTL_getdomaininfo, c.domid, &op);
	is((long)op.u.getdomaininfo.max_pages, CHILD_PAGES / 2, "it is read back");
	is((long)op.u.getdomaininfo.tot_pages, CHILD_PAGES, "nothing is taken away");
	is(populate(), 0, "but it gets no more");
	is(max_mem(CHILD_PAGES), 0, "a limit of what it has");
	is(populate(), 0, "no more either");
	is(max_mem(CHILD_PAGES + 1), 0, "one page more");
	is(populate(), 1, "is one page more");
	is(populate(), 0, "and not two");
	is(max_mem(CHILD_MEMORY), 0, "as it was");
	ok(runs(), "it runs");
}

/* ---- pauses ---- */

static long count_up(long unused, long unused2, long unused3)
{
	while (child_box()->word[1] == 0)
		child_box()->word[0]++;
	return 0;
}

static long suspend(long reason, long unused, long unused2)
{
	struct sched_shutdown s = { .reason = (unsigned int)reason };

	return hypercall(sched_op, SCHEDOP_shutdown, &s);
}

static bool counts(unsigned int ms)
{
	uint64_t was = c.box->word[0];

	return wait_for(c.box->word[0] != was, ms);
}

static uint64_t used_time(void)
{
	op.u.getvcpuinfo.vcpu = 1;
	domctl(XEN_DOMCTL_getvcpuinfo, c.domid, &op);
	return op.u.getvcpuinfo.cpu_time;
}

/* Does this vcpu's time record say that the domain was stopped? The flag is the guest's to clear. */
static long was_stopped(long unused, long unused2, long unused3)
{
	volatile uint8_t *flags = &this_pcpu()->info->time.flags;
	bool was = *flags & XEN_PVCLOCK_GUEST_STOPPED;

	*flags &= (uint8_t)~XEN_PVCLOCK_GUEST_STOPPED;
	return was;
}

static void test_stopped_flag(void)
{
	if (!xenolith()) {
		skip("Xen 4.17 does not say that a domain was paused");
		return;
	}
	is(child_call(&c, was_stopped, 0, 0, 0), 1, "a domain that was paused finds it in its time record");
	is(child_call(&c, was_stopped, 0, 0, 0), 0, "and clears it");
	wait_for(false, 20);
	is(child_call(&c, was_stopped, 0, 0, 0), 0, "for good");
}

static struct vcpu_guest_context good, bad, after;

static long context(unsigned int cmd, unsigned int vcpu, struct vcpu_guest_context *ctxt)
{
	op.u.vcpucontext.vcpu = vcpu;
	set_xen_guest_handle(op.u.vcpucontext.ctxt, (vcpu_guest_context_t *)ctxt);
	return domctl(cmd, c.domid, &op);
}

/* As a toolstack does that lets a suspended domain go on: the 1 says that it is where it was. */
static long resume_cancelled(void)
{
	long rc = context(XEN_DOMCTL_getvcpucontext, 0, &good);

	good.user_regs.rax = 1;
	return rc ?: context(XEN_DOMCTL_setvcpucontext, 0, &good) ?: domctl(XEN_DOMCTL_resumedomain, c.domid, &op);
}

static void test_pauses(void)
{
	unsigned int reason = 0;
	uint64_t time;

	c.box->word[1] = 0;
	child_begin(&c, 1, count_up, 0, 0, 0);
	ok(counts(5000), "vcpu 1 counts");
	time = used_time();
	ok(op.u.getvcpuinfo.online && !op.u.getvcpuinfo.blocked, "it is online and not blocked");
	counts(5000);
	wait_for(used_time() > time, 5000);
	ok(used_time() > time, "its time goes on");
	is(domctl(XEN_DOMCTL_pausedomain, c.domid, &op), 0, "paused");
	is(domctl(XEN_DOMCTL_pausedomain, c.domid, &op), 0, "and again");
	ok(!counts(30), "it stands still");
	time = used_time();
	is(domctl(XEN_DOMCTL_unpausedomain, c.domid, &op), 0, "unpaused");
	ok(!counts(30), "once is not enough");
	is((long)used_time(), (long)time, "its time stands still");
	is(domctl(XEN_DOMCTL_resumedomain, c.domid, &op), 0, "resume without a shutdown");
	ok(!counts(30), "is nothing");
	is(domctl(XEN_DOMCTL_unpausedomain, c.domid, &op), 0, "unpaused again");
	ok(counts(5000), "it goes on");
	is(domctl(XEN_DOMCTL_unpausedomain, c.domid, &op), -EINVAL, "once too often");
	is(domctl(XEN_DOMCTL_pausedomain, 0, &op), -EINVAL, "nobody pauses itself");
	test_stopped_flag();

	for (unsigned int i = 0; i < 10; i++) {
		child_begin(&c, 0, suspend, SHUTDOWN_suspend, 0, 0);
		ok(wait_for(child_shut_down(&c, &reason), 5000) && reason == SHUTDOWN_suspend, "it suspends itself");
		ok(!counts(i ? 2 : 30), "all of it: what is said to be shut down stands still");
		if (i & 1) {
			is(resume_cancelled(), 0, "resumed, with an answer");
			is(child_end(&c, 0), 1, "which it gets");
		} else {
			is(domctl(XEN_DOMCTL_resumedomain, c.domid, &op), 0, "resumed");
			is(child_end(&c, 0), 0, "its hypercall answers 0");
		}
		ok(counts(5000), "it goes on");
	}
	ok(!child_shut_down(&c, &reason), "and is not shut down");
	c.box->word[1] = 1;
	child_end(&c, 1);
	ok(runs(), "it runs");
}

/* ---- context ---- */

static bool unchanged(void)
{
	memset(&after, 0, sizeof(after));
	context(XEN_DOMCTL_getvcpucontext, 0, &after);
	return !memcmp(&after, &good, sizeof(good));
}

static void refused(long rc, const char *what)
{
	ok(rc < 0 && unchanged(), "%s: refused, nothing changed (%ld)", what, rc);
}

#define REFUSED(field, value, what) do {					\
	bad = good;								\
	bad.field = value;							\
	refused(context(XEN_DOMCTL_setvcpucontext, 0, &bad), what);		\
} while (0)
#define HOLE	0x0000800000000000UL

static void test_context(void)
{
	static uint64_t plain[512] __attribute__((aligned(4096)));
	unsigned long its_l1 = c.mfn[c.l4 + 3], its_page = c.mfn[c.start_info];

	domctl(XEN_DOMCTL_pausedomain, c.domid, &op);
	is(context(XEN_DOMCTL_getvcpucontext, 0, &good), 0, "the context of a vcpu");
	is((long)xen_cr3_to_pfn(good.ctrlreg[3]), (long)c.mfn[c.l4], "has the page table that it was given");
	REFUSED(user_regs.rip, HOLE, "XSA-7: non-canonical rip");
	REFUSED(event_callback_eip, HOLE, "XSA-7: event callback");
	REFUSED(failsafe_callback_eip, HOLE, "failsafe callback");
	REFUSED(syscall_callback_eip, HOLE, "system call callback");
	REFUSED(trap_ctxt[14].address, HOLE, "trap handler");
	REFUSED(trap_ctxt[14].address, 0xffff800000000000UL, "trap handler in the hypervisor");
	REFUSED(kernel_sp, HOLE, "stack pointer");
	REFUSED(fs_base, HOLE, "fs base");
	REFUSED(gs_base_kernel, HOLE, "gs base");
	REFUSED(gs_base_user, HOLE, "the other gs base");
	REFUSED(ctrlreg[3], xen_pfn_to_cr3(cr3_mfn()), "Domain0's page table");
	REFUSED(ctrlreg[3], xen_pfn_to_cr3(0xfffffffUL), "a page table that does not exist");
	REFUSED(ctrlreg[3], xen_pfn_to_cr3(its_page), "a page that is no page table");
	REFUSED(ctrlreg[3], xen_pfn_to_cr3(its_l1), "one of another level");
	REFUSED(ctrlreg[1], xen_pfn_to_cr3(va_to_mfn(plain)), "Domain0's page as the user's page table");
	bad = good;
	bad.gdt_ents = 512;
	bad.gdt_frames[0] = va_to_mfn(plain);
	refused(context(XEN_DOMCTL_setvcpucontext, 0, &bad), "Domain0's page as GDT");
	bad.gdt_frames[0] = its_page;
	refused(context(XEN_DOMCTL_setvcpucontext, 0, &bad), "a page that is mapped for writing as GDT");
	bad.gdt_frames[0] = 0xfffffff;
	refused(context(XEN_DOMCTL_setvcpucontext, 0, &bad), "a GDT that does not exist");
	REFUSED(gdt_ents, 0xffff, "a GDT too long");
	REFUSED(ldt_base, HOLE, "a non-canonical LDT");
	REFUSED(ldt_ents, 9000, "an LDT too long");
	refused(context(XEN_DOMCTL_setvcpucontext, 0, (void *)0x1000), "an unreadable context");
	refused(context(XEN_DOMCTL_setvcpucontext, 9, &good), "a vcpu that does not exist");
	is(context(XEN_DOMCTL_setvcpucontext, 0, &good), 0, "its own context can be set");
	ok(unchanged(), "and is what it was");
	domctl(XEN_DOMCTL_unpausedomain, c.domid, &op);
	ok(runs(), "it runs on");
	op.u.vcpucontext.vcpu = 0;
	set_xen_guest_handle(op.u.vcpucontext.ctxt, (vcpu_guest_context_t *)&good);
	is(domctl(XEN_DOMCTL_setvcpucontext, 0, &op), -EINVAL, "nobody sets its own");
}

static void make(void)
{
	if (child_make(&c, 1, VCPUS) || child_start(&c))
		bail("no child");
}

void test_main(void)
{
	unsigned long before;

	if (child_role())
		child_serve(vcpu_count());
	make();			/* what the hypervisor keeps for the next domain */
	child_destroy(&c);
	before = free_pages();
	make();
	test_shares();
	test_affinity();
	test_memory();
	test_pauses();
	test_context();
	is(child_destroy(&c), 0, "destroyed");
	wait_for(free_pages() >= before, 2000);
	is((long)free_pages(), (long)before, "no page is lost");
}
