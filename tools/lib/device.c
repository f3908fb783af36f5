// SPDX-License-Identifier: GPL-2.0-only
/*
 * Devices in the store and behind it. A device moves through the states of XenbusState (include/xen/io/xenbus.h): we write
 * both ends as Initialising; the backend in the kernel answers InitWait when it has what it needs.
 */
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>
#include <xen/io/xenbus.h>
#include "device.h"
#include "domain.h"

#define BACKEND_SECONDS 20
#define SCRIPTED "run-script"	/* node: 1 where the user asked for a script */

static int backend_domain(struct host *h, const char *name, uint32_t *domid)
{
	*domid = 0;
	if (!name || !strcmp(name, "0") || !strcmp(name, "Domain-0"))
		return 0;
	return domain_find(h, name, domid);
}

int device_of_disk(struct host *h, struct device *dev, const struct disk *disk)
{
	struct stat st;
	int rc;

	*dev = (struct device){ .kind = "vbd", .devid = disk->devid, .disk = disk, .hold = -1 };
	rc = backend_domain(h, disk->backend_domain, &dev->backend);
	if (rc || dev->backend || !disk->target || disk->script)
		return rc;
	if (stat(disk->target, &st))
		return msg_error(-errno, "disk %s: %s", disk->target, strerror(errno));
	if (!S_ISBLK(st.st_mode) && !S_ISREG(st.st_mode))
		return msg_error(-EINVAL, "disk %s: neither a block device nor a file", disk->target);
	if (S_ISREG(st.st_mode)) {
		dev->hold = loop_attach(disk->target, disk->readonly, disk->buffered, &dev->node);
		if (dev->hold < 0)
			return dev->hold;
		if (fstat(dev->hold, &st))
			return msg_error(-errno, "disk %s: %s", disk->target, strerror(errno));
	}
	dev->major = major(st.st_rdev);
	dev->minor = minor(st.st_rdev);
	return 0;
}

int device_of_nic(struct host *h, struct device *dev, const struct nic *nic)
{
	*dev = (struct device){ .kind = "vif", .devid = nic->devid, .nic = nic, .hold = -1 };
	return backend_domain(h, nic->backend_domain, &dev->backend);
}

void device_release(struct device *dev)
{
	if (dev->hold >= 0)
		close(dev->hold);
	free(dev->node);
	*dev = (struct device){ .hold = -1 };
}

/* --- nodes ------------------------------------------------------------------------------------------------------------ */

static void plan_disk(struct plan *p, const struct device *dev, const char *back, const char *front)
{
	const struct disk *d = dev->disk;
	char number[32];

	plan_write(p, d->target ?: "", "%s/params", back);
	plan_write(p, d->vdev, "%s/dev", back);
	plan_write(p, d->readonly ? "r" : "w", "%s/mode", back);
	plan_write(p, d->cdrom ? "cdrom" : "disk", "%s/device-type", back);
	plan_write(p, d->cdrom ? "1" : "0", "%s/removable", back);
	plan_write(p, d->no_discard ? "0" : "1", "%s/discard-enable", back);
	plan_write(p, "phy", "%s/type", back);
	plan_write(p, "1", "%s/bootable", back);
	if (d->script)
		plan_write(p, d->script, "%s/script", back);
	plan_write(p, d->script ? "1" : "0", "%s/" SCRIPTED, back);
	if (dev->node)
		plan_write(p, dev->node, "%s/node", back);
	if (dev->major || dev->minor) {
		snprintf(number, sizeof(number), "%x:%x", dev->major, dev->minor);
		plan_write(p, number, "%s/physical-device", back);
	}
	plan_number(p, d->devid, "%s/virtual-device", front);
	plan_write(p, d->cdrom ? "cdrom" : "disk", "%s/device-type", front);
}

static void plan_nic(struct plan *p, const struct device *dev, const char *back, const char *front)
{
	const struct nic *n = dev->nic;
	char mac[18];

	snprintf(mac, sizeof(mac), "%02x:%02x:%02x:%02x:%02x:%02x", n->mac[0], n->mac[1], n->mac[2], n->mac[3],
		 n->mac[4], n->mac[5]);
	plan_write(p, mac, "%s/mac", back);
	plan_number(p, n->devid, "%s/handle", back);
	plan_write(p, "vif", "%s/type", back);
	if (n->bridge)
		plan_write(p, n->bridge, "%s/bridge", back);
	/* netback wants the node, whether a script shall be run or not. */
	plan_write(p, n->script ?: "/etc/xen/scripts/vif-bridge", "%s/script", back);
	plan_write(p, n->script ? "1" : "0", "%s/" SCRIPTED, back);
	if (n->ip)
		plan_write(p, n->ip, "%s/ip", back);
	if (n->rate)
		plan_write(p, n->rate, "%s/rate", back);
	if (n->vifname)
		plan_write(p, n->vifname, "%s/vifname", back);
	if (n->mtu)
		plan_number(p, n->mtu, "%s/mtu", front);
	plan_write(p, mac, "%s/mac", front);
	plan_number(p, n->devid, "%s/handle", front);
}

void device_plan(struct plan *p, const struct device *dev, uint32_t domid)
{
	char *front = xasprintf("/local/domain/%u/device/%s/%u", domid, dev->kind, dev->devid);
	char *back = xasprintf("/local/domain/%u/backend/%s/%u/%u", dev->backend, dev->kind, domid, dev->devid);

	plan_directory(p, dev->backend, domid, "%s", back);
	plan_directory(p, domid, dev->backend, "%s", front);
	plan_write(p, front, "%s/frontend", back);
	plan_number(p, domid, "%s/frontend-id", back);
	plan_write(p, "1", "%s/online", back);
	if (dev->disk)
		plan_disk(p, dev, back, front);
	else
		plan_nic(p, dev, back, front);
	plan_number(p, XenbusStateInitialising, "%s/state", back);
	plan_write(p, back, "%s/backend", front);
	plan_number(p, dev->backend, "%s/backend-id", front);
	plan_number(p, XenbusStateInitialising, "%s/state", front);
	if (dev->backend)
		plan_write(p, back, DEVICE_RECORD "/%s/%u/backend", domid, dev->kind, dev->devid);
	free(front);
	free(back);
}

/* --- scripts ------------------------------------------------------------------------------------------------------------ */

static void script_environment(uint32_t domid, const char *kind, uint32_t devid, const char *interface,
			       const char *bridge)
{
	char *path = xasprintf("backend/%s/%u/%u", kind, domid, devid);

	setenv("XENBUS_TYPE", kind, 1);
	setenv("XENBUS_PATH", path, 1);
	setenv("XENBUS_BASE_PATH", "backend", 1);
	if (interface) {
		setenv("vif", interface, 1);
		setenv("INTERFACE", interface, 1);
	}
	if (bridge)
		setenv("bridge", bridge, 1);
	free(path);
}

int script_run(const char *script, const char *action, uint32_t domid, const char *kind, uint32_t devid,
	       const char *interface, const char *bridge)
{
	char *path = *script == '/' ? xstrdup(script) : xasprintf("/etc/xen/scripts/%s", script);
	int status = 0;
	pid_t pid = fork();

	if (!pid) {
		script_environment(domid, kind, devid, interface, bridge);
		execl(path, path, action, interface ? "type_if=vif" : NULL, NULL);
		fprintf(stderr, "%s: %s: %s\n", msg_program, path, strerror(errno));
		_exit(127);
	}
	if (pid < 0 || waitpid(pid, &status, 0) < 0)
		status = -1;
	if (status)
		msg_error(0, "script %s %s failed", path, action);
	free(path);
	return status ? -EIO : 0;
}

void device_offline(struct host *h, uint32_t domid, const char *kind, uint32_t devid)
{
	char *script = store_read(h, "/local/domain/0/backend/%s/%u/%u/script", kind, domid, devid);
	char *interface = NULL;

	if (!script || !store_number(h, 0, "/local/domain/0/backend/%s/%u/%u/" SCRIPTED, kind, domid, devid)) {
		free(script);
		return;
	}
	if (!strcmp(kind, "vif")) {
		interface = store_read(h, "/local/domain/0/backend/vif/%u/%u/vifname", domid, devid);
		interface = interface ?: xasprintf("vif%u.%u", domid, devid);
	}
	script_run(script, interface ? "offline" : "remove", domid, kind, devid, interface, NULL);
	free(interface);
	free(script);
}

/* --- coming up ------------------------------------------------------------------------------------------------------------ */

static int backend_answered(const char *value, void *data)
{
	int state = value ? atoi(value) : 0;

	(void)data;
	if (!value)
		return -ENOENT;
	return state >= XenbusStateClosing ? -EIO : state >= XenbusStateInitWait;
}

static int wait_backend(struct host *h, const struct device *dev, uint32_t domid)
{
	char *path = xasprintf("/local/domain/%u/backend/%s/%u/%u/state", dev->backend, dev->kind, domid, dev->devid);
	int rc = store_wait(h, path, backend_answered, NULL, BACKEND_SECONDS);
	const char *name = dev->disk ? dev->disk->vdev : "network card";
	char *reason;

	free(path);
	if (rc > 0)
		return 0;
	reason = store_read(h, "/local/domain/%u/error/backend/%s/%u/%u/error", dev->backend, dev->kind, domid, dev->devid);
	if (reason)
		msg_error(rc, "%s: the backend says: %s", name, reason);
	else if (rc == -ETIMEDOUT)
		msg_error(rc, "%s: no backend answers (is the module %s loaded?)", name,
			  dev->disk ? "xen-blkback" : "xen-netback");
	else
		msg_error(rc, "%s: the backend refuses: %s", name, strerror(-rc));
	free(reason);
	return rc;
}

/* netback says InitWait first and makes the interface then. */
static bool interface_comes(const char *name)
{
	unsigned int tries;

	for (tries = 0; tries < 2000; tries++) {
		if (if_nametoindex(name))
			return true;
		usleep(tries < 100 ? 500 : 5000);
	}
	return false;
}

/* The backend tells the frontend that it is connected when somebody says that its interface is where it belongs. */
static int nic_ready(struct host *h, const struct device *dev, uint32_t domid)
{
	const struct nic *n = dev->nic;
	char name[32];
	int rc;

	snprintf(name, sizeof(name), "vif%u.%u", domid, n->devid);
	if (!interface_comes(name))
		return msg_error(-ENODEV, "the backend makes no interface %s", name);
	if (n->vifname) {
		rc = link_rename(name, n->vifname);
		if (rc)
			return msg_error(rc, "%s cannot be called %s: %s", name, n->vifname, strerror(-rc));
		snprintf(name, sizeof(name), "%s", n->vifname);
	}
	if (n->script)
		return script_run(n->script, "online", domid, "vif", n->devid, name, n->bridge);
	rc = bridge_join(name, n->bridge, n->mtu);
	if (rc)
		return msg_error(rc, "%s cannot join the bridge %s: %s", name, n->bridge ?: "(none)", strerror(-rc));
	rc = store_write(h, "connected", "/local/domain/0/backend/vif/%u/%u/hotplug-status", domid, n->devid);
	if (rc)
		msg_error(rc, "%s: the backend cannot be told that it is connected: %s", name, strerror(-rc));
	return rc;
}

/*
 * The backend says that it waits for the frontend before it has opened the device: the loop device of a file is its
 * own, and may be let go by us, when these attributes are there.
 */
static int disk_opened(const struct device *dev, uint32_t domid)
{
	char path[80];

	snprintf(path, sizeof(path), "/sys/bus/xen-backend/devices/vbd-%u-%u/physical_device", domid, dev->devid);
	for (int ms = 0; ms < BACKEND_SECONDS * 1000; ms++) {
		if (!access(path, F_OK))
			return 0;
		usleep(1000);
	}
	return msg_error(-ETIMEDOUT, "the backend does not open %s", dev->node ?: dev->disk->target);
}

int device_ready(struct host *h, struct device *dev, uint32_t domid)
{
	int rc = 0;

	if (dev->backend || (dev->disk && !dev->disk->target))
		return 0;
	if (dev->disk && dev->disk->script)
		rc = script_run(dev->disk->script, "add", domid, "vbd", dev->devid, NULL, NULL);
	rc = rc ?: wait_backend(h, dev, domid);
	if (!rc && dev->hold >= 0)
		rc = disk_opened(dev, domid);
	return !rc && dev->nic ? nic_ready(h, dev, domid) : rc;
}

/* --- going ------------------------------------------------------------------------------------------------------------ */

static int both_closed(const char *value, void *data)
{
	(void)data;
	return !value || atoi(value) == XenbusStateClosed;
}

int device_detach(struct host *h, uint32_t domid, const char *kind, uint32_t devid, bool force)
{
	char *front = xasprintf("/local/domain/%u/device/%s/%u", domid, kind, devid);
	long backend = store_number(h, -1, "%s/backend-id", front);
	char *back = xasprintf("/local/domain/%ld/backend/%s/%u/%u", backend, kind, domid, devid);
	char *state = xasprintf("%s/state", back);
	struct plan p = { 0 };
	int rc = 0;

	if (backend < 0) {
		rc = msg_error(-ENOENT, "the domain has no %s %u", kind, devid);
	} else if (!force) {
		plan_write(&p, "0", "%s/online", back);
		plan_number(&p, XenbusStateClosing, "%s", state);
		rc = plan_commit(h, &p);
		if (!rc)
			rc = store_wait(h, state, both_closed, NULL, BACKEND_SECONDS);
		if (rc == -ETIMEDOUT)
			msg_error(rc, "the guest does not give %s %u up (in use?)", kind, devid);
	}
	if (rc >= 0) {
		device_offline(h, domid, kind, devid);
		plan_remove(&p, "%s", front);
		plan_remove(&p, "%s", back);
		plan_remove(&p, DEVICE_RECORD "/%s/%u", domid, kind, devid);
		rc = plan_commit(h, &p);
	}
	free(front);
	free(back);
	free(state);
	return rc;
}
