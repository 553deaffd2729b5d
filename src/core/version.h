/* version: which generation of KCL the fleet works as, and where it keeps what it shares.
 *
 * Shape   a check every few seconds: LAYOUT, TABLES, VERSION, and a write where one is due; after
 *         the first that succeeds mode is known. One request at a time.
 * Units   *_ms monotonic; times in items are wall clock.
 * Errors  none returned: what cannot be read is tried again, and mode stays as it was.
 * Memory  plain value; commands borrow nothing.
 * Truth   KCL 3.5 coordinator.migration and TableMigrationStateMachineImpl. Chosen differences:
 *         AUTO, which follows whatever the fleet does and begins nothing; a check every 10 s, not
 *         60; the tables are never migrated, and the table of metrics that 3.4 made is used only
 *         if it is there; the index is made in 3X_WITH_ROLLBACK, too, where Java expects it.
 */
#ifndef KH_CORE_VERSION_H
#define KH_CORE_VERSION_H

#include "core/ctx.h"
#include "core/event.h"

enum kh_mode {
    KH_MODE_UNKNOWN,          /* not read yet: nothing may be taken */
    KH_MODE_PLAIN,            /* no state: leases in the layout of 2.x, everybody for itself */
    KH_MODE_UPGRADE_FROM_2X,  /* the same, and workers report */
    KH_MODE_2X,               /* the same, after a roll-back */
    KH_MODE_3X_WITH_ROLLBACK, /* one leads */
    KH_MODE_3X
};

enum kh_version_step {
    KH_VERSION_IDLE,
    KH_VERSION_LOOKING,       /* LAYOUT */
    KH_VERSION_TABLES,        /* item TableMigration3.5 */
    KH_VERSION_READING,       /* item Migration3.0 */
    KH_VERSION_READING_AGAIN, /* the same, in the lease table */
    KH_VERSION_WRITING,
    KH_VERSION_INDEXING
};

struct kh_version {
    struct kh_ctx *ctx; /* borrowed */
    enum kh_version_step step;
    uint64_t op; /* under way, unless IDLE */
    enum kh_mode mode;
    struct kh_layout layout;
    enum kh_table_status tables;   /* INIT, DEPLOYED or COMPLETE */
    enum kh_coord_place place;     /* where the item is, or would be made */
    struct kh_version_state state; /* the item; version NONE: there is none */
    enum kh_client_version writing;
    kh_ms at_ms;        /* next check */
    kh_ms layout_at_ms; /* next look at the layout */
    bool ready;         /* all workers can go on to 3.x */
    kh_ms ready_at_ms;  /* since when */
    bool unread;        /* the newest check failed */
    bool strange;       /* the newest check showed what is not followed */
    unsigned failures_n;
};

void kh_version_init(struct kh_version *version, struct kh_ctx *ctx, kh_ms now_ms);

/* Advance by a TICK, or by the COORD answer to version->op; wall_ms is the event's. */
void kh_version_step(struct kh_version *version, const struct kh_event *event, kh_ms now_ms,
                     struct kh_cmds *out);

/* What the leader of an upgrade sees: every owner reports, and the index is there. Once that was
 * so for ten minutes the fleet goes on to 3.x. */
void kh_version_ready(struct kh_version *version, bool ready, kh_ms now_ms);

bool kh_mode_has_leader(enum kh_mode mode); /* one decides for all, and holds a lock */
bool kh_mode_reports(enum kh_mode mode);    /* workers report how busy they are */

enum kh_coord_place kh_version_lock_place(const struct kh_version *version);
/* False: there is nowhere to report to. */
bool kh_version_report_place(const struct kh_version *version, enum kh_coord_place *place);
/* Reports are in the legacy table, too. */
bool kh_version_has_legacy_reports(const struct kh_version *version);

kh_ms kh_version_deadline(const struct kh_version *version);

#endif
