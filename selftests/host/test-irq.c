// SPDX-License-Identifier: GPL-2.0-only
/*
 * Interrupt routing against pins and messages that only remember whether they are masked. What must
 * hold: every live source has a vector of its own that is no reserved one; a source without a port
 * is masked, whatever the guest says EOI to (it would storm); a level source stays masked between
 * arrival and EOI; an edge one never is; running out of vectors or pirqs is an error and no more.
 */
#include "domains.h"
#include "../../hypervisor/lib/rangeset.c"
#include "../../hypervisor/lib/format.c"
#include "../../hypervisor/drivers/irq.c"
#include "../../hypervisor/drivers/pirq.c"

#define GSIS		24
#define SOURCES		(GSIS + NR_MSIS)

static struct domain *d;
static unsigned int eois, sent, last_pirq, opened, closed;
static bool open_fails;

/* ---- the machine ---- */

static bool masked[SOURCES];
static u32 aimed_at[SOURCES];

static unsigned int source(const struct irq_desc *irq)
{
	return irq - irqs;
}

static void fake_set_masked(struct irq_desc *irq, bool m) { irq->masked = masked[source(irq)] = m; }
static void fake_program(struct irq_desc *irq)
{
	masked[source(irq)] = irq->masked;
	aimed_at[source(irq)] = irq->cpu;
}
#define FAKE { .program = fake_program, .set_masked = fake_set_masked }
const struct irq_chip ioapic_chip = FAKE, msi_chip = FAKE;

struct acpi_info acpi;
bool domain_has(struct domain *of, const struct rangeset *rs, unsigned long first, unsigned long last)
{
	return rangeset_contains(rs, first, last);
}
void i8259_off(void) { }
unsigned int ioapic_init(void) { return GSIS; }
unsigned int ioapic_isa_gsi(unsigned int isa_irq) { return isa_irq ? isa_irq : 2; }
void ioapic_describe(struct irq_desc *irq, unsigned int gsi)
{
	irq->chip = &ioapic_chip;
	irq->level = irq->active_low = gsi >= 16;
	masked[gsi] = true;
}
int msi_open(struct domain *for_whom, struct msi *m, u64 table_base)
{
	opened++;
	return open_fails ? -ENODEV : 0;
}
void msi_close(struct msi *m) { closed++; }
void apic_eoi(void) { eois++; }
bool apic_in_service(u8 vector) { return vector != 0xee; }
bool lib_symbol_name(unsigned long addr, char *buf, size_t size) { return false; }

bool evtchn_send_pirq(struct domain *to, unsigned int pirq)
{
	sent++;
	last_pirq = pirq;
	return to == d;
}

/* ---- helpers ---- */

static void arrive(struct irq_desc *irq)
{
	struct cpu_regs regs = { .vector = irq->vector };

	irq_entry(&regs);
}

static int map_gsi(int gsi)
{
	return pirq_map_gsi(d, gsi) ?: gsi;
}

static int map_msi(unsigned int devfn, unsigned int entry, bool msix)
{
	struct msi m = { .device = devfn, .entry = entry };

	return pirq_map_msi(d, &m, msix ? 0xfe000000 : 0, -1);
}

static bool vectors_are_sane(void)
{
	unsigned int live = 0, used = 0;

	for (unsigned int i = 0; i < SOURCES; i++)
		live += irqs[i].vector != 0;
	for (unsigned int v = 0; v < 256; v++) {
		if (!vector_irq[v])
			continue;
		used++;
		if (v < VEC_FIRST_DYNAMIC || v > VEC_LAST_DYNAMIC || v == 0x80 || v == 0x82 ||
		    vector_irq[v]->vector != v)
			return false;
	}
	return live == used;
}

static unsigned int own;
static void own_handler(void) { own++; }

/* ---- tests ---- */

static void gsis(void)
{
	struct vcpu *v = d->vcpu[0];
	int level = map_gsi(18), edge = map_gsi(8);

	check(level == 18 && edge == 8, "a GSI is mapped under its own number");
	check(map_gsi(18) == 18, "mapping it again is no error");
	check(map_gsi(GSIS) == -EINVAL && map_gsi(-2) == -EINVAL, "only those that exist");
	irq_request(4, own_handler);
	check(map_gsi(2) == 2 && map_gsi(4) == 4 && pirq_bind(v, 2, false) == -EBUSY && pirq_bind(v, 4, false) == -EBUSY,
	      "the hypervisor's own lines can be mapped, as kernels do in passing, not bound");
	arrive(&irqs[4]);
	check(own == 1 && !sent && !pirq_unmap(d, 4), "its own handler is called");
	arrive(&irqs[4]);
	check(own == 2 && !masked[4], "also when the mapping is gone");
	rangeset_remove(&d->irqs, 11, 11);
	check(map_gsi(11) == -EPERM, "one that the domain may not have");
	check(pirq_bind(v, 17, false) == -EINVAL && masked[17], "no port for a pirq that is not mapped");
	check(!pirq_bind(v, level, true) && !masked[18] && aimed_at[18] == 3, "binding makes it live, at the vcpu's CPU");
	check(pirq_bind(v, level, true) == -EBUSY, "once");
	check(pirq_setup_gsi(18, false, false) == -EEXIST, "a live one keeps trigger and polarity");

	sent = eois = 0;
	arrive(&irqs[18]);
	check(sent == 1 && last_pirq == 18 && eois == 1 && masked[18], "level: event sent, masked");
	pirq_unmask(d, 17);
	check(masked[18], "another pirq's EOI does not matter");
	pirq_unmask(d, level);
	check(!masked[18], "its EOI unmasks it");

	check(!pirq_bind(v, edge, false), "an edge");
	arrive(&irqs[8]);
	check(sent == 2 && last_pirq == 8 && !masked[8], "is never masked");

	arrive(&irqs[18]);
	pirq_unbind(d, level);
	check(masked[18] && !irqs[18].vector, "without a port it is masked");
	pirq_unmask(d, level);
	check(masked[18], "and a late EOI leaves it so: it would storm");
	check(pirq_status(d, 18) == XENIRQSTAT_needs_eoi && !pirq_status(d, 8) && pirq_status(d, 5000) == -EINVAL,
	      "status: level needs EOI");
	check(!pirq_setup_gsi(18, false, true) && !pirq_status(d, 18), "its trigger may be changed now");
	pirq_setup_gsi(18, true, true);
	pirq_unbind(d, edge);
	check(!pirq_unmap(d, level) && !pirq_unmap(d, edge) && pirq_unmap(d, edge) == -EINVAL &&
	      pirq_unmap(d, -1) == -EINVAL && pirq_unmap(d, 100000) == -EINVAL, "unmapped once");
}

static void stray(void)
{
	struct cpu_regs regs = { .vector = 0x77 };

	sent = eois = 0;
	irq_entry(&regs);
	regs.vector = 0xee;			/* not in service: from the 8259 */
	irq_entry(&regs);
	check(!sent && eois == 1, "a vector of nobody is ended when the APIC delivered it, and dropped");
}

static void who_needs_eoi(void)
{
	unsigned long *map = (unsigned long *)host_memory;

	memset(map, 0xff, 4096);
	check(map_gsi(16) == 16 && map_gsi(5) == 5, "two pirqs");
	check(pirq_register_eoi_map(d, mfn(9999)) == -EINVAL && pirq_register_eoi_map(d, mfn(64)) == -EINVAL,
	      "the EOI map must be the domain's memory");
	check(!pirq_register_eoi_map(d, mfn(0)) && test_bit(16, map) && !test_bit(5, map), "it says who needs EOI");
	check(pirq_register_eoi_map(d, mfn(1)) == -EBUSY && host_frames_held(d) == 1, "there is one, and one frame is held");
	check(map_gsi(20) == 20 && test_bit(20, map), "what is mapped later is entered");
	pirq_unmap(d, 16);
	check(!test_bit(16, map), "what is unmapped is taken out");
}

static void messages(void)
{
	struct vcpu *v = d->vcpu[0];
	int a = map_msi(8, 0, true), b = map_msi(8, 1, true), c = map_msi(16, 7, false);

	check(a >= GSIS && b >= GSIS && c >= GSIS && a != b && b != c, "MSIs get numbers of their own above the GSIs");
	opened = closed = 0;
	check(map_msi(8, 1, true) == -EEXIST && map_msi(16, 0, false) == -EEXIST && !opened && !closed,
	      "mapping one again is refused before the device is touched");
	check(!pirq_bind(v, b, false), "live");
	sent = 0;
	arrive(&irqs[b]);
	check(sent == 1 && last_pirq == b && !masked[b], "its event");
	pirq_set_affinity(d, b, d->vcpu[1]);
	arrive(&irqs[b]);
	check(aimed_at[b] == 5 && !masked[b], "the next one comes where another vcpu runs that it is bound to");
	d->vcpu[1]->sched.cpu = 6;
	arrive(&irqs[b]);
	check(aimed_at[b] == 6, "and follows the vcpu to another CPU");
	d->vcpu[1]->sched.cpu = 5;
	check(!pirq_unmap(d, b) && closed == 1 && !irqs[b].guest, "unmapped while bound: stopped and closed");
	pirq_unmap(d, a);
	pirq_unmap(d, c);
	open_fails = true;
	check(map_msi(9, 0, true) == -ENODEV && map_msi(9, 0, true) == -ENODEV, "no such device: nothing is left of it");
	open_fails = false;
}

static void exhaustion(void)
{
	unsigned int n = 0, live = 0;
	int pirq[NR_MSIS], rc;

	while ((rc = map_msi(n / 32, n % 32, true)) >= 0)
		pirq[n++] = rc;
	check(n == NR_MSIS && rc == -ENOSPC, "%u MSIs can be mapped", n);
	for (unsigned int i = 0; i < n; i++)
		live += !pirq_bind(d->vcpu[0], pirq[i], false);
	check(live == VEC_LAST_DYNAMIC - VEC_FIRST_DYNAMIC + 1 - 3 && vectors_are_sane(), "%u of them can be live", live);
	check(pirq_bind(d->vcpu[0], pirq[n - 1], false) == -ENOSPC && !irqs[pirq[n - 1]].bound,
	      "then binding fails and changes nothing");
	for (unsigned int i = 0; i < n; i++)
		pirq_unmap(d, pirq[i]);
	check(vectors_are_sane() && map_msi(1, 1, true) >= 0, "all come back");
}

static void random_life(void)
{
	unsigned int storms = 0, stuck = 0;

	for (unsigned int i = 0; i < 200000; i++) {
		u64 r = host_random();
		unsigned int gsi = r >> 8 & 31, msi = r >> 8 & 63;
		int pirq = r & 1 ? (int)gsi : (int)(GSIS + msi);
		struct irq_desc *irq = lookup(d, pirq);

		switch (r >> 32 & 7) {
		case 0: map_gsi(gsi); break;
		case 1: map_msi(msi, 0, r & 2); break;
		case 2: pirq_bind(d->vcpu[r >> 40 & 1], pirq, r & 2); break;
		case 3: pirq_unbind(d, pirq); break;
		case 4: pirq_unmask(d, pirq); break;
		case 5: pirq_unmap(d, pirq); break;
		case 6: pirq_setup_gsi(gsi, r & 2, r & 4); break;
		case 7:
			if (irq && irq->vector && !masked[source(irq)])
				arrive(irq);
			break;
		}
		for (unsigned int g = 0; g < GSIS; g++) {
			storms += !irqs[g].vector && !masked[g];
			stuck += irqs[g].bound && masked[g] && !irqs[g].waiting_eoi;
		}
		require(i % 1000 || vectors_are_sane(), "vectors after %u steps", i);
	}
	check(!storms, "200,000 random steps: nothing without a vector is unmasked");
	check(!stuck, "nothing bound is masked but what waits for its EOI");
}

int main(void)
{
	d = host_domain_create(0, 2);
	d->vcpu[0]->sched.cpu = 3;
	d->vcpu[1]->sched.cpu = 5;
	rangeset_add(&d->irqs, 0, 0xffff);
	irq_init();
	gsis();
	stray();
	who_needs_eoi();
	messages();
	exhaustion();
	random_life();
	for (unsigned int i = 0; i < SOURCES; i++)
		pirq_unmap(d, i);
	check(vectors_are_sane(), "in the end no vector is left");
	rangeset_destroy(&d->irqs);
	host_domain_free(d);
	free(irqs);
	return done();
}
