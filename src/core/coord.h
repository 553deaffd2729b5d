/* coord: what a fleet of KCL 3.x stores beside its leases: who leads it, which mode it is in, how
 * busy each worker is. Requests and answers as plain data, like core/lease_op.h.
 *
 * Shape   the core makes requests, a store answers each exactly once; kh_coord_op_apply says on one
 *         item what every store must do, and is what the memory store and the simulator run.
 * Units   *_wall_s is the wall clock in seconds, *_wall_ms in milliseconds; a lock's duration is in
 *         ms; metric values are percent, -1 where one failed.
 * Errors  enum kh_lease_outcome, as for leases; UNKNOWN: the write may have happened, or may yet.
 * Memory  plain values; in an answer lists are borrowed until the receiver returns.
 * Truth   KCL 3.5.1 CoordinatorStateDAODelegate, MigrationClientVersionState, WorkerMetricStats and
 *         amazon-dynamodb-lock-client 1.4.0. Two places: the lease table (3.5), or the tables of
 *         3.0 to 3.4, of which kcl-host uses what is there and makes none.
 */
#ifndef KH_CORE_COORD_H
#define KH_CORE_COORD_H

#include "core/lease_op.h"

#define KH_LOCK_VERSION_MAX  63 /* a UUID in practice */
#define KH_VERSION_HISTORY_N 10
#define KH_METRICS_N         5
#define KH_METRIC_NAME_MAX   15
#define KH_METRIC_VALUES_N   10
#define KH_LOCK_DURATION_MS  120000
#define KH_LOCK_HEARTBEAT_MS 30000

/* Item `Leader`. */
struct kh_lock {
    char owner[KH_WORKER_ID_MAX + 1];      /* ownerName */
    int64_t duration_ms;                   /* leaseDuration */
    char version[KH_LOCK_VERSION_MAX + 1]; /* recordVersionNumber: another one with every write */
    bool released;                         /* isReleased */
};

/* Attribute `cv` of item `Migration3.0`. */
enum kh_client_version {
    KH_VERSION_NONE,             /* no such item */
    KH_VERSION_INIT,             /* only in histories */
    KH_VERSION_UPGRADE_FROM_2X,  /* assignment as in 2.x, metrics reported, index being made */
    KH_VERSION_2X,               /* rolled back: as in 2.x */
    KH_VERSION_3X_WITH_ROLLBACK, /* 3.x, may be rolled back */
    KH_VERSION_3X,               /* 3.x for good */
    KH_VERSION_OTHER             /* a name we do not know: to be reported, not followed */
};

struct kh_version_change {
    enum kh_client_version version;
    char by[KH_WORKER_ID_MAX + 1]; /* mb */
    int64_t at_wall_ms;            /* mts */
};

struct kh_version_state {
    struct kh_version_change now;
    unsigned history_n; /* newest first */
    struct kh_version_change history[KH_VERSION_HISTORY_N];
};

/* Attribute `tm` of item `TableMigration3.5`. */
enum kh_table_status {
    KH_TABLES_NONE, /* no such item */
    KH_TABLES_INIT,
    KH_TABLES_DEPLOYED,
    KH_TABLES_PENDING,
    KH_TABLES_COMPLETE,
    KH_TABLES_OTHER
};

struct kh_table_migration {
    enum kh_table_status status;
    char by[KH_WORKER_ID_MAX + 1];
    int64_t at_wall_ms;
};

struct kh_metric {
    char name[KH_METRIC_NAME_MAX + 1]; /* "C", "M", "NI", "NO", "T" */
    unsigned values_n;
    double values[KH_METRIC_VALUES_N]; /* oldest first */
    bool has_limit;
    double limit; /* opr: highest utilisation */
};

/* A worker's item of WorkerMetricStats. */
struct kh_worker_stats {
    char worker_id[KH_WORKER_ID_MAX + 1]; /* wid, or leaseKey */
    int64_t reported_wall_s;              /* lut */
    unsigned metrics_n;                   /* 0: sts and opr are empty maps */
    struct kh_metric metrics[KH_METRICS_N];
    bool has_support;
    int64_t support;        /* sup: 1 = understands the single table */
    int64_t support_wall_s; /* slu */
};

enum kh_coord_kind { KH_COORD_LOCK, KH_COORD_VERSION, KH_COORD_TABLES, KH_COORD_STATS };

/* Where: the lease table, or the table of 3.0 to 3.4 that holds this kind. */
enum kh_coord_place { KH_COORD_LEASE_TABLE, KH_COORD_LEGACY_TABLE };

struct kh_coord_item {
    enum kh_coord_kind kind;
    struct kh_lock lock;
    struct kh_version_state version;
    struct kh_table_migration tables;
    struct kh_worker_stats stats;
};

/* What there is to work with. */
struct kh_layout {
    bool legacy_state; /* the coordinator state table of 3.0 to 3.4 exists */
    bool legacy_stats; /* the worker metrics table of 3.0 to 3.4 exists */
    bool has_index;    /* LeaseOwnerToLeaseKeyIndex */
    bool index_active; /* and it is not being filled any more */
};

enum kh_coord_verb {
    KH_COORD_LAYOUT,     /* DONE: answer.layout */
    KH_COORD_GET,        /* kind, place (STATS: key): one item as it is now; DONE with found */
    KH_COORD_PUT,        /* the whole item, if what is there is as expected */
    KH_COORD_UPDATE,     /* the item's attributes; others stay. As expected, and it exists, except
                          * for STATS, which are written whatever is there */
    KH_COORD_DELETE,     /* if it is as expected; DONE also when it is not there */
    KH_COORD_LIST_STATS, /* every worker's stats in one place; may be a little old */
    KH_COORD_OWNED,      /* keys of the leases whose leaseOwner is key, by the index; may be old */
    KH_COORD_MAKE_INDEX  /* ask for the index; DONE when it was begun or is there */
};

/* PUT, UPDATE, DELETE: what must be there, as bits; the values are in expect. */
enum kh_coord_expect {
    KH_EXPECT_ABSENT = 1 << 0,
    KH_EXPECT_RELEASED = 1 << 1,       /* LOCK: isReleased */
    KH_EXPECT_LOCK_VERSION = 1 << 2,   /* LOCK: recordVersionNumber */
    KH_EXPECT_LOCK_OWNER = 1 << 3,     /* LOCK: ownerName */
    KH_EXPECT_CLIENT_VERSION = 1 << 4, /* VERSION: cv */
    KH_EXPECT_REPORTED = 1 << 5        /* STATS: lut */
};

struct kh_coord_op {
    uint64_t id; /* from the same numbers as lease requests; given back in the answer */
    enum kh_coord_verb verb;
    enum kh_coord_place place;
    enum kh_coord_kind kind;
    char key[KH_WORKER_ID_MAX + 1]; /* STATS: the worker's id; OWNED: whose leases */
    unsigned expect_bits;
    struct kh_coord_item expect;
    struct kh_coord_item item; /* PUT, UPDATE */
};

struct kh_coord_key {
    char key[KH_LEASE_KEY_MAX + 1];
};

struct kh_coord_answer {
    uint64_t id;
    enum kh_coord_verb verb;
    enum kh_coord_kind kind;
    enum kh_lease_outcome outcome; /* CONFLICT: certainly not written; found and item tell what is
                                    * there, if the store knows */
    enum kh_rc rc;                 /* FAILED, UNKNOWN. NOTFOUND: no such table or index */
    bool found;                    /* GET, CONFLICT, PUT, UPDATE: item is what is there */
    struct kh_coord_item item;
    struct kh_layout layout;
    const struct kh_worker_stats *stats; /* LIST_STATS */
    size_t stats_n;
    size_t malformed_n; /* LIST_STATS, OWNED: items left out; each was logged by the store */
    const struct kh_coord_key *keys; /* OWNED */
    size_t keys_n;
};

/* A request some store can carry out; anything else is our own mistake. */
bool kh_coord_op_is_sound(const struct kh_coord_op *op);

/* What PUT, UPDATE or DELETE does to one item (*exists tells whether there is one): DONE or
 * CONFLICT. */
enum kh_lease_outcome kh_coord_op_apply(const struct kh_coord_op *op, bool *exists,
                                        struct kh_coord_item *item);

#endif
