// SPDX-License-Identifier: Apache-2.0
// The JSON that kafka-reassign-partitions reads and prints:
//   {"version":1,"partitions":[{"topic":"t","partition":0,"replicas":[1,2],"log_dirs":["any","/data"]}]}
//   {"version":1,"topics":[{"topic":"t"}]}
#include "cli/java_order.h"
#include "cli/reassign_int.h"
#include "wire/json_text.h"

#include <stdlib.h>

static const char operation[] = "org.apache.kafka.tools.AdminOperationException";
static const char command_failed[] = "org.apache.kafka.tools.AdminCommandFailedException";

// ---- small things ----------------------------------------------------------------------------------------------

const char *brokers_join(struct cli *cli, const struct brokers *brokers, const char *separator)
{
    const char *list = "";
    for (int32_t i = 0; i < brokers->count; i++) {
        list = arena_printf(&cli->arena, "%s%s%d", list, i > 0 ? separator : "", brokers->items[i]);
    }
    return list;
}

bool brokers_have(const struct brokers *brokers, int32_t broker)
{
    for (int32_t i = 0; i < brokers->count; i++) {
        if (brokers->items[i] == broker) return true;
    }
    return false;
}

void brokers_add(struct brokers *brokers, int32_t broker)
{
    if (brokers_have(brokers, broker)) return;
    int32_t at = brokers->count++;
    for (; at > 0 && brokers->items[at - 1] > broker; at--) brokers->items[at] = brokers->items[at - 1];
    brokers->items[at] = broker;
}

struct part *parts_find(const struct parts *parts, const struct topic_partition *key)
{
    for (int32_t i = 0; i < parts->count; i++) {
        if (topic_partition_eq(&parts->items[i].key, key)) return &parts->items[i];
    }
    return NULL;
}

static void sort(struct parts *parts)
{
    if (parts->count > 1) qsort(parts->items, (size_t)parts->count, sizeof(*parts->items), topic_partition_compare);
}

const char *parts_join(struct cli *cli, struct parts *parts)
{
    struct text list = {0};
    sort(parts);
    for (int32_t i = 0; i < parts->count; i++) {
        text_printf(&list, "%s%.*s-%d", i > 0 ? "," : "", SLICE_FMT(parts->items[i].key.topic),
                    parts->items[i].key.partition);
    }
    const char *result = arena_str(&cli->arena, text_slice(&list));
    text_deinit(&list);
    return result;
}

static struct slice name_of(const void *item)
{
    return *(const struct slice *)item;
}

struct slice *parts_topics(struct cli *cli, const struct parts *parts, int32_t *count)
{
    struct slice *topics = ARENA_ARRAY(&cli->arena, struct slice, parts->count + 1);
    *count = 0;
    for (int32_t i = 0; i < parts->count; i++) {
        int32_t at = 0;
        while (at < *count && !slice_eq(topics[at], parts->items[i].key.topic)) at++;
        if (at == *count) topics[(*count)++] = parts->items[i].key.topic;
    }
    java_hash_order(topics, (size_t)*count, sizeof(*topics), 16, name_of);
    return topics;
}

// ---- reading ---------------------------------------------------------------------------------------------------

static bool take_replicas(struct reassign *run, struct json_words *words, const json_t *list, struct brokers *out)
{
    if (!json_words_array(words, list)) return false;
    out->items = ARENA_ARRAY(&run->cli->arena, int32_t, json_array_size(list) + 1);
    for (size_t i = 0; i < json_array_size(list); i++) {
        if (!json_words_int(words, json_array_get(list, i), &out->items[out->count++])) return false;
    }
    return true;
}

static bool take_dirs(struct reassign *run, struct json_words *words, const json_t *list, struct part *part)
{
    int32_t count = part->replicas.count;
    size_t given = list == NULL ? (size_t)count : json_array_size(list);
    part->log_dirs = ARENA_ARRAY(&run->cli->arena, struct slice, given + 1);
    if (list != NULL && !json_words_array(words, list)) return false;
    const char *shown = "";
    for (size_t i = 0; i < given; i++) {
        part->log_dirs[i] = SLICE("any");
        if (list != NULL && !json_words_string(words, json_array_get(list, i), &part->log_dirs[i])) return false;
        shown = arena_printf(&run->cli->arena, "%s%s%.*s", shown, i > 0 ? ", " : "", SLICE_FMT(part->log_dirs[i]));
    }
    if (given == (size_t)count) return true;
    words->thrown = cli_thrown((struct cli_error){
        command_failed, arena_printf(&run->cli->arena,
                                     "Size of replicas list [%s] is different from size of log dirs list [%s] for "
                                     "partition %.*s-%d",
                                     brokers_join(run->cli, &part->replicas, ", "), shown, SLICE_FMT(part->key.topic),
                                     part->key.partition)});
    return false;
}

static bool take_part(struct reassign *run, struct json_words *words, const json_t *item, struct part *out)
{
    const json_t *topic, *partition, *replicas;
    return json_words_object(words, item) && json_words_field(words, item, "topic", &topic) &&
           json_words_string(words, topic, &out->key.topic) && json_words_field(words, item, "partition", &partition) &&
           json_words_int(words, partition, &out->key.partition) &&
           json_words_field(words, item, "replicas", &replicas) &&
           take_replicas(run, words, replicas, &out->replicas) &&
           take_dirs(run, words, json_object_get(item, "log_dirs"), out);
}

static bool check_version(struct reassign *run, struct json_words *words, const json_t *root)
{
    const json_t *version = NULL;
    int32_t number = 1;
    if (!json_words_object(words, root)) return false;
    version = json_object_get(root, "version");
    if (version != NULL && !json_words_int(words, version, &number)) return false;
    if (number == 1) return true;
    const char *text = arena_printf(&run->cli->arena, "Not supported version field value %d", number);
    words->thrown = cli_thrown((struct cli_error){operation, text});
    return false;
}

bool plan_read(struct reassign *run, const char *path, struct parts *out)
{
    struct json_words words = {.cli = run->cli};
    struct slice content;
    json_t *root = NULL;
    bool ok = json_words_read(&words, path, &content);
    if (ok) {
        root = json_words_parse(&words, content);
        ok = root != NULL;
        if (!ok) cli_wrap(&words.thrown, operation, words.thrown.chain[0].text);
    }
    ok = ok && check_version(run, &words, root);
    const json_t *list = ok ? json_object_get(root, "partitions") : NULL;
    ok = ok && (list == NULL || json_words_array(&words, list));
    out->items = ARENA_ARRAY(&run->cli->arena, struct part, (list == NULL ? 0 : json_array_size(list)) + 1);
    for (size_t i = 0; ok && list != NULL && i < json_array_size(list); i++) {
        ok = take_part(run, &words, json_array_get(list, i), &out->items[out->count++]);
    }
    if (root != NULL) json_decref(root);
    if (!ok) run->thrown = words.thrown;
    return ok;
}

bool plan_read_topics(struct reassign *run, const char *path, struct slice **topics, int32_t *count)
{
    struct json_words words = {.cli = run->cli};
    struct slice content;
    json_t *root = NULL;
    const json_t *topic;
    bool ok = json_words_read(&words, path, &content);
    if (ok) {
        root = json_words_parse(&words, content);
        ok = root != NULL;
        if (!ok) words.thrown = cli_thrown((struct cli_error){operation, "The input string is not a valid JSON"});
    }
    ok = ok && check_version(run, &words, root);
    const json_t *list = ok ? json_object_get(root, "topics") : NULL;
    ok = ok && (list == NULL || json_words_array(&words, list));
    *count = 0;
    *topics = ARENA_ARRAY(&run->cli->arena, struct slice, (list == NULL ? 0 : json_array_size(list)) + 1);
    for (size_t i = 0; ok && list != NULL && i < json_array_size(list); i++) {
        const json_t *item = json_array_get(list, i);
        ok = json_words_object(&words, item) && json_words_field(&words, item, "topic", &topic) &&
             json_words_string(&words, topic, &(*topics)[(*count)++]);
    }
    if (root != NULL) json_decref(root);
    if (!ok) run->thrown = words.thrown;
    return ok;
}

int log_dir_move_compare(const void *a, const void *b)
{
    const struct log_dir_move *x = a, *y = b;
    int order = (x->broker > y->broker) - (x->broker < y->broker);
    return order != 0 ? order : topic_partition_compare(&x->key, &y->key);
}

void plan_moves(struct reassign *run, const struct parts *parts, struct log_dir_moves *out)
{
    int32_t count = 0;
    for (int32_t i = 0; i < parts->count; i++) count += parts->items[i].replicas.count;
    *out = (struct log_dir_moves){.items = ARENA_ARRAY(&run->cli->arena, struct log_dir_move, count + 1)};
    for (int32_t i = 0; i < parts->count; i++) {
        const struct part *part = &parts->items[i];
        for (int32_t k = 0; k < part->replicas.count; k++) {
            if (slice_eq_str(part->log_dirs[k], "any")) continue;
            struct log_dir_move *move = &out->items[out->count++];
            *move = (struct log_dir_move){.key = part->key, .broker = part->replicas.items[k]};
            move->target = part->log_dirs[k];
        }
    }
}

// ---- printing --------------------------------------------------------------------------------------------------

void plan_print(struct reassign *run, struct parts *parts)
{
    struct text out = {0};
    sort(parts);
    text_add_str(&out, "{\"version\":1,\"partitions\":[");
    for (int32_t i = 0; i < parts->count; i++) {
        const struct part *part = &parts->items[i];
        text_add_str(&out, i > 0 ? ",{\"topic\":" : "{\"topic\":");
        json_text_string(&out, part->key.topic);
        text_printf(&out, ",\"partition\":%d,\"replicas\":[%s],\"log_dirs\":[", part->key.partition,
                    brokers_join(run->cli, &part->replicas, ","));
        for (int32_t k = 0; k < part->replicas.count; k++) {
            bool is_known = part->log_dirs != NULL && !slice_is_null(part->log_dirs[k]);
            if (k > 0) text_add_char(&out, ',');
            json_text_string(&out, is_known ? part->log_dirs[k] : SLICE("any"));
        }
        text_add_str(&out, "]}");
    }
    text_add_str(&out, "]}");
    cli_out_bytes(run->cli, text_slice(&out));
    text_deinit(&out);
}
