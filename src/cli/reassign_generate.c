// SPDX-License-Identifier: Apache-2.0
// kafka-reassign-partitions --generate: a plan that spreads topics over the brokers named.
#include "cli/options_reassign.h"
#include "cli/reassign_int.h"

#include <stdlib.h>

static const char command_failed[] = "org.apache.kafka.tools.AdminCommandFailedException";

struct candidates {
    struct brokers brokers;
    struct slice *racks; // beside them
};

static bool parse_brokers(struct reassign *run, const char *list, struct brokers *out)
{
    struct arena *arena = &run->cli->arena;
    struct slice rest = slice_str(list);
    struct brokers seen = {.items = ARENA_ARRAY(arena, int32_t, rest.size + 1)};
    struct brokers doubles = {.items = ARENA_ARRAY(arena, int32_t, rest.size + 1)};
    out->items = ARENA_ARRAY(arena, int32_t, rest.size + 1);
    do {
        const uint8_t *comma = rest.size == 0 ? NULL : memchr(rest.data, ',', rest.size);
        size_t size = comma == NULL ? rest.size : (size_t)(comma - rest.data), step = size + (comma != NULL);
        struct slice word = slice_of(rest.data, size);
        int64_t value;
        if (!cli_parse_long(word, &value) || value > INT32_MAX || value < INT32_MIN) {
            return reassign_fail(run, "java.lang.NumberFormatException",
                                 arena_printf(arena, "For input string: \"%.*s\"", SLICE_FMT(word)));
        }
        if (brokers_have(&seen, (int32_t)value)) brokers_add(&doubles, (int32_t)value);
        brokers_add(&seen, (int32_t)value);
        out->items[out->count++] = (int32_t)value;
        rest = slice_of(rest.data + step, rest.size - step);
    } while (rest.size > 0);
    if (doubles.count == 0) return true;
    return reassign_fail(
        run, command_failed,
        arena_printf(arena, "Broker list contains duplicate entries: [%s]", brokers_join(run->cli, &doubles, ", ")));
}

static bool check_topics(struct reassign *run, const struct slice *topics, int32_t count)
{
    struct arena *arena = &run->cli->arena;
    const char *doubles = "";
    for (int32_t i = 0; i < count; i++) {
        int earlier = 0;
        for (int32_t k = 0; k < i; k++) earlier += slice_eq(topics[k], topics[i]);
        if (earlier != 1) continue;
        doubles = arena_printf(arena, "%s%s%.*s", doubles, *doubles == '\0' ? "" : ", ", SLICE_FMT(topics[i]));
    }
    if (*doubles == '\0') return true;
    return reassign_fail(run, command_failed,
                         arena_printf(arena, "List of topics to reassign contains duplicate entries: [%s]", doubles));
}

// Those of the named brokers that exist, racks taking turns.
static bool find_candidates(struct reassign *run, const struct brokers *named, struct candidates *out)
{
    struct arena *arena = &run->cli->arena;
    struct brokers all;
    struct slice *racks;
    bool is_rack_aware = !jopt_has(&run->options, REASSIGN_DISABLE_RACK_AWARE);
    if (!ask_brokers(run, &all, &racks)) return false;
    int32_t *turns = ARENA_ARRAY(arena, int32_t, all.count + 1), rackless = 0;
    out->brokers.items = ARENA_ARRAY(arena, int32_t, all.count + 1);
    out->racks = ARENA_ARRAY(arena, struct slice, all.count + 1);
    for (int32_t i = 0; i < all.count; i++) {
        if (!brokers_have(named, all.items[i])) continue;
        struct slice rack = is_rack_aware ? racks[i] : SLICE_NULL;
        int32_t at = out->brokers.count++, turn = 0;
        rackless += slice_is_null(rack);
        for (int32_t k = 0; k < at; k++) turn += slice_eq(out->racks[k], rack); // brokers of that rack before it
        for (; at > 0 && turns[at - 1] > turn; at--) {
            turns[at] = turns[at - 1];
            out->brokers.items[at] = out->brokers.items[at - 1];
            out->racks[at] = out->racks[at - 1];
        }
        turns[at] = turn;
        out->brokers.items[at] = all.items[i];
        out->racks[at] = rack;
    }
    if (!is_rack_aware || rackless == 0 || rackless == out->brokers.count) return true;
    return reassign_fail(run, "org.apache.kafka.tools.AdminOperationException",
                         "Not all brokers have rack information. Add --disable-rack-aware in command line to make "
                         "replica assignment without rack information.");
}

static bool check_factor(struct reassign *run, const struct candidates *candidates, int32_t factor)
{
    static const char invalid[] = "org.apache.kafka.common.errors.InvalidReplicationFactorException";
    if (candidates->brokers.count == 0) {
        return reassign_fail(run, invalid,
                             "All brokers are currently fenced, or have all their log directories cordoned.");
    }
    if (factor <= candidates->brokers.count) return true;
    return reassign_fail(run, invalid,
                         arena_printf(&run->cli->arena,
                                      "The target replication factor of %d cannot be reached because only %d broker(s) "
                                      "are registered or some brokers have all their log directories cordoned.",
                                      factor, candidates->brokers.count));
}

// Round robin from a random start, each topic anew.
static bool place(struct reassign *run, const struct parts *current, const struct candidates *candidates,
                  struct parts *out)
{
    struct arena *arena = &run->cli->arena;
    uint32_t start = 0;
    int32_t brokers = candidates->brokers.count, factor = 0;
    out->items = ARENA_ARRAY(arena, struct part, current->count + 1);
    for (int32_t i = 0; i < current->count; i++) {
        const struct part *from = &current->items[i];
        if (i == 0 || !slice_eq(from->key.topic, current->items[i - 1].key.topic)) {
            factor = from->replicas.count; // of the topic's first partition
            env_random(run->cli->host->env, &start, sizeof(start));
        }
        if (!check_factor(run, candidates, factor)) return false;
        struct part *to = &out->items[out->count++];
        *to = (struct part){.key = from->key, .replicas = {.items = ARENA_ARRAY(arena, int32_t, factor + 1)}};
        for (int32_t k = 0; k < factor; k++) {
            uint64_t at = (uint64_t)start + (uint64_t)i + (uint64_t)k;
            to->replicas.items[to->replicas.count++] = candidates->brokers.items[at % (uint64_t)brokers];
        }
    }
    return true;
}

bool reassign_generate(struct reassign *run)
{
    const char *path, *list;
    struct brokers named = {0};
    struct slice *topics;
    int32_t topic_count;
    struct parts current, proposed = {0};
    struct candidates candidates = {0};
    if (!jopt_value(&run->options, REASSIGN_TOPICS_TO_MOVE_JSON_FILE, &path)) return reassign_fail_option(run);
    struct json_words words = {.cli = run->cli};
    struct slice content;
    if (!json_words_read(&words, path, &content)) return run->thrown = words.thrown, false;
    if (!jopt_value(&run->options, REASSIGN_BROKER_LIST, &list)) return reassign_fail_option(run);
    if (!parse_brokers(run, list, &named) || !plan_read_topics(run, path, &topics, &topic_count) ||
        !check_topics(run, topics, topic_count)) {
        return false;
    }
    if (!ask_assignments(run, topics, topic_count, false, &current) || !find_candidates(run, &named, &candidates)) {
        return false;
    }
    if (current.count > 1) {
        qsort(current.items, (size_t)current.count, sizeof(*current.items), topic_partition_compare);
    }
    if (!place(run, &current, &candidates, &proposed) || !ask_log_dirs(run, &current)) return false;
    cli_out(run->cli, "Current partition replica assignment\n");
    plan_print(run, &current);
    cli_out(run->cli, "\n\nProposed partition reassignment configuration\n");
    plan_print(run, &proposed);
    cli_out(run->cli, "\n");
    return true;
}
