# SPDX-License-Identifier: GPL-2.0-only
# A driver built for the port: the sources of the folder $(port-of), by links, with port.h before everything else. Of the
# kernel's flavour it takes the list of objects; xen-NAME becomes xen-port-NAME.

port-from := $(KBUILD_EXTMOD)/$(port-of)
include $(port-from)/Kbuild
port-name := $(obj-m:.o=)
obj-m := $(patsubst xen%,xen-port%,$(obj-m))
$(obj-m:.o=)-y := $($(port-name)-y)

ccflags-y += -include $(KBUILD_EXTMOD)/linux-guest/include/xenolith/port.h -I$(port-from)
clean-files := $($(port-name)-y:.o=.c)

$(addprefix $(obj)/,$($(port-name)-y:.o=.c)): $(obj)/%.c: $(port-from)/%.c
	@ln -sf $< $@
