// SPDX-License-Identifier: Apache-2.0
// An answer is a list of parts: bytes, or ranges of log files. Bytes of several answers go out in one call. Ranges
// below SENDFILE_MIN are read into memory, since a system call of their own costs more than the copy; larger ones go
// from the page cache to the socket. Pages that are not in memory are read by a task first, so the loop never waits for
// a disk.
#include "broker/conn_send.h"

#include "base/mem.h"
#include "broker/broker_int.h"

enum { SENDFILE_MIN = 64 * 1024, SENDFILE_PIECE = 1024 * 1024, WARM_BUFFER = 256 * 1024, IOV_COUNT = 64 };

struct warm_task {
    struct env_task task;
    struct conn *conn; // NULL once it is gone
    struct file *file;
    int64_t position;
    size_t size;
};

static void warm_run(struct env_task *task, struct fs *fs)
{
    (void)fs;
    struct warm_task *warm = CONTAINER_OF(task, struct warm_task, task);
    uint8_t *scratch = mem_alloc(WARM_BUFFER);
    for (size_t done = 0; done < warm->size;) {
        size_t left = warm->size - done;
        size_t got = 0;
        enum err e = file_pread(warm->file, warm->position + (int64_t)done, scratch,
                                left < WARM_BUFFER ? left : WARM_BUFFER, &got);
        if (e != OK || got == 0) break; // the sender meets the same error and says so
        done += got;
    }
    mem_free(scratch);
}

static void warm_done(struct env *env, struct env_task *task)
{
    (void)env;
    struct warm_task *warm = CONTAINER_OF(task, struct warm_task, task);
    if (warm->conn != NULL) {
        warm->conn->warming = NULL;
        conn_mark_dirty(warm->conn);
    }
    file_unref(warm->file);
    mem_free(warm);
}

static void warm(struct conn *conn, struct file *file, int64_t position, size_t size)
{
    struct warm_task *task = MEM_NEW(struct warm_task);
    *task = (struct warm_task){.task = {.run = warm_run, .done = warm_done},
                               .conn = conn,
                               .file = file_ref(file),
                               .position = position,
                               .size = size};
    conn->warming = task;
    env_task_post(conn->shard->env, &task->task);
}

void conn_send_abandon(struct conn *conn)
{
    if (conn->warming != NULL) conn->warming->conn = NULL;
}

static struct request *head(const struct conn *conn)
{
    struct list *first = list_first(&conn->requests);
    return first == NULL ? NULL : LIST_ITEM(first, struct request, in_conn);
}

static void finish_head(struct conn *conn)
{
    struct request *request = head(conn);
    list_remove(&request->in_conn);
    conn->request_count--;
    conn->part = 0;
    conn->part_sent = 0;
    request_free(request);
}

// Drops answers that are sent (or silent); true if the next one has a part to send.
static bool next_part(struct conn *conn)
{
    for (struct request *request; (request = head(conn)) != NULL && request->answered && !request->disconnect;) {
        if (conn->part < request->out.part_count) return true;
        finish_head(conn);
    }
    return false;
}

// Iovecs for the bytes at the head of the line, up to the first file range or unanswered request.
static int gather(const struct conn *conn, struct iovec iov[IOV_COUNT])
{
    int count = 0;
    int part = conn->part;
    size_t skip = conn->part_sent;
    LIST_EACH (link, &conn->requests) {
        const struct request *request = LIST_ITEM(link, struct request, in_conn);
        if (!request->answered || request->disconnect) return count;
        for (; part < request->out.part_count; part++) {
            const struct wire_part *p = &request->out.parts[part];
            if (p->file != NULL || count == IOV_COUNT) return count;
            iov[count++] =
                (struct iovec){.iov_base = (void *)(uintptr_t)(p->bytes.data + skip), .iov_len = p->bytes.size - skip};
            skip = 0;
        }
        part = 0;
    }
    return count;
}

static void advance(struct conn *conn, size_t sent)
{
    while (sent > 0) {
        bool any = next_part(conn);
        ASSERT(any);
        size_t left = head(conn)->out.parts[conn->part].size - conn->part_sent;
        if (sent < left) {
            conn->part_sent += sent;
            return;
        }
        sent -= left;
        conn->part++;
        conn->part_sent = 0;
    }
}

// A small range becomes bytes. ERR_AGAIN: its pages are being read in.
static enum err load_range(struct conn *conn, struct wire_part *part)
{
    uint8_t *copy = arena_alloc(&head(conn)->arena, part->size);
    size_t got = 0;
    enum err e = file_try_pread(part->file, part->position, copy, part->size, &got);
    if (e == ERR_AGAIN || (e == OK && got < part->size)) {
        warm(conn, part->file, part->position, part->size);
        return ERR_AGAIN;
    }
    if (e != OK) return e;
    part->file = NULL;
    part->bytes = slice_of(copy, part->size);
    return OK;
}

// Are the first and last page of the piece in memory? What is cold in between costs one read, which readahead covers.
static bool is_warm(struct file *file, int64_t position, size_t size)
{
    uint8_t byte;
    size_t got = 0;
    return file_try_pread(file, position, &byte, 1, &got) == OK && got == 1 &&
           file_try_pread(file, position + (int64_t)size - 1, &byte, 1, &got) == OK && got == 1;
}

static enum err send_range(struct conn *conn, const struct wire_part *part)
{
    int64_t position = part->position + (int64_t)conn->part_sent;
    size_t left = part->size - conn->part_sent;
    size_t piece = left < SENDFILE_PIECE ? left : SENDFILE_PIECE;
    if (!is_warm(part->file, position, piece)) {
        warm(conn, part->file, position, piece);
        return ERR_AGAIN;
    }
    size_t sent = 0;
    enum err e = conn_sendfile(conn->io, part->file, position, piece, &sent);
    if (e == OK) advance(conn, sent);
    return e;
}

static enum err send_bytes(struct conn *conn)
{
    struct iovec iov[IOV_COUNT];
    int count = gather(conn, iov);
    size_t sent = 0;
    enum err e = conn_send(conn->io, iov, count, &sent);
    if (e == OK) advance(conn, sent);
    return e;
}

static enum err send_part(struct conn *conn)
{
    struct wire_part *part = &head(conn)->out.parts[conn->part];
    if (part->file == NULL) return send_bytes(conn);
    if (part->size >= SENDFILE_MIN) return send_range(conn, part);
    return load_range(conn, part);
}

enum err conn_send_ready(struct conn *conn)
{
    while (conn->warming == NULL && !conn->wants_write && next_part(conn)) {
        enum err e = send_part(conn);
        if (e == ERR_AGAIN)
            conn->wants_write = conn->warming == NULL;
        else if (e != OK)
            return e;
    }
    struct request *request = head(conn);
    return request != NULL && request->disconnect ? ERR_CORRUPT : OK;
}
