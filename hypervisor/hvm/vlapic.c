// SPDX-License-Identifier: GPL-2.0-only
/*
 * The local APIC of a vcpu: an x2APIC (SDM volume 3, 11.12), on from the start and not to be switched off.
 * Its number is the vcpu's. All interrupts are edge-triggered: there is no I/O APIC. TPR lives in the
 * vendor's control block, where the guest reaches it as CR8 without an exit.
 *
 * The upcall of events is not kept here: it is pending as long as vcpu_info says so (event.c).
 */
#include "hvm-private.h"

enum { ID = 0x02, VERSION = 0x03, TPR = 0x08, PPR = 0x0a, EOI = 0x0b, LDR = 0x0d, SVR = 0x0f, ISR = 0x10, TMR = 0x18,
       IRR = 0x20, ESR = 0x28, ICR = 0x30, LVT_TIMER = 0x32, LVT_THERMAL, LVT_PERF, LVT_LINT0, LVT_LINT1, LVT_ERROR,
       TMICT = 0x38, TMCCT = 0x39, TDCR = 0x3e, SELF_IPI = 0x3f };

#define VERSION_VALUE	0x50014u		/* six LVT entries */
#define LVT_MASKED	BIT(16)
#define TIMER_MODE	(3u << 17)
#define TIMER_PERIODIC	(1u << 17)
#define TIMER_DEADLINE	(2u << 17)
#define SVR_ENABLED	BIT(8)
#define FIRST_VECTOR	16

enum { FIXED, LOWEST, NMI_MODE = 4, INIT_MODE, STARTUP };
#define ICR_MODE(icr)	((icr) >> 8 & 7)
#define ICR_LOGICAL	BIT(11)
#define ICR_SHORTHAND(icr) ((icr) >> 18 & 3)
enum { NO_SHORTHAND, TO_SELF, TO_ALL, TO_OTHERS };

static u32 *reg(const struct vcpu *v, unsigned int n)
{
	return (u32 *)&v->hvm.apic.reg[n];
}

/* ---- vectors ---- */

static int highest(const u32 *bits)
{
	for (int i = 7; i >= 0; i--) {
		u32 w = READ_ONCE(bits[i]);

		if (w)
			return i * 32 + fls64(w);
	}
	return -1;
}

static u8 priority(const struct vcpu *v)
{
	int isr = highest(reg(v, ISR));
	u8 tpr = hvm_ops->tpr(v);

	return isr >= 0 && isr >> 4 > tpr >> 4 ? isr & 0xf0 : tpr;
}

bool vlapic_blocks(const struct vcpu *v, u8 vector)
{
	return vector >> 4 <= priority(v) >> 4;
}

int vlapic_pending(const struct vcpu *v)
{
	int irr = highest(reg(v, IRR));

	return irr >= 0 && !vlapic_blocks(v, irr) ? irr : -1;
}

void vlapic_in_service(struct vcpu *v, u8 vector)
{
	set_bit(vector, reg(v, ISR));
}

void vlapic_withdraw(struct vcpu *v, u8 vector)
{
	clear_bit(vector, reg(v, IRR));
}

void vlapic_put_back(struct vcpu *v, u8 vector)
{
	set_bit(vector, reg(v, IRR));
}

static void post(struct vcpu *v, u8 vector)
{
	if (vector < FIRST_VECTOR || !(*reg(v, SVR) & SVR_ENABLED))
		return;
	if (!test_and_set_bit(vector, reg(v, IRR)))
		hvm_rouse(v);
}

/* ---- timer: a tick is a nanosecond times the divider ---- */

static u32 divider(const struct vcpu *v)
{
	u32 tdcr = *reg(v, TDCR);

	return 1u << ((((tdcr & 3) | (tdcr >> 1 & 4)) + 1) & 7);
}

static void timer_fired(void *arg)
{
	struct vcpu *v = arg;
	struct vlapic *a = &v->hvm.apic;
	u32 lvt = READ_ONCE(a->reg[LVT_TIMER]);

	a->tsc_deadline = 0;
	if (!(lvt & LVT_MASKED))
		post(v, lvt);
	if (a->period) {		/* ticks that were missed are not made up for */
		a->started = now_ns();
		timer_set(&a->timer, a->started + a->period);
	}
}

static void set_count(struct vcpu *v, u32 count)
{
	struct vlapic *a = &v->hvm.apic;
	u32 mode = a->reg[LVT_TIMER] & TIMER_MODE;
	s64 ns = (s64)count * divider(v);

	a->reg[TMICT] = count;
	a->started = now_ns();
	a->period = mode == TIMER_PERIODIC ? max_t(s64, ns, 100000) : 0;
	if (!count || mode == TIMER_DEADLINE)
		timer_stop(&a->timer);
	else
		timer_set(&a->timer, a->started + (a->period ?: ns));
}

static u32 current_count(const struct vcpu *v)
{
	const struct vlapic *a = &v->hvm.apic;
	s64 gone = (now_ns() - a->started) / divider(v);

	return timer_armed(&a->timer) && gone < a->reg[TMICT] ? a->reg[TMICT] - gone : 0;
}

bool vlapic_set_deadline(struct vcpu *v, u64 tsc)
{
	struct vlapic *a = &v->hvm.apic;
	s64 ticks = tsc - rdtsc();

	if ((a->reg[LVT_TIMER] & TIMER_MODE) != TIMER_DEADLINE)
		return true;		/* ignored, as the SDM has it */
	a->tsc_deadline = tsc;
	if (!tsc)
		timer_stop(&a->timer);
	else
		timer_set(&a->timer, now_ns() + (ticks > 0 ? min_t(s64, ticks, 1L << 43) * 1000000 / tsc_khz : 0));
	return true;
}

/* ---- interprocessor interrupts ---- */

/* INIT and start-up take effect when the vcpu is on its way into its guest: hvm_run(). */
static void stop_vcpu(struct vcpu *v)
{
	WRITE_ONCE(v->hvm.wait_sipi, true);
	set_bit(VF_DOWN, &v->sched.flags);
	vcpu_sleep_nosync(v);
}

static void start_vcpu(struct vcpu *v, u8 page)
{
	if (!xchg(&v->hvm.wait_sipi, false))
		return;
	v->hvm.start_page = page;
	v->initialised = true;
	smp_wmb();
	WRITE_ONCE(v->hvm.reset, true);
	clear_bit(VF_BLOCKED, &v->sched.flags);	/* it may have been in HLT */
	clear_bit(VF_DOWN, &v->sched.flags);
	vcpu_wake(v);
	vcpu_kick(v);			/* it may not have gone to sleep yet */
}

static void deliver(struct vcpu *v, u64 icr)
{
	switch (ICR_MODE(icr)) {
	case FIXED:
	case LOWEST:
		post(v, icr);
		break;
	case NMI_MODE:
		if (!xchg(&v->pv.nmi_pending, true))
			hvm_rouse(v);
		break;
	case INIT_MODE:
		stop_vcpu(v);
		break;
	case STARTUP:
		start_vcpu(v, icr);
		break;
	}
}

static bool is_target(const struct vcpu *v, const struct vcpu *from, u64 icr)
{
	u32 dest = icr >> 32;

	switch (ICR_SHORTHAND(icr)) {
	case TO_SELF:	return v == from;
	case TO_ALL:	return true;
	case TO_OTHERS:	return v != from;
	}
	if (dest == ~0u)
		return true;
	return icr & ICR_LOGICAL ? dest >> 16 == v->id >> 4 && dest & BIT(v->id & 15) : dest == v->id;
}

static bool send(struct vcpu *v, u64 icr)
{
	struct vcpu *to;

	for_each_vcpu(v->domain, to)
		if (is_target(to, v, icr)) {
			deliver(to, icr);
			if (ICR_MODE(icr) == LOWEST)
				break;
		}
	return true;
}

/* ---- registers ---- */

bool vlapic_read(struct vcpu *v, u32 n, u64 *val)
{
	switch (n) {
	case TPR:	*val = hvm_ops->tpr(v); return true;
	case PPR:	*val = priority(v); return true;
	case LDR:	*val = (u64)(v->id >> 4) << 16 | BIT(v->id & 15); return true;
	case TMCCT:	*val = current_count(v); return true;
	case ICR:	*val = *reg(v, ICR) | (u64)*reg(v, ICR + 1) << 32; return true;
	case ID: case VERSION: case SVR: case ISR ... IRR + 7: case ESR: case LVT_TIMER ... TMICT: case TDCR:
		*val = *reg(v, n);
		return true;
	}
	return false;
}

static void end_of_interrupt(struct vcpu *v)
{
	int isr = highest(reg(v, ISR));

	if (isr >= 0)
		clear_bit(isr, reg(v, ISR));
}

static bool write_lvt(struct vcpu *v, u32 n, u32 val)
{
	u32 old = *reg(v, n);

	*reg(v, n) = val & (n == LVT_TIMER ? 0x700ffu : 0x107ffu);
	if (n == LVT_TIMER && (old ^ val) & TIMER_MODE)
		set_count(v, 0);
	return true;
}

bool vlapic_write(struct vcpu *v, u32 n, u64 val)
{
	if (n != ICR && val >> 32)
		return false;
	switch (n) {
	case EOI:
		end_of_interrupt(v);
		return !val;
	case TPR:
		hvm_ops->set_tpr(v, val);
		return val < 0x100;
	case SVR:
		*reg(v, SVR) = val & 0x1ff;
		return true;
	case ICR:
		*reg(v, ICR) = val;
		*reg(v, ICR + 1) = val >> 32;
		return send(v, val);
	case SELF_IPI:
		post(v, val);
		return true;
	case TMICT:
		set_count(v, val);
		return true;
	case ESR:
		return !val;
	case TDCR:
		*reg(v, TDCR) = val & 0xb;
		return true;
	case LVT_TIMER ... LVT_ERROR:
		return write_lvt(v, n, val);
	}
	return false;
}

void vlapic_reset(struct vcpu *v)
{
	timer_stop(&v->hvm.apic.timer);
	memset(v->hvm.apic.reg, 0, sizeof(v->hvm.apic.reg));
	*reg(v, ID) = v->id;
	*reg(v, VERSION) = VERSION_VALUE;
	*reg(v, SVR) = 0xff;
	for (unsigned int n = LVT_TIMER; n <= LVT_ERROR; n++)
		*reg(v, n) = LVT_MASKED;
}

void vlapic_init(struct vcpu *v)
{
	timer_init(&v->hvm.apic.timer, timer_fired, v);
	vlapic_reset(v);
	v->hvm.wait_sipi = true;
}

void vlapic_destroy(struct vcpu *v)
{
	timer_stop(&v->hvm.apic.timer);
}
