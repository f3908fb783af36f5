# SPDX-License-Identifier: GPL-2.0-only
#
# $(DECODERS): the xz and zstd decoders out of Debian's static libraries, as one object of which
# every section is boot-only and no symbol but the entry points is visible.
#
# Only the archive members that the entry points need are taken. libzstd's decoders of ancient
# formats are kept out by stand-ins that trap: nothing reaches them, as the caller checks the magic
# of the one frame that it hands over. Its tracing hooks answer "no tracing".

DECODER_LIBS	:= $(shell $(CC) -print-file-name=liblzma.a) $(shell $(CC) -print-file-name=libzstd.a)
DECODER_ENTRIES	:= lzma_stream_buffer_decode ZSTD_decompress ZSTD_findFrameCompressedSize ZSTD_isError
DECODER_HOOKS	:= ZSTD_trace_decompress_begin ZSTD_trace_decompress_end
DECODER_IMPORTS	:= malloc calloc free __stack_chk_fail

$(DECODERS): $(src)/boot/decoders.mk $(wildcard $(DECODER_LIBS))
	$(call say,LD,boot/decoders.o)
	@mkdir -p $(@D)
	$(Q)nm --defined-only $(lastword $(DECODER_LIBS)) | \
		$(AWK) '$$2 == "T" && $$3 ~ /v0[1-7]_/ { print ".globl " $$3 "\n" $$3 ":" } END { print "ud2" }' \
		> $(@D)/stand-ins.s
	$(Q)printf '.globl %s\n%s: xor %%eax, %%eax\nret\n' $(foreach s,$(DECODER_HOOKS),$s $s) >> $(@D)/stand-ins.s
	$(Q)echo '.section .note.GNU-stack' >> $(@D)/stand-ins.s
	$(Q)$(CC) -c -o $(@D)/stand-ins.o $(@D)/stand-ins.s
	$(Q)ld -r --gc-sections $(DECODER_ENTRIES:%=-u %) -e $(firstword $(DECODER_ENTRIES)) \
		-o $@.tmp $(@D)/stand-ins.o $(DECODER_LIBS)
	$(Q)objcopy --strip-unneeded --remove-section .eh_frame --remove-section .note.gnu.property \
		$(DECODER_ENTRIES:%=--keep-global-symbol=%) $(foreach s,$(DECODER_IMPORTS),--redefine-sym $s=decoder_$s) \
		--prefix-alloc-sections=.init $@.tmp $@
	@rm -f $@.tmp
