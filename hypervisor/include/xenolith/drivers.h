/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * drivers: the few devices the hypervisor runs itself: UART, VGA text, ACPI static tables, PCI
 * configuration access, IO-APIC and MSI routing, HPET/PIT/PM timer as time sources; console.
 */
#ifndef XENOLITH_DRIVERS_H
#define XENOLITH_DRIVERS_H

#include <xenolith/lib.h>
#include <xenolith/lock.h>
#include <xen/xen.h>
#include <xen/physdev.h>

struct domain;
struct vcpu;
struct cpu_regs;

/* ---- console: drivers/console.c: sinks (UART, VGA), ring for dmesg, Domain0's input ---- */
enum log_level { LOG_ERR, LOG_WARNING, LOG_INFO, LOG_DEBUG };
/** printk: log line(s) "(XLT) text\n"; any context. Level by a leading KERN_ string, default INFO. */
void printk(const char *fmt, ...) __printf(1, 2);
#define KERN_ERR	"\0010"		/* enum log_level */
#define KERN_WARNING	"\0011"
#define KERN_DEBUG	"\0013"
#define KERN_GUEST	"\001g"	/* caused by a guest: own threshold, rate-limited; a warning,
				 * or KERN_GUEST KERN_x: of that level */
#define printk_err(f, ...)	printk(KERN_ERR f, ##__VA_ARGS__)
#define printk_warn(f, ...)	printk(KERN_WARNING f, ##__VA_ARGS__)
#define printk_guest(f, ...)	printk(KERN_GUEST f, ##__VA_ARGS__)	/* e.g. "d%u: ..." */
struct console_domain {			/* d->console: a line that a guest has begun */
	spinlock_t lock;
	unsigned int len;
	char line[160];
};
void console_early_init(void);		/* parses console= com1= com2= vga= loglvl= guest_loglvl= */
void console_init(void);		/* interrupts for input, ring to its final size (conring_size=) */
void console_hand_to_domain0(void);	/* end of boot: input goes to Domain0, "vga" released unless kept */
void console_force(void);		/* panic: break locks, synchronous from now on */
/** console_puts: raw text of Domain0 or a guest to the sinks. */
void console_puts(const char *s, size_t n);
/** console_guest_write: text of @d to the log, a line at a time. */
void console_guest_write(struct domain *d, const char *s, unsigned int n);
long do_console_io(unsigned long cmd, unsigned long count, unsigned long buf, unsigned long, unsigned long);
void console_input_init(void);		/* console-io.c, for console.c */
void console_input_hand_over(void);
/**
 * console_ring_copy: for sysctl readconsole: up to @n bytes from free-running position *@index on
 * (0, or one no longer kept: from the oldest), which moves along; @clear forgets what was read.
 */
size_t console_ring_copy(u32 *index, char *buf, size_t n, bool clear);

/* A console sink. */
bool uart_init(unsigned int nr, const char *config);	/* "115200,8n1[,port[,irq]]"; false: absent */
bool uart_present(void);
bool uart_owns_port(unsigned int port);		/* not for Domain0 */
void uart_putc(char c);
int uart_getc(void);				/* -1: nothing */
bool uart_listen(void (*fn)(void));		/* call @fn when there is input; false: poll for it */
void vga_init(void);
void vga_remap(void);				/* from now on by ioremap() */
void vga_putc(char c);
/** vga_fill_dom0_info: what Domain0 is told of the display; bytes written, 0: there is none. */
size_t vga_fill_dom0_info(struct dom0_vga_console_info *info);

/* ---- ACPI static tables: drivers/acpi.c (pure parser part is host-tested) ---- */
struct acpi_cpu { u32 apic_id, acpi_id; };
struct acpi_ioapic { paddr_t address; u32 gsi_base; };
struct acpi_override { u8 source; u32 gsi; u16 flags; };
struct acpi_info {
	paddr_t rsdp;
	unsigned int nr_cpus, nr_ioapics, nr_overrides;
	struct acpi_cpu cpu[128];	/* those enabled */
	struct acpi_ioapic ioapic[16];
	struct acpi_override override[24];
	paddr_t hpet_address;
	u32 pm_timer_port;		/* 0: none */
	bool pm_timer_32bit;
	u32 pm1a_cnt, pm1b_cnt;
	u16 reset_port;			/* 0: none */
	u8 reset_value;
	bool s5_known;			/* power-off values found in the DSDT */
	u8 s5_typ_a, s5_typ_b;
};
extern struct acpi_info acpi;
/** acpi_parse: add to @info what the tables say; false: no usable RSDP. Pure but for acpi_map(). */
bool acpi_parse(struct acpi_info *info, paddr_t rsdp_hint);
/** acpi_map: @n bytes of physical memory to read, or NULL; valid until mm_init(). */
const void *acpi_map(paddr_t pa, size_t n);
void acpi_init(paddr_t rsdp_hint);	/* 0: search the BIOS areas; panics-free: prints and goes on */

/* ---- PCI configuration space ---- */
u32 io_read(u16 port, unsigned int bytes);	/* 1, 2 or 4 */
void io_write(u16 port, unsigned int bytes, u32 val);
/** pci_cf8_guest_*: Domain0's accesses to ports 0xcf8-0xcff, emulated so that both can use them. */
u32 pci_cf8_guest_read(struct domain *d, unsigned int port, unsigned int bytes);
void pci_cf8_guest_write(struct domain *d, unsigned int port, unsigned int bytes, u32 val);

/* ---- interrupts: drivers/irq.c (descriptors, vectors), ioapic.c, i8259.c, msi.c ---- */
void irq_init(void);			/* 8259 off, IO-APIC redirection entries masked, vectors ready */
int irq_request(unsigned int isa_irq, void (*fn)(void));	/* handled by the hypervisor; 0, -EBUSY, -ENOSPC */
/** irq_entry: every dynamic vector arrives here, interrupts off. */
void irq_entry(struct cpu_regs *regs);
/* For evtchn/: a domain binds a pirq to a port. */
int pirq_bind(struct vcpu *v, unsigned int pirq, bool will_share);
void pirq_unbind(struct domain *d, unsigned int pirq);
void pirq_unmask(struct domain *d, unsigned int pirq);	/* PHYSDEVOP_eoi */
void pirq_set_affinity(struct domain *d, unsigned int pirq, struct vcpu *v);
void irq_dump(void);			/* debug key 'i' */
long do_physdev_op(unsigned long cmd, unsigned long arg, unsigned long, unsigned long, unsigned long);

/* ---- platform timer: drivers/platform-timer.c: HPET, else PM timer, else PIT ---- */
struct platform_timer {
	const char *name;
	u64 hz;
	u64 mask;			/* counter wraps at mask + 1 */
	u64 (*read)(void);
};
const struct platform_timer *platform_timer_init(void);
u64 cmos_wallclock(void);		/* seconds since 1970 of the RTC */

/* ---- machine end ---- */
void __noreturn machine_restart(void);
void __noreturn machine_halt(void);
void machine_power_off(void);		/* tries; returns when it could not */
int acpi_enter_sleep(u16 pm1a_val, u16 pm1b_val, unsigned int flags, unsigned int state);

#endif
