// SPDX-License-Identifier: GPL-2.0-only
/*
 * A domain's names for interrupt sources. physdev_op maps a GSI or MSI as a pirq, an event channel
 * binds to it: from then on the source is live. The number is the machine's: that of the GSI, or
 * one above them for a message.
 */
#include <xenolith/domain.h>
#include "irq.h"

static unsigned long *eoi_map;		/* registered by Domain0 */

static struct irq_desc *lookup(const struct domain *d, unsigned int pirq)
{
	return pirq < nr_irqs && irqs[pirq].guest == d ? &irqs[pirq] : NULL;
}

/* ---- mapping ---- */

static void show_eoi(const struct irq_desc *irq)
{
	if (!eoi_map)
		return;
	if (irq->guest && irq->level)
		set_bit(irq - irqs, eoi_map);
	else
		clear_bit(irq - irqs, eoi_map);
}

static void map(struct domain *d, struct irq_desc *irq)
{
	WRITE_ONCE(irq->guest, d);
	show_eoi(irq);
}

int pirq_map_gsi(struct domain *d, unsigned int gsi)
{
	struct irq_desc *irq = irq_gsi(gsi);

	if (!irq)
		return -EINVAL;
	if (!domain_has(d, &d->irqs, gsi, gsi))
		return -EPERM;
	map(d, irq);
	return 0;
}

static bool same_message(const struct msi *a, const struct msi *b)
{
	return a->device == b->device && a->msix == b->msix && a->entry == b->entry;
}

int pirq_map_msi(struct domain *d, struct msi *msi, u64 table_base, int wanted)
{
	struct irq_desc *irq = NULL;
	int rc;

	msi->msix = table_base != 0;
	if (!msi->msix)
		msi->entry = 0;
	/* Looked for first: opening disturbs one that is in use. */
	for (int i = nr_gsis; i < nr_irqs; i++) {
		if (!irqs[i].guest && (wanted < 0 || wanted == i))
			irq = &irqs[i];
		if (irqs[i].guest && (wanted == i || same_message(&irqs[i].msi, msi)))
			return -EEXIST;
	}
	if (!irq)
		return -ENOSPC;
	rc = msi_open(d, msi, table_base);
	if (rc)
		return rc;
	irq->msi = *msi;
	irq->count = 0;
	map(d, irq);
	return irq - irqs;
}

int pirq_unmap(struct domain *d, unsigned int pirq)
{
	unsigned long flags = spin_lock_irqsave(&irq_lock);
	struct irq_desc *irq = lookup(d, pirq);

	if (irq) {
		if (irq->bound)
			irq_stop(irq);
		irq->bound = false;
		map(NULL, irq);
	}
	spin_unlock_irqrestore(&irq_lock, flags);
	if (!irq)
		return -EINVAL;
	if (irq->chip == &msi_chip)
		msi_close(&irq->msi);
	return 0;
}

int pirq_setup_gsi(unsigned int gsi, bool level, bool active_low)
{
	struct irq_desc *irq = irq_gsi(gsi);
	unsigned long flags;
	bool live;

	if (!irq)
		return -EINVAL;
	flags = spin_lock_irqsave(&irq_lock);
	live = irq->vector || irq->fn;		/* keeps what it was started with */
	if (!live) {
		irq->level = level;
		irq->active_low = active_low;
		show_eoi(irq);
	}
	spin_unlock_irqrestore(&irq_lock, flags);
	return live ? -EEXIST : 0;
}

int pirq_status(struct domain *d, unsigned int pirq)
{
	const struct irq_desc *irq = lookup(d, pirq);

	if (pirq >= nr_irqs)
		return -EINVAL;
	return irq && irq->level ? XENIRQSTAT_needs_eoi : 0;
}

int pirq_register_eoi_map(struct domain *d, mfn_t m)
{
	if (eoi_map)
		return -EBUSY;
	if (!mfn_valid(m) || get_page_and_type(mfn_to_page(m), d, PGT_WRITABLE, false))
		return -EINVAL;
	WRITE_ONCE(eoi_map, mfn_to_virt(m));
	for (unsigned int i = 0; i < nr_irqs; i++)
		show_eoi(&irqs[i]);
	return 0;
}

/* ---- use ---- */

int pirq_bind(struct vcpu *v, unsigned int pirq, bool will_share)
{
	unsigned long flags = spin_lock_irqsave(&irq_lock);
	struct irq_desc *irq = lookup(v->domain, pirq);
	int rc = 0;

	if (!irq) {
		rc = -EINVAL;
	} else if (irq->bound || irq->fn) {	/* kernels map the hypervisor's own, too */
		rc = -EBUSY;
	} else {
		/* Before it is live: an arrival must find its guest. */
		irq->vcpu = v;
		irq->bound = true;
		rc = irq_start(irq, v->sched.cpu);
		if (rc)
			irq->bound = false;
	}
	spin_unlock_irqrestore(&irq_lock, flags);
	return rc;
}

void pirq_unbind(struct domain *d, unsigned int pirq)
{
	unsigned long flags = spin_lock_irqsave(&irq_lock);
	struct irq_desc *irq = lookup(d, pirq);

	if (irq && irq->bound) {
		irq_stop(irq);
		irq->bound = false;
	}
	spin_unlock_irqrestore(&irq_lock, flags);
}

void pirq_unmask(struct domain *d, unsigned int pirq)
{
	struct irq_desc *irq = lookup(d, pirq);
	unsigned long flags;

	if (!irq || !irq->level)
		return;
	/* Unmasked without a port, a level source would storm. */
	flags = spin_lock_irqsave(&irq_lock);
	if (irq->bound && xchg(&irq->waiting_eoi, false))
		irq->chip->set_masked(irq, false);
	spin_unlock_irqrestore(&irq_lock, flags);
}

/* The source follows when it next arrives. */
void pirq_set_affinity(struct domain *d, unsigned int pirq, struct vcpu *v)
{
	unsigned long flags = spin_lock_irqsave(&irq_lock);
	struct irq_desc *irq = lookup(d, pirq);

	if (irq)
		irq->vcpu = v;
	spin_unlock_irqrestore(&irq_lock, flags);
}
