// SPDX-License-Identifier: GPL-2.0-only
/*
 * Domains: creation, lookup by number, teardown.
 *
 * Lookup takes no lock. The table of domains is read, a reference is taken unless the count is
 * zero, and the table is read again: memory of a struct domain is only ever used for another
 * struct domain, so that a count is always a count. The number of a dead domain becomes free when
 * its last reference goes; frames of it that others still map hold one.
 */
#include <xenolith/debug.h>
#include <xenolith/domain.h>
#include <xenolith/drivers.h>

#define SLOTS_PER_PAGE	(PAGE_SIZE / sizeof(struct domain *))
#define NR_DOMIDS	DOMID_FIRST_RESERVED

static struct domain **table[DIV_ROUND_UP(NR_DOMIDS, SLOTS_PER_PAGE)];
static DEFINE_SPINLOCK(table_lock);		/* changes of the table, spare_domains */
static LIST_HEAD(spare_domains);
struct domain *domain0, *idle_domain;

/* ---- lookup and references ---- */

struct domain *domain_find(domid_t id)
{
	struct domain **page;

	if (id >= NR_DOMIDS)
		return id == DOMID_SELF ? current->domain : NULL;
	page = READ_ONCE(table[id / SLOTS_PER_PAGE]);
	return page ? READ_ONCE(page[id % SLOTS_PER_PAGE]) : NULL;
}

static bool hold_unless_zero(struct domain *d)
{
	int count = atomic_read(&d->refcnt);

	while (count)
		if (try_cmpxchg(&d->refcnt.counter, &count, count + 1))
			return true;
	return false;
}

struct domain *domain_get(domid_t id)
{
	struct domain *d = domain_find(id);

	if (!d || !hold_unless_zero(d))
		return NULL;
	if (likely(id == DOMID_SELF || domain_find(id) == d))
		return d;
	domain_put(d);
	return NULL;
}

void domain_hold(struct domain *d)
{
	atomic_inc(&d->refcnt);
}

void domain_put(struct domain *d)
{
	if (atomic_dec_and_test(&d->refcnt))
		timer_set(&d->free_work, 0);	/* this may be any context */
}

struct domain *domain_next(unsigned int id)
{
	for (; id < NR_DOMIDS; id++) {
		struct domain *d;

		if (!READ_ONCE(table[id / SLOTS_PER_PAGE])) {
			id |= SLOTS_PER_PAGE - 1;
			continue;
		}
		d = domain_get(id);
		if (d)
			return d;
	}
	return NULL;
}

void domain_list_for_each(void (*fn)(struct domain *d, void *arg), void *arg)
{
	struct domain *d;
	unsigned int id;

	for (d = domain_next(0); d; d = domain_next(id + 1)) {
		id = d->id;
		fn(d, arg);
		domain_put(d);
	}
}

/* ---- life ---- */

static struct domain *alloc_struct(void)
{
	struct domain *d = NULL;

	spin_lock(&table_lock);
	if (!list_empty(&spare_domains)) {
		d = list_first_entry(&spare_domains, struct domain, spare);
		list_del(&d->spare);
	}
	spin_unlock(&table_lock);
	if (!d)
		return new(struct domain);
	memset(d, 0, sizeof(*d));
	return d;
}

static void free_struct(struct domain *d)
{
	spin_lock(&table_lock);
	if (domain_find(d->id) == d)
		WRITE_ONCE(table[d->id / SLOTS_PER_PAGE][d->id % SLOTS_PER_PAGE], NULL);
	list_add(&d->spare, &spare_domains);
	spin_unlock(&table_lock);
}

/* 0, -ENOMEM, or -EEXIST. */
static int publish(struct domain *d)
{
	struct domain ***page = &table[d->id / SLOTS_PER_PAGE];
	int rc = 0;

	spin_lock(&table_lock);
	if (!*page)
		WRITE_ONCE(*page, alloc_hyp_pages(0));
	if (!*page)
		rc = -ENOMEM;
	else if ((*page)[d->id % SLOTS_PER_PAGE])
		rc = -EEXIST;
	else
		WRITE_ONCE((*page)[d->id % SLOTS_PER_PAGE], d);
	spin_unlock(&table_lock);
	return rc;
}

static void free_memory(struct domain *d)
{
	for (unsigned int i = 0; d->vcpu && i < d->max_vcpus; i++)
		if (d->vcpu[i])
			vcpu_destroy(d->vcpu[i]);
	lib_free(d->vcpu);
	evtchn_domain_free(d);
	grant_domain_free(d);
	if (d->is_hvm)
		hvm_domain_free(d);
	rangeset_destroy(&d->io_ports);
	rangeset_destroy(&d->io_frames);
	rangeset_destroy(&d->irqs);
	lib_free(d->mm.map);
	if (d->vcpu_info_dummy)
		free_hyp_pages(d->vcpu_info_dummy, 0);
	if (d->shared_info)
		free_hyp_pages(d->shared_info, 0);
}

static void free_domain(void *arg)
{
	struct domain *d = arg;

	free_memory(d);
	free_struct(d);
}

static struct domain *init_struct(domid_t id, unsigned int max_vcpus)
{
	struct domain *d = alloc_struct();

	if (!d)
		return NULL;
	d->id = id;
	d->max_vcpus = max_vcpus;
	d->shutdown_code = SHUTDOWN_CODE_NONE;
	d->sched.weight = SCHED_DEFAULT_WEIGHT;
	d->created = now_ns();
	atomic_set(&d->pause_count, 1);
	rangeset_init(&d->io_ports);
	rangeset_init(&d->io_frames);
	rangeset_init(&d->irqs);
	memcpy(d->cpu_features, x86_pv_features, sizeof(d->cpu_features));
	mm_domain_init(d);
	d->vcpu = new_array(struct vcpu *, max_vcpus);
	if (d->vcpu)
		return d;
	free_struct(d);
	return NULL;
}

static int alloc_shared_pages(struct domain *d)
{
	d->shared_info = alloc_hyp_pages(0);
	if (!d->shared_info)
		return -ENOMEM;
	share_hyp_page(d->shared_info, d, true);
	if (d->max_vcpus > XEN_LEGACY_MAX_VCPUS) {
		d->vcpu_info_dummy = alloc_hyp_pages(0);
		if (!d->vcpu_info_dummy)
			return -ENOMEM;
		d->vcpu_info_dummy->evtchn_upcall_mask = 1;
	}
	time_update_wallclock(d);
	return 0;
}

struct domain *domain_create(domid_t id, const struct domain_config *config)
{
	struct domain *d = init_struct(id, config->max_vcpus);

	if (!d)
		return NULL;
	d->is_control = config->control;
	d->is_hvm = config->hvm;
	if (d->is_hvm)
		x86_hvm_add_features(d->cpu_features);
	d->is_hardware = config->control && id == 0;
	d->controller_pauses = !config->control;
	timer_init(&d->free_work, free_domain, d);
	if (alloc_shared_pages(d) || evtchn_domain_init(d, config->max_port) ||
	    grant_domain_init(d, config->grant_frames, config->maptrack_frames, config->grant_version) ||
	    (d->is_hvm && hvm_domain_init(d)))
		goto fail;
	if (d->is_hardware && rights_give_machine(d))
		goto fail;
	smp_wmb();				/* a finished domain before it can be found */
	atomic_set(&d->refcnt, 1);
	if (publish(d))
		goto fail;
	return d;

fail:
	atomic_set(&d->refcnt, 0);
	free_domain(d);
	return NULL;
}

/* ---- teardown: each step may be interrupted and is then entered again ---- */

static int relinquish_vcpus(struct domain *d)
{
	struct vcpu *v;
	int rc;

	for_each_vcpu(d, v) {
		rc = pv_vcpu_relinquish(v);
		if (rc)
			return rc;
		vcpu_unmap_info(v);
	}
	return 0;
}

static int relinquish_p2m(struct domain *d)
{
	return d->is_hvm ? hvm_domain_relinquish(d) : 0;
}

static int relinquish_watchdogs(struct domain *d)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(d->watchdog); i++)
		timer_stop(&d->watchdog[i]);
	return 0;
}

static int (*const relinquish_steps[])(struct domain *d) = {
	relinquish_watchdogs,
	evtchn_domain_destroy,
	grant_domain_relinquish,
	relinquish_vcpus,
	relinquish_p2m,
	mm_domain_relinquish,
};

static bool start_dying(struct domain *d)
{
	bool first;

	spin_lock(&d->lock);
	first = d->state == DOMAIN_RUNNING;
	if (first)
		d->state = DOMAIN_DYING;
	spin_unlock(&d->lock);
	return first;
}

int domain_kill(struct domain *d)
{
	int rc;

	if (d->state == DOMAIN_DEAD)
		return 0;
	if (start_dying(d)) {
		domain_pause(d);		/* never undone */
		mm_claim(d, 0);
	}
	while (d->relinquish_step < ARRAY_SIZE(relinquish_steps)) {
		rc = relinquish_steps[d->relinquish_step](d);
		if (rc)
			return rc;
		d->relinquish_step++;
	}
	d->state = DOMAIN_DEAD;
	evtchn_send_global_virq(VIRQ_DOM_EXC);
	domain_put(d);				/* the table's */
	return 0;
}

/* ---- the idle domain: not in the table, one vcpu per CPU, made as CPUs come up ---- */

struct vcpu *idle_vcpu_create(unsigned int cpu)
{
	if (!idle_domain) {
		idle_domain = init_struct(DOMID_IDLE, NR_CPUS);
		if (!idle_domain)
			return NULL;
		idle_domain->is_idle = true;
		atomic_set(&idle_domain->pause_count, 0);
		atomic_set(&idle_domain->refcnt, 1);
	}
	return vcpu_create(idle_domain, cpu, cpu);
}
