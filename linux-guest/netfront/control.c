// SPDX-License-Identifier: GPL-2.0-only
/*
 * The control ring, by which we choose how the backend spreads packets over our queues: a Toeplitz hash with a key of ours,
 * and a table from hash values to queues. As long as the administrator chooses nothing (ethtool -X) the backend spreads
 * them as it likes.
 *
 * One command at a time, each waits for its answer; the RTNL is held. A backend that does not answer in time is not asked
 * again until it starts anew.
 */
#include <linux/ethtool.h>

#include "netfront.h"

#define ANSWER_TIME	(10 * HZ)
#define ALL_FLAGS	(XEN_NETIF_CTRL_HASH_TYPE_IPV4 | XEN_NETIF_CTRL_HASH_TYPE_IPV4_TCP | \
			 XEN_NETIF_CTRL_HASH_TYPE_IPV6 | XEN_NETIF_CTRL_HASH_TYPE_IPV6_TCP)

static irqreturn_t control_interrupt(int irq, void *data)
{
	struct netfront_control *c = data;

	wake_up(&c->answered);
	xen_irq_lateeoi(irq, 0);
	return IRQ_HANDLED;
}

int netfront_control_make(struct netfront *front)
{
	struct netfront_control *c = &front->control;
	struct xen_netif_ctrl_sring *ring;
	int rc;

	c->silent = false;
	if (!xenbus_read_unsigned(front->dev->otherend, "feature-ctrl-ring", 0))
		return 0;
	init_waitqueue_head(&c->answered);
	rc = xenbus_setup_ring(front->dev, GFP_KERNEL, (void **)&ring, 1, &c->ring_ref);
	if (rc)
		return rc;
	XEN_FRONT_RING_INIT(&c->ring, ring, XEN_PAGE_SIZE);
	rc = xenbus_alloc_evtchn(front->dev, &c->port);
	if (rc)
		return rc;
	snprintf(c->name, sizeof(c->name), "%s-control", dev_name(&front->dev->dev));
	rc = bind_evtchn_to_irqhandler_lateeoi(c->port, control_interrupt, 0, c->name, c);
	if (rc < 0) {
		xenbus_free_evtchn(front->dev, c->port);
		return rc;
	}
	c->irq = rc;
	return 0;
}

void netfront_control_free(struct netfront *front)
{
	struct netfront_control *c = &front->control;

	if (c->irq)
		unbind_from_irqhandler(c->irq, c);
	c->irq = 0;
	/* Another driver may follow that knows nothing of it. */
	if (c->ring.sring) {
		xenbus_rm(XBT_NIL, front->dev->nodename, "ctrl-ring-ref");
		xenbus_rm(XBT_NIL, front->dev->nodename, "event-channel-ctrl");
		xenbus_teardown_ring((void **)&c->ring.sring, 1, &c->ring_ref);
	}
}

int netfront_control_write(struct netfront *front, struct xenbus_transaction t)
{
	const char *node = front->dev->nodename;

	if (!front->control.irq)
		return 0;
	return xenbus_printf(t, node, "ctrl-ring-ref", "%u", front->control.ring_ref) ?:
	       xenbus_printf(t, node, "event-channel-ctrl", "%u", front->control.port);
}

static int status_error(u32 status)
{
	switch (status) {
	case XEN_NETIF_CTRL_STATUS_SUCCESS:
		return 0;
	case XEN_NETIF_CTRL_STATUS_NOT_SUPPORTED:
		return -EOPNOTSUPP;
	case XEN_NETIF_CTRL_STATUS_BUFFER_OVERFLOW:
		return -E2BIG;
	default:
		return -EINVAL;
	}
}

/* The one answer that is due: to the command of this identifier, or the backend is broken. */
static int take_answer(struct netfront *front, u16 id, u32 *data)
{
	struct netfront_control *c = &front->control;
	struct xen_netif_ctrl_response r;

	virt_rmb(); /* the answer was written before rsp_prod */
	RING_COPY_RESPONSE(&c->ring, c->ring.rsp_cons, &r);
	if (READ_ONCE(c->ring.sring->rsp_prod) != ++c->ring.rsp_cons || r.id != id) {
		netfront_fault(front, "an answer to no control request");
		return -EIO;
	}
	if (data)
		*data = r.data;
	return status_error(r.status);
}

static int command(struct netfront *front, u16 type, u32 data0, u32 data1, u32 *data)
{
	struct netfront_control *c = &front->control;
	u16 id = c->ring.req_prod_pvt;
	int notify;

	if (!c->irq || c->silent || test_bit(0, &front->broken))
		return -EOPNOTSUPP;
	*RING_GET_REQUEST(&c->ring, c->ring.req_prod_pvt++) = (struct xen_netif_ctrl_request){
		.id = id, .type = type, .data = { data0, data1, 0 },
	};
	c->ring.sring->rsp_event = c->ring.rsp_cons + 1;
	RING_PUSH_REQUESTS_AND_CHECK_NOTIFY(&c->ring, notify);
	if (notify)
		notify_remote_via_evtchn(c->port);
	if (!wait_event_timeout(c->answered, READ_ONCE(c->ring.sring->rsp_prod) != c->ring.rsp_cons, ANSWER_TIME)) {
		netdev_warn(front->netdev, "the backend does not answer on the control ring, it stays unused\n");
		c->silent = true;
		return -ETIMEDOUT;
	}
	return take_answer(front, id, data);
}

/* A command about data in a page, of which the backend gets a copy; len is in the command's own unit. */
static int command_with(struct netfront *front, u16 type, const void *data, size_t bytes, u32 len)
{
	struct page *page = alloc_page(GFP_KERNEL | __GFP_ZERO);
	int ref, rc;

	if (!page)
		return -ENOMEM;
	memcpy(page_address(page), data, bytes);
	ref = gnttab_grant_foreign_access(front->dev->otherend_id, xen_page_to_gfn(page), 1);
	if (ref < 0) {
		__free_page(page);
		return ref;
	}
	rc = command(front, type, ref, len, NULL);
	gnttab_end_foreign_access(ref, page);
	return rc;
}

/* The table for as many queues as there are now. */
static int send_mapping(struct netfront *front)
{
	const struct netfront_hash *h = &front->hash;
	u32 mapping[NETFRONT_MAPPING], i;
	int rc;

	for (i = 0; i < h->size; i++)
		mapping[i] = h->mapping[i] % front->nr_queues;
	rc = command(front, XEN_NETIF_CTRL_TYPE_SET_HASH_MAPPING_SIZE, h->size, 0, NULL);
	return rc ?: command_with(front, XEN_NETIF_CTRL_TYPE_SET_HASH_MAPPING, mapping, h->size * sizeof(u32), h->size);
}

static int send_hash(struct netfront *front)
{
	const struct netfront_hash *h = &front->hash;

	return command(front, XEN_NETIF_CTRL_TYPE_SET_HASH_ALGORITHM, XEN_NETIF_CTRL_HASH_ALGORITHM_TOEPLITZ, 0, NULL) ?:
	       command(front, XEN_NETIF_CTRL_TYPE_SET_HASH_FLAGS, ALL_FLAGS, 0, NULL) ?:
	       command_with(front, XEN_NETIF_CTRL_TYPE_SET_HASH_KEY, h->key, sizeof(h->key), sizeof(h->key)) ?:
	       send_mapping(front);
}

void netfront_control_connected(struct netfront *front)
{
	struct netfront_hash *h = &front->hash;
	int rc = 0;

	rtnl_lock();
	if (h->chosen && front->connected)
		rc = send_hash(front);
	rtnl_unlock();
	if (rc)
		netdev_warn(front->netdev, "the backend does not take the hash chosen before: error %d\n", rc);
}

/* How large the backend's table may be, and what is in ours before somebody chooses. */
static void make_default(struct netfront *front)
{
	struct netfront_hash *h = &front->hash;
	u32 size, i;

	if (h->size || command(front, XEN_NETIF_CTRL_TYPE_GET_HASH_MAPPING_SIZE, 0, 0, &size))
		return;
	h->size = min_t(u32, size, NETFRONT_MAPPING);
	netdev_rss_key_fill(h->key, sizeof(h->key));
	for (i = 0; i < h->size; i++)
		h->mapping[i] = ethtool_rxfh_indir_default(i, front->nr_queues);
}

u32 netfront_hash_size(struct net_device *netdev)
{
	struct netfront *front = netdev_priv(netdev);

	if (front->connected)
		make_default(front);
	return front->hash.size;
}

u32 netfront_hash_key_size(struct net_device *netdev)
{
	return sizeof(((struct netfront *)netdev_priv(netdev))->hash.key);
}

int netfront_get_hash(struct net_device *netdev, u32 *mapping, u8 *key)
{
	const struct netfront_hash *h = &((struct netfront *)netdev_priv(netdev))->hash;

	if (mapping)
		memcpy(mapping, h->mapping, h->size * sizeof(u32));
	if (key)
		memcpy(key, h->key, sizeof(h->key));
	return 0;
}

int netfront_set_hash(struct net_device *netdev, const u32 *mapping, const u8 *key)
{
	struct netfront *front = netdev_priv(netdev);
	struct netfront_hash *h = &front->hash, before = *h;
	int rc;

	if (!front->connected)
		return -ENETDOWN;
	make_default(front);
	if (!h->size)
		return -EOPNOTSUPP;
	if (mapping)
		memcpy(h->mapping, mapping, h->size * sizeof(u32));
	if (key)
		memcpy(h->key, key, sizeof(h->key));
	h->chosen = true;
	rc = send_hash(front);
	if (rc)
		*h = before;
	return rc;
}
