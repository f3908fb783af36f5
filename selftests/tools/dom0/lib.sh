# SPDX-License-Identifier: GPL-2.0-only
#
# For tests in Domain0: TAP lines, and a toolstack that is ready.

n=0 bad=0
ok() { n=$((n + 1)); echo "ok $n - $1"; }
not_ok() { n=$((n + 1)); bad=$((bad + 1)); echo "not ok $n - $1"; shift; [ $# = 0 ] || printf '%s\n' "$@" | sed 's/^/# /'; }
# check "WHAT MUST HOLD" COMMAND...
check() { what=$1; shift; if "$@" >/tmp/check.out 2>&1; then ok "$what"; else not_ok "$what" "$(tail -n 20 /tmp/check.out)"; fi; }
# wait_for SECONDS COMMAND...: until it succeeds; the seconds are those of a quiet machine, a busy one has four times as many,
# kernels that watch themselves twelve times
wait_for()
{
	local last=$(($(seconds) + $1 * 4)); shift
	! watched || last=$((last + 2 * (last - $(seconds))))
	until "$@" >/dev/null 2>&1; do
		[ "$(seconds)" -lt $last ] || return 1
		sleep 0.2
	done
}
seconds() { cut -d. -f1 /proc/uptime; }
end()
{
	! watched || check "a kernel that watches itself saw nothing wrong" nothing_wrong
	echo "1..$n"
	[ $bad = 0 ] && [ $n -gt 0 ]
	exit
}

# Whether this kernel and those of the guests have lockdep, KASAN and the like (KERNEL=debug).
watched() { case $(uname -r) in *-debug) true ;; *) false ;; esac; }
# A report is shown with what follows it. The whole log is read, whatever a test has cleared of it (dmesg -c).
WRONG='BUG:|WARNING:|Oops|KASAN|INFO: (possible|trying|inconsistent|suspicious|task)|ODEBUG|unreferenced object|general protection'
nothing_wrong()
{
	timeout 10 cat /dev/kmsg > $LOG/guest-Domain0.log
	grep -q 'debug_locks: *1' /proc/lockdep_stats || { echo "lockdep has given up"; return 1; }
	awk -v wrong="$WRONG" '
		/grep -|g\.e\. .*still in use/ { next }	# what a test typed, and what it provokes
		$0 ~ wrong { print FILENAME ":"; found = 1; rest = 40 }
		rest > 0 { print; rest-- }
		END { exit found }' $LOG/guest-*.log
}

LOG=/var/log/xen/console
# A guest's console has said PATTERN.
said() { grep -aqE "$2" "$LOG/guest-$1.log"; }
wait_said()
{
	wait_for "$3" said "$1" "$2" || { xl list; ls -l $LOG; echo "guest $1 did not say '$2'"; tail -n 15 "$LOG/guest-$1.log"; false; }
}
# converse GUEST LINE: type it on the guest's console, leave when the guest has heard it; print what the console showed
converse()
{
	( echo "$2"; wait_for 60 said "$1" "heard '$2'"; sleep 1; printf '\035'; sleep 1 ) | timeout 300 xl console "$1"
}

export PATH=/sbin:/bin
mkdir -p /run/xen /run/xenstored /var
ln -sfn /run /var/run
mkdir -p /var/cache /var/lib/xenstored /var/lock /var/lib/xen /var/log/xen/console /guests
[ -c /dev/xen/evtchn ] || echo "# no /dev/xen/evtchn"
mount -t tmpfs tmpfs /guests
mount -t proc proc /proc 2>/dev/null
mkdir -p /proc/xen
[ -e /proc/xen/privcmd ] || mount -t xenfs xenfs /proc/xen 2>/dev/null
xenstored --pid-file /run/xenstored.pid >/var/log/xen/xenstored.out 2>&1
wait_for 10 test -S /run/xenstored/socket || echo "# no xenstored: $(cat /var/log/xen/xenstored.out)"
xenconsoled --log=guest --log-dir=$LOG >/var/log/xen/xenconsoled.out 2>&1

ip link add xenbr0 type bridge 2>&1 | sed "s/^/# /"
ip addr add 10.0.0.1/24 dev xenbr0 2>/dev/null
ip link set xenbr0 up 2>/dev/null

# config NAME [LINE...]: a guest's file. A kernel that watches itself wants three times the memory.
config()
{
	name=$1; shift
	{
		echo "name = '$name'"
		echo "kernel = '/guest/vmlinuz'"
		echo "ramdisk = '/guest/initrd'"
		echo "memory = 128"
		echo "extra = 'console=hvc0 panic=1 xenolith.test=guest'"
		for line in "$@"; do echo "$line"; done
	} > "/guests/$name.cfg"
	watched || return 0
	awk '/^(memory|maxmem) = [0-9]+$/ { $3 *= 3 } 1' "/guests/$name.cfg" > /tmp/cfg
	cp /tmp/cfg "/guests/$name.cfg"
}
# guest_kind [KIND]: for `xl create`, what makes another guest of a PV one: pvh, or port (its kernel's own Xen code sleeps). Where
# it is not said, bench.guest=KIND on Domain0's command line says it.
guest_kind()
{
	case ${1:-$CMDLINE} in
	pvh|*bench.guest=pvh*)	 echo "type='pvh' memory=192" ;;
	port|*bench.guest=port*) echo "type='pvh' memory=192 paravirt='module' ramdisk='/guest/initrd-port'" ;;
	esac
}
disk_image() { head -c "$2" /dev/zero > "$1"; printf 'xenolith.' | dd of="$1" conv=notrunc 2>/dev/null; }
