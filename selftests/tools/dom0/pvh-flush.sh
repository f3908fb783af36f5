# SPDX-License-Identifier: GPL-2.0-only
#
# What flushing other CPUs' TLBs costs PVH guests of 4 vcpus, with the kernel's own Xen code and on the port, by the kernel's
# own means and by xen-mmu: lines "FLUSH kind own|mmu what cost", the time of a round of flush-load with as many threads, by the
# TSC. With fewer processors than vcpus some of these do not run. Run with --icount -s 1.
# port guests
# mmu
# benchmarks
# modules: domain0 guest

. /tests/guest-lib.sh

# measure own|mmu ROUNDS
measure()
{
	for what in remap protect unmap; do
		echo "FLUSH $kind $1 $what $(ask $kind "flush-load $what 4 $2" 600 | sed -n "s/.*FLUSH $what //p")"
	done
}

config guest "extra = 'console=hvc0 panic=1 xenolith.test=guest'"
for kind in port pvh; do
	check "a $kind guest" xl create -q /guests/guest.cfg "name='$kind'" "vcpus=4" $(guest_kind $kind)
	check "reaches its user space" wait_for 300 boots $kind 1
	measure own 5
	check "xen-mmu is in force" answers $kind Y 'echo 1 > /sys/module/xen_mmu/parameters/enabled; cat /sys/module/xen_mmu/parameters/enabled'
	measure mmu 200
	xl destroy $kind
done
end
