// SPDX-License-Identifier: Apache-2.0
#include "broker/quotas.h"

#include "base/mem.h"
#include "broker/broker_int.h"
#include "broker/quota.h"
#include "meta/image.h"

enum { METERS_MIN = 256 };

static const struct kind {
    const char *key;
    const char *window_num; // of the configuration
    const char *window_size;
} kinds[QUOTA_KINDS] = {
    [QUOTA_PRODUCE] = {"producer_byte_rate", "quota.window.num", "quota.window.size.seconds"},
    [QUOTA_FETCH] = {"consumer_byte_rate", "quota.window.num", "quota.window.size.seconds"},
    [QUOTA_REQUEST] = {"request_percentage", "quota.window.num", "quota.window.size.seconds"},
    [QUOTA_MUTATION] = {"controller_mutation_rate", "controller.quota.window.num",
                        "controller.quota.window.size.seconds"},
    [QUOTA_CONNECTION] = {"connection_creation_rate", "quota.window.num", "quota.window.size.seconds"},
};

struct quota_meter {
    struct map_link link;
    enum quota_kind kind;
    struct slice user; // null: the quota is not of the user
    struct slice client_id;
    double bound;
    int64_t used_ms;
    struct quota_rate rate;
    struct quota_bucket bucket; // QUOTA_MUTATION
};

static struct quota_window window_of(const struct shard *shard, enum quota_kind kind)
{
    int samples = config_get_int(shard->broker->config, kinds[kind].window_num);
    int64_t sample_s = config_get_long(shard->broker->config, kinds[kind].window_size);
    return (struct quota_window){.samples = samples < QUOTA_SAMPLES_MAX ? samples : QUOTA_SAMPLES_MAX - 1,
                                 .sample_ms = sample_s * 1000};
}

// ---- which quota -----------------------------------------------------------------------------------------------

// Whose use counts together, and the bound.
struct match {
    struct slice user;
    struct slice client_id;
    double bound;
};

static bool look(const struct image *image, enum quota_kind kind, const struct image_quota_part *parts, int count,
                 double *bound)
{
    return image_quota_value(image_quota(image, parts, count), slice_str(kinds[kind].key), bound);
}

static bool match_address(const struct image *image, struct slice address, struct match *out)
{
    struct image_quota_part part = {SLICE("ip"), address};
    out->user = address;
    out->client_id = SLICE_NULL;
    if (look(image, QUOTA_CONNECTION, &part, 1, &out->bound)) return true;
    part.name = SLICE_NULL;
    return look(image, QUOTA_CONNECTION, &part, 1, &out->bound);
}

// From the most particular to the least. Each user, or client, of a default has a meter of his own.
static bool match_client(const struct image *image, enum quota_kind kind, struct quota_user who, struct match *out)
{
    struct slice id = slice_is_null(who.client_id) ? SLICE("") : who.client_id;
    const struct image_quota_part client = {SLICE("client-id"), id}, any_client = {SLICE("client-id"), SLICE_NULL};
    const struct image_quota_part user = {SLICE("user"), who.user}, any_user = {SLICE("user"), SLICE_NULL};
    const struct {
        struct image_quota_part parts[2];
        int count;
        bool of_user;
        bool of_client;
    } levels[] = {
        {{client, user}, 2, true, true},     {{any_client, user}, 2, true, true},     {{user}, 1, true, false},
        {{client, any_user}, 2, true, true}, {{any_client, any_user}, 2, true, true}, {{any_user}, 1, true, false},
        {{client}, 1, false, true},          {{any_client}, 1, false, true},
    };
    for (size_t i = 0; i < COUNT_OF(levels); i++) {
        if (!look(image, kind, levels[i].parts, levels[i].count, &out->bound)) continue;
        out->user = levels[i].of_user ? who.user : SLICE_NULL;
        out->client_id = levels[i].of_client ? id : SLICE_NULL;
        return true;
    }
    return false;
}

static bool find_match(const struct shard *shard, enum quota_kind kind, struct quota_user who, struct match *out)
{
    return kind == QUOTA_CONNECTION ? match_address(shard->image, who.user, out)
                                    : match_client(shard->image, kind, who, out);
}

// ---- meters ----------------------------------------------------------------------------------------------------

static bool is_same(struct slice a, struct slice b)
{
    return slice_is_null(a) == slice_is_null(b) && slice_eq(a, b);
}

static uint64_t meter_hash(const struct shard *shard, enum quota_kind kind, const struct match *match)
{
    uint64_t hash = hash_bytes(shard->broker->hash_seed + (uint64_t)kind, match->user);
    return hash_bytes(hash + slice_is_null(match->user), match->client_id);
}

// An idle meter measures what a fresh one does.
static void sweep(struct shard *shard, int64_t now_ms)
{
    MAP_EACH (link, &shard->quotas.meters) {
        struct quota_meter *meter = MAP_ITEM(link, struct quota_meter, link);
        struct quota_window window = window_of(shard, meter->kind);
        bool is_full = meter->kind != QUOTA_MUTATION ||
                       quota_bucket_throttle_ms(&meter->bucket, window, meter->bound, now_ms) == 0;
        if (now_ms - meter->used_ms <= window.samples * window.sample_ms || !is_full) continue;
        map_remove(&shard->quotas.meters, &meter->link);
        mem_free(meter);
    }
    shard->quotas.sweep_at = shard->quotas.meters.count * 2;
    if (shard->quotas.sweep_at < METERS_MIN) shard->quotas.sweep_at = METERS_MIN;
}

static struct slice copy_to(uint8_t **at, struct slice from)
{
    if (slice_is_null(from)) return from;
    if (from.size > 0) memcpy(*at, from.data, from.size);
    struct slice to = slice_of(*at, from.size);
    *at += from.size;
    return to;
}

static struct quota_meter *meter_of(struct shard *shard, enum quota_kind kind, const struct match *match,
                                    int64_t now_ms)
{
    struct quotas *quotas = &shard->quotas;
    uint64_t hash = meter_hash(shard, kind, match);
    for (struct map_link *link = map_find(&quotas->meters, hash); link != NULL; link = map_find_next(link)) {
        struct quota_meter *meter = MAP_ITEM(link, struct quota_meter, link);
        if (meter->kind != kind || !is_same(meter->user, match->user) || !is_same(meter->client_id, match->client_id))
            continue;
        meter->bound = match->bound;
        meter->used_ms = now_ms;
        return meter;
    }
    if (quotas->meters.count >= quotas->sweep_at) sweep(shard, now_ms);
    struct quota_meter *meter = mem_zalloc(1, sizeof(*meter) + match->user.size + match->client_id.size);
    uint8_t *at = (uint8_t *)(meter + 1);
    meter->kind = kind;
    meter->user = copy_to(&at, match->user);
    meter->client_id = copy_to(&at, match->client_id);
    meter->bound = match->bound;
    meter->used_ms = now_ms;
    map_insert(&quotas->meters, &meter->link, hash);
    return meter;
}

// ---- the other shards ------------------------------------------------------------------------------------------

struct news {
    struct env_msg msg;
    enum quota_kind kind;
    struct quota_user who;
    double value;
    uint8_t texts[];
};

static void record_here(struct shard *shard, enum quota_kind kind, struct quota_user who, double value,
                        struct quota_meter **out)
{
    struct match match;
    int64_t now_ms = env_now_ms(shard->env);
    *out = NULL;
    if (!shard->quotas.is_set[kind] || !find_match(shard, kind, who, &match)) return;
    *out = meter_of(shard, kind, &match, now_ms);
    quota_rate_record(&(*out)->rate, window_of(shard, kind), value, now_ms);
}

static void news_arrive(struct env *env, struct env_msg *msg)
{
    struct news *news = CONTAINER_OF(msg, struct news, msg);
    struct quota_meter *meter = NULL;
    record_here(shard_here(env), news->kind, news->who, news->value, &meter);
    mem_free(news);
}

static void tell_others(struct shard *shard, enum quota_kind kind, struct quota_user who, double value)
{
    for (int i = 0; i < shard->broker->shard_count; i++) {
        struct shard *other = shard->broker->shards[i];
        if (other == shard) continue;
        struct news *news = mem_zalloc(1, sizeof(*news) + who.user.size + who.client_id.size);
        uint8_t *at = news->texts;
        news->msg.run = news_arrive;
        news->kind = kind;
        news->who.user = copy_to(&at, who.user);
        news->who.client_id = copy_to(&at, who.client_id);
        news->value = value;
        env_post(other->env, &news->msg);
    }
}

// ---- use -------------------------------------------------------------------------------------------------------

int32_t quotas_record(struct shard *shard, enum quota_kind kind, struct quota_user who, double value)
{
    struct quota_meter *meter = NULL;
    record_here(shard, kind, who, value, &meter);
    if (meter == NULL) return 0;
    struct quota_window window = window_of(shard, kind);
    int64_t wait_ms = quota_rate_throttle_ms(&meter->rate, window, meter->bound, env_now_ms(shard->env));
    // Time is used up in small pieces, so one sample's length is enough to even it out.
    if (kind == QUOTA_REQUEST && wait_ms > window.sample_ms) wait_ms = window.sample_ms;
    tell_others(shard, kind, who, value);
    if (wait_ms > 0)
        log_debug(shard->log, "quota", "user=%.*s client=%.*s is over %s=%.15g: %lld ms", SLICE_FMT(who.user),
                  SLICE_FMT(who.client_id), kinds[kind].key, meter->bound, (long long)wait_ms);
    return wait_ms < INT32_MAX ? (int32_t)wait_ms : INT32_MAX;
}

void quotas_unrecord(struct shard *shard, enum quota_kind kind, struct quota_user who, double value)
{
    struct quota_meter *meter = NULL;
    record_here(shard, kind, who, -value, &meter);
    if (meter != NULL) tell_others(shard, kind, who, -value);
}

int64_t quotas_most(struct shard *shard, enum quota_kind kind, struct quota_user who)
{
    struct match match;
    if (!find_match(shard, kind, who, &match)) return INT64_MAX;
    struct quota_window window = window_of(shard, kind);
    double most = match.bound * (double)(window.samples - 1) * (double)window.sample_ms / 1000;
    return most < 1e15 ? (int64_t)most : INT64_MAX;
}

bool quotas_mutate(struct shard *shard, struct quota_user who, int32_t partitions, bool is_strict, int32_t *throttle_ms)
{
    struct match match;
    int64_t now_ms = env_now_ms(shard->env);
    *throttle_ms = 0;
    if (!shard->quotas.is_set[QUOTA_MUTATION] || !find_match(shard, QUOTA_MUTATION, who, &match)) return true;
    struct quota_meter *meter = meter_of(shard, QUOTA_MUTATION, &match, now_ms);
    struct quota_window window = window_of(shard, QUOTA_MUTATION);
    int64_t wait_ms = quota_bucket_throttle_ms(&meter->bucket, window, meter->bound, now_ms);
    bool is_refused = is_strict && wait_ms > 0;
    if (!is_refused) quota_bucket_take(&meter->bucket, window, meter->bound, partitions, now_ms);
    if (!is_strict) wait_ms = quota_bucket_throttle_ms(&meter->bucket, window, meter->bound, now_ms);
    *throttle_ms = wait_ms < INT32_MAX ? (int32_t)wait_ms : INT32_MAX;
    return !is_refused;
}

struct turned_away {
    struct list link;
    struct env_timer timer;
    struct env_socket *socket;
};

static void close_turned(struct env *env, struct env_timer *timer)
{
    struct turned_away *turned = CONTAINER_OF(timer, struct turned_away, timer);
    list_remove(&turned->link);
    env_socket_close(env, turned->socket);
    mem_free(turned);
}

bool quotas_turn_away(struct shard *shard, struct slice address, struct env_socket *socket)
{
    if (!shard->quotas.is_set[QUOTA_CONNECTION]) return false;
    struct quota_meter *meter = NULL;
    struct quota_user who = {.user = address};
    record_here(shard, QUOTA_CONNECTION, who, 1, &meter);
    if (meter == NULL) return false;
    struct quota_window window = window_of(shard, QUOTA_CONNECTION);
    int64_t now_ms = env_now_ms(shard->env);
    int64_t wait_ms = quota_rate_throttle_ms(&meter->rate, window, meter->bound, now_ms);
    if (wait_ms == 0) return false;
    quota_rate_record(&meter->rate, window, -1, now_ms); // it never came in
    log_debug(shard->log, "quota", "a connection from /%.*s is over connection_creation_rate=%.15g: closed in %lld ms",
              SLICE_FMT(address), meter->bound, (long long)wait_ms);
    struct turned_away *turned = MEM_NEW(struct turned_away);
    turned->socket = socket;
    turned->timer.fire = close_turned;
    list_push_back(&shard->quotas.turned, &turned->link);
    env_timer_after_ms(shard->env, &turned->timer, wait_ms);
    return true;
}

// ---- life ------------------------------------------------------------------------------------------------------

void quotas_init(struct quotas *quotas)
{
    quotas->sweep_at = METERS_MIN;
    list_init(&quotas->turned);
}

void quotas_apply(struct shard *shard, const struct image *image)
{
    struct quotas *quotas = &shard->quotas;
    for (int kind = 0; kind < QUOTA_KINDS; kind++) quotas->is_set[kind] = false;
    struct pmap_iter it = pmap_iter(&image->quotas);
    for (const struct image_quota *quota; (quota = image_next_quota(&it)) != NULL;)
        for (int kind = 0; kind < QUOTA_KINDS; kind++) {
            double bound = 0;
            if (image_quota_value(quota, slice_str(kinds[kind].key), &bound)) quotas->is_set[kind] = true;
        }
}

void quotas_close_turned(struct shard *shard)
{
    for (struct list *link; (link = list_pop_front(&shard->quotas.turned)) != NULL;) {
        struct turned_away *turned = LIST_ITEM(link, struct turned_away, link);
        env_timer_cancel(shard->env, &turned->timer);
        env_socket_close(shard->env, turned->socket);
        mem_free(turned);
    }
}

void quotas_deinit(struct quotas *quotas)
{
    MAP_EACH (link, &quotas->meters) mem_free(MAP_ITEM(link, struct quota_meter, link));
    map_deinit(&quotas->meters);
}
