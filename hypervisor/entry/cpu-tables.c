// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a CPU needs to change rings: its stack block, GDT page, TSS, the IDT (one for all), the
 * SYSCALL stubs and registers. SDM volume 3, chapters 3, 6 and 7; APM volume 2, 6.1 (SYSCALL).
 */
#include <xenolith/boot.h>
#include <xenolith/debug.h>
#include <xenolith/entry.h>
#include <xenolith/mm.h>
#include "isolate.h"

#define NR_VECTORS	256
#define FMASK_VALUE	(X86_EFLAGS_TF | X86_EFLAGS_IF | X86_EFLAGS_DF | X86_EFLAGS_IOPL | \
			 X86_EFLAGS_NT | X86_EFLAGS_RF | X86_EFLAGS_AC)
#define STUB_SIZE	32
#define TSS_AT		(2 * STUB_SIZE)		/* in the page of the SYSCALL stubs */
#define GDT_SLOT	14		/* of the descriptor window: selectors 0xe000 upward */

struct __packed tss {
	u32 reserved0;
	u64 rsp[3];
	u64 reserved1;
	u64 ist[7];
	u64 reserved2;
	u16 reserved3, io_map;
};
_Static_assert(sizeof(struct tss) == 104, "TSS layout");

struct idt_gate {
	u16 offset0, selector;
	u8 ist, type;
	u16 offset1;
	u32 offset2, reserved;
};

struct __packed table_pointer {
	u16 limit;
	u64 base;
};

static struct idt_gate idt[NR_VECTORS] __section(".data.ro_after_init") __aligned(PAGE_SIZE);
unsigned long percpu_offset[NR_CPUS];
static u64 *gdt_page[NR_CPUS];		/* descriptors 0xe000-0xefff, by direct map */
static paddr_t stack_block[NR_CPUS];

extern const char entry_stubs[], entry_syscall[], entry_syscall32[];
extern const char entry_isolated_syscall[], entry_isolated_syscall32[];
extern char boot_percpu_start[], boot_percpu_end[];
struct smap_site {
	s32 at;
	u32 opcode;
};
extern const struct smap_site entry_smap_sites_start[], entry_smap_sites_end[];

void *entry_cpu_stack_top(unsigned int cpu)
{
	return (void *)(STACK_WINDOW((unsigned long)cpu) + STACK_SIZE);
}

static int alloc_percpu(unsigned int cpu)
{
	size_t size = boot_percpu_end - boot_percpu_start;
	char *copy = lib_alloc(max_t(size_t, size, PAGE_SIZE));

	if (!copy)
		return -ENOMEM;
	memcpy(copy, boot_percpu_start, size);
	percpu_offset[cpu] = copy - boot_percpu_start;
	return 0;
}

static int alloc_stack(unsigned int cpu)
{
	unsigned long va = STACK_WINDOW((unsigned long)cpu);
	char *block = alloc_hyp_pages(STACK_ORDER);
	u64 rw = PTE_P | PTE_RW | PTE_A | PTE_D | PTE_G | PTE_NX;
	mfn_t m;

	if (!block)
		return -ENOMEM;
	m = virt_to_mfn(block);
	stack_block[cpu] = virt_to_maddr(block);
	if (map_hyp_pages(va, m, 1, PTE_P | PTE_A | PTE_G) ||
	    map_hyp_pages(va + PAGE_SIZE, mfn_add(m, 1), (1 << STACK_ORDER) - 1, rw))
		return -ENOMEM;
	return 0;
}

int entry_alloc_cpu(unsigned int cpu)
{
	struct cpu_info *ci = (struct cpu_info *)entry_cpu_stack_top(cpu) - 1;

	if (alloc_percpu(cpu) || alloc_stack(cpu) || (x86.isolate && entry_isolate_alloc(cpu, idt)))
		return -ENOMEM;
	gdt_page[cpu] = alloc_hyp_pages(0);
	if (!gdt_page[cpu])
		return -ENOMEM;
	ci->cpu = cpu;
	ci->percpu_offset = percpu_offset[cpu];
	return 0;
}

/* ---- descriptors ---- */

static u64 *descriptor(unsigned int cpu, unsigned int selector)
{
	return &gdt_page[cpu][((selector & ~7u) - GDT_RESERVED_BYTE) / 8];
}

static void set_system_descriptor(unsigned int cpu, unsigned int sel, u64 base, u32 limit, u8 type)
{
	u64 *d = descriptor(cpu, sel);

	d[1] = base >> 32;
	WRITE_ONCE(d[0], (limit & 0xffff) | (base & 0xffffff) << 16 | (u64)(0x80 | type) << 40 |
		   (u64)(limit >> 16 & 0xf) << 48 | (base >> 24 & 0xff) << 56);
}

void entry_set_ldt(unsigned long base, unsigned int entries)
{
	unsigned int sel = entries ? SEL_LDT : 0;

	if (entries)
		set_system_descriptor(smp_cpu(), SEL_LDT, base, entries * 8 - 1, 0x2);
	asm volatile("lldt %w0" :: "r" (sel) : "memory");
}

static void load_gdt(unsigned int cpu)
{
	struct table_pointer gdtr = {
		GDT_RESERVED_BYTE + PAGE_SIZE - 1, GDT_WINDOW((unsigned long)cpu)
	};

	*descriptor(cpu, SEL_HYP_CS) = 0x00af9b000000ffff;
	*descriptor(cpu, SEL_HYP_DS) = 0x00cf93000000ffff;
	*descriptor(cpu, SEL_GUEST_CS32) = 0x00cffb000000ffff;
	*descriptor(cpu, SEL_GUEST_SS) = 0x00cff3000000ffff;
	*descriptor(cpu, SEL_GUEST_CS64) = 0x00affb000000ffff;
	set_system_descriptor(cpu, SEL_TSS, STACK_WINDOW((u64)cpu) + TSS_AT,
			      sizeof(struct tss) - 1, 0x9);
	desc_window_set(GDT_SLOT, pte_make(virt_to_mfn(gdt_page[cpu]),
					   PTE_P | PTE_RW | PTE_A | PTE_D | PTE_G | PTE_NX));
	asm volatile("lgdt %0" :: "m" (gdtr) : "memory");
	asm volatile("pushq %0; lea 1f(%%rip), %%rax; pushq %%rax; lretq; 1:"
		     :: "i" (SEL_HYP_CS) : "rax", "memory");
	asm volatile("mov %0, %%ds; mov %0, %%es; mov %0, %%ss; mov %1, %%fs; mov %1, %%gs"
		     :: "r" (SEL_HYP_DS), "r" (0) : "memory");
	asm volatile("ltr %w0" :: "r" (SEL_TSS) : "memory");
	asm volatile("lldt %w0" :: "r" (0) : "memory");
}

static void set_tss(unsigned int cpu)
{
	struct tss *t = maddr_to_virt(stack_block[cpu] + TSS_AT);
	unsigned long block = STACK_WINDOW((unsigned long)cpu);

	t->rsp[0] = block + (x86.isolate ? GATE_STACK :
			     STACK_SIZE - sizeof(struct cpu_info) + sizeof(struct cpu_regs));
	for (unsigned int i = IST_NMI; i <= IST_DB; i++)
		t->ist[i - 1] = block + (x86.isolate ? GATE_IST(i) : (i + 1) * PAGE_SIZE);
	t->io_map = sizeof(struct tss);		/* beyond the limit: no port is open */
}

static void __init set_idt(void)
{
	for (unsigned int v = 0; v < NR_VECTORS; v++) {
		unsigned long at = (unsigned long)entry_stubs + 16 * v;
		bool open = v == X86_EXC_BP || v == X86_EXC_OF || v == VEC_LEGACY_SYSCALL;

		idt[v] = (struct idt_gate){
			.offset0 = at, .offset1 = at >> 16, .offset2 = at >> 32,
			.selector = SEL_HYP_CS, .type = open ? 0xee : 0x8e,
		};
	}
	idt[X86_EXC_NMI].ist = IST_NMI;
	idt[X86_EXC_DF].ist = IST_DF;
	idt[X86_EXC_MC].ist = IST_MCE;
	idt[X86_EXC_DB].ist = IST_DB;
}

/* ---- SYSCALL ---- */

/*
 *	mov	%rsp, frame.rsp(%rip)
 *	lea	frame(%rip), %rsp
 *	jmp	target
 * All displacements count from the end of their instruction.
 */
static void write_stub(unsigned int cpu, unsigned int at, unsigned long frame, const char *target)
{
	unsigned long va = STACK_WINDOW((unsigned long)cpu) + at;
	u8 *p = maddr_to_virt(stack_block[cpu] + at);
	s32 d;

	memcpy(p, (u8[]){ 0x48, 0x89, 0x25 }, 3);
	d = frame + offsetof(struct cpu_regs, rsp) - (va + 7);
	memcpy(p + 3, &d, 4);
	memcpy(p + 7, (u8[]){ 0x48, 0x8d, 0x25 }, 3);
	d = frame - (va + 14);
	memcpy(p + 10, &d, 4);
	p[14] = 0xe9;
	d = (unsigned long)target - (va + 19);
	memcpy(p + 15, &d, 4);
}

static void set_syscall(unsigned int cpu)
{
	unsigned long stubs = STACK_WINDOW((unsigned long)cpu);
	unsigned long frame = stubs + (x86.isolate ? GATE_STACK - sizeof(struct cpu_regs) :
						     STACK_SIZE - sizeof(struct cpu_info));

	write_stub(cpu, 0, frame, x86.isolate ? entry_isolated_syscall : entry_syscall);
	write_stub(cpu, STUB_SIZE, frame, x86.isolate ? entry_isolated_syscall32 : entry_syscall32);
	/* SYSRET loads cs from 63:48 + 16 and ss from 63:48 + 8, SYSCALL from 47:32 and + 8. */
	wrmsr(MSR_STAR, (u64)SEL_GUEST_CS32 << 48 | (u64)SEL_HYP_CS << 32);
	wrmsr(MSR_LSTAR, stubs);
	wrmsr(MSR_CSTAR, stubs + STUB_SIZE);
	wrmsr(MSR_FMASK, FMASK_VALUE);
	/* SYSENTER with a null selector is #GP, which the guest may handle. */
	if (x86.vendor == X86_VENDOR_INTEL || x86.vendor == X86_VENDOR_AMD)
		wrmsr(MSR_SYSENTER_CS, 0);
}

static void __init patch_smap(void)
{
	if (!x86_has_smap)
		return;
	for (const struct smap_site *s = entry_smap_sites_start; s < entry_smap_sites_end; s++) {
		const char *at = (const char *)&s->at + s->at;

		memcpy(maddr_to_virt(virt_to_maddr(at)), (u8[]){ 0x0f, 0x01, s->opcode }, 3);
	}
}

static void __init init_once(void)
{
	set_idt();
	patch_smap();
	if (x86.isolate)
		entry_isolate_patch();
}

void entry_cpu_init(unsigned int cpu)
{
	struct table_pointer idtr = { sizeof(idt) - 1, (u64)idt };

	if (cpu == 0)
		init_once();
	set_tss(cpu);
	load_gdt(cpu);
	asm volatile("lidt %0" :: "m" (idtr) : "memory");
	set_syscall(cpu);
}
