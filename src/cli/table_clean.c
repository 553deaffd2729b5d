#include "cli/table_clean.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/assert.h"
#include "cli/pulse.h"
#include "cli/say.h"
#include "cli/table_status.h"
#include "io/clock.h"
#include "wire/attribute.h"
#include "wire/coord_item.h"
#include "wire/lease_item.h"

#define REQUEST_BYTES_MAX 16384
#define WATCH_MS          (KH_LOCK_HEARTBEAT_MS + KH_SECONDS(5))
#define REPORT_AGE_S_MAX  60 /* Java: two periods of 30 s */

static const char *kind_name(enum kh_survey_kind kind)
{
    switch (kind) {
    case KH_SURVEY_LOCK:
        return "the leader's lock";
    case KH_SURVEY_VERSION:
        return "the client version";
    case KH_SURVEY_TABLES:
        return "the table migration";
    case KH_SURVEY_STATS:
        return "a worker's report";
    case KH_SURVEY_STREAM:
        return "a stream";
    case KH_SURVEY_OTHER:
        break;
    }
    return "of an unknown kind";
}

static enum kh_rc check_state(const struct kh_survey *survey, struct kh_err *err)
{
    enum kh_coord_place place;
    const struct kh_version_state *state = kh_survey_version(survey, &place);
    const enum kh_table_status tables = survey->tables[KH_COORD_LEGACY_TABLE].status;

    if (!survey->has_table[KH_COORD_LEASE_TABLE]) {
        return kh_fail(err, KH_NOTFOUND, "lease table %.*s %s", KH_STR_ARG(survey->table),
                       survey->table_status[0] != '\0' ? "is not usable now" : "does not exist");
    }
    if (state != NULL && state->now.version != KH_VERSION_2X) {
        return kh_fail(
            err, KH_CONFLICT,
            "the client version is %s: the fleet needs these items; table rollback comes "
            "before clean",
            kh_table_version_name(state->now.version));
    }
    if (kh_survey_place(survey) == KH_COORD_LEGACY_TABLE && tables != KH_TABLES_NONE) {
        return kh_fail(err, KH_CONFLICT,
                       "a table migration is under way (%s): it puts items into the lease table",
                       kh_table_status_name(tables));
    }
    return KH_OK;
}

static enum kh_rc check_reports(const struct kh_survey *survey, struct kh_err *err)
{
    const int64_t now_s = kh_clock_wall_ms() / 1000;

    for (size_t i = 0; i < survey->stats_n; i++) {
        const struct kh_worker_stats *stats = &survey->stats[i].stats;

        if (survey->stats[i].place == KH_COORD_LEASE_TABLE &&
            now_s - stats->reported_wall_s <= REPORT_AGE_S_MAX) {
            return kh_fail(err, KH_CONFLICT,
                           "worker %s reported %" PRId64
                           " s ago, as workers of 2.x do not; stop it, or wait for a minute if it "
                           "has stopped or seen the roll-back",
                           stats->worker_id, now_s - stats->reported_wall_s);
        }
    }
    return KH_OK;
}

static enum kh_rc check_lock(struct kh_session *session, const struct kh_survey *survey,
                             kh_ms watch_ms, struct kh_err *err)
{
    const struct kh_lock *lock = &survey->lock[KH_COORD_LEASE_TABLE];

    if (!survey->has_lock[KH_COORD_LEASE_TABLE] || lock->released) {
        return KH_OK;
    }
    if (kh_pulse_watch_lock(session, KH_COORD_LEASE_TABLE, lock,
                            watch_ms < 0 ? WATCH_MS : watch_ms) == KH_PULSE_BEATS) {
        return kh_fail(err, KH_CONFLICT, "worker %s leads the fleet: its lock was just renewed",
                       lock->owner);
    }
    return KH_OK;
}

/* As seen, and no lease. */
static enum kh_rc delete_stream(struct kh_session *session, const char *key, struct kh_err *err)
{
    const struct kh_json *root;
    struct kh_json_writer writer;
    struct kh_buf body;
    enum kh_rc rc;

    kh_buf_init(&body, REQUEST_BYTES_MAX);
    kh_json_begin(&writer, &body);
    kh_json_open_object(&writer);
    kh_attribute_put_member(&writer, "TableName", session->settings->table_name);
    kh_attribute_put_key(&writer, "Key", KH_LEASE_KEY_ATTRIBUTE, kh_str(key));
    kh_attribute_put_member(&writer, "ConditionExpression", "#" KH_ENTITY_ATTRIBUTE " = :stream");
    kh_json_key(&writer, "ExpressionAttributeNames");
    kh_json_open_object(&writer);
    kh_attribute_put_alias(&writer, KH_ENTITY_ATTRIBUTE);
    kh_json_close_object(&writer);
    kh_json_key(&writer, "ExpressionAttributeValues");
    kh_json_open_object(&writer);
    kh_json_key(&writer, ":stream");
    kh_attribute_put_text(&writer, KH_STR("STREAM"));
    kh_json_close_object(&writer);
    kh_json_close_object(&writer);
    rc = kh_json_end(&writer);
    if (rc != KH_OK) {
        kh_buf_fini(&body);
        return kh_fail(err, rc, "item %s: its key is too long", key);
    }
    return kh_session_call(session, "DeleteItem", &body, &root, err);
}

static enum kh_rc delete_coord(struct kh_session *session, const struct kh_coord_op *op,
                               const char *key, struct kh_err *err)
{
    (void)kh_session_coord(session, op);
    return kh_session_refuse_coord(session, key, err);
}

static enum kh_rc delete_stats(struct kh_session *session, const struct kh_survey *survey,
                               const char *key, struct kh_err *err)
{
    struct kh_coord_op op = {.id = 1,
                             .verb = KH_COORD_DELETE,
                             .kind = KH_COORD_STATS,
                             .expect_bits = KH_EXPECT_REPORTED};

    op.expect.kind = KH_COORD_STATS;
    for (size_t i = 0; i < survey->stats_n; i++) {
        if (survey->stats[i].place == KH_COORD_LEASE_TABLE &&
            strcmp(survey->stats[i].stats.worker_id, key) == 0) {
            op.expect.stats = survey->stats[i].stats;
            (void)snprintf(op.key, sizeof(op.key), "%s", key);
            return delete_coord(session, &op, key, err);
        }
    }
    return kh_fail(err, KH_CONFLICT, "the report of %s cannot be read; delete it by hand", key);
}

static enum kh_rc delete_item(struct kh_session *session, const struct kh_survey *survey,
                              const struct kh_survey_item *item, struct kh_err *err)
{
    struct kh_coord_op op = {.id = 1, .verb = KH_COORD_DELETE, .place = KH_COORD_LEASE_TABLE};

    switch (item->kind) {
    case KH_SURVEY_LOCK:
        op.kind = op.expect.kind = KH_COORD_LOCK;
        if (survey->has_lock[KH_COORD_LEASE_TABLE]) {
            op.expect_bits = KH_EXPECT_LOCK_VERSION;
            op.expect.lock = survey->lock[KH_COORD_LEASE_TABLE];
        }
        return delete_coord(session, &op, item->key, err);
    case KH_SURVEY_VERSION:
        op.kind = op.expect.kind = KH_COORD_VERSION;
        op.expect_bits = KH_EXPECT_CLIENT_VERSION;
        op.expect.version = survey->version[KH_COORD_LEASE_TABLE];
        return delete_coord(session, &op, item->key, err);
    case KH_SURVEY_TABLES:
        op.kind = KH_COORD_TABLES;
        return delete_coord(session, &op, item->key, err);
    case KH_SURVEY_STATS:
        return delete_stats(session, survey, item->key, err);
    case KH_SURVEY_STREAM:
        return delete_stream(session, item->key, err);
    case KH_SURVEY_OTHER:
        break;
    }
    return KH_OK;
}

/* All of one kind, or all but it. */
static enum kh_rc delete_items(struct kh_session *session, const struct kh_survey *survey,
                               bool versions, bool dry_run, struct kh_err *err)
{
    enum kh_rc rc = KH_OK;

    for (size_t i = 0; rc == KH_OK && i < survey->items_n; i++) {
        const struct kh_survey_item *item = &survey->items[i];

        if ((item->kind == KH_SURVEY_VERSION) != versions) {
            continue;
        }
        if (item->kind == KH_SURVEY_OTHER) {
            printf("%s: %s, left alone\n", item->key, kind_name(item->kind));
            continue;
        }
        rc = dry_run ? KH_OK : delete_item(session, survey, item, err);
        if (rc == KH_OK) {
            printf("%s: %s, %s\n", item->key, kind_name(item->kind),
                   dry_run ? "would be deleted" : "deleted");
        }
    }
    return rc;
}

int kh_table_clean(struct kh_session *session, const struct kh_survey *survey, bool dry_run,
                   kh_ms watch_ms)
{
    struct kh_err err;
    enum kh_rc rc = check_state(survey, &err);

    if (rc == KH_OK) {
        rc = check_reports(survey, &err);
    }
    if (rc == KH_OK) {
        rc = check_lock(session, survey, watch_ms, &err);
    }
    if (rc == KH_OK) {
        rc = delete_items(session, survey, false, dry_run, &err);
    }
    if (rc == KH_OK) { /* last: while it is there, nobody of 3.x begins anew */
        rc = delete_items(session, survey, true, dry_run, &err);
    }
    if (rc != KH_OK) {
        return kh_say_failure(&err);
    }
    printf(survey->items_n == 0
               ? "The lease table holds leases alone.\n"
               : "From now on start workers of KCL 2.x and kcl-hosts alone: one of "
                 "3.x would begin a fleet of its own kind.\n");
    return kh_say_done();
}
