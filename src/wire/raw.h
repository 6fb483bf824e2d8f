// SPDX-License-Identifier: Apache-2.0
// One message per line, between hex and JSON: what `odradek raw decode` and `raw encode` do.
#ifndef ODRADEK_WIRE_RAW_H
#define ODRADEK_WIRE_RAW_H

#include "base/err.h"
#include "base/slice.h"
#include "base/text.h"

// "NAME VERSION HEX" to the JSON Kafka's converters print, without a newline; of records they print "", whatever they
// hold. Names as in Kafka's definitions: ProduceRequest, RequestHeader, GroupMetadataValue. On failure `problem` gets a
// sentence.
MUST_CHECK enum err raw_decode_line(struct slice line, struct text *json, struct text *problem);
// "NAME VERSION JSON" to hex.
MUST_CHECK enum err raw_encode_line(struct slice line, struct text *hex, struct text *problem);

#endif
