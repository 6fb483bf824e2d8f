// SPDX-License-Identifier: Apache-2.0
// What survives a power cut, by direct calls: the call that dies, and all after it, answer ERR_IO.
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "env_sim/sim.h"

enum { PAGE = 4096, SEEDS = 60 };

struct world {
    struct sim *sim;
    struct sim_node *node;
    struct fs *fs;
};

static struct world world_new(uint64_t seed)
{
    struct sim_options options = sim_options_default(seed);
    options.faults = (struct sim_faults){0};
    struct world world = {.sim = sim_new(&options)};
    world.node = sim_node_new(world.sim, "node1", 1);
    world.fs = sim_node_fs(world.node);
    return world;
}

static void cut(struct world *world)
{
    sim_node_crash(world->node, SIM_POWER_CUT);
    sim_node_restart(world->node);
    world->fs = sim_node_fs(world->node);
}

static enum err put(struct file *file, int64_t position, int byte, size_t size)
{
    uint8_t bytes[4 * PAGE];
    assert_true(size <= sizeof(bytes));
    memset(bytes, byte, size);
    struct iovec part = {.iov_base = bytes, .iov_len = size};
    return file_pwritev(file, position, &part, 1);
}

static struct file *must_open(struct fs *fs, const char *path, unsigned flags)
{
    struct file *file = NULL;
    assert_int_equal(fs_open(fs, path, flags | FILE_READ | FILE_WRITE, &file), OK);
    return file;
}

// -1 = no such file, -2 = not all bytes equal, -3 = empty; else the byte it is full of
static int content(struct fs *fs, const char *path)
{
    struct file *file = NULL;
    enum err e = fs_open(fs, path, FILE_READ, &file);
    if (e == ERR_NOT_FOUND) return -1;
    assert_int_equal(e, OK);
    uint8_t bytes[4 * PAGE];
    size_t got = 0;
    assert_int_equal(file_pread(file, 0, bytes, sizeof(bytes), &got), OK);
    file_unref(file);
    for (size_t i = 1; i < got; i++)
        if (bytes[i] != bytes[0]) return -2;
    return got == 0 ? -3 : bytes[0];
}

// A file of one page full of `byte`, with its name on disk.
static void put_durably(struct fs *fs, const char *path, int byte)
{
    struct file *file = must_open(fs, path, FILE_CREATE);
    assert_int_equal(put(file, 0, byte, PAGE), OK);
    assert_int_equal(file_sync(file), OK);
    assert_int_equal(fs_sync_dir(fs, "/"), OK);
    file_unref(file);
}

static void synced_pages_survive_others_are_dropped_kept_or_torn(void **state)
{
    (void)state;
    int dropped = 0;
    int kept = 0;
    int torn = 0;
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        struct world world = world_new(seed);
        put_durably(world.fs, "/f", 'a');
        struct file *file = must_open(world.fs, "/f", 0);
        assert_int_equal(put(file, 0, 'b', PAGE), OK);
        assert_int_equal(content(world.fs, "/f"), 'b');
        cut(&world);
        int found = content(world.fs, "/f");
        dropped += found == 'a';
        kept += found == 'b';
        torn += found == -2;
        file_unref(file);
        struct sim_stats stats = sim_stats(world.sim);
        assert_int_equal(stats.pages_dropped + stats.pages_kept + stats.pages_torn, 1);
        sim_free(world.sim);
    }
    assert_int_equal(dropped + kept + torn, SEEDS);
    assert_true(dropped > 0 && kept > 0 && torn > 0);
}

static void torn_page_mixes_whole_sectors(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        struct world world = world_new(seed);
        put_durably(world.fs, "/f", 'a');
        struct file *file = must_open(world.fs, "/f", 0);
        assert_int_equal(put(file, 0, 'b', PAGE), OK);
        file_unref(file);
        cut(&world);
        file = must_open(world.fs, "/f", 0);
        uint8_t bytes[PAGE];
        size_t got = 0;
        assert_int_equal(file_pread(file, 0, bytes, PAGE, &got), OK);
        assert_int_equal(got, PAGE);
        for (size_t i = 0; i < PAGE; i++) {
            assert_true(bytes[i] == 'a' || bytes[i] == 'b');
            assert_int_equal(bytes[i], bytes[i / 512 * 512]);
        }
        file_unref(file);
        sim_free(world.sim);
    }
}

static void unsynced_growth_may_come_back_short_or_as_zeros(void **state)
{
    (void)state;
    bool seen_short = false;
    bool seen_zeros = false;
    bool seen_whole = false;
    for (uint64_t seed = 0; seed < 2 * SEEDS; seed++) {
        struct world world = world_new(seed);
        put_durably(world.fs, "/f", 'a');
        struct file *file = must_open(world.fs, "/f", 0);
        assert_int_equal(put(file, PAGE, 'b', 2 * PAGE), OK);
        file_unref(file);
        cut(&world);
        file = must_open(world.fs, "/f", 0);
        uint8_t bytes[3 * PAGE];
        size_t got = 0;
        assert_int_equal(file_pread(file, 0, bytes, sizeof(bytes), &got), OK);
        assert_true(got >= PAGE);
        for (size_t i = 0; i < PAGE; i++) assert_int_equal(bytes[i], 'a');
        seen_short |= got < 3 * PAGE;
        for (size_t i = PAGE; i < got; i++) seen_zeros |= bytes[i] == 0;
        seen_whole |= got == 3 * PAGE && bytes[PAGE] == 'b' && bytes[3 * PAGE - 1] == 'b';
        file_unref(file);
        sim_free(world.sim);
    }
    assert_true(seen_short && seen_zeros && seen_whole);
}

static void truncation_is_undone_unless_synced(void **state)
{
    (void)state;
    bool undone = false;
    bool done = false;
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        struct world world = world_new(seed);
        put_durably(world.fs, "/f", 'a');
        struct file *file = must_open(world.fs, "/f", 0);
        assert_int_equal(file_truncate(file, 100), OK);
        bool synced = seed % 2 == 0;
        if (synced) assert_int_equal(file_sync(file), OK);
        file_unref(file);
        cut(&world);
        struct file_stat stat;
        assert_int_equal(fs_stat(world.fs, "/f", &stat), OK);
        if (synced)
            assert_int_equal(stat.size_bytes, 100);
        else
            assert_true(stat.size_bytes == 100 || stat.size_bytes == PAGE);
        undone |= stat.size_bytes == PAGE;
        done |= !synced && stat.size_bytes == 100;
        sim_free(world.sim);
    }
    assert_true(undone && done);
}

static void kill_keeps_the_page_cache(void **state)
{
    (void)state;
    struct world world = world_new(1);
    struct file *file = must_open(world.fs, "/f", FILE_CREATE);
    assert_int_equal(put(file, 0, 'k', 3 * PAGE), OK);
    sim_node_crash(world.node, SIM_PROCESS_KILL);
    sim_node_restart(world.node);
    assert_int_equal(content(sim_node_fs(world.node), "/f"), 'k');
    file_unref(file);
    sim_free(world.sim);
}

static void names_may_vanish_or_return_until_the_directory_is_synced(void **state)
{
    (void)state;
    int created = 0;
    int removed = 0;
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        struct world world = world_new(seed);
        put_durably(world.fs, "/old", 'o');
        struct file *file = must_open(world.fs, "/new", FILE_CREATE);
        assert_int_equal(put(file, 0, 'n', PAGE), OK);
        assert_int_equal(file_sync(file), OK); // the content, not the name
        file_unref(file);
        assert_int_equal(fs_unlink(world.fs, "/old"), OK);
        assert_int_equal(content(world.fs, "/old"), -1);
        cut(&world);
        created += content(world.fs, "/new") == 'n';
        removed += content(world.fs, "/old") == -1;
        assert_true(content(world.fs, "/new") == 'n' || content(world.fs, "/new") == -1);
        assert_true(content(world.fs, "/old") == 'o' || content(world.fs, "/old") == -1);
        sim_free(world.sim);
    }
    assert_true(created > 0 && created < SEEDS);
    assert_true(removed > 0 && removed < SEEDS);
}

static void lost_directory_takes_its_files_with_it(void **state)
{
    (void)state;
    int there = 0;
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        struct world world = world_new(seed);
        assert_int_equal(fs_mkdir(world.fs, "/d"), OK);
        assert_int_equal(fs_mkdir(world.fs, "/d/e"), OK);
        struct file *file = must_open(world.fs, "/d/e/f", FILE_CREATE);
        assert_int_equal(fs_sync_dir(world.fs, "/d/e"), OK);
        assert_int_equal(fs_sync_dir(world.fs, "/d"), OK);
        file_unref(file);
        cut(&world);
        there += content(world.fs, "/d/e/f") == -3;
        sim_free(world.sim);
    }
    assert_true(there > 0 && there < SEEDS);
}

static void rename_happens_at_both_names_or_at_neither(void **state)
{
    (void)state;
    int moved = 0;
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        struct world world = world_new(seed);
        assert_int_equal(fs_mkdir(world.fs, "/d"), OK);
        put_durably(world.fs, "/a", 'a');
        put_durably(world.fs, "/b", 'b');
        assert_int_equal(fs_rename(world.fs, "/a", "/d/c"), OK);
        assert_int_equal(fs_rename(world.fs, "/b", "/a"), OK);
        if (seed % 3 == 0) assert_int_equal(fs_sync_dir(world.fs, "/d"), OK);
        cut(&world);
        int a = content(world.fs, "/a");
        int b = content(world.fs, "/b");
        int c = content(world.fs, "/d/c");
        moved += c == 'a';
        if (seed % 3 == 0) assert_int_equal(c, 'a');
        assert_true(c == 'a' || c == -1);
        assert_true(c == 'a' ? a != 'a' : a == 'a');
        assert_true(b == 'b' ? a != 'b' : a == 'b');
        sim_free(world.sim);
    }
    assert_true(moved > SEEDS / 3 && moved < SEEDS);
}

static void failed_sync_loses_pages_that_read_back(void **state)
{
    (void)state;
    int lied = 0;
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        struct world world = world_new(seed);
        put_durably(world.fs, "/f", 'a');
        struct file *file = must_open(world.fs, "/f", 0);
        assert_int_equal(put(file, 0, 'b', PAGE), OK);
        sim_fail_at_call(world.node, SIM_CALL_SYNC, 1, ERR_IO);
        assert_int_equal(file_sync(file), ERR_IO);
        bool reads_new = content(world.fs, "/f") == 'b';
        assert_int_equal(file_sync(file), OK); // the retry that must never be trusted
        file_unref(file);
        cut(&world);
        lied += reads_new && content(world.fs, "/f") == 'a';
        sim_free(world.sim);
    }
    assert_true(lied > 0);
}

static void a_read_only_disk_takes_nothing(void **state)
{
    (void)state;
    struct world world = world_new(8);
    struct file *other = NULL;
    put_durably(world.fs, "/kept", 'k');
    struct file *file = must_open(world.fs, "/file", FILE_CREATE);
    assert_int_equal(put(file, 0, 'a', PAGE), OK);
    sim_set_read_only(world.node, true);
    assert_int_equal(put(file, PAGE, 'b', PAGE), ERR_READ_ONLY);
    assert_int_equal(file_sync(file), ERR_READ_ONLY); // of what was dirty
    assert_int_equal(file_truncate(file, 0), ERR_READ_ONLY);
    assert_int_equal(fs_rename(world.fs, "/kept", "/moved"), ERR_READ_ONLY);
    assert_int_equal(fs_unlink(world.fs, "/kept"), ERR_READ_ONLY);
    assert_int_equal(fs_mkdir(world.fs, "/dir"), ERR_READ_ONLY);
    assert_int_equal(fs_open(world.fs, "/new", FILE_WRITE | FILE_CREATE, &other), ERR_READ_ONLY);
    assert_int_equal(fs_open(world.fs, "/kept", FILE_READ | FILE_WRITE, &other), ERR_READ_ONLY);
    assert_int_equal(content(world.fs, "/kept"), 'k');
    file_unref(file);
    sim_set_read_only(world.node, false);
    assert_int_equal(fs_unlink(world.fs, "/kept"), OK);
    sim_free(world.sim);
}

static void full_disk_says_so_after_a_part(void **state)
{
    (void)state;
    struct world world = world_new(1);
    sim_set_disk_capacity(world.node, 3 * PAGE);
    struct file *file = must_open(world.fs, "/f", FILE_CREATE);
    assert_int_equal(put(file, 0, 'a', 2 * PAGE), OK);
    assert_int_equal(put(file, 2 * PAGE, 'a', 2 * PAGE), ERR_NO_SPACE);
    assert_int_equal(put(file, 0, 'b', PAGE), OK); // needs no new page
    assert_int_equal(file_truncate(file, PAGE), OK);
    assert_int_equal(put(file, PAGE, 'a', PAGE), OK);
    int64_t total = 0;
    int64_t left = 0;
    assert_int_equal(fs_space(world.fs, "/", &total, &left), OK);
    assert_int_equal(total, 3 * PAGE);
    assert_int_equal(left, PAGE);
    file_unref(file);
    sim_free(world.sim);
}

static void lock_names_its_holder_and_ends_with_the_process(void **state)
{
    (void)state;
    struct world world = world_new(1);
    struct file *lock = NULL;
    int64_t pid = 0;
    sim_hold_lock(world.node, "/.lock", 4711);
    assert_int_equal(fs_lock(world.fs, "/.lock", &lock, &pid), ERR_BUSY);
    assert_int_equal(pid, 4711);
    sim_hold_lock(world.node, "/.lock", 0);
    assert_int_equal(fs_lock(world.fs, "/.lock", &lock, &pid), OK);
    struct file *second = NULL;
    assert_int_equal(fs_lock(world.fs, "/.lock", &second, &pid), ERR_BUSY);
    sim_node_crash(world.node, SIM_PROCESS_KILL);
    sim_node_restart(world.node);
    file_unref(lock);
    assert_int_equal(fs_lock(sim_node_fs(world.node), "/.lock", &lock, &pid), OK);
    file_unref(lock);
    assert_int_equal(fs_lock(sim_node_fs(world.node), "/.lock", &lock, &pid), OK);
    file_unref(lock);
    sim_free(world.sim);
}

static void rotten_bit_stays(void **state)
{
    (void)state;
    struct world world = world_new(1);
    put_durably(world.fs, "/f", 'a');
    assert_int_equal(sim_corrupt(world.node, "/f", 17, 1), OK);
    assert_int_equal(sim_corrupt(world.node, "/f", PAGE, 1), ERR_INVALID);
    cut(&world);
    assert_int_equal(content(world.fs, "/f"), -2);
    sim_free(world.sim);
}

// ---- the atomic replace ----

enum care { CAREFUL, NO_FILE_SYNC, NO_DIR_SYNC };

// Replaces /meta by a file full of `byte`; OK = it may be relied upon.
static enum err replace(struct fs *fs, int byte, enum care care)
{
    struct file *file = NULL;
    enum err e = fs_open(fs, "/meta.tmp", FILE_WRITE | FILE_CREATE | FILE_TRUNCATE, &file);
    if (e != OK) return e;
    e = put(file, 0, byte, 3 * PAGE);
    if (e == OK && care != NO_FILE_SYNC) e = file_sync(file);
    file_unref(file);
    if (e == OK) e = fs_rename(fs, "/meta.tmp", "/meta");
    if (e == OK && care != NO_DIR_SYNC) e = fs_sync_dir(fs, "/");
    return e;
}

// Cuts the power at every call of three replaces, over some seeds. Counts what is neither the version acknowledged
// last nor a later one, whole.
static int count_losses(enum care care, bool lying)
{
    int losses = 0;
    for (uint64_t seed = 0; seed < 12; seed++) {
        for (int64_t k = 1;; k++) {
            struct world world = world_new(seed);
            sim_set_lying_fsync(world.sim, lying);
            sim_crash_at_call(world.node, SIM_CALL_ANY, k, SIM_POWER_CUT);
            int acknowledged = -1;
            for (int byte = 'a'; byte <= 'c' && replace(world.fs, byte, care) == OK; byte++) acknowledged = byte;
            bool finished = sim_node_is_up(world.node);
            cut(&world);
            int found = content(world.fs, "/meta");
            bool good = found >= acknowledged && found != -2 && found != -3;
            losses += !good;
            sim_free(world.sim);
            if (finished) break;
        }
    }
    return losses;
}

static void atomic_replace_survives_every_cut(void **state)
{
    (void)state;
    assert_int_equal(count_losses(CAREFUL, false), 0);
}

static void careless_replace_is_caught(void **state)
{
    (void)state;
    assert_true(count_losses(NO_FILE_SYNC, false) > 0);
    assert_true(count_losses(NO_DIR_SYNC, false) > 0);
    assert_true(count_losses(CAREFUL, true) > 0);
}

static enum err count_name(void *context, const char *name)
{
    assert_int_equal(name[0], 'f');
    ++*(int *)context;
    return OK;
}

static void many_names_survive_churn(void **state)
{
    (void)state;
    struct world world = world_new(9);
    char path[32];
    for (int i = 0; i < 300; i++) {
        snprintf(path, sizeof(path), "/f%d", i % 40);
        struct file *file = must_open(world.fs, path, FILE_CREATE | FILE_TRUNCATE);
        file_unref(file);
        char to[32];
        snprintf(to, sizeof(to), "/f%d", (i * 7) % 40);
        assert_int_equal(fs_rename(world.fs, path, to), OK);
        if (i % 50 == 0) assert_int_equal(fs_sync_dir(world.fs, "/"), OK);
        if (i % 90 == 89) cut(&world);
    }
    assert_int_equal(fs_sync_dir(world.fs, "/"), OK);
    int before = 0;
    int after = 0;
    assert_int_equal(fs_list(world.fs, "/", count_name, &before), OK);
    cut(&world);
    assert_int_equal(fs_list(world.fs, "/", count_name, &after), OK);
    assert_int_equal(before, after);
    sim_free(world.sim);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(synced_pages_survive_others_are_dropped_kept_or_torn),
        cmocka_unit_test(torn_page_mixes_whole_sectors),
        cmocka_unit_test(unsynced_growth_may_come_back_short_or_as_zeros),
        cmocka_unit_test(truncation_is_undone_unless_synced),
        cmocka_unit_test(kill_keeps_the_page_cache),
        cmocka_unit_test(names_may_vanish_or_return_until_the_directory_is_synced),
        cmocka_unit_test(lost_directory_takes_its_files_with_it),
        cmocka_unit_test(rename_happens_at_both_names_or_at_neither),
        cmocka_unit_test(failed_sync_loses_pages_that_read_back),
        cmocka_unit_test(a_read_only_disk_takes_nothing),
        cmocka_unit_test(full_disk_says_so_after_a_part),
        cmocka_unit_test(lock_names_its_holder_and_ends_with_the_process),
        cmocka_unit_test(rotten_bit_stays),
        cmocka_unit_test(atomic_replace_survives_every_cut),
        cmocka_unit_test(careless_replace_is_caught),
        cmocka_unit_test(many_names_survive_churn),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
