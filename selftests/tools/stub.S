/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The smallest PV guest: the first letter of its command line says how it ends. p: power off, r: reboot, c: crash,
 * anything else: it sleeps for ever.
 *
 * Entry: rsi = start_info, hypercalls through the page below.
 */
#include <xen/elfnote.h>

#define CMD_LINE 0x80		/* offset of start_info.cmd_line */
#define SCHEDOP_block 1
#define SCHEDOP_shutdown 2
#define HYPERCALL_sched_op 29

	.text
	.globl _start
_start:
	movzbl CMD_LINE(%rsi), %eax
	xorl %edx, %edx		/* SHUTDOWN_poweroff */
	cmpb $'p', %al
	je end
	incl %edx		/* SHUTDOWN_reboot */
	cmpb $'r', %al
	je end
	movl $3, %edx		/* SHUTDOWN_crash */
	cmpb $'c', %al
	je end
sleep:
	movl $SCHEDOP_block, %edi
	xorl %esi, %esi
	call hypercalls + HYPERCALL_sched_op * 32
	jmp sleep
end:
	pushq %rdx
	movq %rsp, %rsi
	movl $SCHEDOP_shutdown, %edi
	call hypercalls + HYPERCALL_sched_op * 32
	jmp sleep

	.balign 4096
hypercalls:
	.fill 4096, 1, 0xcc

/* note TYPE, BYTES OF DATA, DATA */
	.macro note type:req, size:req, data:vararg
	.long 4, \size, \type
	.asciz "Xen"
	\data
	.balign 4
	.endm

	.section .note.Xen, "a", @note
	note XEN_ELFNOTE_ENTRY, 8, .quad _start
	note XEN_ELFNOTE_HYPERCALL_PAGE, 8, .quad hypercalls
	note XEN_ELFNOTE_VIRT_BASE, 8, .quad 0xffffffff80000000
	note XEN_ELFNOTE_XEN_VERSION, 8, .asciz "xen-3.0"
	note XEN_ELFNOTE_GUEST_OS, 5, .asciz "stub"
	note XEN_ELFNOTE_LOADER, 8, .asciz "generic"
	.section .note.GNU-stack, "", @progbits
