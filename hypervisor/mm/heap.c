/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Small-object heap behind lib_alloc(): power-of-two classes of 32 to 1024 bytes, each carved from
 * single pages; larger objects are whole frames. A page of a class starts with its header, so that
 * a page-aligned pointer is always a large object.
 */
#include <xenolith/debug.h>
#include <xenolith/mm.h>

#define MIN_SHIFT	5
#define MAX_SHIFT	10
#define NR_CLASSES	(MAX_SHIFT - MIN_SHIFT + 1)

struct slab {
	struct list_head link;		/* in the class's list while an object is free */
	void *free;			/* chain through the objects' first words */
	u16 class, used;
} __aligned(32);

static struct list_head partial[NR_CLASSES];
static DEFINE_SPINLOCK(heap_lock);

static struct slab *slab_create(unsigned int class)
{
	size_t size = 1UL << (class + MIN_SHIFT);
	struct slab *s = alloc_hyp_pages(0);
	char *p;

	if (!s)
		return NULL;
	s->class = class;
	for (p = (char *)s + ROUND_UP(sizeof(*s), size); p + size <= (char *)s + PAGE_SIZE; p += size) {
		*(void **)p = s->free;
		s->free = p;
	}
	return s;
}

static void *small_alloc(unsigned int class)
{
	unsigned long irq = spin_lock_irqsave(&heap_lock);
	struct list_head *list = &partial[class];
	struct slab *s;
	void *p;

	if (!list->next)
		list_init(list);
	while (list_empty(list)) {
		/* A new page may need a flush of other CPUs: not with our lock held. */
		spin_unlock_irqrestore(&heap_lock, irq);
		s = slab_create(class);
		if (!s)
			return NULL;
		irq = spin_lock_irqsave(&heap_lock);
		list_add(&s->link, list);
	}
	s = list_first_entry(list, struct slab, link);
	p = s->free;
	s->free = *(void **)p;
	s->used++;
	if (!s->free)
		list_del(&s->link);
	spin_unlock_irqrestore(&heap_lock, irq);
	memset(p, 0, 1UL << (class + MIN_SHIFT));
	return p;
}

static void small_free(void *p)
{
	struct slab *s = (void *)((unsigned long)p & PAGE_MASK);
	unsigned long irq = spin_lock_irqsave(&heap_lock);

	if (!s->free)
		list_add(&s->link, &partial[s->class]);
	*(void **)p = s->free;
	s->free = p;
	if (--s->used == 0) {
		list_del(&s->link);
		free_hyp_pages(s, 0);
	}
	spin_unlock_irqrestore(&heap_lock, irq);
}

void *lib_alloc(size_t size)
{
	unsigned int shift;

	if (size <= 1UL << MAX_SHIFT) {
		shift = size <= 1UL << MIN_SHIFT ? MIN_SHIFT : fls64(size - 1) + 1;
		return small_alloc(shift - MIN_SHIFT);
	}
	if (size > (size_t)PAGE_SIZE << MAX_ORDER)
		return NULL;
	shift = size <= PAGE_SIZE ? PAGE_SHIFT : fls64(size - 1) + 1;
	return alloc_hyp_pages(shift - PAGE_SHIFT);
}

void lib_free(void *p)
{
	if (!p)
		return;
	if ((unsigned long)p & ~PAGE_MASK)
		small_free(p);
	else
		free_hyp_pages(p, virt_to_page(p)->order);
}
