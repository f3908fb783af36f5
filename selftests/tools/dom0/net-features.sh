# SPDX-License-Identifier: GPL-2.0-only
#
# A network card in all the shapes that the protocol has: each is negotiated anew and then carries checked streams both
# ways. Either end may be the kernel's own (MODULES), which has no hash, counters or programs: it is not asked for them.
# ethtool
# modules: domain0 guest

. /tests/lib.sh

rmmod xen-netback && insmod /modules/xen-netback.ko max_queues=4
config one "vcpus = 2" "vif = [ 'bridge=xenbr0' ]"
check "a guest starts" xl create /guests/one.cfg
check "it reaches its user space" wait_said one 'guest: waits' 120
id=$(xl domid one)
vif=vif$id.0 back=/local/domain/0/backend/vif/$id/0
tty=$(xenstore read "/local/domain/$id/console/tty")
# An address of IPv6 is to be usable at once.
no_wait='for f in /proc/sys/net/ipv6/conf/*/accept_dad; do echo 0 > $f; done'
eval "$no_wait"
ip -6 addr add fd00::1/64 dev xenbr0

# guest COMMAND: it succeeds there; what it says goes to /tmp/said
step=0
guest()
{
	step=$((step + 1))
	echo "{ $1; } > /tmp/out 2>&1; echo \"guest: did $step \$?\"; sed 's/^/guest: $step /' /tmp/out; echo guest: end $step." > /tmp/run
	echo "run $(cat /tmp/run)" > "$tty"
	wait_for 90 said one "^guest: end $step\." || { echo "no answer to: $1"; return 1; }
	grep -a "^guest: $step " $LOG/guest-one.log | tr -d '\r' | sed "s/^guest: $step //" > /tmp/said
	said one "^guest: did $step 0" || { cat /tmp/said; return 1; }
}
check_guest() { check "$1" guest "$2"; }
# later COMMAND: it goes on there while other things are done
later() { echo "run $1 &" > "$tty"; }
our_back() { [ -f /sys/module/xen_netback/version ]; }
our_front() { guest '[ -f /sys/module/xen_netfront/version ]'; }

# streams [6]: 2 MiB each way at once; both arrive whole.
count_here() { cat /tmp/sink /tmp/sink6 | grep -c checked; }
count_there() { grep -ac '^netload: tcp.*checked' $LOG/guest-one.log; }
arrived() { [ "$(count_here)" -gt "$1" ] && [ "$(count_there)" -gt "$2" ]; }
streams()
{
	here=$(count_here) there=$(count_there)
	if [ "${1:-}" = 6 ]; then set -- fd00::1 5003 fd00::2 5004; else set -- 10.0.0.1 5001 10.0.0.2 5002; fi
	later "netload tcp $1 $2 2 check"
	netload tcp $3 $4 2 check
	wait_for 120 arrived $here $there || { echo "$(count_here) streams here, $(count_there) there"; return 1; }
	! grep WRONG /tmp/sink /tmp/sink6 && ! said one WRONG
}

addresses='ip addr add 10.0.0.2/24 dev eth0; ip -6 addr add fd00::2/64 dev eth0; ip link set eth0 up'
offers='feature-sg=1 feature-gso-tcpv4=1 feature-gso-tcpv6=1 feature-no-csum-offload=0 feature-split-event-channels=1'
# shape [NODE=VALUE...] [-- PARAMETER...]: let the frontend go, change what the backend says, load it again
shape()
{
	nodes=
	while [ $# -gt 0 ] && [ "$1" != -- ]; do nodes="$nodes $1"; shift; done
	[ $# = 0 ] || shift
	guest 'echo vif-0 > /sys/bus/xen/drivers/vif/unbind; rmmod xen-netfront' || return
	wait_for 60 sh -c "[ \$(xenstore read $back/state) = 6 ]" || { echo "the backend does not close"; return 1; }
	[ "$(cat /sys/class/net/$vif/carrier)" = 0 ] || { echo "$vif has carrier"; return 1; }
	for node in $offers $nodes; do xenstore write $back/${node%%=*} "${node#*=}"; done
	guest "insmod /modules/xen-netfront.ko $*; until [ -d /sys/class/net/eth0 ]; do sleep 0.2; done; $addresses" || return
	xenstore write $back/hotplug-status connected
	wait_for 60 sh -c "[ \$(cat /sys/class/net/$vif/carrier) = 1 ]" || { echo "$vif has no carrier"; return 1; }
	guest 'ping -c 1 -w 60 10.0.0.1'
}
queues() { ls -d /sys/class/net/$vif/queues/tx-* | wc -l; }
counted() { cat /sys/class/net/$vif/statistics/$1; }

netload sink 5001 check > /tmp/sink &
netload sink6 5003 check > /tmp/sink6 &
later 'netload sink 5002 check'
later 'netload sink6 5004 check'
wait_said one 'netload: ready' 30
check_guest "the guest has an address of IPv6" "$no_wait; ip -6 addr add fd00::2/64 dev eth0"

for nr in 1 2 4; do
	check "$nr queues" shape -- max_queues=$nr
	check "are negotiated" [ "$(queues)" = $nr ]
	check "streams flow" streams
done
packets=$(counted tx_packets) bytes=$(counted tx_bytes)
check "streams flow over IPv6" streams 6
check "unsegmented" [ $((($(counted tx_bytes) - bytes) / ($(counted tx_packets) - packets))) -gt 2000 ]

if our_front; then
	check_guest "a hash and a table are chosen: all to queue 2" "ethtool -X eth0 weight 0 0 1 0 && ethtool -x eth0"
	guest "ethtool -S eth0" && cp /tmp/said /tmp/before
	check "streams flow" streams
	guest "ethtool -S eth0"
	received() { awk -v k="queue_$1_rx_bytes:" '$1 == k { print $2 }' "$2"; }
	check "through queue 2" [ $(($(received 2 /tmp/said) - $(received 2 /tmp/before))) -gt 2000000 ]
	check "and no other" [ $(($(received 0 /tmp/said) + $(received 1 /tmp/said) + $(received 3 /tmp/said) - $(received 0 /tmp/before) - $(received 1 /tmp/before) - $(received 3 /tmp/before))) -lt 100000 ]
fi
if our_back; then
	check "ethtool knows the driver" sh -c "ethtool -i $vif | grep -q '^driver: vif'"
	sum() { ethtool -S $vif | awk "/queue_[0-9]_$1:/ { n += \$2 } END { print n }"; }
	check "its counters of the queues are those of the interface" [ "$(sum tx_bytes)" -gt 4000000 ]
fi

check "one event channel" shape feature-split-event-channels=0
check "streams flow" streams
check "no segmentation by the other side" shape feature-gso-tcpv4=0 feature-gso-tcpv6=0
check "streams flow" streams
check "packets of one part" shape feature-sg=0 feature-gso-tcpv4=0 feature-gso-tcpv6=0
check "streams flow" streams
check "checksums filled in by the sender" shape feature-no-csum-offload=1 feature-gso-tcpv4=0
check "streams flow" streams
check "a backend that may not look beside packets" shape -- trusted=0
check "streams flow" streams

mtu() { ip link set $vif mtu $1 && ip link set xenbr0 mtu $1 && guest "ip link set eth0 mtu $1"; }
check "an MTU of 9000" mtu 9000
check "packets of 8000 bytes pass" ping -s 8000 -c 1 -w 60 10.0.0.2
check "streams flow" streams
check "an MTU of 1280" mtu 1280
check "streams flow" streams
mtu 1500
check_guest "another address" "ip link set eth0 address 00:16:3e:11:22:33; ping -c 1 -w 60 10.0.0.1"
check "streams flow" streams

check_guest "the interface goes down and up" "ip link set eth0 down; ip link set eth0 up; ip -6 addr add fd00::2/64 dev eth0; ping -c 1 -w 60 10.0.0.1"
ip link set $vif down; ip link set $vif up
check "at the other end too" ping -c 1 -w 60 10.0.0.2

group="ff02::1:ff01:9999%xenbr0"
if our_front && our_back; then
	dropped=$(counted tx_dropped)
	check "a group that the guest is not in is not answered" sh -c "! ping -6 -c 2 -w 4 $group"
	check "and not even sent to it" [ "$(counted tx_dropped)" -gt "$dropped" ]
fi
check_guest "the guest joins the group" "ip -6 addr add fd00::1:9999/64 dev eth0"
check "it is answered" ping -6 -c 1 -w 60 $group

check "a rate of 1 MB in a second" shape rate=1000000,1000000
began=$(cut -d. -f1 /proc/uptime)
check "streams flow" streams
check "not faster than that" [ $(($(cut -d. -f1 /proc/uptime) - began)) -ge 1 ]
check "no limit" shape rate=

# program INTERFACE ACTION: at the guest's end, or ours; end_program
program()
{
	if [ "$1" = eth0 ]; then
		guest "xdp eth0 $2 > /tmp/xdp 2>&1 & for i in \$(seq 300); do [ -s /tmp/xdp ] && break; sleep 0.2; done; cat /tmp/xdp; grep -qx 'xdp: $2' /tmp/xdp"
	else
		xdp $1 $2 > /tmp/xdp 2>&1 &
		wait_for 60 grep . /tmp/xdp
		grep -qx "xdp: $2" /tmp/xdp || { cat /tmp/xdp; return 1; }
	fi
}
end_program() { if [ $1 = eth0 ]; then guest 'killall xdp'; else killall xdp; fi; }
# The other side of the interface asks this one.
asked() { if [ $1 = eth0 ]; then ping -c 1 -w $2 10.0.0.2; else guest "ping -c 1 -w $2 10.0.0.1"; fi; }
unanswered() { ! asked $1 4; }
deaf() { if [ $2 = eth0 ]; then guest "echo $1 > /proc/sys/net/ipv4/icmp_echo_ignore_all"; else echo $1 > /proc/sys/net/ipv4/icmp_echo_ignore_all; fi; }
programs()
{
	check "$1: a program that passes all packets" program $1 pass
	check "streams flow" streams
	end_program $1
	asked $1 60 >/dev/null
	check "$1: one that drops them" program $1 drop
	check "nobody answers" unanswered $1
	end_program $1
	check "without it somebody does" asked $1 60
	deaf 1 $1
	check "nor when told not to" unanswered $1
	for action in reply redirect; do
		check "$1: a program that answers in its place ($action)" program $1 $action
		check "is heard" asked $1 60
		end_program $1
	done
	deaf 0 $1
}
programs eth0
if our_back; then programs $vif; fi

check "the kernel of Domain0 has no complaint" sh -c '! dmesg | grep -E "BUG|WARNING|Oops|Call Trace"'
check_guest "nor that of the guest" "! dmesg | grep -E 'BUG|WARNING|Oops|Call Trace'"
check "xl destroy ends it" xl destroy one
check "its interface is gone" wait_for 20 sh -c '! ip link | grep -q vif'
end
