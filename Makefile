# SPDX-License-Identifier: Apache-2.0
# A short face over the CMake presets; every target says in one line what it is for.
JOBS ?= $(shell nproc)

.PHONY: all run setup test test-long soak tidy asan tsan fuzz debug bench bench-start bench-durable bench-groups bench-compaction bench-recovery bench-wire bench-validate clean
.DEFAULT_GOAL := all

all: ## the release binary bin/odradek, and links to it under the tools' names
	@tools/setup build
	@cmake --preset release >build/release.log 2>&1 || { cat build/release.log; exit 1; }
	@cmake --build --preset release -j $(JOBS) --target odradek
	@mkdir -p bin && cp -f build/release/odradek bin/.odradek.new && mv -f bin/.odradek.new bin/odradek
	@for t in $$(bin/odradek 2>&1 | sed -n 's/.* as \(kafka-[a-z0-9-]*\)\.sh/\1/p'); do ln -sf odradek bin/$$t.sh; ln -sf odradek bin/$$t; done

run: all ## one node on 127.0.0.1:9092, its data under ./data
	@tools/run

setup: ## install what building and testing need (apt, one venv)
	@tools/setup test

test: ## every test, at most 25 minutes
	@tests/run

test-long: ## what takes longer: more seeds, longer fuzzing, the speed tables
	@tests/run --long

soak: ## half an hour (SOAK_SECONDS) of kills, power cuts and everything a log does, beside a plain list
	@tests/run soak

tidy: ## layers, symbols, style
	@tests/run tidy

asan: ## unit tests under clang's ASan and UBSan
	@tests/run asan

tsan: ## unit tests and the end-to-end suite under clang's ThreadSanitizer, four shards
	@tests/run tsan-unit tsan

fuzz: ## every fuzzer over its corpus and for ten seconds more; FUZZ_SECONDS=N for longer
	@tests/run fuzz

debug: ## debug build of everything
	@tools/setup build
	@cmake --preset debug && cmake --build --preset debug -j $(JOBS)

bench: all ## both brokers in turn, as ratios
	@tests/bench/bench

bench-start: all ## start-up time and idle memory beside Apache Kafka's
	@tests/bench/bench-start

bench-durable: all ## what an acknowledgement costs that survives a power cut; beside Apache Kafka and our page-cache policy
	@tests/bench/bench-durable

bench-recovery: all ## starting with 10,000 and 50,000 partitions, cleanly and after kill -9; beside Apache Kafka
	@tests/bench/bench-recovery

bench-groups: all ## consumer groups: joining, a rolling restart, many small groups; beside Apache Kafka
	@tests/bench/bench-groups

bench-compaction: all ## latency of a steady load without and with a compaction beside it
	@tests/bench/bench-compaction

bench-wire: ## what the interpreter costs for a one-partition Produce
	@tools/setup build
	@cmake --preset release >build/release.log 2>&1 || { cat build/release.log; exit 1; }
	@cmake --build --preset release -j $(JOBS) --target bench_wire
	@build/release/bench_wire

bench-validate: ## what judging a produced batch costs, per record
	@tools/setup build
	@cmake --preset release >build/release.log 2>&1 || { cat build/release.log; exit 1; }
	@cmake --build --preset release -j $(JOBS) --target bench_validate
	@build/release/bench_validate

clean:
	rm -rf build bin
