// SPDX-License-Identifier: GPL-2.0-only
/*
 * Reading ELF files out of hostile bytes. elf_open() checks every bound once; what comes later
 * relies on that the bytes do not change in between. Headers may lie anywhere: they are packed.
 */
#include <xenolith/lib.h>

#define PT_LOAD		1
#define PT_NOTE		4
#define MAX_HEADERS	512
#define MAX_PADDR	(1UL << 46)

struct ehdr {
	u8 magic[4], class, data, version, pad[9];
	u16 type, machine;
	u32 version2;
	u64 entry, phoff, shoff;
	u32 flags;
	u16 ehsize, phentsize, phnum, shentsize, shnum, shstrndx;
} __packed;

struct phdr {
	u32 type, flags;
	u64 offset, vaddr, paddr, filesz, memsz, align;
} __packed;

struct nhdr {
	u32 namesz, descsz, type;
} __packed;

static bool inside(const struct elf_image *elf, u64 offset, u64 size)
{
	return offset <= elf->size && size <= elf->size - offset;
}

static const struct phdr *phdrs(const struct elf_image *elf)
{
	return (const struct phdr *)(elf->data + ((const struct ehdr *)elf->data)->phoff);
}

#define for_each_phdr(elf, p)	for (p = phdrs(elf); p < phdrs(elf) + (elf)->nr_phdrs; p++)

int elf_open(struct elf_image *elf, const void *data, size_t size)
{
	const struct ehdr *h = data;
	const struct phdr *p;

	*elf = (struct elf_image){ .data = data, .size = size, .paddr_min = ~0UL };
	if (size < sizeof(*h) || memcmp(h->magic, "\177ELF", 4) || (h->class != 1 && h->class != 2) || h->data != 1)
		return -ENOEXEC;
	elf->bits = h->class * 32;
	elf->machine = h->machine;		/* the same place in both classes */
	if (elf->bits != 64)
		return -ENOEXEC;
	elf->entry = h->entry;
	elf->nr_phdrs = h->phnum;
	if (h->phentsize != sizeof(*p) || h->phnum > MAX_HEADERS || !inside(elf, h->phoff, h->phnum * sizeof(*p)))
		return -EINVAL;
	for_each_phdr(elf, p) {
		if (p->type != PT_LOAD && p->type != PT_NOTE)
			continue;
		if (!inside(elf, p->offset, p->filesz))
			return -EINVAL;
		if (p->type != PT_LOAD || !p->memsz)
			continue;
		if (p->filesz > p->memsz || p->paddr >= MAX_PADDR || p->memsz > MAX_PADDR - p->paddr)
			return -EINVAL;
		elf->paddr_min = min(elf->paddr_min, p->paddr);
		elf->paddr_max = max(elf->paddr_max, p->paddr + p->memsz);
	}
	return elf->paddr_max ? 0 : -EINVAL;
}

int elf_load(const struct elf_image *elf, int (*put)(void *arg, u64 paddr, const void *src, size_t n), void *arg)
{
	const struct phdr *p;
	int rc = 0;

	for_each_phdr(elf, p) {
		if (p->type != PT_LOAD || !p->memsz)
			continue;
		if (p->filesz)
			rc = put(arg, p->paddr, elf->data + p->offset, p->filesz);
		if (!rc && p->memsz > p->filesz)
			rc = put(arg, p->paddr + p->filesz, NULL, p->memsz - p->filesz);
		if (rc)
			break;
	}
	return rc;
}

/* Notes of @size bytes at @at: header, name and contents, the latter two padded to @align. */
static const void *find_note(const u8 *at, u64 size, u64 align, const char *name, u32 type, u32 *desc_size)
{
	while (size >= sizeof(struct nhdr)) {
		const struct nhdr *n = (const struct nhdr *)at;
		u64 desc = ROUND_UP(sizeof(*n) + n->namesz, align), next = ROUND_UP(desc + n->descsz, align);

		if (desc + n->descsz > size)
			return NULL;
		if (n->type == type && n->namesz == strlen(name) + 1 && !memcmp(n + 1, name, n->namesz)) {
			*desc_size = n->descsz;
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
	const void *found = NULL;
	const struct phdr *p;

	for_each_phdr(elf, p)
		if (!found && p->type == PT_NOTE)
			found = find_note(elf->data + p->offset, p->filesz, p->align == 8 ? 8 : 4, name, type, size);
	return found;
}
