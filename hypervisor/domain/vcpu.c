// SPDX-License-Identifier: GPL-2.0-only
/* A vcpu's life, and where its vcpu_info lies. */
#include <xenolith/debug.h>
#include <xenolith/domain.h>

static struct vcpu_info *default_info(const struct domain *d, unsigned int id)
{
	if (id < XEN_LEGACY_MAX_VCPUS)
		return &d->shared_info->vcpu_info[id];
	return d->vcpu_info_dummy;
}

static void destroy_state(struct vcpu *v)
{
	if (v->is_hvm)
		hvm_vcpu_destroy(v);
	else
		pv_vcpu_destroy(v);
}

struct vcpu *vcpu_create(struct domain *d, unsigned int id, unsigned int cpu)
{
	struct vcpu *v;

	if (id >= d->max_vcpus || d->vcpu[id])
		return NULL;
	v = new(struct vcpu);
	if (!v)
		return NULL;
	v->domain = d;
	v->id = id;
	v->dirty_cpu = VCPU_NOT_LOADED;
	v->is_idle = d->is_idle;
	v->is_hvm = d->is_hvm;
	if (v->is_idle) {
		static struct vcpu_info idle_info;	/* never pending */

		v->info = &idle_info;
		v->initialised = true;
	} else {
		v->info = default_info(d, id);
		v->info->evtchn_upcall_mask = 1;
		if (d->is_hvm ? hvm_vcpu_init(v) : pv_vcpu_init(v))
			goto fail;
		if (fpu_vcpu_init(v))
			goto fail_state;
	}
	sched_vcpu_init(v, cpu);
	if (d->is_hvm)
		v->sched.hard_affinity = hvm_default_cpus();
	WRITE_ONCE(d->vcpu[id], v);
	return v;

fail_state:
	destroy_state(v);
fail:
	lib_free(v);
	return NULL;
}

void vcpu_destroy(struct vcpu *v)
{
	sched_vcpu_destroy(v);
	fpu_vcpu_destroy(v);
	destroy_state(v);
	v->domain->vcpu[v->id] = NULL;
	lib_free(v);
}

/* Once, on oneself or on a vcpu that is down (nobody writes to the old place meanwhile). */
int vcpu_map_info(struct vcpu *v, unsigned long gfn, unsigned int offset)
{
	struct domain *d = v->domain;
	struct vcpu_info *info;
	struct page_info *pg;

	if (offset > PAGE_SIZE - sizeof(*info))
		return -ENXIO;
	if (offset % __alignof__(*info) || v->info_page)
		return -EINVAL;
	if (v != current && !test_bit(VF_DOWN, &v->sched.flags))
		return -EINVAL;
	gfn = domain_frame(d, gfn);
	pg = mfn_to_page(mfn(gfn));
	if (!mfn_valid(mfn(gfn)) || get_page_and_type(pg, d, PGT_WRITABLE, false))
		return -EINVAL;
	info = (struct vcpu_info *)((char *)page_to_virt(pg) + offset);
	*info = *v->info;
	v->info_page = pg;
	v->time_version = 0;
	WRITE_ONCE(v->info, info);
	smp_mb();			/* events set in the old place from here on are sent anew */
	evtchn_vcpu_info_moved(v);
	return 0;
}

void vcpu_unmap_info(struct vcpu *v)
{
	if (!v->info_page)
		return;
	v->info = default_info(v->domain, v->id);
	put_page_and_type(v->info_page);
	v->info_page = NULL;
}
