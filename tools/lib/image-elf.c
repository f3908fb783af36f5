// SPDX-License-Identifier: GPL-2.0-only
/*
 * What an ELF kernel says of itself: loadable segments and the notes named "Xen". Nothing in the file is believed before
 * it was compared with the file's size.
 */
#include <elf.h>
#include <string.h>
#include <xen/elfnote.h>
#include "image.h"

#define MAX_HEADERS 128

static bool inside(const struct image *image, uint64_t offset, uint64_t bytes)
{
	return offset <= image->size && bytes <= image->size - offset;
}

static uint64_t note_number(const uint8_t *data, uint32_t bytes)
{
	uint64_t value = 0;

	memcpy(&value, data, bytes < sizeof(value) ? bytes : sizeof(value));
	return value;
}

static void note_text(char *to, size_t size, const uint8_t *data, uint32_t bytes)
{
	size_t n = strnlen((const char *)data, bytes);

	n = n < size ? n : size - 1;
	memcpy(to, data, n);
	to[n] = 0;
}

static void take_note(struct image *image, uint32_t type, const uint8_t *data, uint32_t bytes)
{
	char version[16];

	switch (type) {
	case XEN_ELFNOTE_ENTRY:
		image->entry = note_number(data, bytes);
		break;
	case XEN_ELFNOTE_HYPERCALL_PAGE:
		image->hypercall_page = note_number(data, bytes);
		break;
	case XEN_ELFNOTE_VIRT_BASE:
		image->virt_base = note_number(data, bytes);
		break;
	case XEN_ELFNOTE_PADDR_OFFSET:
		image->paddr_offset = note_number(data, bytes);
		break;
	case XEN_ELFNOTE_INIT_P2M:
		image->init_p2m = note_number(data, bytes);
		break;
	case XEN_ELFNOTE_MOD_START_PFN:
		image->mod_start_pfn = note_number(data, bytes);
		break;
	case XEN_ELFNOTE_PHYS32_ENTRY:
		image->phys32_entry = note_number(data, bytes);
		break;
	case XEN_ELFNOTE_GUEST_OS:
		note_text(image->guest_os, sizeof(image->guest_os), data, bytes);
		break;
	case XEN_ELFNOTE_XEN_VERSION:
		note_text(version, sizeof(version), data, bytes);
		image->pv = !strcmp(version, "xen-3.0");
		break;
	}
}

/* Notes: header, name and data, each padded to four bytes. */
static void take_notes(struct image *image, uint64_t offset, uint64_t bytes)
{
	const uint8_t *p = image->data + offset, *end = p + bytes;
	Elf64_Nhdr note;

	while ((size_t)(end - p) >= sizeof(note)) {
		uint64_t name, body;

		memcpy(&note, p, sizeof(note));
		p += sizeof(note);
		name = (note.n_namesz + 3ull) & ~3ull;
		body = (note.n_descsz + 3ull) & ~3ull;
		if (name > (size_t)(end - p) || body > (size_t)(end - p) - name)
			return;
		if (note.n_namesz == 4 && !memcmp(p, "Xen", 4))
			take_note(image, note.n_type, p + name, note.n_descsz);
		p += name + body;
	}
}

static const char *take_segment(struct image *image, const Elf64_Phdr *ph)
{
	struct image_segment *s = &image->segment[image->segments];

	if (!ph->p_memsz)
		return NULL;
	if (image->segments == IMAGE_SEGMENTS)
		return "too many ELF segments";
	if (!inside(image, ph->p_offset, ph->p_filesz) || ph->p_filesz > ph->p_memsz)
		return "an ELF segment lies outside of the file: cut short?";
	if (ph->p_paddr >= 1ull << 40 || ph->p_memsz > IMAGE_MAX)
		return "an ELF segment lies outside of any memory";
	*s = (struct image_segment){ ph->p_paddr, ph->p_memsz, ph->p_filesz, ph->p_offset };
	if (s->paddr < image->paddr_start)
		image->paddr_start = s->paddr;
	if (s->paddr + s->memory > image->paddr_end)
		image->paddr_end = s->paddr + s->memory;
	image->segments++;
	return NULL;
}

static const char *take_header(struct image *image, const Elf64_Ehdr *header)
{
	const char *wrong = NULL;
	Elf64_Phdr ph;
	unsigned int i;

	if (header->e_phentsize != sizeof(ph) || header->e_phnum > MAX_HEADERS ||
	    !inside(image, header->e_phoff, header->e_phnum * sizeof(ph)))
		return "its ELF program headers make no sense";
	for (i = 0; i < header->e_phnum && !wrong; i++) {
		memcpy(&ph, image->data + header->e_phoff + i * sizeof(ph), sizeof(ph));
		if (ph.p_type == PT_LOAD)
			wrong = take_segment(image, &ph);
		else if (ph.p_type == PT_NOTE && inside(image, ph.p_offset, ph.p_filesz))
			take_notes(image, ph.p_offset, ph.p_filesz);
	}
	return wrong;
}

const char *image_parse(struct image *image)
{
	const char *wrong;
	Elf64_Ehdr header;

	if (image->size < sizeof(header) || memcmp(image->data, ELFMAG, SELFMAG))
		return "neither a bzImage nor an ELF file";
	memcpy(&header, image->data, sizeof(header));
	if (header.e_ident[EI_CLASS] != ELFCLASS64 || header.e_machine != EM_X86_64)
		return "not a 64-bit x86 kernel";
	image->entry = header.e_entry;
	image->virt_base = image->hypercall_page = image->init_p2m = image->phys32_entry = IMAGE_UNSET;
	image->paddr_start = IMAGE_UNSET;
	wrong = take_header(image, &header);
	if (!wrong && !image->segments)
		wrong = "an ELF file without anything to load";
	return wrong;
}
