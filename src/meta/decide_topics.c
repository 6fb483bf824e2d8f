// SPDX-License-Identifier: Apache-2.0
// CreateTopics. Which check comes first, and its sentence, is what clients and tools see, so both are Kafka's (4.3.1,
// observed). A topic that fails leaves no record; the others of the request go on.
#include "meta/decide_int.h"
#include "proto/create_topics.h"

enum { TOPIC_NAME_SIZE_MAX = 249 };

static bool is_name_byte(uint8_t c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' ||
           c == '-';
}

const char *topic_name_problem(struct slice name, struct arena *arena)
{
    if (name.size == 0) return "the empty string is not allowed";
    if (slice_eq_str(name, ".")) return "'.' is not allowed";
    if (slice_eq_str(name, "..")) return "'..' is not allowed";
    if (name.size > TOPIC_NAME_SIZE_MAX)
        return arena_printf(arena, "the length of '%.*s' is longer than the max allowed length %d", SLICE_FMT(name),
                            TOPIC_NAME_SIZE_MAX);
    for (size_t i = 0; i < name.size; i++)
        if (!is_name_byte(name.data[i]))
            return arena_printf(
                arena, "'%.*s' contains one or more characters other than ASCII alphanumerics, '.', '_' and '-'",
                SLICE_FMT(name));
    return NULL;
}

static struct decide_problem refuse(enum err code, const char *text)
{
    return (struct decide_problem){code, text};
}

static struct decide_problem fine(void)
{
    return (struct decide_problem){OK, NULL};
}

static bool has_collision_chars(struct slice name)
{
    for (size_t i = 0; i < name.size; i++)
        if (name.data[i] == '.' || name.data[i] == '_') return true;
    return false;
}

// Metric names turn '.' into '_', so two topics that differ only there would share their metrics.
static bool collides(struct slice a, struct slice b)
{
    if (a.size != b.size) return false;
    for (size_t i = 0; i < a.size; i++) {
        uint8_t x = a.data[i] == '.' ? '_' : a.data[i];
        uint8_t y = b.data[i] == '.' ? '_' : b.data[i];
        if (x != y) return false;
    }
    return true;
}

static struct decide_problem check_name(struct decide *decide, struct slice name)
{
    const char *why = topic_name_problem(name, decide->arena);
    if (why != NULL)
        return refuse(ERR_INVALID_TOPIC_EXCEPTION, arena_printf(decide->arena, "Topic name is invalid: %s", why));
    if (image_topic_by_name(decide->image, name) != NULL)
        return refuse(ERR_TOPIC_ALREADY_EXISTS,
                      arena_printf(decide->arena, "Topic '%.*s' already exists.", SLICE_FMT(name)));
    if (!has_collision_chars(name)) return fine();
    struct pmap_iter it = pmap_iter(&decide->image->topics);
    for (const struct image_topic *topic; (topic = image_next_topic(&it)) != NULL;)
        if (collides(topic->name, name))
            return refuse(ERR_INVALID_TOPIC_EXCEPTION,
                          arena_printf(decide->arena, "Topic '%.*s' collides with existing topic: %.*s",
                                       SLICE_FMT(name), SLICE_FMT(topic->name)));
    return fine();
}

// The settings given, the last one of a key; null values are refused.
static struct decide_problem gather_configs(struct decide *decide,
                                            const struct create_topics_request_creatable_topic *topic,
                                            struct decide_config_pair **out, int32_t *out_count)
{
    struct decide_config_pair *pairs = ARENA_ARRAY(decide->arena, struct decide_config_pair, topic->configs.count);
    int32_t count = 0;
    struct text nulls = {0};
    for (int32_t i = 0; i < topic->configs.count; i++) {
        struct slice name = topic->configs.items[i].name;
        struct slice value = topic->configs.items[i].value;
        if (slice_is_null(value)) text_printf(&nulls, "%s%.*s", nulls.size == 0 ? "" : ",", SLICE_FMT(name));
        int32_t at = 0;
        while (at < count && !slice_eq(pairs[at].name, name)) at++;
        pairs[at] = (struct decide_config_pair){name, value};
        if (at == count) count++;
    }
    struct decide_problem problem = fine();
    if (nulls.size > 0)
        problem =
            refuse(ERR_INVALID_CONFIG,
                   arena_printf(decide->arena, "Null value not supported for topic configs: %s", text_cstr(&nulls)));
    text_deinit(&nulls);
    if (problem.code != OK) return problem;
    const char *why = NULL;
    const struct decide_configs *configs = &decide->settings->configs;
    if (count > 0 && configs->check_topic(configs->context, pairs, count, decide->arena, &why) != OK)
        return refuse(ERR_INVALID_CONFIG, why);
    *out = pairs;
    *out_count = count;
    return fine();
}

static struct decide_problem manual_replicas(struct decide *decide,
                                             const struct create_topics_request_creatable_topic *topic,
                                             struct decide_replicas **out, int32_t *out_count)
{
    if (topic->replication_factor != -1)
        return refuse(ERR_INVALID_REQUEST,
                      "A manual partition assignment was specified, but replication factor was not set to -1.");
    if (topic->num_partitions != -1)
        return refuse(ERR_INVALID_REQUEST,
                      "A manual partition assignment was specified, but numPartitions was not set to -1.");
    int32_t count = topic->assignments.count;
    struct decide_replicas *replicas = ARENA_ARRAY(decide->arena, struct decide_replicas, count);
    int32_t replica_count = -1;
    bool is_consecutive = true;
    for (int32_t i = 0; i < count; i++) {
        const struct create_topics_request_creatable_replica_assignment *a = &topic->assignments.items[i];
        for (int32_t k = 0; k < i; k++)
            if (topic->assignments.items[k].partition_index == a->partition_index)
                return refuse(ERR_INVALID_REPLICA_ASSIGNMENT,
                              arena_printf(decide->arena,
                                           "Found multiple manual partition assignments for partition %d",
                                           a->partition_index));
        struct decide_problem problem =
            decide_check_manual(decide, a->broker_ids.items, a->broker_ids.count, replica_count);
        if (problem.code != OK) return problem;
        replica_count = a->broker_ids.count;
        struct decide_replicas one = {a->broker_ids.items, a->broker_ids.count};
        if (!decide_has_active(decide, one))
            return refuse(ERR_INVALID_REPLICA_ASSIGNMENT,
                          arena_printf(decide->arena,
                                       "All brokers specified in the manual partition assignment for partition %d are "
                                       "fenced or in controlled shutdown.",
                                       a->partition_index));
        if (a->partition_index < 0 || a->partition_index >= count)
            is_consecutive = false;
        else
            replicas[a->partition_index] = one;
    }
    if (!is_consecutive)
        return refuse(ERR_INVALID_REPLICA_ASSIGNMENT, "partitions should be a consecutive 0-based integer sequence");
    *out = replicas;
    *out_count = count;
    return fine();
}

static struct decide_problem automatic_replicas(struct decide *decide,
                                                const struct create_topics_request_creatable_topic *topic,
                                                struct decide_replicas **out, int32_t *out_count)
{
    if (topic->replication_factor < -1 || topic->replication_factor == 0)
        return refuse(ERR_INVALID_REPLICATION_FACTOR,
                      "Replication factor must be larger than 0, or -1 to use the default value.");
    if (topic->num_partitions < -1 || topic->num_partitions == 0)
        return refuse(ERR_INVALID_PARTITIONS, "Number of partitions was set to an invalid non-positive value.");
    int32_t count = topic->num_partitions == -1 ? decide->settings->num_partitions : topic->num_partitions;
    int32_t factor =
        topic->replication_factor == -1 ? decide->settings->default_replication_factor : topic->replication_factor;
    struct decide_replicas *replicas = ARENA_ARRAY(decide->arena, struct decide_replicas, count);
    struct decide_problem problem = decide_place(decide, count, factor, replicas);
    if (problem.code != OK) return problem;
    for (int32_t i = 0; i < count; i++)
        if (!decide_has_active(decide, replicas[i]))
            return refuse(ERR_INVALID_REPLICATION_FACTOR,
                          arena_printf(decide->arena,
                                       "Unable to replicate the partition %d time(s): All brokers are currently fenced "
                                       "or in controlled shutdown.",
                                       factor));
    *out = replicas;
    *out_count = count;
    return fine();
}

static struct uuid new_topic_id(struct decide *decide)
{
    struct uuid id;
    do {
        decide->random(decide->random_context, id.bytes, sizeof(id.bytes));
        id.bytes[6] = (uint8_t)((id.bytes[6] & 0x0f) | 0x40); // a random (version 4) uuid, as Java makes them
        id.bytes[8] = (uint8_t)((id.bytes[8] & 0x3f) | 0x80);
    } while (uuid_is_reserved(id) || id.bytes[0] >> 2 == 62 ||
             image_topic_by_id(decide->image, id) != NULL); // 62: text would begin with '-'
    return id;
}

static void add_records(struct decide *decide, struct slice name, struct uuid id,
                        const struct decide_config_pair *pairs, int32_t pair_count,
                        const struct decide_replicas *replicas, int32_t count)
{
    struct topic_record topic = topic_record_init();
    topic.name = name;
    topic.topic_id = id;
    METADATA_ADD(&decide->records, decide->arena, topic_record, 0, &topic);
    bool sets_min_isr = false;
    for (int32_t i = 0; i < pair_count; i++) {
        struct config_record config = config_record_init();
        config.resource_type = IMAGE_RESOURCE_TOPIC;
        config.resource_name = name;
        config.name = pairs[i].name;
        config.value = pairs[i].value;
        METADATA_ADD(&decide->records, decide->arena, config_record, 0, &config);
        sets_min_isr |= slice_eq_str(pairs[i].name, "min.insync.replicas");
    }
    // Eligible replicas were chosen under another minimum, so a change of it clears them (KIP-966).
    if (sets_min_isr && image_feature_level(decide->image, "eligible.leader.replicas.version") > 0) {
        struct clear_elr_record clear = clear_elr_record_init();
        clear.topic_name = name;
        METADATA_ADD(&decide->records, decide->arena, clear_elr_record, 0, &clear);
    }
    for (int32_t i = 0; i < count; i++) decide_add_partition(decide, id, i, replicas[i]);
}

static void describe(struct decide *decide, const struct decide_config_pair *pairs, int32_t count,
                     struct create_topics_response_creatable_topic_result *out)
{
    struct decide_config_entry *entries = NULL;
    int32_t entry_count = 0;
    const struct decide_configs *configs = &decide->settings->configs;
    configs->describe_topic(configs->context, pairs, count, decide->arena, &entries, &entry_count);
    out->configs.items = ARENA_ARRAY(decide->arena, struct create_topics_response_creatable_topic_configs, entry_count);
    out->configs.count = entry_count;
    for (int32_t i = 0; i < entry_count; i++) {
        struct create_topics_response_creatable_topic_configs *c = &out->configs.items[i];
        *c = create_topics_response_creatable_topic_configs_init();
        c->name = entries[i].name;
        c->value = entries[i].value;
        c->read_only = entries[i].is_read_only;
        c->config_source = entries[i].source;
        c->is_sensitive = entries[i].is_sensitive;
    }
}

static struct decide_problem create(struct decide *decide, const struct create_topics_request_creatable_topic *topic,
                                    struct create_topics_response_creatable_topic_result *out)
{
    struct decide_problem problem = check_name(decide, topic->name);
    if (problem.code != OK) return problem;
    struct decide_config_pair *pairs = NULL;
    int32_t pair_count = 0;
    problem = gather_configs(decide, topic, &pairs, &pair_count);
    if (problem.code != OK) return problem;
    struct decide_replicas *replicas = NULL;
    int32_t count = 0;
    if (topic->assignments.count > 0)
        problem = manual_replicas(decide, topic, &replicas, &count);
    else
        problem = automatic_replicas(decide, topic, &replicas, &count);
    if (problem.code == OK) problem = decide_charge(decide, count);
    if (problem.code != OK) return problem;
    out->topic_id = new_topic_id(decide);
    add_records(decide, topic->name, out->topic_id, pairs, pair_count, replicas, count);
    out->num_partitions = count;
    out->replication_factor = (int16_t)replicas[0].count;
    describe(decide, pairs, pair_count, out);
    return problem;
}

static bool is_repeated(const struct create_topics_request *request, int32_t index, bool *is_first)
{
    bool is_repeated = false;
    *is_first = true;
    for (int32_t i = 0; i < request->topics.count; i++) {
        if (i == index || !slice_eq(request->topics.items[i].name, request->topics.items[index].name)) continue;
        is_repeated = true;
        if (i < index) *is_first = false;
    }
    return is_repeated;
}

static int64_t partitions_asked(const struct decide *decide, const struct create_topics_request *request)
{
    int64_t total = 0;
    for (int32_t i = 0; i < request->topics.count; i++) {
        const struct create_topics_request_creatable_topic *topic = &request->topics.items[i];
        if (topic->assignments.count > 0)
            total += topic->assignments.count;
        else if (topic->num_partitions == -1)
            total += decide->settings->num_partitions;
        else if (topic->num_partitions > 0)
            total += topic->num_partitions;
    }
    return total;
}

enum err decide_create_topics(struct decide *decide, const struct create_topics_request *request,
                              struct create_topics_response *response)
{
    bool is_too_large = partitions_asked(decide, request) > METADATA_RECORDS_MAX;
    response->topics.items =
        ARENA_ARRAY(decide->arena, struct create_topics_response_creatable_topic_result, request->topics.count);
    for (int32_t i = 0; i < request->topics.count; i++) {
        const struct create_topics_request_creatable_topic *topic = &request->topics.items[i];
        struct create_topics_response_creatable_topic_result out = create_topics_response_creatable_topic_result_init();
        bool is_first = true;
        struct decide_problem problem = fine();
        if (is_repeated(request, i, &is_first))
            problem = refuse(ERR_INVALID_REQUEST, "Duplicate topic name.");
        else if (slice_eq_str(topic->name, "__cluster_metadata"))
            problem = refuse(ERR_INVALID_REQUEST, "Creation of internal topic __cluster_metadata is prohibited.");
        else if (is_too_large)
            problem = refuse(ERR_POLICY_VIOLATION, "Excessively large number of partitions per request.");
        else
            problem = create(decide, topic, &out);
        if (!is_first) continue; // one entry per name
        out.name = topic->name;
        out.error_code = err_to_wire(problem.code);
        out.error_message = decide_message(problem);
        response->topics.items[response->topics.count++] = out;
    }
    if (request->validate_only) decide->records = (struct metadata_records){0};
    return OK;
}
