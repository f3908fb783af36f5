/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Grants, in a shape that both the parent and (through child_call) a child can use. Both have the same pages at the same
 * addresses, data[0] and so on, and their grant table at gt_table.
 */
#ifndef INTERDOMAIN_GRANTS_H
#define INTERDOMAIN_GRANTS_H

#include "child.h"

#define NR_DATA		16
#define NR_WINDOWS	64
#define DATA_WORDS	(PAGE_SIZE / 8)
extern uint64_t data[NR_DATA][DATA_WORDS];		/* to grant */
extern uint8_t window[NR_WINDOWS][PAGE_SIZE];		/* to map at */
extern struct grant_entry_v1 *gt_table;
extern struct child one, two;

long gt_init(long unused, long unused2, long unused3);
long gt_fill(long page, long value, long unused);	/* every word: value + index */
long gt_read(long page, long index, long unused);
long gt_grant(long ref, long dom, long page_and_flags);	/* DATA(page) or DATA(page) | GTF_readonly */
#define DATA(page)	((long)(page) << 16)
long gt_flags(long ref, long value, long set);		/* the entry's flags; first set them when asked */
bool gt_unused(struct child *c, unsigned int ref);	/* by anybody: neither reading nor writing */

/* Status (0 or negative); the handle of what was mapped last is in *handle. */
int gt_map(unsigned int dom, unsigned int ref, void *va, unsigned int flags, grant_handle_t *handle);
int gt_unmap(void *va, grant_handle_t handle);
int gt_copy_in(void *to, unsigned int offset, unsigned int dom, unsigned int ref, unsigned int from, unsigned int len);
int gt_copy_out(unsigned int dom, unsigned int ref, unsigned int to, void *from, unsigned int offset, unsigned int len);
long gt_op(unsigned int cmd, void *arg, unsigned int n);
/* The same for child_call: into or from window @w; the handle or the (negative) status. */
long gt_map_at(long dom, long ref, long w);
long gt_unmap_at(long handle, long w, long unused);

void make_child(struct child *c, unsigned int vcpus);
void come_back(unsigned long pages, const char *what);	/* free pages of the machine are as many again */

void test_copy(void);
void test_limits(void);
void test_ends(void);
void test_races(void);

#endif
