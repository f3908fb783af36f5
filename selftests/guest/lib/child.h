/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Another domain made by a micro-kernel that is Domain0: the same micro-kernel again, with a role on its command line.
 * The test says in its head "boot: -i self": the file comes a second time, untouched, as the initrd.
 *
 *	if (child_role()) { ... the child's part ... return; }
 *	child_make(&c, 1, 1); child_start(&c); wait_for(c.box->word[0] == 42, 1000); child_destroy(&c);
 *
 * Parent and child share one page of the child's, the mailbox. Through it a child can also be told what to do: both are
 * the same image, so that a function has the same address in both.
 *
 *	if (child_role()) child_serve(2);
 *	child_make(&c, 1, 2); child_start(&c); port = child_call(&c, alloc_port, 0, 0, 0);
 */
#ifndef GUEST_CHILD_H
#define GUEST_CHILD_H

#define __XEN_TOOLS__ 1
#include "lib.h"
#include <xen/domctl.h>
#include <xen/sysctl.h>
#include <xen/grant_table.h>

#define CHILD_PAGES	2048
#define CHILD_MEMORY	(CHILD_PAGES + 64)	/* pages that it may have */

typedef long child_fn(long a, long b, long c);

struct mailbox {
	volatile uint64_t word[448];		/* the test's */
	struct {				/* one for each vcpu */
		volatile uint64_t asked, done;	/* how many calls */
		child_fn *fn;
		long a, b, c, result;
		uint64_t spare;
	} call[8];
};
_Static_assert(sizeof(struct mailbox) == 4096, "the mailbox is a page");

struct child {
	unsigned int domid;
	struct mailbox *box;			/* mapped here */
	xen_pfn_t mfn[CHILD_PAGES];		/* by pfn */
	unsigned long l4, start_info;		/* pfns */
};

unsigned long child_role(void);			/* 0: this is Domain0 */
struct mailbox *child_box(void);		/* the child's side of its mailbox */

long domctl(unsigned int cmd, unsigned int domid, struct xen_domctl *op);	/* fills cmd, domid, version */
long sysctl(unsigned int cmd, struct xen_sysctl *op);
extern unsigned int child_grant_version;	/* the highest that a child may have, 1 */
/* All of a domain but its start: 0 or -errno of the step that failed (said by note()). */
long child_make(struct child *c, unsigned long role, unsigned int vcpus);
long child_open_box(struct child *c);
/* For lib/hvm.c: a hardware-assisted domain with the image in its memory; a page of a child, until the next is asked for. */
long child_make_hvm(struct child *c, unsigned int vcpus);
void *child_page(struct child *c, unsigned long pfn);
long child_start(struct child *c);
bool child_shut_down(struct child *c, unsigned int *reason);
/* Destroy: also unmaps the mailbox. 0 when every step was done. */
long child_destroy(struct child *c);

/* The child's side of what follows: do on @vcpus vcpus what the parent asks for, for ever. */
void child_serve(unsigned int vcpus) __attribute__((noreturn));
/* Have the child run fn(a, b, d): on vcpu 0, result waited for; or on any, result fetched later. */
long child_call(struct child *c, child_fn *fn, long a, long b, long d);
void child_begin(struct child *c, unsigned int vcpu, child_fn *fn, long a, long b, long d);
long child_end(struct child *c, unsigned int vcpu);
/* Map frame @mfn of domain @domid at the pool page @va; NULL-safe inverse is remap(va, PTE_RW_FLAGS). */
long map_foreign(void *va, unsigned long mfn, unsigned int domid, uint64_t flags);
unsigned long free_pages(void);			/* of the machine */

#endif
