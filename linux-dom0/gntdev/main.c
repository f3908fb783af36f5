// SPDX-License-Identifier: GPL-2.0-only
/*
 * /dev/xen/gntdev: memory that other domains grant to this one, for programs.
 *
 * A program names grants and gets an offset, at which mmap() maps them. The ABI is <xen/gntdev.h>.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/fs.h>
#include <linux/miscdevice.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include "compat/compat.h"
#include "map.h"

static unsigned int limit = 64 * 1024;
module_param(limit, uint, 0644);
MODULE_PARM_DESC(limit, "Most grants that one call may map");

/* The table of maps, by index */

static int compare(const void *key, const struct rb_node *node)
{
	const struct grant_map *map = rb_entry(node, struct grant_map, node);
	unsigned long index = *(const unsigned long *)key;

	if (index < map->index)
		return -1;
	return index >= map->index + map->count;
}

static bool lies_before(struct rb_node *node, const struct rb_node *other)
{
	return rb_entry(node, struct grant_map, node)->index < rb_entry(other, struct grant_map, node)->index;
}

/* Return: the map of which a page has this index, or NULL. */
static struct grant_map *find_page(struct gntdev_file *gf, unsigned long index)
{
	struct rb_node *node = rb_find(&index, &gf->maps, compare);

	return node ? rb_entry(node, struct grant_map, node) : NULL;
}

/* Return: the map that begins there, if it has that many grants. */
static struct grant_map *find_map(struct gntdev_file *gf, unsigned long index, unsigned long count)
{
	struct grant_map *map = find_page(gf, index);

	return map && map->index == index && map->count == count ? map : NULL;
}

static int add_map(struct gntdev_file *gf, struct grant_map *map)
{
	int rc = -ENOSPC;

	mutex_lock(&gf->lock);
	if (gf->next + map->count <= LONG_MAX / PAGE_SIZE) {
		map->index = gf->next;
		gf->next += map->count;
		rb_add(&map->node, &gf->maps, lies_before);
		rc = 0;
	}
	mutex_unlock(&gf->lock);
	return rc;
}

/* Takes a map out of the table; the table's reference then is the caller's. */
static struct grant_map *remove_map(struct gntdev_file *gf, unsigned long index, unsigned int count)
{
	struct grant_map *map;

	mutex_lock(&gf->lock);
	map = find_page(gf, index);
	if (map && map->index == index && (!count || map->count == count))
		rb_erase(&map->node, &gf->maps);
	else
		map = NULL;
	mutex_unlock(&gf->lock);
	return map;
}

/* The calls */

static long map_grants(struct gntdev_file *gf, struct ioctl_gntdev_map_grant_ref __user *user)
{
	struct ioctl_gntdev_map_grant_ref arg;
	struct grant_map *map;
	unsigned long index;
	int rc = -EFAULT;

	if (copy_from_user(&arg, user, offsetof(typeof(arg), refs)))
		return -EFAULT;
	if (!arg.count || arg.count > READ_ONCE(limit))
		return -EINVAL;
	map = grant_map_create(arg.count);
	if (!map)
		return -ENOMEM;
	if (copy_from_user(map->grants, user->refs, arg.count * sizeof(*map->grants)))
		goto put;
	refcount_inc(&map->users);	/* as soon as it is in the table, another thread may take it out again */
	rc = add_map(gf, map);
	if (rc) {
		grant_map_put(map);
		goto put;
	}
	index = map->index;
	if (put_user((u64)index * PAGE_SIZE, &user->index)) {
		rc = -EFAULT;
		if (remove_map(gf, index, arg.count))
			grant_map_put(map);
	}
put:
	grant_map_put(map);
	return rc;
}

static long unmap_grants(struct gntdev_file *gf, void __user *user)
{
	struct ioctl_gntdev_unmap_grant_ref arg;
	struct grant_map *map;

	if (copy_from_user(&arg, user, sizeof(arg)))
		return -EFAULT;
	map = remove_map(gf, arg.index / PAGE_SIZE, arg.count);
	if (!map)
		return -ENOENT;
	grant_map_put(map);
	return 0;
}

static long offset_for_vaddr(void __user *user)
{
	struct ioctl_gntdev_get_offset_for_vaddr arg;
	struct vm_area_struct *vma;
	struct grant_map *map;
	int rc = -EINVAL;

	if (copy_from_user(&arg, user, sizeof(arg)))
		return -EFAULT;
	mmap_read_lock(current->mm);
	vma = vma_lookup(current->mm, arg.vaddr);
	if (vma && is_grant_mapping(vma)) {
		map = vma->vm_private_data;
		arg.offset = (u64)map->index * PAGE_SIZE;
		arg.count = map->count;
		rc = 0;
	}
	mmap_read_unlock(current->mm);
	if (!rc && copy_to_user(user, &arg, sizeof(arg)))
		rc = -EFAULT;
	return rc;
}

/* The offset becomes that in the map. */
static int set_notify(struct gntdev_file *gf, struct unmap_notify *notify)
{
	struct grant_map *map;
	int rc = -ENOENT;

	mutex_lock(&gf->lock);
	map = find_page(gf, notify->offset / PAGE_SIZE);
	if (map) {
		notify->offset -= (u64)map->index * PAGE_SIZE;
		rc = grant_map_notify(map, notify);
	}
	mutex_unlock(&gf->lock);
	return rc;
}

static long unmap_notify(struct gntdev_file *gf, void __user *user)
{
	struct ioctl_gntdev_unmap_notify arg;
	struct unmap_notify notify;
	int rc;

	if (copy_from_user(&arg, user, sizeof(arg)))
		return -EFAULT;
	notify = (struct unmap_notify) { arg.action, arg.index, arg.event_channel_port };
	rc = unmap_notify_get(&notify);
	if (rc)
		return rc;
	rc = set_notify(gf, &notify);
	if (rc)
		unmap_notify_put(&notify);
	return rc;
}

static long gntdev_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	struct gntdev_file *gf = file->private_data;
	void __user *user = (void __user *)arg;

	switch (cmd) {
	case IOCTL_GNTDEV_MAP_GRANT_REF:
		return map_grants(gf, user);
	case IOCTL_GNTDEV_UNMAP_GRANT_REF:
		return unmap_grants(gf, user);
	case IOCTL_GNTDEV_GET_OFFSET_FOR_VADDR:
		return offset_for_vaddr(user);
	case IOCTL_GNTDEV_SET_UNMAP_NOTIFY:
		return unmap_notify(gf, user);
	case IOCTL_GNTDEV_GRANT_COPY:
		return gntdev_copy(user);
	default:
		return dmabuf_ioctl(file, &gf->dmabufs, READ_ONCE(limit), cmd, user);
	}
}

/* Return: the map to be shown, with a reference, or NULL if there is none or it was shown before. */
static struct grant_map *take_map(struct gntdev_file *gf, struct vm_area_struct *vma)
{
	struct grant_map *map;

	mutex_lock(&gf->lock);
	map = find_map(gf, vma->vm_pgoff, vma_pages(vma));
	if (map && map->shown)
		map = NULL;
	if (map) {
		map->shown = true;
		refcount_inc(&map->users);
	}
	mutex_unlock(&gf->lock);
	return map;
}

static int gntdev_mmap(struct file *file, struct vm_area_struct *vma)
{
	struct grant_map *map;

	if ((vma->vm_flags & VM_WRITE) && !(vma->vm_flags & VM_SHARED))
		return -EINVAL;
	map = take_map(file->private_data, vma);
	return map ? grant_map_show(map, vma) : -EINVAL;
}

static int gntdev_open(struct inode *inode, struct file *file)
{
	struct gntdev_file *gf = kzalloc(sizeof(*gf), GFP_KERNEL_ACCOUNT);

	if (!gf)
		return -ENOMEM;
	mutex_init(&gf->lock);
	gf->maps = RB_ROOT;
	dmabufs_init(&gf->dmabufs);
	file->private_data = gf;
	return 0;
}

static int gntdev_release(struct inode *inode, struct file *file)
{
	struct gntdev_file *gf = file->private_data;
	struct grant_map *map, *next;

	rbtree_postorder_for_each_entry_safe(map, next, &gf->maps, node)
		grant_map_put(map);
	dmabufs_release(&gf->dmabufs);
	kfree(gf);
	return 0;
}

static const struct file_operations gntdev_fops = {
	.owner = THIS_MODULE,
	.open = gntdev_open,
	.release = gntdev_release,
	.unlocked_ioctl = gntdev_ioctl,
	.mmap = gntdev_mmap,
};

static struct miscdevice gntdev_device = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "xen/gntdev",
	.fops = &gntdev_fops,
};

static int __init gntdev_init(void)
{
	int rc;

	if (!xen_domain())
		return -ENODEV;
	rc = grant_maps_init();
	if (rc)
		return rc;
	rc = misc_register(&gntdev_device);
	if (rc)
		goto maps;
	rc = dmabufs_init_device(gntdev_device.this_device);
	if (rc)
		goto device;
	return 0;

device:
	misc_deregister(&gntdev_device);
maps:
	grant_maps_exit();
	pr_err("cannot make /dev/xen/gntdev: %d\n", rc);
	return rc;
}

static void __exit gntdev_exit(void)
{
	misc_deregister(&gntdev_device);
	grant_maps_exit();
}

module_init(gntdev_init);
module_exit(gntdev_exit);

MODULE_DESCRIPTION("Memory granted by other domains for user space");
MODULE_LICENSE("GPL");
MODULE_VERSION(XENOLITH_VERSION);
