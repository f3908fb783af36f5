// SPDX-License-Identifier: GPL-2.0-only
/*
 * A builder of PV domains, as small as it can be. The child's memory, all of it mapped from VIRT_BASE on:
 *
 *	0 .. image | start_info | mailbox | p2m list (4 pages) | L4 L3 L2 L1... | free
 */
#include "child.h"
#include <elf.h>

#define NR_L1		(CHILD_PAGES / 512)
#define P2M_PAGES	(CHILD_PAGES * 8 / 4096)

unsigned int child_grant_version = 1;

static uint8_t *window;			/* a pool page through which the child's pages are filled */

long domctl(unsigned int cmd, unsigned int domid, struct xen_domctl *op)
{
	op->cmd = cmd;
	op->interface_version = XEN_DOMCTL_INTERFACE_VERSION;
	op->domain = (domid_t)domid;
	return hypercall(domctl, op);
}

long sysctl(unsigned int cmd, struct xen_sysctl *op)
{
	op->cmd = cmd;
	op->interface_version = XEN_SYSCTL_INTERFACE_VERSION;
	return hypercall(sysctl, op);
}

unsigned long free_pages(void)
{
	struct xen_sysctl op = { };

	return sysctl(XEN_SYSCTL_physinfo, &op) ? 0 : op.u.physinfo.free_pages;
}

unsigned long child_role(void)
{
	return argument("child", 0);
}

struct mailbox *child_box(void)
{
	return (struct mailbox *)((char *)start_info + PAGE_SIZE);
}

long map_foreign(void *va, unsigned long mfn, unsigned int domid, uint64_t flags)
{
	return hypercall(update_va_mapping_otherdomain, va, make_pte(mfn, flags), UVMF_INVLPG | UVMF_ALL, domid);
}

static void *open_page(struct child *c, unsigned long pfn)
{
	long rc = map_foreign(window, c->mfn[pfn], c->domid, PTE_RW_FLAGS);

	if (rc)
		bail("page %lu of the child cannot be mapped: %ld", pfn, rc);
	return window;
}

static long make_domain(struct child *c, unsigned int vcpus, bool hvm)
{
	struct xen_domctl op = { .u.createdomain = {
		.flags = hvm ? XEN_DOMCTL_CDF_hvm | XEN_DOMCTL_CDF_hap : 0,
		.max_vcpus = vcpus, .max_evtchn_port = 1023, .max_grant_frames = 4, .max_maptrack_frames = 4,
		.grant_opts = XEN_DOMCTL_GRANT_version(child_grant_version), .arch.emulation_flags = hvm ? XEN_X86_EMU_LAPIC : 0,
	} };
	long rc = domctl(XEN_DOMCTL_createdomain, 0, &op);

	if (rc)
		return rc;
	c->domid = op.domain;
	op.u.max_vcpus.max = vcpus;
	rc = domctl(XEN_DOMCTL_max_vcpus, c->domid, &op);
	op.u.max_mem.max_memkb = CHILD_MEMORY * 4;
	return rc ? rc : domctl(XEN_DOMCTL_max_mem, c->domid, &op);
}

static long fill_memory(struct child *c)
{
	struct xen_memory_reservation r = { .nr_extents = CHILD_PAGES, .domid = (domid_t)c->domid };
	long rc;

	for (unsigned long pfn = 0; pfn < CHILD_PAGES; pfn++)
		c->mfn[pfn] = pfn;
	set_xen_guest_handle(r.extent_start, c->mfn);
	rc = hypercall(memory_op, XENMEM_populate_physmap, &r);
	return rc == CHILD_PAGES ? 0 : rc < 0 ? rc : -ENOMEM;
}

/* Eight hexadecimal digits of the header of a "newc" archive. */
static unsigned long field(const char *s)
{
	unsigned long v = 0;

	for (int i = 0; i < 8; i++)
		v = v * 16 + (unsigned long)(s[i] <= '9' ? s[i] - '0' : (s[i] | 32) - 'a' + 10);
	return v;
}

/* Bytes of the initrd, which may lie behind the initial mapping: page by page. */
static void read_initrd(void *to, unsigned long from, unsigned long n)
{
	static uint8_t *page;

	if (!page)
		page = page_alloc();
	while (n) {
		unsigned long in = from & ~PAGE_MASK, part = PAGE_SIZE - in < n ? PAGE_SIZE - in : n;
		unsigned long pfn = start_info->flags & SIF_MOD_START_PFN ? start_info->mod_start :
				    va_to_pfn((void *)start_info->mod_start);

		if (map_mfn(page, p2m[pfn + (from >> 12)], PTE_RO_FLAGS))
			bail("the initrd cannot be mapped");
		memcpy(to, page + in, part);
		to = (char *)to + part;
		from += part;
		n -= part;
	}
}

/* Where in the initrd its first file begins. */
static unsigned long pristine(void)
{
	char header[110];
	Elf64_Ehdr e;
	unsigned long file;

	if (!start_info->mod_len)
		bail("no initrd (boot: -i self)");
	read_initrd(header, 0, sizeof(header));
	if (memcmp(header, "070701", 6))
		bail("the initrd is not an archive");
	file = (sizeof(header) + field(header + 94) + 3) & ~3UL;
	read_initrd(&e, file, sizeof(e));
	if (memcmp(e.e_ident, ELFMAG, SELFMAG))
		bail("the initrd's first file is not a micro-kernel");
	return file;
}

/* The first pfn behind the image. */
static unsigned long load_image(struct child *c, unsigned long *entry)
{
	unsigned long file = pristine(), end = 0;
	Elf64_Ehdr e;
	Elf64_Phdr p;

	read_initrd(&e, file, sizeof(e));
	for (unsigned int i = 0; i < e.e_phnum; i++) {
		read_initrd(&p, file + e.e_phoff + i * sizeof(p), sizeof(p));
		if (p.p_type != PT_LOAD)
			continue;
		for (unsigned long at = 0; at < p.p_filesz; at += PAGE_SIZE) {
			unsigned long n = p.p_filesz - at;

			read_initrd(open_page(c, (p.p_paddr + at) >> 12), file + p.p_offset + at, n < PAGE_SIZE ? n : PAGE_SIZE);
		}
		end = (p.p_paddr + p.p_memsz + PAGE_SIZE - 1) >> 12;
	}
	*entry = e.e_entry;
	return end;
}

static void fill_start_info(struct child *c, unsigned long role, unsigned long shared_info, unsigned long tables)
{
	struct start_info *si = open_page(c, c->start_info);
	char *s = (char *)si->cmd_line;

	memset(si, 0, PAGE_SIZE);
	memcpy(si->magic, "xen-3.0-x86_64", 15);
	si->nr_pages = CHILD_PAGES;
	si->shared_info = shared_info << 12;
	si->pt_base = VIRT_BASE + (c->l4 << 12);
	si->nr_pt_frames = tables;
	si->mfn_list = VIRT_BASE + ((c->start_info + 2) << 12);
	memcpy(s, "child=", 6);
	s += 6;
	if (role >= 10)
		*s++ = (char)('0' + role / 10);
	*s = (char)('0' + role % 10);
}

static void fill_p2m(struct child *c)
{
	for (unsigned int i = 0; i < P2M_PAGES; i++)
		memcpy(open_page(c, c->start_info + 2 + i), &c->mfn[i * 512], PAGE_SIZE);
}

static void fill_tables(struct child *c)
{
	unsigned long l3 = c->l4 + 1, l2 = l3 + 1, l1 = l2 + 1;
	pte_t *t = open_page(c, c->l4);

	t[511] = make_pte(c->mfn[l3], PTE_TABLE_FLAGS);
	t = open_page(c, l3);
	t[510] = make_pte(c->mfn[l2], PTE_TABLE_FLAGS);
	t = open_page(c, l2);
	for (unsigned int i = 0; i < NR_L1; i++)
		t[i] = make_pte(c->mfn[l1 + i], PTE_TABLE_FLAGS);
	for (unsigned int i = 0; i < NR_L1; i++) {
		t = open_page(c, l1 + i);
		for (unsigned int j = 0; j < 512; j++) {
			unsigned long pfn = i * 512 + j;
			bool table = pfn >= c->l4 && pfn < l1 + NR_L1;

			t[j] = make_pte(c->mfn[pfn], table ? PTE_RO_FLAGS : PTE_RW_FLAGS);
		}
	}
}

static long pin_foreign(struct child *c)
{
	struct mmuext_op op = { .cmd = MMUEXT_PIN_L4_TABLE, .arg1.mfn = c->mfn[c->l4] };

	if (remap(window, PTE_RW_FLAGS))
		bail("the window cannot be closed");
	return hypercall(mmuext_op, &op, 1UL, 0UL, c->domid);
}

static long set_context(struct child *c, unsigned long entry)
{
	static struct vcpu_guest_context ctxt;
	struct xen_domctl op = { };

	memset(&ctxt, 0, sizeof(ctxt));
	ctxt.flags = VGCF_in_kernel | VGCF_online;
	ctxt.user_regs.rip = entry;
	ctxt.user_regs.cs = FLAT_KERNEL_CS;
	ctxt.user_regs.ss = FLAT_KERNEL_SS;
	ctxt.user_regs.rsi = VIRT_BASE + (c->start_info << 12);
	ctxt.user_regs.rflags = 0x202;
	ctxt.ctrlreg[3] = xen_pfn_to_cr3(c->mfn[c->l4]);
	op.u.vcpucontext.vcpu = 0;
	set_xen_guest_handle(op.u.vcpucontext.ctxt, (vcpu_guest_context_t *)&ctxt);
	return domctl(XEN_DOMCTL_setvcpucontext, c->domid, &op);
}

static long step(const char *what, long rc)
{
	if (rc)
		note("child: %s: %ld", what, rc);
	return rc;
}

long child_make(struct child *c, unsigned long role, unsigned int vcpus)
{
	struct xen_domctl op = { };
	unsigned long entry;
	long rc;

	if (!window)
		window = page_alloc();
	rc = step("create", make_domain(c, vcpus, false));
	if (rc)
		return rc;
	rc = step("memory", fill_memory(c));
	rc = rc ? rc : step("info", domctl(XEN_DOMCTL_getdomaininfo, c->domid, &op));
	if (rc)
		return rc;
	c->start_info = load_image(c, &entry);
	c->l4 = c->start_info + 2 + P2M_PAGES;
	fill_start_info(c, role, op.u.getdomaininfo.shared_info_frame, 3 + NR_L1);
	fill_p2m(c);
	fill_tables(c);
	rc = step("pin", pin_foreign(c));
	rc = rc ? rc : step("context", set_context(c, entry));
	return rc ? rc : child_open_box(c);
}

/* Frames of such a domain are named by its own numbers: c->mfn stays the list of pfns. */
long child_make_hvm(struct child *c, unsigned int vcpus)
{
	unsigned long entry;
	long rc;

	if (!window)
		window = page_alloc();
	rc = step("create", make_domain(c, vcpus, true));
	rc = rc ? rc : step("memory", fill_memory(c));
	if (rc)
		return rc;
	c->start_info = load_image(c, &entry);
	c->l4 = c->start_info + 2;
	memset(open_page(c, c->start_info), 0, PAGE_SIZE);
	memset(open_page(c, c->start_info + 1), 0, PAGE_SIZE);
	return 0;
}

void *child_page(struct child *c, unsigned long pfn)
{
	return open_page(c, pfn);
}

long child_open_box(struct child *c)
{
	if (!c->box)
		c->box = page_alloc();
	return step("mailbox", map_foreign(c->box, c->mfn[c->start_info + 1], c->domid, PTE_RW_FLAGS));
}

long child_start(struct child *c)
{
	struct xen_domctl op = { };

	return domctl(XEN_DOMCTL_unpausedomain, c->domid, &op);
}

bool child_shut_down(struct child *c, unsigned int *reason)
{
	struct xen_domctl op = { };

	if (domctl(XEN_DOMCTL_getdomaininfo, c->domid, &op) || op.domain != c->domid)
		return false;
	*reason = op.u.getdomaininfo.flags >> XEN_DOMINF_shutdownshift & XEN_DOMINF_shutdownmask;
	return op.u.getdomaininfo.flags & XEN_DOMINF_shutdown;
}

long child_destroy(struct child *c)
{
	struct xen_domctl op = { };
	long rc;

	rc = domctl(XEN_DOMCTL_destroydomain, c->domid, &op);
	if (c->box && remap(c->box, PTE_RW_FLAGS))
		bail("the mailbox cannot be unmapped");
	return rc;
}

/* ---- calls ---- */

static void serve(void)
{
	struct mailbox *box = child_box();
	unsigned int cpu = this_pcpu()->id;

	for (;;) {
		while (box->call[cpu].asked == box->call[cpu].done)
			hypercall(sched_op, SCHEDOP_yield, 0UL);
		barrier();
		box->call[cpu].result = box->call[cpu].fn(box->call[cpu].a, box->call[cpu].b, box->call[cpu].c);
		barrier();
		box->call[cpu].done++;
	}
}

void child_serve(unsigned int vcpus)
{
	for (unsigned int id = 1; id < vcpus; id++)
		vcpu_boot(id, serve);
	serve();
	__builtin_unreachable();
}

void child_begin(struct child *c, unsigned int vcpu, child_fn *fn, long a, long b, long d)
{
	struct mailbox *box = c->box;

	box->call[vcpu].fn = fn;
	box->call[vcpu].a = a;
	box->call[vcpu].b = b;
	box->call[vcpu].c = d;
	barrier();
	box->call[vcpu].asked++;
}

long child_end(struct child *c, unsigned int vcpu)
{
	if (!wait_for(c->box->call[vcpu].done == c->box->call[vcpu].asked, 100000))
		bail("domain %u, vcpu %u does not answer", c->domid, vcpu);
	barrier();
	return c->box->call[vcpu].result;
}

long child_call(struct child *c, child_fn *fn, long a, long b, long d)
{
	child_begin(c, 0, fn, a, b, d);
	return child_end(c, 0);
}
