// SPDX-License-Identifier: Apache-2.0
#define PCRE2_CODE_UNIT_WIDTH 8
#include "broker/telemetry.h"

#include <pcre2.h>
#include <stdlib.h>

#include "base/crc32c.h"
#include "base/mem.h"
#include "broker/broker_int.h"
#include "broker/conn.h"
#include "meta/image.h"

enum {
    CLIENTS_MAX = 16384,
    KNOWN_MIN_MS = 60000, // a client is known that long after its last request, or three of its intervals
    INTERVAL_DEFAULT_MS = 300000,
    COMPRESSION_MAX = 4, // zstd
    MATCH_LIMIT = 100000,
    METRICS_MAX = 1024, // of all subscriptions of one client
};

struct telemetry_client {
    struct map_link by_id;
    struct list used;
    struct conn *conn; // whose end is the client's
    struct uuid id;
    uint64_t version; // of the subscriptions it was judged by
    int32_t subscription_id;
    int32_t push_interval_ms;
    struct arena arena; // of `metrics`
    struct slice *metrics;
    int32_t metric_count;
    int64_t got_ms; // its last requests that were let through, Unix time; 0 none
    int64_t pushed_ms;
    int64_t used_ms;
    enum err last_error; // of its last push
    bool is_gone;        // said that it would send no more
};

void telemetry_init(struct telemetry *telemetry, uint64_t hash_seed)
{
    *telemetry = (struct telemetry){.hash_seed = hash_seed};
    list_init(&telemetry->used);
}

void telemetry_forget(struct telemetry *telemetry, struct telemetry_client *client)
{
    if (client == NULL) return;
    if (client->conn != NULL) client->conn->telemetry = NULL;
    map_remove(&telemetry->clients, &client->by_id);
    list_remove(&client->used);
    arena_deinit(&client->arena);
    mem_free(client);
}

void telemetry_deinit(struct telemetry *telemetry)
{
    while (!list_is_empty(&telemetry->used))
        telemetry_forget(telemetry, LIST_ITEM(list_first(&telemetry->used), struct telemetry_client, used));
    map_deinit(&telemetry->clients);
}

void telemetry_apply(struct telemetry *telemetry, const struct image_delta *delta)
{
    for (int32_t i = 0; i < delta->resource_count; i++)
        if (delta->resources[i].type == IMAGE_RESOURCE_CLIENT_METRICS) telemetry->version++;
}

bool telemetry_is_wanted(const struct image *image)
{
    struct pmap_iter it = pmap_iter(&image->resources);
    for (const struct image_resource *resource; (resource = image_next_resource(&it)) != NULL;)
        if (resource->type == IMAGE_RESOURCE_CLIENT_METRICS) return true;
    return false;
}

// ---- does a subscription concern a client? -------------------------------------------------------------------------

static struct slice trim(struct slice text)
{
    while (text.size > 0 && text.data[0] == ' ') text = slice_of(text.data + 1, text.size - 1);
    while (text.size > 0 && text.data[text.size - 1] == ' ') text.size--;
    return text;
}

// The next of what stands between commas; false at the end.
static bool next_item(struct slice *rest, struct slice *item)
{
    if (slice_is_null(*rest)) return false;
    const uint8_t *comma = rest->size == 0 ? NULL : memchr(rest->data, ',', rest->size);
    size_t size = comma == NULL ? rest->size : (size_t)(comma - rest->data);
    *item = trim(slice_of(rest->data, size));
    *rest = comma == NULL ? SLICE_NULL : slice_of(comma + 1, rest->size - size - 1);
    return true;
}

// What is known of the client under a selector's name; null when nothing is.
static struct slice attribute(const struct request *request, struct uuid client_id, struct slice name,
                              struct arena *arena)
{
    struct slice software = slice_str(request->conn->software);
    const char *peer = conn_peer(request->conn->io);
    const char *colon = strrchr(peer, ':');
    const uint8_t *slash = software.size == 0 ? NULL : memchr(software.data, '/', software.size);
    if (slice_eq_str(name, "client_instance_id")) {
        char text[UUID_TEXT_SIZE + 1];
        uuid_format(client_id, text);
        return arena_copy(arena, slice_str(text));
    }
    if (slice_eq_str(name, "client_id")) return request->ctx.client_id;
    if (slice_eq_str(name, "client_software_name") && slash != NULL)
        return slice_of(software.data, (size_t)(slash - software.data));
    if (slice_eq_str(name, "client_software_version") && slash != NULL) return slice_str((const char *)slash + 1);
    if (slice_eq_str(name, "client_source_port") && colon != NULL) return slice_str(colon + 1);
    if (!slice_eq_str(name, "client_source_address") || colon == NULL) return SLICE_NULL;
    bool is_bracketed = peer[0] == '[';
    return slice_of(peer + is_bracketed, (size_t)(colon - peer) - 2u * is_bracketed);
}

// The whole value must match.
static bool matches(struct slice pattern, struct slice value)
{
    int error = 0;
    PCRE2_SIZE at = 0;
    pcre2_code *code =
        pcre2_compile(pattern.data, pattern.size, PCRE2_ANCHORED | PCRE2_ENDANCHORED | PCRE2_UTF, &error, &at, NULL);
    if (code == NULL) return false;
    pcre2_match_data *data = pcre2_match_data_create_from_pattern(code, NULL);
    pcre2_match_context *context = pcre2_match_context_create(NULL);
    pcre2_set_match_limit(context, MATCH_LIMIT);
    bool is_match = pcre2_match(code, value.data, value.size, 0, 0, data, context) >= 0;
    pcre2_match_context_free(context);
    pcre2_match_data_free(data);
    pcre2_code_free(code);
    return is_match;
}

static bool concerns(const struct request *request, struct uuid client_id, struct slice selectors, struct arena *arena)
{
    for (struct slice item; next_item(&selectors, &item);) {
        const uint8_t *equals = item.size == 0 ? NULL : memchr(item.data, '=', item.size);
        if (equals == NULL) continue; // only an empty list has one
        struct slice name = trim(slice_of(item.data, (size_t)(equals - item.data)));
        struct slice pattern = trim(slice_of(equals + 1, item.size - (size_t)(equals - item.data) - 1));
        struct slice value = attribute(request, client_id, name, arena);
        if (slice_is_null(value) || !matches(pattern, value)) return false;
    }
    return true;
}

// ---- what a client is asked for ------------------------------------------------------------------------------------

static int32_t read_interval(struct slice text)
{
    int32_t value = 0;
    if (text.size == 0 || text.size > 8) return INTERVAL_DEFAULT_MS;
    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] < '0' || text.data[i] > '9') return INTERVAL_DEFAULT_MS;
        value = value * 10 + (text.data[i] - '0');
    }
    return value;
}

static void add_metrics(struct telemetry_client *client, struct slice names)
{
    for (struct slice name; next_item(&names, &name);) {
        if (name.size > 0 && client->metric_count < METRICS_MAX)
            client->metrics[client->metric_count++] = arena_copy(&client->arena, name);
    }
}

static int by_name(const void *a, const void *b)
{
    return slice_cmp(*(const struct slice *)a, *(const struct slice *)b);
}

// Each name once; "*" says it all.
static void settle_metrics(struct telemetry_client *client)
{
    int32_t kept = 0;
    if (client->metric_count > 0)
        qsort(client->metrics, (size_t)client->metric_count, sizeof(*client->metrics), by_name);
    for (int32_t i = 0; i < client->metric_count; i++) {
        if (slice_eq_str(client->metrics[i], "*")) {
            client->metrics[0] = client->metrics[i];
            client->metric_count = 1;
            return;
        }
        if (kept == 0 || !slice_eq(client->metrics[kept - 1], client->metrics[i]))
            client->metrics[kept++] = client->metrics[i];
    }
    client->metric_count = kept;
}

// The same wishes make the same id on every node of a cluster that agrees on them.
static int32_t subscription_of(const struct telemetry_client *client)
{
    uint32_t crc = crc32c(0, slice_of(&client->push_interval_ms, sizeof(client->push_interval_ms)));
    for (int32_t i = 0; i < client->metric_count; i++) crc = crc32c(crc, client->metrics[i]);
    return (int32_t)(crc ^ crc32c(0, slice_of(client->id.bytes, sizeof(client->id.bytes))));
}

static void judge(const struct request *request, struct telemetry_client *client)
{
    const struct image *image = request->shard->image;
    arena_reset(&client->arena);
    client->metrics = ARENA_ARRAY(&client->arena, struct slice, METRICS_MAX);
    client->metric_count = 0;
    client->push_interval_ms = INTERVAL_DEFAULT_MS;
    client->got_ms = client->pushed_ms = 0;
    client->last_error = OK;
    client->is_gone = false;
    struct pmap_iter it = pmap_iter(&image->resources);
    for (const struct image_resource *resource; (resource = image_next_resource(&it)) != NULL;) {
        if (resource->type != IMAGE_RESOURCE_CLIENT_METRICS) continue;
        struct slice selectors = image_config(image, resource->type, resource->name, "match");
        if (!concerns(request, client->id, selectors, &client->arena)) continue;
        add_metrics(client, image_config(image, resource->type, resource->name, "metrics"));
        int32_t interval_ms = read_interval(image_config(image, resource->type, resource->name, "interval.ms"));
        if (interval_ms < client->push_interval_ms) client->push_interval_ms = interval_ms;
    }
    settle_metrics(client);
    client->subscription_id = subscription_of(client);
    client->version = request->shard->telemetry.version;
}

// ---- clients -------------------------------------------------------------------------------------------------------

static uint64_t id_hash(const struct telemetry *telemetry, struct uuid id)
{
    return hash_bytes(telemetry->hash_seed, slice_of(id.bytes, sizeof(id.bytes)));
}

static struct telemetry_client *find(const struct telemetry *telemetry, struct uuid id)
{
    for (struct map_link *link = map_find(&telemetry->clients, id_hash(telemetry, id)); link != NULL;
         link = map_find_next(link)) {
        struct telemetry_client *client = MAP_ITEM(link, struct telemetry_client, by_id);
        if (uuid_eq(client->id, id)) return client;
    }
    return NULL;
}

static struct telemetry_client *add(struct telemetry *telemetry, struct conn *conn, struct uuid id)
{
    if (telemetry->clients.count >= CLIENTS_MAX)
        telemetry_forget(telemetry, LIST_ITEM(list_first(&telemetry->used), struct telemetry_client, used));
    if (conn->telemetry != NULL) telemetry_forget(telemetry, conn->telemetry);
    struct telemetry_client *client = MEM_NEW(struct telemetry_client);
    client->id = id;
    client->conn = conn;
    conn->telemetry = client;
    map_insert(&telemetry->clients, &client->by_id, id_hash(telemetry, id));
    list_push_back(&telemetry->used, &client->used);
    return client;
}

static struct telemetry_client *know(const struct request *request, struct uuid id, int64_t now_ms)
{
    struct telemetry *telemetry = &request->shard->telemetry;
    struct telemetry_client *client = find(telemetry, id);
    if (client != NULL) {
        int64_t known_ms = 3 * (int64_t)client->push_interval_ms;
        if (now_ms - client->used_ms > (known_ms > KNOWN_MIN_MS ? known_ms : KNOWN_MIN_MS)) {
            telemetry_forget(telemetry, client);
            client = NULL;
        }
    }
    bool is_new = client == NULL;
    if (is_new) client = add(telemetry, request->conn, id);
    if (is_new || client->version != telemetry->version) judge(request, client);
    list_remove(&client->used);
    list_push_back(&telemetry->used, &client->used);
    client->used_ms = now_ms;
    return client;
}

enum err telemetry_subscribe(struct request *request, struct uuid client_id, struct telemetry_wish *out)
{
    struct telemetry *telemetry = &request->shard->telemetry;
    int64_t now_ms = env_wall_ms(request->shard->env);
    while (uuid_is_reserved(client_id)) env_random(request->shard->env, client_id.bytes, sizeof(client_id.bytes));
    struct telemetry_client *client = know(request, client_id, now_ms);
    int64_t last_ms = client->got_ms > client->pushed_ms ? client->got_ms : client->pushed_ms;
    bool is_due = now_ms - last_ms >= client->push_interval_ms;
    // Who pushed the wrong thing is told the right one at once.
    bool was_wrong =
        client->last_error == ERR_UNKNOWN_SUBSCRIPTION_ID || client->last_error == ERR_UNSUPPORTED_COMPRESSION_TYPE;
    if (!is_due && !was_wrong) {
        telemetry->throttled++;
        return ERR_THROTTLING_QUOTA_EXCEEDED;
    }
    if (is_due) client->got_ms = now_ms;
    client->last_error = OK;
    *out = (struct telemetry_wish){.client_id = client->id,
                                   .subscription_id = client->subscription_id,
                                   .push_interval_ms = client->push_interval_ms,
                                   .metrics = client->metrics,
                                   .metric_count = client->metric_count};
    return OK;
}

static enum err check_push(struct request *request, struct telemetry_client *client, const struct telemetry_push *push,
                           int64_t now_ms)
{
    struct telemetry *telemetry = &request->shard->telemetry;
    if (client->is_gone) return ERR_INVALID_REQUEST;
    // The first push behind a subscription may come early: clients spread theirs over the interval.
    bool is_due = client->got_ms > client->pushed_ms || now_ms - client->pushed_ms >= client->push_interval_ms;
    if (is_due) client->pushed_ms = now_ms;
    if (!is_due && !push->is_last) {
        telemetry->throttled++;
        return ERR_THROTTLING_QUOTA_EXCEEDED;
    }
    if (push->subscription_id != client->subscription_id) {
        telemetry->unknown_subscriptions++;
        return ERR_UNKNOWN_SUBSCRIPTION_ID;
    }
    if (push->compression < 0 || push->compression > COMPRESSION_MAX) return ERR_UNSUPPORTED_COMPRESSION_TYPE;
    int32_t most = config_get_int(request->shard->broker->config, "telemetry.max.bytes");
    return push->metrics.size > (size_t)most ? ERR_TELEMETRY_TOO_LARGE : OK;
}

enum err telemetry_take(struct request *request, const struct telemetry_push *push)
{
    if (uuid_is_reserved(push->client_id)) return ERR_INVALID_REQUEST;
    int64_t now_ms = env_wall_ms(request->shard->env);
    struct telemetry_client *client = know(request, push->client_id, now_ms);
    enum err e = check_push(request, client, push, now_ms);
    client->is_gone = push->is_last;
    client->last_error = e;
    if (e != OK) return e;
    request->shard->telemetry.pushes++;
    request->shard->telemetry.pushed_bytes += (int64_t)push->metrics.size;
    return OK;
}
