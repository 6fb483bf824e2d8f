// SPDX-License-Identifier: Apache-2.0
// Groups: listed on every broker, described by their coordinators.
#include "cli/admin_groups.h"

#include "cli/coordinator.h"
#include "cli/java_order.h"
#include "proto/apis.h"
#include "proto/consumer_group_describe.h"
#include "proto/consumer_protocol_assignment.h"
#include "proto/describe_groups.h"
#include "proto/list_groups.h"
#include "proto/metadata.h"

#include "base/bytes.h"

#include <strings.h>

enum { RETRY_MS = 100 };

// ---- lists -----------------------------------------------------------------------------------------------------

static struct slice listing_id(const void *item)
{
    return ((const struct admin_listing *)item)->id;
}

static struct slice own_name(const void *item)
{
    return *(const struct slice *)item;
}

void admin_order_names(struct slice *names, int32_t count)
{
    java_hash_order(names, (size_t)count, sizeof(*names), 16, own_name);
}

static bool ask_brokers(struct cli *cli, struct client *client, int32_t **ids, int32_t *count,
                        struct cli_thrown *thrown)
{
    struct metadata_request request = metadata_request_init();
    request.allow_auto_topic_creation = true;
    struct client_call call = {.api_key = API_METADATA, .node_id = CLIENT_ANY, .request = &request, .version_min = 1};
    struct cli_error error;
    bool ok = cli_call(cli, client, &call, "findAllBrokers", &error);
    if (!ok) {
        *thrown = cli_thrown(error);
        cli_wrap(thrown, "org.apache.kafka.common.KafkaException", "Failed to find brokers to send ListGroups");
    } else {
        const struct metadata_response *answer = call.response;
        *ids = ARENA_ARRAY(&cli->arena, int32_t, answer->brokers.count + 1);
        *count = answer->brokers.count;
        for (int32_t i = 0; i < *count; i++) (*ids)[i] = answer->brokers.items[i].node_id;
    }
    client_call_deinit(&call);
    return ok;
}

struct listings {
    struct admin_listing *items;
    int32_t count, capacity;
};

// The one of `known` that it is in any case of letters, "Unknown" for another; nothing stays nothing.
static struct slice parsed(struct slice text, const char *const *known, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        bool same = strlen(known[i]) == text.size && strncasecmp(known[i], (const char *)text.data, text.size) == 0;
        if (same) return slice_str(known[i]);
    }
    return text.size == 0 ? text : SLICE("Unknown");
}

static struct slice parsed_state(struct slice text)
{
    static const char *const states[] = {"PreparingRebalance", "CompletingRebalance", "Stable",  "Dead", "Empty",
                                         "Assigning",          "Reconciling",         "NotReady"};
    return parsed(text, states, COUNT_OF(states));
}

static struct slice parsed_type(struct slice text)
{
    static const char *const types[] = {"Classic", "Consumer", "Share", "Streams"};
    return parsed(text, types, COUNT_OF(types));
}

static void add_listing(struct cli *cli, struct listings *list, const struct list_groups_response_listed_group *from)
{
    if (list->count == list->capacity) {
        list->capacity = list->capacity == 0 ? 32 : list->capacity * 2;
        struct admin_listing *more = ARENA_ARRAY(&cli->arena, struct admin_listing, list->capacity);
        if (list->count > 0) memcpy(more, list->items, (size_t)list->count * sizeof(*more));
        list->items = more;
    }
    list->items[list->count++] = (struct admin_listing){
        .id = arena_copy(&cli->arena, from->group_id),
        .protocol_type = arena_copy(&cli->arena, from->protocol_type),
        .state = parsed_state(from->group_state),
        .type = parsed_type(from->group_type),
    };
}

// One broker's groups; a failure in the words of AdminClient.
static bool ask_broker(struct cli *cli, struct client *client, int32_t node, const struct list_groups_request *request,
                       struct listings *list, struct cli_error *error)
{
    for (;;) {
        struct client_call call = {.api_key = API_LIST_GROUPS, .node_id = node, .request = request};
        // A filter must not be dropped silently.
        call.version_min = request->types_filter.count > 0 ? 5 : request->states_filter.count > 0 ? 4 : 0;
        bool ok = cli_call(cli, client, &call, "listGroups", error);
        enum err code = OK;
        if (ok) {
            const struct list_groups_response *answer = call.response;
            code = (enum err)answer->error_code;
            for (int32_t i = 0; code == OK && i < answer->groups.count; i++) {
                add_listing(cli, list, &answer->groups.items[i]);
            }
        }
        client_call_deinit(&call);
        if (!ok) return false;
        if (code == OK) return true;
        if (code == ERR_COORDINATOR_LOAD_IN_PROGRESS || code == ERR_COORDINATOR_NOT_AVAILABLE) {
            if (cli_pause(cli, RETRY_MS)) continue;
        }
        *error = cli_error_of(cli, code, SLICE_NULL);
        return false;
    }
}

bool admin_list_groups(struct cli *cli, struct client *client, const struct slice *states, int32_t state_count,
                       const struct slice *types, int32_t type_count, struct admin_listing **out, int32_t *count,
                       struct cli_thrown *thrown)
{
    int32_t *nodes, node_count;
    if (!ask_brokers(cli, client, &nodes, &node_count, thrown)) return false;
    struct list_groups_request request = list_groups_request_init();
    request.states_filter.items = ARENA_ARRAY(&cli->arena, struct slice, state_count + 1);
    request.types_filter.items = ARENA_ARRAY(&cli->arena, struct slice, type_count + 1);
    for (int32_t i = 0; i < state_count; i++) request.states_filter.items[i] = states[i];
    for (int32_t i = 0; i < type_count; i++) request.types_filter.items[i] = types[i];
    request.states_filter.count = state_count;
    request.types_filter.count = type_count;
    struct listings list = {0};
    for (int32_t i = 0; i < node_count; i++) {
        struct cli_error error;
        if (ask_broker(cli, client, nodes[i], &request, &list, &error)) continue;
        struct slice host;
        int port;
        if (!client_address(client, nodes[i], &host, &port)) host = SLICE(""), port = -1;
        error.text =
            arena_printf(&cli->arena, "Error listing groups on %.*s:%d (id: %d rack: null isFenced: false): %s",
                         SLICE_FMT(host), port, nodes[i], error.text);
        *thrown = cli_thrown(error);
        return false;
    }
    java_hash_order(list.items, (size_t)list.count, sizeof(*list.items), 16, listing_id);
    *out = list.items;
    *count = list.count;
    return true;
}

// ---- describing ------------------------------------------------------------------------------------------------

bool admin_read_assignment(struct arena *arena, struct slice bytes, struct topic_partition **out, int32_t *count)
{
    *out = NULL;
    *count = 0;
    if (bytes.size == 0) return true;
    if (bytes.size < 2) return false;
    int version = load_i16(bytes.data);
    if (version < 0) return false;
    if (version > CONSUMER_PROTOCOL_ASSIGNMENT_VERSION_MAX) version = CONSUMER_PROTOCOL_ASSIGNMENT_VERSION_MAX;
    struct consumer_protocol_assignment assignment;
    size_t consumed; // a later version may have more behind
    enum err e = wire_decode(&consumer_protocol_assignment_message, version, slice_of(bytes.data + 2, bytes.size - 2),
                             arena, &assignment, &consumed);
    if (e != OK) return false;
    int32_t total = 0;
    for (int32_t t = 0; t < assignment.assigned_partitions.count; t++) {
        total += assignment.assigned_partitions.items[t].partitions.count;
    }
    struct topic_partition *items = ARENA_ARRAY(arena, struct topic_partition, total + 1);
    for (int32_t t = 0; t < assignment.assigned_partitions.count; t++) {
        const struct consumer_protocol_assignment_topic_partition *from = &assignment.assigned_partitions.items[t];
        for (int32_t p = 0; p < from->partitions.count; p++) {
            items[(*count)++] = (struct topic_partition){arena_copy(arena, from->topic), from->partitions.items[p]};
        }
    }
    *out = items;
    return true;
}

static void fail_group(struct cli *cli, struct admin_group *group, int16_t code, struct slice text)
{
    group->has_failed = true;
    group->err = (enum err)code;
    group->error = cli_error_of(cli, (enum err)code, text);
}

static void take_targets(struct cli *cli, struct topic_partition **out, int32_t *count,
                         const struct consumer_group_describe_response_assignment *from)
{
    int32_t total = 0;
    for (int32_t t = 0; t < from->topic_partitions.count; t++) {
        total += from->topic_partitions.items[t].partitions.count;
    }
    *out = ARENA_ARRAY(&cli->arena, struct topic_partition, total + 1);
    *count = 0;
    for (int32_t t = 0; t < from->topic_partitions.count; t++) {
        const struct consumer_group_describe_response_topic_partitions *topic = &from->topic_partitions.items[t];
        struct slice name = arena_copy(&cli->arena, topic->topic_name);
        for (int32_t p = 0; p < topic->partitions.count; p++) {
            (*out)[(*count)++] = (struct topic_partition){name, topic->partitions.items[p]};
        }
    }
}

static struct slice copy_or_null(struct cli *cli, struct slice text)
{
    return slice_is_null(text) ? text : arena_copy(&cli->arena, text);
}

static void take_consumer_group(struct cli *cli, struct admin_group *group,
                                const struct consumer_group_describe_response_described_group *from)
{
    group->is_consumer_type = true;
    group->state = parsed_state(from->group_state);
    group->assignor = arena_copy(&cli->arena, from->assignor_name);
    group->group_epoch = from->group_epoch;
    group->target_epoch = from->assignment_epoch;
    group->members = ARENA_ARRAY(&cli->arena, struct admin_member, from->members.count + 1);
    group->member_count = from->members.count;
    for (int32_t i = 0; i < from->members.count; i++) {
        const struct consumer_group_describe_response_member *member = &from->members.items[i];
        struct admin_member *to = &group->members[i];
        to->id = arena_copy(&cli->arena, member->member_id);
        to->instance_id = copy_or_null(cli, member->instance_id);
        to->client_id = arena_copy(&cli->arena, member->client_id);
        to->host = arena_copy(&cli->arena, member->client_host);
        to->epoch = member->member_epoch;
        to->upgraded = member->member_type;
        take_targets(cli, &to->assigned, &to->assigned_count, &member->assignment);
        take_targets(cli, &to->target, &to->target_count, &member->target_assignment);
    }
}

static enum err consumer_group_code(const void *response, int version)
{
    (void)version;
    const struct consumer_group_describe_response *answer = response;
    return answer->groups.count > 0 ? (enum err)answer->groups.items[0].error_code : OK;
}

// True: it is answered for. False: no group of the consumer protocol, ask the classic way; `text` is what the broker
// said about a group that is not there.
static bool describe_consumer_group(struct cli *cli, struct client *client, struct admin_group *group,
                                    struct slice *text)
{
    struct consumer_group_describe_request request = consumer_group_describe_request_init();
    request.group_ids.items = &group->id;
    request.group_ids.count = 1;
    struct coordinator_call what = {.api_key = API_CONSUMER_GROUP_DESCRIBE,
                                    .request = &request,
                                    .name = "describeConsumerGroups",
                                    .code = consumer_group_code};
    struct client_call call = {0};
    struct coordinator coordinator = {0};
    bool is_answered = true;
    if (!coordinator_ask(cli, client, group->id, &what, &call, &coordinator, &group->error)) {
        group->has_failed = call.err != ERR_UNSUPPORTED_VERSION;
        is_answered = group->has_failed;
    } else {
        const struct consumer_group_describe_response *answer = call.response;
        const struct consumer_group_describe_response_described_group *first = answer->groups.items;
        group->coordinator = coordinator.node;
        group->host = coordinator.host;
        group->port = coordinator.port;
        if (answer->groups.count == 0 || first->error_code == ERR_UNSUPPORTED_VERSION) {
            is_answered = false;
        } else if (first->error_code == ERR_GROUP_ID_NOT_FOUND) {
            *text = copy_or_null(cli, first->error_message);
            is_answered = false;
        } else if (first->error_code != OK) {
            fail_group(cli, group, first->error_code, first->error_message);
        } else {
            take_consumer_group(cli, group, first);
        }
    }
    client_call_deinit(&call);
    return is_answered;
}

static enum err classic_group_code(const void *response, int version)
{
    (void)version;
    const struct describe_groups_response *answer = response;
    return answer->groups.count > 0 ? (enum err)answer->groups.items[0].error_code : OK;
}

static void take_classic_group(struct cli *cli, struct admin_group *group,
                               const struct describe_groups_response_described_group *from)
{
    if (from->protocol_type.size > 0 && !slice_eq_str(from->protocol_type, "consumer")) {
        group->has_failed = true;
        group->err = ERR_INCONSISTENT_GROUP_PROTOCOL;
        group->error.class_name = "java.lang.IllegalArgumentException";
        group->error.text = arena_printf(&cli->arena, "GroupId %.*s is not a consumer group (%.*s).",
                                         SLICE_FMT(group->id), SLICE_FMT(from->protocol_type));
        return;
    }
    group->state = parsed_state(from->group_state);
    group->assignor = arena_copy(&cli->arena, from->protocol_data);
    group->members = ARENA_ARRAY(&cli->arena, struct admin_member, from->members.count + 1);
    group->member_count = from->members.count;
    for (int32_t i = 0; i < from->members.count; i++) {
        const struct describe_groups_response_described_group_member *member = &from->members.items[i];
        struct admin_member *to = &group->members[i];
        to->id = arena_copy(&cli->arena, member->member_id);
        to->instance_id = copy_or_null(cli, member->group_instance_id);
        to->client_id = arena_copy(&cli->arena, member->client_id);
        to->host = arena_copy(&cli->arena, member->client_host);
        to->epoch = -1;
        to->upgraded = -1;
        if (!admin_read_assignment(&cli->arena, member->member_assignment, &to->assigned, &to->assigned_count)) {
            fail_group(cli, group, ERR_CORRUPT_MESSAGE, SLICE("a member's assignment cannot be read"));
        }
    }
}

void admin_describe_group(struct cli *cli, struct client *client, struct slice id, struct admin_group *group)
{
    *group = (struct admin_group){.id = id, .group_epoch = -1, .target_epoch = -1};
    struct slice not_found = SLICE_NULL;
    if (describe_consumer_group(cli, client, group, &not_found)) return;
    struct describe_groups_request request = describe_groups_request_init();
    request.groups.items = &group->id;
    request.groups.count = 1;
    struct coordinator_call what = {.api_key = API_DESCRIBE_GROUPS,
                                    .request = &request,
                                    .name = "describeConsumerGroups",
                                    .code = classic_group_code};
    struct client_call call = {0};
    struct coordinator coordinator = {0};
    if (!coordinator_ask(cli, client, id, &what, &call, &coordinator, &group->error)) {
        group->has_failed = true;
    } else {
        const struct describe_groups_response *answer = call.response;
        const struct describe_groups_response_described_group *first = answer->groups.items;
        group->coordinator = coordinator.node;
        group->host = coordinator.host;
        group->port = coordinator.port;
        if (answer->groups.count == 0)
            fail_group(cli, group, ERR_UNKNOWN_SERVER_ERROR, SLICE_NULL);
        else if (first->error_code == ERR_GROUP_ID_NOT_FOUND && !slice_is_null(not_found))
            fail_group(cli, group, first->error_code, not_found);
        else if (first->error_code != OK)
            fail_group(cli, group, first->error_code, first->error_message);
        else
            take_classic_group(cli, group, first);
    }
    client_call_deinit(&call);
}
