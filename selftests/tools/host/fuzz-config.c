// SPDX-License-Identifier: GPL-2.0-only
/* Any bytes as a configuration: what is accepted must survive being written and read again. */
#include <stdint.h>
#include "config-sources.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct cfg cfg = { 0 };
	struct config c = { 0 };
	char *text = NULL;
	size_t length;
	FILE *to;

	forget();
	if (!cfg_parse(&cfg, "fuzz", (const char *)data, size) && !config_read(&c, &cfg)) {
		to = open_memstream(&text, &length);
		config_write(&c, to);
		fclose(to);
		config_free(&c);
		cfg_free(&cfg);
		forget();
		if (cfg_parse(&cfg, "again", text, length) || config_read(&c, &cfg))
			abort();
		free(text);
	}
	config_free(&c);
	cfg_free(&cfg);
	return 0;
}
