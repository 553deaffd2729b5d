#include "cli/table.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/assert.h"
#include "cli/exit.h"
#include "cli/say.h"
#include "cli/survey.h"
#include "cli/table_clean.h"
#include "cli/table_status.h"
#include "io/clock.h"
#include "wire/attribute.h"
#include "wire/coord_item.h"
#include "wire/lease_table.h"

#define REQUEST_BYTES_MAX 4096
#define BY_MIGRATE        "kcl-host-table-migrate"
#define BY_ROLLBACK       "kcl-host-table-rollback"

static enum kh_rc check_table(const struct kh_survey *survey, struct kh_err *err)
{
    if (survey->has_table[KH_COORD_LEASE_TABLE]) {
        return KH_OK;
    }
    if (survey->table_status[0] != '\0') {
        return kh_fail(err, KH_CONFLICT, "lease table %.*s is %s; try again later",
                       KH_STR_ARG(survey->table), survey->table_status);
    }
    return kh_fail(err, KH_NOTFOUND, "lease table %.*s does not exist", KH_STR_ARG(survey->table));
}

/* The state `now`, with what was before in its history; before NULL: there was none. */
static void make_state(struct kh_version_state *state, enum kh_client_version now, const char *by,
                       const struct kh_version_state *before)
{
    *state = (struct kh_version_state){.now = {.version = now, .at_wall_ms = kh_clock_wall_ms()}};
    (void)snprintf(state->now.by, sizeof(state->now.by), "%s", by);
    if (before == NULL) {
        state->history[0] = state->now; /* as Java begins one */
        state->history[0].version = KH_VERSION_INIT;
        state->history_n = 1;
        return;
    }
    state->history[0] = before->now;
    state->history_n = 1;
    for (unsigned i = 0; i < before->history_n && state->history_n < KH_VERSION_HISTORY_N; i++) {
        state->history[state->history_n++] = before->history[i];
    }
}

static enum kh_rc write_state(struct kh_session *session, enum kh_coord_place place,
                              const struct kh_version_state *before,
                              const struct kh_version_state *state, struct kh_err *err)
{
    struct kh_coord_op op = {.id = 1,
                             .verb = before == NULL ? KH_COORD_PUT : KH_COORD_UPDATE,
                             .place = place,
                             .kind = KH_COORD_VERSION,
                             .expect_bits =
                                 before == NULL ? KH_EXPECT_ABSENT : KH_EXPECT_CLIENT_VERSION,
                             .expect = {.kind = KH_COORD_VERSION},
                             .item = {.kind = KH_COORD_VERSION, .version = *state}};

    if (before != NULL) {
        op.expect.version = *before;
    }
    (void)kh_session_coord(session, &op);
    return kh_session_refuse_coord(session, "write " KH_VERSION_KEY, err);
}

/* ---- migrate ---- */

/* An owner that would not survive an item among the leases that is none. kcl-hosts sign their
 * leases; workers of 3.5 report that they know it. NULL: there is no such owner. */
static const char *find_endangered(const struct kh_survey *survey)
{
    for (size_t i = 0; i < survey->leases_n; i++) {
        const struct kh_lease *lease = &survey->leases[i];
        const char *owner = kh_lease_actual_owner(lease);
        const struct kh_worker_stats *stats = kh_survey_stats_of(survey, owner);

        if (owner[0] != '\0' && strcmp(lease->handoff_owner, owner) != 0 &&
            (stats == NULL || !stats->has_support || stats->support < 1)) {
            return owner;
        }
    }
    return NULL;
}

/* Where nobody is hurt: in a table of its own, or where such an item lies already. */
static enum kh_rc check_migratable(const struct kh_survey *survey, enum kh_coord_place place,
                                   bool force, struct kh_err *err)
{
    const char *owner = find_endangered(survey);

    if (place == KH_COORD_LEGACY_TABLE || survey->version[place].now.version != KH_VERSION_NONE ||
        owner == NULL || force) {
        return KH_OK;
    }
    return kh_fail(err, KH_CONFLICT,
                   "lease table %.*s: the item " KH_VERSION_KEY
                   " among its leases would end KCL workers before 3.5, and its owner %s may be "
                   "one; replace those workers first, or use --force if they are not that old",
                   KH_STR_ARG(survey->table), owner);
}

static void say_what_follows(void)
{
    printf("Then workers of KCL 3.x and kcl-hosts report how busy they are and make the index %s; "
           "once it is active and every owner has reported for 10 minutes, the leader goes on to "
           "%s. Back: kcl-host table rollback.\n",
           KH_OWNER_INDEX, kh_client_version_name(KH_VERSION_3X_WITH_ROLLBACK));
}

/* KH_OK and *done: there is nothing to do. */
static enum kh_rc check_start(const struct kh_version_state *before, bool *done, struct kh_err *err)
{
    const enum kh_client_version version = before == NULL ? KH_VERSION_NONE : before->now.version;

    *done = false;
    switch (version) {
    case KH_VERSION_NONE:
    case KH_VERSION_2X:
        return KH_OK;
    case KH_VERSION_UPGRADE_FROM_2X:
    case KH_VERSION_3X_WITH_ROLLBACK:
    case KH_VERSION_3X:
        *done = true;
        printf("The client version is %s already.\n", kh_client_version_name(version));
        return KH_OK;
    case KH_VERSION_INIT:
    case KH_VERSION_OTHER:
        break;
    }
    return kh_fail(err, KH_CONFLICT, "the client version is %s: it is left alone",
                   kh_table_version_name(version));
}

static int migrate(struct kh_session *session, const struct kh_survey *survey,
                   const struct kh_options *options)
{
    enum kh_coord_place place;
    const struct kh_version_state *before = kh_survey_version(survey, &place);
    struct kh_version_state state;
    bool done = false;
    struct kh_err err;
    enum kh_rc rc = check_table(survey, &err);

    if (before == NULL) {
        place = kh_survey_place(survey);
    }
    if (rc == KH_OK) {
        rc = check_start(before, &done, &err);
    }
    if (rc == KH_OK && done) {
        return kh_say_done();
    }
    if (rc == KH_OK) {
        rc = check_migratable(survey, place, options->force, &err);
    }
    if (rc == KH_OK && !options->dry_run) {
        make_state(&state, KH_VERSION_UPGRADE_FROM_2X, BY_MIGRATE, before);
        rc = write_state(session, place, before, &state, &err);
    }
    if (rc != KH_OK) {
        return kh_say_failure(&err);
    }
    printf("table %s, item %s: the client version %s %s; it was %s.\n",
           kh_survey_table_name(session, place), KH_VERSION_KEY,
           options->dry_run ? "would be" : "is now",
           kh_client_version_name(KH_VERSION_UPGRADE_FROM_2X),
           kh_table_version_name(before == NULL ? KH_VERSION_NONE : before->now.version));
    say_what_follows();
    return kh_say_done();
}

/* ---- rollback ---- */

static enum kh_rc delete_index(struct kh_session *session, struct kh_err *err)
{
    const struct kh_json *root;
    struct kh_json_writer writer;
    struct kh_buf body;
    enum kh_rc rc;

    kh_buf_init(&body, REQUEST_BYTES_MAX);
    kh_json_begin(&writer, &body);
    kh_json_open_object(&writer);
    kh_attribute_put_member(&writer, "TableName", session->settings->table_name);
    kh_json_key(&writer, "GlobalSecondaryIndexUpdates");
    kh_json_open_array(&writer);
    kh_json_open_object(&writer);
    kh_json_key(&writer, "Delete");
    kh_json_open_object(&writer);
    kh_attribute_put_member(&writer, "IndexName", KH_OWNER_INDEX);
    kh_json_close_object(&writer);
    kh_json_close_object(&writer);
    kh_json_close_array(&writer);
    kh_json_close_object(&writer);
    rc = kh_json_end(&writer);
    kh_assert(rc == KH_OK); /* names are bounded */
    rc = kh_session_call(session, "UpdateTable", &body, &root, err);
    if (rc != KH_OK && rc != KH_NOTFOUND) {
        return kh_wrap(err, "delete index " KH_OWNER_INDEX " of table %s; run table rollback again",
                       session->settings->table_name);
    }
    return KH_OK;
}

/* *write: there is a state to be rolled back. A roll-back that was interrupted goes on. */
static enum kh_rc check_rollback(const struct kh_version_state *before, bool *write,
                                 struct kh_err *err)
{
    const enum kh_client_version version = before == NULL ? KH_VERSION_NONE : before->now.version;

    *write = false;
    switch (version) {
    case KH_VERSION_UPGRADE_FROM_2X:
    case KH_VERSION_3X_WITH_ROLLBACK:
        *write = true;
        return KH_OK;
    case KH_VERSION_2X:
        return KH_OK;
    case KH_VERSION_NONE:
        return kh_fail(err, KH_CONFLICT,
                       "there is no item " KH_VERSION_KEY
                       ": no migration was begun, so there is nothing to roll back");
    case KH_VERSION_INIT:
    case KH_VERSION_3X:
    case KH_VERSION_OTHER:
        break;
    }
    return kh_fail(err, KH_CONFLICT, "the client version is %s: from there is no way back",
                   kh_table_version_name(version));
}

/* What is left of the wait, when a roll-back goes on that was interrupted. */
static kh_ms rest_of_wait_ms(const struct kh_version_state *before, bool written, uint64_t wait_s)
{
    const kh_ms wait_ms = KH_SECONDS((kh_ms)wait_s);
    kh_ms gone_ms;

    if (written) {
        return wait_ms;
    }
    gone_ms = kh_clock_wall_ms() - before->now.at_wall_ms;
    return gone_ms < 0 ? wait_ms : wait_ms - kh_ms_min(gone_ms, wait_ms);
}

static int finish_rollback(struct kh_session *session, const struct kh_survey *survey,
                           kh_ms wait_ms)
{
    struct kh_err err;

    if (!survey->has_index) {
        printf("There is no index %s to be deleted.\n", KH_OWNER_INDEX);
        return kh_say_done();
    }
    if (wait_ms > 0) {
        kh_say_meanwhile("waiting %" PRId64 " s until every worker has seen it", wait_ms / 1000);
        kh_session_pause(session, wait_ms);
    }
    if (delete_index(session, &err) != KH_OK) {
        return kh_say_failure(&err);
    }
    printf("The index %s is being deleted.\n", KH_OWNER_INDEX);
    return kh_say_done();
}

static int rollback(struct kh_session *session, const struct kh_survey *survey,
                    const struct kh_options *options)
{
    enum kh_coord_place place;
    const struct kh_version_state *before = kh_survey_version(survey, &place);
    struct kh_version_state state;
    bool write = false;
    struct kh_err err;
    enum kh_rc rc = check_table(survey, &err);

    if (rc == KH_OK) {
        rc = check_rollback(before, &write, &err);
    }
    if (rc == KH_OK && write) {
        make_state(&state, KH_VERSION_2X, BY_ROLLBACK, before);
        rc = write_state(session, place, before, &state, &err);
    }
    if (rc != KH_OK) {
        return kh_say_failure(&err);
    }
    printf("table %s, item %s: the client version is %s %s; it was %s.\n",
           kh_survey_table_name(session, place), KH_VERSION_KEY, write ? "now" : "still",
           kh_client_version_name(KH_VERSION_2X), kh_client_version_name(before->now.version));
    return finish_rollback(session, survey, rest_of_wait_ms(before, write, options->wait_s));
}

/* ---- all of them ---- */

static int run(struct kh_session *session, const struct kh_survey *survey,
               const struct kh_options *options)
{
    const kh_ms watch_ms = options->wait_is_set ? KH_SECONDS((kh_ms)options->wait_s) : -1;

    switch (options->command) {
    case KH_COMMAND_TABLE_STATUS:
        return kh_table_status(session, survey, options->json, watch_ms);
    case KH_COMMAND_TABLE_MIGRATE:
        return migrate(session, survey, options);
    case KH_COMMAND_TABLE_ROLLBACK:
        return rollback(session, survey, options);
    case KH_COMMAND_TABLE_CLEAN:
        return kh_table_clean(session, survey, options->dry_run, watch_ms);
    case KH_COMMAND_RUN:
    case KH_COMMAND_CONFIG:
    case KH_COMMAND_LEASES_LIST:
    case KH_COMMAND_LEASES_ASSIGN:
    case KH_COMMAND_LEASES_RELEASE:
    case KH_COMMAND_LEASES_RESET:
        break;
    }
    kh_assert(false);
    return KH_EXIT_SOFTWARE;
}

int kh_table_run(struct kh_session *session, const struct kh_options *options)
{
    struct kh_survey survey;
    struct kh_err err;
    int status;

    if (kh_survey_read(&survey, session, &err) != KH_OK) {
        status = kh_say_failure(&err);
    } else {
        status = run(session, &survey, options);
    }
    kh_survey_fini(&survey);
    return status;
}
