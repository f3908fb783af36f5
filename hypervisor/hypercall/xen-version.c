// SPDX-License-Identifier: GPL-2.0-only
/* xen_version: what runs here. The version is that of the ABI spoken, the extra version names us. */
#include <xenolith/boot.h>
#include <xenolith/domain.h>
#include <xenolith/hypercall.h>
#include <xen/version.h>

#define VERSION_MAJOR	4
#define VERSION_MINOR	17
#define EXTRA_VERSION	".0-xenolith"
#define TEXT_(x)	#x
#define TEXT(x)		TEXT_(x)

static int copy_string(unsigned long arg, const char *s, size_t size)
{
	char buf[1024] = "";

	strlcpy_(buf, s, min(size, sizeof(buf)));
	return copy_to_guest(guest_ptr(arg), buf, size);
}

static u32 features(const struct domain *d)
{
	u32 map = 1U << XENFEAT_mmu_pt_update_preserve_ad | 1U << XENFEAT_highmem_assist |
		  1U << XENFEAT_gnttab_map_avail_bits | 1U << XENFEAT_memory_op_vnode_supported;

	if (d->pv.vm_assist & (1UL << VMASST_TYPE_pae_extended_cr3))
		map |= 1U << XENFEAT_pae_pgdir_above_4gb;
	if (d->is_hardware)
		map |= 1U << XENFEAT_dom0;
	if (d->is_hvm)
		map = 1U << XENFEAT_writable_page_tables | 1U << XENFEAT_auto_translated_physmap |
		      1U << XENFEAT_hvm_callback_vector | 1U << XENFEAT_hvm_safe_pvclock |
		      1U << XENFEAT_memory_op_vnode_supported;
	return map;
}

static int get_features(unsigned long arg)
{
	struct xen_feature_info fi;

	if (copy_in(&fi, arg))
		return -EFAULT;
	if (fi.submap_idx >= XENFEAT_NR_SUBMAPS)
		return -EINVAL;
	fi.submap = features(current->domain);
	return copy_out(arg, &fi);
}

long do_xen_version(unsigned long cmd, unsigned long arg, unsigned long a3, unsigned long a4, unsigned long a5)
{
	static const struct xen_compile_info compile_info = {
		.compiler = "gcc " TEXT(__GNUC__) "." TEXT(__GNUC_MINOR__), .compile_by = "xenolith",
	};
	const struct domain *d = current->domain;
	struct xen_platform_parameters params = { .virt_start = HYP_VIRT_START };

	switch ((u32)cmd) {
	case XENVER_version:
		return VERSION_MAJOR << 16 | VERSION_MINOR;
	case XENVER_extraversion:
		return copy_string(arg, EXTRA_VERSION, sizeof(xen_extraversion_t));
	case XENVER_compile_info:
		return copy_out(arg, &compile_info);
	case XENVER_capabilities:
		return copy_string(arg, hvm_available() ? "xen-3.0-x86_64 hvm-3.0-x86_64 " : "xen-3.0-x86_64 ",
				   sizeof(xen_capabilities_info_t));
	case XENVER_changeset:
		return copy_string(arg, "xenolith", sizeof(xen_changeset_info_t));
	case XENVER_platform_parameters:
		return copy_out(arg, &params);
	case XENVER_get_features:
		return get_features(arg);
	case XENVER_pagesize:
		return arg ? -EINVAL : PAGE_SIZE;
	case XENVER_guest_handle:
		return copy_out(arg, &d->handle);
	case XENVER_commandline:
		return copy_string(arg, d->is_control ? boot_info.cmdline : "<denied>", sizeof(xen_commandline_t));
	case XENVER_build_id:
		return -ENODATA;
	}
	return -ENOSYS;
}
