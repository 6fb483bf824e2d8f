// SPDX-License-Identifier: Apache-2.0
// Settings changed at run time: what a request leaves in each resource is judged as a whole, then written record by
// record. A minimum of in-sync replicas that changes takes away what the ELR was based on (KIP-966).
#include "meta/decide_int.h"
#include "proto/alter_configs.h"
#include "proto/incremental_alter_configs.h"

enum { OP_SET = 0, OP_DELETE = 1, OP_APPEND = 2, OP_SUBTRACT = 3 };

// One resource of a request on its way to its records.
struct alteration {
    struct decide *decide;
    int8_t type;
    struct slice name;
    const struct image_resource *now;   // NULL: nothing is set
    struct decide_config_pair *changes; // value null = taken away
    int32_t change_count;
    struct decide_problem problem;
};

static struct slice value_now(const struct alteration *a, struct slice key)
{
    for (int32_t i = 0; a->now != NULL && i < a->now->count; i++)
        if (slice_eq(a->now->items[i].key, key)) return a->now->items[i].value;
    return SLICE_NULL;
}

static bool is_same(struct slice a, struct slice b)
{
    return slice_is_null(a) == slice_is_null(b) && slice_eq(a, b);
}

// A broker's value is written even if it stays the same: it makes the broker load files anew (KAFKA-14136).
static void add_change(struct alteration *a, struct slice key, struct slice value)
{
    if (is_same(value_now(a, key), value) && a->type != IMAGE_RESOURCE_BROKER) return;
    a->changes[a->change_count++] = (struct decide_config_pair){key, value};
}

// ---- judging ----------------------------------------------------------------------------------------------------

static struct decide_problem check_min_isr(const struct alteration *a, const struct decide_config_pair *change)
{
    struct decide_problem none = {OK, NULL};
    if (a->type != IMAGE_RESOURCE_BROKER || !slice_eq_str(change->name, "min.insync.replicas")) return none;
    if (image_feature_level(a->decide->image, "eligible.leader.replicas.version") == 0) return none;
    if (a->name.size > 0)
        return (struct decide_problem){ERR_INVALID_CONFIG,
                                       "Broker-level min.insync.replicas cannot be altered while ELR is enabled."};
    if (slice_is_null(change->value))
        return (struct decide_problem){ERR_INVALID_CONFIG,
                                       "Cluster-level min.insync.replicas cannot be removed while ELR is enabled."};
    return none;
}

// All that would be set, in *out.
static struct decide_problem merge(const struct alteration *a, struct decide_config_pair **out, int32_t *out_count)
{
    int32_t had = a->now == NULL ? 0 : a->now->count;
    struct decide_config_pair *all = ARENA_ARRAY(a->decide->arena, struct decide_config_pair, had + a->change_count);
    int32_t count = 0;
    for (int32_t i = 0; i < a->change_count; i++) {
        struct decide_problem problem = check_min_isr(a, &a->changes[i]);
        if (problem.code != OK) return problem;
        if (a->changes[i].value.size > INT16_MAX)
            return (struct decide_problem){
                ERR_INVALID_CONFIG,
                "The configuration value cannot be added because it exceeds the maximum value size of 32767 bytes."};
        if (!slice_is_null(a->changes[i].value)) all[count++] = a->changes[i];
    }
    for (int32_t i = 0; i < had; i++) {
        int32_t k = 0;
        while (k < a->change_count && !slice_eq(a->changes[k].name, a->now->items[i].key)) k++;
        if (k == a->change_count)
            all[count++] = (struct decide_config_pair){a->now->items[i].key, a->now->items[i].value};
    }
    *out = all;
    *out_count = count;
    return (struct decide_problem){OK, NULL};
}

static struct decide_problem judge_topic(const struct alteration *a, const struct decide_config_pair *all,
                                         int32_t count)
{
    struct arena *arena = a->decide->arena;
    const struct decide_configs *configs = &a->decide->settings->configs;
    if (a->name.size == 0)
        return (struct decide_problem){ERR_INVALID_REQUEST, "Default topic resources are not allowed."};
    const char *why = topic_name_problem(a->name, arena);
    if (why != NULL)
        return (struct decide_problem){ERR_INVALID_TOPIC_EXCEPTION,
                                       arena_printf(arena, "Topic name is invalid: %s", why)};
    enum err e = configs->check_topic(configs->context, all, count, arena, &why);
    if (e != OK) return (struct decide_problem){e, why};
    if (image_topic_by_name(a->decide->image, a->name) == NULL)
        return (struct decide_problem){ERR_UNKNOWN_TOPIC_OR_PARTITION,
                                       arena_printf(arena, "The topic '%.*s' does not exist.", SLICE_FMT(a->name))};
    return (struct decide_problem){OK, NULL};
}

static struct decide_problem judge_broker(const struct alteration *a)
{
    struct slice name = a->name;
    if (name.size == 0) return (struct decide_problem){OK, NULL}; // the default of all
    size_t at = name.data[0] == '-' || name.data[0] == '+' ? 1 : 0;
    int64_t id = 0;
    bool is_number = at < name.size;
    for (; at < name.size && is_number; at++) {
        is_number = name.data[at] >= '0' && name.data[at] <= '9';
        id = id * 10 + (name.data[at] - '0');
        is_number = is_number && id <= INT32_MAX;
    }
    if (!is_number)
        return (struct decide_problem){ERR_INVALID_REQUEST, "Unable to parse broker name as a base 10 number."};
    if (name.data[0] == '-' && id > 0)
        return (struct decide_problem){ERR_INVALID_REQUEST, "Invalid negative broker ID."};
    if (image_broker(a->decide->image, (int32_t)id) == NULL && image_controller(a->decide->image, (int32_t)id) == NULL)
        return (struct decide_problem){ERR_BROKER_ID_NOT_REGISTERED,
                                       arena_printf(a->decide->arena, "No broker with id %d found.", (int32_t)id)};
    return (struct decide_problem){OK, NULL};
}

static struct decide_problem judge(const struct alteration *a)
{
    struct decide_config_pair *all = NULL;
    int32_t count = 0;
    const char *why = NULL;
    enum err e = OK;
    const struct decide_configs *configs = &a->decide->settings->configs;
    struct decide_problem problem = merge(a, &all, &count);
    if (problem.code != OK) return problem;
    switch (a->type) {
    case IMAGE_RESOURCE_TOPIC: return judge_topic(a, all, count);
    case IMAGE_RESOURCE_BROKER: return judge_broker(a);
    case IMAGE_RESOURCE_GROUP:
        if (a->name.size == 0)
            return (struct decide_problem){ERR_INVALID_REQUEST, "Default group resources are not allowed."};
        e = configs->check_group(configs->context, all, count, a->decide->arena, &why);
        break;
    case IMAGE_RESOURCE_CLIENT_METRICS:
        e = configs->check_client_metrics(configs->context, a->name, all, count, a->decide->arena, &why);
        break;
    default: e = ERR_INVALID_REQUEST; why = arena_printf(a->decide->arena, "Unknown resource type %d", a->type);
    }
    return (struct decide_problem){e, e == OK ? NULL : why};
}

// ---- writing ----------------------------------------------------------------------------------------------------

static void write(struct alteration *a)
{
    for (int32_t i = 0; i < a->change_count; i++) {
        struct config_record record = config_record_init();
        record.resource_type = a->type;
        record.resource_name = a->name;
        record.name = a->changes[i].name;
        record.value = a->changes[i].value;
        METADATA_ADD(&a->decide->records, a->decide->arena, config_record, 0, &record);
    }
}

// Behind the settings of all resources.
static void write_clear_elr(struct decide *decide, const struct alteration *alterations, int32_t count)
{
    if (image_feature_level(decide->image, "eligible.leader.replicas.version") == 0) return;
    for (int32_t i = 0; i < count; i++) {
        const struct alteration *a = &alterations[i];
        if (a->problem.code != OK || (a->type != IMAGE_RESOURCE_TOPIC && a->type != IMAGE_RESOURCE_BROKER)) continue;
        for (int32_t k = 0; k < a->change_count; k++) {
            if (!slice_eq_str(a->changes[k].name, "min.insync.replicas")) continue;
            struct clear_elr_record record = clear_elr_record_init();
            record.topic_name = a->type == IMAGE_RESOURCE_TOPIC ? a->name : SLICE(""); // "" = of all topics
            METADATA_ADD(&decide->records, decide->arena, clear_elr_record, 0, &record);
        }
    }
}

// Kafka's bound on the records of one operation; it also bounds the time of judging them.
static bool is_excessive(const struct alteration *alterations, int32_t count)
{
    int64_t changes = 0;
    for (int32_t i = 0; i < count; i++) changes += alterations[i].change_count;
    return changes > METADATA_RECORDS_MAX;
}

static void finish(struct decide *decide, struct alteration *alterations, int32_t count, bool is_validation)
{
    if (is_excessive(alterations, count))
        for (int32_t i = 0; i < count; i++)
            alterations[i].problem =
                (struct decide_problem){ERR_POLICY_VIOLATION, "Unable to perform excessively large batch operation."};
    for (int32_t i = 0; i < count; i++) {
        if (alterations[i].problem.code == OK) alterations[i].problem = judge(&alterations[i]);
        if (alterations[i].problem.code == OK && !is_validation) write(&alterations[i]);
    }
    if (!is_validation) write_clear_elr(decide, alterations, count);
}

static struct alteration begin(struct decide *decide, int8_t type, struct slice name, int32_t asked)
{
    struct alteration a = {.decide = decide, .type = type, .name = name};
    a.now = image_resource(decide->image, type, name);
    a.changes = ARENA_ARRAY(decide->arena, struct decide_config_pair, asked + (a.now == NULL ? 0 : a.now->count));
    return a;
}

// ---- the two requests -------------------------------------------------------------------------------------------

static struct decide_problem take_change(struct alteration *a,
                                         const struct incremental_alter_configs_request_alterable_config *config)
{
    const struct decide_configs *configs = &a->decide->settings->configs;
    struct slice value = SLICE_NULL;
    bool subtracts = config->config_operation == OP_SUBTRACT;
    switch (config->config_operation) {
    case OP_SET: value = config->value; break;
    case OP_DELETE: break;
    case OP_APPEND:
    case OP_SUBTRACT:
        if (!configs->change_list(configs->context, a->type, config->name, value_now(a, config->name), config->value,
                                  subtracts, a->decide->arena, &value))
            return (struct decide_problem){
                ERR_INVALID_CONFIG, arena_printf(a->decide->arena, "Can't %s to key %.*s because its type is not LIST.",
                                                 subtracts ? "SUBTRACT" : "APPEND", SLICE_FMT(config->name))};
        break;
    default: return (struct decide_problem){ERR_UNKNOWN_SERVER_ERROR, NULL}; // what Kafka makes of it
    }
    add_change(a, config->name, value);
    return (struct decide_problem){OK, NULL};
}

enum err decide_incremental_alter_configs(struct decide *decide,
                                          const struct incremental_alter_configs_request *request,
                                          struct incremental_alter_configs_response *response)
{
    int32_t count = request->resources.count;
    struct alteration *all = ARENA_ARRAY(decide->arena, struct alteration, count);
    for (int32_t i = 0; i < count; i++) {
        const struct incremental_alter_configs_request_alter_configs_resource *in = &request->resources.items[i];
        all[i] = begin(decide, in->resource_type, in->resource_name, in->configs.count);
        for (int32_t k = 0; k < in->configs.count && all[i].problem.code == OK; k++)
            all[i].problem = take_change(&all[i], &in->configs.items[k]);
    }
    finish(decide, all, count, request->validate_only);
    response->responses.count = count;
    response->responses.items =
        ARENA_ARRAY(decide->arena, struct incremental_alter_configs_response_alter_configs_resource_response, count);
    for (int32_t i = 0; i < count; i++)
        response->responses.items[i] = (struct incremental_alter_configs_response_alter_configs_resource_response){
            .error_code = err_to_wire(all[i].problem.code),
            .error_message = slice_str(all[i].problem.text),
            .resource_type = all[i].type,
            .resource_name = all[i].name};
    return OK;
}

// What is set and not named goes.
static void take_all(struct alteration *a, const struct alter_configs_request_alter_configs_resource *in)
{
    for (int32_t k = 0; k < in->configs.count; k++)
        add_change(a, in->configs.items[k].name, in->configs.items[k].value);
    for (int32_t i = 0; a->now != NULL && i < a->now->count; i++) {
        int32_t k = 0;
        while (k < in->configs.count && !slice_eq(in->configs.items[k].name, a->now->items[i].key)) k++;
        if (k == in->configs.count)
            a->changes[a->change_count++] = (struct decide_config_pair){a->now->items[i].key, SLICE_NULL};
    }
}

enum err decide_alter_configs(struct decide *decide, const struct alter_configs_request *request,
                              struct alter_configs_response *response)
{
    int32_t count = request->resources.count;
    struct alteration *all = ARENA_ARRAY(decide->arena, struct alteration, count);
    for (int32_t i = 0; i < count; i++) {
        const struct alter_configs_request_alter_configs_resource *in = &request->resources.items[i];
        all[i] = begin(decide, in->resource_type, in->resource_name, in->configs.count);
        take_all(&all[i], in);
    }
    finish(decide, all, count, request->validate_only);
    response->responses.count = count;
    response->responses.items =
        ARENA_ARRAY(decide->arena, struct alter_configs_response_alter_configs_resource_response, count);
    for (int32_t i = 0; i < count; i++)
        response->responses.items[i] = (struct alter_configs_response_alter_configs_resource_response){
            .error_code = err_to_wire(all[i].problem.code),
            .error_message = slice_str(all[i].problem.text),
            .resource_type = all[i].type,
            .resource_name = all[i].name};
    return OK;
}
