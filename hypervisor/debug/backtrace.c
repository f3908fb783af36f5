// SPDX-License-Identifier: GPL-2.0-only
/*
 * Symbols and backtraces. The build makes a table of all functions, sorted by address, and links
 * it in by a second pass (mksymbols.sh). A DEBUG build keeps frame pointers, which are followed;
 * otherwise every word on the stack that points into the text is listed: too many, but never
 * one too few.
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

/* Index of the last symbol at or below @offset; the caller knows that there is one. */
static unsigned int find_symbol(u32 offset)
{
	unsigned int lo = 0, hi = debug_symbol_count;

	while (hi - lo > 1) {
		unsigned int mid = (lo + hi) / 2;

		if (debug_symbol_offsets[mid] <= offset)
			lo = mid;
		else
			hi = mid;
	}
	return lo;
}

static bool symbol_name(unsigned long addr, char *buf, size_t size)
{
	const char *name = debug_symbol_names;
	u32 offset = addr - (unsigned long)boot_image_start, end;
	unsigned int n;

	if (!in_text(addr) || !debug_symbol_count || offset < debug_symbol_offsets[0])
		return false;
	n = find_symbol(offset);
	for (unsigned int i = 0; i < n; i++)
		name += strlen(name) + 1;
	end = n + 1 < debug_symbol_count ? debug_symbol_offsets[n + 1] : offset + 1;
	snprintf(buf, size, "%s+0x%x/0x%x", name, offset - debug_symbol_offsets[n],
		 end - debug_symbol_offsets[n]);
	return true;
}

void __init debug_symbols_init(void)
{
	lib_symbol_name = symbol_name;
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

static void __maybe_unused follow_frames(unsigned long fp, unsigned long sp, unsigned long end)
{
	for (unsigned int n = 0; n < MAX_LINES && fp >= sp && fp + 16 <= end && !(fp & 7); n++) {
		const unsigned long *frame = (const unsigned long *)fp;

		if (!in_text(frame[1]))
			return;
		print_line(frame[1]);
		sp = fp + 16;
		fp = frame[0];
	}
}

static void __maybe_unused scan(unsigned long sp, unsigned long end)
{
	unsigned int lines = 0;

	for (; sp + 8 <= end && lines < MAX_LINES; sp += 8) {
		unsigned long word = *(const unsigned long *)sp;

		if (in_text(word)) {
			print_line(word);
			lines++;
		}
	}
}

void debug_backtrace(const struct cpu_regs *regs)
{
	unsigned long fp = regs ? regs->rbp : (unsigned long)__builtin_frame_address(0);
	unsigned long sp = regs ? regs->rsp : fp, end = stack_end(sp);

	if (regs && regs_guest(regs))
		return;
	printk_err("Call trace:\n");
	if (regs)
		print_line(regs->rip);
	if (!end) {
		printk_err("   stack pointer %016lx is not on a stack of this CPU\n", sp);
		return;
	}
#ifdef DEBUG
	follow_frames(fp, sp, end);
#else
	scan(sp, end);
#endif
}
