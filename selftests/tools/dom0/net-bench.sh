# SPDX-License-Identifier: GPL-2.0-only
#
# Instructions of the whole machine for network traffic between a guest and Domain0, both ways; with --icount -s 1.
# Which drivers: MODULES, see selftests/tools/image.

. /tests/lib.sh
config one "vif = [ 'bridge=xenbr0' ]"
mkfifo /tmp/keys
xl create -q /guests/one.cfg
( exec 3<>/tmp/keys; xl console one <&3 >/dev/null 2>&1 ) &
exec 4>/tmp/keys
wait_said one 'guest: waits' 90 || end
netload sink 5001 > /tmp/sink &
for i in 1 2 3 4 5 6 7 8 9; do said one "heard 'hello'" || { echo hello >&4; sleep 1; }; done
# guest COMMAND: have it run there
guest() { echo "run $*" >&4; }
# results FILE N: wait until N results are in it
results() { wait_for "${3:-60}" sh -c "[ \$(grep -c 'netload: [tu][cd]p' $1) -ge $2 ]"; }
results_of() { results "$LOG/guest-one.log" "$@"; }

guest 'netload tcp 10.0.0.1 5001 24; echo guest: sent'
results /tmp/sink 1
guest 'netload udp 10.0.0.1 5001 64 8000; echo guest: sent'
results /tmp/sink 2
guest 'netload udp 10.0.0.1 5001 1400 8000; echo guest: sent'
results /tmp/sink 3
sed 's/^netload:/BENCH guest-to-Domain0/' /tmp/sink
guest 'netload sink 5001 &'
wait_said one 'netload: ready' 10
netload tcp 10.0.0.2 5001 24
results_of 1
netload udp 10.0.0.2 5001 64 8000
results_of 2
netload udp 10.0.0.2 5001 1400 8000
results_of 3
grep -a 'netload: [tu]' $LOG/guest-one.log | tr -d '\r' | sed 's/.*netload:/BENCH Domain0-to-guest/'
ok "measured"
end
