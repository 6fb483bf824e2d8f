// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include "base/slice.h"

#include <cmocka.h>

#include "base/arena.h"

static void test_aligned_and_apart(void **state)
{
    (void)state;
    struct arena arena = {0};
    uint8_t *blocks[200];
    for (size_t i = 0; i < 200; i++) {
        size_t size = i == 150 ? 300000 : i * 7; // one far above a block
        blocks[i] = arena_alloc(&arena, size);
        assert_int_equal((uintptr_t)blocks[i] % 16, 0);
        memset(blocks[i], (int)i, size);
    }
    for (size_t i = 0; i < 200; i++)
        for (size_t at = 0; at < (i == 150 ? 300000 : i * 7); at++)
            if (blocks[i][at] != (uint8_t)i) fail_msg("block %zu was overwritten at %zu", i, at);
    assert_true(arena_used(&arena) >= 300000);
    arena_deinit(&arena);
    assert_int_equal(arena_used(&arena), 0);
}

static void test_empty_allocations_are_distinct(void **state)
{
    (void)state;
    struct arena arena = {0};
    void *a = arena_alloc(&arena, 0);
    void *b = arena_alloc(&arena, 0);
    assert_non_null(a);
    assert_ptr_not_equal(a, b);
    arena_deinit(&arena);
}

static void test_copies(void **state)
{
    (void)state;
    struct arena arena = {0};
    struct slice copy = arena_copy(&arena, SLICE("bytes"));
    assert_true(slice_eq_str(copy, "bytes"));
    assert_true(slice_is_null(arena_copy(&arena, SLICE_NULL)));
    assert_false(slice_is_null(arena_copy(&arena, SLICE(""))));
    assert_string_equal(arena_str(&arena, SLICE("text")), "text");
    assert_string_equal(arena_str(&arena, SLICE_NULL), "");
    assert_string_equal(arena_printf(&arena, "%d-%s", 7, "x"), "7-x");
    int *zeros = ARENA_ARRAY(&arena, int, 50);
    for (int i = 0; i < 50; i++) assert_int_equal(zeros[i], 0);
    arena_deinit(&arena);
}

static void test_reset_forgets_and_serves_again(void **state)
{
    (void)state;
    struct arena arena = {0};
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < 100; i++) memset(arena_alloc(&arena, 5000), round, 5000);
        arena_reset(&arena);
        assert_int_equal(arena_used(&arena), 0);
        int *zeroed = ARENA_NEW(&arena, int); // from memory that was written before
        assert_int_equal(*zeroed, 0);
    }
    arena_deinit(&arena);
}

static void test_adopted_memory_lives_with_the_adopter(void **state)
{
    (void)state;
    struct arena arena = {0};
    struct arena other = {0};
    arena_adopt(&arena, &other); // nothing to take
    assert_int_equal(arena_used(&arena), 0);
    char *own = arena_printf(&arena, "own");
    char *small = arena_printf(&other, "small");
    uint8_t *large = arena_alloc(&other, 300000);
    memset(large, 7, 300000);
    arena_adopt(&arena, &other);
    assert_int_equal(arena_used(&other), 0);
    assert_true(arena_used(&arena) >= 300000);
    arena_deinit(&other);
    char *next = arena_printf(&arena, "next");
    assert_string_equal(own, "own");
    assert_string_equal(small, "small");
    assert_string_equal(next, "next");
    assert_int_equal(large[299999], 7);
    struct arena empty = {0};
    arena_adopt(&empty, &arena);
    assert_string_equal(small, "small");
    assert_int_equal(arena_used(&arena), 0);
    arena_deinit(&empty);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_aligned_and_apart),
        cmocka_unit_test(test_empty_allocations_are_distinct),
        cmocka_unit_test(test_copies),
        cmocka_unit_test(test_reset_forgets_and_serves_again),
        cmocka_unit_test(test_adopted_memory_lives_with_the_adopter),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
