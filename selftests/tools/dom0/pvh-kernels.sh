# SPDX-License-Identifier: GPL-2.0-only
#
# For pvh-kernels*.full and port-kernels.full: every kernel of Debian 12 works, one after the other, as a hardware-assisted
# (PVH) guest with its own Xen code awake, or asleep with port=1: 1, 2 and 8 vcpus (or vcpus="..."), disk, network card,
# console; it powers off when the toolstack says so.

. /tests/guest-lib.sh

initrd=initrd
paravirt=
if [ -n "${port:-}" ]; then
	initrd=initrd-port
	paravirt="paravirt = 'module'"
fi
disk_image /guests/one.img 4194304
for k in ${kernels:-6.1 6.1-cloud 6.1-rt 6.12 6.12-cloud 6.12-rt}; do
	folder=/guest/$k
	[ "$k" != 6.1 ] || folder=/guest
	for cpus in ${vcpus:-1 2 8}; do
		g=$k-$cpus
		config "$g" "type = 'pvh'" "$paravirt" "kernel = '$folder/vmlinuz'" "ramdisk = '$folder/$initrd'" "vcpus = $cpus" "memory = ${memory:-224}" \
			"extra = 'console=hvc0 panic=1 xenolith.test=guest guest.disk'" \
			"disk = [ 'file:/guests/one.img,xvda,w' ]" "vif = [ 'bridge=xenbr0' ]"
		check "$g: is created" xl create -q "/guests/$g.cfg"
		check "$g: reaches its user space" wait_said "$g" 'guest: waits' ${patience:-200}
		said "$g" 'guest: waits' || { xl destroy "$g"; continue; }
		check "$g: has its vcpus" said "$g" "guest: up, $cpus vcpus"
		check "$g: has its disk" said "$g" "guest: disk 8192 sectors, ro 0, 'xenolith.'"
		check "$g: reaches Domain0 over the network" said "$g" 'guest: Domain0 answers on the network'
		check "$g: does not complain" quiet "$g"
		check "$g: powers off" xl shutdown -w "$g"
	done
done
end
