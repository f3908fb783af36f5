// SPDX-License-Identifier: GPL-2.0-only
/*
 * Console input, and the console_io hypercall.
 *
 * What is typed on the serial line is queued for Domain0 (VIRQ_CONSOLE, CONSOLEIO_read) or for the
 * hypervisor, where each character is a debug key. The switch character typed three times changes
 * between the two.
 */
#include <xenolith/boot.h>
#include <xenolith/debug.h>
#include <xenolith/domain.h>
#include <xenolith/drivers.h>
#include <xenolith/hypercall.h>
#include <xenolith/sched.h>
#include <xenolith/x86.h>

#define POLL_PERIOD	20000000	/* ns, for ports without an interrupt */
#define CHUNK		128		/* written with interrupts off: 11 ms at 115200 baud */

static char queue[KB(4)];
static unsigned int head, tail;		/* free-running indices */
static DEFINE_SPINLOCK(queue_lock);

static bool input_to_domain0;
static __ro_after_init char switch_char;	/* 0: switching is off */
static __ro_after_init bool stay_with_hypervisor;
static struct timer poll_timer;

static void queue_put(char c)
{
	unsigned long flags = spin_lock_irqsave(&queue_lock);

	if (head - tail < sizeof(queue))
		queue[head++ % sizeof(queue)] = c;
	spin_unlock_irqrestore(&queue_lock, flags);
}

static unsigned int queue_get(char *buf, unsigned int n)
{
	unsigned long flags = spin_lock_irqsave(&queue_lock);
	unsigned int i = 0;

	while (i < n && tail != head)
		buf[i++] = queue[tail++ % sizeof(queue)];
	spin_unlock_irqrestore(&queue_lock, flags);
	return i;
}

static void run_keys(void)
{
	char c;

	while (!input_to_domain0 && queue_get(&c, 1))
		debug_key(c);
}

/* What the one has not read is not meant for the other. */
static void set_input(bool domain0_gets_it)
{
	unsigned long flags = spin_lock_irqsave(&queue_lock);

	tail = head;
	input_to_domain0 = domain0_gets_it;
	spin_unlock_irqrestore(&queue_lock, flags);
	printk("*** Serial input to %s", domain0_gets_it ? "DOM0" : "Xenolith");
	if (switch_char)
		printk(" (type 'CTRL-%c' three times to switch input)", switch_char - 1 + 'a');
	printk("\n");
}

/* The switch character is eaten in groups of three; fewer are passed on with what follows. */
static void receive(char c)
{
	static unsigned int count;

	if (switch_char && c == switch_char) {
		if (++count == 3) {
			count = 0;
			set_input(!input_to_domain0);
		}
		return;
	}
	for (; count; count--)
		queue_put(switch_char);
	queue_put(c);
}

static void receive_all(void)
{
	int c;

	while ((c = uart_getc()) >= 0)
		receive(c);
	if (head != tail && input_to_domain0)
		evtchn_send_global_virq(VIRQ_CONSOLE);
	else if (head != tail)
		softirq_raise(SOFTIRQ_KEYS);
}

static void poll(void *arg)
{
	receive_all();
	timer_set(&poll_timer, now_ns() + POLL_PERIOD);
}

void __init console_input_init(void)
{
	const char *s = boot_param("conswitch");

	softirq_set_handler(SOFTIRQ_KEYS, run_keys);
	s = s && *s ? s : "a";
	if ((*s | 0x20) >= 'a' && (*s | 0x20) <= 'z')
		switch_char = (*s | 0x20) - 'a' + 1;
	stay_with_hypervisor = s[1] == 'x';
	if (!uart_present() || uart_listen(receive_all))
		return;
	timer_init(&poll_timer, poll, NULL);
	timer_set(&poll_timer, now_ns() + POLL_PERIOD);
}

void __init console_input_hand_over(void)
{
	if (uart_present())
		set_input(!stay_with_hypervisor);
}

/* ---- the hypercall ---- */

/* Guests other than Domain0: printable text, a line at a time, marked and rate-limited. */
void console_guest_write(struct domain *d, const char *s, unsigned int n)
{
	struct console_domain *con = &d->console;

	spin_lock(&con->lock);
	for (; n; n--, s++) {
		if ((*s >= ' ' && *s != 0x7f) || *s == '\t')
			con->line[con->len++] = *s;
		if (*s == '\n' || con->len == sizeof(con->line)) {
			printk_guest(KERN_DEBUG "(d%u) %.*s\n", d->id, con->len, con->line);
			con->len = 0;
		}
	}
	spin_unlock(&con->lock);
}

static long console_write(struct domain *d, unsigned long buf, unsigned int count)
{
	char text[CHUNK];

	while (count) {
		unsigned int n = min_t(unsigned int, count, sizeof(text));

		if (copy_from_guest(text, guest_ptr(buf), n))
			return -EFAULT;
		if (d->is_hardware)
			console_puts(text, n);
		else
			console_guest_write(d, text, n);
		buf += n;
		count -= n;
		if (count && hypercall_preempt())
			return hypercall_continue(__HYPERVISOR_console_io, CONSOLEIO_write, count, buf, 0, 0);
	}
	return 0;
}

/* May give less than there is: readers come again until there is nothing. */
static long console_read(unsigned long buf, unsigned int count)
{
	char text[CHUNK];
	unsigned int n = queue_get(text, min_t(unsigned int, count, sizeof(text)));

	return copy_to_guest(guest_ptr(buf), text, n) ? -EFAULT : n;
}

long do_console_io(unsigned long cmd, unsigned long count, unsigned long buf, unsigned long a4, unsigned long a5)
{
	struct domain *d = current->domain;

	if ((u32)count > 0x7fffffff)
		return -EINVAL;
	switch ((u32)cmd) {
	case CONSOLEIO_write:
		return console_write(d, buf, count);
	case CONSOLEIO_read:
		return d->is_hardware ? console_read(buf, count) : -EPERM;
	default:
		return d->is_hardware ? -ENOSYS : -EPERM;
	}
}
