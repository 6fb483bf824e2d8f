// SPDX-License-Identifier: Apache-2.0
// A session is its topics and a list of partitions, in the order in which they are read: those that brought records
// last go to its end, so that none starves behind the request's limits. Who has to make room for a new session is
// decided as in Apache Kafka: first whoever was unused for two minutes; else the smallest of those that are older than
// that, if it is not larger than the newcomer. A follower's session may push out any consumer's.
#include "broker/fetch_session.h"

#include "base/mem.h"
#include "meta/image.h"
#include "proto/fetch.h"

struct session_topic {
    struct map_link in_session;
    struct uuid id; // zero in a session by name
    char *name;     // owned; NULL: an id that no topic has had yet
    size_t name_size;
    int32_t partition_count;
};

struct session_partition {
    struct map_link in_session;
    struct list order;
    struct session_topic *topic;
    int32_t index;
    struct fetch_request_fetch_partition asked;
    // As last answered; -1 after an error, so that the end of the error is told.
    int64_t high_watermark;
    int64_t log_start;
};

struct session {
    struct map_link in_cache;
    struct list used;
    int32_t id;
    int32_t epoch; // of the next request
    bool is_privileged;
    bool has_ids;
    // As of the last use: who may take its place, and the size it is judged by.
    bool gives_way_to_privileged;
    bool gives_way_to_all;
    int32_t size;
    int64_t created_ms;
    int64_t used_ms;
    uint64_t hash_seed;
    struct map topics;
    struct map partitions;
    struct list order; // struct session_partition
};

void fetch_sessions_init(struct fetch_sessions *sessions, int shard, int shard_count, int slots, uint64_t hash_seed)
{
    *sessions = (struct fetch_sessions){.shard = shard, .shard_count = shard_count, .hash_seed = hash_seed};
    sessions->slots = slots / shard_count + (shard < slots % shard_count);
    list_init(&sessions->used);
}

static int32_t id_range(int shard_count)
{
    return INT32_MAX / shard_count;
}

int fetch_session_shard(int32_t id, int shard_count)
{
    int shard = id < 0 ? 0 : (int)(id / id_range(shard_count));
    return shard < shard_count ? shard : shard_count - 1;
}

int32_t fetch_session_next_epoch(int32_t epoch)
{
    if (epoch < 0) return FETCH_EPOCH_FINAL;
    return epoch == INT32_MAX ? 1 : epoch + 1;
}

// ---- topics and partitions of a session --------------------------------------------------------------------------

static uint64_t topic_hash(const struct session *session, struct slice name, struct uuid id)
{
    return hash_bytes(session->hash_seed, session->has_ids ? slice_of(id.bytes, sizeof(id.bytes)) : name);
}

static struct session_topic *find_topic(const struct session *session, struct slice name, struct uuid id)
{
    for (struct map_link *link = map_find(&session->topics, topic_hash(session, name, id)); link != NULL;
         link = map_find_next(link)) {
        struct session_topic *topic = MAP_ITEM(link, struct session_topic, in_session);
        if (session->has_ids ? uuid_eq(topic->id, id) : slice_eq(slice_of(topic->name, topic->name_size), name))
            return topic;
    }
    return NULL;
}

static void set_name(struct session_topic *topic, struct slice name)
{
    topic->name = mem_alloc(name.size + 1);
    if (name.size > 0) memcpy(topic->name, name.data, name.size);
    topic->name_size = name.size;
}

// A name once learned stays: it tells a deleted topic from one that never was (kafka-internals B5).
static void learn_name(struct session_topic *topic, const struct image *image)
{
    if (topic->name != NULL || image == NULL) return;
    const struct image_topic *known = image_topic_by_id(image, topic->id);
    if (known != NULL) set_name(topic, known->name);
}

static struct session_topic *find_or_add_topic(struct session *session, struct slice name, struct uuid id)
{
    struct session_topic *topic = find_topic(session, name, id);
    if (topic != NULL) return topic;
    topic = MEM_NEW(struct session_topic);
    if (session->has_ids)
        topic->id = id;
    else
        set_name(topic, name);
    map_insert(&session->topics, &topic->in_session, topic_hash(session, name, id));
    return topic;
}

static void drop_topic_if_empty(struct session *session, struct session_topic *topic)
{
    if (topic->partition_count > 0) return;
    map_remove(&session->topics, &topic->in_session);
    mem_free(topic->name);
    mem_free(topic);
}

static uint64_t partition_hash(const struct session_topic *topic, int32_t index)
{
    return hash_u64(topic->in_session.hash, (uint32_t)index);
}

static struct session_partition *find_partition(const struct session *session, const struct session_topic *topic,
                                                int32_t index)
{
    for (struct map_link *link = map_find(&session->partitions, partition_hash(topic, index)); link != NULL;
         link = map_find_next(link)) {
        struct session_partition *partition = MAP_ITEM(link, struct session_partition, in_session);
        if (partition->topic == topic && partition->index == index) return partition;
    }
    return NULL;
}

static struct session_partition *find_or_add_partition(struct session *session, struct session_topic *topic,
                                                       int32_t index)
{
    struct session_partition *partition = find_partition(session, topic, index);
    if (partition != NULL) return partition;
    partition = MEM_NEW(struct session_partition);
    partition->topic = topic;
    partition->index = index;
    partition->high_watermark = -1;
    partition->log_start = -1;
    topic->partition_count++;
    map_insert(&session->partitions, &partition->in_session, partition_hash(topic, index));
    list_push_back(&session->order, &partition->order);
    return partition;
}

static void drop_partition(struct session *session, struct session_partition *partition)
{
    struct session_topic *topic = partition->topic;
    map_remove(&session->partitions, &partition->in_session);
    list_remove(&partition->order);
    mem_free(partition);
    topic->partition_count--;
    drop_topic_if_empty(session, topic);
}

// The request's unknown tags borrow from its bytes, which go before the session does.
static void remember(struct session_partition *partition, const struct fetch_request_fetch_partition *asked)
{
    partition->asked = *asked;
    partition->asked.unknown_tags = (struct wire_tags){0};
}

// ---- the cache ---------------------------------------------------------------------------------------------------

static struct session *find_session(const struct fetch_sessions *sessions, int32_t id)
{
    for (struct map_link *link = map_find(&sessions->by_id, hash_u64(sessions->hash_seed, (uint32_t)id)); link != NULL;
         link = map_find_next(link)) {
        struct session *session = MAP_ITEM(link, struct session, in_cache);
        if (session->id == id) return session;
    }
    return NULL;
}

static void remove_session(struct fetch_sessions *sessions, struct session *session)
{
    while (!list_is_empty(&session->order))
        drop_partition(session, LIST_ITEM(list_first(&session->order), struct session_partition, order));
    map_deinit(&session->topics);
    map_deinit(&session->partitions);
    map_remove(&sessions->by_id, &session->in_cache);
    list_remove(&session->used);
    sessions->partition_count -= session->size;
    mem_free(session);
}

void fetch_session_remove(struct fetch_sessions *sessions, int32_t id)
{
    struct session *session = find_session(sessions, id);
    if (session != NULL) remove_session(sessions, session);
}

void fetch_sessions_deinit(struct fetch_sessions *sessions)
{
    while (!list_is_empty(&sessions->used))
        remove_session(sessions, LIST_ITEM(list_first(&sessions->used), struct session, used));
    map_deinit(&sessions->by_id);
}

static void touch(struct fetch_sessions *sessions, struct session *session, int64_t now_ms)
{
    int32_t size = (int32_t)session->partitions.count;
    bool is_old = now_ms - session->created_ms > FETCH_SESSION_STALE_MS;
    list_remove(&session->used);
    list_push_back(&sessions->used, &session->used);
    session->used_ms = now_ms;
    sessions->partition_count += size - session->size;
    session->size = size;
    session->gives_way_to_privileged = !session->is_privileged || is_old;
    session->gives_way_to_all = is_old;
}

// Kafka's order of worth: consumers before followers, small before large.
static bool is_worth_less(bool a_privileged, int32_t a_size, int32_t a_id, bool b_privileged, int32_t b_size,
                          int32_t b_id)
{
    if (a_privileged != b_privileged) return !a_privileged;
    if (a_size != b_size) return a_size < b_size;
    return a_id < b_id;
}

static bool make_room(struct fetch_sessions *sessions, bool is_privileged, int32_t size, int64_t now_ms)
{
    if (list_is_empty(&sessions->used)) return false;
    struct session *victim = LIST_ITEM(list_first(&sessions->used), struct session, used);
    if (now_ms - victim->used_ms <= FETCH_SESSION_STALE_MS) {
        victim = NULL;
        LIST_EACH (link, &sessions->used) {
            struct session *s = LIST_ITEM(link, struct session, used);
            if (!(is_privileged ? s->gives_way_to_privileged : s->gives_way_to_all)) continue;
            if (victim == NULL ||
                is_worth_less(s->is_privileged, s->size, s->id, victim->is_privileged, victim->size, victim->id))
                victim = s;
        }
        if (victim == NULL || is_worth_less(is_privileged, size, 0, victim->is_privileged, victim->size, victim->id))
            return false;
    }
    remove_session(sessions, victim);
    sessions->evictions++;
    return true;
}

static int32_t new_id(const struct fetch_sessions *sessions, uint32_t random)
{
    int32_t range = id_range(sessions->shard_count);
    int32_t first = sessions->shard * range;
    int32_t offset = (int32_t)(random % (uint32_t)range);
    while (first + offset == FETCH_SESSION_NONE || find_session(sessions, first + offset) != NULL)
        offset = (offset + 1) % range;
    return first + offset;
}

int32_t fetch_session_create(struct fetch_sessions *sessions, const struct fetch_request *request, int version,
                             const struct fetch_response *response, const struct image *image, int64_t now_ms,
                             uint32_t random)
{
    bool is_privileged = request->replica_id >= 0 || request->replica_state.replica_id >= 0;
    int32_t size = 0;
    for (int32_t t = 0; t < request->topics.count; t++) size += request->topics.items[t].partitions.count;
    if (sessions->by_id.count >= (size_t)sessions->slots && !make_room(sessions, is_privileged, size, now_ms))
        return FETCH_SESSION_NONE;
    struct session *session = MEM_NEW(struct session);
    session->id = new_id(sessions, random);
    session->epoch = fetch_session_next_epoch(FETCH_EPOCH_INITIAL);
    session->is_privileged = is_privileged;
    session->has_ids = version >= 13;
    session->created_ms = now_ms;
    session->hash_seed = sessions->hash_seed;
    list_init(&session->order);
    const struct fetch_response_fetchable_topic_response *answered = response->responses.items;
    for (int32_t t = 0; t < request->topics.count; t++) {
        const struct fetch_request_fetch_topic *in = &request->topics.items[t];
        if (in->partitions.count <= 0) continue;
        struct session_topic *topic = find_or_add_topic(session, in->topic, in->topic_id);
        if (session->has_ids) learn_name(topic, image);
        for (int32_t p = 0; p < in->partitions.count; p++) {
            const struct fetch_response_partition_data *out = &answered->partitions.items[p];
            struct session_partition *partition =
                find_or_add_partition(session, topic, in->partitions.items[p].partition);
            remember(partition, &in->partitions.items[p]);
            partition->high_watermark = out->high_watermark;
            partition->log_start = out->log_start_offset;
        }
        answered++;
    }
    map_insert(&sessions->by_id, &session->in_cache, hash_u64(sessions->hash_seed, (uint32_t)session->id));
    touch(sessions, session, now_ms);
    return session->id;
}

// ---- a request of a session --------------------------------------------------------------------------------------

static void update(struct session *session, const struct fetch_request *request)
{
    for (int32_t t = 0; t < request->topics.count; t++) {
        const struct fetch_request_fetch_topic *in = &request->topics.items[t];
        if (in->partitions.count <= 0) continue;
        struct session_topic *topic = find_or_add_topic(session, in->topic, in->topic_id);
        for (int32_t p = 0; p < in->partitions.count; p++)
            remember(find_or_add_partition(session, topic, in->partitions.items[p].partition),
                     &in->partitions.items[p]);
    }
    for (int32_t t = 0; t < request->forgotten_topics_data.count; t++) {
        const struct fetch_request_forgotten_topic *in = &request->forgotten_topics_data.items[t];
        for (int32_t p = 0; p < in->partitions.count; p++) {
            const struct session_topic *topic = find_topic(session, in->topic, in->topic_id); // may go with its last
            struct session_partition *partition =
                topic == NULL ? NULL : find_partition(session, topic, in->partitions.items[p]);
            if (partition != NULL) drop_partition(session, partition);
        }
    }
}

// The session's partitions in its order, as if they had been asked for; neighbours of one topic together.
static void list_topics(const struct session *session, const struct image *image, struct arena *arena,
                        struct fetch_use *use)
{
    const struct session_topic *last = NULL;
    int32_t runs = 0;
    LIST_EACH (link, &session->order) {
        const struct session_topic *topic = LIST_ITEM(link, struct session_partition, order)->topic;
        runs += topic != last;
        last = topic;
    }
    use->topics = ARENA_ARRAY(arena, struct fetch_request_fetch_topic, runs);
    struct fetch_request_fetch_partition *partitions =
        ARENA_ARRAY(arena, struct fetch_request_fetch_partition, session->partitions.count);
    last = NULL;
    LIST_EACH (link, &session->order) {
        const struct session_partition *partition = LIST_ITEM(link, struct session_partition, order);
        struct session_topic *topic = partition->topic;
        if (topic != last) {
            if (session->has_ids) learn_name(topic, image);
            struct slice name = topic->name == NULL ? SLICE_NULL : slice_of(topic->name, topic->name_size);
            use->topics[use->topic_count++] =
                (struct fetch_request_fetch_topic){.topic = topic->name == NULL ? name : arena_copy(arena, name),
                                                   .topic_id = topic->id,
                                                   .partitions = {.items = partitions}};
        }
        last = topic;
        *partitions++ = partition->asked;
        use->topics[use->topic_count - 1].partitions.count++;
    }
}

enum err fetch_session_begin(struct fetch_sessions *sessions, const struct fetch_request *request, int version,
                             const struct image *image, int64_t now_ms, struct arena *arena, struct fetch_use *use)
{
    struct session *session = find_session(sessions, request->session_id);
    if (session == NULL) return ERR_FETCH_SESSION_ID_NOT_FOUND;
    if (session->epoch != request->session_epoch) return ERR_INVALID_FETCH_SESSION_EPOCH;
    if (session->has_ids != (version >= 13)) return ERR_FETCH_SESSION_TOPIC_ID_ERROR;
    *use = (struct fetch_use){.session_id = FETCH_SESSION_NONE};
    update(session, request);
    if (session->partitions.count == 0) { // nothing left to fetch: the session ends, and the answer says so
        remove_session(sessions, session);
        use->topics = request->topics.items;
        use->topic_count = request->topics.count;
        return OK;
    }
    touch(sessions, session, now_ms);
    session->epoch = fetch_session_next_epoch(session->epoch);
    use->session_id = session->id;
    use->epoch = session->epoch;
    list_topics(session, image, arena, use);
    return OK;
}

// What concerns a client whatever it knows.
static bool has_content(const struct fetch_response_partition_data *out)
{
    bool has_records = out->records.file != NULL ? out->records.size > 0 : out->records.bytes.size > 0;
    return has_records || out->error_code != 0 || out->preferred_read_replica >= 0 || out->diverging_epoch.epoch >= 0;
}

// Is there anything to say about the partition? Takes what is said into the session.
static bool has_news(struct session *session, struct session_partition *partition,
                     const struct fetch_response_partition_data *out)
{
    bool has_records = out->records.file != NULL ? out->records.size > 0 : out->records.bytes.size > 0;
    bool has_moved = out->high_watermark != partition->high_watermark || out->log_start_offset != partition->log_start;
    partition->high_watermark = out->error_code != 0 ? -1 : out->high_watermark;
    partition->log_start = out->log_start_offset;
    if (has_records) {
        list_remove(&partition->order);
        list_push_back(&session->order, &partition->order);
    }
    return has_moved || has_content(out);
}

// NULL: the session's place was taken, or the client ended it, while this request waited; the next one finds out.
static void drop_known(struct session *session, struct fetch_response *response)
{
    int32_t topic_count = 0;
    for (int32_t t = 0; t < response->responses.count; t++) {
        struct fetch_response_fetchable_topic_response *out = &response->responses.items[t];
        const struct session_topic *topic = session == NULL ? NULL : find_topic(session, out->topic, out->topic_id);
        int32_t count = 0;
        for (int32_t p = 0; p < out->partitions.count; p++) {
            const struct fetch_response_partition_data *data = &out->partitions.items[p];
            struct session_partition *partition =
                topic == NULL ? NULL : find_partition(session, topic, data->partition_index);
            if (partition == NULL ? has_content(data) : has_news(session, partition, data))
                out->partitions.items[count++] = *data;
        }
        out->partitions.count = count;
        if (count > 0) response->responses.items[topic_count++] = *out;
    }
    response->responses.count = topic_count;
}

enum err fetch_session_finish(struct fetch_sessions *sessions, const struct fetch_use *use, int version,
                              struct fetch_response *response)
{
    struct session *session = find_session(sessions, use->session_id);
    response->session_id = use->session_id;
    if (session != NULL && session->has_ids != (version >= 13)) session = NULL; // another one under a used id
    if (session != NULL && session->epoch != use->epoch) return ERR_INVALID_FETCH_SESSION_EPOCH;
    drop_known(session, response);
    return OK;
}
