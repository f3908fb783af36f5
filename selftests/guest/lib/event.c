// SPDX-License-Identifier: GPL-2.0-only
/* Event channels (2-level ABI) and time. */
#include "lib.h"

long evtchn(int cmd, void *arg)
{
	return hypercall(event_channel_op, (long)cmd, arg);
}

bool event_pending(unsigned int port)
{
	return shared_info->evtchn_pending[port / 64] >> (port % 64) & 1;
}

void event_clear(unsigned int port)
{
	__atomic_fetch_and(&shared_info->evtchn_pending[port / 64], ~(1UL << (port % 64)), __ATOMIC_SEQ_CST);
}

void event_mask(unsigned int port, bool masked)
{
	if (masked)
		__atomic_fetch_or(&shared_info->evtchn_mask[port / 64], 1UL << (port % 64), __ATOMIC_SEQ_CST);
	else
		__atomic_fetch_and(&shared_info->evtchn_mask[port / 64], ~(1UL << (port % 64)), __ATOMIC_SEQ_CST);
}

long event_unmask(unsigned int port)
{
	struct evtchn_unmask u = { .port = port };

	return evtchn(EVTCHNOP_unmask, &u);
}

void events_on(void)
{
	struct pcpu *p = this_pcpu();

	__atomic_store_n(&p->info->evtchn_upcall_mask, 0, __ATOMIC_SEQ_CST);
	/* What came while we were deaf: a hypercall's way out delivers it. */
	if (__atomic_load_n(&p->info->evtchn_upcall_pending, __ATOMIC_SEQ_CST))
		hypercall(xen_version, XENVER_version, 0UL);
}

void events_off(void)
{
	__atomic_store_n(&this_pcpu()->info->evtchn_upcall_mask, 1, __ATOMIC_SEQ_CST);
}

long bind_virq(unsigned int virq, unsigned int vcpu)
{
	struct evtchn_bind_virq b = { .virq = virq, .vcpu = vcpu };
	long rc = evtchn(EVTCHNOP_bind_virq, &b);

	return rc ? rc : (long)b.port;
}

long bind_ipi(unsigned int vcpu)
{
	struct evtchn_bind_ipi b = { .vcpu = vcpu };
	long rc = evtchn(EVTCHNOP_bind_ipi, &b);

	return rc ? rc : (long)b.port;
}

uint64_t now(void)
{
	const volatile struct vcpu_time_info *t = &this_pcpu()->info->time;
	uint32_t version;
	uint64_t ns, delta;

	do {
		version = t->version;
		barrier();
		delta = rdtsc() - t->tsc_timestamp;
		if (t->tsc_shift >= 0)
			delta <<= t->tsc_shift;
		else
			delta >>= -t->tsc_shift;
		ns = t->system_time + (uint64_t)(((unsigned __int128)delta * t->tsc_to_system_mul) >> 32);
		barrier();
	} while ((version & 1) || version != t->version);
	return ns;
}
