# SPDX-License-Identifier: GPL-2.0-only
# Checks for scripts that run in the test machine. `check TEXT COMMAND...` prints one TAP line; `end` gives the verdict.

number=0
failed=0

check()
{
	text=$1; shift
	number=$((number + 1))
	if "$@"; then
		echo "ok $number - $text"
	else
		echo "not ok $number - $text"
		failed=$((failed + 1))
	fi
}

# skip TEXT WHY: the machine lacks what the check needs.
skip() { number=$((number + 1)); echo "ok $number - $1 # SKIP $2"; }

# arg NAME: the value of NAME= on the kernel command line.
arg()
{
	for word in $CMDLINE; do
		case $word in "$1"=*) echo "${word#*=}"; return ;; esac
	done
}

# eventually SECONDS COMMAND...: true as soon as the command is.
eventually()
{
	left=$(($1 * 5)); shift
	until "$@"; do
		left=$((left - 1))
		[ $left -gt 0 ] || return 1
		sleep 0.2
	done
}

end()
{
	echo "1..$number"
	[ $failed = 0 ] && [ $number -gt 0 ]
}
