// SPDX-License-Identifier: GPL-2.0-only
/*
 * Event channels as Linux interrupts. How events come is the ABI's business (event-abi.h).
 *
 * A binding is one irq in a domain of ours. It is masked for up to three reasons at a time: the kernel asked for it, its
 * handler runs, its driver has not said that it may come again (late end-of-interrupt). A port whose events turn out to mean
 * nothing again and again waits longer and longer before it may: the other side's storm costs the other side.
 */
#define pr_fmt(fmt) "xen-port: " fmt
#include <linux/debugfs.h>
#include <linux/interrupt.h>
#include <linux/irq.h>
#include <linux/irqdomain.h>
#include <linux/module.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/workqueue.h>
#include <linux/xarray.h>
#include "compat/compat.h"
#include "event-abi.h"
#include "event-mask.h"
#include <xen/interface/hvm/hvm_op.h>
#include <xen/xen-ops.h>

#define DEFAULT_THRESHOLD 1		/* events that mean nothing before the next one has to wait */

struct binding {
	evtchn_port_t port;
	unsigned int irq, cpu;
	int refs;			/* -1: not counted */
	bool percpu, is_static;
	raw_spinlock_t lock;		/* mask; taken under an irq_desc's, which is raw, too: PREEMPT_RT */
	u8 mask;
	bool late;
	unsigned int spurious;		/* in a row */
	unsigned long events, spurious_events, delayed;		/* ever; delayed in jiffies */
	struct xenbus_device *dev;
	struct delayed_work again;
	struct rcu_head rcu;
};

static struct fwnode_handle *node;
static struct irq_domain *domain;
static DEFINE_MUTEX(lock);		/* bindings come and go */
static DEFINE_XARRAY(bindings);		/* by port */
static const struct event_abi *abi;
static struct cpumask ready;		/* CPUs that take events */

static bool fifo_events = true;
module_param(fifo_events, bool, 0444);
MODULE_PARM_DESC(fifo_events, "FIFO event channels, if the hypervisor has them (the default); else 2-level ones");

/* ---- from the ABI ---- */

static struct binding *binding_at(evtchn_port_t port)
{
	return xa_load(&bindings, port);
}

void event_port(evtchn_port_t port)
{
	struct binding *b = binding_at(port);

	if (!b) {
		abi->mask(port);
		return;
	}
	/* Moved while it was pending it is two CPUs' at once, and would be handled by each. */
	if (!abi->take(port))
		return;
	b->events++;
	if (b->dev)
		atomic_inc(&b->dev->events);
	generic_handle_irq(b->irq);
}

void event_handle(unsigned int cpu)
{
	struct vcpu_info *info = port_vcpu(xen_vcpu_nr(cpu));

	do {
		WRITE_ONCE(info->evtchn_upcall_pending, 0);
		smp_mb();		/* the hypervisor sets the ABI's marks, then this one */
		abi->handle(cpu, info);
	} while (READ_ONCE(info->evtchn_upcall_pending));
}

int event_cpu_up(unsigned int cpu)
{
	return abi->cpu_up ? abi->cpu_up(cpu) : 0;
}

/* The kernel calls a CPU online before it has an upcall, and as long as its interrupts are being moved away. */
void event_cpu_ready(unsigned int cpu, bool is_ready)
{
	if (is_ready)
		cpumask_set_cpu(cpu, &ready);
	else
		cpumask_clear_cpu(cpu, &ready);
}

/* What was on its queues goes to those that its ports are bound to now. */
void event_cpu_dead(unsigned int cpu)
{
	if (abi->cpu_dead)
		abi->cpu_dead(cpu);
}

/* ---- masks ---- */

static struct binding *binding_of(struct irq_data *d)
{
	return irq_data_get_irq_chip_data(d);
}

static void mask_for(struct binding *b, u8 reason)
{
	unsigned long flags;

	raw_spin_lock_irqsave(&b->lock, flags);
	if (mask_add(&b->mask, reason))
		abi->mask(b->port);
	raw_spin_unlock_irqrestore(&b->lock, flags);
}

static void unmask_for(struct binding *b, u8 reason)
{
	unsigned long flags;

	raw_spin_lock_irqsave(&b->lock, flags);
	if (mask_remove(&b->mask, reason))
		abi->unmask(b->port);
	raw_spin_unlock_irqrestore(&b->lock, flags);
}

/* ---- the chips ---- */

static void event_mask(struct irq_data *d)
{
	mask_for(binding_of(d), MASK_EXPLICIT);
}

static void event_unmask(struct irq_data *d)
{
	unmask_for(binding_of(d), MASK_EXPLICIT);
}

/* It was taken before it was on its way here. */
static void event_ack(struct irq_data *d)
{
	struct binding *b = binding_of(d);

	if (b->late)
		mask_for(b, MASK_LATE);
}

/* What comes during the move is raised where the port has gone to, when it is unmasked. */
static int move(struct binding *b, unsigned int cpu)
{
	struct evtchn_bind_vcpu op = { .port = b->port, .vcpu = xen_vcpu_nr(cpu) };
	int rc;

	mask_for(b, MASK_HANDLED);
	rc = HYPERVISOR_event_channel_op(EVTCHNOP_bind_vcpu, &op);
	if (!rc) {
		abi->own(b->port, b->cpu, cpu);
		b->cpu = cpu;
	}
	unmask_for(b, MASK_HANDLED);
	return rc;
}

/* A CPU that goes is ready no more, and online until the kernel moves its interrupts. */
static unsigned int choose(unsigned int now, const struct cpumask *to)
{
	unsigned int cpu;

	if (cpumask_test_cpu(now, to) && cpu_online(now))
		return now;
	for_each_cpu_and(cpu, to, &ready)
		if (cpu_online(cpu))
			break;
	return cpu;
}

static int event_set_affinity(struct irq_data *d, const struct cpumask *to, bool force)
{
	struct binding *b = binding_of(d);
	unsigned int cpu = choose(b->cpu, to);
	int rc;

	if (b->percpu)
		return -EINVAL;
	if (cpu >= nr_cpu_ids)
		return -EBUSY;
	rc = cpu == b->cpu ? 0 : move(b, cpu);
	if (rc)
		return rc;
	irq_data_update_effective_affinity(d, cpumask_of(cpu));
	return IRQ_SET_MASK_OK;
}

void event_again(evtchn_port_t port)
{
	struct binding *b;

	rcu_read_lock();
	b = binding_at(port);
	if (b) {
		mask_for(b, MASK_HANDLED);
		unmask_for(b, MASK_HANDLED);
	}
	rcu_read_unlock();
}

static int event_retrigger(struct irq_data *d)
{
	struct binding *b = binding_of(d);

	mask_for(b, MASK_HANDLED);
	abi->set(b->port);
	unmask_for(b, MASK_HANDLED);
	return 1;
}

#define EVENT_CHIP(text) {				\
	.name			= text,			\
	.irq_mask		= event_mask,		\
	.irq_unmask		= event_unmask,		\
	.irq_disable		= event_mask,		\
	.irq_ack		= event_ack,		\
	.irq_mask_ack		= event_mask,	/* put off: no driver will end it */ \
	.irq_set_affinity	= event_set_affinity,	\
	.irq_retrigger		= event_retrigger,	\
	.flags			= IRQCHIP_SKIP_SET_WAKE,	\
}
static struct irq_chip chip = EVENT_CHIP("xen-dyn");
static struct irq_chip late_chip = EVENT_CHIP("xen-dyn-lateeoi");
static struct irq_chip percpu_chip = EVENT_CHIP("xen-percpu");

/* ---- late end of interrupt ---- */

static void again(struct work_struct *work)
{
	unmask_for(container_of(to_delayed_work(work), struct binding, again), MASK_LATE);
}

void xen_irq_lateeoi(unsigned int irq, unsigned int eoi_flags)
{
	struct binding *b = irq_get_chip_data(irq);
	unsigned int delay;

	if (!b)
		return;
	b->spurious = eoi_flags & XEN_EOI_FLAG_SPURIOUS ? b->spurious + 1 : 0;
	b->spurious_events += !!b->spurious;
	if (b->spurious && b->dev)
		atomic_inc(&b->dev->spurious_events);
	delay = late_delay(b->spurious, b->dev ? b->dev->spurious_threshold : DEFAULT_THRESHOLD, HZ);
	if (!delay) {
		unmask_for(b, MASK_LATE);
		return;
	}
	b->delayed += delay;
	if (b->dev)
		atomic_add(delay, &b->dev->jiffies_eoi_delayed);
	schedule_delayed_work(&b->again, delay);
}
EXPORT_SYMBOL_GPL(xen_irq_lateeoi);

/* ---- binding ---- */

static struct irq_chip *chip_for(const struct binding *b)
{
	return b->percpu ? &percpu_chip : b->late ? &late_chip : &chip;
}

/* Interrupts of one CPU stay there: neither the user nor the end of the CPU moves them. */
static int event_map(struct irq_domain *d, unsigned int irq, irq_hw_number_t port)
{
	struct binding *b = binding_at(port);

	irq_set_chip_data(irq, b);
	irq_set_chip_and_handler_name(irq, chip_for(b), handle_edge_irq, "event");
	irq_modify_status(irq, IRQ_NOREQUEST, IRQ_MOVE_PCNTXT | (b->percpu ? IRQ_PER_CPU | IRQ_NO_BALANCING : 0));
	return 0;
}

static const struct irq_domain_ops event_ops = { .map = event_map };

static void free_binding(struct binding *b)
{
	xa_erase(&bindings, b->port);
	abi->mask(b->port);
	synchronize_rcu_expedited();	/* another CPU may be in event_port(), on its way to the irq */
	if (b->irq)
		irq_dispose_mapping(b->irq);
	abi->own(b->port, b->cpu, nr_cpu_ids);	/* now nobody moves it any more */
	cancel_delayed_work_sync(&b->again);
	if (b->dev)
		atomic_dec(&b->dev->event_channels);
	kfree_rcu(b, rcu);
}

static struct binding *new_binding(evtchn_port_t port, unsigned int cpu, bool late, bool percpu)
{
	struct binding *b = kzalloc(sizeof(*b), GFP_KERNEL);

	if (!b)
		return NULL;
	b->port = port;
	b->cpu = cpu;
	b->refs = -1;
	b->late = late;
	b->percpu = percpu;
	b->mask = MASK_EXPLICIT;
	raw_spin_lock_init(&b->lock);
	INIT_DELAYED_WORK(&b->again, again);
	if (!xa_err(xa_store(&bindings, port, b, GFP_KERNEL)))
		return b;
	kfree(b);
	return NULL;
}

/* With lock. The port is masked from now on until its handler is there. Return: the irq, or -errno. */
static int bind(evtchn_port_t port, unsigned int cpu, bool late, bool percpu, struct xenbus_device *dev)
{
	struct evtchn_bind_vcpu op = { .port = port, .vcpu = xen_vcpu_nr(cpu) };
	struct binding *b;

	int rc;

	if (port >= abi->ports)
		return -ENOMEM;
	b = binding_at(port);
	if (b && b->refs < 0)
		return -EBUSY;
	if (b) {
		b->refs++;
		return b->irq;
	}
	rc = abi->room ? abi->room(port) : 0;
	if (rc)
		return rc;
	b = new_binding(port, cpu, late, percpu);
	if (!b)
		return -ENOMEM;
	abi->mask(port);
	if (!percpu)
		HYPERVISOR_event_channel_op(EVTCHNOP_bind_vcpu, &op);	/* VIRQs of one vcpu, and IPIs, are bound already */
	abi->own(port, cpu, cpu);
	b->dev = dev;
	if (dev)
		atomic_inc(&dev->event_channels);
	b->irq = irq_create_mapping(domain, port);
	if (b->irq)
		return b->irq;
	free_binding(b);
	return -ENOMEM;
}

static void close_port(evtchn_port_t port)
{
	struct evtchn_close op = { .port = port };

	HYPERVISOR_event_channel_op(EVTCHNOP_close, &op);
}

static void unbind(unsigned int irq, bool leave)
{
	struct binding *b;
	evtchn_port_t port;

	mutex_lock(&lock);
	b = irq_get_chip_data(irq);
	if (b && (b->refs <= 0 || !--b->refs)) {
		port = b->port;
		leave |= b->is_static;
		free_binding(b);
		if (!leave)
			close_port(port);
	}
	mutex_unlock(&lock);
}

static int bind_locked(evtchn_port_t port, bool late, struct xenbus_device *dev)
{
	int irq;

	mutex_lock(&lock);
	irq = bind(port, cpumask_first(&ready), late, false, dev);
	mutex_unlock(&lock);
	return irq;
}

/* @irq: -errno is handed through. */
static int request(int irq, irq_handler_t handler, unsigned long flags, const char *name, void *data)
{
	int rc = irq < 0 ? irq : request_irq(irq, handler, flags, name, data);

	if (rc && irq >= 0)
		unbind(irq, false);
	return rc ?: irq;
}

int bind_evtchn_to_irq(evtchn_port_t port)
{
	return bind_locked(port, false, NULL);
}
EXPORT_SYMBOL_GPL(bind_evtchn_to_irq);

int bind_evtchn_to_irq_lateeoi(evtchn_port_t port)
{
	return bind_locked(port, true, NULL);
}
EXPORT_SYMBOL_GPL(bind_evtchn_to_irq_lateeoi);

int bind_evtchn_to_irqhandler(evtchn_port_t port, irq_handler_t handler, unsigned long flags, const char *name, void *data)
{
	return request(bind_locked(port, false, NULL), handler, flags, name, data);
}
EXPORT_SYMBOL_GPL(bind_evtchn_to_irqhandler);

int bind_evtchn_to_irqhandler_lateeoi(evtchn_port_t port, irq_handler_t handler, unsigned long flags, const char *name,
				      void *data)
{
	return request(bind_locked(port, true, NULL), handler, flags, name, data);
}
EXPORT_SYMBOL_GPL(bind_evtchn_to_irqhandler_lateeoi);

int bind_interdomain_evtchn_to_irq_lateeoi(struct xenbus_device *dev, evtchn_port_t remote_port)
{
	struct evtchn_bind_interdomain op = { .remote_dom = dev->otherend_id, .remote_port = remote_port };
	int rc = HYPERVISOR_event_channel_op(EVTCHNOP_bind_interdomain, &op);

	if (rc)
		return rc;
	rc = bind_locked(op.local_port, true, dev);
	if (rc < 0)
		close_port(op.local_port);
	return rc;
}
EXPORT_SYMBOL_GPL(bind_interdomain_evtchn_to_irq_lateeoi);

int bind_interdomain_evtchn_to_irqhandler_lateeoi(struct xenbus_device *dev, evtchn_port_t remote_port,
						  irq_handler_t handler, unsigned long flags, const char *name, void *data)
{
	return request(bind_interdomain_evtchn_to_irq_lateeoi(dev, remote_port), handler, flags, name, data);
}
EXPORT_SYMBOL_GPL(bind_interdomain_evtchn_to_irqhandler_lateeoi);

void unbind_from_irqhandler(unsigned int irq, void *data)
{
	free_irq(irq, data);
	unbind(irq, false);
}
EXPORT_SYMBOL_GPL(unbind_from_irqhandler);

void event_leave(unsigned int irq, void *data)
{
	free_irq(irq, data);
	unbind(irq, true);
}

int event_bind_virq(unsigned int virq, unsigned int cpu, irq_handler_t handler, const char *name, void *data)
{
	struct evtchn_bind_virq op = { .virq = virq, .vcpu = xen_vcpu_nr(cpu) };
	int irq = HYPERVISOR_event_channel_op(EVTCHNOP_bind_virq, &op);

	if (irq)
		return irq;
	mutex_lock(&lock);
	irq = bind(op.port, cpu, false, true, NULL);
	mutex_unlock(&lock);
	if (irq < 0)
		close_port(op.port);
	else if (virq == VIRQ_TIMER)
		xen_set_irq_priority(irq, EVTCHN_FIFO_PRIORITY_MAX);
	return request(irq, handler, IRQF_PERCPU | IRQF_NOBALANCING | (virq == VIRQ_TIMER ? IRQF_TIMER : 0), name, data);
}

/* ---- what drivers ask of a binding ---- */

unsigned int xen_evtchn_nr_channels(void)
{
	return abi->ports;
}
EXPORT_SYMBOL_GPL(xen_evtchn_nr_channels);

void notify_remote_via_irq(int irq)
{
	struct binding *b = irq_get_chip_data(irq);

	if (b)
		notify_remote_via_evtchn(b->port);
}
EXPORT_SYMBOL_GPL(notify_remote_via_irq);

unsigned int irq_from_evtchn(evtchn_port_t port)
{
	struct binding *b = binding_at(port);

	return b ? b->irq : -1;
}
EXPORT_SYMBOL_GPL(irq_from_evtchn);

int evtchn_make_refcounted(evtchn_port_t port, bool is_static)
{
	struct binding *b = binding_at(port);

	if (!b || b->refs >= 0)
		return -EINVAL;
	b->refs = 1;
	b->is_static = is_static;
	return 0;
}
EXPORT_SYMBOL_GPL(evtchn_make_refcounted);

int evtchn_get(evtchn_port_t port)
{
	struct binding *b;
	int rc;

	mutex_lock(&lock);
	b = binding_at(port);
	rc = port >= abi->ports ? -EINVAL : !b ? -ENOENT : b->refs <= 0 ? -EINVAL : 0;
	if (!rc)
		b->refs++;
	mutex_unlock(&lock);
	return rc;
}
EXPORT_SYMBOL_GPL(evtchn_get);

void evtchn_put(evtchn_port_t port)
{
	unsigned int irq = irq_from_evtchn(port);

	if (irq != -1)
		unbind(irq, false);
}
EXPORT_SYMBOL_GPL(evtchn_put);

int xen_set_irq_priority(unsigned int irq, unsigned int priority)
{
	struct binding *b = irq_get_chip_data(irq);
	struct evtchn_set_priority op = { .port = b ? b->port : 0, .priority = priority };

	return HYPERVISOR_event_channel_op(EVTCHNOP_set_priority, &op);
}
EXPORT_SYMBOL_GPL(xen_set_irq_priority);

/* ---- life ---- */

/* What /proc/interrupts does not say of each port. */
static int statistics_show(struct seq_file *m, void *unused)
{
	struct binding *b;
	unsigned long port;

	seq_printf(m, "# %s: port irq cpu events meaningless delayed-jiffies\n", abi->name);
	mutex_lock(&lock);
	xa_for_each(&bindings, port, b)
		seq_printf(m, "%lu %u %u %lu %lu %lu\n", port, b->irq, b->cpu, b->events, b->spurious_events, b->delayed);
	mutex_unlock(&lock);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(statistics);
static struct dentry *statistics;

static void free_all(void)
{
	if (domain)
		irq_domain_remove(domain);
	if (node)
		irq_domain_free_fwnode(node);
	domain = NULL;
	node = NULL;
}

static int alloc_all(void)
{
	node = irq_domain_alloc_named_fwnode("xen-event");
	if (node)
		domain = irq_domain_create_tree(node, &event_ops, NULL);
	return domain ? 0 : -ENOMEM;
}

int event_init(void)
{
	int rc = -EOPNOTSUPP;

	abi = &event_fifo;
	if (fifo_events)
		rc = abi->start();
	if (rc) {
		abi = &event_2l;
		rc = abi->start();
	}
	if (rc)
		return rc;
	pr_info("%s event channels\n", abi->name);
	rc = alloc_all() ?: upcall_init();
	if (rc) {
		abi->stop();
		free_all();
		return rc;
	}
	statistics = debugfs_create_file("xen-ports", 0444, NULL, NULL, &statistics_fops);
	return 0;
}

/* Everybody has unbound; who comes after us finds all ports masked. */
void event_exit(void)
{
	debugfs_remove(statistics);
	upcall_exit();
	abi->stop();
	rcu_barrier();
	free_all();
}
