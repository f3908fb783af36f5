// SPDX-License-Identifier: GPL-2.0-only
/*
 * Building Domain0 out of the boot modules: the first is its kernel (bzImage or ELF), the second
 * its initrd. What the loader put into memory, and the unpacked kernel, are copied into the
 * domain's frames and given back at once, so that they end as Domain0's memory too.
 */
#include "boot.h"
#include <xenolith/debug.h>
#include <xenolith/domain.h>
#include <xenolith/drivers.h>
#include <xenolith/hypercall.h>

/* The kernel as ELF: in the module itself, or unpacked by us. */
struct kernel_data {
	const void *data;
	size_t size;
	void *unpacked;
};

static void __init release_module(const struct boot_module *m)
{
	mm_boot_release(ROUND_DOWN(m->start, PAGE_SIZE), ROUND_UP(m->start + m->size, PAGE_SIZE));
}

static void __init unpack_kernel(struct kernel_data *k, const struct boot_module *m)
{
	struct bzimage bz;
	int rc;

	k->data = maddr_to_virt(m->start);
	k->size = m->size;
	rc = bzimage_open(&bz, k->data, k->size);
	if (rc == -ENOEXEC)
		return;			/* ELF, or nothing we know: elf_open() tells */
	if (rc)
		panic_boot("the kernel image is damaged or cut off\n");
	k->data = k->unpacked = lib_alloc(bz.unpacked_size);
	k->size = bz.unpacked_size;
	rc = k->unpacked ? decompress(k->unpacked, k->size, bz.payload, bz.payload_size) : -ENOMEM;
	if (rc)
		panic_boot(rc == -ENOMEM ? "too little memory to unpack the kernel\n" :
			   rc == -EOPNOTSUPP ? "the kernel is packed in another format than xz or zstd\n" :
			   "the packed kernel is damaged\n");
	release_module(m);
}

static void __init open_kernel(struct dom0_image *img, const struct kernel_data *k)
{
	int rc = elf_open(&img->elf, k->data, k->size);
	const char *error;

	if (rc == -ENOEXEC && img->elf.bits == 32)
		panic_boot("the kernel is 32-bit: Domain0 must be a 64-bit PV kernel\n");
	if (rc == -ENOEXEC)
		panic_boot("the first module is not a kernel (neither bzImage nor ELF)\n");
	if (rc)
		panic_boot("the kernel's ELF headers are damaged, or it is cut off\n");
	error = dom0_read_notes(img);
	if (error)
		panic_boot("%s\n", error);
}

static void __init check_modules(void)
{
	const struct boot_module *initrd = &boot_info.module[1];
	const char *error = NULL;

	if (boot_info.nr_modules > 1)
		error = initrd->size ? initrd_check(maddr_to_virt(initrd->start), initrd->size) :
				       "the initrd is empty";
	if (error)
		panic_boot("%s\n", error);
	if (boot_info.nr_modules > 2)
		printk_warn("%u modules after the initrd ignored\n", boot_info.nr_modules - 2);
}

static void __init create_domain(void)
{
	struct domain_config config = {
		.max_vcpus = dom0_max_vcpus(), .max_port = ~0U, .control = true,
		.grant_frames = DEFAULT_GRANT_FRAMES, .maptrack_frames = DEFAULT_MAPTRACK_FRAMES,
		.grant_version = grant_max_version,
	};
	unsigned int cpu = cpumask_first(&cpu_online_mask);
	bool pin = boot_param_bool("dom0_vcpus_pin", false);

	domain0 = domain_create(0, &config);
	if (!domain0)
		panic_boot("too little memory for Domain0\n");
	for (unsigned int i = 0; i < config.max_vcpus; i++) {
		struct vcpu *v = vcpu_create(domain0, i, cpu);
		cpumask_t only = cpumask_of(cpu);

		if (!v)
			panic_boot("too little memory for Domain0's vcpu %u\n", i);
		if (pin)
			vcpu_set_affinity(v, &only);
		cpu = cpumask_next(&cpu_online_mask, cpu + 1);
		if (cpu >= NR_CPUS)
			cpu = cpumask_first(&cpu_online_mask);
	}
}

static int __init put_segment(void *arg, u64 paddr, const void *src, size_t n)
{
	const struct dom0_image *img = arg;

	return dom0_write(paddr - img->paddr_offset, src, n);
}

static void __init load_kernel(struct dom0_image *img, struct kernel_data *k)
{
	if (elf_load(&img->elf, put_segment, img))
		panic_boot("the kernel's segments do not fit\n");
	if (img->hypercall_page)
		hypercall_page_fill(dom0_page((img->hypercall_page - img->virt_base) >> PAGE_SHIFT));
	lib_free(k->unpacked);
	if (!k->unpacked)
		release_module(&boot_info.module[0]);
}

static void __init load_initrd(const struct dom0_layout *l)
{
	const struct boot_module *m = &boot_info.module[1];

	if (!l->nr_initrd)
		return;
	dom0_write(l->initrd << PAGE_SHIFT, maddr_to_virt(m->start), m->size);
	dom0_write((l->initrd << PAGE_SHIFT) + m->size, NULL, -m->size & (PAGE_SIZE - 1));
	release_module(m);
}

static void __init fill_start_info(const struct dom0_layout *l, const struct dom0_image *img,
				    unsigned long nr_pages)
{
	struct start_info *si = dom0_page(l->start_info);
	const struct boot_module *kernel = &boot_info.module[0], *initrd = &boot_info.module[1];

	strlcpy_(si->magic, "xen-3.0-x86_64", sizeof(si->magic));
	si->nr_pages = nr_pages;
	si->shared_info = virt_to_maddr(domain0->shared_info);
	si->flags = SIF_PRIVILEGED | SIF_INITDOMAIN;
	si->pt_base = img->virt_base + (l->tables << PAGE_SHIFT);
	si->nr_pt_frames = l->nr_tables;
	si->mfn_list = img->p2m_base;
	si->first_p2m_pfn = l->p2m;
	si->nr_p2m_frames = l->nr_p2m + l->nr_p2m_tables;
	if (l->nr_initrd) {
		si->mod_len = initrd->size;
		si->mod_start = l->initrd;
		si->flags |= SIF_MOD_START_PFN;
	}
	if (strlcpy_((char *)si->cmd_line, kernel->args, sizeof(si->cmd_line)) >= sizeof(si->cmd_line))
		printk_warn("Domain0's command line is cut off after %zu characters\n", sizeof(si->cmd_line) - 1);
	si->console.dom0.info_size = vga_fill_dom0_info((struct dom0_vga_console_info *)(si + 1));
	si->console.dom0.info_off = si->console.dom0.info_size ? sizeof(*si) : 0;
}

/*
 * The page tables are accepted, or not, by the same validation that all tables of guests pass. The
 * ABI's builders leave the first top-level one pinned: kernels unpin it when they have their own.
 */
static void __init set_first_vcpu(const struct dom0_layout *l, const struct dom0_image *img)
{
	static struct vcpu_guest_context c __initdata;
	struct page_info *pg = mfn_to_page(dom0_mfn(l->tables));
	int rc = get_page_and_type(pg, domain0, PGT_L4, false);

	__atomic_or_fetch(&pg->word, PG_PINNED, __ATOMIC_SEQ_CST);
	c.flags = VGCF_in_kernel | VGCF_online;
	c.user_regs.rip = img->entry;
	c.user_regs.cs = FLAT_KERNEL_CS;
	c.user_regs.ss = FLAT_KERNEL_SS;
	c.user_regs.rsp = img->virt_base + ((l->stack + 1) << PAGE_SHIFT);
	c.user_regs.rsi = img->virt_base + (l->start_info << PAGE_SHIFT);
	c.user_regs.rflags = X86_EFLAGS_IF | X86_EFLAGS_MBS;
	c.kernel_ss = FLAT_KERNEL_SS;
	c.kernel_sp = c.user_regs.rsp;
	c.ctrlreg[3] = xen_pfn_to_cr3(mfn_x(dom0_mfn(l->tables)));
	for (unsigned int i = 0; i < XEN_LEGACY_MAX_VCPUS; i++)
		domain0->shared_info->vcpu_info[i].evtchn_upcall_mask = 1;
	while (!rc && (rc = pv_vcpu_set_context(domain0->vcpu[0], &c)) == -ERESTART)
		rc = 0;
	if (rc)
		panic("Domain0's own page tables were refused: %d\n", rc);
	clear_bit(VF_DOWN, &domain0->vcpu[0]->sched.flags);
}

/* domain_create() gave Domain0 the machine; which UART is ours was decided by the command line. */
static void __init withhold_uart(void)
{
	spin_lock(&domain0->caps_lock);
	for (unsigned int port = 0; port <= 0xffff; port++)
		if (uart_owns_port(port))
			rangeset_remove(&domain0->io_ports, port, port);
	spin_unlock(&domain0->caps_lock);
}

void __init boot_build_domain0(void)
{
	static struct dom0_image img __initdata;
	struct kernel_data kernel = { 0 };
	struct dom0_layout l;
	unsigned long available, nr_pages, given_back;
	size_t initrd_size = boot_info.nr_modules > 1 ? boot_info.module[1].size : 0;

	check_modules();
	unpack_kernel(&kernel, &boot_info.module[0]);
	open_kernel(&img, &kernel);
	create_domain();

	given_back = (initrd_size + kernel.size) >> PAGE_SHIFT;
	available = mm_free_pages() + given_back;
	nr_pages = dom0_pages(available, &domain0->mm.max_pages);
	if (!dom0_lay_out(&l, &img, initrd_size, nr_pages))
		panic_boot("the kernel and its initrd do not fit into the kernel's address space\n");
	if (nr_pages < l.boot_pages || !dom0_memory_begin(nr_pages) ||
	    dom0_populate(domain0, l.boot_pages) < l.boot_pages)
		panic_boot("too little memory for Domain0: %lu MiB given, at least %lu MiB needed\n",
			   nr_pages >> (20 - PAGE_SHIFT), (l.boot_pages >> (20 - PAGE_SHIFT)) + 1);
	load_kernel(&img, &kernel);
	load_initrd(&l);
	nr_pages = dom0_populate(domain0, nr_pages);

	dom0_write(l.start_info << PAGE_SHIFT, NULL, (l.end - l.start_info) << PAGE_SHIFT);
	dom0_write(l.p2m_tables << PAGE_SHIFT, NULL, l.nr_p2m_tables << PAGE_SHIFT);
	fill_start_info(&l, &img, nr_pages);
	dom0_build_tables(&l, &img);
	set_first_vcpu(&l, &img);
	withhold_uart();
	dom0_memory_end(&l);
	printk("Domain0: %lu MiB, %u vcpus\n", nr_pages >> (20 - PAGE_SHIFT), domain0->max_vcpus);
}
