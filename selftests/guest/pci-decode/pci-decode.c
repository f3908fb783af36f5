// SPDX-License-Identifier: GPL-2.0-only
/*
 * A device's memory goes and comes back, as when a kernel sizes its registers, while other processors take interrupts.
 *
 * QEMU finds what an address belongs to by a map that may be a newer one than the processor's TLB: it died of that, or an
 * interrupt was lost, until the hypervisor had the other processors wait meanwhile. `rounds=N` prolongs a run.
 *
 * boot: -s 4
 */
#include "lib.h"

#define VENDOR		0
#define COMMAND		4
#define CLASS		8
#define BAR0		0x10
#define DISPLAY		3		/* class */
#define DECODE		2u
#define PATIENCE	1000000000UL	/* ns that a timer may be late */

static volatile bool stop;
static volatile unsigned long calls[MAX_VCPUS], lost[MAX_VCPUS];

static uint32_t config(unsigned int device, unsigned int reg)
{
	uint32_t v;

	asm volatile("outl %0, %%dx" : : "a"(0x80000000u | device << 11 | reg), "d"(0xcf8));
	asm volatile("inl %%dx, %0" : "=a"(v) : "d"(0xcfc));
	return v;
}

static void set_config(unsigned int device, unsigned int reg, uint32_t v)
{
	asm volatile("outl %0, %%dx" : : "a"(0x80000000u | device << 11 | reg), "d"(0xcf8));
	asm volatile("outl %0, %%dx" : : "a"(v), "d"(0xcfc));
}

/* Every timer is some accesses to the local APIC. More of them would find nothing: QEMU lets none in while it makes the map. */
static void interrupts(void)
{
	unsigned int id = this_pcpu()->id, port = (unsigned int)bind_virq(VIRQ_TIMER, id);

	while (!stop) {
		uint64_t end = now() + PATIENCE;

		event_clear(port);
		hypercall(set_timer_op, now() + 300000);
		while (!event_pending(port) && now() < end)
			asm volatile("pause");
		calls[id]++;
		lost[id] += !event_pending(port);
	}
	hypercall(set_timer_op, 0UL);
}

static int find_display(void)
{
	for (unsigned int device = 0; device < 32; device++)
		if ((uint16_t)config(device, VENDOR) != 0xffff && config(device, CLASS) >> 24 == DISPLAY)
			return (int)device;
	return -1;
}

void test_main(void)
{
	struct physdev_set_iopl iopl = { .iopl = 1 };
	unsigned long rounds = argument("rounds", 200);
	unsigned int vcpus = vcpu_count(), device, busy = 0, missing = 0, alive = 0;
	uint32_t command, bar;
	int found;

	is(hypercall(physdev_op, PHYSDEVOP_set_iopl, &iopl), 0, "ports may be used");
	found = find_display();
	if (!ok(found >= 0, "there is a display: device %d", found))
		return;
	device = (unsigned int)found;
	command = config(device, COMMAND) & 0xffff;
	bar = config(device, BAR0);
	ok(command & DECODE, "it has memory");
	for (unsigned int i = 1; i < vcpus; i++)
		is(vcpu_boot(i, interrupts), 0, "vcpu %u", i);
	for (unsigned long i = 0; i < rounds; i++) {
		set_config(device, COMMAND, command & ~DECODE);
		set_config(device, BAR0, ~0u);
		set_config(device, BAR0, bar);
		set_config(device, COMMAND, command);
	}
	is(config(device, BAR0), (long)bar, "it is where it was");
	is(config(device, COMMAND) & 0xffff, (long)command, "and answers");
	stop = true;
	for (unsigned int i = 1; i < vcpus; i++) {
		missing += (unsigned int)lost[i];
		busy += calls[i] > rounds / 10;
		alive += !wait_for(!pcpus[i].alive, 5000);
	}
	is(busy, (long)vcpus - 1, "the others were at work");
	is(missing, 0, "and no timer was lost");
	is(alive, 0, "all come to an end");
}
