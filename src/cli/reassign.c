// SPDX-License-Identifier: Apache-2.0
// kafka-reassign-partitions.sh (kafka-cli 8): where replicas are; verify, list and cancel here.
#include "cli/admin_configs.h"
#include "cli/java_order.h"
#include "cli/options_reassign.h"
#include "cli/reassign_int.h"
#include "cli/usage.h"

#include <stdlib.h>

static const char about[] = "This tool helps to move topic partitions between replicas.";

static bool has(const struct reassign *run, int option)
{
    return jopt_has(&run->options, option);
}

// ---- throttles -------------------------------------------------------------------------------------------------

static bool clear(struct reassign *run, enum config_resource type, struct slice name, const char *const *keys,
                  int32_t count, struct cli_error *first)
{
    struct admin_change changes[3];
    struct cli_error error;
    for (int32_t i = 0; i < count; i++) {
        changes[i] = (struct admin_change){.name = slice_str(keys[i]), .operation = ADMIN_DELETE};
    }
    bool ok = admin_alter_configs(run->cli, run->client, type, name, changes, count, &error);
    if (!ok && first->class_name == NULL) *first = error;
    return ok;
}

// Of all brokers, since nobody knows which were a source.
static bool clear_throttles(struct reassign *run, const struct parts *plan)
{
    static const char *const broker_keys[] = {"leader.replication.throttled.rate",
                                              "follower.replication.throttled.rate",
                                              "replica.alter.log.dirs.io.max.bytes.per.second"};
    static const char *const topic_keys[] = {"leader.replication.throttled.replicas",
                                             "follower.replication.throttled.replicas"};
    struct cli *cli = run->cli;
    struct brokers all, brokers = {0};
    struct cli_error error = {0};
    if (!ask_brokers(run, &all, NULL)) return false;
    int32_t room = all.count + 1, topic_count;
    for (int32_t i = 0; i < plan->count; i++) room += plan->items[i].replicas.count;
    brokers.items = ARENA_ARRAY(&cli->arena, int32_t, room);
    for (int32_t i = 0; i < all.count; i++) brokers_add(&brokers, all.items[i]);
    for (int32_t i = 0; i < plan->count; i++) {
        const struct brokers *replicas = &plan->items[i].replicas;
        for (int32_t k = 0; k < replicas->count; k++) brokers_add(&brokers, replicas->items[k]);
    }
    cli_out(cli, "Clearing broker-level throttles on broker%s %s\n", brokers.count == 1 ? "" : "s",
            brokers_join(cli, &brokers, ","));
    for (int32_t i = 0; i < brokers.count; i++) {
        struct slice name = slice_str(arena_printf(&cli->arena, "%d", brokers.items[i]));
        (void)clear(run, CONFIG_BROKER, name, broker_keys, COUNT_OF(broker_keys), &error);
    }
    if (error.class_name != NULL) return reassign_fail_future(run, error);
    struct slice *topics = parts_topics(cli, plan, &topic_count);
    cli_out(cli, "Clearing topic-level throttles on topic%s ", topic_count == 1 ? "" : "s");
    for (int32_t i = 0; i < topic_count; i++) cli_out(cli, "%s%.*s", i > 0 ? "," : "", SLICE_FMT(topics[i]));
    cli_out(cli, "\n");
    for (int32_t i = 0; i < topic_count; i++) {
        (void)clear(run, CONFIG_TOPIC, topics[i], topic_keys, COUNT_OF(topic_keys), &error);
    }
    return error.class_name == NULL || reassign_fail_future(run, error);
}

// ---- verify ----------------------------------------------------------------------------------------------------

static bool same_brokers(const struct brokers *a, const struct brokers *b)
{
    return a->count == b->count &&
           (a->count == 0 || memcmp(a->items, b->items, (size_t)a->count * sizeof(*a->items)) == 0);
}

static bool print_states(struct reassign *run, const struct parts *plan, const struct parts *ongoing)
{
    struct cli *cli = run->cli;
    struct parts waiting = {.items = ARENA_ARRAY(&cli->arena, struct part, plan->count + 1)}, current;
    struct parts sorted = {.items = ARENA_ARRAY(&cli->arena, struct part, plan->count + 1), .count = plan->count};
    for (int32_t i = 0; i < plan->count; i++) {
        sorted.items[i] = plan->items[i];
        if (parts_find(ongoing, &plan->items[i].key) == NULL) waiting.items[waiting.count++] = plan->items[i];
    }
    int32_t topic_count;
    struct slice *topics = parts_topics(cli, &waiting, &topic_count);
    if (!ask_assignments(run, topics, topic_count, true, &current)) return false;
    cli_out(cli, "Status of partition reassignment:\n");
    if (sorted.count > 1) {
        qsort(sorted.items, (size_t)sorted.count, sizeof(*sorted.items), topic_partition_compare);
    }
    for (int32_t i = 0; i < sorted.count; i++) {
        const struct part *part = &sorted.items[i], *now = parts_find(&current, &part->key);
        struct brokers none = {0};
        const struct brokers *replicas = now == NULL ? &none : &now->replicas;
        const char *name = arena_printf(&cli->arena, "%.*s-%d", SLICE_FMT(part->key.topic), part->key.partition);
        if (i > 0 && topic_partition_eq(&part->key, &sorted.items[i - 1].key)) continue;
        if (parts_find(ongoing, &part->key) != NULL)
            cli_out(cli, "Reassignment of partition %s is still in progress.\n", name);
        else if (same_brokers(replicas, &part->replicas))
            cli_out(cli, "Reassignment of partition %s is completed.\n", name);
        else
            cli_out(cli, "There is no active reassignment of partition %s, but replica set is %s rather than %s.\n",
                    name, brokers_join(cli, replicas, ","), brokers_join(cli, &part->replicas, ","));
    }
    return true;
}

// Is one still under way?
static bool print_moves(struct cli *cli, struct log_dir_moves *moves)
{
    bool ongoing = false;
    qsort(moves->items, (size_t)moves->count, sizeof(*moves->items), log_dir_move_compare);
    for (int32_t i = 0; i < moves->count; i++) {
        const struct log_dir_move *move = &moves->items[i];
        const char *name = arena_printf(&cli->arena, "%.*s-%d", SLICE_FMT(move->key.topic), move->key.partition);
        ongoing = ongoing || !slice_is_null(move->future);
        if (slice_is_null(move->current))
            cli_out(cli,
                    "Partition %s is not found in any live log dir on broker %d. There is likely an offline log "
                    "directory on the broker.\n",
                    name, move->broker);
        else if (slice_is_null(move->future) && slice_eq(move->current, move->target))
            cli_out(cli, "Reassignment of replica %s-%d completed successfully.\n", name, move->broker);
        else if (slice_is_null(move->future))
            cli_out(cli, "Partition %s on broker %d is not being moved from log dir %.*s to %.*s.\n", name,
                    move->broker, SLICE_FMT(move->current), SLICE_FMT(move->target));
        else if (slice_eq(move->future, move->target))
            cli_out(cli, "Reassignment of replica %s-%d is still in progress.\n", name, move->broker);
        else
            cli_out(cli, "Partition %s on broker %d is being moved to log dir %.*s instead of %.*s.\n", name,
                    move->broker, SLICE_FMT(move->future), SLICE_FMT(move->target));
    }
    if (moves->count == 0) cli_out(cli, "\n");
    return ongoing;
}

static bool read_plan(struct reassign *run, struct parts *plan)
{
    const char *path;
    if (!jopt_value(&run->options, REASSIGN_REASSIGNMENT_JSON_FILE, &path)) return reassign_fail_option(run);
    return plan_read(run, path, plan);
}

static bool verify(struct reassign *run)
{
    struct parts plan = {0}, ongoing;
    struct log_dir_moves moves;
    if (!read_plan(run, &plan) || !ask_reassignments(run, NULL, &ongoing) || !print_states(run, &plan, &ongoing)) {
        return false;
    }
    plan_moves(run, &plan, &moves);
    if (!ask_moves(run, &moves)) return false;
    bool is_moving = print_moves(run->cli, &moves) || ongoing.count > 0;
    return is_moving || has(run, REASSIGN_PRESERVE_THROTTLES) || clear_throttles(run, &plan);
}

// ---- list, cancel ----------------------------------------------------------------------------------------------

static bool list(struct reassign *run)
{
    struct parts ongoing;
    if (!ask_reassignments(run, NULL, &ongoing)) return false;
    if (ongoing.count == 0) return cli_out(run->cli, "No partition reassignments found.\n"), true;
    qsort(ongoing.items, (size_t)ongoing.count, sizeof(*ongoing.items), topic_partition_compare);
    cli_out(run->cli, "Current partition reassignments:\n");
    for (int32_t i = 0; i < ongoing.count; i++) {
        const struct part *part = &ongoing.items[i];
        cli_out(run->cli, "%.*s-%d: replicas: %s.", SLICE_FMT(part->key.topic), part->key.partition,
                brokers_join(run->cli, &part->replicas, ","));
        if (part->adding.count > 0) cli_out(run->cli, " adding: %s.", brokers_join(run->cli, &part->adding, ","));
        if (part->removing.count > 0) cli_out(run->cli, " removing: %s.", brokers_join(run->cli, &part->removing, ","));
        cli_out(run->cli, "\n");
    }
    return true;
}

static bool cancel_parts(struct reassign *run, struct parts *moving)
{
    struct text problems = {0};
    int32_t failed = 0;
    const char *names = parts_join(run->cli, moving);
    bool ok = alter_reassignments(run, moving, true, true, &failed, &problems);
    if (ok && failed > 0) {
        run->terse = arena_printf(&run->cli->arena, "Error cancelling partition reassignment%s for:%s",
                                  failed == 1 ? "" : "s", text_cstr(&problems));
    } else if (ok) {
        cli_out(run->cli, "Successfully cancelled partition reassignment%s for: %s\n", moving->count == 1 ? "" : "s",
                names);
    }
    text_deinit(&problems);
    return ok && failed == 0;
}

// Keeps the moves that are under way; their target becomes the place they come from.
static void turn_back(struct log_dir_moves *moves)
{
    int32_t count = 0;
    for (int32_t i = 0; i < moves->count; i++) {
        if (slice_is_null(moves->items[i].current) || slice_is_null(moves->items[i].future)) continue;
        moves->items[count] = moves->items[i];
        moves->items[count].target = moves->items[i].current;
        count++;
    }
    moves->count = count;
}

static bool cancel(struct reassign *run)
{
    struct parts plan = {0}, ongoing, moving;
    struct log_dir_moves moves;
    if (!read_plan(run, &plan) || !ask_reassignments(run, &plan, &ongoing)) return false;
    moving = (struct parts){.items = ARENA_ARRAY(&run->cli->arena, struct part, ongoing.count + 1)};
    for (int32_t i = 0; i < ongoing.count; i++) {
        const struct part *part = &ongoing.items[i];
        if (part->adding.count > 0 || part->removing.count > 0) moving.items[moving.count++] = *part;
    }
    if (moving.count == 0)
        cli_out(run->cli, "None of the specified partition reassignments are active.\n");
    else if (!cancel_parts(run, &moving))
        return false;
    plan_moves(run, &plan, &moves);
    if (!ask_moves(run, &moves)) return false;
    turn_back(&moves);
    if (moves.count == 0)
        cli_out(run->cli, "None of the specified partition moves are active.");
    else if (!reassign_run_moves(run, &moves))
        return false;
    return has(run, REASSIGN_PRESERVE_THROTTLES) || clear_throttles(run, &plan);
}

// ---- which options go together ---------------------------------------------------------------------------------

struct action {
    int option;
    bool (*run)(struct reassign *run);
    int required[3];  // -1 ends
    int permitted[8]; // beside these; -1 ends
    bool takes_controller;
};

static const struct action actions[] = {
    {REASSIGN_GENERATE,
     reassign_generate,
     {REASSIGN_TOPICS_TO_MOVE_JSON_FILE, REASSIGN_BROKER_LIST, -1},
     {REASSIGN_COMMAND_CONFIG, REASSIGN_DISABLE_RACK_AWARE, -1},
     false},
    {REASSIGN_EXECUTE,
     reassign_execute,
     {REASSIGN_REASSIGNMENT_JSON_FILE, -1},
     {REASSIGN_ADDITIONAL, REASSIGN_COMMAND_CONFIG, REASSIGN_THROTTLE, REASSIGN_REPLICA_ALTER_LOG_DIRS_THROTTLE,
      REASSIGN_TIMEOUT, REASSIGN_DISALLOW_REPLICATION_FACTOR_CHANGE, -1},
     false},
    {REASSIGN_VERIFY,
     verify,
     {REASSIGN_REASSIGNMENT_JSON_FILE, -1},
     {REASSIGN_COMMAND_CONFIG, REASSIGN_PRESERVE_THROTTLES, -1},
     false},
    {REASSIGN_CANCEL,
     cancel,
     {REASSIGN_REASSIGNMENT_JSON_FILE, -1},
     {REASSIGN_COMMAND_CONFIG, REASSIGN_PRESERVE_THROTTLES, REASSIGN_TIMEOUT, -1},
     true},
    {REASSIGN_LIST, list, {-1}, {REASSIGN_COMMAND_CONFIG, -1}, true},
};

static bool is_among(const int *options, int option)
{
    for (; *options >= 0; options++) {
        if (*options == option) return true;
    }
    return false;
}

// NULL: the help has been printed.
static const struct action *choose_action(struct reassign *run)
{
    struct cli *cli = run->cli;
    const struct action *action = NULL;
    int count = 0;
    for (size_t i = 0; i < COUNT_OF(actions); i++) {
        if (!has(run, actions[i].option)) continue;
        action = &actions[i];
        count++;
    }
    const char *problem = NULL;
    bool server = has(run, REASSIGN_BOOTSTRAP_SERVER), controller = has(run, REASSIGN_BOOTSTRAP_CONTROLLER);
    if (count != 1) {
        problem = "Command must include exactly one action: --generate, --execute, --verify, --cancel, --list";
    } else if (server && controller) {
        problem = "Please don't specify both --bootstrap-server and --bootstrap-controller";
    } else if (!server && !controller) {
        problem = "Please specify either --bootstrap-server or --bootstrap-controller";
    }
    if (problem != NULL) return (void)usage_fail(cli, &run->options, problem), NULL;
    for (int i = 0; action->required[i] >= 0; i++) {
        if (!usage_require(cli, &run->options, action->required[i])) return NULL;
    }
    for (int i = 0; i < run->options.order_count; i++) {
        int option = run->options.order[i];
        bool is_bootstrap = option == REASSIGN_BOOTSTRAP_SERVER || option == REASSIGN_BOOTSTRAP_CONTROLLER;
        if (is_bootstrap && (option == REASSIGN_BOOTSTRAP_SERVER || action->takes_controller)) continue;
        if (option == action->option || is_among(action->required, option) || is_among(action->permitted, option)) {
            continue;
        }
        problem = arena_printf(&cli->arena, "Option \"[%s]\" can't be used with action \"[%s]\"",
                               reassign_options[option].name, reassign_options[action->option].name);
        return (void)usage_fail(cli, &run->options, problem), NULL;
    }
    return action;
}

// ---- the tool --------------------------------------------------------------------------------------------------

static bool connect(struct reassign *run)
{
    const char *config, *bootstrap;
    run->asks_controller = has(run, REASSIGN_BOOTSTRAP_CONTROLLER);
    int option = run->asks_controller ? REASSIGN_BOOTSTRAP_CONTROLLER : REASSIGN_BOOTSTRAP_SERVER;
    if (!jopt_value(&run->options, REASSIGN_COMMAND_CONFIG, &config) ||
        !jopt_value(&run->options, option, &bootstrap)) {
        return reassign_fail_option(run);
    }
    struct props props = {0};
    if (config != NULL && props_load(&props, run->cli, config) != OK) {
        return reassign_fail(run, "java.nio.file.NoSuchFileException", config);
    }
    if (bootstrap == NULL) return reassign_fail(run, "java.lang.NullPointerException", NULL);
    const char *client_id = slice_is_null(props_get(&props, "client.id")) ? "reassign-partitions-tool" : NULL;
    return cli_connect_as(run->cli, config, bootstrap, client_id, &run->client, &run->thrown);
}

// "Error: TEXT" and the trace, all on standard output. Returns 1.
static int print_failure(struct reassign *run)
{
    struct cli *cli = run->cli;
    if (run->terse != NULL) return cli_out(cli, "%s\n", run->terse), 1;
    cli_out(cli, "Error: %s\n", cli_thrown_text(cli, &run->thrown));
    for (int i = 0; i < run->thrown.count; i++) {
        struct cli_thrown rest = {.count = run->thrown.count - i};
        memcpy(rest.chain, &run->thrown.chain[i], (size_t)rest.count * sizeof(rest.chain[0]));
        bool has_text = rest.chain[0].text != NULL || rest.count > 1;
        cli_out(cli, "%s%s%s%s\n", i == 0 ? "" : "Caused by: ", rest.chain[0].class_name, has_text ? ": " : "",
                has_text ? cli_thrown_text(cli, &rest) : "");
    }
    cli_out(cli, "\n");
    return 1;
}

int tool_reassign_partitions(struct cli *cli, int argc, char **argv)
{
    struct reassign run = {.cli = cli};
    if (!jopt_parse(&run.options, reassign_options, REASSIGN_OPTIONS, &cli->arena, argc, argv)) {
        return cli_uncaught(cli, run.options.problem_class, run.options.problem);
    }
    int code;
    if (!usage_begin(cli, &run.options, argc, about, &code)) return code;
    const struct action *action = choose_action(&run);
    if (action == NULL) return 1;
    bool ok = connect(&run) && action->run(&run);
    if (run.client != NULL) client_free(run.client);
    return ok ? 0 : print_failure(&run);
}
