/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Does the daemon believe what is true? For the operator's "check" and for tests.
 */
#ifndef XENSTORED_CHECK_H
#define XENSTORED_CHECK_H

#include <stddef.h>

/**
 * check_all() - look through everything: the order of the tree, what domains are charged.
 * @text: gets a line for each thing that is wrong, or "OK".
 */
void check_all(char *text, size_t size);

#endif
