// SPDX-License-Identifier: GPL-2.0-only
/*
 * The interrupt by which a vcpu hears of events. A module has no vector of its own; it gets one from x86_vector_domain
 * through a child domain, one irq a CPU, allocated while that CPU is up and so on this CPU. No action is ever requested for
 * it: the flow handler is all there is. Its vector is told to the hypervisor, which raises it as long as
 * evtchn_upcall_pending is set.
 *
 * A CPU that goes down takes its events until the kernel has moved its interrupts, for what others of its last steps wait for
 * (a queue of a disk whose last CPU it is) may come by them. Then, with interrupts off, the kernel forgets the CPU's vectors,
 * and it gives this one back: one that nobody handles any more would be raised for ever. What is left of its events goes to
 * those that they are bound to, when it is dead.
 */
#define pr_fmt(fmt) "xen-port: " fmt
#include <linux/interrupt.h>
#include <linux/irq.h>
#include <linux/irqdomain.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <asm/apic.h>
#include <asm/hw_irq.h>
#include <asm/irqdomain.h>
#include "compat/compat.h"
#include "port.h"
#include <xen/interface/hvm/hvm_op.h>
#include <xen/xen-ops.h>

/* <xen/interface/hvm/hvm_op.h> has it in newer kernels only. */
#define OP_SET_UPCALL_VECTOR 23
struct upcall_vector {
	u32 vcpu;
	u8 vector;
};

static struct fwnode_handle *node;
static struct irq_domain *domain;
static DEFINE_PER_CPU(unsigned int, upcall_irq);
static bool no_eoi;
static enum cpuhp_state prepared, online;
#define DYING CPUHP_AP_ARM_XEN_STARTING	/* of those there is none for modules; this is Xen's, and nobody's on x86 */

static void upcall_flow(struct irq_desc *desc)
{
	if (!no_eoi)
		irq_desc_get_irq_data(desc)->chip->irq_ack(irq_desc_get_irq_data(desc));
	event_handle(smp_processor_id());
}

static struct irq_chip upcall_chip = {
	.name		= "xen-upcall",
	.irq_ack	= irq_chip_ack_parent,
};

static int upcall_alloc(struct irq_domain *d, unsigned int virq, unsigned int nr, void *arg)
{
	int rc = irq_domain_alloc_irqs_parent(d, virq, nr, arg);

	if (!rc)
		irq_domain_set_info(d, virq, *(unsigned int *)((struct irq_alloc_info *)arg)->data, &upcall_chip, NULL,
				    upcall_flow, NULL, "upcall");
	return rc;
}

static const struct irq_domain_ops upcall_ops = {
	.alloc	= upcall_alloc,
	.free	= irq_domain_free_irqs_common,
};

static int set_vector(unsigned int cpu, u8 vector)
{
	struct upcall_vector op = { .vcpu = xen_vcpu_nr(cpu), .vector = vector };

	return HYPERVISOR_hvm_op(OP_SET_UPCALL_VECTOR, &op);
}

/* On that CPU: behind it no upcall is on its way there. */
static void take_back(unsigned int cpu)
{
	if (set_vector(cpu, 0))
		pr_warn("CPU %u: the hypervisor keeps the vector of its events\n", cpu);
	port_vcpu(xen_vcpu_nr(cpu))->evtchn_upcall_mask = 1;	/* nobody is called, nobody woken */
}

static void free_upcall(unsigned int cpu)
{
	irq_dispose_mapping(per_cpu(upcall_irq, cpu));
	per_cpu(upcall_irq, cpu) = 0;
}

/* On that CPU. A CPU that did not go after all has it still. */
static int give_vector(unsigned int cpu)
{
	struct irq_alloc_info alloc = { .mask = cpumask_of(cpu), .data = &cpu };
	struct vcpu_info *info = port_vcpu(xen_vcpu_nr(cpu));
	struct irq_cfg *cfg;
	int irq, rc;

	if (per_cpu(upcall_irq, cpu))
		return 0;
	irq = irq_domain_alloc_irqs(domain, 1, cpu_to_node(cpu), &alloc);
	if (irq < 0)
		return irq;
	per_cpu(upcall_irq, cpu) = irq;
	cfg = irqd_cfg(irq_get_irq_data(irq));
	info->evtchn_upcall_pending = 1;	/* look once: what came while there was no vector has told nobody */
	info->evtchn_upcall_mask = 0;
	rc = cfg ? set_vector(cpu, cfg->vector) : -EINVAL;
	if (rc)
		free_upcall(cpu);
	return rc;
}

/* On that CPU. */
static int upcall_cpu_up(unsigned int cpu)
{
	int rc;

	per_cpu(xen_vcpu_id, cpu) = hypervisor_vcpu();
	if (xen_vcpu_nr(cpu) >= PORT_MAX_VCPUS)
		return -ENODEV;
	rc = event_cpu_up(cpu) ?: give_vector(cpu) ?: time_cpu_up(cpu);
	if (!rc) {
		event_cpu_ready(cpu, true);
		return 0;
	}
	pr_err("CPU %u: no interrupt for its events (%d)\n", cpu, rc);
	if (per_cpu(upcall_irq, cpu)) {
		take_back(cpu);
		free_upcall(cpu);
	}
	return rc;
}

/* On that CPU: from here on the local APIC's timer is its clock. */
static int upcall_cpu_down(unsigned int cpu)
{
	event_cpu_ready(cpu, false);
	time_cpu_down(cpu);
	return 0;
}

static int upcall_cpu_dying(unsigned int cpu)
{
	if (per_cpu(upcall_irq, cpu))
		take_back(cpu);
	return 0;
}

static int upcall_cpu_dead(unsigned int cpu)
{
	event_cpu_dead(cpu);
	if (per_cpu(upcall_irq, cpu))
		free_upcall(cpu);
	return 0;
}

static int make_domain(void)
{
	node = irq_domain_alloc_named_fwnode("xen-upcall");
	if (!node)
		return -ENOMEM;
	domain = irq_domain_create_hierarchy(x86_vector_domain, 0, nr_cpu_ids, node, &upcall_ops, NULL);
	if (domain)
		return 0;
	irq_domain_free_fwnode(node);
	return -ENOMEM;
}

static void free_domain(void)
{
	irq_domain_remove(domain);
	irq_domain_free_fwnode(node);
}

int upcall_init(void)
{
	int rc = make_domain();

	if (rc)
		return rc;
	no_eoi = hypervisor_has(PORT_NO_EOI);
	prepared = cpuhp_setup_state_nocalls(CPUHP_BP_PREPARE_DYN, "xen/port:dead", NULL, upcall_cpu_dead);
	if ((int)prepared < 0) {
		free_domain();
		return prepared;
	}
	rc = cpuhp_setup_state_nocalls(DYING, "xen/port:dying", NULL, upcall_cpu_dying);
	if (rc < 0) {
		cpuhp_remove_state_nocalls(prepared);
		free_domain();
		return rc;
	}
	rc = cpuhp_setup_state(CPUHP_AP_ONLINE_DYN, "xen/port:online", upcall_cpu_up, upcall_cpu_down);
	if (rc < 0) {
		upcall_exit();
		return rc;
	}
	online = rc;
	return 0;
}

static void leave(void *unused)
{
	upcall_cpu_dying(smp_processor_id());
}

/* Nothing is pending any more, and nothing is bound. */
void upcall_exit(void)
{
	unsigned int cpu;

	if (online)
		cpuhp_remove_state(online);
	online = 0;
	on_each_cpu(leave, NULL, 1);
	cpuhp_remove_state_nocalls(DYING);
	cpuhp_remove_state_nocalls(prepared);
	for_each_possible_cpu(cpu)
		upcall_cpu_dead(cpu);
	free_domain();
}
