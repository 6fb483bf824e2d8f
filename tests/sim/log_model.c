// SPDX-License-Identifier: Apache-2.0
#include "log_model.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "store/store.h"

enum { BODY_MAX = 1 << 20 };

#define model_check(m, condition, format, ...)                                                                         \
    sim_check((m)->at, condition, "log %d: " format, (m)->number __VA_OPT__(, ) __VA_ARGS__)

void model_init(struct model *m, struct sim_case *at, int number)
{
    *m = (struct model){.at = at, .number = number, .delete_retention_ms = 1500};
    for (int i = 0; i < MODEL_PRODUCERS; i++)
        m->producers[i] = (struct model_producer){
            .id = 100 * (number + 1) + i, .txn_first = -1, .coordinator_epoch = -1, .epoch = NO_PRODUCER_EPOCH};
}

static void free_batch(struct model_batch *b)
{
    text_deinit(&b->bytes);
    mem_free(b->records);
}

void model_deinit(struct model *m)
{
    for (size_t i = 0; i < m->count; i++) free_batch(&m->batches[i]);
    mem_free(m->batches);
}

int64_t model_end(const struct model *m)
{
    int64_t end = m->count == 0 ? m->base : batch_last_offset(&m->batches[m->count - 1].header) + 1;
    return end > m->base ? end : m->base;
}

size_t model_find(const struct model *m, int64_t offset)
{
    size_t low = 0;
    size_t high = m->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (batch_last_offset(&m->batches[middle].header) < offset)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

// ---- taking in ----

static int key_of(struct slice key)
{
    return slice_is_null(key) ? NO_KEY : (key.data[1] - '0') * 10 + (key.data[2] - '0');
}

static void decode(struct model *m, struct model_batch *b)
{
    struct batch_view view = {.header = b->header, .bytes = text_slice(&b->bytes)};
    struct text scratch = {0};
    struct slice body;
    struct record record;
    enum control_type type;
    size_t n = 0;
    enum err e = batch_body(&view, BODY_MAX, &scratch, &body);
    model_check(m, e == OK, "a batch of ours does not decode");
    b->records = mem_zalloc((size_t)b->header.record_count, sizeof(*b->records));
    struct record_iter it = record_iter(&view.header, body);
    while (record_next(&it, &record)) {
        bool is_control = batch_is_control(&b->header);
        b->records[n++] = (struct model_record){.offset = record.offset,
                                                .timestamp = record.timestamp,
                                                .key = is_control ? NO_KEY : key_of(record.key),
                                                .is_tombstone = !is_control && slice_is_null(record.value)};
        if (!is_control) continue;
        e = control_key_decode(record.key, &type);
        b->is_commit = e == OK && type == CONTROL_COMMIT;
    }
    text_deinit(&scratch);
}

static struct model_producer *producer_of(struct model *m, int64_t id)
{
    for (int i = 0; i < MODEL_PRODUCERS; i++)
        if (m->producers[i].id == id) return &m->producers[i];
    return NULL;
}

static void note_marker(struct model *m, struct model_producer *p, size_t index)
{
    const struct model_batch *marker = &m->batches[index];
    if (marker->header.producer_epoch > p->epoch) {
        p->epoch = marker->header.producer_epoch;
        p->recent_count = 0;
        p->next_sequence = 0;
        p->is_sure = true;
    }
    p->txn_first = -1;
    for (size_t i = index; i-- > 0;) {
        struct model_batch *b = &m->batches[i];
        if (b->header.producer_id != p->id) continue;
        if (b->fate != FATE_OPEN) break;
        b->fate = marker->is_commit ? FATE_COMMITTED : FATE_ABORTED;
        b->marker_offset = marker->header.base_offset;
    }
}

static int32_t marker_coordinator_epoch(const struct model_batch *b)
{
    struct record_iter it =
        record_iter(&b->header, slice_of(b->bytes.data + BATCH_HEADER_SIZE, b->bytes.size - BATCH_HEADER_SIZE));
    struct record record;
    int32_t epoch = -1;
    if (record_next(&it, &record) && end_txn_marker_decode(record.value, &epoch) != OK) epoch = -1;
    return epoch;
}

static void note_producer(struct model *m, size_t index)
{
    struct model_batch *b = &m->batches[index];
    const struct batch_header *h = &b->header;
    struct model_producer *p = producer_of(m, h->producer_id);
    b->fate = batch_is_control(h) ? FATE_MARKER : batch_is_transactional(h) ? FATE_OPEN : FATE_PLAIN;
    b->marker_offset = -1;
    if (p == NULL) return;
    if (b->fate == FATE_MARKER) {
        note_marker(m, p, index);
        p->coordinator_epoch = marker_coordinator_epoch(b);
        p->is_coordinator_sure = b->is_present && h->base_offset >= m->start && h->base_offset >= p->forgotten_below;
        return;
    }
    if (h->producer_epoch != p->epoch) p->recent_count = 0;
    p->epoch = h->producer_epoch;
    p->next_sequence = sequence_add(batch_last_sequence(h), 1);
    if (b->fate == FATE_OPEN && p->txn_first < 0) p->txn_first = h->base_offset;
    if (p->recent_count == MODEL_WINDOW)
        memmove(&p->recent[0], &p->recent[1], (--p->recent_count) * sizeof(p->recent[0]));
    p->recent[p->recent_count++] = index;
    p->is_sure = true;
}

void model_add(struct model *m, struct slice run)
{
    struct batch_iter it = batch_iter(run);
    struct batch_view view;
    while (batch_next(&it, &view)) {
        if (m->count == m->capacity) {
            m->capacity = m->capacity == 0 ? 64 : m->capacity * 2;
            m->batches = mem_realloc(m->batches, m->capacity * sizeof(*m->batches));
        }
        struct model_batch *b = &m->batches[m->count];
        *b = (struct model_batch){.header = view.header, .first_round_ms = INT64_MAX, .is_present = true};
        text_add(&b->bytes, view.bytes);
        decode(m, b);
        note_producer(m, m->count++);
    }
}

void model_rebuild_producers(struct model *m)
{
    for (int i = 0; i < MODEL_PRODUCERS; i++) {
        struct model_producer *p = &m->producers[i];
        // Epoch and sequence of one that is gone stay: whoever is unknown may go on anywhere.
        p->txn_first = -1;
        p->recent_count = 0;
        p->is_sure = p->is_coordinator_sure = false;
    }
    for (size_t i = 0; i < m->count; i++) note_producer(m, i);
    for (int i = 0; i < MODEL_PRODUCERS; i++) {
        struct model_producer *p = &m->producers[i];
        const struct model_batch *newest = p->recent_count == 0 ? NULL : &m->batches[p->recent[p->recent_count - 1]];
        p->is_sure = newest != NULL && newest->is_present && newest->header.base_offset >= m->start &&
                     newest->header.base_offset >= p->forgotten_below;
    }
    m->rebuilt_at = m->count;
}

void model_expire_producers(struct model *m, int64_t before_ms)
{
    for (int i = 0; i < MODEL_PRODUCERS; i++) {
        struct model_producer *p = &m->producers[i];
        p->is_sure = p->is_coordinator_sure = false;
        const struct model_batch *newest = p->recent_count == 0 ? NULL : &m->batches[p->recent[p->recent_count - 1]];
        if (newest != NULL && newest->header.max_timestamp <= before_ms) p->forgotten_below = model_end(m);
    }
}

void model_cut(struct model *m, int64_t end)
{
    bool drops = m->count > 0 && model_end(m) > end;
    while (m->count > 0 && m->batches[m->count - 1].header.base_offset >= end) free_batch(&m->batches[--m->count]);
    m->base = m->count == 0 || end > batch_last_offset(&m->batches[m->count - 1].header) ? end : m->base;
    model_check(m, model_end(m) <= end, "end %" PRId64 " is inside of batch %" PRId64, end,
                m->batches[m->count - 1].header.base_offset);
    if (m->floor > end) m->floor = end;
    for (int i = 0; i < MODEL_PRODUCERS; i++)
        if (m->producers[i].forgotten_below > end) m->producers[i].forgotten_below = end;
    m->was_cut = m->was_cut || drops;
}

void model_restart(struct model *m, int64_t offset)
{
    for (size_t i = 0; i < m->count; i++) free_batch(&m->batches[i]);
    m->count = 0;
    m->restarted_at = m->base = m->start = m->start_max = m->floor = m->boot_end = offset;
    m->compact_bound = m->cleaned_to = 0;
    for (int i = 0; i < MODEL_PRODUCERS; i++) m->producers[i].forgotten_below = 0;
    model_rebuild_producers(m);
}

void model_end_after_cut(const struct model *m, int64_t offset, int64_t *low, int64_t *high)
{
    size_t i = model_find(m, offset);
    *low = *high = offset < model_end(m) ? offset : model_end(m);
    if (i < m->count && m->batches[i].header.base_offset < *high) *low = *high = m->batches[i].header.base_offset;
    if (i > 0)
        *low = batch_last_offset(&m->batches[i - 1].header) + 1;
    else if (m->restarted_at < *low)
        *low = m->restarted_at;
}

void model_allow_compaction(struct model *m, int64_t bound, int64_t now_ms)
{
    for (size_t i = 0; i < m->count && m->batches[i].header.base_offset < bound; i++)
        if (m->batches[i].first_round_ms == INT64_MAX) m->batches[i].first_round_ms = now_ms;
    if (bound > m->compact_bound) m->compact_bound = bound;
}

// ---- what may be missing ----

// The newest offset of each key below `bound` that a reader of committed records sees.
static void newest_below(const struct model *m, int64_t bound, int64_t newest[MODEL_KEYS])
{
    for (int k = 0; k < MODEL_KEYS; k++) newest[k] = -1;
    for (size_t i = 0; i < m->count; i++) {
        const struct model_batch *b = &m->batches[i];
        if (b->header.base_offset >= bound) break;
        if (b->fate == FATE_ABORTED || b->fate == FATE_MARKER || b->fate == FATE_OPEN) continue;
        for (int32_t r = 0; r < b->header.record_count; r++)
            if (b->records[r].key != NO_KEY && b->records[r].offset < bound)
                newest[b->records[r].key] = b->records[r].offset;
    }
}

static bool may_lack(const struct model *m, const struct model_batch *b, const struct model_record *r,
                     const int64_t newest[MODEL_KEYS], int64_t now_ms)
{
    if (r->offset < m->start || r->offset < m->start_max) return true;
    if (r->offset >= m->compact_bound || b->first_round_ms == INT64_MAX) return false;
    bool is_past_horizon = now_ms >= b->first_round_ms + m->delete_retention_ms;
    if (b->fate == FATE_MARKER) return is_past_horizon;
    if (b->fate == FATE_ABORTED) return true;
    if (b->fate == FATE_OPEN) return false;
    if (r->key == NO_KEY || newest[r->key] > r->offset) return true;
    return r->is_tombstone && is_past_horizon;
}

static bool may_lack_batch(const struct model *m, const struct model_batch *b, const int64_t newest[MODEL_KEYS],
                           int64_t now_ms)
{
    for (int32_t r = 0; r < b->header.record_count; r++)
        if (!may_lack(m, b, &b->records[r], newest, now_ms)) return false;
    return true;
}

bool model_may_lack_range(struct model *m, int64_t from, int64_t to, int64_t now_ms)
{
    int64_t newest[MODEL_KEYS];
    newest_below(m, m->compact_bound, newest);
    for (size_t i = model_find(m, from); i < m->count && m->batches[i].header.base_offset < to; i++)
        if (!may_lack_batch(m, &m->batches[i], newest, now_ms)) return false;
    return true;
}

// ---- what was read ----

// A compacted batch: the same range and producer, and of the records what has to be there.
static void check_rewritten(struct model *m, const struct model_batch *b, const struct batch_view *view,
                            const int64_t newest[MODEL_KEYS], int64_t now_ms)
{
    const struct batch_header *h = &view->header;
    const struct batch_header *o = &b->header;
    int16_t flags = BATCH_CODEC_MASK | BATCH_TRANSACTIONAL | BATCH_CONTROL;
    int64_t base = o->base_offset;
    model_check(m, base < m->compact_bound, "batch %" PRId64 " changed, and was never compacted", base);
    if (h->record_count == 0) flags &= (int16_t)~BATCH_CODEC_MASK;
    bool is_placeholder = h->record_count == 0 && h->producer_id == NO_PRODUCER_ID; // where a group of segments ends
    model_check(m,
                is_placeholder ||
                    (h->partition_leader_epoch == o->partition_leader_epoch && h->producer_id == o->producer_id &&
                     h->producer_epoch == o->producer_epoch && h->base_sequence == o->base_sequence &&
                     (h->attributes & flags) == (o->attributes & flags)),
                "compaction changed the header of batch %" PRId64, base);
    struct batch_view original = {.header = *o, .bytes = text_slice(&b->bytes)};
    struct text scratch[2] = {{0}, {0}};
    struct slice body[2];
    bool is_sound = batch_body(&original, BODY_MAX, &scratch[0], &body[0]) == OK &&
                    batch_body(view, BODY_MAX, &scratch[1], &body[1]) == OK;
    model_check(m, is_sound, "batch %" PRId64 " does not decode", base);
    struct record_iter originals = record_iter(o, body[0]);
    struct record_iter kept = record_iter(h, body[1]);
    struct record want, got;
    bool has_got = record_next(&kept, &got);
    for (int32_t r = 0; record_next(&originals, &want); r++) {
        if (has_got && got.offset == want.offset) {
            model_check(m,
                        slice_eq(got.key, want.key) && slice_eq(got.value, want.value) &&
                            slice_is_null(got.value) == slice_is_null(want.value) && got.timestamp == want.timestamp,
                        "record %" PRId64 " changed", want.offset);
            has_got = record_next(&kept, &got);
        } else {
            model_check(m, may_lack(m, b, &b->records[r], newest, now_ms), "record %" PRId64 " of key %d is missing",
                        want.offset, b->records[r].key);
        }
    }
    model_check(m, !has_got && kept.err == OK, "batch %" PRId64 " holds what was never in it", base);
    text_deinit(&scratch[0]);
    text_deinit(&scratch[1]);
}

// Behind a finished round no record is left that a newer one replaces.
static void check_compacted(struct model *m, const struct batch_view *view, const int64_t cleaned[MODEL_KEYS])
{
    struct text scratch = {0};
    struct slice body;
    struct record record;
    if (batch_last_offset(&view->header) >= m->cleaned_to || batch_is_control(&view->header)) return;
    if (batch_body(view, BODY_MAX, &scratch, &body) != OK) body = slice_of("", 0);
    struct record_iter it = record_iter(&view->header, body);
    while (record_next(&it, &record)) {
        // Deleted, and a round passes over it, though a crash may have brought it back since.
        if (record.offset < m->start_max) continue;
        int key = key_of(record.key);
        model_check(m, key != NO_KEY && cleaned[key] <= record.offset,
                    "record %" PRId64 " of key %d is still there, compacted to %" PRId64, record.offset, key,
                    m->cleaned_to);
    }
    text_deinit(&scratch);
}

int64_t model_check_run(struct model *m, struct slice run, int64_t from, int64_t now_ms, bool marks)
{
    struct batch_iter it = batch_iter(run);
    struct batch_view view;
    int64_t newest[MODEL_KEYS];
    int64_t cleaned[MODEL_KEYS];
    newest_below(m, m->compact_bound, newest);
    newest_below(m, m->cleaned_to, cleaned);
    size_t next = model_find(m, from);
    while (batch_next(&it, &view)) {
        int64_t base = view.header.base_offset;
        for (; next < m->count && m->batches[next].header.base_offset < base; next++) {
            struct model_batch *b = &m->batches[next];
            model_check(m, may_lack_batch(m, b, newest, now_ms), "batch %" PRId64 "-%" PRId64 " is missing",
                        b->header.base_offset, batch_last_offset(&b->header));
            if (marks) b->is_present = false;
        }
        struct model_batch *b = next < m->count ? &m->batches[next] : NULL;
        model_check(m,
                    b != NULL && b->header.base_offset == base &&
                        batch_last_offset(&view.header) == batch_last_offset(&b->header),
                    "batch %" PRId64 "-%" PRId64 " was never appended", base, batch_last_offset(&view.header));
        model_check(m, batch_crc_is_valid(view.bytes), "batch %" PRId64 " is corrupt", base);
        bool is_same = view.bytes.size == b->bytes.size && memcmp(view.bytes.data, b->bytes.data, b->bytes.size) == 0;
        if (!is_same) check_rewritten(m, b, &view, newest, now_ms);
        if (m->cleaned_to > 0 && marks) check_compacted(m, &view, cleaned);
        if (marks) b->is_present = view.header.producer_id == b->header.producer_id;
        from = batch_last_offset(&view.header) + 1;
        next++;
    }
    model_check(m, it.err != ERR_CORRUPT, "what follows %" PRId64 " is no batch", from);
    return from;
}

void model_check_committed(struct model *m, struct slice run, const struct plog_aborted *aborted, int32_t count)
{
    struct batch_iter it = batch_iter(run);
    struct batch_view view;
    bool is_skipped[MODEL_PRODUCERS] = {false};
    bool *is_used = mem_zalloc((size_t)count + 1, sizeof(bool)); // the list is by marker, a consumer wants it by begin
    while (batch_next(&it, &view)) {
        size_t index = model_find(m, view.header.base_offset);
        int64_t p = view.header.producer_id - m->producers[0].id;
        for (int32_t i = 0; i < count; i++) {
            if (is_used[i] || aborted[i].first_offset > batch_last_offset(&view.header)) continue;
            is_skipped[aborted[i].producer_id - m->producers[0].id] = is_used[i] = true;
        }
        if (!batch_is_transactional(&view.header) || view.header.record_count == 0) continue;
        const struct model_batch *b = &m->batches[index];
        if (b->fate == FATE_MARKER) {
            if (!b->is_commit) is_skipped[p] = false;
            continue;
        }
        model_check(m, b->fate != FATE_OPEN, "batch %" PRId64 " is below the last stable offset, and undecided",
                    view.header.base_offset);
        model_check(m, is_skipped[p] == (b->fate == FATE_ABORTED), "batch %" PRId64 " is %s, and a consumer %s it",
                    view.header.base_offset, b->fate == FATE_ABORTED ? "aborted" : "committed",
                    is_skipped[p] ? "skips" : "takes");
    }
    mem_free(is_used);
}

void model_check_producers_present(struct model *m)
{
    if (m->was_cut) return;
    for (int i = 0; i < MODEL_PRODUCERS; i++) {
        const struct model_producer *p = &m->producers[i];
        if (p->recent_count == 0) continue;
        const struct model_batch *b = &m->batches[p->recent[p->recent_count - 1]];
        model_check(m, b->is_present || b->header.base_offset < m->start_max,
                    "the newest batch %" PRId64 " of producer %" PRId64 " is gone", b->header.base_offset, p->id);
    }
}

// ---- ends and look-ups ----

static int64_t least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

void model_lso(const struct model *m, int64_t hw, int64_t *low, int64_t *high)
{
    int64_t open[MODEL_PRODUCERS];
    for (int i = 0; i < MODEL_PRODUCERS; i++) open[i] = -1;
    *low = *high = hw;
    for (size_t i = 0; i < m->count; i++) {
        const struct model_batch *b = &m->batches[i];
        int64_t p = b->header.producer_id - m->producers[0].id;
        if (b->fate == FATE_PLAIN) continue;
        if (b->fate != FATE_MARKER && open[p] < 0) open[p] = b->header.base_offset;
        if (b->fate != FATE_MARKER || open[p] < 0) continue;
        if (b->header.base_offset >= hw) {
            *low = least(*low, open[p]);
            // A transaction that had ended before the last start is not remembered as waiting for its marker.
            if (b->header.base_offset >= m->boot_end && open[p] >= m->start_max) *high = least(*high, open[p]);
        }
        open[p] = -1;
    }
    for (int i = 0; i < MODEL_PRODUCERS; i++) {
        if (open[i] < 0) continue;
        *low = least(*low, open[i]);
        if (open[i] >= m->start_max) *high = least(*high, open[i]);
    }
    if (*low < m->start) *low = least(m->start, hw);
}

void model_check_time(struct model *m, int64_t target_ms, int64_t limit, int64_t offset, int64_t timestamp,
                      int64_t now_ms)
{
    int64_t newest[MODEL_KEYS];
    bool is_found = offset < 0;
    newest_below(m, m->compact_bound, newest);
    for (size_t i = 0; i < m->count; i++) {
        const struct model_batch *b = &m->batches[i];
        for (int32_t n = 0; n < b->header.record_count; n++) {
            const struct model_record *r = &b->records[n];
            if (r->offset == offset) {
                is_found = true;
                model_check(m, r->timestamp == timestamp && timestamp >= target_ms && offset < limit,
                            "time %" PRId64 ": record %" PRId64 " of time %" PRId64 " was answered with time %" PRId64,
                            target_ms, offset, r->timestamp, timestamp);
            }
            bool is_before = offset < 0 ? r->offset < limit : r->offset < offset;
            if (!is_before || r->timestamp < target_ms || b->fate == FATE_MARKER) continue;
            model_check(m, may_lack(m, b, r, newest, now_ms),
                        "time %" PRId64 ": record %" PRId64 " was passed over, answer %" PRId64, target_ms, r->offset,
                        offset);
        }
    }
    model_check(m, is_found, "time %" PRId64 ": there is no record %" PRId64, target_ms, offset);
}
