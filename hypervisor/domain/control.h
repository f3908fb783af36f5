/* SPDX-License-Identifier: GPL-2.0-only */
/* What domctl and sysctl share and call: private to domain/. Each returns 0 or -errno as the ABI has it. */
#ifndef CONTROL_H
#define CONTROL_H

#include <xenolith/domain.h>
#include <xen/domctl.h>

/* domctl-vcpu.c. The set operations may return -ERESTART: call again with the same arguments. */
long control_vcpu_info(struct domain *d, struct xen_domctl_getvcpuinfo *op);
long control_affinity(struct domain *d, bool set, const struct xen_domctl_vcpuaffinity *op);
long control_set_context(struct domain *d, const struct xen_domctl_vcpucontext *op);
long control_get_context(struct domain *d, const struct xen_domctl_vcpucontext *op);

/* cpu-policy.c: @features: the words of a domain, or those that a new one gets. */
long control_get_cpu_policy(const u32 *features, u32 *nr_leaves, unsigned long leaves, u32 *nr_msrs);
long control_set_cpu_policy(struct domain *d, struct xen_domctl_cpu_policy *op);
long control_get_featureset(u32 index, u32 *nr, unsigned long to);

#endif
