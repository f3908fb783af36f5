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

#define EXTENT_SHIFT	6
#define CMD_MASK	((1UL << EXTENT_SHIFT) - 1)

/* Largest extents (XSA-158): guests 2 MiB, those with devices 128 MiB for contiguous DMA. */
#define GUEST_MAX_ORDER		9
#define HARDWARE_MAX_ORDER	15

struct reservation {			/* one call's state */
	struct domain *d;
	struct xen_memory_reservation r;
	unsigned long done;
	bool preempted;
};

static unsigned int max_order(const struct domain *d)
{
	return d->is_hardware ? HARDWARE_MAX_ORDER : GUEST_MAX_ORDER;
}

static int read_frame(unsigned long list, unsigned long i, unsigned long *frame)
{
	return copy_in(frame, list + i * sizeof(xen_pfn_t));
}

static int write_frame(unsigned long list, unsigned long i, unsigned long frame)
{
	return copy_out(list + i * sizeof(xen_pfn_t), &frame);
}

static unsigned int alloc_flags(unsigned int mem_flags)
{
	unsigned int bits = XENMEMF_get_address_bits(mem_flags);

	return bits && bits <= 32 ? ALLOC_DMA32 : ALLOC_ANY;
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

/* Undo an allocation that the guest cannot be told of. It may have given frames of it back by itself. */
static void drop_extent(struct domain *d, struct page_info *pg, unsigned int order)
{
	for (unsigned long n = 0; n < 1UL << order; n++)
		remove_frame(d, page_to_mfn(&pg[n]));
}

/* increase_reservation tells frames; populate_physmap also reads the pfn each is to have. */
static bool add_extent(struct reservation *c, bool populate)
{
	unsigned long list = (unsigned long)c->r.extent_start.p;
	unsigned int order = c->r.extent_order;
	unsigned long pfn = 0, n;
	struct page_info *pg;

	if (populate && read_frame(list, c->done, &pfn))
		return false;
	pg = alloc_domain_pages(c->d, order, alloc_flags(c->r.mem_flags));
	if (!pg)
		return false;
	n = mfn_x(page_to_mfn(pg));
	if (populate)
		for (unsigned long i = 0; i < 1UL << order; i++)
			set_m2p(mfn(n + i), pfn + i);
	if (list && write_frame(list, c->done, n)) {
		drop_extent(c->d, pg, order);
		return false;
	}
	return true;
}

static bool remove_extent(struct reservation *c)
{
	unsigned long frame;

	if (read_frame((unsigned long)c->r.extent_start.p, c->done, &frame))
		return false;
	for (unsigned long i = 0; i < 1UL << c->r.extent_order; i++)
		if (!remove_frame(c->d, mfn(frame + i))) {
			printk_guest("d%u: gives back frame %#lx, which it does not have\n",
				     c->d->id, frame + i);
			return false;
		}
	return true;
}

static long change_reservation(unsigned int cmd, unsigned long start, unsigned long arg)
{
	struct reservation c = { .done = start };
	long rc;

	if (copy_in(&c.r, arg))
		return start;
	if (c.r.nr_extents > ~0UL >> EXTENT_SHIFT || start >= c.r.nr_extents)
		return start;
	if (c.r.extent_order > max_order(current->domain))
		return start;
	c.d = domain_get(c.r.domid);
	if (!c.d)
		return start;
	rc = start;
	if (c.d != current->domain && rights_target(current->domain, c.d))
		goto out;
	for (; c.done < c.r.nr_extents; c.done++) {
		bool ok;

		if (c.done != start && hypercall_preempt()) {
			rc = hypercall_continue(__HYPERVISOR_memory_op,
						cmd | c.done << EXTENT_SHIFT, arg, 0, 0, 0);
			goto out;
		}
		ok = cmd == XENMEM_decrease_reservation ? remove_extent(&c) :
			add_extent(&c, cmd == XENMEM_populate_physmap);
		if (!ok)
			break;
	}
	rc = c.done;
out:
	domain_put(c.d);
	return rc;
}

/*
 * XENMEM_exchange: input frames leave the domain, output extents of the same total come in, one
 * chunk (the larger of the two extent sizes) at a time, all of it or nothing. Every list access
 * checks the very element it touches (XSA-29, XSA-212: copy_*_guest do).
 */
struct chunk {
	struct domain *d;
	const struct xen_memory_exchange *x;
	unsigned long index;
	unsigned int order;
	u32 taken;			/* ownerless frames, linked by ->next */
};

static int chunk_take(struct chunk *c)
{
	unsigned long nr = 1UL << (c->order - c->x->in.extent_order), frame;
	int rc;

	for (unsigned long i = 0; i < nr; i++) {
		if (read_frame((unsigned long)c->x->in.extent_start.p, c->index * nr + i, &frame))
			return -EFAULT;
		for (unsigned long j = 0; j < 1UL << c->x->in.extent_order; j++, frame++) {
			if (!mfn_valid(mfn(frame)))
				return -EINVAL;
			rc = steal_page(c->d, mfn_to_page(mfn(frame)));
			if (rc)
				return rc;
			frame_table[frame].next = c->taken;
			c->taken = frame;
		}
	}
	return 0;
}

static int chunk_give_one(struct chunk *c, unsigned long slot, u32 *got)
{
	unsigned long list = (unsigned long)c->x->out.extent_start.p, pfn;
	unsigned int order = c->x->out.extent_order;
	struct page_info *pg;

	if (read_frame(list, slot, &pfn))
		return -EFAULT;
	pg = alloc_domain_pages(c->d, order, alloc_flags(c->x->out.mem_flags));
	if (!pg)
		return -ENOMEM;
	*got = mfn_x(page_to_mfn(pg));
	for (unsigned long j = 0; j < 1UL << order; j++)
		set_m2p(mfn(*got + j), pfn + j);
	return write_frame(list, slot, *got);
}

static int chunk_give(struct chunk *c)
{
	unsigned int order = c->x->out.extent_order;
	unsigned long nr = 1UL << (c->order - order), i;
	u32 *got = new_array(u32, nr);
	int rc = got ? 0 : -ENOMEM;

	for (i = 0; i < nr && !rc; i++)
		rc = chunk_give_one(c, c->index * nr + i, &got[i]);
	while (rc && got && i-- > 0)
		if (got[i])
			drop_extent(c->d, &frame_table[got[i]], order);
	lib_free(got);
	return rc;
}

static int exchange_chunk(struct domain *d, const struct xen_memory_exchange *x, unsigned long index,
			  unsigned int order)
{
	struct chunk c = { .d = d, .x = x, .index = index, .order = order };
	int rc = chunk_take(&c);

	if (!rc)
		rc = chunk_give(&c);
	while (c.taken) {
		struct page_info *pg = &frame_table[c.taken];

		c.taken = pg->next;
		if (rc && !assign_page(d, pg))
			continue;
		set_m2p(page_to_mfn(pg), INVALID_M2P_ENTRY);
		free_stolen_page(pg);
	}
	return rc;
}

static long memory_exchange(unsigned long arg)
{
	struct xen_memory_exchange x;
	unsigned int order;
	unsigned long chunks, in_per, out_per;
	struct domain *d = current->domain;
	long rc = 0;

	if (copy_in(&x, arg))
		return -EFAULT;
	if (x.in.extent_order > max_order(d) || x.out.extent_order > max_order(d))
		return -EPERM;
	if (x.in.domid != DOMID_SELF && x.in.domid != d->id)
		return -EPERM;
	if (x.in.domid != x.out.domid || x.in.mem_flags >> 16 ||
	    x.nr_exchanged > x.in.nr_extents ||
	    x.in.nr_extents > ~0UL >> x.in.extent_order ||
	    x.out.nr_extents > ~0UL >> x.out.extent_order ||
	    x.in.nr_extents << x.in.extent_order != x.out.nr_extents << x.out.extent_order)
		return -EINVAL;
	order = max(x.in.extent_order, x.out.extent_order);
	in_per = 1UL << (order - x.in.extent_order);
	out_per = 1UL << (order - x.out.extent_order);
	if (x.in.nr_extents % in_per || x.out.nr_extents % out_per || x.nr_exchanged % in_per)
		return -EINVAL;
	/* The lists must be guest addresses as a whole before the first element moves. */
	if (!guest_addr_ok((unsigned long)x.in.extent_start.p, x.in.nr_extents * 8) ||
	    !guest_addr_ok((unsigned long)x.out.extent_start.p, x.out.nr_extents * 8) ||
	    x.in.nr_extents > 1UL << 40 || x.out.nr_extents > 1UL << 40)
		return -EFAULT;
	chunks = x.in.nr_extents / in_per;
	for (unsigned long c = x.nr_exchanged / in_per; c < chunks; c++) {
		rc = exchange_chunk(d, &x, c, order);
		if (rc)
			break;
		x.nr_exchanged += in_per;
		if (copy_field_out(arg, struct xen_memory_exchange, &x, nr_exchanged))
			return -EFAULT;
		if (c + 1 < chunks && hypercall_preempt())
			return hypercall_continue(__HYPERVISOR_memory_op, XENMEM_exchange, arg, 0, 0, 0);
	}
	return rc;
}

static long domain_number(unsigned int cmd, unsigned long arg)
{
	struct domain *d;
	domid_t id;
	long rc;

	if (copy_in(&id, arg))
		return -EFAULT;
	d = domain_get(id);
	if (!d)
		return -ESRCH;
	rc = d == current->domain ? 0 : rights_target(current->domain, d);
	if (!rc && cmd == XENMEM_current_reservation)
		rc = d->mm.tot_pages;
	else if (!rc && cmd == XENMEM_maximum_reservation)
		rc = d->mm.max_pages;
	else if (!rc)		/* maximum_gpfn: the highest pfn the guest told in its shared info */
		rc = (long)d->shared_info->arch.max_pfn - 1;
	domain_put(d);
	return rc;
}

/* The firmware's map; what is ours stays "RAM" there: Domain0 sees through the M2P who owns it. */
static long machine_memory_map(unsigned long arg)
{
	struct xen_memory_map map;
	unsigned int i;

	if (rights_hardware(current->domain))
		return -EPERM;
	if (copy_in(&map, arg))
		return -EFAULT;
	for (i = 0; i < boot_info.nr_e820 && i < map.nr_entries; i++) {
		struct __packed {
			u64 addr, size;
			u32 type;
		} e = { boot_info.e820[i].addr, boot_info.e820[i].size, boot_info.e820[i].type };

		if (copy_to_guest(guest_ptr((unsigned long)map.buffer.p + i * sizeof(e)), &e, sizeof(e)))
			return -EFAULT;
	}
	map.nr_entries = i;
	return copy_field_out(arg, struct xen_memory_map, &map, nr_entries);
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
		if (write_frame((unsigned long)list.extent_start.p, i, last))
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

/* A PV guest keeps its own physical map: there is nothing to enter, only M2P entries to set. */
static long add_to_physmap(unsigned long arg)
{
	struct xen_add_to_physmap x;

	return copy_in(&x, arg) ? -EFAULT : -EOPNOTSUPP;
}

static long reserved_device_memory(unsigned long arg)
{
	struct xen_reserved_device_memory_map map;

	if (copy_in(&map, arg))
		return -EFAULT;
	map.nr_entries = 0;
	return copy_field_out(arg, struct xen_reserved_device_memory_map, &map, nr_entries);
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
	case XENMEM_maximum_ram_page:
		return max_page - 1;
	case XENMEM_current_reservation:
	case XENMEM_maximum_reservation:
	case XENMEM_maximum_gpfn:
		return domain_number(op, arg);
	case XENMEM_machine_memory_map:
		return machine_memory_map(arg);
	case XENMEM_machphys_mfn_list:
		return machphys_mfn_list(arg);
	case XENMEM_machphys_mapping:
		return machphys_mapping(arg);
	case XENMEM_add_to_physmap:
		return add_to_physmap(arg);
	case XENMEM_reserved_device_memory_map:
		return reserved_device_memory(arg);
	default:
		return -ENOSYS;
	}
}
