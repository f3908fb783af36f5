# SPDX-License-Identifier: GPL-2.0-only
#
# What there is of everything that a domain takes: counted before and after, so that what was lost shows.

# said_by KEY: what the hypervisor says to a debug key
said_by() { xl dmesg -c >/dev/null; xl debug-keys "$1"; sleep 0.3; xl dmesg; }
free_kib() { said_by m | sed -n 's/.*RAM [0-9]* pages, free \([0-9]*\),.*/\1/p' | tail -n 1 | awk '{ print $1 * 4 }'; }
ports() { said_by e | sed -n 's/.*d0: \([0-9]*\) event channels.*/\1/p' | tail -n 1; }
grants() { said_by g | grep -cE ' frame [0-9a-f]+ by d'; }
nodes() { { xenstore ls -f /local/domain; xenstore ls -f /vm; } 2>/dev/null | wc -l; }
# Everything but memory, on one line; the same line before and after means that nothing was lost.
counts()
{
	echo "ports $(ports) grants $(grants) nodes $(nodes) loops $(losetup | wc -l) interfaces $(ip -o link | wc -l)" \
		"records $(ls /run/xen/domains 2>/dev/null | wc -l) domains $(xl list | wc -l)" \
		"files $(ls /proc/$(pidof xenstored)/fd | wc -l)/$(ls /proc/$(pidof xenconsoled)/fd | wc -l)"
}
