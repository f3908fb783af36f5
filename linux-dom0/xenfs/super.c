// SPDX-License-Identifier: GPL-2.0-only
/*
 * xenfs, mounted at /proc/xen: what programs looked for there before there were nodes in /dev/xen.
 *
 * Some are the same as those nodes. Only "capabilities" is for everybody; Domain0 has more files than other domains.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/fs_context.h>
#include <linux/magic.h>
#include <linux/module.h>
#include <linux/proc_fs.h>
#include <xenolith/bus.h>
#include <xenolith/hypercall.h>
#include "compat/compat.h"
#include "xenfs.h"

/* Of xen-privcmd. */
extern const struct file_operations xen_privcmd_fops;

static ssize_t capabilities_read(struct file *file, char __user *buffer, size_t size, loff_t *offset)
{
	const char *text = xen_initial_domain() ? "control_d\n" : "";

	return simple_read_from_buffer(buffer, size, offset, text, strlen(text));
}

static const struct file_operations capabilities_ops = {
	.owner = THIS_MODULE,
	.read = capabilities_read,
	.llseek = default_llseek,
};

/* The first two inode numbers are none, and the root. */
#define FIRST_INODE 2
#define COMMON_FILES \
	[FIRST_INODE] = { "xenbus", &xen_xenbus_fops, 0600 }, \
	{ "capabilities", &capabilities_ops, 0444 }, \
	{ "privcmd", &xen_privcmd_fops, 0600 }

static const struct tree_descr files[] = {
	COMMON_FILES,
	{ "" },
};

static const struct tree_descr initial_domain_files[] = {
	COMMON_FILES,
	{ "xsd_kva", &store_page_ops, 0600 },
	{ "xsd_port", &store_port_ops, 0600 },
#ifdef CONFIG_XEN_SYMS
	{ "xensyms", &symbols_ops, 0400 },
#endif
	{ "" },
};

static int fill(struct super_block *sb, struct fs_context *fc)
{
	return simple_fill_super(sb, XENFS_SUPER_MAGIC, xen_initial_domain() ? initial_domain_files : files);
}

static int get_tree(struct fs_context *fc)
{
	return get_tree_single(fc, fill);
}

static const struct fs_context_operations context_ops = { .get_tree = get_tree };

static int init_context(struct fs_context *fc)
{
	fc->ops = &context_ops;
	return 0;
}

static struct file_system_type xenfs_type = {
	.owner = THIS_MODULE,
	.name = "xenfs",
	.init_fs_context = init_context,
	.kill_sb = kill_litter_super,
};
MODULE_ALIAS_FS("xenfs");

/* A kernel built without xenfs has no /proc/xen to mount it at. */
static struct proc_dir_entry *mount_point;

/* On bare hardware it loads, too, and does nothing: init scripts ask for it everywhere. */
static int __init xenfs_init(void)
{
	int rc = xen_domain() ? register_filesystem(&xenfs_type) : 0;

	if (!rc && xen_domain() && !IS_ENABLED(CONFIG_XEN_COMPAT_XENFS))
		mount_point = proc_create_mount_point("xen");
	return rc;
}

static void __exit xenfs_exit(void)
{
	proc_remove(mount_point);
	if (xen_domain())
		unregister_filesystem(&xenfs_type);
}

module_init(xenfs_init);
module_exit(xenfs_exit);

MODULE_DESCRIPTION("Xen file system");
MODULE_LICENSE("GPL");
MODULE_VERSION(XENOLITH_VERSION);
