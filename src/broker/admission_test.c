// SPDX-License-Identifier: Apache-2.0
#include "broker/admission.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

#include "env_sim/sim.h"

enum { SMALL = 1000, BIG = 10000 };

struct client {
    struct admission_ticket ticket;
    struct admission *admission;
    int resumed;
    int dropped;
};

static void resumed(struct admission_ticket *ticket)
{
    CONTAINER_OF(ticket, struct client, ticket)->resumed++;
}

static void dropped(struct admission_ticket *ticket)
{
    struct client *client = CONTAINER_OF(ticket, struct client, ticket);
    client->dropped++;
    admission_leave(client->admission, ticket);
}

struct fixture {
    struct sim *sim;
    struct admission admission;
    struct client clients[3];
};

static int set_up(void **state)
{
    static struct fixture fixture;
    struct sim_options options = sim_options_default(1);
    fixture = (struct fixture){.sim = sim_new(&options)};
    struct sim_node *node = sim_node_new(fixture.sim, "node", 1);
    admission_init(&fixture.admission, sim_node_env(node, 0), SMALL, BIG);
    for (size_t i = 0; i < COUNT_OF(fixture.clients); i++)
        fixture.clients[i] =
            (struct client){.ticket = {.resume = resumed, .drop = dropped}, .admission = &fixture.admission};
    *state = &fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    admission_deinit(&f->admission);
    sim_free(f->sim);
    return 0;
}

static void begin_frame(struct fixture *f, int client)
{
    admission_enter(&f->admission, &f->clients[client].ticket);
}

static size_t room(struct fixture *f, int client)
{
    return admission_room(&f->admission, ADMISSION_BIG, &f->clients[client].ticket);
}

static void take(struct fixture *f, int client, size_t size)
{
    admission_take(&f->admission, ADMISSION_BIG, &f->clients[client].ticket, size);
}

static void room_is_what_is_left(void **state)
{
    struct fixture *f = *state;
    begin_frame(f, 0);
    assert_int_equal(room(f, 0), BIG);
    take(f, 0, 6000);
    assert_int_equal(room(f, 0), 4000);
}

static void a_full_pool_lets_only_the_oldest_read(void **state)
{
    struct fixture *f = *state;
    begin_frame(f, 0);
    begin_frame(f, 1);
    take(f, 1, BIG);
    assert_int_equal(room(f, 1), 0);
    assert_true(room(f, 0) > 0);
}

static void the_pools_are_apart(void **state)
{
    struct fixture *f = *state;
    begin_frame(f, 0);
    take(f, 0, BIG);
    assert_int_equal(admission_room(&f->admission, ADMISSION_SMALL, &f->clients[1].ticket), SMALL);
}

static void release_resumes_who_waited(void **state)
{
    struct fixture *f = *state;
    begin_frame(f, 0);
    begin_frame(f, 1);
    take(f, 0, BIG);
    assert_int_equal(room(f, 1), 0);
    admission_release(&f->admission, ADMISSION_BIG, 5000);
    assert_int_equal(f->clients[1].resumed, 1);
    assert_int_equal(room(f, 1), 5000);
}

static void the_next_oldest_goes_on_when_the_oldest_leaves(void **state)
{
    struct fixture *f = *state;
    begin_frame(f, 0);
    begin_frame(f, 1);
    begin_frame(f, 2);
    take(f, 0, BIG);
    assert_int_equal(room(f, 1), 0);
    assert_int_equal(room(f, 2), 0);
    admission_leave(&f->admission, &f->clients[0].ticket);
    assert_int_equal(f->clients[1].resumed, 1);
    assert_int_equal(f->clients[2].resumed, 0);
    assert_true(room(f, 1) > 0);
}

static void a_stalled_frame_is_dropped_when_others_wait(void **state)
{
    struct fixture *f = *state;
    begin_frame(f, 0);
    begin_frame(f, 1);
    take(f, 0, BIG);
    assert_int_equal(room(f, 1), 0);
    sim_run_until(f->sim, NULL, NULL, ADMISSION_STALL_MS - 1500);
    assert_int_equal(f->clients[0].dropped, 0);
    sim_run_until(f->sim, NULL, NULL, 3000);
    assert_int_equal(f->clients[0].dropped, 1);
    assert_int_equal(f->clients[1].resumed, 1);
}

static void a_slow_frame_may_take_its_time_when_nobody_waits(void **state)
{
    struct fixture *f = *state;
    begin_frame(f, 0);
    take(f, 0, 100);
    sim_run_until(f->sim, NULL, NULL, 10 * ADMISSION_STALL_MS);
    assert_int_equal(f->clients[0].dropped, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(room_is_what_is_left, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_full_pool_lets_only_the_oldest_read, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_pools_are_apart, set_up, tear_down),
        cmocka_unit_test_setup_teardown(release_resumes_who_waited, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_next_oldest_goes_on_when_the_oldest_leaves, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_stalled_frame_is_dropped_when_others_wait, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_slow_frame_may_take_its_time_when_nobody_waits, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
