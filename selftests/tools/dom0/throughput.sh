# SPDX-License-Identifier: GPL-2.0-only
#
# What is lost where many guests share a processor: how much work small guests get done together in the same virtual time,
# one alone and then many, as lines "WORK guests pieces least-of-one most-of-one".
# small guests
# boot: -m 12000 -x dom0_mem=1024M,max:1024M

. /tests/lib.sh
. /tests/small.sh

seconds=20
worked() { grep -ah "^guest: worked $from " $LOG/guest-small*.log | tr -d '\r' | awk '{ print $4 }'; }
all_worked() { [ "$(worked | wc -l)" = "$1" ]; }
# measure GUESTS: all of those that are there; nobody looks while they work
measure()
{
	from=$(($(date +%s) + 5 + $1 / 8))
	for i in $(seq "$1"); do type_to "$i" "work $from $seconds"; done
	[ "$(date +%s)" -lt "$from" ] || { echo "told too late"; return 1; }
	sleep $((from - $(date +%s) + seconds + 2))
	wait_for 60 all_worked "$1" || { echo "only $(worked | wc -l) worked"; return 1; }
	worked | awk -v n="$1" '
		{ all += $1; if (NR == 1 || $1 < least) least = $1; if ($1 > most) most = $1 }
		END { print "WORK", n, all, least, most }' >/dev/console
}

there=0
for guests in 1 8 32 128; do
	check "$guests guests are there" create_small $((there + 1)) $guests
	wait_for 120 few_starting $guests 1
	there=$guests
	check "$guests guests work" measure $guests
done
end
