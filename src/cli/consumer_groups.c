// SPDX-License-Identifier: Apache-2.0
// kafka-consumer-groups.sh (kafka-cli 5): options, list, delete, delete-offsets, validate-regex.
#include "cli/consumer_groups_int.h"
#include "cli/options_consumer_groups.h"
#include "cli/usage.h"

#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

static const char about[] =
    "This tool helps to list all consumer groups, describe a consumer group, delete consumer group "
    "info, or reset consumer group offsets.";

bool cg_fail_usage(struct cg_run *run, const char *text)
{
    run->usage = text;
    return false;
}

bool cg_fail_call(struct cg_run *run, struct cli_error error, bool wrapped)
{
    run->thrown = cli_thrown(error);
    cli_wrap(&run->thrown, "java.util.concurrent.ExecutionException", NULL);
    if (wrapped) cli_wrap(&run->thrown, "java.lang.RuntimeException", NULL);
    return false;
}

bool cg_fail_option(struct cg_run *run)
{
    run->thrown = cli_thrown((struct cli_error){run->options.problem_class, run->options.problem});
    return false;
}

void cg_print_error(struct cg_run *run, const char *text)
{
    cli_out(run->cli, "\nError: %s\n", text);
}

static bool has(const struct cg_run *run, int option)
{
    return jopt_has(&run->options, option);
}

// ---- options ---------------------------------------------------------------------------------------------------

// jopt's availableIf. False: told.
static bool check_available(struct cg_run *run)
{
    struct arena *arena = &run->cli->arena;
    const int of_describe[] = {CG_MEMBERS, CG_OFFSETS, CG_STATE, CG_TYPE, CG_VERBOSE};
    const char *list = "";
    if (has(run, CG_HELP) || has(run, CG_VERSION)) return true;
    for (size_t i = 0; i < COUNT_OF(of_describe); i++) {
        int option = of_describe[i];
        bool fits = has(run, CG_DESCRIBE);
        if (option == CG_STATE) fits = fits || has(run, CG_LIST);
        if (option == CG_TYPE) fits = has(run, CG_LIST);
        if (fits || !has(run, option)) continue;
        list = arena_printf(arena, "%s%s%s", list, *list == '\0' ? "" : ", ", run->options.options[option].name);
    }
    if (*list == '\0') return true;
    const char *text =
        arena_printf(arena, "Option(s) [%s] are unavailable given other options on the command line", list);
    return cli_uncaught(run->cli, "joptsimple.UnavailableOptionException", text), false;
}

static bool check_describe(struct cg_run *run)
{
    struct cli *cli = run->cli;
    if (!has(run, CG_DESCRIBE)) return true;
    if (!has(run, CG_GROUP) && !has(run, CG_ALL_GROUPS)) {
        return usage_fail(cli, &run->options, "Option [describe] takes one of these options: [group], [all-groups]");
    }
    if (has(run, CG_MEMBERS) + has(run, CG_OFFSETS) + has(run, CG_STATE) > 1) {
        return usage_fail(cli, &run->options,
                          "Option [describe] takes at most one of these options: [members], [offsets], [state]");
    }
    const char *state;
    if (!jopt_value(&run->options, CG_STATE, &state)) {
        return cli_uncaught(cli, run->options.problem_class, run->options.problem), false;
    }
    return state == NULL || usage_fail(cli, &run->options, "Option [describe] does not take a value for [state]");
}

static bool check_delete(struct cg_run *run)
{
    struct cli *cli = run->cli;
    if (has(run, CG_DELETE)) {
        if (!has(run, CG_GROUP) && !has(run, CG_ALL_GROUPS)) {
            return usage_fail(cli, &run->options, "Option [delete] takes one of these options: [group], [all-groups]");
        }
        if (has(run, CG_TOPIC)) {
            return usage_fail(cli, &run->options,
                              "The consumer does not support topic-specific offset deletion from a consumer group.");
        }
    }
    bool is_complete = has(run, CG_GROUP) && has(run, CG_TOPIC);
    if (!has(run, CG_DELETE_OFFSETS) || is_complete) return true;
    return usage_fail(cli, &run->options, "Option [delete-offsets] takes the following options: [group], [topic]");
}

// The scenarios in the order of Java's set, which tells whom a third one is found to clash with.
static const int scenarios[] = {CG_TO_DATETIME, CG_BY_DURATION, CG_FROM_FILE, CG_TO_LATEST,
                                CG_TO_EARLIEST, CG_TO_CURRENT,  CG_SHIFT_BY,  CG_TO_OFFSET};

static bool check_reset(struct cg_run *run)
{
    struct cli *cli = run->cli;
    static const int checked[] = {CG_TO_OFFSET, CG_TO_DATETIME, CG_BY_DURATION, CG_TO_EARLIEST,
                                  CG_TO_LATEST, CG_TO_CURRENT,  CG_SHIFT_BY,    CG_FROM_FILE};
    if (!has(run, CG_RESET_OFFSETS)) return true;
    if (has(run, CG_DRY_RUN) && has(run, CG_EXECUTE)) {
        return usage_fail(cli, &run->options, "Option [reset-offsets] only accepts one of [execute] and [dry-run]");
    }
    if (!has(run, CG_DRY_RUN) && !has(run, CG_EXECUTE)) {
        cli_err(cli,
                "WARN: No action will be performed as the --execute option is missing. In version 5.0, this command "
                "will require either --dry-run or --execute to be specified. You should add the --dry-run option "
                "explicitly if you are scripting this command and want to keep the current default behavior without "
                "prompting.\n");
    }
    if (!has(run, CG_GROUP) && !has(run, CG_ALL_GROUPS)) {
        return usage_fail(cli, &run->options,
                          "Option [reset-offsets] takes one of these options: [group], [all-groups]");
    }
    for (size_t i = 0; i < COUNT_OF(checked); i++) {
        int others[COUNT_OF(scenarios)], count = 0;
        for (size_t k = 0; k < COUNT_OF(scenarios); k++) {
            if (scenarios[k] != checked[i]) others[count++] = scenarios[k];
        }
        others[count] = -1;
        if (!usage_exclude(cli, &run->options, checked[i], others)) return false;
    }
    return true;
}

static bool check(struct cg_run *run)
{
    struct cli *cli = run->cli;
    static const int actions[] = {CG_LIST,          CG_DESCRIBE,       CG_DELETE,
                                  CG_RESET_OFFSETS, CG_DELETE_OFFSETS, CG_VALIDATE_REGEX};
    static const int not_group[] = {CG_ALL_GROUPS, CG_LIST, -1};
    static const int not_topic[] = {CG_LIST, CG_DESCRIBE, -1};
    if (!has(run, CG_VALIDATE_REGEX) && !usage_require(cli, &run->options, CG_BOOTSTRAP_SERVER)) return false;
    if (!check_describe(run) || !check_delete(run) || !check_reset(run) ||
        !usage_exclude(cli, &run->options, CG_GROUP, not_group) ||
        !usage_exclude(cli, &run->options, CG_TOPIC, not_topic)) {
        return false;
    }
    int count = 0;
    for (size_t i = 0; i < COUNT_OF(actions); i++) count += has(run, actions[i]);
    if (count == 1) return true;
    return usage_fail(cli, &run->options,
                      "Command must include exactly one action: --list, --describe, --delete, --reset-offsets, "
                      "--delete-offsets, --validate-regex");
}

// ---- lists -----------------------------------------------------------------------------------------------------

static const char *const states[] = {"PreparingRebalance", "CompletingRebalance", "Stable", "Dead", "Empty",
                                     "Assigning",          "Reconciling"};
static const char *const types[] = {"Classic", "Consumer"};

// "stable, empty" as the broker spells them.
static bool parse_words(struct cg_run *run, const char *text, const char *const *known, size_t known_count,
                        const char *what, const char *all, struct slice *out, int32_t *count)
{
    struct slice rest = slice_str(text);
    *count = 0;
    while (rest.size > 0 && rest.data[rest.size - 1] == ',') rest.size--; // Java's split drops empty ends
    for (size_t at = 0; at <= rest.size;) {
        const uint8_t *comma = at < rest.size ? memchr(rest.data + at, ',', rest.size - at) : NULL;
        size_t size = comma == NULL ? rest.size - at : (size_t)(comma - rest.data) - at;
        struct slice word = slice_of(rest.data + at, size);
        while (word.size > 0 && word.data[0] <= ' ') word = slice_of(word.data + 1, word.size - 1);
        while (word.size > 0 && word.data[word.size - 1] <= ' ') word.size--;
        const char *found = NULL;
        for (size_t k = 0; k < known_count; k++) {
            bool same = strlen(known[k]) == word.size && strncasecmp(known[k], (const char *)word.data, word.size) == 0;
            if (same) found = known[k];
        }
        if (found == NULL) {
            return cg_fail_usage(run, arena_printf(&run->cli->arena, "Invalid %s list '%s'. Valid %s are: %s", what,
                                                   text, strcmp(what, "state") == 0 ? "states" : what, all));
        }
        bool is_there = false;
        for (int32_t i = 0; i < *count; i++) is_there = is_there || slice_eq_str(out[i], found);
        if (!is_there) out[(*count)++] = slice_str(found);
        at += size + 1;
    }
    return true;
}

// Classic and consumer groups whose members are consumers, or that have no protocol.
static bool list_groups(struct cg_run *run, const struct slice *wanted_states, int32_t state_count,
                        const struct slice *wanted_types, int32_t type_count, struct admin_listing **out,
                        int32_t *count)
{
    if (!admin_list_groups(run->cli, run->client, wanted_states, state_count, wanted_types, type_count, out, count,
                           &run->thrown)) {
        cli_wrap(&run->thrown, "java.util.concurrent.ExecutionException", NULL);
        return false;
    }
    int32_t kept = 0;
    for (int32_t i = 0; i < *count; i++) {
        struct slice protocol = (*out)[i].protocol_type;
        if (protocol.size == 0 || slice_eq_str(protocol, "consumer")) (*out)[kept++] = (*out)[i];
    }
    *count = kept;
    return true;
}

static bool list_all(struct cg_run *run, struct admin_listing **out, int32_t *count)
{
    const struct slice both[] = {SLICE("Classic"), SLICE("Consumer")};
    if (list_groups(run, NULL, 0, both, COUNT_OF(both), out, count)) return true;
    cli_wrap(&run->thrown, "java.lang.RuntimeException", NULL);
    return false;
}

static struct slice or_unknown(struct slice text)
{
    return text.size == 0 ? SLICE("Unknown") : text;
}

static bool list(struct cg_run *run)
{
    struct cli *cli = run->cli;
    struct admin_listing *groups;
    int32_t count, state_count = 0, type_count = 0;
    bool with_type = has(run, CG_TYPE), with_state = has(run, CG_STATE);
    if (!with_type && !with_state) {
        if (!list_all(run, &groups, &count)) return false;
        for (int32_t i = 0; i < count; i++) cli_out(cli, "%.*s\n", SLICE_FMT(groups[i].id));
        return true;
    }
    struct slice wanted_states[COUNT_OF(states)], wanted_types[COUNT_OF(types)];
    const char *state, *type;
    if (!jopt_value(&run->options, CG_TYPE, &type) || !jopt_value(&run->options, CG_STATE, &state)) {
        return cg_fail_option(run);
    }
    if (type != NULL && *type != '\0' &&
        !parse_words(run, type, types, COUNT_OF(types), "types", "Consumer, Classic", wanted_types, &type_count)) {
        return false;
    }
    if (state != NULL && *state != '\0' &&
        !parse_words(run, state, states, COUNT_OF(states), "state",
                     "PreparingRebalance, Reconciling, Empty, Dead, Stable, Assigning, CompletingRebalance",
                     wanted_states, &state_count)) {
        return false;
    }
    if (!list_groups(run, wanted_states, state_count, wanted_types, type_count, &groups, &count)) return false;
    size_t width = 15;
    for (int32_t i = 0; i < count; i++) {
        if (cli_length(groups[i].id) > width) width = cli_length(groups[i].id);
    }
    for (int32_t i = -1; i < count; i++) {
        cli_out_padded(cli, i < 0 ? SLICE("GROUP") : groups[i].id, width + 10);
        if (with_type) {
            cli_out(cli, " ");
            cli_out_padded(cli, i < 0 ? SLICE("TYPE") : or_unknown(groups[i].type), 20);
        }
        if (with_state) {
            cli_out(cli, " ");
            cli_out_padded(cli, i < 0 ? SLICE("STATE") : or_unknown(groups[i].state), 20);
        }
        cli_out(cli, "\n");
    }
    return true;
}

bool cg_groups(struct cg_run *run, struct slice **out, int32_t *count)
{
    *count = 0;
    if (has(run, CG_ALL_GROUPS)) {
        struct admin_listing *groups;
        int32_t group_count;
        if (!list_all(run, &groups, &group_count)) return false;
        *out = ARENA_ARRAY(&run->cli->arena, struct slice, group_count + 1);
        for (int32_t i = 0; i < group_count; i++) (*out)[(*count)++] = groups[i].id;
    } else {
        *out = ARENA_ARRAY(&run->cli->arena, struct slice, jopt_count(&run->options, CG_GROUP) + 1);
        for (int i = 0; i < jopt_count(&run->options, CG_GROUP); i++) {
            struct slice id = slice_str(jopt_at(&run->options, CG_GROUP, i));
            bool is_there = false;
            for (int32_t k = 0; k < *count; k++) is_there = is_there || slice_eq((*out)[k], id);
            if (!is_there) (*out)[(*count)++] = id;
        }
    }
    admin_order_names(*out, *count);
    return true;
}

// ---- deleting --------------------------------------------------------------------------------------------------

static void print_quoted(struct cli *cli, const struct slice *groups, int32_t count)
{
    for (int32_t i = 0; i < count; i++) cli_out(cli, "%s'%.*s'", i > 0 ? ", " : "", SLICE_FMT(groups[i]));
}

static bool delete_groups(struct cg_run *run)
{
    struct cli *cli = run->cli;
    struct slice *groups;
    int32_t count, deleted = 0, failed = 0;
    if (!cg_groups(run, &groups, &count)) return false;
    struct cli_error *errors = ARENA_ARRAY(&cli->arena, struct cli_error, count + 1);
    struct slice *bad = ARENA_ARRAY(&cli->arena, struct slice, count + 1);
    for (int32_t i = 0; i < count; i++) {
        if (admin_delete_group(cli, run->client, groups[i], &errors[failed]))
            groups[deleted++] = groups[i];
        else
            bad[failed++] = groups[i];
    }
    if (failed == 0) {
        cli_out(cli, "Deletion of requested consumer groups (");
        print_quoted(cli, groups, deleted);
        cli_out(cli, ") was successful.\n");
        return true;
    }
    cg_print_error(run, "Deletion of some consumer groups failed:");
    for (int32_t i = 0; i < failed; i++) {
        cli_out(cli, "* Group '%.*s' could not be deleted due to: %s: %s\n", SLICE_FMT(bad[i]), errors[i].class_name,
                errors[i].text);
    }
    if (deleted == 0) return true;
    cli_out(cli, "\nThese consumer groups were deleted successfully: ");
    print_quoted(cli, groups, deleted);
    cli_out(cli, "\n");
    return true;
}

bool cg_parse_partitions(struct cg_run *run, const char *argument, struct topic_partition *out, int32_t *count)
{
    struct arena *arena = &run->cli->arena;
    struct slice text = slice_str(argument);
    while (text.size > 0 && text.data[text.size - 1] == ':') text.size--; // Java's split drops empty ends
    const uint8_t *colon = text.size > 0 ? memchr(text.data, ':', text.size) : NULL;
    size_t topic_size = colon == NULL ? 0 : (size_t)(colon - text.data);
    struct slice rest = colon == NULL ? SLICE("") : slice_of(colon + 1, text.size - topic_size - 1);
    if (colon == NULL || (rest.size > 0 && memchr(rest.data, ':', rest.size) != NULL)) {
        return cg_fail_usage(
            run, arena_printf(arena, "Invalid topic arg '%s', expected topic name and partitions", argument));
    }
    while (rest.size > 0 && rest.data[rest.size - 1] == ',') rest.size--;
    *count = 0;
    for (size_t at = 0; at <= rest.size;) {
        const uint8_t *comma = at < rest.size ? memchr(rest.data + at, ',', rest.size - at) : NULL;
        size_t size = comma == NULL ? rest.size - at : (size_t)(comma - rest.data) - at;
        struct slice word = slice_of(rest.data + at, size);
        int64_t id;
        if (!cli_parse_long(word, &id) || id > INT32_MAX || id < INT32_MIN) {
            return cg_fail_usage(run, arena_printf(arena, "Invalid partition '%.*s' specified in topic arg '%s''",
                                                   SLICE_FMT(word), argument));
        }
        out[(*count)++] = (struct topic_partition){slice_of(text.data, topic_size), (int32_t)id};
        at += size + 1;
    }
    return true;
}

// One line of the table that delete-offsets ends with.
struct outcome {
    struct topic_partition key; // -1: the topic could not be looked at
    bool has_failed;
    struct cli_error error;
};

static int by_text(const void *a, const void *b)
{
    const struct outcome *x = a, *y = b;
    struct text left = {0}, right = {0};
    text_printf(&left, "%.*s%d", SLICE_FMT(x->key.topic), x->key.partition);
    text_printf(&right, "%.*s%d", SLICE_FMT(y->key.topic), y->key.partition);
    int order = slice_cmp(text_slice(&left), text_slice(&right));
    text_deinit(&left);
    text_deinit(&right);
    return order;
}

struct forgetting {
    struct admin_forgotten *items;
    int32_t count, capacity;
    struct outcome *outcomes; // of topics that are not there, then of partitions
    int32_t outcome_count;
};

static void add_forgotten(struct cg_run *run, struct forgetting *f, struct topic_partition key)
{
    for (int32_t i = 0; i < f->count; i++) {
        if (topic_partition_eq(&f->items[i].key, &key)) return;
    }
    if (f->count == f->capacity) {
        f->capacity = f->capacity == 0 ? 16 : f->capacity * 2;
        struct admin_forgotten *more = ARENA_ARRAY(&run->cli->arena, struct admin_forgotten, f->capacity);
        if (f->count > 0) memcpy(more, f->items, (size_t)f->count * sizeof(*more));
        f->items = more;
    }
    f->items[f->count++].key = key;
}

// What --topic names: partitions, or topics whose partitions are asked for.
static bool find_forgotten(struct cg_run *run, struct forgetting *f)
{
    struct cli *cli = run->cli;
    int argument_count = jopt_count(&run->options, CG_TOPIC);
    struct slice *names = ARENA_ARRAY(&cli->arena, struct slice, argument_count + 1);
    int32_t name_count = 0;
    for (int i = 0; i < argument_count; i++) {
        const char *argument = jopt_at(&run->options, CG_TOPIC, i);
        if (strchr(argument, ':') == NULL) {
            names[name_count++] = slice_str(argument);
            continue;
        }
        struct topic_partition *keys = ARENA_ARRAY(&cli->arena, struct topic_partition, strlen(argument) + 1);
        int32_t key_count;
        if (!cg_parse_partitions(run, argument, keys, &key_count)) return false;
        for (int32_t k = 0; k < key_count; k++) add_forgotten(run, f, keys[k]);
    }
    struct admin_topic *topics;
    struct cli_error error;
    if (!admin_describe_topics(cli, run->client, names, name_count, &topics, &error))
        return cg_fail_call(run, error, false);
    f->outcomes = ARENA_ARRAY(&cli->arena, struct outcome, name_count + 1);
    for (int32_t t = 0; t < name_count; t++) {
        if (topics[t].err != OK) {
            f->outcomes[f->outcome_count++] = (struct outcome){
                .key = {names[t], -1}, .has_failed = true, .error = cli_error_of(cli, topics[t].err, SLICE_NULL)};
        }
        for (int32_t p = 0; p < topics[t].partition_count; p++) {
            add_forgotten(run, f, (struct topic_partition){names[t], topics[t].partitions[p].index});
        }
    }
    return true;
}

static void print_verdict(struct cg_run *run, const char *group, enum err top)
{
    struct arena *arena = &run->cli->arena;
    bool of_group = top == ERR_INVALID_GROUP_ID || top == ERR_GROUP_ID_NOT_FOUND ||
                    top == ERR_GROUP_AUTHORIZATION_FAILED || top == ERR_NON_EMPTY_GROUP;
    bool of_partition = top == ERR_GROUP_SUBSCRIBED_TO_TOPIC || top == ERR_TOPIC_AUTHORIZATION_FAILED ||
                        top == ERR_UNKNOWN_TOPIC_OR_PARTITION;
    if (top == OK)
        cli_out(run->cli, "Request succeeded for deleting offsets from group %s.\n", group);
    else if (of_group)
        cg_print_error(run, err_text(top));
    else if (of_partition)
        cg_print_error(run, "Encountered some partition-level error, see the follow-up details.");
    else
        cg_print_error(run, arena_printf(arena, "Encountered some unknown error: %s", err_name(top)));
}

static bool delete_offsets(struct cg_run *run)
{
    struct cli *cli = run->cli;
    const char *group;
    struct forgetting f = {0};
    if (!jopt_value(&run->options, CG_GROUP, &group)) return cg_fail_option(run);
    if (!find_forgotten(run, &f)) return false;
    topic_partition_order(f.items, (size_t)f.count, sizeof(*f.items));
    struct cli_error error = {0};
    enum err top = admin_delete_offsets(cli, run->client, slice_str(group), f.items, f.count, &error);
    enum err whole = top;
    for (int32_t i = 0; i < f.count && top == OK; i++) top = f.items[i].err;
    struct outcome *rows = ARENA_ARRAY(&cli->arena, struct outcome, f.outcome_count + f.count + 1);
    memcpy(rows, f.outcomes, (size_t)f.outcome_count * sizeof(*rows));
    int32_t count = f.outcome_count;
    for (int32_t i = 0; i < f.count; i++) {
        struct outcome *row = &rows[count++];
        *row = (struct outcome){.key = f.items[i].key, .has_failed = whole != OK || f.items[i].err != OK};
        if (row->has_failed) row->error = whole != OK ? error : cli_error_of(cli, f.items[i].err, SLICE_NULL);
    }
    print_verdict(run, group, top);
    size_t width = 15;
    for (int32_t i = 0; i < count; i++) {
        if (cli_length(rows[i].key.topic) > width) width = cli_length(rows[i].key.topic);
    }
    qsort(rows, (size_t)count, sizeof(*rows), by_text);
    cli_out(cli, "\n");
    cli_out_padded(cli, SLICE("TOPIC"), width);
    cli_out(cli, " %-10s %-15s", "PARTITION", "STATUS");
    for (int32_t i = 0; i < count; i++) {
        char partition[16] = "-";
        if (rows[i].key.partition >= 0) (void)snprintf(partition, sizeof(partition), "%d", rows[i].key.partition);
        const char *status = "Successful";
        if (rows[i].has_failed) {
            status = arena_printf(&cli->arena, "Error: %s: %s", rows[i].error.class_name, rows[i].error.text);
        }
        cli_out(cli, "\n");
        cli_out_padded(cli, rows[i].key.topic, width);
        cli_out(cli, " %-10s %-15s", partition, status);
    }
    cli_out(cli, "\n");
    return true;
}

// ---- the tool --------------------------------------------------------------------------------------------------

static int validate_regex(struct cg_run *run)
{
    struct cli *cli = run->cli;
    const char *pattern;
    if (!jopt_value(&run->options, CG_VALIDATE_REGEX, &pattern)) {
        return cli_usage(cli, &run->options, run->options.problem);
    }
    const char *problem = re2_problem(&cli->arena, slice_str(pattern));
    if (problem == NULL)
        cli_out(cli, "The regular expression `%s` is valid.\n", pattern);
    else
        cli_out(cli, "The regular expression `%s` is invalid: %s.\n", pattern, problem);
    return 0;
}

// What the tool looks at before it acts. False: one is not right.
static bool read_values(struct cg_run *run)
{
    const char *text;
    int64_t number, timeout_ms = 30000;
    if (!jopt_value(&run->options, CG_BY_DURATION, &text) || !jopt_number(&run->options, CG_TO_OFFSET, &number) ||
        !jopt_number(&run->options, CG_SHIFT_BY, &number) || !jopt_number(&run->options, CG_TIMEOUT, &timeout_ms)) {
        return cg_fail_option(run);
    }
    run->cli->api_timeout_ms = timeout_ms > 0 && timeout_ms <= INT32_MAX ? (int32_t)timeout_ms : 1;
    return true;
}

static bool act(struct cg_run *run)
{
    const char *config, *bootstrap;
    if (!jopt_value(&run->options, CG_COMMAND_CONFIG, &config) ||
        !jopt_value(&run->options, CG_BOOTSTRAP_SERVER, &bootstrap)) {
        return cg_fail_option(run);
    }
    if (!cli_connect(run->cli, config, bootstrap, &run->client, &run->thrown)) {
        bool is_file = strcmp(run->thrown.chain[0].class_name, "java.nio.file.NoSuchFileException") == 0;
        if (is_file) cli_wrap(&run->thrown, "java.lang.RuntimeException", NULL);
        return false;
    }
    if (!read_values(run)) return false;
    if (has(run, CG_LIST)) return list(run);
    if (has(run, CG_DESCRIBE)) return cg_describe(run);
    if (has(run, CG_DELETE)) return delete_groups(run);
    return has(run, CG_RESET_OFFSETS) ? cg_reset(run) : delete_offsets(run);
}

int tool_consumer_groups(struct cli *cli, int argc, char **argv)
{
    struct cg_run run = {.cli = cli};
    struct jopt *options = &run.options;
    if (!jopt_parse(options, consumer_groups_options, CG_OPTIONS, &cli->arena, argc, argv)) {
        return cli_uncaught(cli, options->problem_class, options->problem);
    }
    int code;
    if (!check_available(&run)) return 1;
    if (!usage_begin(cli, options, argc, about, &code)) return code;
    if (!check(&run)) return 1;
    if (has(&run, CG_VALIDATE_REGEX)) return validate_regex(&run);
    bool ok = act(&run);
    if (run.client != NULL) client_free(run.client);
    if (ok) return 0;
    if (run.usage != NULL) return cli_usage(cli, options, run.usage);
    const char *text = cli_thrown_text(cli, &run.thrown);
    cg_print_error(&run, arena_printf(&cli->arena, "Executing consumer group command failed due to %s", text));
    cli_print_thrown(cli, &run.thrown);
    return 0;
}
