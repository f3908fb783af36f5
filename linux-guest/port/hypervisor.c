// SPDX-License-Identifier: GPL-2.0-only
/* Is this our hypervisor, and what does it say of itself and of the domain? */
#define pr_fmt(fmt) "xen-port: " fmt
#include <linux/percpu.h>
#include <asm/processor.h>
#include "port.h"
#include <xen/interface/features.h>
#include <xen/interface/hvm/hvm_op.h>
#include <xen/interface/version.h>
#include <xen/xen-ops.h>

#define SIGNATURE "XenolithPort"
#define FIRST_BASE 0x40000000
#define LAST_BASE 0x40010000
#define LEAF_HVM 4
#define LEAF_OURS 6
#define HVM_VCPU_ID BIT(3)

u32 port_cpuid_base;
enum xen_domain_type xen_domain_type = XEN_NATIVE;
EXPORT_SYMBOL_GPL(xen_domain_type);
bool xen_pvh;
EXPORT_SYMBOL_GPL(xen_pvh);
uint32_t xen_start_flags;
EXPORT_SYMBOL_GPL(xen_start_flags);
u8 xen_features[XENFEAT_NR_SUBMAPS * 32];
EXPORT_SYMBOL_GPL(xen_features);
DEFINE_PER_CPU(uint32_t, xen_vcpu_id);
EXPORT_PER_CPU_SYMBOL_GPL(xen_vcpu_id);

bool xen_has_pv_disk_devices(void)
{
	return true;
}
EXPORT_SYMBOL_GPL(xen_has_pv_disk_devices);

bool xen_has_pv_nic_devices(void)
{
	return true;
}
EXPORT_SYMBOL_GPL(xen_has_pv_nic_devices);

static u32 find_base(void)
{
	u32 base, max, sign[3];

	for (base = FIRST_BASE; boot_cpu_has(X86_FEATURE_HYPERVISOR) && base < LAST_BASE; base += 0x100) {
		cpuid(base, &max, &sign[0], &sign[1], &sign[2]);
		if (!memcmp(sign, SIGNATURE, sizeof(sign)) && max >= base + LEAF_HVM)
			return base;
	}
	return 0;
}

static void read_features(void)
{
	unsigned int map, bit;

	for (map = 0; map < XENFEAT_NR_SUBMAPS; map++) {
		struct xen_feature_info info = { .submap_idx = map };

		if (HYPERVISOR_xen_version(XENVER_get_features, &info))
			break;
		for (bit = 0; bit < 32; bit++)
			xen_features[map * 32 + bit] = info.submap >> bit & 1;
	}
}

int hypervisor_init(void)
{
	int version;

	if (xen_domain_type != XEN_NATIVE)
		return -EBUSY;
	port_cpuid_base = find_base();
	if (!port_cpuid_base) {
		pr_info("no hypervisor says \"" SIGNATURE "\": the domain needs paravirt = \"module\" in its configuration\n");
		return -ENODEV;
	}
	version = HYPERVISOR_xen_version(XENVER_version, NULL);
	read_features();
	if (!xen_features[XENFEAT_auto_translated_physmap]) {
		pr_err("not a hardware-assisted domain\n");
		return -ENODEV;
	}
	pr_info("on Xenolith, ABI %d.%d\n", version >> 16, version & 0xffff);
	return 0;
}

int hypervisor_param(unsigned int index, u64 *value)
{
	struct xen_hvm_param param = { .domid = DOMID_SELF, .index = index };
	int rc = HYPERVISOR_hvm_op(HVMOP_get_param, &param);

	*value = param.value;
	return rc;
}

bool hypervisor_has(u32 feature)
{
	return cpuid_eax(port_cpuid_base) >= port_cpuid_base + LEAF_OURS && cpuid_eax(port_cpuid_base + LEAF_OURS) & feature;
}

u32 hypervisor_vcpu(void)
{
	u32 a, b, c, d;

	cpuid(port_cpuid_base + LEAF_HVM, &a, &b, &c, &d);
	return a & HVM_VCPU_ID ? b : smp_processor_id();
}
