# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# What every script of the self tests needs: where things are, how to speak, how to get a missing tool.
#
# Everything that is downloaded lands in one cache outside the tree, everything that is built in selftests/build.

set -Eeuo pipefail
trap 'echo "error: $0, line $LINENO: $BASH_COMMAND" >&2' ERR

SELFTESTS=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
TOP=$(cd "$SELFTESTS/.." && pwd)
BUILD=${BUILD:-$SELFTESTS/build}
CACHE=${XDG_CACHE_HOME:-$HOME/.cache}/xenolith
mkdir -p "$BUILD" "$CACHE"

# say TEXT...: progress, on stderr, so that stdout stays the script's answer.
say() { printf '  %s\n' "$*" >&2; }

# die TEXT...: one clear line, then the end.
die() { printf 'error: %s\n' "$*" >&2; exit 1; }

# with_lock NAME COMMAND...: one at a time among all scripts of this user.
with_lock()
{
	local name=$1; shift
	( flock 9; "$@" ) 9>"$CACHE/.lock-$name"
}
# with_build_lock: the same among those that build into one place.
with_build_lock()
{
	local name=$1; shift
	( flock 9; "$@" ) 9>"$BUILD/.lock-$name"
}

as_root()
{
	if [ "$(id -u)" = 0 ]; then "$@"; else sudo -n "$@"; fi
}

apt_update_once()
{
	local stamp=$CACHE/.apt-updated

	[ -n "$(find "$stamp" -mmin -720 2>/dev/null)" ] && return
	say "refreshing the package lists"
	as_root apt-get -qq update >"$CACHE/apt-update.log" 2>&1 ||
		{ cat "$CACHE/apt-update.log" >&2; die "apt-get update failed"; }
	touch "$stamp"
}

apt_install()
{
	local missing=() p

	for p in "$@"; do
		dpkg-query -W -f '${db:Status-Status}' "$p" 2>/dev/null | grep -qx installed || missing+=("$p")
	done
	[ ${#missing[@]} -gt 0 ] || return 0
	apt_update_once
	say "installing: ${missing[*]}"
	as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq -y --no-install-recommends \
		-o Dpkg::Use-Pty=0 -o DPkg::Lock::Timeout=300 install "${missing[@]}" \
		>"$CACHE/apt-install.log" 2>&1 ||
		{ tail -n 20 "$CACHE/apt-install.log" >&2; die "could not install: ${missing[*]}"; }
}

# need PACKAGE...: make sure that Debian packages are installed; quiet and cheap when they are.
need() { with_lock apt apt_install "$@"; }
