// SPDX-License-Identifier: Apache-2.0
// The configuration: one table of every key Kafka 4.3 knows plus ours (keys.def), server.properties with its overrides
// and environment names, typed values, listeners. Topic values are in config/topic.h, what DescribeConfigs shows in
// config/describe.h. Everything built here is immutable afterwards and may be read from any thread.
#ifndef ODRADEK_CONFIG_CONFIG_H
#define ODRADEK_CONFIG_CONFIG_H

#include "base/arena.h"
#include "base/err.h"
#include "base/slice.h"

// ---- the table -------------------------------------------------------------------------------------------------

// Wire codes of DescribeConfigs (kafka-configs, "Wire codes").
enum config_type {
    CONFIG_UNKNOWN = 0, // described but not in the table: a plug-in's
    CONFIG_BOOLEAN = 1,
    CONFIG_STRING = 2,
    CONFIG_INT = 3,
    CONFIG_SHORT = 4,
    CONFIG_LONG = 5,
    CONFIG_DOUBLE = 6,
    CONFIG_LIST = 7,
    CONFIG_CLASS = 8,
    CONFIG_PASSWORD = 9,
};

// Which entity a key belongs to; the wire codes of ConfigResource where there is one. A name such as
// min.insync.replicas is one key per resource.
enum config_resource {
    CONFIG_QUOTA = 0, // users, clients, ips: not a ConfigResource
    CONFIG_TOPIC = 2,
    CONFIG_BROKER = 4,
    CONFIG_BROKER_LOGGER = 8,
    CONFIG_CLIENT_METRICS = 16,
    CONFIG_GROUP = 32,
};

// When a broker key may change.
enum config_scope {
    CONFIG_READ_ONLY,    // restart
    CONFIG_CLUSTER_WIDE, // at run time, for all brokers or for one
    CONFIG_PER_BROKER,   // at run time, for one broker only
    CONFIG_DYNAMIC,      // keys of the other resources
};

enum config_rule {
    CONFIG_ANY,
    CONFIG_RANGE,           // min to max
    CONFIG_ONE_OF,          // choices, for a string
    CONFIG_ONE_OF_ANY_CASE, // the same, upper or lower case
    CONFIG_LIST_OF,         // choices, for each item of a list
    CONFIG_LIST_ITEMS,      // a list without empty items
    CONFIG_THROTTLED,       // "*" or partition:broker,...
    CONFIG_GZIP_LEVEL,      // 1..9 or -1
    CONFIG_OFFSET_RESET,    // earliest, latest or by_duration:PnDTnHnMn.nS
};

struct config_key {
    const char *name;
    const char *value;   // the default as text; NULL = null
    const char *choices; // "a, b, c"
    double min, max;     // exact for every bound in use
    enum config_resource resource;
    enum config_type type;
    enum config_rule rule;
    enum config_scope scope;
    bool is_required;  // no default: a server without it does not start
    bool is_non_empty; // "" is refused, for a string or a list
    bool is_honoured;  // this build acts on it
    bool is_internal;  // not described unless given
    bool is_ours;      // Kafka does not know it
    bool is_plugin;    // Kafka's server does not know it, its authorizer does: described as of unknown type
};

// NULL when unknown.
const struct config_key *config_key_find(enum config_resource resource, struct slice name);
// All keys of the resource, in the table's order: `for (k = NULL; (k = config_key_next(resource, k)) != NULL;)`.
const struct config_key *config_key_next(enum config_resource resource, const struct config_key *after);
// The known name with the least edit distance, NULL when none is near.
const char *config_key_nearest(enum config_resource resource, struct slice name);
// ERR_INVALID with Kafka's text in *why (in the arena): "Invalid value abc for configuration retention.ms: Not a
// number of type LONG". `value.data == NULL` is null.
MUST_CHECK enum err config_key_check(const struct config_key *key, struct slice value, struct arena *arena,
                                     const char **why);
// The value of a key of type boolean (0, 1), int, short or long; false when the text is none that the key takes.
bool config_key_integer(const struct config_key *key, struct slice text, int64_t *out);
// The same of a key of type double.
bool config_key_real(const struct config_key *key, struct slice text, double *out);

// ---- properties ------------------------------------------------------------------------------------------------

struct config_pair {
    struct slice name;
    struct slice value;
};

struct config_pairs {
    const struct config_pair *items;
    size_t count;
};

// A Java .properties text (java.util.Properties.load, read as UTF-8, bytes that are no UTF-8 as Latin-1). Every pair in
// order of appearance, names repeated as they are. ERR_INVALID only for a malformed \uXXXX; *line is then its line.
MUST_CHECK enum err properties_parse(struct slice text, struct arena *arena, struct config_pairs *out, int *line);

// ---- the node's configuration ----------------------------------------------------------------------------------

struct config_list {
    const char *const *items;
    size_t count;
};

struct config;

struct config_sources {
    struct slice file;            // content of server.properties; empty = no file, then this is a combined node
    const char *const *overrides; // "key=value"; win over everything
    size_t override_count;
    const char *const
        *environment;            // "KAFKA_FOO_BAR=x", others are skipped; NULL-terminated, may be NULL; wins over file
    const char *default_log_dir; // log.dirs when neither log.dirs nor log.dir is given; NULL = Kafka's own
};

struct config_report {
    const char *error;           // the text for the operator when config_build fails
    const char *const *warnings; // whole lines for the log
    size_t warning_count;
};

// Strings of the report and the config live in the arena. ERR_INVALID: see report->error.
MUST_CHECK enum err config_build(const struct config_sources *sources, struct arena *arena, const struct config **out,
                                 struct config_report *report);

// Values of broker keys by name; the name must be in the table and of the type asked for (int covers short, long
// covers int and short), otherwise it is a bug. A null number is a bug too: ask config_is_null first.
int config_get_int(const struct config *config, const char *name);
int64_t config_get_long(const struct config *config, const char *name);
bool config_get_bool(const struct config *config, const char *name);
double config_get_double(const struct config *config, const char *name);
const char *config_get_string(const struct config *config, const char *name); // string, class, password; NULL = null
struct config_list config_get_list(const struct config *config, const char *name);
bool config_is_null(const struct config *config, const char *name);
bool config_is_given(const struct config *config, const char *name); // by file, environment or override
// What was given under a name, known or not (listener.name.x.ssl.keystore.location, plug-in keys); NULL if not given.
const char *config_get_given(const struct config *config, const char *name);

// Time chains (kafka-configs, "Precedence"): the finest unit given wins. -1 = no limit.
int64_t config_retention_ms(const struct config *config);
int64_t config_roll_ms(const struct config *config);
int64_t config_roll_jitter_ms(const struct config *config);
int64_t config_flush_ms(const struct config *config);

int config_node_id(const struct config *config); // node.id, else broker.id
bool config_is_broker(const struct config *config);
bool config_is_controller(const struct config *config);
struct config_list config_log_dirs(const struct config *config);  // log.dirs, else log.dir
const char *config_metadata_log_dir(const struct config *config); // metadata.log.dir, else the first log dir
int config_shards(const struct config *config, int cores); // odradek.shards; 0 = 1 up to four cores, else cores / 2

// ---- listeners -------------------------------------------------------------------------------------------------

// Wire codes of BrokerEndpoint.security_protocol.
enum security_protocol { PROTOCOL_PLAINTEXT = 0, PROTOCOL_SSL = 1, PROTOCOL_SASL_PLAINTEXT = 2, PROTOCOL_SASL_SSL = 3 };

struct config_listener {
    const char *name; // upper case
    const char *host; // "" = all interfaces; IPv6 without brackets
    int port;         // 0 = any free one
    enum security_protocol protocol;
    bool is_controller; // named by controller.listener.names
    bool is_inter_broker;
    // What clients are told. Host "" = this host's name, to be filled in by the caller; port 0 = the bound one;
    // NULL host = not advertised. Brokers never advertise controller listeners to clients.
    const char *advertised_host;
    int advertised_port;
};

struct config_listeners {
    const struct config_listener *items;
    size_t count;
};

struct config_listeners config_get_listeners(const struct config *config);
const char *config_inter_broker_listener(const struct config *config); // its name

struct config_voter {
    int id; // -1 from controller.quorum.bootstrap.servers
    const char *host;
    int port;
};

struct config_voters {
    const struct config_voter *items;
    size_t count;
};

struct config_voters config_quorum_voters(const struct config *config);
struct config_voters config_bootstrap_servers(const struct config *config);

#endif
