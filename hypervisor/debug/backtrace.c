// SPDX-License-Identifier: GPL-2.0-only
/*
 * Symbols and backtraces. The build makes a table of all functions, sorted by address, and links
 * it in by a second pass (mksymbols.sh). Without frame pointers nothing tells which words on the
 * stack are return addresses: every one that points into the text is listed, too many, but never one
 * too few.
 */
#include <xenolith/boot.h>
#include <xenolith/debug.h>
#include <xenolith/drivers.h>
#include <xenolith/entry.h>
#include <xenolith/x86.h>

#define MAX_LINES	32

extern const u32 debug_symbol_count;
extern const u32 debug_symbol_offsets[];	/* from boot_image_start, ascending */
extern const char debug_symbol_names[];		/* one terminated string each, same order */

static bool in_text(unsigned long addr)
{
	return (addr >= (unsigned long)boot_text_start && addr < (unsigned long)boot_text_end) ||
	       (addr >= (unsigned long)boot_init_start && addr < (unsigned long)boot_init_end);
}

bool lib_symbol_name(unsigned long addr, char *buf, size_t size)
{
	u32 offset = addr - (unsigned long)boot_image_start, n = 0, end;
	const char *name = debug_symbol_names;

	if (!in_text(addr) || !debug_symbol_count || offset < debug_symbol_offsets[0])
		return false;
	for (; n + 1 < debug_symbol_count && debug_symbol_offsets[n + 1] <= offset; n++)
		name += strlen(name) + 1;
	end = n + 1 < debug_symbol_count ? debug_symbol_offsets[n + 1] : offset + 1;
	snprintf(buf, size, "%s+0x%x/0x%x", name, offset - debug_symbol_offsets[n], end - debug_symbol_offsets[n]);
	return true;
}

static void print_line(unsigned long addr)
{
	printk_err("   [<%016lx>] %ps\n", addr, (void *)addr);
}

/* End of the stack that @sp is on, 0 when that is none of this CPU's. */
static unsigned long stack_end(unsigned long sp)
{
	unsigned long block = (unsigned long)cpu_info() & ~(STACK_SIZE - 1UL);
	unsigned long page = (sp - block) / PAGE_SIZE;

	if ((sp & 7) || sp - block >= STACK_SIZE || page == 0)
		return 0;
	if (page <= IST_MCE)
		return block + (page + 1) * PAGE_SIZE;
	return block + STACK_SIZE - sizeof(struct cpu_info);
}

void debug_backtrace(const struct cpu_regs *regs)
{
	unsigned long sp = regs ? regs->rsp : (unsigned long)__builtin_frame_address(0), end = stack_end(sp);

	printk_err("Call trace:\n");
	if (regs)
		print_line(regs->rip);
	if (!end)
		printk_err("   stack pointer %016lx is not on a stack of this CPU\n", sp);
	for (unsigned int lines = 0; sp < end && lines < MAX_LINES; sp += 8) {
		unsigned long word = *(const unsigned long *)sp;

		if (in_text(word)) {
			print_line(word);
			lines++;
		}
	}
}
