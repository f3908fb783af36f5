// SPDX-License-Identifier: GPL-2.0-only
/* platform_op: Domain0 looks after the machine: clock, sleep, firmware, what CPUs there are. */
#include <xenolith/boot.h>
#include <xenolith/domain.h>
#include <xenolith/drivers.h>
#include <xenolith/hypercall.h>
#include <xen/platform.h>

/* ---- UEFI: read from the system table, which may lie outside of RAM as the hypervisor knows it ---- */

struct efi_header {
	u64 signature;
	u32 revision, size, crc, reserved;
};
struct efi_system_table {
	struct efi_header header;
	u64 vendor;			/* physical addresses: nobody has called SetVirtualAddressMap */
	u32 vendor_revision, pad;
	u64 console[6], runtime_services, boot_services;
	u64 nr_tables, tables;
};

static int read_physical(paddr_t from, void *to, size_t n)
{
	void *p = ioremap_flags(from, n, PTE_P | PTE_A | PTE_NX);

	if (!p)
		return -ENOMEM;
	memcpy(to, p, n);
	iounmap(p);
	return 0;
}

#define VENDOR_MAX	256		/* bytes of UTF-16, the final zero included */

static long efi_vendor(const struct efi_system_table *st, union xenpf_efi_info *info)
{
	u16 name[VENDOR_MAX / 2] = { };
	u32 n = min(info->vendor.bufsz, (u32)sizeof(name)) & ~1U;

	info->vendor.revision = st->vendor_revision;
	if (!st->vendor)
		return -EOPNOTSUPP;
	if (!n)
		return 0;
	if (read_physical(st->vendor, name, n))
		return -ENOMEM;
	name[n / 2 - 1] = 0;
	for (u32 i = 0; i < n / 2; i++)
		if (!name[i])
			n = (i + 1) * 2;
	return copy_to_guest(guest_ptr((unsigned long)info->vendor.name.p), name, n);
}

static long efi_info(u32 index, union xenpf_efi_info *info)
{
	struct efi_system_table st;
	struct efi_header rt;

	if (!boot_info.efi_system_table)
		return -EOPNOTSUPP;
	if (read_physical(boot_info.efi_system_table, &st, sizeof(st)))
		return -ENOMEM;
	switch (index) {
	case XEN_FW_EFI_VERSION:
		info->version = st.header.revision;
		return 0;
	case XEN_FW_EFI_RT_VERSION:
		if (read_physical(st.runtime_services, &rt, sizeof(rt)))
			return -ENOMEM;
		info->version = rt.revision;
		return 0;
	case XEN_FW_EFI_CONFIG_TABLE:
		info->cfg.addr = st.tables;
		info->cfg.nent = st.nr_tables;
		return 0;
	case XEN_FW_EFI_VENDOR:
		return efi_vendor(&st, info);
	}
	return -EINVAL;
}

static long firmware_info(struct xenpf_firmware_info *fw)
{
	switch (fw->type) {
	case XEN_FW_EFI_INFO:
		return efi_info(fw->index, &fw->u.efi_info);
	case XEN_FW_DISK_INFO:
	case XEN_FW_DISK_MBR_SIGNATURE:
		return -ENOENT;			/* end of the list: the BIOS was not asked */
	case XEN_FW_VBEDDC_INFO:
		return -ESRCH;
	case XEN_FW_KBD_SHIFT_FLAGS:
		return -ESRCH;
	}
	return -EINVAL;
}

/* ---- CPUs ---- */

static long cpu_info_of(struct xenpf_pcpuinfo *info)
{
	unsigned int cpu = info->xen_cpuid;

	info->max_present = nr_cpus_present - 1;
	if (cpu >= nr_cpus_present || !cpumask_test(&cpu_present_mask, cpu)) {
		info->flags = XEN_PCPU_FLAGS_INVALID;
		return 0;
	}
	info->flags = cpumask_test(&cpu_online_mask, cpu) ? XEN_PCPU_FLAGS_ONLINE : 0;
	info->apic_id = cpu_apic_id[cpu];
	info->acpi_id = cpu_acpi_id[cpu];
	return 0;
}

static long idle_times(struct xenpf_getidletime *op)
{
	unsigned int nr = min(op->cpumap_nr_cpus, (u32)NR_CPUS), bytes = DIV_ROUND_UP(nr, 8);
	unsigned long times = (unsigned long)op->idletime.p;
	struct vcpu_runstate_info rs;
	cpumask_t map = { }, wanted;
	unsigned int cpu;
	u64 idle;

	if (copy_from_guest(&map, guest_ptr((unsigned long)op->cpumap_bitmap.p), bytes))
		return -EFAULT;
	wanted = map;
	map = cpumask_and(&map, &cpu_present_mask);
	op->now = now_ns();
	for_each_cpu(cpu, &wanted) {
		if (cpu >= nr)
			break;
		idle = 0;
		if (cpumask_test(&cpu_online_mask, cpu)) {
			vcpu_runstate_get(idle_domain->vcpu[cpu], &rs);
			idle = rs.time[RUNSTATE_running];
		}
		if (copy_to_guest(guest_ptr(times + cpu * sizeof(idle)), &idle, sizeof(idle)))
			return -EFAULT;
	}
	return copy_to_guest(guest_ptr((unsigned long)op->cpumap_bitmap.p), &map, bytes);
}

/* ---- the rest ---- */

static long set_time(u64 secs, u32 nsecs, u64 system_time)
{
	if (nsecs >= 1000000000)
		return -EINVAL;
	time_set_wallclock(secs, nsecs, system_time);
	return 0;
}

static long platform_op(struct xen_platform_op *op)
{
	switch (op->cmd) {
	case XENPF_settime32:
		return set_time(op->u.settime32.secs, op->u.settime32.nsecs, op->u.settime32.system_time);
	case XENPF_settime64:
		return op->u.settime64.mbz ? -EINVAL :
			set_time(op->u.settime64.secs, op->u.settime64.nsecs,
				 op->u.settime64.system_time);
	case XENPF_firmware_info:
		return firmware_info(&op->u.firmware_info);
	case XENPF_enter_acpi_sleep:
		return acpi_enter_sleep(op->u.enter_acpi_sleep.val_a, op->u.enter_acpi_sleep.val_b,
					op->u.enter_acpi_sleep.flags,
					op->u.enter_acpi_sleep.sleep_state);
	case XENPF_getidletime:
		return idle_times(&op->u.getidletime);
	case XENPF_set_processor_pminfo:
		return 0;			/* power states are left to the hardware */
	case XENPF_get_cpuinfo:
		return cpu_info_of(&op->u.pcpu_info);
	case XENPF_core_parking:
		op->u.core_parking.idle_nums = 0;
		return op->u.core_parking.type == XEN_CORE_PARKING_GET ? 0 : -EOPNOTSUPP;
	case XENPF_platform_quirk:
		return 0;
	case XENPF_add_memtype:
	case XENPF_del_memtype:
	case XENPF_read_memtype:
	case XENPF_microcode_update:
	case XENPF_efi_runtime_call:
	case XENPF_change_freq:
	case XENPF_cpu_online:
	case XENPF_cpu_offline:
	case XENPF_cpu_hotadd:
	case XENPF_mem_hotadd:
	case XENPF_resource_op:
	case XENPF_get_symbol:
	case XENPF_get_cpu_version:
		return -EOPNOTSUPP;
	}
	return -ENOSYS;
}

long do_platform_op(unsigned long arg, unsigned long a2, unsigned long a3, unsigned long a4,
		    unsigned long a5)
{
	struct xen_platform_op op;

	if (rights_control(current->domain))
		return -EPERM;
	if (copy_in(&op, arg))
		return -EFAULT;
	if (op.interface_version != XENPF_INTERFACE_VERSION)
		return -EACCES;
	return platform_op(&op) ?: copy_out(arg, &op);
}
