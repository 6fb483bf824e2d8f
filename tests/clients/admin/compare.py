#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""compare.py odradek|kafka EXPECTED LATER GOT: answers of the Admin's methods, a line each: method, case, answer."""
import sys

ours, expected, later, got = sys.argv[1] != "kafka", *sys.argv[2:5]


def rows(path):
    with open(path, encoding="utf-8") as f:
        return [line.rstrip("\n").split("\t") for line in f if line.strip() and not line.startswith("#")]


excused = {(r[0], r[1]): (r[2], r[3]) for r in rows(later)} if ours else {}
answers = {(r[0], r[1]): r[2] for r in rows(got)}
wanted = {(r[0], r[1]): r[2] for r in rows(expected)}
same, different, used = 0, 0, set()
for key, want in wanted.items():
    have = answers.get(key, "(nothing)")
    excuse = key if key in excused else (key[0], "*")
    if excuse in excused:
        used.add(excuse)
        if have == want:
            different += 1
            print(f"not ok admin/{key[0]} {key[1]}: as Apache Kafka's now, take it out of later.tsv")
        elif have.startswith(excused[excuse][0]):
            continue
        else:
            different += 1
            print(f"not ok admin/{key[0]} {key[1]}:\n    later.tsv {excused[excuse][0]}\n    got       {have}")
    elif have == want:
        same += 1
    else:
        different += 1
        print(f"not ok admin/{key[0]} {key[1]}:\n    expected {want}\n    got      {have}")
for key in sorted(set(answers) - set(wanted)):
    different += 1
    print(f"not ok admin/{key[0]} {key[1]}: not in expected.tsv: {answers[key]}")
for key in sorted(set(excused) - used):
    different += 1
    print(f"not ok admin: later.tsv excuses {key[0]} {key[1]}, which nothing asks")
print(f"ok admin {same} checks, {len([k for k in wanted if k in used or (k[0], '*') in used])} answers for later work")
sys.exit(1 if different else 0)
