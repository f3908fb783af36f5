# SPDX-License-Identifier: GPL-2.0-only
#
# A guest of the port under stress (tools/guest-port-stress): CPUs, affinity, drivers, and nothing that storms meanwhile is
# lost; then its network card is unbound and bound under a stream.
# port guests
# kselftests
# boot: -T 3600 -x guest_loglvl=all

. /tests/guest-lib.sh

rounds=5
disk_image /guests/one.img 16777216
disk_image /guests/two.img 4194304
config one "type = 'pvh'" "paravirt = 'module'" "ramdisk = '/guest/initrd-port'" "vcpus = 4" "memory = 256" \
	"disk = [ 'file:/guests/one.img,xvda,w', 'file:/guests/two.img,xvdb,w' ]" "vif = [ 'bridge=xenbr0' ]"
netload sink 5001 > /tmp/sink &
check "a guest" xl create /guests/one.cfg
check "it reaches its user space" wait_said one 'guest: waits' 300
[ $bad = 0 ] || end
check "it has 4 vcpus" said one 'guest: up, 4 vcpus'
tell one "sh /tests/guest-port-stress $rounds"
check "$rounds rounds of CPUs, affinity and drivers under storms of events" wait_said one '^guest: stress: 4 CPUs, .*: well' 600
grep -a '^guest: stress' $LOG/guest-one.log | tr -d '\r' | sed 's/^/# /'
[ $bad = 0 ] || tail -n 40 $LOG/guest-one.log

for i in 1 2 3; do
	tell one "netload tcp 10.0.0.1 5001 4 &"
	check "$i: its card is unbound and bound, and Domain0 answers again" answers one back \
		"cd /sys/bus/xen-port/drivers/vif; sleep 0.5; echo vif-0 > unbind; echo vif-0 > bind; cd /; until ip link set eth0 up 2>/dev/null; do sleep 0.2; done; ip addr add 10.0.0.2/24 dev eth0; until ping -c 1 -w 5 10.0.0.1 >/dev/null; do sleep 0.2; done; echo back" 120
done
check "its kernel does not complain" quiet one
check "nothing is unhandled" answers one 0 "dmesg | grep -cE 'No irq handler|nobody cared|Call Trace'"
check "xl shutdown" xl shutdown one
check "it powers off" wait_for 90 gone one
check "Domain0's kernel does not complain" sh -c "! dmesg | grep -E '$COMPLAINTS'"
end
