/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * XS_CONTROL: the operator's commands.
 */
#ifndef XENSTORED_CONTROL_H
#define XENSTORED_CONTROL_H

struct request;

/** control_handle() - the handler of XS_CONTROL. */
int control_handle(struct request *r);

#endif
