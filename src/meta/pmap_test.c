// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/map.h"
#include "base/mem.h"
#include "meta/pmap.h"

struct number {
    struct pitem item;
    int key;
    int value;
};

static int living; // items not freed yet

static void number_free(struct pitem *item)
{
    living--;
    mem_free(item);
}

static bool number_is(const struct pitem *item, const void *key)
{
    return ((const struct number *)(const void *)item)->key == *(const int *)key;
}

static int hash_mode; // 0 spread, 1 all equal, 2 equal but for the last bits
static uint64_t hash_of(int key)
{
    if (hash_mode == 1) return 42;
    if (hash_mode == 2) return (uint64_t)key << 59;
    return hash_u64(1, (uint64_t)key);
}

static void put(struct pmap *map, int key, int value)
{
    struct number *n = MEM_NEW(struct number);
    *n = (struct number){.item = {.refs = 1, .hash = hash_of(key), .free = number_free}, .key = key, .value = value};
    living++;
    pmap_put(map, &n->item, number_is, &key);
}

static int get(const struct pmap *map, int key)
{
    const struct pitem *item = pmap_find(map, hash_of(key), number_is, &key);
    return item == NULL ? -1 : ((const struct number *)(const void *)item)->value;
}

enum { KEYS = 200, VERSIONS = 40 };

// Many versions at once, each beside a plain array; a change of one must not show in another.
static void versions_do_not_see_each_other(void **state)
{
    (void)state;
    for (hash_mode = 0; hash_mode < 3; hash_mode++) {
        static int model[VERSIONS][KEYS];
        struct pmap maps[VERSIONS] = {{0}};
        memset(model, -1, sizeof(model));
        uint64_t random = 1;
        for (int v = 0; v < VERSIONS; v++) {
            if (v > 0) {
                maps[v] = pmap_ref(&maps[v - 1]);
                memcpy(model[v], model[v - 1], sizeof(model[v]));
            }
            for (int i = 0; i < 50; i++) {
                random = hash_u64(3, random);
                int key = (int)(random % KEYS);
                if (random >> 60 < 5) {
                    assert_int_equal(pmap_remove(&maps[v], hash_of(key), number_is, &key), model[v][key] >= 0);
                    model[v][key] = -1;
                } else {
                    put(&maps[v], key, i);
                    model[v][key] = i;
                }
            }
        }
        for (int v = 0; v < VERSIONS; v++) {
            int count = 0;
            for (int key = 0; key < KEYS; key++) {
                assert_int_equal(get(&maps[v], key), model[v][key]);
                count += model[v][key] >= 0;
            }
            assert_int_equal(maps[v].count, count);
            struct pmap_iter it = pmap_iter(&maps[v]);
            for (const struct pitem *item; (item = pmap_next(&it)) != NULL; count--) {
                const struct number *n = (const struct number *)(const void *)item;
                assert_int_equal(model[v][n->key], n->value);
            }
            assert_int_equal(count, 0);
        }
        for (int v = 0; v < VERSIONS; v++) pmap_unref(&maps[v]);
        assert_int_equal(living, 0);
    }
}

static void change_of_a_large_map_copies_a_path_only(void **state)
{
    (void)state;
    hash_mode = 0;
    struct pmap base = {0};
    for (int i = 0; i < 10000; i++) put(&base, i, i);
    struct pmap next = pmap_ref(&base);
    put(&next, 5, 6);
    int shared = 0;
    struct pmap_iter a = pmap_iter(&base);
    struct pmap_iter b = pmap_iter(&next);
    for (const struct pitem *x; (x = pmap_next(&a)) != NULL;) shared += x == pmap_next(&b) && x->refs == 1;
    assert_true(shared > 9900); // counted once: they hang under nodes that both versions share
    assert_int_equal(get(&base, 5), 5);
    assert_int_equal(get(&next, 5), 6);
    pmap_unref(&base);
    pmap_unref(&next);
    assert_int_equal(living, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(versions_do_not_see_each_other),
        cmocka_unit_test(change_of_a_large_map_copies_a_path_only),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
