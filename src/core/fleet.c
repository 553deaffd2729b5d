#include "core/fleet.h"

#include <string.h>

#include "base/assert.h"
#include "base/mem.h"
#include "core/shuffle.h"

/* Reports older than this are asked for anew before leases are given away by them. */
#define STATS_FRESH_MS KH_SECONDS(3)
#define STATS_PAUSE_MS KH_SECONDS(1)
/* How often the leader of an upgrade looks whether everybody reports. */
#define READY_CHECK_MS KH_SECONDS(30)
#define READY_REPORT_S 60
#define OWNED_MS       KH_SECONDS(1)
/* A query of the index is eventually consistent: half a read unit for 4 KiB of keys. */
#define KEYS_PER_READ_UNIT 80

void kh_fleet_init(struct kh_fleet *fleet, struct kh_ctx *ctx, bool may_lead, kh_ms now_ms)
{
    *fleet = (struct kh_fleet){
        .ctx = ctx,
        .may_lead = may_lead,
        .wall_at_ms = now_ms,
        .stats_at_ms = KH_NEVER,
        .stats_next_ms = now_ms,
        .owned_at_ms = now_ms,
    };
    kh_version_init(&fleet->version, ctx, now_ms);
    kh_leader_init(&fleet->leader, ctx);
    kh_report_init(&fleet->report, ctx, !may_lead);
}

void kh_fleet_fini(struct kh_fleet *fleet)
{
    kh_mem_free(fleet->stats);
    kh_mem_free(fleet->coming);
    kh_mem_free(fleet->found);
}

static int64_t wall_ms(const struct kh_fleet *fleet, kh_ms now_ms)
{
    return fleet->wall_ms + (now_ms - fleet->wall_at_ms);
}

/* A leader gives leases to those that report. Where nobody can, for want of the table of 3.4, a
 * fleet that waits for one would stand still. */
static bool is_led(const struct kh_fleet *fleet)
{
    enum kh_coord_place place;

    return kh_mode_has_leader(fleet->version.mode) &&
           kh_version_report_place(&fleet->version, &place);
}

enum kh_fleet_mode kh_fleet_mode(const struct kh_fleet *fleet)
{
    if (fleet->version.mode == KH_MODE_UNKNOWN) {
        return KH_FLEET_UNKNOWN;
    }
    return is_led(fleet) ? KH_FLEET_IS_LED : KH_FLEET_TAKES;
}

bool kh_fleet_leads(const struct kh_fleet *fleet, const struct kh_table *table, kh_ms now_ms)
{
    switch (kh_fleet_mode(fleet)) {
    case KH_FLEET_UNKNOWN:
        return false;
    case KH_FLEET_TAKES:
        return kh_shuffle_leads(table, fleet->ctx->config.worker_id);
    case KH_FLEET_IS_LED:
        return kh_leader_leads(&fleet->leader, now_ms);
    }
    return false;
}

/* ---- reports ---- */

static void send_stats(struct kh_fleet *fleet, bool legacy, struct kh_cmds *out)
{
    struct kh_coord_op *op = kh_cmds_push_coord(out, KH_COORD_LIST_STATS);

    op->id = ++fleet->ctx->op;
    op->kind = KH_COORD_STATS;
    op->place = legacy ? KH_COORD_LEGACY_TABLE : KH_COORD_LEASE_TABLE;
    fleet->stats_op = op->id;
    fleet->coming_legacy = legacy;
}

static void begin_stats(struct kh_fleet *fleet, kh_ms now_ms, struct kh_cmds *out)
{
    fleet->coming_n = 0;
    fleet->coming_legacy_n = 0;
    fleet->stats_sent_at_ms = now_ms;
    fleet->stats_next_ms = now_ms + STATS_PAUSE_MS;
    send_stats(fleet, kh_version_has_legacy_reports(&fleet->version), out);
}

static void on_stats(struct kh_fleet *fleet, const struct kh_coord_answer *answer,
                     struct kh_cmds *out)
{
    const size_t n = fleet->coming_n + answer->stats_n;
    struct kh_worker_stats *before = fleet->stats;

    fleet->stats_op = 0;
    if (answer->outcome != KH_LEASE_DONE) {
        kh_cmds_note(out, "", "fleet.reports_not_read");
        kh_version_ready(&fleet->version, false, fleet->stats_sent_at_ms);
        return;
    }
    fleet->coming = kh_mem_resize(fleet->coming, n + 1, sizeof(*fleet->coming));
    for (size_t i = 0; i < answer->stats_n; i++) {
        fleet->coming[fleet->coming_n++] = answer->stats[i];
    }
    if (fleet->coming_legacy) {
        fleet->coming_legacy_n = fleet->coming_n;
        send_stats(fleet, false, out);
        return;
    }
    fleet->stats = fleet->coming;
    fleet->stats_n = n;
    fleet->legacy_n = fleet->coming_legacy_n;
    fleet->coming = before;
    fleet->stats_at_ms = fleet->stats_sent_at_ms;
    fleet->stats_wanted = false;
    fleet->stats_came = true;
    fleet->stale_at = 0;
}

static bool stats_are_newer(const struct kh_fleet *fleet, kh_ms age_ms, kh_ms now_ms)
{
    return fleet->stats_at_ms != KH_NEVER && now_ms - fleet->stats_at_ms <= age_ms;
}

bool kh_fleet_workers(struct kh_fleet *fleet, struct kh_assign_workers *workers, kh_ms now_ms)
{
    if (!stats_are_newer(fleet, STATS_FRESH_MS, now_ms)) {
        fleet->stats_wanted = true;
        return false;
    }
    *workers = (struct kh_assign_workers){
        .stats = fleet->stats, .n = fleet->stats_n, .now_wall_s = wall_ms(fleet, now_ms) / 1000};
    return true;
}

static kh_ms stats_due_ms(const struct kh_fleet *fleet)
{
    if (fleet->stats_wanted || fleet->stats_at_ms == KH_NEVER) {
        return fleet->stats_next_ms;
    }
    return kh_ms_max(fleet->stats_next_ms, fleet->stats_at_ms + fleet->ctx->config.assign_ms);
}

/* One at a time: there is no hurry. */
static void remove_stale(struct kh_fleet *fleet, kh_ms now_ms, struct kh_cmds *out)
{
    const int64_t now_wall_ms = wall_ms(fleet, now_ms);

    while (fleet->stale_op == 0 && fleet->stale_at < fleet->stats_n) {
        const struct kh_worker_stats *stats = &fleet->stats[fleet->stale_at];
        const bool legacy = fleet->stale_at++ < fleet->legacy_n;
        struct kh_coord_op *op;

        if (now_wall_ms - stats->reported_wall_s * 1000 <= fleet->ctx->config.stale_report_ms) {
            continue;
        }
        op = kh_cmds_push_coord(out, KH_COORD_DELETE);
        op->id = ++fleet->ctx->op;
        op->kind = KH_COORD_STATS;
        op->place = legacy ? KH_COORD_LEGACY_TABLE : KH_COORD_LEASE_TABLE;
        memcpy(op->key, stats->worker_id, sizeof(op->key));
        op->expect_bits = KH_EXPECT_REPORTED;
        op->expect.kind = KH_COORD_STATS;
        op->expect.stats.reported_wall_s = stats->reported_wall_s;
        fleet->stale_op = op->id;
        kh_cmds_note(out, "", "fleet.stale_report_removed");
    }
}

/* ---- going on to 3.x ---- */

/* Every lease has an owner, and every owner reports. */
static bool is_ready(const struct kh_fleet *fleet, const struct kh_table *table, kh_ms now_ms)
{
    const int64_t now_wall_s = wall_ms(fleet, now_ms) / 1000;
    struct kh_map fresh;
    bool ready = fleet->version.layout.index_active && kh_table_n(table) > 0;

    kh_map_init(&fresh);
    for (size_t i = 0; i < fleet->stats_n; i++) {
        struct kh_worker_stats *stats = &fleet->stats[i];

        if (stats->reported_wall_s + READY_REPORT_S > now_wall_s &&
            kh_map_get(&fresh, kh_str(stats->worker_id)) == NULL) {
            kh_map_add(&fresh, kh_str(stats->worker_id), stats);
        }
    }
    for (size_t i = 0; i < kh_table_n(table) && ready; i++) {
        const char *owner = kh_table_at(table, i)->lease.owner;

        ready = owner[0] != '\0' && kh_map_get(&fresh, kh_str(owner)) != NULL;
    }
    kh_map_fini(&fresh);
    return ready;
}

static void lead_upgrade(struct kh_fleet *fleet, const struct kh_fleet_sight *sight, kh_ms now_ms,
                         struct kh_cmds *out)
{
    if (fleet->version.mode != KH_MODE_UPGRADE_FROM_2X) {
        return;
    }
    if (fleet->stats_came) {
        kh_version_ready(&fleet->version, is_ready(fleet, sight->table, now_ms), now_ms);
    }
    if (now_ms < fleet->upgrade_at_ms) {
        return;
    }
    fleet->upgrade_at_ms = now_ms + kh_ctx_jitter(fleet->ctx, READY_CHECK_MS);
    if (!kh_fleet_leads(fleet, sight->table, now_ms)) {
        kh_version_ready(&fleet->version, false, now_ms);
    } else if (fleet->stats_op == 0) {
        begin_stats(fleet, now_ms, out);
    }
}

/* ---- what the index says ---- */

static void send_owned(struct kh_fleet *fleet, struct kh_cmds *out)
{
    struct kh_coord_op *op = kh_cmds_push_coord(out, KH_COORD_OWNED);

    op->id = ++fleet->ctx->op;
    memcpy(op->key, fleet->ctx->config.worker_id, sizeof(op->key));
    fleet->owned_op = op->id;
}

static void find(struct kh_fleet *fleet, const struct kh_coord_key *key)
{
    if (fleet->found_n == fleet->found_capacity) {
        fleet->found_capacity = kh_mem_grown(fleet->found_capacity, fleet->found_n + 1);
        fleet->found = kh_mem_resize(fleet->found, fleet->found_capacity, sizeof(*fleet->found));
    }
    fleet->found[fleet->found_n++] = *key;
}

static void on_owned(struct kh_fleet *fleet, const struct kh_coord_answer *answer,
                     const struct kh_fleet_sight *sight, kh_ms now_ms)
{
    const kh_ms units = (kh_ms)(answer->keys_n / KEYS_PER_READ_UNIT) + 1;
    const kh_ms least_ms = units * 1000 / fleet->ctx->config.read_units_per_s;

    fleet->owned_op = 0;
    fleet->owned_at_ms = now_ms + kh_ctx_jitter(fleet->ctx, kh_ms_max(OWNED_MS, least_ms));
    if (answer->outcome != KH_LEASE_DONE) {
        fleet->owned_at_ms += OWNED_MS;
        return; /* the next look at the table shows the same, if later */
    }
    for (size_t i = 0; i < answer->keys_n; i++) {
        if (kh_map_get(sight->held, kh_str(answer->keys[i].key)) == NULL) {
            find(fleet, &answer->keys[i]);
        }
    }
}

static bool may_query(const struct kh_fleet *fleet)
{
    return kh_fleet_mode(fleet) == KH_FLEET_IS_LED && fleet->version.layout.index_active &&
           !fleet->stopping;
}

/* ---- together ---- */

static void on_coord(struct kh_fleet *fleet, const struct kh_coord_answer *answer,
                     const struct kh_fleet_sight *sight, kh_ms now_ms, struct kh_cmds *out)
{
    if (answer->id == fleet->stats_op) {
        on_stats(fleet, answer, out);
    } else if (answer->id == fleet->stale_op) {
        fleet->stale_op = 0; /* whoever wrote it again in between is not gone */
    } else if (answer->id == fleet->owned_op) {
        on_owned(fleet, answer, sight, now_ms);
    }
}

/* What follows from the mode, which may just have changed. */
static void adjust(struct kh_fleet *fleet, kh_ms now_ms, struct kh_cmds *out)
{
    enum kh_coord_place place;
    const bool can_report = kh_version_report_place(&fleet->version, &place);

    if (fleet->stopping) {
        return;
    }
    kh_report_want(&fleet->report, can_report && kh_mode_reports(fleet->version.mode), place,
                   now_ms);
    kh_leader_want(&fleet->leader, fleet->may_lead && is_led(fleet),
                   kh_version_lock_place(&fleet->version), now_ms);
    if (kh_mode_has_leader(fleet->version.mode) && !can_report && !fleet->told_no_place) {
        kh_cmds_note(out, "", "fleet.nowhere_to_report");
    }
    fleet->told_no_place = kh_mode_has_leader(fleet->version.mode) && !can_report;
}

static void lead(struct kh_fleet *fleet, kh_ms now_ms, struct kh_cmds *out)
{
    fleet->leads = kh_leader_leads(&fleet->leader, now_ms);
    if (!fleet->leads) {
        return;
    }
    remove_stale(fleet, now_ms, out);
    if (fleet->stats_op == 0 && now_ms >= stats_due_ms(fleet)) {
        begin_stats(fleet, now_ms, out);
    }
}

void kh_fleet_step(struct kh_fleet *fleet, const struct kh_event *event,
                   const struct kh_fleet_sight *sight, kh_ms now_ms, struct kh_cmds *out)
{
    fleet->found_n = 0;
    fleet->stats_came = false;
    if (event->type == KH_EVENT_TICK || event->type == KH_EVENT_COORD) {
        fleet->wall_ms = event->wall_ms;
        fleet->wall_at_ms = now_ms;
    }
    if (event->type == KH_EVENT_COORD) {
        on_coord(fleet, event->coord, sight, now_ms, out);
    }
    if (!fleet->stopping) {
        kh_version_step(&fleet->version, event, now_ms, out);
    }
    adjust(fleet, now_ms, out);
    kh_leader_step(&fleet->leader, event, now_ms, out);
    kh_report_step(&fleet->report, event, wall_ms(fleet, now_ms), now_ms, out);
    if (!fleet->stopping) {
        lead(fleet, now_ms, out);
        lead_upgrade(fleet, sight, now_ms, out);
    }
    if (may_query(fleet) && fleet->owned_op == 0 && now_ms >= fleet->owned_at_ms) {
        send_owned(fleet, out);
    }
}

void kh_fleet_stop(struct kh_fleet *fleet, kh_ms now_ms)
{
    if (fleet->stopping) {
        return;
    }
    fleet->stopping = true;
    kh_leader_want(&fleet->leader, false, fleet->leader.place, now_ms);
    kh_report_want(&fleet->report, false, fleet->report.place, now_ms);
}

bool kh_fleet_is_gone(const struct kh_fleet *fleet)
{
    return kh_leader_is_gone(&fleet->leader) && kh_report_is_gone(&fleet->report);
}

kh_ms kh_fleet_deadline(const struct kh_fleet *fleet)
{
    kh_ms at_ms = kh_ms_min(kh_leader_deadline(&fleet->leader), kh_report_deadline(&fleet->report));

    if (fleet->stopping) {
        return at_ms;
    }
    at_ms = kh_ms_min(at_ms, kh_version_deadline(&fleet->version));
    if (may_query(fleet) && fleet->owned_op == 0) {
        at_ms = kh_ms_min(at_ms, fleet->owned_at_ms);
    }
    if (fleet->leads && fleet->stats_op == 0) {
        at_ms = kh_ms_min(at_ms, stats_due_ms(fleet));
    }
    if (fleet->version.mode == KH_MODE_UPGRADE_FROM_2X) {
        at_ms = kh_ms_min(at_ms, fleet->upgrade_at_ms);
    }
    return at_ms;
}
