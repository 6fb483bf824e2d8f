// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "broker/quota.h"

static const struct quota_window window = {.samples = 11, .sample_ms = 1000};

static void first_bytes_are_spread_over_the_whole_window(void **state)
{
    (void)state;
    struct quota_rate rate = {0};
    quota_rate_record(&rate, window, 10000, 5000);
    assert_true(quota_rate_measure(&rate, window, 5000) == 1000); // over 10 s, as if they had passed
    assert_int_equal(quota_rate_throttle_ms(&rate, window, 1000, 5000), 0);
    assert_int_equal(quota_rate_throttle_ms(&rate, window, 500, 5000), 10000);
}

// Kafka's ClientQuotaManagerTest: 400 bytes every half second are 800 a second against a bound of 500.
static void waiting_the_throttle_time_brings_the_rate_down(void **state)
{
    (void)state;
    struct quota_rate rate = {0};
    int64_t now_ms = 1000;
    for (int i = 0; i < 40; i++, now_ms += 500) quota_rate_record(&rate, window, 400, now_ms);
    int64_t wait_ms = quota_rate_throttle_ms(&rate, window, 500, now_ms);
    assert_true(wait_ms > 0);
    assert_int_equal(quota_rate_throttle_ms(&rate, window, 500, now_ms + wait_ms), 0);
    assert_true(quota_rate_measure(&rate, window, now_ms + 60000) == 0);
}

static void steady_rate_is_measured_as_it_is(void **state)
{
    (void)state;
    struct quota_rate rate = {0};
    double measured = 0;
    for (int64_t now_ms = 0; now_ms < 30000; now_ms += 100) {
        quota_rate_record(&rate, window, 50, now_ms);
        if (now_ms >= 15000) measured = quota_rate_measure(&rate, window, now_ms);
        if (now_ms >= 15000) assert_true(measured > 480 && measured < 520);
    }
}

static void what_is_taken_back_does_not_count(void **state)
{
    (void)state;
    struct quota_rate rate = {0};
    quota_rate_record(&rate, window, 5000, 100);
    quota_rate_record(&rate, window, -5000, 100);
    assert_true(quota_rate_measure(&rate, window, 100) == 0);
}

static void full_bucket_lets_a_burst_through(void **state)
{
    (void)state;
    struct quota_bucket bucket = {0};
    quota_bucket_take(&bucket, window, 2, 22, 100000); // 11 s of 2 a second
    assert_int_equal(quota_bucket_throttle_ms(&bucket, window, 2, 100000), 0);
    quota_bucket_take(&bucket, window, 2, 1, 100000);
    assert_int_equal(quota_bucket_throttle_ms(&bucket, window, 2, 100000), 500);
    assert_int_equal(quota_bucket_throttle_ms(&bucket, window, 2, 100400), 100);
    assert_int_equal(quota_bucket_throttle_ms(&bucket, window, 2, 100500), 0);
    quota_bucket_take(&bucket, window, 2, 23, 500000); // no fuller than full
    assert_int_equal(quota_bucket_throttle_ms(&bucket, window, 2, 500000), 500);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(first_bytes_are_spread_over_the_whole_window),
        cmocka_unit_test(waiting_the_throttle_time_brings_the_rate_down),
        cmocka_unit_test(steady_rate_is_measured_as_it_is),
        cmocka_unit_test(what_is_taken_back_does_not_count),
        cmocka_unit_test(full_bucket_lets_a_burst_through),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
