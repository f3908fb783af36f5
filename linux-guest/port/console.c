// SPDX-License-Identifier: GPL-2.0-only
/* The domain's console, hvc0: a page with two rings that the toolstack's daemon serves (xen/interface/io/console.h). */
#define pr_fmt(fmt) "xen-port: " fmt
#include <linux/interrupt.h>
#include <linux/io.h>
#include <linux/module.h>
#include "compat/hvc.h"
#include "port.h"
#include <xen/interface/hvm/params.h>
#include <xen/interface/io/console.h>

#define COOKIE 0x58454e00		/* any number that no other hvc driver uses */
#define OUTPUT_BUFFER 256
#define CLOSE_WAIT HZ			/* more than the kernel takes to send what is left when hvc0 is closed */

static struct xencons_interface *rings;
static evtchn_port_t port;
static int irq;
static struct hvc_struct *hvc;

/* Positions of the other side are not believed: more than a ring is nothing. */
static hvc_count put_chars(u32 vtermno, hvc_out_chars *text, hvc_size count)
{
	XENCONS_RING_IDX cons = READ_ONCE(rings->out_cons), prod = rings->out_prod;
	hvc_count done = 0;

	mb();				/* cons before the space that it frees is used */
	while (done < count && prod - cons < sizeof(rings->out))
		rings->out[MASK_XENCONS_IDX(prod++, rings->out)] = text[done++];
	wmb();				/* text before prod */
	WRITE_ONCE(rings->out_prod, prod);
	if (done)
		notify_remote_via_evtchn(port);
	return done;
}

static hvc_count get_chars(u32 vtermno, hvc_in_chars *text, hvc_size count)
{
	XENCONS_RING_IDX prod = READ_ONCE(rings->in_prod), cons = rings->in_cons;
	hvc_count done = 0;

	mb();				/* prod before the text */
	if (prod - cons > sizeof(rings->in))
		return 0;
	while (done < count && cons != prod)
		text[done++] = rings->in[MASK_XENCONS_IDX(cons++, rings->in)];
	mb();				/* text is read before its space is given back */
	WRITE_ONCE(rings->in_cons, cons);
	if (done)
		notify_remote_via_evtchn(port);
	return done;
}

/* Who has hvc0 open keeps the module: the kernel's side of it calls us as long as that lasts. */
static void closed(struct work_struct *work)
{
	module_put(THIS_MODULE);
}
static DECLARE_DELAYED_WORK(closing, closed);

static int opened(struct hvc_struct *hp, int data)
{
	if (cancel_delayed_work_sync(&closing))
		return 0;		/* has not let go yet */
	return try_module_get(THIS_MODULE) ? 0 : -ENODEV;
}

static void close_soon(struct hvc_struct *hp, int data)
{
	schedule_delayed_work(&closing, CLOSE_WAIT);
}

static const struct hv_ops ops = {
	.get_chars		= get_chars,
	.put_chars		= put_chars,
	.notifier_add		= opened,
	.notifier_del		= close_soon,
	.notifier_hangup	= close_soon,
};

static irqreturn_t happened(int nr, void *data)
{
	if (hvc && hvc_poll(hvc))
		hvc_kick();
	return IRQ_HANDLED;
}

int port_console_init(void)
{
	u64 pfn, number;
	int rc = hypervisor_param(HVM_PARAM_CONSOLE_PFN, &pfn) ?: hypervisor_param(HVM_PARAM_CONSOLE_EVTCHN, &number);

	if (rc || !pfn || !number)
		return rc ?: -ENODEV;
	port = number;
	rings = memremap(pfn << PAGE_SHIFT, PAGE_SIZE, MEMREMAP_WB);
	if (!rings)
		return -ENOMEM;
	irq = bind_evtchn_to_irqhandler(port, happened, 0, "hvc_console", rings);
	if (irq < 0) {
		memunmap(rings);
		return irq;
	}
	hvc_instantiate(COOKIE, 0, &ops);
	hvc = hvc_alloc(COOKIE, 0, &ops, OUTPUT_BUFFER);
	if (!IS_ERR(hvc))
		return 0;
	rc = PTR_ERR(hvc);
	hvc = NULL;
	event_leave(irq, rings);
	memunmap(rings);
	return rc;
}

void port_console_exit(void)
{
	struct hvc_struct *gone = hvc;

	flush_delayed_work(&closing);
	hvc = NULL;
	event_leave(irq, rings);
	hvc_remove(gone);
	memunmap(rings);
}
