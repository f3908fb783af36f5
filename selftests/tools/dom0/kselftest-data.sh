# SPDX-License-Identifier: GPL-2.0-only
#
# The tests of any domain that need a disk and a network card, in a guest that has both. Run by its name.
# kselftests
# modules: domain0 guest

. /tests/guest-lib.sh

head -c 16777216 /dev/zero > /guests/one.img
/kselftest/netif/stream echo 7000 &
config one "vcpus = 2" "disk = [ 'file:/guests/one.img,xvda,w' ]" "vif = [ 'bridge=xenbr0' ]"
check "a guest" xl create /guests/one.cfg
check "it reaches its user space" wait_said one 'guest: waits' 300
tell one "KSELFTEST_DISK=/dev/xvda KSELFTEST_PEER=10.0.0.1:7000 /kselftest/run-tests blkif netif; echo guest: ended"
check "they end" wait_said one '^guest: ended' 900
grep -aE '^# |^ok |^not ok |^1\.\.' $LOG/guest-one.log | tr -d '\r' > /tmp/guest
cat /tmp/guest
check "they pass" sh -c "grep -q '^ok .*stream' /tmp/guest && ! grep -q '^not ok' /tmp/guest"
check "no kernel complained" quiet one
end
