// SPDX-License-Identifier: Apache-2.0
// CRC-32C (Castagnoli), the checksum of record batches and producer snapshots (kafka-internals A4, A6).
#ifndef ODRADEK_BASE_CRC32C_H
#define ODRADEK_BASE_CRC32C_H

#include "base/slice.h"

// The checksum of bytes that follow those `seed` is the checksum of; 0 to start, so
// crc32c(crc32c(0, a), b) == crc32c(0, ab). Uses the CPU's instruction where there is one.
uint32_t crc32c(uint32_t seed, struct slice bytes);
// The same without special instructions: the fallback, and the yardstick of the test.
uint32_t crc32c_portable(uint32_t seed, struct slice bytes);

#endif
