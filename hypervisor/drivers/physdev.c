// SPDX-License-Identifier: GPL-2.0-only
/* physdev_op: how Domain0 gets at interrupts, I/O privilege and PCI devices (ABI: xen/physdev.h). */
#include <xenolith/domain.h>
#include <xenolith/hypercall.h>
#include "irq.h"

static long op_eoi(unsigned long arg)
{
	struct physdev_eoi op;

	if (copy_in(&op, arg))
		return -EFAULT;
	if (op.irq >= pirq_nr())
		return -EINVAL;
	pirq_unmask(current->domain, op.irq);
	return 0;
}

static long op_eoi_map(unsigned long arg)
{
	struct physdev_pirq_eoi_gmfn op;

	if (copy_in(&op, arg))
		return -EFAULT;
	return pirq_register_eoi_map(current->domain, mfn(op.gmfn));
}

static long op_status(unsigned long arg)
{
	struct physdev_irq_status_query op;
	int rc;

	if (copy_in(&op, arg))
		return -EFAULT;
	rc = pirq_status(current->domain, op.irq);
	if (rc < 0)
		return rc;
	op.flags = rc;
	return copy_out(arg, &op);
}

static long op_set_iopl(unsigned long arg)
{
	struct physdev_set_iopl op;

	if (copy_in(&op, arg))
		return -EFAULT;
	if (op.iopl > 3)
		return -EINVAL;
	pv_set_iopl(current, (u64)op.iopl << 12);
	return 0;
}

static long op_set_iobitmap(unsigned long arg)
{
	struct physdev_set_iobitmap op;
	struct vcpu *v = current;

	if (copy_in(&op, arg))
		return -EFAULT;
	if (op.nr_ports > 65536 || !guest_addr_ok((unsigned long)op.bitmap.p, op.nr_ports / 8))
		return -EINVAL;
	v->pv.io_bitmap = (unsigned long)op.bitmap.p;
	v->pv.io_bitmap_ports = op.nr_ports;
	return 0;
}

static long op_apic_read(unsigned long arg)
{
	struct physdev_apic op;
	int rc;

	if (copy_in(&op, arg))
		return -EFAULT;
	rc = ioapic_guest_read(op.apic_physbase, op.reg, &op.value);
	return rc ? rc : copy_out(arg, &op);
}

/* The entries are ours: what old kernels write there is dropped. */
static long op_apic_write(unsigned long arg)
{
	struct physdev_apic op;

	return copy_in(&op, arg) ? -EFAULT : ioapic_guest_read(op.apic_physbase, op.reg, &op.value);
}

/* Vectors are given when a port is bound; kernels ask nevertheless and keep the number for show. */
static long op_irq_vector(unsigned long arg)
{
	struct physdev_irq op;
	struct irq_desc *irq;

	if (copy_in(&op, arg))
		return -EFAULT;
	irq = irq_gsi(op.irq);
	if (!irq)
		return -EINVAL;
	op.vector = irq->vector;
	return copy_out(arg, &op);
}

static long map_msi(struct domain *d, struct physdev_map_pirq *op)
{
	struct msi msi = {
		.segment = op->type == MAP_PIRQ_TYPE_MSI_SEG ? op->bus >> 16 : 0,
		.bus = op->bus, .devfn = op->devfn, .entry = op->entry_nr,
	};
	int pirq = op->pirq, rc;

	rc = pirq_map_msi(d, &msi, op->table_base, &pirq);
	op->pirq = pirq;
	return rc;
}

static long op_map_pirq(unsigned long arg)
{
	struct domain *d = current->domain;
	struct physdev_map_pirq op;
	int pirq;
	long rc;

	if (copy_in(&op, arg))
		return -EFAULT;
	if (op.domid != DOMID_SELF && op.domid != d->id)
		return -ESRCH;
	pirq = op.pirq;
	spin_lock(&d->pirq->map_lock);
	switch (op.type) {
	case MAP_PIRQ_TYPE_GSI:
		rc = pirq_map_gsi(d, op.index, &pirq);
		op.pirq = pirq;
		break;
	case MAP_PIRQ_TYPE_MSI:
	case MAP_PIRQ_TYPE_MSI_SEG:
		rc = map_msi(d, &op);
		break;
	case MAP_PIRQ_TYPE_MULTI_MSI:
		rc = -EOPNOTSUPP;	/* the guest falls back to one message */
		break;
	default:
		rc = -EINVAL;
		break;
	}
	spin_unlock(&d->pirq->map_lock);
	return rc ? rc : copy_out(arg, &op);
}

static long op_unmap_pirq(unsigned long arg)
{
	struct domain *d = current->domain;
	struct physdev_unmap_pirq op;
	long rc;

	if (copy_in(&op, arg))
		return -EFAULT;
	if (op.domid != DOMID_SELF && op.domid != d->id)
		return -ESRCH;
	spin_lock(&d->pirq->map_lock);
	rc = pirq_unmap(d, op.pirq);
	spin_unlock(&d->pirq->map_lock);
	return rc;
}

static long op_get_free(unsigned long arg)
{
	struct physdev_get_free_pirq op;
	int rc;

	if (copy_in(&op, arg))
		return -EFAULT;
	rc = pirq_get_free(current->domain, op.type);
	if (rc < 0)
		return rc;
	op.pirq = rc;
	return copy_out(arg, &op);
}

static long op_setup_gsi(unsigned long arg)
{
	struct physdev_setup_gsi op;

	if (copy_in(&op, arg))
		return -EFAULT;
	if (op.gsi < 0 || op.gsi >= irq_nr_gsis())
		return -EINVAL;
	return pirq_setup_gsi(op.gsi, op.triggering, op.polarity);
}

static long op_restore_msi(unsigned long arg)
{
	struct physdev_restore_msi op;

	return copy_in(&op, arg) ? -EFAULT : msi_restore(0, op.bus, op.devfn);
}

static long op_restore_msi_ext(unsigned long arg)
{
	struct physdev_pci_device op;

	return copy_in(&op, arg) ? -EFAULT : msi_restore(op.seg, op.bus, op.devfn);
}

/* What tells of devices is taken note of by nobody: there is no IOMMU to set up yet. */
static long note(unsigned long arg, size_t size)
{
	u8 buf[64];

	return copy_from_guest(buf, guest_ptr(arg), size) ? -EFAULT : 0;
}

static long hardware_op(unsigned long cmd, unsigned long arg)
{
	switch (cmd) {
	case PHYSDEVOP_apic_read:
		return op_apic_read(arg);
	case PHYSDEVOP_apic_write:
		return op_apic_write(arg);
	case PHYSDEVOP_alloc_irq_vector:
	case PHYSDEVOP_free_irq_vector:
		return op_irq_vector(arg);
	case PHYSDEVOP_map_pirq:
		return op_map_pirq(arg);
	case PHYSDEVOP_unmap_pirq:
		return op_unmap_pirq(arg);
	case PHYSDEVOP_get_free_pirq:
		return op_get_free(arg);
	case PHYSDEVOP_setup_gsi:
		return op_setup_gsi(arg);
	case PHYSDEVOP_restore_msi:
		return op_restore_msi(arg);
	case PHYSDEVOP_restore_msi_ext:
		return op_restore_msi_ext(arg);
	case PHYSDEVOP_manage_pci_add:
	case PHYSDEVOP_manage_pci_remove:
		return note(arg, sizeof(struct physdev_manage_pci));
	case PHYSDEVOP_manage_pci_add_ext:
		return note(arg, sizeof(struct physdev_manage_pci_ext));
	case PHYSDEVOP_pci_device_add:
		return note(arg, sizeof(struct physdev_pci_device_add));
	case PHYSDEVOP_pci_device_remove:
	case PHYSDEVOP_prepare_msix:
	case PHYSDEVOP_release_msix:
		return note(arg, sizeof(struct physdev_pci_device));
	case PHYSDEVOP_pci_mmcfg_reserved:
		return note(arg, sizeof(struct physdev_pci_mmcfg_reserved));
	case PHYSDEVOP_dbgp_op:
		return note(arg, sizeof(struct physdev_dbgp_op));
	default:
		return -ENOSYS;
	}
}

long do_physdev_op(unsigned long cmd, unsigned long arg, unsigned long a3, unsigned long a4,
		   unsigned long a5)
{
	int rc;

	switch (cmd) {
	case PHYSDEVOP_eoi:
		return op_eoi(arg);
	case PHYSDEVOP_pirq_eoi_gmfn_v2:
		return op_eoi_map(arg);
	case PHYSDEVOP_irq_status_query:
		return op_status(arg);
	case PHYSDEVOP_set_iopl:
		return op_set_iopl(arg);
	case PHYSDEVOP_set_iobitmap:
		return op_set_iobitmap(arg);
	}
	rc = rights_hardware(current->domain);
	return rc ? rc : hardware_op(cmd, arg);
}

/* The first form of the call: command and argument in one structure. */
long do_physdev_op_compat(unsigned long uop, unsigned long a2, unsigned long a3, unsigned long a4,
			  unsigned long a5)
{
	u32 cmd;

	if (copy_in(&cmd, uop))
		return -EFAULT;
	switch (cmd) {
	case PHYSDEVOP_irq_status_query:
	case PHYSDEVOP_set_iopl:
	case PHYSDEVOP_set_iobitmap:
	case PHYSDEVOP_apic_read:
	case PHYSDEVOP_apic_write:
	case PHYSDEVOP_alloc_irq_vector:
	case PHYSDEVOP_free_irq_vector:
		return do_physdev_op(cmd, uop + offsetof(struct physdev_op, u), 0, 0, 0);
	default:
		return -ENOSYS;
	}
}
