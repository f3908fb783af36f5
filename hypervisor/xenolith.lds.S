/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The image: linked at IMAGE_VIRT_BASE + 2 MiB, loaded by the boot loader at physical 2 MiB.
 *
 *   text | init (given back after boot) | rodata | read-only after boot | data, per-CPU template | bss
 *
 * Each part starts on a page of its own, since each is mapped with rights of its own. All code
 * comes before the symbol table in rodata, whose size is only known after a first link.
 */
#include <xenolith/layout.h>

OUTPUT_FORMAT("elf64-x86-64")
OUTPUT_ARCH(i386:x86-64)
ENTRY(boot_entry)

PHDRS
{
	image PT_LOAD FLAGS(7);
	note PT_NOTE FLAGS(4);
}

SECTIONS
{
	. = IMAGE_VIRT_BASE + IMAGE_PHYS_START;
	boot_image_start = .;

	.text : AT(ADDR(.text) - IMAGE_VIRT_BASE) {
		boot_text_start = .;
		KEEP(*(.head))				/* multiboot headers: within the first 8 KiB */
		. = ALIGN(PAGE_SIZE);
		entry_gates_start = .;			/* what tables of isolated guests map of it */
		*(.text.gates)
		entry_gates_end = .;
		*(.text.hot .text.hot.*)
		*(.text .text.*)
		. = ALIGN(PAGE_SIZE);
		boot_text_end = .;
	} :image

	.init : AT(ADDR(.init) - IMAGE_VIRT_BASE) {
		boot_init_start = .;
		*(.init.text .init.text.*)
		. = ALIGN(64);
		*(.init.rodata .init.rodata.*)
		*(.init.data .init.data.*)
		entry_smap_sites_start = .;		/* where stac and clac are patched in */
		KEEP(*(.smap_sites))
		entry_smap_sites_end = .;
		entry_isolation_sites_start = .;	/* where jumps to isolate.S are patched in */
		KEEP(*(.isolation_sites))
		entry_isolation_sites_end = .;
		. = ALIGN(8);
		boot_ctors_start = .;			/* of the decoders */
		KEEP(*(.init.init_array))
		boot_ctors_end = .;
		. = ALIGN(STACK_SIZE);			/* boot stack first: aligned to its size */
		*(.init.stack)				/* these two: head.S */
		*(.init.pagetables)
		*(.init.bss .init.bss.* .initCOMMON)
		. = ALIGN(PAGE_SIZE);
		boot_init_end = .;
	} :image

	.rodata : AT(ADDR(.rodata) - IMAGE_VIRT_BASE) {
		boot_rodata_start = .;
		*(.rodata .rodata.*)
		*(.data.rel.ro .data.rel.ro.*)
		*(.got .got.plt)
		. = ALIGN(4);
		boot_extable_start = .;
		KEEP(*(.extable))
		boot_extable_end = .;
	} :image
	.note.gnu.build-id : AT(ADDR(.note.gnu.build-id) - IMAGE_VIRT_BASE) {
		boot_build_id_start = .;
		*(.note.gnu.build-id)
		boot_build_id_end = .;
	} :image :note
	.symbols : AT(ADDR(.symbols) - IMAGE_VIRT_BASE) {
		. = ALIGN(16);
		KEEP(*(.symbols .symbols.*))
		. = ALIGN(PAGE_SIZE);
		boot_rodata_end = .;
	} :image

	.data : AT(ADDR(.data) - IMAGE_VIRT_BASE) {
		boot_ro_after_init_start = .;
		*(.data.ro_after_init)
		. = ALIGN(PAGE_SIZE);
		boot_ro_after_init_end = .;
		*(.data.page_aligned)
		*(.data .data.*)
		. = ALIGN(64);
		boot_percpu_start = .;			/* one copy a CPU is made of this */
		*(.percpu)
		. = ALIGN(64);
		boot_percpu_end = .;
		. = ALIGN(8);
	} :image
	boot_file_end = .;

	.bss (NOLOAD) : AT(ADDR(.bss) - IMAGE_VIRT_BASE) {
		. = ALIGN(PAGE_SIZE);
		*(.bss.page_aligned)
		*(.bss .bss.* COMMON)
		. = ALIGN(PAGE_SIZE);
	} :image
	boot_image_end = .;

	.comment 0 : { *(.comment) }
	/DISCARD/ : {
		*(.eh_frame) *(.note.GNU-stack) *(.note.gnu.property) *(.init.note.gnu.property)
		*(.init.eh_frame) *(.init.note.gnu.build-id) *(.discard)
	}
}

ASSERT(boot_image_end - boot_image_start < 0x600000, "the image must end below 8 MiB: firmware memory lies there")
ASSERT(SIZEOF(.rodata) > 0, "no rodata")
