// SPDX-License-Identifier: GPL-2.0-only
/*
 * VCPU operations: bringing up another vcpu, run states, registered areas, its own timers.
 */
#include "lib.h"

static volatile unsigned int phase, second_port;

static void second_main(void)
{
	uint16_t cs;

	asm volatile("mov %%cs, %0" : "=r"(cs));
	phase = cs == FLAT_KERNEL_CS ? 1 : 100;
	events_on();
	while (phase < 3)
		hypercall(sched_op, SCHEDOP_yield, 0UL);
	if (CATCH("ud2") == TRAP_UD)
		phase = 4;
	while (phase < 5)
		hypercall(sched_op, SCHEDOP_block, 0UL);
	events_off();
}

static void bad_contexts(unsigned int id)
{
	static struct vcpu_guest_context c;
	static uint64_t plain[512] __attribute__((aligned(4096)));

	is(hypercall(vcpu_op, VCPUOP_up, id, 0UL), -EINVAL, "a vcpu that was not initialised cannot go up");
	is(hypercall(vcpu_op, VCPUOP_initialise, id, 0x1000UL), -EFAULT, "an unreadable context");
	is(hypercall(vcpu_op, VCPUOP_initialise, 9999UL, &c), -ENOENT, "a vcpu that does not exist");
	vcpu_context(id, second_main, &c);
	c.ctrlreg[3] = xen_pfn_to_cr3(va_to_mfn(plain));
	ok(hypercall(vcpu_op, VCPUOP_initialise, id, &c) < 0, "a cr3 that is no page table");
	vcpu_context(id, second_main, &c);
	c.ctrlreg[3] = xen_pfn_to_cr3(0xfffffffUL);
	ok(hypercall(vcpu_op, VCPUOP_initialise, id, &c) < 0, "a cr3 that does not exist");
	vcpu_context(id, second_main, &c);
	c.flags &= ~(unsigned int)VGCF_in_kernel;
	c.ctrlreg[1] = 1;
	is(hypercall(vcpu_op, VCPUOP_initialise, id, &c), -EINVAL, "user mode without user page tables");
	vcpu_context(id, second_main, &c);
	c.event_callback_eip = 0x0000800000000000UL;
	is(hypercall(vcpu_op, VCPUOP_initialise, id, &c), -EINVAL, "XSA-7: a non-canonical event callback");
	vcpu_context(id, second_main, &c);
	c.gs_base_kernel = 0x0000800000000000UL;
	is(hypercall(vcpu_op, VCPUOP_initialise, id, &c), -EINVAL, "a non-canonical gs base");
	vcpu_context(id, second_main, &c);
	c.ldt_ents = 8193;
	is(hypercall(vcpu_op, VCPUOP_initialise, id, &c), -EINVAL, "an LDT with too many entries");
	vcpu_context(id, second_main, &c);
	c.gdt_ents = 1;
	c.gdt_frames[0] = 0xfffffffUL;
	ok(hypercall(vcpu_op, VCPUOP_initialise, id, &c) < 0, "a GDT frame that does not exist");
}

static void second_vcpu(void)
{
	struct vcpu_runstate_info run;
	struct evtchn_send send;

	is(hypercall(vcpu_op, VCPUOP_is_up, 1UL, 0UL), 0, "vcpu 1 is down");
	bad_contexts(1);
	is(vcpu_boot(1, second_main), 0, "it is initialised and brought up");
	ok(wait_for(phase == 1, 3000), "and runs");
	is(hypercall(vcpu_op, VCPUOP_is_up, 1UL, 0UL), 1, "it is up");
	{
		static struct vcpu_guest_context c;

		vcpu_context(1, second_main, &c);
		is(hypercall(vcpu_op, VCPUOP_initialise, 1UL, &c), -EEXIST, "it cannot be initialised again");
	}
	is(hypercall(vcpu_op, VCPUOP_up, 1UL, 0UL), 0, "bringing up what is up is fine");

	second_port = (unsigned int)bind_ipi(1);
	event_mask(second_port, false);
	send.port = second_port;
	is(evtchn(EVTCHNOP_send, &send), 0, "an IPI to it");
	ok(wait_for(event_count[second_port] == 1, 3000), "is taken there");
	phase = 3;
	ok(wait_for(phase == 4, 3000), "its traps work");
	is(hypercall(vcpu_op, VCPUOP_get_runstate_info, 1UL, &run), 0, "its run state");
	ok(run.state <= RUNSTATE_offline, "is one that exists");
	ok(run.time[RUNSTATE_running] > 0, "it has run for %lu us", run.time[RUNSTATE_running] / 1000);
	ok(wait_for((hypercall(vcpu_op, VCPUOP_get_runstate_info, 1UL, &run), run.state == RUNSTATE_blocked), 3000),
	   "it blocks");
	phase = 5;
	is(evtchn(EVTCHNOP_send, &send), 0, "an IPI");
	ok(wait_for(hypercall(vcpu_op, VCPUOP_is_up, 1UL, 0UL) == 0, 3000), "wakes it, and it takes itself down");
	ok(wait_for((hypercall(vcpu_op, VCPUOP_get_runstate_info, 1UL, &run), run.state == RUNSTATE_offline), 1000),
	   "its run state is offline");
	is(hypercall(vcpu_op, VCPUOP_up, 1UL, 0UL), 0, "it comes up again where it was");
	ok(wait_for(hypercall(vcpu_op, VCPUOP_is_up, 1UL, 0UL) == 0, 3000), "and goes down again");
}

static void runstate(void)
{
	static struct vcpu_runstate_info area;
	struct vcpu_runstate_info info;
	struct vcpu_register_runstate_memory_area r = { };
	uint64_t sum = 0;

	is(hypercall(vcpu_op, VCPUOP_get_runstate_info, 0UL, &info), 0, "our run state");
	is(info.state, RUNSTATE_running, "is running");
	for (int i = 0; i < 4; i++)
		sum += info.time[i];
	ok(sum > 0 && sum <= now() + 1000000000UL, "its times make sense: %lu ms", sum / 1000000);
	r.addr.v = &area;
	is(hypercall(vcpu_op, VCPUOP_register_runstate_memory_area, 0UL, &r), 0, "an area of ours that follows it");
	is(area.state, RUNSTATE_running, "is filled in");
	ok(area.state_entry_time > 0, "with a time");
	is(hypercall(vcpu_op, VCPUOP_get_runstate_info, 0UL, 0x1000UL), -EFAULT, "an unwritable argument");
	is(hypercall(vcpu_op, VCPUOP_get_runstate_info, 9999UL, &info), -ENOENT, "a vcpu that does not exist");
	is(hypercall(vcpu_op, 99UL, 0UL, &info), -ENOSYS, "an unknown operation");
	r.addr.v = NULL;
	is(hypercall(vcpu_op, VCPUOP_register_runstate_memory_area, 0UL, &r), 0, "the area is taken back");
}

static void registered_info(void)
{
	struct vcpu_info *place = page_alloc();
	struct vcpu_register_vcpu_info r = { .mfn = va_to_mfn(place), .offset = 64 };
	long port = bind_ipi(0);
	struct evtchn_send send = { .port = (evtchn_port_t)port };

	r.offset = PAGE_SIZE - 32;
	is(hypercall(vcpu_op, VCPUOP_register_vcpu_info, 0UL, &r), -ENXIO, "a vcpu_info across the end of a page");
	r.offset = 4;
	ok(hypercall(vcpu_op, VCPUOP_register_vcpu_info, 9999UL, &r) < 0, "a vcpu that does not exist");
	r.offset = 64;
	r.mfn = 0xfffffffUL;
	is(hypercall(vcpu_op, VCPUOP_register_vcpu_info, 0UL, &r), -EINVAL, "a frame that does not exist");
	r.mfn = cr3_mfn();
	is(hypercall(vcpu_op, VCPUOP_register_vcpu_info, 0UL, &r), -EINVAL, "a page table");
	r.mfn = va_to_mfn(place);
	is(hypercall(vcpu_op, VCPUOP_register_vcpu_info, 0UL, &r), 0, "a good one");
	pcpus[0].info = (struct vcpu_info *)((char *)place + 64);
	is(hypercall(vcpu_op, VCPUOP_register_vcpu_info, 0UL, &r), -EINVAL, "only once");
	ok(pcpus[0].info->time.tsc_to_system_mul != 0, "its time record is there");
	event_mask((unsigned int)port, false);
	event_count[port] = 0;
	events_on();
	evtchn(EVTCHNOP_send, &send);
	ok(event_count[port] >= 1, "events arrive through it");
	events_off();
	ok(now() > 0, "and time runs");
}

static void timers(void)
{
	long rc, port = bind_virq(VIRQ_TIMER, 0);
	unsigned int p = (unsigned int)port;
	struct vcpu_set_periodic_timer periodic = { .period_ns = 5000000 };
	struct vcpu_set_singleshot_timer once = { .flags = VCPU_SSHOTTMR_future };

	ok(port > 0, "the timer virq");
	event_mask(p, false);
	event_count[p] = 0;
	events_on();
	is(hypercall(vcpu_op, VCPUOP_set_periodic_timer, 0UL, &periodic), 0, "a periodic timer of 5 ms");
	ok(wait_for(event_count[p] >= 4, 3000), "ticks");
	is(hypercall(vcpu_op, VCPUOP_stop_periodic_timer, 0UL, 0UL), 0, "and stops");
	event_count[p] = 4;
	periodic.period_ns = 1000;
	is(hypercall(vcpu_op, VCPUOP_set_periodic_timer, 0UL, &periodic), -EINVAL, "a period below 1 ms is refused");
	once.timeout_abs_ns = now() - 1000000;
	rc = hypercall(vcpu_op, VCPUOP_set_singleshot_timer, 0UL, &once);
	/* The header promises -ETIME; Xen 4.17 fires at once instead. */
	ok(rc == -ETIME || (rc == 0 && wait_for(event_count[p] > 4, 1000)), "a single shot in the past: error or at once");
	event_count[p] = 0;
	once.timeout_abs_ns = now() + 20000000;
	is(hypercall(vcpu_op, VCPUOP_set_singleshot_timer, 0UL, &once), 0, "a single shot");
	ok(wait_for(event_count[p] == 1, 3000), "fires");
	once.timeout_abs_ns = now() + 30000000;
	is(hypercall(vcpu_op, VCPUOP_set_singleshot_timer, 0UL, &once), 0, "another");
	is(hypercall(vcpu_op, VCPUOP_stop_singleshot_timer, 0UL, 0UL), 0, "is stopped");
	ok(!wait_for(event_count[p] == 2, 60), "and does not fire");
	if (vcpu_count() >= 2)
		is(hypercall(vcpu_op, VCPUOP_set_singleshot_timer, 1UL, &once), -EINVAL, "another vcpu's timer is not ours to set");
	events_off();
}

void test_main(void)
{
	runstate();
	if (vcpu_count() >= 2)
		second_vcpu();
	else
		skip("one vcpu only");
	registered_info();
	timers();
}
