// SPDX-License-Identifier: Apache-2.0
// Records out of fetched bytes: batches below the position and behind the end of whole batches are passed over,
// control batches never seen, and with read_committed the batches of aborted transactions skipped (KIP-98: an aborted
// transaction's producer is skipped from its first offset to its ABORT marker).
#include "client/consumer_int.h"

#include "record/control.h"

#include <stdlib.h>

enum { BODY_BYTES_MAX = 1 << 30 };

static int by_first_offset(const void *a, const void *b)
{
    const struct fetch_response_aborted_transaction *x = a, *y = b;
    return (x->first_offset > y->first_offset) - (x->first_offset < y->first_offset);
}

struct chunk *chunk_new(struct consumer *consumer, struct question *question, struct consumer_partition *partition,
                        const struct fetch_response_partition_data *data)
{
    (void)consumer;
    struct batch_iter it = batch_iter(data->records.bytes);
    struct batch_view view;
    int64_t next_offset = -1;
    while (batch_next(&it, &view)) next_offset = batch_last_offset(&view.header) + 1;
    if (next_offset < 0 && it.err == ERR_TRUNCATED) return NULL;
    struct chunk *chunk = MEM_NEW(struct chunk);
    chunk->question = question;
    chunk->partition = partition;
    chunk->data = data;
    chunk->next_offset = next_offset < partition->fetch_offset ? partition->fetch_offset : next_offset;
    if (data->aborted_transactions.count > 1) {
        qsort(data->aborted_transactions.items, (size_t)data->aborted_transactions.count,
              sizeof(data->aborted_transactions.items[0]), by_first_offset);
    }
    question->refs++;
    return chunk;
}

void chunk_free(struct consumer *consumer, struct chunk *chunk)
{
    list_remove(&chunk->link);
    if (!chunk->is_started) chunk->partition->unread--;
    consumer->unread_bytes -= (int64_t)chunk->data->records.bytes.size;
    answer_unref(chunk->question);
    mem_free(chunk);
    consumer_wake_after(consumer, 0);
}

void reading_stop(struct consumer *consumer)
{
    struct reading *reading = &consumer->reading;
    struct chunk *chunk = reading->chunk;
    reading->chunk = NULL;
    reading->in_batch = false;
    reading->aborted_count = 0;
    chunk_free(consumer, chunk);
}

void reading_deinit(struct reading *reading)
{
    mem_free(reading->chunk);
    text_deinit(&reading->scratch);
    mem_free(reading->aborted);
}

// ---- aborted transactions --------------------------------------------------------------------------------------

static int32_t find_aborted(const struct reading *reading, int64_t producer_id)
{
    for (int32_t i = 0; i < reading->aborted_count; i++) {
        if (reading->aborted[i] == producer_id) return i;
    }
    return -1;
}

static void enter_aborted(struct reading *reading, int64_t last_offset)
{
    struct chunk *chunk = reading->chunk;
    while (chunk->aborted_next < chunk->data->aborted_transactions.count) {
        const struct fetch_response_aborted_transaction *next =
            &chunk->data->aborted_transactions.items[chunk->aborted_next];
        if (next->first_offset > last_offset) return;
        chunk->aborted_next++;
        if (find_aborted(reading, next->producer_id) >= 0) continue;
        if (reading->aborted_count == reading->aborted_capacity) {
            reading->aborted_capacity = reading->aborted_capacity == 0 ? 8 : reading->aborted_capacity * 2;
            reading->aborted = mem_realloc(reading->aborted, (size_t)reading->aborted_capacity * sizeof(int64_t));
        }
        reading->aborted[reading->aborted_count++] = next->producer_id;
    }
}

static bool is_abort_marker(const struct batch_view *batch)
{
    struct text none = {0};
    struct slice body;
    struct record record;
    enum control_type type;
    bool aborts = false;
    if (batch_body(batch, BODY_BYTES_MAX, &none, &body) == OK) {
        struct record_iter records = record_iter(&batch->header, body);
        aborts = record_next(&records, &record) && control_key_decode(record.key, &type) == OK && type == CONTROL_ABORT;
    }
    text_deinit(&none);
    return aborts;
}

static bool is_skipped(struct consumer *consumer, const struct batch_view *batch)
{
    struct reading *reading = &consumer->reading;
    const struct batch_header *header = &batch->header;
    if (consumer->config.read_committed && batch_has_producer(header)) {
        enter_aborted(reading, batch_last_offset(header));
        int32_t at = find_aborted(reading, header->producer_id);
        if (at >= 0 && batch_is_control(header) && is_abort_marker(batch)) {
            reading->aborted[at] = reading->aborted[--reading->aborted_count];
        } else if (at >= 0 && batch_is_transactional(header)) {
            return true;
        }
    }
    return batch_is_control(header);
}

// ---- records ---------------------------------------------------------------------------------------------------

// Enters the next batch worth reading. False: the chunk is used up, or broken (then the partition has failed).
static bool next_batch(struct consumer *consumer)
{
    struct reading *reading = &consumer->reading;
    struct consumer_partition *partition = reading->chunk->partition;
    while (batch_next(&reading->batches, &reading->batch)) {
        const struct batch_view *batch = &reading->batch;
        if (batch_last_offset(&batch->header) < partition->position) continue;
        if (consumer->config.check_crcs && !batch_crc_is_valid(batch->bytes)) {
            consumer_fail(consumer, partition, ERR_CORRUPT_MESSAGE);
            return false;
        }
        if (is_skipped(consumer, batch)) {
            partition->position = batch_last_offset(&batch->header) + 1;
            continue;
        }
        struct slice body;
        if (batch->header.magic < 2 || batch_body(batch, BODY_BYTES_MAX, &reading->scratch, &body) != OK) {
            consumer_fail(consumer, partition, ERR_CORRUPT_MESSAGE);
            return false;
        }
        reading->records = record_iter(&batch->header, body);
        reading->in_batch = true;
        return true;
    }
    if (reading->batches.err == ERR_CORRUPT) consumer_fail(consumer, partition, ERR_CORRUPT_MESSAGE);
    return false;
}

static bool start_chunk(struct consumer *consumer)
{
    struct list *link = list_pop_front(&consumer->chunks);
    if (link == NULL) return false;
    struct chunk *chunk = LIST_ITEM(link, struct chunk, link);
    chunk->is_started = true;
    chunk->partition->unread--; // the next piece may be fetched while this one is read
    consumer_wake_after(consumer, 0);
    consumer->reading.chunk = chunk;
    consumer->reading.batches = batch_iter(chunk->data->records.bytes);
    consumer->reading.in_batch = false;
    consumer->reading.aborted_count = 0;
    return true;
}

bool consumer_next(struct consumer *consumer, struct consumer_record *out)
{
    struct reading *reading = &consumer->reading;
    for (;;) {
        if (reading->chunk == NULL && !start_chunk(consumer)) return false;
        struct consumer_partition *partition = reading->chunk->partition;
        if (!reading->in_batch && !next_batch(consumer)) {
            if (!partition->is_failed && partition->position < reading->chunk->next_offset) {
                partition->position = reading->chunk->next_offset;
            }
            reading_stop(consumer);
            continue;
        }
        struct record record;
        if (!record_next(&reading->records, &record)) {
            reading->in_batch = false;
            if (reading->records.err != OK) {
                consumer_fail(consumer, partition, ERR_CORRUPT_MESSAGE);
                reading_stop(consumer);
            } else if (partition->position <= batch_last_offset(&reading->batch.header)) {
                partition->position = batch_last_offset(&reading->batch.header) + 1;
            }
            continue;
        }
        if (record.offset < partition->position) continue;
        partition->position = record.offset + 1;
        partition->position_epoch = reading->batch.header.partition_leader_epoch;
        *out = (struct consumer_record){
            .topic = partition->topic,
            .partition = partition->index,
            .leader_epoch = reading->batch.header.partition_leader_epoch,
            .timestamp_type =
                batch_is_log_append_time(&reading->batch.header) ? TIMESTAMP_LOG_APPEND_TIME : TIMESTAMP_CREATE_TIME,
            .has_timestamp_type = true,
            .record = record,
        };
        return true;
    }
}
