# SPDX-License-Identifier: GPL-2.0-only
#
# Ends of a disk that break the protocol, each field of it: the other end disconnects that disk and says why in one line;
# the other disks of the same guest, and everything else, go on. (SECURITY.md: "Rings and drivers", "Grants".)
# fault modules
# modules: domain0 guest

. /tests/lib.sh

head -c 4194304 /dev/zero > /guests/one.img
head -c 1048576 /dev/zero > /guests/two.img
loop=$(losetup -f)
losetup "$loop" /guests/two.img
config one "vcpus = 1" "disk = [ 'file:/guests/one.img,xvda,w', 'phy:$loop,xvdb,w' ]"
config two "vcpus = 1" "disk = [ 'file:/guests/one.img,xvda,r', $(for d in b c d e f g h i; do printf "'phy:%s,xvd%s,r', " "$loop" $d; done) ]"
say() { echo "run { $2; } 2>&1 | sed 's/^/guest: /'" > "$(xenstore read "/local/domain/$(xl domid "$1")/console/tty")"; }

check "a guest starts" xl create /guests/one.cfg
check "it reaches its user space" wait_said one 'guest: waits' 90
dmesg -c >/dev/null
say one "insmod /tests/fault-blkfront.ko; cd /sys/bus/xen/drivers; echo vbd-51728 > vbd/unbind; echo vbd-51728 > fault-vbd/bind"
check "the frontend that breaks everything comes to its end" wait_said one 'fault-blkfront: 1\.\.' 150
grep -a 'fault-blkfront: .*ok' $LOG/guest-one.log | tr -d '\r' | sed 's/.*fault-blkfront: //' > /tmp/faults
sed 's/^/# /' /tmp/faults
check "each wrong thing disconnects its disk, what may happen by mistake does not" sh -c '! grep "^not ok" /tmp/faults && [ $(grep -c "^ok" /tmp/faults) -gt 25 ]'
dmesg | grep -E 'vbd-[0-9]+-51728' | grep -vE 'rings of|mapping in shared page' > /tmp/said
check "each is said in one line" sh -c '[ $(wc -l < /tmp/said) = $(grep -c "^ok" /tmp/faults | awk "{ print \$1 - 4 }") ] || ! cat /tmp/said'
dmesg | grep -E 'BUG|WARNING|Oops|Call Trace' | sed 's/^/# /'
say one "disk verify /dev/xvda 2 2"
check "the guest's other disk works" wait_said one '^guest: disk: verified' 60
check "the kernel of Domain0 has no complaint of its own" sh -c '! dmesg | grep -qE "BUG|WARNING|Oops|Call Trace"'
xl destroy one

insmod /tests/fault-blkback.ko
check "another guest starts" xl create /guests/two.cfg
check "it reaches its user space" wait_said two 'guest: waits' 90
id=$(xl domid two)
fault=0
for d in b c d e f g h; do
	device=vbd-$id-$((51712 + 16 + fault * 16))
	echo $fault > /sys/module/fault_blkback/parameters/fault
	echo $device > /sys/bus/xen-backend/drivers/vbd/unbind
	echo $device > /sys/bus/xen-backend/drivers/fault-vbd/bind
	say two "dd if=/dev/xvd$d of=/dev/null bs=4096 count=1 iflag=direct && echo xvd$d READS || echo xvd$d fails"
	check "fault $fault of a backend: the request fails" wait_said two "^guest: xvd$d fails" 30
	check "and the frontend says why" said two "xvd$d: the backend broke the protocol"
	echo $device > /sys/bus/xen-backend/drivers/fault-vbd/unbind
	fault=$((fault + 1))
done
say two "disk check /dev/xvdi || echo other disks; dmesg | grep -cE 'BUG|WARNING|Oops'"
check "its other disks are read" wait_said two '^guest: other disks' 60
check "its kernel has no complaint of its own" wait_said two '^guest: 0' 10
xl destroy two
check "nothing is left of them" wait_for 20 sh -c '! xl list | grep -qE "^(one|two|\(null\)) "'
end
