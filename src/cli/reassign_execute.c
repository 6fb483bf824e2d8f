// SPDX-License-Identifier: Apache-2.0
// kafka-reassign-partitions --execute: checks the plan, sets throttles, starts the reassignment and moves between
// directories.
#include "cli/admin_configs.h"
#include "cli/java_order.h"
#include "cli/options_reassign.h"
#include "cli/reassign_int.h"

#include <stdlib.h>

enum { RETRY_MS = 100 };

static const char command_failed[] = "org.apache.kafka.tools.AdminCommandFailedException";

// ---- checking the plan -----------------------------------------------------------------------------------------

static bool check_twice(struct reassign *run, const struct parts *plan)
{
    struct arena *arena = &run->cli->arena;
    const char *doubles = "";
    for (int32_t i = 0; i < plan->count; i++) {
        int earlier = 0;
        for (int32_t k = 0; k < i; k++) earlier += topic_partition_eq(&plan->items[k].key, &plan->items[i].key);
        if (earlier != 1) continue;
        doubles = arena_printf(arena, "%s%s%.*s-%d", doubles, *doubles == '\0' ? "" : ",",
                               SLICE_FMT(plan->items[i].key.topic), plan->items[i].key.partition);
    }
    if (*doubles == '\0') return true;
    return reassign_fail(
        run, command_failed,
        arena_printf(arena, "Partition reassignment contains duplicate topic partitions: %s", doubles));
}

static bool check_replicas_twice(struct reassign *run, const struct parts *plan)
{
    struct arena *arena = &run->cli->arena;
    const char *problems = "";
    for (int32_t i = 0; i < plan->count; i++) {
        const struct brokers *replicas = &plan->items[i].replicas;
        struct brokers doubles = {.items = ARENA_ARRAY(arena, int32_t, replicas->count + 1)};
        for (int32_t k = 0; k < replicas->count; k++) {
            struct brokers before = {.items = replicas->items, .count = k};
            if (brokers_have(&before, replicas->items[k])) brokers_add(&doubles, replicas->items[k]);
        }
        if (doubles.count == 0) continue;
        problems = arena_printf(arena, "%s%s%.*s-%d contains multiple entries for %s", problems,
                                *problems == '\0' ? "" : ". ", SLICE_FMT(plan->items[i].key.topic),
                                plan->items[i].key.partition, brokers_join(run->cli, &doubles, ","));
    }
    if (*problems == '\0') return true;
    return reassign_fail(
        run, command_failed,
        arena_printf(arena, "Partition replica lists may not contain duplicate entries: %s", problems));
}

static bool check_plan(struct reassign *run, const struct parts *plan)
{
    if (plan->count == 0) return reassign_fail(run, command_failed, "Partition reassignment list cannot be empty");
    for (int32_t i = 0; i < plan->count; i++) {
        if (plan->items[i].replicas.count > 0) continue;
        return reassign_fail(run, command_failed, "Partition replica list cannot be empty");
    }
    return check_twice(run, plan) && check_replicas_twice(run, plan);
}

static bool check_brokers(struct reassign *run, const struct parts *plan)
{
    struct brokers existing;
    if (!ask_brokers(run, &existing, NULL)) return false;
    int32_t unknown = INT32_MAX;
    for (int32_t i = 0; i < plan->count; i++) {
        const struct brokers *replicas = &plan->items[i].replicas;
        for (int32_t k = 0; k < replicas->count; k++) {
            if (!brokers_have(&existing, replicas->items[k]) && replicas->items[k] < unknown)
                unknown = replicas->items[k];
        }
    }
    if (unknown == INT32_MAX) return true;
    return reassign_fail(run, command_failed, arena_printf(&run->cli->arena, "Unknown broker id %d", unknown));
}

// What the plan's partitions have now, with directories.
static bool find_current(struct reassign *run, const struct parts *plan, struct parts *current)
{
    struct parts all;
    int32_t topic_count;
    struct slice *topics = parts_topics(run->cli, plan, &topic_count);
    if (!ask_assignments(run, topics, topic_count, false, &all)) return false;
    current->items = ARENA_ARRAY(&run->cli->arena, struct part, plan->count + 1);
    const char *missing = "";
    for (int32_t i = 0; i < plan->count; i++) {
        const struct topic_partition *key = &plan->items[i].key;
        struct part *found = parts_find(&all, key);
        if (found != NULL) {
            current->items[current->count++] = *found;
            continue;
        }
        missing = arena_printf(&run->cli->arena, "%s%s%.*s-%d", missing, *missing == '\0' ? "" : ", ",
                               SLICE_FMT(key->topic), key->partition);
    }
    if (*missing == '\0') return ask_log_dirs(run, current);
    struct cli_error error = cli_error_of(run->cli, ERR_UNKNOWN_TOPIC_OR_PARTITION, SLICE_NULL);
    error.text = arena_printf(&run->cli->arena, "Unable to find partition: %s", missing);
    return reassign_fail_future(run, error);
}

// ---- throttles -------------------------------------------------------------------------------------------------

static bool alter(struct reassign *run, enum config_resource type, struct slice name,
                  const struct admin_change *changes, int32_t count)
{
    struct cli_error error;
    return admin_alter_configs(run->cli, run->client, type, name, changes, count, &error) ||
           reassign_fail_future(run, error);
}

static bool throttle_brokers(struct reassign *run, const struct brokers *brokers, const char *const *names, int count,
                             int64_t rate)
{
    struct arena *arena = &run->cli->arena;
    struct admin_change changes[2];
    for (int i = 0; i < count; i++) {
        changes[i] = (struct admin_change){.name = slice_str(names[i]), .operation = ADMIN_SET};
        changes[i].value = slice_str(arena_printf(arena, "%lld", (long long)rate));
    }
    for (int32_t i = 0; i < brokers->count; i++) {
        struct slice name = slice_str(arena_printf(arena, "%d", brokers->items[i]));
        if (!alter(run, CONFIG_BROKER, name, changes, count)) return false;
    }
    return true;
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

// "0:1,0:2,1:1": the replicas of a topic that leaders, or followers, hold back.
static struct slice throttled(struct reassign *run, const struct parts *moves, struct slice topic, bool of_leaders)
{
    struct arena *arena = &run->cli->arena;
    int32_t room = 1, count = 0;
    for (int32_t i = 0; i < moves->count; i++) room += moves->items[i].replicas.count + moves->items[i].adding.count;
    const char **words = ARENA_ARRAY(arena, const char *, room), *list = "";
    for (int32_t i = 0; i < moves->count; i++) {
        const struct part *move = &moves->items[i];
        const struct brokers *brokers = of_leaders ? &move->replicas : &move->adding;
        for (int32_t k = 0; slice_eq(move->key.topic, topic) && k < brokers->count; k++) {
            words[count++] = arena_printf(arena, "%d:%d", move->key.partition, brokers->items[k]);
        }
    }
    qsort(words, (size_t)count, sizeof(*words), by_text);
    for (int32_t i = 0; i < count; i++) list = arena_printf(arena, "%s%s%s", list, i > 0 ? "," : "", words[i]);
    return slice_str(list);
}

// Sources (`replicas`) and destinations (`adding`) of what moves already and of what the plan moves.
static void find_moves(struct reassign *run, const struct parts *ongoing, const struct parts *plan,
                       const struct parts *current, struct parts *out)
{
    struct arena *arena = &run->cli->arena;
    out->items = ARENA_ARRAY(arena, struct part, ongoing->count + plan->count + 1);
    for (int32_t i = 0; i < ongoing->count; i++) {
        const struct part *from = &ongoing->items[i];
        struct part *move = &out->items[out->count++];
        *move = (struct part){.key = from->key, .adding = from->adding};
        move->replicas.items = ARENA_ARRAY(arena, int32_t, from->replicas.count + 1);
        for (int32_t k = 0; k < from->replicas.count; k++) {
            if (!brokers_have(&from->adding, from->replicas.items[k])) {
                brokers_add(&move->replicas, from->replicas.items[k]);
            }
        }
    }
    for (int32_t i = 0; i < plan->count; i++) {
        const struct part *wanted = &plan->items[i];
        struct part *move = parts_find(out, &wanted->key);
        if (move == NULL) {
            move = &out->items[out->count++];
            *move = (struct part){.key = wanted->key, .replicas = parts_find(current, &wanted->key)->replicas};
        }
        move->adding = (struct brokers){.items = ARENA_ARRAY(arena, int32_t, wanted->replicas.count + 1)};
        for (int32_t k = 0; k < wanted->replicas.count; k++) {
            if (!brokers_have(&move->replicas, wanted->replicas.items[k])) {
                brokers_add(&move->adding, wanted->replicas.items[k]);
            }
        }
    }
}

static bool throttle_moves(struct reassign *run, const struct parts *moves, int64_t rate)
{
    static const char *const rates[] = {"leader.replication.throttled.rate", "follower.replication.throttled.rate"};
    int32_t topic_count, room = 1;
    struct slice *topics = parts_topics(run->cli, moves, &topic_count);
    for (int32_t i = 0; i < topic_count; i++) {
        struct admin_change changes[] = {
            {.name = SLICE("leader.replication.throttled.replicas"), .value = throttled(run, moves, topics[i], true)},
            {.name = SLICE("follower.replication.throttled.replicas"),
             .value = throttled(run, moves, topics[i], false)},
        };
        if (!alter(run, CONFIG_TOPIC, topics[i], changes, COUNT_OF(changes))) return false;
    }
    for (int32_t i = 0; i < moves->count; i++) room += moves->items[i].replicas.count + moves->items[i].adding.count;
    struct brokers brokers = {.items = ARENA_ARRAY(&run->cli->arena, int32_t, room)};
    for (int32_t i = 0; i < moves->count; i++) {
        const struct part *move = &moves->items[i];
        for (int32_t k = 0; k < move->replicas.count; k++) brokers_add(&brokers, move->replicas.items[k]);
        for (int32_t k = 0; k < move->adding.count; k++) brokers_add(&brokers, move->adding.items[k]);
    }
    if (!throttle_brokers(run, &brokers, rates, COUNT_OF(rates), rate)) return false;
    cli_out(run->cli, "The inter-broker throttle limit was set to %lld B/s\n", (long long)rate);
    return true;
}

static bool throttle_dirs(struct reassign *run, const struct log_dir_moves *moves, int64_t rate)
{
    static const char *const rates[] = {"replica.alter.log.dirs.io.max.bytes.per.second"};
    struct brokers brokers = {.items = ARENA_ARRAY(&run->cli->arena, int32_t, moves->count + 1)};
    for (int32_t i = 0; i < moves->count; i++) brokers_add(&brokers, moves->items[i].broker);
    if (!throttle_brokers(run, &brokers, rates, COUNT_OF(rates), rate)) return false;
    cli_out(run->cli, "The replica-alter-dir throttle limit was set to %lld B/s\n", (long long)rate);
    return true;
}

// ---- moves between directories ---------------------------------------------------------------------------------

static bool report_moves(struct reassign *run, struct log_dir_moves *moves, bool *told)
{
    int32_t left = 0;
    for (int32_t i = 0; i < moves->count; i++) {
        const struct log_dir_move *move = &moves->items[i];
        left += !move->is_done;
        if (!move->is_done || told[i]) continue;
        told[i] = true;
        cli_out(run->cli, "Successfully started moving log directory to %.*s for replica %.*s-%d with broker %d \n",
                SLICE_FMT(move->target), SLICE_FMT(move->key.topic), move->key.partition, move->broker);
    }
    return left == 0;
}

bool reassign_run_moves(struct reassign *run, struct log_dir_moves *moves)
{
    struct arena *arena = &run->cli->arena;
    bool *told = ARENA_ARRAY(arena, bool, moves->count + 1);
    int64_t timeout_ms = 0;
    if (!jopt_number(&run->options, REASSIGN_TIMEOUT, &timeout_ms)) return reassign_fail_option(run);
    int64_t deadline_ms = env_now_ms(run->cli->host->env) + timeout_ms;
    qsort(moves->items, (size_t)moves->count, sizeof(*moves->items), log_dir_move_compare);
    for (;;) {
        if (!start_moves(run, moves)) return false;
        if (report_moves(run, moves, told)) return true;
        if (env_now_ms(run->cli->host->env) >= deadline_ms || !cli_pause(run->cli, RETRY_MS)) break;
    }
    const char *list = "";
    int32_t left = 0;
    for (int32_t i = 0; i < moves->count; i++) {
        const struct log_dir_move *move = &moves->items[i];
        if (move->is_done) continue;
        list = arena_printf(arena, "%s%s%.*s-%d-%d", list, left++ > 0 ? "," : "", SLICE_FMT(move->key.topic),
                            move->key.partition, move->broker);
    }
    run->terse = arena_printf(arena, "Timed out before log directory move%s could be started for: %s",
                              left == 1 ? "" : "s", list);
    return false;
}

// ---- the action ------------------------------------------------------------------------------------------------

static bool throttle(struct reassign *run, const struct parts *ongoing, const struct parts *plan,
                     const struct parts *current, const struct log_dir_moves *dir_moves, const int64_t rates[2])
{
    if (rates[0] < 0 && rates[1] < 0) return true;
    cli_out(run->cli, "Warning: You must run --verify periodically, until the reassignment completes, to ensure the "
                      "throttle is removed.\n");
    struct parts moves = {0};
    if (rates[0] >= 0) {
        find_moves(run, ongoing, plan, current, &moves);
        if (!throttle_moves(run, &moves, rates[0])) return false;
    }
    return rates[1] < 0 || throttle_dirs(run, dir_moves, rates[1]);
}

static bool start(struct reassign *run, struct parts *plan)
{
    struct arena *arena = &run->cli->arena;
    bool allows_change = !jopt_has(&run->options, REASSIGN_DISALLOW_REPLICATION_FACTOR_CHANGE);
    const char *list = parts_join(run->cli, plan);
    struct text problems = {0};
    int32_t failed = 0;
    bool ok = alter_reassignments(run, plan, false, allows_change, &failed, &problems);
    if (ok && failed > 0) {
        run->terse = arena_printf(arena, "Error reassigning partition(s):%s", text_cstr(&problems));
    } else if (ok) {
        cli_out(run->cli, "Successfully started partition reassignment%s for %s\n", plan->count == 1 ? "" : "s", list);
    }
    text_deinit(&problems);
    return ok && failed == 0;
}

bool reassign_execute(struct reassign *run)
{
    const char *path;
    int64_t rates[2] = {-1, -1};
    struct parts plan = {0}, ongoing, current = {0};
    struct log_dir_moves dir_moves;
    if (!jopt_value(&run->options, REASSIGN_REASSIGNMENT_JSON_FILE, &path)) return reassign_fail_option(run);
    struct json_words words = {.cli = run->cli};
    struct slice content;
    if (!json_words_read(&words, path, &content)) return run->thrown = words.thrown, false;
    if (!jopt_number(&run->options, REASSIGN_THROTTLE, &rates[0]) ||
        !jopt_number(&run->options, REASSIGN_REPLICA_ALTER_LOG_DIRS_THROTTLE, &rates[1])) {
        return reassign_fail_option(run);
    }
    int64_t timeout_ms = 0;
    if (!jopt_number(&run->options, REASSIGN_TIMEOUT, &timeout_ms)) return reassign_fail_option(run);
    if (!plan_read(run, path, &plan) || !check_plan(run, &plan) || !ask_reassignments(run, NULL, &ongoing)) {
        return false;
    }
    if (ongoing.count > 0 && !jopt_has(&run->options, REASSIGN_ADDITIONAL)) {
        run->terse = "Cannot execute because there is an existing partition assignment.  Use --additional to override "
                     "this and create a new partition assignment in addition to the existing one. The --additional "
                     "flag can also be used to change the throttle by resubmitting the current reassignment.";
        return false;
    }
    if (!check_brokers(run, &plan) || !find_current(run, &plan, &current)) return false;
    cli_out(run->cli, "Current partition replica assignment\n\n");
    plan_print(run, &current);
    cli_out(run->cli, "\n\nSave this to use as the --reassignment-json-file option during rollback\n");
    plan_moves(run, &plan, &dir_moves);
    if (!throttle(run, &ongoing, &plan, &current, &dir_moves, rates) || !start(run, &plan)) return false;
    return dir_moves.count == 0 || reassign_run_moves(run, &dir_moves);
}
