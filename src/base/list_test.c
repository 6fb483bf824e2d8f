// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include "base/slice.h"

#include <cmocka.h>

#include "base/list.h"

struct item {
    int value;
    struct list link;
};

static void check_values(const struct list *list, const int *values, int count)
{
    int i = 0;
    for (struct list *at = list->next; at != list; at = at->next, i++) {
        assert_true(i < count);
        assert_int_equal(LIST_ITEM(at, struct item, link)->value, values[i]);
        assert_ptr_equal(at->next->prev, at);
    }
    assert_int_equal(i, count);
}

static void test_order(void **state)
{
    (void)state;
    struct list list;
    struct item a = {1, {0}}, b = {2, {0}}, c = {3, {0}}, d = {4, {0}};
    list_init(&list);
    assert_true(list_is_empty(&list));
    assert_null(list_first(&list));
    assert_null(list_last(&list));
    assert_null(list_pop_front(&list));
    list_push_back(&list, &b.link);
    list_push_back(&list, &d.link);
    list_push_front(&list, &a.link);
    list_insert_before(&d.link, &c.link);
    check_values(&list, (const int[]){1, 2, 3, 4}, 4);
    assert_ptr_equal(list_first(&list), &a.link);
    assert_ptr_equal(list_last(&list), &d.link);
    assert_true(list_is_linked(&c.link));
    list_remove(&c.link);
    assert_false(list_is_linked(&c.link));
    list_remove(&c.link); // of an unlinked item: nothing
    check_values(&list, (const int[]){1, 2, 4}, 3);
    assert_ptr_equal(list_pop_front(&list), &a.link);
    check_values(&list, (const int[]){2, 4}, 2);
}

static void test_each_allows_removal(void **state)
{
    (void)state;
    struct list list;
    struct item items[6] = {0};
    list_init(&list);
    for (int i = 0; i < 6; i++) {
        items[i].value = i;
        list_push_back(&list, &items[i].link);
    }
    int sum = 0;
    LIST_EACH(link, &list)
    {
        struct item *item = LIST_ITEM(link, struct item, link);
        sum += item->value;
        if (item->value % 2 == 0) list_remove(link);
    }
    assert_int_equal(sum, 15);
    check_values(&list, (const int[]){1, 3, 5}, 3);
}

static void test_append_all(void **state)
{
    (void)state;
    struct list to;
    struct list from;
    struct item a = {1, {0}}, b = {2, {0}}, c = {3, {0}};
    list_init(&to);
    list_init(&from);
    list_append_all(&to, &from);
    assert_true(list_is_empty(&to));
    list_push_back(&from, &a.link);
    list_append_all(&to, &from);
    list_push_back(&from, &b.link);
    list_push_back(&from, &c.link);
    list_append_all(&to, &from);
    assert_true(list_is_empty(&from));
    check_values(&to, (const int[]){1, 2, 3}, 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_order),
        cmocka_unit_test(test_each_allows_removal),
        cmocka_unit_test(test_append_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
