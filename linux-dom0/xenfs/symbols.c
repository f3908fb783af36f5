// SPDX-License-Identifier: GPL-2.0-only
/*
 * The hypervisor's symbols, as /proc/kallsyms has the kernel's, for perf and crash tools.
 *
 * The hypervisor hands them out one by one, under numbers of its own: each answer names the next number, and an answer
 * that names its own is the end.
 */

#include <linux/seq_file.h>
#include <linux/slab.h>
#include <xenolith/hypercall.h>
#include <xen/interface/platform.h>
#include "compat/compat.h"
#include "xenfs.h"

/* Longest name, with its end. Longer ones are cut. */
#define NAME_SIZE 1024

/**
 * struct cursor - a reader's place
 * @op:		the hypervisor's answer: the symbol's address and type, and the next one's number
 * @name:	the symbol's name
 */
struct cursor {
	struct xen_platform_op op;
	char name[NAME_SIZE];
};

/* Return: whether there is a symbol of that number; then @cursor holds it. */
static bool fetch(struct cursor *cursor, u64 number)
{
	struct xenpf_symdata *symbol = &cursor->op.u.symdata;

	memset(&cursor->op, 0, sizeof(cursor->op));
	memset(cursor->name, 0, NAME_SIZE);
	cursor->op.cmd = XENPF_get_symbol;
	symbol->symnum = number;
	symbol->namelen = NAME_SIZE - 1;
	set_xen_guest_handle(symbol->name, cursor->name);
	return number <= U32_MAX && !HYPERVISOR_platform_op(&cursor->op) && symbol->symnum != number;
}

static void *symbols_start(struct seq_file *m, loff_t *pos)
{
	return fetch(m->private, *pos) ? m->private : NULL;
}

static void *symbols_next(struct seq_file *m, void *v, loff_t *pos)
{
	struct cursor *cursor = m->private;

	*pos = cursor->op.u.symdata.symnum;
	return fetch(cursor, *pos) ? cursor : NULL;
}

static void symbols_stop(struct seq_file *m, void *v)
{
}

static int symbols_show(struct seq_file *m, void *v)
{
	const struct cursor *cursor = v;
	const struct xenpf_symdata *symbol = &cursor->op.u.symdata;

	seq_printf(m, "%016llx %c %s\n", symbol->address, symbol->type, cursor->name);
	return 0;
}

static const struct seq_operations symbols_seq_ops = {
	.start = symbols_start,
	.next = symbols_next,
	.stop = symbols_stop,
	.show = symbols_show,
};

static int symbols_open(struct inode *inode, struct file *file)
{
	return seq_open_private(file, &symbols_seq_ops, sizeof(struct cursor));
}

const struct file_operations symbols_ops = {
	.owner = THIS_MODULE,
	.open = symbols_open,
	.release = seq_release_private,
	.read = seq_read,
	.llseek = seq_lseek,
};
