// SPDX-License-Identifier: GPL-2.0-only
/*
 * Life of a domain. What must hold: whatever allocation fails during creation, nothing is left
 * behind; lookup finds living domains only and each reference counts; teardown goes through its
 * steps in order, each again until it says it is done; the number is free for another domain only
 * when the last reference is gone (XSA-322: a new domain inherits nothing of an old number).
 */
#define HOST_OWN_ALLOC
#include "host.h"

static long live_objects, allocs_until_failure = -1;

static void *try_alloc(size_t size)
{
	if (allocs_until_failure == 0)
		return NULL;
	allocs_until_failure -= allocs_until_failure > 0;
	live_objects++;
	return calloc(1, size);
}

void *lib_alloc(size_t size) { return try_alloc(size); }
void lib_free(void *p) { live_objects -= p != NULL; free(p); }

#include "no-hvm.h"
void x86_hvm_add_features(u32 *features) { abort(); }
#include "../../hypervisor/domain/domain.c"
#include "../../hypervisor/lib/rangeset.c"

struct vcpu *current;
const u32 x86_pv_features[X86_FEATURE_WORDS];
static int steps[8], nr_steps, again;

void *alloc_hyp_pages(unsigned int order) { return try_alloc(PAGE_SIZE << order); }
void free_hyp_pages(void *p, unsigned int order) { lib_free(p); }
void share_hyp_page(void *p, struct domain *d, bool writable) { }
void mm_domain_init(struct domain *d) { }
int mm_claim(struct domain *d, unsigned long pages) { return 0; }
void time_update_wallclock(struct domain *d) { }
s64 now_ns(void) { return 1; }
void timer_stop(struct timer *t) { }
void domain_pause(struct domain *d) { atomic_inc(&d->pause_count); }
void evtchn_send_global_virq(unsigned int virq) { }
void vcpu_unmap_info(struct vcpu *v) { }
struct vcpu *vcpu_create(struct domain *d, unsigned int id, unsigned int cpu) { return NULL; }
void vcpu_destroy(struct vcpu *v) { }
int pv_vcpu_relinquish(struct vcpu *v) { return 0; }
int rights_give_machine(struct domain *d) { return rangeset_add(&d->io_ports, 0, 0xffff); }

int evtchn_domain_init(struct domain *d, unsigned int max_port)
{
	d->evtchn.groups = try_alloc(64);
	return d->evtchn.groups ? 0 : -ENOMEM;
}
void evtchn_domain_free(struct domain *d) { lib_free(d->evtchn.groups); }
int grant_domain_init(struct domain *d, unsigned int frames, unsigned int maptrack, unsigned int version)
{
	d->grant = try_alloc(64);
	return d->grant ? 0 : -ENOMEM;
}
void grant_domain_free(struct domain *d) { lib_free(d->grant); }

static int step(int which)
{
	if (again-- > 0)
		return -ERESTART;
	steps[nr_steps++] = which;
	again = 1;
	return 0;
}
int evtchn_domain_destroy(struct domain *d) { return step('e'); }
int grant_domain_relinquish(struct domain *d) { return step('g'); }
int mm_domain_relinquish(struct domain *d) { return step('m'); }

static struct timer *pending;
void timer_init(struct timer *t, void (*fn)(void *), void *arg) { *t = (struct timer){ .fn = fn, .arg = arg }; }
void timer_set(struct timer *t, s64 expires) { pending = t; }
static bool run_pending(void)
{
	struct timer *t = pending;

	pending = NULL;
	if (t)
		t->fn(t->arg);
	return t != NULL;
}

static struct domain *create(domid_t id, unsigned int max_vcpus, bool control)
{
	return domain_create(id, &(struct domain_config){ .max_vcpus = max_vcpus, .control = control });
}

/* A struct domain is kept for the next one, and a page of the table stays: those two may remain. */
static void creation_failures(void)
{
	struct domain *d = NULL;
	unsigned int failures = 0, leaks = 0;
	long before;

	for (unsigned int n = 0; !d; n++) {
		before = live_objects + (list_empty(&spare_domains) ? 1 : 0);
		allocs_until_failure = n;
		d = create(0, 40, true);
		if (d)
			break;
		failures++;
		leaks += live_objects > before;
		leaks += domain_find(0) != NULL;
	}
	allocs_until_failure = -1;
	check(failures >= 6 && !leaks, "%u places where memory can run out during creation: no leak", failures);
	check(domain_find(0) == d && d->is_control && d->is_hardware && atomic_read(&d->pause_count) == 1,
	      "then it is there, Domain0, paused");
	check(!create(0, 1, true), "a number is given once");
	check(domain_find(0) == d, "and the failed attempt did not take it away");
}

static void lookup(void)
{
	struct domain *five = create(5, 1, false), *d;
	struct vcpu self = { .domain = five };
	unsigned int seen = 0;

	current = &self;
	check(!domain_get(1) && !domain_get(4000) && !domain_get(DOMID_FIRST_RESERVED - 1) &&
	      !domain_get(DOMID_IO) && !domain_get(DOMID_INVALID), "numbers without a domain find none");
	d = domain_get(5);
	check(d == five && !d->is_control && atomic_read(&d->refcnt) == 2, "a lookup takes a reference");
	domain_put(d);
	check(!pending, "which is not the last one");
	check(domain_get(DOMID_SELF) == five, "SELF is current's");
	domain_put(five);
	for (d = domain_next(0); d; d = domain_next(d->id + 1), seen++)
		domain_put(d);
	check(seen == 2, "walking over all sees both");
}

static void teardown(void)
{
	struct domain *d = domain_get(5);
	unsigned int restarts = 0;

	again = 2;
	while (domain_kill(d) == -ERESTART)
		restarts++;
	steps[nr_steps] = 0;
	check(nr_steps == 3 && steps[0] == 'e' && steps[1] == 'g' && steps[2] == 'm',
	      "events, grants, memory: in this order, each once");
	check(restarts == 4, "interrupted %u times between", restarts);
	check(d->state == DOMAIN_DEAD && domain_kill(d) == 0, "dead, and stays so");
	check(!pending && domain_find(5) == d && !create(5, 1, false),
	      "while somebody holds it the number is not given out");
	domain_put(d);
	check(pending && !domain_get(5), "the last reference: it cannot be found any more");
	check(run_pending() && !domain_find(5), "and is freed");
	d->handle[0] = 77;
	check(create(5, 1, false) == d && d->handle[0] == 0 && d->state == DOMAIN_RUNNING,
	      "its number and memory serve another, which inherits nothing");
}

int main(void)
{
	creation_failures();
	nr_steps = 0;
	lookup();
	teardown();
	return done();
}
