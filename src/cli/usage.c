// SPDX-License-Identifier: Apache-2.0
// See usage.h.
#include "cli/usage.h"

bool usage_fail(struct cli *cli, const struct jopt *options, const char *message)
{
    (void)cli_usage(cli, options, message);
    return false;
}

static bool has_named(const struct jopt *options, const char *name)
{
    for (int i = 0; i < options->option_count; i++) {
        if (strcmp(options->options[i].name, name) == 0) return jopt_has(options, i);
    }
    return false;
}

bool usage_begin(struct cli *cli, const struct jopt *options, int argc, const char *about, int *code)
{
    *code = 1;
    if (argc == 1 || has_named(options, "help")) return usage_fail(cli, options, about);
    if (!has_named(options, "version")) return true;
    cli_out(cli, "%s\n", KAFKA_VERSION);
    *code = 0;
    return false;
}

bool usage_require(struct cli *cli, const struct jopt *options, int option)
{
    if (jopt_has(options, option)) return true;
    return usage_fail(cli, options,
                      arena_printf(&cli->arena, "Missing required argument \"[%s]\"", options->options[option].name));
}

bool usage_exclude(struct cli *cli, const struct jopt *options, int used, const int *others)
{
    if (!jopt_has(options, used)) return true;
    for (; *others >= 0; others++) {
        if (!jopt_has(options, *others)) continue;
        return usage_fail(cli, options,
                          arena_printf(&cli->arena, "Option \"[%s]\" can't be used with option \"[%s]\"",
                                       options->options[used].name, options->options[*others].name));
    }
    return true;
}

const char *usage_bad_bootstrap(const char *list)
{
    if (list == NULL || *list == '\0') return "Error while validating the bootstrap address\n";
    struct slice rest = slice_str(list);
    while (rest.size > 0) {
        const uint8_t *comma = memchr(rest.data, ',', rest.size);
        size_t size = comma == NULL ? rest.size : (size_t)(comma - rest.data);
        struct slice host;
        int port;
        if (client_parse_address(slice_of(rest.data, size), &host, &port) != OK) {
            return "Please provide valid host:port like host1:9091,host2:9092\n";
        }
        size_t step = size + (comma != NULL);
        rest = slice_of(rest.data + step, rest.size - step);
    }
    return NULL;
}

int usage_service_failed(struct cli *cli, const char *what, const char *logger, const struct cli_thrown *thrown)
{
    if (strcmp(thrown->chain[0].class_name, "java.nio.file.NoSuchFileException") == 0) {
        return cli_trace_thrown(cli, thrown);
    }
    cli_out(cli, "Error while executing %s command : %s\n", what, cli_thrown_text(cli, thrown));
    cli_flush(cli);
    const char *trace = "";
    for (int i = 0; i < thrown->count; i++) {
        struct cli_thrown rest = {.chain = {thrown->chain[i]}, .count = 1};
        trace = arena_printf(&cli->arena, "%s%s%s: %s\n", trace, i == 0 ? "" : "Caused by: ", rest.chain[0].class_name,
                             cli_thrown_text(cli, &rest));
    }
    log_error(cli->host->log, logger, "%s", trace);
    return 1;
}
