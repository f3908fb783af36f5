# SPDX-License-Identifier: GPL-2.0-only
#
# A frontend whose domain goes on elsewhere, under load: its bus has it resume, the backend is a new one that knows nothing of
# the rings before. What was under way on the disk is sent again and is right; the network card is there again.
# fault modules
# modules: domain0 guest

. /tests/guest-lib.sh

# moves KIND NUMBER FRONTEND-NAME: to a new backend, as a restore does it: both ends begin anew
moves()
{
	back=/local/domain/0/backend/$1/$id/$2 front=/local/domain/$id/device/$1/$2
	echo $1-$id-$2 > /sys/bus/xen-backend/drivers/$1/unbind
	xenstore write $back/state 1
	answers one "resume-front: 0" "insmod /tests/resume-front.ko device=$3 2>/dev/null; dmesg | grep -o 'resume-front: [-0-9]*' | tail -n 1" || return 1
	xenstore write $front/state 1
	echo $1-$id-$2 > /sys/bus/xen-backend/drivers/$1/bind
	wait_for 60 connected $front
}
connected() { [ "$(xenstore read "$1/state")" = 4 ]; }

head -c 16777216 /dev/zero > /guests/one.img
loop=$(losetup -f)
losetup "$loop" /guests/one.img
config one "vcpus = 2" "disk = [ 'phy:$loop,xvda,w' ]" "vif = [ '' ]"
check "the guest starts" xl create /guests/one.cfg
check "it reaches its user space" wait_said one 'guest: waits' 300
id=$(xl domid one)
tell one "disk verify /dev/xvda 15 4 2>&1 | sed 's/^/guest: /' &"
sleep 3
for i in 1 2 3; do
	check "move $i of the disk" moves vbd 51712 vbd-51712
	sleep 1
done
check "the data is right" wait_said one '^guest: disk: verified' 300
check "the card moves" moves vif 0 vif-0
check "its interface is back on the bridge" wait_for 60 sh -c "ip link set vif$id.0 master xenbr0 up"
xenstore write /local/domain/0/backend/vif/$id/0/hotplug-status connected
check "the network answers" wait_for 60 ping -c 1 -w 2 10.0.0.2
check "no kernel complained" quiet one
check "nor Domain0's" sh -c "! dmesg | grep -E '$COMPLAINTS'"
check "xl destroy" xl destroy one
end
