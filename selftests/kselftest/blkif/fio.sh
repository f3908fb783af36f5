#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# fio writes the disk $KSELFTEST_DISK, whose contents are lost, at random and verifies checksums, one request at a time and
# 32. Prints TAP; skipped where there is no fio or no disk is named.

command -v fio >/dev/null || { echo "1..0 # SKIP there is no fio"; exit 4; }
[ -n "$KSELFTEST_DISK" ] && [ -b "$KSELFTEST_DISK" ] || { echo "1..0 # SKIP KSELFTEST_DISK names no disk to overwrite"; exit 4; }
n=0 bad=0
echo "TAP version 13"
for depth in 1 32; do
	n=$((n + 1))
	if fio --name=verify --filename="$KSELFTEST_DISK" --direct=1 --ioengine=libaio --iodepth=$depth --rw=randwrite \
		--bsrange=512-256k --verify=crc32c --verify_fatal=1 --verify_backlog=64 --size=100% > /tmp/fio.log 2>&1; then
		echo "ok $n - $depth at a time"
	else
		echo "not ok $n - $depth at a time"
		tail -n 20 /tmp/fio.log | sed 's/^/# /'
		bad=1
	fi
done
echo "1..$n"
exit $bad
