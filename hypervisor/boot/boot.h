/* SPDX-License-Identifier: GPL-2.0-only */
/* boot: what its files share with each other. */
#ifndef BOOT_BOOT_H
#define BOOT_BOOT_H

#include <xenolith/boot.h>
#include <xenolith/mm.h>

/* ---- head.S ---- */
extern char boot_ap_trampoline[], boot_ap_trampoline_end[];
struct idt_gate {
	u16 offset0, selector, type, offset1;
	u32 offset2, zero;
};
extern struct idt_gate boot_idt[32];	/* main.c fills it, head.S has loaded it */
extern u64 boot_ap_cr3, boot_ap_stack;
void boot_main(u32 magic, u32 info);
void boot_ap_main(void);
/** boot_note_cr4: enter what CR4 really is into this stack's cpu_info. */
void boot_note_cr4(void);

/* ---- multiboot.c ---- */
/** boot_info_parse: fill boot_info from what the loader left; NULL or what is wrong with it. */
const char *boot_info_parse(u32 magic, paddr_t info);

/* ---- e820.c ---- */
/** e820_add: collect a range; e820_finish: sort all into boot_info.e820, disjoint. */
void e820_add(u64 addr, u64 size, u32 type);
void e820_finish(void);

/* ---- smp.c ---- */
void boot_enumerate_cpus(void);

/* ---- bzimage.c: pure ---- */
struct bzimage {
	const u8 *payload;
	size_t payload_size;		/* compressed, without the trailing size */
	size_t unpacked_size;
};
/** bzimage_open: 0; -ENOEXEC: not a bzImage; -EINVAL: damaged or cut off. */
int bzimage_open(struct bzimage *bz, const void *data, size_t size);

/* ---- initrd.c: pure ---- */
/** initrd_check: NULL, or what is wrong with the initrd. */
const char *initrd_check(const void *data, size_t size);

/* ---- decompress.c ---- */
/** decompress: @src into @dst of exactly @dst_size bytes. 0, -EINVAL damaged, -EOPNOTSUPP format. */
int decompress(void *dst, size_t dst_size, const void *src, size_t src_size);

/* ---- Domain0 ---- */
struct dom0_image {			/* dom0-notes.c: what the kernel's ELF notes ask for */
	struct elf_image elf;
	u64 virt_base, paddr_offset, entry, p2m_base;
	u64 hypercall_page;			/* 0: none wanted */
};
/** dom0_read_notes: fill @img from img->elf; NULL or why the kernel cannot be Domain0. */
const char *dom0_read_notes(struct dom0_image *img);

/* dom0-config.c: what the command line asks for. */
unsigned int dom0_max_vcpus(void);
/** dom0_pages: frames to give Domain0 out of @available ones; *@max_pages: what it may ever have. */
unsigned long dom0_pages(unsigned long available, unsigned long *max_pages);

/* Where things lie, in pfns; pfn 0 is mapped at virt_base. */
struct dom0_layout {			/* dom0-layout.c */
	unsigned long start_info, tables, nr_tables, stack;
	unsigned long end;			/* of the initial mapping */
	unsigned long initrd, nr_initrd;
	unsigned long p2m, nr_p2m;		/* the phys-to-machine list */
	unsigned long p2m_tables, nr_p2m_tables;
	unsigned long boot_pages;		/* of all that stands above: needed before loading */
};
/** dom0_lay_out: false when it does not fit into the address space behind virt_base. */
bool dom0_lay_out(struct dom0_layout *l, const struct dom0_image *img, size_t initrd_size,
		  unsigned long nr_pages);
/** dom0_build_tables: initial page tables, in cleared frames of the domain, not yet validated. */
void dom0_build_tables(const struct dom0_layout *l, const struct dom0_image *img);

/* dom0-memory.c: which frame is which pfn. */
struct domain;
/** dom0_memory_begin: room for @nr_pages; false when there is none. */
bool dom0_memory_begin(unsigned long nr_pages);
/** dom0_populate: allocate until there are @until frames or no more; how many there are then. */
unsigned long dom0_populate(struct domain *d, unsigned long until);
mfn_t dom0_mfn(unsigned long pfn);
void *dom0_page(unsigned long pfn);
/** dom0_write: copy to (or, without @src, clear) @n bytes at pseudo-physical @addr; 0 or -EINVAL. */
int dom0_write(u64 addr, const void *src, size_t n);
/** dom0_memory_end: write the phys-to-machine list and the M2P; the last of all. */
void dom0_memory_end(const struct dom0_layout *l);

#endif
