// SPDX-License-Identifier: GPL-2.0-only
/* What a mounted xenfs shows, and the store's node below it: /proc/xen. */
#include <stdint.h>
#include <sys/mount.h>
#include <xen/io/xs_wire.h>

#include "../node.h"

#define MOUNTED "/proc/xen"

static char text[256];

static const char *content(const char *path)
{
	int fd = open(path, O_RDONLY), got = -1;

	if (fd >= 0) {
		got = read(fd, text, sizeof(text) - 1);
		close(fd);
	}
	text[got > 0 ? got : 0] = '\0';
	return text;
}

/* One request of the store's protocol; what it answers is in text. */
static int store(int fd, uint32_t type, const void *body, uint32_t length)
{
	struct { struct xsd_sockmsg head; char body[128]; } message = { .head = { .type = type, .len = length } };
	struct xsd_sockmsg answer;

	memcpy(message.body, body, length);
	if (write(fd, &message, sizeof(message.head) + length) != (ssize_t)(sizeof(message.head) + length))
		return -1;
	if (read(fd, &answer, sizeof(answer)) != sizeof(answer) || answer.len >= sizeof(text))
		return -1;
	if (answer.len && read(fd, text, answer.len) != (ssize_t)answer.len)
		return -1;
	text[answer.len] = '\0';
	return answer.type;
}

static void the_store(const char *path)
{
	struct { struct xsd_sockmsg head; char body[8]; } wrong = { .head = { .type = XS_READ, .len = 1 << 20 } };
	int fd = open(path, O_RDWR);

	if (!check(fd >= 0, "open %s", path))
		return;
	check(store(fd, XS_READ, "/", 2) >= 0, "a request has an answer");
	check(store(fd, XS_READ, "/nothing/here", 14) == XS_ERROR && (!strcmp(text, "ENOENT") || !strcmp(text, "EACCES")), "an error is one of the store's (%s)", text);
	check(store(fd, XS_GET_DOMAIN_PATH, "0", 2) == XS_GET_DOMAIN_PATH && !strcmp(text, "/local/domain/0"), "Domain0's path is %s", text);
	check_fails(write(fd, &wrong, sizeof(wrong)), E2BIG, "a request longer than the protocol allows");
	close(fd);
	fd = open(path, O_RDWR);
	check(fd >= 0 && store(fd, XS_GET_DOMAIN_PATH, "0", 2) == XS_GET_DOMAIN_PATH, "another file goes on");
	close(fd);
}

static void control_domain(void)
{
	char number[32];

	check(!strcmp(content(MOUNTED "/capabilities"), "control_d\n"), "capabilities say control_d");
	check(atoi(content(MOUNTED "/xsd_port")) > 0, "the store's port is a number");
	snprintf(number, sizeof(number), "%s", content(MOUNTED "/xsd_kva"));
	check(strtoul(number, NULL, 0) != 0, "the store's page has an address");
	check(node_as_nobody(node_open_error, MOUNTED "/xsd_kva") == EACCES, "which is told to nobody else");
}

int main(void)
{
	tap_start();
	if (mount("xenfs", MOUNTED, "xenfs", 0, NULL) && errno != EBUSY)
		tap_skip_all("no xenfs here");
	check(access(MOUNTED "/capabilities", R_OK) == 0, "capabilities can be read");
	check(node_as_nobody(node_open_error, MOUNTED "/privcmd") == EACCES, "another user may not open privcmd");
	check(node_as_nobody(node_open_error, MOUNTED "/xenbus") == EACCES, "nor xenbus");
	check(open(MOUNTED "/new", O_CREAT | O_WRONLY, 0600) < 0, "nothing can be made there");
	check(unlink(MOUNTED "/capabilities") < 0, "nor removed");
	if (node_is_control_domain())
		control_domain();
	else
		check(!strcmp(content(MOUNTED "/capabilities"), ""), "a guest has no capabilities");
	the_store("/dev/xen/xenbus");
	the_store(MOUNTED "/xenbus");
	tap_finish();
}
