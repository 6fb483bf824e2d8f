// SPDX-License-Identifier: Apache-2.0
// kafka-topics.sh --describe.
#include "cli/topics_int.h"

#include "cli/java_order.h"
#include "cli/options_topics.h"
#include "proto/apis.h"
#include "proto/describe_configs.h"
#include "proto/describe_topic_partitions.h"
#include "proto/list_partition_reassignments.h"

#include <stdlib.h>

struct ints {
    const int32_t *items;
    int32_t count; // -1 = the broker does not say
};

struct described_partition {
    int32_t index;
    int32_t leader;
    struct ints replicas, isr, elr, last_known_elr;
    bool is_moving;
    struct ints adding, removing;
    int32_t target_replicas; // while moving
};

struct described_topic {
    struct slice name;
    struct uuid id;
    struct described_partition *partitions;
    int32_t partition_count, partition_capacity;
    struct config_pair *configs; // not default, in print order
    size_t config_count;
    bool has_override;
    int64_t min_isr;
};

struct description {
    struct topics_run *run;
    struct described_topic *topics;
    size_t count;
    struct ints live_brokers;
};

static struct ints keep(struct topics_run *run, const int32_t *items, int32_t count)
{
    if (count < 0) return (struct ints){.count = -1};
    int32_t *copy = ARENA_ARRAY(&run->cli->arena, int32_t, count + 1);
    if (count > 0) memcpy(copy, items, (size_t)count * sizeof(*copy));
    return (struct ints){.items = copy, .count = count};
}

static struct described_partition *add_partition(struct topics_run *run, struct described_topic *topic)
{
    if (topic->partition_count == topic->partition_capacity) {
        int32_t capacity = topic->partition_capacity == 0 ? 8 : topic->partition_capacity * 2;
        struct described_partition *more = ARENA_ARRAY(&run->cli->arena, struct described_partition, capacity);
        if (topic->partition_count > 0) memcpy(more, topic->partitions, (size_t)topic->partition_count * sizeof(*more));
        topic->partitions = more;
        topic->partition_capacity = capacity;
    }
    struct described_partition *partition = &topic->partitions[topic->partition_count++];
    *partition = (struct described_partition){.elr.count = -1, .last_known_elr.count = -1};
    return partition;
}

static struct described_topic *find_topic(struct description *description, struct slice name)
{
    for (size_t i = 0; i < description->count; i++) {
        if (slice_eq(description->topics[i].name, name)) return &description->topics[i];
    }
    return NULL;
}

static bool wire_error(struct topics_run *run, int16_t code, struct slice text)
{
    run->error = cli_error_of(run->cli, (enum err)code, text);
    return false;
}

// ---- partitions ------------------------------------------------------------------------------------------------

// By name, page by page, with the eligible leader replicas.
static bool ask_pages(struct description *description, bool *is_unsupported)
{
    struct topics_run *run = description->run;
    struct describe_topic_partitions_request request = describe_topic_partitions_request_init();
    int64_t limit = 2000;
    if (!jopt_number(&run->options, TOPICS_PARTITION_SIZE_LIMIT_PER_RESPONSE, &limit)) return topics_fail_option(run);
    request.response_partition_limit = (int32_t)limit;
    request.topics.items =
        ARENA_ARRAY(&run->cli->arena, struct describe_topic_partitions_request_topic_request, description->count);
    for (size_t i = 0; i < description->count; i++) {
        request.topics.items[i] = describe_topic_partitions_request_topic_request_init();
        request.topics.items[i].name = description->topics[i].name;
    }
    request.topics.count = (int32_t)description->count;
    struct describe_topic_partitions_request_cursor cursor;
    for (bool more = true; more;) {
        struct client_call call = {
            .api_key = API_DESCRIBE_TOPIC_PARTITIONS, .node_id = CLIENT_ANY, .request = &request};
        if (!cli_call(run->cli, run->client, &call, "describeTopicPartitions", &run->error)) {
            *is_unsupported = call.err == ERR_UNSUPPORTED_VERSION;
            client_call_deinit(&call);
            return false;
        }
        const struct describe_topic_partitions_response *answer = call.response;
        for (int32_t t = 0; t < answer->topics.count; t++) {
            const struct describe_topic_partitions_response_describe_topic_partitions_response_topic *from =
                &answer->topics.items[t];
            struct described_topic *topic = find_topic(description, from->name);
            if (topic == NULL) continue;
            if (from->error_code != OK) return client_call_deinit(&call), wire_error(run, from->error_code, SLICE_NULL);
            topic->id = from->topic_id;
            for (int32_t p = 0; p < from->partitions.count; p++) {
                const struct describe_topic_partitions_response_describe_topic_partitions_response_partition *part =
                    &from->partitions.items[p];
                struct described_partition *to = add_partition(run, topic);
                to->index = part->partition_index;
                to->leader = part->leader_id;
                to->replicas = keep(run, part->replica_nodes.items, part->replica_nodes.count);
                to->isr = keep(run, part->isr_nodes.items, part->isr_nodes.count);
                to->elr = keep(run, part->eligible_leader_replicas.items, part->eligible_leader_replicas.count);
                to->last_known_elr = keep(run, part->last_known_elr.items, part->last_known_elr.count);
            }
        }
        more = answer->next_cursor != NULL;
        if (more) {
            cursor = describe_topic_partitions_request_cursor_init();
            cursor.topic_name = arena_copy(&run->cli->arena, answer->next_cursor->topic_name);
            cursor.partition_index = answer->next_cursor->partition_index;
            request.cursor = &cursor;
        }
        client_call_deinit(&call);
    }
    return true;
}

static void take_metadata_topic(struct topics_run *run, struct described_topic *topic,
                                const struct metadata_response_metadata_response_topic *from)
{
    topic->id = from->topic_id;
    topic->partition_count = 0;
    for (int32_t p = 0; p < from->partitions.count; p++) {
        const struct metadata_response_metadata_response_partition *part = &from->partitions.items[p];
        struct described_partition *to = add_partition(run, topic);
        to->index = part->partition_index;
        to->leader = part->leader_id;
        to->replicas = keep(run, part->replica_nodes.items, part->replica_nodes.count);
        to->isr = keep(run, part->isr_nodes.items, part->isr_nodes.count);
    }
}

// From Metadata: the live brokers, and with `with_topics` the partitions too.
static bool ask_metadata(struct description *description, bool with_topics)
{
    struct topics_run *run = description->run;
    struct metadata_request request = metadata_request_init();
    request.topics.items =
        ARENA_ARRAY(&run->cli->arena, struct metadata_request_metadata_request_topic, description->count + 1);
    for (size_t i = 0; with_topics && i < description->count; i++) {
        struct metadata_request_metadata_request_topic *topic = &request.topics.items[request.topics.count++];
        *topic = metadata_request_metadata_request_topic_init();
        topic->name = description->topics[i].name;
    }
    request.allow_auto_topic_creation = true;
    struct client_call call = {.api_key = API_METADATA, .node_id = CLIENT_ANY, .request = &request, .version_min = 1};
    bool ok = cli_call(run->cli, run->client, &call, "describeTopics", &run->error);
    const struct metadata_response *answer = call.response;
    if (ok) {
        int32_t *ids = ARENA_ARRAY(&run->cli->arena, int32_t, answer->brokers.count + 1);
        for (int32_t i = 0; i < answer->brokers.count; i++) ids[i] = answer->brokers.items[i].node_id;
        description->live_brokers = (struct ints){.items = ids, .count = answer->brokers.count};
    }
    for (int32_t t = 0; ok && t < answer->topics.count; t++) {
        struct described_topic *topic = find_topic(description, answer->topics.items[t].name);
        if (topic == NULL) continue;
        if (answer->topics.items[t].error_code != OK)
            ok = wire_error(run, answer->topics.items[t].error_code, SLICE_NULL);
        else
            take_metadata_topic(run, topic, &answer->topics.items[t]);
    }
    client_call_deinit(&call);
    return ok;
}

// ---- configurations --------------------------------------------------------------------------------------------

enum { RESOURCE_TOPIC = 2, SOURCE_DEFAULT = 5 };

static struct slice config_name(const void *item)
{
    return ((const struct describe_configs_response_describe_configs_resource_result *)item)->name;
}

static void take_configs(struct topics_run *run, struct described_topic *topic,
                         const struct describe_configs_response_describe_configs_result *from)
{
    int32_t count = from->configs.count < 0 ? 0 : from->configs.count;
    java_hash_order(from->configs.items, (size_t)count, sizeof(from->configs.items[0]), 16, config_name);
    topic->configs = ARENA_ARRAY(&run->cli->arena, struct config_pair, count + 1);
    topic->min_isr = 1;
    for (int32_t i = 0; i < count; i++) {
        const struct describe_configs_response_describe_configs_resource_result *c = &from->configs.items[i];
        struct slice value = slice_is_null(c->value) ? SLICE("null") : arena_copy(&run->cli->arena, c->value);
        if (slice_eq_str(c->name, "min.insync.replicas")) {
            topic->min_isr = strtol(arena_str(&run->cli->arena, value), NULL, 10);
        }
        if (c->config_source == SOURCE_DEFAULT) continue;
        topic->configs[topic->config_count++] =
            (struct config_pair){.name = arena_copy(&run->cli->arena, c->name), .value = value};
    }
    topic->has_override = topic->config_count > 0;
}

static bool ask_configs(struct description *description)
{
    struct topics_run *run = description->run;
    struct describe_configs_request request = describe_configs_request_init();
    request.resources.items =
        ARENA_ARRAY(&run->cli->arena, struct describe_configs_request_describe_configs_resource, description->count);
    for (size_t i = 0; i < description->count; i++) {
        struct describe_configs_request_describe_configs_resource *resource = &request.resources.items[i];
        *resource = describe_configs_request_describe_configs_resource_init();
        resource->resource_type = RESOURCE_TOPIC;
        resource->resource_name = description->topics[i].name;
        resource->configuration_keys.count = -1;
    }
    request.resources.count = (int32_t)description->count;
    struct client_call call = {.api_key = API_DESCRIBE_CONFIGS, .node_id = CLIENT_ANY, .request = &request};
    bool ok = cli_call(run->cli, run->client, &call, "describeConfigs", &run->error);
    const struct describe_configs_response *answer = call.response;
    for (int32_t i = 0; ok && i < answer->results.count; i++) {
        const struct describe_configs_response_describe_configs_result *result = &answer->results.items[i];
        struct described_topic *topic = find_topic(description, result->resource_name);
        if (topic == NULL) continue;
        if (result->error_code != OK)
            ok = wire_error(run, result->error_code, result->error_message);
        else
            take_configs(run, topic, result);
    }
    client_call_deinit(&call);
    return ok;
}

// ---- reassignments ---------------------------------------------------------------------------------------------

static void take_reassignment(struct topics_run *run, struct described_topic *topic,
                              const struct list_partition_reassignments_response_ongoing_partition_reassignment *from)
{
    for (int32_t p = 0; p < topic->partition_count; p++) {
        struct described_partition *partition = &topic->partitions[p];
        if (partition->index != from->partition_index) continue;
        partition->is_moving = true;
        partition->adding = keep(run, from->adding_replicas.items, from->adding_replicas.count);
        partition->removing = keep(run, from->removing_replicas.items, from->removing_replicas.count);
        partition->target_replicas = from->replicas.count - from->adding_replicas.count;
    }
}

// A broker that cannot say, or may not, counts as "none".
static bool ask_reassignments(struct description *description)
{
    struct topics_run *run = description->run;
    struct list_partition_reassignments_request request = list_partition_reassignments_request_init();
    request.topics.items =
        ARENA_ARRAY(&run->cli->arena, struct list_partition_reassignments_request_list_partition_reassignments_topics,
                    description->count);
    for (size_t i = 0; i < description->count; i++) {
        struct described_topic *topic = &description->topics[i];
        struct list_partition_reassignments_request_list_partition_reassignments_topics *asked =
            &request.topics.items[i];
        *asked = list_partition_reassignments_request_list_partition_reassignments_topics_init();
        asked->name = topic->name;
        asked->partition_indexes.items = ARENA_ARRAY(&run->cli->arena, int32_t, topic->partition_count + 1);
        asked->partition_indexes.count = topic->partition_count;
        for (int32_t p = 0; p < topic->partition_count; p++) {
            asked->partition_indexes.items[p] = topic->partitions[p].index;
        }
    }
    request.topics.count = (int32_t)description->count;
    struct client_call call = {
        .api_key = API_LIST_PARTITION_REASSIGNMENTS, .node_id = CLIENT_CONTROLLER, .request = &request};
    bool ok = cli_call(run->cli, run->client, &call, "listPartitionReassignments", &run->error);
    const struct list_partition_reassignments_response *answer = call.response;
    if (!ok)
        ok = call.err == ERR_UNSUPPORTED_VERSION;
    else if (answer->error_code == ERR_CLUSTER_AUTHORIZATION_FAILED)
        ok = true;
    else if (answer->error_code != OK)
        ok = wire_error(run, answer->error_code, answer->error_message);
    for (int32_t t = 0; ok && answer != NULL && t < answer->topics.count; t++) {
        struct described_topic *topic = find_topic(description, answer->topics.items[t].name);
        for (int32_t p = 0; topic != NULL && p < answer->topics.items[t].partitions.count; p++) {
            take_reassignment(run, topic, &answer->topics.items[t].partitions.items[p]);
        }
    }
    client_call_deinit(&call);
    return ok;
}

// ---- printing --------------------------------------------------------------------------------------------------

static bool contains(struct ints list, int32_t item)
{
    for (int32_t i = 0; i < list.count; i++) {
        if (list.items[i] == item) return true;
    }
    return false;
}

// Replicas the partition is to have: while it moves, those added do not count yet.
static int32_t replication_factor(const struct described_partition *partition)
{
    bool moves = false;
    for (int32_t i = 0; partition->is_moving && i < partition->replicas.count; i++) {
        int32_t id = partition->replicas.items[i];
        moves = moves || contains(partition->adding, id) || contains(partition->removing, id);
    }
    return moves ? partition->target_replicas : partition->replicas.count;
}

static void print_ints(struct cli *cli, const char *label, struct ints list)
{
    cli_out(cli, "\t%s: ", label);
    if (list.count < 0) cli_out(cli, "N/A");
    for (int32_t i = 0; i < list.count; i++) cli_out(cli, "%s%d", i > 0 ? "," : "", list.items[i]);
}

static void print_partition(struct cli *cli, const struct described_topic *topic, const struct described_partition *p)
{
    cli_out(cli, "\tTopic: %.*s\tPartition: %d\tLeader: ", SLICE_FMT(topic->name), p->index);
    if (p->leader >= 0)
        cli_out(cli, "%d", p->leader);
    else
        cli_out(cli, "none");
    print_ints(cli, "Replicas", p->replicas);
    print_ints(cli, "Isr", p->isr);
    if (p->is_moving) {
        print_ints(cli, "Adding Replicas", p->adding);
        print_ints(cli, "Removing Replicas", p->removing);
    }
    print_ints(cli, "Elr", p->elr);
    print_ints(cli, "LastKnownElr", p->last_known_elr);
    cli_out(cli, "\n");
}

static void print_topic(struct cli *cli, const struct described_topic *topic)
{
    cli_out(cli, "Topic: %.*s", SLICE_FMT(topic->name));
    if (!uuid_is_zero(topic->id)) {
        char id[UUID_TEXT_SIZE + 1];
        uuid_format(topic->id, id);
        cli_out(cli, "\tTopicId: %s", id);
    }
    cli_out(cli, "\tPartitionCount: %d\tReplicationFactor: %d\tConfigs: ", topic->partition_count,
            topic->partition_count == 0 ? 0 : replication_factor(&topic->partitions[0]));
    for (size_t i = 0; i < topic->config_count; i++) {
        cli_out(cli, "%s%.*s=%.*s", i > 0 ? "," : "", SLICE_FMT(topic->configs[i].name),
                SLICE_FMT(topic->configs[i].value));
    }
    cli_out(cli, "\n");
}

static bool is_shown(const struct description *description, const struct described_topic *topic,
                     const struct described_partition *partition)
{
    const struct jopt *options = &description->run->options;
    bool leads = partition->leader >= 0;
    if (jopt_has(options, TOPICS_UNDER_REPLICATED_PARTITIONS) && replication_factor(partition) > partition->isr.count) {
        return true;
    }
    if (jopt_has(options, TOPICS_UNAVAILABLE_PARTITIONS) &&
        (!leads || !contains(description->live_brokers, partition->leader))) {
        return true;
    }
    if (jopt_has(options, TOPICS_UNDER_MIN_ISR_PARTITIONS) && (!leads || partition->isr.count < topic->min_isr))
        return true;
    return jopt_has(options, TOPICS_AT_MIN_ISR_PARTITIONS) && partition->isr.count == topic->min_isr;
}

static int by_index(const void *a, const void *b)
{
    const struct described_partition *x = a, *y = b;
    return (x->index > y->index) - (x->index < y->index);
}

static void print_all(struct description *description)
{
    const struct jopt *options = &description->run->options;
    struct cli *cli = description->run->cli;
    bool filters =
        jopt_has(options, TOPICS_UNDER_REPLICATED_PARTITIONS) || jopt_has(options, TOPICS_UNAVAILABLE_PARTITIONS) ||
        jopt_has(options, TOPICS_UNDER_MIN_ISR_PARTITIONS) || jopt_has(options, TOPICS_AT_MIN_ISR_PARTITIONS);
    bool overrides = jopt_has(options, TOPICS_TOPICS_WITH_OVERRIDES);
    for (size_t i = 0; i < description->count; i++) {
        struct described_topic *topic = &description->topics[i];
        if (topic->partition_count > 1) {
            qsort(topic->partitions, (size_t)topic->partition_count, sizeof(*topic->partitions), by_index);
        }
        if (!filters && (!overrides || topic->has_override)) print_topic(cli, topic);
        for (int32_t p = 0; !overrides && p < topic->partition_count; p++) {
            if (!filters || is_shown(description, topic, &topic->partitions[p])) {
                print_partition(cli, topic, &topic->partitions[p]);
            }
        }
    }
}

// ---- which topics ----------------------------------------------------------------------------------------------

static bool parse_id(struct topics_run *run, const char *text, struct uuid *id)
{
    struct slice raw = slice_str(text);
    if (uuid_parse(raw, id) == OK) return true;
    struct arena *arena = &run->cli->arena;
    const char *why;
    if (raw.size > 24) {
        why = arena_printf(arena, "Input string with prefix `%.24s` is too long to be decoded as a base64 UUID", text);
    } else {
        why = arena_printf(arena,
                           "Input string `%s` decoded as %zu bytes, which is not equal to the expected 16 bytes of "
                           "a base64-encoded UUID",
                           text, raw.size * 3 / 4);
    }
    return topics_fail(run, "java.lang.IllegalArgumentException", why);
}

static struct slice topic_name(const void *item)
{
    return ((const struct listed_topic *)item)->name;
}

// By id when one is given and not zero, else by name. *by_id: there was an id.
static bool choose(struct topics_run *run, struct listed_topic **out, int *count, bool *by_id)
{
    const char *id_text = NULL, *pattern = NULL;
    if (!jopt_value(&run->options, TOPICS_TOPIC_ID, &id_text)) return topics_fail_option(run);
    struct uuid id = {0};
    if (id_text != NULL && !parse_id(run, id_text, &id)) return false;
    *by_id = !uuid_is_zero(id);
    if (!*by_id && !jopt_value(&run->options, TOPICS_TOPIC, &pattern)) return topics_fail_option(run);
    if (!topics_find(run, pattern, out, count)) return false;
    if (*by_id) {
        int kept = 0;
        for (int i = 0; i < *count; i++) {
            if (uuid_eq((*out)[i].id, id)) (*out)[kept++] = (*out)[i];
        }
        *count = kept;
    }
    if (*count == 0 && !jopt_has(&run->options, TOPICS_IF_EXISTS)) {
        if (*by_id) {
            return topics_fail(run, "java.lang.IllegalArgumentException",
                               arena_printf(&run->cli->arena, "TopicId '%s' does not exist as expected", id_text));
        }
        if (pattern != NULL && *pattern != '\0') {
            return topics_fail(run, "java.lang.IllegalArgumentException",
                               arena_printf(&run->cli->arena, "Topic '%s' does not exist as expected", pattern));
        }
    }
    java_hash_order(*out, (size_t)*count, sizeof(**out), (size_t)*count, topic_name);
    return true;
}

bool topics_describe(struct topics_run *run)
{
    struct description description = {.run = run};
    struct listed_topic *topics;
    int count;
    bool by_id = false;
    if (!choose(run, &topics, &count, &by_id)) return false;
    if (count == 0) return true;
    description.topics = ARENA_ARRAY(&run->cli->arena, struct described_topic, count);
    description.count = (size_t)count;
    for (int i = 0; i < count; i++) description.topics[i].name = topics[i].name;
    bool is_unsupported = by_id;
    if (!by_id && !ask_pages(&description, &is_unsupported) && !is_unsupported) return false;
    if (!ask_metadata(&description, is_unsupported) || !ask_configs(&description) || !ask_reassignments(&description)) {
        return false;
    }
    print_all(&description);
    return true;
}
