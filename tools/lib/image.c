// SPDX-License-Identifier: GPL-2.0-only
/*
 * From a kernel file to an unpacked ELF image.
 *
 *	bzImage:  boot sector and setup code │ … payload_offset: payload (compressed ELF, its size in the last 4 bytes) …
 */
#include <errno.h>
#include <fcntl.h>
#include <lz4.h>
#include <lzma.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>
#include "host.h"
#include "image.h"
#include "image-cache.h"

/* Fields of the boot sector (Documentation/arch/x86/boot.rst of the kernel). */
enum { SETUP_SECTS = 0x1f1, HEADER_MAGIC = 0x202, VERSION = 0x206, PAYLOAD_OFFSET = 0x248, PAYLOAD_LENGTH = 0x24c };

static uint32_t get32(const uint8_t *p)
{
	return p[0] | p[1] << 8 | p[2] << 16 | (uint32_t)p[3] << 24;
}

const char *image_payload(const uint8_t *file, size_t size, const uint8_t **payload, size_t *payload_size)
{
	uint64_t start, length;

	*payload = file;
	*payload_size = size;
	if (size < PAYLOAD_LENGTH + 4 || memcmp(file + HEADER_MAGIC, "HdrS", 4))
		return NULL;
	if ((file[VERSION] | file[VERSION + 1] << 8) < 0x208)
		return "a bzImage older than boot protocol 2.08 carries no ELF kernel";
	start = ((file[SETUP_SECTS] ? file[SETUP_SECTS] : 4) + 1) * 512ull + get32(file + PAYLOAD_OFFSET);
	length = get32(file + PAYLOAD_LENGTH);
	if (start > size || length > size - start || length < 8)
		return "the payload lies outside of the file: cut short?";
	*payload = file + start;
	*payload_size = length;
	return NULL;
}

static bool inflate_gzip(const uint8_t *in, size_t in_size, uint8_t *out, size_t out_size)
{
	z_stream z = { .next_in = (uint8_t *)in, .avail_in = in_size, .next_out = out, .avail_out = out_size };
	bool good;

	if (inflateInit2(&z, 16 + MAX_WBITS) != Z_OK)
		return false;
	good = inflate(&z, Z_FINISH) == Z_STREAM_END && z.total_out == out_size;
	inflateEnd(&z);
	return good;
}

static bool decode_lzma(lzma_stream *z, lzma_ret ready, const uint8_t *in, size_t in_size, uint8_t *out, size_t out_size)
{
	bool good = false;

	z->next_in = in;
	z->avail_in = in_size;
	z->next_out = out;
	z->avail_out = out_size;
	if (ready == LZMA_OK) {
		/* A stream without an end mark is complete when everything has come out. */
		lzma_ret ret = lzma_code(z, LZMA_FINISH);

		good = (ret == LZMA_STREAM_END || ret == LZMA_OK) && z->total_out == out_size;
	}
	lzma_end(z);
	return good;
}

static bool decode_xz(const uint8_t *in, size_t in_size, uint8_t *out, size_t out_size)
{
	lzma_stream z = LZMA_STREAM_INIT;

	return decode_lzma(&z, lzma_stream_decoder(&z, IMAGE_MAX, 0), in, in_size, out, out_size);
}

static bool decode_lzma_alone(const uint8_t *in, size_t in_size, uint8_t *out, size_t out_size)
{
	lzma_stream z = LZMA_STREAM_INIT;

	return decode_lzma(&z, lzma_alone_decoder(&z, IMAGE_MAX), in, in_size, out, out_size);
}

static bool decode_zstd(const uint8_t *in, size_t in_size, uint8_t *out, size_t out_size)
{
	ZSTD_DStream *z = ZSTD_createDStream();
	ZSTD_inBuffer from = { in, in_size, 0 };
	ZSTD_outBuffer to = { out, out_size, 0 };
	size_t left = 1;

	while (z && left && from.pos < from.size && !ZSTD_isError(left)) {
		size_t before = from.pos + to.pos;

		left = ZSTD_decompressStream(z, &to, &from);
		if (!ZSTD_isError(left) && from.pos + to.pos == before)
			break;
	}
	ZSTD_freeDStream(z);
	return left == 0 && to.pos == out_size;
}

/*
 * The legacy frame of lz4 (lz4_Frame_format.md, "Legacy frame"): a magic number, then blocks of at most 8 MiB unpacked,
 * each behind its packed size. Every block stands alone.
 */
static bool decode_lz4(const uint8_t *in, size_t in_size, uint8_t *out, size_t out_size)
{
	const size_t block = 8 << 20;
	size_t at = 4, done = 0;

	while (done < out_size && in_size - at > 4) {
		size_t left = out_size - done, packed = get32(in + at);
		int n;

		at += 4;
		if (!packed || packed > in_size - at)
			return false;
		n = LZ4_decompress_safe((const char *)in + at, (char *)out + done, packed, left < block ? left : block);
		if (n <= 0)
			return false;
		at += packed;
		done += n;
	}
	return done == out_size && at == in_size;
}

static const struct decoder {
	const char *name;
	uint8_t magic[4];
	unsigned int magic_bytes;
	bool size_follows;	/* the kernel's build appends it; in gzip's format it is there anyway */
	bool (*decode)(const uint8_t *in, size_t in_size, uint8_t *out, size_t out_size);
} decoders[] = {
	{ "gzip", { 0x1f, 0x8b }, 2, false, inflate_gzip },
	{ "xz", { 0xfd, '7', 'z', 'X' }, 4, true, decode_xz },
	{ "zstd", { 0x28, 0xb5, 0x2f, 0xfd }, 4, true, decode_zstd },
	{ "lzma", { 0x5d, 0, 0 }, 3, true, decode_lzma_alone },
	{ "lz4", { 0x02, 0x21, 0x4c, 0x18 }, 4, true, decode_lz4 },
};

static const struct decoder *find_decoder(const uint8_t *data, size_t size)
{
	const struct decoder *d;

	for (d = decoders; d < decoders + sizeof(decoders) / sizeof(*decoders); d++)
		if (size > d->magic_bytes + 4 && !memcmp(data, d->magic, d->magic_bytes))
			return d;
	return NULL;
}

const char *image_unpack(const uint8_t *data, size_t size, uint8_t **out, size_t *out_size)
{
	const struct decoder *d = find_decoder(data, size);

	*out = NULL;
	if (!d)
		return NULL;
	*out_size = get32(data + size - 4);
	if (*out_size < 64 || *out_size > IMAGE_MAX)
		return "the size of the compressed kernel makes no sense";
	*out = mmap(NULL, *out_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (*out == MAP_FAILED) {
		*out = NULL;
		return "no memory to unpack it";
	}
	if (d->decode(data, size - (d->size_follows ? 4 : 0), *out, *out_size))
		return NULL;
	munmap(*out, *out_size);
	*out = NULL;
	return "its compressed data is damaged";
}

static void take_mapping(struct image *image, uint8_t *map, size_t size)
{
	image_free(image);
	*image = (struct image){ .data = map, .size = size, .map = map, .mapped = size };
}

/* Fresh from the decompressor: the compact form takes its place, and is kept. */
static const char *compact(const struct stat *st, struct image *image)
{
	const char *wrong = image_parse(image);
	uint8_t *small;
	size_t size;

	if (wrong)
		return wrong;
	small = image_compact(image, &size);
	if (small) {
		take_mapping(image, small, size);
		wrong = image_parse(image);
	}
	image_cache_put(st, image->data, image->size);
	return wrong;
}

/* The file, unpacked or as it is. @file is taken over. */
static const char *unpack_file(uint8_t *file, const struct stat *st, struct image *image)
{
	size_t size = st->st_size, payload_size, unpacked_size;
	const uint8_t *payload;
	uint8_t *unpacked;
	const char *wrong = image_payload(file, size, &payload, &payload_size);

	take_mapping(image, file, size);
	if (!wrong)
		wrong = image_unpack(payload, payload_size, &unpacked, &unpacked_size);
	if (wrong)
		return wrong;
	if (unpacked) {
		take_mapping(image, unpacked, unpacked_size);
		return compact(st, image);
	}
	image->data = payload;
	image->size = payload_size;
	return image_parse(image);
}

static const char *open_file(int fd, struct image *image)
{
	struct stat st;
	uint8_t *map;
	size_t size;

	if (fd < 0 || fstat(fd, &st))
		return strerror(errno);
	map = image_cache_map(&st, &size);
	if (map) {
		take_mapping(image, map, size);
		return image_parse(image);
	}
	map = st.st_size ? mmap(NULL, st.st_size, PROT_READ, MAP_PRIVATE | MAP_POPULATE, fd, 0) : MAP_FAILED;
	if (map == MAP_FAILED)
		return st.st_size ? strerror(errno) : "an empty file";
	return unpack_file(map, &st, image);
}

int image_load(const char *path, struct image *image)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	const char *wrong;

	*image = (struct image){ 0 };
	wrong = open_file(fd, image);
	if (fd >= 0)
		close(fd);
	if (!wrong)
		return 0;
	image_free(image);
	return msg_error(-EINVAL, "kernel %s: %s", path, wrong);
}

void image_free(struct image *image)
{
	if (image->mapped)
		munmap(image->map, image->mapped);
	image->data = image->map = NULL;
	image->mapped = 0;
}
