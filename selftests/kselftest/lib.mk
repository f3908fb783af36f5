# SPDX-License-Identifier: GPL-2.0-only
#
# For a folder of tests: the variables and targets that the kernel's tools/testing/selftests/lib.mk has. In a kernel's tree
# (this folder as tools/testing/selftests/xenolith) that one does the work.
#
#   TEST_GEN_PROGS   programs built from NAME.c, run     TEST_PROGS   scripts, run
#   TEST_GEN_FILES   built, not run                      TEST_FILES   brought along
#   OUTPUT           where programs go                   INSTALL_PATH what `install` fills
#
# Targets: all, run_tests, install, emit_tests, clean.

ifneq ($(wildcard ../../lib.mk),)
include ../../lib.mk
else

COLLECTION := $(notdir $(CURDIR))
OUTPUT ?= $(abspath ../../build/kselftest/$(COLLECTION))
HEADERS := $(wildcard *.h ../*.h)
CFLAGS ?= -O2
programs := $(addprefix $(OUTPUT)/,$(TEST_GEN_PROGS) $(TEST_GEN_FILES))

all: $(programs)

$(OUTPUT)/%: %.c $(HEADERS)
	@mkdir -p $(OUTPUT)
	$(CC) $(CFLAGS) -Wall -Wextra -o $@ $< $(LDFLAGS) $(LDLIBS)

run_tests: all
	@../run-tests $(OUTPUT) $(CURDIR)/settings $(COLLECTION) $(TEST_GEN_PROGS) $(addprefix $(CURDIR)/,$(TEST_PROGS))

install: all
	@mkdir -p $(INSTALL_PATH)/$(COLLECTION)
	@cp $(programs) $(wildcard $(TEST_PROGS) $(TEST_FILES) settings config) $(INSTALL_PATH)/$(COLLECTION)/

emit_tests:
	@for t in $(TEST_GEN_PROGS) $(TEST_PROGS); do echo "$(COLLECTION):$$t"; done

clean:
	rm -rf $(OUTPUT)

.PHONY: all run_tests install emit_tests clean
.DEFAULT_GOAL := all

endif
