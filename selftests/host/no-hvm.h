/* SPDX-License-Identifier: GPL-2.0-only */
/* For tests of code that PV domains use: there are no hardware-assisted ones. */
#ifndef NO_HVM_H
#define NO_HVM_H

#include <xenolith/domain.h>

unsigned long p2m_frame(const struct domain *d, unsigned long gfn) { abort(); }
int p2m_map_grant(struct domain *d, u64 gpa, pte_t new, pte_t expect) { abort(); }
int hvm_domain_init(struct domain *d) { abort(); }
int hvm_domain_relinquish(struct domain *d) { abort(); }
void hvm_domain_free(struct domain *d) { abort(); }

#endif
