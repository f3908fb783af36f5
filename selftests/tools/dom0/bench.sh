# SPDX-License-Identifier: GPL-2.0-only
#
# Instructions of "xl create" and "xl destroy" (everything that runs meanwhile is counted): the stock kernel with 128 MiB,
# one disk and one network card, paused. Then the micro-benchmarks in a guest, as lines "GUEST name cost".
#
# benchmarks

. /tests/lib.sh
disk_image /guests/one.img 4194304
config one "disk = [ 'file:/guests/one.img,xvda,w' ]" "vif = [ 'bridge=xenbr0' ]"
config tiny "kernel = '/guest/stub'" "ramdisk = ''" "memory = 8" "extra = 's'"
config micro "memory = 256" "extra = 'console=hvc0 panic=1 xenolith.test=guest-bench'"
xl create -q -p /guests/one.cfg && xl destroy one
instructions 4 xl create -q -p /guests/one.cfg -- xl destroy one
echo "tiny guest, no devices:"
instructions 4 xl create -q -p /guests/tiny.cfg -- xl destroy tiny
instructions 4 xl list
# Virtual time: nobody looks while it measures.
check "the guest is made" xl create -q /guests/micro.cfg
sleep 20
check "the guest measures" wait_said micro 'guest: measured' 60
tr -d '\r' < $LOG/guest-micro.log | sed -n 's/^BENCH /GUEST /p'
end
