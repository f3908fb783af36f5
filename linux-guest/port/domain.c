// SPDX-License-Identifier: GPL-2.0-only
/* From here on drivers find a domain; and /sys/hypervisor tells which. */
#define pr_fmt(fmt) "xen-port: " fmt
#include <linux/kobject.h>
#include <linux/module.h>
#include <linux/sysfs.h>
#include "port.h"
#include <xen/interface/version.h>

static ssize_t type_show(struct kobject *k, struct kobj_attribute *a, char *buf)
{
	return sysfs_emit(buf, "xen\n");
}

static ssize_t guest_type_show(struct kobject *k, struct kobj_attribute *a, char *buf)
{
	return sysfs_emit(buf, "PVH\n");
}

static ssize_t uuid_show(struct kobject *k, struct kobj_attribute *a, char *buf)
{
	char *vm = xenbus_read(XBT_NIL, "vm", "", NULL);
	ssize_t n;

	if (IS_ERR(vm))
		return PTR_ERR(vm);
	n = sysfs_emit(buf, "%s\n", strrchr(vm, '/') ? strrchr(vm, '/') + 1 : vm);
	kfree(vm);
	return n;
}

static ssize_t major_show(struct kobject *k, struct kobj_attribute *a, char *buf)
{
	return sysfs_emit(buf, "%d\n", HYPERVISOR_xen_version(XENVER_version, NULL) >> 16);
}

static ssize_t minor_show(struct kobject *k, struct kobj_attribute *a, char *buf)
{
	return sysfs_emit(buf, "%d\n", HYPERVISOR_xen_version(XENVER_version, NULL) & 0xffff);
}

static ssize_t extra_show(struct kobject *k, struct kobj_attribute *a, char *buf)
{
	struct xen_extraversion extra = { };
	int rc = HYPERVISOR_xen_version(XENVER_extraversion, &extra);

	return rc ?: sysfs_emit(buf, "%.*s\n", (int)sizeof(extra.extraversion), extra.extraversion);
}

static ssize_t features_show(struct kobject *k, struct kobj_attribute *a, char *buf)
{
	struct xen_feature_info info = { };
	int rc = HYPERVISOR_xen_version(XENVER_get_features, &info);

	return rc ?: sysfs_emit(buf, "%08x\n", info.submap);
}

static ssize_t capabilities_show(struct kobject *k, struct kobj_attribute *a, char *buf)
{
	struct xen_capabilities_info text = { };
	int rc = HYPERVISOR_xen_version(XENVER_capabilities, &text);

	return rc ?: sysfs_emit(buf, "%.*s\n", (int)sizeof(text.info), text.info);
}

static ssize_t changeset_show(struct kobject *k, struct kobj_attribute *a, char *buf)
{
	struct xen_changeset_info text = { };
	int rc = HYPERVISOR_xen_version(XENVER_changeset, &text);

	return rc ?: sysfs_emit(buf, "%.*s\n", (int)sizeof(text.info), text.info);
}

static ssize_t pagesize_show(struct kobject *k, struct kobj_attribute *a, char *buf)
{
	return sysfs_emit(buf, "%x\n", HYPERVISOR_xen_version(XENVER_pagesize, NULL));
}

/* How the hypervisor was built. */
#define COMPILE(name, field)								\
static ssize_t name##_show(struct kobject *k, struct kobj_attribute *a, char *buf)	\
{											\
	struct xen_compile_info info = { };						\
	int rc = HYPERVISOR_xen_version(XENVER_compile_info, &info);			\
											\
	return rc ?: sysfs_emit(buf, "%.*s\n", (int)sizeof(info.field), info.field);	\
}
COMPILE(compiler, compiler)
COMPILE(compiled_by, compile_by)
COMPILE(compile_date, compile_date)

#define RO(name) static struct kobj_attribute name##_attr = __ATTR_RO(name)
RO(type); RO(guest_type); RO(uuid); RO(major); RO(minor); RO(extra);
RO(features); RO(capabilities); RO(changeset); RO(pagesize);
RO(compiler); RO(compiled_by); RO(compile_date);

static struct attribute *top_attrs[] = { &type_attr.attr, &guest_type_attr.attr, &uuid_attr.attr, NULL };
static struct attribute *version_attrs[] = { &major_attr.attr, &minor_attr.attr, &extra_attr.attr, NULL };
static struct attribute *property_attrs[] = {
	&features_attr.attr, &capabilities_attr.attr, &changeset_attr.attr, &pagesize_attr.attr, NULL
};
static struct attribute *compile_attrs[] = { &compiler_attr.attr, &compiled_by_attr.attr, &compile_date_attr.attr, NULL };
static const struct attribute_group top = { .attrs = top_attrs };
static const struct attribute_group version = { .name = "version", .attrs = version_attrs };
static const struct attribute_group properties = { .name = "properties", .attrs = property_attrs };
static const struct attribute_group compilation = { .name = "compilation", .attrs = compile_attrs };
static const struct attribute_group *groups[] = { &top, &version, &properties, &compilation, NULL };

int domain_init(void)
{
	int rc = hypervisor_kobj ? sysfs_create_groups(hypervisor_kobj, groups) : 0;

	if (!rc)
		xen_domain_type = XEN_HVM_DOMAIN;
	xen_pvh = !rc;
	return rc;
}

void domain_exit(void)
{
	xen_domain_type = XEN_NATIVE;
	xen_pvh = false;
	if (hypervisor_kobj)
		sysfs_remove_groups(hypervisor_kobj, groups);
}
