// SPDX-License-Identifier: GPL-2.0-only
/*
 * Random hypercalls: whatever the arguments, the machine survives and still answers.
 *
 * The seed is printed; `seed=N rounds=N` on the kernel's command line repeat and prolong a run. Arguments are drawn from
 * values that tend to hurt: pointers to our own pages, frames, bounds, the hypervisor's range. What would end this guest by
 * its own wish (shutting down, going to sleep, dropping its own mappings or handlers) is left out or undone, unless `wild=1`
 * is given: then anything goes, the guest soon dies of it, and only the hypervisor must live.
 */
#include "lib.h"

static uint64_t state;

static uint64_t rnd(void)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return state;
}

static uint8_t *area;		/* what pointers point to: filled with noise before each call */
static unsigned long area_mfn;

static uint64_t argument_value(void)
{
	switch (rnd() % 12) {
	case 0: return 0;
	case 1: return rnd() % 64;
	case 2: return ~0UL - rnd() % 16;
	case 3: return 1UL << (rnd() % 64);
	case 4: return rnd();
	case 5: return HYPERVISOR_VIRT_START + (rnd() % (HYPERVISOR_VIRT_END - HYPERVISOR_VIRT_START));
	case 6: return 0x0000800000000000UL - rnd() % 64;
	case 7: return area_mfn;
	case 8: return DOMID_SELF;
	default: return U(area) + rnd() % 2 * (PAGE_SIZE - 8 - rnd() % 64);
	}
}

static void fill(void)
{
	uint64_t *p = (uint64_t *)area;

	for (unsigned int i = 0; i < 32; i++)
		p[i] = rnd() % 3 ? argument_value() : rnd() % 8;
}

static bool wild;

static bool allowed_wild(unsigned int nr)
{
	switch (nr) {
	case __HYPERVISOR_console_io:
	case __HYPERVISOR_sched_op:
	case __HYPERVISOR_sched_op_compat:
		return false;
	case __HYPERVISOR_iret:		/* the quick deaths: seldom, or nothing else would be seen */
	case __HYPERVISOR_stack_switch:
	case __HYPERVISOR_set_trap_table:
	case __HYPERVISOR_set_callbacks:
	case __HYPERVISOR_callback_op:
	case __HYPERVISOR_set_segment_base:
		return rnd() % 1000 == 0;
	default:
		return true;
	}
}

static bool allowed(unsigned int nr, uint64_t a, uint64_t b)
{
	if (wild)
		return allowed_wild(nr);
	switch (nr) {
	case __HYPERVISOR_iret:
	case __HYPERVISOR_set_trap_table:	/* our own way out of trouble */
	case __HYPERVISOR_set_callbacks:
	case __HYPERVISOR_callback_op:
	case __HYPERVISOR_stack_switch:
	case __HYPERVISOR_set_segment_base:
	case __HYPERVISOR_console_io:		/* noise in the log; reading is tested elsewhere */
	case __HYPERVISOR_platform_op:		/* may legitimately switch the machine off */
	case __HYPERVISOR_sysctl:
	case __HYPERVISOR_domctl:
	case __HYPERVISOR_kexec_op:
	case __HYPERVISOR_sched_op_compat:
	case __HYPERVISOR_multicall:		/* would reach all of these */
	case __HYPERVISOR_mmu_update:		/* with luck unmaps us: see the separate loop below */
	case __HYPERVISOR_update_va_mapping:
	case __HYPERVISOR_update_va_mapping_otherdomain:
	case __HYPERVISOR_mmuext_op:
	case __HYPERVISOR_physdev_op:		/* reaches real devices */
	case __HYPERVISOR_set_gdt:
	case __HYPERVISOR_grant_table_op:	/* copies to frames of ours, whatever lies there */
		return false;
	case __HYPERVISOR_sched_op:
		return a == SCHEDOP_yield || a == SCHEDOP_remote_shutdown + 5 || a > 16;
	case __HYPERVISOR_vcpu_op:
		return (uint32_t)a != VCPUOP_down && (uint32_t)a != VCPUOP_register_vcpu_info && (uint32_t)a != VCPUOP_up &&
		       (uint32_t)a != VCPUOP_initialise &&
		       (uint32_t)a != VCPUOP_register_runstate_memory_area &&	/* would write our own pages later */
		       (uint32_t)a != VCPUOP_register_vcpu_time_memory_area && (uint32_t)a != VCPUOP_send_nmi;
	case __HYPERVISOR_memory_op:
		return (a & 63) != XENMEM_decrease_reservation;
	case __HYPERVISOR_event_channel_op:
		return true;
	default:
		return true;
	}
}

/* Some random number may be a frame of ours that nothing maps: an empty page table, or a page to clear. */
static void fuzz_mmuext(unsigned long victim)
{
	unsigned int cmd = (unsigned int)(rnd() % 25);
	bool own_only = cmd == MMUEXT_NEW_BASEPTR || cmd == MMUEXT_CLEAR_PAGE || cmd == MMUEXT_COPY_PAGE;

	mmuext(cmd, own_only || rnd() % 2 ? victim : argument_value(), argument_value());
}

/* Page-table calls on a page of their own: they may do anything but break the rules. */
static void fuzz_mmu(void)
{
	uint8_t *victim = page_alloc();
	pte_t *entry = walk(victim, 1), old = *entry;
	uint64_t value = rnd() % 4 ? make_pte(rnd() % 4 ? rnd() % 0x80000 : cr3_mfn(), rnd() & 0xfff) : rnd();

	switch (rnd() % 3) {
	case 0: mmu_update(va_to_maddr(entry) | (rnd() % 2 ? MMU_PT_UPDATE_PRESERVE_AD : 0), value); break;
	case 1: hypercall(update_va_mapping, victim, value, rnd() & 7); break;
	case 2: fuzz_mmuext(va_to_mfn(victim)); break;
	}
	mmu_update(va_to_maddr(entry), old);
}

void test_main(void)
{
	unsigned long seed = argument("seed", rdtsc() & 0xffffffff), rounds = argument("rounds", 20000), refused = 0;
	unsigned int nr = 0;

	wild = argument("wild", 0) != 0;
	printk("seed=%lu rounds=%lu\n", seed, rounds);
	state = seed * 2654435761UL + 1;
	area = page_alloc();
	area_mfn = va_to_mfn(area);
	page_alloc();
	for (unsigned long i = 0; i < rounds; i++) {
		uint64_t a, b;

		nr = (unsigned int)(rnd() % 64);
		fill();
		a = argument_value(), b = argument_value();
		if (rnd() % 2)
			a = rnd() % 40;
		if (!allowed(nr, a, b))
			continue;
		refused += hypercall5(nr, a, b, argument_value(), argument_value(), argument_value()) < 0;
		if (nr == __HYPERVISOR_set_debugreg)
			hypercall(set_debugreg, 7UL, 0UL);	/* a breakpoint on our own pages would be ours to handle */
		if (hypercall(xen_version, XENVER_version, 0UL) != ((4 << 16) | 17)) {
			ok(false, "the hypervisor no longer answers after round %lu", i);
			return;
		}
	}
	ok(refused > rounds / 8, "%lu random hypercalls: %lu refused, the machine is alive", rounds, refused);
	for (unsigned int i = 0; i < 400; i++)
		fuzz_mmu();
	is(hypercall(xen_version, XENVER_version, 0UL), (4 << 16) | 17, "400 random page-table calls: alive");
	ok(try_read(area, NULL) == NO_TRAP, "and our own memory is still there");
}
