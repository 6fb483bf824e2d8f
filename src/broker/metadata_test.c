// SPDX-License-Identifier: Apache-2.0
// The metadata driver on a simulated machine: format, election, bootstrap, registration, topics, clean stop, restart,
// and power cuts at every point of all that.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/mem.h"
#include "broker/controller.h"
#include "broker/format.h"
#include "broker/metadata.h"
#include "config/config.h"
#include "env_sim/sim.h"
#include "proto/allocate_producer_ids.h"
#include "proto/create_topics.h"
#include "proto/delete_topics.h"
#include "store/store.h"

static const char server_properties[] =
    "process.roles=broker,controller\nnode.id=1\ncontroller.quorum.bootstrap.servers=localhost:9093\ncontroller."
    "listener.names=CONTROLLER\n"
    "listeners=PLAINTEXT://localhost:9092,CONTROLLER://localhost:9093\nlog.dirs=data\nnum.partitions=3\n"
    // Small enough that every life writes snapshots and lets old ones go.
    "metadata.log.max.record.bytes.between.snapshots=700\nmetadata.max.retention.bytes=6000\n";

struct box {
    struct sim_node *node;
    struct arena arena;
    const struct config *config;
    struct logdir *dir;
    struct metadata *metadata;
    const struct image *image;
    int images;
    bool is_ready;
    bool is_unfenced;
    bool is_stopped;
    bool has_failed;
    int answers;
    enum err result;
    int16_t code; // of the first topic answered, or of the answer
    struct uuid topic_id;
    int64_t first_id;
    int created; // topics acknowledged so far, t0...
    int asked;
    int64_t epoch_seen;
};

static void random_bytes(void *context, void *to, size_t size)
{
    env_random(context, to, size);
}

static void on_image(void *context, struct image *image, struct image_delta *delta)
{
    struct box *box = context;
    assert_ptr_equal(delta->after, image);
    if (box->image != NULL) {
        assert_ptr_equal(delta->before, box->image); // deltas join without a gap
        assert_true(image->offset >= box->image->offset);
    }
    image_unref(box->image);
    box->image = image_ref(image);
    box->images++;
}

static void on_ready(void *context)
{
    struct box *box = context;
    assert_false(box->is_ready);
    box->is_ready = true;
    assert_non_null(box->image);
    const struct image_node *self = image_broker(box->image, 1);
    assert_non_null(self); // caught up with its own registration
    assert_true(self->is_fenced);
    assert_int_equal(self->epoch, metadata_broker_epoch(box->metadata));
}

static void on_fatal(void *context, enum err why, const char *text)
{
    (void)why;
    (void)text;
    ((struct box *)context)->has_failed = true;
}

static void boot(void *context)
{
    struct box *box = context;
    struct env *env = sim_node_env(box->node, 0);
    const struct config_sources sources = {.file = slice_str(server_properties)};
    struct config_report report = {0};
    assert_int_equal(config_build(&sources, &box->arena, &box->config, &report), OK);
    struct text problem = {0};
    if (format_is_formatted(env->fs, "data") == ERR_NOT_FOUND) {
        const char *dirs[] = {"data"};
        struct format_voter voter = {.id = 1, .host = SLICE("localhost"), .port = 9093};
        const struct format_options format = {.fs = env->fs,
                                              .wall_ms = env_wall_ms(env),
                                              .random = random_bytes,
                                              .random_context = env,
                                              .cluster_id = SLICE("5L6g3nShT-eMCtK--X86sw"),
                                              .node_id = 1,
                                              .dirs = dirs,
                                              .dir_count = 1,
                                              .metadata_dir = "data",
                                              .voters = &voter,
                                              .voter_count = 1,
                                              .controller_listener = SLICE("CONTROLLER"),
                                              .is_standalone = true};
        assert_int_equal(format_directories(&format, &problem), OK);
    }
    struct logdir_open_result opened = {0};
    struct uuid random = {.bytes = {7, 7, 7}};
    assert_int_equal(logdir_open(env->fs, env->log, "data", 1, random, &box->arena, &opened, &box->dir), OK);
    const struct image_endpoint client = {SLICE("PLAINTEXT"), SLICE("localhost"), 9092, 0};
    const struct image_endpoint controller = {SLICE("CONTROLLER"), SLICE("localhost"), 9093, 0};
    const struct metadata_options options = {.env = env,
                                             .config = box->config,
                                             .dirs = &box->dir,
                                             .dir_count = 1,
                                             .metadata_dir = box->dir,
                                             .endpoints = &client,
                                             .endpoint_count = 1,
                                             .controller_endpoints = &controller,
                                             .controller_endpoint_count = 1,
                                             .previous_broker_epoch = opened.broker_epoch,
                                             .context = box,
                                             .on_image = on_image,
                                             .on_ready = on_ready,
                                             .on_fatal = on_fatal};
    enum err e = metadata_start(&options, &problem, &box->metadata);
    if (e != OK) fail_msg("%s", text_cstr(&problem));
    text_deinit(&problem);
}

static void unfenced(void *context, enum err result)
{
    assert_int_equal(result, OK);
    ((struct box *)context)->is_unfenced = true;
}

static void unfence(void *context)
{
    struct box *box = context;
    metadata_unfence(box->metadata, unfenced, box);
}

static void stopped(void *context)
{
    ((struct box *)context)->is_stopped = true;
}

static void stop(void *context)
{
    struct box *box = context;
    metadata_stop(box->metadata, stopped, box);
}

static const struct controller_principal anyone = {
    .type = SLICE("User"), .name = SLICE("ANONYMOUS"), .can_create_any_topic = true};

static void created(void *context, enum err result, struct slice bytes)
{
    struct box *box = context;
    box->answers++;
    box->result = result;
    if (result != OK) return;
    struct arena arena = {0};
    struct create_topics_response response;
    assert_int_equal(wire_decode(&create_topics_response_message, 7, bytes, &arena, &response, NULL), OK);
    box->code = response.topics.items[0].error_code;
    box->topic_id = response.topics.items[0].topic_id;
    if (box->code == 0) {
        // The image that holds the topic comes before its answer.
        assert_non_null(image_topic_by_name(box->image, response.topics.items[0].name));
        box->created++;
    }
    arena_deinit(&arena);
}

static void create_named(struct box *box, const char *name, int32_t partitions, bool is_automatic)
{
    struct arena arena = {0};
    struct create_topics_request request = create_topics_request_init();
    struct create_topics_request_creatable_topic topic = create_topics_request_creatable_topic_init();
    topic.name = slice_str(name);
    topic.num_partitions = partitions;
    topic.replication_factor = -1;
    request.topics.items = &topic;
    request.topics.count = 1;
    struct slice body;
    assert_int_equal(wire_encode_bytes(&create_topics_request_message, 7, &request, &arena, &body), OK);
    struct controller_principal principal = anyone;
    principal.is_automatic = is_automatic;
    controller_request(box->metadata, 19, 7, body, &principal, created, box);
    arena_deinit(&arena);
}

static void create_next(void *context)
{
    struct box *box = context;
    char name[16];
    snprintf(name, sizeof(name), "t%d", box->asked++);
    create_named(box, name, 2, false);
}

static bool is_ready(void *context)
{
    return ((struct box *)context)->is_ready;
}
static bool is_unfenced(void *context)
{
    return ((struct box *)context)->is_unfenced;
}
static bool is_stopped(void *context)
{
    return ((struct box *)context)->is_stopped;
}
static bool has_answer(void *context)
{
    return ((struct box *)context)->answers > 0;
}

static void release(struct box *box)
{
    image_unref(box->image);
    box->image = NULL;
    arena_deinit(&box->arena);
    box->images = box->answers = 0;
    box->is_ready = box->is_unfenced = box->is_stopped = false;
}

static void close_dir(void *context)
{
    struct box *box = context;
    metadata_free(box->metadata);
    assert_int_equal(logdir_close(sim_node_fs(box->node), box->dir, true, box->epoch_seen), OK);
}

static void start_serving(struct sim *sim, struct box *box)
{
    assert_true(sim_node_call(box->node, boot, box));
    assert_true(sim_run_until(sim, is_ready, box, 20000));
    assert_true(sim_node_call(box->node, unfence, box));
    assert_true(sim_run_until(sim, is_unfenced, box, 20000));
    box->epoch_seen = metadata_broker_epoch(box->metadata);
}

static void stop_cleanly(struct sim *sim, struct box *box)
{
    assert_true(sim_node_call(box->node, stop, box));
    assert_true(sim_run_until(sim, is_stopped, box, 20000));
    const struct image_node *self = image_broker(box->image, 1);
    assert_true(self->is_fenced);
    assert_true(sim_node_call(box->node, close_dir, box));
}

static void create_bad_name(void *context)
{
    create_named(context, "no spaces", 1, false);
}

static void create_offsets(void *context)
{
    create_named(context, "__consumer_offsets", -1, true);
}

static void ids_given(void *context, enum err result, struct slice bytes)
{
    struct box *box = context;
    struct arena arena = {0};
    struct allocate_producer_ids_response response;
    assert_int_equal(result, OK);
    assert_int_equal(wire_decode(&allocate_producer_ids_response_message, 0, bytes, &arena, &response, NULL), OK);
    assert_int_equal(response.error_code, 0);
    assert_int_equal(response.producer_id_len, 1000);
    box->first_id = response.producer_id_start;
    box->answers++;
    arena_deinit(&arena);
}

static void ask_for_ids(void *context)
{
    struct box *box = context;
    struct arena arena = {0};
    struct allocate_producer_ids_request request = allocate_producer_ids_request_init();
    request.broker_id = 1;
    request.broker_epoch = metadata_broker_epoch(box->metadata);
    struct slice body;
    assert_int_equal(wire_encode_bytes(&allocate_producer_ids_request_message, 0, &request, &arena, &body), OK);
    controller_request(box->metadata, 67, 0, body, &anyone, ids_given, box);
    arena_deinit(&arena);
}

static void await_answer(struct sim *sim, struct box *box, void (*ask)(void *context))
{
    box->answers = 0;
    assert_true(sim_node_call(box->node, ask, box));
    assert_int_equal(box->answers, 0); // never inside the call
    assert_true(sim_run_until(sim, has_answer, box, 20000));
    assert_int_equal(box->result, OK);
}

static void node_forms_a_cluster_and_keeps_it(void **state)
{
    (void)state;
    struct sim_options options = sim_options_default(1);
    struct sim *sim = sim_new(&options);
    struct box box = {.node = sim_node_new(sim, "node1", 1)};
    start_serving(sim, &box);
    assert_int_equal(image_metadata_version(box.image), 30);
    assert_true(slice_eq_str(image_config(box.image, IMAGE_RESOURCE_BROKER, SLICE(""), "min.insync.replicas"), "1"));
    assert_false(image_broker(box.image, 1)->is_fenced);
    await_answer(sim, &box, create_next);
    assert_int_equal(box.code, 0);
    struct uuid id = box.topic_id;
    await_answer(sim, &box, create_bad_name);
    assert_int_equal(box.code, ERR_INVALID_TOPIC_EXCEPTION);
    await_answer(sim, &box, create_offsets);
    assert_int_equal(image_topic_partition_count(image_topic_by_name(box.image, SLICE("__consumer_offsets"))), 50);
    assert_true(slice_eq_str(
        image_config(box.image, IMAGE_RESOURCE_TOPIC, SLICE("__consumer_offsets"), "cleanup.policy"), "compact"));
    await_answer(sim, &box, ask_for_ids);
    assert_int_equal(box.first_id, 0);
    await_answer(sim, &box, ask_for_ids);
    assert_int_equal(box.first_id, 1000);
    int64_t first_epoch = metadata_broker_epoch(box.metadata);
    stop_cleanly(sim, &box);
    assert_int_equal(image_partition(box.image, SLICE("t0"), 0)->leader, -1);
    release(&box);

    // The same cluster again: every restart adds two to a leader epoch, as Kafka's does.
    start_serving(sim, &box);
    const struct image_partition *p = image_partition(box.image, SLICE("t0"), 0);
    assert_true(uuid_eq(p->topic_id, id));
    assert_int_equal(p->leader, 1);
    assert_int_equal(p->leader_epoch, 2);
    assert_int_equal(p->leader_recovery_state, 0);
    assert_true(metadata_broker_epoch(box.metadata) > first_epoch);
    await_answer(sim, &box, ask_for_ids);
    assert_int_equal(box.first_id, 2000);
    stop_cleanly(sim, &box);
    release(&box);
    sim_free(sim);
}

static bool topic_is_there(const struct box *box, int i)
{
    char name[16];
    snprintf(name, sizeof(name), "t%d", i);
    return image_topic_by_name(box->image, slice_str(name)) != NULL;
}

// Power is cut after every k-th env call of a life of format, election and five topics; whatever was acknowledged must
// be there afterwards, epochs must grow, and the node must serve again.
static void power_cut_loses_nothing_acknowledged(void **state)
{
    (void)state;
    int64_t cuts = 0;
    for (int64_t k = 1; k <= 400; k += 3) {
        struct sim_options options = sim_options_default((uint64_t)k);
        options.ignore_leaks = true;
        struct sim *sim = sim_new(&options);
        struct box box = {.node = sim_node_new(sim, "node1", 1)};
        sim_crash_at_call(box.node, SIM_CALL_ANY, k, SIM_POWER_CUT);
        bool is_up = sim_node_call(box.node, boot, &box) && sim_run_until(sim, is_ready, &box, 20000);
        is_up = is_up && sim_node_call(box.node, unfence, &box) && sim_run_until(sim, is_unfenced, &box, 20000);
        while (is_up && box.asked < 5) {
            box.answers = 0;
            is_up = sim_node_call(box.node, create_next, &box) && sim_run_until(sim, has_answer, &box, 20000);
        }
        int acknowledged = box.created;
        int32_t epoch = box.image == NULL ? 0 : box.image->epoch;
        if (sim_node_is_up(box.node))
            sim_node_crash(box.node, SIM_POWER_CUT);
        else
            cuts++;
        box = (struct box){.node = box.node};
        sim_node_restart(box.node);
        start_serving(sim, &box);
        assert_true(box.image->epoch > epoch);
        for (int i = 0; i < acknowledged; i++) {
            assert_true(topic_is_there(&box, i));
            char name[16];
            snprintf(name, sizeof(name), "t%d", i);
            assert_int_equal(image_partition(box.image, slice_str(name), 0)->leader, 1);
        }
        box.asked = 100;
        await_answer(sim, &box, create_next);
        assert_int_equal(box.code, 0);
        stop_cleanly(sim, &box);
        release(&box);
        sim_free(sim);
    }
    assert_true(cuts > 50);
}

// A stop that comes in the middle of the election, with quorum-state being written.
static void stop_during_start(void **state)
{
    (void)state;
    for (int steps = 0; steps < 40; steps++) {
        struct sim_options options = sim_options_default((uint64_t)steps + 1);
        struct sim *sim = sim_new(&options);
        struct box box = {.node = sim_node_new(sim, "node1", 1)};
        assert_true(sim_node_call(box.node, boot, &box));
        for (int i = 0; i < steps; i++) sim_step(sim);
        box.epoch_seen = metadata_broker_epoch(box.metadata);
        assert_true(sim_node_call(box.node, stop, &box));
        assert_true(sim_run_until(sim, is_stopped, &box, 20000));
        assert_true(sim_node_call(box.node, close_dir, &box));
        sim_run_until(sim, NULL, NULL, 1000); // nothing comes after the end
        release(&box);
        start_serving(sim, &box);
        stop_cleanly(sim, &box);
        release(&box);
        sim_free(sim);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(node_forms_a_cluster_and_keeps_it),
        cmocka_unit_test(power_cut_loses_nothing_acknowledged),
        cmocka_unit_test(stop_during_start),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
