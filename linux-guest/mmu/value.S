/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The values of page-table entries, mfn to pfn and back.
 *
 * All three: RDI the entry, RAX the result; every other register is kept, as paravirtual operations want it. Only what is
 * common is done here. Whatever else there is (foreign pages, device memory, pages without memory, frames that the
 * machine-to-physical table does not have) goes on in the kernel's own function with RDI as it came.
 *
 *   63        52 51                      12 11         0
 *   ┌───────────┬──────────────────────────┬────────────┐
 *   │ flags     │ frame                    │ flags    P │     shl 12, shr 24: the frame
 *   └───────────┴──────────────────────────┴────────────┘
 */
#include <linux/linkage.h>
#include <asm/asm.h>
#include <asm/nospec-branch.h>

	.section .rodata
	.balign 8
flags:	.quad 0xfff0000000000fff

	.text

/* \frame: the frame of the entry RDI. */
.macro FRAME frame
	mov	%rdi, \frame
	shl	$12, \frame
	shr	$24, \frame
.endm

/* RAX: a frame in, an entry with the flags of RDI out; RCX is lost. */
.macro ENTRY_OF_RAX
	shl	$12, %rax
	mov	flags(%rip), %rcx
	and	%rdi, %rcx
	or	%rcx, %rax
.endm

/* On in the kernel's function. */
.macro SLOW where
	mov	\where(%rip), %rax
	JMP_NOSPEC rax
.endm

/* An entry that is not present stays what it is. */
.macro ONLY_PRESENT
	test	$1, %dil
	jnz	.Lpresent\@
	mov	%rdi, %rax
	RET
.Lpresent\@:
.endm

/* A leaf: its page may be another domain's, so pfn and mfn must agree both ways. */
SYM_FUNC_START(mmu_pte_val)
	ONLY_PRESENT
	push	%rcx
	FRAME	%rcx
	mov	machine_to_phys_mapping(%rip), %rax
.Lread:	mov	(%rax,%rcx,8), %rax
	cmp	xen_p2m_size(%rip), %rax
	jae	.Lslow_val
	push	%rdi
	mov	xen_p2m_addr(%rip), %rdi
	cmp	%rcx, (%rdi,%rax,8)
	pop	%rdi
	jne	.Lslow_val
	ENTRY_OF_RAX
	pop	%rcx
	RET
.Lslow_val:
	pop	%rcx
	SLOW	mmu_pte_val_slow
	_ASM_EXTABLE(.Lread, .Lslow_val)
SYM_FUNC_END(mmu_pte_val)

/* An entry above the leaves: the hypervisor lets it name this domain's own pages only. */
SYM_FUNC_START(mmu_table_val)
	ONLY_PRESENT
	push	%rcx
	FRAME	%rcx
	mov	machine_to_phys_mapping(%rip), %rax
.Lread_table:
	mov	(%rax,%rcx,8), %rax
	cmp	xen_p2m_size(%rip), %rax
	jae	.Lslow_table
	ENTRY_OF_RAX
	pop	%rcx
	RET
.Lslow_table:
	pop	%rcx
	SLOW	mmu_pte_val_slow
	_ASM_EXTABLE(.Lread_table, .Lslow_table)
SYM_FUNC_END(mmu_table_val)

/* Marks in the upper bits of the frame, which mean foreign and identity, are shifted out. */
SYM_FUNC_START(mmu_make_entry)
	ONLY_PRESENT
	push	%rcx
	FRAME	%rax
	cmp	xen_p2m_size(%rip), %rax
	jae	.Lslow_make
	mov	xen_p2m_addr(%rip), %rcx
	mov	(%rcx,%rax,8), %rax
	cmp	$-1, %rax
	je	.Lslow_make
	ENTRY_OF_RAX
	pop	%rcx
	RET
.Lslow_make:
	pop	%rcx
	SLOW	mmu_make_entry_slow
SYM_FUNC_END(mmu_make_entry)
