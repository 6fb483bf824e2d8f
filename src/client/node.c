// SPDX-License-Identifier: Apache-2.0
// One broker: its connection, the version talk, requests out and responses in.
#include "client/client_int.h"

#include "base/bytes.h"
#include "proto/api_versions.h"
#include "proto/apis.h"
#include "proto/request_header.h"
#include "proto/response_header.h"

enum {
    SEND_PARTS_MAX = 64,
    READS_PER_TURN = 64,  // then others get their turn; level-triggered, so nothing is lost
    FRAME_STEP = 1 << 20, // memory follows the bytes that came, not the length announced
    FRAME_MAX = 1 << 30,
};

static void on_readable(struct env *env, struct env_conn *conn);
static void on_writable(struct env *env, struct env_conn *conn);
static void on_closed(struct env *env, struct env_conn *conn, enum err why);
static const struct conn_handler handler = {on_readable, on_writable, on_closed};

static void on_timer(struct env *env, struct env_timer *timer);
static void connect_now(struct client_node *node);

struct client_node *node_new(struct client *client, int32_t id, struct slice host, int port)
{
    struct client_node *node = MEM_NEW(struct client_node);
    node->client = client;
    node->id = id;
    node->port = port;
    node->host = mem_alloc(host.size + 1);
    memcpy(node->host, host.data, host.size);
    node->host[host.size] = '\0';
    node->is_listed = true;
    node->timer.fire = on_timer;
    node->versions_max = API_VERSIONS_REQUEST_VERSION_MAX;
    list_init(&node->queued);
    list_init(&node->waiting);
    return node;
}

void node_free(struct client_node *node)
{
    ASSERT(list_is_empty(&node->queued) && list_is_empty(&node->waiting));
    env_timer_cancel(node->client->env, &node->timer);
    if (node->conn != NULL) conn_close(node->conn);
    client_call_deinit(&node->versions_call);
    text_deinit(&node->frame);
    mem_free(node->host);
    mem_free(node);
}

void node_move(struct client_node *node, struct slice host, int port)
{
    if (slice_eq_str(host, node->host) && port == node->port) return;
    mem_free(node->host);
    node->host = mem_alloc(host.size + 1);
    memcpy(node->host, host.data, host.size);
    node->host[host.size] = '\0';
    node->port = port;
    node->failures = 0;
    if (node->state != NODE_IDLE) node_drop(node, ERR_NETWORK_EXCEPTION);
}

// ---- the connection's life -------------------------------------------------------------------------------------

static void set_timer_ms(struct client_node *node, int64_t after_ms)
{
    env_timer_after_ms(node->client->env, &node->timer, after_ms);
}

static void connect_now(struct client_node *node)
{
    ASSERT(node->conn == NULL);
    node->state = NODE_CONNECTING;
    node->length_got = 0;
    node->frame_size = 0;
    text_clear(&node->frame);
    set_timer_ms(node, node->client->config.connect_timeout_ms);
    node->conn = env_connect(node->client->env, node->host, node->port, &handler, node);
    conn_want(node->conn, CONN_WRITE);
}

static void log_failure(struct client_node *node, enum node_state was)
{
    const struct client_config *config = &node->client->config;
    const char *name = config->log_name == NULL ? "" : config->log_name;
    const char *blank = *name == '\0' ? "" : " ";
    const char *component = "org.apache.kafka.clients.NetworkClient";
    bool is_numeric = strspn(node->host, "0123456789.:") == strlen(node->host);
    const char *shown = is_numeric ? "" : node->host;
    const char *address = is_numeric ? node->host : strcmp(node->host, "localhost") == 0 ? "127.0.0.1" : node->host;
    if (was == NODE_CONNECTING) {
        log_warn(config->log, component,
                 "%s%sConnection to node %d (%s/%s:%d) could not be established. Node may not be available.", name,
                 blank, node->id, shown, address, node->port);
    }
    if (config->names_bootstrap && node->id < 0) {
        log_warn(config->log, component, "%s%sBootstrap broker %s:%d (id: %d rack: null isFenced: false) disconnected",
                 name, blank, node->host, node->port, node->id);
    }
}

// Ends the connection; its calls go where call_lost sends them.
void node_drop(struct client_node *node, enum err why)
{
    struct client *client = node->client;
    enum node_state was = node->state;
    if (node->conn != NULL) conn_close(node->conn);
    node->conn = NULL;
    env_timer_cancel(client->env, &node->timer);
    struct list lost;
    list_init(&lost);
    list_append_all(&lost, &node->waiting);
    list_append_all(&lost, &node->queued);
    node->in_flight = 0;
    node->state = NODE_IDLE;
    if (!client->is_freeing) {
        if (was == NODE_CONNECTING || was == NODE_VERSIONS)
            node->failures++;
        else
            node->failures = 1;
        node->state = NODE_BACKOFF;
        set_timer_ms(node, backoff_ms(client, client->config.reconnect_backoff_ms,
                                      client->config.reconnect_backoff_max_ms, node->failures));
    }
    struct list *link;
    while ((link = list_pop_front(&lost)) != NULL) {
        struct client_call *call = LIST_ITEM(link, struct client_call, link);
        if (call == &node->versions_call) continue;
        call_lost(client, call, why);
    }
}

static void on_timer(struct env *env, struct env_timer *timer)
{
    (void)env;
    struct client_node *node = CONTAINER_OF(timer, struct client_node, timer);
    switch (node->state) {
    case NODE_IDLE: return;
    case NODE_BACKOFF:
        node->state = NODE_IDLE;
        if (!list_is_empty(&node->queued)) connect_now(node);
        return;
    case NODE_CONNECTING:
    case NODE_VERSIONS:
        log_failure(node, node->state);
        node_drop(node, ERR_NETWORK_EXCEPTION);
        return;
    case NODE_READY: // no answer to the oldest call within the request timeout
        if (list_is_empty(&node->waiting)) return;
        node_drop(node, ERR_NETWORK_EXCEPTION);
        return;
    }
}

static void on_closed(struct env *env, struct env_conn *conn, enum err why)
{
    (void)env;
    (void)why;
    struct client_node *node = conn->owner;
    log_failure(node, node->state);
    node_drop(node, ERR_NETWORK_EXCEPTION);
}

// ---- requests out ----------------------------------------------------------------------------------------------

// A call's highest common version, -1 when there is none.
static int choose_version(const struct client_node *node, const struct client_call *call, const struct wire_api *api)
{
    struct api_range range = node->apis[call->api_key];
    int low = wire_version_min(api->request), high = wire_version_max(api->request);
    if (api->latest_unstable) high--;
    if (call->version_max > 0 && call->version_max < high) high = call->version_max;
    if (call->version_min > low) low = call->version_min;
    if (range.max < high) high = range.max;
    if (range.min > low) low = range.min;
    return low > high ? -1 : high;
}

MUST_CHECK static enum err encode(struct client_node *node, struct client_call *call, int version)
{
    const struct wire_api *api = wire_api_find(call->api_key);
    arena_reset(&call->arena);
    wire_out_init(&call->out, &call->arena);
    uint8_t *length = wire_out_reserve(&call->out, 4);
    struct request_header header = request_header_init();
    header.request_api_key = call->api_key;
    header.request_api_version = (int16_t)version;
    header.correlation_id = node->next_correlation;
    header.client_id = slice_str(node->client->client_id);
    enum err e = wire_encode(&request_header_message, wire_request_header_version(api, version), &header, &call->out);
    if (e != OK) return e;
    e = wire_encode(api->request, version, call->request, &call->out);
    if (e != OK) return e;
    if (call->out.size - 4 > INT32_MAX) return ERR_MESSAGE_TOO_LARGE;
    store_u32(length, (uint32_t)(call->out.size - 4));
    call->version = version;
    call->correlation_id = node->next_correlation++;
    call->out_part = 0;
    call->out_done = 0;
    return OK;
}

// The first queued call that is not encoded yet gets its bytes; one that cannot be said ends here.
static bool prepare(struct client_node *node, struct client_call *call)
{
    if (call->is_encoded) return true;
    const struct wire_api *api = wire_api_find(call->api_key);
    int version = -1;
    if (api != NULL && api->request != NULL) {
        version = call == &node->versions_call ? node->versions_max : choose_version(node, call, api);
    }
    enum err e = version < 0 ? ERR_UNSUPPORTED_VERSION : encode(node, call, version);
    if (e == OK) {
        call->is_encoded = true;
        return true;
    }
    list_remove(&call->link);
    node->in_flight--;
    call->answered_by = node->id;
    call_finish(node->client, call, e);
    return false;
}

static int gather(struct client_node *node, struct iovec *iov, size_t *total)
{
    int count = 0;
    *total = 0;
    LIST_EACH (link, &node->queued) {
        struct client_call *call = LIST_ITEM(link, struct client_call, link);
        if (node->state != NODE_READY && call != &node->versions_call) continue;
        if (!prepare(node, call)) continue;
        for (int32_t p = call->out_part; p < call->out.part_count && count < SEND_PARTS_MAX; p++) {
            size_t skip = p == call->out_part ? call->out_done : 0;
            const struct slice *bytes = &call->out.parts[p].bytes;
            iov[count++] =
                (struct iovec){.iov_base = (void *)(uintptr_t)(bytes->data + skip), .iov_len = bytes->size - skip};
            *total += bytes->size - skip;
        }
        if (count == SEND_PARTS_MAX) break;
    }
    return count;
}

static void call_sent(struct client_node *node, struct client_call *call)
{
    struct client *client = node->client;
    list_remove(&call->link);
    call->sent_ns = env_now_ns(client->env);
    call->was_sent = true;
    call->answered_by = node->id;
    if (call->no_response) {
        node->in_flight--;
        call_finish(client, call, OK);
        return;
    }
    if (list_is_empty(&node->waiting) && node->state == NODE_READY) {
        set_timer_ms(node, client->config.request_timeout_ms);
    }
    list_push_back(&node->waiting, &call->link);
}

// `sent` bytes of the queue's front have left.
static void advance(struct client_node *node, size_t sent)
{
    while (sent > 0) {
        struct client_call *call = NULL;
        LIST_EACH (link, &node->queued) {
            call = LIST_ITEM(link, struct client_call, link);
            if (node->state == NODE_READY || call == &node->versions_call) break;
        }
        ASSERT(call != NULL);
        while (call->out_part < call->out.part_count) {
            size_t left = call->out.parts[call->out_part].bytes.size - call->out_done;
            size_t step = left < sent ? left : sent;
            call->out_done += step;
            sent -= step;
            if (step < left) break;
            call->out_part++;
            call->out_done = 0;
        }
        if (call->out_part < call->out.part_count) return;
        call_sent(node, call);
    }
}

void node_flush(struct client_node *node)
{
    if (node->state != NODE_READY && node->state != NODE_VERSIONS) return;
    for (;;) {
        struct iovec iov[SEND_PARTS_MAX];
        size_t total;
        int count = gather(node, iov, &total);
        if (count == 0) break;
        size_t sent = 0;
        enum err e = conn_send(node->conn, iov, count, &sent);
        if (e == ERR_AGAIN) {
            conn_want(node->conn, CONN_READ | CONN_WRITE);
            return;
        }
        if (e != OK) {
            node_drop(node, ERR_NETWORK_EXCEPTION);
            return;
        }
        advance(node, sent);
    }
    conn_want(node->conn, CONN_READ);
}

void node_submit(struct client_node *node, struct client_call *call)
{
    call->node = node;
    call->is_encoded = false;
    list_push_back(&node->queued, &call->link);
    node->in_flight++;
    if (node->state == NODE_IDLE) connect_now(node);
}

// ---- the version talk ------------------------------------------------------------------------------------------

static const struct api_versions_request versions_request = {
    .client_software_name = {.data = (const uint8_t *)"odradek", .size = 7},
    .client_software_version = {.data = (const uint8_t *)"0.1", .size = 3},
};

static void versions_done(struct client *client, struct client_call *call)
{
    (void)client;
    (void)call;
}

static void ask_versions(struct client_node *node)
{
    struct client_call *call = &node->versions_call;
    node->state = NODE_VERSIONS;
    call->api_key = API_API_VERSIONS;
    call->node_id = node->id;
    call->request = &versions_request;
    call->done = versions_done;
    call->client = node->client;
    call->node = node;
    call->sent_ns = 0;
    call->is_encoded = false;
    list_push_front(&node->queued, &call->link);
    node->in_flight++;
    node_flush(node);
}

// False: the answer is unusable.
static bool take_versions(struct client_node *node, const struct api_versions_response *answer)
{
    for (int i = 0; i < CLIENT_APIS_MAX; i++) node->apis[i] = (struct api_range){.min = 0, .max = -1};
    for (int32_t i = 0; i < answer->api_keys.count; i++) {
        const struct api_versions_response_api_version *api = &answer->api_keys.items[i];
        if (api->api_key < 0 || api->api_key >= CLIENT_APIS_MAX) continue;
        node->apis[api->api_key] = (struct api_range){.min = api->min_version, .max = api->max_version};
    }
    if (answer->error_code == ERR_UNSUPPORTED_VERSION) {
        struct api_range own = node->apis[API_API_VERSIONS];
        int lower = own.max >= 0 && own.max < node->versions_max ? own.max : 0;
        if (node->versions_max == 0) return false;
        node->versions_max = lower;
        ask_versions(node);
        return true;
    }
    if (answer->error_code != OK) return false;
    node->state = NODE_READY;
    node->failures = 0;
    if (list_is_empty(&node->waiting)) env_timer_cancel(node->client->env, &node->timer);
    node_flush(node);
    return true;
}

// ---- responses in ----------------------------------------------------------------------------------------------

MUST_CHECK static enum err decode(struct client_call *call, const struct wire_api *api, int version, void **out)
{
    struct slice frame = text_slice(&call->frame);
    struct response_header header;
    size_t consumed;
    enum err e = wire_decode(&response_header_message, wire_response_header_version(api, version), frame, &call->arena,
                             &header, &consumed);
    if (e != OK) return e;
    if (header.correlation_id != call->correlation_id) return ERR_CORRUPT;
    struct slice body = slice_of(frame.data + consumed, frame.size - consumed);
    void *response = arena_zalloc(&call->arena, 1, wire_struct_size(api->response));
    // The peer is one we chose; a whole fetch of small partitions is still far below this.
    e = wire_decode_bounded(api->response, version, body, (size_t)1 << 28, &call->arena, response, NULL);
    if (e == OK) *out = response;
    return e;
}

// A whole frame is in node->frame. False: the connection is gone.
static bool take_frame(struct client_node *node)
{
    struct client *client = node->client;
    struct list *link = list_first(&node->waiting);
    if (link == NULL) {
        node_drop(node, ERR_NETWORK_EXCEPTION);
        return false;
    }
    struct client_call *call = LIST_ITEM(link, struct client_call, link);
    struct text spare = call->frame;
    call->frame = node->frame;
    node->frame = spare;
    text_clear(&node->frame);
    node->length_got = 0;
    node->frame_size = 0;
    const struct wire_api *api = wire_api_find(call->api_key);
    int version = call->version;
    if (call == &node->versions_call && call->frame.size >= 6 &&
        load_i16(call->frame.data + 4) == ERR_UNSUPPORTED_VERSION) {
        version = 0; // KIP-511: refused with the oldest form
    }
    void *response = NULL;
    enum err e = decode(call, api, version, &response);
    if (call == &node->versions_call) {
        list_remove(link);
        node->in_flight--;
        if (e != OK || !take_versions(node, response)) node_drop(node, ERR_NETWORK_EXCEPTION);
        return node->conn != NULL;
    }
    if (e != OK) { // answers can no longer be told apart
        list_remove(link);
        node->in_flight--;
        call_finish(client, call, ERR_CORRUPT);
        node_drop(node, ERR_NETWORK_EXCEPTION);
        return false;
    }
    list_remove(link);
    node->in_flight--;
    call->response = response;
    call_finish(client, call, OK);
    struct list *oldest = list_first(&node->waiting);
    if (oldest == NULL) {
        env_timer_cancel(client->env, &node->timer);
    } else {
        int64_t sent_ns = LIST_ITEM(oldest, struct client_call, link)->sent_ns;
        env_timer_set_ns(client->env, &node->timer, sent_ns + (int64_t)client->config.request_timeout_ms * 1000000);
    }
    return true;
}

// False: nothing more to read now.
static bool read_some(struct client_node *node)
{
    size_t got = 0;
    if (node->length_got < sizeof(node->length)) {
        enum err e =
            conn_recv(node->conn, node->length + node->length_got, sizeof(node->length) - node->length_got, &got);
        if (e == ERR_AGAIN) return false;
        if (e != OK) {
            log_failure(node, node->state);
            node_drop(node, ERR_NETWORK_EXCEPTION);
            return false;
        }
        node->length_got += got;
        if (node->length_got < sizeof(node->length)) return true;
        node->frame_size = load_u32(node->length);
        if (node->frame_size < 4 || node->frame_size > FRAME_MAX) {
            node_drop(node, ERR_NETWORK_EXCEPTION);
            return false;
        }
    }
    size_t left = node->frame_size - node->frame.size;
    size_t step = left < FRAME_STEP ? left : FRAME_STEP;
    enum err e = conn_recv(node->conn, text_reserve(&node->frame, step), step, &got);
    if (e == ERR_AGAIN) return false;
    if (e != OK) {
        node_drop(node, ERR_NETWORK_EXCEPTION);
        return false;
    }
    text_grew(&node->frame, got);
    return node->frame.size < node->frame_size || take_frame(node);
}

static void on_readable(struct env *env, struct env_conn *conn)
{
    (void)env;
    struct client_node *node = conn->owner;
    for (int i = 0; i < READS_PER_TURN; i++) {
        if (!read_some(node)) return;
    }
}

static void on_writable(struct env *env, struct env_conn *conn)
{
    (void)env;
    struct client_node *node = conn->owner;
    if (node->state == NODE_CONNECTING)
        ask_versions(node);
    else
        node_flush(node);
}
