/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * First instructions of every CPU, from what the boot loader or the processor's start-up leaves to
 * 64-bit C code:
 *
 *   loader (32-bit, no paging)     boot_entry      checks the CPU ─┐
 *                                                                  ├─ enter_long_mode ─ boot_main()
 *   start-up IPI (16-bit)          boot_ap_trampoline ─ ap_entry32 ┘                  ─ boot_ap_main()
 *
 * The boot page tables map the first 4 GiB one to one and in the direct map, and the first GiB at
 * IMAGE_VIRT_BASE, where the image is linked. Boot CPU: eax = loader's magic, ebx = its info,
 * carried in ebp and esi.
 */
#include <xenolith/layout.h>

#define PHYS(sym)	((sym) - IMAGE_VIRT_BASE)
#define CODE32		0x08
#define CODE64		0x10
#define DATA		0x18

#define MB1_MAGIC	0x1badb002
#define MB1_FLAGS	0x00010003		/* align modules, memory map, addresses are given */
#define MB2_MAGIC	0xe85250d6

#define TABLE_FLAGS	0x63			/* present, writable, accessed, dirty */
#define LARGE_FLAGS	0xe3			/* and a 2 MiB page; not global: CR3 loads must drop it */

/* --- headers: the file is flat, so both say where it goes ------------------------------------- */

	.section .head, "a"
	.balign 8
mb1_header:
	.long	MB1_MAGIC, MB1_FLAGS, -(MB1_MAGIC + MB1_FLAGS)
	.long	PHYS(mb1_header), PHYS(boot_image_start), PHYS(boot_file_end), PHYS(boot_image_end)
	.long	PHYS(boot_entry)

.macro tag type, flags, contents:vararg
	.balign 8
.Ltag\@:
	.word	\type, \flags
	.long	.Ltag_end\@ - .Ltag\@
	\contents
.Ltag_end\@:
.endm

	.balign 8
mb2_header:
	.long	MB2_MAGIC, 0, mb2_end - mb2_header, -(MB2_MAGIC + (mb2_end - mb2_header))
	tag	2, 0, .long PHYS(mb2_header), PHYS(boot_image_start), PHYS(boot_file_end), PHYS(boot_image_end)
	tag	3, 0, .long PHYS(boot_entry)
	tag	4, 1, .long 2			/* EGA text is fine */
	tag	5, 1, .long 0, 0, 0		/* and so is any framebuffer */
	tag	6, 1				/* modules on page boundaries */
	tag	0, 0
mb2_end:

/* --- boot CPU, 32-bit -------------------------------------------------------------------------- */

	.section .init.text, "ax"
	.code32
	.globl	boot_entry
boot_entry:
	cli
	cld
	mov	%eax, %ebp
	mov	%ebx, %esi
	mov	$0x80000000, %eax
	cpuid
	cmp	$0x80000001, %eax
	jb	die
	mov	$0x80000001, %eax
	cpuid
	not	%edx
	test	$(1 << 29) | (1 << 20), %edx	/* long mode, no-execute pages */
	jnz	die
	lgdt	PHYS(gdt_pointer)
	mov	$PHYS(start64), %ebx
	jmp	enter_long_mode

/* A message to VGA text memory and the first serial port, then nothing more. */
die:
	mov	$PHYS(no_long_mode), %esi
	mov	$0xb8000, %edi
	mov	$0x3f8, %edx
	mov	$0x4f, %ah			/* white on red */
1:	lodsb
	stosw
	out	%al, %dx
	test	%al, %al
	jnz	1b
2:	hlt
	jmp	2b

/* --- any CPU, 32-bit: ebx = physical address of the 64-bit code to go on with; ebp, esi kept --- */

enter_long_mode:
	mov	$0x20, %eax			/* CR4: PAE alone; firmware may have had LA57 on */
	mov	%eax, %cr4
	mov	$PHYS(boot_l4), %eax
	mov	%eax, %cr3
	mov	$0xc0000080, %ecx		/* EFER: SCE, LME, NXE */
	rdmsr
	or	$0x901, %eax
	wrmsr
	mov	$0x80010033, %eax		/* CR0: PG WP NE ET MP PE */
	mov	%eax, %cr0
	ljmp	$CODE64, $PHYS(1f)

	.code64
1:	mov	$IMAGE_VIRT_BASE, %rax
	mov	%ebx, %ebx
	add	%rbx, %rax
	jmp	*%rax

/* rax = this address. Descriptor tables by their high addresses, no segments. Clobbers eax. */
.macro flat_tables
	lgdt	gdt_pointer64(%rip)
	lidt	idt_pointer(%rip)
	xor	%eax, %eax
	mov	%eax, %ds
	mov	%eax, %es
	mov	%eax, %ss
	mov	%eax, %fs
	mov	%eax, %gs
	lldt	%ax
.endm

start64:
	flat_tables
	lea	boot_stack + STACK_SIZE - 1024(%rip), %rsp	/* above it: struct cpu_info */
	mov	%ebp, %edi
	xor	%ebp, %ebp
	call	boot_main
	ud2

/* --- other CPUs -------------------------------------------------------------------------------- */

/* Copied to a page below 1 MiB and entered there at offset 0 of cs, 16-bit. */
	.code16
	.globl	boot_ap_trampoline, boot_ap_trampoline_end
boot_ap_trampoline:
	cli
	mov	%cs, %ax
	mov	%ax, %ds
	lgdtl	gdt_pointer_copy - boot_ap_trampoline
	mov	%cr0, %eax
	or	$1, %al
	mov	%eax, %cr0
	ljmpl	$CODE32, $PHYS(ap_entry32)
gdt_pointer_copy:
	.word	gdt_end - gdt - 1
	.long	PHYS(gdt)
boot_ap_trampoline_end:

	.code32
ap_entry32:
	mov	$DATA, %eax
	mov	%eax, %ds
	mov	%eax, %es
	mov	%eax, %ss
	mov	$PHYS(ap_start64), %ebx
	jmp	enter_long_mode

	.code64
ap_start64:
	mov	boot_ap_cr3(%rip), %rax
	mov	%rax, %cr3
	mov	boot_ap_stack(%rip), %rsp
	flat_tables
	xor	%ebp, %ebp
	call	boot_ap_main
	ud2

/* --- data ------------------------------------------------------------------------------------- */

	.section .init.rodata, "a"
no_long_mode:
	.asciz	"Xenolith: this CPU has no 64-bit mode, or no-execute pages are missing or switched off in the firmware.\r\n"

	.section .init.data, "aw"
	.balign	8
gdt:
	.quad	0
	.quad	0x00cf9b000000ffff		/* CODE32 */
	.quad	0x00af9b000000ffff		/* CODE64 */
	.quad	0x00cf93000000ffff		/* DATA */
gdt_end:
gdt_pointer:
	.word	gdt_end - gdt - 1
	.long	PHYS(gdt)
	.balign	8
gdt_pointer64:
	.word	gdt_end - gdt - 1
	.quad	gdt
	.balign	8
idt_pointer:
	.word	32 * 16 - 1
	.quad	boot_idt

	.section .init.stack, "aw", @nobits
	.balign	STACK_SIZE
boot_stack:
	.skip	STACK_SIZE

	.section .init.pagetables, "aw"
	.balign	PAGE_SIZE
boot_l4:
	.quad	PHYS(boot_l3) + TABLE_FLAGS
	.fill	((IMAGE_VIRT_BASE >> 39) & 511) - 1, 8, 0
	.quad	PHYS(boot_l3_image) + TABLE_FLAGS
	.quad	PHYS(boot_l3) + TABLE_FLAGS	/* the direct map's slot is the next one */
	.fill	511 - ((DIRECTMAP_START >> 39) & 511), 8, 0
boot_l3:
	.quad	PHYS(boot_l2) + TABLE_FLAGS, PHYS(boot_l2) + 0x1000 + TABLE_FLAGS
	.quad	PHYS(boot_l2) + 0x2000 + TABLE_FLAGS, PHYS(boot_l2) + 0x3000 + TABLE_FLAGS
	.fill	508, 8, 0
boot_l3_image:
	.fill	(IMAGE_VIRT_BASE >> 30) & 511, 8, 0
	.quad	PHYS(boot_l2) + TABLE_FLAGS
	.fill	511 - ((IMAGE_VIRT_BASE >> 30) & 511), 8, 0
boot_l2:
	.set	page, 0
	.rept	4 * PT_ENTRIES
	.quad	(page << SUPERPAGE_SHIFT) + LARGE_FLAGS
	.set	page, page + 1
	.endr

	.section .note.GNU-stack, "", @progbits
