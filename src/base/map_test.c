// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include "base/slice.h"

#include <cmocka.h>

#include "base/map.h"

struct item {
    int key;
    struct map_link link;
};

enum { COUNT = 1000 };

// Only 128 different hashes, so that chains and equal hashes are the rule.
static uint64_t hash_of(int key)
{
    return hash_u64(3, (uint64_t)key % 128);
}

static struct item *find(const struct map *map, int key)
{
    for (struct map_link *l = map_find(map, hash_of(key)); l != NULL; l = map_find_next(l))
        if (MAP_ITEM(l, struct item, link)->key == key) return MAP_ITEM(l, struct item, link);
    return NULL;
}

static void test_find_and_remove(void **state)
{
    (void)state;
    struct map map = {0};
    struct item *items = calloc(COUNT, sizeof(*items));
    assert_null(find(&map, 1));
    assert_null(map_first(&map));
    for (int i = 0; i < COUNT; i++) {
        items[i].key = i;
        map_insert(&map, &items[i].link, hash_of(i));
    }
    assert_int_equal(map.count, COUNT);
    for (int i = 0; i < COUNT; i++) assert_ptr_equal(find(&map, i), &items[i]);
    assert_null(find(&map, COUNT));
    for (int i = 0; i < COUNT; i += 3) map_remove(&map, &items[i].link);
    for (int i = 0; i < COUNT; i++) assert_ptr_equal(find(&map, i), i % 3 == 0 ? NULL : &items[i]);
    map_deinit(&map);
    assert_null(find(&map, 1));
    free(items);
}

static void test_each_visits_all_and_allows_removal(void **state)
{
    (void)state;
    struct map map = {0};
    struct item *items = calloc(COUNT, sizeof(*items));
    for (int i = 0; i < COUNT; i++) {
        items[i].key = i;
        map_insert(&map, &items[i].link, hash_of(i));
    }
    int visits = 0;
    MAP_EACH(link, &map)
    {
        visits++;
        if (MAP_ITEM(link, struct item, link)->key % 2 == 0) map_remove(&map, link);
    }
    assert_int_equal(visits, COUNT);
    visits = 0;
    MAP_EACH(link, &map) visits += MAP_ITEM(link, struct item, link)->key % 2;
    assert_int_equal(visits, COUNT / 2);
    map_deinit(&map);
    free(items);
}

// Hashes are the same on every machine: a simulation's order of iteration depends on them.
static void test_hashes_depend_on_seed_and_bytes(void **state)
{
    (void)state;
    struct slice a = SLICE("the same bytes");
    assert_true(hash_bytes(1, a) == hash_bytes(1, a));
    assert_true(hash_bytes(1, a) != hash_bytes(2, a));
    assert_true(hash_bytes(1, a) != hash_bytes(1, slice_of(a.data, a.size - 1)));
    assert_true(hash_bytes(1, SLICE("\0")) != hash_bytes(1, SLICE("\0\0")));
    assert_true(hash_u64(1, 5) != hash_u64(1, 6));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_find_and_remove),
        cmocka_unit_test(test_each_visits_all_and_allows_removal),
        cmocka_unit_test(test_hashes_depend_on_seed_and_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
