# SPDX-License-Identifier: GPL-2.0-only
#
# For tests of guests' kernels: each KERNEL of a list is a guest with a disk, a network card and a console.

. /tests/guest-lib.sh

# kernels_work KERNEL...: all at once
kernels_work()
{
	address=10
	for k in "$@"; do
		address=$((address + 1))
		disk_image "/guests/$k.img" 8388608
		config "$k" "kernel = '/guest/$k/vmlinuz'" "ramdisk = '/guest/$k/initrd'" "vcpus = 2" "on_crash = 'preserve'" \
			"extra = 'console=hvc0 panic=1 xenolith.test=guest guest.disk guest.ip=10.0.0.$address'" \
			"disk = [ 'file:/guests/$k.img,xvda,w' ]" "vif = [ 'bridge=xenbr0' ]"
		check "$k: is created" xl create -q "/guests/$k.cfg"
	done
	address=10
	for k in "$@"; do
		address=$((address + 1))
		check "$k: reaches its user space" wait_said "$k" 'guest: waits' 200
		said "$k" 'guest: waits' || continue
		check "$k: has both vcpus and its disk" sh -c "grep -aq 'guest: up, 2 vcpus' $LOG/guest-$k.log && grep -aq 'guest: disk 16384 ' $LOG/guest-$k.log"
		check "$k: is that kernel" answers "$k" "$(release "$k")" "uname -rv | grep -o '^[0-9]*\.[0-9]*\|-cloud\|PREEMPT_RT'"
		check "$k: what it writes arrives" disk_holds "$k" xvda "/guests/$k.img" 2
		check "$k: network carries both ways" net_holds "$k" 10.0.0.1 "10.0.0.$address" 2
		check "$k: does not complain" quiet "$k"
		xl shutdown "$k"
		check "$k: shuts down" wait_for 40 gone "$k"
	done
}
release() { echo "$1" | sed 's/-rt/ PREEMPT_RT/; s/-cloud/ -cloud/'; }
