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
#define W_BUSY			(1u << EVTCHN_FIFO_BUSY)
#define W_LINK			((u32)EVTCHN_FIFO_LINK_MASK)
#define LEAVE_FIFO		(~0UL)		/* no frame's number: XENOLITH_PORT_LEAVE_FIFO */

struct evtchn_fifo {
	spinlock_t lock;		/* tails and appending */
	unsigned int nr_pages;
	event_word_t *page[MAX_ARRAY_PAGES];
};

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

	for (try = 0; (w & EVTCHN_LINKED) && try < 6; try++) {
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

/* Put @ch on the queue of its priority. True when the guest must be told. */
static bool append(struct vcpu *v, struct evtchn *ch)
{
	struct evtchn_fifo_control_block *control = v->evtchn.control;
	unsigned int queue = READ_ONCE(ch->priority);
	port_t *tail = &v->evtchn.tail[queue], last;

	/* If it still is a tail, it must not be taken for one that is linked there. */
	if (ch->fifo_tail && *ch->fifo_tail == ch->port)
		*ch->fifo_tail = 0;
	ch->fifo_tail = tail;
	last = *tail;
	*tail = ch->port;
	if (last && link_behind(word_of(v->domain, last), ch->port))
		return false;
	WRITE_ONCE(control->head[queue], ch->port);
	return !test_and_set_bit(queue, &control->ready);
}

static void fifo_set_pending(struct vcpu *v, struct evtchn *ch)
{
	struct domain *d = v->domain;
	event_word_t *word = word_of(d, ch->port);
	bool was_pending, tell = false;

	if (unlikely(!word)) {
		WRITE_ONCE(ch->fifo_missed, true);
		smp_mb();		/* pairs with expand_array: page entered, then flags looked at */
		word = word_of(d, ch->port);
		if (!word)
			return;
	}
	was_pending = test_and_set_bit(EVTCHN_FIFO_PENDING, word);
	if (!(READ_ONCE(*word) & (EVTCHN_MASKED | EVTCHN_LINKED))) {
		spin_lock(&d->evtchn.fifo->lock);
		/* No control block: the guest must not unmask before it has one. */
		if (likely(v->evtchn.control) && !test_and_set_bit(EVTCHN_FIFO_LINKED, word))
			tell = append(v, ch);
		spin_unlock(&d->evtchn.fifo->lock);
		if (tell)
			evtchn_upcall(v);
	}
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
	if (READ_ONCE(*word) & EVTCHN_PENDING)
		fifo_set_pending(d->vcpu[ch->notify_vcpu], ch);
}

static u32 fifo_marks(const struct domain *d, const struct evtchn *ch)
{
	const event_word_t *word = word_of(d, ch->port);

	return word ? READ_ONCE(*word) : EVTCHN_MASKED;
}

static const struct evtchn_abi evtchn_fifo = {
	.name		= "FIFO",
	.max_ports	= EVTCHN_FIFO_NR_CHANNELS,
	.set_pending	= fifo_set_pending,
	.clear_pending	= fifo_clear_pending,
	.unmask		= fifo_unmask,
	.marks		= fifo_marks,
};

/* ---- setting up ---- */

/* A page of the guest to write to, by its direct map address; a writable reference keeps it. */
static void *guest_page_get(struct domain *d, u64 gfn)
{
	mfn_t m = mfn(domain_frame(d, gfn));

	if (!mfn_valid(m) || get_page_and_type(mfn_to_page(m), d, PGT_WRITABLE, false))
		return NULL;
	return mfn_to_virt(m);
}

static void guest_page_put(void *p)
{
	put_page_and_type(virt_to_page(p));
}

static int switch_to_fifo(struct domain *d)
{
	struct evtchn_fifo *f = new(struct evtchn_fifo);
	struct evtchn *ch;

	if (!f)
		return -ENOMEM;
	spin_lock_init(&f->lock);
	d->evtchn.fifo = f;
	smp_wmb();			/* the ABI's functions find their state */
	WRITE_ONCE(d->evtchn.abi, &evtchn_fifo);
	/* What is pending in the 2-level bits of bound ports is delivered when their array page comes. */
	for (port_t port = 1; port < EVTCHN_2L_NR_CHANNELS; port++)
		if (test_bit(port, d->shared_info->evtchn_pending) && (ch = evtchn_find(d, port)) != NULL)
			WRITE_ONCE(ch->fifo_missed, true);
	return 0;
}

/* To the 2-level bits, whatever stands in the word. */
static void move_to_2l(struct domain *d, port_t port)
{
	unsigned long irq;
	struct evtchn *ch = evtchn_lock(d, port, &irq);

	if (!ch)
		return;
	if (xchg(&ch->fifo_missed, false) || fifo_marks(d, ch) & EVTCHN_PENDING)
		evtchn_2l.set_pending(d->vcpu[ch->notify_vcpu], ch);
	evtchn_unlock(ch, irq);
}

/*
 * Back to the 2-level ABI with ports in use, for a guest that wants its pages back. Who delivers an event holds its port's
 * lock: when each of them was taken once after the switch, nobody is in the functions above any more.
 */
static int leave_fifo(struct domain *d)
{
	struct evtchn *ch;

	if (!d->evtchn.fifo)
		return -EINVAL;
	for (port_t port = EVTCHN_2L_NR_CHANNELS; port <= d->evtchn.max_port; port++) {
		ch = evtchn_find(d, port);
		if (ch && ch->state != EVTCHNSTAT_closed)
			return -EBUSY;
	}
	WRITE_ONCE(d->evtchn.abi, &evtchn_2l);
	for (port_t port = 1; port <= min(d->evtchn.max_port, EVTCHN_2L_NR_CHANNELS - 1); port++)
		move_to_2l(d, port);
	evtchn_fifo_destroy(d);
	return 0;
}

int evtchn_fifo_init_control(struct domain *d, union evtchn_args *a)
{
	struct evtchn_init_control *op = &a->init_control;
	struct vcpu *v = vcpu_find(d, op->vcpu);
	void *page;

	if (op->control_gfn == LEAVE_FIFO)
		return leave_fifo(d);
	if (!v)
		return -ENOENT;
	if (op->offset > PAGE_SIZE - sizeof(struct evtchn_fifo_control_block) || op->offset % 8 || v->evtchn.control)
		return -EINVAL;
	page = guest_page_get(d, op->control_gfn);
	if (!page)
		return -EINVAL;
	if (!d->evtchn.fifo && switch_to_fifo(d)) {
		guest_page_put(page);
		return -ENOMEM;
	}
	WRITE_ONCE(v->evtchn.control, page + op->offset);	/* XSA-107: only now can it be linked to */
	op->link_bits = EVTCHN_FIFO_LINK_BITS;
	return 0;
}

/* Deliver what was raised before its array page, now page @nr, was there. */
static void deliver_missed(struct domain *d, unsigned int nr)
{
	struct evtchn *ch;
	unsigned long irq;

	for (port_t port = nr * WORDS_PER_PAGE; port < (nr + 1) * WORDS_PER_PAGE; port++) {
		ch = evtchn_lock(d, port, &irq);
		if (!ch)
			continue;
		if (xchg(&ch->fifo_missed, false))
			fifo_set_pending(d->vcpu[ch->notify_vcpu], ch);
		evtchn_unlock(ch, irq);
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
		if (v->evtchn.control)
			guest_page_put((void *)((unsigned long)v->evtchn.control & PAGE_MASK));
		v->evtchn.control = NULL;
		memset(v->evtchn.tail, 0, sizeof(v->evtchn.tail));
	}
}
