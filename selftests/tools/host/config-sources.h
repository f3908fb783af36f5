/* SPDX-License-Identifier: GPL-2.0-only */
/* The configuration's sources as one program. Their static helpers of one name are told apart by the preprocessor. */
#include "lib.h"
#include "config-syntax.c"
#undef MAX_DEPTH
#define fault config_fault
#define append config_append
#define check config_check
#define read_number config_read_number
#include "config.c"
#undef fault
#undef check
#undef read_number
#include "cpuset.c"
#define set disk_set
#define number disk_digits
#define set_key disk_set_key
#define check disk_check
#include "config-disk.c"
#undef set
#undef set_key
#undef check
#undef number
#define set_key nic_set_key
#define add nic_add
#include "config-nic.c"
