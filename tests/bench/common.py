# SPDX-License-Identifier: Apache-2.0
"""What the two benchmarks share: building the load generator, running it, writing results down."""
import datetime
import json
import pathlib
import platform
import os
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "tests/lib"))
LOADGEN = ROOT / "build/bench/loadgen"


def build_loadgen():
    LOADGEN.parent.mkdir(parents=True, exist_ok=True)
    here = ROOT / "tests/bench"
    subprocess.run(["cc", "-std=gnu17", "-O2", "-o", LOADGEN, here / "loadgen.c", here / "loadgen_groups.c", here / "loadgen_base.c"], check=True)


def loadgen(node, *words):
    pid = ["-p", str(node.pid)] if node.pid else []
    done = subprocess.run([str(LOADGEN), "-b", node.address, *pid, *words], capture_output=True, text=True)
    if done.returncode != 0:
        raise RuntimeError(f"loadgen {' '.join(words)}: {done.stderr.strip()}\n{node.log_tail(8)}")
    return json.loads(done.stdout)


def save(name, results, picture=None):
    """Into bench-results: the figures of all rounds as JSON, and the picture (SVG) when there is one."""
    folder = ROOT / "bench-results"
    folder.mkdir(exist_ok=True)
    commit = subprocess.run(["git", "-C", ROOT, "rev-parse", "--short", "HEAD"], capture_output=True, text=True).stdout.strip()
    now = datetime.datetime.now(datetime.timezone.utc)
    path = folder / f"{name}-{now:%Y%m%dT%H%M%SZ}.json"
    path.write_text(json.dumps({"when": f"{now:%F %T}Z", "commit": commit, "cores": os.cpu_count(), "kernel": platform.release(),
                                "results": results}, indent=1) + "\n")
    print(f"written to {path.relative_to(ROOT)}")
    if picture:
        path.with_suffix(".svg").write_text(picture)
        print(f"       and {path.with_suffix('.svg').relative_to(ROOT)}")


def median(values):
    values = sorted(values)
    half = len(values) // 2
    return values[half] if len(values) % 2 else (values[half - 1] + values[half]) / 2


def spread(values):
    return f"{min(values):.4g}-{max(values):.4g}"


def ratios_of(results, name):
    """Ours over Kafka's, round by round; empty when only one of them ran."""
    if len(results) < 2:
        return []
    return [ours[name] / theirs[name] for ours, theirs in zip(results["odradek"], results["kafka"]) if theirs.get(name)]


def verdict(ratio, is_less_better, aim):
    if aim is None:
        return "lower is better" if is_less_better else ""
    met = ratio <= aim if is_less_better else ratio >= aim
    return f"aim {'<=' if is_less_better else '>='} {aim:g}: {'met' if met else 'MISSED'}"


def print_ratios(results, is_less_better, aims=None):
    """One line per figure: each broker's median and spread, and ours over Kafka's, round by round. `aims` by figure."""
    kinds = list(results)
    names = list(results[kinds[0]][0])
    width = max(len(name) for name in names)
    print(f"{'':{width}}  " + "  ".join(f"{kind + ' median':>16} {'least-most':>17}" for kind in kinds) + "   ours/kafka  (rounds)")
    for name in names:
        cells = []
        for kind in kinds:
            values = [r[name] for r in results[kind]]
            cells.append(f"{median(values):16.4g} {spread(values):>17}")
        row = f"{name:{width}}  " + "  ".join(cells)
        ratios = ratios_of(results, name)
        if ratios:
            middle = median(ratios)
            row += f"   {middle:10.3g}  ({spread(ratios)})  {verdict(middle, is_less_better(name), (aims or {}).get(name))}"
        print(row.rstrip())
