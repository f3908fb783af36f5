// SPDX-License-Identifier: GPL-2.0-only
/* Coverage-guided fuzzing of the instruction decoder: any bytes are refused or well-formed. */
#include <stdlib.h>
#include <string.h>
#include "../../hypervisor/pv/decode.c"

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	static const u8 sizes[] = { 1, 2, 4, 8, 16 };
	struct cpu_regs regs;
	struct insn in, again;

	memset(&regs, 0xa5, sizeof(regs));
	if (insn_decode(&in, data, size))
		return 0;
	if (!in.length || in.length > 15 || in.length > size || !memchr(sizes, in.opsize, sizeof(sizes)))
		abort();
	if (in.base < -2 || in.base > 15 || in.index < -1 || in.index > 15 || in.reg > 15 || in.rm > 15)
		abort();
	if (insn_effective_address(&in, &regs, 0) >> 32 && in.adsize == 4)
		abort();
	/* its own bytes decide, all of them */
	if (insn_decode(&again, data, in.length) || again.length != in.length ||
	    !insn_decode(&again, data, in.length - 1))
		abort();
	return 0;
}
