// SPDX-License-Identifier: Apache-2.0
// Values as Java writes them.
#ifndef ODRADEK_CLI_JAVA_TEXT_H
#define ODRADEK_CLI_JAVA_TEXT_H

#include "base/text.h"

// Double.toString and Float.toString: the fewest digits that read back as the same value, "1.0E7" from 10^7 on and
// below 10^-3.
void java_double(struct text *out, double value);
void java_float(struct text *out, float value);
// String.format("%.<decimals>f"): "Infinity", "-Infinity" and "NaN" where C prints others.
void java_fixed(struct text *out, double value, int decimals);
// A JSON string as Jackson writes it, quotes included; null is null. What is not UTF-8 becomes U+FFFD.
void json_string(struct text *out, struct slice text);

#endif
