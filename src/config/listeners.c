// SPDX-License-Identifier: Apache-2.0
// listeners, advertised.listeners, listener.security.protocol.map and the controller quorum's addresses.
#include <stdlib.h>

#include "config/config_int.h"

static const char *const protocol_names[] = {"PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"};

static bool contains(struct config_list list, const char *text)
{
    for (size_t i = 0; i < list.count; i++)
        if (config_equal_any_case(slice_str(list.items[i]), text)) return true;
    return false;
}

static const char *join(struct config_list list, struct arena *arena)
{
    const char *text = "";
    for (size_t i = 0; i < list.count; i++)
        text = arena_printf(arena, "%s%s%s", text, i == 0 ? "" : ", ", list.items[i]);
    return text;
}

static char *upper(struct slice text, struct arena *arena)
{
    char *copy = arena_str(arena, text);
    for (char *at = copy; *at != '\0'; at++)
        if (*at >= 'a' && *at <= 'z') *at = (char)(*at - 32);
    return copy;
}

// ---- host and port ---------------------------------------------------------------------------------------------

// 0 to 65535 in at most five digits; -1 otherwise.
static int read_port(const char *text)
{
    size_t digits = strspn(text, "0123456789");
    if (digits == 0 || digits > 5 || text[digits] != '\0') return -1;
    int port = (int)strtol(text, NULL, 10);
    return port <= UINT16_MAX ? port : -1;
}

// "host:port", "[::1]:port", ":port".
static bool read_address(const char *text, struct arena *arena, const char **host, int *port)
{
    const char *colon = strrchr(text, ':');
    if (colon == NULL) return false;
    struct slice name = slice_of(text, (size_t)(colon - text));
    if (name.size >= 2 && name.data[0] == '[' && name.data[name.size - 1] == ']')
        name = slice_of(name.data + 1, name.size - 2);
    for (size_t i = 0; i < name.size; i++) {
        uint8_t c = name.data[i];
        bool is_fine =
            (c >= '0' && c <= '9') || ((c | 32) >= 'a' && (c | 32) <= 'z') || (c != '\0' && strchr("-%._:", c) != NULL);
        if (!is_fine) return false;
    }
    *port = read_port(colon + 1);
    *host = arena_str(arena, name);
    return *port >= 0;
}

// ---- security protocols ----------------------------------------------------------------------------------------

struct protocol_map {
    struct {
        const char *listener;
        enum security_protocol protocol;
    } * items;
    size_t count;
};

static bool find_protocol_name(const char *name, enum security_protocol *out)
{
    for (size_t i = 0; i < COUNT_OF(protocol_names); i++)
        if (config_equal_any_case(slice_str(name), protocol_names[i])) {
            *out = (enum security_protocol)i;
            return true;
        }
    return false;
}

static bool find_protocol(const struct protocol_map *map, const char *listener, enum security_protocol *out)
{
    for (size_t i = map->count; i > 0; i--)
        if (strcmp(map->items[i - 1].listener, listener) == 0) {
            *out = map->items[i - 1].protocol;
            return true;
        }
    return false;
}

// Whether a listener is named after a protocol that is not PLAINTEXT.
static bool has_secure_name(struct config_list names)
{
    for (size_t i = 0; i < names.count; i++) {
        struct slice name = slice_of(names.items[i], strcspn(names.items[i], ":"));
        for (size_t j = 1; j < COUNT_OF(protocol_names); j++)
            if (config_equal_any_case(name, protocol_names[j])) return true;
    }
    return false;
}

// While the map is the default one and no listener hints at security, controller listeners are PLAINTEXT.
static void add_controllers(const struct config *config, struct protocol_map *map, struct arena *arena)
{
    struct config_list controllers = config_get_list(config, "controller.listener.names");
    if (config_is_given(config, "listener.security.protocol.map") || has_secure_name(controllers) ||
        has_secure_name(config_get_list(config, "listeners")))
        return;
    for (size_t i = 0; i < controllers.count; i++) {
        map->items[map->count].listener = upper(slice_str(controllers.items[i]), arena);
        map->items[map->count++].protocol = PROTOCOL_PLAINTEXT;
    }
}

static enum err read_protocol_map(const struct config *config, struct arena *arena, struct protocol_map *map,
                                  const char **why)
{
    struct config_list entries =
        config_split(slice_str(config_get_string(config, "listener.security.protocol.map")), arena);
    size_t room = entries.count + config_get_list(config, "controller.listener.names").count;
    map->items = arena_zalloc(arena, room, sizeof(map->items[0]));
    for (size_t i = 0; i < entries.count; i++) {
        const char *colon = strrchr(entries.items[i], ':');
        if (colon == NULL) {
            *why = arena_printf(
                arena,
                "Error parsing configuration property 'listener.security.protocol.map': %s is not LISTENER:PROTOCOL",
                entries.items[i]);
            return ERR_INVALID;
        }
        const char *name = arena_str(arena, config_trim(slice_str(colon + 1)));
        if (!find_protocol_name(name, &map->items[map->count].protocol)) {
            *why =
                arena_printf(arena, "Invalid security protocol `%s` defined in listener.security.protocol.map", name);
            return ERR_INVALID;
        }
        map->items[map->count++].listener =
            upper(config_trim(slice_of(entries.items[i], (size_t)(colon - entries.items[i]))), arena);
    }
    add_controllers(config, map, arena);
    return OK;
}

// ---- listeners -------------------------------------------------------------------------------------------------

static enum err read_endpoint(const char *text, const struct protocol_map *map, struct arena *arena,
                              struct config_listener *out, const char **why)
{
    const char *mark = strstr(text, "://");
    if (mark == NULL || mark == text || !read_address(mark + 3, arena, &out->host, &out->port)) {
        *why = arena_printf(arena, "Unable to parse %s to a broker endpoint", text);
        return ERR_INVALID;
    }
    out->name = upper(slice_of(text, (size_t)(mark - text)), arena);
    if (!find_protocol(map, out->name, &out->protocol)) {
        *why = arena_printf(arena, "No security protocol defined for listener %s", out->name);
        return ERR_INVALID;
    }
    return OK;
}

static bool is_ipv6(const char *host)
{
    return strchr(host, ':') != NULL;
}

static bool is_ipv4(const char *host)
{
    return host[0] != '\0' && strspn(host, "0123456789.") == strlen(host);
}

static enum err check_distinct(const struct config_listeners *listeners, const char *all, bool with_ports,
                               struct arena *arena, const char **why)
{
    for (size_t i = 0; i < listeners->count; i++)
        for (size_t j = 0; j < i; j++) {
            const struct config_listener *a = &listeners->items[j];
            const struct config_listener *b = &listeners->items[i];
            if (strcmp(a->name, b->name) == 0) {
                *why = arena_printf(arena, "Each listener must have a different name, listeners: [%s]", all);
                return ERR_INVALID;
            }
            if (!with_ports || a->port == 0 || a->port != b->port) continue;
            if ((is_ipv4(a->host) && is_ipv6(b->host)) || (is_ipv6(a->host) && is_ipv4(b->host))) continue;
            bool are_addresses = (is_ipv4(a->host) || is_ipv6(a->host)) && (is_ipv4(b->host) || is_ipv6(b->host));
            *why = are_addresses
                       ? arena_printf(arena,
                                      "If you have two listeners on the same port then one needs to be IPv4 and the "
                                      "other IPv6, listeners: [%s], port: %d",
                                      all, a->port)
                       : arena_printf(arena, "Each listener must have a different port, listeners: [%s]", all);
            return ERR_INVALID;
        }
    return OK;
}

static enum err read_endpoints(struct config_list texts, const struct protocol_map *map, bool with_ports,
                               struct arena *arena, struct config_listeners *out, const char **why)
{
    struct config_listener *items = ARENA_ARRAY(arena, struct config_listener, texts.count);
    struct config_listeners listeners = {.items = items, .count = texts.count};
    enum { LISTENERS_MAX = 64 };
    enum err err = OK;
    *why = "too many listeners";
    if (texts.count > LISTENERS_MAX) err = ERR_INVALID;
    for (size_t i = 0; i < texts.count && err == OK; i++)
        err = read_endpoint(texts.items[i], map, arena, &items[i], why);
    if (err == OK) err = check_distinct(&listeners, join(texts, arena), with_ports, arena, why);
    if (err != OK && texts.count <= LISTENERS_MAX)
        *why = arena_printf(arena, "Error creating broker listeners from '[%s]': %s", join(texts, arena), *why);
    if (err == OK) *out = listeners;
    return err;
}

static const struct config_listener *find_listener(struct config_listeners listeners, const char *name)
{
    for (size_t i = 0; i < listeners.count; i++)
        if (strcmp(listeners.items[i].name, name) == 0) return &listeners.items[i];
    return NULL;
}

static enum err find_inter_broker(struct config *config, const struct protocol_map *map, struct arena *arena,
                                  const char **why)
{
    enum security_protocol protocol = PROTOCOL_PLAINTEXT;
    const char *name = config_get_string(config, "inter.broker.listener.name");
    if (name == NULL) {
        config->inter_broker_listener =
            upper(slice_str(config_get_string(config, "security.inter.broker.protocol")), arena);
        return OK;
    }
    if (config_is_given(config, "security.inter.broker.protocol")) {
        *why = "Only one of inter.broker.listener.name and security.inter.broker.protocol should be set.";
        return ERR_INVALID;
    }
    config->inter_broker_listener = upper(slice_str(name), arena);
    if (find_protocol(map, config->inter_broker_listener, &protocol)) return OK;
    *why = arena_printf(
        arena,
        "Listener with name %s defined in inter.broker.listener.name not found in listener.security.protocol.map.",
        config->inter_broker_listener);
    return ERR_INVALID;
}

// The names a message lists, in order.
static const char *listener_names(struct config_listeners listeners, bool with_controllers,
                                  struct config_list controllers, struct arena *arena)
{
    const char *text = "";
    for (size_t i = 0; i < listeners.count; i++)
        if (with_controllers || !contains(controllers, listeners.items[i].name))
            text = arena_printf(arena, "%s%s%s", text, text[0] == '\0' ? "" : ",", listeners.items[i].name);
    return text;
}

static enum err check_roles(const struct config *config, struct config_listeners listeners,
                            struct config_list controllers, const char **why)
{
    size_t controller_count = 0;
    for (size_t i = 0; i < listeners.count; i++) controller_count += contains(controllers, listeners.items[i].name);
    *why = NULL;
    if (!config_is_controller(config) && controller_count > 0)
        *why = "controller.listener.names must not contain a value appearing in the 'listeners' configuration when "
               "running KRaft with just the broker role";
    else if (!config_is_broker(config) && controller_count < listeners.count)
        *why = "The listeners config must only contain KRaft controller listeners from controller.listener.names when "
               "process.roles=controller";
    else if (config_is_controller(config) && controller_count == 0)
        *why = "controller.listener.names must contain at least one value appearing in the 'listeners' configuration "
               "when running the KRaft controller role";
    return *why == NULL ? OK : ERR_INVALID;
}

// What is told to clients: the advertised list without controllers, else the listeners without controllers.
static enum err check_advertised(const struct config *config, struct config_listeners advertised,
                                 struct config_list controllers, struct arena *arena, const char **why)
{
    if (!config_is_broker(config)) return OK;
    size_t count = 0;
    for (size_t i = 0; i < advertised.count; i++) {
        if (contains(controllers, advertised.items[i].name)) continue;
        count++;
        if (strcmp(advertised.items[i].host, "0.0.0.0") == 0) {
            *why = "advertised.listeners cannot use the nonroutable meta-address 0.0.0.0. Use a routable IP address.";
            return ERR_INVALID;
        }
    }
    const char *names = listener_names(advertised, false, controllers, arena);
    if (count == 0) {
        *why = "There must be at least one broker advertised listener. Perhaps all listeners appear in "
               "controller.listener.names?";
        return ERR_INVALID;
    }
    if (find_listener(advertised, config->inter_broker_listener) == NULL ||
        contains(controllers, config->inter_broker_listener)) {
        *why = arena_printf(arena,
                            "inter.broker.listener.name must be a listener name defined in advertised.listeners. The "
                            "valid options based on currently configured listeners are %s",
                            names);
        return ERR_INVALID;
    }
    for (size_t i = 0; i < advertised.count; i++) {
        if (contains(controllers, advertised.items[i].name) ||
            find_listener(config->listeners, advertised.items[i].name) != NULL)
            continue;
        *why = arena_printf(arena,
                            "advertised.listeners listener names must be equal to or a subset of the ones defined in "
                            "listeners. Found %s. The valid options based on the current configuration are %s",
                            names, listener_names(config->listeners, false, controllers, arena));
        return ERR_INVALID;
    }
    return OK;
}

static void fill_in(struct config *config, struct config_listener *items, struct config_listeners advertised,
                    struct config_list controllers)
{
    for (size_t i = 0; i < config->listeners.count; i++) {
        const struct config_listener *told = find_listener(advertised, items[i].name);
        items[i].is_controller = contains(controllers, items[i].name);
        items[i].is_inter_broker = strcmp(items[i].name, config->inter_broker_listener) == 0;
        if (told == NULL && items[i].is_controller) told = &items[i];
        if (told == NULL) continue;
        bool is_any = strcmp(told->host, "0.0.0.0") == 0 || strcmp(told->host, "::") == 0;
        items[i].advertised_host = is_any ? "" : told->host; // only a controller's can still be one of these
        items[i].advertised_port = told->port;
    }
}

// A node of its own finds its quorum at its own controller listener.
static void default_bootstrap(struct config *config, struct arena *arena)
{
    if (!config->is_default || config->voters.count > 0 || config->bootstrap.count > 0) return;
    for (size_t i = 0; i < config->listeners.count; i++) {
        const struct config_listener *listener = &config->listeners.items[i];
        if (!listener->is_controller) continue;
        struct config_voter *voter = ARENA_NEW(arena, struct config_voter);
        *voter = (struct config_voter){.id = -1,
                                       .host = listener->advertised_host[0] == '\0' ? "localhost"
                                                                                    : listener->advertised_host,
                                       .port = listener->port};
        config->bootstrap = (struct config_voters){.items = voter, .count = 1};
        return;
    }
}

enum err config_read_listeners(struct config *config, struct arena *arena, const char **why)
{
    struct protocol_map map = {0};
    struct config_listeners advertised = {0};
    struct config_list controllers = config_get_list(config, "controller.listener.names");
    enum err err = read_protocol_map(config, arena, &map, why);
    if (err == OK)
        err = read_endpoints(config_get_list(config, "listeners"), &map, true, arena, &config->listeners, why);
    if (err == OK && !config_is_null(config, "advertised.listeners"))
        err = read_endpoints(config_get_list(config, "advertised.listeners"), &map, false, arena, &advertised, why);
    else
        advertised = config->listeners;
    if (err == OK) err = check_roles(config, config->listeners, controllers, why);
    if (err == OK) err = find_inter_broker(config, &map, arena, why);
    if (err == OK) err = check_advertised(config, advertised, controllers, arena, why);
    if (err != OK) return err;
    struct config_listener *items = ARENA_ARRAY(arena, struct config_listener, config->listeners.count);
    memcpy(items, config->listeners.items, config->listeners.count * sizeof(*items));
    config->listeners.items = items;
    fill_in(config, items, advertised, controllers);
    default_bootstrap(config, arena);
    return OK;
}

// ---- the quorum ------------------------------------------------------------------------------------------------

static enum err read_voter(const char *text, struct arena *arena, struct config_voter *out, const char **why)
{
    const char *at = strchr(text, '@');
    if (at == NULL || at == text) {
        *why = "Invalid configuration value for controller.quorum.voters. Each entry should be in the form "
               "`{id}@{host}:{port}`.";
        return ERR_INVALID;
    }
    size_t digits = strspn(text, "0123456789");
    long id = digits <= 10 ? strtol(text, NULL, 10) : -1;
    if (text + digits != at || id < 0 || id > INT32_MAX) {
        *why = arena_printf(arena, "Failed to parse voter ID as an integer from %.*s", (int)(at - text), text);
        return ERR_INVALID;
    }
    out->id = (int)id;
    if (!read_address(at + 1, arena, &out->host, &out->port) || out->host[0] == '\0') {
        *why = arena_printf(arena,
                            "Failed to parse host name from entry %s for the configuration controller.quorum.voters. "
                            "Each entry should be in the form `{id}@{host}:{port}`.",
                            text);
        return ERR_INVALID;
    }
    if (strcmp(out->host, "0.0.0.0") != 0 || out->port != 0) return OK;
    *why = arena_printf(arena, "Host string (%s) is not routeable", out->host);
    return ERR_INVALID;
}

enum err config_read_voters(struct config *config, struct arena *arena, const char **why)
{
    struct config_list texts = config_get_list(config, "controller.quorum.voters");
    struct config_voter *voters = ARENA_ARRAY(arena, struct config_voter, texts.count);
    for (size_t i = 0; i < texts.count; i++) {
        enum err err = read_voter(texts.items[i], arena, &voters[i], why);
        if (err != OK) return err;
    }
    config->voters = (struct config_voters){.items = voters, .count = texts.count};

    texts = config_get_list(config, "controller.quorum.bootstrap.servers");
    struct config_voter *servers = ARENA_ARRAY(arena, struct config_voter, texts.count);
    for (size_t i = 0; i < texts.count; i++) {
        servers[i].id = -1;
        if (read_address(texts.items[i], arena, &servers[i].host, &servers[i].port) && servers[i].host[0] != '\0')
            continue;
        *why = arena_printf(arena,
                            "Failed to parse host name from %s for the configuration "
                            "controller.quorum.bootstrap.servers. Each entry should be in the form \"{host}:{port}\"",
                            texts.items[i]);
        return ERR_INVALID;
    }
    config->bootstrap = (struct config_voters){.items = servers, .count = texts.count};
    return OK;
}
