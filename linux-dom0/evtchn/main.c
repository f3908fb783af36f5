// SPDX-License-Identifier: GPL-2.0-only
/*
 * /dev/xen/evtchn: event channels for programs.
 *
 * read() gives the numbers of ports that fired, write() lets ports fire again, ioctl() binds, unbinds and notifies.
 * Whoever may open the device may bind every port that its domain may bind; a file can give that right up once and for
 * all, except towards one domain. The ABI is <xen/evtchn.h>.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/fs.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/poll.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <xenolith/hypercall.h>
#include <xen/evtchn.h>
#include "compat/compat.h"
#include "ports.h"

/* As many ports as one read() or write() takes. */
#define PORTS_MAX (PAGE_SIZE / sizeof(evtchn_port_t))

static unsigned int port_count(size_t bytes)
{
	return min_t(size_t, bytes / sizeof(evtchn_port_t), PORTS_MAX);
}

/* Waits for an event. Return: 0 with @set->reading held, or -errno without. */
static int wait_for_event(struct port_set *set, bool block)
{
	int rc;

	for (;;) {
		if (mutex_lock_interruptible(&set->reading))
			return -ERESTARTSYS;
		if (ports_pending(set))
			return 0;
		mutex_unlock(&set->reading);
		if (!block)
			return -EAGAIN;
		rc = wait_event_interruptible(set->wait, ports_pending(set));
		if (rc)
			return rc;
	}
}

static ssize_t evtchn_read(struct file *file, char __user *buffer, size_t size, loff_t *offset)
{
	struct port_set *set = file->private_data;
	unsigned int count = port_count(size);
	evtchn_port_t *ports;
	ssize_t rc;

	if (!count)
		return 0;
	ports = kmalloc_array(count, sizeof(*ports), GFP_KERNEL);
	if (!ports)
		return -ENOMEM;
	do {
		rc = wait_for_event(set, !(file->f_flags & O_NONBLOCK));
		if (rc)
			break;
		rc = ports_offer(set, ports, count) * sizeof(*ports);
		if (copy_to_user(buffer, ports, rc))
			rc = -EFAULT;
		ports_taken(set, rc >= 0);
		mutex_unlock(&set->reading);
	} while (!rc);	/* the event's port was unbound meanwhile */
	kfree(ports);
	return rc;
}

static ssize_t evtchn_write(struct file *file, const char __user *buffer, size_t size, loff_t *offset)
{
	unsigned int count = port_count(size);
	evtchn_port_t *ports;

	if (!count)
		return 0;
	ports = memdup_user(buffer, count * sizeof(*ports));
	if (IS_ERR(ports))
		return PTR_ERR(ports);
	ports_rearm(file->private_data, ports, count);
	kfree(ports);
	return count * sizeof(*ports);
}

static bool may_bind(const struct port_set *set, unsigned int domain)
{
	return set->restricted == NO_RESTRICTION || set->restricted == domain;
}

static int bind_virq(struct port_set *set, void __user *user)
{
	struct ioctl_evtchn_bind_virq arg;
	struct evtchn_bind_virq op = { .vcpu = xen_vcpu_nr(0) };
	int rc;

	if (set->restricted != NO_RESTRICTION)
		return -EACCES;
	if (copy_from_user(&arg, user, sizeof(arg)))
		return -EFAULT;
	op.virq = arg.virq;
	rc = HYPERVISOR_event_channel_op(EVTCHNOP_bind_virq, &op);
	return rc ?: ports_bind(set, op.port, false);
}

static int bind_interdomain(struct port_set *set, void __user *user)
{
	struct ioctl_evtchn_bind_interdomain arg;
	struct evtchn_bind_interdomain op = { };
	int rc;

	if (copy_from_user(&arg, user, sizeof(arg)))
		return -EFAULT;
	if (!may_bind(set, arg.remote_domain))
		return -EACCES;
	op.remote_dom = arg.remote_domain;
	op.remote_port = arg.remote_port;
	rc = HYPERVISOR_event_channel_op(EVTCHNOP_bind_interdomain, &op);
	return rc ?: ports_bind(set, op.local_port, false);
}

static int bind_unbound_port(struct port_set *set, void __user *user)
{
	struct ioctl_evtchn_bind_unbound_port arg;
	struct evtchn_alloc_unbound op = { .dom = DOMID_SELF };
	int rc;

	if (set->restricted != NO_RESTRICTION)
		return -EACCES;
	if (copy_from_user(&arg, user, sizeof(arg)))
		return -EFAULT;
	op.remote_dom = arg.remote_domain;
	rc = HYPERVISOR_event_channel_op(EVTCHNOP_alloc_unbound, &op);
	return rc ?: ports_bind(set, op.port, false);
}

#ifdef IOCTL_EVTCHN_BIND_STATIC
/* A port that the machine's configuration opened: interdomain from the start, and not for us to close. */
static int bind_static(struct port_set *set, void __user *user)
{
	struct ioctl_evtchn_bind arg;
	struct evtchn_status op = { .dom = DOMID_SELF };
	int rc;

	if (set->restricted != NO_RESTRICTION)
		return -EACCES;
	if (copy_from_user(&arg, user, sizeof(arg)))
		return -EFAULT;
	op.port = arg.port;
	rc = HYPERVISOR_event_channel_op(EVTCHNOP_status, &op);
	if (rc)
		return rc;
	return op.status == EVTCHNSTAT_interdomain ? ports_bind(set, arg.port, true) : -EINVAL;
}
#endif

static int unbind(struct port_set *set, void __user *user)
{
	struct ioctl_evtchn_unbind arg;

	if (copy_from_user(&arg, user, sizeof(arg)))
		return -EFAULT;
	return arg.port < xen_evtchn_nr_channels() ? ports_unbind(set, arg.port) : -EINVAL;
}

static int restrict_domid(struct port_set *set, void __user *user)
{
	struct ioctl_evtchn_restrict_domid arg;

	if (set->restricted != NO_RESTRICTION)
		return -EACCES;
	if (copy_from_user(&arg, user, sizeof(arg)))
		return -EFAULT;
	if (!arg.domid || arg.domid >= DOMID_FIRST_RESERVED)
		return -EINVAL;
	set->restricted = arg.domid;
	return 0;
}

/* The bindings stay while we send: the number cannot become somebody else's port. */
static int notify(struct port_set *set, void __user *user)
{
	struct ioctl_evtchn_notify arg;
	int rc = -ENOTCONN;

	if (copy_from_user(&arg, user, sizeof(arg)))
		return -EFAULT;
	down_read(&set->bindings);
	if (xa_load(&set->ports, arg.port)) {
		notify_remote_via_evtchn(arg.port);
		rc = 0;
	}
	up_read(&set->bindings);
	return rc;
}

static int reset(struct port_set *set)
{
	ports_forget(set);
	return 0;
}

static int change_bindings(struct port_set *set, unsigned int cmd, void __user *user)
{
	switch (cmd) {
	case IOCTL_EVTCHN_BIND_VIRQ:
		return bind_virq(set, user);
	case IOCTL_EVTCHN_BIND_INTERDOMAIN:
		return bind_interdomain(set, user);
	case IOCTL_EVTCHN_BIND_UNBOUND_PORT:
		return bind_unbound_port(set, user);
#ifdef IOCTL_EVTCHN_BIND_STATIC
	case IOCTL_EVTCHN_BIND_STATIC:
		return bind_static(set, user);
#endif
	case IOCTL_EVTCHN_UNBIND:
		return unbind(set, user);
	case IOCTL_EVTCHN_RESTRICT_DOMID:
		return restrict_domid(set, user);
	default:
		return -ENOSYS;
	}
}

static long evtchn_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	struct port_set *set = file->private_data;
	void __user *user = (void __user *)arg;
	int rc;

	switch (cmd) {
	case IOCTL_EVTCHN_NOTIFY:
		return notify(set, user);
	case IOCTL_EVTCHN_RESET:
		return reset(set);
	default:
		if (down_write_killable(&set->bindings))
			return -EINTR;
		rc = change_bindings(set, cmd, user);
		up_write(&set->bindings);
		return rc;
	}
}

static __poll_t evtchn_poll(struct file *file, poll_table *wait)
{
	struct port_set *set = file->private_data;

	poll_wait(file, &set->wait, wait);
	return EPOLLOUT | EPOLLWRNORM | (ports_pending(set) ? EPOLLIN | EPOLLRDNORM : 0);
}

static int evtchn_fasync(int fd, struct file *file, int on)
{
	struct port_set *set = file->private_data;

	return fasync_helper(fd, file, on, &set->sigio);
}

static int evtchn_open(struct inode *inode, struct file *file)
{
	file->private_data = ports_create();
	return file->private_data ? stream_open(inode, file) : -ENOMEM;
}

static int evtchn_release(struct inode *inode, struct file *file)
{
	ports_destroy(file->private_data);
	return 0;
}

static const struct file_operations evtchn_fops = {
	.owner = THIS_MODULE,
	.open = evtchn_open,
	.release = evtchn_release,
	.read = evtchn_read,
	.write = evtchn_write,
	.poll = evtchn_poll,
	.fasync = evtchn_fasync,
	.unlocked_ioctl = evtchn_ioctl,
};

static struct miscdevice evtchn_device = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "xen/evtchn",
	.fops = &evtchn_fops,
};

static int __init evtchn_init(void)
{
	int rc;

	if (!xen_domain())
		return -ENODEV;
	rc = misc_register(&evtchn_device);
	if (rc)
		pr_err("cannot register /dev/xen/evtchn: %d\n", rc);
	return rc;
}

static void __exit evtchn_exit(void)
{
	misc_deregister(&evtchn_device);
}

module_init(evtchn_init);
module_exit(evtchn_exit);

MODULE_DESCRIPTION("Xen event channels for user space");
MODULE_LICENSE("GPL");
MODULE_VERSION(XENOLITH_VERSION);
