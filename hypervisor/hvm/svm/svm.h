/* SPDX-License-Identifier: GPL-2.0-only */
/* Shared by svm.c and exits.c. */
#ifndef HVM_SVM_H
#define HVM_SVM_H

#include "../hvm-private.h"
#include "vmcb.h"

#define X86_EXC_AC	17

extern bool svm_nrips;			/* the processor says where the next instruction is */
void svm_exit(struct vcpu *v, struct cpu_regs *regs);
const char *svm_exit_name(unsigned int index);

#endif
