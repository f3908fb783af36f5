// SPDX-License-Identifier: GPL-2.0-only
/*
 * Unpacking xz and zstd with the packaged decoders (decoders.mk), which expect a libc's world:
 *
 *   - SSE registers: switched on; nobody else's state is in them yet;
 *   - a stack protector canary at %fs:0x28: %fs is based on a page of zeroes;
 *   - a red zone below the stack pointer: interrupts stay off;
 *   - malloc: from one arena that is given back as a whole.
 */
#include "boot.h"
#include <xenolith/debug.h>
#include <xenolith/x86.h>

#define ARENA_SIZE	MB(64)		/* xz needs its 32 MiB dictionary and some tables */
#define LZMA_OK		0

int lzma_stream_buffer_decode(u64 *memlimit, u32 flags, const void *allocator, const u8 *in,
			      size_t *in_pos, size_t in_size, u8 *out, size_t *out_pos,
			      size_t out_size);
size_t ZSTD_findFrameCompressedSize(const void *src, size_t size);
size_t ZSTD_decompress(void *dst, size_t dst_size, const void *src, size_t size);
unsigned int ZSTD_isError(size_t code);
extern void (*const boot_ctors_start[])(void), (*const boot_ctors_end[])(void);

void *decoder_malloc(size_t n);
void *decoder_calloc(size_t n, size_t size);
void decoder_free(void *p);
void __noreturn decoder___stack_chk_fail(void);

static u8 canary_page[64] __initdata;
static struct {
	u8 *base;
	size_t used;
} arena __initdata;

void * __init decoder_malloc(size_t n)
{
	void *p = arena.base + arena.used;

	n = ROUND_UP(n, 64);
	if (n > ARENA_SIZE - arena.used)
		return NULL;
	arena.used += n;
	return p;
}

void * __init decoder_calloc(size_t n, size_t size)
{
	void *p;

	if (__builtin_mul_overflow(n, size, &size))
		return NULL;
	p = decoder_malloc(size);
	return p ? memset(p, 0, size) : NULL;
}

void __init decoder_free(void *p)
{
}

void __init __noreturn decoder___stack_chk_fail(void)
{
	panic("the decoder overran its stack\n");
}

static int __init unxz(void *dst, size_t dst_size, const void *src, size_t src_size)
{
	size_t in = 0, out = 0;
	u64 limit = ~0UL;
	int ret;

	ret = lzma_stream_buffer_decode(&limit, 0, NULL, src, &in, src_size, dst, &out, dst_size);
	return ret == LZMA_OK && out == dst_size ? 0 : -EINVAL;
}

static int __init unzstd(void *dst, size_t dst_size, const void *src, size_t src_size)
{
	size_t frame = ZSTD_findFrameCompressedSize(src, src_size);

	if (ZSTD_isError(frame))
		return -EINVAL;
	return ZSTD_decompress(dst, dst_size, src, frame) == dst_size ? 0 : -EINVAL;
}

static const struct {
	const char *magic;
	unsigned int size;
	int (*unpack)(void *dst, size_t dst_size, const void *src, size_t src_size);
} formats[] __initconst = {
	{ "\xfd" "7zXZ", 6, unxz },
	{ "\x28\xb5\x2f\xfd", 4, unzstd },
};

int __init decompress(void *dst, size_t dst_size, const void *src, size_t src_size)
{
	unsigned long flags;
	unsigned int i = 0;
	int rc;

	while (i < ARRAY_SIZE(formats) && (src_size < formats[i].size ||
					   memcmp(src, formats[i].magic, formats[i].size)))
		i++;
	if (i == ARRAY_SIZE(formats))
		return -EOPNOTSUPP;
	arena.base = lib_alloc(ARENA_SIZE);
	if (!arena.base)
		return -ENOMEM;

	flags = irq_save();
	wrmsr(MSR_FS_BASE, (unsigned long)canary_page);
	clts();
	for (void (*const *ctor)(void) = boot_ctors_start; ctor < boot_ctors_end; ctor++)
		(*ctor)();
	rc = formats[i].unpack(dst, dst_size, src, src_size);
	wrmsr(MSR_FS_BASE, 0);
	irq_restore(flags);

	lib_free(arena.base);
	return rc;
}
