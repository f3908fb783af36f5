// SPDX-License-Identifier: GPL-2.0-only
/*
 * The 8250/16550 family of serial ports at I/O ports. Output is polled, a FIFO's worth per look at
 * the status; nothing here takes a lock: output is under the console's, input in its own interrupt.
 */
#include <xenolith/drivers.h>
#include <xenolith/lib.h>
#include <xenolith/x86.h>

#define RBR		0	/* data */
#define IER		1	/* interrupts enabled */
#define FCR		2	/* FIFO control (write), interrupt cause (read) */
#define LCR		3	/* line format */
#define MCR		4	/* modem control */
#define LSR		5	/* line status */
#define SCR		7	/* scratch */
#define LCR_DLAB	0x80	/* RBR and IER are the divisor */
#define MCR_ON		0x0b	/* DTR, RTS, OUT2 (the gate of the interrupt line) */
#define LSR_DATA	0x01
#define LSR_EMPTY	0x20
#define IIR_NONE	0x01
#define FIFO_ON		0x07	/* enable, clear both */
#define FIFO_SIZE	16
#define CLOCK		115200	/* divisor 1 */
#define PATIENCE	100000	/* looks at the status before a character is given up, 0.1 s */

struct uart {
	u16 port;		/* 0: none in use */
	int irq;
	u8 lcr;
	u16 divisor;		/* 0: as firmware left it */
	unsigned int room, fifo;
	bool stuck, after_cr;
};
static struct uart uart;

/* "8n1": data bits, parity, stop bits. */
static const char *__init parse_format(const char *s, u8 *lcr)
{
	static const char parities[] __initconst = "noems";
	const char *parity;

	if (*s >= '5' && *s <= '8')
		*lcr = *s++ - '5';
	parity = *s ? strchr(parities, *s) : NULL;
	if (parity) {
		*lcr |= parity == parities ? 0 : (2 * (parity - parities) - 1) << 3;
		s++;
	}
	if (*s == '1' || *s == '2')
		*lcr |= (*s++ - '1') << 2;
	return s;
}

/* "baud[/clock][,format[,port[,irq]]]", each part may be empty. */
static void __init parse_config(struct uart *u, const char *s)
{
	unsigned long clock = CLOCK, n;
	const char *end;

	n = lib_strtoull(s, &end, 10);
	s = strncmp(s, "auto", 4) ? end : s + 4;
	if (*s == '/')
		clock = lib_strtoull(s + 1, &s, 0) / 16;
	if (n)
		u->divisor = max_t(unsigned long, clock / n, 1);
	if (*s == ',')
		s = parse_format(s + 1, &u->lcr);
	if (*s == ',')
		u->port = lib_strtoull(s + 1, &s, 0) ?: u->port;
	if (*s == ',') {
		n = lib_strtoull(s + 1, &end, 0);
		if (end != s + 1)
			u->irq = n ? (int)n : -1;
	}
}

/* The scratch register holds two patterns, and no interrupt-enable bit reads as set when clear. */
static bool __init probe(u16 port)
{
	outb(0x55, port + SCR);
	if (inb(port + SCR) != 0x55)
		return false;
	outb(0xaa, port + SCR);
	if (inb(port + SCR) != 0xaa)
		return false;
	outb(0, port + IER);
	return inb(port + IER) == 0;
}

bool __init uart_init(unsigned int nr, const char *config)
{
	struct uart u = { .port = nr ? 0x2f8 : 0x3f8, .irq = nr ? 3 : 4, .lcr = 3 };

	parse_config(&u, config);
	if (!probe(u.port))
		return false;
	outb(u.lcr | LCR_DLAB, u.port + LCR);
	if (u.divisor) {
		outb(u.divisor, u.port + RBR);
		outb(u.divisor >> 8, u.port + IER);
	}
	outb(u.lcr, u.port + LCR);
	outb(MCR_ON, u.port + MCR);
	outb(FIFO_ON, u.port + FCR);
	u.fifo = (inb(u.port + FCR) & 0xc0) == 0xc0 ? FIFO_SIZE : 1;
	uart = u;
	return true;
}

bool uart_present(void)
{
	return uart.port;
}

bool uart_owns_port(unsigned int port)
{
	return uart.port && port - uart.port < 8;
}

/* A line that never drains (flow control, a dead port) costs its patience once, not per character. */
static bool wait_room(void)
{
	for (unsigned int i = uart.stuck ? 1 : PATIENCE; i; i--) {
		if (inb(uart.port + LSR) & LSR_EMPTY) {
			uart.stuck = false;
			uart.room = uart.fifo;
			return true;
		}
		cpu_relax();
	}
	uart.stuck = true;
	return false;
}

static void send(char c)
{
	if (!uart.room && !wait_room())
		return;
	uart.room--;
	outb(c, uart.port + RBR);
}

void uart_putc(char c)
{
	if (c == '\n' && !uart.after_cr)
		send('\r');
	uart.after_cr = c == '\r';
	send(c);
}

int uart_getc(void)
{
	return uart.port && (inb(uart.port + LSR) & LSR_DATA) ? inb(uart.port + RBR) : -1;
}

bool __init uart_listen(void (*fn)(void))
{
	if (uart.irq < 0 || irq_request(uart.irq, fn))
		return false;
	outb(1, uart.port + IER);
	return true;
}
