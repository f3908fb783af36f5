/* SPDX-License-Identifier: GPL-2.0-only */
/* Hypercalls, made in place, under the names that they have in the kernel (port.h). */
#ifndef XENOLITH_PORT_HYPERCALL_H
#define XENOLITH_PORT_HYPERCALL_H

#include <linux/types.h>
#include <linux/errno.h>
#include <asm/alternative.h>
#include <asm/smap.h>
#include <xen/interface/xen.h>
#include <xen/interface/sched.h>
#include <xen/interface/physdev.h>
#include <xen/interface/platform.h>

struct xen_dm_op_buf;

/* Five arguments or fewer; all of them and the number are the hypervisor's to change. */
extern __always_inline long xen_single_call(unsigned int call, unsigned long a1, unsigned long a2, unsigned long a3,
					    unsigned long a4, unsigned long a5)
{
	register unsigned long r10 asm("r10") = a4;
	register unsigned long r8 asm("r8") = a5;
	long rax = call;

	asm volatile(ALTERNATIVE("vmcall", "vmmcall", X86_FEATURE_VMMCALL)
		     : "+a" (rax), "+D" (a1), "+S" (a2), "+d" (a3), "+r" (r10), "+r" (r8)
		     : : "memory");
	return rax;
}

/* Arguments may be a user's: the caller says so by calling this one. */
static inline long privcmd_call(unsigned int call, unsigned long a1, unsigned long a2, unsigned long a3,
				unsigned long a4, unsigned long a5)
{
	long rc;

	stac();
	rc = xen_single_call(call, a1, a2, a3, a4, a5);
	clac();
	return rc;
}

#define xen_hypercall_2(call, a, b) \
	xen_single_call(__HYPERVISOR_##call, (unsigned long)(a), (unsigned long)(b), 0, 0, 0)
#define xen_hypercall_3(call, a, b, c) \
	xen_single_call(__HYPERVISOR_##call, (unsigned long)(a), (unsigned long)(b), (unsigned long)(c), 0, 0)

/* Declared by port.h. */
extern __always_inline int HYPERVISOR_event_channel_op(int cmd, void *arg)
{
	return xen_hypercall_2(event_channel_op, cmd, arg);
}

static inline int HYPERVISOR_grant_table_op(unsigned int cmd, void *uop, unsigned int count)
{
	return xen_hypercall_3(grant_table_op, cmd, uop, count);
}

static inline long HYPERVISOR_memory_op(unsigned int cmd, void *arg)
{
	return xen_hypercall_2(memory_op, cmd, arg);
}

static inline int HYPERVISOR_sched_op(int cmd, void *arg)
{
	return xen_hypercall_2(sched_op, cmd, arg);
}

static inline int HYPERVISOR_vcpu_op(int cmd, int vcpuid, void *extra_args)
{
	return xen_hypercall_3(vcpu_op, cmd, vcpuid, extra_args);
}

static inline int HYPERVISOR_xen_version(int cmd, void *arg)
{
	return xen_hypercall_2(xen_version, cmd, arg);
}

static inline unsigned long HYPERVISOR_hvm_op(int op, void *arg)
{
	return xen_hypercall_2(hvm_op, op, arg);
}

static inline int HYPERVISOR_console_io(int cmd, int count, char *str)
{
	return xen_hypercall_3(console_io, cmd, count, str);
}

static inline int HYPERVISOR_physdev_op(int cmd, void *arg)
{
	return xen_hypercall_2(physdev_op, cmd, arg);
}

static inline int HYPERVISOR_platform_op(struct xen_platform_op *op)
{
	op->interface_version = XENPF_INTERFACE_VERSION;
	return xen_single_call(__HYPERVISOR_platform_op, (unsigned long)op, 0, 0, 0, 0);
}

static inline int HYPERVISOR_vm_assist(unsigned int cmd, unsigned int type)
{
	return xen_hypercall_2(vm_assist, cmd, type);
}

static inline int HYPERVISOR_multicall(void *call_list, uint32_t nr_calls)
{
	return xen_hypercall_2(multicall, call_list, nr_calls);
}

static inline int HYPERVISOR_mmu_update(struct mmu_update *req, int count, int *success_count, domid_t domid)
{
	return -ENOSYS;			/* of PV domains */
}

static inline int HYPERVISOR_dm_op(domid_t dom, unsigned int nr_bufs, struct xen_dm_op_buf *bufs)
{
	return privcmd_call(__HYPERVISOR_dm_op, dom, nr_bufs, (unsigned long)bufs, 0, 0);
}

#endif
