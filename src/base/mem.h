// SPDX-License-Identifier: Apache-2.0
// malloc that aborts: small-allocation failure is not an operating error here (design section 6).
#ifndef ODRADEK_BASE_MEM_H
#define ODRADEK_BASE_MEM_H

#include <stddef.h>

void *mem_alloc(size_t size);
void *mem_zalloc(size_t count, size_t size);
void *mem_realloc(void *block, size_t size);
// NULL is a no-op, as with free.
void mem_free(void *block);
// Gives what is free, but lies between what is not, back to the system. Milliseconds for a hundred megabytes.
void mem_trim(void);
#define MEM_NEW(type) ((type *)mem_zalloc(1, sizeof(type)))

#endif
