// SPDX-License-Identifier: GPL-2.0-only
/*
 * Memory of the vcpu that runs here by virtual address: its page tables are walked as the processor would,
 * but for A and D bits. Tables and leaf can change under us at any time: each frame is referenced, as one
 * of the domain's own, before it is touched. Entries of tables are read without: a guest that gives a table
 * away while it is in use misleads itself only.
 */
#include "hvm-private.h"

/* An entry of @bytes at guest physical address @gpa; 0 (not present) when nothing is there. */
static u64 read_entry(struct domain *d, u64 gpa, unsigned int bytes)
{
	struct page_info *pg = p2m_get_page(d, gpa >> PAGE_SHIFT, false);
	const u8 *p;
	u64 e;

	if (!pg)
		return 0;
	p = (const u8 *)page_to_virt(pg) + (gpa & ~PAGE_MASK & ~(bytes - 1UL));
	e = bytes == 8 ? READ_ONCE(*(const u64 *)p) : READ_ONCE(*(const u32 *)p);
	put_page(pg);
	return e;
}

struct paging {
	unsigned int levels, bytes, bits;	/* entries of a table: 2^bits, each of bytes */
};

static struct paging paging_of(const struct hvm_mode *m)
{
	if (m->efer & EFER_LMA)
		return (struct paging){ 4, 8, 9 };
	return m->cr4 & X86_CR4_PAE ? (struct paging){ 3, 8, 9 } : (struct paging){ 2, 4, 10 };
}

/* Guest physical address of @va; false: not mapped so. */
static bool translate(struct domain *d, const struct hvm_mode *m, unsigned long va, bool write, u64 *gpa)
{
	struct paging pg = paging_of(m);
	u64 e = m->cr3 & (pg.levels == 3 ? ~0x1fUL : PTE_ADDR), offset;

	*gpa = va;
	if (!(m->cr0 & X86_CR0_PG))
		return true;
	for (unsigned int level = pg.levels; level; level--) {
		unsigned int shift = PAGE_SHIFT + pg.bits * (level - 1);
		u64 index = va >> shift & (BIT(pg.levels == 3 && level == 3 ? 2 : pg.bits) - 1);

		e = read_entry(d, (level == pg.levels && level == 3 ? e : e & PTE_ADDR) + index * pg.bytes, pg.bytes);
		if (!(e & PTE_P) || (write && !(e & PTE_RW) && !(pg.levels == 3 && level == 3)))
			return false;
		if (level > 1 && !(e & PTE_PSE))
			continue;
		offset = va & (BIT(shift) - 1);
		*gpa = (e & PTE_ADDR & ~(BIT(shift) - 1)) | offset;
		return true;
	}
	return false;
}

static int copy_page(struct vcpu *v, const struct hvm_mode *m, void *buf, unsigned long va, size_t n, bool to_guest)
{
	struct page_info *pg;
	u64 gpa;
	u8 *p;

	if (!translate(v->domain, m, va, to_guest, &gpa))
		return -EFAULT;
	pg = p2m_get_page(v->domain, gpa >> PAGE_SHIFT, to_guest);
	if (!pg)
		return -EFAULT;
	p = (u8 *)page_to_virt(pg) + (gpa & ~PAGE_MASK);
	if (to_guest) {
		memcpy(p, buf, n);
		put_page_and_type(pg);
	} else {
		memcpy(buf, p, n);
		put_page(pg);
	}
	return 0;
}

int hvm_copy(void *buf, unsigned long va, size_t n, bool to_guest)
{
	struct vcpu *v = current;
	struct hvm_mode m;
	int rc = 0;

	hvm_ops->mode(v, &m);
	if (va + n < va)
		return -EFAULT;
	while (n && !rc) {
		size_t part = min(n, PAGE_SIZE - (va & ~PAGE_MASK));

		rc = copy_page(v, &m, buf, va, part, to_guest);
		buf = (u8 *)buf + part;
		va += part;
		n -= part;
	}
	return rc;
}

unsigned int hvm_fetch(struct vcpu *v, unsigned long rip, u8 *buf, unsigned int n)
{
	unsigned int got = 0, part;
	struct hvm_mode m;

	hvm_ops->mode(v, &m);
	for (rip += m.cs_long ? 0 : m.cs_base; got < n; got += part, rip += part) {
		part = min_t(size_t, n - got, PAGE_SIZE - (rip & ~PAGE_MASK));
		if (copy_page(v, &m, buf + got, rip, part, false))
			break;
	}
	return got;
}

void hvm_rewrite_code(struct vcpu *v, unsigned long rip)
{
	struct page_info *pg;
	struct hvm_mode m;
	u64 gpa;

	hvm_ops->mode(v, &m);
	if (!translate(v->domain, &m, rip + (m.cs_long ? 0 : m.cs_base), false, &gpa))
		return;
	pg = p2m_get_page(v->domain, gpa >> PAGE_SHIFT, false);
	if (!pg)
		return;
	rewrite_code((u8 *)page_to_virt(pg) + (gpa & ~PAGE_MASK));
	put_page(pg);
}

/* The entries of the tables as they are now, each with the frame that its table has. */
void hvm_dump_walk(const struct vcpu *v, unsigned long va)
{
	struct domain *d = v->domain;
	struct hvm_mode m;
	u64 e;

	hvm_ops->mode(v, &m);
	if (!(m.cr0 & X86_CR0_PG) || paging_of(&m).levels != 4)
		return;
	printk_err("Guest page tables of %016lx:\n", va);
	e = m.cr3 | PTE_P;
	for (unsigned int level = 4; level && e & PTE_P && !(level < 4 && e & PTE_PSE); level--) {
		unsigned long table = (e & PTE_ADDR) >> PAGE_SHIFT, index = pt_index(va, level);

		e = read_entry(d, (table << PAGE_SHIFT) + index * 8, 8);
		printk_err("   L%u[%03lx] = %016lx   table: gfn %lx, mfn %lx\n", level, index, e, table, p2m_frame(d, table));
	}
}
