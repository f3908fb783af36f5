# SPDX-License-Identifier: GPL-2.0-only
#
# Ends of a network card that break the protocol, each field of it: the other end disconnects that card and says why in one
# line; the other card of the same guest, and everything else, go on. (SECURITY.md: "Rings and drivers", "Grants".)
# fault modules
# modules: domain0 guest

. /tests/lib.sh

config one "vcpus = 1" "vif = [ 'bridge=xenbr0' ]"
config two "vcpus = 1" "vif = [ 'bridge=xenbr0', 'bridge=xenbr0' ]"
say() { echo "run { $2; } 2>&1 | sed 's/^/guest: /'" > "$(xenstore read "/local/domain/$(xl domid "$1")/console/tty")"; }
alone() { ! dmesg | grep -E 'BUG|WARNING|Oops|Call Trace'; }

check "a guest starts" xl create /guests/two.cfg
check "it reaches its user space" wait_said two 'guest: waits' 90
# What is sent to everybody reaches the card that breaks the protocol, too.
ping 10.0.0.99 >/dev/null 2>&1 &
dmesg -c >/dev/null
say two "insmod /tests/fault-netfront.ko; cd /sys/bus/xen/drivers; echo vif-1 > vif/unbind; echo vif-1 > fault-vif/bind"
check "the frontend that breaks everything comes to its end" wait_said two 'fault-netfront: 1\.\.' 400
grep -a 'fault-netfront: .*ok' $LOG/guest-two.log | tr -d '\r' | sed 's/.*fault-netfront: //' > /tmp/faults
sed 's/^/# /' /tmp/faults
check "each wrong thing disconnects its card, what may happen does not" sh -c '! grep "^not ok" /tmp/faults && [ $(grep -c "^ok" /tmp/faults) -gt 40 ]'
dmesg | grep -E 'broke the protocol' | sed 's/^/# /' > /tmp/said
cat /tmp/said
check "each wrong packet or index is said in one line" sh -c '[ $(wc -l < /tmp/said) = 26 ]'
say two "ping -c 1 -w 30 10.0.0.1 >/dev/null && echo its other card works"
check "the guest's other card works" wait_said two '^guest: its other card works' 60
check "the kernel of Domain0 has no complaint of its own" alone
xl destroy two

insmod /tests/fault-netback.ko
check "another guest starts" xl create /guests/one.cfg
check "it reaches its user space" wait_said one 'guest: Domain0 answers' 90
wait_said one 'guest: waits' 20
id=$(xl domid one)
cd /sys/bus/xen-backend/drivers
for i in 0 1 2 3 4 5 6 7 8 9 10 11; do
	echo $i > /sys/module/fault_netback/parameters/fault
	echo vif-$id-0 > vif/unbind
	echo vif-$id-0 > fault-vif/bind
	say one "until [ \$(dmesg | grep -c 'the backend broke the protocol') -gt $i ]; do ping -c 1 -w 1 10.0.0.1 >/dev/null; done; echo fault $i"
	check "fault $i of a backend: the frontend disconnects" wait_said one "^guest: fault $i" 60
	echo vif-$id-0 > fault-vif/unbind
	echo vif-$id-0 > vif/bind
	ip link set vif$id.0 master xenbr0 up
	say one "ping -c 1 -w 60 10.0.0.1 >/dev/null && echo again $i"
	check "and works with an honest one again" wait_said one "^guest: again $i" 60
done
say one "dmesg | grep 'broke the protocol'; dmesg | grep -cE 'BUG|WARNING|Oops' | sed 's/^/complaints /'"
check "its kernel has no complaint of its own" wait_said one '^guest: complaints 0' 10
grep -a 'broke the protocol' $LOG/guest-one.log | tr -d '\r' | sed 's/^/# /'
check "nor that of Domain0" alone
xl destroy one
check "nothing is left of them" wait_for 20 sh -c '! xl list | grep -qE "^(one|two|\(null\)) "'
end
