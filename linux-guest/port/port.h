/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * xen-port: what the kernel's built-in Xen code does, as a module, for a kernel in which that code sleeps. One file a
 * service; main.c has the order. Services of the kernel's names are declared in the kernel's headers and called by drivers
 * through linux-guest/include/xenolith/; here is what the files of this folder share.
 *
 *	drivers (xen-port-blkfront …)
 *	   │ seam                    ┌ hvc console, balloon, shutdown, vcpus, /sys/hypervisor
 *	  bus.c  grant.c  event.c  ──┘
 *	  store.c   │        │  └ upcall.c: one vector a vcpu
 *	     └──────┴────────┴── memory.c: frames shared with the hypervisor; hypercalls: include/xenolith/port.h
 */
#ifndef PORT_H
#define PORT_H

#include <linux/cpuhotplug.h>
#include <linux/irqdomain.h>
#include <linux/mm_types.h>
#include <xenolith/bus.h>
#include <xenolith/event.h>
#include <xenolith/grant.h>
#include <xenolith/hypercall.h>

/* ---- hypervisor.c ---- */
extern u32 port_cpuid_base;
int hypervisor_init(void);		/* -ENODEV: not ours */
/** hypervisor_param: HVM_PARAM_@index of this domain. 0 or -errno. */
int hypervisor_param(unsigned int index, u64 *value);
/** hypervisor_vcpu: the hypervisor's number of the vcpu that runs here. */
u32 hypervisor_vcpu(void);
/** hypervisor_has: PORT_NO_EOI: the upcall's vector needs none; PORT_LEAVE_FIFO: FIFO event channels end when asked. */
bool hypervisor_has(u32 feature);
#define PORT_NO_EOI BIT(0)
#define PORT_LEAVE_FIFO BIT(1)

/* ---- memory.c ---- */
extern struct shared_info *port_shared;
int shared_init(void);
void shared_exit(void);
/**
 * special_map - a frame of the hypervisor's in place of one of our pages
 * @space: XENMAPSPACE_*
 *
 * Return: the page, or NULL. special_unmap() gives the kernel real memory under that page again, and frees it.
 */
struct page *special_map(unsigned int space, unsigned long index);
void special_unmap(struct page *page);
/** memory_take, memory_give: the frame behind a page of ours comes from, goes to the hypervisor. 0 or -ENOMEM. */
int memory_take(struct page *page);
int memory_give(struct page *page);

static inline struct vcpu_info *port_vcpu(u32 vcpu)
{
	return &port_shared->vcpu_info[vcpu];
}
#define PORT_MAX_VCPUS 32		/* of which shared_info has a vcpu_info */

/* ---- upcall.c: from the interrupt of a vcpu to its event channels ---- */
int upcall_init(void);
void upcall_exit(void);

/* ---- event.c ---- */
int event_init(void);
void event_exit(void);
/** event_handle: all that is pending for this CPU. Interrupts off. */
void event_handle(unsigned int cpu);
/** event_cpu_up: on @cpu, which may have events from now on; event_cpu_dead: on another one; it has none any more. */
int event_cpu_up(unsigned int cpu);
/** event_cpu_ready: ports may be bound to @cpu, or no more of them. */
void event_cpu_ready(unsigned int cpu, bool is_ready);
void event_cpu_dead(unsigned int cpu);
/** event_bind_virq: as bind_virq_to_irqhandler(), any CPU's own ones stay on it. */
int event_bind_virq(unsigned int virq, unsigned int cpu, irq_handler_t handler, const char *name, void *data);
/** event_leave: as unbind_from_irqhandler(), but the port stays open for who comes after us. */
void event_leave(unsigned int irq, void *data);

/* ---- time.c ---- */
int port_time_init(void);
void port_time_exit(void);
/** time_cpu_up, time_cpu_down: clock event device of the vcpu that runs here. */
int time_cpu_up(unsigned int cpu);
void time_cpu_down(unsigned int cpu);

/* ---- steal.c ---- */
int steal_init(void);
void steal_exit(void);
/** steal_cpu_up, steal_cpu_down: on @cpu; what it did not get between down and up is not stolen. */
void steal_cpu_up(unsigned int cpu);
void steal_cpu_down(unsigned int cpu);

/* ---- grant.c ---- */
int grant_init(void);
void grant_exit(void);

/* ---- console.c ---- */
int port_console_init(void);
void port_console_exit(void);

/* ---- store.c: requests and watches; bus.c: devices; bus-client.c: what drivers call ---- */
int store_init(void);
void store_exit(void);
int store_dev_init(void);
void store_dev_exit(void);
int bus_init(void);
void bus_exit(void);

/* ---- suspend.c ---- */
int suspend_init(void);
void suspend_exit(void);
/** suspend_possible: can this kernel? suspend_asked: the toolstack wants the domain to suspend itself; does not wait. */
bool suspend_possible(void);
void suspend_asked(void);

/* ---- domain.c: that the kernel runs in one; shutdown.c: ends of it that it or the toolstack wants ---- */
int domain_init(void);
void domain_exit(void);
int shutdown_init(void);
void shutdown_exit(void);
int vcpus_init(void);
void vcpus_exit(void);
/** balloon_init: memory as the store wants it. */
int balloon_init(void);
void balloon_exit(void);

#endif
