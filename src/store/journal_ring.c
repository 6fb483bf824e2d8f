// SPDX-License-Identifier: Apache-2.0
// The ring file, odradek-journal/<shard>.ring. All integers big-endian.
//
//   0      header block A      the one with the larger sequence counts; a new header goes into the other one, and only
//   4096   header block B      after the former is synced, so a power cut leaves at least one whole
//   8192   data, `size` bytes; position p (it only grows) is at 8192 + p % size
//
// Header, 48 bytes, zeros behind:
//    0 u64 magic "ODRJRNL1"   8 u32 CRC-32C of bytes 12..47   12 u32 zero
//   16 u64 generation         changes whenever the ring starts over: older entries count no more
//   24 u64 sequence           of the header
//   32 i64 size               of the data
//   40 i64 tail               position of the first entry that counts
//
// Entry, at a multiple of 8, never across the end of the data:
//    0 u32 magic "OJE1"       4 u32 CRC-32C of all behind it, padding left out
//    8 u64 generation        16 i64 position: its own, so what an earlier lap left here is never taken for an entry
//   24 u32 size of the batches
//   28 u16 length of the topic's name     30 u8 kind     31 u8 zero
//   32 16 bytes topic id     48 i32 partition            52 i32 leader epoch of the first batch, -1 = none
//   56 i64 offset            APPEND: end of the log before it. TRUNCATE: what is at or above is void, -1 = everything.
//                            LOG_START: the new start
//   64 i64 end offset        APPEND: behind the last record
//   72 i64 segment           APPEND: base offset of the segment that holds it
//   80 topic's name, then the batches as they are in the segment; zeros up to a multiple of 8
// A WRAP entry, or fewer than 80 bytes left, says that the next entry is at the start of the data.
//
// The entries from the tail on count up to the first one that is not whole: it and all behind it were not synced.
#include "base/bytes.h"
#include "base/crc32c.h"
#include "store/journal.h"

#define HEADER_MAGIC UINT64_C(0x4f44524a524e4c31)
#define ENTRY_MAGIC UINT32_C(0x4f4a4531)

enum { WINDOW_BYTES = 256 * 1024 };

void ring_header_format(const struct ring_header *header, uint8_t out[RING_HEADER_SIZE])
{
    memset(out, 0, RING_HEADER_SIZE);
    store_u64(out, HEADER_MAGIC);
    store_u64(out + 16, header->generation);
    store_u64(out + 24, header->sequence);
    store_i64(out + 32, header->size);
    store_i64(out + 40, header->tail);
    store_u32(out + 8, crc32c(0, slice_of(out + 12, RING_HEADER_SIZE - 12)));
}

static bool header_parse(const uint8_t *at, struct ring_header *out)
{
    if (load_u64(at) != HEADER_MAGIC) return false;
    if (load_u32(at + 8) != crc32c(0, slice_of(at + 12, RING_HEADER_SIZE - 12))) return false;
    *out = (struct ring_header){.generation = load_u64(at + 16),
                                .sequence = load_u64(at + 24),
                                .size = load_i64(at + 32),
                                .tail = load_i64(at + 40)};
    return out->size >= RING_BLOCK_SIZE && out->size <= INT64_MAX / 4 && out->size % RING_BLOCK_SIZE == 0 &&
           out->tail >= 0 && out->tail <= INT64_MAX / 4 && out->tail % ENTRY_ALIGN == 0;
}

enum err ring_header_read(struct file *file, struct ring_header *out)
{
    uint8_t bytes[RING_HEADER_SIZE];
    bool has_one = false;
    for (uint64_t i = 0; i < 2; i++) {
        struct ring_header header;
        enum err e = file_read_all(file, true, ring_header_at(i), bytes, sizeof(bytes));
        if (e == ERR_TRUNCATED) break;
        if (e != OK) return e;
        if (!header_parse(bytes, &header) || (has_one && header.sequence < out->sequence)) continue;
        *out = header;
        has_one = true;
    }
    return has_one ? OK : ERR_CORRUPT;
}

void ring_entry_format(const struct ring_entry *entry, const struct iovec *parts, int part_count, uint8_t *out)
{
    store_u32(out, ENTRY_MAGIC);
    store_u64(out + 8, entry->generation);
    store_i64(out + 16, entry->position);
    store_u32(out + 24, entry->size);
    store_u16(out + 28, (uint16_t)entry->topic.size);
    out[30] = (uint8_t)entry->kind;
    out[31] = 0;
    memcpy(out + 32, entry->topic_id.bytes, sizeof(entry->topic_id.bytes));
    store_i32(out + 48, entry->partition);
    store_i32(out + 52, entry->leader_epoch);
    store_i64(out + 56, entry->offset);
    store_i64(out + 64, entry->end_offset);
    store_i64(out + 72, entry->segment_base);
    if (entry->topic.size > 0) memcpy(out + ENTRY_HEAD_SIZE, entry->topic.data, entry->topic.size);
    uint32_t crc = crc32c(0, slice_of(out + 8, ENTRY_HEAD_SIZE - 8 + entry->topic.size));
    for (int i = 0; i < part_count; i++) crc = crc32c(crc, slice_of(parts[i].iov_base, parts[i].iov_len));
    store_u32(out + 4, crc);
}

int64_t ring_batches_at(const struct ring_header *header, int64_t position, size_t topic_size)
{
    return RING_DATA_AT + position % header->size + ENTRY_HEAD_SIZE + (int64_t)topic_size;
}

// ---- reading ----

enum err ring_walk_init(struct ring_walk *walk, struct file *file)
{
    struct file_stat stat;
    *walk = (struct ring_walk){.file = file, .window_at = -1};
    enum err e = ring_header_read(file, &walk->header);
    if (e == OK) e = file_stat(file, &stat);
    // The file had its size before it was given a header.
    if (e == OK && stat.size_bytes < RING_DATA_AT + walk->header.size) e = ERR_CORRUPT;
    if (e != OK) return e;
    walk->position = walk->header.tail;
    walk->window = mem_alloc(WINDOW_BYTES);
    return OK;
}

void ring_walk_deinit(struct ring_walk *walk)
{
    mem_free(walk->window);
    walk->window = NULL;
}

// Up to WINDOW_BYTES at `at`, NULL with walk->err set.
static const uint8_t *look(struct ring_walk *walk, int64_t at, size_t size)
{
    ASSERT(size <= WINDOW_BYTES);
    if (walk->window_at >= 0 && at >= walk->window_at &&
        at + (int64_t)size <= walk->window_at + (int64_t)walk->window_size)
        return walk->window + (at - walk->window_at);
    size_t got = 0;
    walk->err = file_pread(walk->file, at, walk->window, WINDOW_BYTES, &got);
    walk->window_at = walk->err == OK ? at : -1;
    walk->window_size = got;
    if (walk->err == OK && got < size) walk->err = ERR_IO; // it was measured
    return walk->err == OK ? walk->window : NULL;
}

static bool is_whole(struct ring_walk *walk, int64_t at, size_t topic_size, uint32_t size, uint32_t expected)
{
    int64_t from = at + 8;
    int64_t end = at + ENTRY_HEAD_SIZE + (int64_t)topic_size + size;
    uint32_t crc = 0;
    while (from < end) {
        size_t part = end - from < WINDOW_BYTES / 2 ? (size_t)(end - from) : WINDOW_BYTES / 2;
        const uint8_t *bytes = look(walk, from, part);
        if (bytes == NULL) return false;
        crc = crc32c(crc, slice_of(bytes, part));
        from += (int64_t)part;
    }
    return crc == expected;
}

static bool read_entry(struct ring_walk *walk, struct ring_entry *out)
{
    const struct ring_header *h = &walk->header;
    int64_t place = walk->position % h->size;
    int64_t at = RING_DATA_AT + place;
    const uint8_t *head = look(walk, at, ENTRY_HEAD_SIZE);
    if (head == NULL || load_u32(head) != ENTRY_MAGIC) return false;
    uint32_t crc = load_u32(head + 4);
    size_t topic_size = load_u16(head + 28);
    *out = (struct ring_entry){
        .generation = load_u64(head + 8),
        .position = load_i64(head + 16),
        .size = load_u32(head + 24),
        .kind = (enum journal_kind)head[30],
        .partition = load_i32(head + 48),
        .leader_epoch = load_i32(head + 52),
        .offset = load_i64(head + 56),
        .end_offset = load_i64(head + 64),
        .segment_base = load_i64(head + 72),
    };
    memcpy(out->topic_id.bytes, head + 32, sizeof(out->topic_id.bytes));
    if (out->generation != h->generation || out->position != walk->position) return false;
    int64_t space = ring_entry_space(topic_size, out->size);
    if (topic_size > TOPIC_MAX || space > h->size - place || walk->position + space - h->tail > h->size) return false;
    if (out->kind < JOURNAL_WRAP || out->kind >= JOURNAL_KINDS) return false;
    if (!is_whole(walk, at, topic_size, out->size, crc)) return false;
    const uint8_t *name = look(walk, at + ENTRY_HEAD_SIZE, topic_size);
    if (name == NULL) return false;
    out->topic = slice_of(name, topic_size);
    walk->position += space;
    return true;
}

bool ring_walk_next(struct ring_walk *walk, struct ring_entry *out)
{
    const struct ring_header *h = &walk->header;
    for (;;) {
        int64_t left = h->size - walk->position % h->size;
        if (left >= ENTRY_HEAD_SIZE) {
            if (!read_entry(walk, out)) return false;
            if (out->kind != JOURNAL_WRAP) return true;
            left = h->size - out->position % h->size;
            walk->position = out->position;
        }
        walk->position += left;
        if (walk->position - h->tail >= h->size) return false;
    }
}
