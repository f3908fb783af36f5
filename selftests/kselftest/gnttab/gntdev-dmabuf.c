// SPDX-License-Identifier: GPL-2.0-only
/* The calls of /dev/xen/gntdev for DMA buffers: a buffer made of granted pages, and references made of a buffer. */
#include "grant.h"

static int giver, taker, self;

static int export(const uint32_t *refs, uint32_t count, uint32_t flags)
{
	union {
		struct ioctl_gntdev_dmabuf_exp_from_refs call;
		char room[sizeof(struct ioctl_gntdev_dmabuf_exp_from_refs) + GRANTS_MAX * sizeof(uint32_t)];
	} arg = { .call = { .flags = flags, .count = count, .domid = self } };
	int rc;

	memcpy((char *)&arg + offsetof(struct ioctl_gntdev_dmabuf_exp_from_refs, refs), refs,
	       (count < GRANTS_MAX ? count : 1) * sizeof(uint32_t));
	rc = ioctl(taker, IOCTL_GNTDEV_DMABUF_EXP_FROM_REFS, &arg);
	return rc ? rc : (int)arg.call.fd;
}

static int import(int buffer, uint32_t count, uint32_t *refs)
{
	union {
		struct ioctl_gntdev_dmabuf_imp_to_refs call;
		char room[sizeof(struct ioctl_gntdev_dmabuf_imp_to_refs) + GRANTS_MAX * sizeof(uint32_t)];
	} arg = { .call = { .fd = buffer, .count = count, .domid = self } };
	int rc = ioctl(taker, IOCTL_GNTDEV_DMABUF_IMP_TO_REFS, &arg);

	if (!rc)
		memcpy(refs, (char *)&arg + offsetof(struct ioctl_gntdev_dmabuf_imp_to_refs, refs), count * sizeof(uint32_t));
	return rc;
}

static int released(int buffer, uint32_t milliseconds)
{
	struct ioctl_gntdev_dmabuf_exp_wait_released call = { .fd = buffer, .wait_to_ms = milliseconds };

	return ioctl(taker, IOCTL_GNTDEV_DMABUF_EXP_WAIT_RELEASED, &call);
}

static int give_back(int buffer)
{
	struct ioctl_gntdev_dmabuf_imp_release call = { .fd = buffer };

	return ioctl(taker, IOCTL_GNTDEV_DMABUF_IMP_RELEASE, &call);
}

static void bad_arguments(void)
{
	uint32_t refs[2] = { 0x7fffff, 1 };

	check_fails(ioctl(taker, IOCTL_GNTDEV_DMABUF_EXP_FROM_REFS, node_nowhere), EFAULT, "export with an argument at no address");
	check_fails(ioctl(taker, IOCTL_GNTDEV_DMABUF_IMP_TO_REFS, node_nowhere), EFAULT, "import");
	check_fails(ioctl(taker, IOCTL_GNTDEV_DMABUF_EXP_WAIT_RELEASED, node_nowhere), EFAULT, "wait");
	check_fails(ioctl(taker, IOCTL_GNTDEV_DMABUF_IMP_RELEASE, node_nowhere), EFAULT, "release");
	check_fails(export(refs, 0, 0), EINVAL, "export nothing");
	check_fails(export(refs, UINT32_MAX, 0), EINVAL, "export more than can be");
	check_fails(export(refs, 1, GNTDEV_DMA_FLAG_WC | GNTDEV_DMA_FLAG_COHERENT), EINVAL, "two kinds of memory at once");
	check(export(refs, 1, 0) < 0, "export a reference that does not exist");
	check_fails(import(-1, 1, refs), EBADF, "import what is no file");
	check_fails(import(taker, 1, refs), EINVAL, "import what is no buffer");
	check_fails(import(taker, 0, refs), EINVAL, "import nothing");
	check_fails(released(taker, 0), ENOENT, "wait for what was never exported");
	check_fails(give_back(taker), ENOENT, "release what was never imported");
}

static void there_and_back(void)
{
	struct granted granted;
	uint32_t refs[2] = { 0 };
	int buffer;

	if (grant_alloc(giver, self, GNTALLOC_FLAG_WRITABLE, 2, &granted))
		tap_bail_out("no pages");
	buffer = export(granted.refs, 2, 0);
	if (!check(buffer >= 0, "a buffer of two granted pages"))
		return;
	check_fails(released(buffer, 50), ETIMEDOUT, "while it is open a wait for its end runs out");
	if (import(buffer, 2, refs) == 0) {
		check(refs[0] && refs[1] && refs[0] != refs[1], "references made of a buffer");
		check(give_back(buffer) == 0, "given back");
	} else {
		tap_skip("references made of a buffer", "this buffer's pages cannot be granted on");
	}
	check(close(buffer) == 0, "close it");
	check(grant_dealloc(giver, granted.index, 2) == 0, "the pages come back");
}

int main(void)
{
	tap_start();
	taker = node_open(GNTDEV_NODE);
	giver = node_open(GNTALLOC_NODE);
	self = grant_own_domid();
	if (ioctl(taker, IOCTL_GNTDEV_DMABUF_IMP_RELEASE, node_nowhere) < 0 && errno == ENOTTY)
		tap_skip_all("a kernel without CONFIG_XEN_GNTDEV_DMABUF");
	if (self < 0)
		tap_skip_all("no store that tells this domain's number");
	bad_arguments();
	there_and_back();
	tap_finish();
}
