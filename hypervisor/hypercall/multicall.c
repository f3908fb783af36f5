// SPDX-License-Identifier: GPL-2.0-only
/*
 * A list of calls in one. Each entry gets a result of its own; the list stops early only when it
 * cannot be read or written, and after an iret (XSA-213: the entries were the kernel's, user mode
 * must not make them, and its page tables are not to be written through). Between entries the
 * whole may be preempted; an entry that is preempted inside is rewritten to what is left of it.
 */
#include <xenolith/domain.h>
#include <xenolith/hypercall.h>

#define MULTICALL_ARGS	5

struct call {				/* struct multicall_entry without the unused sixth argument */
	unsigned long op, result, args[MULTICALL_ARGS];
};
_Static_assert(offsetof(struct multicall_entry, args) == offsetof(struct call, args), "multicall");
_Static_assert(sizeof(struct multicall_entry) == 64, "multicall entry size");

static long make_call(const hypercall_fn *table, const struct call *c)
{
	hypercall_fn fn = c->op < NR_HYPERCALLS ? table[c->op] : NULL;

	if (!fn)
		return -ENOSYS;
	return fn(c->args[0], c->args[1], c->args[2], c->args[3], c->args[4]);
}

/* One entry at @addr. 0; -ERESTART: made in part, and the entry says so; -EFAULT; 1: was an iret. */
static int run_entry(struct vcpu *v, const hypercall_fn *table, unsigned long addr)
{
	struct call c;

	if (copy_words_in(&c, guest_ptr(addr), sizeof(c)))
		return -EFAULT;
	c.result = make_call(table, &c);
	if (unlikely(c.op == __HYPERVISOR_iret))
		return 1;
	if (likely(!v->continuation.pending))
		return copy_field_out(addr, struct call, &c, result);
	v->continuation.pending = false;
	c.op = v->continuation.op;
	memcpy(c.args, v->continuation.args, sizeof(c.args));
	return copy_words_out(guest_ptr(addr), &c, sizeof(c)) ?: -ERESTART;
}

long do_multicall(unsigned long calls, unsigned long nr, unsigned long a3, unsigned long a4, unsigned long a5)
{
	struct vcpu *v = current;
	const hypercall_fn *table = v->is_hvm ? hvm_hypercall_table : hypercall_table;
	unsigned int left = nr;
	int rc = 0;

	if (v->in_multicall)
		return -EINVAL;
	if (!guest_addr_ok(calls, left * sizeof(struct multicall_entry)))
		return -EFAULT;
	v->in_multicall = true;
	while (left) {
		rc = run_entry(v, table, calls);
		if (rc)
			break;
		calls += sizeof(struct multicall_entry);
		if (--left && hypercall_preempt()) {
			rc = -ERESTART;
			break;
		}
	}
	v->in_multicall = false;
	if (rc > 0)
		return guest_regs()->rax;	/* of the frame that iret restored */
	if (rc == -ERESTART)
		return hypercall_continue(__HYPERVISOR_multicall, calls, left, 0, 0, 0);
	return rc;
}
