// SPDX-License-Identifier: GPL-2.0-only
/*
 * The VGA text screen, 80x25, only when the firmware left the display in text mode. Reached through the
 * direct map until vga_remap(), then through an uncached mapping of its own.
 */
#include <xenolith/boot.h>
#include <xenolith/drivers.h>
#include <xenolith/mm.h>
#include <xenolith/x86.h>

#define COLUMNS		80
#define ROWS		25
#define SCREEN_ADDRESS	0xb8000
#define SCREEN_SIZE	0x8000
#define BLANK		0x0720		/* space, grey on black */
#define CRTC_INDEX	0x3d4
#define CRTC_DATA	0x3d5
#define CRTC_CURSOR	14		/* high byte; 15: low */

static u16 *screen;			/* NULL: no text screen */
static unsigned int column, row;

static void fill(unsigned int from, unsigned int to)
{
	while (from < to)
		WRITE_ONCE(screen[from++], BLANK);
}

static void set_cursor(void)
{
	unsigned int at = row * COLUMNS + column;

	outw(CRTC_CURSOR | (at & 0xff00), CRTC_INDEX);
	outw((CRTC_CURSOR + 1) | at << 8, CRTC_INDEX);
}

/* Is there memory behind the addresses? */
static bool __init present(void)
{
	u16 old = READ_ONCE(screen[0]);
	bool ok;

	WRITE_ONCE(screen[0], 0x5a55);
	ok = READ_ONCE(screen[0]) == 0x5a55;
	WRITE_ONCE(screen[0], old);
	return ok;
}

void __init vga_init(void)
{
	if (boot_info.fb.width || boot_info.efi_system_table)	/* UEFI has no text mode */
		return;
	screen = maddr_to_virt(SCREEN_ADDRESS);
	if (!present()) {
		screen = NULL;
		return;
	}
	fill(0, COLUMNS * ROWS);
	set_cursor();
}

void __init vga_remap(void)
{
	if (screen)
		screen = ioremap(SCREEN_ADDRESS, SCREEN_SIZE);
}

static void new_line(void)
{
	column = 0;
	if (++row < ROWS)
		return;
	row = ROWS - 1;
	for (unsigned int i = 0; i < row * COLUMNS; i++)
		WRITE_ONCE(screen[i], READ_ONCE(screen[i + COLUMNS]));
	fill(row * COLUMNS, ROWS * COLUMNS);
}

void vga_putc(char c)
{
	if (!screen)
		return;
	if (c == '\n') {
		new_line();
		set_cursor();
	} else if (c == '\r') {
		column = 0;
	} else if ((u8)c >= ' ') {
		WRITE_ONCE(screen[row * COLUMNS + column], (u8)c | (BLANK & 0xff00));
		if (++column == COLUMNS)
			new_line();
	}
}

static void fill_framebuffer(struct dom0_vga_console_info *info)
{
	info->video_type = boot_info.efi_system_table ? XEN_VGATYPE_EFI_LFB : XEN_VGATYPE_VESA_LFB;
	info->u.vesa_lfb = (__typeof__(info->u.vesa_lfb)){
		.width = boot_info.fb.width,
		.height = boot_info.fb.height,
		.bytes_per_line = boot_info.fb.pitch,
		.bits_per_pixel = boot_info.fb.bpp,
		.lfb_base = boot_info.fb.addr,
		.ext_lfb_base = boot_info.fb.addr >> 32,
		.lfb_size = DIV_ROUND_UP((u64)boot_info.fb.pitch * boot_info.fb.height, KB(64)),
		.red_pos = boot_info.fb.red_pos, .red_size = boot_info.fb.red_size,
		.green_pos = boot_info.fb.green_pos, .green_size = boot_info.fb.green_size,
		.blue_pos = boot_info.fb.blue_pos, .blue_size = boot_info.fb.blue_size,
		.rsvd_pos = boot_info.fb.bpp == 32 ? 24 : 0,
		.rsvd_size = boot_info.fb.bpp == 32 ? 8 : 0,
	};
}

size_t vga_fill_dom0_info(struct dom0_vga_console_info *info)
{
	if (!boot_info.fb.width && !screen)
		return 0;
	memset(info, 0, sizeof(*info));
	if (screen) {
		info->video_type = XEN_VGATYPE_TEXT_MODE_3;
		info->u.text_mode_3.font_height = 16;
		info->u.text_mode_3.cursor_x = column;
		info->u.text_mode_3.cursor_y = row;
		info->u.text_mode_3.rows = ROWS;
		info->u.text_mode_3.columns = COLUMNS;
	} else {
		fill_framebuffer(info);
	}
	return sizeof(*info);
}
