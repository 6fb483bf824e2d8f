// SPDX-License-Identifier: Apache-2.0
// DeleteTopics and CreatePartitions; order of checks and sentences are Kafka's (4.3.1, observed).
#include "meta/decide_int.h"
#include "proto/create_partitions.h"
#include "proto/delete_topics.h"

static struct decide_problem refuse(enum err code, const char *text)
{
    return (struct decide_problem){code, text};
}

// ---- DeleteTopics -----------------------------------------------------------------------------------------------

struct doomed {
    struct slice name; // null when asked by id
    struct uuid id;    // zero when asked by name
};

static bool same(const struct doomed *a, const struct doomed *b)
{
    return uuid_eq(a->id, b->id) && slice_is_null(a->name) == slice_is_null(b->name) && slice_eq(a->name, b->name);
}

static struct decide_problem find_doomed(struct decide *decide, const struct doomed *all, int32_t count, int32_t index,
                                         bool *is_first, const struct image_topic **out)
{
    const struct doomed *d = &all[index];
    bool is_repeated = false;
    for (int32_t i = 0; i < count; i++) {
        if (i == index || !same(&all[i], d)) continue;
        is_repeated = true;
        if (i < index) *is_first = false;
    }
    if (!slice_is_null(d->name) && !uuid_is_zero(d->id))
        return refuse(ERR_INVALID_REQUEST, "You may not specify both topic name and topic id.");
    if (slice_is_null(d->name) && uuid_is_zero(d->id))
        return refuse(ERR_INVALID_REQUEST, "Neither topic name nor id were specified.");
    if (is_repeated)
        return refuse(ERR_INVALID_REQUEST, slice_is_null(d->name) ? "Duplicate topic id." : "Duplicate topic name.");
    const struct image_topic *topic =
        slice_is_null(d->name) ? image_topic_by_id(decide->image, d->id) : image_topic_by_name(decide->image, d->name);
    if (topic == NULL)
        return refuse(slice_is_null(d->name) ? ERR_UNKNOWN_TOPIC_ID : ERR_UNKNOWN_TOPIC_OR_PARTITION, NULL);
    for (int32_t i = 0; i < count; i++)
        if (!slice_is_null(d->name) && uuid_eq(all[i].id, topic->id))
            return refuse(ERR_INVALID_REQUEST, "The provided topic name maps to an ID that was already supplied.");
    if (!decide->settings->can_delete_topics) return refuse(ERR_TOPIC_DELETION_DISABLED, NULL);
    *out = topic;
    return refuse(OK, NULL);
}

enum err decide_delete_topics(struct decide *decide, const struct delete_topics_request *request,
                              struct delete_topics_response *response)
{
    int32_t by_names = request->topic_names.count > 0 ? request->topic_names.count : 0; // up to v5
    int32_t count = by_names + (request->topics.count > 0 ? request->topics.count : 0);
    struct doomed *all = ARENA_ARRAY(decide->arena, struct doomed, count);
    for (int32_t i = 0; i < by_names; i++) all[i].name = request->topic_names.items[i];
    for (int32_t i = by_names; i < count; i++)
        all[i] =
            (struct doomed){request->topics.items[i - by_names].name, request->topics.items[i - by_names].topic_id};
    response->responses.items = ARENA_ARRAY(decide->arena, struct delete_topics_response_deletable_topic_result, count);
    for (int32_t i = 0; i < count; i++) {
        struct delete_topics_response_deletable_topic_result out = delete_topics_response_deletable_topic_result_init();
        bool is_first = true;
        const struct image_topic *topic = NULL;
        struct decide_problem problem = find_doomed(decide, all, count, i, &is_first, &topic);
        if (!is_first) continue;
        if (topic != NULL) problem = decide_charge(decide, image_topic_partition_count(topic));
        // Copied: the image that holds the topic may go before the answer does.
        out.name = topic != NULL ? arena_copy(decide->arena, topic->name) : all[i].name;
        out.topic_id = topic != NULL ? topic->id : all[i].id;
        out.error_code = err_to_wire(problem.code);
        out.error_message = decide_message(problem);
        if (topic != NULL && problem.code == OK) {
            struct remove_topic_record record = remove_topic_record_init();
            record.topic_id = topic->id;
            METADATA_ADD(&decide->records, decide->arena, remove_topic_record, 0, &record);
        }
        response->responses.items[response->responses.count++] = out;
    }
    return OK;
}

// ---- CreatePartitions -------------------------------------------------------------------------------------------

static struct decide_problem grow(struct decide *decide,
                                  const struct create_partitions_request_create_partitions_topic *asked)
{
    const struct image_topic *topic = image_topic_by_name(decide->image, asked->name);
    if (topic == NULL) return refuse(ERR_UNKNOWN_TOPIC_OR_PARTITION, NULL);
    int32_t old_count = image_topic_partition_count(topic);
    if (asked->count == old_count)
        return refuse(ERR_INVALID_PARTITIONS,
                      arena_printf(decide->arena, "Topic already has %d partition(s).", old_count));
    if (asked->count < old_count)
        return refuse(ERR_INVALID_PARTITIONS,
                      arena_printf(decide->arena,
                                   "The topic %.*s currently has %d partition(s); %d would not be an increase.",
                                   SLICE_FMT(asked->name), old_count, asked->count));
    int32_t more = asked->count - old_count;
    if (more + decide->records.count > METADATA_RECORDS_MAX)
        return refuse(ERR_POLICY_VIOLATION, "Excessively large number of partitions per request.");
    if (asked->assignments.count >= 0 && asked->assignments.count != more)
        return refuse(
            ERR_INVALID_REPLICA_ASSIGNMENT,
            arena_printf(decide->arena,
                         "Attempted to add %d additional partition(s), but only %d assignment(s) were specified.", more,
                         asked->assignments.count));
    const struct image_partition *first = image_partition_at(topic, 0);
    if (first == NULL) return refuse(ERR_UNKNOWN_SERVER_ERROR, NULL);
    struct decide_replicas *replicas = ARENA_ARRAY(decide->arena, struct decide_replicas, more);
    struct decide_problem problem = refuse(OK, NULL);
    if (asked->assignments.count >= 0) {
        for (int32_t i = 0; i < more; i++) {
            replicas[i] = (struct decide_replicas){asked->assignments.items[i].broker_ids.items,
                                                   asked->assignments.items[i].broker_ids.count};
            problem = decide_check_manual(decide, replicas[i].items, replicas[i].count, first->replicas.count);
            if (problem.code != OK) return problem;
            if (!decide_has_active(decide, replicas[i]))
                return refuse(ERR_INVALID_REPLICA_ASSIGNMENT,
                              arena_printf(decide->arena,
                                           "All brokers specified in the manual partition assignment for partition %d "
                                           "are fenced or in controlled shutdown.",
                                           old_count + i));
        }
    } else {
        problem = decide_place(decide, more, first->replicas.count, replicas);
        if (problem.code != OK) return problem;
        for (int32_t i = 0; i < more; i++)
            if (!decide_has_active(decide, replicas[i]))
                return refuse(ERR_INVALID_REPLICATION_FACTOR,
                              arena_printf(decide->arena,
                                           "Unable to replicate the partition %d time(s): All brokers are currently "
                                           "fenced or in controlled shutdown.",
                                           first->replicas.count));
    }
    problem = decide_charge(decide, more);
    if (problem.code != OK) return problem;
    for (int32_t i = 0; i < more; i++) decide_add_partition(decide, topic->id, old_count + i, replicas[i]);
    return problem;
}

enum err decide_create_partitions(struct decide *decide, const struct create_partitions_request *request,
                                  struct create_partitions_response *response)
{
    response->results.items = ARENA_ARRAY(
        decide->arena, struct create_partitions_response_create_partitions_topic_result, request->topics.count);
    for (int32_t i = 0; i < request->topics.count; i++) {
        bool is_first = true;
        bool is_repeated = false;
        for (int32_t k = 0; k < request->topics.count; k++) {
            if (k == i || !slice_eq(request->topics.items[k].name, request->topics.items[i].name)) continue;
            is_repeated = true;
            if (k < i) is_first = false;
        }
        if (!is_first) continue;
        struct decide_problem problem = is_repeated ? refuse(ERR_INVALID_REQUEST, "Duplicate topic name.")
                                                    : grow(decide, &request->topics.items[i]);
        struct create_partitions_response_create_partitions_topic_result out =
            create_partitions_response_create_partitions_topic_result_init();
        out.name = request->topics.items[i].name;
        out.error_code = err_to_wire(problem.code);
        out.error_message = decide_message(problem);
        response->results.items[response->results.count++] = out;
    }
    if (request->validate_only) decide->records = (struct metadata_records){0};
    return OK;
}
