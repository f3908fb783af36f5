// SPDX-License-Identifier: GPL-2.0-only
/*
 * ACPI static tables: well-formed ones are understood, and no damage to firmware's tables (cut
 * short, bytes changed, pointers astray, lengths that lie) makes the parser read outside of
 * memory. Memory is an exact heap block, so that the sanitizer sees every byte too far.
 */
#include "host.h"
#include <xenolith/drivers.h>
#include "../../hypervisor/drivers/acpi-tables.c"

#define MEMORY_SIZE	0x100000
static u8 memory[MEMORY_SIZE];
static size_t top;			/* next free address for a table */
static paddr_t root, rsdp;

/* Each mapping is a copy of exactly the bytes asked for, until the next run. */
static void *copies[1000];
static unsigned int nr_copies;
const void *acpi_map(paddr_t pa, size_t n)
{
	if (pa >= MEMORY_SIZE || n > MEMORY_SIZE - pa)
		return NULL;
	if (n == 20)		/* the search for the RSDP makes thousands */
		return memory + pa;
	if (nr_copies == ARRAY_SIZE(copies))
		abort();
	copies[nr_copies] = malloc(n);
	memcpy(copies[nr_copies], memory + pa, n);
	return copies[nr_copies++];
}

static bool parse(struct acpi_info *info, paddr_t hint)
{
	bool found;

	*info = (struct acpi_info){ 0 };
	found = acpi_parse(info, hint);
	while (nr_copies)
		free(copies[--nr_copies]);
	return found;
}

static void put_le(paddr_t at, u64 v, unsigned int bytes)
{
	memcpy(memory + at, &v, bytes);
}

static u8 sum(const u8 *p, size_t n)
{
	u8 s = 0;

	while (n--)
		s += *p++;
	return s;
}

static void fix_checksum(paddr_t at)
{
	u32 length;

	memcpy(&length, memory + at + 4, 4);
	memory[at + 9] = 0;
	memory[at + 9] = -sum(memory + at, length);
}

static paddr_t begin_table(const char *signature, u32 length)
{
	paddr_t at = top;

	top = ROUND_UP(top + length, 16);
	memset(memory + at, 0, length);
	memcpy(memory + at, signature, 4);
	put_le(at + 4, length, 4);
	return at;
}

static paddr_t build_dsdt(void)
{
	static const u8 aml[] = { 0x10, 0x05, '_', 'S', 'B', '_', 0x08, '_', 'S', '5', '_', 0x12, 0x06, 0x04,
				  0x0a, 0x05, 0x0a, 0x03, 0x00, 0x00 };
	paddr_t at = begin_table("DSDT", 36 + sizeof(aml));

	memcpy(memory + at + 36, aml, sizeof(aml));
	fix_checksum(at);
	return at;
}

static paddr_t build_fadt(void)
{
	paddr_t dsdt = build_dsdt(), at = begin_table("FACP", 244);

	put_le(at + 40, dsdt, 4);
	put_le(at + 46, 9, 2);
	put_le(at + 56, 0x600, 4);
	put_le(at + 64, 0x604, 4);
	put_le(at + 76, 0x608, 4);
	put_le(at + 108, 0x32, 1);
	put_le(at + 112, BIT(8) | BIT(10), 4);
	put_le(at + 116, SPACE_IO, 1);
	put_le(at + 120, 0xcf9, 8);
	put_le(at + 128, 0x0f, 1);
	put_le(at + 68, 0x704, 4);
	fix_checksum(at);
	return at;
}

static paddr_t build_madt(void)
{
	static const u8 entries[] = {
		0, 8, 0, 0, 1, 0, 0, 0,				/* CPU 0 */
		0, 8, 1, 2, 1, 0, 0, 0,				/* CPU 1, APIC ID 2 */
		0, 8, 2, 4, 0, 0, 0, 0,				/* neither there nor to come */
		0, 8, 3, 6, 2, 0, 0, 0,				/* may come */
		1, 12, 7, 0, 0, 0, 0xc0, 0xfe, 0, 0, 0, 0,	/* IO-APIC */
		2, 10, 0, 0, 2, 0, 0, 0, 0, 0,			/* timer on GSI 2 */
		2, 10, 0, 9, 9, 0, 0, 0, 0x0d, 0,
		4, 6, 0xff, 0, 0, 1,				/* NMI: ignored */
		0, 8, 1, 2, 1, 0, 0, 0,				/* CPU 1 again */
		5, 12, 0, 0, 0, 0, 0xe0, 0xfe, 1, 0, 0, 0,
	};
	paddr_t at = begin_table("APIC", 44 + sizeof(entries));

	put_le(at + 36, 0xfee00000, 4);
	put_le(at + 40, 1, 4);
	memcpy(memory + at + 44, entries, sizeof(entries));
	fix_checksum(at);
	return at;
}

static paddr_t build_hpet(void)
{
	paddr_t at = begin_table("HPET", 56);

	put_le(at + 44, 0xfed00000, 8);
	fix_checksum(at);
	return at;
}

static paddr_t build_mcfg(void)
{
	paddr_t at = begin_table("MCFG", 44 + 32);

	put_le(at + 44, 0x90000000, 8);
	put_le(at + 52, 1, 2);
	put_le(at + 60, 0xb0000000, 8);
	memory[at + 60 + 11] = 0xff;
	fix_checksum(at);
	return at;
}

static void build(bool xsdt)
{
	paddr_t tables[4];
	unsigned int width = xsdt ? 8 : 4;

	memset(memory, 0, sizeof(memory));
	top = 0x8000;
	tables[0] = build_fadt();
	tables[1] = build_madt();
	tables[2] = build_hpet();
	tables[3] = build_mcfg();
	root = begin_table(xsdt ? "XSDT" : "RSDT", 36 + 4 * width);
	for (unsigned int i = 0; i < 4; i++)
		put_le(root + 36 + i * width, tables[i], width);
	fix_checksum(root);
	rsdp = 0xf1230;
	memcpy(memory + rsdp, "RSD PTR ", 8);
	memory[rsdp + 15] = xsdt ? 2 : 0;
	if (!xsdt)
		put_le(rsdp + 16, root, 4);
	put_le(rsdp + 20, 36, 4);
	if (xsdt)
		put_le(rsdp + 24, root, 8);
	memory[rsdp + 8] = -sum(memory + rsdp, 20);
	memory[rsdp + 32] = -sum(memory + rsdp, 36);
}

static void test_good(bool xsdt)
{
	struct acpi_info i;

	build(xsdt);
	check(parse(&i, 0) && i.rsdp == rsdp, "%s found through the BIOS area", xsdt ? "XSDT" : "RSDT");
	check(i.nr_cpus == 2 && i.cpu[1].apic_id == 2 && i.cpu[1].acpi_id == 1, "enabled CPUs, each once");
	check(i.nr_ioapics == 1 && i.ioapic[0].address == 0xfec00000, "IO-APIC");
	check(i.nr_overrides == 2 && i.override[0].gsi == 2 && i.override[1].flags == 0xd, "interrupt overrides");
	check(i.pm_timer_port == 0x608 && i.pm_timer_32bit, "PM timer");
	check(i.pm1a_cnt == 0x604 && i.pm1b_cnt == 0x704, "PM1 blocks");
	check(i.reset_port == 0xcf9 && i.reset_value == 0xf, "reset register");
	check(i.s5_known && i.s5_typ_a == 5 && i.s5_typ_b == 3, "values of _S5");
	check(i.hpet_address == 0xfed00000, "HPET");
}

static void test_rsdp(void)
{
	struct acpi_info i;

	build(true);
	memcpy(memory + 0x9fc10, memory + rsdp, 36);
	memset(memory + rsdp, 0, 36);
	check(!parse(&i, 0) && !i.nr_cpus,
	      "no RSDP: defaults");
	check(parse(&i, 0x9fc10) && i.nr_cpus == 2, "RSDP at the place hinted at");
	put_le(0x40e, 0x9fc0, 2);
	check(parse(&i, 0) && i.rsdp == 0x9fc10, "RSDP in the EBDA");
	check(parse(&i, 0x5000) && i.rsdp == 0x9fc10, "a wrong hint is not the end");
	check(parse(&i, 1UL << 40) && i.rsdp == 0x9fc10, "nor one outside of memory");
	memory[0x9fc10 + 3] ^= 1;
	check(!parse(&i, 0), "wrong signature");
}

static void test_bad_table(void)
{
	struct acpi_info i;

	build(true);
	for (paddr_t at = 0x8000; at < top; at += 16)
		if (!memcmp(memory + at, "APIC", 4))
			memory[at + 46]++;
	check(parse(&i, 0) && !i.nr_cpus && i.hpet_address, "a table with a wrong checksum is left out, others count");
	put_le(root + 36, ~0UL, 8);
	fix_checksum(root);
	check(parse(&i, 0) && !i.pm_timer_port && i.hpet_address, "a table outside of memory is left out");
	put_le(root + 4, 0x7fffffff, 4);
	check(!parse(&i, 0), "a root table longer than memory");
}

/* More CPUs, IO-APICs and overrides than there is room for. */
static void test_overflow(void)
{
	struct acpi_info i;
	paddr_t at;

	build(true);
	at = begin_table("APIC", 44 + 300 * 8 + 40 * 12 + 40 * 10);
	for (unsigned int n = 0; n < 300; n++) {
		put_le(at + 44 + n * 8, 0x800, 2);
		memory[at + 44 + n * 8 + 3] = n;
		memory[at + 44 + n * 8 + 4] = 1;
	}
	for (unsigned int n = 0; n < 40; n++) {
		put_le(at + 44 + 2400 + n * 12, 0xc01, 2);
		put_le(at + 44 + 2400 + n * 12 + 4, 0xfec00000, 4);
		put_le(at + 44 + 2880 + n * 10, 0xa02, 2);
	}
	fix_checksum(at);
	put_le(root + 36 + 8, at, 8);
	fix_checksum(root);
	check(parse(&i, 0) && i.nr_cpus == 128 && i.nr_ioapics == 16 && i.nr_overrides == 24,
	      "tables larger than our arrays");
}

/* Damage behind a right checksum: the sanitizer is the judge. */
static void test_random_damage(void)
{
	static u8 good[MEMORY_SIZE];
	struct acpi_info i;
	unsigned int understood = 0;

	build(true);
	memcpy(good, memory, sizeof(good));
	for (unsigned int run = 0; run < 3000; run++) {
		for (unsigned int n = 1 + host_random() % 4; n; n--) {
			paddr_t at = 0x8000 + host_random() % (top - 0x8000);

			memory[at] = host_random() % 3 ? host_random() : 0xff;
		}
		for (paddr_t at = 0x8000; at < top; at += 16) {
			u32 length;

			memcpy(&length, memory + at + 4, 4);
			if (memory[at] >= 'A' && memory[at] <= 'X' && length >= 36 && length < 0x1000)
				fix_checksum(at);
		}
		understood += parse(&i, rsdp);
		if (i.nr_cpus > 128 || i.nr_ioapics > 16 || i.nr_overrides > 24)
			check(false, "counts in bounds (run %u)", run);
		memcpy(memory, good, sizeof(good));
	}
	check(understood > 1000, "3000 damaged sets of tables survived");
}

int main(void)
{
	test_good(true);
	test_good(false);
	test_rsdp();
	test_bad_table();
	test_overflow();
	test_random_damage();
	return done();
}
