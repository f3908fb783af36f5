# SPDX-License-Identifier: GPL-2.0-only
#
# For tests with many small guests (tools/small-guest): they are made, a few at a time.

SMALL_MIB=${SMALL_MIB:-80}	# with 72 one in a hundred cloud kernels 6.1 runs out of memory while it boots
AT_ONCE=2			# so many start at the same time

name() { echo "small$1"; }
small()
{
	disk_image "/guests/$1.img" 65536
	config "$(name "$1")" "kernel = '/guest/small/vmlinuz'" "ramdisk = '/guest/small/initrd'" "memory = $SMALL_MIB" \
		"disk = [ 'file:/guests/$1.img,xvda,w' ]" "vif = [ 'bridge=xenbr0' ]" \
		"extra = 'console=hvc0 quiet panic=1 guest.ip=10.0.0.$(($1 + 1))'"
}
starting() { echo $(($1 - $(grep -al 'guest: up' $LOG/guest-small*.log 2>/dev/null | wc -l))); }
few_starting() { [ "$(starting "$1")" -lt "$2" ]; }
# type_to NUMBER LINE
type_to() { echo "$2" > "$(xenstore read "/local/domain/$(xl domid "$(name "$1")")/console/tty")"; }
# create_small FIRST LAST: all before are up
create_small()
{
	for i in $(seq "$1" "$2"); do
		small "$i"
		xl create -q "/guests/$(name "$i").cfg" || return 1
		wait_for 120 few_starting "$i" $AT_ONCE || { echo "guest $i: $(starting "$i") do not come up"; xl list | tail -n 6; return 1; }
		[ $((i % 8)) != 0 ] || echo "# $i guests at $(cut -d' ' -f1 /proc/uptime) s" >/dev/console
	done
}
