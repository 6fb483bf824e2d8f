// SPDX-License-Identifier: Apache-2.0
// UpdateFeatures (KIP-584, KIP-1022): a level is finalised when every registered node can read it. Order of checks and
// sentences are Kafka 4.3.1's, observed.
#include "meta/decide_int.h"
#include "proto/update_features.h"

enum { UPGRADE = 1, SAFE_DOWNGRADE = 2, UNSAFE_DOWNGRADE = 3 };

#define METADATA_FEATURE "metadata.version"
#define ELR_FEATURE "eligible.leader.replicas.version"

struct change {
    struct decide *decide;
    const struct update_features_request *request;
    int32_t node_id;
    const struct update_features_request_feature_update_key *update;
    const char *problem; // the whole sentence, in the arena
};

static bool fail(struct change *c, const char *reason)
{
    c->problem = arena_printf(c->decide->arena, "Invalid update version %d for feature %.*s. %s",
                              c->update->max_version_level, SLICE_FMT(c->update->feature), reason);
    return false;
}

static bool is_in_range(struct change *c, const char *who, int32_t id, int16_t min, int16_t max)
{
    int16_t level = c->update->max_version_level;
    if (level >= min && level <= max) return true;
    if (min == 0 && max == 0)
        return fail(c, arena_printf(c->decide->arena, "%s %d does not support this feature.", who, id));
    return fail(c, arena_printf(c->decide->arena, "%s %d only supports versions %d-%d", who, id, min, max));
}

static bool node_reads(struct change *c, const char *who, const struct image_node *node)
{
    int16_t min = 0, max = 0; // not offered = 0 only
    for (int32_t i = 0; i < node->feature_count; i++) {
        if (!slice_eq(node->features[i].name, c->update->feature)) continue;
        min = node->features[i].min;
        max = node->features[i].max;
    }
    return is_in_range(c, who, node->id, min, max);
}

static const struct metadata_feature *known_feature(struct slice name)
{
    for (int i = 0; i < METADATA_FEATURE_COUNT; i++)
        if (slice_eq_str(name, metadata_features[i].name)) return &metadata_features[i];
    return NULL;
}

static bool all_nodes_read(struct change *c)
{
    const struct metadata_feature *own = known_feature(c->update->feature);
    if (!is_in_range(c, "Local controller", c->node_id, own == NULL ? 0 : own->min, own == NULL ? 0 : own->max))
        return false;
    struct pmap_iter it = pmap_iter(&c->decide->image->brokers);
    for (const struct image_node *node; (node = image_next_node(&it)) != NULL;)
        if (!node_reads(c, "Broker", node)) return false;
    it = pmap_iter(&c->decide->image->controllers);
    for (const struct image_node *node; (node = image_next_node(&it)) != NULL;)
        if (node->id != c->node_id && !node_reads(c, "Controller", node)) return false;
    return true;
}

// Between these levels nothing changed in what records hold, so going back over them loses nothing.
static bool changed_records(int16_t level)
{
    static const int16_t levels[] = {8, 11, 13, 14, 15, 17, 23, 30};
    for (size_t i = 0; i < COUNT_OF(levels); i++)
        if (levels[i] == level) return true;
    return false;
}

static bool check_metadata_version(struct change *c, int16_t now)
{
    int16_t level = c->update->max_version_level;
    bool loses = false;
    for (int16_t i = level; i < now; i++) loses |= changed_records((int16_t)(i + 1));
    if (!loses) return true;
    c->problem = arena_printf(c->decide->arena, "Unsupported metadata.version downgrade from %d to %d. %s", now, level,
                              c->update->upgrade_type == UNSAFE_DOWNGRADE
                                  ? "Unsafe metadata downgrade is not supported in this version."
                                  : "Refusing to perform the requested downgrade because it might delete metadata "
                                    "information.");
    return false;
}

// What the cluster will have of a feature once the whole request is done.
static int16_t proposed(const struct change *c, const char *name)
{
    for (int32_t i = 0; i < c->request->feature_updates.count; i++)
        if (slice_eq_str(c->request->feature_updates.items[i].feature, name))
            return c->request->feature_updates.items[i].max_version_level;
    return image_feature_level(c->decide->image, name);
}

static bool judge(struct change *c)
{
    const struct update_features_request_feature_update_key *u = c->update;
    if (u->upgrade_type < UPGRADE || u->upgrade_type > UNSAFE_DOWNGRADE)
        return fail(c, "The controller does not support the given upgrade type.");
    int16_t now = image_feature_level(c->decide->image, arena_str(c->decide->arena, u->feature));
    if (u->max_version_level < 0) return fail(c, "A feature version cannot be less than 0.");
    if (!all_nodes_read(c)) return false;
    if (u->max_version_level < now && u->upgrade_type == UPGRADE)
        return fail(c, "Can't downgrade the version of this feature without setting the upgrade type to either safe or "
                       "unsafe downgrade.");
    if (u->max_version_level > now && u->upgrade_type != UPGRADE) return fail(c, "Can't downgrade to a newer version.");
    // It lives in control records of the quorum, which this build only reads.
    if (slice_eq_str(u->feature, "kraft.version"))
        return u->max_version_level == 0 || fail(c, "The controllers of this quorum cannot raise it at run time.");
    if (slice_eq_str(u->feature, METADATA_FEATURE)) return check_metadata_version(c, now);
    if (known_feature(u->feature) == NULL)
        return fail(c, arena_printf(c->decide->arena, "Feature %.*s not found.", SLICE_FMT(u->feature)));
    enum { ELR_METADATA_VERSION = 23 };
    if (slice_eq_str(u->feature, ELR_FEATURE) && u->max_version_level > 0 &&
        proposed(c, METADATA_FEATURE) < ELR_METADATA_VERSION)
        return fail(c, arena_printf(c->decide->arena, "%s could not be set to %d because it depends on %s level %d",
                                    ELR_FEATURE, u->max_version_level, METADATA_FEATURE, ELR_METADATA_VERSION));
    return true;
}

// With ELR every controller must count with the same minimum: it stands in the cluster's default, nowhere else.
static void write_elr_safety(struct decide *decide)
{
    struct config_record record = config_record_init();
    record.resource_type = IMAGE_RESOURCE_BROKER;
    record.name = SLICE("min.insync.replicas");
    if (slice_is_null(image_config(decide->image, IMAGE_RESOURCE_BROKER, SLICE(""), "min.insync.replicas"))) {
        record.resource_name = SLICE("");
        record.value = decide->settings->min_insync_replicas;
        METADATA_ADD(&decide->records, decide->arena, config_record, 0, &record);
    }
    struct pmap_iter it = pmap_iter(&decide->image->resources);
    for (const struct image_resource *r; (r = image_next_resource(&it)) != NULL;) {
        if (r->type != IMAGE_RESOURCE_BROKER || r->name.size == 0) continue;
        if (slice_is_null(image_config(decide->image, r->type, r->name, "min.insync.replicas"))) continue;
        record.resource_name = r->name;
        record.value = SLICE_NULL;
        METADATA_ADD(&decide->records, decide->arena, config_record, 0, &record);
    }
}

static void write(struct change *c)
{
    struct decide *decide = c->decide;
    if (slice_eq_str(c->update->feature, "kraft.version")) return;
    if (slice_eq_str(c->update->feature, ELR_FEATURE) && c->update->max_version_level > 0 &&
        image_feature_level(decide->image, ELR_FEATURE) == 0)
        write_elr_safety(decide);
    struct feature_level_record record = feature_level_record_init();
    record.name = c->update->feature;
    record.feature_level = c->update->max_version_level;
    METADATA_ADD(&decide->records, decide->arena, feature_level_record, 0, &record);
}

enum err decide_update_features(struct decide *decide, const struct update_features_request *request, int32_t node_id,
                                struct update_features_response *response)
{
    struct change c = {.decide = decide, .request = request, .node_id = node_id};
    int32_t count = request->feature_updates.count;
    enum { UPDATES_MAX = 1000 }; // there are not that many features
    if (count > UPDATES_MAX) return ERR_INVALID_REQUEST;
    for (int32_t i = 0; i < count; i++) {
        c.update = &request->feature_updates.items[i];
        if (judge(&c)) continue;
        response->error_code = ERR_INVALID_UPDATE_VERSION;
        response->error_message = slice_str(
            arena_printf(decide->arena,
                         "The update failed for all features since the following feature had an error: %s", c.problem));
        return OK;
    }
    for (int32_t i = 0; i < count && !request->validate_only; i++) {
        c.update = &request->feature_updates.items[i];
        write(&c);
    }
    response->error_message = SLICE_NULL;
    response->results.items =
        ARENA_ARRAY(decide->arena, struct update_features_response_updatable_feature_result, count);
    response->results.count = count;
    for (int32_t i = 0; i < count; i++)
        response->results.items[i] = (struct update_features_response_updatable_feature_result){
            .feature = request->feature_updates.items[i].feature, .error_message = SLICE("NONE")};
    return OK;
}
