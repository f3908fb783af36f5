// SPDX-License-Identifier: GPL-2.0-only
/* physdev_op: how Domain0 gets at interrupts, I/O privilege and PCI devices (ABI: xen/physdev.h). */
#include <xenolith/domain.h>
#include <xenolith/hypercall.h>
#include "irq.h"

union physdev_arg {
	struct physdev_eoi eoi;
	struct physdev_pirq_eoi_gmfn eoi_map;
	struct physdev_irq_status_query status;
	struct physdev_set_iopl iopl;
	struct physdev_set_iobitmap iobitmap;
	struct physdev_apic apic;
	struct physdev_irq irq;
	struct physdev_map_pirq map;
	struct physdev_unmap_pirq unmap;
	struct physdev_setup_gsi gsi;
	struct physdev_pci_device device;
};

static DEFINE_SPINLOCK(map_lock);		/* one that maps or unmaps at a time */

static long op_eoi(struct domain *d, union physdev_arg *a)
{
	if (a->eoi.irq >= nr_irqs)
		return -EINVAL;
	pirq_unmask(d, a->eoi.irq);
	return 0;
}

static long op_eoi_map(struct domain *d, union physdev_arg *a)
{
	int rc;

	spin_lock(&map_lock);
	rc = pirq_register_eoi_map(d, mfn(a->eoi_map.gmfn));
	spin_unlock(&map_lock);
	return rc;
}

static long op_status(struct domain *d, union physdev_arg *a)
{
	int rc = pirq_status(d, a->status.irq);

	a->status.flags = rc;
	return min(rc, 0);
}

static long op_set_iopl(struct domain *d, union physdev_arg *a)
{
	if (a->iopl.iopl > 3)
		return -EINVAL;
	pv_set_iopl(current, (u64)a->iopl.iopl << 12);
	return 0;
}

static long op_set_iobitmap(struct domain *d, union physdev_arg *a)
{
	unsigned long bitmap = (unsigned long)a->iobitmap.bitmap.p;

	if (a->iobitmap.nr_ports > 65536 || !guest_addr_ok(bitmap, a->iobitmap.nr_ports / 8))
		return -EINVAL;
	current->pv.io_bitmap = bitmap;
	current->pv.io_bitmap_ports = a->iobitmap.nr_ports;
	return 0;
}

static long op_apic_read(struct domain *d, union physdev_arg *a)
{
	return ioapic_guest_read(a->apic.apic_physbase, a->apic.reg, &a->apic.value);
}

/* Vectors are given when a port is bound; kernels ask nevertheless and keep the number for show. */
static long op_irq_vector(struct domain *d, union physdev_arg *a)
{
	struct irq_desc *irq = irq_gsi(a->irq.irq);

	if (!irq)
		return -EINVAL;
	a->irq.vector = irq->vector;
	return 0;
}

static long map_msi(struct domain *d, struct physdev_map_pirq *op)
{
	struct msi msi = { .device = (op->bus & 0xff) << 8 | (op->devfn & 0xff), .entry = op->entry_nr };

	if (op->type == MAP_PIRQ_TYPE_MSI_SEG && op->bus >> 16)
		return -ENODEV;
	return pirq_map_msi(d, &msi, op->table_base, op->pirq);
}

static long op_map_pirq(struct domain *d, union physdev_arg *a)
{
	struct physdev_map_pirq *op = &a->map;
	long rc;

	if (op->domid != DOMID_SELF && op->domid != d->id)
		return -ESRCH;
	spin_lock(&map_lock);
	switch (op->type) {
	case MAP_PIRQ_TYPE_GSI:
		rc = op->pirq < 0 || op->pirq == op->index ? pirq_map_gsi(d, op->index) : -EINVAL;
		rc = rc ? rc : op->index;
		break;
	case MAP_PIRQ_TYPE_MSI:
	case MAP_PIRQ_TYPE_MSI_SEG:
		rc = map_msi(d, op);
		break;
	case MAP_PIRQ_TYPE_MULTI_MSI:
		rc = -EOPNOTSUPP;	/* the guest falls back to one message */
		break;
	default:
		rc = -EINVAL;
		break;
	}
	spin_unlock(&map_lock);
	op->pirq = rc;
	return min(rc, 0L);
}

static long op_unmap_pirq(struct domain *d, union physdev_arg *a)
{
	long rc;

	if (a->unmap.domid != DOMID_SELF && a->unmap.domid != d->id)
		return -ESRCH;
	spin_lock(&map_lock);
	rc = pirq_unmap(d, a->unmap.pirq);
	spin_unlock(&map_lock);
	return rc;
}

static long op_setup_gsi(struct domain *d, union physdev_arg *a)
{
	return pirq_setup_gsi(a->gsi.gsi, a->gsi.triggering, a->gsi.polarity);
}

static long op_restore_msi_ext(struct domain *d, union physdev_arg *a)
{
	return msi_restore(a->device.seg, a->device.bus << 8 | a->device.devfn);
}

#define FOR_ALL		1	/* not only for who has the devices */
#define ANSWERS		2	/* the structure is copied out */
static const struct {
	long (*fn)(struct domain *d, union physdev_arg *a);
	u8 size, flags;
} ops[] = {
	[PHYSDEVOP_eoi]			= { op_eoi, sizeof(struct physdev_eoi), FOR_ALL },
	[PHYSDEVOP_pirq_eoi_gmfn_v2]	= { op_eoi_map, sizeof(struct physdev_pirq_eoi_gmfn) },
	[PHYSDEVOP_irq_status_query]	= { op_status, sizeof(struct physdev_irq_status_query), FOR_ALL | ANSWERS },
	[PHYSDEVOP_set_iopl]		= { op_set_iopl, sizeof(struct physdev_set_iopl), FOR_ALL },
	[PHYSDEVOP_set_iobitmap]	= { op_set_iobitmap, sizeof(struct physdev_set_iobitmap), FOR_ALL },
	[PHYSDEVOP_apic_read]		= { op_apic_read, sizeof(struct physdev_apic), ANSWERS },
	[PHYSDEVOP_apic_write]		= { op_apic_read, sizeof(struct physdev_apic) },	/* dropped */
	[PHYSDEVOP_alloc_irq_vector]	= { op_irq_vector, sizeof(struct physdev_irq), ANSWERS },
	[PHYSDEVOP_free_irq_vector]	= { op_irq_vector, sizeof(struct physdev_irq), ANSWERS },
	[PHYSDEVOP_map_pirq]		= { op_map_pirq, sizeof(struct physdev_map_pirq), ANSWERS },
	[PHYSDEVOP_unmap_pirq]		= { op_unmap_pirq, sizeof(struct physdev_unmap_pirq) },
	[PHYSDEVOP_setup_gsi]		= { op_setup_gsi, sizeof(struct physdev_setup_gsi) },
	[PHYSDEVOP_restore_msi_ext]	= { op_restore_msi_ext, sizeof(struct physdev_pci_device) },
};

long do_physdev_op(unsigned long cmd, unsigned long arg, unsigned long a3, unsigned long a4, unsigned long a5)
{
	unsigned int flags = cmd < ARRAY_SIZE(ops) ? ops[cmd].flags : 0;
	struct domain *d = current->domain;
	union physdev_arg a;
	long rc;

	if (!(flags & FOR_ALL) && rights_hardware(d))
		return -EPERM;
	switch (cmd) {		/* what tells of devices is noted by nobody: there is no IOMMU to set up yet */
	case PHYSDEVOP_manage_pci_add:
	case PHYSDEVOP_manage_pci_remove:
	case PHYSDEVOP_manage_pci_add_ext:
	case PHYSDEVOP_pci_device_add:
	case PHYSDEVOP_pci_device_remove:
	case PHYSDEVOP_prepare_msix:
	case PHYSDEVOP_release_msix:
	case PHYSDEVOP_pci_mmcfg_reserved:
	case PHYSDEVOP_dbgp_op:
		return 0;
	}
	if (cmd >= ARRAY_SIZE(ops) || !ops[cmd].fn)
		return -ENOSYS;
	if (copy_from_guest(&a, guest_ptr(arg), ops[cmd].size))
		return -EFAULT;
	rc = ops[cmd].fn(d, &a);
	if (rc || !(flags & ANSWERS))
		return rc;
	return copy_to_guest(guest_ptr(arg), &a, ops[cmd].size) ? -EFAULT : 0;
}
