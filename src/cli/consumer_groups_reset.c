// SPDX-License-Identifier: Apache-2.0
// kafka-consumer-groups.sh --reset-offsets: which partitions, to which offsets, and whether to commit them.
#include "cli/consumer_groups_int.h"
#include "cli/options_consumer_groups.h"
#include "cli/reset_plan.h"

static const char offsets_utils[] = "org.apache.kafka.tools.OffsetsUtils";

static bool has(const struct cg_run *run, int option)
{
    return jopt_has(&run->options, option);
}

static bool fail(struct cg_run *run, const char *class_name, const char *text)
{
    run->thrown = cli_thrown((struct cli_error){class_name, text});
    return false;
}

// Partitions and the offsets they get.
struct plan {
    struct admin_committed *items;
    int32_t count;
};

static struct plan new_plan(struct cg_run *run, int32_t capacity)
{
    return (struct plan){.items = ARENA_ARRAY(&run->cli->arena, struct admin_committed, capacity + 1)};
}

static bool in_plan(const struct plan *plan, const struct topic_partition *key)
{
    for (int32_t i = 0; i < plan->count; i++) {
        if (topic_partition_eq(&plan->items[i].key, key)) return true;
    }
    return false;
}

// ---- which partitions ------------------------------------------------------------------------------------------

// Of --topic: those with partitions first, then whole topics in the order of Java's map.
static bool named_partitions(struct cg_run *run, struct plan *plan)
{
    struct cli *cli = run->cli;
    int argument_count = jopt_count(&run->options, CG_TOPIC);
    struct slice *names = ARENA_ARRAY(&cli->arena, struct slice, argument_count + 1);
    int32_t name_count = 0, specified = 0;
    size_t most = 1;
    for (int i = 0; i < argument_count; i++) most += strlen(jopt_at(&run->options, CG_TOPIC, i)) + 1;
    struct topic_partition *keys = ARENA_ARRAY(&cli->arena, struct topic_partition, most);
    for (int i = 0; i < argument_count; i++) {
        const char *argument = jopt_at(&run->options, CG_TOPIC, i);
        int32_t added = 0;
        if (strchr(argument, ':') == NULL)
            names[name_count++] = slice_str(argument);
        else if (!cg_parse_partitions(run, argument, keys + specified, &added))
            return false;
        specified += added;
    }
    admin_order_names(names, name_count);
    struct admin_topic *topics;
    struct cli_error error;
    if (!admin_describe_topics(cli, run->client, names, name_count, &topics, &error)) {
        return fail(run, error.class_name, error.text);
    }
    int32_t total = specified;
    for (int32_t t = 0; t < name_count; t++) {
        if (topics[t].err != OK) {
            error = cli_error_of(cli, topics[t].err, SLICE_NULL);
            return fail(run, error.class_name, error.text);
        }
        total += topics[t].partition_count;
    }
    *plan = new_plan(run, total);
    for (int32_t i = 0; i < specified; i++) {
        if (!in_plan(plan, &keys[i])) plan->items[plan->count++].key = keys[i];
    }
    for (int32_t t = 0; t < name_count; t++) {
        for (int32_t p = 0; p < topics[t].partition_count; p++) {
            struct topic_partition key = {names[t], topics[t].partitions[p].index};
            if (!in_plan(plan, &key)) plan->items[plan->count++].key = key;
        }
    }
    return true;
}

static bool committed_of(struct cg_run *run, struct slice group, struct plan *out)
{
    struct cli_error error;
    return admin_committed(run->cli, run->client, group, &out->items, &out->count, &error) ||
           cg_fail_call(run, error, true);
}

static bool find_partitions(struct cg_run *run, struct slice group, struct plan *plan)
{
    if (has(run, CG_ALL_TOPICS)) return committed_of(run, group, plan);
    if (has(run, CG_TOPIC)) return named_partitions(run, plan);
    *plan = new_plan(run, 0);
    return has(run, CG_FROM_FILE) ||
           cg_fail_usage(run, "One of the reset scopes should be defined: --all-topics, --topic.");
}

static const char *add_key(struct cg_run *run, const char *list, const struct topic_partition *key)
{
    return arena_printf(&run->cli->arena, "%s%s%.*s-%d", list, *list == '\0' ? "" : ",", SLICE_FMT(key->topic),
                        key->partition);
}

// All partitions exist and have a leader.
static bool check_partitions(struct cg_run *run, const struct plan *plan)
{
    struct cli *cli = run->cli;
    struct slice *names = ARENA_ARRAY(&cli->arena, struct slice, plan->count + 1);
    int32_t name_count = 0;
    for (int32_t i = 0; i < plan->count; i++) {
        bool is_there = false;
        for (int32_t n = 0; n < name_count && !is_there; n++) is_there = slice_eq(names[n], plan->items[i].key.topic);
        if (!is_there) names[name_count++] = plan->items[i].key.topic;
    }
    admin_order_names(names, name_count);
    struct admin_topic *topics;
    struct cli_error error;
    if (!admin_describe_topics(cli, run->client, names, name_count, &topics, &error))
        return cg_fail_call(run, error, true);
    const char *absent = "", *leaderless = "";
    for (int32_t t = 0; t < name_count; t++) {
        if (topics[t].err != OK) return cg_fail_call(run, cli_error_of(cli, topics[t].err, SLICE_NULL), true);
    }
    for (int32_t i = 0; i < plan->count; i++) {
        const struct topic_partition *key = &plan->items[i].key;
        const struct admin_partition *found = NULL;
        for (int32_t t = 0; t < name_count; t++) {
            if (!slice_eq(topics[t].name, key->topic)) continue;
            for (int32_t p = 0; p < topics[t].partition_count; p++) {
                if (topics[t].partitions[p].index == key->partition) found = &topics[t].partitions[p];
            }
        }
        if (found == NULL) absent = add_key(run, absent, key);
        if (found != NULL && found->leader < 0) leaderless = add_key(run, leaderless, key);
    }
    if (*absent != '\0') {
        return fail(run, "org.apache.kafka.common.errors.UnknownTopicOrPartitionException",
                    arena_printf(&cli->arena, "The partitions \"%s\" do not exist", absent));
    }
    if (*leaderless == '\0') return true;
    return fail(run, "org.apache.kafka.common.errors.LeaderNotAvailableException",
                arena_printf(&cli->arena, "The partitions \"%s\" have no leader", leaderless));
}

// ---- which offsets ---------------------------------------------------------------------------------------------

enum { LATEST = -1, EARLIEST = -2 };

// The offsets that the partitions have at that time, in the order of the plan.
static bool ask_offsets(struct cg_run *run, const struct plan *plan, int64_t timestamp, struct admin_offset **out)
{
    *out = ARENA_ARRAY(&run->cli->arena, struct admin_offset, plan->count + 1);
    for (int32_t i = 0; i < plan->count; i++) {
        (*out)[i] = (struct admin_offset){.key = plan->items[i].key, .timestamp = timestamp};
    }
    struct cli_error error;
    if (!admin_list_offsets(run->cli, run->client, *out, plan->count, &error)) return cg_fail_call(run, error, true);
    for (int32_t i = 0; i < plan->count; i++) {
        if ((*out)[i].has_failed) return cg_fail_call(run, (*out)[i].error, true);
    }
    return true;
}

static bool to_time(struct cg_run *run, struct plan *plan, int64_t timestamp)
{
    struct admin_offset *offsets;
    if (!ask_offsets(run, plan, timestamp, &offsets)) return false;
    for (int32_t i = 0; i < plan->count; i++) plan->items[i].offset = offsets[i].offset;
    return true;
}

// A time behind the last record has no offset: the end it is then.
static bool to_timestamp(struct cg_run *run, struct plan *plan, int64_t timestamp)
{
    topic_partition_order(plan->items, (size_t)plan->count, sizeof(*plan->items));
    if (!to_time(run, plan, timestamp)) return false;
    struct plan late = new_plan(run, plan->count);
    for (int32_t i = 0; i < plan->count; i++) {
        const struct topic_partition *key = &plan->items[i].key;
        if (plan->items[i].offset != -1) continue;
        late.items[late.count++] = plan->items[i];
        cli_out(run->cli, "\nWarn: Partition %d from topic %.*s is empty. Falling back to latest known offset.\n",
                key->partition, SLICE_FMT(key->topic));
    }
    struct admin_offset *ends;
    if (late.count == 0) return true;
    if (!ask_offsets(run, &late, LATEST, &ends)) return false;
    for (int32_t i = 0, k = 0; i < plan->count; i++) {
        if (plan->items[i].offset == -1) plan->items[i].offset = ends[k++].offset;
    }
    return true;
}

// Offsets that are asked for stay within the log.
static bool clamp(struct cg_run *run, struct plan *plan)
{
    struct log *log = run->cli->host->log;
    struct admin_offset *starts, *ends;
    topic_partition_order(plan->items, (size_t)plan->count, sizeof(*plan->items));
    if (!ask_offsets(run, plan, EARLIEST, &starts) || !ask_offsets(run, plan, LATEST, &ends)) return false;
    for (int32_t i = 0; i < plan->count; i++) {
        struct admin_committed *item = &plan->items[i];
        const char *what = "higher than latest";
        int64_t to = ends[i].offset;
        if (item->offset <= to) {
            what = "lower than earliest";
            to = starts[i].offset;
            if (item->offset >= to) continue;
        }
        log_warn(log, offsets_utils,
                 "New offset (%lld) is %s offset for topic partition %.*s-%d. Value will be set to %lld",
                 (long long)item->offset, what, SLICE_FMT(item->key.topic), item->key.partition, (long long)to);
        item->offset = to;
    }
    return true;
}

static bool to_offset(struct cg_run *run, struct plan *plan)
{
    int64_t offset = 0;
    if (!jopt_number(&run->options, CG_TO_OFFSET, &offset)) return cg_fail_option(run);
    for (int32_t i = 0; i < plan->count; i++) plan->items[i].offset = offset;
    return clamp(run, plan);
}

static bool shift_by(struct cg_run *run, struct slice group, struct plan *plan)
{
    int64_t by = 0;
    struct plan committed;
    if (!jopt_number(&run->options, CG_SHIFT_BY, &by)) return cg_fail_option(run);
    if (!committed_of(run, group, &committed)) return false;
    for (int32_t i = 0; i < plan->count; i++) {
        struct admin_committed *item = &plan->items[i];
        const struct admin_committed *now = NULL;
        for (int32_t k = 0; k < committed.count; k++) {
            if (topic_partition_eq(&committed.items[k].key, &item->key)) now = &committed.items[k];
        }
        if (now == NULL || now->offset < 0) {
            return cg_fail_usage(run,
                                 arena_printf(&run->cli->arena,
                                              "Cannot shift offset for partition %.*s-%d since there is no current "
                                              "committed offset",
                                              SLICE_FMT(item->key.topic), item->key.partition));
        }
        item->offset = now->offset + by;
    }
    return clamp(run, plan);
}

// What is committed stays, the rest goes to the end.
static bool to_current(struct cg_run *run, struct slice group, struct plan *plan)
{
    struct plan committed;
    if (!committed_of(run, group, &committed) || !to_time(run, plan, LATEST)) return false;
    for (int32_t i = 0; i < plan->count; i++) {
        for (int32_t k = 0; k < committed.count; k++) {
            bool same = topic_partition_eq(&committed.items[k].key, &plan->items[i].key);
            if (same && committed.items[k].offset >= 0) plan->items[i].offset = committed.items[k].offset;
        }
    }
    return true;
}

static bool to_datetime(struct cg_run *run, struct plan *plan)
{
    struct cli_error error;
    int64_t timestamp;
    const char *text = jopt_at(&run->options, CG_TO_DATETIME, 0);
    if (reset_parse_datetime(&run->cli->arena, text, &timestamp, &error)) return to_timestamp(run, plan, timestamp);
    run->thrown = cli_thrown(error);
    cli_wrap(&run->thrown, "java.lang.RuntimeException", NULL);
    return false;
}

static bool by_duration(struct cg_run *run, struct plan *plan)
{
    const char *text;
    int64_t ms;
    if (!jopt_value(&run->options, CG_BY_DURATION, &text)) return cg_fail_option(run);
    if (!reset_parse_duration(slice_str(text), &ms)) {
        return fail(run, "java.time.format.DateTimeParseException", "Text cannot be parsed to a Duration");
    }
    return to_timestamp(run, plan, env_wall_ms(run->cli->host->env) - ms);
}

// ---- plans from a file -----------------------------------------------------------------------------------------

// Reads the lines about one group. *is_known: there are some.
static bool read_lines(struct cg_run *run, struct slice content, bool with_group, struct slice group, struct plan *plan,
                       bool *is_known)
{
    struct slice rest = content;
    while (rest.size > 0 && rest.data[rest.size - 1] == '\n') rest.size--; // Java's split drops empty ends
    for (size_t at = 0; at < rest.size;) {
        const uint8_t *newline = memchr(rest.data + at, '\n', rest.size - at);
        size_t size = newline == NULL ? rest.size - at : (size_t)(newline - rest.data) - at;
        struct reset_line line;
        struct cli_error error;
        if (!reset_parse_line(&run->cli->arena, slice_of(rest.data + at, size), with_group, &line, &error)) {
            run->thrown = cli_thrown(error);
            cli_wrap(&run->thrown, "java.lang.RuntimeException", NULL);
            return false;
        }
        at += size + 1;
        if (with_group && !slice_eq(line.group, group)) continue;
        *is_known = true;
        int32_t i = 0; // the last line about a partition holds
        while (i < plan->count && !topic_partition_eq(&plan->items[i].key, &line.key)) i++;
        plan->items[i] = (struct admin_committed){.key = line.key, .offset = line.offset};
        if (i == plan->count) plan->count++;
    }
    return true;
}

// The tool reads the file anew each time it looks at it, and shows each time why the first line is not of the old form.
static bool read_plan(struct cg_run *run, struct slice group, struct plan *plan, bool *is_known)
{
    struct cli *cli = run->cli;
    const char *path = jopt_at(&run->options, CG_FROM_FILE, 0);
    struct slice content;
    if (cli_read_file(cli, path, &content) != OK) {
        (void)fail(run, "java.nio.file.NoSuchFileException", path);
        cli_wrap(&run->thrown, "java.io.IOException", arena_printf(&cli->arena, "Unable to read file %s", path));
        cli_wrap(&run->thrown, "java.lang.RuntimeException", NULL);
        return false;
    }
    int32_t lines = 1;
    for (size_t i = 0; i < content.size; i++) lines += content.data[i] == '\n';
    const uint8_t *newline = content.size == 0 ? NULL : memchr(content.data, '\n', content.size);
    struct slice first = newline == NULL ? content : slice_of(content.data, (size_t)(newline - content.data));
    struct reset_line line;
    struct cli_error error;
    bool is_old = reset_parse_line(&cli->arena, first, false, &line, &error);
    if (!is_old) {
        struct cli_thrown thrown = cli_thrown(error);
        cli_print_thrown(cli, &thrown);
    }
    bool with_group = !is_old || jopt_count(&run->options, CG_GROUP) != 1;
    *plan = new_plan(run, lines);
    *is_known = false;
    return read_lines(run, content, with_group, group, plan, is_known);
}

static bool from_file(struct cg_run *run, struct slice group, struct plan *plan)
{
    bool is_known = false;
    if (!read_plan(run, group, plan, &is_known) || !read_plan(run, group, plan, &is_known)) return false;
    if (is_known) return clamp(run, plan);
    cg_print_error(run, arena_printf(&run->cli->arena, "No reset plan for group %.*s found", SLICE_FMT(group)));
    plan->count = 0;
    return true;
}

// ---- the action ------------------------------------------------------------------------------------------------

static bool prepare(struct cg_run *run, struct slice group, struct plan *plan)
{
    if (!check_partitions(run, plan)) return false;
    if (has(run, CG_TO_OFFSET)) return to_offset(run, plan);
    if (has(run, CG_TO_EARLIEST)) return to_time(run, plan, EARLIEST);
    if (has(run, CG_TO_LATEST)) return to_time(run, plan, LATEST);
    if (has(run, CG_SHIFT_BY)) return shift_by(run, group, plan);
    if (has(run, CG_TO_DATETIME)) return to_datetime(run, plan);
    if (has(run, CG_BY_DURATION)) return by_duration(run, plan);
    if (has(run, CG_FROM_FILE)) return from_file(run, group, plan);
    if (has(run, CG_TO_CURRENT)) return to_current(run, group, plan);
    return cg_fail_usage(run, "Option '[reset-offsets]' requires one of the following scenarios: [[to-datetime], "
                              "[by-duration], [from-file], [to-latest], [to-earliest], [to-current], [shift-by], "
                              "[to-offset]]");
}

// A group nobody is in: Empty, Dead, or not there at all.
static bool is_inactive(const struct admin_group *group)
{
    if (group->has_failed) return group->err == ERR_GROUP_ID_NOT_FOUND;
    return slice_eq_str(group->state, "Empty") || slice_eq_str(group->state, "Dead");
}

static bool reset_group(struct cg_run *run, struct slice id, struct plan *plan)
{
    struct cli *cli = run->cli;
    struct admin_group group;
    admin_describe_group(cli, run->client, id, &group);
    if (!is_inactive(&group)) {
        if (group.has_failed) return cg_fail_call(run, group.error, true);
        cg_print_error(run,
                       arena_printf(&cli->arena,
                                    "Assignments can only be reset if the group '%.*s' is inactive, but the current "
                                    "state is %.*s.",
                                    SLICE_FMT(id), SLICE_FMT(group.state)));
        return true;
    }
    if (!find_partitions(run, id, plan) || !prepare(run, id, plan)) return false;
    topic_partition_order(plan->items, (size_t)plan->count, sizeof(*plan->items));
    if (!has(run, CG_EXECUTE)) return true;
    struct cli_error error;
    return admin_commit(cli, run->client, id, plan->items, plan->count, &error) ||
           fail(run, error.class_name, error.text);
}

static void print_table(struct cli *cli, const struct slice *groups, const struct plan *plans, int32_t count)
{
    size_t group_width = 15, topic_width = 15;
    for (int32_t g = 0; g < count; g++) {
        if (cli_length(groups[g]) > group_width) group_width = cli_length(groups[g]);
        for (int32_t i = 0; i < plans[g].count; i++) {
            size_t length = cli_length(plans[g].items[i].key.topic);
            if (length > topic_width) topic_width = length;
        }
    }
    if (count > 0) {
        cli_out(cli, "\n");
        cli_out_padded(cli, SLICE("GROUP"), group_width);
        cli_out(cli, " ");
        cli_out_padded(cli, SLICE("TOPIC"), topic_width);
        cli_out(cli, " %-10s NEW-OFFSET", "PARTITION");
    }
    for (int32_t g = 0; g < count; g++) {
        for (int32_t i = 0; i < plans[g].count; i++) {
            const struct admin_committed *item = &plans[g].items[i];
            cli_out(cli, "\n");
            cli_out_padded(cli, groups[g], group_width);
            cli_out(cli, " ");
            cli_out_padded(cli, item->key.topic, topic_width);
            cli_out(cli, " %-10d %lld", item->key.partition, (long long)item->offset);
        }
    }
    cli_out(cli, "\n");
}

static void export_plans(struct cg_run *run, const struct slice *groups, const struct plan *plans, int32_t count)
{
    bool with_group = jopt_count(&run->options, CG_GROUP) != 1;
    struct text text = {0};
    for (int32_t g = 0; g < count; g++) {
        for (int32_t i = 0; i < plans[g].count; i++) {
            if (with_group) {
                reset_add_cell(&text, groups[g]);
                text_add_char(&text, ',');
            }
            reset_add_cell(&text, plans[g].items[i].key.topic);
            text_printf(&text, ",%d,%lld\n", plans[g].items[i].key.partition, (long long)plans[g].items[i].offset);
        }
    }
    cli_out_bytes(run->cli, text_slice(&text));
    cli_out(run->cli, "\n");
    text_deinit(&text);
}

bool cg_reset(struct cg_run *run)
{
    struct slice *groups;
    int32_t count;
    if (!cg_groups(run, &groups, &count)) return false;
    struct plan *plans = ARENA_ARRAY(&run->cli->arena, struct plan, count + 1);
    for (int32_t i = 0; i < count; i++) {
        if (!reset_group(run, groups[i], &plans[i])) return false;
    }
    if (has(run, CG_EXPORT))
        export_plans(run, groups, plans, count);
    else
        print_table(run->cli, groups, plans, count);
    return true;
}
