// SPDX-License-Identifier: Apache-2.0
// Against Java's assignors: tests/golden/assignor is what tests/oracle/assignor.sh wrote from them. With a file as
// argument, that file's cases.
#include "client/assignor.h"

#include "base/mem.h"
#include "base/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

struct golden {
    const char *cases_path; // NULL = the repository's
};

static void read_golden(const char *path, const char *name, struct text *out)
{
    const char *end = strstr(__FILE__, "src/client/");
    struct text full = {0};
    if (path != NULL)
        text_add_str(&full, path);
    else
        text_printf(&full, "%.*stests/golden/assignor/%s", (int)(end - __FILE__), __FILE__, name);
    FILE *file = fopen(text_cstr(&full), "rb");
    assert_non_null(file);
    text_deinit(&full);
    for (size_t got = 1; got > 0; text_grew(out, got)) got = fread(text_reserve(out, 65536), 1, 65536, file);
    fclose(file);
}

// The piece before `separator`; `rest` moves behind it. "-" is nothing.
static struct slice piece(struct slice *rest, char separator)
{
    const uint8_t *at = rest->size == 0 ? NULL : memchr(rest->data, separator, rest->size);
    size_t size = at == NULL ? rest->size : (size_t)(at - rest->data);
    struct slice found = slice_of(rest->data, size);
    size_t step = size + (at != NULL);
    *rest = slice_of(rest->data + step, rest->size - step);
    return slice_eq_str(found, "-") ? slice_of(found.data, 0) : found;
}

static int32_t number(struct slice text)
{
    char digits[16] = {0};
    assert_in_range(text.size, 1, sizeof(digits) - 1);
    memcpy(digits, text.data, text.size);
    return (int32_t)strtol(digits, NULL, 10);
}

static struct assignor_partitions partitions(struct slice text, struct arena *arena)
{
    struct assignor_partitions list = {.items = ARENA_ARRAY(arena, struct assignor_partition, text.size + 1)};
    while (text.size > 0) {
        struct slice entry = piece(&text, ','), topic = piece(&entry, ':');
        while (entry.size > 0)
            list.items[list.count++] = (struct assignor_partition){topic, number(piece(&entry, '.'))};
    }
    return list;
}

static struct assignor_member member(struct slice text, struct arena *arena, struct slice *expected)
{
    struct assignor_member m = {.member_id = piece(&text, '/')};
    m.instance_id = piece(&text, '/');
    if (m.instance_id.size == 0) m.instance_id = SLICE_NULL;
    struct slice topics = piece(&text, '/');
    m.topics = ARENA_ARRAY(arena, struct slice, topics.size + 1);
    while (topics.size > 0) m.topics[m.topic_count++] = piece(&topics, ',');
    m.owned = partitions(piece(&text, '/'), arena);
    m.generation = number(piece(&text, '/'));
    m.subscription_generation = number(piece(&text, '/'));
    *expected = piece(&text, '/');
    return m;
}

static void check_case(struct slice line, struct arena *arena)
{
    enum { MEMBERS_MAX = 64, TOPICS_MAX = 64 };
    struct slice rest = line, expected[MEMBERS_MAX];
    struct assignor_topic topics[TOPICS_MAX];
    struct assignor_member members[MEMBERS_MAX];
    size_t topic_count = 0, member_count = 0;
    enum assignor assignor = ASSIGNOR_RANGE;
    assert_true(assignor_find(piece(&rest, ' '), &assignor));
    struct slice list = piece(&rest, ' ');
    while (list.size > 0) {
        struct slice entry = piece(&list, ','), name = piece(&entry, ':');
        assert_true(topic_count < TOPICS_MAX);
        topics[topic_count++] = (struct assignor_topic){name, number(entry)};
    }
    while (rest.size > 0) {
        assert_true(member_count < MEMBERS_MAX);
        members[member_count] = member(piece(&rest, ' '), arena, &expected[member_count]);
        // The leader sees what came over the wire.
        struct assignor_member *m = &members[member_count++];
        struct assignor_member sent = *m;
        struct slice bytes = assignor_encode_subscription(assignor, &sent, arena);
        assert_int_equal(assignor_decode_subscription(assignor, bytes, arena, m), OK);
    }
    assignor_assign(assignor, topics, topic_count, members, member_count, arena);
    for (size_t i = 0; i < member_count; i++) {
        struct assignor_partitions want = partitions(expected[i], arena);
        bool same = want.count == members[i].assigned.count;
        for (size_t p = 0; same && p < want.count; p++) {
            same = assignor_contains(&members[i].assigned, want.items[p].topic, want.items[p].index);
        }
        if (same) continue;
        print_message("%.*s\n%.*s: %zu partitions, Java %.*s; ours", SLICE_FMT(line), SLICE_FMT(members[i].member_id),
                      members[i].assigned.count, SLICE_FMT(expected[i]));
        for (size_t p = 0; p < members[i].assigned.count; p++) {
            print_message(" %.*s-%d", SLICE_FMT(members[i].assigned.items[p].topic),
                          members[i].assigned.items[p].index);
        }
        print_message("\n");
        fail();
    }
}

static void assignments_are_javas(void **state)
{
    const struct golden *golden = *state;
    struct text content = {0};
    struct arena arena = {0};
    read_golden(golden->cases_path, "java.txt", &content);
    struct slice rest = text_slice(&content);
    size_t cases = 0;
    for (; rest.size > 0; cases++) {
        check_case(piece(&rest, '\n'), &arena);
        arena_reset(&arena);
    }
    assert_true(cases > 50);
    print_message("%zu assignments\n", cases);
    arena_deinit(&arena);
    text_deinit(&content);
}

// ---- bytes -----------------------------------------------------------------------------------------------------

static const char *hex_of(struct slice bytes, struct arena *arena)
{
    char *out = arena_alloc(arena, bytes.size * 2 + 1);
    for (size_t i = 0; i < bytes.size; i++) snprintf(out + i * 2, 3, "%02x", bytes.data[i]);
    return out;
}

static void check_bytes(const char *name, struct slice ours, struct arena *arena)
{
    struct text content = {0};
    read_golden(NULL, "bytes.txt", &content);
    struct slice rest = text_slice(&content), theirs = SLICE_NULL;
    while (rest.size > 0) {
        struct slice line = piece(&rest, '\n'), key = piece(&line, ' ');
        if (slice_eq_str(key, name)) theirs = line;
    }
    assert_false(slice_is_null(theirs));
    assert_string_equal(hex_of(ours, arena), arena_str(arena, theirs));
    text_deinit(&content);
}

static void bytes_are_javas(void **state)
{
    (void)state;
    struct arena arena = {0};
    struct slice topics[] = {SLICE("a"), SLICE("b")};
    struct assignor_partition owned[] = {{SLICE("b"), 1}, {SLICE("a"), 3}, {SLICE("a"), 0}};
    struct assignor_member m = {.topics = topics, .topic_count = 2, .generation = -1, .subscription_generation = -1};
    check_bytes("range-1", assignor_encode_subscription(ASSIGNOR_RANGE, &m, &arena), &arena);
    check_bytes("sticky-1", assignor_encode_subscription(ASSIGNOR_STICKY, &m, &arena), &arena);
    check_bytes("cooperative-sticky-1", assignor_encode_subscription(ASSIGNOR_COOPERATIVE_STICKY, &m, &arena), &arena);
    m.owned = (struct assignor_partitions){owned, 3};
    m.generation = m.subscription_generation = 7;
    m.rack_id = SLICE("r1");
    check_bytes("range7", assignor_encode_subscription(ASSIGNOR_RANGE, &m, &arena), &arena);
    check_bytes("sticky7", assignor_encode_subscription(ASSIGNOR_STICKY, &m, &arena), &arena);
    check_bytes("cooperative-sticky7", assignor_encode_subscription(ASSIGNOR_COOPERATIVE_STICKY, &m, &arena), &arena);
    check_bytes("assignment", assignor_encode_assignment(&m.owned, &arena), &arena);
    check_bytes("assignment-empty", assignor_encode_assignment(&(struct assignor_partitions){0}, &arena), &arena);
    arena_deinit(&arena);
}

static void subscriptions_come_back(void **state)
{
    (void)state;
    struct arena arena = {0};
    struct slice topics[] = {SLICE("a")};
    struct assignor_partition owned[] = {{SLICE("a"), 4}, {SLICE("a"), 2}};
    for (int i = 0; i < 4; i++) {
        enum assignor assignor = (enum assignor)i;
        struct assignor_member m = {.topics = topics, .topic_count = 1, .generation = 5, .subscription_generation = 5};
        m.owned = (struct assignor_partitions){owned, 2};
        m.rack_id = SLICE("here");
        struct slice bytes = assignor_encode_subscription(assignor, &m, &arena);
        struct assignor_member back = {0};
        assert_int_equal(assignor_decode_subscription(assignor, bytes, &arena, &back), OK);
        assert_true(back.topic_count == 1 && slice_eq_str(back.topics[0], "a") && slice_eq_str(back.rack_id, "here"));
        assert_true(back.generation == 5 && back.subscription_generation == 5 && back.owned.count == 2);
        assert_true(assignor_contains(&back.owned, SLICE("a"), 2) && assignor_contains(&back.owned, SLICE("a"), 4));
        for (size_t size = 0; size + 1 < bytes.size; size++) { // cut anywhere: an error or less, never a crash
            (void)!assignor_decode_subscription(assignor, slice_of(bytes.data, size), &arena, &back);
        }
    }
    arena_deinit(&arena);
}

static void newer_versions_are_read_as_ours(void **state)
{
    (void)state;
    struct arena arena = {0};
    struct assignor_partition owned[] = {{SLICE("a"), 4}};
    struct assignor_partitions list = {owned, 1}, back;
    struct slice bytes = assignor_encode_assignment(&list, &arena);
    uint8_t *newer = arena_zalloc(&arena, 1, bytes.size + 3);
    memcpy(newer, bytes.data, bytes.size);
    newer[1] = 9;
    assert_int_equal(assignor_decode_assignment(slice_of(newer, bytes.size + 3), &arena, &back), OK);
    assert_true(back.count == 1 && back.items[0].index == 4);
    assert_int_equal(assignor_decode_assignment(SLICE_NULL, &arena, &back), OK);
    assert_int_equal(back.count, 0);
    assert_int_not_equal(assignor_decode_assignment(slice_of(newer, 5), &arena, &back), OK);
    arena_deinit(&arena);
}

int main(int argc, char **argv)
{
    struct golden golden = {.cases_path = argc > 1 ? argv[1] : NULL};
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_prestate(assignments_are_javas, &golden),
        cmocka_unit_test(bytes_are_javas),
        cmocka_unit_test(subscriptions_come_back),
        cmocka_unit_test(newer_versions_are_read_as_ours),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
