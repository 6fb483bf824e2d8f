// SPDX-License-Identifier: Apache-2.0
// The frame under a toy machine: a register per name, kept in __consumer_offsets' own records. A Heartbeat call reads
// or writes: group_id = name, generation_id = value, member_id = what to do.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/mem.h"
#include "coord/coord.h"
#include "proto/apis.h"
#include "proto/group_metadata_record.h"
#include "proto/heartbeat.h"
#include "proto/offset_commit_record.h"
#include "record/builder.h"
#include "record/control.h"

enum { NAMES = 8, BATCH_BYTES_MAX = 1000 };

struct pending {
    int64_t producer_id;
    int64_t value;
    bool is_open;
};

struct toy {
    struct coord *coord;
    int64_t values[NAMES]; // of "0" to "7"
    struct pending pending[NAMES];
    int applied;
    bool is_loaded;
    struct coord_call *parked;
    struct coord_timer timers[3];
    int fired[16];
    int fired_count;
    int changes;
};

static int index_of(struct slice name)
{
    return name.size == 1 ? (name.data[0] - '0') % NAMES : 0;
}

static void *new_state(struct coord *coord, const void *settings)
{
    (void)settings;
    struct toy *toy = MEM_NEW(struct toy);
    toy->coord = coord;
    return toy;
}

static enum err apply(void *state, const struct coord_record *record)
{
    struct toy *toy = state;
    struct offset_commit_key key;
    struct offset_commit_value value;
    struct arena *arena = coord_arena(toy->coord);
    toy->applied++;
    if (load_i16(record->key.data) != OFFSET_COMMIT_KEY_KEY) return OK; // of a type this build does not know
    enum err e = wire_decode(&offset_commit_key_message, 0, slice_of(record->key.data + 2, record->key.size - 2), arena,
                             &key, NULL);
    if (e != OK) return e;
    int i = index_of(key.group);
    if (slice_is_null(record->value)) {
        toy->values[i] = 0;
        return OK;
    }
    e = wire_decode(&offset_commit_value_message, load_i16(record->value.data),
                    slice_of(record->value.data + 2, record->value.size - 2), arena, &value, NULL);
    if (e != OK) return e;
    if (record->producer_id == NO_PRODUCER_ID)
        toy->values[i] = value.offset;
    else
        toy->pending[i] = (struct pending){record->producer_id, value.offset, true};
    return OK;
}

static void end_transaction(void *state, int64_t producer_id, bool is_commit)
{
    struct toy *toy = state;
    for (int i = 0; i < NAMES; i++) {
        if (!toy->pending[i].is_open || toy->pending[i].producer_id != producer_id) continue;
        if (is_commit) toy->values[i] = toy->pending[i].value;
        toy->pending[i].is_open = false;
    }
}

static void loaded(void *state)
{
    ((struct toy *)state)->is_loaded = true;
}

static void write_value(struct toy *toy, struct slice name, int64_t number, size_t padding, int64_t producer_id)
{
    static char spaces[4096];
    memset(spaces, ' ', sizeof(spaces));
    struct offset_commit_key key = offset_commit_key_init();
    struct offset_commit_value value = offset_commit_value_init();
    key.group = name;
    key.topic = SLICE("t");
    value.offset = number;
    value.metadata = slice_of(spaces, padding);
    if (producer_id == NO_PRODUCER_ID)
        coord_add_record(toy->coord, &offset_commit_key_message, &key, &offset_commit_value_message, 3, &value);
    else
        coord_add_transactional_record(toy->coord, producer_id, 1, &offset_commit_key_message, &key,
                                       &offset_commit_value_message, 3, &value);
}

static void answer(struct toy *toy, struct coord_call *call, int64_t value)
{
    struct heartbeat_response *response = coord_response(call, &heartbeat_response_message);
    response->throttle_time_ms = (int32_t)value;
    coord_answer(toy->coord, call, response);
}

static void decide(void *state, struct coord_call *call)
{
    struct toy *toy = state;
    const struct heartbeat_request *request = call->body;
    struct slice verb = request->member_id;
    if (slice_eq_str(verb, "park")) {
        toy->parked = call;
        call->owner = toy;
        return;
    }
    if (slice_eq_str(verb, "write")) write_value(toy, request->group_id, request->generation_id, 0, NO_PRODUCER_ID);
    if (slice_eq_str(verb, "write big"))
        write_value(toy, request->group_id, request->generation_id, 400, NO_PRODUCER_ID);
    if (slice_eq_str(verb, "write two"))
        for (int i = 0; i < 2; i++) write_value(toy, request->group_id, request->generation_id, 400, NO_PRODUCER_ID);
    if (slice_eq_str(verb, "write huge"))
        for (int i = 0; i < 3; i++) write_value(toy, request->group_id, request->generation_id, 800, NO_PRODUCER_ID);
    if (slice_eq_str(verb, "write transactional")) {
        write_value(toy, request->group_id, request->generation_id, 0, 77);
        write_value(toy, request->group_id, request->generation_id + 1, 0, 77);
    }
    if (slice_eq_str(verb, "release") && toy->parked != NULL) {
        struct coord_call *parked = toy->parked;
        toy->parked = NULL;
        answer(toy, parked, 1);
    }
    answer(toy, call, toy->values[index_of(request->group_id)]);
}

static void abandoned(void *state, struct coord_call *call)
{
    struct toy *toy = state;
    assert_ptr_equal(call->owner, toy);
    toy->parked = NULL;
    answer(toy, call, -1);
}

static void image_changed(void *state, const struct image_delta *delta)
{
    (void)delta;
    ((struct toy *)state)->changes++;
}

static const struct coord_machine toy_machine = {
    .name = "toy",
    .new_state = new_state,
    .free_state = mem_free,
    .apply = apply,
    .end_transaction = end_transaction,
    .loaded = loaded,
    .decide = decide,
    .abandoned = abandoned,
    .image_changed = image_changed,
};

// ---- the stage -----------------------------------------------------------------------------------------------------

struct stage {
    struct coord *coord;
    struct toy *toy;
    struct image *image;
    struct coord_effects effects;
    int64_t now_ms;
    enum err err;
    struct text log; // all batches appended
};

static struct stage *open_stage(void)
{
    struct stage *stage = MEM_NEW(struct stage);
    stage->image = image_new_empty();
    stage->now_ms = 1000;
    const struct coord_options options = {
        .machine = &toy_machine, .epoch = 3, .batch_bytes_max = BATCH_BYTES_MAX, .base_sequence = 0, .seed = 5};
    stage->coord = coord_new(&options);
    stage->toy = coord_state(stage->coord);
    coord_effects_init(&stage->effects);
    return stage;
}

static void run(struct stage *stage, struct coord_event event)
{
    event.now_ms = stage->now_ms;
    event.wall_ms = 1700000000000;
    event.image = stage->image;
    stage->err = coord_step(stage->coord, &event, &stage->effects);
}

static struct stage *open_loaded(void)
{
    struct stage *stage = open_stage();
    run(stage, (struct coord_event){.kind = EV_COORD_LOADED});
    assert_true(coord_is_loaded(stage->coord));
    return stage;
}

static void free_batches(struct stage *stage)
{
    for (struct list *link; (link = list_pop_front(&stage->effects.appends)) != NULL;) {
        struct coord_batch *batch = LIST_ITEM(link, struct coord_batch, link);
        text_add(&stage->log, text_slice(&batch->bytes));
        text_deinit(&batch->bytes);
        mem_free(batch);
    }
}

static void close_stage(struct stage *stage)
{
    free_batches(stage);
    coord_free(stage->coord);
    image_unref(stage->image);
    text_deinit(&stage->log);
    mem_free(stage);
}

struct ask {
    struct coord_call call;
    struct heartbeat_request body;
};

static struct ask ask(const char *name, const char *verb, int32_t value)
{
    struct ask ask = {.call = {.api_key = API_HEARTBEAT, .version = 4}, .body = heartbeat_request_init()};
    ask.body.group_id = slice_str(name);
    ask.body.member_id = slice_str(verb);
    ask.body.generation_id = value;
    return ask;
}

static void call(struct stage *stage, struct ask *ask)
{
    ask->call.body = &ask->body;
    run(stage, (struct coord_event){.kind = EV_COORD_CALL, .call = &ask->call});
}

// The next answer; NULL when nobody is answered.
static struct ask *next_answer(struct stage *stage)
{
    struct list *link = list_pop_front(&stage->effects.answered);
    return link == NULL ? NULL : CONTAINER_OF(LIST_ITEM(link, struct coord_call, link), struct ask, call);
}

static void expect_answer(struct stage *stage, struct ask *who, int value)
{
    assert_ptr_equal(next_answer(stage), who);
    assert_int_equal(who->call.err, OK);
    assert_int_equal(((struct heartbeat_response *)who->call.response)->throttle_time_ms, value);
    arena_deinit(&who->call.arena);
}

static void expect_refusal(struct stage *stage, struct ask *who, enum err why)
{
    assert_ptr_equal(next_answer(stage), who);
    assert_int_equal(who->call.err, why);
    assert_null(who->call.response);
    arena_deinit(&who->call.arena);
}

// Flushes; the number of batches.
static int flush(struct stage *stage)
{
    run(stage, (struct coord_event){.kind = EV_COORD_FLUSH});
    int count = 0;
    LIST_EACH (link, &stage->effects.appends) count++;
    return count;
}

static struct batch_view batch_at(struct stage *stage, int index)
{
    struct list *link = stage->effects.appends.next;
    for (; index > 0; index--) link = link->next;
    struct batch_view view;
    assert_int_equal(batch_parse(text_slice(&LIST_ITEM(link, struct coord_batch, link)->bytes), &view), OK);
    return view;
}

static void commit(struct stage *stage, uint64_t sequence)
{
    run(stage, (struct coord_event){.kind = EV_COORD_COMMITTED, .sequence = sequence});
}

// ---- answers and batches -------------------------------------------------------------------------------------------

static void a_write_is_answered_when_its_batch_is_committed(void **state)
{
    (void)state;
    struct stage *stage = open_loaded();
    struct ask write = ask("1", "write", 42);
    call(stage, &write);
    assert_true(stage->effects.wants_flush);
    assert_int_equal(stage->toy->values[1], 42); // applied at once
    assert_int_equal(flush(stage), 1);
    assert_false(stage->effects.wants_flush);
    assert_null(next_answer(stage));
    commit(stage, 1);
    expect_answer(stage, &write, 42);
    close_stage(stage);
}

static void a_read_waits_for_the_batch_it_depends_on(void **state)
{
    (void)state;
    struct stage *stage = open_loaded();
    struct ask early = ask("1", "read", 0);
    call(stage, &early);
    expect_answer(stage, &early, 0); // nothing is uncommitted
    struct ask first = ask("1", "write", 1);
    struct ask later = ask("1", "write", 2);
    struct ask read = ask("1", "read", 0);
    call(stage, &first);
    flush(stage);
    call(stage, &later);
    call(stage, &read);
    flush(stage);
    commit(stage, 1);
    expect_answer(stage, &first, 1);
    assert_null(next_answer(stage));
    commit(stage, 2);
    expect_answer(stage, &later, 2);
    expect_answer(stage, &read, 2);
    assert_null(next_answer(stage));
    close_stage(stage);
}

static void a_turn_is_one_batch(void **state)
{
    (void)state;
    struct stage *stage = open_loaded();
    struct ask asks[3];
    for (int i = 0; i < 3; i++) {
        asks[i] = ask("1", "write", i);
        call(stage, &asks[i]);
    }
    assert_int_equal(flush(stage), 1);
    struct batch_view view = batch_at(stage, 0);
    assert_int_equal(view.header.record_count, 3);
    assert_int_equal(view.header.base_sequence, 0);
    assert_int_equal(view.header.producer_id, NO_PRODUCER_ID);
    assert_int_equal(view.header.base_timestamp, 1700000000000);
    assert_true(batch_crc_is_valid(view.bytes));
    assert_int_equal(flush(stage), 1); // nothing new
    commit(stage, 1);
    for (int i = 0; i < 3; i++) expect_answer(stage, &asks[i], i);
    close_stage(stage);
}

static void a_full_batch_is_followed_by_another(void **state)
{
    (void)state;
    struct stage *stage = open_loaded();
    struct ask asks[4] = {ask("1", "write big", 1), ask("2", "write two", 2), ask("3", "write huge", 3),
                          ask("4", "write", 4)};
    for (int i = 0; i < 4; i++) call(stage, &asks[i]);
    // One of 400; two of 400 that stay together; three of 800, the last with the small one behind it.
    assert_int_equal(flush(stage), 5);
    static const int records[] = {1, 2, 1, 1, 2};
    for (int i = 0; i < 5; i++) {
        struct batch_view view = batch_at(stage, i);
        assert_int_equal(view.header.record_count, records[i]);
        assert_true(view.bytes.size <= BATCH_BYTES_MAX);
    }
    commit(stage, 2);
    expect_answer(stage, &asks[0], 1);
    expect_answer(stage, &asks[1], 2);
    commit(stage, 4);
    assert_null(next_answer(stage)); // its third record is in the fifth
    commit(stage, 5);
    expect_answer(stage, &asks[2], 3);
    expect_answer(stage, &asks[3], 4);
    close_stage(stage);
}

static void transactions_have_batches_of_their_own(void **state)
{
    (void)state;
    struct stage *stage = open_loaded();
    struct ask plain = ask("1", "write", 1);
    struct ask transactional = ask("2", "write transactional", 2);
    struct ask after = ask("3", "write", 3);
    call(stage, &plain);
    call(stage, &transactional);
    call(stage, &after);
    assert_int_equal(flush(stage), 3);
    struct batch_view view = batch_at(stage, 1);
    assert_int_equal(view.header.record_count, 2);
    assert_int_equal(view.header.producer_id, 77);
    assert_int_equal(view.header.producer_epoch, 1);
    assert_int_equal(view.header.base_sequence, 0);
    assert_true(batch_is_transactional(&view.header));
    assert_false(batch_is_transactional(&(struct batch_header){.attributes = batch_at(stage, 2).header.attributes}));
    assert_int_equal(stage->toy->values[2], 0); // until its marker
    commit(stage, 3);
    expect_answer(stage, &plain, 1);
    expect_answer(stage, &transactional, 0);
    expect_answer(stage, &after, 3);
    close_stage(stage);
}

static void a_parked_call_is_answered_by_another(void **state)
{
    (void)state;
    struct stage *stage = open_loaded();
    struct ask parked = ask("1", "park", 0);
    struct ask release = ask("1", "release", 0);
    call(stage, &parked);
    assert_null(next_answer(stage));
    call(stage, &release);
    expect_answer(stage, &parked, 1);
    expect_answer(stage, &release, 0);
    close_stage(stage);
}

static void an_abandoned_call_is_answered(void **state)
{
    (void)state;
    struct stage *stage = open_loaded();
    struct ask parked = ask("1", "park", 0);
    struct ask write = ask("1", "write", 9);
    call(stage, &parked);
    run(stage, (struct coord_event){.kind = EV_COORD_ABANDONED, .call = &parked.call});
    expect_answer(stage, &parked, -1);
    call(stage, &write);
    run(stage, (struct coord_event){.kind = EV_COORD_ABANDONED, .call = &write.call}); // only waits for its batch
    assert_null(next_answer(stage));
    flush(stage);
    commit(stage, 1);
    expect_answer(stage, &write, 9);
    close_stage(stage);
}

static void failure_answers_everybody(void **state)
{
    (void)state;
    struct stage *stage = open_loaded();
    struct ask parked = ask("1", "park", 0);
    struct ask flushed = ask("2", "write", 2);
    struct ask open = ask("3", "write", 3);
    call(stage, &parked);
    call(stage, &flushed);
    flush(stage);
    call(stage, &open);
    coord_fail(stage->coord, ERR_NOT_COORDINATOR, &stage->effects);
    assert_false(stage->effects.wants_flush);
    expect_refusal(stage, &flushed, ERR_NOT_COORDINATOR);
    expect_refusal(stage, &open, ERR_NOT_COORDINATOR);
    expect_refusal(stage, &parked, ERR_NOT_COORDINATOR);
    assert_null(next_answer(stage));
    close_stage(stage);
}

// ---- loading -------------------------------------------------------------------------------------------------------

static void calls_are_refused_while_it_loads(void **state)
{
    (void)state;
    struct stage *stage = open_stage();
    struct ask read = ask("1", "read", 0);
    call(stage, &read);
    expect_refusal(stage, &read, ERR_COORDINATOR_LOAD_IN_PROGRESS);
    assert_int_equal(coord_deadline_ms(stage->coord), INT64_MAX);
    close_stage(stage);
}

static void what_was_written_is_loaded(void **state)
{
    (void)state;
    struct stage *first = open_loaded();
    struct ask asks[4] = {ask("1", "write", 1), ask("2", "write big", 2), ask("3", "write two", 3),
                          ask("1", "write", 5)};
    for (int i = 0; i < 4; i++) call(first, &asks[i]);
    commit(first, (uint64_t)flush(first));
    free_batches(first);
    while (next_answer(first) != NULL) continue;
    for (int i = 0; i < 4; i++) arena_deinit(&asks[i].call.arena);

    struct stage *second = open_stage();
    run(second, (struct coord_event){.kind = EV_COORD_LOAD, .batches = text_slice(&first->log)});
    assert_int_equal(second->err, OK);
    assert_int_equal(second->toy->applied, 5);
    assert_false(second->toy->is_loaded);
    run(second, (struct coord_event){.kind = EV_COORD_LOADED});
    assert_true(second->toy->is_loaded);
    struct ask read = ask("1", "read", 0);
    call(second, &read);
    expect_answer(second, &read, 5);
    assert_int_equal(second->toy->values[2], 2);
    assert_int_equal(second->toy->values[3], 3);
    close_stage(first);
    close_stage(second);
}

static void add_to_log(struct text *log, const char *name, int64_t number, int64_t producer_id, enum codec codec)
{
    struct arena arena = {0};
    struct offset_commit_key key = {.group = slice_str(name), .topic = SLICE("t")};
    struct offset_commit_value value = offset_commit_value_init();
    value.offset = number;
    value.metadata = SLICE("");
    struct slice key_bytes;
    struct slice value_bytes;
    assert_int_equal(wire_encode_bytes(&offset_commit_key_message, 0, &key, &arena, &key_bytes), OK);
    assert_int_equal(wire_encode_bytes(&offset_commit_value_message, 3, &value, &arena, &value_bytes), OK);
    struct text framed[2] = {0};
    text_add(&framed[0], slice_of("\0\1", 2));
    text_add(&framed[0], key_bytes);
    text_add(&framed[1], slice_of("\0\3", 2));
    text_add(&framed[1], value_bytes);
    struct batch_spec spec = batch_spec(0);
    spec.codec = codec;
    spec.producer_id = producer_id;
    spec.producer_epoch = producer_id == NO_PRODUCER_ID ? -1 : 0;
    spec.base_sequence = 0;
    spec.is_transactional = producer_id != NO_PRODUCER_ID;
    struct batch_builder builder = {0};
    batch_begin(&builder, log, &spec);
    batch_add(&builder, 1, text_slice(&framed[0]), text_slice(&framed[1]), NULL, 0);
    assert_int_equal(batch_end(&builder, NULL), OK);
    batch_builder_deinit(&builder);
    text_deinit(&framed[0]);
    text_deinit(&framed[1]);
    arena_deinit(&arena);
}

static void only_committed_transactions_hold(void **state)
{
    (void)state;
    struct stage *stage = open_stage();
    add_to_log(&stage->log, "1", 10, NO_PRODUCER_ID, CODEC_ZSTD);
    add_to_log(&stage->log, "1", 11, 500, CODEC_NONE);
    add_to_log(&stage->log, "2", 22, 600, CODEC_LZ4);
    add_to_log(&stage->log, "3", 33, 700, CODEC_NONE);
    batch_end_txn_marker(&stage->log, 4, 0, 1, 500, 0, CONTROL_ABORT, 0);
    batch_end_txn_marker(&stage->log, 5, 0, 1, 600, 0, CONTROL_COMMIT, 0);
    batch_empty(&stage->log, &(struct batch_header){.base_offset = 6, .magic = 2, .record_count = 0});
    run(stage, (struct coord_event){.kind = EV_COORD_LOAD, .batches = text_slice(&stage->log)});
    assert_int_equal(stage->err, OK);
    assert_int_equal(stage->toy->values[1], 10);
    assert_int_equal(stage->toy->values[2], 22);
    assert_int_equal(stage->toy->values[3], 0);
    assert_true(stage->toy->pending[3].is_open);
    assert_false(stage->toy->pending[1].is_open);
    close_stage(stage);
}

static void add_raw(struct text *log, struct slice key, struct slice value)
{
    struct batch_spec spec = batch_spec(0);
    struct batch_builder builder = {0};
    batch_begin(&builder, log, &spec);
    batch_add(&builder, 1, key, value, NULL, 0);
    assert_int_equal(batch_end(&builder, NULL), OK);
    batch_builder_deinit(&builder);
}

static void unknown_types_are_skipped_and_broken_logs_refused(void **state)
{
    (void)state;
    static const struct {
        const char *what;
        struct slice key;
        struct slice value;
        enum err expected;
    } cases[] = {
        {"unknown type", {(const uint8_t *)"\0\x63rest", 6}, {(const uint8_t *)"x", 1}, OK},
        {"no type", {(const uint8_t *)"\0", 1}, {(const uint8_t *)"x", 1}, ERR_CORRUPT},
        {"no key", {0}, {(const uint8_t *)"x", 1}, ERR_CORRUPT},
        {"cut key", {(const uint8_t *)"\0\1\0\5", 4}, {(const uint8_t *)"x", 1}, ERR_TRUNCATED},
        {"unknown version",
         {(const uint8_t *)"\0\1\0\1a\0\1t\0\0\0\0", 12},
         {(const uint8_t *)"\0\x63", 2},
         ERR_UNSUPPORTED_VERSION},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct stage *stage = open_stage();
        add_raw(&stage->log, cases[i].key, cases[i].value);
        run(stage, (struct coord_event){.kind = EV_COORD_LOAD, .batches = text_slice(&stage->log)});
        if (stage->err != cases[i].expected) fail_msg("%s: %s", cases[i].what, err_name(stage->err));
        close_stage(stage);
    }
}

static void a_flipped_bit_is_found(void **state)
{
    (void)state;
    struct stage *stage = open_stage();
    add_to_log(&stage->log, "1", 10, NO_PRODUCER_ID, CODEC_NONE);
    stage->log.data[stage->log.size - 3] ^= 1;
    run(stage, (struct coord_event){.kind = EV_COORD_LOAD, .batches = text_slice(&stage->log)});
    assert_int_equal(stage->err, ERR_CORRUPT);
    run(stage, (struct coord_event){.kind = EV_COORD_LOAD, .batches = slice_of(stage->log.data, 30)}); // a cut one
    assert_int_equal(stage->err, ERR_CORRUPT);
    assert_int_equal(stage->toy->applied, 0);
    close_stage(stage);
}

// ---- timers, images, ids -------------------------------------------------------------------------------------------

static void fire(void *state, struct coord_timer *timer)
{
    struct toy *toy = state;
    toy->fired[toy->fired_count++] = (int)(timer - toy->timers);
    if (timer == &toy->timers[2]) coord_timer_set(toy->coord, timer, coord_now_ms(toy->coord)); // due at once
}

static void timers_fire_in_order_and_never_twice_in_a_step(void **state)
{
    (void)state;
    struct stage *stage = open_loaded();
    struct toy *toy = stage->toy;
    for (int i = 0; i < 3; i++) toy->timers[i].fire = fire;
    assert_int_equal(coord_deadline_ms(stage->coord), INT64_MAX);
    coord_timer_set(stage->coord, &toy->timers[0], 1300);
    coord_timer_set(stage->coord, &toy->timers[1], 1200);
    coord_timer_set(stage->coord, &toy->timers[0], 1100); // moved
    coord_timer_set(stage->coord, &toy->timers[2], 1250);
    assert_int_equal(coord_deadline_ms(stage->coord), 1100);
    stage->now_ms = 1199;
    run(stage, (struct coord_event){.kind = EV_COORD_TICK});
    assert_int_equal(toy->fired_count, 1);
    assert_int_equal(toy->fired[0], 0);
    coord_timer_cancel(stage->coord, &toy->timers[0]); // in no heap: nothing happens
    stage->now_ms = 1500;
    run(stage, (struct coord_event){.kind = EV_COORD_TICK});
    assert_int_equal(toy->fired_count, 3);
    assert_int_equal(toy->fired[1], 1);
    assert_int_equal(toy->fired[2], 2);
    assert_int_equal(coord_deadline_ms(stage->coord), 1500);
    coord_timer_cancel(stage->coord, &toy->timers[2]);
    assert_int_equal(coord_deadline_ms(stage->coord), INT64_MAX);
    close_stage(stage);
}

static void images_reach_the_machine_once_loaded(void **state)
{
    (void)state;
    struct stage *stage = open_stage();
    const struct image_delta delta = {0};
    run(stage, (struct coord_event){.kind = EV_COORD_IMAGE, .delta = &delta});
    assert_int_equal(stage->toy->changes, 0);
    run(stage, (struct coord_event){.kind = EV_COORD_LOADED});
    run(stage, (struct coord_event){.kind = EV_COORD_IMAGE, .delta = &delta});
    assert_int_equal(stage->toy->changes, 1);
    close_stage(stage);
}

static void random_ids_differ_and_replay(void **state)
{
    (void)state;
    struct stage *a = open_stage();
    struct stage *b = open_stage();
    struct uuid first = coord_random_uuid(a->coord);
    struct uuid second = coord_random_uuid(a->coord);
    assert_false(uuid_eq(first, second));
    assert_true(uuid_eq(first, coord_random_uuid(b->coord)));
    close_stage(a);
    close_stage(b);
}

// Printed by Java: Math.abs(key.hashCode()) % n, Integer.MIN_VALUE counting as 0.
static void placement_is_java_s(void **state)
{
    (void)state;
    static const struct {
        struct slice key;
        int32_t of_50;
        int32_t of_7;
    } cases[] = {
        {{(const uint8_t *)"", 0}, 0, 0},
        {{(const uint8_t *)"group", 5}, 47, 3},
        {{(const uint8_t *)"my-group", 8}, 12, 1},
        {{(const uint8_t *)"console-consumer-12345", 22}, 6, 6},
        {{(const uint8_t *)"gr\xc3\xbcppe-\xc3\xbc", 10}, 11, 1},
        {{(const uint8_t *)"\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e", 9}, 43, 5},
        {{(const uint8_t *)"\xf0\x9f\x98\x80-emoji", 10}, 38, 4}, // a pair of surrogates
        {{(const uint8_t *)"polygenelubricants", 18}, 0, 0},      // hashes to -2^31
        {{(const uint8_t *)"a\0b", 3}, 15, 5},
        {{(const uint8_t *)"connect-local", 13}, 10, 3},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        assert_int_equal(coord_partition_of(cases[i].key, 50), cases[i].of_50);
        assert_int_equal(coord_partition_of(cases[i].key, 7), cases[i].of_7);
        assert_int_equal(coord_partition_of(cases[i].key, 1), 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_write_is_answered_when_its_batch_is_committed),
        cmocka_unit_test(a_read_waits_for_the_batch_it_depends_on),
        cmocka_unit_test(a_turn_is_one_batch),
        cmocka_unit_test(a_full_batch_is_followed_by_another),
        cmocka_unit_test(transactions_have_batches_of_their_own),
        cmocka_unit_test(a_parked_call_is_answered_by_another),
        cmocka_unit_test(an_abandoned_call_is_answered),
        cmocka_unit_test(failure_answers_everybody),
        cmocka_unit_test(calls_are_refused_while_it_loads),
        cmocka_unit_test(what_was_written_is_loaded),
        cmocka_unit_test(only_committed_transactions_hold),
        cmocka_unit_test(unknown_types_are_skipped_and_broken_logs_refused),
        cmocka_unit_test(a_flipped_bit_is_found),
        cmocka_unit_test(timers_fire_in_order_and_never_twice_in_a_step),
        cmocka_unit_test(images_reach_the_machine_once_loaded),
        cmocka_unit_test(random_ids_differ_and_replay),
        cmocka_unit_test(placement_is_java_s),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
