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
[ $# -gt 0 ] || set -- topics console storage
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
else
  bin=$(readlink -f "$what")
  topics() { "$bin" kafka-topics "$@"; }
  producer() { "$bin" kafka-console-producer "$@"; }
  consumer() { "$bin" kafka-console-consumer "$@"; }
  storage() { "$bin" kafka-storage "$@"; }
fi

mask() {
  sed -E -e '/^[[:space:]]+at /d' -e '/^[[:space:]]*\.\.\. [0-9]+ more$/d' -e '/^Caused by: (joptsimple|java\.lang\.NumberFormat)/d' \
    -e 's/\[\[config\], \[bootstrap-server\]\]/[[bootstrap-server], [config]]/' \
    -e 's/^\[20[0-9-]+ [0-9:,]+\]/[TIME]/' -e 's/TopicId: [A-Za-z0-9_-]{22}/TopicId: ID/' -e 's/(CreateTime|LogAppendTime):[0-9]+/\1:MS/' \
    -e 's/directory\.id=[A-Za-z0-9_-]{22}/directory.id=ID/' -e 's/correlation id [0-9]+/correlation id N/' -e 's/groupId=console-consumer-[0-9]+/groupId=GROUP/' \
    -e "s|$D|DIR|g" -e "s|${B//./\\.}|BROKER|g" -e "s/(localhost|127\.0\.0\.1):${B##*:}/BROKER/g"
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
