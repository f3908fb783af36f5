/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A machine for tests of what stands on frames and domains: a few frames of memory with a frame
 * table whose counters are plain, a few domains with vcpus, guest memory that is host memory.
 */
#ifndef DOMAINS_H
#define DOMAINS_H

#include "host.h"
#include <xenolith/layout.h>
#undef DIRECTMAP_START
#undef FRAMETABLE_START
#undef M2P_START
#define DIRECTMAP_START		((unsigned long)host_memory)
#define FRAMETABLE_START	((unsigned long)host_frame_table)
#define M2P_START		((unsigned long)host_m2p)
#define HOST_FRAMES		512
unsigned long host_m2p[HOST_FRAMES];
static unsigned char host_memory[HOST_FRAMES * 4096] __attribute__((aligned(4096)));
extern unsigned char host_frame_table[];

#include <xenolith/debug.h>
#include <xenolith/domain.h>
#include "no-hvm.h"
#include <xenolith/hypercall.h>
#include "../../hypervisor/lib/bitmap.c"

unsigned char host_frame_table[HOST_FRAMES * sizeof(struct page_info)] __attribute__((aligned(64)));
#define host_frames	((struct page_info *)host_frame_table)
u64 tlb_clock;

/* ---- frames: count in the low bits, type count and type above, as in mm.h ---- */

bool mfn_valid(mfn_t m)
{
	return mfn_x(m) < HOST_FRAMES;
}

bool get_page(struct page_info *pg, const struct domain *d)
{
	if (pg->owner != d->id || !page_count(pg))
		return false;
	pg->word += PG_COUNT_ONE;
	return true;
}

void put_page(struct page_info *pg)
{
	BUG_ON(!page_count(pg));
	pg->word -= PG_COUNT_ONE;
}

int get_page_and_type(struct page_info *pg, const struct domain *d, u64 type, bool preemptible)
{
	if (page_type_count(pg) && (pg->word & PG_TYPE_MASK) != type)
		return -EINVAL;
	if (!get_page(pg, d))
		return -EINVAL;
	pg->word = ((pg->word & ~PG_TYPE_MASK) | type) + PG_TYPE_COUNT_ONE;
	return 0;
}

void put_page_and_type(struct page_info *pg)
{
	BUG_ON(!page_type_count(pg));
	pg->word -= PG_TYPE_COUNT_ONE;
	put_page(pg);
}

/* The last frames are the hypervisor's own. */
static unsigned int host_hyp_frames;

static __maybe_unused void *host_hyp_page(void)
{
	unsigned int n = HOST_FRAMES - 1 - host_hyp_frames++;

	BUG_ON(n < HOST_FRAMES / 2);
	memset(&host_memory[n * 4096UL], 0, 4096);
	host_frames[n].word = PG_HYP | PG_COUNT_ONE;
	host_frames[n].owner = DOMID_XEN;
	return &host_memory[n * 4096UL];
}

/* ---- domains ---- */

#define HOST_DOMAINS	3
static struct domain *host_domain[HOST_DOMAINS];
struct domain *domain0;
struct vcpu *current;
static unsigned int host_kicks, host_preempt_after = ~0u;

struct domain *domain_get(domid_t id)
{
	struct domain *d = id == DOMID_SELF ? current->domain :
			   id < HOST_DOMAINS ? host_domain[id] : NULL;

	if (d)
		atomic_inc(&d->refcnt);
	return d;
}

void domain_hold(struct domain *d)
{
	atomic_inc(&d->refcnt);
}

void domain_put(struct domain *d)
{
	BUG_ON(atomic_dec_and_test(&d->refcnt));	/* the tests hold one themselves */
}

int rights_target(const struct domain *caller, const struct domain *target)
{
	return caller->is_control ? 0 : -EPERM;
}

int rights_hardware(const struct domain *caller)
{
	return caller->is_hardware ? 0 : -EPERM;
}

void vcpu_kick(struct vcpu *v)
{
	host_kicks++;
}

void vcpu_unblock(struct vcpu *v)
{
	clear_bit(VF_BLOCKED, &v->sched.flags);
}

/* True every host_preempt_after calls. */
bool hypercall_preempt(void)
{
	static unsigned int calls;

	return ++calls % host_preempt_after == 0;
}

static struct {
	unsigned long op, a1, a2, a3;
} host_continuation;

long hypercall_continue(unsigned long op, unsigned long a1, unsigned long a2, unsigned long a3,
			unsigned long a4, unsigned long a5)
{
	host_continuation.op = op;
	host_continuation.a1 = a1;
	host_continuation.a2 = a2;
	host_continuation.a3 = a3;
	return -ERESTART;
}

/* Guest memory: any address of the test but this one and what follows. */
#define HOST_BAD_ADDRESS	0x7fff00000000UL

int copy_from_guest_any(void *dst, const void __user *src, size_t n)
{
	if ((unsigned long)src >= HOST_BAD_ADDRESS && (unsigned long)src < HOST_BAD_ADDRESS + 4096)
		return -EFAULT;
	memcpy(dst, src, n);
	return 0;
}

int copy_to_guest_any(void __user *dst, const void *src, size_t n)
{
	if ((unsigned long)dst >= HOST_BAD_ADDRESS && (unsigned long)dst < HOST_BAD_ADDRESS + 4096)
		return -EFAULT;
	memcpy(dst, src, n);
	return 0;
}

/* Domain @id with @nr vcpus; each domain owns 64 frames from @id * 64 on. */
static __maybe_unused struct domain *host_domain_create(domid_t id, unsigned int nr)
{
	struct domain *d = calloc(1, sizeof(*d));

	d->id = id;
	d->is_control = d->is_hardware = id == 0;
	d->max_vcpus = nr;
	d->vcpu = calloc(nr, sizeof(*d->vcpu));
	d->shared_info = aligned_alloc(4096, 4096);
	memset(d->shared_info, 0, 4096);
	d->mm.max_pages = 1000;
	atomic_set(&d->refcnt, 1);
	for (unsigned int i = 0; i < nr; i++) {
		struct vcpu *v = calloc(1, sizeof(*v));

		v->id = i;
		v->domain = d;
		v->info = &d->shared_info->vcpu_info[i];
		d->vcpu[i] = v;
	}
	for (unsigned int i = 0; i < 64; i++) {
		host_frames[id * 64 + i].word = PG_ALLOCATED | PG_COUNT_ONE;
		host_frames[id * 64 + i].owner = id;
	}
	host_domain[id] = d;
	if (id == 0)
		domain0 = d;
	return d;
}

static __maybe_unused void host_domain_free(struct domain *d)
{
	for (unsigned int i = 0; i < d->max_vcpus; i++)
		free(d->vcpu[i]);
	free(d->vcpu);
	free(d->shared_info);
	host_domain[d->id] = NULL;
	free(d);
}

/* Frames of @d that hold more references than the domain's own. */
static __maybe_unused unsigned int host_frames_held(const struct domain *d)
{
	unsigned int held = 0;

	for (unsigned int i = d->id * 64; i < d->id * 64 + 64; i++)
		held += page_count(&host_frames[i]) != 1 || page_type_count(&host_frames[i]);
	return held;
}

#endif
