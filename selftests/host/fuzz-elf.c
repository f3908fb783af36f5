// SPDX-License-Identifier: GPL-2.0-only
/* Coverage-guided fuzzing of what reads the boot modules: bzImage header, ELF, initrd. */
#include <stdlib.h>
#include <string.h>
#include "../../hypervisor/lib/elf.c"
#include "../../hypervisor/lib/number.c"
#include "../../hypervisor/boot/bzimage.c"
#include "../../hypervisor/boot/initrd.c"

static int touch(void *arg, u64 paddr, const void *src, size_t n)
{
	volatile u8 *sum = arg;

	if (paddr + n < paddr)
		abort();
	for (size_t i = 0; src && i < n; i++)
		*sum += ((const u8 *)src)[i];
	return 0;
}

static void fuzz_elf(const u8 *data, size_t size)
{
	struct elf_image elf;
	const u8 *desc;
	u8 sum = 0;
	u32 n;

	if (elf_open(&elf, data, size))
		return;
	if (elf.paddr_min >= elf.paddr_max)
		abort();
	/* overlapping segments may ask for far more than the file has: one segment's worth is enough */
	if (size < 4096)
		elf_load(&elf, touch, &sum);
	for (u32 type = 0; type < 20; type++) {
		desc = elf_note(&elf, "Xen", type, &n);
		if (desc)
			touch(&sum, 0, desc, n);
	}
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	struct bzimage bz;
	u8 sum = 0;

	if (!bzimage_open(&bz, data, size)) {
		touch(&sum, 0, bz.payload, bz.payload_size);
		fuzz_elf(bz.payload, bz.payload_size);
	}
	fuzz_elf(data, size);
	initrd_check(data, size);
	return 0;
}
