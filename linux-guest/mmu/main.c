// SPDX-License-Identifier: GPL-2.0-only
/*
 * xen-mmu: shorter MMU operations, for a PV domain whose kernel brings its own, and of a hardware-assisted domain the one
 * that has something to ask of the hypervisor: the flush of other CPUs' TLBs (flush.c).
 *
 *   vmlinux: call __raw_callee_save_xen_pmd_val ──── hooked ────▶ mmu_table_val
 *            call __xen_pgd_walk                                  mmu_pgd_walk
 *
 * A PV kernel's operations save every register and go through three functions for what is one look into a table. At boot it
 * made direct calls of them, all over its text; as long as "enabled" is set those calls go to ours. Both do the same, so a
 * call may go either way at any time (update.c says where order matters). Nothing is changed unless asked for (modprobe
 * xen-mmu enabled=1, or through /sys/module/xen_mmu/parameters/enabled); while it is, the module cannot be unloaded. Modules
 * of the kernel, ours too, keep the kernel's operations. The kernel's trace events of what is taken over are silent.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt
#include <linux/module.h>
#include <linux/moduleparam.h>
#include <linux/mutex.h>
#include <asm/paravirt.h>
#include <xen/xen.h>
#include "compat/lookup.h"
#include "mmu.h"

unsigned long mmu_pte_val_slow, mmu_make_entry_slow;

#define PV(op, ours) { .name = #op, .from = offsetof(struct pv_mmu_ops, op), .to = ours, .pad = true }

/* The first ones carry out what the others have collected. */
#define NR_EMPTY 5
static struct mmu_hook hooks[] = {
	PV(lazy_mode.leave, mmu_lazy_leave),
	PV(flush_tlb_user, mmu_flush_tlb),	/* flush_tlb_kernel is the same function */
	PV(flush_tlb_one_user, mmu_flush_tlb_one),
	PV(flush_tlb_multi, mmu_flush_tlb_multi),
	PV(release_pte, mmu_release_pte),

	PV(lazy_mode.enter, mmu_lazy_enter),
	PV(set_pte, mmu_set_pte),
	PV(ptep_modify_prot_commit, mmu_modify_prot_commit),
	PV(pte_val, mmu_pte_val),
	PV(make_pte, mmu_make_entry),
	PV(pmd_val, mmu_table_val),
	PV(pud_val, mmu_table_val),
#if CONFIG_PGTABLE_LEVELS > 4
	PV(p4d_val, mmu_table_val),
#endif
	{ .name = "__xen_pgd_walk", .to = mmu_pgd_walk },
};

static struct mmu_hook hvm_hooks[] = {
	PV(flush_tlb_multi, mmu_flush_vcpus),
};

/* Those that empty the batches, and the others, which fill them; of a hardware-assisted domain there is no batch. */
enum { EMPTY, FILL };
static struct group {
	struct mmu_hook *hooks;
	unsigned int nr;
	bool in_force;
} groups[] = {
	[EMPTY] = { hooks, NR_EMPTY },
	[FILL] = { hooks + NR_EMPTY, ARRAY_SIZE(hooks) - NR_EMPTY },
}, hvm_group = { hvm_hooks, ARRAY_SIZE(hvm_hooks) };

static DEFINE_MUTEX(lock);
static bool enabled, ready;

/* --- what the kernel has -------------------------------------------------------------------------------------------- */

/* An operation's place in pv_ops is known; what lies there is what the kernel's calls were made to call. */
static void find_functions(lookup_fn lookup, struct mmu_hook *first, unsigned int nr)
{
	for (struct mmu_hook *hook = first; hook < first + nr; hook++)
		hook->from = hook->pad ? *(unsigned long *)((u8 *)&pv_ops.mmu + hook->from) : lookup(hook->name);
	mmu_pte_val_slow = (unsigned long)pv_ops.mmu.pte_val.func;
	mmu_make_entry_slow = (unsigned long)pv_ops.mmu.make_pte.func;
}

static int find_hooks(struct mmu_hook *first, unsigned int nr)
{
	lookup_fn lookup = find_lookup();
	unsigned long start = lookup ? lookup("_stext") : 0, end = lookup ? lookup("_etext") : 0;

	if (!start || !end) {
		pr_err("the kernel does not say where its text lies (CONFIG_KPROBES, CONFIG_KALLSYMS_ALL)\n");
		return -ENOENT;
	}
	find_functions(lookup, first, nr);
	return mmu_sites_find(first, nr, (void *)start, (void *)end);
}

/* --- the switch ----------------------------------------------------------------------------------------------------- */

static int set_group(struct group *group, bool on)
{
	int rc = 0;

	if (group->nr && group->in_force != on)
		rc = mmu_sites_redirect(group->hooks, group->nr, on);
	if (!rc)
		group->in_force = on && group->nr;
	return rc;
}

/* When those that fill a batch are gone, so is every task that was between entering and leaving lazy mode. */
static int disable(void)
{
	return set_group(&groups[FILL], false) ?: set_group(&groups[EMPTY], false);
}

static int enable(void)
{
	int rc = set_group(&groups[EMPTY], true) ?: set_group(&groups[FILL], true);

	if (rc)
		disable();
	return rc;
}

static int set_enabled(bool on)
{
	int rc;

	if (!enabled && !try_module_get(THIS_MODULE))
		return -EBUSY;
	rc = on ? enable() : disable();
	enabled = groups[EMPTY].in_force || groups[FILL].in_force;
	if (!enabled)
		module_put(THIS_MODULE);
	return rc;
}

/* Before the module is ready it is only noted. */
static int enabled_set(const char *value, const struct kernel_param *param)
{
	bool on;
	int rc = kstrtobool(value, &on);

	if (rc)
		return rc;
	mutex_lock(&lock);
	if (ready)
		rc = set_enabled(on);
	else
		enabled = on;
	mutex_unlock(&lock);
	return rc;
}

static const struct kernel_param_ops enabled_ops = { .set = enabled_set, .get = param_get_bool };
module_param_cb(enabled, &enabled_ops, &enabled, 0644);
MODULE_PARM_DESC(enabled, "Shorter MMU operations than the kernel's own are in force (N)");

static int __init mmu_init(void)
{
	bool wanted = enabled;
	int rc;

	if (xen_pv_domain()) {
		rc = find_hooks(hooks, ARRAY_SIZE(hooks));
	} else if (mmu_flush_available()) {
		groups[EMPTY] = (struct group){ };
		groups[FILL] = hvm_group;
		rc = find_hooks(hvm_hooks, ARRAY_SIZE(hvm_hooks));
	} else {
		pr_info("neither a PV domain nor a hardware-assisted one of Xenolith: nothing to do here\n");
		rc = -ENODEV;
	}
	if (rc)
		return rc;
	mutex_lock(&lock);
	enabled = false;
	ready = true;
	rc = set_enabled(wanted);
	mutex_unlock(&lock);
	if (rc)
		mmu_sites_forget();
	return rc;
}

static void __exit mmu_exit(void)
{
	mmu_sites_forget();
}

module_init(mmu_init);
module_exit(mmu_exit);
MODULE_DESCRIPTION("Shorter paravirtual MMU operations");
MODULE_LICENSE("GPL");
MODULE_VERSION(XENOLITH_VERSION);
