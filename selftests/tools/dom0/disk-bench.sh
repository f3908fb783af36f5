# SPDX-License-Identifier: GPL-2.0-only
#
# Instructions of the whole machine for one request of a guest to a raw file behind loop: one at a time, in order; then
# 4 KiB at random places, 1 and 32 at a time, in guests of 1, 2 and 4 vcpus with a thread on each. With what the hypervisor
# counted meanwhile. Run with --icount -s 1; see guest_kind() for other guests than PV.
# benchmarks
# port guests

. /tests/guest-lib.sh

REQUESTS=2000
head -c 8388608 /dev/urandom > /guests/one.img
config one "disk = [ 'file:/guests/one.img,xvda,w' ]"

started=0
start_guest()
{
	started=$((started + 1))
	xl create -q /guests/one.cfg "vcpus=$1" $(guest_kind) && wait_for 300 boots one $started && sleep 5
}

# count NAME REQUESTS COMMAND...: how much of each counter one request takes
count()
{
	name=$1 requests=$2 before=$(counters) idle=$(counters); shift 2
	"$@"
	echo "$before;$idle;$(counters)" | awk -F';' -v name="$name" -v n="$requests" '{
		split($1, a, " "); split($2, b, " "); k = split($3, c, " ")
		if (k < 7) exit
		line = "COUNT " name
		for (i = 1; i <= k; i++) line = line sprintf(" %.1f", (c[i] - b[i] - (b[i] - a[i])) / n)
		print line
	}'
}

load() { ask one "disk-load $1 /dev/xvda $2 $3 $((REQUESTS / $3)) | sed 's/.*: //'" 300; }
# measure OPERATION DEPTH VCPUS: the second time is the one that counts
measure()
{
	load "$1" "$2" "$3" >/dev/null
	count "random-$1-$2-$3" $REQUESTS load "$1" "$2" "$3" | sed "s/^[0-9]/BENCH random-$1-$2-$3 &/"
}

start_guest 1
tell one "disk bench /dev/xvda; disk bench /dev/xvda; echo guest: measured"
wait_said one '^guest: measured' 300
grep -a '^BENCH' $LOG/guest-one.log | tr -d '\r' | awk '{ n = $2 "-" $3; if (!(n in v) || $5 < v[n]) v[n] = $5 } END { for (n in v) print "BENCH", n, v[n] }'
for operation in read write; do
	for depth in 1 32; do measure $operation $depth 1; done
done
xl destroy one
for vcpus in 2 4; do
	start_guest $vcpus
	measure read 32 $vcpus
	measure write 32 $vcpus
	xl destroy one
done
ok "measured"
end
