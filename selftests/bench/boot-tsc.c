// SPDX-License-Identifier: GPL-2.0-only
/* Prints the TSC: under -icount shift=0 the number of instructions since the machine was switched on. */
#include <stdint.h>
#include <stdio.h>

int main(void)
{
	uint32_t lo, hi;

	__asm__ volatile("rdtsc" : "=a"(lo), "=d"(hi));
	printf("BENCH boot %llu\n", (unsigned long long)(((uint64_t)hi << 32) | lo));
	return 0;
}
