// SPDX-License-Identifier: GPL-2.0-only
/*
 * instructions ROUNDS COMMAND [-- COMMAND]: run the first command so many times, each time with the second after it, and
 * print for both the smallest TSC difference. On a machine with -icount shift=0 the TSC counts instructions (of everything
 * that ran meanwhile: commands, kernel, daemons, hypervisor).
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <x86intrin.h>

static uint64_t run(char **argv)
{
	uint64_t before = __rdtsc();
	int status;
	pid_t pid = fork();

	if (!pid) {
		execvp(argv[0], argv);
		_exit(127);
	}
	waitpid(pid, &status, 0);
	if (status)
		fprintf(stderr, "%s failed\n", argv[1]);
	return __rdtsc() - before;
}

int main(int argc, char **argv)
{
	uint64_t least[2] = { UINT64_MAX, UINT64_MAX }, n;
	int rounds = atoi(argv[1]), i;
	char **second = NULL;

	for (i = 2; i < argc && !second; i++) {
		if (!strcmp(argv[i], "--")) {
			argv[i] = NULL;
			second = argv + i + 1;
		}
	}
	for (i = 0; i < rounds; i++) {
		n = run(argv + 2);
		least[0] = n < least[0] ? n : least[0];
		n = second ? run(second) : 0;
		least[1] = n < least[1] ? n : least[1];
	}
	printf("BENCH %s %lu\n", argv[3], (unsigned long)least[0]);
	if (second)
		printf("BENCH %s %lu\n", second[1], (unsigned long)least[1]);
	return 0;
}
