#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# The disk $KSELFTEST_DISK, whose contents are lost: random pieces by one and by several threads, every sector looked at;
# zeros and discards. Prints TAP; skipped where no disk is named.

n=0 bad=0
# check "WHAT MUST HOLD" WORDS COMMAND...: the command's output has these words
check()
{
	what=$1 words=$2; shift 2
	n=$((n + 1))
	if "$@" 2>&1 | tee "$said" | grep -q "$words"; then
		echo "ok $n - $what"
	else
		echo "not ok $n - $what"
		sed 's/^/# /' "$said"
		bad=1
	fi
}

[ -n "$KSELFTEST_DISK" ] && [ -b "$KSELFTEST_DISK" ] || { echo "1..0 # SKIP KSELFTEST_DISK names no disk to overwrite"; exit 4; }
said=$(mktemp)
trap 'rm -f "$said"' EXIT
seconds=${KSELFTEST_SECONDS:-5}
echo "TAP version 13"
check "one thread reads what it wrote" verified ./disk verify "$KSELFTEST_DISK" "$seconds" 1
check "so do eight at once" verified ./disk verify "$KSELFTEST_DISK" "$seconds" 8
check "sectors are written with zeros" done ./disk zero "$KSELFTEST_DISK" 8 1000
check "and are zero" "all zero" ./disk zeros "$KSELFTEST_DISK" 8 1000
check "a write may be wanted on the disk at once" done ./disk durable "$KSELFTEST_DISK"
if ./disk discard "$KSELFTEST_DISK" 2048 2048 | grep -q refused; then
	n=$((n + 1))
	echo "ok $n - # SKIP the disk has no discard"
else
	check "what is beside discarded sectors stays" verified ./disk verify "$KSELFTEST_DISK" 1 2
fi
echo "1..$n"
exit $bad
