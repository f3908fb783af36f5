// SPDX-License-Identifier: GPL-2.0-only
/* Granted frames as a DMA buffer. The model is in dmabuf.h. */

#include <linux/completion.h>
#include <linux/dma-buf.h>
#include <linux/dma-mapping.h>
#include <linux/file.h>
#include <linux/kref.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include "compat/compat.h"
#include "dmabuf.h"
#include "dmabuf-parts.h"
#include "map.h"

/**
 * struct exported - a DMA buffer made of grants
 * @users:	the buffer, and who waits for its end
 * @link:	in dmabufs.exported, until the buffer ends
 * @bufs:	the list it is in
 * @file:	the file with that list
 * @fd:		its descriptor when it was made
 * @map:	the grants
 * @released:	the buffer has ended
 */
struct exported {
	struct kref users;
	struct list_head link;
	struct dmabufs *bufs;
	struct file *file;
	int fd;
	struct grant_map *map;
	struct completion released;
};

static void free_exported(struct kref *kref)
{
	kfree(container_of(kref, struct exported, users));
}

/* Each attached device gets a table of its own for each time it maps the buffer. */
static struct sg_table *buffer_map(struct dma_buf_attachment *attachment, enum dma_data_direction direction)
{
	struct exported *exported = attachment->dmabuf->priv;
	struct grant_map *map = exported->map;
	struct sg_table *table = kzalloc(sizeof(*table), GFP_KERNEL);
	int rc;

	if (!table)
		return ERR_PTR(-ENOMEM);
	rc = sg_alloc_table_from_pages(table, map->pages, map->count, 0, (unsigned long)map->count * PAGE_SIZE,
				       GFP_KERNEL);
	if (rc)
		goto free;
	rc = dma_map_sgtable(attachment->dev, table, direction, DMA_ATTR_SKIP_CPU_SYNC);
	if (rc)
		goto table;
	return table;

table:
	sg_free_table(table);
free:
	kfree(table);
	return ERR_PTR(rc);
}

static void buffer_unmap(struct dma_buf_attachment *attachment, struct sg_table *table,
			 enum dma_data_direction direction)
{
	dma_unmap_sgtable(attachment->dev, table, direction, DMA_ATTR_SKIP_CPU_SYNC);
	sg_free_table(table);
	kfree(table);
}

static void buffer_release(struct dma_buf *buffer)
{
	struct exported *exported = buffer->priv;

	mutex_lock(&exported->bufs->lock);
	list_del_init(&exported->link);
	mutex_unlock(&exported->bufs->lock);
	grant_map_unmap(exported->map);
	complete_all(&exported->released);
	fput(exported->file);
	kref_put(&exported->users, free_exported);
}

static const struct dma_buf_ops buffer_ops = {
	.map_dma_buf = buffer_map,
	.unmap_dma_buf = buffer_unmap,
	.release = buffer_release,
};

static struct dma_buf *make_buffer(struct exported *exported)
{
	DEFINE_DMA_BUF_EXPORT_INFO(info);

	info.ops = &buffer_ops;
	info.size = (size_t)exported->map->count * PAGE_SIZE;
	info.flags = O_RDWR;
	info.priv = exported;
	return dma_buf_export(&info);
}

/* Takes over the grants: whatever fails unmaps them. Return: the buffer, of which @exported is now a part. */
static struct dma_buf *export(struct file *file, struct dmabufs *bufs, struct grant_map *map, int fd)
{
	struct exported *exported = kzalloc(sizeof(*exported), GFP_KERNEL);
	struct dma_buf *buffer;

	if (!exported) {
		grant_map_unmap(map);
		return ERR_PTR(-ENOMEM);
	}
	kref_init(&exported->users);
	init_completion(&exported->released);
	exported->bufs = bufs;
	exported->file = file;
	exported->fd = fd;
	exported->map = map;
	buffer = make_buffer(exported);
	if (IS_ERR(buffer)) {
		grant_map_unmap(map);
		kfree(exported);
		return buffer;
	}
	get_file(file);
	mutex_lock(&bufs->lock);
	list_add(&exported->link, &bufs->exported);
	mutex_unlock(&bufs->lock);
	return buffer;
}

static struct grant_map *map_refs(const struct ioctl_gntdev_dmabuf_exp_from_refs *arg, const u32 __user *refs)
{
	struct grant_map *map = grant_map_create(arg->count);
	u32 *copy;
	unsigned int i;
	int rc;

	if (!map)
		return ERR_PTR(-ENOMEM);
	copy = vmemdup_user(refs, arg->count * sizeof(*copy));
	if (IS_ERR(copy)) {
		grant_map_put(map);
		return ERR_CAST(copy);
	}
	for (i = 0; i < arg->count; i++)
		map->grants[i] = (struct ioctl_gntdev_grant_ref){ .domid = arg->domid, .ref = copy[i] };
	kvfree(copy);
	rc = grant_map_map(map);
	return rc ? ERR_PTR(rc) : map;
}

/* The descriptor becomes real last: until then nobody else sees the buffer. */
static int export_as(struct file *file, struct dmabufs *bufs, struct ioctl_gntdev_dmabuf_exp_from_refs *arg, int fd,
		     struct ioctl_gntdev_dmabuf_exp_from_refs __user *user)
{
	struct grant_map *map = map_refs(arg, user->refs);
	struct dma_buf *buffer;

	if (IS_ERR(map))
		return PTR_ERR(map);
	buffer = export(file, bufs, map, fd);
	if (IS_ERR(buffer))
		return PTR_ERR(buffer);
	if (put_user(fd, &user->fd)) {
		dma_buf_put(buffer);
		return -EFAULT;
	}
	fd_install(fd, buffer->file);
	return 0;
}

long dmabuf_export(struct file *file, struct dmabufs *bufs, unsigned int limit, void __user *user)
{
	struct ioctl_gntdev_dmabuf_exp_from_refs arg;
	int fd, rc;

	if (copy_from_user(&arg, user, offsetof(typeof(arg), refs)))
		return -EFAULT;
	if (!arg.count || arg.count > limit)
		return -EINVAL;
	if (arg.flags & (GNTDEV_DMA_FLAG_WC | GNTDEV_DMA_FLAG_COHERENT))
		return arg.flags & GNTDEV_DMA_FLAG_WC && arg.flags & GNTDEV_DMA_FLAG_COHERENT ? -EINVAL : -EOPNOTSUPP;
	fd = get_unused_fd_flags(O_CLOEXEC);
	if (fd < 0)
		return fd;
	rc = export_as(file, bufs, &arg, fd, user);
	if (rc)
		put_unused_fd(fd);
	return rc;
}

long dmabuf_wait_released(struct dmabufs *bufs, void __user *user)
{
	struct ioctl_gntdev_dmabuf_exp_wait_released arg;
	struct exported *exported;
	long rc = -ENOENT;

	if (copy_from_user(&arg, user, sizeof(arg)))
		return -EFAULT;
	mutex_lock(&bufs->lock);
	list_for_each_entry(exported, &bufs->exported, link) {
		if (exported->fd != arg.fd)
			continue;
		kref_get(&exported->users);
		rc = 0;
		break;
	}
	mutex_unlock(&bufs->lock);
	if (rc)
		return rc;
	rc = wait_for_completion_interruptible_timeout(&exported->released, msecs_to_jiffies(arg.wait_to_ms));
	kref_put(&exported->users, free_exported);
	return rc > 0 ? 0 : rc ?: -ETIMEDOUT;
}
