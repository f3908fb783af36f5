/* SPDX-License-Identifier: GPL-2.0-only */
/* The ACPI tables of a PVH guest. */
#ifndef TOOLS_PVH_ACPI_H
#define TOOLS_PVH_ACPI_H

#include <stdbool.h>
#include <stdint.h>

/**
 * pvh_acpi - fill the page of tables, which begins with the RSDP
 * @paddr: where the guest sees it
 * @vcpus: as many as it can have, up to CONFIG_MAX_VCPUS: their local APICs' numbers are theirs
 * @timer: tell of the ACPI timer, for a kernel that knows no other clock
 */
void pvh_acpi(uint8_t *page, uint64_t paddr, unsigned int vcpus, bool timer);

#endif
