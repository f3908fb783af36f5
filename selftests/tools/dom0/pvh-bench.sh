# SPDX-License-Identifier: GPL-2.0-only
#
# The micro-benchmarks in PVH guests, with the kernel's own Xen code and on the port: lines "MICRO kind name cost", and
# "EXITS kind name n": how often one operation leaves the guest, with its share of the timer. Run with --icount -s 1.
# benchmarks
# port guests

. /tests/guest-lib.sh

MICROS="syscall signal fault mmap64 mprotect64 fork exec pipe event"
# exits COMMAND: how many there are while it runs in the guest, and the console that tells so
exits()
{
	before=$(counters | awk '{ print $8 }')
	ask $kind "/bin/micro $1" 300 > /tmp/said
	echo $(($(counters | awk '{ print $8 }') - before))
}
measure()
{
	# Virtual time: nobody looks while it measures.
	tell $kind "sleep 3; /bin/micro; echo guest: measured"
	sleep 20
	wait_said $kind '^guest: measured' 300
	tr -d '\r' < $LOG/guest-$kind.log | sed -n "s/^BENCH /MICRO $kind /p"
	idle=$(exits none)
	for name in $MICROS; do
		all=$(exits $name)
		operations=$(sed -n "s/.*OPERATIONS $name //p" /tmp/said)
		[ -z "$operations" ] || echo "EXITS $kind $name $(awk "BEGIN { printf \"%.2f\", ($all - $idle) / $operations }")"
	done
}

config guest "extra = 'console=hvc0 panic=1 xenolith.test=guest'"
for kind in pvh port; do
	check "a $kind guest" xl create -q /guests/guest.cfg "name='$kind'" $(guest_kind $kind)
	check "reaches its user space" wait_for 300 boots $kind 1
	measure
	xl destroy $kind
done
end
