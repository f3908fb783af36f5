# SPDX-License-Identifier: GPL-2.0-only
#
# Many small guests with a stock kernel side by side: all of them reach their user space, answer on the network and on the
# console, and what a domain costs beside its own memory is said.
#
# A script that reads this file says how many: guests=N.

. /tests/lib.sh

. /tests/small.sh
. /tests/count.sh

# Every guest that does not do "COMMAND NUMBER" is named.
all()
{
	missing=
	for i in $(seq "$guests"); do "$1" "$i" || missing="$missing $i"; done
	[ -z "$missing" ] || { echo "not:$missing"; false; }
}
up() { said "$(name "$1")" 'guest: up'; }
all_up()
{
	wait_for 60 few_starting "$guests" 1 && return
	all up
	for i in $missing; do tail -n 12 "$LOG/guest-$(name "$i").log"; done
	return 1
}
# On a busy machine an answer may take seconds; a guest that is lost gives none to twenty questions.
answers_ping() { wait_for 4 ping -c 1 -W 5 "10.0.0.$(($1 + 1))"; }
read_disk() { said "$(name "$1")" "guest: disk 'xenolith.'"; }
speak() { type_to "$1" "line $1"; }
heard() { said "$(name "$1")" "guest: heard 'line $1'"; }
free_before=$(free_kib)
check "$guests guests are created" create_small 1 "$guests"
check "all of them reach their user space" all_up
beside=$((($free_before - $(free_kib)) / guests - SMALL_MIB * 1024))
echo "# memory of a domain beside its own: $beside KiB"
echo "# a guest: $(grep -a 'guest: up' $LOG/guest-small1.log)"
check "a domain takes less than 300 KiB beside its own memory" test "$beside" -lt 300
check "all of them read their disks" all read_disk
check "all of them answer on the network" all answers_ping
check "all of them take a line on the console" all speak
check "and answer" wait_for 120 all heard
check "xl list shows all of them" test "$(xl list | grep -c '^small')" = "$guests"
echo "# Domain0: $(grep MemAvailable /proc/meminfo)"
for i in $(seq "$guests"); do xl destroy "$(name "$i")" || not_ok "destroy $i"; done
check "no domain is left" wait_for 120 sh -c '[ $(xl list | wc -l) = 2 ]'
check "no interface is left" wait_for 120 sh -c '! ip link | grep -q vif'
check "no loop device is left" wait_for 120 sh -c '! losetup | grep -q img'
lost=$((free_before - $(free_kib)))
check "the machine's free memory is as before (lost $lost KiB)" test "$lost" -le 1024
end
