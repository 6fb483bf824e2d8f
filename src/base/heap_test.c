// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include "base/slice.h"

#include <cmocka.h>

#include "base/heap.h"

enum { COUNT = 500 };

static void test_leaves_in_order(void **state)
{
    (void)state;
    struct heap heap = {0};
    struct heap_node nodes[COUNT] = {0};
    assert_null(heap_min(&heap));
    uint32_t x = 7;
    for (int i = 0; i < COUNT; i++) {
        x = x * 1664525 + 1013904223;
        heap_insert(&heap, &nodes[i], (int64_t)(x >> 24) - 100); // many equal keys
    }
    int64_t key = INT64_MIN;
    uint64_t sequence = 0;
    for (int i = 0; i < COUNT; i++) {
        struct heap_node *node = heap_min(&heap);
        assert_non_null(node);
        assert_true(node->key > key || (node->key == key && node->sequence > sequence));
        key = node->key;
        sequence = node->sequence;
        heap_remove(&heap, node);
        assert_false(heap_contains(node));
    }
    assert_null(heap_min(&heap));
    heap_deinit(&heap);
}

static void test_removal_from_the_middle(void **state)
{
    (void)state;
    struct heap heap = {0};
    struct heap_node nodes[COUNT] = {0};
    uint32_t x = 11;
    for (int i = 0; i < COUNT; i++) {
        x = x * 1664525 + 1013904223;
        heap_insert(&heap, &nodes[i], x >> 8);
    }
    for (int i = 0; i < COUNT; i += 2) {
        heap_remove(&heap, &nodes[i]);
        heap_remove(&heap, &nodes[i]); // in no heap: nothing
    }
    int left = 0;
    int64_t key = 0;
    for (struct heap_node *node; (node = heap_min(&heap)) != NULL; left++) {
        assert_int_equal((node - nodes) % 2, 1);
        assert_true(node->key >= key);
        key = node->key;
        heap_remove(&heap, node);
    }
    assert_int_equal(left, COUNT / 2);
    heap_deinit(&heap);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_leaves_in_order),
        cmocka_unit_test(test_removal_from_the_middle),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
