// SPDX-License-Identifier: Apache-2.0
// kafka-delete-records.sh (kafka-cli 7): partitions lose their records below the offsets that a JSON file names.
#include "cli/admin_topics.h"
#include "cli/options_delete_records.h"
#include "cli/usage.h"

#include <jansson.h>

static const char about[] = "This tool helps to delete records of the given partitions down to the specified offset.";
static const char mapping[] = "com.fasterxml.jackson.databind.JsonMappingException";
static const char operation[] = "org.apache.kafka.tools.AdminOperationException";

struct records_run {
    struct cli *cli;
    struct jopt options;
    struct client *client;
    struct admin_deletion *items;
    int32_t count;
    struct cli_thrown thrown; // set by whatever returns false
};

static bool fail(struct records_run *run, const char *class_name, const char *text)
{
    run->thrown = cli_thrown((struct cli_error){class_name, text});
    return false;
}

// ---- the file --------------------------------------------------------------------------------------------------

// "Expected WHAT, received JSON"
static bool unexpected(struct records_run *run, const char *what, const json_t *got)
{
    char *shown = json_dumps(got, JSON_COMPACT | JSON_ENCODE_ANY);
    const char *text = arena_printf(&run->cli->arena, "Expected %s, received %s", what, shown == NULL ? "" : shown);
    free(shown);
    return fail(run, mapping, text);
}

static bool field(struct records_run *run, const json_t *object, const char *name, const json_t **out)
{
    *out = json_object_get(object, name);
    if (*out != NULL) return true;
    return fail(run, mapping, arena_printf(&run->cli->arena, "No such field exists: `%s`", name));
}

static bool integer(struct records_run *run, const json_t *value, bool is_long, int64_t *out)
{
    int64_t number = json_is_integer(value) ? json_integer_value(value) : 0;
    bool fits = is_long || (number >= INT32_MIN && number <= INT32_MAX);
    if (!json_is_integer(value) || !fits) return unexpected(run, is_long ? "`Long` value" : "`Integer` value", value);
    *out = number;
    return true;
}

static bool take_partition(struct records_run *run, const json_t *from)
{
    const json_t *topic, *partition, *offset;
    int64_t index, before;
    if (!json_is_object(from)) return unexpected(run, "JSON object", from);
    if (!field(run, from, "topic", &topic)) return false;
    if (!json_is_string(topic)) return unexpected(run, "`String` value", topic);
    if (!field(run, from, "partition", &partition) || !integer(run, partition, false, &index) ||
        !field(run, from, "offset", &offset) || !integer(run, offset, true, &before)) {
        return false;
    }
    struct slice name = slice_of(json_string_value(topic), json_string_length(topic));
    run->items[run->count++] =
        (struct admin_deletion){.key = {arena_copy(&run->cli->arena, name), (int32_t)index}, .before_offset = before};
    return true;
}

static bool take_plan(struct records_run *run, const json_t *root)
{
    if (!json_is_object(root)) return unexpected(run, "JSON object", root);
    const json_t *version = json_object_get(root, "version");
    int64_t number = 1;
    if (version != NULL && !integer(run, version, false, &number)) return false;
    if (number != 1) {
        return fail(run, operation,
                    arena_printf(&run->cli->arena, "Not supported version field value %lld", (long long)number));
    }
    const json_t *partitions = json_object_get(root, "partitions");
    if (partitions == NULL) return fail(run, operation, "Missing partitions field");
    if (!json_is_array(partitions)) return unexpected(run, "JSON array", partitions);
    run->items = ARENA_ARRAY(&run->cli->arena, struct admin_deletion, json_array_size(partitions) + 1);
    for (size_t i = 0; i < json_array_size(partitions); i++) {
        if (!take_partition(run, json_array_get(partitions, i))) return false;
    }
    return true;
}

static bool find_doubles(struct records_run *run)
{
    struct text doubles = {0};
    topic_partition_order(run->items, (size_t)run->count, sizeof(*run->items));
    for (int32_t i = 0; i < run->count; i++) {
        int32_t earlier = 0;
        for (int32_t j = 0; j < i; j++) earlier += topic_partition_eq(&run->items[i].key, &run->items[j].key);
        if (earlier != 1) continue; // a third one is named already
        text_printf(&doubles, "%s%.*s-%d", doubles.size > 0 ? "," : "", SLICE_FMT(run->items[i].key.topic),
                    run->items[i].key.partition);
    }
    bool found = doubles.size > 0;
    if (found) {
        (void)fail(run, "org.apache.kafka.tools.AdminCommandFailedException",
                   arena_printf(&run->cli->arena, "Offset json file contains duplicate topic partitions: %s",
                                text_cstr(&doubles)));
    }
    text_deinit(&doubles);
    return !found;
}

static bool read_plan(struct records_run *run, const char *path)
{
    struct slice content;
    if (cli_read_file(run->cli, path, &content) != OK) {
        (void)fail(run, "java.nio.file.NoSuchFileException", path);
        cli_wrap(&run->thrown, "java.io.IOException", arena_printf(&run->cli->arena, "Unable to read file %s", path));
        return false;
    }
    // Jackson looks at the first value only.
    size_t flags = JSON_DECODE_ANY | JSON_DISABLE_EOF_CHECK;
    json_t *root = json_loadb((const char *)content.data, content.size, flags, NULL);
    if (root == NULL) return fail(run, operation, "The input string is not a valid JSON");
    bool ok = take_plan(run, root);
    json_decref(root);
    return ok && find_doubles(run);
}

// ---- the tool --------------------------------------------------------------------------------------------------

static bool act(struct records_run *run)
{
    struct cli *cli = run->cli;
    cli_out(cli, "Executing records delete operation\n");
    cli_out(cli, "Records delete operation completed:\n");
    struct cli_error error = {0};
    bool ok = admin_delete_records(cli, run->client, run->items, run->count, &error);
    for (int32_t i = 0; i < run->count; i++) {
        const struct admin_deletion *item = &run->items[i];
        const struct cli_error *why = item->has_failed ? &item->error : !ok && !item->is_done ? &error : NULL;
        cli_out(cli, "partition: %.*s-%d\t", SLICE_FMT(item->key.topic), item->key.partition);
        if (why != NULL)
            cli_out(cli, "error: %s: %s\n", why->class_name, why->text);
        else
            cli_out(cli, "low_watermark: %lld\n", (long long)item->low_watermark);
    }
    return true;
}

int tool_delete_records(struct cli *cli, int argc, char **argv)
{
    struct records_run run = {.cli = cli};
    struct jopt *options = &run.options;
    if (!jopt_parse(options, records_options, RECORDS_OPTIONS, &cli->arena, argc, argv)) {
        return cli_trace(cli, options->problem, options->problem_class);
    }
    int code;
    if (!usage_begin(cli, options, argc, about, &code)) return code;
    if (!usage_require(cli, options, RECORDS_BOOTSTRAP_SERVER) ||
        !usage_require(cli, options, RECORDS_OFFSET_JSON_FILE)) {
        return 1;
    }
    const char *config, *bootstrap, *file;
    if (!jopt_value(options, RECORDS_COMMAND_CONFIG, &config) ||
        !jopt_value(options, RECORDS_BOOTSTRAP_SERVER, &bootstrap) ||
        !jopt_value(options, RECORDS_OFFSET_JSON_FILE, &file)) {
        return cli_trace(cli, options->problem, options->problem_class);
    }
    bool ok = cli_connect(cli, config, bootstrap, &run.client, &run.thrown) && read_plan(&run, file) && act(&run);
    if (run.client != NULL) client_free(run.client);
    return ok ? 0 : cli_trace_thrown(cli, &run.thrown);
}
