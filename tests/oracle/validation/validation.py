#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What a broker answers to produced batches, right and wrong, and what is in its log afterwards, against what Apache Kafka did.

    validation.py [PATTERN...]             us against the recorded answers; PATTERN: part of a case's name
    validation.py --record                 asks Apache Kafka and writes tests/golden/produce/kafka-4.3.1.txt anew
    validation.py --accept                 writes how we differ, where differences.py gives a reason, to .../odradek.txt
    validation.py --show PATTERN...        prints our answers
    validation.py --live PATTERN...        prints Apache Kafka's

ODRADEK_BIN names the program (bin/odradek), PORT=n the port. A difference that has no reason, or another answer than the one
argued for, is a failure. docs/produce-validation.md has the reasons.
"""
import os
import pathlib
import re
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
from asking import Line, Produce, topic_ids
import cases as book
from batches import Batch, Clock, show_log
from differences import reason_of
import harness
import raw

GOLDEN = HERE.parent.parent / "golden/produce"
KAFKAS, OURS = GOLDEN / "kafka-4.3.1.txt", GOLDEN / "odradek.txt"
SETTINGS = ["auto.create.topics.enable=false", "log.cleaner.enable=true", "log.cleaner.backoff.ms=600000", "log.retention.check.interval.ms=3600000",
            "log.retention.ms=-1", "log.roll.hours=1000000",
            "odradek.durability=page-cache"]  # Apache Kafka ignores the last one; ours then needs no disk to answer


def make_topics(port, cases):
    """A topic for each set of settings, as many partitions as cases; [(topic, partition)] by case."""
    sets = {}
    places = []
    for case in cases:
        name, count = sets.get(case.settings, (f"t{len(sets)}", 0))
        places.append((name, count))
        sets[case.settings] = (name, count + 1)
    with raw.Connection(port, timeout_s=120) as c:
        for settings, (name, count) in sets.items():
            c.create_topic(name, count, [s.split("=", 1) for s in settings.split()])
        c.create_topic(book.INTERNAL, 1, [("cleanup.policy", "compact")])
        return places, topic_ids(c)


def sent_by(case):
    records = [r for ask in case.asks for r in (ask.records, *(m[2] for m in ask.more))]
    return {r.stored() for r in records if isinstance(r, Batch)}


def run(port, cases, clock, patience_s, wanted):
    """[one line per case]"""
    places, ids = make_topics(port, cases)
    line, lines = None, []
    with raw.Connection(port) as reader:
        for case, (topic, partition) in zip(cases, places):
            answers = []
            for ask in case.asks:
                if line is None or line.connection is None:
                    line = Line(port, patience_s)
                answers.append(line.ask(ask, topic, partition, ids, clock))
            # With acks=0 nobody says when the log is written, so what is expected there is waited for.
            end = time.monotonic() + (2 if any(ask.acks == 0 for ask in case.asks) else 0)
            while True:
                text = " ; ".join(answers) + " => " + log_of(reader, topic, partition, case, clock)
                text = re.sub(rf"\b{topic}-{partition}\b", "TOPIC-PARTITION", text)
                text = re.sub(rf"\b{topic}-(?=\d)", "TOPIC-", text)
                if text == wanted.get(case.name) or time.monotonic() >= end:
                    break
            lines.append(f"{case.name}\t{text}")
    if line is not None:
        line.close()
    return lines


def log_of(reader, topic, partition, case, clock):
    try:
        log = reader.fetch(topic, partition, 0, max_bytes=3 << 20, wait_ms=0)[1]
    except raw.ErrorCode as problem:
        return f"fetch error {problem.code}"
    return show_log(log, sent_by(case), clock, case.wants_size)


def ask_broker(kind, patterns):
    now = int(time.time() * 1000)
    cases = [c for c in book.all_cases(now) if not patterns or any(p in c.name for p in patterns)]
    names = [c.name for c in cases]
    if len(set(names)) != len(names):
        sys.exit("two cases have one name: " + next(n for n in names if names.count(n) > 1))
    with tempfile.TemporaryDirectory(prefix="odradek-validation.") as scratch:
        node = harness.Node(kind, scratch + "/node", int(os.environ.get("PORT", "0")), SETTINGS)
        try:
            node.start()
            lines = run(node.port, cases, Clock(now), 3 if kind == "kafka" else 10,
                        {} if kind == "kafka" else {**load(KAFKAS), **load(OURS)})
            # Java's clean stop takes seconds and proves nothing here.
            node.kill() if kind == "kafka" else node.stop()
        except BaseException:
            print(node.log_tail(), file=sys.stderr)
            node.kill()
            raise
    return lines


def load(path):
    """{name: answer}; comment lines begin with #."""
    lines = path.read_text().splitlines() if path.exists() else []
    return dict(line.split("\t", 1) for line in lines if "\t" in line and not line.startswith("#"))


SIZE = re.compile(r" (\d+)B(?= [\[0-9])")


def same(a, b):
    """Equal, but that sizes of what is compressed may differ by a tenth: the libraries are not the same versions everywhere."""
    if a == b:
        return True
    sizes = list(zip(SIZE.findall(a), SIZE.findall(b)))
    near = bool(sizes) and all(abs(int(x) - int(y)) <= 32 + int(x) // 10 for x, y in sizes)
    return near and SIZE.sub("", a) == SIZE.sub("", b)


def accept(lines, kafkas):
    rows, bad = [], 0
    for line in lines:
        name, ours = line.split("\t", 1)
        if same(kafkas[name], ours):
            continue
        reason = reason_of(name, kafkas[name], ours)
        if reason is None:
            bad += 1
            print(f"{name}\n  Kafka  {kafkas[name]}\n  we     {ours}")
        else:
            rows.append((reason, f"{name}\t{ours}"))
    text = ["# Where we answer otherwise than Apache Kafka, by the reasons in docs/produce-validation.md. Written by validation.py --accept."]
    for reason in sorted({r for r, _ in rows}):
        text += [f"# {reason}", *[row for r, row in rows if r == reason]]
    OURS.write_text("\n".join(text) + "\n")
    print(f"{len(rows)} differences with a reason, {bad} without")
    return 1 if bad else 0


def compare(lines, kafkas, expected):
    bad = 0
    for line in lines:
        name, ours = line.split("\t", 1)
        wanted = expected.get(name, kafkas.get(name))
        if wanted is None:
            print(f"not ok validation: {name} is not recorded; run validation.py --record")
        elif not same(wanted, ours):
            print(f"not ok validation: {name}\n  Kafka  {kafkas.get(name)}\n  wanted {wanted}\n  we     {ours}")
        else:
            continue
        bad += 1
    if bad:
        print("replay: tests/oracle/validation/validation.py NAME")
        return 1
    print(f"ok validation {len(lines)} checks ({len(expected)} of them differ from Apache Kafka for a reason)")
    return 0


def main(words):
    flags = {w for w in words if w.startswith("--")}
    patterns = [w for w in words if not w.startswith("--")]
    if flags - {"--record", "--accept", "--show", "--live"}:
        sys.exit(__doc__)
    if "--record" in flags:
        GOLDEN.mkdir(exist_ok=True)
        head = "# Apache Kafka 4.3.1's answers. Written by tests/oracle/validation/validation.py --record."
        KAFKAS.write_text("\n".join([head, *ask_broker("kafka", [])]) + "\n")
        return 0
    lines = ask_broker("kafka" if "--live" in flags else "odradek", patterns)
    if flags & {"--show", "--live"}:
        print("\n".join(lines))
        return 0
    kafkas = load(KAFKAS)
    if "--accept" in flags:
        return accept(lines, kafkas)
    return compare(lines, kafkas, {k: v for k, v in load(OURS).items() if not patterns or any(p in k for p in patterns)})


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
