// SPDX-License-Identifier: GPL-2.0-only
/*
 * Reading ELF files out of hostile bytes. elf_open() checks every bound once; what comes later
 * relies on that the bytes do not change in between. Headers may be misaligned: they are copied.
 */
#include <xenolith/lib.h>

#define PT_LOAD		1
#define PT_NOTE		4
#define SHT_NOTE	7
#define MAX_HEADERS	512
#define MAX_PADDR	(1UL << 46)

struct ehdr {
	u8 magic[4], class, data, version, pad[9];
	u16 type, machine;
	u32 version2;
	u64 entry, phoff, shoff;
	u32 flags;
	u16 ehsize, phentsize, phnum, shentsize, shnum, shstrndx;
};

struct phdr {
	u32 type, flags;
	u64 offset, vaddr, paddr, filesz, memsz, align;
};

struct shdr {
	u32 name, type;
	u64 flags, addr, offset, size;
	u32 link, info;
	u64 addralign, entsize;
};

struct nhdr {
	u32 namesz, descsz, type;
};

static bool inside(const struct elf_image *elf, u64 offset, u64 size)
{
	return offset <= elf->size && size <= elf->size - offset;
}

static struct ehdr ehdr_of(const struct elf_image *elf)
{
	struct ehdr h;

	memcpy(&h, elf->data, sizeof(h));
	return h;
}

static struct phdr phdr_of(const struct elf_image *elf, const struct ehdr *h, unsigned int i)
{
	struct phdr p;

	memcpy(&p, elf->data + h->phoff + i * sizeof(p), sizeof(p));
	return p;
}

static struct shdr shdr_of(const struct elf_image *elf, const struct ehdr *h, unsigned int i)
{
	struct shdr s;

	memcpy(&s, elf->data + h->shoff + i * sizeof(s), sizeof(s));
	return s;
}

static bool headers_ok(const struct elf_image *elf, const struct ehdr *h)
{
	return h->phentsize == sizeof(struct phdr) && h->phnum && h->phnum <= MAX_HEADERS &&
	       inside(elf, h->phoff, h->phnum * sizeof(struct phdr)) &&
	       (!h->shnum || (h->shentsize == sizeof(struct shdr) &&
			      inside(elf, h->shoff, h->shnum * sizeof(struct shdr))));
}

static int open_segments(struct elf_image *elf, const struct ehdr *h)
{
	elf->paddr_min = ~0UL;
	elf->paddr_max = 0;
	for (unsigned int i = 0; i < h->phnum; i++) {
		struct phdr p = phdr_of(elf, h, i);

		if (p.type != PT_LOAD && p.type != PT_NOTE)
			continue;
		if (!inside(elf, p.offset, p.filesz))
			return -EINVAL;
		if (p.type != PT_LOAD || !p.memsz)
			continue;
		if (p.filesz > p.memsz || p.paddr >= MAX_PADDR || p.memsz > MAX_PADDR - p.paddr)
			return -EINVAL;
		elf->paddr_min = min(elf->paddr_min, p.paddr);
		elf->paddr_max = max(elf->paddr_max, p.paddr + p.memsz);
	}
	return elf->paddr_max ? 0 : -EINVAL;
}

int elf_open(struct elf_image *elf, const void *data, size_t size)
{
	struct ehdr h;

	*elf = (struct elf_image){ .data = data, .size = size };
	if (size < sizeof(h))
		return -ENOEXEC;
	h = ehdr_of(elf);
	if (memcmp(h.magic, "\177ELF", 4) || (h.class != 1 && h.class != 2) || h.data != 1)
		return -ENOEXEC;
	elf->bits = h.class * 32;
	elf->machine = h.machine;		/* the same place in both classes */
	if (elf->bits != 64)
		return -ENOEXEC;
	elf->entry = h.entry;
	if (!headers_ok(elf, &h))
		return -EINVAL;
	return open_segments(elf, &h);
}

int elf_load(const struct elf_image *elf,
	     int (*put)(void *arg, u64 paddr, const void *src, size_t n), void *arg)
{
	struct ehdr h = ehdr_of(elf);
	int rc = 0;

	for (unsigned int i = 0; i < h.phnum && !rc; i++) {
		struct phdr p = phdr_of(elf, &h, i);

		if (p.type != PT_LOAD || !p.memsz)
			continue;
		if (p.filesz)
			rc = put(arg, p.paddr, elf->data + p.offset, p.filesz);
		if (!rc && p.memsz > p.filesz)
			rc = put(arg, p.paddr + p.filesz, NULL, p.memsz - p.filesz);
	}
	return rc;
}

/* Notes of @size bytes at @at: header, name and contents, the latter two padded to @align. */
static const void *find_note(const u8 *at, u64 size, u64 align, const char *name, u32 type,
			     u32 *desc_size)
{
	u64 name_size = strlen(name) + 1;

	align = align == 8 ? 8 : 4;
	while (size >= sizeof(struct nhdr)) {
		u64 desc, next;
		struct nhdr n;

		memcpy(&n, at, sizeof(n));
		desc = ROUND_UP(sizeof(n) + n.namesz, align);
		next = ROUND_UP(desc + n.descsz, align);
		if (desc + n.descsz > size)
			return NULL;
		if (n.type == type && n.namesz == name_size &&
		    !memcmp(at + sizeof(n), name, name_size)) {
			*desc_size = n.descsz;
			return at + desc;
		}
		if (next >= size)
			return NULL;
		at += next;
		size -= next;
	}
	return NULL;
}

const void *elf_note(const struct elf_image *elf, const char *name, u32 type, u32 *size)
{
	struct ehdr h = ehdr_of(elf);
	const void *found = NULL;

	for (unsigned int i = 0; i < h.phnum && !found; i++) {
		struct phdr p = phdr_of(elf, &h, i);

		if (p.type == PT_NOTE)
			found = find_note(elf->data + p.offset, p.filesz, p.align, name, type, size);
	}
	for (unsigned int i = 0; i < h.shnum && !found; i++) {
		struct shdr s = shdr_of(elf, &h, i);

		if (s.type == SHT_NOTE && inside(elf, s.offset, s.size))
			found = find_note(elf->data + s.offset, s.size, s.addralign, name, type, size);
	}
	return found;
}
