/* SPDX-License-Identifier: GPL-2.0-only */
/* The smallest Domain0: fills registers and stack with what the test looks for, then has an exception without a handler. */
	.section .note.Xen, "a", @note
	.macro note type, data:vararg
	.balign 4
	.long 4, 9f - 8f, \type
	.asciz "Xen"
8:	\data
9:	.balign 4
	.endm
	note 6, .asciz "crash"			/* XEN_ELFNOTE_GUEST_OS */
	note 8, .asciz "generic"		/* LOADER */
	note 5, .asciz "xen-3.0"		/* XEN_VERSION */
	note 3, .quad 0				/* VIRT_BASE */
	note 1, .quad _start			/* ENTRY */

	.text
	.globl _start
_start:
	movabs	$0x1122334455667788, %rbx
	movabs	$0x0123456789abcdef, %rax
	push	%rax
	ud2
