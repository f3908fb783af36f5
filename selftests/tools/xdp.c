// SPDX-License-Identifier: GPL-2.0-only
/*
 * xdp INTERFACE drop|pass|reply|redirect: attach a program to an interface's driver and stay until killed.
 *
 *	drop		nothing that is received comes through
 *	pass		everything does
 *	reply		an echo request (ping) is turned into its reply and sent back; everything else comes through
 *	redirect	the same, by redirecting it to the interface on which it came
 */
#include <linux/bpf.h>
#include <linux/if_link.h>
#include <net/if.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define LOAD(size, dst, src, off)	{ BPF_LDX | BPF_MEM | size, dst, src, off, 0 }
#define STORE(size, dst, off, src)	{ BPF_STX | BPF_MEM | size, dst, src, off, 0 }
#define MOVE(dst, src)			{ BPF_ALU64 | BPF_MOV | BPF_X, dst, src, 0, 0 }
#define ALU(op, dst, imm)		{ BPF_ALU64 | op | BPF_K, dst, 0, 0, imm }
#define ADD(dst, src)			{ BPF_ALU64 | BPF_ADD | BPF_X, dst, src, 0, 0 }
#define SET(dst, imm)			{ BPF_ALU64 | BPF_MOV | BPF_K, dst, 0, 0, imm }
#define IF_NOT(reg, imm, skip)		{ BPF_JMP | BPF_JNE | BPF_K, reg, 0, skip, imm }
#define IF_ABOVE(a, b, skip)		{ BPF_JMP | BPF_JGT | BPF_X, a, b, skip, 0 }
#define CALL(function)			{ BPF_JMP | BPF_CALL, 0, 0, 0, function }
#define EXIT				{ BPF_JMP | BPF_EXIT, 0, 0, 0, 0 }
/* Two fields of the packet (r2) change places. */
#define SWAP(size, a, b) \
	LOAD(size, 0, 2, a), LOAD(size, 1, 2, b), STORE(size, 2, a, 1), STORE(size, 2, b, 0)

/* What follows the test whether it is an echo request, up to the program's end: so many instructions. */
#define REPLY 24

static struct bpf_insn reply[] = {
	MOVE(6, 1),
	LOAD(BPF_W, 2, 6, offsetof(struct xdp_md, data)),
	LOAD(BPF_W, 3, 6, offsetof(struct xdp_md, data_end)),
	MOVE(4, 2),
	ALU(BPF_ADD, 4, 42),
	IF_ABOVE(4, 3, REPLY + 8),
	LOAD(BPF_H, 5, 2, 12), IF_NOT(5, 0x0008, REPLY + 6),	/* IPv4 */
	LOAD(BPF_B, 5, 2, 14), IF_NOT(5, 0x45, REPLY + 4),	/* without options */
	LOAD(BPF_B, 5, 2, 23), IF_NOT(5, 1, REPLY + 2),		/* ICMP */
	LOAD(BPF_B, 5, 2, 34), IF_NOT(5, 8, REPLY),		/* echo request */
	/* The reply's type is 0: what the checksum's sum has less, it has more itself. */
	SET(0, 0), STORE(BPF_B, 2, 34, 0),
	LOAD(BPF_H, 5, 2, 36), ALU(BPF_ADD, 5, 8), MOVE(1, 5), ALU(BPF_RSH, 1, 16), ADD(5, 1), STORE(BPF_H, 2, 36, 5),
	SWAP(BPF_W, 26, 30),
	SWAP(BPF_W, 0, 6),
	SWAP(BPF_H, 4, 10),
	SET(1, 0), SET(2, 0), SET(0, XDP_TX), EXIT,		/* or a redirection, see redirect_to() */
	SET(0, XDP_PASS), EXIT,
};
#define REPLY_COUNT	(sizeof(reply) / sizeof(*reply))

static void redirect_to(int interface)
{
	reply[REPLY_COUNT - 6].imm = interface;
	reply[REPLY_COUNT - 4] = (struct bpf_insn)CALL(BPF_FUNC_redirect);
}

static struct bpf_insn simple[] = { SET(0, XDP_PASS), EXIT };

static long bpf(int command, union bpf_attr *attr)
{
	return syscall(SYS_bpf, command, attr, sizeof(*attr));
}

static _Noreturn void die(const char *what)
{
	perror(what);
	exit(1);
}

static int load(struct bpf_insn *program, size_t count)
{
	static char log[65536];
	union bpf_attr attr = {
		.prog_type = BPF_PROG_TYPE_XDP, .insns = (uintptr_t)program, .insn_cnt = count, .license = (uintptr_t)"GPL",
		.log_buf = (uintptr_t)log, .log_size = sizeof(log), .log_level = 1,
	};
	int fd = bpf(BPF_PROG_LOAD, &attr);

	if (fd < 0) {
		fputs(log, stderr);
		die("loading the program");
	}
	return fd;
}

int main(int argc, char **argv)
{
	union bpf_attr attr = { 0 };
	int interface = argc == 3 ? if_nametoindex(argv[1]) : 0, fd;

	if (!interface) {
		fprintf(stderr, "xdp INTERFACE drop|pass|reply|redirect\n");
		return 2;
	}
	if (!strcmp(argv[2], "redirect"))
		redirect_to(interface);
	if (!strcmp(argv[2], "drop"))
		simple[0].imm = XDP_DROP;
	if (!strcmp(argv[2], "drop") || !strcmp(argv[2], "pass"))
		fd = load(simple, 2);
	else
		fd = load(reply, REPLY_COUNT);
	attr.link_create.prog_fd = fd;
	attr.link_create.target_ifindex = interface;
	attr.link_create.attach_type = BPF_XDP;
	attr.link_create.flags = XDP_FLAGS_DRV_MODE;
	if (bpf(BPF_LINK_CREATE, &attr) < 0)
		die("attaching the program");
	printf("xdp: %s\n", argv[2]);
	fflush(stdout);
	pause();
	return 0;
}
