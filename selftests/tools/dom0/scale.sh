# SPDX-License-Identifier: GPL-2.0-only
#
# Many small guests with a stock kernel side by side: all of them reach their user space, answer on the network and on the
# console, and what a domain costs beside its own memory is said.
#
# A script that reads this file says how many: guests=N.

. /tests/lib.sh

SMALL_MIB=${SMALL_MIB:-80}	# with 72 one in a hundred cloud kernels 6.1 runs out of memory while it boots
AT_ONCE=2			# so many start at the same time
. /tests/count.sh

name() { echo "small$1"; }
small()
{
	disk_image "/guests/$1.img" 65536
	config "$(name "$1")" "kernel = '/guest/small/vmlinuz'" "ramdisk = '/guest/small/initrd'" "memory = $SMALL_MIB" \
		"disk = [ 'file:/guests/$1.img,xvda,w' ]" "vif = [ 'bridge=xenbr0' ]" \
		"extra = 'console=hvc0 quiet panic=1 guest.ip=10.0.0.$(($1 + 1))'"
}
starting() { echo $(($1 - $(grep -al 'guest: up' $LOG/guest-small*.log 2>/dev/null | wc -l))); }
few_starting() { [ "$(starting "$1")" -lt "$2" ]; }
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
heard() { said "$(name "$1")" "guest: heard 'line $1'"; }
speak() { echo "line $1" > "$(xenstore read "/local/domain/$(xl domid "$(name "$1")")/console/tty")"; }
create_all()
{
	for i in $(seq "$guests"); do
		xl create -q "/guests/$(name "$i").cfg" || return 1
		wait_for 120 few_starting "$i" $AT_ONCE || { echo "guest $i: $(starting "$i") do not come up"; xl list | tail -n 6; return 1; }
		[ $((i % 8)) != 0 ] || echo "# $i guests at $(cut -d' ' -f1 /proc/uptime) s" >/dev/console
	done
}

for i in $(seq "$guests"); do small "$i"; done
free_before=$(free_kib)
check "$guests guests are created" create_all
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
