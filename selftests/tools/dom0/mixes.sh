# SPDX-License-Identifier: GPL-2.0-only
#
# For mixes.full and mixes-new.full: our drivers and the kernel's own at both ends of a disk and of a network card, each
# with each. Written data is read again at random, streams run both ways at once, every byte is compared. The modules are
# exchanged while the guest runs; a table at the end shows what passed.

. /tests/guest-lib.sh

back_is() { rmmod xen-blkback && rmmod xen-netback && insmod "$1/xen-blkback.ko" && insmod "$1/xen-netback.ko"; }
folder() { [ "$1" = ours ] && echo /modules || echo /stock; }
detached() { [ -z "$(xenstore list "/local/domain/0/backend/$1/$id" 2>/dev/null)" ]; }

# The device of the guest is there again with the drivers that are loaded now at both ends.
attach()
{
	xl block-attach "$guest" "phy:$loop,xvda,w" && xl network-attach "$guest" bridge=xenbr0 || return 1
	comes_to "$guest" 1 "ip link set eth0 up; cat /sys/class/net/eth0/carrier; [ -b /dev/xvda ] || echo no disk" || return 1
	answers "$guest" yes "ip addr add 10.0.0.2/24 dev eth0; for i in \$(seq 20); do ping -c 1 -w 4 10.0.0.1 >/dev/null && echo yes && break; done" 100
}

detach()
{
	xl block-detach "$guest" xvda; xl network-detach "$guest" 0
	wait_for 60 detached vbd && wait_for 60 detached vif
}

# exchange BACK FRONT: whose, "ours" or "stock"
exchange()
{
	detach || return 1
	back_is "$(folder "$1")" || return 1
	answers "$guest" yes "rmmod xen-blkfront; rmmod xen-netfront; insmod $(folder "$2")/xen-blkfront.ko && insmod $(folder "$2")/xen-netfront.ko && echo yes" || return 1
	attach
}

# Whose drivers they are, by what only ours have.
whose() { if [ "$1" = back ]; then [ -f /sys/module/xen_netback/version ]; else answers "$guest" yes "[ -f /sys/module/xen_netfront/version ] && echo yes" >/dev/null; fi && echo ours || echo stock; }

checked_there() { [ "$(ask "$guest" "grep -c checked /tmp/sink")" -gt "$1" ]; }
streams()
{
	there=$(ask "$guest" "grep -c checked /tmp/sink") here=$(grep -c checked /tmp/sink)
	tell "$guest" "netload tcp 10.0.0.1 5001 8 check &"
	netload tcp 10.0.0.2 5002 8 check
	wait_for 120 sh -c "[ \$(grep -c checked /tmp/sink) -gt $here ]" && wait_for 120 checked_there "$there" &&
		! grep WRONG /tmp/sink && answers "$guest" 0 "grep -c WRONG /tmp/sink"
}

mixes_of()
{
	guest=g-$1 kernel=$1
	config "$guest" "kernel = '/guest/$1/vmlinuz'" "ramdisk = '/guest/$1/initrd'" "vcpus = 2" "memory = 160"
	check "$1: a guest" xl create -q "/guests/$guest.cfg"
	check "$1: reaches its user space" wait_said "$guest" 'guest: waits' 300
	said "$guest" 'guest: waits' || return
	id=$(xl domid "$guest")
	tell "$guest" "netload sink 5002 check > /tmp/sink &"
	for mix in "ours ours" "ours stock" "stock ours" "stock stock"; do
		before=$bad
		check "$1: $mix" exchange $mix
		check "$1: so it is" [ "$(whose back) $(whose front)" = "$mix" ]
		check "$1: the disk" answers "$guest" verified "disk verify /dev/xvda 3 2 2>&1 | grep -o verified" 300
		check "$1: the network" streams
		printf '# %-8s %-12s %-6s %-6s %s\n' "$(uname -r | cut -d. -f1-2)" "$1" $mix "$([ $bad = "$before" ] && echo passed || echo FAILED)" >> /tmp/table
	done
	check "$1: no kernel complained" quiet "$guest"
	detach
	xl destroy "$guest"
}

head -c 8388608 /dev/zero > /guests/disk.img
loop=$(losetup -f)
losetup "$loop" /guests/disk.img
netload sink 5001 check > /tmp/sink &
printf '# Domain0  guest        back   front  disk and network\n' > /tmp/table
