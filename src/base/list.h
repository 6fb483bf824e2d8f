// SPDX-License-Identifier: Apache-2.0
// Intrusive doubly linked list with a sentinel: the link lives in the item, so no operation allocates or fails.
#ifndef ODRADEK_BASE_LIST_H
#define ODRADEK_BASE_LIST_H

#include <stdbool.h>
#include <stddef.h>

#include "base/assert.h"

struct list {
    struct list *next;
    struct list *prev;
};

static inline void list_init(struct list *list)
{
    list->next = list;
    list->prev = list;
}

static inline bool list_is_empty(const struct list *list)
{
    return list->next == list;
}

// True for an item that is in some list; items start as {0} or after list_remove.
static inline bool list_is_linked(const struct list *item)
{
    return item->next != NULL && item->next != item;
}

static inline void list_insert_before(struct list *at, struct list *item)
{
    ASSERT(!list_is_linked(item));
    item->prev = at->prev;
    item->next = at;
    at->prev->next = item;
    at->prev = item;
}

static inline void list_push_back(struct list *list, struct list *item)
{
    list_insert_before(list, item);
}

static inline void list_push_front(struct list *list, struct list *item)
{
    list_insert_before(list->next, item);
}

static inline void list_remove(struct list *item)
{
    if (!list_is_linked(item)) return;
    item->prev->next = item->next;
    item->next->prev = item->prev;
    item->next = NULL;
    item->prev = NULL;
}

// NULL when empty.
static inline struct list *list_first(const struct list *list)
{
    return list_is_empty(list) ? NULL : list->next;
}

static inline struct list *list_last(const struct list *list)
{
    return list_is_empty(list) ? NULL : list->prev;
}

static inline struct list *list_pop_front(struct list *list)
{
    struct list *item = list_first(list);
    if (item != NULL) list_remove(item);
    return item;
}

// Moves all items of `from` to the end of `to`.
static inline void list_append_all(struct list *to, struct list *from)
{
    if (list_is_empty(from)) return;
    from->next->prev = to->prev;
    to->prev->next = from->next;
    from->prev->next = to;
    to->prev = from->prev;
    list_init(from);
}

#define LIST_ITEM(link, type, member) CONTAINER_OF(link, type, member)
// The body may remove `link` itself, not its successor.
#define LIST_EACH(link, head)                                                                                          \
    for (struct list *link = (head)->next, *link##_next = link->next; link != (head);                                  \
         link = link##_next, link##_next = link->next)

#endif
