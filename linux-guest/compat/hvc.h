/* SPDX-License-Identifier: GPL-2.0-only */
/* Consoles of hypervisors: exported by the kernel, but its header is not in the package of headers. */
#ifndef XENOLITH_COMPAT_HVC_H
#define XENOLITH_COMPAT_HVC_H

#include <linux/types.h>
#include <linux/version.h>

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 8, 0)
typedef int hvc_count;
typedef int hvc_size;
typedef char hvc_in_chars;
typedef const char hvc_out_chars;
#else
typedef ssize_t hvc_count;
typedef size_t hvc_size;
typedef u8 hvc_in_chars;
typedef const u8 hvc_out_chars;
#endif

struct hvc_struct;

struct hv_ops {
	hvc_count (*get_chars)(u32 vtermno, hvc_in_chars *text, hvc_size count);
	hvc_count (*put_chars)(u32 vtermno, hvc_out_chars *text, hvc_size count);
	int (*flush)(u32 vtermno, bool wait);
	int (*notifier_add)(struct hvc_struct *hp, int irq);
	void (*notifier_del)(struct hvc_struct *hp, int irq);
	void (*notifier_hangup)(struct hvc_struct *hp, int irq);
	int (*tiocmget)(struct hvc_struct *hp);
	int (*tiocmset)(struct hvc_struct *hp, unsigned int set, unsigned int clear);
	void (*dtr_rts)(struct hvc_struct *hp, bool active);
};

int hvc_instantiate(u32 vtermno, int index, const struct hv_ops *ops);
struct hvc_struct *hvc_alloc(u32 vtermno, int data, const struct hv_ops *ops, int outbuf_size);
int hvc_remove(struct hvc_struct *hp);
int hvc_poll(struct hvc_struct *hp);
void hvc_kick(void);

#endif
