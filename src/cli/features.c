// SPDX-License-Identifier: Apache-2.0
#include "cli/features.h"

#include "cli/cli_int.h"

const char *const feature_names[FEATURE_COUNT] = {
    "kraft.version", "transaction.version", "group.version", "eligible.leader.replicas.version",
    "share.version", "streams.version",
};

const int16_t feature_levels_max[FEATURE_COUNT] = {1, 2, 1, 1, 1, 1};

static const struct metadata_version versions[] = {
    {7, "3.3-IV3", {0}},
    {8, "3.4-IV0", {0}},
    {9, "3.5-IV0", {0}},
    {10, "3.5-IV1", {0}},
    {11, "3.5-IV2", {0}},
    {12, "3.6-IV0", {0}},
    {13, "3.6-IV1", {0}},
    {14, "3.6-IV2", {0}},
    {15, "3.7-IV0", {0}},
    {16, "3.7-IV1", {0}},
    {17, "3.7-IV2", {0}},
    {18, "3.7-IV3", {0}},
    {19, "3.7-IV4", {0}},
    {20, "3.8-IV0", {0}},
    {21, "3.9-IV0", {1, 0, 0, 0, 0, 0}},
    {22, "4.0-IV0", {1, 0, 1, 0, 0, 0}},
    {23, "4.0-IV1", {1, 0, 1, 0, 0, 0}},
    {24, "4.0-IV2", {1, 2, 1, 0, 0, 0}},
    {25, "4.0-IV3", {1, 2, 1, 0, 0, 0}},
    {26, "4.1-IV0", {1, 2, 1, 1, 0, 0}},
    {27, "4.1-IV1", {1, 2, 1, 1, 0, 0}},
    {28, "4.2-IV0", {1, 2, 1, 1, 1, 0}},
    {29, "4.2-IV1", {1, 2, 1, 1, 1, 1}},
    {30, "4.3-IV0", {1, 2, 1, 1, 1, 1}},
    {31, "4.4-IV0", {1, 2, 1, 1, 1, 1}},
};

const struct metadata_version *metadata_version_at(size_t index)
{
    return index < sizeof(versions) / sizeof(versions[0]) ? &versions[index] : NULL;
}

const struct metadata_version *metadata_version_of_level(int level)
{
    for (size_t i = 0; metadata_version_at(i) != NULL; i++) {
        if (versions[i].level == level) return &versions[i];
    }
    return NULL;
}

const struct metadata_version *metadata_version_of_text(const char *text)
{
    // Of "4.0.1" the first two numbers name the release.
    const char *dot = strchr(text, '.');
    const char *second = dot == NULL ? NULL : strchr(dot + 1, '.');
    size_t release = second == NULL ? strlen(text) : (size_t)(second - text);
    const struct metadata_version *found = NULL;
    for (size_t i = 0; metadata_version_at(i) != NULL; i++) {
        const char *name = versions[i].name;
        if (strcmp(name, text) == 0) return &versions[i];
        if (versions[i].level > METADATA_VERSION_LATEST) continue;
        if (strncmp(name, text, release) == 0 && name[release] == '-') found = &versions[i];
    }
    return found;
}

enum feature feature_find(const char *name)
{
    for (int i = 0; i < FEATURE_COUNT; i++) {
        if (strcmp(name, feature_names[i]) == 0) return (enum feature)i;
    }
    return FEATURE_COUNT;
}

// ---- words -----------------------------------------------------------------------------------------------------

const char *metadata_version_unknown(struct cli *cli, const char *text, bool with_unstable)
{
    struct text list = {0};
    const struct metadata_version *v;
    for (size_t i = 0; (v = metadata_version_at(i)) != NULL; i++) {
        if (with_unstable || v->level <= METADATA_VERSION_LATEST)
            text_printf(&list, "%s%s", i > 0 ? ", " : "", v->name);
    }
    const char *result = arena_printf(&cli->arena, "Unknown metadata.version '%s'. Supported metadata.version are: %s",
                                      text, text_cstr(&list));
    text_deinit(&list);
    return result;
}

bool features_print_mapping(struct cli *cli, const char *release)
{
    if (release == NULL) release = metadata_version_of_level(METADATA_VERSION_LATEST)->name;
    const struct metadata_version *version = metadata_version_of_text(release);
    if (version == NULL) {
        cli_err(cli, "%s\n", metadata_version_unknown(cli, release, true));
        return false;
    }
    cli_out(cli, "metadata.version=%d (%s)\n", version->level, release);
    for (int i = 0; i < FEATURE_COUNT; i++) cli_out(cli, "%s=%d\n", feature_names[i], version->defaults[i]);
    return true;
}

enum features_printed features_print_dependencies(struct cli *cli, const char *name, int level)
{
    if (strcmp(name, "metadata.version") == 0) {
        const struct metadata_version *version = metadata_version_of_level(level);
        if (version == NULL) return FEATURES_UNKNOWN_VERSION;
        cli_out(cli, "metadata.version=%d (%s) has no dependencies.\n", level, version->name);
        return FEATURES_PRINTED;
    }
    enum feature feature = feature_find(name);
    if (feature == FEATURE_COUNT) return FEATURES_UNKNOWN;
    if (level < 0 || level > feature_levels_max[feature]) return FEATURES_UNKNOWN_LEVEL;
    if (feature == FEATURE_ELR && level == 1)
        cli_out(cli, "%s=%d requires:\n    metadata.version=23 (4.0-IV1)\n", name, level);
    else
        cli_out(cli, "%s=%d has no dependencies.\n", name, level);
    return FEATURES_PRINTED;
}
