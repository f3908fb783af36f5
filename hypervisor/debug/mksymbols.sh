#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# Turn "nm -n" output of the image into the symbol table that debug/backtrace.c reads. Without
# input: an empty table, for the first of the two links. Text symbols only; of several at one
# address the last. Only the low 32 bits of addresses are used: awk need not know 64-bit numbers.
awk '
$3 == "boot_image_start" { base = substr($1, length($1) - 7) }
$2 ~ /^[tTwW]$/ && $3 !~ /^(\.|boot_.*_(start|end)$)/ {
	at = substr($1, length($1) - 7)
	if (n == 0 || at != address[n])
		n++
	address[n] = at
	name[n] = $3
}
END {
	print "\t.section .symbols, \"a\"\n\t.balign 4"
	print "\t.globl debug_symbol_count, debug_symbol_offsets, debug_symbol_names"
	print "\t.hidden debug_symbol_count, debug_symbol_offsets, debug_symbol_names"
	print "debug_symbol_count:\n\t.long " n + 0
	print "debug_symbol_offsets:"
	for (i = 1; i <= n; i++)
		print "\t.long 0x" address[i] " - 0x" base
	print "debug_symbol_names:"
	for (i = 1; i <= n; i++)
		print "\t.asciz \"" name[i] "\""
	print "\t.section .note.GNU-stack, \"\", @progbits"
}'
