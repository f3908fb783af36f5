/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Arithmetic of the block protocol that both of its ends need (xen/interface/io/blkif.h): pure, no service of Xen is used.
 */
#ifndef XENOLITH_BLKIF_H
#define XENOLITH_BLKIF_H

#include <linux/kernel.h>
#include <linux/log2.h>
#include <xen/interface/io/blkif.h>

/* Descriptors that a page of them holds, and sectors of a page. */
#define BLKIF_SEGS_PER_PAGE ((unsigned int)(4096 / sizeof(struct blkif_request_segment)))
#define BLKIF_SECTORS_PER_PAGE 8

/* Pages of descriptors that an indirect request with so many segments has. */
static inline unsigned int blkif_indirect_pages(unsigned int segments)
{
	return DIV_ROUND_UP(segments, BLKIF_SEGS_PER_PAGE);
}

/**
 * blkif_ring_order() - size of a ring from the two keys that there are for it
 * @order: "ring-page-order" or "max-ring-page-order", 0 where it is missing
 * @pages: "num-ring-pages" or "max-ring-pages", 1 where it is missing
 *
 * The keys are of two origins; who knows both writes both, equal. Where they differ the greater one is meant.
 *
 * Return: the order, UINT_MAX where @pages is no power of two
 */
static inline unsigned int blkif_ring_order(unsigned int order, unsigned int pages)
{
	if (!is_power_of_2(pages))
		return UINT_MAX;
	return max_t(unsigned int, order, ilog2(pages));
}

#endif
