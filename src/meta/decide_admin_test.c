// SPDX-License-Identifier: Apache-2.0
// Settings, quotas and features as an administrator changes them, against what Apache Kafka 4.3.1 answered and wrote.
#include "meta/test_util.h"
#include "proto/alter_client_quotas.h"
#include "proto/alter_configs.h"
#include "proto/alter_user_scram_credentials.h"
#include "proto/client_quota_record.h"
#include "proto/incremental_alter_configs.h"
#include "proto/update_features.h"

enum { SET = 0, DELETE = 1, APPEND = 2 };
enum { UPGRADE = 1, SAFE = 2, UNSAFE = 3 };

static enum err check(void *context, const struct decide_config_pair *pairs, int32_t count, struct arena *arena,
                      const char **why)
{
    (void)context;
    for (int32_t i = 0; i < count; i++) {
        if (!slice_eq_str(pairs[i].name, "bad")) continue;
        *why = arena_printf(arena, "Unknown topic config name: %.*s", SLICE_FMT(pairs[i].name));
        return ERR_INVALID_CONFIG;
    }
    return OK;
}

static bool change_list(void *context, int8_t type, struct slice key, struct slice old, struct slice operand,
                        bool subtracts, struct arena *arena, struct slice *out)
{
    (void)context;
    (void)type;
    (void)subtracts;
    if (!slice_eq_str(key, "list")) return false;
    *out =
        slice_is_null(old) ? operand : slice_str(arena_printf(arena, "%.*s,%.*s", SLICE_FMT(old), SLICE_FMT(operand)));
    return true;
}

static int set_up(void **state)
{
    struct fixture *f = test_calloc(1, sizeof(*f));
    f->empty = image_new_empty();
    f->builder = image_builder_new(f->empty);
    f->settings.min_insync_replicas = SLICE("1");
    f->settings.configs =
        (struct decide_configs){.check_topic = check, .check_group = check, .change_list = change_list};
    decide_bootstrap(begin(f), NULL, 0);
    struct topic_record topic = topic_record_init();
    topic.name = SLICE("t");
    topic.topic_id.bytes[0] = 7;
    METADATA_ADD(&f->decide.records, &f->arena, topic_record, 0, &topic);
    apply(f);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    image_builder_free(f->builder);
    image_unref(f->empty);
    arena_deinit(&f->arena);
    test_free(f);
    return 0;
}

// ---- settings ---------------------------------------------------------------------------------------------------

static void alter(struct fixture *f, int8_t type, const char *name, const char *key, int8_t operation,
                  const char *value, bool is_validation, enum err code, const char *sentence)
{
    struct incremental_alter_configs_request_alterable_config config = {
        .name = slice_str(key), .config_operation = operation, .value = slice_str(value)};
    struct incremental_alter_configs_request_alter_configs_resource resource = {
        .resource_type = type, .resource_name = slice_str(name), .configs = {&config, 1}};
    struct incremental_alter_configs_request request = {.resources = {&resource, 1}, .validate_only = is_validation};
    struct incremental_alter_configs_response response = incremental_alter_configs_response_init();
    assert_int_equal(decide_incremental_alter_configs(begin(f), &request, &response), OK);
    assert_int_equal(response.responses.count, 1);
    assert_int_equal(response.responses.items[0].error_code, code);
    struct slice message = response.responses.items[0].error_message;
    if (sentence == NULL)
        assert_true(slice_is_null(message));
    else
        assert_string_equal(arena_str(&f->arena, message), sentence);
    apply(f);
}

static bool is_set(const struct fixture *f, int8_t type, const char *name, const char *key, const char *value)
{
    return slice_eq_str(image_config(now(f), type, slice_str(name), key), value);
}

static void settings_are_set_appended_and_taken_away(void **state)
{
    struct fixture *f = *state;
    alter(f, IMAGE_RESOURCE_TOPIC, "t", "retention.ms", SET, "5", false, OK, NULL);
    assert_true(is_set(f, IMAGE_RESOURCE_TOPIC, "t", "retention.ms", "5"));
    alter(f, IMAGE_RESOURCE_TOPIC, "t", "retention.ms", SET, "5", false, OK, NULL);
    assert_int_equal(f->decide.records.count, 0); // nothing changes
    alter(f, IMAGE_RESOURCE_TOPIC, "t", "retention.ms", SET, "6", true, OK, NULL);
    assert_int_equal(f->decide.records.count, 0); // only asked
    alter(f, IMAGE_RESOURCE_TOPIC, "t", "list", APPEND, "a", false, OK, NULL);
    alter(f, IMAGE_RESOURCE_TOPIC, "t", "list", APPEND, "b", false, OK, NULL);
    assert_true(is_set(f, IMAGE_RESOURCE_TOPIC, "t", "list", "a,b"));
    alter(f, IMAGE_RESOURCE_TOPIC, "t", "list", DELETE, NULL, false, OK, NULL);
    assert_true(slice_is_null(image_config(now(f), IMAGE_RESOURCE_TOPIC, SLICE("t"), "list")));
    alter(f, IMAGE_RESOURCE_BROKER, "", "log.retention.ms", SET, "7", false, OK, NULL);
    alter(f, IMAGE_RESOURCE_BROKER, "", "log.retention.ms", SET, "7", false, OK, NULL);
    assert_int_equal(f->decide.records.count, 1); // brokers reload
}

static void refusals_write_nothing(void **state)
{
    struct fixture *f = *state;
    alter(f, IMAGE_RESOURCE_TOPIC, "t", "retention.ms", APPEND, "5", false, ERR_INVALID_CONFIG,
          "Can't APPEND to key retention.ms because its type is not LIST.");
    alter(f, IMAGE_RESOURCE_TOPIC, "t", "bad", SET, "5", false, ERR_INVALID_CONFIG, "Unknown topic config name: bad");
    alter(f, IMAGE_RESOURCE_TOPIC, "nope", "retention.ms", SET, "5", true, ERR_UNKNOWN_TOPIC_OR_PARTITION,
          "The topic 'nope' does not exist.");
    alter(f, IMAGE_RESOURCE_TOPIC, "", "retention.ms", SET, "5", false, ERR_INVALID_REQUEST,
          "Default topic resources are not allowed.");
    alter(f, IMAGE_RESOURCE_TOPIC, "..", "retention.ms", SET, "5", false, ERR_INVALID_TOPIC_EXCEPTION,
          "Topic name is invalid: '..' is not allowed");
    alter(f, IMAGE_RESOURCE_BROKER, "99", "log.retention.ms", SET, "5", false, ERR_BROKER_ID_NOT_REGISTERED,
          "No broker with id 99 found.");
    alter(f, IMAGE_RESOURCE_GROUP, "", "a", SET, "5", false, ERR_INVALID_REQUEST,
          "Default group resources are not allowed.");
    alter(f, IMAGE_RESOURCE_BROKER, "1", "min.insync.replicas", SET, "2", false, ERR_INVALID_CONFIG,
          "Broker-level min.insync.replicas cannot be altered while ELR is enabled.");
    alter(f, IMAGE_RESOURCE_BROKER, "", "min.insync.replicas", DELETE, NULL, false, ERR_INVALID_CONFIG,
          "Cluster-level min.insync.replicas cannot be removed while ELR is enabled.");
    assert_int_equal(f->decide.records.count, 0);
}

static bool is_record(struct slice value, int type)
{
    return value.size > 2 && value.data[0] == 1 && value.data[1] == type;
}

static void another_minimum_clears_the_elr(void **state)
{
    struct fixture *f = *state;
    alter(f, IMAGE_RESOURCE_TOPIC, "t", "min.insync.replicas", SET, "2", false, OK, NULL);
    assert_int_equal(f->decide.records.count, 2);
    assert_true(is_record(f->decide.records.items[0], CONFIG_RECORD_KEY));
    assert_true(is_record(f->decide.records.items[1], CLEAR_ELR_RECORD_KEY));
}

static void altering_all_takes_away_what_is_not_named(void **state)
{
    struct fixture *f = *state;
    alter(f, IMAGE_RESOURCE_TOPIC, "t", "retention.ms", SET, "5", false, OK, NULL);
    struct alter_configs_request_alterable_config config = {.name = SLICE("segment.ms"), .value = SLICE("9")};
    struct alter_configs_request_alter_configs_resource resource = {
        .resource_type = IMAGE_RESOURCE_TOPIC, .resource_name = SLICE("t"), .configs = {&config, 1}};
    struct alter_configs_request request = {.resources = {&resource, 1}};
    struct alter_configs_response response = alter_configs_response_init();
    assert_int_equal(decide_alter_configs(begin(f), &request, &response), OK);
    apply(f);
    assert_true(is_set(f, IMAGE_RESOURCE_TOPIC, "t", "segment.ms", "9"));
    assert_int_equal(image_resource(now(f), IMAGE_RESOURCE_TOPIC, SLICE("t"))->count, 1);
}

// ---- quotas -----------------------------------------------------------------------------------------------------

static void quota(struct fixture *f, const char *type, const char *name, const char *key, double value, bool remove,
                  const char *sentence)
{
    struct alter_client_quotas_request_entity_data entity = {.entity_type = slice_str(type),
                                                             .entity_name = slice_str(name)};
    struct alter_client_quotas_request_op_data op = {.key = slice_str(key), .value = value, .remove = remove};
    struct alter_client_quotas_request_entry_data entry = {.entity = {&entity, 1}, .ops = {&op, 1}};
    struct alter_client_quotas_request request = {.entries = {&entry, 1}};
    struct alter_client_quotas_response response = alter_client_quotas_response_init();
    assert_int_equal(decide_alter_client_quotas(begin(f), &request, &response), OK);
    assert_int_equal(response.entries.count, 1);
    assert_int_equal(response.entries.items[0].error_code, sentence == NULL ? OK : ERR_INVALID_REQUEST);
    if (sentence != NULL) assert_string_equal(arena_str(&f->arena, response.entries.items[0].error_message), sentence);
    apply(f);
}

static void quotas_come_and_go(void **state)
{
    struct fixture *f = *state;
    struct image_quota_part alice = {SLICE("user"), SLICE("alice")}, anyone = {SLICE("user"), SLICE_NULL};
    quota(f, "user", "alice", "producer_byte_rate", 1000, false, NULL);
    quota(f, "user", NULL, "request_percentage", 12.5, false, NULL);
    double value = 0;
    assert_true(image_quota_value(image_quota(now(f), &alice, 1), SLICE("producer_byte_rate"), &value));
    assert_true(value == 1000);
    assert_true(image_quota_value(image_quota(now(f), &anyone, 1), SLICE("request_percentage"), &value));
    quota(f, "user", "alice", "producer_byte_rate", 1000, false, NULL);
    assert_int_equal(f->decide.records.count, 0);
    quota(f, "user", "alice", "producer_byte_rate", 0, true, NULL);
    assert_null(image_quota(now(f), &alice, 1));
    quota(f, "user", "alice", "producer_byte_rate", 0, true, NULL);
    assert_int_equal(f->decide.records.count, 0);
}

static void quotas_are_refused_in_kafkas_words(void **state)
{
    struct fixture *f = *state;
    quota(f, "ip", NULL, "connection_creation_rate", 100.5, false,
          "connection_creation_rate cannot be a fractional value.");
    quota(f, "ip", NULL, "producer_byte_rate", 100, false, "Invalid configuration key producer_byte_rate");
    quota(f, "ip", "not a host", "connection_creation_rate", 1, false,
          "not a host is not a valid IP or resolvable host.");
    quota(f, "ip", "::1", "connection_creation_rate", 1, false, NULL);
    quota(f, "user", "bob", "producer_byte_rate", 0, false, "Quota producer_byte_rate must be greater than 0");
    quota(f, "user", "bob", "producer_byte_rate", 1e30, false,
          "Proposed value for producer_byte_rate is too large for a LONG.");
    quota(f, "user", "", "producer_byte_rate", 1, false, "Empty user not supported");
    quota(f, "foo", "x", "producer_byte_rate", 1, false, "Unhandled client quota entity type: foo");
    assert_int_equal(now(f)->quotas.count, 1);
}

// ---- features ---------------------------------------------------------------------------------------------------

static void feature(struct fixture *f, const char *name, int16_t level, int8_t type, const char *sentence)
{
    struct update_features_request_feature_update_key update = {
        .feature = slice_str(name), .max_version_level = level, .upgrade_type = type};
    struct update_features_request request = {.feature_updates = {&update, 1}};
    struct update_features_response response = update_features_response_init();
    assert_int_equal(decide_update_features(begin(f), &request, 1, &response), OK);
    assert_int_equal(response.error_code, sentence == NULL ? OK : ERR_INVALID_UPDATE_VERSION);
    if (sentence != NULL) {
        const char *whole = arena_printf(
            &f->arena, "The update failed for all features since the following feature had an error: %s", sentence);
        assert_string_equal(arena_str(&f->arena, response.error_message), whole);
    }
    apply(f);
}

static void feature_levels_go_down_and_up(void **state)
{
    struct fixture *f = *state;
    feature(f, "group.version", 0, SAFE, NULL);
    assert_int_equal(image_feature_level(now(f), "group.version"), 0);
    feature(f, "group.version", 1, UPGRADE, NULL);
    assert_int_equal(image_feature_level(now(f), "group.version"), 1);
    feature(f, "eligible.leader.replicas.version", 0, SAFE, NULL);
    alter(f, IMAGE_RESOURCE_BROKER, "", "min.insync.replicas", DELETE, NULL, false, OK, NULL);
    feature(f, "eligible.leader.replicas.version", 1, UPGRADE, NULL);
    assert_true(is_set(f, IMAGE_RESOURCE_BROKER, "", "min.insync.replicas", "1")); // ELR needs to know
}

static void impossible_levels_are_refused(void **state)
{
    struct fixture *f = *state;
    feature(f, "group.version", 0, UPGRADE,
            "Invalid update version 0 for feature group.version. Can't downgrade the version of this feature without "
            "setting the upgrade type to either safe or unsafe downgrade.");
    feature(f, "group.version", 2, UPGRADE,
            "Invalid update version 2 for feature group.version. Local controller 1 only supports versions 0-1");
    feature(f, "group.version", -1, UPGRADE,
            "Invalid update version -1 for feature group.version. A feature version cannot be less than 0.");
    feature(f, "group.version", 1, 9,
            "Invalid update version 1 for feature group.version. The controller does not support the given upgrade "
            "type.");
    feature(f, "foo", 1, UPGRADE,
            "Invalid update version 1 for feature foo. Local controller 1 does not support this feature.");
    feature(f, "foo", 0, SAFE, "Invalid update version 0 for feature foo. Feature foo not found.");
    feature(f, "metadata.version", 29, SAFE,
            "Unsupported metadata.version downgrade from 30 to 29. Refusing to perform the requested downgrade because "
            "it might delete metadata information.");
    feature(f, "metadata.version", 29, UNSAFE,
            "Unsupported metadata.version downgrade from 30 to 29. Unsafe metadata downgrade is not supported in this "
            "version.");
    assert_int_equal(f->decide.records.count, 0);
}

// ---- SCRAM credentials ------------------------------------------------------------------------------------------

static void no_keys(bool is_sha512, struct slice salted_password, struct arena *arena, struct slice *stored_key,
                    struct slice *server_key)
{
    (void)is_sha512;
    (void)arena;
    *stored_key = salted_password;
    *server_key = salted_password;
}

static enum err scram(struct fixture *f, const char *deleted, const char *stored, int32_t iterations)
{
    struct alter_user_scram_credentials_request_scram_credential_deletion deletion = {.name = slice_str(deleted),
                                                                                      .mechanism = 1};
    struct alter_user_scram_credentials_request_scram_credential_upsertion upsertion = {.name = slice_str(stored),
                                                                                        .mechanism = 1,
                                                                                        .iterations = iterations,
                                                                                        .salt = SLICE("s"),
                                                                                        .salted_password = SLICE("p")};
    struct alter_user_scram_credentials_request request = {.deletions = {&deletion, deleted != NULL},
                                                           .upsertions = {&upsertion, stored != NULL}};
    struct alter_user_scram_credentials_response response = alter_user_scram_credentials_response_init();
    assert_int_equal(decide_alter_scram_credentials(begin(f), &request, no_keys, &response), OK);
    assert_int_equal(response.results.count, 1);
    apply(f);
    return (enum err)response.results.items[0].error_code;
}

static void scram_credentials_come_and_go(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(scram(f, "carol", NULL, 0), ERR_RESOURCE_NOT_FOUND);
    assert_int_equal(scram(f, NULL, "carol", 4095), ERR_UNACCEPTABLE_CREDENTIAL);
    assert_int_equal(scram(f, NULL, "carol", 16385), ERR_UNACCEPTABLE_CREDENTIAL);
    assert_int_equal(scram(f, NULL, "", 4096), ERR_UNACCEPTABLE_CREDENTIAL);
    assert_false(image_has_scram(now(f), SLICE("carol"), 1));
    assert_int_equal(scram(f, NULL, "carol", 4096), OK);
    assert_true(image_has_scram(now(f), SLICE("carol"), 1));
    assert_false(image_has_scram(now(f), SLICE("carol"), 2));
    assert_int_equal(scram(f, "carol", "carol", 4096), ERR_DUPLICATE_RESOURCE);
    assert_int_equal(scram(f, "carol", NULL, 0), OK);
    assert_false(image_has_scram(now(f), SLICE("carol"), 1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(settings_are_set_appended_and_taken_away, set_up, tear_down),
        cmocka_unit_test_setup_teardown(refusals_write_nothing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(another_minimum_clears_the_elr, set_up, tear_down),
        cmocka_unit_test_setup_teardown(altering_all_takes_away_what_is_not_named, set_up, tear_down),
        cmocka_unit_test_setup_teardown(quotas_come_and_go, set_up, tear_down),
        cmocka_unit_test_setup_teardown(quotas_are_refused_in_kafkas_words, set_up, tear_down),
        cmocka_unit_test_setup_teardown(feature_levels_go_down_and_up, set_up, tear_down),
        cmocka_unit_test_setup_teardown(impossible_levels_are_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(scram_credentials_come_and_go, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
