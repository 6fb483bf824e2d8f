// SPDX-License-Identifier: Apache-2.0
// kafka-consumer-groups.sh --describe: offsets and lag, members, state.
#include "cli/consumer_groups_int.h"
#include "cli/options_consumer_groups.h"

#include <stdlib.h>

static const struct slice missing = {(const uint8_t *)"-", 1};

static bool is_rebalancing(struct slice state)
{
    return slice_eq_str(state, "PreparingRebalance") || slice_eq_str(state, "CompletingRebalance") ||
           slice_eq_str(state, "Assigning") || slice_eq_str(state, "Reconciling");
}

// Says what is to be said about a group's state. *prints: whether its rows are to follow.
static bool note_state(struct cg_run *run, const struct admin_group *group, int32_t rows, bool *prints)
{
    struct cli *cli = run->cli;
    bool is_dead = slice_eq_str(group->state, "Dead");
    cli_flush(cli); // both streams in the order of what is told
    if (is_dead) {
        cg_print_error(run, arena_printf(&cli->arena, "Consumer group '%.*s' does not exist.", SLICE_FMT(group->id)));
    } else if (slice_eq_str(group->state, "Empty")) {
        cli_err(cli, "\nConsumer group '%.*s' has no active members.\n", SLICE_FMT(group->id));
    } else if (is_rebalancing(group->state)) {
        cli_err(cli, "\nWarning: Consumer group '%.*s' is rebalancing.\n", SLICE_FMT(group->id));
    } else if (!slice_eq_str(group->state, "Stable")) {
        run->thrown = cli_thrown((struct cli_error){
            "org.apache.kafka.common.KafkaException",
            arena_printf(&cli->arena, "Expected a valid consumer group state, but found 'Unknown'.")});
        return false;
    }
    cli_flush(cli);
    *prints = !is_dead && rows > 0;
    return true;
}

static void widen(size_t *width, struct slice text)
{
    if (cli_length(text) > *width) *width = cli_length(text);
}

static void cell(struct cli *cli, struct slice text, size_t width)
{
    cli_out_padded(cli, text, width);
    cli_out(cli, " ");
}

static struct slice number_or_missing(struct cli *cli, bool is_there, int64_t value)
{
    return is_there ? slice_str(arena_printf(&cli->arena, "%lld", (long long)value)) : missing;
}

// ---- offsets ---------------------------------------------------------------------------------------------------

struct row {
    struct topic_partition key;
    int64_t committed; // -1 = none
    int32_t leader_epoch;
    bool has_end;
    int64_t end;
    struct slice consumer, host, client;
};

struct rows {
    struct row *items;
    int32_t count;
};

static const struct admin_committed *find_committed(const struct admin_committed *items, int32_t count,
                                                    const struct topic_partition *key)
{
    for (int32_t i = 0; i < count; i++) {
        if (topic_partition_eq(&items[i].key, key)) return &items[i];
    }
    return NULL;
}

// Which of the partitions have a leader; topics that cannot be described end it.
static bool find_led(struct cg_run *run, const struct topic_partition *keys, int32_t count, bool *is_led)
{
    struct cli *cli = run->cli;
    struct slice *names = ARENA_ARRAY(&cli->arena, struct slice, count + 1);
    int32_t name_count = 0;
    for (int32_t i = 0; i < count; i++) {
        bool is_there = false;
        for (int32_t n = 0; n < name_count && !is_there; n++) is_there = slice_eq(names[n], keys[i].topic);
        if (!is_there) names[name_count++] = keys[i].topic;
    }
    admin_order_names(names, name_count);
    struct admin_topic *topics;
    struct cli_error error;
    if (!admin_describe_topics(cli, run->client, names, name_count, &topics, &error))
        return cg_fail_call(run, error, true);
    for (int32_t t = 0; t < name_count; t++) {
        if (topics[t].err != OK) return cg_fail_call(run, cli_error_of(cli, topics[t].err, SLICE_NULL), true);
    }
    for (int32_t i = 0; i < count; i++) {
        is_led[i] = true;
        for (int32_t t = 0; t < name_count; t++) {
            if (!slice_eq(topics[t].name, keys[i].topic)) continue;
            for (int32_t p = 0; p < topics[t].partition_count; p++) {
                if (topics[t].partitions[p].index == keys[i].partition) is_led[i] = topics[t].partitions[p].leader >= 0;
            }
        }
    }
    return true;
}

// Rows of these partitions, sorted, with the member's words.
static bool add_rows(struct cg_run *run, struct rows *rows, const struct topic_partition *keys, int32_t count,
                     const struct admin_committed *committed, int32_t committed_count,
                     const struct admin_member *member)
{
    struct cli *cli = run->cli;
    bool *is_led = ARENA_ARRAY(&cli->arena, bool, count + 1);
    struct admin_offset *ends = ARENA_ARRAY(&cli->arena, struct admin_offset, count + 1);
    int32_t led = 0;
    if (!find_led(run, keys, count, is_led)) return false;
    for (int32_t i = 0; i < count; i++) {
        if (is_led[i]) ends[led++] = (struct admin_offset){.key = keys[i], .timestamp = -1};
    }
    struct cli_error error;
    if (!admin_list_offsets(cli, run->client, ends, led, &error)) return cg_fail_call(run, error, true);
    struct row *added = &rows->items[rows->count];
    for (int32_t i = 0; i < count; i++) {
        struct row *row = &rows->items[rows->count++];
        const struct admin_committed *found = find_committed(committed, committed_count, &keys[i]);
        *row = (struct row){.key = keys[i],
                            .committed = found == NULL ? -1 : found->offset,
                            .leader_epoch = found == NULL ? -1 : found->leader_epoch,
                            .consumer = member == NULL ? missing : member->id,
                            .host = member == NULL ? missing : member->host,
                            .client = member == NULL ? missing : member->client_id};
        for (int32_t k = 0; k < led; k++) {
            if (!topic_partition_eq(&ends[k].key, &keys[i])) continue;
            if (ends[k].has_failed) return cg_fail_call(run, ends[k].error, true);
            row->has_end = true;
            row->end = ends[k].offset;
        }
    }
    qsort(added, (size_t)count, sizeof(*added), topic_partition_compare);
    return true;
}

static bool collect(struct cg_run *run, const struct admin_group *group, struct rows *rows)
{
    struct cli *cli = run->cli;
    struct admin_committed *committed = NULL;
    int32_t committed_count = 0, total = 0;
    struct cli_error error;
    if (!admin_committed(cli, run->client, group->id, &committed, &committed_count, &error)) {
        return cg_fail_call(run, error, true);
    }
    const struct admin_member **members =
        ARENA_ARRAY(&cli->arena, const struct admin_member *, group->member_count + 1);
    int32_t member_count = 0;
    for (int32_t m = 0; m < group->member_count; m++) {
        const struct admin_member *member = &group->members[m];
        total += member->assigned_count;
        if (member->assigned_count == 0) continue;
        int32_t at = member_count++; // those with most partitions first, else as they come
        for (; at > 0 && members[at - 1]->assigned_count < member->assigned_count; at--) members[at] = members[at - 1];
        members[at] = member;
    }
    rows->items = ARENA_ARRAY(&cli->arena, struct row, total + committed_count + 1);
    struct topic_partition *rest = ARENA_ARRAY(&cli->arena, struct topic_partition, committed_count + 1);
    int32_t rest_count = 0;
    for (int32_t i = 0; i < committed_count; i++) {
        bool is_owned = false;
        for (int32_t m = 0; m < member_count; m++) {
            for (int32_t p = 0; p < members[m]->assigned_count && !is_owned; p++) {
                is_owned = topic_partition_eq(&members[m]->assigned[p], &committed[i].key);
            }
        }
        if (!is_owned) rest[rest_count++] = committed[i].key;
    }
    for (int32_t m = 0; m < member_count; m++) {
        if (!add_rows(run, rows, members[m]->assigned, members[m]->assigned_count, committed, committed_count,
                      members[m])) {
            return false;
        }
    }
    return rest_count == 0 || add_rows(run, rows, rest, rest_count, committed, committed_count, NULL);
}

static bool print_offsets(struct cg_run *run, const struct admin_group *group, const struct rows *rows)
{
    struct cli *cli = run->cli;
    bool prints, verbose = jopt_has(&run->options, CG_VERBOSE);
    if (!note_state(run, group, rows->count, &prints)) return false;
    if (!prints) return true;
    size_t group_width = 15, topic_width = 15, consumer_width = 15, host_width = 15;
    for (int32_t i = 0; i < rows->count; i++) {
        widen(&group_width, group->id);
        widen(&topic_width, rows->items[i].key.topic);
        widen(&consumer_width, rows->items[i].consumer);
        widen(&host_width, rows->items[i].host);
    }
    for (int32_t i = -1; i < rows->count; i++) {
        const struct row *row = i < 0 ? NULL : &rows->items[i];
        bool has_offset = row != NULL && row->committed >= 0;
        cli_out(cli, "\n");
        cell(cli, row == NULL ? SLICE("GROUP") : group->id, group_width);
        cell(cli, row == NULL ? SLICE("TOPIC") : row->key.topic, topic_width);
        cell(cli, row == NULL ? SLICE("PARTITION") : number_or_missing(cli, true, row->key.partition), 10);
        if (verbose) {
            cell(cli,
                 row == NULL ? SLICE("LEADER-EPOCH")
                             : number_or_missing(cli, has_offset && row->leader_epoch >= 0, row->leader_epoch),
                 15);
        }
        cell(cli, row == NULL ? SLICE("CURRENT-OFFSET") : number_or_missing(cli, has_offset, row->committed), 15);
        cell(cli, row == NULL ? SLICE("LOG-END-OFFSET") : number_or_missing(cli, row->has_end, row->end), 15);
        cell(cli,
             row == NULL ? SLICE("LAG") : number_or_missing(cli, has_offset && row->has_end, row->end - row->committed),
             15);
        cell(cli, row == NULL ? SLICE("CONSUMER-ID") : row->consumer, consumer_width);
        cell(cli, row == NULL ? SLICE("HOST") : row->host, host_width);
        cli_out_bytes(cli, row == NULL ? SLICE("CLIENT-ID") : row->client);
    }
    cli_out(cli, "\n");
    return true;
}

// ---- members ---------------------------------------------------------------------------------------------------

// "orders:0,1;users:3"
static struct slice assignment_text(struct cg_run *run, const struct topic_partition *keys, int32_t count)
{
    if (count == 0) return missing;
    struct arena *arena = &run->cli->arena;
    struct topic_partition *sorted = ARENA_ARRAY(arena, struct topic_partition, count);
    memcpy(sorted, keys, (size_t)count * sizeof(*sorted));
    qsort(sorted, (size_t)count, sizeof(*sorted), topic_partition_compare);
    struct text text = {0};
    for (int32_t i = 0; i < count; i++) {
        bool is_new = i == 0 || !slice_eq(sorted[i].topic, sorted[i - 1].topic);
        if (is_new)
            text_printf(&text, "%s%.*s:%d", i > 0 ? ";" : "", SLICE_FMT(sorted[i].topic), sorted[i].partition);
        else
            text_printf(&text, ",%d", sorted[i].partition);
    }
    struct slice out = arena_copy(arena, text_slice(&text));
    text_deinit(&text);
    return out;
}

struct member_widths {
    size_t group, consumer, instance, host, client, current, target;
    bool has_instance, has_classic, has_consumer;
};

static struct member_widths measure_members(struct cg_run *run, const struct admin_group *group)
{
    struct member_widths w = {15, 15, 17, 15, 15, 20, 20, false, false, false};
    for (int32_t i = 0; i < group->member_count; i++) {
        const struct admin_member *member = &group->members[i];
        widen(&w.group, group->id);
        widen(&w.consumer, member->id);
        widen(&w.instance, member->instance_id);
        widen(&w.host, member->host);
        widen(&w.client, member->client_id);
        widen(&w.current, assignment_text(run, member->assigned, member->assigned_count));
        widen(&w.target, assignment_text(run, member->target, member->target_count));
        w.has_instance = w.has_instance || member->instance_id.size > 0;
        w.has_classic = w.has_classic || member->upgraded == 0;
        w.has_consumer = w.has_consumer || member->upgraded == 1;
    }
    return w;
}

static void print_epochs(struct cg_run *run, const struct admin_group *group, const struct admin_member *member,
                         const struct member_widths *w)
{
    struct cli *cli = run->cli;
    bool is_head = member == NULL;
    cell(cli, is_head ? SLICE("CURRENT-EPOCH") : number_or_missing(cli, member->epoch >= 0, member->epoch), 15);
    cell(cli, is_head ? SLICE("CURRENT-ASSIGNMENT") : assignment_text(run, member->assigned, member->assigned_count),
         w->current);
    cell(cli, is_head ? SLICE("TARGET-EPOCH") : number_or_missing(cli, group->is_consumer_type, group->target_epoch),
         15);
    cli_out_padded(cli,
                   is_head ? SLICE("TARGET-ASSIGNMENT") : assignment_text(run, member->target, member->target_count),
                   w->target);
    if (!w->has_classic || !w->has_consumer) return; // a group on its way from one protocol to the other
    if (is_head)
        cli_out(cli, " UPGRADED");
    else
        cli_out(cli, " %s", member->upgraded < 0 ? "-" : member->upgraded == 1 ? "true" : "false");
}

static bool print_members(struct cg_run *run, const struct admin_group *group)
{
    struct cli *cli = run->cli;
    bool prints;
    if (!note_state(run, group, group->member_count, &prints)) return false;
    struct member_widths w = {15, 15, 17, 15, 15, 20, 20, false, false, false};
    if (prints) w = measure_members(run, group);
    cli_out(cli, "\n");
    for (int32_t i = -1; i < group->member_count; i++) {
        const struct admin_member *member = i < 0 ? NULL : &group->members[i];
        cell(cli, member == NULL ? SLICE("GROUP") : group->id, w.group);
        cell(cli, member == NULL ? SLICE("CONSUMER-ID") : member->id, w.consumer);
        if (w.has_instance) cell(cli, member == NULL ? SLICE("GROUP-INSTANCE-ID") : member->instance_id, w.instance);
        cell(cli, member == NULL ? SLICE("HOST") : member->host, w.host);
        cell(cli, member == NULL ? SLICE("CLIENT-ID") : member->client_id, w.client);
        cell(cli, member == NULL ? SLICE("#PARTITIONS") : number_or_missing(cli, true, member->assigned_count), 15);
        if (jopt_has(&run->options, CG_VERBOSE)) print_epochs(run, group, member, &w);
        cli_out(cli, "\n");
    }
    return true;
}

// ---- state -----------------------------------------------------------------------------------------------------

static bool print_state(struct cg_run *run, const struct admin_group *group)
{
    struct cli *cli = run->cli;
    bool prints, verbose = jopt_has(&run->options, CG_VERBOSE);
    if (!note_state(run, group, 1, &prints)) return false;
    if (!prints) return true;
    struct slice coordinator =
        slice_str(arena_printf(&cli->arena, "%.*s:%d  (%d)", SLICE_FMT(group->host), group->port, group->coordinator));
    size_t group_width = 15, coordinator_width = 25;
    widen(&group_width, group->id);
    widen(&coordinator_width, coordinator);
    for (int row = 0; row < 2; row++) {
        cli_out(cli, "\n");
        cell(cli, row == 0 ? SLICE("GROUP") : group->id, group_width);
        cell(cli, row == 0 ? SLICE("COORDINATOR (ID)") : coordinator, coordinator_width);
        cell(cli, row == 0 ? SLICE("ASSIGNMENT-STRATEGY") : group->assignor.size == 0 ? missing : group->assignor, 20);
        cell(cli, row == 0 ? SLICE("STATE") : group->state, 20);
        if (verbose) {
            bool has_epochs = group->is_consumer_type;
            cell(cli, row == 0 ? SLICE("GROUP-EPOCH") : number_or_missing(cli, has_epochs, group->group_epoch), 15);
            cell(cli,
                 row == 0 ? SLICE("TARGET-ASSIGNMENT-EPOCH") : number_or_missing(cli, has_epochs, group->target_epoch),
                 25);
        }
        if (row == 0)
            cli_out(cli, "#MEMBERS");
        else
            cli_out(cli, "%d", group->member_count);
    }
    cli_out(cli, "\n");
    return true;
}

// ---- the action ------------------------------------------------------------------------------------------------

static int by_id(const void *a, const void *b)
{
    return slice_cmp(((const struct admin_group *)a)->id, ((const struct admin_group *)b)->id);
}

bool cg_describe(struct cg_run *run)
{
    struct cli *cli = run->cli;
    struct slice *ids;
    int32_t count;
    if (!cg_groups(run, &ids, &count)) return false;
    struct admin_group *groups = ARENA_ARRAY(&cli->arena, struct admin_group, count + 1);
    for (int32_t i = 0; i < count; i++) {
        admin_describe_group(cli, run->client, ids[i], &groups[i]);
        if (groups[i].has_failed) return cg_fail_call(run, groups[i].error, false);
    }
    bool of_members = jopt_has(&run->options, CG_MEMBERS), of_state = jopt_has(&run->options, CG_STATE);
    qsort(groups, (size_t)count, sizeof(*groups), by_id);
    struct rows *rows = ARENA_ARRAY(&cli->arena, struct rows, count + 1);
    for (int32_t i = 0; i < count && !of_members && !of_state; i++) {
        if (!collect(run, &groups[i], &rows[i])) return false;
    }
    for (int32_t i = 0; i < count; i++) {
        bool ok;
        if (of_members)
            ok = print_members(run, &groups[i]);
        else
            ok = of_state ? print_state(run, &groups[i]) : print_offsets(run, &groups[i], &rows[i]);
        if (!ok) return false;
    }
    return true;
}
