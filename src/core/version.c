#include "core/version.h"

#include <string.h>

#include "base/assert.h"

#define CHECK_MS     KH_SECONDS(10)
#define LAYOUT_MS    KH_SECONDS(60)
#define READY_MS     KH_SECONDS(600)
#define RETRY_MS     200
#define RETRY_MS_MAX KH_SECONDS(10)

void kh_version_init(struct kh_version *version, struct kh_ctx *ctx, kh_ms now_ms)
{
    const bool none = ctx->config.versions == KH_VERSIONS_NONE;

    *version = (struct kh_version){
        .ctx = ctx,
        .mode = none ? KH_MODE_PLAIN : KH_MODE_UNKNOWN,
        .tables = KH_TABLES_COMPLETE,
        .at_ms = none ? KH_NEVER : now_ms,
        .layout_at_ms = now_ms,
    };
}

bool kh_mode_has_leader(enum kh_mode mode)
{
    return mode == KH_MODE_3X_WITH_ROLLBACK || mode == KH_MODE_3X;
}

bool kh_mode_reports(enum kh_mode mode)
{
    return mode == KH_MODE_UPGRADE_FROM_2X || kh_mode_has_leader(mode);
}

/* In every mode that has a leader, or is on its way there: without the index Java workers find
 * nothing that is assigned to them. */
static bool wants_index(enum kh_mode mode)
{
    return kh_mode_reports(mode);
}

enum kh_coord_place kh_version_lock_place(const struct kh_version *version)
{
    return version->tables == KH_TABLES_COMPLETE ? KH_COORD_LEASE_TABLE : KH_COORD_LEGACY_TABLE;
}

bool kh_version_has_legacy_reports(const struct kh_version *version)
{
    return version->tables != KH_TABLES_COMPLETE && version->layout.legacy_stats;
}

bool kh_version_report_place(const struct kh_version *version, enum kh_coord_place *place)
{
    *place = kh_version_lock_place(version);
    return *place == KH_COORD_LEASE_TABLE || version->layout.legacy_stats;
}

void kh_version_ready(struct kh_version *version, bool ready, kh_ms now_ms)
{
    if (ready && !version->ready) {
        version->ready_at_ms = now_ms;
    }
    version->ready = ready;
}

/* ---- what follows from the state ---- */

static enum kh_mode mode_of(enum kh_client_version version)
{
    switch (version) {
    case KH_VERSION_UPGRADE_FROM_2X:
        return KH_MODE_UPGRADE_FROM_2X;
    case KH_VERSION_2X:
        return KH_MODE_2X;
    case KH_VERSION_3X_WITH_ROLLBACK:
        return KH_MODE_3X_WITH_ROLLBACK;
    case KH_VERSION_3X:
        return KH_MODE_3X;
    case KH_VERSION_NONE:
    case KH_VERSION_INIT:
    case KH_VERSION_OTHER:
        break;
    }
    return KH_MODE_PLAIN;
}

static bool is_readable(enum kh_client_version version)
{
    return version != KH_VERSION_OTHER && version != KH_VERSION_INIT;
}

/* Java's moves while a worker runs. */
static bool is_move(enum kh_mode from, enum kh_mode to)
{
    return (from == KH_MODE_UPGRADE_FROM_2X &&
            (to == KH_MODE_3X_WITH_ROLLBACK || to == KH_MODE_2X)) ||
           (from == KH_MODE_2X && to == KH_MODE_UPGRADE_FROM_2X) ||
           (from == KH_MODE_3X_WITH_ROLLBACK && (to == KH_MODE_2X || to == KH_MODE_3X));
}

static bool may_follow(const struct kh_version *version, enum kh_mode to)
{
    if (version->mode == KH_MODE_UNKNOWN || version->mode == to) {
        return true;
    }
    if (version->ctx->config.versions == KH_VERSIONS_AUTO) {
        /* A state that has vanished under a fleet with a leader is no order to do without. */
        return !(kh_mode_has_leader(version->mode) && to == KH_MODE_PLAIN);
    }
    return is_move(version->mode, to);
}

/* What is to be written before the state may be followed; NONE: nothing. */
static enum kh_client_version due(const struct kh_version *version, kh_ms now_ms)
{
    const enum kh_client_version now = version->state.now.version;
    const enum kh_versions config = version->ctx->config.versions;

    if (version->mode == KH_MODE_UNKNOWN && now == KH_VERSION_NONE) {
        return config == KH_VERSIONS_COMPATIBLE_WITH_2X ? KH_VERSION_UPGRADE_FROM_2X
               : config == KH_VERSIONS_3X               ? KH_VERSION_3X
                                                        : KH_VERSION_NONE;
    }
    if (version->mode == KH_MODE_UNKNOWN && now == KH_VERSION_3X_WITH_ROLLBACK &&
        config == KH_VERSIONS_3X) {
        return KH_VERSION_3X;
    }
    if (version->mode == KH_MODE_UPGRADE_FROM_2X && now == KH_VERSION_UPGRADE_FROM_2X &&
        version->ready && now_ms - version->ready_at_ms >= READY_MS) {
        return KH_VERSION_3X_WITH_ROLLBACK;
    }
    return KH_VERSION_NONE;
}

static const char *note_of(enum kh_mode mode)
{
    switch (mode) {
    case KH_MODE_UNKNOWN:
    case KH_MODE_PLAIN:
        break;
    case KH_MODE_UPGRADE_FROM_2X:
        return "fleet.upgrades_from_2x";
    case KH_MODE_2X:
        return "fleet.rolled_back_to_2x";
    case KH_MODE_3X_WITH_ROLLBACK:
        return "fleet.works_as_3x_with_rollback";
    case KH_MODE_3X:
        return "fleet.works_as_3x";
    }
    return "fleet.works_as_2x";
}

/* ---- requests ---- */

static struct kh_coord_op *send(struct kh_version *version, enum kh_version_step step,
                                enum kh_coord_verb verb, struct kh_cmds *out)
{
    struct kh_coord_op *op = kh_cmds_push_coord(out, verb);

    op->id = ++version->ctx->op;
    version->op = op->id;
    version->step = step;
    return op;
}

static void get(struct kh_version *version, enum kh_version_step step, enum kh_coord_kind kind,
                enum kh_coord_place place, struct kh_cmds *out)
{
    struct kh_coord_op *op = send(version, step, KH_COORD_GET, out);

    op->kind = kind;
    op->place = place;
}

static void read_version(struct kh_version *version, struct kh_cmds *out)
{
    version->place = kh_version_lock_place(version);
    get(version, KH_VERSION_READING, KH_COORD_VERSION, version->place, out);
}

static void after_layout(struct kh_version *version, struct kh_cmds *out)
{
    if (version->layout.legacy_state) {
        get(version, KH_VERSION_TABLES, KH_COORD_TABLES, KH_COORD_LEGACY_TABLE, out);
        return;
    }
    version->tables = KH_TABLES_COMPLETE;
    read_version(version, out);
}

static void check(struct kh_version *version, kh_ms now_ms, struct kh_cmds *out)
{
    enum kh_coord_place place;

    if (version->mode == KH_MODE_UNKNOWN || now_ms >= version->layout_at_ms ||
        (kh_mode_reports(version->mode) &&
         (!version->layout.index_active || !kh_version_report_place(version, &place)))) {
        (void)send(version, KH_VERSION_LOOKING, KH_COORD_LAYOUT, out);
    } else {
        after_layout(version, out);
    }
}

/* The state with one more entry in its history, the newest first. */
static void write_version(struct kh_version *version, enum kh_client_version to, int64_t wall_ms,
                          struct kh_cmds *out)
{
    const struct kh_version_state *old = &version->state;
    const bool exists = old->now.version != KH_VERSION_NONE;
    struct kh_coord_op *op =
        send(version, KH_VERSION_WRITING, exists ? KH_COORD_UPDATE : KH_COORD_PUT, out);
    struct kh_version_state *state = &op->item.version;

    version->writing = to;
    op->kind = KH_COORD_VERSION;
    op->place = version->place;
    op->expect_bits = exists ? KH_EXPECT_CLIENT_VERSION : KH_EXPECT_ABSENT;
    op->expect.kind = KH_COORD_VERSION;
    op->expect.version.now.version = old->now.version;
    op->item.kind = KH_COORD_VERSION;
    state->now.version = to;
    state->now.at_wall_ms = wall_ms;
    memcpy(state->now.by, version->ctx->config.worker_id, sizeof(state->now.by));
    state->history_n = 1;
    state->history[0] = old->now;
    if (!exists) { /* as Java: it came from somewhere */
        state->history[0] = state->now;
        state->history[0].version = KH_VERSION_INIT;
    }
    for (unsigned i = 0; i < old->history_n && state->history_n < KH_VERSION_HISTORY_N; i++) {
        state->history[state->history_n++] = old->history[i];
    }
}

/* ---- the end of a check ---- */

static void end_check(struct kh_version *version, kh_ms now_ms)
{
    version->step = KH_VERSION_IDLE;
    version->failures_n = 0;
    version->unread = false;
    version->at_ms = now_ms + kh_ctx_jitter(version->ctx, CHECK_MS);
    if (version->mode == KH_MODE_PLAIN && version->ctx->config.versions != KH_VERSIONS_AUTO) {
        version->at_ms = KH_NEVER; /* Java's phase 1 looks at its start, and never again */
    }
}

static void retry_later(struct kh_version *version, kh_ms now_ms, struct kh_cmds *out)
{
    version->step = KH_VERSION_IDLE;
    version->at_ms = now_ms + kh_ctx_jitter(version->ctx, kh_backoff(RETRY_MS, version->failures_n,
                                                                     RETRY_MS_MAX));
    version->failures_n++;
    if (!version->unread) {
        version->unread = true;
        kh_cmds_note(out, "", "fleet.state_not_read");
    }
}

static void follow(struct kh_version *version, kh_ms now_ms, struct kh_cmds *out)
{
    const enum kh_mode to = mode_of(version->state.now.version);
    const bool followed = is_readable(version->state.now.version) && may_follow(version, to);

    if (!followed && !version->strange) {
        kh_cmds_note(out, "",
                     is_readable(version->state.now.version) ? "fleet.version_not_followed"
                                                             : "fleet.unknown_version");
    }
    version->strange = !followed;
    if ((followed || version->mode == KH_MODE_UNKNOWN) && version->mode != to) {
        kh_cmds_note(out, "", note_of(to));
        version->mode = to;
        version->ready = false;
    }
    if (wants_index(version->mode) && !version->layout.has_index) {
        (void)send(version, KH_VERSION_INDEXING, KH_COORD_MAKE_INDEX, out);
        return;
    }
    end_check(version, now_ms);
}

static void on_read(struct kh_version *version, const struct kh_coord_answer *answer,
                    const struct kh_event *event, kh_ms now_ms, struct kh_cmds *out)
{
    enum kh_client_version to;

    if (!answer->found && version->step == KH_VERSION_READING &&
        version->place == KH_COORD_LEGACY_TABLE) {
        /* A fleet of 3.5 on its way to one table may have made it there; and so does its tool. */
        get(version, KH_VERSION_READING_AGAIN, KH_COORD_VERSION, KH_COORD_LEASE_TABLE, out);
        return;
    }
    if (answer->found && version->step == KH_VERSION_READING_AGAIN) {
        version->place = KH_COORD_LEASE_TABLE;
    }
    version->state =
        answer->found ? answer->item.version : (struct kh_version_state){.history_n = 0};
    to = due(version, now_ms);
    if (to == KH_VERSION_NONE) {
        follow(version, now_ms, out);
    } else {
        write_version(version, to, event->wall_ms, out);
    }
}

static void on_layout(struct kh_version *version, const struct kh_coord_answer *answer,
                      kh_ms now_ms, struct kh_cmds *out)
{
    switch (answer->outcome) {
    case KH_LEASE_DONE:
        version->layout = answer->layout;
        version->layout_at_ms = now_ms + LAYOUT_MS;
        after_layout(version, out);
        break;
    case KH_LEASE_FAILED:
        if (answer->rc == KH_DENIED && version->mode == KH_MODE_UNKNOWN) {
            /* With the rights of a 2.x worker: its tables are all there is to see. */
            kh_cmds_note(out, "", "fleet.layout_denied");
        }
        if (answer->rc == KH_DENIED) {
            version->layout_at_ms = now_ms + LAYOUT_MS;
            after_layout(version, out);
            break;
        }
        retry_later(version, now_ms, out);
        break;
    case KH_LEASE_CONFLICT:
    case KH_LEASE_UNKNOWN:
        retry_later(version, now_ms, out);
        break;
    }
}

static void on_tables(struct kh_version *version, const struct kh_coord_answer *answer,
                      struct kh_cmds *out)
{
    const enum kh_table_status status = answer->found ? answer->item.tables.status : KH_TABLES_NONE;

    switch (status) {
    case KH_TABLES_NONE:
    case KH_TABLES_INIT:
    case KH_TABLES_OTHER:
        version->tables = KH_TABLES_INIT;
        break;
    case KH_TABLES_DEPLOYED:
    case KH_TABLES_PENDING:
        version->tables = KH_TABLES_DEPLOYED; /* as a worker that was not told to move */
        break;
    case KH_TABLES_COMPLETE:
        version->tables = KH_TABLES_COMPLETE;
        break;
    }
    read_version(version, out);
}

static void on_written(struct kh_version *version, const struct kh_coord_answer *answer,
                       kh_ms now_ms, struct kh_cmds *out)
{
    switch (answer->outcome) {
    case KH_LEASE_DONE:
        version->state.now.version = version->writing;
        kh_cmds_note(out, "", "fleet.version_written");
        follow(version, now_ms, out);
        break;
    case KH_LEASE_CONFLICT:
        version->step = KH_VERSION_IDLE; /* somebody was faster: see what there is now */
        version->at_ms = now_ms + kh_ctx_jitter(version->ctx, RETRY_MS);
        break;
    case KH_LEASE_FAILED:
        kh_cmds_note(out, "", "fleet.version_not_written");
        retry_later(version, now_ms, out);
        break;
    case KH_LEASE_UNKNOWN:
        retry_later(version, now_ms, out);
        break;
    }
}

static void on_answer(struct kh_version *version, const struct kh_event *event, kh_ms now_ms,
                      struct kh_cmds *out)
{
    const struct kh_coord_answer *answer = event->coord;

    switch (version->step) {
    case KH_VERSION_IDLE:
        kh_assert(false);
        break;
    case KH_VERSION_LOOKING:
        on_layout(version, answer, now_ms, out);
        break;
    case KH_VERSION_TABLES:
        if (answer->outcome == KH_LEASE_DONE) {
            on_tables(version, answer, out);
        } else {
            retry_later(version, now_ms, out);
        }
        break;
    case KH_VERSION_READING:
    case KH_VERSION_READING_AGAIN:
        if (answer->outcome == KH_LEASE_DONE) {
            on_read(version, answer, event, now_ms, out);
        } else {
            retry_later(version, now_ms, out);
        }
        break;
    case KH_VERSION_WRITING:
        on_written(version, answer, now_ms, out);
        break;
    case KH_VERSION_INDEXING:
        kh_cmds_note(out, "",
                     answer->outcome == KH_LEASE_DONE ? "fleet.index_begun"
                                                      : "fleet.index_not_made");
        end_check(version, now_ms);
        break;
    }
}

void kh_version_step(struct kh_version *version, const struct kh_event *event, kh_ms now_ms,
                     struct kh_cmds *out)
{
    if (event->type == KH_EVENT_COORD && version->step != KH_VERSION_IDLE &&
        event->coord->id == version->op) {
        on_answer(version, event, now_ms, out);
    }
    if (version->step == KH_VERSION_IDLE && now_ms >= version->at_ms) {
        check(version, now_ms, out);
    }
}

kh_ms kh_version_deadline(const struct kh_version *version)
{
    return version->step == KH_VERSION_IDLE ? version->at_ms : KH_NEVER;
}
