# SPDX-License-Identifier: GPL-2.0-only
#
# Domains that come and go leave nothing behind: no page, event channel, grant, node of the store, loop device, interface,
# record or open file, and the store agrees with itself.
#
# A script that reads this file says how often: cycles=N. The guest is the stub: 32 MiB, one disk, one network card, paused.

. /tests/lib.sh
. /tests/count.sh

disk_image /guests/leak.img 1048576
config leak "kernel = '/guest/stub'" "ramdisk = ''" "memory = 32" "extra = 's'" "disk = [ 'file:/guests/leak.img,xvda,w' ]" \
	"vif = [ 'bridge=xenbr0' ]"
cycle()
{
	for i in $(seq "$1"); do
		xl create -q -p /guests/leak.cfg || { echo "creation $i"; return 1; }
		xl destroy leak || { echo "destruction $i"; return 1; }
	done
}
as_before()
{
	now=$(counts)
	[ "$now" = "$before" ] || { echo "before: $before"; echo "now:    $now"; false; }
}

check "a few domains come and go" cycle 4	# what the first ones make for all stays: folders of the backends, caches
wait_for 60 sh -c '! ip link | grep -q vif'
before=$(counts) free_before=$(free_kib)
echo "# $before, free $free_before KiB"
from=$(cut -d. -f1 /proc/uptime)
check "$cycles more" cycle "$cycles"
echo "# in $(($(cut -d. -f1 /proc/uptime) - from)) s"
check "there is of everything what was there before" wait_for 60 as_before
[ "$(counts)" = "$before" ] || echo "# now: $(counts)"
# Numbers of domains are not used again soon, and the hypervisor keeps a page of its table for each 512 of them.
least=$((free_before - (cycles + 16) / 512 * 4))
export least
wait_for 10 sh -c '. /tests/count.sh; [ $(free_kib) -ge $least ]'
free_now=$(free_kib)
check "the machine's free memory is as before ($free_before KiB, now $free_now)" test "$free_now" -ge "$least"
check "the store agrees with itself" xenstore control check
end
