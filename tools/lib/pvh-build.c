// SPDX-License-Identifier: GPL-2.0-only
/*
 * Builds a PVH guest (include/xen/arch-x86/hvm/start_info.h). It goes by frame numbers of its own:
 *
 *	0            ┌───────────────────────────────────────┐ RAM
 *	  0x90000    │ start_info, module, memory map; command line
 *	  as linked  │ kernel
 *	  behind it  │ initrd
 *	  memory end └───────────────────────────────────────┘ at most HOLE; the rest of it begins at 4 GiB
 *	  0xfc000000   ACPI tables
 *	  0xfeffc000   store page, console page
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "build-common.h"
#include "pvh-acpi.h"
#include <xen/hvm/params.h>
#include <xen/hvm/save.h>
#include <xen/arch-x86/hvm/start_info.h>

#define PAGE 4096ull
#define HOLE (0xe0000000ull / PAGE)
#define ABOVE (0x100000000ull / PAGE)
#define START_INFO 0x90ull		/* and the page behind it: the command line */
#define ACPI 0xfc000ull
#define SPECIAL 0xfeffcull		/* store, console */
#define LARGE_ORDER 9
#define BATCH 2048			/* extents a call */

struct pvh {
	struct host *h;
	struct build *b;
	uint64_t low, high;		/* pages of RAM below HOLE, above 4 GiB */
	uint64_t initrd_pfn, initrd_bytes;
	int initrd;			/* file, or -1 */
};

/* --- memory -------------------------------------------------------------------------------------------------------- */

static long populate(struct pvh *g, xen_pfn_t *buffer, uint64_t pfn, unsigned int order, unsigned int count)
{
	struct xen_memory_reservation r = { .nr_extents = count, .extent_order = order, .domid = g->b->domid };
	unsigned int i;

	for (i = 0; i < count; i++)
		buffer[i] = pfn + ((uint64_t)i << order);
	set_xen_guest_handle(r.extent_start, buffer);
	return hcall_memory(g->h, XENMEM_populate_physmap, &r, sizeof(r));
}

/* Large extents as long as there are any, then single pages. */
static int get_range(struct pvh *g, xen_pfn_t *buffer, uint64_t pfn, uint64_t pages)
{
	unsigned int order = LARGE_ORDER;

	while (pages) {
		unsigned int o = pfn & ((1ull << order) - 1) || pages < 1ull << order ? 0 : order;
		uint64_t to_large = ((pfn | 511) + 1 - pfn) & 511, most = o ? pages >> o : order && to_large && to_large < pages ? to_large : pages;
		long done = populate(g, buffer, pfn, o, most < BATCH ? most : BATCH);

		if (done > 0) {
			pfn += (uint64_t)done << o;
			pages -= (uint64_t)done << o;
		} else if (order) {
			order = 0;
		} else {
			return msg_error(-ENOMEM, "not enough free memory: %lu MiB are missing", (unsigned long)(pages >> 8));
		}
	}
	return 0;
}

static int get_memory(struct pvh *g)
{
	xen_pfn_t *buffer = hcall_buffer(g->h, BATCH * sizeof(*buffer));
	int rc;

	if (!buffer)
		return msg_error(-ENOMEM, "no memory for a hypercall");
	rc = get_range(g, buffer, 0, g->low);
	rc = rc ?: get_range(g, buffer, ABOVE, g->high);
	rc = rc ?: get_range(g, buffer, ACPI, 1);
	rc = rc ?: get_range(g, buffer, SPECIAL, 2);
	hcall_buffer_free(g->h, buffer);
	return rc;
}

static unsigned int memory_map(const struct pvh *g, struct e820_entry map[4])
{
	map[0] = (struct e820_entry){ 0, g->low * PAGE, XEN_HVM_MEMMAP_TYPE_RAM };
	map[1] = (struct e820_entry){ ACPI * PAGE, PAGE, XEN_HVM_MEMMAP_TYPE_ACPI };
	map[2] = (struct e820_entry){ SPECIAL * PAGE, 2 * PAGE, XEN_HVM_MEMMAP_TYPE_RESERVED };
	map[3] = (struct e820_entry){ ABOVE * PAGE, g->high * PAGE, XEN_HVM_MEMMAP_TYPE_RAM };
	return g->high ? 4 : 3;
}

static uint8_t *map_range(struct pvh *g, uint64_t pfn, uint64_t pages)
{
	xen_pfn_t *frame = xcalloc(pages, sizeof(*frame));
	uint64_t i;
	void *p;

	for (i = 0; i < pages; i++)
		frame[i] = pfn + i;
	p = build_map(g->h, g->b, frame, pages);
	free(frame);
	return p;
}

/* --- contents ------------------------------------------------------------------------------------------------------ */

static int load_kernel(struct pvh *g, const struct image *image)
{
	uint64_t first = image->paddr_start / PAGE, pages = (image->paddr_end + PAGE - 1) / PAGE - first;
	uint8_t *to = map_range(g, first, pages);
	const struct image_segment *s;

	if (!to)
		return -ENOMEM;
	for (s = image->segment; s < image->segment + image->segments; s++) {
		uint8_t *at = to + (s->paddr - first * PAGE);

		build_copy(at, image->data + s->offset, s->bytes);
		build_zero(at + s->bytes, s->memory - s->bytes);
	}
	build_unmap(g->h, to, pages);
	return 0;
}

static int load_initrd(struct pvh *g)
{
	uint64_t pages = (g->initrd_bytes + PAGE - 1) / PAGE;
	uint8_t *to = pages ? map_range(g, g->initrd_pfn, pages) : NULL;
	int rc;

	if (!pages)
		return 0;
	if (!to)
		return -ENOMEM;
	rc = build_copy_ramdisk(g->b, to, g->initrd, g->initrd_bytes);
	build_unmap(g->h, to, pages);
	return rc;
}

struct first_page {
	struct hvm_start_info info;
	struct hvm_modlist_entry module;
	struct hvm_memmap_table_entry map[4];
};

static void fill_start_info(const struct pvh *g, struct first_page *p)
{
	struct e820_entry map[4];
	unsigned int i, entries = memory_map(g, map);
	uint64_t at = START_INFO * PAGE;

	p->info = (struct hvm_start_info){
		.magic = XEN_HVM_START_MAGIC_VALUE, .version = 1, .nr_modules = !!g->initrd_bytes,
		.modlist_paddr = at + offsetof(struct first_page, module), .cmdline_paddr = at + PAGE,
		.rsdp_paddr = ACPI * PAGE, .memmap_paddr = at + offsetof(struct first_page, map), .memmap_entries = entries,
	};
	p->module = (struct hvm_modlist_entry){ .paddr = g->initrd_pfn * PAGE, .size = g->initrd_bytes };
	for (i = 0; i < entries; i++)
		p->map[i] = (struct hvm_memmap_table_entry){ map[i].addr, map[i].size, map[i].type, 0 };
}

/* --- a kernel whose own Xen code sleeps -------------------------------------------------------------------------------- */

/* CPUID's first leaf: "XenolithPort". */
static int set_signature(struct pvh *g)
{
	struct xen_cpuid_leaf *leaf = hcall_buffer(g->h, sizeof(*leaf));
	struct xen_domctl op = { .u.cpu_policy.nr_leaves = 1 };
	int rc;

	if (!leaf)
		return msg_error(-ENOMEM, "no memory for a hypercall");
	*leaf = (struct xen_cpuid_leaf){ .leaf = 0x40000000, .subleaf = XEN_CPUID_NO_SUBLEAF };
	memcpy(&leaf->b, "XenolithPort", 12);
	set_xen_guest_handle(op.u.cpu_policy.leaves, leaf);
	rc = hcall_domctl(g->h, XEN_DOMCTL_set_cpu_policy, g->b->domid, &op);
	hcall_buffer_free(g->h, leaf);
	return rc < 0 ? msg_error(rc, "cannot hide the hypervisor from the kernel: %s", strerror(-rc)) : 0;
}

/*
 * There is no PIT, HPET or PM timer against which such a kernel could measure the time stamp counter: it is told. It is
 * told, too, that there is no I/O APIC: or it would want to leave the x2APIC mode in which its local APIC is for ever.
 * The caller's text comes behind, so that it decides.
 */
static int write_cmdline(struct pvh *g, char *to)
{
	struct xen_sysctl op = { };
	int rc;

	if (!g->b->asleep) {
		strncpy(to, g->b->cmdline, PAGE - 1);
		return 0;
	}
	rc = hcall_sysctl(g->h, XEN_SYSCTL_physinfo, &op);
	if (rc < 0)
		return msg_error(rc, "the hypervisor does not tell the speed of its clock: %s", strerror(-rc));
	snprintf(to, PAGE, "noapic tsc_early_khz=%u memhp_default_state=online %s", op.u.physinfo.cpu_khz, g->b->cmdline);
	return set_signature(g);
}

static int write_pages(struct pvh *g)
{
	uint8_t *start = map_range(g, START_INFO, 2), *acpi = start ? map_range(g, ACPI, 1) : NULL;
	int rc = acpi ? 0 : -ENOMEM;

	if (acpi) {
		fill_start_info(g, (struct first_page *)start);
		pvh_acpi(acpi, ACPI * PAGE, g->b->max_vcpus, g->b->asleep);
		build_unmap(g->h, acpi, 1);
		rc = write_cmdline(g, (char *)start + PAGE);
	}
	if (start)
		build_unmap(g->h, start, 2);
	return rc;
}

/* --- hypercalls ----------------------------------------------------------------------------------------------------- */

static int set_limits(struct pvh *g)
{
	struct e820_entry map[4];
	int rc = build_limits(g->h, g->b, map, memory_map(g, map));

	return rc < 0 ? msg_error(rc, "cannot set the memory map: %s", strerror(-rc)) : 0;
}

static int set_params(struct pvh *g)
{
	const struct {
		unsigned int index;
		uint64_t value;
	} params[] = {
		{ HVM_PARAM_STORE_PFN, g->b->store_mfn }, { HVM_PARAM_STORE_EVTCHN, g->b->store_port },
		{ HVM_PARAM_CONSOLE_PFN, g->b->console_mfn }, { HVM_PARAM_CONSOLE_EVTCHN, g->b->console_port },
		{ HVM_PARAM_PAE_ENABLED, 1 },
	};
	size_t i;
	int rc = 0;

	for (i = 0; i < sizeof(params) / sizeof(*params) && !rc; i++)
		rc = hcall_hvm_param(g->h, g->b->domid, params[i].index, params[i].value);
	return rc < 0 ? msg_error(rc, "cannot set a parameter of the domain: %s", strerror(-rc)) : 0;
}

struct __attribute__((packed)) context {
	struct hvm_save_descriptor desc;
	struct hvm_hw_cpu cpu;
	struct hvm_save_descriptor end;
};

/* 32-bit protected mode, flat, without paging; ebx: start_info. */
static void fill_context(struct context *c, uint64_t entry)
{
	c->desc = (struct hvm_save_descriptor){ HVM_SAVE_CODE(CPU), 0, sizeof(c->cpu) };
	c->cpu = (struct hvm_hw_cpu){
		.rip = entry, .rbx = START_INFO * PAGE, .rflags = 2, .cr0 = 0x11, .dr6 = 0xffff0ff0, .dr7 = 0x400,
		.cs_limit = ~0u, .ds_limit = ~0u, .es_limit = ~0u, .ss_limit = ~0u, .tr_limit = 0x67,
		.cs_arbytes = 0xc9b, .ds_arbytes = 0xc93, .es_arbytes = 0xc93, .ss_arbytes = 0xc93, .tr_arbytes = 0x8b,
	};
	c->end = (struct hvm_save_descriptor){ HVM_SAVE_CODE(END), 0, 0 };
}

static int start_vcpu(struct pvh *g, const struct image *image)
{
	struct context *c = hcall_buffer(g->h, sizeof(*c));
	struct xen_domctl op = { .u.hvmcontext.size = sizeof(*c) };
	int rc;

	if (!c)
		return msg_error(-ENOMEM, "no memory for a hypercall");
	fill_context(c, image->phys32_entry);
	set_xen_guest_handle(op.u.hvmcontext.buffer, (uint8_t *)c);
	rc = hcall_domctl(g->h, XEN_DOMCTL_sethvmcontext, g->b->domid, &op);
	hcall_buffer_free(g->h, c);
	return rc < 0 ? msg_error(rc, "the hypervisor refuses the first vcpu: %s", strerror(-rc)) : 0;
}

/* --- in order -------------------------------------------------------------------------------------------------------- */

static const char *place(struct pvh *g, const struct image *image)
{
	uint64_t kernel_end = (image->paddr_end + 0x1fffff) & ~0x1fffffull;

	g->low = g->b->pages < HOLE ? g->b->pages : HOLE;
	g->high = g->b->pages - g->low;
	g->initrd_pfn = kernel_end / PAGE;
	if (image->phys32_entry == IMAGE_UNSET)
		return "not built to run as a PVH guest";
	if (image->paddr_start < (START_INFO + 2) * PAGE)
		return "it wants memory below 1 MiB";
	if (g->initrd_pfn * PAGE + g->initrd_bytes + (4 << 20) > g->low * PAGE)
		return "more memory is needed for it and its ramdisk";
	return NULL;
}

static int prepare(struct pvh *g, const struct image *image)
{
	int rc = build_open_ramdisk(g->b, &g->initrd, &g->initrd_bytes);
	const char *wrong = rc ? NULL : place(g, image);

	if (wrong)
		return msg_error(-EINVAL, "kernel %s: %s", g->b->kernel, wrong);
	g->b->store_mfn = SPECIAL;
	g->b->console_mfn = SPECIAL + 1;
	rc = rc ?: host_memory(g->h);
	return rc ?: set_limits(g);
}

int build_pvh(struct host *h, struct build *b, struct image *image)
{
	struct pvh g = { .h = h, .b = b, .initrd = -1 };
	int rc = prepare(&g, image);

	rc = rc ?: get_memory(&g);
	rc = rc ?: load_kernel(&g, image);
	rc = rc ?: load_initrd(&g);
	rc = rc ?: write_pages(&g);
	rc = rc ?: set_params(&g);
	rc = rc ?: build_grants(h, b);
	rc = rc ?: start_vcpu(&g, image);
	if (g.initrd >= 0)
		close(g.initrd);
	return rc;
}
