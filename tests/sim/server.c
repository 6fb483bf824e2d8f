// SPDX-License-Identifier: Apache-2.0
#include "server.h"

#include "base/mem.h"
#include "config/config.h"

void sim_server_set(struct sim_server *server, const char *setting)
{
    ASSERT(server->setting_count < SERVER_SETTINGS_MAX);
    server->settings[server->setting_count++] = setting;
}

void sim_server_init(struct sim_server *server, struct sim_case *at, const char *const *settings)
{
    *server = (struct sim_server){.at = at, .node = sim_node_new(at->sim, SERVER_HOST, 2)};
    sim_server_set(server, "listeners=PLAINTEXT://" SERVER_HOST ":9092,CONTROLLER://" SERVER_HOST ":9093");
    sim_server_set(server, "advertised.listeners=PLAINTEXT://" SERVER_HOST ":9092");
    sim_server_set(server, "odradek.journal.bytes=65536");
    for (; settings != NULL && *settings != NULL; settings++) sim_server_set(server, *settings);
}

static void started(void *context, struct broker *broker)
{
    (void)broker;
    ((struct sim_server *)context)->is_serving = true;
}

static void stopped(void *context, struct broker *broker, enum err why)
{
    (void)broker;
    struct sim_server *server = context;
    sim_check(server->at, server->may_give_up, "the node gave up: %s", err_name(why));
    server->is_serving = false;
    server->has_given_up = true;
    server->why = why;
}

static void boot(void *context)
{
    struct sim_server *server = context;
    const struct config_sources sources = {.overrides = server->settings, .override_count = server->setting_count};
    const struct config *config = NULL;
    struct config_report report = {0};
    enum err e = config_build(&sources, server->at->arena, &config, &report);
    sim_check(server->at, e == OK, "configuration: %s", report.error);
    const struct broker_options options = {.config = config,
                                           .envs = sim_node_envs(server->node),
                                           .env_count = 2,
                                           .started = started,
                                           .stopped = stopped,
                                           .context = server,
                                           .hostname = SERVER_HOST};
    server->is_serving = server->has_given_up = false;
    server->broker = broker_start(&options);
}

static bool has_decided(void *context)
{
    const struct sim_server *server = context;
    return server->is_serving || server->has_given_up || !sim_node_is_up(server->node);
}

void sim_server_start(struct sim_server *server)
{
    if (!sim_node_is_up(server->node)) sim_node_restart(server->node);
    sim_node_call(server->node, boot, server);
    bool reached = sim_run_until(server->at->sim, has_decided, server, SERVER_WAIT_MS);
    sim_check(server->at, reached, "the node does not serve");
}
