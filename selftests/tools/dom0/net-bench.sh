# SPDX-License-Identifier: GPL-2.0-only
#
# Instructions of the whole machine for network traffic between a guest and Domain0, both ways, and inside of Domain0, which
# is what the kernel itself takes for sending and receiving; with --icount -s 1.
# Which drivers: MODULES, see selftests/tools/image; which guest: guest_kind() in lib.sh.
# port guests
# benchmarks

. /tests/lib.sh
config one "vif = [ 'bridge=xenbr0' ]"
mkfifo /tmp/keys
xl create -q /guests/one.cfg $(guest_kind)
( exec 3<>/tmp/keys; xl console one <&3 >/dev/null 2>&1 ) &
exec 4>/tmp/keys
wait_said one 'guest: waits' 90 || end
netload sink 5001 > /tmp/sink &
for i in 1 2 3 4 5 6 7 8 9; do said one "heard 'hello'" || { echo hello >&4; sleep 1; }; done
# guest COMMAND: have it run there
guest() { echo "run $*" >&4; }
# results FILE N: wait until N results are in it
results() { wait_for "${3:-60}" sh -c "[ \$(grep -c 'netload: [tu][cd]p' $1) -ge $2 ]"; }
results_of() { results "$LOG/guest-one.log" "$@"; }

statistics() { cat /sys/class/net/vif1.0/statistics/$1; }
# packets NAME NUMBER: how many packets, of what size, and how many events Domain0 took for them, since the last time; of what
# the hypervisor counts, how much there was for each of NUMBER operations.
rx=0 rxb=0 tx=0 txb=0 ev=0 before=
packets()
{
	name=$1 number=$2
	now=$(counters)
	echo "$before;$now" | awk -F';' -v name="$name" -v n="$number" '{
		split($1, a, " "); k = split($2, b, " ")
		if (k < 7) exit
		line = "COUNT " name
		for (i = 1; i <= k; i++) line = line sprintf(" %.2f", (b[i] - a[i]) / n)
		print line
	}'
	set -- $(statistics rx_packets) $(statistics rx_bytes) $(statistics tx_packets) $(statistics tx_bytes) \
		$(awk '/vif1.0/ { n += $2 } END { print n + 0 }' /proc/interrupts)
	echo "# from the guest $(($1 - rx)) packets of $((($2 - rxb) / ($1 - rx + 1))), to it $(($3 - tx)) of" \
		"$((($4 - txb) / ($3 - tx + 1))), $(($5 - ev)) events in Domain0"
	rx=$1 rxb=$2 tx=$3 txb=$4 ev=$5
	before=$(counters)
}
packets start 1 >/dev/null
case $CMDLINE in
*net-bench=tcp*) udp=: ;;
*)		 udp= ;;
esac

# A stream before makes buffers grow and fills pools; of two the second counts.
guest 'netload tcp 10.0.0.1 5001 8; netload tcp 10.0.0.1 5001 24; echo guest: sent'
results /tmp/sink 2
packets out-tcp 32768
$udp guest 'netload udp 10.0.0.1 5001 64 8000; echo guest: sent'
$udp results /tmp/sink 3
$udp packets out-udp-64 8000
$udp guest 'netload udp 10.0.0.1 5001 1400 8000; echo guest: sent'
$udp results /tmp/sink 4
$udp packets out-udp-1400 8000
sed -n 's/^netload: \([tu]\)/BENCH guest-to-Domain0 \1/p' /tmp/sink
seen=$(grep -c 'netload: [tu][cd]p' /tmp/sink)
ip link set lo up
netload tcp 127.0.0.1 5001 24
results /tmp/sink $((seen + 1))
$udp netload udp 127.0.0.1 5001 64 8000
$udp results /tmp/sink $((seen + 2))
$udp netload udp 127.0.0.1 5001 1400 8000
$udp results /tmp/sink $((seen + 3))
sed -n 's/^netload: \([tu]\)/BENCH loopback \1/p' /tmp/sink | tail -n +$((seen + 1))
guest 'netload sink 5001 &'
wait_said one 'netload: ready' 60
packets start 1 >/dev/null
netload tcp 10.0.0.2 5001 8
netload tcp 10.0.0.2 5001 24
results_of 2
packets in-tcp 32768
$udp netload udp 10.0.0.2 5001 64 8000
$udp results_of 3
$udp packets in-udp-64 8000
$udp netload udp 10.0.0.2 5001 1400 8000
$udp results_of 4
$udp packets in-udp-1400 8000
grep -a 'netload: [tu]' $LOG/guest-one.log | tr -d '\r' | sed 's/.*netload:/BENCH Domain0-to-guest/'
guest 'grep eth0 /proc/interrupts'
sleep 1
grep -a 'eth0' $LOG/guest-one.log | tr -d '\r' | sed 's/^/# guest: /'
ok "measured"
end
