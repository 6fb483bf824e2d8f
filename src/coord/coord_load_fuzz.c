// SPDX-License-Identifier: Apache-2.0
// Arbitrary bytes as the log of __consumer_offsets: loading groups from it must never crash, and a coordinator that
// took it must answer, let time go by and be freed.
//
// Input: byte 0 = RAW: the rest is batches, whose checksums are put right. Otherwise records: u8 flags (bits 0-1
// producer, bit 2 marker, bit 3 commit, bit 4 tombstone), u8 key size, u16 value size (big-endian), key, value; each
// key gets its type from the two bits 5-6.
#include "base/mem.h"
#include "coord/group.h"
#include "proto/apis.h"
#include "proto/delete_groups.h"
#include "proto/describe_groups.h"
#include "proto/list_groups.h"
#include "proto/offset_fetch.h"
#include "record/builder.h"

enum { RAW = 1, PRODUCER = 3, MARKER = 4, COMMIT = 8, TOMBSTONE = 16, TYPE_SHIFT = 5, RECORD_HEAD = 4 };
enum { HOUR_MS = 3600 * 1000, LOG_BYTES_MAX = 1 << 20 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void repair(struct text *log)
{
    for (size_t at = 0; at < log->size;) {
        size_t batch = 0;
        if (batch_size(slice_of(log->data + at, log->size - at), &batch) != OK || batch > log->size - at) return;
        if (batch >= BATCH_HEADER_SIZE && log->data[at + BATCH_MAGIC_AT] == 2) batch_seal(log->data + at);
        at += batch;
    }
}

static void add_record(struct text *log, int64_t offset, uint8_t flags, struct slice key_rest, struct slice value)
{
    struct text key = {0};
    int64_t producer_id = flags & PRODUCER;
    if ((flags & MARKER) != 0) {
        batch_end_txn_marker(log, offset, 0, 1, producer_id, 0, (flags & COMMIT) ? CONTROL_COMMIT : CONTROL_ABORT, 0);
        return;
    }
    struct batch_spec spec = batch_spec(offset);
    if (producer_id != 0) {
        spec.producer_id = producer_id;
        spec.producer_epoch = 0;
        spec.base_sequence = 0;
        spec.is_transactional = true;
    }
    text_add_char(&key, 0);
    text_add_char(&key, (char)(flags >> TYPE_SHIFT & 3));
    text_add(&key, key_rest);
    struct batch_builder builder = {0};
    batch_begin(&builder, log, &spec);
    batch_add(&builder, 1, text_slice(&key), (flags & TOMBSTONE) ? SLICE_NULL : value, NULL, 0);
    enum err e = batch_end(&builder, NULL);
    ASSERT(e == OK);
    batch_builder_deinit(&builder);
    text_deinit(&key);
}

static void build(struct text *log, const uint8_t *data, size_t size)
{
    for (int64_t offset = 0; size >= RECORD_HEAD && log->size < LOG_BYTES_MAX; offset++) {
        size_t key_size = data[1];
        size_t value_size = load_u16(data + 2);
        uint8_t flags = data[0];
        data += RECORD_HEAD;
        size -= RECORD_HEAD;
        if (key_size > size) key_size = size;
        if (value_size > size - key_size) value_size = size - key_size;
        add_record(log, offset, flags, slice_of(data, key_size), slice_of(data + key_size, value_size));
        data += key_size + value_size;
        size -= key_size + value_size;
    }
}

// ---- afterwards --------------------------------------------------------------------------------------------------

struct stage {
    struct coord *coord;
    struct image *image;
    struct coord_effects effects;
    int64_t now_ms;
};

static enum err step(struct stage *stage, struct coord_event event)
{
    event.now_ms = stage->now_ms;
    event.wall_ms = INT64_C(1700000000000) + stage->now_ms;
    event.image = stage->image;
    return coord_step(stage->coord, &event, &stage->effects);
}

// Appends what is to be appended, says that it is committed.
static void settle(struct stage *stage)
{
    enum err e = step(stage, (struct coord_event){.kind = EV_COORD_FLUSH});
    uint64_t newest = 0;
    for (struct list *link; (link = list_pop_front(&stage->effects.appends)) != NULL;) {
        struct coord_batch *batch = LIST_ITEM(link, struct coord_batch, link);
        ASSERT(batch_crc_is_valid(text_slice(&batch->bytes)));
        newest = batch->sequence;
        text_deinit(&batch->bytes);
        mem_free(batch);
    }
    if (newest > 0) e = step(stage, (struct coord_event){.kind = EV_COORD_COMMITTED, .sequence = newest});
    ASSERT(e == OK);
}

// Answers are complete at once or after settling; the response is the caller's until the call's arena goes.
static const void *ask(struct stage *stage, struct coord_call *call, int16_t api_key, int16_t version, const void *body)
{
    *call = (struct coord_call){.api_key = api_key, .version = version, .body = body};
    enum err e = step(stage, (struct coord_event){.kind = EV_COORD_CALL, .call = call});
    ASSERT(e == OK);
    settle(stage);
    struct list *link = list_pop_front(&stage->effects.answered);
    ASSERT(link == &call->link && call->err == OK && list_is_empty(&stage->effects.answered));
    return call->response;
}

static void visit(struct stage *stage, struct slice group_id)
{
    struct coord_call call;
    struct describe_groups_request describe = describe_groups_request_init();
    describe.groups.items = &group_id;
    describe.groups.count = 1;
    (void)ask(stage, &call, API_DESCRIBE_GROUPS, 5, &describe);
    arena_deinit(&call.arena);
    struct offset_fetch_request_offset_fetch_request_group group =
        offset_fetch_request_offset_fetch_request_group_init();
    struct offset_fetch_request fetch = offset_fetch_request_init();
    group.group_id = group_id;
    group.topics.count = -1;
    fetch.groups.items = &group;
    fetch.groups.count = 1;
    (void)ask(stage, &call, API_OFFSET_FETCH, 9, &fetch);
    arena_deinit(&call.arena);
    struct delete_groups_request deletion = delete_groups_request_init();
    deletion.groups_names.items = &group_id;
    deletion.groups_names.count = 1;
    (void)ask(stage, &call, API_DELETE_GROUPS, 2, &deletion);
    arena_deinit(&call.arena);
}

static void live_on(struct stage *stage)
{
    struct list_groups_request list = list_groups_request_init();
    struct coord_call call;
    enum err e = step(stage, (struct coord_event){.kind = EV_COORD_LOADED});
    ASSERT(e == OK);
    settle(stage);
    const struct list_groups_response *groups = ask(stage, &call, API_LIST_GROUPS, 5, &list);
    for (int32_t i = 0; i < groups->groups.count; i += 2) visit(stage, groups->groups.items[i].group_id);
    arena_deinit(&call.arena);
    for (int hour = 0; hour < 30 * 24; hour += 8) {
        stage->now_ms += 8 * (int64_t)HOUR_MS;
        e = step(stage, (struct coord_event){.kind = EV_COORD_TICK});
        ASSERT(e == OK);
        settle(stage);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct group_settings settings = {.min_session_timeout_ms = 6000,
                                                   .max_session_timeout_ms = 1800000,
                                                   .initial_rebalance_delay_ms = 3000,
                                                   .max_size = 5,
                                                   .offset_metadata_max_bytes = 4096,
                                                   .offsets_retention_ms = INT64_C(7) * 24 * HOUR_MS,
                                                   .offsets_retention_check_ms = HOUR_MS};
    const struct coord_options options = {
        .machine = &group_machine, .settings = &settings, .batch_bytes_max = 1000000, .seed = 1};
    if (size < 1) return 0;
    struct text log = {0};
    if ((data[0] & RAW) != 0) {
        text_add(&log, slice_of(data + 1, size - 1));
        repair(&log);
    } else {
        build(&log, data + 1, size - 1);
    }
    struct stage stage = {.coord = coord_new(&options), .image = image_new_empty()};
    coord_effects_init(&stage.effects);
    if (step(&stage, (struct coord_event){.kind = EV_COORD_LOAD, .batches = text_slice(&log)}) == OK) live_on(&stage);
    coord_free(stage.coord);
    image_unref(stage.image);
    text_deinit(&log);
    return 0;
}
