// SPDX-License-Identifier: Apache-2.0
// See coordinator.h.
#include "cli/coordinator.h"

#include "proto/apis.h"
#include "proto/find_coordinator.h"

enum { RETRY_MS = 100 };

static bool is_moving(enum err code)
{
    return code == ERR_COORDINATOR_LOAD_IN_PROGRESS || code == ERR_COORDINATOR_NOT_AVAILABLE ||
           code == ERR_NOT_COORDINATOR;
}

static bool look_up(struct cli *cli, struct client *client, struct slice group, const char *name,
                    struct coordinator *out, enum err *code, struct cli_error *error)
{
    struct find_coordinator_request request = find_coordinator_request_init();
    request.coordinator_keys.items = &group;
    request.coordinator_keys.count = 1;
    struct client_call call = {
        .api_key = API_FIND_COORDINATOR, .node_id = CLIENT_ANY, .request = &request, .version_min = 4};
    const char *full_name = arena_printf(&cli->arena, "%s(api=FIND_COORDINATOR)", name);
    bool ok = cli_call(cli, client, &call, full_name, error);
    if (!ok && call.err == ERR_UNSUPPORTED_VERSION) { // a broker from before keys came in batches
        client_call_deinit(&call);
        request = find_coordinator_request_init();
        request.key = group;
        call = (struct client_call){
            .api_key = API_FIND_COORDINATOR, .node_id = CLIENT_ANY, .request = &request, .version_max = 3};
        ok = cli_call(cli, client, &call, full_name, error);
    }
    if (ok) {
        const struct find_coordinator_response *answer = call.response;
        *code = (enum err)answer->error_code;
        *out = (struct coordinator){answer->node_id, arena_copy(&cli->arena, answer->host), answer->port};
        if (call.version >= 4 && answer->coordinators.count > 0) {
            const struct find_coordinator_response_coordinator *first = &answer->coordinators.items[0];
            *code = (enum err)first->error_code;
            *out = (struct coordinator){first->node_id, arena_copy(&cli->arena, first->host), first->port};
        }
    }
    client_call_deinit(&call);
    return ok;
}

// `name` is the AdminClient call's. False: `error` says why, *code is the broker's, or OK for a call that failed.
static bool find_coordinator(struct cli *cli, struct client *client, struct slice group, const char *name,
                             struct coordinator *out, enum err *code, struct cli_error *error)
{
    int64_t timeout_ms = cli->api_timeout_ms != 0 ? cli->api_timeout_ms : 60000;
    int64_t deadline_ms = env_now_ms(cli->host->env) + timeout_ms;
    for (;;) {
        *code = OK;
        if (!look_up(cli, client, group, name, out, code, error)) return false;
        if (*code == OK) return true;
        bool passes = *code == ERR_COORDINATOR_NOT_AVAILABLE || *code == ERR_COORDINATOR_LOAD_IN_PROGRESS;
        if (!passes) {
            bool forbidden = *code == ERR_GROUP_AUTHORIZATION_FAILED;
            const char *why =
                arena_printf(&cli->arena,
                             "FindCoordinator request for %s `CoordinatorKey(idValue='%.*s', type=GROUP)` "
                             "failed due to %s",
                             forbidden ? "groupId" : "key", SLICE_FMT(group),
                             forbidden ? "authorization failure" : "an unexpected error");
            *error = cli_error_of(cli, *code, slice_str(why));
            return false;
        }
        if (env_now_ms(cli->host->env) > deadline_ms || !cli_pause(cli, RETRY_MS)) {
            const char *why = arena_printf(&cli->arena, "Timed out waiting for a node assignment. Call: %s", name);
            *error = cli_error_of(cli, ERR_REQUEST_TIMED_OUT, slice_str(why));
            error->class_name = "org.apache.kafka.common.errors.TimeoutException";
            *code = OK;
            return false;
        }
    }
}

bool coordinator_ask(struct cli *cli, struct client *client, struct slice group, const struct coordinator_call *what,
                     struct client_call *call, struct coordinator *coordinator, struct cli_error *error)
{
    int64_t timeout_ms = cli->api_timeout_ms != 0 ? cli->api_timeout_ms : 60000;
    int64_t deadline_ms = env_now_ms(cli->host->env) + timeout_ms;
    for (;;) {
        *call = (struct client_call){0};
        enum err code;
        if (!find_coordinator(cli, client, group, what->name, coordinator, &code, error)) return false;
        *call = (struct client_call){.api_key = what->api_key,
                                     .node_id = coordinator->node,
                                     .request = what->request,
                                     .version_min = what->version_min,
                                     .version_max = what->version_max};
        const struct wire_api *api = wire_api_find(what->api_key);
        const char *name = arena_printf(&cli->arena, "%s(api=%s)", what->name, api == NULL ? "" : api->name);
        if (!cli_call(cli, client, call, name, error)) return false;
        code = what->code(call->response, call->version);
        if (!is_moving(code) || env_now_ms(cli->host->env) > deadline_ms) return true;
        client_call_deinit(call);
        if (!cli_pause(cli, RETRY_MS)) {
            *call = (struct client_call){0};
            *error = cli_error_of(cli, code, SLICE_NULL);
            return false;
        }
    }
}
