// SPDX-License-Identifier: GPL-2.0-only
/* The pair of legacy interrupt controllers: silenced, the IO-APIC has taken over. */
#include "irq.h"

#define PIC1_COMMAND	0x20
#define PIC1_DATA	0x21
#define PIC2_COMMAND	0xa0
#define PIC2_DATA	0xa1

/*
 * Programmed once before it is masked: one that firmware left in an odd state may otherwise raise
 * its spurious interrupt through a vector of an exception.
 */
void __init i8259_off(void)
{
	static const struct { u16 port; u8 value; } steps[] __initconst = {
		{ PIC1_DATA, 0xff }, { PIC2_DATA, 0xff },
		{ PIC1_COMMAND, 0x11 }, { PIC2_COMMAND, 0x11 },	/* initialise, cascaded */
		{ PIC1_DATA, 0x20 }, { PIC2_DATA, 0x28 },	/* vectors */
		{ PIC1_DATA, 0x04 }, { PIC2_DATA, 0x02 },	/* who hangs where */
		{ PIC1_DATA, 0x01 }, { PIC2_DATA, 0x01 },	/* 8086 mode */
		{ PIC1_DATA, 0xff }, { PIC2_DATA, 0xff },
	};

	for (unsigned int i = 0; i < ARRAY_SIZE(steps); i++)
		outb(steps[i].value, steps[i].port);
}
