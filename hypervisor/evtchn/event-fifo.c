// SPDX-License-Identifier: GPL-2.0-only
/*
 * The FIFO ABI: per vcpu sixteen queues, one a priority, of pending ports. A queue is a list whose
 * links lie in the event words, one 32-bit word a port, in guest memory:
 *
 *   control block (per vcpu)          event words: PENDING MASKED LINKED BUSY | link
 *     ready: bit n = queue n filled
 *     head[n] ----------------------> port 7: L, link 9 --> port 9: L, link 0   (tail, known here)
 *
 * Here events are appended: set PENDING; when neither MASKED nor LINKED, set LINKED, then link it
 * behind the tail if that is still LINKED, else make it the head and mark the queue ready. The
 * guest takes from the head: clears LINKED and link of a word, then handles it if it is PENDING.
 * While a tail's link is written BUSY keeps the guest from changing MASKED.
 *
 * The guest may write anything into these words. Ports read from them are never used here: what is
 * followed are the tails, which are ours. A guest that breaks the protocol loses its own events.
 */
#include "evtchn-private.h"

#define WORDS_PER_PAGE		(PAGE_SIZE / sizeof(event_word_t))
#define MAX_ARRAY_PAGES		(EVTCHN_FIFO_NR_CHANNELS / WORDS_PER_PAGE)
#define W_PENDING		(1u << EVTCHN_FIFO_PENDING)
#define W_MASKED		(1u << EVTCHN_FIFO_MASKED)
#define W_LINKED		(1u << EVTCHN_FIFO_LINKED)
#define W_BUSY			(1u << EVTCHN_FIFO_BUSY)
#define W_LINK			((u32)EVTCHN_FIFO_LINK_MASK)

struct evtchn_fifo {
	unsigned int nr_pages;
	event_word_t *page[MAX_ARRAY_PAGES];
};

struct evtchn_fifo_vcpu {
	spinlock_t lock;				/* tails and appending */
	struct evtchn_fifo_control_block *control;	/* guest memory */
	port_t tail[EVTCHN_FIFO_MAX_QUEUES];		/* last appended; 0: none */
};

/* ch->fifo_queue names a queue: vcpu and priority. */
#define QUEUE(vcpu, priority)	((vcpu) << 4 | (priority))
#define QUEUE_VCPU(q)		((q) >> 4)
#define QUEUE_PRIORITY(q)	((q) & 15)

static event_word_t *word_of(const struct domain *d, port_t port)
{
	const struct evtchn_fifo *f = d->evtchn.fifo;
	unsigned int page = port / WORDS_PER_PAGE;

	if (unlikely(page >= READ_ONCE(f->nr_pages)))	/* counted after it is entered */
		return NULL;
	return f->page[page] + port % WORDS_PER_PAGE;
}

/*
 * Link @port behind the tail's word if that is on the queue. An honest guest can make the exchange
 * fail only by masking, clearing PENDING or unlinking, each once: then BUSY is set.
 */
static bool link_behind(event_word_t *tail, port_t port)
{
	u32 w = READ_ONCE(*tail);
	unsigned int try;

	for (try = 0; (w & W_LINKED) && try < 6; try++) {
		if (try_cmpxchg(tail, &w, (w & ~(W_BUSY | W_LINK)) | port))
			return true;
		if (try == 0) {
			set_bit(EVTCHN_FIFO_BUSY, tail);
			w = READ_ONCE(*tail);
		}
	}
	if (try)
		clear_bit(EVTCHN_FIFO_BUSY, tail);
	return false;
}

/* Append to queue @priority of @fv, whose lock is held. True when the guest must be told. */
static bool append(struct domain *d, struct evtchn_fifo_vcpu *fv, unsigned int priority, port_t port)
{
	port_t tail = fv->tail[priority];

	fv->tail[priority] = port;
	if (tail && link_behind(word_of(d, tail), port))
		return false;
	WRITE_ONCE(fv->control->head[priority], port);
	return true;
}

/* Lock the vcpu whose queue @ch was last on; NULL (nothing locked) when there is none. */
static struct evtchn_fifo_vcpu *lock_last_queue(struct domain *d, const struct evtchn *ch, u32 *queue)
{
	for (unsigned int try = 0; try < 8; try++) {
		struct evtchn_fifo_vcpu *fv;

		*queue = READ_ONCE(ch->fifo_queue);
		fv = READ_ONCE(d->vcpu[QUEUE_VCPU(*queue)]->evtchn.fifo);
		if (!fv)
			return NULL;
		spin_lock(&fv->lock);
		if (likely(READ_ONCE(ch->fifo_queue) == *queue))
			return fv;
		spin_unlock(&fv->lock);
	}
	return NULL;
}

/*
 * Put an event that is pending, unmasked and not linked on its queue. LINKED is set with the lock of
 * the queue held that it was last on: if it still is the tail there, others who append there must
 * not take it for a linked one. Queue locks are never nested.
 */
static void link_event(struct vcpu *v, struct evtchn *ch, event_word_t *word)
{
	struct domain *d = v->domain;
	struct evtchn_fifo_vcpu *last, *fv = READ_ONCE(v->evtchn.fifo);
	u32 old, queue = QUEUE(v->id, READ_ONCE(ch->priority));
	bool tell;

	if (unlikely(!fv))		/* the guest must not unmask before it has a control block */
		return;
	last = lock_last_queue(d, ch, &old);
	if (unlikely(!last)) {
		last = fv;
		spin_lock(&last->lock);
	}
	if (test_and_set_bit(EVTCHN_FIFO_LINKED, word)) {
		spin_unlock(&last->lock);
		return;
	}
	if (last->tail[QUEUE_PRIORITY(old)] == ch->port)
		last->tail[QUEUE_PRIORITY(old)] = 0;
	WRITE_ONCE(ch->fifo_queue, queue);
	if (last != fv) {
		spin_unlock(&last->lock);
		spin_lock(&fv->lock);
	}
	tell = append(d, fv, QUEUE_PRIORITY(queue), ch->port);
	spin_unlock(&fv->lock);
	if (tell && !test_and_set_bit(QUEUE_PRIORITY(queue), &fv->control->ready))
		evtchn_upcall(v);
}

static void fifo_set_pending(struct vcpu *v, struct evtchn *ch)
{
	struct domain *d = v->domain;
	event_word_t *word = word_of(d, ch->port);
	bool was_pending;

	if (unlikely(!word)) {
		WRITE_ONCE(ch->fifo_missed, true);
		smp_mb();		/* pairs with expand_array: page entered, then flags looked at */
		word = word_of(d, ch->port);
		if (!word)
			return;
	}
	was_pending = test_and_set_bit(EVTCHN_FIFO_PENDING, word);
	if (!(READ_ONCE(*word) & (W_MASKED | W_LINKED)))
		link_event(v, ch, word);
	if (!was_pending)
		evtchn_poll_wake(d, ch->port);
}

static void fifo_clear_pending(struct domain *d, struct evtchn *ch)
{
	event_word_t *word = word_of(d, ch->port);

	if (word)		/* the guest drops it from the queue: not pending, not handled */
		clear_bit(EVTCHN_FIFO_PENDING, word);
}

static void fifo_unmask(struct domain *d, struct evtchn *ch)
{
	event_word_t *word = word_of(d, ch->port);

	if (!word)
		return;
	clear_bit(EVTCHN_FIFO_MASKED, word);
	if (READ_ONCE(*word) & W_PENDING)
		fifo_set_pending(d->vcpu[ch->notify_vcpu], ch);
}

static bool word_has(const struct domain *d, const struct evtchn *ch, u32 bits, bool if_absent)
{
	const event_word_t *word = word_of(d, ch->port);

	return word ? READ_ONCE(*word) & bits : if_absent;
}

static bool fifo_is_pending(const struct domain *d, const struct evtchn *ch)
{
	return word_has(d, ch, W_PENDING, false);
}

static bool fifo_is_masked(const struct domain *d, const struct evtchn *ch)
{
	return word_has(d, ch, W_MASKED, true);
}

static bool fifo_is_busy(const struct domain *d, const struct evtchn *ch)
{
	return word_has(d, ch, W_LINKED, false);
}

static int fifo_set_priority(struct evtchn *ch, unsigned int priority)
{
	if (priority > EVTCHN_FIFO_PRIORITY_MIN)
		return -EINVAL;
	WRITE_ONCE(ch->priority, priority);	/* from the next event on */
	return 0;
}

static const struct evtchn_abi evtchn_fifo = {
	.name		= "FIFO",
	.max_ports	= EVTCHN_FIFO_NR_CHANNELS,
	.set_pending	= fifo_set_pending,
	.clear_pending	= fifo_clear_pending,
	.unmask		= fifo_unmask,
	.is_pending	= fifo_is_pending,
	.is_masked	= fifo_is_masked,
	.is_busy	= fifo_is_busy,
	.set_priority	= fifo_set_priority,
};

/* ---- setting up ---- */

/* A page of the guest to write to, by its direct map address; a writable reference keeps it. */
static void *guest_page_get(struct domain *d, u64 gfn)
{
	mfn_t m = mfn(gfn);

	if (!mfn_valid(m) || get_page_and_type(mfn_to_page(m), d, PGT_WRITABLE, false))
		return NULL;
	return mfn_to_virt(m);
}

static void guest_page_put(void *p)
{
	put_page_and_type(virt_to_page(p));
}

static int control_block_enter(struct vcpu *v, u64 gfn, u32 offset)
{
	struct evtchn_fifo_vcpu *fv;
	void *page;

	if (v->evtchn.fifo)
		return -EINVAL;
	fv = new(struct evtchn_fifo_vcpu);
	if (!fv)
		return -ENOMEM;
	page = guest_page_get(v->domain, gfn);
	if (!page) {
		lib_free(fv);
		return -EINVAL;
	}
	spin_lock_init(&fv->lock);
	fv->control = page + offset;
	smp_wmb();			/* XSA-107: whoever sees it finds a control block */
	WRITE_ONCE(v->evtchn.fifo, fv);
	return 0;
}

/* What is pending in the 2-level bits of bound ports is delivered when their array page comes. */
static void save_pending(struct domain *d)
{
	for (port_t port = 1; port < EVTCHN_2L_NR_CHANNELS; port++) {
		struct evtchn *ch = evtchn_find(d, port);

		if (ch && test_bit(port, d->shared_info->evtchn_pending))
			WRITE_ONCE(ch->fifo_missed, true);
	}
}

static int switch_to_fifo(struct vcpu *v, const struct evtchn_init_control *op)
{
	struct domain *d = v->domain;
	struct evtchn_fifo *f = new(struct evtchn_fifo);
	int rc = f ? control_block_enter(v, op->control_gfn, op->offset) : -ENOMEM;

	if (rc) {
		lib_free(f);
		return rc;
	}
	d->evtchn.fifo = f;
	smp_wmb();			/* the ABI's functions find their state */
	WRITE_ONCE(d->evtchn.abi, &evtchn_fifo);
	save_pending(d);
	return 0;
}

int evtchn_fifo_init_control(struct domain *d, union evtchn_args *a)
{
	struct evtchn_init_control *op = &a->init_control;
	struct vcpu *v = vcpu_find(d, op->vcpu);

	if (!v)
		return -ENOENT;
	if (op->offset > PAGE_SIZE - sizeof(struct evtchn_fifo_control_block) || op->offset % 8)
		return -EINVAL;
	op->link_bits = EVTCHN_FIFO_LINK_BITS;
	return d->evtchn.fifo ? control_block_enter(v, op->control_gfn, op->offset) :
	       switch_to_fifo(v, op);
}

/* Deliver what was raised before its array page, now page @nr, was there. */
static void deliver_missed(struct domain *d, unsigned int nr)
{
	for (port_t port = nr * WORDS_PER_PAGE; port < (nr + 1) * WORDS_PER_PAGE; port++) {
		struct evtchn *ch = evtchn_find(d, port);
		unsigned long irq;

		if (!ch || !READ_ONCE(ch->fifo_missed))
			continue;
		irq = spin_lock_irqsave(&ch->lock);
		ch->fifo_missed = false;
		if (ch->state > ECS_RESERVED)
			fifo_set_pending(d->vcpu[ch->notify_vcpu], ch);
		spin_unlock_irqrestore(&ch->lock, irq);
	}
}

int evtchn_fifo_expand_array(struct domain *d, union evtchn_args *a)
{
	struct evtchn_fifo *f = d->evtchn.fifo;
	unsigned int nr;

	if (!f)
		return -EOPNOTSUPP;
	nr = f->nr_pages;
	if (nr == MAX_ARRAY_PAGES)
		return -ENOSPC;
	f->page[nr] = guest_page_get(d, a->expand_array.array_gfn);
	if (!f->page[nr])
		return -EINVAL;
	smp_wmb();		/* XSA-358: pairs with word_of() */
	WRITE_ONCE(f->nr_pages, nr + 1);
	smp_mb();		/* pairs with fifo_set_pending() */
	deliver_missed(d, nr);
	return 0;
}

void evtchn_fifo_destroy(struct domain *d)
{
	struct evtchn_fifo *f = d->evtchn.fifo;
	struct vcpu *v;

	if (!f)
		return;
	WRITE_ONCE(d->evtchn.abi, &evtchn_2l);
	d->evtchn.fifo = NULL;
	for (unsigned int i = 0; i < f->nr_pages; i++)
		guest_page_put(f->page[i]);
	lib_free(f);
	for_each_vcpu(d, v) {
		if (!v->evtchn.fifo)
			continue;
		guest_page_put((void *)((unsigned long)v->evtchn.fifo->control & PAGE_MASK));
		lib_free(v->evtchn.fifo);
		v->evtchn.fifo = NULL;
	}
}
