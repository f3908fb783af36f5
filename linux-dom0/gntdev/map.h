/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Grants of other domains, mapped.
 *
 * Each granted frame is mapped into the kernel first, in the place of an unpopulated page of its own: then it has a
 * struct page, and user space can do direct I/O with it. From there a domain with translated memory shows the page in
 * user space as any other. In a PV domain a page-table entry of a foreign frame can only be written by a grant
 * operation: the frame is mapped a second time, into the entry itself.
 *
 *	           kernel mapping            user mapping (PV only)
 *	mmap()     made, all of them         made, all of them
 *	munmap()   when the last part goes   what goes, before the kernel clears the entries
 *	           and no I/O uses the pages
 *
 * A map is shown once. It lives as long as the file's table, a mapping or I/O has it.
 */
#ifndef GNTDEV_MAP_H
#define GNTDEV_MAP_H

#include <linux/mmu_notifier.h>
#include <linux/refcount.h>
#include <linux/workqueue.h>
#include "gntdev.h"
#include <xenolith/unmap-notify.h>

/**
 * struct grant_map - some grants that are mapped together
 * @node:	in gntdev_file.maps
 * @users:	the file's table, each mapping, and the work to undo it
 * @index:	first page in the file
 * @count:	how many grants
 * @flags:	GNTMAP_...
 * @shown:	it was given to mmap() already; under gntdev_file.lock
 * @areas:	how many mappings show parts of it
 * @start:	where it is shown
 * @notifier:	tells when entries go (PV)
 * @watching:	@notifier is registered
 * @lock:	@notify and @user_unmap; taken by the notifier: nothing may be allocated under it
 * @notify:	what to do in the end
 * @work:	undoes the kernel mapping once nobody uses the pages
 * @delay:	until the next attempt, in ms
 * @grants:	what is mapped
 * @pages:	the pages in whose place it appears; NULL: none left
 * @kernel_unmap: how to undo the kernel mapping; the handle is NOT_MAPPED where there is none
 * @user_unmap:	the same for the entries of user space (PV)
 */
struct grant_map {
	struct rb_node node;
	refcount_t users;
	unsigned long index;
	unsigned int count;
	unsigned int flags;
	bool shown;
	atomic_t areas;
	unsigned long start;
	struct mmu_interval_notifier notifier;
	bool watching;
	struct mutex lock;
	struct unmap_notify notify;
	struct delayed_work work;
	unsigned int delay;
	struct ioctl_gntdev_grant_ref *grants;
	struct page **pages;
	struct gnttab_unmap_grant_ref *kernel_unmap;
	struct gnttab_unmap_grant_ref *user_unmap;
};

/** grant_maps_init - before all other functions; grant_maps_exit() ends it */
int grant_maps_init(void);
void grant_maps_exit(void);

/**
 * grant_map_create - a map of so many grants; the caller fills in which
 *
 * Return: the map with one reference, or NULL without memory.
 */
struct grant_map *grant_map_create(unsigned int count);

/** grant_map_put - give up a reference; with the last one the other domain gets its notification */
void grant_map_put(struct grant_map *map);

/**
 * grant_map_show - map the grants and show them in user space
 * @map:	with a reference for @vma: munmap() gives it up, or this function when it fails
 * @vma:	as large as the map
 *
 * Context: mmap lock held for writing, inside of mmap().
 * Return: 0; -EINVAL if a grant cannot be mapped; or another -errno. After an error nothing is mapped.
 */
int grant_map_show(struct grant_map *map, struct vm_area_struct *vma);

/**
 * grant_map_map - map the grants into the kernel only
 * @map:	with a reference, which grant_map_unmap() gives up, or this function when it fails
 *
 * Return: as grant_map_show().
 */
int grant_map_map(struct grant_map *map);

/** grant_map_unmap - the end of grant_map_map(), as soon as nobody uses the pages any more */
void grant_map_unmap(struct grant_map *map);

/** grant_maps_later - do work that ends something of the other side's; it must hold the module */
void grant_maps_later(struct delayed_work *work, unsigned long delay);

/**
 * grant_map_notify - what to do when the page of an offset is unmapped
 * @notify:	with its offset in the map, and held: the map takes it over, and gives up an older one
 *
 * Return: 0, or -EINVAL if the byte cannot be cleared because the map is read-only; @notify then stays the caller's.
 */
int grant_map_notify(struct grant_map *map, const struct unmap_notify *notify);

/** is_grant_mapping - whether a mapping shows a map, which then is its vm_private_data */
bool is_grant_mapping(const struct vm_area_struct *vma);

#endif
