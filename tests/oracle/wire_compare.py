# SPDX-License-Identifier: Apache-2.0
"""Compares lines of WireOracle.java (stdin) with what `odradek raw` makes of them.

    wire_compare.py ODRADEK            prints the first differences and counts; exit code 1 if there are any
    wire_compare.py --shortest SIZE    prints of each message and version the shortest line whose bytes, in hex, are
                                       more than SIZE digits, or else the longest: for golden files
"""
import subprocess
import sys

SHOWN = 5


def rows_of(text):
    return [line.split('\t') for line in text.split('\n') if line]


def raw(program, mode, lines):
    done = subprocess.run([program, 'raw', mode], input='\n'.join(lines) + '\n', capture_output=True, encoding='utf-8')
    sys.stderr.write(done.stderr[:2000])
    return done.stdout.split('\n')


def compare(program, rows):
    jsons = raw(program, 'decode', ['%s %s %s' % (name, version, hexes) for name, version, hexes, _, _ in rows])
    hexes = raw(program, 'encode', ['%s %s %s' % (name, version, json) for name, version, _, json, _ in rows])
    differences = 0
    for row, json, encoded in zip(rows, jsons + [''] * len(rows), hexes + [''] * len(rows)):
        for what, ours, theirs in (('decode', json, row[3]), ('encode', encoded, row[4])):
            if ours == theirs:
                continue
            differences += 1
            if differences <= SHOWN:
                print('%s %s version %s\n  bytes: %s' % (what, row[0], row[1], row[2]))
                print('  ours:  %s\n  Kafka: %s' % (ours, theirs))
    messages = len({row[0] for row in rows})
    versions = len({(row[0], row[1]) for row in rows})
    print('%d messages, %d versions, %d instances, %d differences' % (messages, versions, len(rows), differences))
    return differences == 0 and len(rows) > 0


def shortest(rows, size):
    best = {}
    for row in rows:
        key = (row[0], int(row[1]))
        rank = (len(row[2]) <= size, len(row[2]) if len(row[2]) > size else -len(row[2]))
        if key not in best or rank < best[key][0]:
            best[key] = (rank, row)
    for key in sorted(best):
        print('\t'.join(best[key][1]))


def main():
    rows = rows_of(sys.stdin.buffer.read().decode('utf-8'))
    if sys.argv[1] == '--shortest':
        sys.stdout.reconfigure(encoding='utf-8')
        shortest(rows, int(sys.argv[2]))
    else:
        sys.exit(0 if compare(sys.argv[1], rows) else 1)


if __name__ == '__main__':
    main()
