// SPDX-License-Identifier: GPL-2.0-only
/*
 * Hypercalls on libxencall. One page serves all arguments: a tool makes one call at a time.
 */
#include <errno.h>
#include <string.h>
#include "hypercall.h"
#include <xen/hvm/hvm_op.h>

#define PAGE_BYTES 4096
#define XENOLITH_PARAM_EXITS 0x1000	/* above the ABI's parameters: only Xenolith knows it */

_Static_assert(sizeof(struct xen_domctl) <= PAGE_BYTES && sizeof(struct xen_sysctl) <= PAGE_BYTES, "one page serves");

void *hcall_buffer(struct host *h, size_t size)
{
	void *p = host_call(h) ? NULL : xencall_alloc_buffer(h->call, size);

	if (p)
		memset(p, 0, size);
	return p;
}

void hcall_buffer_free(struct host *h, void *buffer)
{
	if (buffer)
		xencall_free_buffer(h->call, buffer);
}

/* The library answers -1 and errno. */
static int answer(int ret)
{
	return ret < 0 ? -errno : ret;
}

static int call_arg(struct host *h, unsigned int call, long cmd, void *arg, size_t size)
{
	int ret = host_call(h);

	if (ret)
		return ret;
	memcpy(h->page, arg, size);
	if (cmd < 0)
		ret = answer(xencall1(h->call, call, (uintptr_t)h->page));
	else
		ret = answer(xencall2(h->call, call, cmd, (uintptr_t)h->page));
	memcpy(arg, h->page, size);
	return ret;
}

int hcall_domctl(struct host *h, uint32_t cmd, uint32_t domid, struct xen_domctl *op)
{
	op->cmd = cmd;
	op->interface_version = XEN_DOMCTL_INTERFACE_VERSION;
	op->domain = domid;
	return call_arg(h, __HYPERVISOR_domctl, -1, op, sizeof(*op));
}

int hcall_domctl_plain(struct host *h, uint32_t cmd, uint32_t domid)
{
	struct xen_domctl op = { 0 };

	return hcall_domctl(h, cmd, domid, &op);
}

/* The domctl takes the next domain that there is when there is none of that number. */
int hcall_domain_info(struct host *h, uint32_t domid, struct xen_domctl_getdomaininfo *info)
{
	struct xen_domctl op = { 0 };
	int rc = hcall_domctl(h, XEN_DOMCTL_getdomaininfo, domid, &op);

	if (rc < 0)
		return rc;
	*info = op.u.getdomaininfo;
	return info->domain == domid ? 0 : -ESRCH;
}

int hcall_domain_list(struct host *h, uint32_t first, struct xen_domctl_getdomaininfo *list, uint32_t count)
{
	struct xen_sysctl op = { 0 };
	void *buffer = hcall_buffer(h, count * sizeof(*list));
	int rc;

	if (!buffer)
		return -ENOMEM;
	op.u.getdomaininfolist.first_domain = first;
	op.u.getdomaininfolist.max_domains = count;
	set_xen_guest_handle(op.u.getdomaininfolist.buffer, buffer);
	rc = hcall_sysctl(h, XEN_SYSCTL_getdomaininfolist, &op);
	if (rc >= 0) {
		rc = op.u.getdomaininfolist.num_domains;
		memcpy(list, buffer, rc * sizeof(*list));
	}
	hcall_buffer_free(h, buffer);
	return rc;
}

int hcall_sysctl(struct host *h, uint32_t cmd, struct xen_sysctl *op)
{
	op->cmd = cmd;
	op->interface_version = XEN_SYSCTL_INTERFACE_VERSION;
	return call_arg(h, __HYPERVISOR_sysctl, -1, op, sizeof(*op));
}

long hcall_memory(struct host *h, unsigned int cmd, void *arg, size_t size)
{
	long ret = host_call(h);

	if (ret)
		return ret;
	memcpy(h->page, arg, size);
	ret = xencall2L(h->call, __HYPERVISOR_memory_op, cmd, (uintptr_t)h->page);
	if (ret < 0)
		ret = -errno;
	memcpy(arg, h->page, size);
	return ret;
}

int hcall_pin_l4(struct host *h, uint32_t domid, uint64_t mfn)
{
	struct mmuext_op op = { .cmd = MMUEXT_PIN_L4_TABLE, .arg1.mfn = mfn };
	int ret = host_call(h);

	if (ret)
		return ret;
	memcpy(h->page, &op, sizeof(op));
	return answer(xencall4(h->call, __HYPERVISOR_mmuext_op, (uintptr_t)h->page, 1, 0, domid));
}

int hcall_evtchn_unbound(struct host *h, uint32_t domid, uint32_t remote)
{
	struct evtchn_alloc_unbound op = { .dom = domid, .remote_dom = remote };
	int rc = call_arg(h, __HYPERVISOR_event_channel_op, EVTCHNOP_alloc_unbound, &op, sizeof(op));

	return rc < 0 ? rc : (int)op.port;
}

int hcall_hvm_param(struct host *h, uint32_t domid, uint32_t index, uint64_t value)
{
	struct xen_hvm_param op = { .domid = domid, .index = index, .value = value };

	return call_arg(h, __HYPERVISOR_hvm_op, HVMOP_set_param, &op, sizeof(op));
}

uint64_t hcall_hvm_exits(struct host *h, uint32_t domid)
{
	struct xen_hvm_param op = { .domid = domid, .index = XENOLITH_PARAM_EXITS };

	return call_arg(h, __HYPERVISOR_hvm_op, HVMOP_get_param, &op, sizeof(op)) < 0 ? 0 : op.value;
}

int hcall_version(struct host *h, unsigned int cmd, void *arg, size_t size)
{
	int ret = host_call(h);

	if (ret || arg)
		return ret ?: call_arg(h, __HYPERVISOR_xen_version, cmd, arg, size);
	return answer(xencall2(h->call, __HYPERVISOR_xen_version, cmd, 0));
}
