#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Counts the tests in a report of ctest (--output-junit).

A test program ends with a line such as "cases: 12 passed, 0 failed, 1 skipped": its cases count. Any other entry counts as one test.
The ends of the output of failed entries and the reasons of those that skipped go to stderr, the three sums to stdout.
"""
import re
import sys
import xml.etree.ElementTree as ElementTree

CASES = re.compile(r"^cases: (\d+) passed, (\d+) failed, (\d+) skipped$", re.M)
REASON = re.compile(r"^SKIPPED: (.*)$", re.M)
SHOWN = 30   # lines of the output of a failed entry


def count(entry):
    """(passed, failed, skipped) of one entry of ctest."""
    output = entry.findtext("system-out") or ""
    lines = CASES.findall(output)
    counts = [sum(int(line[i]) for line in lines) for i in range(3)]
    status = entry.get("status")
    if status == "fail":
        counts[1] = max(counts[1], 1)   # it may have crashed before it could count, or after
    elif status == "notrun" and REASON.search(output) and not any(counts):
        counts[2] = 1
    elif status == "disabled":
        counts[2] = 1
    elif status == "notrun" and not REASON.search(output):
        counts[1] = 1                   # its program was not built
    elif not any(counts):
        counts[0] = 1
    return counts


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    totals = [0, 0, 0]
    reasons = {}
    for entry in ElementTree.parse(sys.argv[1]).getroot().iter("testcase"):
        counts = count(entry)
        totals = [total + one for total, one in zip(totals, counts)]
        if counts[1]:
            print(f"    failed: {entry.get('name')}", file=sys.stderr)
            for line in (entry.findtext("system-out") or "").rstrip().splitlines()[-SHOWN:]:
                print(f"        {line[:200]}", file=sys.stderr)
        for reason in REASON.findall(entry.findtext("system-out") or ""):
            reasons.setdefault(reason, set()).add(entry.get("name"))
    for reason, names in reasons.items():
        print(f"    skipped: {', '.join(sorted(names))}: {reason}", file=sys.stderr)
    print(*totals)


if __name__ == "__main__":
    main()
