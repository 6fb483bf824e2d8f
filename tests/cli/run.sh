#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The command-line tools beside Apache Kafka's: same command lines, same standard output, same standard error (but for
# Java's stack frames), same exit code.
#   run.sh BIN BOOTSTRAP [SUITE...]             compare `BIN kafka-topics ...` with golden/, on a broker with no topics
#   run.sh --golden LIBS BOOTSTRAP [SUITE...]   write golden/ anew: Kafka 4.3.1's jars in LIBS against its own broker.
#                                               LOG4J_BINDING names log4j-slf4j-impl's jar (the scripts' logging)
#   PENDING=FILE run.sh ...                     cases that must differ, for a broker that does not serve all of it yet
#   ONLY=name run.sh ...                        one case (state-dependent ones need those before)
# Suites are cases/*.txt; ids, ports, times and directories are masked on both sides.
set -uo pipefail
here=$(cd "$(dirname "$0")" && pwd)
mode=check
if [ "${1:?see the head of this file}" = --golden ]; then mode=golden; shift; fi
what=$1 B=${2:?broker address}; shift 2
[ $# -gt 0 ] || set -- topics console storage configs admin1 consumer_groups verifiable perf groups_console dumplog quorum cluster_tools
L=$here/logs Z=00000000000000000000 # what dumplog reads, and a segment's first name
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export TZ=UTC

if [ $mode = golden ]; then
  cp=$(ls "$what"/*.jar | grep -v slf4j-simple | tr '\n' ':')${LOG4J_BINDING:?}
  printf '%s\n' 'status = off' 'rootLogger.level = WARN' 'rootLogger.appenderRef.e.ref = STDERR' 'appender.e.type = Console' \
    'appender.e.name = STDERR' 'appender.e.target = SYSTEM_ERR' 'appender.e.layout.type = PatternLayout' \
    'appender.e.layout.pattern = [%d] %p %m (%c)%n' > "$work/log4j2.properties"
  tool() { java -XX:TieredStopAtLevel=1 -XX:+UseSerialGC -Dlog4j2.configurationFile="$work/log4j2.properties" -cp "$cp" "$@"; }
  topics() { tool org.apache.kafka.tools.TopicCommand "$@"; }
  producer() { tool org.apache.kafka.tools.ConsoleProducer "$@"; }
  consumer() { tool org.apache.kafka.tools.consumer.ConsoleConsumer "$@"; }
  storage() { tool kafka.tools.StorageTool "$@"; }
  configs() { tool kafka.admin.ConfigCommand "$@"; }
  groups() { tool org.apache.kafka.tools.consumer.group.ConsumerGroupCommand "$@"; }
  allgroups() { tool org.apache.kafka.tools.GroupsCommand "$@"; }
  delrecords() { tool org.apache.kafka.tools.DeleteRecordsCommand "$@"; }
  offsets() { tool org.apache.kafka.tools.GetOffsetShell "$@"; }
  metrics() { tool org.apache.kafka.tools.ClientMetricsCommand "$@"; }
  dump() { tool org.apache.kafka.tools.DumpLogSegments "$@"; }
  quorum() { tool org.apache.kafka.tools.MetadataQuorumCommand "$@"; }
  features() { tool org.apache.kafka.tools.FeatureCommand "$@"; }
  logdirs() { tool org.apache.kafka.tools.LogDirsCommand "$@"; }
  apiversions() { tool org.apache.kafka.tools.BrokerApiVersionsCommand "$@"; }
  cluster() { tool org.apache.kafka.tools.ClusterTool "$@"; }
  election() { tool org.apache.kafka.tools.LeaderElectionCommand "$@"; }
  reassign() { tool org.apache.kafka.tools.reassign.ReassignPartitionsCommand "$@"; }
  vproducer() { tool org.apache.kafka.tools.VerifiableProducer "$@"; }
  vconsumer() { tool org.apache.kafka.tools.VerifiableConsumer "$@"; }
  pperf() { tool org.apache.kafka.tools.ProducerPerformance "$@"; }
  cperf() { tool org.apache.kafka.tools.ConsumerPerformance "$@"; }
  latency() { tool org.apache.kafka.tools.EndToEndLatency "$@"; }
else
  bin=$(readlink -f "$what")
  topics() { "$bin" kafka-topics "$@"; }
  producer() { "$bin" kafka-console-producer "$@"; }
  consumer() { "$bin" kafka-console-consumer "$@"; }
  storage() { "$bin" kafka-storage "$@"; }
  configs() { "$bin" kafka-configs "$@"; }
  groups() { "$bin" kafka-consumer-groups "$@"; }
  allgroups() { "$bin" kafka-groups "$@"; }
  delrecords() { "$bin" kafka-delete-records "$@"; }
  offsets() { "$bin" kafka-get-offsets "$@"; }
  metrics() { "$bin" kafka-client-metrics "$@"; }
  dump() { "$bin" kafka-dump-log "$@"; }
  quorum() { "$bin" kafka-metadata-quorum "$@"; }
  features() { "$bin" kafka-features "$@"; }
  logdirs() { "$bin" kafka-log-dirs "$@"; }
  apiversions() { "$bin" kafka-broker-api-versions "$@"; }
  cluster() { "$bin" kafka-cluster "$@"; }
  election() { "$bin" kafka-leader-election "$@"; }
  reassign() { "$bin" kafka-reassign-partitions "$@"; }
  vproducer() { "$bin" kafka-verifiable-producer "$@"; }
  vconsumer() { "$bin" kafka-verifiable-consumer "$@"; }
  pperf() { "$bin" kafka-producer-perf-test "$@"; }
  cperf() { "$bin" kafka-consumer-perf-test "$@"; }
  latency() { "$bin" kafka-e2e-latency "$@"; }
fi

# Every number as its form: 12.34 is N.dd, 7 is N; what a division by no time gives is one, too.
digits() { sed -E -e 's/Infinity records/0.123456 records/' -e 's/Infinity MB/0.12 MB/' -e 's/Infinity|NaN/N.dddd/g' -e ':a' -e 's/(N\.d*)[0-9]/\1d/' -e 'ta' -e 's/[0-9]+(\.[0-9])/N\1/' -e 'ta' -e 's/[0-9]+/N/g' -e 's/(\tN\.)d+/\1d/'; }
# Until the command's output holds the pattern: for what a broker has promised and does in its own time.
await() { # PATTERN COMMAND...
  local pattern=$1 i; shift
  for i in $(seq 200); do "$@" 2> /dev/null | grep -q -- "$pattern" && return; sleep 0.05; done
  echo "never seen: $pattern"
}
# What varies in the tools' JSON.
moments() {
  sed -E -e 's/"(timestamp|commitTimestamp|currentStateTimestamp)":[0-9]+/"\1":MS/g' -e 's/"avg_throughput":[0-9.E-]+/"avg_throughput":N/' \
    -e 's/[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/UUID/g' -e 's/"topicId":"[A-Za-z0-9_-]{22}"/"topicId":"ID"/g'
}
mask() {
  sed -E -e '/^[[:space:]]+at /d' -e '/^[[:space:]]*\.\.\. [0-9]+ more$/d' -e '/^Caused by: (joptsimple|java\.lang\.NumberFormat)/d' \
    -e 's/\[\[config\], \[bootstrap-server\]\]/[[bootstrap-server], [config]]/' \
    -e 's/^\[20[0-9-]+ [0-9:,]+\]/[TIME]/' -e 's/TopicId: [A-Za-z0-9_-]{22}/TopicId: ID/' -e 's/(CreateTime|LogAppendTime):[0-9]+/\1:MS/' \
    -e 's/directory\.id=[A-Za-z0-9_-]{22}/directory.id=ID/' -e 's/correlation id [0-9]+/correlation id N/' -e 's/groupId=console-consumer-[0-9]+/groupId=GROUP/' \
    -e 's/\[all-groups\], \[group\]/[group], [all-groups]/' -e 's/\[topic\], \[group\]/[group], [topic]/' -e 's/scenarios: \[.*\]$/scenarios: SET/' \
    -e 's/Valid states are: .*/Valid states are: SET/' -e 's/(console-consumer|consumer-[a-z]+-1)-[0-9a-f]{8}-[0-9a-f-]{27}/\1-MEMBER/g' -e 's/(config for )[A-Za-z0-9_-]{22}\./\1ID./' \
    -e 's/"logDir":"[^"]*"/"logDir":"DIR"/' -e 's/"log_dirs":\["\/[^"]*"\]/"log_dirs":["\/DIR"]/g' -e 's/ directory id [A-Za-z0-9_-]{22}$/ directory id ID/' \
    -e "s|$L|LOGS|g" -e "s|$D|DIR|g" -e "s|${B//./\\.}|BROKER|g" -e "s/(localhost|127\.0\.0\.1):${B##*:}/BROKER/g" -e 's/BROKER  \(1\) +/BROKER  (1) /'
}

failed=0 passed=0 pending=0
for suite in "$@"; do
  D=$work/$suite; mkdir -p "$D"
  C=$D/server.properties V=$D/static.properties
  common='process.roles=broker,controller\nnode.id=1\nlisteners=PLAINTEXT://127.0.0.1:9092,CONTROLLER://127.0.0.1:9093\ncontroller.listener.names=CONTROLLER\nlistener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT\n'
  printf "${common}controller.quorum.bootstrap.servers=127.0.0.1:9093\nlog.dirs=%s\n" "$D/data" > "$C"
  printf "${common}controller.quorum.voters=1@127.0.0.1:9093\nlog.dirs=%s,%s\n" "$D/v1" "$D/v2" > "$V"
  golden=$here/golden/$suite.txt
  [ $mode = golden ] && : > "$golden.new"
  while IFS= read -r line <&3; do
    case $line in '' | '#'*) continue ;; esac
    name=${line%%:*} snippet=${line#*: }
    [ -z "${ONLY:-}" ] || [ "$ONLY" = "$name" ] || continue
    (eval "$snippet") > "$work/out" 2> "$work/err" < /dev/null; code=$?
    { echo "== $name"; echo "-- exit $code"; echo "-- stdout"; mask < "$work/out"; echo; echo "-- stderr"; mask < "$work/err"; echo; } > "$work/got"
    if [ $mode = golden ]; then cat "$work/got" >> "$golden.new"; continue; fi
    awk -v want="== $name" '/^== /{on=($0==want)} on' "$golden" > "$work/want"
    same=no; cmp -s "$work/want" "$work/got" && same=yes
    if [ -n "${PENDING:-}" ] && grep -q "^$suite/$name " "$PENDING"; then
      if [ $same = yes ]; then failed=$((failed + 1)); echo "FAIL $suite/$name is as Kafka's now: take it out of $PENDING"; else pending=$((pending + 1)); fi
    elif [ $same = yes ]; then passed=$((passed + 1)); else
      failed=$((failed + 1)); echo "FAIL $suite/$name: $snippet"; diff "$work/want" "$work/got" | head -${DIFF_LINES:-12}
    fi
  done 3< "$here/cases/$suite.txt"
  [ $mode = golden ] && mv "$golden.new" "$golden"
done
[ $mode = golden ] && exit 0
echo "cli: $passed as Kafka, $failed not, $pending pending"
[ $failed = 0 ]
