// SPDX-License-Identifier: Apache-2.0
// AlterClientQuotas (KIP-546): order of checks, sentences and the handling of doubles are Kafka 4.3.1's, observed.
#include "meta/decide_int.h"
#include "proto/alter_client_quotas.h"
#include "proto/client_quota_record.h"

enum quota_type { QUOTA_INT, QUOTA_LONG, QUOTA_DOUBLE };

static const struct quota_key {
    const char *name;
    bool is_of_ips;
    enum quota_type type;
} quota_keys[] = {
    {"producer_byte_rate", false, QUOTA_LONG},     {"consumer_byte_rate", false, QUOTA_LONG},
    {"request_percentage", false, QUOTA_DOUBLE},   {"controller_mutation_rate", false, QUOTA_DOUBLE},
    {"connection_creation_rate", true, QUOTA_INT},
};

static const struct quota_key *find_key(struct slice name, bool is_of_ips)
{
    for (size_t i = 0; i < COUNT_OF(quota_keys); i++)
        if (slice_eq_str(name, quota_keys[i].name) && quota_keys[i].is_of_ips == is_of_ips) return &quota_keys[i];
    return NULL;
}

// One entity of the request; each once.
struct entity {
    struct image_quota_part *parts;
    int32_t count;
    struct decide_problem problem;
};

static struct decide_problem invalid(const char *text)
{
    return (struct decide_problem){ERR_INVALID_REQUEST, text};
}

static bool is_same_entity(const struct entity *a, const struct entity *b)
{
    if (a->count != b->count) return false;
    for (int32_t i = 0; i < a->count; i++)
        if (!slice_eq(a->parts[i].type, b->parts[i].type) || !slice_eq(a->parts[i].name, b->parts[i].name) ||
            slice_is_null(a->parts[i].name) != slice_is_null(b->parts[i].name))
            return false;
    return true;
}

static struct entity entity_of(struct decide *decide, const struct alter_client_quotas_request_entry_data *in)
{
    struct entity e = {.parts = ARENA_ARRAY(decide->arena, struct image_quota_part, in->entity.count)};
    for (int32_t i = 0; i < in->entity.count; i++) {
        int32_t k = 0; // of a type named twice the last counts
        while (k < e.count && !slice_eq(e.parts[k].type, in->entity.items[i].entity_type)) k++;
        e.parts[k] = (struct image_quota_part){in->entity.items[i].entity_type, in->entity.items[i].entity_name};
        if (k == e.count) e.count++;
    }
    image_quota_sort(e.parts, e.count);
    return e;
}

// "ClientQuotaEntity(entries={client-id=c, user=null})"
static const char *entity_text(const struct entity *e, struct arena *arena)
{
    const char *text = "ClientQuotaEntity(entries={";
    for (int32_t i = 0; i < e->count; i++)
        text = slice_is_null(e->parts[i].name)
                   ? arena_printf(arena, "%s%s%.*s=null", text, i == 0 ? "" : ", ", SLICE_FMT(e->parts[i].type))
                   : arena_printf(arena, "%s%s%.*s=%.*s", text, i == 0 ? "" : ", ", SLICE_FMT(e->parts[i].type),
                                  SLICE_FMT(e->parts[i].name));
    return arena_printf(arena, "%s})", text);
}

// ---- judging ----------------------------------------------------------------------------------------------------

static bool is_ipv4(struct slice text)
{
    int parts = 0, number = -1;
    for (size_t i = 0; i <= text.size; i++) {
        bool is_digit = i < text.size && text.data[i] >= '0' && text.data[i] <= '9';
        if (is_digit) {
            number = (number < 0 ? 0 : number) * 10 + (text.data[i] - '0');
            if (number > 255) return false;
        } else if ((i == text.size || text.data[i] == '.') && number >= 0) {
            parts++;
            number = -1;
        } else {
            return false;
        }
    }
    return parts == 4;
}

static bool is_ipv6(struct slice text)
{
    int colons = 0;
    for (size_t i = 0; i < text.size; i++) {
        uint8_t c = text.data[i];
        bool is_hex = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
        if (!is_hex && c != ':' && c != '.') return false;
        colons += c == ':';
    }
    return colons >= 2 && colons <= 7;
}

// Kafka resolves names; the controller here asks nobody, so only addresses and the one name that needs no asking.
static bool is_address(struct slice name)
{
    return slice_is_null(name) || is_ipv4(name) || is_ipv6(name) || slice_eq_str(name, "localhost");
}

static bool has_part(const struct entity *e, const char *type, struct slice *name)
{
    for (int32_t i = 0; i < e->count; i++) {
        if (!slice_eq_str(e->parts[i].type, type)) continue;
        *name = e->parts[i].name;
        return true;
    }
    return false;
}

static struct decide_problem judge_entity(const struct entity *e, struct arena *arena, bool *is_of_ips)
{
    if (e->count == 0) return invalid("Invalid empty client quota entity");
    for (int32_t i = 0; i < e->count; i++) {
        const struct image_quota_part *part = &e->parts[i];
        if (!slice_eq_str(part->type, "user") && !slice_eq_str(part->type, "client-id") &&
            !slice_eq_str(part->type, "ip"))
            return invalid(arena_printf(arena, "Unhandled client quota entity type: %.*s", SLICE_FMT(part->type)));
        if (!slice_is_null(part->name) && part->name.size == 0)
            return invalid(arena_printf(arena, "Empty %.*s not supported", SLICE_FMT(part->type)));
    }
    struct slice ip = SLICE_NULL;
    *is_of_ips = has_part(e, "ip", &ip);
    if (*is_of_ips && e->count > 1)
        return invalid("Invalid quota entity combination, IP entity shouldnot be combined with User or ClientId");
    if (*is_of_ips && !is_address(ip))
        return invalid(arena_printf(arena, "%.*s is not a valid IP or resolvable host.", SLICE_FMT(ip)));
    return (struct decide_problem){OK, NULL};
}

static bool is_fractional(double value)
{
    if (!(value < 4503599627370496.0)) return false; // 2^52: no room for a fraction; nor has what is no number one
    double rest = value - (double)(int64_t)value;
    return rest > 1e-6;
}

static struct decide_problem judge_value(const struct quota_key *key, struct slice name, double value,
                                         struct arena *arena)
{
    if (key == NULL) return invalid(arena_printf(arena, "Invalid configuration key %.*s", SLICE_FMT(name)));
    if (value <= 0) return invalid(arena_printf(arena, "Quota %s must be greater than 0", key->name));
    if (key->type == QUOTA_DOUBLE) return (struct decide_problem){OK, NULL};
    if (key->type == QUOTA_INT && value > INT32_MAX)
        return invalid(arena_printf(arena, "Proposed value for %s is too large for an INT.", key->name));
    if (key->type == QUOTA_LONG && value > 9223372036854775808.0)
        return invalid(arena_printf(arena, "Proposed value for %s is too large for a LONG.", key->name));
    if (is_fractional(value)) return invalid(arena_printf(arena, "%s cannot be a fractional value.", key->name));
    return (struct decide_problem){OK, NULL};
}

static bool is_same_value(double a, double b)
{
    return memcmp(&a, &b, sizeof(a)) == 0; // as Java compares Doubles: what is no number equals itself
}

// ---- deciding ---------------------------------------------------------------------------------------------------

static void add_record(struct metadata_records *records, struct arena *arena, const struct entity *e,
                       const struct alter_client_quotas_request_op_data *op)
{
    struct client_quota_record record = client_quota_record_init();
    record.entity.items = ARENA_ARRAY(arena, struct client_quota_record_entity_data, e->count);
    record.entity.count = e->count;
    for (int32_t i = 0; i < e->count; i++)
        record.entity.items[i] =
            (struct client_quota_record_entity_data){.entity_type = e->parts[i].type, .entity_name = e->parts[i].name};
    record.key = op->key;
    record.remove = op->remove;
    if (!op->remove) record.value = op->value;
    METADATA_ADD(records, arena, client_quota_record, 0, &record);
}

static struct decide_problem alter(struct decide *decide, const struct entity *e,
                                   const struct alter_client_quotas_request_entry_data *in, bool is_validation)
{
    bool is_of_ips = false;
    struct decide_problem problem = judge_entity(e, decide->arena, &is_of_ips);
    if (problem.code != OK) return problem;
    for (int32_t i = 0; i < in->ops.count; i++) {
        const struct alter_client_quotas_request_op_data *op = &in->ops.items[i];
        if (op->remove) continue;
        problem = judge_value(find_key(op->key, is_of_ips), op->key, op->value, decide->arena);
        if (problem.code != OK) return problem;
    }
    const struct image_quota *now = image_quota(decide->image, e->parts, e->count);
    for (int32_t i = 0; i < in->ops.count && !is_validation; i++) {
        const struct alter_client_quotas_request_op_data *op = &in->ops.items[i];
        double value = 0;
        bool is_set = image_quota_value(now, op->key, &value);
        if (op->remove ? is_set : !is_set || !is_same_value(value, op->value))
            add_record(&decide->records, decide->arena, e, op);
    }
    return (struct decide_problem){OK, NULL};
}

static bool has_double_key(const struct alter_client_quotas_request_entry_data *in)
{
    for (int32_t i = 0; i < in->ops.count; i++)
        for (int32_t k = 0; k < i; k++)
            if (slice_eq(in->ops.items[i].key, in->ops.items[k].key)) return true;
    return false;
}

static void answer(struct decide *decide, const struct entity *e, struct alter_client_quotas_response_entry_data *out)
{
    *out = alter_client_quotas_response_entry_data_init();
    out->error_code = err_to_wire(e->problem.code);
    out->error_message = slice_str(e->problem.text);
    out->entity.items = ARENA_ARRAY(decide->arena, struct alter_client_quotas_response_entity_data, e->count);
    out->entity.count = e->count;
    for (int32_t i = 0; i < e->count; i++)
        out->entity.items[i] = (struct alter_client_quotas_response_entity_data){.entity_type = e->parts[i].type,
                                                                                 .entity_name = e->parts[i].name};
}

enum err decide_alter_client_quotas(struct decide *decide, const struct alter_client_quotas_request *request,
                                    struct alter_client_quotas_response *response)
{
    int64_t changes = 0;
    for (int32_t i = 0; i < request->entries.count; i++) changes += 1 + request->entries.items[i].ops.count;
    if (changes > METADATA_RECORDS_MAX) return ERR_POLICY_VIOLATION;
    struct entity *entities = ARENA_ARRAY(decide->arena, struct entity, request->entries.count);
    int32_t count = 0;
    for (int32_t i = 0; i < request->entries.count; i++) {
        const struct alter_client_quotas_request_entry_data *in = &request->entries.items[i];
        struct entity e = entity_of(decide, in);
        int32_t k = 0;
        while (k < count && !is_same_entity(&entities[k], &e)) k++;
        // An entity named twice has one answer, and what its first entry asked for is done.
        if (k < count || has_double_key(in))
            e.problem =
                invalid(arena_printf(decide->arena, "Ignoring duplicate entity %s", entity_text(&e, decide->arena)));
        else
            e.problem = alter(decide, &e, in, request->validate_only);
        entities[k] = e;
        if (k == count) count++;
    }
    response->entries.items = ARENA_ARRAY(decide->arena, struct alter_client_quotas_response_entry_data, count);
    response->entries.count = count;
    for (int32_t i = 0; i < count; i++) answer(decide, &entities[i], &response->entries.items[i]);
    return OK;
}
