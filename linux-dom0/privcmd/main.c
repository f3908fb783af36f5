// SPDX-License-Identifier: GPL-2.0-only
/*
 * /dev/xen/privcmd and /dev/xen/hypercall: the toolstack's way to the hypervisor.
 *
 * A file of privcmd makes hypercalls as they are, and maps memory of other domains. A file can be restricted to one
 * domain, for good; then it makes no hypercalls of its own choice any more. Outside Domain0 every file is restricted from
 * the start, see target.c. The ABI is <xen/privcmd.h>.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include "compat/compat.h"
#include "privcmd.h"
#ifdef IOCTL_PRIVCMD_PCIDEV_GET_GSI
#include <xen/acpi.h>
#endif

static long restrict_to(struct privcmd_file *pf, void __user *user)
{
	domid_t domain, before;

	if (copy_from_user(&domain, user, sizeof(domain)))
		return -EFAULT;
	before = cmpxchg(&pf->domain, DOMID_INVALID, domain);
	return before == DOMID_INVALID || before == domain ? 0 : -EINVAL;
}

#ifdef IOCTL_PRIVCMD_PCIDEV_GET_GSI
static long pcidev_gsi(struct privcmd_file *pf, void __user *user)
{
	struct privcmd_pcidev_get_gsi arg;
	int rc;

	if (copy_from_user(&arg, user, sizeof(arg)))
		return -EFAULT;
	rc = xen_acpi_get_gsi_from_sbdf(arg.sbdf);
	if (rc < 0)
		return rc;
	arg.gsi = rc;
	return copy_to_user(user, &arg, sizeof(arg)) ? -EFAULT : 0;
}
#endif

static long privcmd_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	struct privcmd_file *pf = file->private_data;
	void __user *user = (void __user *)arg;

	switch (cmd) {
	case IOCTL_PRIVCMD_HYPERCALL:
		return privcmd_hypercall(pf, user);
	case IOCTL_PRIVCMD_MMAP:
		return privcmd_mmap_ranges(pf, user);
	case IOCTL_PRIVCMD_MMAPBATCH:
		return privcmd_mmap_batch(pf, user, 1);
	case IOCTL_PRIVCMD_MMAPBATCH_V2:
		return privcmd_mmap_batch(pf, user, 2);
	case IOCTL_PRIVCMD_DM_OP:
		return privcmd_dm_op(pf, user);
	case IOCTL_PRIVCMD_RESTRICT:
		return restrict_to(pf, user);
	case IOCTL_PRIVCMD_MMAP_RESOURCE:
		return privcmd_mmap_resource(pf, user);
#ifdef IOCTL_PRIVCMD_IRQFD
	case IOCTL_PRIVCMD_IRQFD:
	case IOCTL_PRIVCMD_IOEVENTFD:
		return -EOPNOTSUPP;	/* as in distribution kernels */
#endif
#ifdef IOCTL_PRIVCMD_PCIDEV_GET_GSI
	case IOCTL_PRIVCMD_PCIDEV_GET_GSI:
		return pcidev_gsi(pf, user);
#endif
	default:
		return -ENOTTY;
	}
}

static int privcmd_open(struct inode *inode, struct file *file)
{
	struct privcmd_file *pf = kzalloc(sizeof(*pf), GFP_KERNEL);
	int rc;

	if (!pf)
		return -ENOMEM;
	rc = target_get(&pf->domain);
	if (rc)
		kfree(pf);
	else
		file->private_data = pf;
	return rc;
}

static int privcmd_release(struct inode *inode, struct file *file)
{
	kfree(file->private_data);
	return 0;
}

const struct file_operations xen_privcmd_fops = {
	.owner = THIS_MODULE,
	.open = privcmd_open,
	.release = privcmd_release,
	.unlocked_ioctl = privcmd_ioctl,
	.mmap = privcmd_mmap,
};
EXPORT_SYMBOL_GPL(xen_privcmd_fops);

static struct miscdevice privcmd_device = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "xen/privcmd",
	.fops = &xen_privcmd_fops,
};

static struct miscdevice buffer_device = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "xen/hypercall",
	.fops = &xen_privcmdbuf_fops,
};

static int __init privcmd_init(void)
{
	int rc;

	if (!xen_domain())
		return -ENODEV;
	rc = target_init();
	if (rc)
		return rc;
	rc = misc_register(&privcmd_device);
	if (rc)
		goto target;
	rc = misc_register(&buffer_device);
	if (rc)
		goto privcmd;
	return 0;

privcmd:
	misc_deregister(&privcmd_device);
target:
	target_exit();
	pr_err("cannot register /dev/xen/privcmd and /dev/xen/hypercall: %d\n", rc);
	return rc;
}

static void __exit privcmd_exit(void)
{
	misc_deregister(&buffer_device);
	misc_deregister(&privcmd_device);
	target_exit();
}

module_init(privcmd_init);
module_exit(privcmd_exit);

MODULE_DESCRIPTION("Hypercalls and foreign memory for user space");
MODULE_LICENSE("GPL");
MODULE_VERSION(XENOLITH_VERSION);
