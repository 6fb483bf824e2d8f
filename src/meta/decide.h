// SPDX-License-Identifier: Apache-2.0
// The controller's decisions as functions: what the cluster looks like and a request in, records and an answer out.
// Nothing is changed here: the records are appended, applied to the newest image, and the answer leaves once they are
// committed. Errors that concern one topic stand in the answer; a function returns an error when the whole request
// fails.
#ifndef ODRADEK_META_DECIDE_H
#define ODRADEK_META_DECIDE_H

#include "meta/decide_configs.h"
#include "meta/image.h"
#include "meta/records.h"

// What the node's configuration says; fixed for the life of the controller.
struct decide_settings {
    struct slice cluster_id;
    int32_t num_partitions;
    int16_t default_replication_factor;
    struct slice min_insync_replicas; // as text, for the cluster default that the bootstrap writes
    bool can_delete_topics;           // delete.topic.enable
    struct decide_configs configs;
};

// One decision under way.
struct decide {
    const struct image *image; // the newest, what is not committed yet included
    int64_t next_offset;       // the offset its first record will get
    struct arena *arena;       // everything put out lives there
    const struct decide_settings *settings;
    void (*random)(void *context, void *to, size_t size); // topic ids, placement
    void *random_context;
    // Partitions about to be created or deleted are charged to whoever asks (KIP-599); false: he has had enough. NULL:
    // nobody is charged.
    bool (*mutate)(void *context, int32_t partitions);
    void *mutate_context;
    struct metadata_records records; // out
};

// ---- the cluster itself (decide_cluster.c) ----------------------------------------------------------------------

// An empty log's first records: one transaction of feature levels and cluster defaults (kafka-internals A13).
// `features` comes from bootstrap.checkpoint; NULL = this build's defaults.
void decide_bootstrap(struct decide *decide, const struct feature_level_record *features, int32_t feature_count);
// An open metadata transaction of a controller that fell is aborted first (kafka-internals D8).
void decide_abort_transaction(struct decide *decide, const char *reason);

struct controller_registration_request;
struct broker_registration_request;
struct broker_heartbeat_request;
struct broker_heartbeat_response;

MUST_CHECK enum err decide_register_controller(struct decide *decide,
                                               const struct controller_registration_request *request);
// `epoch`: the broker epoch given. `has_session`: a broker of that id has been heard of within its session.
MUST_CHECK enum err decide_register_broker(struct decide *decide, const struct broker_registration_request *request,
                                           bool has_session, int64_t *epoch);
// `committed_offset`: of the last committed record. ERR_STALE_BROKER_EPOCH: not registered so.
MUST_CHECK enum err decide_heartbeat(struct decide *decide, const struct broker_heartbeat_request *request,
                                     int64_t committed_offset, struct broker_heartbeat_response *response);

struct assign_replicas_to_dirs_request;
struct assign_replicas_to_dirs_response;
// KIP-858: a broker says in which of its directories replicas live (decide_dirs.c).
MUST_CHECK enum err decide_assign_dirs(struct decide *decide, const struct assign_replicas_to_dirs_request *request,
                                       struct assign_replicas_to_dirs_response *response);

// A broker whose session ended, or whose process is known to be gone.
void decide_fence(struct decide *decide, int32_t broker_id);

struct allocate_producer_ids_request;
struct allocate_producer_ids_response;
MUST_CHECK enum err decide_producer_ids(struct decide *decide, const struct allocate_producer_ids_request *request,
                                        struct allocate_producer_ids_response *response);

// ---- topics (decide_topics.c) -----------------------------------------------------------------------------------

struct create_topics_request;
struct create_topics_response;
struct delete_topics_request;
struct delete_topics_response;
struct create_partitions_request;
struct create_partitions_response;

// `is_automatic`: internal topics get the settings Kafka's own automatic creation gives them.
MUST_CHECK enum err decide_create_topics(struct decide *decide, const struct create_topics_request *request,
                                         struct create_topics_response *response);
MUST_CHECK enum err decide_delete_topics(struct decide *decide, const struct delete_topics_request *request,
                                         struct delete_topics_response *response);
MUST_CHECK enum err decide_create_partitions(struct decide *decide, const struct create_partitions_request *request,
                                             struct create_partitions_response *response);

// ---- replicas, as an administrator wants them (decide_replicas.c) -----------------------------------------------

struct elect_leaders_request;
struct elect_leaders_response;
struct alter_partition_reassignments_request;
struct alter_partition_reassignments_response;
struct list_partition_reassignments_request;
struct list_partition_reassignments_response;
struct unregister_broker_request;
struct unregister_broker_response;

MUST_CHECK enum err decide_elect_leaders(struct decide *decide, const struct elect_leaders_request *request,
                                         struct elect_leaders_response *response);
MUST_CHECK enum err decide_alter_reassignments(struct decide *decide,
                                               const struct alter_partition_reassignments_request *request,
                                               struct alter_partition_reassignments_response *response);
MUST_CHECK enum err decide_list_reassignments(struct decide *decide,
                                              const struct list_partition_reassignments_request *request,
                                              struct list_partition_reassignments_response *response);
// A broker that is gone for good; its replicas leave every ISR.
MUST_CHECK enum err decide_unregister_broker(struct decide *decide, const struct unregister_broker_request *request,
                                             struct unregister_broker_response *response);

// ---- configurations (decide_configs_alter.c) --------------------------------------------------------------------

struct incremental_alter_configs_request;
struct incremental_alter_configs_response;
struct alter_configs_request;
struct alter_configs_response;

// Topics, brokers, the cluster's default, groups, client metrics; loggers never come here. A broker's settings have
// been judged by that broker already.
MUST_CHECK enum err decide_incremental_alter_configs(struct decide *decide,
                                                     const struct incremental_alter_configs_request *request,
                                                     struct incremental_alter_configs_response *response);
MUST_CHECK enum err decide_alter_configs(struct decide *decide, const struct alter_configs_request *request,
                                         struct alter_configs_response *response);

// ---- quotas, features (decide_quotas.c, decide_features.c) -------------------------------------------------------

struct alter_client_quotas_request;
struct alter_client_quotas_response;
struct update_features_request;
struct update_features_response;

MUST_CHECK enum err decide_alter_client_quotas(struct decide *decide, const struct alter_client_quotas_request *request,
                                               struct alter_client_quotas_response *response);
// All or none. `node_id`: of this controller. Results per feature are of versions before 2.
MUST_CHECK enum err decide_update_features(struct decide *decide, const struct update_features_request *request,
                                           int32_t node_id, struct update_features_response *response);

// ---- SCRAM credentials (decide_scram.c) -------------------------------------------------------------------------

struct alter_user_scram_credentials_request;
struct alter_user_scram_credentials_response;

// What is stored of a salted password (broker/scram.h).
typedef void decide_scram_keys(bool is_sha512, struct slice salted_password, struct arena *arena,
                               struct slice *stored_key, struct slice *server_key);
MUST_CHECK enum err decide_alter_scram_credentials(struct decide *decide,
                                                   const struct alter_user_scram_credentials_request *request,
                                                   decide_scram_keys *keys,
                                                   struct alter_user_scram_credentials_response *response);

// The reason why `name` is no topic name, as Kafka words it behind "Topic name is invalid: "; NULL when it is one.
const char *topic_name_problem(struct slice name, struct arena *arena);

#endif
