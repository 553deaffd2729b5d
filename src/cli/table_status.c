#include "cli/table_status.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/assert.h"
#include "base/mem.h"
#include "cli/pulse.h"
#include "cli/say.h"
#include "io/clock.h"
#include "wire/coord_item.h"
#include "wire/timestamp.h"

/* KCL's: a worker that reported within two periods of 30 s is alive. */
#define REPORT_AGE_S_MAX 60

struct owner {
    const char *id; /* borrowed */
    size_t leases_n;
};

/* What is told, worked out once for both forms. */
struct summary {
    const struct kh_session *session;
    const struct kh_survey *survey;
    enum kh_survey_layout layout;
    const struct kh_version_state *version; /* NULL: none */
    enum kh_coord_place version_place;
    const struct kh_lock *lock; /* NULL: none */
    enum kh_pulse lock_pulse;
    bool lock_watched;
    size_t owned_n;
    size_t finished_n;
    size_t handed_n;
    size_t foreign_n;
    struct owner *owners; /* owned */
    size_t owners_n;
    int64_t now_wall_s;
};

const char *kh_table_version_name(enum kh_client_version version)
{
    return version == KH_VERSION_NONE    ? "none"
           : version == KH_VERSION_OTHER ? "a version this kcl-host does not know"
                                         : kh_client_version_name(version);
}

static const char *layout_name(enum kh_survey_layout layout)
{
    switch (layout) {
    case KH_LAYOUT_NONE:
        return "none";
    case KH_LAYOUT_2X:
        return "2.x";
    case KH_LAYOUT_LEGACY:
        return "3.0-3.4";
    case KH_LAYOUT_SINGLE:
        return "3.5";
    }
    return "";
}

/* How the fleet works now, as far as the table tells. */
static const char *mode_name(const struct summary *summary)
{
    if (summary->version == NULL) {
        return "2.x";
    }
    switch (summary->version->now.version) {
    case KH_VERSION_NONE:
    case KH_VERSION_INIT:
    case KH_VERSION_2X:
        return "2.x";
    case KH_VERSION_UPGRADE_FROM_2X:
        return "2.x, on the way to 3.x";
    case KH_VERSION_3X_WITH_ROLLBACK:
        return "3.x, can be rolled back";
    case KH_VERSION_3X:
        return "3.x";
    case KH_VERSION_OTHER:
        break;
    }
    return "unknown";
}

static const char *index_name(const struct kh_survey *survey)
{
    if (!survey->has_index) {
        return "absent";
    }
    return survey->index_active ? "active" : "backfilling";
}

static void count_owner(struct summary *summary, const char *id)
{
    for (size_t i = 0; i < summary->owners_n; i++) {
        if (strcmp(summary->owners[i].id, id) == 0) {
            summary->owners[i].leases_n++;
            return;
        }
    }
    summary->owners[summary->owners_n++] = (struct owner){id, 1};
}

static void summarise(struct summary *summary)
{
    const struct kh_survey *survey = summary->survey;
    const enum kh_coord_place place = kh_survey_place(survey);

    summary->layout = kh_survey_layout(survey);
    summary->version = kh_survey_version(survey, &summary->version_place);
    summary->lock = survey->has_lock[place] ? &survey->lock[place] : NULL;
    summary->now_wall_s = kh_clock_wall_ms() / 1000;
    summary->owners = kh_mem_new(survey->leases_n + 1, sizeof(*summary->owners));
    for (size_t i = 0; i < survey->leases_n; i++) {
        const struct kh_lease *lease = &survey->leases[i];

        summary->finished_n += kh_lease_is_finished(lease);
        summary->handed_n += lease->checkpoint_owner[0] != '\0';
        if (kh_lease_actual_owner(lease)[0] != '\0') {
            summary->owned_n++;
            count_owner(summary, kh_lease_actual_owner(lease));
        }
    }
    for (size_t i = 0; i < survey->items_n; i++) {
        summary->foreign_n += survey->items[i].kind == KH_SURVEY_OTHER;
    }
}

static void watch_lock(struct summary *summary, struct kh_session *session, kh_ms watch_ms)
{
    if (summary->lock != NULL && watch_ms > 0) {
        summary->lock_watched = true;
        summary->lock_pulse =
            kh_pulse_watch_lock(session, kh_survey_place(summary->survey), summary->lock, watch_ms);
    }
}

/* ---- for people ---- */

/* " by W at T", as far as known. */
static void print_change(const char *by, int64_t at_wall_ms)
{
    char when[KH_TIMESTAMP_TEXT_BYTES];

    if (by[0] != '\0') {
        printf(" by %s", by);
    }
    if (at_wall_ms > 0) {
        kh_timestamp_format(at_wall_ms, when);
        printf(" at %s", when);
    }
    printf("\n");
}

static void print_layout(const struct summary *summary)
{
    const struct kh_survey *survey = summary->survey;

    printf("layout           %s", layout_name(summary->layout));
    switch (summary->layout) {
    case KH_LAYOUT_NONE:
        break;
    case KH_LAYOUT_2X:
        printf(": leases alone");
        break;
    case KH_LAYOUT_LEGACY:
        printf(": the fleet's state in %s",
               summary->session->settings->coordinator_state_table_name);
        printf(survey->has_stats_table ? ", reports in %s" : ", no reports (%s is missing)",
               summary->session->settings->worker_metrics_table_name);
        break;
    case KH_LAYOUT_SINGLE:
        printf(": the fleet's state among the leases");
        break;
    }
    printf("\n");
}

static void print_version(const struct summary *summary)
{
    printf("mode             %s\n", mode_name(summary));
    if (summary->version == NULL) {
        printf("client version   none\n");
        return;
    }
    printf("client version   %s, in %s, set", kh_table_version_name(summary->version->now.version),
           kh_survey_table_name(summary->session, summary->version_place));
    print_change(summary->version->now.by, summary->version->now.at_wall_ms);
    for (unsigned i = 0; i < summary->version->history_n; i++) {
        const struct kh_version_change *change = &summary->version->history[i];

        printf("  before         %s", kh_table_version_name(change->version));
        print_change(change->by, change->at_wall_ms);
    }
}

static void print_migration(const struct kh_survey *survey)
{
    const struct kh_table_migration *tables =
        survey->tables[KH_COORD_LEGACY_TABLE].status != KH_TABLES_NONE
            ? &survey->tables[KH_COORD_LEGACY_TABLE]
            : &survey->tables[KH_COORD_LEASE_TABLE];

    if (tables->status == KH_TABLES_NONE) {
        return;
    }
    printf("table migration  %s, set", tables->status == KH_TABLES_OTHER
                                           ? "a status this kcl-host does not know"
                                           : kh_table_status_name(tables->status));
    print_change(tables->by, tables->at_wall_ms);
}

static void print_leader(const struct summary *summary)
{
    if (summary->lock == NULL) {
        printf("leader           none\n");
        return;
    }
    printf("leader           %s%s", summary->lock->owner,
           summary->lock->released ? ", released" : "");
    if (!summary->lock_watched) {
        printf(" (--wait SECONDS watches whether its lock moves)\n");
    } else {
        printf(summary->lock_pulse == KH_PULSE_BEATS ? ", its lock was seen moving just now\n"
                                                     : ", its lock did not move while watched\n");
    }
}

static void print_reports(const struct summary *summary)
{
    const struct kh_survey *survey = summary->survey;

    printf("reports          %zu\n", survey->stats_n);
    for (size_t i = 0; i < survey->stats_n; i++) {
        const struct kh_worker_stats *stats = &survey->stats[i].stats;
        const int64_t age_s = summary->now_wall_s - stats->reported_wall_s;

        printf("  %s  %" PRId64 " s ago%s", stats->worker_id, age_s,
               age_s <= REPORT_AGE_S_MAX ? "" : " (too old)");
        for (unsigned m = 0; m < stats->metrics_n; m++) {
            const struct kh_metric *metric = &stats->metrics[m];

            if (metric->values_n > 0) {
                printf(", %s %.1f %%", metric->name, metric->values[metric->values_n - 1]);
            }
        }
        printf("%s\n", stats->has_support && stats->support >= 1 ? "" : ", knows no single table");
    }
}

static void print_leases(const struct summary *summary)
{
    const struct kh_survey *survey = summary->survey;

    printf("leases           %zu: %zu owned, %zu unowned, %zu finished, %zu in hand-off\n",
           survey->leases_n, summary->owned_n, survey->leases_n - summary->owned_n,
           summary->finished_n, summary->handed_n);
    for (size_t i = 0; i < summary->owners_n; i++) {
        printf("  %s  %zu\n", summary->owners[i].id, summary->owners[i].leases_n);
    }
}

static void print_writers(const struct summary *summary)
{
    const struct kh_survey *survey = summary->survey;
    const char *before = "written by       ";

    if (survey->leases_n == 0 && survey->items_n == 0) {
        return;
    }
    if (survey->typed_n > 0 || summary->layout == KH_LAYOUT_SINGLE) {
        printf("%sKCL 3.5 (entityType)", before);
        before = ", ";
    }
    if (survey->measured_n > 0 || summary->layout == KH_LAYOUT_LEGACY) {
        printf("%sKCL 3.x (throughputKBps, tables of 3.0)", before);
        before = ", ";
    }
    if (survey->signed_n > 0 || survey->marked_n > 0) {
        printf("%skcl-host (kclHostHandoff, kclHostStream)", before);
        before = ", ";
    }
    printf("%s\n", before[0] == ',' ? "" : "written by       KCL 2.x, or nothing that tells more");
    if (survey->stream[0] != '\0') {
        printf("stream           %s, on %zu leases\n", survey->stream, survey->marked_n);
    }
}

static void print_oddities(const struct summary *summary)
{
    const struct kh_survey *survey = summary->survey;
    struct kh_str rest = kh_buf_str(&survey->malformed);
    struct kh_str line;

    if (summary->foreign_n > 0) {
        printf("other items      %zu of other kinds\n", summary->foreign_n);
    }
    if (survey->malformed_n > 0) {
        printf("malformed items  %zu\n", survey->malformed_n);
    }
    while (kh_str_cut(rest, '\n', &line, &rest)) {
        printf("  %.*s\n", KH_STR_ARG(line));
    }
}

static void print_text(const struct summary *summary)
{
    const struct kh_survey *survey = summary->survey;

    printf("lease table      %s, %s\n", summary->session->settings->table_name,
           survey->table_status[0] != '\0' ? survey->table_status : "does not exist");
    print_layout(summary);
    print_version(summary);
    print_migration(survey);
    printf("index            %s\n", index_name(survey));
    print_leader(summary);
    print_reports(summary);
    print_leases(summary);
    print_writers(summary);
    print_oddities(summary);
}

/* ---- for programs ---- */

static void put_text(struct kh_json_writer *writer, const char *name, const char *value)
{
    kh_json_key(writer, name);
    if (value[0] != '\0') {
        kh_json_put_str(writer, kh_str(value));
    } else {
        kh_json_put_null(writer);
    }
}

static void put_count(struct kh_json_writer *writer, const char *name, size_t n)
{
    kh_json_key(writer, name);
    kh_json_put_u64(writer, n);
}

static void put_i64(struct kh_json_writer *writer, const char *name, int64_t value)
{
    kh_json_key(writer, name);
    kh_json_put_i64(writer, value);
}

static void put_bool(struct kh_json_writer *writer, const char *name, bool value)
{
    kh_json_key(writer, name);
    kh_json_put_bool(writer, value);
}

static void put_change(struct kh_json_writer *writer, const char *name, const char *by,
                       int64_t at_wall_ms)
{
    put_text(writer, "status", name);
    put_text(writer, "by", by);
    put_i64(writer, "atMillis", at_wall_ms);
}

static void put_version(struct kh_json_writer *writer, const struct summary *summary)
{
    kh_json_key(writer, "clientVersion");
    if (summary->version == NULL) {
        kh_json_put_null(writer);
        return;
    }
    kh_json_open_object(writer);
    put_change(writer, kh_table_version_name(summary->version->now.version),
               summary->version->now.by, summary->version->now.at_wall_ms);
    put_text(writer, "table", kh_survey_table_name(summary->session, summary->version_place));
    kh_json_key(writer, "history");
    kh_json_open_array(writer);
    for (unsigned i = 0; i < summary->version->history_n; i++) {
        const struct kh_version_change *change = &summary->version->history[i];

        kh_json_open_object(writer);
        put_change(writer, kh_table_version_name(change->version), change->by, change->at_wall_ms);
        kh_json_close_object(writer);
    }
    kh_json_close_array(writer);
    kh_json_close_object(writer);
}

static void put_migration(struct kh_json_writer *writer, const struct kh_survey *survey)
{
    const struct kh_table_migration *tables =
        survey->tables[KH_COORD_LEGACY_TABLE].status != KH_TABLES_NONE
            ? &survey->tables[KH_COORD_LEGACY_TABLE]
            : &survey->tables[KH_COORD_LEASE_TABLE];

    kh_json_key(writer, "tableMigration");
    if (tables->status == KH_TABLES_NONE) {
        kh_json_put_null(writer);
        return;
    }
    kh_json_open_object(writer);
    put_change(writer, kh_table_status_name(tables->status), tables->by, tables->at_wall_ms);
    kh_json_close_object(writer);
}

static void put_leader(struct kh_json_writer *writer, const struct summary *summary)
{
    kh_json_key(writer, "leader");
    if (summary->lock == NULL) {
        kh_json_put_null(writer);
        return;
    }
    kh_json_open_object(writer);
    put_text(writer, "worker", summary->lock->owner);
    put_i64(writer, "leaseDurationMillis", summary->lock->duration_ms);
    put_bool(writer, "released", summary->lock->released);
    kh_json_key(writer, "moved");
    if (summary->lock_watched) {
        kh_json_put_bool(writer, summary->lock_pulse == KH_PULSE_BEATS);
    } else {
        kh_json_put_null(writer);
    }
    kh_json_close_object(writer);
}

static void put_reports(struct kh_json_writer *writer, const struct summary *summary)
{
    kh_json_key(writer, "reports");
    kh_json_open_array(writer);
    for (size_t i = 0; i < summary->survey->stats_n; i++) {
        const struct kh_worker_stats *stats = &summary->survey->stats[i].stats;

        kh_json_open_object(writer);
        put_text(writer, "worker", stats->worker_id);
        put_i64(writer, "ageSeconds", summary->now_wall_s - stats->reported_wall_s);
        put_bool(writer, "knowsSingleTable", stats->has_support && stats->support >= 1);
        put_text(writer, "table",
                 summary->survey->stats[i].place == KH_COORD_LEGACY_TABLE
                     ? summary->session->settings->worker_metrics_table_name
                     : summary->session->settings->table_name);
        put_count(writer, "metrics", stats->metrics_n);
        kh_json_close_object(writer);
    }
    kh_json_close_array(writer);
}

static void put_leases(struct kh_json_writer *writer, const struct summary *summary)
{
    const struct kh_survey *survey = summary->survey;

    kh_json_key(writer, "leases");
    kh_json_open_object(writer);
    put_count(writer, "total", survey->leases_n);
    put_count(writer, "owned", summary->owned_n);
    put_count(writer, "unowned", survey->leases_n - summary->owned_n);
    put_count(writer, "finished", summary->finished_n);
    put_count(writer, "inHandOff", summary->handed_n);
    kh_json_key(writer, "owners");
    kh_json_open_object(writer);
    for (size_t i = 0; i < summary->owners_n; i++) {
        kh_json_key_str(writer, kh_str(summary->owners[i].id));
        kh_json_put_u64(writer, summary->owners[i].leases_n);
    }
    kh_json_close_object(writer);
    put_count(writer, "withEntityType", survey->typed_n);
    put_count(writer, "withThroughput", survey->measured_n);
    put_count(writer, "withKclHostHandoff", survey->signed_n);
    put_count(writer, "withKclHostStream", survey->marked_n);
    kh_json_close_object(writer);
}

static void print_json(const struct summary *summary)
{
    const struct kh_survey *survey = summary->survey;
    struct kh_json_writer writer;
    struct kh_buf json;
    enum kh_rc rc;

    kh_buf_init(&json, KH_SAY_JSON_BYTES_MAX);
    kh_json_begin(&writer, &json);
    kh_json_open_object(&writer);
    put_text(&writer, "table", summary->session->settings->table_name);
    put_text(&writer, "tableStatus", survey->table_status);
    put_text(&writer, "layout", layout_name(summary->layout));
    put_text(&writer, "mode", mode_name(summary));
    put_version(&writer, summary);
    put_migration(&writer, survey);
    put_text(&writer, "index", index_name(survey));
    put_leader(&writer, summary);
    put_reports(&writer, summary);
    put_leases(&writer, summary);
    put_text(&writer, "stream", survey->stream);
    put_count(&writer, "otherItems", summary->foreign_n);
    put_count(&writer, "malformedItems", survey->malformed_n);
    kh_json_close_object(&writer);
    rc = kh_json_end(&writer);
    kh_assert(rc == KH_OK); /* the number of items is limited */
    kh_say_json(&json);
}

int kh_table_status(struct kh_session *session, const struct kh_survey *survey, bool json,
                    kh_ms watch_ms)
{
    struct summary summary = {.session = session, .survey = survey};

    summarise(&summary);
    watch_lock(&summary, session, watch_ms);
    if (json) {
        print_json(&summary);
    } else {
        print_text(&summary);
    }
    kh_mem_free(summary.owners);
    return kh_say_done();
}
