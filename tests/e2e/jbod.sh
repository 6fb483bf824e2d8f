#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Several log directories, by Apache Kafka's own tools: replicas are spread, moved while records arrive, throttled,
# cordoned; a move that a stop interrupts goes on, under Apache Kafka too; a broken directory takes nothing else along.
#   tests/e2e/jbod.sh      (BROKER=kafka: Apache Kafka in our place, which proves the script)
. "$(dirname "$0")/../lib/broker.sh"
. "$ROOT/tests/lib/hand_over.sh"
oracle=$ROOT/tests/oracle/kafka
binary=${ODRADEK_BIN:-$ROOT/bin/odradek}
disks=("$SCRATCH/node/data" "$SCRATCH/node/disk2" "$SCRATCH/node/disk3")
settings=("log.dirs=$(IFS=, && echo "${disks[*]}")" log.segment.bytes=1048576)
lines=120000
[ -z "${ODRADEK_SLOW:-}" ] || lines=30000
start_broker "${settings[@]}"

tool() { # CLASS arguments...
    "$oracle" tool "$@" --bootstrap-server "$BOOTSTRAP"
}

log_dirs() { # TOPIC: our kafka-log-dirs, which is asked often; Apache's must say the same once
    "$binary" log-dirs --bootstrap-server "$BOOTSTRAP" --describe --topic-list "$1" | tail -n 1
}

dirs_of() { # TOPIC: "PARTITION DISK isFuture lags" lines
    log_dirs "$1" |
        python3 -c '
import json, os, sys
for dir in json.load(sys.stdin)["brokers"][0]["logDirs"]:
    if dir["error"]: print("-", os.path.basename(dir["logDir"]), dir["error"])
    for p in dir["partitions"]: print(p["partition"], os.path.basename(dir["logDir"]), p["isFuture"], p["offsetLag"] > 0)' | sort
}

disk_of() { dirs_of "${1%-*}" | awk -v p="$1" '$1 == p && $3 == "False" { print $2 }'; } # PARTITION

move_file() { # PARTITION DISK
    printf '{"version":1,"partitions":[{"topic":"%s","partition":%s,"replicas":[1],"log_dirs":["%s"]}]}' \
        "${1%-*}" "${1##*-}" "$2" >"$SCRATCH/move.json"
}

execute() { # PARTITION DISK: without Apache's tool
    move_file "$@"
    "$binary" reassign --bootstrap-server "$BOOTSTRAP" --reassignment-json-file "$SCRATCH/move.json" --execute >/dev/null
}

move() { # PARTITION DISK [options...]: one replica
    move_file "$@"
    shift 2
    tool org.apache.kafka.tools.reassign.ReassignPartitionsCommand --reassignment-json-file "$SCRATCH/move.json" "$@" 2>&1
}

settle() { # PARTITION DISK
    local _
    for _ in $(seq 60); do
        [ "$(dirs_of "${1%-*}" | grep "^$1 ")" != "$1 $(basename "$2") False False" ] || return 0
        sleep 0.2
    done
    die "$1 does not get to $2: $(dirs_of "${1%-*}" | tr '\n' ';')"
}

registered_cordoned() { # until the controller has heard of it from the broker
    local _
    for _ in $(seq 100); do
        ! "$binary" dump-log --cluster-metadata-decoder --files "$SCRATCH/node/data/__cluster_metadata-0/00000000000000000000.log" |
            grep -q '"cordonedLogDirs":\["' || return 0
        sleep 0.1
    done
    die "the metadata does not show the cordoned directories"
}

copying() { # PARTITION DISK: until its copy there is on its way
    local _
    for _ in $(seq 100); do
        ! dirs_of "${1%-*}" | grep -q "^$1 $(basename "$2") True True" || return 0
        sleep 0.1
    done
    die "no copy on its way: $(dirs_of "${1%-*}" | tr '\n' ';')"
}

records() { kcat -b "$BOOTSTRAP" -C -q -t spread -p 0 -o beginning -e -f '%o %s\n' | sha256sum; }
number() { sed 's/^/a line of some length so that a move takes a while, number /'; }

# Spread
"$python" "$ROOT/tests/clients/librdkafka/topic.py" "$BOOTSTRAP" create spread 6
seq "$lines" | number | kcat -b "$BOOTSTRAP" -P -t spread -p 0
got=$(dirs_of spread | awk '{ print $2 }' | sort | uniq -c | awk '{ print $1 }' | paste -sd' ')
[ "$got" = "2 2 2" ] || die "six partitions are spread as $got"
[ "$(tool org.apache.kafka.tools.LogDirsCommand --describe --topic-list spread | tail -n 1)" = "$(log_dirs spread)" ] ||
    die "kafka-log-dirs of Apache and ours say different things"
echo "ok jbod/spread $got"

# Moved while records arrive
from=$(disk_of spread-0)
for to in "${disks[@]}"; do [ "$(basename "$to")" = "$from" ] || break; done
(seq $((lines + 1)) $((lines * 2)) | number | kcat -b "$BOOTSTRAP" -P -t spread -p 0 -X batch.num.messages=500) &
producer=$!
got=$(move spread-0 "$to" --execute)
grep -q "Successfully started moving log directory to $to for replica spread-0 with broker 1" <<<"$got" || die "execute said: $got"
wait "$producer" || die "the producer failed while its partition was moved"
settle spread-0 "$to"
[ "$(records)" = "$(seq $((lines * 2)) | number | awk '{ print NR - 1, $0 }' | sha256sum)" ] || die "other records after the move"
got=$(move spread-0 "$to" --verify)
grep -q 'Reassignment of replica spread-0-1 completed successfully' <<<"$got" || die "verify said: $got"
[ -d "$to/spread-0" ] && [ ! -d "$(dirname "$to")/$from/spread-0" ] || die "the directories do not show the move"
echo "ok jbod/moved $from $(basename "$to")"

# Throttled, seen on its way, stopped in the middle
whole=$(records)
limit() { "$binary" configs --bootstrap-server "$BOOTSTRAP" --entity-type brokers --entity-name 1 --alter "$@" >/dev/null; }
limit --add-config replica.alter.log.dirs.io.max.bytes.per.second=100000
back=$SCRATCH/node/$from
execute spread-0 "$back"
copying spread-0 "$back"
got=$(move spread-0 "$back" --verify --preserve-throttles)
grep -q 'Reassignment of replica spread-0-1 is still in progress' <<<"$got" || die "verify said: $got"
stop_broker
ls -d "$back"/spread-0.*-future >/dev/null || die "a stop in the middle of a move left no -future directory"
echo "ok jbod/throttled"

# Apache Kafka finds the copy, finishes it, and serves the same
takeover() { # WHO
    swap_broker "$1" "${settings[@]}"
    [ "$(records)" = "$whole" ] || die "$1 serves other records in the middle of the move"
    limit --delete-config replica.alter.log.dirs.io.max.bytes.per.second
    settle spread-0 "$back"
    [ "$(records)" = "$whole" ] || die "$1 serves other records after the move"
    echo "ok jbod/takeover-$1"
}
takeover kafka
"$python" "$ROOT/tests/clients/librdkafka/topic.py" "$BOOTSTRAP" create theirs 3
before=$(dirs_of spread; dirs_of theirs)
swap_broker "$BROKER" "${settings[@]}"
[ "$(records)" = "$whole" ] || die "other records after Apache Kafka"
[ "$(dirs_of spread; dirs_of theirs)" = "$before" ] || die "other directories after Apache Kafka"
echo "ok jbod/back"

# The other way round: what Apache Kafka began, we finish
limit --add-config replica.alter.log.dirs.io.max.bytes.per.second=100000
back=$to
execute spread-0 "$back"
copying spread-0 "$back"
stop_broker
takeover "$BROKER"

# Cordoned
limit --add-config "cordoned.log.dirs=[${disks[0]},${disks[1]}]"
registered_cordoned
"$python" "$ROOT/tests/clients/librdkafka/topic.py" "$BOOTSTRAP" create cordon 3
got=$(dirs_of cordon | awk '{ print $2 }' | sort -u | paste -sd' ')
[ "$got" = disk3 ] || die "with two cordoned directories replicas are in $got"
got=$(move cordon-0 "${disks[1]}" --execute || true)
grep -q 'InvalidReplicaAssignment' <<<"$got" || die "a move into a cordoned directory: $got"
limit --delete-config cordoned.log.dirs
echo "ok jbod/cordoned"

# One broken directory. Without that of the metadata, the first, no node runs: how many loops there are decides what is where.
if [ "$to" = "${disks[0]}" ]; then
    from=$(basename "$to") to=${disks[1]}
    execute spread-0 "$to"
    settle spread-0 "$to"
fi
stop_broker
lost=$(basename "$to")
mv "$to/meta.properties" "$SCRATCH/meta.properties"
echo 'version=77' >"$to/meta.properties"
start_broker "${settings[@]}" 2>/dev/null || die "one broken directory stops the whole node"
dirs_of spread | grep -q "^- $lost org.apache.kafka.common.errors.KafkaStorageException" || die "no error: $(dirs_of spread | tr '\n' ';')"
echo alive | kcat -b "$BOOTSTRAP" -P -t cordon -p 1 -X message.timeout.ms=5000 || die "an intact directory is not served"
if echo lost | kcat -b "$BOOTSTRAP" -P -t spread -p 0 -X message.timeout.ms=1500 2>/dev/null; then die "a partition in it is served"; fi
stop_broker
mv "$SCRATCH/meta.properties" "$to/meta.properties"
start_broker "${settings[@]}"
[ "$(records)" = "$whole" ] || die "other records when the directory is back"
echo "ok jbod/broken-directory"

# Two live directories of one partition
stop_broker
cp -r "$to/spread-0" "$SCRATCH/node/$from/spread-0"
# The port answers before the directories have been compared with the metadata.
start_broker "${settings[@]}" 2>/dev/null || true
for _ in $(seq 100); do
    ! grep -q 'Duplicate log directories for spread-0 are found in both' "$SCRATCH/node/log" || break
    sleep 0.2
done
grep -q 'Duplicate log directories for spread-0 are found in both' "$SCRATCH/node/log" || die "the refusal does not say why"
for _ in $(seq 100); do
    kill -0 "$BROKER_PID" 2>/dev/null || break
    sleep 0.2
done
if kill -0 "$BROKER_PID" 2>/dev/null; then die "a node runs with two live directories of one partition"; fi
BROKER_PID=
echo "ok jbod/duplicate"
