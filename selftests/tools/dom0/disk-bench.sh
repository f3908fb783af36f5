# SPDX-License-Identifier: GPL-2.0-only
#
# Instructions of the whole machine for one request of a guest to a raw file behind loop: run with --icount -s 1.
# The guest is "tiny guest, no devices" of the disk test's kind: one vcpu, nothing else runs.

. /tests/lib.sh
head -c 8388608 /dev/urandom > /guests/one.img
config one "vcpus = 1" "disk = [ 'file:/guests/one.img,xvda,w' ]"
xl create -q /guests/one.cfg
wait_said one 'guest: waits' 300
tty=$(xenstore read "/local/domain/$(xl domid one)/console/tty")
sleep 5
echo "run disk bench /dev/xvda; disk bench /dev/xvda; echo guest: measured" > "$tty"
wait_said one '^guest: measured' 300
grep -a '^BENCH' $LOG/guest-one.log | sort -k3n -k2 -k5n
ok "measured"
end
