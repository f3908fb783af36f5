// SPDX-License-Identifier: GPL-2.0-only
/*
 * Range sets: a sorted array of disjoint inclusive ranges, no two of which touch. Adding and
 * removing both replace a stretch of the array by at most two ranges; room for them is made
 * first, so that a failure leaves the set as it was.
 */
#include <xenolith/lib.h>

void rangeset_init(struct rangeset *rs)
{
	*rs = (struct rangeset){ 0 };
}

void rangeset_destroy(struct rangeset *rs)
{
	lib_free(rs->r);
	rangeset_init(rs);
}

/* Index of the first range that ends at or after @x. */
static unsigned int first_ending_from(const struct rangeset *rs, unsigned long x)
{
	unsigned int i = 0;

	while (i < rs->nr && rs->r[i].end < x)
		i++;
	return i;
}

static int make_room(struct rangeset *rs, unsigned int nr)
{
	unsigned int space = rs->space;
	struct range *r;

	if (nr <= space)
		return 0;
	space = space ? space * 2 : 8;
	r = new_array(struct range, space);
	if (!r)
		return -ENOMEM;
	if (rs->nr)
		memcpy(r, rs->r, rs->nr * sizeof(*r));
	lib_free(rs->r);
	rs->r = r;
	rs->space = space;
	return 0;
}

/* Put the @nr_new ranges @r in place of those with indices @from .. @to - 1. */
static int replace(struct rangeset *rs, unsigned int from, unsigned int to,
		   const struct range *r, unsigned int nr_new)
{
	unsigned int nr = rs->nr - (to - from) + nr_new;

	if (make_room(rs, nr))
		return -ENOMEM;
	if (rs->nr > to)
		memmove(&rs->r[from + nr_new], &rs->r[to], (rs->nr - to) * sizeof(*r));
	if (nr_new)
		memcpy(&rs->r[from], r, nr_new * sizeof(*r));
	rs->nr = nr;
	return 0;
}

int rangeset_add(struct rangeset *rs, unsigned long start, unsigned long end)
{
	struct range r = { start, end };
	unsigned int from, to;

	if (start > end)
		return -EINVAL;
	from = to = first_ending_from(rs, start ? start - 1 : 0);	/* neighbours merge */
	while (to < rs->nr && (end == ~0UL || rs->r[to].start <= end + 1)) {
		r.start = min(r.start, rs->r[to].start);
		r.end = max(r.end, rs->r[to].end);
		to++;
	}
	return replace(rs, from, to, &r, 1);
}

int rangeset_remove(struct rangeset *rs, unsigned long start, unsigned long end)
{
	struct range keep[2];
	unsigned int from, to, nr = 0;

	if (start > end)
		return -EINVAL;
	from = to = first_ending_from(rs, start);
	while (to < rs->nr && rs->r[to].start <= end)
		to++;
	if (from == to)
		return 0;
	if (rs->r[from].start < start)
		keep[nr++] = (struct range){ rs->r[from].start, start - 1 };
	if (rs->r[to - 1].end > end)
		keep[nr++] = (struct range){ end + 1, rs->r[to - 1].end };
	return replace(rs, from, to, keep, nr);
}

bool rangeset_contains(const struct rangeset *rs, unsigned long start, unsigned long end)
{
	unsigned int i = first_ending_from(rs, start);

	return i < rs->nr && rs->r[i].start <= start && rs->r[i].end >= end;
}
