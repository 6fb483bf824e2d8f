// SPDX-License-Identifier: Apache-2.0
// The order in which java.util.HashMap gives its string keys back. Kafka's tools print several lists straight from
// one, so equal output needs equal order.
#ifndef ODRADEK_CLI_JAVA_ORDER_H
#define ODRADEK_CLI_JAVA_ORDER_H

#include "base/slice.h"

// Puts `items` (inserted in the order they have) in iteration order of a HashMap made for `capacity` entries
// (16 = the default constructor). `name` tells an item's key.
void java_hash_order(void *items, size_t count, size_t item_size, size_t capacity,
                     struct slice (*name)(const void *item));
// The same for keys of any kind: `hash` is their hashCode().
void java_hash_order_by(void *items, size_t count, size_t item_size, size_t capacity,
                        uint32_t (*hash)(const void *item));
// String.hashCode() of UTF-8 text.
uint32_t java_string_hash(struct slice text);

#endif
