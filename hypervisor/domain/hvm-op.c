// SPDX-License-Identifier: GPL-2.0-only
/* hvm_op: there are no hardware-assisted guests, so that no operation has anything to act on. */
#include <xenolith/domain.h>
#include <xen/hvm/hvm_op.h>

long do_hvm_op(unsigned long cmd, unsigned long arg, unsigned long a3, unsigned long a4,
	       unsigned long a5)
{
	switch (cmd) {
	case HVMOP_set_param:
	case HVMOP_get_param:
		return -EINVAL;			/* a PV domain has no parameters */
	}
	return -ENOSYS;
}
