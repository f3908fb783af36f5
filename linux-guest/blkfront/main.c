// SPDX-License-Identifier: GPL-2.0-only
/*
 * The driver: which devices there are, and how their states follow the backend's.
 *
 *   backend    InitWait ──────────▶ Connected ──────────▶ Closing ──▶ Closed
 *   frontend   ... offers rings:    reads features,       disk is dead,
 *              Initialised          disk: Connected       rings go: Closed
 *
 * A backend that says Connected again has another size to tell. Its InitWait while we are connected means that its driver
 * was started anew, and will take the same rings where the old one left them: nothing is to be done.
 */
#include <linux/delay.h>
#include <linux/module.h>
#include <linux/pm.h>
#include <xenolith/hypercall.h>
#include "blkfront.h"

#define XVD_MAJOR 202
#define DRAIN_MS 5000
#define PAUSE_WAIT (10 * HZ)

unsigned int front_max_segments = 32;
module_param_named(max_indirect_segments, front_max_segments, uint, 0444);
MODULE_PARM_DESC(max_indirect_segments, "Segments of a request at most, 11 to 256 (32)");

unsigned int front_max_queues;
module_param_named(max_queues, front_max_queues, uint, 0444);
MODULE_PARM_DESC(max_queues, "Rings of a disk at most (0: one for each vcpu)");

unsigned int front_max_order;
module_param_named(max_ring_page_order, front_max_order, uint, 0444);
MODULE_PARM_DESC(max_ring_page_order, "Size of a ring in pages at most, as a power of two, 0 to 4 (0)");

bool front_persistent;
module_param_named(feature_persistent, front_persistent, bool, 0644);
MODULE_PARM_DESC(feature_persistent, "Copy data to and from pages that the backend keeps mapped (N)");

bool front_trusted = true;
module_param_named(trusted, front_trusted, bool, 0644);
MODULE_PARM_DESC(trusted, "Backends may see whole pages of which a part is on its way to the disk (Y)");

static DEFINE_MUTEX(all_lock);
static LIST_HEAD(all_devices);

/* --- minors --------------------------------------------------------------------------------------------------------- */

static bool overlap(const struct vdev *a, const struct vdev *b)
{
	return a->first_minor < b->first_minor + b->minors && b->first_minor < a->first_minor + a->minors;
}

/* Numbers of IDE, SCSI and xvd disks may mean the same minors; who comes first has them. */
static int enter_device(struct blkfront *front)
{
	struct blkfront *other;
	int rc = 0;

	mutex_lock(&all_lock);
	list_for_each_entry(other, &all_devices, all)
		if (overlap(&other->vdev, &front->vdev))
			rc = -EBUSY;
	if (!rc)
		list_add(&front->all, &all_devices);
	mutex_unlock(&all_lock);
	return rc;
}

static void leave_device(struct blkfront *front)
{
	mutex_lock(&all_lock);
	list_del(&front->all);
	mutex_unlock(&all_lock);
}

/* --- the end ---------------------------------------------------------------------------------------------------------- */

static void drain(struct blkfront *front)
{
	unsigned int ms;

	for (ms = 0; ms < DRAIN_MS && front_busy(front); ms += 10)
		msleep(10);
}

/* Nothing is sent again, everything under way is ended, the rings are let go. */
static void close_rings(struct blkfront *front)
{
	if (front->state == FRONT_CLOSED)
		return;
	if (front->disk && front->state == FRONT_CONNECTED)
		blk_mq_quiesce_queue(front->disk->queue);
	front_destroy_queues(front, false);
	WRITE_ONCE(front->state, FRONT_CLOSED);
	if (front->disk)
		blk_mq_unquiesce_queue(front->disk->queue);
}

static void close_device(struct blkfront *front, bool wait)
{
	mutex_lock(&front->lock);
	if (front->state != FRONT_CLOSED) {
		if (front->disk) {
			blk_mark_disk_dead(front->disk);
			if (wait)
				drain(front);
		}
		close_rings(front);
	}
	mutex_unlock(&front->lock);
	xenbus_frontend_closed(front->bus);
}

static void close_broken(struct work_struct *work)
{
	struct blkfront *front = container_of(work, struct blkfront, broken);

	xenbus_switch_state(front->bus, XenbusStateClosing);
	close_device(front, false);
}

void front_break(struct front_queue *queue, const char *format, ...)
{
	struct blkfront *front = queue->front;
	struct va_format what = { .fmt = format };
	va_list args;

	va_start(args, format);
	what.va = &args;
	if (queue->live)
		dev_err(&front->bus->dev, "%s: the backend broke the protocol, the disk is closed: %pV\n", front->vdev.name,
			&what);
	va_end(args);
	queue->live = false;
	schedule_work(&front->broken);
}

static void submit_split(struct work_struct *work)
{
	struct blkfront *front = container_of(work, struct blkfront, split);
	struct bio_list bios;
	struct bio *bio;

	spin_lock_irq(&front->split_lock);
	bios = front->bios;
	bio_list_init(&front->bios);
	spin_unlock_irq(&front->split_lock);
	while ((bio = bio_list_pop(&bios)))
		submit_bio(bio);
}

/* --- the beginning ---------------------------------------------------------------------------------------------------- */

static void set_live(struct blkfront *front)
{
	unsigned int n;

	for (n = 0; n < front->nr_queues; n++) {
		struct front_queue *queue = &front->queues[n];

		spin_lock_irq(&queue->lock);
		queue->live = true;
		spin_unlock_irq(&queue->lock);
	}
	WRITE_ONCE(front->state, FRONT_CONNECTED);
}

static int first_connection(struct blkfront *front)
{
	int rc = front_create_disk(front);

	if (rc)
		return rc;
	xenbus_switch_state(front->bus, XenbusStateConnected);
	set_live(front);
	rc = device_add_disk(&front->bus->dev, front->disk, NULL);
	if (rc) {
		close_rings(front);
		front_destroy_disk(front);
	}
	return rc;
}

static int connection_again(struct blkfront *front)
{
	int rc = compat_update_limits(front->disk->queue, &front->features.limits);

	if (rc)
		return rc;
	xenbus_switch_state(front->bus, XenbusStateConnected);
	set_live(front);
	set_capacity_and_notify(front->disk, front->features.sectors);
	blk_mq_unquiesce_queue(front->disk->queue);
	blk_mq_kick_requeue_list(front->disk->queue);
	return 0;
}

static void new_size(struct blkfront *front)
{
	unsigned long long sectors;

	if (xenbus_scanf(XBT_NIL, front->bus->otherend, "sectors", "%llu", &sectors) != 1 || sectors >> 54)
		return;
	if (set_capacity_and_notify(front->disk, sectors))
		dev_info(&front->bus->dev, "%s has %llu sectors now\n", front->vdev.name, sectors);
}

static void backend_waits(struct blkfront *front)
{
	mutex_lock(&front->lock);
	if ((front->state == FRONT_DISCONNECTED || front->state == FRONT_SUSPENDED) && !front->queues)
		front_offer(front);
	mutex_unlock(&front->lock);
}

static void backend_connected(struct blkfront *front)
{
	int rc = 0;

	mutex_lock(&front->lock);
	if (front->state == FRONT_CONNECTED) {
		new_size(front);
	} else if (front->state != FRONT_CLOSED && (front->queues || !front_offer(front)) && !front_read_features(front)) {
		rc = front->disk ? connection_again(front) : first_connection(front);
		if (rc)
			xenbus_dev_fatal(front->bus, rc, "making the disk %s", front->vdev.name);
	}
	mutex_unlock(&front->lock);
}

static void front_backend_changed(struct xenbus_device *bus, enum xenbus_state state)
{
	struct blkfront *front = dev_get_drvdata(&bus->dev);

	switch (state) {
	case XenbusStateInitWait:
		backend_waits(front);
		break;
	case XenbusStateConnected:
		backend_connected(front);
		break;
	case XenbusStateClosing:
	case XenbusStateClosed:
		if (xenolith_backend_is_late(bus))
			break;
		close_device(front, state == XenbusStateClosing);
		break;
	default:
		break;
	}
}

/* In a hardware-assisted guest the device model shows the same disks; CD-ROMs are left to it. */
static bool is_for_us(struct xenbus_device *bus)
{
	bool cdrom;
	char *type;

	if (!xen_hvm_domain())
		return true;
	type = xenbus_read(XBT_NIL, bus->nodename, "device-type", NULL);
	if (IS_ERR(type))
		return false;
	cdrom = !strncmp(type, "cdrom", 5);
	kfree(type);
	return !cdrom;
}

static int read_vdevice(struct blkfront *front)
{
	int rc = xenbus_scanf(XBT_NIL, front->bus->nodename, "virtual-device", "%i", &front->vdevice);

	if (rc != 1)
		rc = xenbus_scanf(XBT_NIL, front->bus->nodename, "virtual-device-ext", "%i", &front->vdevice);
	if (rc != 1) {
		xenbus_dev_fatal(front->bus, rc, "reading virtual-device");
		return rc < 0 ? rc : -EINVAL;
	}
	rc = vdev_decode(front->vdevice, &front->vdev);
	if (rc)
		xenbus_dev_fatal(front->bus, rc, "virtual-device %#x is no disk", front->vdevice);
	return rc;
}

static struct blkfront *alloc_front(struct xenbus_device *bus)
{
	struct blkfront *front = kzalloc(sizeof(*front), GFP_KERNEL);

	if (!front)
		return NULL;
	front->bus = bus;
	front->max_segments = clamp(front_max_segments, 11U, 256U);
	mutex_init(&front->lock);
	spin_lock_init(&front->split_lock);
	bio_list_init(&front->bios);
	INIT_WORK(&front->broken, close_broken);
	INIT_WORK(&front->split, submit_split);
	if (kstrtouint(strrchr(bus->nodename, '/') + 1, 10, &front->handle))
		front->handle = 0;
	return front;
}

static int front_probe(struct xenbus_device *bus, const struct xenbus_device_id *id)
{
	struct blkfront *front;
	int rc;

	if (!is_for_us(bus))
		return -ENODEV;
	front = alloc_front(bus);
	if (!front)
		return -ENOMEM;
	rc = read_vdevice(front) ?: enter_device(front);
	if (rc) {
		if (rc == -EBUSY)
			xenbus_dev_fatal(bus, rc, "there is a disk %s", front->vdev.name);
		kfree(front);
		return rc;
	}
	dev_set_drvdata(&bus->dev, front);
	/* Where another driver, or this one, had the device before it is Closed. */
	return xenbus_switch_state(bus, XenbusStateInitialising);
}

static void front_remove(struct xenbus_device *bus)
{
	struct blkfront *front = dev_get_drvdata(&bus->dev);

	if (front->disk) {
		if (front->state == FRONT_CONNECTED)
			drain(front);
		else
			close_device(front, false);
		del_gendisk(front->disk);
	}
	mutex_lock(&front->lock);
	close_rings(front);
	mutex_unlock(&front->lock);
	cancel_work_sync(&front->broken);
	flush_work(&front->split);
	front_destroy_disk(front);
	leave_device(front);
	dev_set_drvdata(&bus->dev, NULL);
	kfree(front);
}

/* The domain goes on elsewhere: no ring of before means anything. The backend there will say InitWait. */
static int front_resume(struct xenbus_device *bus)
{
	struct blkfront *front = dev_get_drvdata(&bus->dev);

	mutex_lock(&front->lock);
	if (front->state == FRONT_CONNECTED) {
		blk_mq_quiesce_queue(front->disk->queue);
		WRITE_ONCE(front->state, FRONT_SUSPENDED);
	}
	if (front->state != FRONT_CLOSED)
		front_destroy_queues(front, true);
	mutex_unlock(&front->lock);
	return 0;
}

/*
 * The domain is suspended by its kernel's own means, which take its other CPUs down when no interrupt comes any more: a queue
 * that loses its CPU then would wait for ever for what the backend has not answered. On the kernel's own bus this is not
 * called: there CPUs stay.
 */
static int front_pause(struct device *dev)
{
	struct blkfront *front = dev_get_drvdata(dev);

	if (!front->disk)
		return 0;
	blk_freeze_queue_start(front->disk->queue);
	if (blk_mq_freeze_queue_wait_timeout(front->disk->queue, PAUSE_WAIT) > 0)
		return 0;
	blk_mq_unfreeze_queue(front->disk->queue);
	return -EBUSY;
}

static int front_go_on(struct device *dev)
{
	struct blkfront *front = dev_get_drvdata(dev);

	if (front->disk)
		blk_mq_unfreeze_queue(front->disk->queue);
	return 0;
}
static DEFINE_SIMPLE_DEV_PM_OPS(front_pm, front_pause, front_go_on);

static int front_is_ready(struct xenbus_device *bus)
{
	struct blkfront *front = dev_get_drvdata(&bus->dev);

	return front && front->state == FRONT_CONNECTED;
}

static const struct xenbus_device_id front_ids[] = {
	{ "vbd" },
	{ "" }
};

static struct xenbus_driver front_driver = {
	.ids = front_ids,
	.probe = front_probe,
	.remove = front_remove,
	.resume = front_resume,
	.otherend_changed = front_backend_changed,
	.is_ready = front_is_ready,
	.driver.pm = pm_sleep_ptr(&front_pm),
};

static int __init front_init(void)
{
	int rc;

	if (!xen_domain() || !xen_has_pv_disk_devices())
		return -ENODEV;
	rc = register_blkdev(XVD_MAJOR, "xvd");
	if (rc) {
		pr_err("major number %d is taken\n", XVD_MAJOR);
		return -ENODEV;
	}
	rc = xenbus_register_frontend(&front_driver);
	if (rc)
		unregister_blkdev(XVD_MAJOR, "xvd");
	return rc;
}

static void __exit front_exit(void)
{
	xenbus_unregister_driver(&front_driver);
	unregister_blkdev(XVD_MAJOR, "xvd");
}

module_init(front_init);
module_exit(front_exit);
MODULE_DESCRIPTION("Xen virtual block device frontend");
MODULE_LICENSE("GPL");
MODULE_VERSION(XENOLITH_VERSION);
MODULE_ALIAS("xen:vbd");
MODULE_ALIAS("xenblk");
MODULE_ALIAS_BLOCKDEV_MAJOR(XVD_MAJOR);
