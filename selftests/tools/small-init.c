// SPDX-License-Identifier: GPL-2.0-only
/*
 * The whole user space of a small guest: a static program as /init, so that the stock kernel needs little memory and its
 * start little time. It loads the modules of /modules/order, reads its disk, puts up its network card (guest.ip= on the
 * command line) and answers every line on the console; "work FROM SECONDS" makes it work for that time and say how much it
 * got done. Its lines begin with "guest:", like those of guest.
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysinfo.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static void load_modules(void)
{
	FILE *order = fopen("/modules/order", "r");
	char name[128], path[160];

	while (order && fscanf(order, "%127s", name) == 1) {
		int fd;

		snprintf(path, sizeof(path), "/modules/%s", name);
		fd = open(path, O_RDONLY);
		if (syscall(SYS_finit_module, fd, "", 0))
			printf("guest: %s: %m\n", name);
		close(fd);
		unlink(path);	/* its memory is free again */
	}
}

static void use_disk(void)
{
	char text[10] = "";
	int fd = -1, i;

	for (i = 0; i < 300 && fd < 0; i++) {
		fd = open("/dev/xvda", O_RDONLY);
		if (fd < 0)
			usleep(100000);
	}
	if (fd >= 0 && read(fd, text, 9) == 9)
		printf("guest: disk '%s'\n", text);
	close(fd);
}

static void read_address(char *address)
{
	char line[1024] = "";
	FILE *from = fopen("/proc/cmdline", "r");
	char *word;

	if (from && fgets(line, sizeof(line), from)) {
		word = strstr(line, "guest.ip=");
		if (word)
			sscanf(word, "guest.ip=%15[0-9.]", address);
		fclose(from);
	}
}

static int set(int fd, unsigned long what, struct ifreq *card, const char *address)
{
	struct sockaddr_in *in = (struct sockaddr_in *)&card->ifr_addr;

	*in = (struct sockaddr_in){ .sin_family = AF_INET };
	inet_aton(address, &in->sin_addr);
	return ioctl(fd, what, card);
}

static void use_network(void)
{
	struct ifreq card = { .ifr_name = "eth0" };
	int fd = socket(AF_INET, SOCK_DGRAM, 0), i;
	char address[16] = "10.0.0.2";

	read_address(address);
	for (i = 0; i < 300 && ioctl(fd, SIOCGIFINDEX, &card); i++)
		usleep(100000);
	if (set(fd, SIOCSIFADDR, &card, address) || set(fd, SIOCSIFNETMASK, &card, "255.255.255.0"))
		printf("guest: eth0: %m\n");
	card.ifr_flags = IFF_UP | IFF_RUNNING;
	if (!ioctl(fd, SIOCSIFFLAGS, &card))
		printf("guest: address %s\n", address);
	close(fd);
}

/* By the wall clock, the same in all domains, so that several of them work in the same @seconds. */
static void work(time_t from, time_t seconds)
{
	struct timespec start = { .tv_sec = from }, now;
	unsigned long pieces = 0;

	clock_nanosleep(CLOCK_REALTIME, TIMER_ABSTIME, &start, NULL);
	for (;;) {
		for (volatile unsigned int i = 0; i < 50000; i++)
			;
		clock_gettime(CLOCK_REALTIME, &now);
		if (now.tv_sec >= from + seconds)
			break;
		pieces++;
	}
	printf("guest: worked %ld %lu\n", (long)from, pieces);
}

int main(void)
{
	long from, seconds;
	struct sysinfo info;
	char line[128];

	setvbuf(stdout, NULL, _IOLBF, 0);
	mkdir("/dev", 0755);
	mkdir("/proc", 0755);
	mount("dev", "/dev", "devtmpfs", 0, NULL);
	mount("proc", "/proc", "proc", 0, NULL);
	load_modules();
	use_disk();
	use_network();
	sysinfo(&info);
	printf("guest: up, %lu KiB, %lu KiB free\n", info.totalram / 1024, info.freeram / 1024);
	while (fgets(line, sizeof(line), stdin)) {
		line[strcspn(line, "\r\n")] = 0;
		printf("guest: heard '%s'\n", line);
		if (sscanf(line, "work %ld %ld", &from, &seconds) == 2)
			work(from, seconds);
	}
	pause();
	return 0;
}
