// SPDX-License-Identifier: GPL-2.0-only
/*
 * Builds a 64-bit PV guest. Its memory comes in extents of 2 MiB; what must have contents is mapped here, filled, and
 * unmapped again before the page tables are handed over: a frame that is still mapped writable cannot be a page table.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include "build.h"
#include "domain.h"
#include "foreign.h"
#include <xen/grant_table.h>
#include "pv-layout.h"

#define LARGE_ORDER 9
#define BATCH 2048	/* extents a call */
#define SLACK_PAGES 256	/* what a PV guest may own beyond its memory, as Xen's toolstack allows it */

/* An entry of the memory map, as BIOS call 0xe820 gives it. */
struct __attribute__((packed)) e820_entry {
	uint64_t addr, size;
	uint32_t type;
};
#define E820_RAM 1

#define PTE_PRESENT 0x001ull
#define PTE_RW 0x002ull
#define PTE_USER 0x004ull
#define PTE_ACCESSED 0x020ull
#define PTE_DIRTY 0x040ull
#define PTE_LEAF (PTE_PRESENT | PTE_RW | PTE_USER | PTE_ACCESSED)
#define PTE_TABLE (PTE_LEAF | PTE_DIRTY)

struct pv {
	struct host *h;
	struct build *b;
	struct pv_layout l;
	xen_pfn_t *mfn;		/* of every pfn */
	uint64_t shared_info;	/* frame */
	int initrd;		/* file, or -1 */
	uint64_t initrd_bytes;
	bool leave_mapped;	/* the process ends soon, and its mappings with it */
};

/* --- contents ----------------------------------------------------------------------------------------------------- */

/*
 * Whole pages with registers as wide as the processor has them. Unaligned on the reading side: a ramdisk's or segment's
 * place in its file is what it is.
 */
typedef long long wide __attribute__((vector_size(32), aligned(1), may_alias));

__attribute__((target_clones("avx", "default")))
static void copy_large(uint8_t *to, const uint8_t *from, size_t bytes)
{
	wide *w = (wide *)to;
	const wide *r = (const wide *)from;
	size_t i;

	for (i = bytes / 128; i; i--, w += 4, r += 4) {
		wide a = r[0], b = r[1], c = r[2], d = r[3];

		w[0] = a;
		w[1] = b;
		w[2] = c;
		w[3] = d;
	}
	memcpy(w, r, bytes % 128);
}

static void *map_frames(struct pv *pv, const xen_pfn_t *mfn, size_t pages)
{
	void *p = xenforeignmemory_map(pv->h->memory, pv->b->domid, PROT_READ | PROT_WRITE, pages, mfn, NULL);

	if (!p)
		msg_error(0, "cannot map %zu pages of the new domain: %s", pages, strerror(errno));
	return p;
}

/* For the many pages of files. */
static void *map_large(struct pv *pv, const struct pv_range *range)
{
	void *p = foreign_map(pv->h, pv->b->domid, &pv->mfn[range->pfn], range->pages);

	if (!p)
		msg_error(0, "cannot map %lu pages of the new domain: %s", (unsigned long)range->pages, strerror(errno));
	return p;
}

static void *map_range(struct pv *pv, const struct pv_range *range)
{
	return map_frames(pv, &pv->mfn[range->pfn], range->pages);
}

static void unmap(struct pv *pv, void *p, size_t pages)
{
	if (pv->leave_mapped)
		return;
	xenforeignmemory_unmap(pv->h->memory, p, pages);
}

/* What the file has of a segment. The rest is zero as the hypervisor gave it. */
static int load_segment(struct pv *pv, const struct image *image, const struct image_segment *s)
{
	uint64_t offset = s->paddr - image->paddr_offset, skip = offset % PV_PAGE;
	struct pv_range range = { .pfn = offset / PV_PAGE, .pages = (skip + s->bytes + PV_PAGE - 1) / PV_PAGE };
	uint8_t *to;

	if (!s->bytes)
		return 0;
	to = map_large(pv, &range);
	if (!to)
		return -ENOMEM;
	copy_large(to + skip, image->data + s->offset, s->bytes);
	unmap(pv, to, range.pages);
	return 0;
}

static int load_kernel(struct pv *pv, const struct image *image)
{
	const struct image_segment *s;
	int rc = 0;

	for (s = image->segment; s < image->segment + image->segments && !rc; s++)
		rc = load_segment(pv, image, s);
	return rc;
}

static int load_initrd(struct pv *pv)
{
	uint8_t *from, *to;
	int rc = 0;

	if (!pv->initrd_bytes)
		return 0;
	from = mmap(NULL, pv->initrd_bytes, PROT_READ, MAP_PRIVATE, pv->initrd, 0);
	if (from == MAP_FAILED)
		return msg_error(-errno, "ramdisk %s: %s", pv->b->ramdisk, strerror(errno));
	to = map_large(pv, &pv->l.initrd);
	if (to) {
		copy_large(to, from, pv->initrd_bytes);
		unmap(pv, to, pv->l.initrd.pages);
	} else {
		rc = -ENOMEM;
	}
	if (!pv->leave_mapped)
		munmap(from, pv->initrd_bytes);
	return rc;
}

/*
 * In a PV Domain0 each page that a running process unmaps is a trap, tens of thousands for a kernel; the page tables of
 * one that ends are given up first and cost nothing. So a child maps and copies, and its end unmaps.
 */
static int load_files(struct pv *pv, const struct image *image)
{
	pid_t self = getpid(), pid = fork();
	int status, rc;

	if (pid < 0)
		return load_kernel(pv, image) ?: load_initrd(pv);
	if (!pid) {
		pv->leave_mapped = true;
		/* Whoever kills the creator destroys the domain next: what it is still mapped into would keep it. */
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (getppid() != self)
			_exit(1);
		rc = load_kernel(pv, image) ?: load_initrd(pv);
		_exit(rc ? 1 : 0);
	}
	fault_point("copy");
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return msg_error(-errno, "cannot wait for the copy of the kernel: %s", strerror(errno));
	return status ? -EIO : 0;
}

static int write_p2m(struct pv *pv)
{
	void *to = map_range(pv, &pv->l.p2m);

	if (!to)
		return -ENOMEM;
	copy_large(to, (const uint8_t *)pv->mfn, pv->b->pages * sizeof(*pv->mfn));
	unmap(pv, to, pv->l.p2m.pages);
	return 0;
}

static void fill_start_info(struct pv *pv, struct start_info *si)
{
	const struct pv_layout *l = &pv->l;

	memset(si, 0, PV_PAGE);
	strcpy(si->magic, "xen-3.0-x86_64");
	si->nr_pages = pv->b->pages;
	si->shared_info = pv->shared_info * PV_PAGE;
	si->store_mfn = pv->mfn[l->store.pfn];
	si->store_evtchn = pv->b->store_port;
	si->console.domU.mfn = pv->mfn[l->console.pfn];
	si->console.domU.evtchn = pv->b->console_port;
	si->pt_base = l->tables.virt;
	si->nr_pt_frames = l->tables.pages;
	si->mfn_list = l->p2m.virt;
	if (l->p2m_tables.pages) {
		si->first_p2m_pfn = l->p2m.pfn;
		si->nr_p2m_frames = l->p2m.pages + l->p2m_tables.pages;
	}
	if (pv->initrd_bytes) {
		bool mapped = l->initrd.virt != IMAGE_UNSET;

		si->flags = mapped ? 0 : SIF_MOD_START_PFN;
		si->mod_start = mapped ? l->initrd.virt : l->initrd.pfn;
		si->mod_len = pv->initrd_bytes;
	}
	strncpy((char *)si->cmd_line, pv->b->cmdline, MAX_GUEST_CMDLINE - 1);
}

/* start_info, store and console page lie side by side. */
static int write_special_pages(struct pv *pv)
{
	struct pv_range three = { .pfn = pv->l.start_info.pfn, .pages = 3 };
	uint8_t *p = map_range(pv, &three);

	if (!p)
		return -ENOMEM;
	fill_start_info(pv, (struct start_info *)p);
	memset(p + PV_PAGE, 0, 2 * PV_PAGE);
	unmap(pv, p, three.pages);
	pv->b->store_mfn = pv->mfn[pv->l.store.pfn];
	pv->b->console_mfn = pv->mfn[pv->l.console.pfn];
	return 0;
}

/* A guest starts with its events masked. */
static int write_shared_info(struct pv *pv)
{
	xen_pfn_t frame = pv->shared_info;
	struct shared_info *s = map_frames(pv, &frame, 1);
	unsigned int i;

	if (!s)
		return -ENOMEM;
	memset(s, 0, PV_PAGE);
	for (i = 0; i < XEN_LEGACY_MAX_VCPUS; i++)
		s->vcpu_info[i].evtchn_upcall_mask = 1;
	unmap(pv, s, 1);
	return 0;
}

/* The console and store daemons map their pages through these two reserved grants. */
static int write_grants(struct pv *pv)
{
	xenforeignmemory_resource_handle *resource;
	grant_entry_v1_t *table;
	void *p = NULL;

	resource = xenforeignmemory_map_resource(pv->h->memory, pv->b->domid, XENMEM_resource_grant_table,
						 XENMEM_resource_grant_table_id_shared, 0, 1, &p,
						 PROT_READ | PROT_WRITE, 0);
	if (!resource)
		return msg_error(-errno, "cannot map the new domain's grant table: %s", strerror(errno));
	table = p;
	table[GNTTAB_RESERVED_CONSOLE].frame = pv->b->console_mfn;
	table[GNTTAB_RESERVED_XENSTORE].frame = pv->b->store_mfn;
	table[GNTTAB_RESERVED_CONSOLE].flags = table[GNTTAB_RESERVED_XENSTORE].flags = GTF_permit_access;
	xenforeignmemory_unmap_resource(pv->h->memory, resource);
	return 0;
}

/* --- page tables --------------------------------------------------------------------------------------------------- */

typedef uint64_t table_t[512];

/*
 * Tables of the levels 3, 2 and 1 for [virt, virt + pages), out of @tables in this order. The tables of a level lie side
 * by side, so that a table is found by counting.
 *
 * Return: the tables of level 1.
 */
static table_t *make_tables(uint64_t *l4, table_t *tables, const xen_pfn_t *table_mfn, uint64_t virt, uint64_t pages)
{
	uint64_t last = virt + pages * PV_PAGE - 1, i;
	table_t *above = (table_t *)l4, *level = tables;
	uint64_t above_first = virt >> 48;
	int shift;

	for (shift = 39; shift >= 21; shift -= 9) {
		uint64_t first = virt >> shift;

		for (i = first; i <= last >> shift; i++)
			above[(i >> 9) - above_first][i & 511] = *table_mfn++ * PV_PAGE | PTE_TABLE;
		above = level;
		above_first = first;
		level += (last >> shift) - first + 1;
	}
	return above;
}

static void map_pages(struct pv *pv, table_t *l1, uint64_t virt, uint64_t pfn, uint64_t pages)
{
	const struct pv_range *own = &pv->l.tables;
	uint64_t *pte = l1[0] + (virt >> 12 & 511);
	uint64_t i;

	for (i = 0; i < pages; i++) {
		uint64_t p = pfn + i;
		uint64_t flags = p - own->pfn < own->pages ? PTE_LEAF & ~PTE_RW : PTE_LEAF;

		pte[i] = pv->mfn[p] * PV_PAGE | flags;
	}
}

static int write_tables(struct pv *pv)
{
	const struct pv_layout *l = &pv->l;
	uint64_t pages = (l->virt_end - l->virt_base) / PV_PAGE;
	table_t *main_tables = map_range(pv, &l->tables), *p2m_tables = NULL, *l1;

	if (!main_tables)
		return -ENOMEM;
	if (l->p2m_tables.pages) {
		p2m_tables = map_range(pv, &l->p2m_tables);
		if (!p2m_tables) {
			unmap(pv, main_tables, l->tables.pages);
			return -ENOMEM;
		}
	}
	memset(main_tables, 0, l->tables.pages * PV_PAGE);
	l1 = make_tables(main_tables[0], main_tables + 1, &pv->mfn[l->tables.pfn + 1], l->virt_base, pages);
	map_pages(pv, l1, l->virt_base, 0, pages);
	if (p2m_tables) {
		memset(p2m_tables, 0, l->p2m_tables.pages * PV_PAGE);
		l1 = make_tables(main_tables[0], p2m_tables, &pv->mfn[l->p2m_tables.pfn], l->p2m.virt, l->p2m.pages);
		map_pages(pv, l1, l->p2m.virt, l->p2m.pfn, l->p2m.pages);
		unmap(pv, p2m_tables, l->p2m_tables.pages);
	}
	unmap(pv, main_tables, l->tables.pages);
	return 0;
}

/* --- hypercalls ----------------------------------------------------------------------------------------------------- */

/* @count extents from @pfn on. Return: how many came. */
static long populate(struct pv *pv, xen_pfn_t *buffer, uint64_t pfn, unsigned int order, unsigned int count)
{
	struct xen_memory_reservation r = { .nr_extents = count, .extent_order = order, .domid = pv->b->domid };
	long done, i, k;

	for (i = 0; i < count; i++)
		buffer[i] = pfn + ((uint64_t)i << order);
	set_xen_guest_handle(r.extent_start, buffer);
	done = hcall_memory(pv->h, XENMEM_populate_physmap, &r, sizeof(r));
	for (i = 0; i < done; i++)
		for (k = 0; k < 1l << order; k++)
			pv->mfn[pfn + ((uint64_t)i << order) + k] = buffer[i] + k;
	return done;
}

/* Large extents as long as there are any, then single pages. */
static int get_memory(struct pv *pv)
{
	xen_pfn_t *buffer = hcall_buffer(pv->h, BATCH * sizeof(*buffer));
	unsigned int order = LARGE_ORDER;
	uint64_t pfn = 0, left;

	if (!buffer)
		return msg_error(-ENOMEM, "no memory for a hypercall");
	while ((left = pv->b->pages - pfn)) {
		unsigned int count;
		long done;

		if (order && left < 1ull << order)
			order = 0;
		count = left >> order < BATCH ? left >> order : BATCH;
		done = populate(pv, buffer, pfn, order, count);
		if (done > 0)
			pfn += (uint64_t)done << order;
		else if (order)
			order = 0;
		else
			break;
	}
	hcall_buffer_free(pv->h, buffer);
	if (left)
		return msg_error(-ENOMEM, "not enough free memory: %lu of %lu MiB could be given",
				 (unsigned long)(pfn >> 8), (unsigned long)(pv->b->pages >> 8));
	return 0;
}

/* How far the guest may grow: a kernel sizes its tables by this map. */
static int set_limits(struct pv *pv)
{
	struct xen_domctl op = { .u.max_mem.max_memkb = (pv->b->max_pages + SLACK_PAGES) * 4 };
	struct xen_foreign_memory_map map = { .domid = pv->b->domid, .map.nr_entries = 1 };
	struct e820_entry *entry;
	int rc = hcall_domctl(pv->h, XEN_DOMCTL_max_mem, pv->b->domid, &op);

	if (rc < 0)
		return msg_error(rc, "cannot set the memory limit: %s", strerror(-rc));
	entry = hcall_buffer(pv->h, sizeof(*entry));
	if (!entry)
		return msg_error(-ENOMEM, "no memory for a hypercall");
	*entry = (struct e820_entry){ .size = pv->b->max_pages * PV_PAGE, .type = E820_RAM };
	set_xen_guest_handle(map.map.buffer, entry);
	rc = hcall_memory(pv->h, XENMEM_set_memory_map, &map, sizeof(map));
	hcall_buffer_free(pv->h, entry);
	/* Without a map a kernel takes the memory it starts with as all it will ever have. */
	if (rc == -ENOSYS && pv->b->max_pages == pv->b->pages)
		return 0;
	return rc < 0 ? msg_error(rc, "cannot set the memory map: %s", strerror(-rc)) : 0;
}

static int hypercall_page(struct pv *pv, const struct image *image)
{
	uint64_t pfn = (image->hypercall_page - pv->l.virt_base) / PV_PAGE;
	struct xen_domctl op = { 0 };
	int rc;

	if (image->hypercall_page == IMAGE_UNSET)
		return 0;
	if (pfn - pv->l.kernel.pfn >= pv->l.kernel.pages)
		return msg_error(-EINVAL, "kernel %s: its hypercall page lies outside of it", pv->b->kernel);
	op.u.hypercall_init.gmfn = pv->mfn[pfn];
	rc = hcall_domctl(pv->h, XEN_DOMCTL_hypercall_init, pv->b->domid, &op);
	return rc < 0 ? msg_error(rc, "cannot fill the hypercall page: %s", strerror(-rc)) : 0;
}

static int start_vcpu(struct pv *pv, const struct image *image)
{
	struct vcpu_guest_context *c = hcall_buffer(pv->h, sizeof(*c));
	struct xen_domctl op = { .u.vcpucontext.vcpu = 0 };
	int rc;

	if (!c)
		return msg_error(-ENOMEM, "no memory for a hypercall");
	c->flags = VGCF_in_kernel | VGCF_online;
	c->user_regs.rip = image->entry;
	c->user_regs.rsp = pv->l.stack.virt + PV_PAGE;
	c->user_regs.rsi = pv->l.start_info.virt;
	c->user_regs.rflags = 1 << 9;
	c->user_regs.cs = FLAT_KERNEL_CS;
	c->user_regs.ss = c->kernel_ss = FLAT_KERNEL_SS;
	c->user_regs.ds = c->user_regs.es = c->user_regs.fs = c->user_regs.gs = FLAT_KERNEL_DS;
	c->kernel_sp = c->user_regs.rsp;
	c->ctrlreg[3] = pv->mfn[pv->l.tables.pfn] * PV_PAGE;
	c->debugreg[6] = 0xffff0ff0;
	c->debugreg[7] = 0x400;
	set_xen_guest_handle(op.u.vcpucontext.ctxt, c);
	rc = hcall_domctl(pv->h, XEN_DOMCTL_setvcpucontext, pv->b->domid, &op);
	hcall_buffer_free(pv->h, c);
	return rc < 0 ? msg_error(rc, "the hypervisor refuses the first vcpu: %s", strerror(-rc)) : 0;
}

/* --- in order -------------------------------------------------------------------------------------------------------- */

static int fill(struct pv *pv, struct image *image)
{
	struct xen_domctl_getdomaininfo info;
	int rc = hcall_domain_info(pv->h, pv->b->domid, &info);

	if (rc)
		return msg_error(rc, "the new domain has vanished");
	pv->shared_info = info.shared_info_frame;
	rc = load_files(pv, image);
	rc = rc ?: write_p2m(pv);
	rc = rc ?: write_special_pages(pv);
	rc = rc ?: write_shared_info(pv);
	rc = rc ?: write_grants(pv);
	return rc ?: write_tables(pv);
}

static int hand_over(struct pv *pv, const struct image *image)
{
	int rc = hcall_pin_l4(pv->h, pv->b->domid, pv->mfn[pv->l.tables.pfn]);

	if (rc < 0)
		return msg_error(rc, "the hypervisor refuses the page tables: %s", strerror(-rc));
	rc = hypercall_page(pv, image);
	return rc ?: start_vcpu(pv, image);
}

static int open_initrd(struct pv *pv)
{
	struct stat st;

	if (!pv->b->ramdisk)
		return 0;
	pv->initrd = open(pv->b->ramdisk, O_RDONLY | O_CLOEXEC);
	if (pv->initrd < 0 || fstat(pv->initrd, &st))
		return msg_error(-errno, "ramdisk %s: %s", pv->b->ramdisk, strerror(errno));
	pv->initrd_bytes = st.st_size;
	return 0;
}

static int prepare(struct pv *pv, const struct image *image)
{
	const char *wrong;
	int rc = open_initrd(pv);

	if (rc)
		return rc;
	if (!image->pv)
		return msg_error(-EINVAL, "kernel %s: not built to run as a Xen PV guest", pv->b->kernel);
	wrong = pv_layout(&pv->l, image, pv->b->pages, pv->initrd_bytes);
	if (wrong)
		return msg_error(-EINVAL, "kernel %s: %s", pv->b->kernel, wrong);
	rc = host_memory(pv->h);
	return rc ?: set_limits(pv);
}

int build_pv(struct host *h, struct build *b, struct image *image)
{
	struct pv pv = { .h = h, .b = b, .initrd = -1 };
	int rc = prepare(&pv, image);

	if (!rc) {
		pv.mfn = xcalloc(b->pages, sizeof(*pv.mfn));
		rc = get_memory(&pv);
	}
	rc = rc ?: fill(&pv, image);
	rc = rc ?: hand_over(&pv, image);
	if (pv.initrd >= 0)
		close(pv.initrd);
	free(pv.mfn);
	return rc;
}
