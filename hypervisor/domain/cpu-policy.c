// SPDX-License-Identifier: GPL-2.0-only
/*
 * CPU policies as the toolstack reads and writes them: lists of CPUID leaves. What a domain's
 * CPUID shows follows from its feature words and the machine (x86/cpuid-policy.c), so of a list
 * that is set only the feature words count, and they can take features away only; and the signature.
 */
#include <xenolith/hypercall.h>
#include <xen/sysctl.h>
#include <xen/arch-x86/cpuid.h>
#include "control.h"

#define MAX_POLICY_LEAVES	160		/* above what any toolstack's list has */

struct leaf_list {
	unsigned long to;		/* guest array, 0: count only */
	u32 room, nr;
};

static int put_leaf(struct leaf_list *l, const u32 *features, u32 leaf, u32 sub)
{
	struct cpuid_leaf r = x86_cpuid_policy(features, leaf, sub == XEN_CPUID_NO_SUBLEAF ? 0 : sub);
	struct xen_cpuid_leaf out = { leaf, sub, r.a, r.b, r.c, r.d };

	if (l->to && l->nr >= l->room)
		return -ENOBUFS;
	if (l->to && copy_to_guest(guest_ptr(l->to + l->nr * sizeof(out)), &out, sizeof(out)))
		return -EFAULT;
	l->nr++;
	return 0;
}

/*
 * How many subleaves @leaf has; 0: it is one without. No fewer than libxc makes of the same policy:
 * it writes its list into a buffer of the size of ours.
 */
static u32 nr_subleaves(u32 leaf)
{
	u32 n = 0;

	switch (leaf) {
	case 4:
		while (n < 5 && cpuid(4, n).a & 0x1f)
			n++;
		return n + 1;			/* the end of the list too */
	case 7:
		return min(cpuid(7, 0).a, 2u) + 1;
	case 0xb:
		return 1;
	case 0xd:
		return x86.xcr0 & ~3UL ? fls64(x86.xcr0) + 1 : 2;
	}
	return 0;
}

static int put_range(struct leaf_list *l, const u32 *features, u32 first)
{
	u32 last = x86_cpuid_policy(features, first, 0).a;
	int rc = 0;

	for (u32 leaf = first; leaf <= last && !rc; leaf++) {
		u32 subs = nr_subleaves(leaf);

		if (!subs)
			rc = put_leaf(l, features, leaf, XEN_CPUID_NO_SUBLEAF);
		for (u32 sub = 0; sub < subs && !rc; sub++)
			rc = put_leaf(l, features, leaf, sub);
	}
	return rc;
}

long control_get_cpu_policy(const u32 *features, u32 *nr_leaves, unsigned long leaves, u32 *nr_msrs)
{
	struct leaf_list l = { leaves, *nr_leaves, 0 };
	int rc = put_range(&l, features, 0);

	rc = rc ?: put_leaf(&l, features, XEN_CPUID_FIRST_LEAF, XEN_CPUID_NO_SUBLEAF);
	rc = rc ?: put_leaf(&l, features, XEN_CPUID_FIRST_LEAF + 0x100, XEN_CPUID_NO_SUBLEAF);
	rc = rc ?: put_range(&l, features, 0x80000000);

	*nr_leaves = leaves ? l.nr : MAX_POLICY_LEAVES;
	*nr_msrs = 0;
	return rc;
}

/* The first leaf of ours: under which of two names a hardware-assisted domain's kernel finds us. Others are not taken. */
static void set_signature(struct domain *d, const struct xen_cpuid_leaf *l)
{
	if (l->b == XENOLITH_PORT_EBX && l->c == XENOLITH_PORT_ECX && l->d == XENOLITH_PORT_EDX)
		d->hvm.port = true;
	else if (l->b == XEN_CPUID_SIGNATURE_EBX && l->c == XEN_CPUID_SIGNATURE_ECX && l->d == XEN_CPUID_SIGNATURE_EDX)
		d->hvm.port = false;
}

long control_set_cpu_policy(struct domain *d, struct xen_domctl_cpu_policy *op)
{
	u32 features[X86_FEATURE_WORDS], most[X86_FEATURE_WORDS];
	struct xen_cpuid_leaf in;

	op->err_leaf = op->err_subleaf = op->err_msr = ~0U;
	if (d == current->domain)
		return -EINVAL;
	if (op->nr_leaves > MAX_POLICY_LEAVES || op->nr_msrs)
		return -E2BIG;
	memcpy(features, d->cpu_features, sizeof(features));
	memcpy(most, x86_pv_features, sizeof(most));
	if (d->is_hvm)
		x86_hvm_add_features(most);
	for (u32 i = 0; i < op->nr_leaves; i++) {
		if (copy_from_guest(&in, guest_ptr((unsigned long)(op->leaves.p + i)), sizeof(in)))
			return -EFAULT;
		if (d->is_hvm && in.leaf == XEN_CPUID_FIRST_LEAF)
			set_signature(d, &in);
		for (unsigned int w = 0; w < X86_FEATURE_WORDS; w++)
			if (x86_feature_word[w].leaf == in.leaf &&
			    x86_feature_word[w].sub == (in.subleaf == XEN_CPUID_NO_SUBLEAF ? 0 : in.subleaf))
				features[w] = (&in.a)[x86_feature_word[w].reg] & most[w];
	}
	memcpy(d->cpu_features, features, sizeof(features));
	return 0;
}

long control_get_featureset(u32 index, u32 *nr, unsigned long to)
{
	u32 n = min(*nr, (u32)X86_FEATURE_WORDS);

	*nr = X86_FEATURE_WORDS;
	if (!to)
		return 0;
	if (index > XEN_SYSCTL_cpu_featureset_hvm_max)
		return -EINVAL;
	if (index == XEN_SYSCTL_cpu_featureset_hvm || index == XEN_SYSCTL_cpu_featureset_hvm_max)
		return -EOPNOTSUPP;
	for (u32 i = 0; i < n; i++) {
		const struct x86_feature_word *w = &x86_feature_word[i];
		bool pv = index == XEN_SYSCTL_cpu_featureset_pv || index == XEN_SYSCTL_cpu_featureset_pv_max;
		struct cpuid_leaf r = pv ? x86_cpuid_policy(x86_pv_features, w->leaf, w->sub) : cpuid(w->leaf, w->sub);
		u32 word = (&r.a)[w->reg];

		if (copy_to_guest(guest_ptr(to + i * sizeof(word)), &word, sizeof(word)))
			return -EFAULT;
	}
	*nr = n;
	return n < X86_FEATURE_WORDS ? -ENOBUFS : 0;
}
