// SPDX-License-Identifier: Apache-2.0
#include "broker/quota.h"

#include "base/assert.h"

// A sample that has seen nothing for as long as all of them together starts anew.
static void purge(struct quota_rate *rate, struct quota_window window, int64_t now_ms)
{
    int64_t expires_ms = window.samples * window.sample_ms;
    for (int i = 0; i < rate->count; i++)
        if (now_ms - rate->samples[i].last_ms >= expires_ms)
            rate->samples[i] = (struct quota_sample){.start_ms = now_ms, .last_ms = now_ms};
}

void quota_rate_record(struct quota_rate *rate, struct quota_window window, double value, int64_t now_ms)
{
    ASSERT(window.samples > 0 && window.samples < QUOTA_SAMPLES_MAX);
    struct quota_sample fresh = {.start_ms = now_ms, .last_ms = now_ms};
    if (rate->count == 0) {
        rate->samples[rate->count++] = fresh;
    } else if (now_ms - rate->samples[rate->current].start_ms >= window.sample_ms) {
        rate->current = (rate->current + 1) % (window.samples + 1);
        if (rate->current >= rate->count) rate->count = rate->current + 1;
        rate->samples[rate->current] = fresh;
    }
    rate->samples[rate->current].value += value;
    rate->samples[rate->current].last_ms = now_ms;
}

// The time the samples cover. While there are few, as if the missing ones had passed with nothing in them, so that the
// first bytes of a client do not look like a high rate.
static int64_t window_ms(const struct quota_rate *rate, struct quota_window window, int64_t now_ms)
{
    int64_t oldest_ms = now_ms;
    for (int i = 0; i < rate->count; i++)
        if (rate->samples[i].start_ms < oldest_ms) oldest_ms = rate->samples[i].start_ms;
    int64_t elapsed_ms = now_ms - oldest_ms;
    int64_t full = elapsed_ms / window.sample_ms;
    if (full < window.samples - 1) elapsed_ms += (window.samples - 1 - full) * window.sample_ms;
    return elapsed_ms > 1 ? elapsed_ms : 1;
}

double quota_rate_measure(struct quota_rate *rate, struct quota_window window, int64_t now_ms)
{
    purge(rate, window, now_ms);
    double sum = 0;
    for (int i = 0; i < rate->count; i++) sum += rate->samples[i].value;
    return sum * 1000 / (double)window_ms(rate, window, now_ms);
}

int64_t quota_rate_throttle_ms(struct quota_rate *rate, struct quota_window window, double bound, int64_t now_ms)
{
    // With the rate O over a time W, and T wanted: O * W / (W + X) = T.
    double measured = quota_rate_measure(rate, window, now_ms);
    if (!(measured > bound)) return 0;
    double wait_ms = (measured - bound) / bound * (double)window_ms(rate, window, now_ms);
    return wait_ms < 1e15 ? (int64_t)(wait_ms + 0.5) : (int64_t)1e15;
}

static void refill(struct quota_bucket *bucket, struct quota_window window, double bound, int64_t now_ms)
{
    double burst = (double)(window.samples * window.sample_ms) / 1000 * bound;
    if (bucket->is_used) bucket->tokens += bound * (double)(now_ms - bucket->last_ms) / 1000;
    if (!bucket->is_used || bucket->tokens > burst) bucket->tokens = burst;
    bucket->is_used = true;
    bucket->last_ms = now_ms;
}

void quota_bucket_take(struct quota_bucket *bucket, struct quota_window window, double bound, double tokens,
                       int64_t now_ms)
{
    refill(bucket, window, bound, now_ms);
    bucket->tokens -= tokens;
}

int64_t quota_bucket_throttle_ms(struct quota_bucket *bucket, struct quota_window window, double bound, int64_t now_ms)
{
    refill(bucket, window, bound, now_ms);
    if (bucket->tokens >= 0) return 0;
    double wait_ms = -bucket->tokens / bound * 1000;
    return wait_ms < 1e15 ? (int64_t)(wait_ms + 0.5) : (int64_t)1e15;
}
