// SPDX-License-Identifier: GPL-2.0-only
/* Traps, callbacks, expected faults, user mode. */
#include "lib.h"

#define VECTORS(x) x(0) x(1) x(2) x(3) x(4) x(5) x(6) x(7) x(8) x(9) x(10) x(11) x(12) x(13) x(14) x(15) x(16) x(17) \
	x(18) x(19) x(20) x(21) x(0x80) x(0x100) x(0x101) x(0x102) x(0x103) x(0x104)
#define DECLARE(v) void entry_##v(void);
VECTORS(DECLARE)

#define KERNEL_ONLY(v) { v, 0, FLAT_KERNEL_CS, (unsigned long)entry_##v },
#define EVERYBODY(v) { v, 3, FLAT_KERNEL_CS, (unsigned long)entry_##v },
const struct trap_info trap_table[] = {
	KERNEL_ONLY(0) KERNEL_ONLY(1) KERNEL_ONLY(2) EVERYBODY(3) KERNEL_ONLY(4) KERNEL_ONLY(5) KERNEL_ONLY(6)
	KERNEL_ONLY(7) KERNEL_ONLY(8) KERNEL_ONLY(9) KERNEL_ONLY(10) KERNEL_ONLY(11) KERNEL_ONLY(12) KERNEL_ONLY(13)
	KERNEL_ONLY(14) KERNEL_ONLY(15) KERNEL_ONLY(16) KERNEL_ONLY(17) KERNEL_ONLY(18) KERNEL_ONLY(19)
	KERNEL_ONLY(20) KERNEL_ONLY(21) EVERYBODY(0x80)
	{ 0, 0, 0, 0 },
};

struct extable { uint64_t from, to; };
extern const struct extable __ex_table[], __ex_table_end[];

unsigned long iret_flags;
bool (*volatile trap_hook)(struct frame *f);
void (*volatile event_hook)(unsigned int port);
void (*volatile upcall_end_hook)(void);
volatile unsigned int event_count[4096];

static void handle_events(struct pcpu *p)
{
	struct vcpu_info *info = p->info;

	while (__atomic_exchange_n(&info->evtchn_upcall_pending, 0, __ATOMIC_SEQ_CST)) {
		unsigned long words = __atomic_exchange_n(&info->evtchn_pending_sel, 0, __ATOMIC_SEQ_CST);

		for (; words; words &= words - 1) {
			unsigned int w = (unsigned int)__builtin_ctzl(words);
			unsigned long ports = shared_info->evtchn_pending[w] & ~shared_info->evtchn_mask[w];

			for (; ports; ports &= ports - 1) {
				unsigned int port = w * 64 + (unsigned int)__builtin_ctzl(ports);

				event_clear(port);
				__atomic_fetch_add(&event_count[port], 1, __ATOMIC_SEQ_CST);
				if (event_hook)
					event_hook(port);
			}
		}
	}
}

static void __attribute__((noreturn)) unexpected(struct frame *f)
{
	note("rax %016lx rbx %016lx rcx %016lx rdx %016lx", f->rax, f->rbx, f->rcx, f->rdx);
	note("rsi %016lx rdi %016lx rbp %016lx r8  %016lx", f->rsi, f->rdi, f->rbp, f->r8);
	note("rsp %016lx ss %lx cs %lx rflags %lx cr2 %lx", f->rsp, f->ss, f->cs, f->rflags, this_pcpu()->info->arch.cr2);
	bail("unexpected trap 0x%x error 0x%x at %016lx", f->vector, f->error, f->rip);
}

void trap_dispatch(struct frame *f)
{
	struct pcpu *p = this_pcpu();

	if (f->vector == TRAP_EVENT) {
		handle_events(p);
		if (upcall_end_hook)
			upcall_end_hook();
		return;
	}
	if (trap_hook && trap_hook(f))
		return;

	p->trap.vector = (int)f->vector;
	p->trap.error = f->error;
	p->trap.rip = f->rip;
	p->trap.cr2 = p->info->arch.cr2;
	p->trap.frame = *f;
	if (p->user) {
		*p->user = *f;
		p->user = NULL;
		frame_leave(p->resume, (int)f->vector);
	}
	for (const struct extable *e = __ex_table; e < __ex_table_end; e++) {
		if (f->rip == e->from) {
			f->rip = e->to;
			return;
		}
	}
	unexpected(f);
}

void trap_table_load(void)
{
	if (hypercall(set_trap_table, trap_table))
		bail("set_trap_table failed");
}

static void callback(unsigned int type, void (*fn)(void))
{
	struct callback_register r = { .type = (uint16_t)type, .address = (unsigned long)fn };
	long rc = hypercall(callback_op, CALLBACKOP_register, &r);

	/* 32-bit system calls do not exist on every CPU and nobody here makes any. */
	if (rc && type != CALLBACKTYPE_syscall32 && type != CALLBACKTYPE_sysenter)
		bail("callback_op %u failed: %ld", type, rc);
}

void trap_init(void)
{
	trap_table_load();
	callback(CALLBACKTYPE_event, entry_0x101);
	callback(CALLBACKTYPE_failsafe, entry_0x102);
	callback(CALLBACKTYPE_syscall, entry_0x100);
	callback(CALLBACKTYPE_sysenter, entry_0x103);
	callback(CALLBACKTYPE_syscall32, entry_0x104);
}

/* --- user mode ----------------------------------------------------------------------------------------------------- */

void *user_data;
pte_t *user_l4;

void user_init(void)
{
	unsigned long va = USER_CODE;
	pte_t *l4 = page_alloc();
	long rc;

	for (char *p = __user_start; p < __user_end; p += PAGE_SIZE, va += PAGE_SIZE)
		build_map(l4, va, make_pte(va_to_mfn(p), PTE_RO_FLAGS));
	user_data = page_alloc();
	build_map(l4, USER_DATA, make_pte(va_to_mfn(user_data), PTE_RW_FLAGS | PTE_NX));
	build_map(l4, USER_STACK - PAGE_SIZE, make_pte(va_to_mfn(page_alloc()), PTE_RW_FLAGS | PTE_NX));
	build_protect(l4);
	rc = pin(l4, 4);
	if (rc)
		bail("cannot pin the user page table: %ld", rc);
	rc = mmuext(MMUEXT_NEW_USER_BASEPTR, va_to_mfn(l4), 0);
	if (rc)
		bail("cannot load the user page table: %ld", rc);
	user_l4 = l4;
}

void user_frame(struct frame *f, const void *fn)
{
	memset(f, 0, sizeof(*f));
	f->rip = user_va(fn);
	f->cs = FLAT_USER_CS64;
	f->ss = FLAT_USER_SS64;
	f->rsp = USER_STACK - 64;
	f->rflags = 0x202;
}

int frame_run(struct frame *f)
{
	struct pcpu *p = this_pcpu();

	p->user = f;
	return frame_enter(f, &p->resume);
}
