/* SPDX-License-Identifier: GPL-2.0-only */
/* When an event may come again: reasons to keep a port masked, and the wait for one that means nothing. For KUnit, too. */
#ifndef PORT_EVENT_MASK_H
#define PORT_EVENT_MASK_H

#include <linux/minmax.h>
#include <linux/types.h>

enum { MASK_EXPLICIT = 1, MASK_HANDLED = 2, MASK_LATE = 4 };

/** mask_add: true: the port has to be masked. mask_remove: true: it has to be unmasked. */
static inline bool mask_add(u8 *mask, u8 reason)
{
	bool was = *mask;

	*mask |= reason;
	return !was;
}

static inline bool mask_remove(u8 *mask, u8 reason)
{
	bool was = *mask;

	*mask &= ~reason;
	return was && !*mask;
}

/** late_delay: jiffies that an event has to wait after @spurious ones in a row; 1, 2, 4 … @most behind the threshold. */
static inline unsigned int late_delay(unsigned int spurious, unsigned int threshold, unsigned int most)
{
	unsigned int over = spurious > threshold ? spurious - threshold : 0;

	return over ? min(1u << min(over - 1, 16u), most) : 0;
}

#endif
