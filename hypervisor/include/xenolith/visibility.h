/* SPDX-License-Identifier: GPL-2.0-only */
/* Included before everything: one image, no symbol is ever resolved from outside of it. */
#pragma GCC visibility push(hidden)
