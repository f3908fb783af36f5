// SPDX-License-Identifier: GPL-2.0-only
/*
 * A domain's names for interrupt sources. physdev_op maps a GSI or MSI as a pirq, an event channel
 * binds to it: from then on the source is live. GSIs keep their number, MSIs get one above.
 */
#include <xenolith/debug.h>
#include <xenolith/domain.h>
#include "irq.h"

#define NR_MSI_PIRQS	256

unsigned int pirq_nr(void)
{
	return irq_nr_gsis() + NR_MSI_PIRQS;
}

int pirq_domain_init(struct domain *d)
{
	d->pirq = new(struct pirq_domain);
	if (!d->pirq)
		return -ENOMEM;
	spin_lock_init(&d->pirq->map_lock);
	if (!d->is_hardware)
		return 0;
	d->pirq->irq = new_array(struct irq_desc *, pirq_nr());
	return d->pirq->irq ? 0 : -ENOMEM;
}

static struct irq_desc *lookup(struct domain *d, unsigned int pirq)
{
	return d->pirq && d->pirq->irq && pirq < pirq_nr() ? d->pirq->irq[pirq] : NULL;
}

/* ---- mapping ---- */

static void publish_eoi(struct domain *d, unsigned int pirq, bool needed)
{
	if (!d->pirq->eoi_map)
		return;
	if (needed)
		set_bit(pirq, d->pirq->eoi_map);
	else
		clear_bit(pirq, d->pirq->eoi_map);
}

/* irq_lock held. */
static void enter(struct domain *d, unsigned int pirq, struct irq_desc *irq)
{
	irq->guest = d;
	irq->pirq = pirq;
	d->pirq->irq[pirq] = irq;
	publish_eoi(d, pirq, irq->level);
}

static int free_msi_pirq(struct domain *d)
{
	for (unsigned int i = pirq_nr(); i-- > irq_nr_gsis(); )
		if (!d->pirq->irq[i])
			return i;
	return -ENOSPC;
}

int pirq_get_free(struct domain *d, int type)
{
	unsigned long flags;
	int rc = -ENOSPC;

	if (!d->pirq->irq)
		return -EPERM;
	flags = spin_lock_irqsave(&irq_lock);
	if (type == MAP_PIRQ_TYPE_MSI)
		rc = free_msi_pirq(d);
	else
		for (unsigned int i = 16; i < irq_nr_gsis() && rc < 0; i++)
			if (!d->pirq->irq[i])
				rc = i;
	spin_unlock_irqrestore(&irq_lock, flags);
	return rc;
}

int pirq_map_gsi(struct domain *d, int gsi, int *pirq)
{
	struct irq_desc *irq;
	unsigned long flags;
	bool allowed;
	int rc = 0;

	if (gsi < 0 || gsi >= irq_nr_gsis() || *pirq >= (int)pirq_nr())
		return -EINVAL;
	spin_lock(&d->caps_lock);
	allowed = rangeset_contains(&d->irqs, gsi, gsi);
	spin_unlock(&d->caps_lock);
	if (!allowed)
		return -EPERM;
	if (*pirq < 0)
		*pirq = gsi;
	flags = spin_lock_irqsave(&irq_lock);
	irq = irq_gsi(gsi);
	if (!irq)
		rc = -EINVAL;
	else if (d->pirq->irq[*pirq] != irq) {
		if (d->pirq->irq[*pirq] || irq->guest)
			rc = -EEXIST;
		else
			enter(d, *pirq, irq);
	}
	spin_unlock_irqrestore(&irq_lock, flags);
	return rc;
}

int pirq_map_msi(struct domain *d, struct msi *msi, u64 table_base, int *pirq)
{
	struct irq_desc *irq;
	unsigned long flags;
	int rc, free;

	if (*pirq >= (int)pirq_nr())
		return -EINVAL;
	msi->msix = table_base != 0;
	if (!msi->msix)
		msi->entry = 0;
	/* Looked for first: opening disturbs one that is in use. d->pirq->map_lock is held. */
	flags = spin_lock_irqsave(&irq_lock);
	irq = irq_find_msi(msi);
	spin_unlock_irqrestore(&irq_lock, flags);
	if (irq)
		return -EEXIST;
	rc = msi_open(d, msi, table_base);
	if (rc)
		return rc;
	flags = spin_lock_irqsave(&irq_lock);
	free = *pirq >= 0 ? *pirq : free_msi_pirq(d);
	irq = NULL;
	if (free < 0)
		rc = free;
	else if (d->pirq->irq[free])
		rc = -EEXIST;
	else if (!(irq = irq_alloc_msi()))
		rc = -ENOSPC;
	if (!rc) {
		irq->msi = *msi;
		enter(d, free, irq);
		*pirq = free;
	}
	spin_unlock_irqrestore(&irq_lock, flags);
	if (rc)
		msi_close(msi);
	return rc;
}

int pirq_unmap(struct domain *d, int pirq)
{
	struct irq_desc *irq;
	struct msi msi = { 0 };
	unsigned long flags;
	bool is_msi = false;

	flags = spin_lock_irqsave(&irq_lock);
	irq = pirq < 0 ? NULL : lookup(d, pirq);
	if (!irq) {
		spin_unlock_irqrestore(&irq_lock, flags);
		return -EINVAL;
	}
	if (irq->bound)
		irq_stop(irq);
	irq->bound = false;
	irq->guest = NULL;
	d->pirq->irq[pirq] = NULL;
	publish_eoi(d, pirq, false);
	if (irq->chip == &msi_chip) {
		msi = irq->msi;
		is_msi = true;
		irq_free_msi(irq);
	}
	spin_unlock_irqrestore(&irq_lock, flags);
	if (is_msi)
		msi_close(&msi);
	return 0;
}

int pirq_setup_gsi(unsigned int gsi, bool level, bool active_low)
{
	struct irq_desc *irq;
	unsigned long flags = spin_lock_irqsave(&irq_lock);
	int rc = 0;

	irq = irq_gsi(gsi);
	if (!irq) {
		rc = -EINVAL;
	} else if (irq->vector || irq->fn) {	/* a live one keeps what it was started with */
		rc = -EEXIST;
	} else {
		irq->level = level;
		irq->active_low = active_low;
		if (irq->guest)
			publish_eoi(irq->guest, irq->pirq, irq->level);
	}
	spin_unlock_irqrestore(&irq_lock, flags);
	return rc;
}

int pirq_status(struct domain *d, unsigned int pirq)
{
	struct irq_desc *irq;
	unsigned long flags;
	int rc = pirq < pirq_nr() ? 0 : -EINVAL;

	flags = spin_lock_irqsave(&irq_lock);
	irq = lookup(d, pirq);
	if (irq && irq->level)
		rc = XENIRQSTAT_needs_eoi;
	spin_unlock_irqrestore(&irq_lock, flags);
	return rc;
}

int pirq_register_eoi_map(struct domain *d, mfn_t m)
{
	unsigned long *map, flags;

	if (!mfn_valid(m) || pirq_nr() > PAGE_SIZE * 8)
		return -EINVAL;
	if (get_page_and_type(mfn_to_page(m), d, PGT_WRITABLE, false))
		return -EINVAL;
	map = mfn_to_virt(m);
	if (cmpxchg(&d->pirq->eoi_map, NULL, map)) {
		put_page_and_type(mfn_to_page(m));
		return -EBUSY;
	}
	flags = spin_lock_irqsave(&irq_lock);
	for (unsigned int i = 0; i < pirq_nr(); i++) {
		struct irq_desc *irq = lookup(d, i);

		publish_eoi(d, i, irq && irq->level);
	}
	spin_unlock_irqrestore(&irq_lock, flags);
	return 0;
}

/* ---- use ---- */

int pirq_bind(struct vcpu *v, unsigned int pirq, bool will_share)
{
	struct domain *d = v->domain;
	struct irq_desc *irq;
	unsigned long flags = spin_lock_irqsave(&irq_lock);
	int rc = 0;

	irq = lookup(d, pirq);
	if (!irq)
		rc = -EINVAL;
	else if (irq->bound || irq->fn)		/* kernels map the hypervisor's own, too */
		rc = -EBUSY;
	else {
		/* Before it is live: an arrival must find its guest. */
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
	struct irq_desc *irq;
	unsigned long flags = spin_lock_irqsave(&irq_lock);

	irq = lookup(d, pirq);
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
		irq->chip->unmask(irq);
	spin_unlock_irqrestore(&irq_lock, flags);
}

void pirq_set_affinity(struct domain *d, unsigned int pirq, struct vcpu *v)
{
	struct irq_desc *irq;
	unsigned long flags = spin_lock_irqsave(&irq_lock);

	irq = lookup(d, pirq);
	if (irq && irq->bound)
		irq_retarget(irq, v->sched.cpu);
	spin_unlock_irqrestore(&irq_lock, flags);
}

void pirq_domain_destroy(struct domain *d)
{
	if (!d->pirq)
		return;
	for (unsigned int i = 0; d->pirq->irq && i < pirq_nr(); i++)
		pirq_unmap(d, i);
	if (d->pirq->eoi_map)
		put_page_and_type(virt_to_page(d->pirq->eoi_map));
	lib_free(d->pirq->irq);
	lib_free(d->pirq);
	d->pirq = NULL;
}
