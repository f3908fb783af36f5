# SPDX-License-Identifier: GPL-2.0-only
#
#   make              build the hypervisor: hypervisor/xenolith (multiboot 1 and 2), xenolith.gz, xenolith-syms
#   make tools        build the toolstack in tools/
#   make modules      build the Linux modules for the running kernel, or for KDIR=its build folder
#   make deb          the Debian package xenolith-dkms, in tools/packaging/build
#   make DEBUG=1      the same with invariant checks, in selftests/build/debug
#   make run          boot it in QEMU with stock kernels as Domain0 and as guest: a console on a terminal, else a tour
#                     (MODE=port: the guest's kernel knows nothing of Xen, our modules make a domain of it)
#   make check        every test; ends with "N passed, N failed"
#   make check-full   all machines too (hours)
#   make bench        measure against the bare kernel and Xen 4.17; writes Documentation/performance.md

DEBUG_O := $(CURDIR)/selftests/build/debug

all: $(if $(DEBUG),debug,hypervisor)

PACKAGES := make gcc libxen-dev liblzma-dev libzstd-dev liblz4-dev uthash-dev libjson-c-dev libmnl-dev zlib1g-dev

# What a bare Debian 12 lacks is installed once, quietly.
packages:
	@bash -c '. selftests/lib/common.sh; need $(PACKAGES)'

hypervisor: packages
	@$(MAKE) --no-print-directory -C hypervisor

debug: packages
	@mkdir -p $(DEBUG_O)
	@$(MAKE) --no-print-directory -C hypervisor DEBUG=1 O=$(DEBUG_O)

tools: packages
	@$(MAKE) --no-print-directory -C tools

KDIR ?= /lib/modules/$(shell uname -r)/build

modules:
	@$(MAKE) --no-print-directory -C $(KDIR) M=$(CURDIR) modules

modules-clean:
	@$(MAKE) --no-print-directory -C $(KDIR) M=$(CURDIR) clean

deb:
	@tools/packaging/deb tools/packaging/build

run: hypervisor
	@selftests/run

check: packages
	@selftests/check

check-guest: packages
	@selftests/check 'guest:*'

check-full: packages
	@selftests/check --full

bench: hypervisor
	@selftests/bench/run

clean:
	@$(MAKE) --no-print-directory -C hypervisor clean
	@$(MAKE) --no-print-directory -C tools clean
	rm -rf selftests/build tools/packaging/build

.PHONY: all packages hypervisor debug tools modules modules-clean deb run check check-guest check-full bench clean
