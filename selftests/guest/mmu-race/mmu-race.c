// SPDX-License-Identifier: GPL-2.0-only
/*
 * All vcpus at once change the roles of the same few frames: data, table of any level, pinned, loaded, mapped twice.
 *
 * Who manages to write a frame directly plants an entry there that maps the hypervisor's image. Who manages to pin a frame
 * looks for that entry: it must never be found in a validated table (XSA-182, 286, 401, 408). Afterwards every frame must be
 * ordinary memory again: no reference was lost or kept (XSA-242, 299, 310). `seed=N ms=N` repeat and prolong a run.
 */
#include "lib.h"

#define FRAMES 10
#define PLANTED (0x200000UL | PTE_RW_FLAGS)	/* RAM of the hypervisor: no validation accepts it */

static uint64_t *frame[FRAMES], *window[MAX_VCPUS];
static uint64_t seeds[MAX_VCPUS], end_time;
static volatile bool go;
static volatile unsigned long rounds, pinned, planted, bad;

static uint64_t rnd(void)
{
	uint64_t *s = &seeds[this_pcpu()->id];

	*s ^= *s << 13;
	*s ^= *s >> 7;
	*s ^= *s << 17;
	return *s;
}

#define COUNT(n) __atomic_fetch_add(&(n), 1, __ATOMIC_RELAXED)

static void look_into(uint64_t *table)
{
	for (unsigned int i = 0; i < 512; i++)
		if (!((table[i] ^ PLANTED) & (PTE_ADDR | PTE_P)))
			COUNT(bad);
}

static void plant(uint64_t *va, unsigned long i)
{
	if (try_write(&va[i], PLANTED) == NO_TRAP)
		COUNT(planted);
	/* Not always cleaned up: then nobody can validate the frame until somebody else does it. */
	if (rnd() % 8)
		try_write(&va[i], 0);
}

static void try_pin(uint64_t *f)
{
	unsigned int level = 1 + (unsigned int)(rnd() % 4);

	remap(f, PTE_RO_FLAGS);
	if (mmuext(MMUEXT_PIN_L1_TABLE + level - 1, va_to_mfn(f), 0))
		return;
	COUNT(pinned);
	look_into(f);
	if (rnd() % 2)
		set_pte(&f[rnd() % 512], make_pte(va_to_mfn(frame[rnd() % FRAMES]), PTE_TABLE_FLAGS));
	look_into(f);
	unpin(f);
}

static void one(void)
{
	uint64_t *f = frame[rnd() % FRAMES], *other = frame[rnd() % FRAMES], *own = window[this_pcpu()->id];
	unsigned long i = rnd() % 256;

	switch (rnd() % 10) {
	case 0:
		remap(f, PTE_RO_FLAGS);
		break;
	case 1:
		if (!remap(f, PTE_RW_FLAGS))
			plant(f, i);
		break;
	case 2:
		if (!map_mfn(own, va_to_mfn(f), PTE_RW_FLAGS))
			plant(own, i);
		map_mfn(own, 0, 0);
		break;
	case 3:
		set_pte(&f[i], make_pte(va_to_mfn(other), rnd() % 2 ? PTE_RO_FLAGS : PTE_TABLE_FLAGS));
		break;
	case 4:
		try_write(&f[i], make_pte(va_to_mfn(other), rnd() % 2 ? PTE_RO_FLAGS : PTE_TABLE_FLAGS));
		break;
	case 5:
		for (i = 0; i < 512; i++)
			if (f[i] && try_write(&f[i], 0) != NO_TRAP && set_pte(&f[i], 0))
				break;
		break;
	case 6:
		if (!mmuext(MMUEXT_NEW_USER_BASEPTR, va_to_mfn(f), 0))
			look_into(f);
		break;
	default:
		try_pin(f);
	}
	COUNT(rounds);
}

static void race(void)
{
	while (!go)
		hypercall(sched_op, SCHEDOP_yield, 0UL);
	while (now() < end_time)
		one();
	mmuext(MMUEXT_NEW_USER_BASEPTR, 0, 0);
	map_mfn(window[this_pcpu()->id], 0, 0);
}

void test_main(void)
{
	unsigned long seed = argument("seed", rdtsc() & 0xffffffff), ms = argument("ms", 1500);
	unsigned int vcpus = vcpu_count(), stuck = 0, alive = 0;

	printk("seed=%lu ms=%lu vcpus=%u\n", seed, ms, vcpus);
	for (unsigned int i = 0; i < FRAMES; i++)
		frame[i] = page_alloc();
	for (unsigned int i = 0; i < vcpus; i++) {
		window[i] = page_alloc();
		seeds[i] = (seed + i) * 2654435761UL + 1;
		if (i)
			is(vcpu_boot(i, race), 0, "vcpu %u", i);
	}
	end_time = now() + ms * 1000000UL;
	go = true;
	race();
	for (unsigned int i = 1; i < vcpus; i++)
		alive += !wait_for(!pcpus[i].alive, 5000);
	is(alive, 0, "all come to an end");
	ok(rounds > 20 && pinned && planted, "%lu changes, %lu pinned, %lu planted", rounds, pinned, planted);
	is((long)bad, 0, "no validated table had an entry that is not allowed");
	for (unsigned int i = 0; i < FRAMES; i++)
		stuck += remap(frame[i], PTE_RW_FLAGS) != 0;
	is(stuck, 0, "all frames are ordinary memory again");
}
