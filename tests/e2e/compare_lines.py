#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""compare_lines.py INPUT PART...: do the parts (one per partition) hold every line of INPUT once, each part in INPUT's
order? Prints the SHA-256 of all lines put back into INPUT's order, which then is INPUT's own."""
import hashlib
import sys


def main():
    with open(sys.argv[1], "rb") as f:
        lines = f.read().splitlines(keepends=True)
    number = {line: i for i, line in enumerate(lines)}
    if len(number) != len(lines):
        sys.exit("the input repeats a line: order could not be judged")
    seen = {}
    for part in sys.argv[2:]:
        last = -1
        with open(part, "rb") as f:
            for at, line in enumerate(f.read().splitlines(keepends=True)):
                here = number.get(line)
                if here is None:
                    sys.exit(f"{part}:{at + 1}: a line nobody sent: {line[:120]!r}")
                if here <= last:
                    sys.exit(f"{part}:{at + 1}: line {here} of the input after line {last}")
                if here in seen:
                    sys.exit(f"{part}:{at + 1}: line {here} of the input is also in {seen[here]}")
                last = here
                seen[here] = part
    if len(seen) != len(lines):
        missing = next(i for i in range(len(lines)) if i not in seen)
        sys.exit(f"{len(lines) - len(seen)} lines are missing, the first is line {missing}")
    got = hashlib.sha256(b"".join(lines[i] for i in sorted(seen))).hexdigest()
    if got != hashlib.sha256(b"".join(lines)).hexdigest():
        sys.exit("checksums differ")
    print(got)


main()
