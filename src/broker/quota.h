// SPDX-License-Identifier: Apache-2.0
// How Kafka measures quotas (kafka-internals F3): a rate over sliding samples, and a bucket of tokens for what comes in
// lumps. Pure: the caller brings the clock. Times in milliseconds of one clock that never goes back.
#ifndef ODRADEK_BROKER_QUOTA_H
#define ODRADEK_BROKER_QUOTA_H

#include <stdbool.h>
#include <stdint.h>

enum { QUOTA_SAMPLES_MAX = 64 };

// quota.window.num and quota.window.size.seconds (controller.quota.* for mutations).
struct quota_window {
    int samples; // at most QUOTA_SAMPLES_MAX - 1
    int64_t sample_ms;
};

struct quota_sample {
    int64_t start_ms;
    int64_t last_ms; // when something was recorded in it
    double value;
};

// All zero is empty.
struct quota_rate {
    struct quota_sample samples[QUOTA_SAMPLES_MAX]; // samples + 1 are used: the oldest may reach into the window
    int count;
    int current;
};

// `value` may be negative: something recorded is taken back.
void quota_rate_record(struct quota_rate *rate, struct quota_window window, double value, int64_t now_ms);
// Per second.
double quota_rate_measure(struct quota_rate *rate, struct quota_window window, int64_t now_ms);
// How long nothing may be recorded so that the rate comes down to `bound`; 0 when it is not above.
int64_t quota_rate_throttle_ms(struct quota_rate *rate, struct quota_window window, double bound, int64_t now_ms);

// All zero is a bucket that has never been looked at, and so is full.
struct quota_bucket {
    double tokens;
    int64_t last_ms;
    bool is_used;
};

// Takes tokens, below zero if need be.
void quota_bucket_take(struct quota_bucket *bucket, struct quota_window window, double bound, double tokens,
                       int64_t now_ms);
// How long until it is not below zero; 0 when it isn't.
int64_t quota_bucket_throttle_ms(struct quota_bucket *bucket, struct quota_window window, double bound, int64_t now_ms);

#endif
