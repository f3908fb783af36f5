/* SPDX-License-Identifier: GPL-2.0-only */
/* Lists of grant entries by their numbers: an array says what follows each. Nothing of Xen, so KUnit tests it. */
#ifndef PORT_GRANT_LIST_H
#define PORT_GRANT_LIST_H

#include <linux/types.h>

#define GRANT_LIST_END U32_MAX

/* Free ones. Owners of others have lists of their own in the same array. */
struct grant_list {
	u32 *next;			/* by entry */
	u32 first;
	unsigned int nr;
};

static inline void grant_list_put(struct grant_list *l, u32 ref)
{
	l->next[ref] = l->first;
	l->first = ref;
	l->nr++;
}

/** grant_list_take: @count of them, as a list at @head. False: there are not that many, none is taken. */
static inline bool grant_list_take(struct grant_list *l, unsigned int count, u32 *head)
{
	u32 last = GRANT_LIST_END;
	unsigned int i;

	if (l->nr < count)
		return false;
	*head = count ? l->first : GRANT_LIST_END;
	for (i = 0; i < count; i++) {
		last = l->first;
		l->first = l->next[last];
	}
	if (count)
		l->next[last] = GRANT_LIST_END;
	l->nr -= count;
	return true;
}

/** grant_list_put_all: the whole list at @head. */
static inline void grant_list_put_all(struct grant_list *l, u32 head)
{
	while (head != GRANT_LIST_END) {
		u32 then = l->next[head];

		grant_list_put(l, head);
		head = then;
	}
}

#endif
