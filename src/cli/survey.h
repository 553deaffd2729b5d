/* survey: all that a lease table, and the two tables that KCL 3.0 to 3.4 have beside it, tell
 * about their fleet.
 *
 * Shape   kh_survey_read looks once at everything there is; the other functions draw conclusions.
 * Units   as in core/lease.h and core/coord.h.
 * Errors  one sentence for a table that is there but cannot be read. An item that cannot be read is
 *         counted and told, and keeps nobody from reading the others.
 * Memory  the caller's struct owns everything until kh_survey_fini.
 * Truth   KCL 3.5.1: TableMigrationStateMachineImpl for the layouts, CoordinatorStateDAO and
 *         EntityType for the items; what 2.7.2 and 3.1.3 wrote (tests/data).
 */
#ifndef KH_CLI_SURVEY_H
#define KH_CLI_SURVEY_H

#include "cli/session.h"
#include "core/coord.h"

/* Two places: enum kh_coord_place. */
#define KH_PLACES_N 2

enum kh_survey_layout {
    KH_LAYOUT_NONE,   /* no lease table */
    KH_LAYOUT_2X,     /* leases alone */
    KH_LAYOUT_LEGACY, /* 3.0 to 3.4: the fleet's state in a table of its own */
    KH_LAYOUT_SINGLE  /* 3.5: the fleet's state among the leases */
};

enum kh_survey_kind {
    KH_SURVEY_LOCK,
    KH_SURVEY_VERSION,
    KH_SURVEY_TABLES,
    KH_SURVEY_STATS,
    KH_SURVEY_STREAM,
    KH_SURVEY_OTHER /* a kind nobody has told us of, or a lease of multi-stream mode */
};

/* An item that is no lease, in the lease table. */
struct kh_survey_item {
    enum kh_survey_kind kind;
    char *key; /* owned */
};

struct kh_survey_stats {
    enum kh_coord_place place;
    struct kh_worker_stats stats;
};

struct kh_survey {
    struct kh_str table;         /* borrowed: the lease table's name */
    char table_status[32];       /* "" if there is none */
    bool has_table[KH_PLACES_N]; /* lease table; coordinator state table */
    bool has_stats_table;        /* worker metrics table */
    bool has_index;              /* LeaseOwnerToLeaseKeyIndex */
    bool index_active;
    struct kh_lease *leases; /* owned; by key */
    size_t leases_n;
    size_t leases_capacity;
    bool has_lock[KH_PLACES_N];
    struct kh_lock lock[KH_PLACES_N];
    struct kh_version_state version[KH_PLACES_N]; /* now.version NONE: no item */
    struct kh_table_migration tables[KH_PLACES_N];
    struct kh_survey_stats *stats; /* owned */
    size_t stats_n;
    size_t stats_capacity;
    struct kh_survey_item *items; /* owned */
    size_t items_n;
    size_t items_capacity;
    char stream[200];  /* kclHostStream of some lease */
    size_t marked_n;   /* leases that have it */
    size_t signed_n;   /* leases with kclHostHandoff */
    size_t typed_n;    /* leases with entityType: made by 3.5 */
    size_t measured_n; /* leases with throughputKBps */
    size_t malformed_n;
    struct kh_buf malformed; /* a line each, as far as they fit */
};

enum kh_rc kh_survey_read(struct kh_survey *survey, struct kh_session *session,
                          struct kh_err *err) KH_MUST_USE;
void kh_survey_fini(struct kh_survey *survey);

/* Where the fleet's state is now, by the rules of 3.5. */
enum kh_coord_place kh_survey_place(const struct kh_survey *survey);
enum kh_survey_layout kh_survey_layout(const struct kh_survey *survey);

/* The state in force, and where it lies; NULL if there is none. */
const struct kh_version_state *kh_survey_version(const struct kh_survey *survey,
                                                 enum kh_coord_place *place);

/* Assignment is a leader's, and owners notice checkpointOwner. */
bool kh_survey_is_3x(const struct kh_survey *survey);

/* What a worker has reported, the newest; NULL: nothing. */
const struct kh_worker_stats *kh_survey_stats_of(const struct kh_survey *survey,
                                                 const char *worker);

/* The coordinator state table of this application, or its lease table. */
const char *kh_survey_table_name(const struct kh_session *session, enum kh_coord_place place);

#endif
