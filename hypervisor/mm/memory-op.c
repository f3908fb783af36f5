/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * memory_op: the size of a domain and its frame lists (ABI: xen/memory.h).
 *
 * Operations over extents can be interrupted; the number of extents done travels in the upper
 * bits of the command (MEMOP_EXTENT_SHIFT), as the ABI lets callers see.
 */
#include <xenolith/boot.h>
#include <xenolith/debug.h>
#include <xenolith/domain.h>
#include <xenolith/drivers.h>
#include <xenolith/hypercall.h>
#include "memory-map.h"

#define EXTENT_SHIFT	6
#define CMD_MASK	((1UL << EXTENT_SHIFT) - 1)

/* Largest extents (XSA-158): guests 2 MiB, those with devices 128 MiB for contiguous DMA. */
#define GUEST_MAX_ORDER		9
#define HARDWARE_MAX_ORDER	15

static unsigned int max_order(const struct domain *d)
{
	return d->is_hardware ? HARDWARE_MAX_ORDER : GUEST_MAX_ORDER;
}

/* The domain that @id names, if current may change it, with a reference; else NULL and why. */
static struct domain *get_target(domid_t id, long *rc)
{
	struct domain *d = domain_get(id);

	*rc = !d ? -ESRCH : d == current->domain ? 0 : rights_target(current->domain, d);
	if (!d || !*rc)
		return d;
	domain_put(d);
	return NULL;
}

/* Elements of a guest's list; each access checks the very element it touches (XSA-29, XSA-212). */
static int read_frame(const struct xen_memory_reservation *r, unsigned long i, unsigned long *frame)
{
	return copy_in(frame, (unsigned long)(r->extent_start.p + i));
}

static int write_frame(const struct xen_memory_reservation *r, unsigned long i, unsigned long frame)
{
	return copy_out((unsigned long)(r->extent_start.p + i), &frame);
}

/*
 * Give one frame back. Only the domain's own reference goes: a pin or mapping the guest still has
 * keeps the frame alive and typed (XSA-252).
 */
static bool remove_frame(struct domain *d, mfn_t m)
{
	struct page_info *pg;

	if (!mfn_valid(m))
		return false;
	pg = mfn_to_page(m);
	if (!get_page(pg, d))
		return false;
	if (__atomic_fetch_and(&pg->word, ~PG_ALLOCATED, __ATOMIC_SEQ_CST) & PG_ALLOCATED)
		put_page(pg);
	set_m2p(m, INVALID_M2P_ENTRY);
	put_page(pg);
	return true;
}

/* Hardware-assisted guests know frames by the numbers they gave them only. */
static int place_extent(struct domain *d, unsigned long gfn, mfn_t first, unsigned int order)
{
	int rc = p2m_add(d, gfn, first, order);

	for (unsigned long n = 0; rc && n < 1UL << order; n++) {
		p2m_remove(d, gfn + n);
		remove_frame(d, mfn_add(first, n));
	}
	return rc;
}

/*
 * 2^order new frames as element @i of the list @r says: their first is told there; with @populate
 * the pfn that it shall have is read there.
 */
static int add_extent(struct domain *d, const struct xen_memory_reservation *r, unsigned long i, bool populate)
{
	unsigned int bits = XENMEMF_get_address_bits(r->mem_flags);
	unsigned long pfn = 0, nr = 1UL << r->extent_order;
	struct page_info *pg;
	mfn_t first;

	if (populate && read_frame(r, i, &pfn))
		return -EFAULT;
	if (d->is_hvm && !populate)
		return -EOPNOTSUPP;
	pg = alloc_domain_pages(d, r->extent_order, bits && bits <= 32 ? ALLOC_DMA32 : ALLOC_ANY);
	if (!pg)
		return -ENOMEM;
	first = page_to_mfn(pg);
	for (unsigned long n = 0; populate && n < nr; n++)
		set_m2p(mfn_add(first, n), pfn + n);
	if (d->is_hvm)
		return place_extent(d, pfn, first, r->extent_order);
	if (!r->extent_start.p || !write_frame(r, i, mfn_x(first)))
		return 0;
	/* The guest cannot be told of them. It may have given some of them back by itself. */
	for (unsigned long n = 0; n < nr; n++)
		remove_frame(d, mfn_add(first, n));
	return -EFAULT;
}

static int remove_extent(struct domain *d, const struct xen_memory_reservation *r, unsigned long i)
{
	unsigned long frame;

	if (read_frame(r, i, &frame))
		return -EFAULT;
	for (unsigned long n = 0; n < 1UL << r->extent_order; n++)
		if (!remove_frame(d, d->is_hvm ? p2m_remove(d, frame + n) : mfn(frame + n))) {
			printk_guest("d%u: gives back frame %#lx, which it does not have\n", d->id, frame + n);
			return -EINVAL;
		}
	return 0;
}

/* Returns how many extents are done, whatever the error. */
static long change_reservation(unsigned int cmd, unsigned long start, unsigned long arg)
{
	struct xen_memory_reservation r;
	unsigned long done = start;
	struct domain *d;
	long rc;

	if (copy_in(&r, arg) || r.nr_extents > ~0UL >> EXTENT_SHIFT || start >= r.nr_extents ||
	    r.extent_order > max_order(current->domain))
		return start;
	d = get_target(r.domid, &rc);
	if (!d)
		return start;
	for (; !rc && done < r.nr_extents; done += !rc) {
		if (done != start && hypercall_preempt())
			break;
		rc = cmd == XENMEM_decrease_reservation ? remove_extent(d, &r, done) :
			add_extent(d, &r, done, cmd == XENMEM_populate_physmap);
	}
	if (d->is_hvm)
		p2m_flush(d);
	domain_put(d);
	if (!rc && done < r.nr_extents)
		return hypercall_continue(__HYPERVISOR_memory_op, cmd | done << EXTENT_SHIFT, arg, 0, 0, 0);
	return done;
}

/*
 * XENMEM_exchange: input frames leave the domain, output extents of the same total come in, one
 * chunk (the larger of the two extent sizes) at a time, all of it or nothing.
 */
struct chunk {
	struct domain *d;
	const struct xen_memory_exchange *x;
	unsigned long index, nr_in, nr_out;	/* extents of a chunk */
	u32 taken;				/* ownerless frames, linked by ->next */
};

static int chunk_take(struct chunk *c)
{
	const struct xen_memory_reservation *in = &c->x->in;
	unsigned long frame;
	int rc;

	for (unsigned long i = 0; i < c->nr_in; i++) {
		if (read_frame(in, c->index * c->nr_in + i, &frame))
			return -EFAULT;
		for (unsigned long n = 0; n < 1UL << in->extent_order; n++, frame++) {
			rc = mfn_valid(mfn(frame)) ? steal_page(c->d, mfn_to_page(mfn(frame))) : -EINVAL;
			if (rc)
				return rc;
			frame_table[frame].next = c->taken;
			c->taken = frame;
		}
	}
	return 0;
}

static int chunk_give(struct chunk *c)
{
	const struct xen_memory_reservation *out = &c->x->out;
	unsigned long i, frame, first = c->index * c->nr_out;
	int rc = 0;

	for (i = 0; i < c->nr_out && !rc; i++)
		rc = add_extent(c->d, out, first + i, true);
	/* What was told so far is taken back; the guest gets it from where it was told. */
	for (i--; rc && i-- > 0; )
		if (!read_frame(out, first + i, &frame))
			for (unsigned long n = 0; n < 1UL << out->extent_order; n++)
				remove_frame(c->d, mfn(frame + n));
	return rc;
}

static int exchange_chunk(struct chunk *c)
{
	int rc = chunk_take(c);

	if (!rc)
		rc = chunk_give(c);
	while (c->taken) {
		struct page_info *pg = &frame_table[c->taken];

		c->taken = pg->next;
		if (rc && !assign_page(c->d, pg))
			continue;
		set_m2p(page_to_mfn(pg), INVALID_M2P_ENTRY);
		free_domain_page(pg);
	}
	return rc;
}

static int check_exchange(const struct xen_memory_exchange *x, const struct domain *d)
{
	const struct xen_memory_reservation *in = &x->in, *out = &x->out;

	if (in->extent_order > max_order(d) || out->extent_order > max_order(d) ||
	    (in->domid != DOMID_SELF && in->domid != d->id))
		return -EPERM;
	if (in->domid != out->domid || in->mem_flags >> 16 || x->nr_exchanged > in->nr_extents ||
	    in->nr_extents > ~0UL >> in->extent_order || out->nr_extents > ~0UL >> out->extent_order ||
	    in->nr_extents << in->extent_order != out->nr_extents << out->extent_order)
		return -EINVAL;
	/* The lists must be guest addresses as a whole before the first element moves. */
	if (in->nr_extents > 1UL << 40 || !guest_addr_ok((unsigned long)in->extent_start.p, in->nr_extents * 8) ||
	    out->nr_extents > 1UL << 40 || !guest_addr_ok((unsigned long)out->extent_start.p, out->nr_extents * 8))
		return -EFAULT;
	return 0;
}

static long memory_exchange(unsigned long arg)
{
	struct xen_memory_exchange x;
	struct chunk c = { .d = current->domain, .x = &x };
	unsigned int order;
	int rc;

	if (c.d->is_hvm)
		return -EOPNOTSUPP;
	if (copy_in(&x, arg))
		return -EFAULT;
	rc = check_exchange(&x, c.d);
	if (rc)
		return rc;
	order = max(x.in.extent_order, x.out.extent_order);
	c.nr_in = 1UL << (order - x.in.extent_order);
	c.nr_out = 1UL << (order - x.out.extent_order);
	if (x.in.nr_extents % c.nr_in || x.out.nr_extents % c.nr_out || x.nr_exchanged % c.nr_in)
		return -EINVAL;
	while (x.nr_exchanged < x.in.nr_extents) {
		c.index = x.nr_exchanged / c.nr_in;
		rc = exchange_chunk(&c);
		if (rc)
			return rc;
		x.nr_exchanged += c.nr_in;
		if (copy_field_out(arg, struct xen_memory_exchange, &x, nr_exchanged))
			return -EFAULT;
		if (x.nr_exchanged < x.in.nr_extents && hypercall_preempt())
			return hypercall_continue(__HYPERVISOR_memory_op, XENMEM_exchange, arg, 0, 0, 0);
	}
	return 0;
}

static long domain_number(unsigned int cmd, unsigned long arg)
{
	struct domain *d;
	domid_t id;
	long rc;

	if (copy_in(&id, arg))
		return -EFAULT;
	d = get_target(id, &rc);
	if (!d)
		return rc;
	if (cmd == XENMEM_current_reservation)
		rc = d->mm.tot_pages;
	else if (cmd == XENMEM_maximum_reservation)
		rc = d->mm.max_pages;
	else			/* maximum_gpfn: the highest pfn the guest told in its shared info */
		rc = (long)d->shared_info->arch.max_pfn - 1;
	domain_put(d);
	return rc;
}

/* Frames that hold the M2P, one per 2 MiB. */
static long machphys_mfn_list(unsigned long arg)
{
	struct xen_machphys_mfn_list list;
	unsigned long va = M2P_START, last = 0;
	unsigned int i, nr = m2p_entries() * sizeof(long) >> SUPERPAGE_SHIFT;

	if (copy_in(&list, arg))
		return -EFAULT;
	for (i = 0; i < nr && i < list.max_extents; i++, va += SUPERPAGE_SIZE) {
		pte_t e;

		if (pt_walk(hyp_cr3(), va, &e))
			last = mfn_x(pte_mfn(e));	/* a hole repeats its predecessor */
		if (copy_out((unsigned long)(list.extent_start.p + i), &last))
			return -EFAULT;
	}
	list.nr_extents = i;
	return copy_field_out(arg, struct xen_machphys_mfn_list, &list, nr_extents);
}

static long machphys_mapping(unsigned long arg)
{
	struct xen_machphys_mapping map = {
		.v_start = M2P_RO_START,
		.v_end = M2P_RO_START + M2P_SIZE,
		.max_mfn = m2p_entries() - 1,
	};

	return copy_out(arg, &map);
}

static long claim_pages(unsigned long arg)
{
	struct xen_memory_reservation r;
	struct domain *d;
	long rc;

	if (rights_control(current->domain))
		return -EPERM;
	if (copy_in(&r, arg))
		return -EFAULT;
	if (r.extent_start.p || r.extent_order || r.mem_flags)
		return -EINVAL;
	d = domain_get(r.domid);
	if (!d)
		return -ESRCH;
	rc = mm_claim(d, r.nr_extents);
	domain_put(d);
	return rc;
}

static long put_frames(struct domain *d, struct xen_mem_acquire_resource *x)
{
	bool shared = x->id == XENMEM_resource_grant_table_id_shared;
	mfn_t m;
	int rc;

	for (u32 i = 0; i < x->nr_frames; i++) {
		rc = shared ? grant_frame_mfn(d, x->frame + i, &m) : grant_status_mfn(d, x->frame + i, true, &m);
		if (rc)
			return rc;
		if (copy_out((unsigned long)(x->frame_list.p + i), &m))
			return -EFAULT;
	}
	return 0;
}

/* Frames of the hypervisor's that belong to another domain, for its builder to map: grant frames. */
static long acquire_resource(unsigned long arg)
{
	struct xen_mem_acquire_resource x;
	struct domain *d;
	long rc;

	if (copy_in(&x, arg))
		return -EFAULT;
	if (x.pad || x.nr_frames > MAX_GRANT_FRAMES || (x.nr_frames && !x.frame_list.p) ||
	    (!x.nr_frames && x.frame_list.p))
		return -EINVAL;
	if (x.type != XENMEM_resource_grant_table || x.id > XENMEM_resource_grant_table_id_status)
		return -EOPNOTSUPP;
	d = domain_get(x.domid);
	if (!d)
		return -ESRCH;
	rc = rights_target(current->domain, d);
	if (!rc && x.nr_frames) {
		rc = put_frames(d, &x);
	} else if (!rc) {
		x.nr_frames = x.id == XENMEM_resource_grant_table_id_shared ? grant_max_frames(d) : grant_max_status_frames(d);
		rc = copy_field_out(arg, struct xen_mem_acquire_resource, &x, nr_frames);
	}
	domain_put(d);
	return rc;
}

/* Where a hardware-assisted guest wants the hypervisor's frames; memory that was there is given back. */
static int place_shared(struct domain *d, const struct xen_add_to_physmap *op)
{
	mfn_t m, old;
	int rc;

	if (op->space == XENMAPSPACE_shared_info) {
		m = virt_to_mfn(d->shared_info);
		rc = op->idx ? -EINVAL : 0;
	} else {
		rc = op->space != XENMAPSPACE_grant_table ? -EOPNOTSUPP :
		     op->idx & XENMAPIDX_grant_table_status ? grant_status_mfn(d, op->idx & ~XENMAPIDX_grant_table_status, true, &m) :
		     grant_frame_mfn(d, op->idx, &m);
	}
	if (rc)
		return rc;
	old = p2m_remove(d, op->gpfn);
	remove_frame(d, old);
	return p2m_add(d, op->gpfn, m, 0);
}

static long physmap(unsigned int cmd, unsigned long arg)
{
	struct xen_remove_from_physmap remove;
	struct xen_add_to_physmap add;
	bool adds = cmd == XENMEM_add_to_physmap;
	struct domain *d;
	long rc;

	if (adds ? copy_in(&add, arg) : copy_in(&remove, arg))
		return -EFAULT;
	d = get_target(adds ? add.domid : remove.domid, &rc);
	if (!d)
		return rc;
	if (!d->is_hvm)
		rc = -EOPNOTSUPP;		/* a PV guest keeps its own physical map */
	else if (adds)
		rc = place_shared(d, &add);
	else
		rc = remove_frame(d, p2m_remove(d, remove.gpfn)) ? 0 : -EINVAL;
	if (d->is_hvm)
		p2m_flush(d);
	domain_put(d);
	return rc;
}

long do_memory_op(unsigned long cmd, unsigned long arg, unsigned long a3, unsigned long a4,
		  unsigned long a5)
{
	unsigned int op = cmd & CMD_MASK;
	unsigned long start = cmd >> EXTENT_SHIFT;

	switch (op) {
	case XENMEM_increase_reservation:
	case XENMEM_decrease_reservation:
	case XENMEM_populate_physmap:
		return change_reservation(op, start, arg);
	}
	if (start)
		return -EINVAL;
	switch (op) {
	case XENMEM_exchange:
		return memory_exchange(arg);
	case XENMEM_claim_pages:
		return claim_pages(arg);
	case XENMEM_acquire_resource:
		return acquire_resource(arg);
	case XENMEM_maximum_ram_page:
		return max_page - 1;
	case XENMEM_current_reservation:
	case XENMEM_maximum_reservation:
	case XENMEM_maximum_gpfn:
		return domain_number(op, arg);
	case XENMEM_machine_memory_map:
	case XENMEM_memory_map:
	case XENMEM_set_memory_map:
		return memory_map_op(op, arg);
	case XENMEM_machphys_mfn_list:
		return machphys_mfn_list(arg);
	case XENMEM_machphys_mapping:
		return machphys_mapping(arg);
	case XENMEM_add_to_physmap:
	case XENMEM_remove_from_physmap:
		return physmap(op, arg);
	}
	return -ENOSYS;
}
