// SPDX-License-Identifier: GPL-2.0-only
/* Coverage-guided fuzzing of the hypervisor's command line: words, parameters, numbers. */
#include <stdlib.h>
#include <string.h>
#include "../../hypervisor/lib/cmdline.c"
#include "../../hypervisor/lib/number.c"
#include "lib-string.h"
#include "../../hypervisor/boot/param.c"

struct boot_info boot_info;

void printk(const char *fmt, ...)
{
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	size_t n = size < sizeof(boot_info.cmdline) - 1 ? size : sizeof(boot_info.cmdline) - 1;
	char name[16];

	memcpy(boot_info.cmdline, data, n);
	boot_info.cmdline[n] = '\0';
	nr_params = 0;
	memset(params, 0, sizeof(params));
	boot_param_bool("a", true);
	for (unsigned int i = 0; i < nr_params; i++) {
		strlcpy_(name, params[i].name, sizeof(name));
		if (strlen(params[i].name) > n || strlen(params[i].value) > n)
			abort();
		boot_param_size(name, 1, 1);
		boot_param_size(name, 1, 1024);
	}
	boot_param_check_unknown();
	return 0;
}
