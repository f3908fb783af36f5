/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The network frontend: an Ethernet interface whose other end is a backend in another domain.
 *
 *	main.c		the interface and the driver: probe, remove, open, stop
 *	connect.c	the handshake over the store: features, rings, states; what to do when the backend goes or comes
 *	queue.c		one queue: its two rings, event channels, and grants; made and unmade
 *	tx.c, rx.c	packets out and in
 *	rx-chain.c	what the backend's responses may say (no Xen needed: KUnit runs it)
 *	xdp.c		programs that look at packets before there is a socket buffer
 *	control.c	how the backend spreads packets over our queues
 *	ethtool.c	what ethtool asks and sets
 *
 * Each queue has a NAPI context that does everything after an event: takes packets, fills the receive ring, takes the
 * transmit ring's responses. A slot of a ring, its page, and its grant reference belong together: grant references are
 * taken once when a queue is made.
 *
 * The backend is not trusted. Whatever it writes is copied, checked and then used; a page reaches the network stack
 * only after the backend's access to it has ended. A backend that breaks the protocol is disconnected: netfront_fault().
 */
#ifndef NETFRONT_H
#define NETFRONT_H

#include <linux/bpf.h>
#include <linux/etherdevice.h>
#include <linux/if_vlan.h>
#include <linux/netdevice.h>
#include <linux/u64_stats_sync.h>
#include <net/xdp.h>

#include <xenolith/bus.h>
#include <xenolith/event.h>
#include <xenolith/grant.h>
#include <xenolith/hypercall.h>
#include <xenolith/netif.h>
#include <xen/interface/io/netif.h>

#include "compat/net.h"
#include "rx-chain.h"

#define TX_SLOTS	__CONST_RING_SIZE(xen_netif_tx, XEN_PAGE_SIZE)
#define RX_SLOTS	__CONST_RING_SIZE(xen_netif_rx, XEN_PAGE_SIZE)
/* The most slots of one packet that every backend takes, and one for its extra information. */
#define TX_PACKET_SLOTS	(XEN_NETIF_NR_SLOTS_MIN + 1)
#define MAX_QUEUES	16
#define MAX_GROUPS	64	/* what a backend keeps for us at most */
#define NETFRONT_MAPPING	128	/* entries of our table from hashes to queues, at most */
#define NETFRONT_KEY	40
#define NO_GRANT	INVALID_GRANT_REF
#define NO_SLOT		U16_MAX
/* What fits into a page together with the room before it and the description behind it. */
#define NETFRONT_XDP_MTU	(SKB_WITH_OVERHEAD(PAGE_SIZE) - XDP_PACKET_HEADROOM - VLAN_ETH_HLEN)

struct netfront_queue;

/* What a transmit slot holds until the backend has answered. */
enum tx_kind { TX_FREE, TX_SKB, TX_FRAME, TX_MESSAGE };

struct netfront_tx_slot {
	void *owner;		/* sk_buff or xdp_frame: the first slot's alone */
	struct page *page;	/* the page granted; our own copy if the backend may not see its neighbours */
	u16 next;		/* of the free ones; of a packet: its first slot */
	u16 pending;		/* in a packet's first slot: answers still to come */
	u8 kind;
	bool bounced, answered;
};

struct netfront_queue {
	struct netfront *front;
	unsigned int index;
	struct napi_struct napi;
	struct netif_channel channels[2];	/* transmit and receive, or one for both */
	bool worked;				/* since the last end of interrupt */
	bool polling;				/* its NAPI context runs, and will push what is put meanwhile */

	struct xen_netif_tx_front_ring tx ____cacheline_aligned_in_smp;
	grant_ref_t tx_ring_ref;
	RING_IDX tx_told;			/* up to where the backend was told of requests */
	struct netif_teller teller;
	u16 tx_free, tx_nr_free;		/* head of the list of free slots, how many it has */
	struct netfront_tx_slot tx_slots[TX_SLOTS];
	grant_ref_t tx_grefs[TX_SLOTS];
	struct netif_counters tx_stats;
	u64 tx_full;

	struct xen_netif_rx_front_ring rx ____cacheline_aligned_in_smp;
	grant_ref_t rx_ring_ref;
	RING_IDX rx_seen;			/* the producer's index when we last looked */
	struct netif_pools pools;
	struct page *rx_pages[RX_SLOTS];	/* NULL: empty, not granted */
	grant_ref_t rx_grefs[RX_SLOTS];
	struct timer_list rx_retry;		/* to fill the ring when memory was short */
	struct netif_counters rx_stats;
	struct rx_chain chain;

	struct bpf_prog __rcu *xdp_prog;
	struct xdp_rxq_info xdp_rxq;
	bool xdp_redirected;			/* since the last flush */
};

/**
 * struct netfront_control - the control ring
 * @irq: 0 if there is none
 * @silent: the backend has not answered in time
 */
struct netfront_control {
	struct xen_netif_ctrl_front_ring ring;
	grant_ref_t ring_ref;
	evtchn_port_t port;
	int irq;
	bool silent;
	wait_queue_head_t answered;
	char name[IFNAMSIZ + 12];
};

/* How packets are to be spread; outlives a backend. @size is 0 as long as no backend has said how large it may be. */
struct netfront_hash {
	bool chosen;
	u32 size, mapping[NETFRONT_MAPPING];
	u8 key[NETFRONT_KEY];
};

/**
 * struct netfront - one interface
 * @lock: connecting and disconnecting, which xenbus, a fault and a reset may want at once; taken before the RTNL
 * @connected: the queues exist and are used; changes under the RTNL
 * @broken: the backend broke the protocol and was disconnected
 */
struct netfront {
	struct xenbus_device *dev;
	struct net_device *netdev;
	struct mutex lock;
	struct netfront_queue *queues;
	unsigned int nr_queues;
	bool connected, registered, trusted, multicast_control;
	unsigned long broken;
	struct work_struct fault_work;
	netdev_features_t offers;	/* what the backend can do */
	struct bpf_prog *xdp_prog;
	u8 groups[MAX_GROUPS][ETH_ALEN];	/* multicast addresses that the backend was told */
	unsigned int nr_groups;
	struct netfront_control control;
	struct netfront_hash hash;		/* the RTNL */
	spinlock_t stats_lock;			/* the queues do not go while they are counted */
	struct rtnl_link_stats64 past;		/* of queues that are gone */
};

/* main.c */
extern unsigned int netfront_max_queues;
extern bool netfront_trusts_backends;
extern const struct net_device_ops netfront_ops;
int netfront_poll(struct napi_struct *napi, int budget);
/**
 * netfront_fault() - the backend broke the protocol: say so once, disconnect
 * @front: the interface; it stays, without carrier, until the backend starts anew
 * @what: what was wrong
 *
 * Any context.
 */
void netfront_fault(struct netfront *front, const char *what);
/* Let the queues run, and stop them: the caller holds the RTNL and the queues exist. */
void netfront_start_queues(struct netfront *front);
void netfront_stop_queues(struct netfront *front);

/* connect.c */
void netfront_backend_changed(struct xenbus_device *dev, enum xenbus_state state);
void netfront_disconnect(struct netfront *front);

/* queue.c */
int netfront_make_queues(struct netfront *front, unsigned int nr, bool split);
void netfront_free_queues(struct netfront *front);

/* tx.c */
netdev_tx_t netfront_xmit(struct sk_buff *skb, struct net_device *netdev);
/**
 * netfront_tx_clean() - take the backend's answers
 * @queue: the queue, its transmit lock not held
 * @budget: NAPI's, 0 outside of it
 * Return: true if there were any.
 */
bool netfront_tx_clean(struct netfront_queue *queue, int budget);
void netfront_tx_init(struct netfront_queue *queue);
void netfront_tx_drop_all(struct netfront_queue *queue);
/* One frame of one page, for XDP; the transmit lock is held. -ENOSPC if the ring is full. */
int netfront_tx_frame(struct netfront_queue *queue, struct xdp_frame *frame);
/* Give the backend what was put, and tell it: now, or when the CPU is idle. The transmit lock is held. */
void netfront_tx_push(struct netfront_queue *queue, bool later);
/* The end of a poll: what was put meanwhile is pushed. */
void netfront_tx_push_polled(struct netfront_queue *queue);
void netfront_tx_tell(struct kthread_work *work);
/* Tell the backend which multicast addresses are wanted; the address lock of the interface is held. */
void netfront_tx_multicast(struct netfront *front);

/* rx.c */
int netfront_rx_clean(struct netfront_queue *queue, int budget);
void netfront_rx_fill(struct netfront_queue *queue);
void netfront_rx_drop_all(struct netfront_queue *queue);

/* xdp.c */
/**
 * netfront_run_xdp() - let a program decide about a packet of one slot
 * @queue: the queue, in its NAPI context
 * @page: the packet's page, no longer granted; it is the program's business when the answer is false
 * @offset: where the packet begins; changed by the program
 * @len: its length; changed by the program
 *
 * Return: true if the packet goes on.
 */
bool netfront_run_xdp(struct netfront_queue *queue, struct bpf_prog *prog, struct page *page, unsigned int *offset,
		      unsigned int *len);
int netfront_bpf(struct net_device *netdev, struct netdev_bpf *bpf);
int netfront_xdp_xmit(struct net_device *netdev, int n, struct xdp_frame **frames, u32 flags);
void netfront_xdp_flush(struct netfront_queue *queue);

/* control.c: made and freed under front->lock while nothing is connected. */
int netfront_control_make(struct netfront *front);
void netfront_control_free(struct netfront *front);
/* Say in the store where the ring is. */
int netfront_control_write(struct netfront *front, struct xenbus_transaction t);
/* The backend is there (again): tell it what was chosen. Takes the RTNL. */
void netfront_control_connected(struct netfront *front);
/* For ethtool, under the RTNL; NULL: leave that alone. */
u32 netfront_hash_size(struct net_device *netdev);
u32 netfront_hash_key_size(struct net_device *netdev);
int netfront_get_hash(struct net_device *netdev, u32 *mapping, u8 *key);
int netfront_set_hash(struct net_device *netdev, const u32 *mapping, const u8 *key);

/* ethtool.c */
extern const struct ethtool_ops netfront_ethtool_ops;

static inline struct netdev_queue *netfront_txq(struct netfront_queue *queue)
{
	return netdev_get_tx_queue(queue->front->netdev, queue->index);
}

#endif
