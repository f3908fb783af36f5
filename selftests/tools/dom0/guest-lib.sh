# SPDX-License-Identifier: GPL-2.0-only
#
# For tests that talk to their guests: what is typed on a guest's console runs there, and its answer is in the console's log.

. /tests/lib.sh

# tell GUEST COMMAND: it runs there; nobody waits
tell() { printf 'run %s\n' "$2" > "$(xenstore read "/local/domain/$(xl domid "$1")/console/tty")"; }

# ask GUEST COMMAND [SECONDS]: print what it prints there, on one line. Each question has a number, so that an earlier answer
# is not taken for this one; what the terminal echoes begins with other words.
ask()
{
	number=$(($(cat /tmp/asked 2>/dev/null) + 1))
	echo $number > /tmp/asked
	tell "$1" "echo guest: answer-$number = \$( $2 )"
	if wait_for "${3:-60}" said "$1" "^guest: answer-$number ="; then
		tr -d '\r' < "$LOG/guest-$1.log" | sed -n "s/^guest: answer-$number = *//p"
	else
		echo "no answer from $1 to: $2"
	fi
}
# answers GUEST WANTED COMMAND [SECONDS]: that is what it prints
answers()
{
	answer=$(ask "$1" "$3" "$4")
	wanted=$(echo $2)
	[ "$answer" = "$wanted" ] || { echo "'$answer' instead of '$wanted'"; false; }
}
# The same, asked until it is so.
comes_to() { wait_for 60 answers "$@" || answers "$@"; }

listed() { xl list | grep -qE "^$1 +[0-9]+ "; }
gone() { ! listed "$1"; }
# boots GUEST N: its user space was reached N times
boots() { [ "$(grep -ac '^guest: waits' "$LOG/guest-$1.log")" -ge "$2" ]; }

# No kernel of a guest complains about time, locks or memory. "WARNING: See" is a hint at what a processor model is open to.
COMPLAINTS='soft lockup|rcu.*stall|hung task|blocked for more|BUG:|Oops|as unstable|WARNING: ([^S]|S[^e]|Se[^e])|Out of memory'
quiet() { answers "$1" 0 "dmesg | grep -cE '$COMPLAINTS'" || { ask "$1" "dmesg | grep -E '$COMPLAINTS' | head -n 5"; false; }; }

# disk_holds GUEST DEVICE FILE MIB: random data that the guest writes past its cache arrives in the file, whole
disk_holds()
{
	sum=$(ask "$1" "dd if=/dev/urandom of=/tmp/data bs=1M count=$4 2>/dev/null; dd if=/tmp/data of=/dev/$2 bs=64k seek=4 conv=fsync 2>/dev/null; md5sum < /tmp/data; rm /tmp/data" 60)
	here=$(dd if="$3" bs=64k skip=4 count=$(($4 * 16)) 2>/dev/null | md5sum)
	[ "$sum" = "$(echo $here)" ] || { echo "written '$sum', in the file '$here'"; false; }
}

# A receiver that has no input says so to the sender, who then leaves off: this is an input that never ends.
NEVER=/tmp/never
# net_holds GUEST ADDRESS-HERE ADDRESS-THERE MIB: random data goes over the network both ways and arrives whole
net_holds()
{
	mkfifo $NEVER 2>/dev/null
	dd if=/dev/urandom of=/tmp/sent bs=1M count="$4" 2>/dev/null
	tell "$1" "mkfifo $NEVER 2>/dev/null; nc -l -p 5000 <> $NEVER > /tmp/net"
	wait_for 20 timeout 120 sh -c "nc -w 10 $3 5000 < /tmp/sent"		# refused until it listens
	answers "$1" "$(wc -c < /tmp/sent) $(md5sum < /tmp/sent)" "wc -c < /tmp/net; md5sum < /tmp/net" 60 || return 1
	timeout 120 nc -l -p 5001 <> $NEVER > /tmp/received & listener=$!
	tell "$1" "for i in 1 2 3 4 5 6 7 8 9; do sleep 1; nc -w 10 $2 5001 < /tmp/net && break; done; rm /tmp/net"
	wait $listener
	[ "$(md5sum < /tmp/received)" = "$(md5sum < /tmp/sent)" ] || { echo "$(wc -c < /tmp/received) bytes came back"; false; }
}
