// SPDX-License-Identifier: Apache-2.0
// What an administrator asks of replicas: elect a leader now, move them, forget a broker (kafka-internals C5, D8).
#include "meta/decide.h"

#include "meta/decide_int.h"
#include "meta/decide_partition.h"
#include "proto/alter_partition_reassignments.h"
#include "proto/elect_leaders.h"
#include "proto/list_partition_reassignments.h"
#include "proto/unregister_broker.h"
#include "proto/unregister_broker_record.h"

enum { ELECT_PREFERRED = 0, LEADER_UNCHANGED = -2, STATE_RECOVERING = 1 };

static const struct uuid dir_unassigned = {.bytes = {[15] = 1}};

static struct decide_problem problem_of(enum err code)
{
    return (struct decide_problem){code, code == OK ? NULL : err_text(code)};
}

static struct slice text_of(struct decide_problem problem)
{
    return problem.text == NULL ? SLICE_NULL : slice_str(problem.text);
}

static void set_ids(struct arena *arena, struct image_ids ids, int32_t **items, int32_t *count)
{
    *items = ARENA_ARRAY(arena, int32_t, ids.count);
    if (ids.count > 0) memcpy(*items, ids.items, (size_t)ids.count * sizeof(int32_t));
    *count = ids.count;
}

static void add_change(struct decide *decide, const struct partition_change_record *record)
{
    METADATA_ADD(&decide->records, decide->arena, partition_change_record,
                 metadata_partition_version(image_metadata_version(decide->image)), record);
}

static struct partition_change_record change_of(const struct image_partition *partition)
{
    struct partition_change_record record = partition_change_record_init();
    record.topic_id = partition->topic_id;
    record.partition_id = partition->index;
    return record;
}

// ---- elections ---------------------------------------------------------------------------------------------------

// Who leads next under that kind of election; -1 nobody may.
static int32_t choose(const struct decide *decide, const struct image_partition *partition, bool is_preferred,
                      bool *is_unclean)
{
    *is_unclean = false;
    for (int32_t i = 0; i < partition->replicas.count; i++) {
        int32_t id = partition->replicas.items[i];
        bool is_safe = image_ids_contain(partition->isr, id) || image_ids_contain(partition->rare->elr, id);
        if (is_safe && decide_may_lead(decide->image, partition, id)) return id;
        if (is_preferred) return -1; // the first one only
    }
    *is_unclean = true;
    for (int32_t i = 0; i < partition->replicas.count; i++)
        if (decide_may_lead(decide->image, partition, partition->replicas.items[i]))
            return partition->replicas.items[i];
    return -1;
}

static struct decide_problem elect(struct decide *decide, const struct image_partition *partition, bool is_preferred)
{
    bool is_needed = is_preferred ? partition->replicas.count > 0 && partition->leader != partition->replicas.items[0]
                                  : partition->leader < 0;
    if (!is_needed) return problem_of(ERR_ELECTION_NOT_NEEDED);
    bool is_unclean = false;
    int32_t leader = choose(decide, partition, is_preferred, &is_unclean);
    if (leader < 0)
        return problem_of(is_preferred ? ERR_PREFERRED_LEADER_NOT_AVAILABLE : ERR_ELIGIBLE_LEADERS_NOT_AVAILABLE);
    struct partition_change_record record = change_of(partition);
    record.leader = leader;
    if (is_unclean || !image_ids_contain(partition->isr, leader)) {
        set_ids(decide->arena, (struct image_ids){&leader, 1}, &record.isr.items, &record.isr.count);
        if (partition->rare->elr.count > 0) record.eligible_leader_replicas.count = 0;
    }
    if (is_unclean && partition->leader_recovery_state == 0) record.leader_recovery_state = STATE_RECOVERING;
    add_change(decide, &record);
    return problem_of(OK);
}

static struct decide_problem elect_by_name(struct decide *decide, struct slice topic, int32_t index, bool is_preferred)
{
    if (image_topic_by_name(decide->image, topic) == NULL)
        return (struct decide_problem){ERR_UNKNOWN_TOPIC_OR_PARTITION,
                                       arena_printf(decide->arena, "No such topic as %.*s", SLICE_FMT(topic))};
    const struct image_partition *partition = image_partition(decide->image, topic, index);
    if (partition == NULL)
        return (struct decide_problem){
            ERR_UNKNOWN_TOPIC_OR_PARTITION,
            arena_printf(decide->arena, "No such partition as %.*s-%d", SLICE_FMT(topic), index)};
    return elect(decide, partition, is_preferred);
}

static void add_result(struct elect_leaders_response_replica_election_result *out, int32_t index,
                       struct decide_problem problem)
{
    out->partition_result.items[out->partition_result.count++] = (struct elect_leaders_response_partition_result){
        .partition_id = index, .error_code = err_to_wire(problem.code), .error_message = text_of(problem)};
}

// Every partition of the cluster; those that need no election are not mentioned.
static void elect_everywhere(struct decide *decide, bool is_preferred, struct elect_leaders_response *response)
{
    response->replica_election_results.items =
        ARENA_ARRAY(decide->arena, struct elect_leaders_response_replica_election_result, decide->image->topics.count);
    struct pmap_iter it = pmap_iter(&decide->image->topics);
    for (const struct image_topic *topic; (topic = image_next_topic(&it)) != NULL;) {
        struct elect_leaders_response_replica_election_result *out =
            &response->replica_election_results.items[response->replica_election_results.count++];
        int32_t count = image_topic_partition_count(topic);
        out->topic = topic->name;
        out->partition_result.items = ARENA_ARRAY(decide->arena, struct elect_leaders_response_partition_result, count);
        for (int32_t i = 0; i < count; i++) {
            struct decide_problem problem = elect_by_name(decide, topic->name, i, is_preferred);
            if (problem.code != ERR_ELECTION_NOT_NEEDED) add_result(out, i, problem);
        }
    }
}

enum err decide_elect_leaders(struct decide *decide, const struct elect_leaders_request *request,
                              struct elect_leaders_response *response)
{
    bool is_preferred = request->election_type == ELECT_PREFERRED;
    if (request->topic_partitions.count < 0) {
        elect_everywhere(decide, is_preferred, response);
        return OK;
    }
    response->replica_election_results.count = request->topic_partitions.count;
    response->replica_election_results.items = ARENA_ARRAY(
        decide->arena, struct elect_leaders_response_replica_election_result, request->topic_partitions.count);
    for (int32_t t = 0; t < request->topic_partitions.count; t++) {
        const struct elect_leaders_request_topic_partitions *in = &request->topic_partitions.items[t];
        struct elect_leaders_response_replica_election_result *out = &response->replica_election_results.items[t];
        out->topic = in->topic;
        out->partition_result.items =
            ARENA_ARRAY(decide->arena, struct elect_leaders_response_partition_result, in->partitions.count);
        for (int32_t i = 0; i < in->partitions.count; i++)
            add_result(out, in->partitions.items[i],
                       elect_by_name(decide, in->topic, in->partitions.items[i], is_preferred));
    }
    return OK;
}

// ---- reassignments -----------------------------------------------------------------------------------------------

// `from` without those in `drop`, in the arena.
static struct image_ids minus(struct arena *arena, struct image_ids from, struct image_ids drop)
{
    int32_t *items = ARENA_ARRAY(arena, int32_t, from.count);
    struct image_ids out = {items, 0};
    for (int32_t i = 0; i < from.count; i++)
        if (!image_ids_contain(drop, from.items[i])) items[out.count++] = from.items[i];
    return out;
}

// Ascending; there are few.
static struct image_ids sorted(struct arena *arena, struct image_ids ids)
{
    int32_t *items = ARENA_ARRAY(arena, int32_t, ids.count);
    for (int32_t i = 0; i < ids.count; i++) {
        int32_t at = i;
        for (; at > 0 && items[at - 1] > ids.items[i]; at--) items[at] = items[at - 1];
        items[at] = ids.items[i];
    }
    return (struct image_ids){items, ids.count};
}

static struct image_ids joined(struct arena *arena, struct image_ids a, struct image_ids b)
{
    int32_t *items = ARENA_ARRAY(arena, int32_t, a.count + b.count);
    for (int32_t i = 0; i < a.count; i++) items[i] = a.items[i];
    for (int32_t i = 0; i < b.count; i++) items[a.count + i] = b.items[i];
    return (struct image_ids){items, a.count + b.count};
}

static bool ids_eq(struct image_ids a, struct image_ids b)
{
    return a.count == b.count && (a.count == 0 || memcmp(a.items, b.items, (size_t)a.count * sizeof(int32_t)) == 0);
}

static bool contains_all(struct image_ids all, struct image_ids some)
{
    for (int32_t i = 0; i < some.count; i++)
        if (!image_ids_contain(all, some.items[i])) return false;
    return true;
}

struct assignment {
    struct image_ids replicas;
    struct image_ids isr;
    struct image_ids removing;
    struct image_ids adding;
};

// A replica keeps its directory; a new one has none yet.
static void set_directories(struct decide *decide, const struct image_partition *old, struct image_ids replicas,
                            struct partition_change_record *record)
{
    if (metadata_partition_version(image_metadata_version(decide->image)) < 1) return;
    record->directories.count = replicas.count;
    record->directories.items = ARENA_ARRAY(decide->arena, struct uuid, replicas.count);
    for (int32_t i = 0; i < replicas.count; i++) {
        record->directories.items[i] = dir_unassigned;
        for (int32_t k = 0; k < old->replicas.count && old->directories != NULL; k++)
            if (old->replicas.items[k] == replicas.items[i]) record->directories.items[i] = old->directories[k];
    }
}

static int32_t leader_of(const struct decide *decide, const struct image_partition *old, const struct assignment *to)
{
    if (image_ids_contain(to->isr, old->leader) && image_ids_contain(to->replicas, old->leader)) return old->leader;
    for (int32_t i = 0; i < to->replicas.count; i++)
        if (image_ids_contain(to->isr, to->replicas.items[i]) &&
            decide_may_lead(decide->image, old, to->replicas.items[i]))
            return to->replicas.items[i];
    return -1;
}

// Writes down what differs. A move whose new replicas all are in sync is complete at once.
static void assign(struct decide *decide, const struct image_partition *old, struct assignment to)
{
    struct arena *arena = decide->arena;
    bool is_moving = to.removing.count > 0 || to.adding.count > 0;
    struct image_ids rest = minus(arena, to.isr, to.removing);
    if (is_moving && rest.count > 0 && contains_all(rest, to.adding))
        to = (struct assignment){.replicas = minus(arena, to.replicas, to.removing), .isr = rest};
    struct partition_change_record record = change_of(old);
    bool replicas_differ = !ids_eq(to.replicas, old->replicas);
    bool isr_differs = !ids_eq(to.isr, old->isr);
    bool removing_differs = !ids_eq(to.removing, old->rare->removing);
    bool adding_differs = !ids_eq(to.adding, old->rare->adding);
    if (!replicas_differ && !isr_differs && !removing_differs && !adding_differs) return;
    if (replicas_differ) {
        set_ids(arena, to.replicas, &record.replicas.items, &record.replicas.count);
        set_directories(decide, old, to.replicas, &record);
    }
    if (isr_differs) set_ids(arena, to.isr, &record.isr.items, &record.isr.count);
    if (removing_differs) set_ids(arena, to.removing, &record.removing_replicas.items, &record.removing_replicas.count);
    if (adding_differs) set_ids(arena, to.adding, &record.adding_replicas.items, &record.adding_replicas.count);
    // A replica that goes must learn from a new leader epoch that it is none any more.
    int32_t leader = leader_of(decide, old, &to);
    if (leader != old->leader || !contains_all(to.replicas, old->replicas)) record.leader = leader;
    if (record.leader == -1 && old->leader == -1) record.leader = LEADER_UNCHANGED;
    add_change(decide, &record);
}

static struct decide_problem cancel(struct decide *decide, const struct image_partition *old)
{
    if (old->rare->removing.count == 0 && old->rare->adding.count == 0)
        return problem_of(ERR_NO_REASSIGNMENT_IN_PROGRESS);
    struct assignment to = {.replicas = minus(decide->arena, old->replicas, old->rare->adding),
                            .isr = minus(decide->arena, old->isr, old->rare->adding)};
    if (to.isr.count == 0) {
        const struct image_topic *topic = image_topic_by_id(decide->image, old->topic_id);
        return (struct decide_problem){
            ERR_INVALID_REPLICA_ASSIGNMENT,
            arena_printf(decide->arena,
                         "Unable to revert partition assignment for %.*s:%d because it would require an unclean "
                         "leader election.",
                         SLICE_FMT(topic->name), old->index)};
    }
    assign(decide, old, to);
    return problem_of(OK);
}

static struct decide_problem reassign(struct decide *decide, const struct image_partition *old, struct image_ids target,
                                      bool may_change_count)
{
    struct decide_problem problem = decide_check_manual(decide, target.items, target.count, -1);
    if (problem.code != OK) return problem;
    struct image_ids settled = minus(decide->arena, old->replicas, old->rare->removing);
    if (!may_change_count && target.count != settled.count)
        return (struct decide_problem){ERR_INVALID_REPLICATION_FACTOR,
                                       arena_printf(decide->arena, "The replication factor is changed from %d to %d",
                                                    settled.count, target.count)};
    struct image_ids removing = sorted(decide->arena, minus(decide->arena, old->replicas, target));
    struct assignment to = {.replicas = joined(decide->arena, target, removing),
                            .isr = old->isr,
                            .removing = removing,
                            .adding = sorted(decide->arena, minus(decide->arena, target, old->replicas))};
    assign(decide, old, to);
    return problem_of(OK);
}

static struct decide_problem alter(struct decide *decide, struct slice topic,
                                   const struct alter_partition_reassignments_request_reassignable_partition *in,
                                   bool may_change_count)
{
    const char *text = NULL;
    const struct image_partition *old = image_partition(decide->image, topic, in->partition_index);
    if (image_topic_by_name(decide->image, topic) == NULL)
        text = arena_printf(decide->arena, "Unable to find a topic named %.*s.", SLICE_FMT(topic));
    else if (old == NULL)
        text = arena_printf(decide->arena, "Unable to find partition %.*s:%d.", SLICE_FMT(topic), in->partition_index);
    if (text != NULL) return (struct decide_problem){ERR_UNKNOWN_TOPIC_OR_PARTITION, text};
    if (in->replicas.count < 0) return cancel(decide, old);
    return reassign(decide, old, (struct image_ids){in->replicas.items, in->replicas.count}, may_change_count);
}

enum err decide_alter_reassignments(struct decide *decide, const struct alter_partition_reassignments_request *request,
                                    struct alter_partition_reassignments_response *response)
{
    response->error_message = SLICE_NULL;
    response->allow_replication_factor_change = request->allow_replication_factor_change;
    response->responses.count = request->topics.count;
    response->responses.items =
        ARENA_ARRAY(decide->arena, struct alter_partition_reassignments_response_reassignable_topic_response,
                    request->topics.count);
    for (int32_t t = 0; t < request->topics.count; t++) {
        const struct alter_partition_reassignments_request_reassignable_topic *in = &request->topics.items[t];
        struct alter_partition_reassignments_response_reassignable_topic_response *out = &response->responses.items[t];
        out->name = in->name;
        out->partitions.count = in->partitions.count;
        out->partitions.items =
            ARENA_ARRAY(decide->arena, struct alter_partition_reassignments_response_reassignable_partition_response,
                        in->partitions.count);
        for (int32_t i = 0; i < in->partitions.count; i++) {
            struct decide_problem problem =
                alter(decide, in->name, &in->partitions.items[i], request->allow_replication_factor_change);
            out->partitions.items[i] = (struct alter_partition_reassignments_response_reassignable_partition_response){
                .partition_index = in->partitions.items[i].partition_index,
                .error_code = err_to_wire(problem.code),
                .error_message = text_of(problem)};
        }
    }
    return OK;
}

static void list_topic(struct decide *decide, const struct image_topic *topic, const int32_t *indexes, int32_t count,
                       struct list_partition_reassignments_response *response)
{
    struct list_partition_reassignments_response_ongoing_topic_reassignment out = {.name = topic->name};
    out.partitions.items =
        ARENA_ARRAY(decide->arena, struct list_partition_reassignments_response_ongoing_partition_reassignment, count);
    for (int32_t i = 0; i < count; i++) {
        const struct image_partition *p = image_partition_at(topic, indexes == NULL ? i : indexes[i]);
        if (p == NULL || (p->rare->adding.count == 0 && p->rare->removing.count == 0)) continue;
        struct list_partition_reassignments_response_ongoing_partition_reassignment *move =
            &out.partitions.items[out.partitions.count++];
        move->partition_index = p->index;
        set_ids(decide->arena, p->replicas, &move->replicas.items, &move->replicas.count);
        set_ids(decide->arena, p->rare->adding, &move->adding_replicas.items, &move->adding_replicas.count);
        set_ids(decide->arena, p->rare->removing, &move->removing_replicas.items, &move->removing_replicas.count);
    }
    if (out.partitions.count > 0) response->topics.items[response->topics.count++] = out;
}

enum err decide_list_reassignments(struct decide *decide, const struct list_partition_reassignments_request *request,
                                   struct list_partition_reassignments_response *response)
{
    bool wants_all = request->topics.count < 0;
    response->error_message = SLICE_NULL;
    response->topics.items =
        ARENA_ARRAY(decide->arena, struct list_partition_reassignments_response_ongoing_topic_reassignment,
                    wants_all ? decide->image->topics.count : request->topics.count);
    struct pmap_iter it = pmap_iter(&decide->image->topics);
    for (const struct image_topic *topic; wants_all && (topic = image_next_topic(&it)) != NULL;)
        list_topic(decide, topic, NULL, image_topic_partition_count(topic), response);
    for (int32_t i = 0; i < request->topics.count; i++) {
        const struct list_partition_reassignments_request_list_partition_reassignments_topics *in =
            &request->topics.items[i];
        const struct image_topic *topic = image_topic_by_name(decide->image, in->name);
        if (topic != NULL)
            list_topic(decide, topic, in->partition_indexes.items, in->partition_indexes.count, response);
    }
    return OK;
}

// ---- brokers that are gone for good ------------------------------------------------------------------------------

enum err decide_unregister_broker(struct decide *decide, const struct unregister_broker_request *request,
                                  struct unregister_broker_response *response)
{
    const struct image_node *broker = image_broker(decide->image, request->broker_id);
    response->error_message = SLICE_NULL;
    if (broker == NULL) {
        response->error_code = ERR_BROKER_ID_NOT_REGISTERED;
        response->error_message =
            slice_str(arena_printf(decide->arena, "Broker ID %d is not currently registered", request->broker_id));
        return OK;
    }
    struct decide_move move = {DECIDE_MOVE_NONE};
    move.leaving = broker->id;
    decide_move_partitions(decide, &move);
    struct unregister_broker_record record = unregister_broker_record_init();
    record.broker_id = broker->id;
    record.broker_epoch = broker->epoch;
    METADATA_ADD(&decide->records, decide->arena, unregister_broker_record, 0, &record);
    return OK;
}
