// SPDX-License-Identifier: Apache-2.0
// This broker's own life against the controller (kafka-internals D6), through the same channel any broker would use:
//   register controller -> register broker -> first heartbeat, still fenced -> ready
//   -> (logs are loaded) heartbeat without the fence -> serving -> heartbeats that want to shut down -> fenced, closed
// A node alone needs no heartbeats in between: nobody else could take its session for dead.
#include "broker/controller_int.h"
#include "proto/broker_heartbeat.h"
#include "proto/broker_registration.h"
#include "proto/controller_registration.h"

static const struct controller_principal self = {
    .type = SLICE("User"), .name = SLICE("ANONYMOUS"), .can_create_any_topic = true};

static void send(struct metadata *m, const struct wire_message *message, const void *request, controller_done *done)
{
    struct arena arena = {0};
    struct slice body = SLICE_NULL;
    enum err e = wire_encode_bytes(message, wire_version_max(message), request, &arena, &body);
    ASSERT(e == OK);
    controller_request(m, (int16_t)wire_key(message), (int16_t)wire_version_max(message), body, &self, done, m);
    arena_deinit(&arena);
}

static enum err answer_of(const struct wire_message *message, enum err result, struct slice bytes, struct arena *arena,
                          void *out)
{
    return result == OK ? wire_decode(message, wire_version_max(message), bytes, arena, out, NULL) : result;
}

static void beat(struct metadata *m, bool wants_fence, bool wants_shutdown, controller_done *done)
{
    struct broker_heartbeat_request request = broker_heartbeat_request_init();
    request.broker_id = m->node_id;
    request.broker_epoch = m->broker_epoch;
    request.current_metadata_offset = m->image->offset;
    request.want_fence = wants_fence;
    request.want_shut_down = wants_shutdown;
    struct arena arena = {0};
    request.offline_log_dirs.items = ARENA_ARRAY(&arena, struct uuid, m->options.dir_count);
    for (int i = 0; i < m->options.dir_count; i++)
        if (logdir_is_offline(m->options.dirs[i]) && !uuid_is_zero(logdir_id(m->options.dirs[i])))
            request.offline_log_dirs.items[request.offline_log_dirs.count++] = logdir_id(m->options.dirs[i]);
    request.cordoned_log_dirs.count = 0; // not null: this broker knows the field
    if (m->options.cordoned != NULL)
        request.cordoned_log_dirs.items =
            m->options.cordoned(m->options.context, m->image, &arena, &request.cordoned_log_dirs.count);
    send(m, &broker_heartbeat_request_message, &request, done);
    arena_deinit(&arena);
}

static enum err heartbeat_answer(enum err result, struct slice bytes, struct broker_heartbeat_response *out)
{
    struct arena arena = {0};
    enum err e = answer_of(&broker_heartbeat_response_message, result, bytes, &arena, out);
    if (e == OK) e = (enum err)out->error_code;
    arena_deinit(&arena);
    return e;
}

static void first_beat_answered(void *context, enum err result, struct slice bytes)
{
    struct metadata *m = context;
    struct broker_heartbeat_response response;
    enum err e = heartbeat_answer(result, bytes, &response);
    if (m->life != METADATA_REGISTERING) return;
    if (e != OK) {
        metadata_fail(m, e, "the first heartbeat was refused");
        return;
    }
    m->life = METADATA_READY;
    m->options.on_ready(m->options.context);
}

static void broker_registered(void *context, enum err result, struct slice bytes)
{
    struct metadata *m = context;
    struct arena arena = {0};
    struct broker_registration_response response;
    enum err e = answer_of(&broker_registration_response_message, result, bytes, &arena, &response);
    if (e == OK) e = (enum err)response.error_code;
    arena_deinit(&arena);
    if (m->life != METADATA_REGISTERING) return;
    if (e != OK) {
        metadata_fail(m, e, "the controller refused this broker's registration");
        return;
    }
    m->broker_epoch = response.broker_epoch;
    log_info(m->log, "metadata", "broker %d is registered with epoch %lld", m->node_id, (long long)m->broker_epoch);
    beat(m, true, false, first_beat_answered);
}

static void register_broker(struct metadata *m)
{
    struct arena arena = {0};
    struct broker_registration_request r = broker_registration_request_init();
    r.broker_id = m->node_id;
    r.cluster_id = slice_str(m->cluster_id);
    r.incarnation_id = m->incarnation_id;
    r.rack = m->options.rack;
    r.previous_broker_epoch = m->options.previous_broker_epoch;
    r.listeners.count = m->options.endpoint_count;
    r.listeners.items = ARENA_ARRAY(&arena, struct broker_registration_request_listener, m->options.endpoint_count);
    for (int i = 0; i < m->options.endpoint_count; i++) {
        const struct image_endpoint *from = &m->options.endpoints[i];
        r.listeners.items[i] = (struct broker_registration_request_listener){
            .name = from->name, .host = from->host, .port = from->port, .security_protocol = from->security_protocol};
    }
    r.features.count = METADATA_FEATURE_COUNT;
    r.features.items = ARENA_ARRAY(&arena, struct broker_registration_request_feature, METADATA_FEATURE_COUNT);
    for (int i = 0; i < METADATA_FEATURE_COUNT; i++)
        r.features.items[i] =
            (struct broker_registration_request_feature){.name = slice_str(metadata_features[i].name),
                                                         .min_supported_version = metadata_features[i].min,
                                                         .max_supported_version = metadata_features[i].max};
    r.log_dirs.items = ARENA_ARRAY(&arena, struct uuid, m->options.dir_count);
    for (int i = 0; i < m->options.dir_count; i++) {
        if (logdir_is_offline(m->options.dirs[i])) continue;
        struct uuid id = logdir_id(m->options.dirs[i]);
        int at = r.log_dirs.count++;
        for (; at > 0 && memcmp(r.log_dirs.items[at - 1].bytes, id.bytes, sizeof(id.bytes)) > 0; at--)
            r.log_dirs.items[at] = r.log_dirs.items[at - 1];
        r.log_dirs.items[at] = id;
    }
    send(m, &broker_registration_request_message, &r, broker_registered);
    arena_deinit(&arena);
}

static void controller_registered(void *context, enum err result, struct slice bytes)
{
    (void)bytes;
    struct metadata *m = context;
    if (m->life != METADATA_REGISTERING) return;
    if (result != OK) {
        metadata_fail(m, result, "the controller could not register itself");
        return;
    }
    register_broker(m);
}

static void register_controller(struct metadata *m)
{
    struct arena arena = {0};
    struct controller_registration_request r = controller_registration_request_init();
    r.controller_id = m->node_id;
    r.incarnation_id = m->controller_incarnation_id;
    r.listeners.count = m->options.controller_endpoint_count;
    r.listeners.items =
        ARENA_ARRAY(&arena, struct controller_registration_request_listener, m->options.controller_endpoint_count);
    for (int i = 0; i < m->options.controller_endpoint_count; i++) {
        const struct image_endpoint *from = &m->options.controller_endpoints[i];
        r.listeners.items[i] = (struct controller_registration_request_listener){
            .name = from->name, .host = from->host, .port = from->port, .security_protocol = from->security_protocol};
    }
    r.features.count = METADATA_FEATURE_COUNT;
    r.features.items = ARENA_ARRAY(&arena, struct controller_registration_request_feature, METADATA_FEATURE_COUNT);
    for (int i = 0; i < METADATA_FEATURE_COUNT; i++)
        r.features.items[i] =
            (struct controller_registration_request_feature){.name = slice_str(metadata_features[i].name),
                                                             .min_supported_version = metadata_features[i].min,
                                                             .max_supported_version = metadata_features[i].max};
    send(m, &controller_registration_request_message, &r, controller_registered);
    arena_deinit(&arena);
}

void controller_register(struct metadata *m)
{
    m->life = METADATA_REGISTERING;
    // After a crash this broker is still unfenced in the log. Kafka waits for the session to end; here the directory's
    // lock proves that the former process is gone.
    struct arena arena = {0};
    struct decide d = controller_decide(m, &arena);
    decide_fence(&d, m->node_id);
    metadata_append(m, &d.records);
    arena_deinit(&arena);
    if (m->life != METADATA_REGISTERING) return;
    if (image_metadata_version(image_builder_newest(m->builder)) >= 15)
        register_controller(m);
    else
        register_broker(m);
}

// ---- unfencing and stopping -------------------------------------------------------------------------------------

static void unfence_answered(void *context, enum err result, struct slice bytes)
{
    struct metadata *m = context;
    struct broker_heartbeat_response response;
    enum err e = heartbeat_answer(result, bytes, &response);
    if (e == OK && response.is_fenced) e = ERR_STALE_BROKER_EPOCH;
    if (e == OK && m->life == METADATA_READY) m->life = METADATA_SERVING;
    m->unfenced(m->unfenced_context, e);
}

static void told(void *context, enum err result, struct slice bytes)
{
    struct metadata *m = context;
    struct broker_heartbeat_response response;
    enum err e = heartbeat_answer(result, bytes, &response);
    if (e != OK)
        log_warn(m->log, "metadata", "the controller did not hear of directories: %s", err_text(e));
    else if (m->options.directories_told != NULL)
        m->options.directories_told(m->options.context);
}

void metadata_tell_directories(struct metadata *m)
{
    if (m->life == METADATA_READY || m->life == METADATA_SERVING) beat(m, m->life == METADATA_READY, false, told);
}

void metadata_unfence(struct metadata *m, void (*done)(void *context, enum err result), void *context)
{
    m->unfenced = done;
    m->unfenced_context = context;
    beat(m, false, false, unfence_answered);
}

static void stop_answered(void *context, enum err result, struct slice bytes)
{
    struct metadata *m = context;
    struct broker_heartbeat_response response = broker_heartbeat_response_init();
    enum err e = heartbeat_answer(result, bytes, &response);
    if (m->life != METADATA_STOPPING) return;
    if (e == OK && !response.should_shut_down) {
        beat(m, false, true, stop_answered); // leaders have been moved; now the fence
        return;
    }
    m->is_leading = false;
    metadata_close_log(m);
}

void metadata_stop(struct metadata *m, void (*done)(void *context), void *context)
{
    m->stopped = done;
    m->stopped_context = context;
    if (m->life == METADATA_FAILED) {
        metadata_close_log(m);
        return;
    }
    bool is_registered = m->broker_epoch >= 0 && m->is_leading;
    m->life = METADATA_STOPPING;
    if (is_registered)
        beat(m, false, true, stop_answered);
    else
        metadata_close_log(m);
}
