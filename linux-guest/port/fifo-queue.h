/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The guest's side of the queues of FIFO event channels, and nothing else: words and queues, no hypercalls, no kernel. So
 * the host's tests put it against the hypervisor's side, and KUnit against a model. The hypervisor's source draws the
 * queues (evtchn/event-fifo.c).
 *
 * The other side runs on other CPUs whatever this kernel's number of them: the compiler's atomics, which always lock the
 * bus, not the kernel's, which on one CPU leave that out. Who includes this has Xen's event_channel.h before it.
 */
#ifndef PORT_FIFO_QUEUE_H
#define PORT_FIFO_QUEUE_H

#define FIFO_PENDING	(1u << EVTCHN_FIFO_PENDING)
#define FIFO_MASKED	(1u << EVTCHN_FIFO_MASKED)
#define FIFO_LINKED	(1u << EVTCHN_FIFO_LINKED)
#define FIFO_BUSY	(1u << EVTCHN_FIFO_BUSY)
#define FIFO_LINK	((1u << EVTCHN_FIFO_LINK_BITS) - 1)

/* What one vcpu knows of its queues. */
struct fifo_queues {
	u32 ready;				/* to be looked at */
	u32 head[EVTCHN_FIFO_MAX_QUEUES];	/* next ones; 0: see the control block */
};

/** fifo_word_fn: the word of @port, or NULL. */
typedef event_word_t *fifo_word_fn(u32 port);

static inline void fifo_word_set(event_word_t *word, u32 bits)
{
	__atomic_fetch_or(word, bits, __ATOMIC_SEQ_CST);
}

/** fifo_word_take: true: the event was pending and not masked, and is not pending any more. Of two who ask one gets it. */
static inline bool fifo_word_take(event_word_t *word)
{
	u32 w = __atomic_load_n(word, __ATOMIC_SEQ_CST);

	do {
		if ((w & (FIFO_PENDING | FIFO_MASKED)) != FIFO_PENDING)
			return false;
	} while (!__atomic_compare_exchange_n(word, &w, w & ~FIFO_PENDING, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST));
	return true;
}

/** fifo_word_unmask: false when the event is pending: it stays masked, the hypervisor has to be asked. */
static inline bool fifo_word_unmask(event_word_t *word)
{
	u32 w = __atomic_load_n(word, __ATOMIC_SEQ_CST);

	do {
		if (!(w & FIFO_MASKED))
			return true;
		if (w & FIFO_PENDING)
			return false;
		w &= ~FIFO_BUSY;		/* while a link is written the mask stays */
	} while (!__atomic_compare_exchange_n(word, &w, w & ~FIFO_MASKED, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST));
	return true;
}

/** fifo_word_unlink: take the word off its queue. Return: the next port there, or 0. */
static inline u32 fifo_word_unlink(event_word_t *word)
{
	u32 w = __atomic_load_n(word, __ATOMIC_SEQ_CST);

	while (!__atomic_compare_exchange_n(word, &w, w & ~(FIFO_LINKED | FIFO_LINK), false, __ATOMIC_SEQ_CST,
					    __ATOMIC_SEQ_CST))
		;
	return w & FIFO_LINK;
}

/** fifo_take_from: the first of queue @n, which is ready. Return: its port if it is to be handled, else 0. */
static inline u32 fifo_take_from(struct fifo_queues *q, const struct evtchn_fifo_control_block *control, unsigned int n,
				 fifo_word_fn *word_of)
{
	u32 port = q->head[n] ? q->head[n] : __atomic_load_n(&control->head[n], __ATOMIC_SEQ_CST);
	event_word_t *word = word_of(port);

	q->head[n] = word ? fifo_word_unlink(word) : 0;
	if (!q->head[n])
		q->ready &= ~(1u << n);
	return word && (__atomic_load_n(word, __ATOMIC_SEQ_CST) & (FIFO_PENDING | FIFO_MASKED)) == FIFO_PENDING ? port : 0;
}

/** fifo_take: the next event of the vcpu, highest priority first, or 0: there is none. */
static inline u32 fifo_take(struct fifo_queues *q, struct evtchn_fifo_control_block *control, fifo_word_fn *word_of)
{
	u32 port;

	for (;;) {
		q->ready |= __atomic_exchange_n(&control->ready, 0, __ATOMIC_SEQ_CST);
		if (!q->ready)
			return 0;
		port = fifo_take_from(q, control, __builtin_ctz(q->ready), word_of);
		if (port)
			return port;
	}
}

#endif
