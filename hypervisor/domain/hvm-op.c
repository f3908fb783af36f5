// SPDX-License-Identifier: GPL-2.0-only
/* hvm_op: there are no hardware-assisted guests, so that no operation has anything to act on. */
#include <xenolith/domain.h>
#include <xenolith/hypercall.h>
#include <xen/hvm/hvm_op.h>
#include <xen/hvm/params.h>

static long check_param(unsigned long arg)
{
	struct xen_hvm_param p;
	struct domain *d;

	if (copy_in(&p, arg))
		return -EFAULT;
	if (p.index >= HVM_NR_PARAMS)
		return -EINVAL;
	d = domain_get(p.domid);
	if (!d)
		return -ESRCH;
	domain_put(d);
	return -EINVAL;			/* a PV domain has none */
}

long do_hvm_op(unsigned long cmd, unsigned long arg, unsigned long, unsigned long, unsigned long)
{
	switch (cmd) {
	case HVMOP_set_param:
	case HVMOP_get_param:
		return check_param(arg);
	}
	return -ENOSYS;
}
