// SPDX-License-Identifier: GPL-2.0-only
/*
 * Suspending the domain, when the toolstack asks for it (shutdown.c). It is the kernel's own suspend to memory; only the
 * last step of it is ours:
 *
 *	pm_suspend(): tasks stop, devices are suspended (disks finish what they have begun), events are masked but those of
 *	timers, the other vcpus go, clocks and timers stop  →  enter(): SCHEDOP_shutdown(SHUTDOWN_suspend)
 *	                                                         the domain stands still until the toolstack
 *	and all of it backwards, event channels, grants      ←  answers 1: it is where it was
 *	and rings as they were
 *
 * While it stands still neither the kernel's monotonic time nor its scheduler's clock goes on; the wall clock does, by our
 * clock source (time.c).
 *
 * Whoever asks by /sys/power/state does not come here: the kernel offers this state there if it is valid when it is made
 * known, and it is valid only while the toolstack waits. A domain that suspends itself has nobody who wakes it.
 */
#define pr_fmt(fmt) "xen-port: " fmt
#include <linux/panic.h>
#include <linux/smp.h>
#include <linux/suspend.h>
#include <linux/workqueue.h>
#include <asm/x86_init.h>
#include "port.h"
#include <xen/interface/sched.h>

static bool asked;

static int valid(suspend_state_t state)
{
	return state == PM_SUSPEND_MEM && READ_ONCE(asked);
}

/*
 * The domain was written to a file or sent elsewhere, and made anew: another shared page, other event channels, rings of the
 * store and the console, backends that know nothing of us. No toolstack of ours can do that yet, so nothing here can either.
 */
static void restored(void)
{
	panic("xen-port: restored into another domain, which this version cannot live in\n");
}

/* On the only CPU that is left, interrupts off. What the domain did not run is neither stolen nor the current task's. */
static int enter(suspend_state_t state)
{
	struct sched_shutdown op = { .reason = SHUTDOWN_suspend };
	int rc;

	steal_cpu_down(smp_processor_id());
	x86_platform.save_sched_clock_state();
	rc = HYPERVISOR_sched_op(SCHEDOP_shutdown, &op);
	x86_platform.restore_sched_clock_state();
	steal_cpu_up(smp_processor_id());
	if (!rc)
		restored();
	return rc < 0 ? rc : 0;
}

static const struct platform_suspend_ops ops = { .valid = valid, .enter = enter };

/* Of a queue whose workers are not bound to a CPU, and go on when tasks stop. */
static void do_suspend(struct work_struct *work)
{
	int rc;

	WRITE_ONCE(asked, true);
	rc = pm_suspend(PM_SUSPEND_MEM);
	WRITE_ONCE(asked, false);
	if (rc)
		pr_err("the domain is not suspended: error %d\n", rc);
}
static DECLARE_WORK(work, do_suspend);

void suspend_asked(void)
{
	queue_work(system_unbound_wq, &work);
}

bool suspend_possible(void)
{
	return IS_ENABLED(CONFIG_SUSPEND);
}

int suspend_init(void)
{
	if (suspend_possible())
		suspend_set_ops(&ops);
	else
		pr_info("this kernel cannot suspend, so the domain cannot\n");
	return 0;
}

void suspend_exit(void)
{
	cancel_work_sync(&work);
	if (suspend_possible())
		suspend_set_ops(NULL);
}
