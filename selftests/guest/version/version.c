// SPDX-License-Identifier: GPL-2.0-only
/* xen_version: every sub-operation answers as the public header says; strings are terminated; bad pointers are EFAULT. */
#include "lib.h"
#include <xen/features.h>

static bool terminated(const char *s, size_t n)
{
	for (; n; n--, s++)
		if (!*s)
			return true;
	return false;
}

static long version(unsigned int cmd, void *arg) { return hypercall(xen_version, cmd, arg); }

static bool feature(unsigned int f)
{
	struct xen_feature_info info = { .submap_idx = f / 32 };

	return !version(XENVER_get_features, &info) && info.submap >> (f % 32) & 1;
}

void test_main(void)
{
	static struct xen_compile_info compile;
	struct xen_platform_parameters parameters = { };
	struct xen_feature_info info = { .submap_idx = 99 };
	static char text[1024];
	xen_domain_handle_t handle;

	is(version(XENVER_version, NULL), (4 << 16) | 17, "the version is 4.17");
	is(version(XENVER_extraversion, text), 0, "the extra version");
	ok(terminated(text, XEN_EXTRAVERSION_LEN), "'%s'", text);
	is(version(XENVER_compile_info, &compile), 0, "compile info");
	ok(terminated(compile.compiler, sizeof(compile.compiler)) && terminated(compile.compile_date, sizeof(compile.compile_date)),
	   "built by '%s'", compile.compiler);
	is(version(XENVER_capabilities, text), 0, "capabilities");
	ok(terminated(text, sizeof(xen_capabilities_info_t)) && !strncmp(text, "xen-3.0-x86_64", 14), "'%s'", text);
	is(version(XENVER_changeset, text), 0, "changeset");
	is(version(XENVER_commandline, text), 0, "the hypervisor's command line");
	ok(terminated(text, sizeof(text)), "'%s'", text);
	is(version(XENVER_platform_parameters, &parameters), 0, "platform parameters");
	is((long)parameters.virt_start, (long)HYPERVISOR_VIRT_START, "the hypervisor starts where the ABI says");
	is(version(XENVER_pagesize, NULL), 4096, "the page size");
	is(version(XENVER_guest_handle, &handle), 0, "our handle");
	is(version(XENVER_get_features, &info), -EINVAL, "features beyond the last");
	ok(feature(XENFEAT_dom0), "feature: initial domain");
	ok(feature(XENFEAT_mmu_pt_update_preserve_ad), "feature: preserve A and D");
	ok(!feature(XENFEAT_writable_page_tables), "no feature: writable page tables");
	ok(!feature(XENFEAT_auto_translated_physmap), "no feature: translated memory");
	ok(feature(XENFEAT_gnttab_map_avail_bits), "feature: free bits in grant mappings");
	is(version(99, text), -ENOSYS, "an unknown operation");
	is(version(XENVER_extraversion, (void *)0x1000), -EFAULT, "an unwritable argument");
	is(version(XENVER_compile_info, (void *)(HYPERVISOR_VIRT_END - 8)), -EFAULT, "one in the hypervisor's range");
	is(version(XENVER_get_features, (void *)(1UL << 47)), -EFAULT, "a non-canonical one");
}
