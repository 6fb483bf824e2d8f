// SPDX-License-Identifier: Apache-2.0
// The metadata driver on the real machine: two lives in one directory. With an argument that directory is used (a
// node formatted by Apache Kafka too) and kept, so that tests/oracle/metadata.sh can show it to Kafka's own tools.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "broker/controller.h"
#include "broker/format.h"
#include "broker/metadata.h"
#include "config/config.h"
#include "env_posix/posix.h"
#include "proto/create_topics.h"
#include "proto/delete_topics.h"
#include "store/store.h"

static const char *chosen_dir;

struct box {
    struct env *env;
    struct arena arena;
    const struct config *config;
    const char *data;
    struct logdir *dir;
    struct metadata *metadata;
    const struct image *image;
    bool is_ready, is_unfenced, is_stopped, is_answered;
    int16_t code;
};

static void random_bytes(void *context, void *to, size_t size)
{
    env_random(context, to, size);
}

static void on_image(void *context, struct image *image, struct image_delta *delta)
{
    struct box *box = context;
    (void)delta;
    image_unref(box->image);
    box->image = image_ref(image);
}

static void on_ready(void *context)
{
    ((struct box *)context)->is_ready = true;
}
static void stopped(void *context)
{
    ((struct box *)context)->is_stopped = true;
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
static bool is_answered(void *context)
{
    return ((struct box *)context)->is_answered;
}

static void on_fatal(void *context, enum err why, const char *text)
{
    (void)context;
    fail_msg("%s (%s)", text, err_text(why));
}

static void unfenced(void *context, enum err result)
{
    assert_int_equal(result, OK);
    ((struct box *)context)->is_unfenced = true;
}

static void topics_answered(void *context, enum err result, struct slice bytes)
{
    struct box *box = context;
    struct arena arena = {0};
    struct create_topics_response response;
    assert_int_equal(result, OK);
    assert_int_equal(wire_decode(&create_topics_response_message, 7, bytes, &arena, &response, NULL), OK);
    box->code = response.topics.items[0].error_code;
    box->is_answered = true;
    arena_deinit(&arena);
}

static void deletion_answered(void *context, enum err result, struct slice bytes)
{
    struct box *box = context;
    (void)bytes;
    assert_int_equal(result, OK);
    box->is_answered = true;
}

static const struct controller_principal anyone = {
    .type = SLICE("User"), .name = SLICE("ANONYMOUS"), .can_create_any_topic = true};

static void create(struct box *box, const char *name, int32_t partitions, const char *key, const char *value)
{
    struct create_topics_request_creatable_topic_config config = {.name = slice_str(key), .value = slice_str(value)};
    struct create_topics_request_creatable_topic topic = create_topics_request_creatable_topic_init();
    struct create_topics_request request = create_topics_request_init();
    topic.name = slice_str(name);
    topic.num_partitions = partitions;
    topic.replication_factor = 1;
    topic.configs.items = &config;
    topic.configs.count = key == NULL ? 0 : 1;
    request.topics.items = &topic;
    request.topics.count = 1;
    struct slice body;
    assert_int_equal(wire_encode_bytes(&create_topics_request_message, 7, &request, &box->arena, &body), OK);
    box->is_answered = false;
    controller_request(box->metadata, 19, 7, body, &anyone, topics_answered, box);
    assert_true(posix_run_until(box->env, is_answered, box));
}

static void delete_topic(struct box *box, const char *name)
{
    struct delete_topics_request request = delete_topics_request_init();
    struct slice names[] = {slice_str(name)};
    request.topic_names.items = names;
    request.topic_names.count = 1;
    struct slice body;
    assert_int_equal(wire_encode_bytes(&delete_topics_request_message, 5, &request, &box->arena, &body), OK);
    box->is_answered = false;
    controller_request(box->metadata, 20, 5, body, &anyone, deletion_answered, box);
    assert_true(posix_run_until(box->env, is_answered, box));
}

static void boot(struct box *box)
{
    struct env *env = box->env;
    // controller.quorum.voters only matters to a directory whose quorum is static (kraft.version 0).
    char *properties = arena_printf(&box->arena,
                                    "process.roles=broker,controller\nnode.id=1\ncontroller.listener.names=CONTROLLER\n"
                                    "controller.quorum.voters=1@127.0.0.1:19149\n"
                                    "listeners=PLAINTEXT://127.0.0.1:19148,CONTROLLER://127.0.0.1:19149\nlog.dirs=%s\n",
                                    box->data);
    const struct config_sources sources = {.file = slice_str(properties)};
    struct config_report report = {0};
    assert_int_equal(config_build(&sources, &box->arena, &box->config, &report), OK);
    struct text problem = {0};
    if (format_is_formatted(env->fs, box->data) == ERR_NOT_FOUND) {
        struct format_voter voter = {.id = 1, .host = SLICE("127.0.0.1"), .port = 19149};
        const struct format_options format = {.fs = env->fs,
                                              .wall_ms = env_wall_ms(env),
                                              .random = random_bytes,
                                              .random_context = env,
                                              .cluster_id = SLICE("5L6g3nShT-eMCtK--X86sw"),
                                              .node_id = 1,
                                              .dirs = &box->data,
                                              .dir_count = 1,
                                              .metadata_dir = box->data,
                                              .voters = &voter,
                                              .voter_count = 1,
                                              .controller_listener = SLICE("CONTROLLER"),
                                              .is_standalone = true};
        assert_int_equal(format_directories(&format, &problem), OK);
        assert_int_equal(format_directories(&format, &problem), ERR_EXISTS);
        text_clear(&problem);
    }
    struct logdir_open_result opened = {0};
    struct uuid random = {.bytes = {7, 7, 7}};
    assert_int_equal(logdir_open(env->fs, env->log, box->data, 1, random, &box->arena, &opened, &box->dir), OK);
    const struct image_endpoint client = {SLICE("PLAINTEXT"), SLICE("127.0.0.1"), 19148, 0};
    const struct image_endpoint controller = {SLICE("CONTROLLER"), SLICE("127.0.0.1"), 19149, 0};
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
    assert_true(posix_run_until(env, is_ready, box));
    metadata_unfence(box->metadata, unfenced, box);
    assert_true(posix_run_until(env, is_unfenced, box));
}

static void halt(struct box *box)
{
    int64_t epoch = metadata_broker_epoch(box->metadata);
    metadata_stop(box->metadata, stopped, box);
    assert_true(posix_run_until(box->env, is_stopped, box));
    metadata_free(box->metadata);
    assert_int_equal(logdir_close(box->env->fs, box->dir, true, epoch), OK);
    image_unref(box->image);
}

static struct posix_node *life(struct box *box, const char *data)
{
    const struct posix_options options = {.shards = 1};
    struct posix_node *node = NULL;
    int count = 0;
    assert_int_equal(posix_node_new(&options, &node), OK);
    *box = (struct box){.env = posix_node_envs(node, &count)[0], .data = data};
    boot(box);
    return node;
}

struct tree {
    struct fs *fs;
    const char *path;
};

static enum err remove_tree(void *context, const char *name)
{
    struct tree *parent = context;
    char path[512];
    snprintf(path, sizeof(path), "%s%s%s", parent->path, name[0] == '\0' ? "" : "/", name);
    struct tree tree = {parent->fs, path};
    struct file_stat stat;
    enum err e = fs_stat(tree.fs, path, &stat);
    if (e != OK) return e;
    if (stat.kind != FILE_DIRECTORY) return fs_unlink(tree.fs, path);
    e = fs_list(tree.fs, path, remove_tree, &tree);
    return e == OK ? tree.fs->ops->rmdir(tree.fs, path) : e;
}

static void two_lives_in_one_directory(void **state)
{
    (void)state;
    char made[] = "/tmp/odradek-metadata-XXXXXX";
    const char *data = chosen_dir;
    if (data == NULL) {
        assert_non_null(mkdtemp(made));
        data = made;
    }
    struct box box;
    struct posix_node *node = life(&box, data);
    create(&box, "ours", 3, "retention.ms", "123456");
    create(&box, "ours-min", 1, "min.insync.replicas", "2");
    create(&box, "ours-gone", 2, NULL, NULL);
    delete_topic(&box, "ours-gone");
    assert_int_equal(image_topic_partition_count(image_topic_by_name(box.image, SLICE("ours"))), 3);
    assert_null(image_topic_by_name(box.image, SLICE("ours-gone")));
    halt(&box);
    arena_deinit(&box.arena);
    posix_node_free(node);

    node = life(&box, data);
    create(&box, "ours", 3, NULL, NULL);
    assert_int_equal(box.code, ERR_TOPIC_ALREADY_EXISTS);
    assert_int_equal(image_partition(box.image, SLICE("ours"), 0)->leader, 1);
    halt(&box);
    arena_deinit(&box.arena);
    posix_node_free(node);
    if (chosen_dir == NULL) {
        const struct posix_options options = {.shards = 1};
        assert_int_equal(posix_node_new(&options, &node), OK);
        struct tree tree = {posix_node_fs(node), made};
        assert_int_equal(remove_tree(&tree, ""), OK);
        posix_node_free(node);
    }
}

int main(int argc, char **argv)
{
    chosen_dir = argc > 1 ? argv[1] : NULL;
    const struct CMUnitTest tests[] = {cmocka_unit_test(two_lives_in_one_directory)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
