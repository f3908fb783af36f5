# SPDX-License-Identifier: GPL-2.0-only
#
# In a kernel whose own Xen code sleeps xen-port is loaded and unloaded again and again, and fails at each of its steps:
# nothing is left of it in the kernel or in the hypervisor, and at the end disk, network card and console work. In Domain0,
# where there is nothing for it to do, it says so.
#
# A script that reads this file says how often: cycles=N.

. /tests/lib.sh
. /tests/count.sh

refused()
{
	mkdir -p /tmp/port && cd /tmp/port && zcat /guest/initrd-port | cpio -id modules/xen-port.ko 2>/dev/null
	insmod modules/xen-port.ko 2>&1 | tee /tmp/insmod
	grep -q "No such device" /tmp/insmod && dmesg | grep 'xen-port: no hypervisor says "XenolithPort"'
}
# Among kernels that watch themselves Domain0's is another than the guests', which are not PV.
watched || check "Domain0 does not take xen-port, and says why" refused

disk_image /guests/one.img 4194304
config one "type = 'pvh'" "paravirt = 'module'" "ramdisk = '/guest/initrd-port'" "vcpus = 2" "memory = 192" \
	"extra = 'earlyprintk=serial,keep console=tty0 panic=1 xenolith.test=guest-port-load guest.cycles=$cycles'" \
	"disk = [ 'file:/guests/one.img,xvda,w' ]" "vif = [ 'mac=00:16:3e:11:22:33,bridge=xenbr0' ]"
# What the hypervisor keeps for the guest.
held() { for key in e g; do said_by $key; done | grep -oE "d$domid: .*(channels|frames)"; }
check "xl create makes the domain" xl create /guests/one.cfg
[ $bad = 0 ] || end
domid=$(xl domid one)
check "the guest loads xen-port a few times, and drivers with it" wait_said one 'mark 1:' 400
[ $bad = 0 ] || { xl dmesg | tail -n 60; end; }
before=$(held) free=$(free_kib)
printf '%s\n' "$before" | sed 's/^/# /'
converse one on >/dev/null
check "it does so $cycles times more" wait_said one 'mark 2:' $((120 + cycles * 10))
check "its kernel counts what it did before" said one 'counts agree'
check "its memory is as much as before" said one 'memory agrees'
after=$(held)
check "the hypervisor has no more event channels and grants for it" test "$before" = "$after"
now=$(free_kib)
check "nor less memory ($free, now $now KiB)" test "$now" -ge $((free - 64))
converse one go >/dev/null
check "in the end it works as in the beginning" wait_said one 'cycle end: disk, network, console' 120
check "its kernel has nothing to complain of" wait_said one 'complaints 0' 60
[ $bad = 0 ] || { grep -a guest: $LOG/guest-one.log | tail -n 12; xl dmesg | tail -n 40; }
end
