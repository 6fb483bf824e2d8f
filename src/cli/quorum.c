// SPDX-License-Identifier: Apache-2.0
// kafka-metadata-quorum.sh (kafka-cli 15): who the controllers are and how far each has come; adding and removing one.
#include "cli/argparse.h"
#include "cli/quorum_help.h"
#include "proto/add_raft_voter.h"
#include "proto/apis.h"
#include "proto/describe_cluster.h"
#include "proto/describe_quorum.h"
#include "proto/remove_raft_voter.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>

enum { QUORUM_COLUMNS = 7, UUID_INPUT_MAX = 24 };

static const char execution_exception[] = "java.util.concurrent.ExecutionException";

enum { MAIN_SERVER, MAIN_CONTROLLER, MAIN_CONFIG, MAIN_OPTIONS };
static const struct argparse_option main_options[MAIN_OPTIONS] = {
    [MAIN_SERVER] = {"bootstrap-server", 0, ARGPARSE_TEXT, true, 1},
    [MAIN_CONTROLLER] = {"bootstrap-controller", 0, ARGPARSE_TEXT, true, 1},
    [MAIN_CONFIG] = {"command-config", 0, ARGPARSE_TEXT, false, 0},
};

enum { DESCRIBE_STATUS, DESCRIBE_REPLICATION, DESCRIBE_HUMAN, DESCRIBE_OPTIONS };
static const struct argparse_option describe_options[DESCRIBE_OPTIONS] = {
    [DESCRIBE_STATUS] = {"status", 0, ARGPARSE_FLAG, false, 0},
    [DESCRIBE_REPLICATION] = {"replication", 0, ARGPARSE_FLAG, false, 0},
    [DESCRIBE_HUMAN] = {"human-readable", 0, ARGPARSE_FLAG, false, 0},
};

static const struct argparse_option add_options[] = {{"dry-run", 0, ARGPARSE_FLAG, false, 0}};

enum { REMOVE_ID, REMOVE_DIRECTORY, REMOVE_DRY_RUN, REMOVE_OPTIONS };
static const struct argparse_option remove_options[REMOVE_OPTIONS] = {
    [REMOVE_ID] = {"controller-id", 'i', ARGPARSE_INTEGER, true, 0},
    [REMOVE_DIRECTORY] = {"controller-directory-id", 'd', ARGPARSE_TEXT, true, 0},
    [REMOVE_DRY_RUN] = {"dry-run", 0, ARGPARSE_FLAG, false, 0},
};

struct quorum_run {
    struct cli *cli;
    const struct argparse *args; // of the command
    const char *config_path;
    struct props props;
    bool asks_controller;
    struct client *client;
    struct cli_thrown thrown;
};

static bool terse(struct quorum_run *run, const char *text)
{
    cli_err(run->cli, "%s\n", text);
    return false;
}

// An exception's message and trace. False.
static bool traced(struct quorum_run *run, struct cli_error error, bool from_future)
{
    run->thrown = cli_thrown(error);
    if (from_future) cli_wrap(&run->thrown, execution_exception, NULL);
    (void)cli_trace_thrown(run->cli, &run->thrown);
    return false;
}

// ---- describe --------------------------------------------------------------------------------------------------

// The one partition of the answer. NULL: told why not.
static const struct describe_quorum_response_partition_data *describe_quorum(struct quorum_run *run,
                                                                             struct client_call *call)
{
    struct describe_quorum_request_partition_data partition = {0};
    struct describe_quorum_request_topic_data topic = {.topic_name = SLICE("__cluster_metadata")};
    topic.partitions.items = &partition;
    topic.partitions.count = 1;
    struct describe_quorum_request request = describe_quorum_request_init();
    request.topics.items = &topic;
    request.topics.count = 1;
    *call = (struct client_call){.api_key = API_DESCRIBE_QUORUM, .node_id = CLIENT_ANY, .request = &request};
    struct cli_error error;
    if (!cli_call(run->cli, run->client, call, "describeMetadataQuorum", &error)) {
        return traced(run, error, true), NULL;
    }
    const struct describe_quorum_response *answer = call->response;
    enum err e = (enum err)answer->error_code;
    struct slice message = answer->error_message;
    const struct describe_quorum_response_partition_data *found = NULL;
    if (e == OK && answer->topics.count == 1 && answer->topics.items[0].partitions.count == 1) {
        found = &answer->topics.items[0].partitions.items[0];
        e = (enum err)found->error_code;
        message = found->error_message;
    } else if (e == OK) {
        e = ERR_UNKNOWN_SERVER_ERROR;
    }
    if (e == OK) return found;
    traced(run, cli_error_of(run->cli, e, message.size == 0 ? SLICE_NULL : message), true);
    return NULL;
}

static const struct describe_quorum_response_replica_state *find_leader(
    struct quorum_run *run, const struct describe_quorum_response_partition_data *quorum)
{
    for (int32_t i = 0; i < quorum->current_voters.count; i++) {
        if (quorum->current_voters.items[i].replica_id == quorum->leader_id) return &quorum->current_voters.items[i];
    }
    traced(run, (struct cli_error){"java.util.NoSuchElementException", "No value present"}, false);
    return NULL;
}

static void add_address(struct text *out, struct slice name, struct slice host, int port)
{
    bool is_v6 = memchr(host.data, ':', host.size) != NULL;
    text_printf(out, "%.*s://%s%.*s%s:%d", SLICE_FMT(name), is_v6 ? "[" : "", SLICE_FMT(host), is_v6 ? "]" : "", port);
}

static void add_endpoints(struct text *out, const struct describe_quorum_response *answer, int32_t node_id)
{
    for (int32_t i = 0; i < answer->nodes.count; i++) {
        const struct describe_quorum_response_node *node = &answer->nodes.items[i];
        if (node->node_id != node_id || node->listeners.count == 0) continue;
        text_add_str(out, ", \"endpoints\": [");
        for (int32_t k = 0; k < node->listeners.count; k++) {
            const struct describe_quorum_response_listener *listener = &node->listeners.items[k];
            text_add_str(out, k > 0 ? ", \"" : "\"");
            add_address(out, listener->name, listener->host, listener->port);
            text_add_char(out, '"');
        }
        text_add_char(out, ']');
        return;
    }
}

// [{"id": 1, "directoryId": "...", "endpoints": ["CONTROLLER://localhost:9093"]}]
static const char *replica_list(struct cli *cli, const struct describe_quorum_response *answer,
                                const struct describe_quorum_response_replica_state *replicas, int32_t count)
{
    struct text out = {0};
    text_add_char(&out, '[');
    for (int32_t i = 0; i < count; i++) {
        char id[UUID_TEXT_SIZE + 1];
        uuid_format(replicas[i].replica_directory_id, id);
        text_printf(&out, "%s{\"id\": %d", i > 0 ? ", " : "", replicas[i].replica_id);
        if (!uuid_is_zero(replicas[i].replica_directory_id)) text_printf(&out, ", \"directoryId\": \"%s\"", id);
        add_endpoints(&out, answer, replicas[i].replica_id);
        text_add_char(&out, '}');
    }
    text_add_char(&out, ']');
    const char *result = arena_str(&cli->arena, text_slice(&out));
    text_deinit(&out);
    return result;
}

static bool find_cluster_id(struct quorum_run *run, const char **out)
{
    struct describe_cluster_request request = describe_cluster_request_init();
    if (run->asks_controller) request.endpoint_type = 2;
    struct client_call call = {.api_key = API_DESCRIBE_CLUSTER, .node_id = CLIENT_ANY, .request = &request};
    struct cli_error error;
    if (!cli_call(run->cli, run->client, &call, "listNodes", &error)) return traced(run, error, true);
    const struct describe_cluster_response *answer = call.response;
    bool ok = answer->error_code == OK;
    *out = arena_str(&run->cli->arena, answer->cluster_id);
    if (!ok) error = cli_error_of(run->cli, (enum err)answer->error_code, answer->error_message);
    client_call_deinit(&call);
    return ok || traced(run, error, true);
}

static bool describe_status(struct quorum_run *run)
{
    const char *cluster_id;
    struct client_call call;
    if (!find_cluster_id(run, &cluster_id)) return false;
    const struct describe_quorum_response_partition_data *quorum = describe_quorum(run, &call);
    if (quorum == NULL) return false;
    const struct describe_quorum_response_replica_state *leader = find_leader(run, quorum), *last = leader;
    if (leader == NULL) return false;
    for (int32_t i = 0; i < quorum->current_voters.count; i++) {
        const struct describe_quorum_response_replica_state *voter = &quorum->current_voters.items[i];
        if (voter->log_end_offset < last->log_end_offset) last = voter;
    }
    int64_t lag_ms = 0;
    if (last != leader) {
        bool known = leader->last_caught_up_timestamp >= 0 && last->last_caught_up_timestamp >= 0;
        lag_ms = known ? leader->last_caught_up_timestamp - last->last_caught_up_timestamp : -1;
    }
    struct cli *cli = run->cli;
    cli_out(cli,
            "ClusterId:              %s\n"
            "LeaderId:               %d\n"
            "LeaderEpoch:            %d\n"
            "HighWatermark:          %lld\n"
            "MaxFollowerLag:         %lld\n"
            "MaxFollowerLagTimeMs:   %lld\n",
            cluster_id, quorum->leader_id, quorum->leader_epoch, (long long)quorum->high_watermark,
            (long long)(leader->log_end_offset - last->log_end_offset), (long long)lag_ms);
    cli_out(cli, "CurrentVoters:          %s\n",
            replica_list(cli, call.response, quorum->current_voters.items, quorum->current_voters.count));
    cli_out(cli, "CurrentObservers:       %s\n",
            replica_list(cli, call.response, quorum->observers.items, quorum->observers.count));
    client_call_deinit(&call);
    return true;
}

// ---- describe --replication ------------------------------------------------------------------------------------

struct quorum_row {
    const char *cells[QUORUM_COLUMNS];
};

// NULL: told why not.
static const char *shown_time(struct quorum_run *run, int64_t timestamp_ms, bool is_human, const char *what)
{
    struct arena *arena = &run->cli->arena;
    if (timestamp_ms < 0) return "-1";
    if (!is_human) return arena_printf(arena, "%lld", (long long)timestamp_ms);
    int64_t now_ms = env_wall_ms(run->cli->host->env);
    if (timestamp_ms > 0 && timestamp_ms <= now_ms) {
        return arena_printf(arena, "%lld ms ago", (long long)(now_ms - timestamp_ms));
    }
    const char *text = arena_printf(arena,
                                    "Error while computing relative time, possible drift in system clock.\nCurrent "
                                    "timestamp is %lld, %s timestamp is %lld",
                                    (long long)now_ms, what, (long long)timestamp_ms);
    traced(run, (struct cli_error){"org.apache.kafka.common.KafkaException", text}, false);
    return NULL;
}

static bool add_row(struct quorum_run *run, const struct describe_quorum_response_replica_state *replica,
                    int64_t leader_end, const char *status, struct quorum_row *row)
{
    struct arena *arena = &run->cli->arena;
    bool is_human = run->args->given[DESCRIBE_HUMAN] > 0;
    char id[UUID_TEXT_SIZE + 1];
    uuid_format(replica->replica_directory_id, id);
    row->cells[0] = arena_printf(arena, "%d", replica->replica_id);
    row->cells[1] = arena_str(arena, slice_str(id));
    row->cells[2] = arena_printf(arena, "%lld", (long long)replica->log_end_offset);
    row->cells[3] = arena_printf(arena, "%lld", (long long)(leader_end - replica->log_end_offset));
    row->cells[4] = shown_time(run, replica->last_fetch_timestamp, is_human, "last fetch");
    if (row->cells[4] == NULL) return false;
    row->cells[5] = shown_time(run, replica->last_caught_up_timestamp, is_human, "last caught up");
    row->cells[6] = status;
    return row->cells[5] != NULL;
}

static void print_rows(struct cli *cli, const struct quorum_row *rows, int32_t count)
{
    size_t widths[QUORUM_COLUMNS] = {0};
    for (int32_t i = 0; i < count; i++) {
        for (int k = 0; k < QUORUM_COLUMNS; k++) {
            size_t size = strlen(rows[i].cells[k]);
            if (size > widths[k]) widths[k] = size;
        }
    }
    for (int32_t i = 0; i < count; i++) {
        for (int k = 0; k < QUORUM_COLUMNS; k++) {
            cli_out_padded(cli, slice_str(rows[i].cells[k]), widths[k]);
            cli_out(cli, "\t");
        }
        cli_out(cli, "\n");
    }
}

static bool describe_replication(struct quorum_run *run)
{
    static const struct quorum_row head = {
        {"NodeId", "DirectoryId", "LogEndOffset", "Lag", "LastFetchTimestamp", "LastCaughtUpTimestamp", "Status"}};
    struct client_call call;
    const struct describe_quorum_response_partition_data *quorum = describe_quorum(run, &call);
    if (quorum == NULL) return false;
    const struct describe_quorum_response_replica_state *leader = find_leader(run, quorum);
    if (leader == NULL) return false;
    int32_t voters = quorum->current_voters.count, observers = quorum->observers.count, count = 2;
    struct quorum_row *rows = ARENA_ARRAY(&run->cli->arena, struct quorum_row, voters + observers + 2);
    rows[0] = head;
    int64_t end = leader->log_end_offset;
    bool ok = add_row(run, leader, end, "Leader", &rows[1]);
    for (int32_t i = 0; ok && i < voters; i++) {
        const struct describe_quorum_response_replica_state *voter = &quorum->current_voters.items[i];
        if (voter->replica_id != leader->replica_id) ok = add_row(run, voter, end, "Follower", &rows[count++]);
    }
    for (int32_t i = 0; ok && i < observers; i++) {
        ok = add_row(run, &quorum->observers.items[i], end, "Observer", &rows[count++]);
    }
    if (ok) print_rows(run->cli, rows, count);
    client_call_deinit(&call);
    return ok;
}

static bool describe(struct quorum_run *run)
{
    const int *given = run->args->given;
    if (given[DESCRIBE_STATUS] > 0 && given[DESCRIBE_REPLICATION] > 0) {
        return terse(run, "Only one of --status or --replication should be specified with describe sub-command");
    }
    if (given[DESCRIBE_REPLICATION] > 0) return describe_replication(run);
    if (given[DESCRIBE_STATUS] == 0) {
        return terse(run, "One of --status or --replication must be specified with describe sub-command");
    }
    if (given[DESCRIBE_HUMAN] > 0) {
        return terse(run, "The option --human-readable is only supported along with --replication");
    }
    return describe_status(run);
}

// ---- add-controller --------------------------------------------------------------------------------------------

struct new_controller {
    int32_t id;
    struct uuid directory_id;
    struct add_raft_voter_request_listener *listeners;
    int32_t listener_count;
};

static bool controller_id(struct quorum_run *run, int32_t *out)
{
    const char *suffix = " configuration file. Is this a valid controller configuration file?";
    const char *text = props_string(run->cli, &run->props, "node.id", NULL), *problem = NULL;
    if (text == NULL) {
        return terse(run, "node.id not found in configuration file. Is this a valid controller configuration file?");
    }
    char *end;
    errno = 0;
    long value = strtol(text, &end, 10);
    if (*text == '\0' || *end != '\0' || errno != 0 || value > INT32_MAX || value < INT32_MIN) {
        problem = arena_printf(&run->cli->arena, "For input string: \"%s\"", text);
        return traced(run, (struct cli_error){"java.lang.NumberFormatException", problem}, false);
    }
    const char *roles = props_string(run->cli, &run->props, "process.roles", "");
    if (value < 0)
        problem = "node.id was negative in";
    else if (strstr(roles, "controller") == NULL)
        problem = "process.roles did not contain 'controller' in";
    *out = (int32_t)value;
    return problem == NULL || terse(run, arena_printf(&run->cli->arena, "%s%s", problem, suffix));
}

static bool directory_id(struct quorum_run *run, struct uuid *out)
{
    struct cli *cli = run->cli;
    const char *dir = props_string(cli, &run->props, "metadata.log.dir", NULL);
    const char *dirs = props_string(cli, &run->props, "log.dirs", NULL);
    if (dir == NULL && dirs == NULL) {
        return terse(run, "Neither metadata.log.dir nor log.dirs were found. Is this a valid controller configuration "
                          "file?");
    }
    if (dir == NULL) dir = arena_str(&cli->arena, slice_of(dirs, strcspn(dirs, ",")));
    struct props found = {0};
    if (props_load(&found, cli, arena_printf(&cli->arena, "%s/meta.properties", dir)) != OK) {
        return terse(run, arena_printf(&cli->arena, "Unable to read meta.properties from %s", dir));
    }
    if (uuid_parse(props_get(&found, "directory.id"), out) == OK) return true;
    return terse(run, arena_printf(&cli->arena, "No directory id found in %s", dir));
}

static struct slice upper(struct cli *cli, struct slice text)
{
    char *out = arena_str(&cli->arena, text);
    for (char *c = out; *c != '\0'; c++) *c = (char)toupper((unsigned char)*c);
    return slice_str(out);
}

// The next of a comma-separated list, trimmed. False: none left.
static bool next_word(struct slice *rest, struct slice *out)
{
    if (rest->size == 0) return false;
    const uint8_t *comma = memchr(rest->data, ',', rest->size);
    size_t size = comma == NULL ? rest->size : (size_t)(comma - rest->data), step = size + (comma != NULL);
    *out = cli_trimmed(slice_of(rest->data, size));
    *rest = slice_of(rest->data + step, rest->size - step);
    return true;
}

// "NAME://host:port" of that name in the list; the last one counts. False: none.
static bool find_endpoint(struct cli *cli, const char *list, struct slice name,
                          struct add_raft_voter_request_listener *out)
{
    struct slice rest = slice_str(list), word;
    bool found = false;
    while (next_word(&rest, &word)) {
        const uint8_t *scheme = memmem(word.data, word.size, "://", 3);
        const uint8_t *colon = memrchr(word.data, ':', word.size);
        if (scheme == NULL || colon <= scheme) continue;
        if (!slice_eq(upper(cli, slice_of(word.data, (size_t)(scheme - word.data))), name)) continue;
        struct slice host = slice_of(scheme + 3, (size_t)(colon - scheme) - 3);
        if (host.size > 1 && host.data[0] == '[') host = slice_of(host.data + 1, host.size - 2);
        const char *port = arena_str(&cli->arena, slice_of(colon + 1, word.size - (size_t)(colon - word.data) - 1));
        out->name = name;
        out->host = host.size == 0 ? SLICE("localhost") : host;
        out->port = (uint16_t)strtol(port, NULL, 10);
        found = true;
    }
    return found;
}

static bool controller_listeners(struct quorum_run *run, struct new_controller *controller)
{
    struct cli *cli = run->cli;
    const char *names = props_string(cli, &run->props, "controller.listener.names", NULL);
    if (names == NULL) {
        return terse(run, "controller.listener.names was not found. Is this a valid controller configuration file?");
    }
    const char *listeners = props_string(cli, &run->props, "listeners", "");
    const char *advertised = props_string(cli, &run->props, "advertised.listeners", "");
    struct slice rest = slice_str(names), word;
    controller->listeners = ARENA_ARRAY(&cli->arena, struct add_raft_voter_request_listener, rest.size + 1);
    while (next_word(&rest, &word)) {
        struct add_raft_voter_request_listener *next = &controller->listeners[controller->listener_count];
        word = upper(cli, word);
        if (!find_endpoint(cli, advertised, word, next) && !find_endpoint(cli, listeners, word, next)) {
            return terse(run, arena_printf(&cli->arena, "Cannot find information about controller listener name: %.*s",
                                           SLICE_FMT(word)));
        }
        controller->listener_count++;
    }
    return true;
}

// Asks for the change; `response` begins with throttle time, error code and message in both APIs' structs.
static bool change_voters(struct quorum_run *run, int16_t api_key, const void *request, const char *name)
{
    struct client_call call = {.api_key = api_key, .node_id = CLIENT_CONTROLLER, .request = request};
    if (run->asks_controller) call.node_id = CLIENT_ANY;
    struct cli_error error;
    if (!cli_call(run->cli, run->client, &call, name, &error)) return traced(run, error, true);
    enum err e;
    struct slice message;
    if (api_key == API_ADD_RAFT_VOTER) {
        const struct add_raft_voter_response *answer = call.response;
        e = (enum err)answer->error_code;
        message = answer->error_message;
    } else {
        const struct remove_raft_voter_response *answer = call.response;
        e = (enum err)answer->error_code;
        message = answer->error_message;
    }
    error = cli_error_of(run->cli, e, message);
    client_call_deinit(&call);
    return e == OK || traced(run, error, true);
}

static bool add_controller(struct quorum_run *run)
{
    struct cli *cli = run->cli;
    struct new_controller controller = {0};
    bool is_dry = run->args->given[0] > 0;
    if (run->config_path == NULL) {
        return terse(run, "You must supply the configuration file of the controller you are adding when using "
                          "add-controller.");
    }
    if (!controller_id(run, &controller.id) || !directory_id(run, &controller.directory_id) ||
        !controller_listeners(run, &controller)) {
        return false;
    }
    if (!is_dry) {
        struct add_raft_voter_request request = add_raft_voter_request_init();
        request.timeout_ms = 60000;
        request.voter_id = controller.id;
        request.voter_directory_id = controller.directory_id;
        request.listeners.items = controller.listeners;
        request.listeners.count = controller.listener_count;
        if (!change_voters(run, API_ADD_RAFT_VOTER, &request, "addRaftVoter")) return false;
    }
    char id[UUID_TEXT_SIZE + 1];
    uuid_format(controller.directory_id, id);
    cli_out(cli, "%s controller %d with directory id %s and endpoints: ", is_dry ? "DRY RUN of adding" : "Added",
            controller.id, id);
    struct text addresses = {0};
    for (int32_t i = 0; i < controller.listener_count; i++) {
        if (i > 0) text_add_str(&addresses, ", ");
        add_address(&addresses, controller.listeners[i].name, controller.listeners[i].host,
                    controller.listeners[i].port);
    }
    cli_out(cli, "%s\n", text_cstr(&addresses));
    text_deinit(&addresses);
    return true;
}

// ---- remove-controller -----------------------------------------------------------------------------------------

// NULL: *out is it. Else what Uuid.fromString says.
static const char *parse_directory(struct cli *cli, const char *text, struct uuid *out)
{
    size_t size = strlen(text);
    if (size > UUID_INPUT_MAX) {
        return arena_printf(&cli->arena, "Input string with prefix `%.24s` is too long to be decoded as a base64 UUID",
                            text);
    }
    size_t valid = strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_");
    if (text[valid] != '\0' && text[valid] != '=') {
        return arena_printf(&cli->arena, "Illegal base64 character %x", (unsigned char)text[valid]);
    }
    if (valid % 4 == 1) return "Last unit does not have enough valid bits";
    if (valid * 6 / 8 == sizeof(out->bytes) && uuid_parse(slice_of(text, valid), out) == OK) return NULL;
    return arena_printf(&cli->arena,
                        "Input string `%s` decoded as %zu bytes, which is not equal to the expected 16 bytes of a "
                        "base64-encoded UUID",
                        text, valid * 6 / 8);
}

static bool remove_controller(struct quorum_run *run)
{
    struct cli *cli = run->cli;
    int32_t id = (int32_t)argparse_number(run->args, REMOVE_ID, 0);
    if (id < 0) return terse(run, arena_printf(&cli->arena, "Invalid negative --controller-id: %d", id));
    struct uuid directory;
    const char *problem = parse_directory(cli, argparse_value(run->args, REMOVE_DIRECTORY), &directory);
    if (problem != NULL) {
        return terse(run, arena_printf(&cli->arena, "Failed to parse --controller-directory-id: %s", problem));
    }
    bool is_dry = run->args->given[REMOVE_DRY_RUN] > 0;
    if (!is_dry) {
        struct remove_raft_voter_request request = remove_raft_voter_request_init();
        request.cluster_id = SLICE_NULL;
        request.voter_id = id;
        request.voter_directory_id = directory;
        if (!change_voters(run, API_REMOVE_RAFT_VOTER, &request, "removeRaftVoter")) return false;
    }
    char text[UUID_TEXT_SIZE + 1];
    uuid_format(directory, text);
    cli_out(cli, "%s KRaft controller %d with directory id %s\n", is_dry ? "DRY RUN of removing " : "Removed ", id,
            text);
    return true;
}

// ---- the tool --------------------------------------------------------------------------------------------------

static const struct {
    const char *name;
    const char *help;
    const struct argparse_option *options;
    int option_count;
    bool (*run)(struct quorum_run *run);
} commands[] = {
    {"describe", describe_help, describe_options, DESCRIBE_OPTIONS, describe},
    {"add-controller", add_controller_help, add_options, COUNT_OF(add_options), add_controller},
    {"remove-controller", remove_controller_help, remove_options, REMOVE_OPTIONS, remove_controller},
};

static bool connect(struct quorum_run *run, const struct argparse *args)
{
    struct cli *cli = run->cli;
    run->config_path = argparse_value(args, MAIN_CONFIG);
    const char *bootstrap = argparse_value(args, MAIN_SERVER);
    run->asks_controller = bootstrap == NULL;
    if (bootstrap == NULL) bootstrap = argparse_value(args, MAIN_CONTROLLER);
    if (run->config_path != NULL && props_load(&run->props, cli, run->config_path) != OK) {
        return terse(run, arena_printf(&cli->arena, "Properties file %s does not exists!", run->config_path));
    }
    if (cli_connect(cli, run->config_path, bootstrap, &run->client, &run->thrown)) return true;
    return (void)cli_trace_thrown(cli, &run->thrown), false;
}

int tool_metadata_quorum(struct cli *cli, int argc, char **argv)
{
    struct argparse *args = ARENA_NEW(&cli->arena, struct argparse), *own = ARENA_NEW(&cli->arena, struct argparse);
    *args = (struct argparse){.cli = cli, .program = "kafka-metadata-quorum", .help = quorum_help};
    args->options = main_options;
    args->option_count = MAIN_OPTIONS;
    args->has_commands = true;
    int code;
    if (!argparse_parse(args, argc, argv, &code)) return code;
    const char *word = argv[args->command_at];
    for (size_t i = 0; i < COUNT_OF(commands); i++) {
        if (strcmp(word, commands[i].name) != 0) continue;
        *own = (struct argparse){.cli = cli, .program = args->program, .help = commands[i].help};
        own->options = commands[i].options;
        own->option_count = commands[i].option_count;
        if (!argparse_parse(own, argc - args->command_at, argv + args->command_at, &code)) return code;
        if (!argparse_check_required(args)) return 1;
        struct quorum_run run = {.cli = cli, .args = own};
        bool ok = connect(&run, args) && commands[i].run(&run);
        if (run.client != NULL) client_free(run.client);
        return ok ? 0 : 1;
    }
    return argparse_error(args, arena_printf(&cli->arena,
                                             "invalid choice: '%s' (choose from 'describe', 'add-controller', "
                                             "'remove-controller')",
                                             word));
}
