/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The network backend: for each virtual card of another domain an interface vif<domain>.<number> here, to be put into a
 * bridge or routed.
 *
 *	main.c		the interface
 *	bus.c		devices that the toolstack makes in the store, and the states of both ends
 *	connect.c	what a frontend wrote: rings, channels, features
 *	queue.c		one queue: its two rings, event channels and memory; made and unmade
 *	tx.c		what the frontend transmits: copied from its pages, passed to the network stack
 *	rx.c		what the frontend receives: copied into its pages right where the network stack hands it over
 *	xdp.c		programs that look at what the frontend transmits
 *	control.c	the control ring, by which a frontend chooses how packets are spread over its queues
 *	multicast.c	the groups that a frontend wants
 *	tx-chain.c, rx-plan.h, hash.c	what can be computed without Xen (KUnit runs it)
 *
 * "Transmit" and "receive" are the frontend's words, as in the protocol; the network stack's are the other way round.
 *
 * All data is copied by the hypervisor, many parts with one call: no foreign page is ever mapped here but the rings, so
 * no packet has to be followed until it is freed. NAPI does the work for what the frontend sends, the context of the sender
 * for what it gets; what is sent while NAPI runs (acknowledgements, mostly) waits for its end. A thread for each queue does
 * no more than tell the frontend of large packets: struct netif_teller.
 *
 * The frontend is not trusted: whatever it writes is copied, checked and then used. One that breaks the protocol is
 * disconnected: netback_fault().
 */
#ifndef NETBACK_H
#define NETBACK_H

#include <linux/etherdevice.h>
#include <linux/if_vlan.h>
#include <linux/netdevice.h>
#include <linux/u64_stats_sync.h>

#include <xenolith/bus.h>
#include <xenolith/event.h>
#include <xenolith/grant.h>
#include <xenolith/hypercall.h>
#include <xenolith/netif.h>
#include <xen/interface/io/netif.h>

#include "compat/compat.h"
#include "compat/net.h"
#include "hash.h"
#include "rx-plan.h"
#include "tx-chain.h"

#define RING_SLOTS	256
#define MAX_QUEUES	16
#define MAX_GROUPS	64
#define MAPPING_MAX	128	/* entries of a hash's table of queues */

#define BATCH_PACKETS	64	/* of a frontend's packets taken at once */
#define BATCH_OPS	256	/* copies for one hypercall, as many as wait for a packet more */
/* A part may cross a page of ours once, and the first is cut in two. */
#define PACKET_OPS	(2 * TX_CHAIN_SLOTS + 2)

struct netback;

/* A frontend's packet between the copy's order and its end: a socket buffer, a page for a program, or it is dropped. */
struct netback_tx_packet {
	struct sk_buff *skb;
	struct page *page;
	u16 first_entry, nr_entries, first_op, nr_ops, flags, gso_size, len;
	u8 gso_type;
};

struct netback_stats {
	struct netif_counters counters;
	u64 batches, notified, stopped;
};

/* So many bytes in so many microseconds; no limit if bytes is 0. */
struct netback_rate {
	unsigned int bytes, usecs;
};

/* Answers are as long as requests here; which grant failed decides about the packet. */
struct netback_queue {
	struct netback *nb;
	unsigned int index;
	struct napi_struct napi;
	struct netif_channel channels[2];	/* transmit and receive, or one for both */
	bool worked;				/* since the last end of interrupt */
	bool polling;				/* its NAPI context runs, and will flush what is put meanwhile */

	struct xen_netif_tx_back_ring tx ____cacheline_aligned_in_smp;
	struct netif_pools pools;
	struct bpf_prog *prog;			/* of the batch */
	bool xdp_redirected;			/* since the last flush */
	struct xdp_rxq_info xdp_rxq;
	struct tx_chain chain;
	struct netback_tx_packet packets[BATCH_PACKETS];
	int answers[RING_SLOTS];		/* identifiers of the entries of the batch, or TX_ID_EXTRA */
	unsigned int nr_packets, nr_tx_ops, nr_entries;
	struct gnttab_copy tx_ops[BATCH_OPS];
	struct netback_stats tx_stats;
	u64 credit_start;			/* of the present window of the rate, in ns */
	unsigned int credit_used;
	struct timer_list credit_timer;

	struct xen_netif_rx_back_ring rx ____cacheline_aligned_in_smp;
	unsigned int nr_rx_ops;
	struct gnttab_copy rx_ops[BATCH_OPS];
	RING_IDX rx_op_slots[BATCH_OPS];	/* which response each is a part of */
	struct rx_plan plan;
	struct sk_buff *rx_pending;		/* their copies are ordered */
	bool rx_large;				/* one of them is */
	RING_IDX rx_told;			/* up to where the frontend was told of responses */
	unsigned long rx_jiffy;			/* of the last packets, and how often since it began */
	unsigned int rx_prompt;
	struct netif_teller teller;
	bool stalled;				/* the frontend gives no buffers: drop */
	struct timer_list stall_timer;
	struct netback_stats rx_stats;
};

struct netback_hash {
	u32 algorithm, flags, mapping_size;
	u8 key[HASH_KEY_BYTES];
	u32 mapping[MAPPING_MAX];
};

/**
 * struct netback - one interface
 * @lock: connecting and disconnecting; taken before the RTNL
 * @connected: the queues exist and are used; changes under the RTNL
 * @broken: the frontend broke the protocol and was disconnected
 * @offers: what the frontend's end can take
 */
struct netback {
	struct xenbus_device *dev;
	struct net_device *netdev;
	domid_t domid;
	unsigned int handle;
	struct mutex lock;
	struct netback_queue *queues;
	unsigned int nr_queues;
	bool connected, watched;
	unsigned long broken;
	struct work_struct fault_work;
	struct xenbus_watch hotplug_watch;
	netdev_features_t offers;
	unsigned int xdp_headroom;		/* that the frontend's program wants */
	struct bpf_prog __rcu *xdp_prog;	/* ours */
	struct netback_rate rate;
	spinlock_t stats_lock;			/* the queues do not go while they are counted */
	struct rtnl_link_stats64 past;		/* of queues that are gone */

	bool multicast_control;
	spinlock_t group_lock;
	unsigned int nr_groups;
	u8 groups[MAX_GROUPS][ETH_ALEN];

	struct netback_hash __rcu *hash;	/* NULL: the kernel chooses the queue */
	struct xen_netif_ctrl_back_ring control;
	int control_irq;
	struct work_struct control_work;
};

/* main.c */
extern unsigned int netback_max_queues;
extern const struct net_device_ops netback_ops;
/**
 * netback_create() - make and register the interface vif<domid>.<handle>
 * Return: it, or an ERR_PTR.
 */
struct netback *netback_create(struct xenbus_device *dev, domid_t domid, unsigned int handle);
void netback_destroy(struct netback *nb);
int netback_poll(struct napi_struct *napi, int budget);
/**
 * netback_fault() - the frontend broke the protocol: say so once, disconnect
 * @nb: the interface; it stays, without carrier, until the frontend starts anew
 * @what: what was wrong
 *
 * Any context.
 */
void netback_fault(struct netback *nb, const char *what);
/* Let the queues run, and stop them: the caller holds the RTNL and the queues exist. */
void netback_start_queues(struct netback *nb);
void netback_stop_queues(struct netback *nb);

/* bus.c */
int netback_bus_init(void);
void netback_bus_exit(void);

/* connect.c: the caller holds nb->lock. */
int netback_connect(struct netback *nb);
void netback_disconnect(struct netback *nb);
void netback_read_headroom(struct netback *nb);

/* queue.c */
struct netback_queue_nodes {
	grant_ref_t tx_ref, rx_ref;
	evtchn_port_t tx_port, rx_port;		/* the same if there is one for both */
};

int netback_queue_make(struct netback_queue *queue, const struct netback_queue_nodes *nodes);
/* Also of a queue that was made only in part. */
void netback_queue_free(struct netback_queue *queue);

/* tx.c */
/* Take packets of the frontend, at most budget. Return: how many. */
int netback_tx_work(struct netback_queue *queue, int budget);
/* Ask for an event for what comes next. true: it is there already. */
bool netback_tx_arm(struct netback_queue *queue);

/* rx.c */
netdev_tx_t netback_xmit(struct sk_buff *skb, struct net_device *netdev);
/* Start a stopped queue again if the frontend gave buffers. Return: true if so. */
bool netback_rx_wake(struct netback_queue *queue);
void netback_rx_stall(struct timer_list *timer);
/* The end of a poll: what the stack sent meanwhile is copied. */
void netback_rx_flush_polled(struct netback_queue *queue);
void netback_rx_tell(struct kthread_work *work);

/* xdp.c */
#define NETBACK_XDP_ROOM	(SKB_WITH_OVERHEAD(PAGE_SIZE) - XDP_PACKET_HEADROOM)	/* for a packet in a page */

/**
 * netback_run_xdp() - let queue->prog decide about a packet
 * @page: the packet is in it, at XDP_PACKET_HEADROOM; consumed
 *
 * Return: a socket buffer if it goes on, else NULL.
 */
struct sk_buff *netback_run_xdp(struct netback_queue *queue, struct page *page, unsigned int len);
void netback_xdp_flush(struct netback_queue *queue);
int netback_bpf(struct net_device *netdev, struct netdev_bpf *bpf);
int netback_xdp_xmit(struct net_device *netdev, int n, struct xdp_frame **frames, u32 flags);

/* control.c */
int netback_control_connect(struct netback *nb, grant_ref_t ref, evtchn_port_t port);
void netback_control_disconnect(struct netback *nb);
/* The queue of a packet and, as hash, what the frontend's algorithm says; false if it has chosen none. */
bool netback_hash_skb(struct netback *nb, struct sk_buff *skb, u32 *hash, u8 *type, u16 *queue);

/* multicast.c */
void netback_change_group(struct netback *nb, u8 type, const u8 *address);
bool netback_wants(struct netback *nb, const u8 *address);

/* ethtool.c */
extern const struct ethtool_ops netback_ethtool_ops;

static inline struct netdev_queue *netback_txq(struct netback_queue *queue)
{
	return netdev_get_tx_queue(queue->nb->netdev, queue->index);
}

#endif
