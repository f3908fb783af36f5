# SPDX-License-Identifier: GPL-2.0-only
#
# Our xenstored beside Debian's over the socket (store/bench.c), in Domain0: lines "STORE program|store|mix|figures". Both
# believe to be on the same machine, that of store/fake-xen.c. Meant for --icount, where a nanosecond is an instruction.
#
# benchmarks

# measure NAME PROGRAM
measure()
{
	dir=/tmp/store-$1
	mkdir -p "$dir"
	head -c 4096 /dev/zero > "$dir/ring-0"
	printf 7 > "$dir/xsd_port"
	LD_PRELOAD=/tests/fake-xen.so FAKE_XEN=$dir XENSTORED_PATH=$dir/socket XENSTORED_RUNDIR=$dir XENSTORED_ROOTDIR=$dir \
		"$2" -N >"$dir/log" 2>&1 &
	daemon=$!
	for n in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do [ -S "$dir/socket" ] || sleep 0.5; done
	store-bench "$dir/socket" $daemon 0.02 few | sed "s/^/STORE $1|/"
	cat "$dir/log"
	kill $daemon
	wait $daemon 2>/dev/null
}

export PATH=/sbin:/bin
measure ours xenstored
measure debian debian-xenstored
# What ended is what was to end.
true
