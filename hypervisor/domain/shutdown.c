// SPDX-License-Identifier: GPL-2.0-only
/*
 * The end of a domain, by its own wish or by its fault. A shut-down domain stands still, paused,
 * until the toolstack has seen why and destroys it. Domain0's end is the machine's.
 */
#include <xenolith/debug.h>
#include <xenolith/domain.h>
#include <xenolith/drivers.h>

#define LEAVING_NS 50000	/* until one looks again whether the vcpus of a domain have left their CPUs */

static void __noreturn machine_follows(unsigned int reason)
{
	switch (reason) {
	case SHUTDOWN_poweroff:
		printk("Domain0 halted: powering off\n");
		machine_power_off();
		machine_halt();
	case SHUTDOWN_crash:
		printk_err("Domain0 crashed\n");
		debug_end_machine();
	case SHUTDOWN_watchdog:
		printk_err("Domain0's watchdog expired: rebooting\n");
		break;
	case SHUTDOWN_reboot:
		printk("Domain0 shut down: rebooting\n");
		break;
	default:
		printk_err("Domain0 shut down, reason %u: rebooting\n", reason);
	}
	machine_restart();
}

/* Takes the decision once: false when the domain is going down already. */
static bool start_shutdown(struct domain *d, unsigned int *reason)
{
	bool first;

	spin_lock(&d->lock);
	if (d->shutdown_code == SHUTDOWN_CODE_NONE)
		d->shutdown_code = *reason;
	*reason = d->shutdown_code;
	first = !d->shutting_down;
	d->shutting_down = true;
	spin_unlock(&d->lock);
	return first;
}

/* Who is told that a domain has shut down may count on its memory: no CPU is still at its last instructions. */
static void finish_shutdown(void *arg)
{
	struct domain *d = arg;
	struct vcpu *v;

	for_each_vcpu(d, v) {
		if (READ_ONCE(v->sched.running)) {
			timer_set(&d->shutdown_work, now_ns() + LEAVING_NS);
			return;
		}
	}
	smp_mb();				/* what the vcpus wrote comes before */
	WRITE_ONCE(d->shut_down, true);
	printk("d%u shut down, reason %u\n", d->id, d->shutdown_code);
	evtchn_send_global_virq(VIRQ_DOM_EXC);
	domain_put(d);
}

/* It may be a vcpu of the domain that asks, with locks held: nobody can wait for the others here. */
void domain_shutdown(struct domain *d, unsigned int reason)
{
	if (d->is_hardware)
		machine_follows(reason);
	if (!start_shutdown(d, &reason))
		return;
	domain_pause_nosync(d);
	domain_hold(d);
	d->shutdown_work.fn = finish_shutdown;	/* not initialised anew: after a resume it may just be coming to its end */
	d->shutdown_work.arg = d;
	timer_set(&d->shutdown_work, 0);
}

void domain_crash(struct domain *d, const char *fmt, ...)
{
	char why[160];
	va_list ap;

	if (d->shutting_down)
		return;
	va_start(ap, fmt);
	vsnprintf(why, sizeof(why), fmt, ap);
	va_end(ap);
	if (d == current->domain) {
		printk_err("d%uv%u crashed: %s\n", d->id, current->id, why);
		debug_dump_regs(guest_regs());
		debug_dump_guest_stack(guest_regs());
	} else {
		printk_err("d%u crashed: %s\n", d->id, why);
	}
	domain_shutdown(d, SHUTDOWN_crash);
}
