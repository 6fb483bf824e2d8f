// SPDX-License-Identifier: Apache-2.0
#include "record/compress_fuzz_int.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    return fuzz_codec(CODEC_LZ4, data, size);
}
