// SPDX-License-Identifier: GPL-2.0-only
/*
 * A domain stands still by its own doing, and goes on where it is:
 *
 *	we: control/shutdown = "suspend"  →  guest: control/shutdown = "" (heard), SCHEDOP_shutdown(SHUTDOWN_suspend)
 *	→  VIRQ_DOM_EXC  →  xenstored: @releaseDomain  →  we: done
 *
 *	we: rax of vcpu 0 = 1  →  XEN_DOMCTL_resumedomain  →  RESUME to xenstored
 *
 * That 1 is the answer to the guest's hypercall: its suspension was cancelled, it is in the domain that it knows, and rings,
 * event channels and grants are as they were. What the hypercall itself would answer, 0, means a new domain.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "domain.h"

#define WORD "suspend"

struct suspension {
	struct host *h;
	uint32_t domid;
};

bool domain_suspended(const struct xen_domctl_getdomaininfo *info)
{
	return info->flags & XEN_DOMINF_shutdown &&
	       (info->flags >> XEN_DOMINF_shutdownshift & XEN_DOMINF_shutdownmask) == SHUTDOWN_suspend;
}

/* Return: 0: it runs; 1: it is suspended; -ESRCH: it is gone, or about to go; -ESHUTDOWN: shut down for another reason. */
static int state_of(struct host *h, uint32_t domid)
{
	struct xen_domctl_getdomaininfo info;
	int rc = hcall_domain_info(h, domid, &info);

	if (rc < 0 || info.flags & XEN_DOMINF_dying)
		return rc < 0 ? rc : -ESRCH;
	return domain_suspended(&info) ? 1 : info.flags & XEN_DOMINF_shutdown ? -ESHUTDOWN : 0;
}

/* --- suspend -------------------------------------------------------------------------------------------------------- */

static int stands(const char *value, void *data)
{
	const struct suspension *s = data;

	(void)value;
	return state_of(s->h, s->domid);
}

static int has_heard(const char *value, void *data)
{
	return stands(value, data) ?: !value || strcmp(value, WORD);
}

/* Nobody is told when a domain is destroyed or crashes, except whom @path tells: so a look every second. */
static int await(struct suspension *s, const char *path, int (*done)(const char *value, void *data), int seconds)
{
	int rc;

	do
		rc = store_wait(s->h, path, done, s, 1);
	while (rc == -ETIMEDOUT && --seconds > 0);
	return rc;
}

static int failed(const struct suspension *s, int rc)
{
	if (rc == -ESRCH || rc == -ESHUTDOWN)
		return msg_error(rc, "domain %u has ended instead", s->domid);
	return msg_error(rc, "cannot wait for domain %u: %s", s->domid, strerror(-rc));
}

/* Who has not heard by now shall not do it when nobody expects it any more. Return: 0: it has heard, just now. */
static int take_back(struct suspension *s, const char *path)
{
	int rc = store_replace(s->h, path, WORD, "");

	if (rc > 0)
		return msg_error(-ETIMEDOUT, "domain %u does not answer: it goes on", s->domid);
	return rc < 0 ? msg_error(rc, "cannot take back what domain %u was asked: %s", s->domid, strerror(-rc)) : 0;
}

static int ask(struct suspension *s, int seconds)
{
	char *path = xasprintf("/local/domain/%u/control/shutdown", s->domid);
	int rc = store_write(s->h, WORD, "%s", path);

	if (rc) {
		msg_error(rc, "cannot ask domain %u: %s", s->domid, strerror(-rc));
	} else {
		rc = await(s, path, has_heard, seconds);
		if (rc < 0)
			rc = rc == -ETIMEDOUT ? take_back(s, path) : failed(s, rc);
	}
	free(path);
	return rc < 0 ? rc : 0;
}

static int may_suspend(struct host *h, uint32_t domid)
{
	int rc;

	if (!domid)
		return msg_error(-EINVAL, "Domain0 cannot be suspended");
	rc = state_of(h, domid);
	if (rc == 1)
		return msg_error(-EALREADY, "domain %u is suspended already", domid);
	if (rc)
		return msg_error(rc, "domain %u has ended", domid);
	if (store_number(h, 0, "/local/domain/%u/control/feature-" WORD, domid) != 1)
		return msg_error(-EOPNOTSUPP, "the guest in domain %u has not said that it can suspend itself", domid);
	return 0;
}

int domain_suspend(struct host *h, uint32_t domid, int seconds)
{
	struct suspension s = { .h = h, .domid = domid };
	int rc = may_suspend(h, domid) ?: ask(&s, seconds);

	if (rc)
		return rc;
	rc = await(&s, "@releaseDomain", stands, seconds);
	if (rc == -ETIMEDOUT)
		return msg_error(rc, "domain %u has heard, but is not suspended yet; its kernel may say why", domid);
	return rc < 0 ? failed(&s, rc) : 0;
}

/* --- resume --------------------------------------------------------------------------------------------------------- */

static int set_answer(struct host *h, uint32_t domid)
{
	vcpu_guest_context_t *context = hcall_buffer(h, sizeof(*context));
	struct xen_domctl op = { .u.vcpucontext.vcpu = 0 };
	int rc;

	if (!context)
		return -ENOMEM;
	set_xen_guest_handle(op.u.vcpucontext.ctxt, context);
	rc = hcall_domctl(h, XEN_DOMCTL_getvcpucontext, domid, &op);
	if (rc >= 0) {
		context->user_regs.rax = 1;
		rc = hcall_domctl(h, XEN_DOMCTL_setvcpucontext, domid, &op);
	}
	hcall_buffer_free(h, context);
	return rc;
}

/*
 * Whoever was killed before he told the daemon left a domain that runs, and whose end nobody would hear of: so it is told
 * of one that runs, too.
 */
static int not_suspended(struct host *h, uint32_t domid, int state)
{
	if (!state && domid)
		store_resume(h, domid);
	return msg_error(-EINVAL, "domain %u %s", domid, state ? "has ended" : "is not suspended");
}

int domain_resume(struct host *h, uint32_t domid)
{
	int rc = state_of(h, domid);

	if (rc != 1)
		return not_suspended(h, domid, rc);
	rc = set_answer(h, domid);
	if (rc >= 0)
		rc = hcall_domctl_plain(h, XEN_DOMCTL_resumedomain, domid);
	if (rc < 0)
		return msg_error(rc, "cannot resume domain %u: %s", domid, strerror(-rc));
	fault_point("resumed");
	rc = store_resume(h, domid);
	return rc ? msg_error(rc, "domain %u runs, but the store daemon does not know: %s", domid, strerror(-rc)) : 0;
}
