// SPDX-License-Identifier: GPL-2.0-only
/*
 * The hypervisor's log and the way all console output takes:
 *
 *   printk() -> level filter -> "(XLT) " lines -+-> ring (dmesg) -> sysctl readconsole
 *   Domain0, guests -> console_puts() ----------+-> UART
 *                                               +-> VGA text
 *
 * printk() works in any context, in the middle of itself too: text is formatted on the stack, and
 * a CPU that already holds the lock (NMI, a fault in a sink) writes without it.
 */
#include <xenolith/boot.h>
#include <xenolith/debug.h>
#include <xenolith/drivers.h>
#include <xenolith/evtchn.h>
#include <xenolith/lock.h>
#include <xenolith/mm.h>
#include <xenolith/sched.h>
#include <xenolith/x86.h>

#define PREFIX		"(XLT) "
#define LEVEL_ALL	(LOG_DEBUG + 1u)
#define GUEST_BURST	10u		/* guest-caused messages ... */
#define GUEST_WINDOW	5000000000L	/* ... in so many ns */

/*
 * Messages below @always are printed, below @sometimes only as the rate limit allows, others not
 * at all. Index 0: the hypervisor's own, 1: caused by guests.
 */
static __ro_after_init struct threshold {
	u8 always, sometimes;
} threshold[2] = {
#ifdef DEBUG
	{ LEVEL_ALL, LEVEL_ALL }, { LEVEL_ALL, LEVEL_ALL },
#else
	{ LOG_INFO + 1, LOG_INFO + 1 }, { 0, LOG_WARNING + 1 },
#endif
};

static __ro_after_init bool to_uart, to_vga, to_ring, boot_stamps;
static bool running;

static DEFINE_SPINLOCK(console_lock);
static unsigned int lock_owner;		/* CPU + 1 */
static bool forced;

/* The ring: free-running indices; [oldest, newest) may be read. */
static char first_ring[KB(16)];
static char *ring = first_ring;
static u32 ring_size = sizeof(first_ring), ring_oldest, ring_newest;

static bool console_acquire(unsigned long *flags)
{
	*flags = irq_save();
	if (forced || READ_ONCE(lock_owner) == smp_cpu() + 1)
		return false;
	spin_lock(&console_lock);
	WRITE_ONCE(lock_owner, smp_cpu() + 1);
	return true;
}

static void console_release(bool locked, unsigned long flags)
{
	if (locked) {
		WRITE_ONCE(lock_owner, 0);
		spin_unlock(&console_lock);
	}
	irq_restore(flags);
}

static void ring_putc(char c)
{
	ring[ring_newest++ & (ring_size - 1)] = c;
	if (ring_newest - ring_oldest > ring_size)
		ring_oldest = ring_newest - ring_size;
}

static void sink_putc(char c, bool log)
{
	if (log)
		ring_putc(c);
	if (to_uart)
		uart_putc(c);
	if (to_vga)
		vga_putc(c);
}

static void start_line(void)
{
	char prefix[32] = PREFIX;
	u64 us;

	if (boot_stamps) {
		us = now_ns() / 1000;
		snprintf(prefix, sizeof(prefix), PREFIX "[%5lu.%06lu] ", us / 1000000, us % 1000000);
	}
	for (const char *s = prefix; *s; s++)
		sink_putc(*s, true);
}

static void notify_ring_reader(void)
{
	evtchn_send_global_virq(VIRQ_CON_RING);
}

static void log_text(const char *s)
{
	static bool in_line;
	unsigned long flags;
	bool locked = console_acquire(&flags);

	for (; *s; s++) {
		if (!in_line)
			start_line();
		sink_putc(*s, true);
		in_line = *s != '\n';
	}
	console_release(locked, flags);
	if (running && !forced)
		softirq_raise(SOFTIRQ_RING);
}

/* GUEST_BURST messages in a GUEST_WINDOW for everything that guests cause. */
static bool rate_allows(void)
{
	static DEFINE_SPINLOCK(lock);
	static s64 began;
	static unsigned int nr;
	unsigned long flags = spin_lock_irqsave(&lock);
	unsigned int lost = 0;
	s64 now = now_ns();
	bool ok;

	if (now - began > GUEST_WINDOW) {
		lost = max(nr, GUEST_BURST) - GUEST_BURST;
		began = now;
		nr = 0;
	}
	ok = nr++ < GUEST_BURST;
	spin_unlock_irqrestore(&lock, flags);
	if (lost)
		printk_warn("%u messages of guests suppressed.\n", lost);
	return ok;
}

void printk(const char *fmt, ...)
{
	unsigned int level = LOG_INFO;
	bool guest = false;
	char text[512];
	va_list ap;

	for (; *fmt == '\001'; fmt += 2) {
		guest |= fmt[1] == 'g';
		level = fmt[1] == 'g' ? LOG_WARNING : fmt[1] - '0';
	}
	if (!forced && level >= threshold[guest].always &&
	    (level >= threshold[guest].sometimes || !rate_allows()))
		return;
	va_start(ap, fmt);
	if (vsnprintf(text, sizeof(text), fmt, ap) >= (int)sizeof(text))
		text[sizeof(text) - 2] = '\n';
	va_end(ap);
	log_text(text);
}

void console_puts(const char *s, size_t n)
{
	unsigned long flags;
	bool locked = console_acquire(&flags);

	for (; n; n--, s++)
		if (*s)
			sink_putc(*s, to_ring);
	console_release(locked, flags);
}

void console_force(void)
{
	forced = true;
}

size_t console_ring_copy(u32 *index, char *buf, size_t n, bool clear)
{
	unsigned long flags;
	bool locked = console_acquire(&flags);
	size_t done = 0;

	if (*index - ring_oldest > ring_newest - ring_oldest)
		*index = ring_oldest;
	while (done < n && *index != ring_newest)
		buf[done++] = ring[(*index)++ & (ring_size - 1)];
	if (clear)
		ring_oldest = *index;
	console_release(locked, flags);
	return done;
}

/* ---- boot ---- */

static const char *__init parse_level(const char *s, u8 *level)
{
	static const char names[][8] __initconst = { "none", "error", "warning", "info", "debug", "all" };

	for (unsigned int i = 0; i < ARRAY_SIZE(names); i++)
		if (!strncmp(s, names[i], strlen(names[i]))) {
			*level = min(i, LEVEL_ALL);
			return s + strlen(names[i]);
		}
	return s;
}

/* "warning", or "warning/all": print always / print as the rate limit allows. */
static void __init parse_threshold(const char *param, struct threshold *t)
{
	const char *s = boot_param(param);

	if (!s)
		return;
	s = parse_level(s, &t->always);
	t->sometimes = t->always;
	if (*s == '/')
		parse_level(s + 1, &t->sometimes);
}

static bool __init listed(const char *list, const char *word)
{
	size_t n = strlen(word);

	for (; list; list = strchr(list, ',')) {
		list += *list == ',';
		if (!strncmp(list, word, n) && (!list[n] || list[n] == ','))
			return true;
	}
	return false;
}

/* A port is used when it is configured, or named without being configured. */
static bool __init start_uart(const char *list, const char *name, unsigned int nr, bool by_default)
{
	const char *config = boot_param(name);

	if (!listed(list, name) || (!config && by_default))
		return false;
	return uart_init(nr, config ? config : "115200,8n1");
}

void __init console_early_init(void)
{
	const char *list = boot_param("console"), *stamps = boot_param("console_timestamps");
	bool by_default = !list;

	if (by_default)
		list = "com1,vga";
	parse_threshold("loglvl", &threshold[0]);
	parse_threshold("guest_loglvl", &threshold[1]);
	boot_stamps = stamps && strcmp(stamps, "none") && strcmp(stamps, "no");
	to_ring = boot_param_bool("console_to_ring", false);
	to_uart = start_uart(list, "com1", 0, by_default) || start_uart(list, "com2", 1, by_default);
	vga_init();
	to_vga = listed(list, "vga");
}

static void __init enlarge_ring(void)
{
	unsigned long size = boot_param_size("conring_size", KB(64), KB(1));
	unsigned long flags;
	unsigned int order = 4;
	char *bigger;
	bool locked;

	while (order < 10 && (unsigned long)PAGE_SIZE << order < size)
		order++;
	bigger = alloc_hyp_pages(order);
	if (!bigger)
		return;
	locked = console_acquire(&flags);
	for (u32 i = ring_oldest, mask = (PAGE_SIZE << order) - 1; i != ring_newest; i++)
		bigger[i & mask] = ring[i & (ring_size - 1)];
	ring = bigger;
	ring_size = PAGE_SIZE << order;
	console_release(locked, flags);
}

void __init console_init(void)
{
	vga_remap();
	enlarge_ring();
	console_input_init();
}

void __init console_hand_to_domain0(void)
{
	if (!listed(boot_param("vga"), "keep") && to_vga) {
		printk("VGA goes to Domain0.\n");
		to_vga = false;
	}
	softirq_set_handler(SOFTIRQ_RING, notify_ring_reader);
	running = true;
	console_input_hand_over();
}
