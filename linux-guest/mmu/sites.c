// SPDX-License-Identifier: GPL-2.0-only
/*
 * Calls in the kernel's text, and where they go.
 *
 * At boot the kernel has made each paravirtual operation a direct call, `e8 rel32`, of the function that pv_ops named then.
 * The calls are found by what they must look like. All of a group are looked at and changed while every CPU waits, through
 * a second, writable mapping of the text that exists for no longer. (The kernel's way, a breakpoint at each call and a round
 * of all CPUs for each step, takes minutes for a thousand of them where the host has fewer CPUs than the domain.)
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt
#include <linux/module.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/stop_machine.h>
#include <linux/vmalloc.h>
#include <asm/sync_core.h>
#include <asm/text-patching.h>
#include "mmu.h"

/* How far apart the functions of one file of the kernel lie at most. */
#define SAME_FILE (64 << 10)

struct site {
	const u8 *call;
	const struct mmu_hook *hook;
};

#define MAX_SITES 4096
static struct site *sites;
static unsigned int nr_sites;

static bool calls(const u8 *call, unsigned long target)
{
	s32 rel;

	memcpy(&rel, call + 1, sizeof(rel));
	return call[0] == CALL_INSN_OPCODE && (unsigned long)call + CALL_INSN_SIZE + rel == target;
}

static const struct mmu_hook *hook_of(const u8 *call, const struct mmu_hook *hooks, unsigned int nr)
{
	for (const struct mmu_hook *hook = hooks; hook < hooks + nr; hook++)
		if (calls(call, hook->from) && (!hook->pad || call[CALL_INSN_SIZE] == BYTES_NOP1) &&
		    (hook->pad || abs((long)call - (long)hook->from) < SAME_FILE))
			return hook;
	return NULL;
}

static int find(const struct mmu_hook *hooks, unsigned int nr, const u8 *start, const u8 *end)
{
	for (const u8 *at = start; at + CALL_INSN_SIZE < end; at++) {
		const struct mmu_hook *hook;

		if (!((unsigned long)at % PAGE_SIZE))
			cond_resched();
		if (*at != CALL_INSN_OPCODE)
			continue;
		hook = hook_of(at, hooks, nr);
		if (!hook)
			continue;
		if (nr_sites == MAX_SITES)
			return -E2BIG;
		sites[nr_sites++] = (struct site){ at, hook };
	}
	return 0;
}

static bool has_sites(const struct mmu_hook *hook)
{
	unsigned int nr = 0;

	for (const struct site *site = sites; site < sites + nr_sites; site++)
		nr += site->hook == hook;
	pr_debug("%s: %u calls\n", hook->name, nr);
	return nr;
}

int mmu_sites_find(const struct mmu_hook *hooks, unsigned int nr, const void *start, const void *end)
{
	int rc;

	sites = vcalloc(MAX_SITES, sizeof(*sites));
	if (!sites)
		return -ENOMEM;
	rc = find(hooks, nr, start, end);
	for (unsigned int i = 0; i < nr && !rc; i++) {
		if (has_sites(&hooks[i]))
			continue;
		pr_err("no calls of %s as expected in this kernel\n", hooks[i].name);
		rc = -ENOENT;
	}
	if (rc)
		mmu_sites_forget();
	return rc;
}

void mmu_sites_forget(void)
{
	vfree(sites);
	sites = NULL;
	nr_sites = 0;
}

/* --- changing them --------------------------------------------------------------------------------------------------- */

struct change {
	const struct mmu_hook *hooks;
	unsigned int nr;
	bool ours;
	u8 *text;		/* writable, */
	unsigned long start;	/* of what begins here */
	atomic_t arrived;
	bool done;
	const u8 *foreign;	/* a call that is not as we left it: nothing was changed */
};

static bool concerned(const struct change *c, const struct site *site)
{
	return site->hook >= c->hooks && site->hook < c->hooks + c->nr;
}

static void look_at_sites(struct change *c)
{
	for (struct site *site = sites; site < sites + nr_sites && !c->foreign; site++)
		if (concerned(c, site) && !calls(site->call, c->ours ? site->hook->from : (unsigned long)site->hook->to))
			c->foreign = site->call;
}

static void change_sites(const struct change *c)
{
	for (struct site *site = sites; site < sites + nr_sites; site++) {
		unsigned long to = c->ours ? (unsigned long)site->hook->to : site->hook->from;
		s32 rel = to - ((unsigned long)site->call + CALL_INSN_SIZE);

		if (concerned(c, site))
			memcpy(c->text + ((unsigned long)site->call + 1 - c->start), &rel, sizeof(rel));
	}
}

/* On every CPU at once, with interrupts off. The first does it; no other runs on before it has forgotten what it fetched. */
static int change_stopped(void *data)
{
	struct change *c = data;

	if (atomic_inc_return(&c->arrived) == 1) {
		look_at_sites(c);
		if (!c->foreign)
			change_sites(c);
		smp_store_release(&c->done, true);	/* pairs with the acquire below */
	} else {
		while (!smp_load_acquire(&c->done))
			cpu_relax();
	}
	sync_core();
	return 0;
}

static int map_text(struct change *c)
{
	unsigned long start = ULONG_MAX, end = 0;
	struct page **pages;
	unsigned int nr;

	for (struct site *site = sites; site < sites + nr_sites; site++) {
		start = min(start, (unsigned long)site->call);
		end = max(end, (unsigned long)site->call + CALL_INSN_SIZE);
	}
	c->start = start & PAGE_MASK;
	nr = PFN_UP(end) - PFN_DOWN(start);
	pages = kvmalloc_array(nr, sizeof(*pages), GFP_KERNEL);
	if (!pages)
		return -ENOMEM;
	for (unsigned int i = 0; i < nr; i++)
		pages[i] = pfn_to_page(PFN_DOWN(__pa_symbol(c->start)) + i);
	c->text = vmap(pages, nr, VM_MAP, PAGE_KERNEL);
	kvfree(pages);
	return c->text ? 0 : -ENOMEM;
}

int mmu_sites_redirect(const struct mmu_hook *hooks, unsigned int nr, bool ours)
{
	struct change change = { .hooks = hooks, .nr = nr, .ours = ours };
	int rc = map_text(&change);

	if (rc)
		return rc;
	rc = stop_machine(change_stopped, &change, cpu_online_mask);
	vunmap(change.text);
	if (change.foreign) {
		pr_warn("%pS is not as expected: is there a kprobe on it?\n", change.foreign);
		rc = -EBUSY;
	}
	/* The kernel's functions stay where they are; ours may go. */
	if (!rc && !ours) {
		synchronize_rcu_tasks();
		synchronize_rcu_tasks_rude();
	}
	return rc;
}
