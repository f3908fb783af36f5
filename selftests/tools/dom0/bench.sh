# SPDX-License-Identifier: GPL-2.0-only
#
# Instructions of "xl create" and "xl destroy" (everything that runs meanwhile is counted): the stock kernel with 128 MiB,
# one disk and one network card, paused.

. /tests/lib.sh
disk_image /guests/one.img 4194304
config one "disk = [ 'file:/guests/one.img,xvda,w' ]" "vif = [ 'bridge=xenbr0' ]"
config tiny "kernel = '/guest/stub'" "ramdisk = ''" "memory = 8" "extra = 's'"
xl create -q -p /guests/one.cfg && xl destroy one
instructions 4 xl create -q -p /guests/one.cfg -- xl destroy one
echo "tiny guest, no devices:"
instructions 4 xl create -q -p /guests/tiny.cfg -- xl destroy tiny
instructions 4 xl list
ok "measured"
end
