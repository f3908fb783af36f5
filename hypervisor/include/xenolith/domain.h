/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * domain: domains and vcpus, their life, who may do what to whom, domctl, sysctl, platform_op.
 * Each folder keeps its per-domain and per-vcpu state in a structure of its own that is embedded
 * here; nobody but that folder looks inside.
 *
 * Life of a domain: domain_create (paused) -> running -> dying (domain_kill: resumable teardown in
 * named steps) -> dead (all resources gone) -> freed when the last reference goes.
 */
#ifndef XENOLITH_DOMAIN_H
#define XENOLITH_DOMAIN_H

#include <xenolith/lib.h>
#include <xen/xen.h>
#include <xen/vcpu.h>
#include <xenolith/drivers.h>
#include <xenolith/evtchn.h>
#include <xenolith/grant.h>
#include <xenolith/hvm.h>
#include <xenolith/lock.h>
#include <xenolith/mm.h>
#include <xenolith/pv.h>
#include <xenolith/sched.h>
#include <xenolith/x86.h>

struct xen_domctl_getdomaininfo;

#define MAX_VCPUS		128		/* per domain */

struct fpu {				/* x86/fpu.c */
	void *area;			/* XSAVE (or FXSAVE) image, 64-byte aligned */
	u64 xcr0;			/* guest's XCR0 */
	bool initialised;
};

struct vcpu {
	struct pv_vcpu pv;		/* first: short offsets for assembly */
	struct vcpu_info *info;		/* shared_info slot, dummy page, or registered area (direct map) */
	struct domain *domain;
	unsigned int id;
	unsigned int dirty_cpu;		/* CPU whose TLB may hold this vcpu's entries, or ~0 */
	bool initialised;		/* context was set */
	bool is_idle, is_hvm;
	struct cpu_regs regs;		/* while not running */
	struct fpu fpu;
	struct sched_vcpu sched;
	struct evtchn_vcpu evtchn;
	struct hvm_vcpu hvm;		/* if is_hvm; then of pv only kernel_mode (1), nmi_pending and ctrl_tsc_aux mean something */
	struct page_info *info_page;	/* registered vcpu_info: reference held */
	unsigned long runstate_area;	/* guest addresses, 0 none: written at switches */
	unsigned long time_area;
	u32 time_version;		/* last published */
	bool was_stopped;		/* what is published next says so */
	bool in_multicall;
	struct {			/* filled by hypercall_continue() */
		bool pending;
		unsigned long op, args[5];
	} continuation;
};

enum domain_state { DOMAIN_RUNNING, DOMAIN_DYING, DOMAIN_DEAD };

struct domain {
	domid_t id;
	bool is_control;		/* Domain0's privileges */
	bool is_hardware;		/* gets the machine's devices and pirqs: Domain0 */
	bool is_idle, is_xenstore;
	bool is_hvm;			/* hardware-assisted: frame numbers it uses are its own */
	u8 state;			/* enum domain_state */
	bool shutting_down, shut_down;	/* it was told to stand still; it does, and Domain0 has been told */
	u8 shutdown_code;		/* SHUTDOWN_*, or SHUTDOWN_CODE_NONE */
	atomic_t refcnt;
	atomic_t pause_count;
	unsigned int max_vcpus;
	unsigned int controller_pauses;	/* by domctl; a new domain has one; under lock */
	struct vcpu **vcpu;		/* max_vcpus entries, NULL where not created */
	struct shared_info *shared_info;	/* hypervisor page shared with the domain */
	cpumask_t dirty_cpus;		/* CPUs that may hold TLB entries of the domain */
	struct mm_domain mm;
	struct pv_domain pv;
	struct hvm_domain hvm;
	struct evtchn_domain evtchn;
	struct sched_domain sched;
	struct grant_table *grant;
	struct console_domain console;
	spinlock_t lock;		/* vcpu creation, settings, shutdown */
	bool control_busy;		/* a domctl that changes the domain is at work: one at a time */
	spinlock_t caps_lock;
	struct rangeset io_ports, io_frames, irqs;	/* what it may touch; under caps_lock */
	u32 cpu_features[X86_FEATURE_WORDS];	/* what its CPUID may show; by the domain's creation and domctl */
	s64 time_offset_seconds;
	struct vcpu_info *vcpu_info_dummy;	/* of vcpus without a slot in shared_info */
	struct timer watchdog[2];
	u32 watchdogs_used;		/* bit n: watchdog[n] */
	struct timer free_work, shutdown_work;
	struct list_head spare;			/* once freed: kept for another domain */
	xen_domain_handle_t handle;
	unsigned int target_domid;
	unsigned int relinquish_step;
	s64 created;
};

#define SHUTDOWN_CODE_NONE	0xff
#define VCPU_NOT_LOADED		(~0u)	/* dirty_cpu: no CPU holds the state */

#define for_each_vcpu(d, v)						\
	for (unsigned int _i = 0; _i < (d)->max_vcpus; _i++)		\
		if (((v) = (d)->vcpu[_i]) != NULL)

extern struct domain *domain0, *idle_domain;
/* Pseudo owners DOMID_XEN and DOMID_IO have no struct domain. */

struct domain_config {			/* for domain_create() */
	unsigned int max_vcpus;
	unsigned int max_port;		/* highest event channel */
	unsigned int grant_frames, maptrack_frames, grant_version;
	bool control;			/* Domain0's privileges */
	bool hvm;			/* hardware-assisted; hvm_available() */
};
#define DEFAULT_GRANT_FRAMES	64
#define DEFAULT_MAPTRACK_FRAMES	1024
#define MAX_GRANT_FRAMES	4096
#define MAX_MAPTRACK_FRAMES	16384
/** domain_create: a paused domain without vcpus and memory. NULL: the number is taken or -ENOMEM. */
struct domain *domain_create(domid_t id, const struct domain_config *config);
struct vcpu *vcpu_create(struct domain *d, unsigned int id, unsigned int cpu);
struct vcpu *idle_vcpu_create(unsigned int cpu);
void vcpu_destroy(struct vcpu *v);
/**
 * vcpu_map_info: VCPUOP_register_vcpu_info: @v's vcpu_info lies in frame @gfn from now on; d->lock
 * held. 0, -EINVAL, -ENXIO (crosses the page). vcpu_unmap_info: back to the default place (teardown).
 */
int vcpu_map_info(struct vcpu *v, unsigned long gfn, unsigned int offset);
void vcpu_unmap_info(struct vcpu *v);
/** vcpu_send_nmi: an NMI for @v, which must be able to take one: pv guests die of one without handler. */
void vcpu_send_nmi(struct vcpu *v);
/** vcpu_find: vcpu @id of @d or NULL. */
static inline struct vcpu *vcpu_find(const struct domain *d, unsigned int id)
{
	return id < d->max_vcpus ? d->vcpu[id] : NULL;
}
/** domain_get: by number (DOMID_SELF: current's), with a reference, or NULL. domain_put drops it. */
struct domain *domain_get(domid_t id);
void domain_hold(struct domain *d);
void domain_put(struct domain *d);
/** domain_find: as domain_get but without a reference: only under rcu-free situations (owner pins it). */
struct domain *domain_find(domid_t id);
/** vcpu_take_down: VCPUOP_down; a domain whose last vcpu goes has powered off. */
void vcpu_take_down(struct vcpu *v);
/** domain_shutdown: SCHEDOP_shutdown; pauses the vcpus and tells Domain0 when they stand, or the machine for Domain0. */
void domain_shutdown(struct domain *d, unsigned int reason);
/**
 * domain_crash: end current's or any domain for a fault of its own; says why, with registers when
 * it is current's. Returns; the vcpu does not reach its guest again.
 */
void domain_crash(struct domain *d, const char *fmt, ...) __printf(2, 3);
int domain_kill(struct domain *d);		/* 0 or -ERESTART */
void domain_list_for_each(void (*fn)(struct domain *d, void *arg), void *arg);

/**
 * domain_next: the domain with the lowest number at or above @id, with a reference, or NULL.
 * domain_list_for_each() is a loop over it.
 */
struct domain *domain_next(unsigned int id);
void domain_get_info(struct domain *d, struct xen_domctl_getdomaininfo *info);	/* zeroes it first */

/**
 * domain_frame: the machine frame that @d calls @gfn: the same for PV guests. No reference: what comes out, valid or not, is a
 * claim that get_page() checks.
 */
static inline unsigned long domain_frame(const struct domain *d, unsigned long gfn)
{
	return likely(!d->is_hvm) ? gfn : p2m_frame(d, gfn);
}

/* ---- the switch: domain/switch.c ---- */
/**
 * context_switch: @prev's CPU state out, @next's in; never returns: ends on @next's exit path or
 * in the idle loop. Interrupts on.
 *
 * The idle vcpu has no guest state: switching to it leaves the state of the last guest vcpu where
 * it is (registers in guest_regs(), FPU, CR3), so that waking it again on the same CPU costs
 * nothing. v->dirty_cpu says which CPU holds it, d->dirty_cpus where TLB entries may be.
 */
void __noreturn context_switch(struct vcpu *prev, struct vcpu *next);
/** context_sync: @v (not running) has its state in memory and no CPU uses its tables. */
void context_sync(struct vcpu *v);
/**
 * context_drop_idle: if this CPU idles on a guest's page tables, put that state away and load
 * the hypervisor's own (all TLB entries are gone then): true. For the TLB flush interrupt. Irqs off.
 */
bool context_drop_idle(void);

/* ---- rights: domain/rights.c, every check in one place; 0 or -EPERM ---- */
int rights_control(const struct domain *caller);		/* domctl, sysctl, platform */
int rights_hardware(const struct domain *caller);		/* physdev, pirqs */
int rights_target(const struct domain *caller, const struct domain *target);	/* act on another domain */
int rights_foreign_map(const struct domain *caller, const struct domain *owner);
/** rights_give_machine: all ports, frames and interrupts but what the hypervisor itself drives. */
int rights_give_machine(struct domain *d);
/** domain_has: is all of @first..@last in one of @d's sets io_ports, io_frames, irqs? */
bool domain_has(struct domain *d, const struct rangeset *rs, unsigned long first, unsigned long last);

long do_vcpu_op(unsigned long cmd, unsigned long vcpuid, unsigned long arg, unsigned long, unsigned long);
long do_domctl(unsigned long arg, unsigned long, unsigned long, unsigned long, unsigned long);
long do_sysctl(unsigned long arg, unsigned long, unsigned long, unsigned long, unsigned long);
long do_platform_op(unsigned long arg, unsigned long, unsigned long, unsigned long, unsigned long);
long do_memory_op(unsigned long cmd, unsigned long arg, unsigned long, unsigned long, unsigned long);	/* mm/memory-op.c */

#endif
