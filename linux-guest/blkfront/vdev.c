// SPDX-License-Identifier: GPL-2.0-only
/*
 * Three layouts of minors meet here: 64 to an IDE disk, two disks to a major; 16 to a SCSI or xvd disk, 16 disks to a
 * major; 256 to a disk of the extended range. All become minors of the one major number of xvd.
 */
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/kdev_t.h>
#include <linux/string.h>
#include <xen/interface/io/blkif.h>
#include "vdev.h"

#define EXTENDED_SHIFT 28
#define PARTS 16
#define PARTS_EXTENDED 256
#define PARTS_IDE 64
#define XVD_MAJOR 202

/* The index of the SCSI major among those that disks have, or -1. */
static int scsi_index(unsigned int major)
{
	if (major == XEN_SCSI_DISK0_MAJOR)
		return 0;
	if (major >= XEN_SCSI_DISK1_MAJOR && major <= XEN_SCSI_DISK7_MAJOR)
		return major - XEN_SCSI_DISK1_MAJOR + 1;
	if (major >= XEN_SCSI_DISK8_MAJOR && major <= XEN_SCSI_DISK15_MAJOR)
		return major - XEN_SCSI_DISK8_MAJOR + 8;
	return -1;
}

static int decode_major(unsigned int major, unsigned int minor, unsigned int *first)
{
	if (major == XEN_IDE0_MAJOR || major == XEN_IDE1_MAJOR) {
		unsigned int disk = minor / PARTS_IDE + (major == XEN_IDE1_MAJOR ? 2 : 0);

		if (minor / PARTS_IDE > 1 || minor % PARTS_IDE >= PARTS)
			return -ENODEV;
		*first = disk * PARTS + minor % PARTS_IDE;
		return 0;
	}
	if (major == XVD_MAJOR) {
		*first = minor;
		return 0;
	}
	if (scsi_index(major) < 0)
		return -ENODEV;
	*first = scsi_index(major) * 256 + minor;
	return 0;
}

/* 0: a, 25: z, 26: aa … */
static void write_name(char *name, unsigned int disk, unsigned int part)
{
	char letters[8];
	int at = sizeof(letters) - 1;

	letters[at] = 0;
	for (disk++; disk; disk = (disk - 1) / 26)
		letters[--at] = 'a' + (disk - 1) % 26;
	if (part)
		snprintf(name, VDEV_NAME_LEN, "xvd%s%u", letters + at, part);
	else
		snprintf(name, VDEV_NAME_LEN, "xvd%s", letters + at);
}

int vdev_decode(u32 number, struct vdev *vdev)
{
	unsigned int parts = PARTS, part;

	if (number >> EXTENDED_SHIFT > 1)
		return -ENODEV;
	if (number >> EXTENDED_SHIFT) {
		parts = PARTS_EXTENDED;
		vdev->first_minor = number & ((1U << EXTENDED_SHIFT) - 1);
	} else if (decode_major(number >> 8, number & 0xff, &vdev->first_minor)) {
		return -ENODEV;
	}
	if (vdev->first_minor >> MINORBITS)
		return -ENODEV;
	part = vdev->first_minor % parts;
	vdev->minors = part ? 1 : parts;
	write_name(vdev->name, vdev->first_minor / parts, part);
	return 0;
}
