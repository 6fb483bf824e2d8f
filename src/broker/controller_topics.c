// SPDX-License-Identifier: Apache-2.0
// What the controller takes from this node's configuration: defaults, the judge of topic settings, internal topics.
#include "base/mem.h"
#include "base/varint.h"
#include "broker/controller_admin.h"
#include "broker/controller_int.h"
#include "config/describe.h"
#include "proto/create_topics.h"
#include "proto/user_scram_credential_record.h"

// ---- the judge of topic settings --------------------------------------------------------------------------------

static struct config_pairs pairs_of(const struct image *image, struct slice name, struct arena *arena)
{
    const struct image_resource *resource = image_resource(image, IMAGE_RESOURCE_BROKER, name);
    if (resource == NULL) return (struct config_pairs){0};
    struct config_pair *items = ARENA_ARRAY(arena, struct config_pair, resource->count);
    for (int32_t i = 0; i < resource->count; i++)
        items[i] = (struct config_pair){resource->items[i].key, resource->items[i].value};
    return (struct config_pairs){items, (size_t)resource->count};
}

static struct config_dynamic dynamic_of(struct metadata *m, struct arena *arena)
{
    const struct image *image = image_builder_newest(m->builder);
    return (struct config_dynamic){.broker = pairs_of(image, slice_str(arena_printf(arena, "%d", m->node_id)), arena),
                                   .cluster = pairs_of(image, SLICE(""), arena)};
}

static struct config_pairs overrides_of(const struct decide_config_pair *pairs, int32_t count, struct arena *arena)
{
    struct config_pair *items = ARENA_ARRAY(arena, struct config_pair, count);
    for (int32_t i = 0; i < count; i++) items[i] = (struct config_pair){pairs[i].name, pairs[i].value};
    return (struct config_pairs){items, (size_t)count};
}

static enum err check_topic(void *context, const struct decide_config_pair *pairs, int32_t count, struct arena *arena,
                            const char **why)
{
    struct metadata *m = context;
    struct config_dynamic dynamic = dynamic_of(m, arena);
    return topic_config_check(m->options.config, &dynamic, overrides_of(pairs, count, arena), arena, why);
}

static void describe_topic(void *context, const struct decide_config_pair *pairs, int32_t count, struct arena *arena,
                           struct decide_config_entry **out, int32_t *out_count)
{
    struct metadata *m = context;
    struct config_dynamic dynamic = dynamic_of(m, arena);
    struct config_entries entries = {0};
    config_describe_topic(m->options.config, &dynamic, overrides_of(pairs, count, arena), NULL, 0, arena, &entries);
    *out = ARENA_ARRAY(arena, struct decide_config_entry, entries.count);
    *out_count = (int32_t)entries.count;
    for (size_t i = 0; i < entries.count; i++)
        (*out)[i] = (struct decide_config_entry){slice_str(entries.items[i].name), slice_str(entries.items[i].value),
                                                 (int8_t)entries.items[i].source, entries.items[i].is_read_only,
                                                 entries.items[i].is_sensitive};
}

void controller_init_settings(struct metadata *m)
{
    const struct config *config = m->options.config;
    m->settings = (struct decide_settings){
        .num_partitions = config_get_int(config, "num.partitions"),
        .default_replication_factor = (int16_t)config_get_int(config, "default.replication.factor"),
        .min_insync_replicas = slice_str(arena_printf(&m->arena, "%d", config_get_int(config, "min.insync.replicas"))),
        .can_delete_topics = config_get_bool(config, "delete.topic.enable"),
        .configs = {.context = m, .check_topic = check_topic, .describe_topic = describe_topic},
    };
    controller_init_configs(m);
}

// ---- automatic creation -----------------------------------------------------------------------------------------

struct internal_topic {
    const char *name;
    const char *partitions; // key
    const char *factor;
    const char *segment_bytes;
    const char *min_isr; // NULL: not set on the topic
    const char *compression;
    const char *unclean; // NULL: not set
};

// kafka-internals A13, last bullet.
static const struct internal_topic internal_topics[] = {
    {"__consumer_offsets", "offsets.topic.num.partitions", "offsets.topic.replication.factor",
     "offsets.topic.segment.bytes", NULL, "producer", NULL},
    {"__transaction_state", "transaction.state.log.num.partitions", "transaction.state.log.replication.factor",
     "transaction.state.log.segment.bytes", "transaction.state.log.min.isr", "uncompressed", "false"},
};

static void set_config(struct arena *arena, struct create_topics_request_creatable_topic *topic, const char *name,
                       const char *value)
{
    struct create_topics_request_creatable_topic_config *items =
        ARENA_ARRAY(arena, struct create_topics_request_creatable_topic_config, topic->configs.count + 1);
    for (int32_t i = 0; i < topic->configs.count; i++) items[i] = topic->configs.items[i];
    items[topic->configs.count] = create_topics_request_creatable_topic_config_init();
    items[topic->configs.count].name = slice_str(name);
    items[topic->configs.count].value = slice_str(value);
    topic->configs.items = items;
    topic->configs.count++;
}

static void complete(struct metadata *m, struct arena *arena, const struct internal_topic *kind,
                     struct create_topics_request_creatable_topic *topic)
{
    const struct config *config = m->options.config;
    if (topic->num_partitions == -1) topic->num_partitions = config_get_int(config, kind->partitions);
    if (topic->replication_factor == -1) {
        // More replicas than brokers would never be created; a node on its own keeps one of each (issue 4, item 8).
        int wanted = config_get_int(config, kind->factor);
        int brokers = image_builder_newest(m->builder)->brokers.count;
        if (wanted > brokers)
            log_warn(m->log, "metadata", "%s=%d is more than the %d registered broker(s); %s gets %d replica(s)",
                     kind->factor, wanted, brokers, kind->name, brokers);
        topic->replication_factor = (int16_t)(wanted < brokers ? wanted : brokers);
    }
    set_config(arena, topic, "compression.type", kind->compression);
    set_config(arena, topic, "cleanup.policy", "compact");
    if (kind->min_isr != NULL) {
        int wanted = config_get_int(config, kind->min_isr);
        set_config(arena, topic, "min.insync.replicas", arena_printf(arena, "%d", wanted));
    }
    set_config(arena, topic, "segment.bytes", arena_printf(arena, "%d", config_get_int(config, kind->segment_bytes)));
    if (kind->unclean != NULL) set_config(arena, topic, "unclean.leader.election.enable", kind->unclean);
}

void controller_complete_topics(struct metadata *m, struct arena *arena, struct create_topics_request *request)
{
    for (int32_t i = 0; i < request->topics.count; i++)
        for (size_t k = 0; k < COUNT_OF(internal_topics); k++)
            if (slice_eq_str(request->topics.items[i].name, internal_topics[k].name))
                complete(m, arena, &internal_topics[k], &request->topics.items[i]);
}

// ---- bootstrap --------------------------------------------------------------------------------------------------

enum { BOOTSTRAP_MAX = 64 }; // levels, and credentials

static bool is_record(struct slice value, int key)
{
    return value.size > 3 && value.data[0] == 1 && value.data[1] == key && value.data[2] == 0;
}

// A SCRAM credential that `kafka-storage format --add-scram` left. False: it is none, or one too many.
static bool keep_scram(struct metadata *m, struct slice value)
{
    struct user_scram_credential_record record;
    struct slice body = is_record(value, USER_SCRAM_CREDENTIAL_RECORD_KEY)
                            ? arena_copy(&m->arena, slice_of(value.data + 3, value.size - 3))
                            : SLICE_NULL;
    if (slice_is_null(body) || m->bootstrap_scram_count == BOOTSTRAP_MAX) return false;
    if (wire_decode(&user_scram_credential_record_message, 0, body, &m->arena, &record, NULL) != OK) return false;
    if (m->bootstrap_scram == NULL) m->bootstrap_scram = ARENA_ARRAY(&m->arena, struct slice, BOOTSTRAP_MAX);
    m->bootstrap_scram[m->bootstrap_scram_count++] = arena_copy(&m->arena, value);
    return true;
}

static enum err read_levels(struct metadata *m, struct slice bytes, struct feature_level_record **out,
                            int32_t *out_count)
{
    struct arena *arena = &m->arena;
    struct feature_level_record *levels = ARENA_ARRAY(arena, struct feature_level_record, BOOTSTRAP_MAX);
    int32_t count = 0;
    struct batch_iter it = batch_iter(bytes);
    struct batch_view batch;
    struct text scratch = {0};
    enum err e = OK;
    while (e == OK && batch_next(&it, &batch)) {
        struct slice body;
        if (batch_is_control(&batch.header)) continue;
        e = batch_body(&batch, 1 << 20, &scratch, &body);
        if (e != OK) break;
        struct record_iter records = record_iter(&batch.header, body);
        struct record r;
        while (e == OK && record_next(&records, &r)) {
            // Frame version 1, type, version 0; what else Kafka could put there, it does not.
            if (keep_scram(m, r.value)) continue;
            if (!is_record(r.value, FEATURE_LEVEL_RECORD_KEY) || count == BOOTSTRAP_MAX)
                e = ERR_UNSUPPORTED_VERSION;
            else
                e = wire_decode(&feature_level_record_message, 0,
                                arena_copy(arena, slice_of(r.value.data + 3, r.value.size - 3)), arena,
                                &levels[count++], NULL);
        }
    }
    text_deinit(&scratch);
    if (e == OK) e = it.err;
    *out = levels;
    *out_count = count;
    return e;
}

void controller_load_bootstrap(struct metadata *m)
{
    struct arena *arena = &m->arena;
    const char *path = arena_printf(arena, "%s/bootstrap.checkpoint", logdir_path(m->options.metadata_dir));
    struct file *file = NULL;
    enum { SIZE_MAX_BYTES = 1 << 14 };
    uint8_t *bytes = arena_alloc(arena, SIZE_MAX_BYTES);
    size_t got = 0;
    int32_t count = 0;
    struct feature_level_record *levels = NULL;
    enum err e = fs_open(m->env->fs, path, FILE_READ, &file);
    if (e == OK) e = file_pread(file, 0, bytes, SIZE_MAX_BYTES, &got);
    file_unref(file);
    if (e == OK) e = read_levels(m, slice_of(bytes, got), &levels, &count);
    if (e == OK && count > 0) {
        m->bootstrap = levels;
        m->bootstrap_count = count;
    } else if (e != OK && e != ERR_NOT_FOUND) {
        log_warn(m->log, "metadata", "%s cannot be used (%s): the newest levels of this build are taken", path,
                 err_text(e));
    }
}
