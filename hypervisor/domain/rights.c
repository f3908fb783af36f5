// SPDX-License-Identifier: GPL-2.0-only
/*
 * Who may do what: every check that depends on which domain asks. Domain0 is both the control
 * domain (it acts on others) and the hardware domain (it drives the machine); the two are asked
 * for apart so that they can be apart.
 */
#include <xenolith/domain.h>

int rights_control(const struct domain *caller)
{
	return caller->is_control ? 0 : -EPERM;
}

int rights_hardware(const struct domain *caller)
{
	return caller->is_hardware ? 0 : -EPERM;
}

int rights_target(const struct domain *caller, const struct domain *target)
{
	return caller->is_control && caller != target ? 0 : -EPERM;
}

int rights_foreign_map(const struct domain *caller, const struct domain *owner)
{
	return caller == owner || caller->is_control ? 0 : -EPERM;
}

bool domain_io_port_allowed(struct domain *d, unsigned int port, unsigned int bytes)
{
	bool ok;

	spin_lock(&d->caps_lock);
	ok = rangeset_contains(&d->io_ports, port, port + bytes - 1);
	spin_unlock(&d->caps_lock);
	return ok;
}

bool domain_io_frames_allowed(struct domain *d, unsigned long first, unsigned long last)
{
	bool ok;

	spin_lock(&d->caps_lock);
	ok = rangeset_contains(&d->io_frames, first, last);
	spin_unlock(&d->caps_lock);
	return ok;
}
