// SPDX-License-Identifier: GPL-2.0-only
/*
 * Reading the static ACPI tables (ACPI specification 6.4, chapter 5) once at boot into acpi_info.
 *
 *   RSDP -> XSDT or RSDT -> FADT (power, PM timer; -> DSDT, searched for _S5), MADT (CPUs,
 *   IO-APICs), HPET
 *
 * Firmware is not trusted to be right: a table counts only when all of it is there and sums up to
 * zero, and every field and entry is read inside its bounds.
 */
#include <xenolith/drivers.h>
#include <xenolith/lib.h>

#define SDT_HEADER	36
#define SDT_LENGTH	4
#define MAX_TABLE	MB(16)
#define SPACE_MEMORY	0
#define SPACE_IO	1

struct table {
	const u8 *data;
	u32 length;
};

static u64 read_field(const u8 *p, unsigned int bytes)
{
	u64 v = 0;

	memcpy(&v, p, bytes);
	return v;
}

/* Fields that an older, shorter revision of a table does not have read as 0. */
static u64 field(const struct table *t, unsigned int offset, unsigned int bytes)
{
	return offset + bytes <= t->length ? read_field(t->data + offset, bytes) : 0;
}

static bool sums_to_zero(const u8 *p, size_t n)
{
	u8 sum = 0;

	while (n--)
		sum += *p++;
	return sum == 0;
}

static bool open_table(paddr_t pa, struct table *t)
{
	const u8 *head = acpi_map(pa, SDT_HEADER);

	if (!pa || !head)
		return false;
	t->length = read_field(head + SDT_LENGTH, 4);
	if (t->length < SDT_HEADER || t->length > MAX_TABLE)
		return false;
	t->data = acpi_map(pa, t->length);
	if (!t->data)
		return false;
	if (!sums_to_zero(t->data, t->length)) {
		printk_warn("ACPI: table %.4s has a wrong checksum, ignored\n", (const char *)t->data);
		return false;
	}
	return true;
}

/* ---- RSDP ---- */

static bool rsdp_good(paddr_t pa)
{
	const u8 *p = acpi_map(pa, 20);

	return p && !memcmp(p, "RSD PTR ", 8) && sums_to_zero(p, 20);
}

static paddr_t search_rsdp(paddr_t from, size_t n)
{
	for (paddr_t pa = from; pa < from + n; pa += 16)
		if (rsdp_good(pa))
			return pa;
	return 0;
}

/* The BIOS keeps it in the first KiB of its extended data area or in its read-only area. */
static paddr_t find_rsdp(paddr_t hint)
{
	const u8 *ebda = acpi_map(0x40e, 2);
	paddr_t pa = 0;

	if (hint && rsdp_good(hint))
		return hint;
	if (ebda)
		pa = (paddr_t)read_field(ebda, 2) << 4;
	if (pa)
		pa = search_rsdp(pa, KB(1));
	return pa ? pa : search_rsdp(0xe0000, 0x20000);
}

/* ---- MADT ---- */

static void add_cpu(struct acpi_info *info, u32 apic_id, u32 acpi_id, u32 flags)
{
	if (!(flags & 1))		/* not enabled */
		return;
	for (unsigned int i = 0; i < info->nr_cpus; i++)
		if (info->cpu[i].apic_id == apic_id)
			return;
	if (info->nr_cpus == ARRAY_SIZE(info->cpu)) {
		printk_warn("ACPI: CPU with APIC ID %u is one too many, ignored\n", apic_id);
		return;
	}
	info->cpu[info->nr_cpus++] = (struct acpi_cpu){ apic_id, acpi_id };
}

static void madt_entry(struct acpi_info *info, const struct table *e)
{
	u32 word = field(e, 4, 4);

	switch (e->data[0]) {
	case 0:		/* local APIC */
		add_cpu(info, field(e, 3, 1), field(e, 2, 1), word);
		break;
	case 1:
		if (word && info->nr_ioapics < ARRAY_SIZE(info->ioapic))
			info->ioapic[info->nr_ioapics++] = (struct acpi_ioapic){ word, field(e, 8, 4) };
		break;
	case 2:		/* ISA interrupt somewhere else than expected */
		if (field(e, 3, 1) < 16 && info->nr_overrides < ARRAY_SIZE(info->override))
			info->override[info->nr_overrides++] =
				(struct acpi_override){ field(e, 3, 1), word, field(e, 8, 2) };
		break;
	}
}

static void parse_madt(struct acpi_info *info, const struct table *t)
{
	u32 at = SDT_HEADER + 8;

	while (at + 2 <= t->length) {
		struct table e = { t->data + at, t->data[at + 1] };

		if (e.length < 2 || e.length > t->length - at) {
			printk_warn("ACPI: MADT has a bad entry, the rest is ignored\n");
			return;
		}
		madt_entry(info, &e);
		at += e.length;
	}
}

/* ---- FADT and DSDT ---- */

/* One small integer of a package: 0, 1, or a byte behind its prefix. */
static const u8 *aml_byte(const u8 *p, const u8 *end, u8 *v)
{
	if (p < end && *p == 0x0a)
		p++;
	if (p >= end)
		return NULL;
	*v = *p & 7;
	return p + 1;
}

/*
 * Name(_S5_, Package(){a, b, ...}) as compilers lay it out: the values that mean "off" to the PM1
 * control registers, found without an AML interpreter.
 */
static bool find_s5(const struct table *dsdt, u8 *a, u8 *b)
{
	const u8 *p = dsdt->data + SDT_HEADER, *end = dsdt->data + dsdt->length;

	for (; p + 8 < end; p++) {
		if (memcmp(p, "_S5_\x12", 5))
			continue;
		p += 5;
		p += 1 + (*p >> 6);	/* package length */
		p++;			/* number of elements */
		p = aml_byte(p, end, a);
		return p && aml_byte(p, end, b);
	}
	return false;
}

static void parse_fadt(struct acpi_info *info, const struct table *t)
{
	u32 flags = field(t, 112, 4);
	paddr_t dsdt = field(t, 140, 8);
	struct table d;

	info->pm1a_cnt = field(t, 64, 4);
	info->pm1b_cnt = field(t, 68, 4);
	info->pm_timer_port = field(t, 76, 4);
	info->pm_timer_32bit = flags & BIT(8);
	if (flags & BIT(10) && t->length >= 129 && field(t, 116, 1) == SPACE_IO) {
		info->reset_port = field(t, 120, 8);
		info->reset_value = field(t, 128, 1);
	}
	if (open_table(dsdt ? dsdt : field(t, 40, 4), &d))
		info->s5_known = find_s5(&d, &info->s5_typ_a, &info->s5_typ_b);
}

/* ---- the others ---- */

static void parse_hpet(struct acpi_info *info, const struct table *t)
{
	if (field(t, 40, 1) == SPACE_MEMORY)
		info->hpet_address = field(t, 44, 8);
}

static const struct {
	char signature[4];
	void (*parse)(struct acpi_info *info, const struct table *t);
} parsers[] = {
	{ "FACP", parse_fadt },
	{ "APIC", parse_madt },
	{ "HPET", parse_hpet },
};

/* The first good table of each kind counts. */
static bool walk_root(struct acpi_info *info, paddr_t pa, const char *signature, unsigned int width)
{
	struct table root, t;
	unsigned int seen = 0;

	if (!open_table(pa, &root) || memcmp(root.data, signature, 4))
		return false;
	for (u32 at = SDT_HEADER; at + width <= root.length; at += width) {
		if (!open_table(field(&root, at, width), &t))
			continue;
		for (unsigned int i = 0; i < ARRAY_SIZE(parsers); i++)
			if (!memcmp(t.data, parsers[i].signature, 4) && !(seen & BIT(i))) {
				seen |= BIT(i);
				parsers[i].parse(info, &t);
			}
	}
	return true;
}

bool acpi_parse(struct acpi_info *info, paddr_t rsdp_hint)
{
	const u8 *p;

	info->rsdp = find_rsdp(rsdp_hint);
	if (!info->rsdp)
		return false;
	p = acpi_map(info->rsdp, 36);
	if (p && p[15] >= 2 && sums_to_zero(p, 36) && walk_root(info, read_field(p + 24, 8), "XSDT", 8))
		return true;
	p = acpi_map(info->rsdp, 20);
	return walk_root(info, read_field(p + 16, 4), "RSDT", 4);
}
