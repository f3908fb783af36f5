// SPDX-License-Identifier: GPL-2.0-only
/*
 * The ACPI tables of a PVH guest (ACPI 6.x, chapter 5): enough to say that there is no hardware but local APICs.
 *
 *	RSDP → XSDT → FADT (hardware-reduced) → empty DSDT
 *	            → MADT: a local APIC for every vcpu that there can be
 */
#include <string.h>
#include "pvh-acpi.h"

struct __attribute__((packed)) header {
	char signature[4];
	uint32_t length;
	uint8_t revision, checksum;
	char oem[6], table[8];
	uint32_t oem_revision;
	char creator[4];
	uint32_t creator_revision;
};

struct __attribute__((packed)) rsdp {
	char signature[8];
	uint8_t checksum;
	char oem[6];
	uint8_t revision;
	uint32_t rsdt, length;
	uint64_t xsdt;
	uint8_t extended_checksum, reserved[3];
};

struct __attribute__((packed)) xsdt {
	struct header h;
	uint64_t entry[2];
};

#define FADT_BYTES 276
#define FADT_BOOT_ARCH 109	/* 16 bits */
#define FADT_FLAGS 112		/* 32 bits */
#define FADT_MINOR 131
#define FADT_X_DSDT 140		/* 64 bits */
#define FADT_X_TIMER 208	/* an address */
#define BOOT_ARCH ((1 << 2) | (1 << 3) | (1 << 5))		/* no VGA, no MSI by it, no CMOS clock */
#define FLAGS (1u | (1 << 4) | (1 << 5) | (1 << 20))		/* WBINVD; no buttons; hardware-reduced */
#define TIMER_PORT 0xb008		/* where the hypervisor has it; 32 bits wide */
#define TIMER_FLAG (1u << 8)
struct __attribute__((packed)) address {
	uint8_t space, bits, offset, access;
	uint64_t address;
};
struct fadt {
	struct header h;
	uint8_t rest[FADT_BYTES - sizeof(struct header)];
};

struct __attribute__((packed)) madt {
	struct header h;
	uint32_t apic_address, flags;
	struct __attribute__((packed)) {
		uint8_t type, length, processor, apic;
		uint32_t flags;
	} cpu[];
};

static uint8_t sum(const void *p, size_t bytes)
{
	const uint8_t *b = p;
	uint8_t s = 0;

	while (bytes--)
		s += *b++;
	return s;
}

static void head(struct header *h, const char *signature, uint8_t revision, size_t length)
{
	memcpy(h->signature, signature, 4);
	memcpy(h->oem, "Xen   ", 6);
	memcpy(h->table, "HVM     ", 8);
	memcpy(h->creator, "XENL", 4);
	h->length = length;
	h->revision = revision;
	h->checksum = -sum(h, length);
}

static size_t make_madt(struct madt *m, unsigned int vcpus)
{
	size_t bytes = sizeof(*m) + vcpus * sizeof(*m->cpu);
	unsigned int i;

	m->apic_address = 0xfee00000;
	for (i = 0; i < vcpus; i++) {
		m->cpu[i].length = sizeof(*m->cpu);
		m->cpu[i].processor = m->cpu[i].apic = i;
		m->cpu[i].flags = 1;
	}
	head(&m->h, "APIC", 4, bytes);
	return bytes;
}

static void make_fadt(struct fadt *f, uint64_t dsdt, bool timer)
{
	uint8_t *p = (uint8_t *)f;
	uint32_t flags = FLAGS | (timer ? TIMER_FLAG : 0);
	struct address port = { .space = 1, .bits = 32, .access = 3, .address = TIMER_PORT };
	uint16_t boot_arch = BOOT_ARCH;

	memcpy(p + FADT_BOOT_ARCH, &boot_arch, sizeof(boot_arch));
	memcpy(p + FADT_FLAGS, &flags, sizeof(flags));
	memcpy(p + FADT_X_DSDT, &dsdt, sizeof(dsdt));
	p[FADT_MINOR] = 1;
	if (timer)
		memcpy(p + FADT_X_TIMER, &port, sizeof(port));
	head(&f->h, "FACP", 6, FADT_BYTES);
}

void pvh_acpi(uint8_t *page, uint64_t paddr, unsigned int vcpus, bool timer)
{
	struct rsdp *r = (struct rsdp *)page;
	struct xsdt *x = (struct xsdt *)(page + 64);
	struct fadt *f = (struct fadt *)(page + 128);
	struct header *dsdt = (struct header *)(page + 448);
	struct madt *m = (struct madt *)(page + 512);

	memset(page, 0, 4096);
	make_madt(m, vcpus);
	head(dsdt, "DSDT", 2, sizeof(*dsdt));
	make_fadt(f, paddr + 448, timer);
	x->entry[0] = paddr + 128;
	x->entry[1] = paddr + 512;
	head(&x->h, "XSDT", 1, sizeof(*x));
	memcpy(r->signature, "RSD PTR ", 8);
	memcpy(r->oem, "Xen   ", 6);
	r->revision = 2;
	r->length = sizeof(*r);
	r->xsdt = paddr + 64;
	r->checksum = -sum(r, 20);
	r->extended_checksum = -sum(r, sizeof(*r));
}
