# SPDX-License-Identifier: GPL-2.0-only
"""A test's report: what was checked, in TAP."""
import sys

number = failed = 0


def check(condition, text, detail=""):
    global number, failed
    number += 1
    if condition:
        print(f"ok {number} - {text}", flush=True)
    else:
        failed += 1
        print(f"not ok {number} - {text}", flush=True)
        for line in str(detail).splitlines()[-12:]:
            print(f"# {line}", flush=True)
    return bool(condition)


def end():
    print(f"1..{number}")
    sys.exit(1 if failed or not number else 0)
