// SPDX-License-Identifier: Apache-2.0
#include "cli/storage_recover.h"

#include <inttypes.h>

#include "store/store.h"

static int64_t checkpointed(const struct checkpoint_entry *entries, size_t count, const struct partition_dir *dir)
{
    for (size_t i = 0; i < count; i++)
        if (entries[i].partition == dir->partition && slice_eq(entries[i].topic, dir->topic)) return entries[i].offset;
    return 0;
}

static bool load_checkpoint(struct cli *cli, struct logdir *dir, const char *name, struct checkpoint_entry **entries,
                            size_t *count)
{
    const char *path = arena_printf(&cli->arena, "%s/%s", logdir_path(dir), name);
    enum err e = checkpoint_load(cli->host->fs, path, &cli->arena, entries, count);
    if (e != OK) cli_err(cli, "%s: %s\n", path, err_text(e));
    return e == OK;
}

// Loading a log is what brings its entries back.
static bool load_logs(struct cli *cli, struct logdir *dir, bool was_clean)
{
    struct partition_dir *dirs;
    size_t count, point_count, start_count;
    struct checkpoint_entry *points, *starts;
    const char *problem = NULL;
    const struct plog_options options = {PLOG_OPTIONS_DEFAULTS};
    bool is_good = true;
    enum err e = logdir_scan(cli->host->fs, dir, &cli->arena, &dirs, &count, &problem);
    if (e != OK) cli_err(cli, "%s\n", problem == NULL ? err_text(e) : problem);
    if (e != OK || !load_checkpoint(cli, dir, CHECKPOINT_RECOVERY_POINT, &points, &point_count)) return false;
    if (!load_checkpoint(cli, dir, CHECKPOINT_LOG_START, &starts, &start_count)) return false;
    for (size_t i = 0; i < count; i++) {
        const struct partition_dir *d = &dirs[i];
        if (d->kind != PARTITION_DIR_LIVE || !logdir_journal_has(dir, d->topic_id, d->topic, d->partition)) continue;
        const struct plog_load_params params = {
            .dir = dir,
            .topic = d->topic,
            .partition = d->partition,
            .topic_id = d->topic_id,
            .recovery_point = checkpointed(points, point_count, d),
            .log_start = checkpointed(starts, start_count, d),
            .was_clean = was_clean,
            .wall_ms = env_wall_ms(cli->host->env),
            .options = &options,
            .log = cli->host->log,
        };
        struct plog *plog;
        e = plog_load(cli->host->fs, &params, NULL, &plog);
        if (e == OK)
            plog_discard(plog);
        else
            cli_err(cli, "%s/%.*s: %s\n", logdir_path(dir), SLICE_FMT(d->name), err_text(e));
        is_good = is_good && e == OK;
    }
    return is_good;
}

static bool recover_dir(struct cli *cli, const struct config *config, const char *path)
{
    struct logdir_open_result opened;
    struct logdir_replay replayed;
    struct logdir *dir;
    struct uuid random;
    env_random(cli->host->env, random.bytes, sizeof(random.bytes));
    int64_t from_ms = env_now_ms(cli->host->env);
    enum err e =
        logdir_open(cli->host->fs, cli->host->log, path, config_node_id(config), random, &cli->arena, &opened, &dir);
    if (e != OK) {
        cli_err(cli, "%s\n", opened.problem == NULL ? err_text(e) : opened.problem);
        return false;
    }
    bool was_pending = logdir_has_pending_journal(dir);
    bool is_good = !was_pending || load_logs(cli, dir, opened.was_clean);
    if (is_good) is_good = logdir_settle_journal(cli->host->fs, dir, &replayed) == OK;
    if (!was_pending) {
        cli_out(cli, "%s: no journal to replay\n", path);
    } else if (is_good) {
        cli_out(cli,
                "%s: replayed %" PRId64 " entries of %" PRId64 " partitions in %" PRId64 " ms, %" PRId64
                " bytes were missing\n",
                path, replayed.entries, replayed.partitions, env_now_ms(cli->host->env) - from_ms,
                replayed.appended_bytes);
    } else {
        cli_err(cli, "%s: the journal stays as it is\n", path);
    }
    // Without a journal nothing was changed: a marker that was there goes back.
    bool is_clean = !was_pending && opened.was_clean;
    e = logdir_close(cli->host->fs, dir, is_clean, opened.broker_epoch);
    if (e != OK) cli_err(cli, "%s: %s\n", path, err_text(e));
    return is_good && e == OK;
}

int storage_recover(struct cli *cli, const struct config *config)
{
    struct config_list dirs = config_log_dirs(config);
    bool is_good = true;
    for (size_t i = 0; i < dirs.count; i++) is_good = recover_dir(cli, config, dirs.items[i]) && is_good;
    return is_good ? 0 : 1;
}
