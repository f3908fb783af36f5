/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The hypercalls a toolstack makes, one function a call. Arguments are ordinary structures of the caller: they travel
 * through the host's hypercall buffer here. What an argument points to must itself come from hcall_buffer().
 *
 * Every function returns 0 (or what it says) or -errno as the hypervisor gave it; none prints.
 */
#ifndef TOOLS_HYPERCALL_H
#define TOOLS_HYPERCALL_H

#include "host.h"
#include <xen/xen.h>
#include <xen/domctl.h>
#include <xen/sysctl.h>
#include <xen/memory.h>
#include <xen/event_channel.h>
#include <xen/version.h>
#include <xen/sched.h>

/** hcall_buffer - zeroed memory the hypervisor can reach; NULL when there is none. hcall_buffer_free() takes NULL too. */
void *hcall_buffer(struct host *h, size_t size);
void hcall_buffer_free(struct host *h, void *buffer);

/**
 * hcall_domctl - one domctl
 * @op: op->u in and out; the other fields are filled here, op->domain comes back (createdomain)
 *
 * -EAGAIN with which the hypervisor says "call again" for destroydomain is not hidden: see domain_kill().
 */
int hcall_domctl(struct host *h, uint32_t cmd, uint32_t domid, struct xen_domctl *op);

/** hcall_domctl_plain - a domctl without an argument of its own (pause, unpause …) */
int hcall_domctl_plain(struct host *h, uint32_t cmd, uint32_t domid);

/** hcall_domain_info - one domain; -ESRCH when there is none of that number */
int hcall_domain_info(struct host *h, uint32_t domid, struct xen_domctl_getdomaininfo *info);

/**
 * hcall_domain_list - up to @count domains, from number @first on, ascending
 * Return: how many, or -errno.
 */
int hcall_domain_list(struct host *h, uint32_t first, struct xen_domctl_getdomaininfo *list, uint32_t count);

int hcall_sysctl(struct host *h, uint32_t cmd, struct xen_sysctl *op);

/** hcall_memory - one memory_op whose argument is @size bytes, copied in and out. Return: what the operation says. */
long hcall_memory(struct host *h, unsigned int cmd, void *arg, size_t size);

/** hcall_pin_l4 - make the frame a top-level page table of the domain */
int hcall_pin_l4(struct host *h, uint32_t domid, uint64_t mfn);

/** hcall_evtchn_unbound - a port in @domid for @remote to bind. Return: the port or -errno. */
int hcall_evtchn_unbound(struct host *h, uint32_t domid, uint32_t remote);

/** hcall_hvm_param - set an HVM_PARAM_* of a hardware-assisted domain */
int hcall_hvm_param(struct host *h, uint32_t domid, uint32_t index, uint64_t value);

/** hcall_hvm_exits - how often a hardware-assisted domain has left its guests; 0 where the hypervisor does not say */
uint64_t hcall_hvm_exits(struct host *h, uint32_t domid);

/** hcall_version - xen_version with an argument of @size bytes, copied in and out; some commands answer a number */
int hcall_version(struct host *h, unsigned int cmd, void *arg, size_t size);

#endif
