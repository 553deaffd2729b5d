#include "store/sqlite_db.h"

#include <errno.h>
#include <poll.h>
#include <string.h>

#include <sqlite3.h>

#include "base/assert.h"
#include "base/mem.h"

#define SCHEMA_VERSION  2
#define APPLICATION_ID  0x4b434c48 /* "KCLH" */
#define BUSY_PAUSE_MS   10
#define BUSY_PAUSES_MAX 500 /* 5 s */
#define WAL_TRIES_MAX   500
#define SET_BYTES_MAX   (KH_CHILDREN_MAX * (KH_SHARD_ID_MAX + 1))

/* The columns, in the order of every statement. */
enum column {
    COL_KEY,
    COL_COUNTER,
    COL_OWNER,
    COL_CHECKPOINT_OWNER,
    COL_SWITCHES,
    COL_CHECKPOINT,
    COL_CHECKPOINT_SUB,
    COL_PENDING,
    COL_PENDING_SUB,
    COL_PARENTS,
    COL_CHILDREN,
    COL_RANGE_START,
    COL_RANGE_END,
    COL_THROUGHPUT,
    COL_HANDOFF_OWNER
};

#define COLUMNS                                                                           \
    "leaseKey, leaseCounter, leaseOwner, checkpointOwner, ownerSwitchesSinceCheckpoint, " \
    "checkpoint, checkpointSubSequenceNumber, pendingCheckpoint, "                        \
    "pendingCheckpointSubSequenceNumber, parentShardId, childShardIds, startingHashKey, " \
    "endingHashKey, throughputKBps, kclHostHandoff"

static const char create_sql[] =
    "CREATE TABLE \"%w\" (leaseKey TEXT PRIMARY KEY NOT NULL, leaseCounter INTEGER NOT NULL, "
    "leaseOwner TEXT, checkpointOwner TEXT, ownerSwitchesSinceCheckpoint INTEGER NOT NULL, "
    "checkpoint TEXT NOT NULL, checkpointSubSequenceNumber INTEGER NOT NULL, "
    "pendingCheckpoint TEXT, pendingCheckpointSubSequenceNumber INTEGER, parentShardId TEXT, "
    "childShardIds TEXT, startingHashKey TEXT, endingHashKey TEXT, throughputKBps REAL, "
    "kclHostHandoff TEXT) WITHOUT ROWID";

/* A lease table as schema version 1 made it. */
#define OLD_TABLES                                                                      \
    " FROM sqlite_schema AS s WHERE type = 'table' AND EXISTS (SELECT 1 FROM "          \
    "pragma_table_info(s.name) WHERE name = 'leaseKey') AND NOT EXISTS (SELECT 1 FROM " \
    "pragma_table_info(s.name) WHERE name = 'kclHostHandoff')"

/* Columns that are not named here stay as they are. */
static const char put_sql[] =
    "INSERT INTO \"%w\" (" COLUMNS ") VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, "
    "?13, ?14, ?15) "
    "ON CONFLICT (leaseKey) DO UPDATE SET leaseCounter = ?2, leaseOwner = ?3, "
    "checkpointOwner = ?4, ownerSwitchesSinceCheckpoint = ?5, checkpoint = ?6, "
    "checkpointSubSequenceNumber = ?7, pendingCheckpoint = ?8, "
    "pendingCheckpointSubSequenceNumber = ?9, parentShardId = ?10, childShardIds = ?11, "
    "startingHashKey = ?12, endingHashKey = ?13, throughputKBps = ?14, "
    "kclHostHandoff = ?15";

struct kh_sqlite_db {
    sqlite3 *sql;            /* owned */
    char *path;              /* owned */
    const atomic_bool *stop; /* borrowed */
    sqlite3_stmt *get;       /* owned, as are the others */
    sqlite3_stmt *list;
    sqlite3_stmt *put;
    sqlite3_stmt *drop;
};

static enum kh_rc rc_of(int code)
{
    switch (code & 0xff) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
    case SQLITE_FULL:
    case SQLITE_IOERR:
    case SQLITE_INTERRUPT:
    case SQLITE_NOMEM:
        return KH_RETRY;
    case SQLITE_PERM:
    case SQLITE_READONLY:
    case SQLITE_AUTH:
        return KH_DENIED;
    default:
        return KH_INVALID;
    }
}

static enum kh_rc fail(const struct kh_sqlite_db *db, const char *what, struct kh_err *err)
{
    return kh_fail(err, rc_of(sqlite3_errcode(db->sql)), "lease store %s: %s: %s", db->path, what,
                   sqlite3_errmsg(db->sql));
}

/* Opening. */

static int wait_for_lock(void *arg, int pauses)
{
    const struct kh_sqlite_db *db = arg;

    if (pauses >= BUSY_PAUSES_MAX || atomic_load(db->stop)) {
        return 0;
    }
    (void)poll(NULL, 0, BUSY_PAUSE_MS);
    return 1;
}

static enum kh_rc open_file(struct kh_sqlite_db *db, bool create, struct kh_err *err)
{
    const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
    const int code =
        sqlite3_open_v2(db->path, &db->sql, create ? flags | SQLITE_OPEN_CREATE : flags, NULL);

    if (code != SQLITE_OK) {
        const int errnum = sqlite3_system_errno(db->sql);

        if (errnum == ENOENT && create) {
            return kh_fail(err, KH_NOTFOUND,
                           "lease store %s cannot be created: its folder does not exist", db->path);
        }
        if (errnum != 0) {
            return kh_fail_errno(err, errnum, "open lease store %s", db->path);
        }
        return fail(db, "cannot be opened", err);
    }
    (void)sqlite3_busy_handler(db->sql, wait_for_lock, db);
    return KH_OK;
}

static enum kh_rc prepare(const struct kh_sqlite_db *db, sqlite3_stmt **stmt, const char *format,
                          const char *table, struct kh_err *err)
{
    char *sql = sqlite3_mprintf(format, table);
    int code;

    kh_assert(sql != NULL);
    code = sqlite3_prepare_v3(db->sql, sql, -1, SQLITE_PREPARE_PERSISTENT, stmt, NULL);
    sqlite3_free(sql);
    return code == SQLITE_OK ? KH_OK : fail(db, "cannot be used", err);
}

/* Run a statement without parameters but a table's name; value gets the first column of its first
 * row, if any. */
static enum kh_rc ask(const struct kh_sqlite_db *db, const char *format, const char *table,
                      int64_t *value, struct kh_err *err)
{
    sqlite3_stmt *stmt = NULL;
    enum kh_rc rc = prepare(db, &stmt, format, table, err);
    int code;

    if (rc != KH_OK) {
        return rc;
    }
    code = sqlite3_step(stmt);
    if (code == SQLITE_ROW && value != NULL) {
        *value = sqlite3_column_int64(stmt, 0);
    }
    if (code != SQLITE_ROW && code != SQLITE_DONE) {
        rc = fail(db, "cannot be used", err);
    }
    (void)sqlite3_finalize(stmt);
    return rc;
}

/* One view of the file: another process may be creating it right now. */
static enum kh_rc look(struct kh_sqlite_db *db, int64_t *application, int64_t *version,
                       int64_t *objects, struct kh_err *err)
{
    enum kh_rc rc = kh_sqlite_begin(db, false, err);

    rc = rc != KH_OK ? rc : ask(db, "SELECT count(*) FROM sqlite_schema", NULL, objects, err);
    rc = rc != KH_OK ? rc : ask(db, "PRAGMA application_id", NULL, application, err);
    rc = rc != KH_OK ? rc : ask(db, "PRAGMA user_version", NULL, version, err);
    rc = rc != KH_OK ? rc : kh_sqlite_commit(db, err);
    if (rc != KH_OK) {
        kh_sqlite_rollback(db);
    }
    return rc;
}

/* Is it a database, is it ours, do we know its schema? Reads only. */
static enum kh_rc check_file(struct kh_sqlite_db *db, bool *fresh, bool *old, struct kh_err *err)
{
    int64_t application = 0;
    int64_t version = 0;
    int64_t objects = 0;
    const enum kh_rc rc = look(db, &application, &version, &objects, err);

    if (rc != KH_OK) {
        return rc;
    }
    *fresh = application == 0 && version == 0 && objects == 0;
    if (!*fresh && application != APPLICATION_ID) {
        return kh_fail(err, KH_INVALID,
                       "lease store %s is a database of another program; name a file of its own",
                       db->path);
    }
    if (!*fresh && (version < 1 || version > SCHEMA_VERSION)) {
        return kh_fail(err, KH_INVALID,
                       "lease store %s has schema version %lld; this kcl-host knows versions 1 to "
                       "%d",
                       db->path, (long long)version, SCHEMA_VERSION);
    }
    *old = !*fresh && version < SCHEMA_VERSION;
    if (sqlite3_db_readonly(db->sql, "main") == 1) {
        return kh_fail(err, KH_DENIED, "lease store %s is not writable", db->path);
    }
    return KH_OK;
}

/* Changing the journal does not call the busy handler, so two first starts at once are waited for
 * here. Where the file system has no shared memory SQLite keeps its rollback journal, which is as
 * safe. */
static enum kh_rc use_wal(const struct kh_sqlite_db *db, struct kh_err *err)
{
    enum kh_rc rc = KH_RETRY;

    for (int i = 0; i < WAL_TRIES_MAX && rc == KH_RETRY && !atomic_load(db->stop); i++) {
        if (i > 0) {
            (void)poll(NULL, 0, BUSY_PAUSE_MS);
        }
        rc = ask(db, "PRAGMA journal_mode = WAL", NULL, NULL, err);
    }
    rc = rc != KH_OK ? rc : ask(db, "PRAGMA synchronous = FULL", NULL, NULL, err);
    return rc;
}

/* Inside a transaction with the write lock: another process may have been faster. */
static enum kh_rc create_table(const struct kh_sqlite_db *db, const char *table, bool create,
                               struct kh_err *err)
{
    int64_t there = 0;
    enum kh_rc rc = ask(db, "SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name = %Q",
                        table, &there, err);

    if (rc != KH_OK || there > 0) {
        return rc;
    }
    if (!create) {
        return kh_fail(err, KH_NOTFOUND, "lease table %s does not exist in %s", table, db->path);
    }
    rc = ask(db, create_sql, table, NULL, err);
    rc = rc != KH_OK ? rc : ask(db, "PRAGMA application_id = 1262701640", NULL, NULL, err);
    rc = rc != KH_OK ? rc : ask(db, "PRAGMA user_version = 2", NULL, NULL, err);
    _Static_assert(APPLICATION_ID == 1262701640, "a pragma takes no parameter");
    _Static_assert(SCHEMA_VERSION == 2, "a pragma takes no parameter");
    return rc;
}

/* The column that version 2 added, for one table of version 1. */
static enum kh_rc upgrade_table(const struct kh_sqlite_db *db, struct kh_err *err)
{
    sqlite3_stmt *stmt = NULL;
    enum kh_rc rc = prepare(db, &stmt, "SELECT name" OLD_TABLES " LIMIT 1", NULL, err);
    char *table = NULL;

    if (rc == KH_OK && sqlite3_step(stmt) == SQLITE_ROW) {
        table = sqlite3_mprintf("%s", sqlite3_column_text(stmt, 0));
    }
    (void)sqlite3_finalize(stmt); /* first: a table that is being read cannot be changed */
    if (table == NULL) {
        return rc != KH_OK ? rc : fail(db, "cannot be upgraded", err);
    }
    rc = ask(db, "ALTER TABLE \"%w\" ADD COLUMN kclHostHandoff TEXT", table, NULL, err);
    sqlite3_free(table);
    return rc;
}

/* All of them, since there is one version a file. Inside a transaction with the write lock: whoever
 * comes second finds nothing to do. A kcl-host of version 1 that has the file open goes on: it
 * names its columns. */
static enum kh_rc upgrade(const struct kh_sqlite_db *db, struct kh_err *err)
{
    int64_t tables_n = 0;
    enum kh_rc rc = ask(db, "SELECT count(*)" OLD_TABLES, NULL, &tables_n, err);

    for (int64_t i = 0; i < tables_n && rc == KH_OK; i++) {
        rc = upgrade_table(db, err);
    }
    return rc != KH_OK ? rc : ask(db, "PRAGMA user_version = 2", NULL, NULL, err);
}

static enum kh_rc open_table(struct kh_sqlite_db *db, const char *table, bool create, bool old,
                             struct kh_err *err)
{
    enum kh_rc rc = kh_sqlite_begin(db, create || old, err);

    if (rc != KH_OK) {
        return rc;
    }
    rc = create_table(db, table, create, err);
    rc = rc != KH_OK || !old ? rc : upgrade(db, err);
    rc = rc != KH_OK ? rc : kh_sqlite_commit(db, err);
    if (rc != KH_OK) {
        kh_sqlite_rollback(db);
        return rc;
    }
    rc = prepare(db, &db->get, "SELECT " COLUMNS " FROM \"%w\" WHERE leaseKey = ?1", table, err);
    rc = rc != KH_OK ? rc : prepare(db, &db->list, "SELECT " COLUMNS " FROM \"%w\"", table, err);
    rc = rc != KH_OK ? rc : prepare(db, &db->put, put_sql, table, err);
    rc = rc != KH_OK ? rc
                     : prepare(db, &db->drop, "DELETE FROM \"%w\" WHERE leaseKey = ?1", table, err);
    return rc;
}

enum kh_rc kh_sqlite_open(struct kh_sqlite_db **db, const char *path, const char *table,
                          bool create, const atomic_bool *stop, struct kh_err *err)
{
    struct kh_sqlite_db *opened = kh_mem_new(1, sizeof(*opened));
    bool fresh = false;
    bool old = false;
    enum kh_rc rc;

    opened->path = kh_mem_copy(path, strlen(path));
    opened->stop = stop;
    rc = open_file(opened, create, err);
    rc = rc != KH_OK ? rc : check_file(opened, &fresh, &old, err);
    if (rc == KH_OK && fresh && !create) {
        rc = kh_fail(err, KH_NOTFOUND, "lease table %s does not exist in %s", table, path);
    }
    rc = rc != KH_OK ? rc : use_wal(opened, err);
    rc = rc != KH_OK ? rc : open_table(opened, table, create, old, err);
    if (rc != KH_OK) {
        kh_sqlite_close(opened);
        return rc;
    }
    *db = opened;
    return KH_OK;
}

void kh_sqlite_close(struct kh_sqlite_db *db)
{
    int code;

    if (db == NULL) {
        return;
    }
    (void)sqlite3_finalize(db->get);
    (void)sqlite3_finalize(db->list);
    (void)sqlite3_finalize(db->put);
    (void)sqlite3_finalize(db->drop);
    code = sqlite3_close(db->sql);
    kh_assert(code == SQLITE_OK); /* every statement is finalized */
    kh_mem_free(db->path);
    kh_mem_free(db);
}

/* Transactions. */

enum kh_rc kh_sqlite_begin(struct kh_sqlite_db *db, bool writes, struct kh_err *err)
{
    return ask(db, writes ? "BEGIN IMMEDIATE" : "BEGIN", NULL, NULL, err);
}

enum kh_rc kh_sqlite_commit(struct kh_sqlite_db *db, struct kh_err *err)
{
    return ask(db, "COMMIT", NULL, NULL, err);
}

void kh_sqlite_rollback(struct kh_sqlite_db *db)
{
    struct kh_err ignored; /* the error that brought us here is the one to tell */

    if (sqlite3_get_autocommit(db->sql) == 0) {
        (void)ask(db, "ROLLBACK", NULL, NULL, &ignored);
    }
}

/* Rows into leases. Anybody may edit the file, so nothing is taken on trust. */

struct reader {
    sqlite3_stmt *stmt;
    const char *wrong; /* the first column that cannot be used, or NULL */
};

static void refuse(struct reader *reader, int column)
{
    if (reader->wrong == NULL) {
        reader->wrong = sqlite3_column_name(reader->stmt, column);
    }
}

static struct kh_str text_at(const struct reader *reader, int column)
{
    /* The pointer first: it may convert the value, and with it the length. */
    const char *text = (const char *)sqlite3_column_text(reader->stmt, column);

    return kh_str_of(text, (size_t)sqlite3_column_bytes(reader->stmt, column));
}

static bool is_null(const struct reader *reader, int column)
{
    return sqlite3_column_type(reader->stmt, column) == SQLITE_NULL;
}

static void read_text(struct reader *reader, int column, char *dst, size_t dst_bytes)
{
    const struct kh_str text = text_at(reader, column);

    if (is_null(reader, column)) {
        return;
    }
    if (text.n == 0 || memchr(text.p, '\0', text.n) != NULL || !kh_str_copy(dst, dst_bytes, text)) {
        refuse(reader, column);
    }
}

static int64_t read_i64(struct reader *reader, int column)
{
    if (is_null(reader, column)) {
        return 0;
    }
    if (sqlite3_column_type(reader->stmt, column) != SQLITE_INTEGER) {
        refuse(reader, column);
    }
    return sqlite3_column_int64(reader->stmt, column);
}

static uint64_t read_count(struct reader *reader, int column)
{
    const int64_t count = read_i64(reader, column);

    if (is_null(reader, column) || count < 0) {
        refuse(reader, column);
        return 0;
    }
    return (uint64_t)count;
}

static void read_position(struct reader *reader, int column, int sub_column, struct kh_extseq *pos)
{
    const int64_t sub = read_i64(reader, sub_column);

    if (!is_null(reader, column) && !kh_extseq_set(pos, text_at(reader, column), sub)) {
        refuse(reader, column);
    }
}

static unsigned read_set(struct reader *reader, int column, char (*ids)[KH_SHARD_ID_MAX + 1],
                         unsigned ids_max)
{
    struct kh_str rest = text_at(reader, column);
    bool more = !is_null(reader, column);
    unsigned n = 0;

    while (more && n < ids_max) {
        struct kh_str id;

        more = kh_str_cut(rest, ',', &id, &rest);
        if (id.n == 0 || memchr(id.p, '\0', id.n) != NULL ||
            !kh_str_copy(ids[n], sizeof(ids[n]), id)) {
            refuse(reader, column);
        }
        n++;
    }
    if (more) {
        refuse(reader, column);
    }
    return n;
}

static void read_range(struct reader *reader, struct kh_hash_range *range)
{
    read_text(reader, COL_RANGE_START, range->start, sizeof(range->start));
    read_text(reader, COL_RANGE_END, range->end, sizeof(range->end));
    if (range->start[0] == '\0' || range->end[0] == '\0') {
        memset(range, 0, sizeof(*range));
    } else if (!kh_hash_range_is_sound(range)) {
        refuse(reader, COL_RANGE_START);
    }
}

static void read_throughput(struct reader *reader, struct kh_lease *lease)
{
    const double kbps = sqlite3_column_double(reader->stmt, COL_THROUGHPUT);

    if (is_null(reader, COL_THROUGHPUT)) {
        return;
    }
    if (!(kbps >= 0) || kbps > KH_THROUGHPUT_KBPS_MAX ||
        sqlite3_column_type(reader->stmt, COL_THROUGHPUT) == SQLITE_TEXT) {
        refuse(reader, COL_THROUGHPUT);
        return;
    }
    lease->has_throughput = true;
    lease->throughput_kbps = kbps;
}

static enum kh_rc read_row(const struct kh_sqlite_db *db, sqlite3_stmt *stmt,
                           struct kh_lease *lease, struct kh_err *err)
{
    struct reader reader = {.stmt = stmt};
    struct kh_lease read = {0};

    read_text(&reader, COL_KEY, read.key, sizeof(read.key));
    read.counter = read_count(&reader, COL_COUNTER);
    read_text(&reader, COL_OWNER, read.owner, sizeof(read.owner));
    read_text(&reader, COL_CHECKPOINT_OWNER, read.checkpoint_owner, sizeof(read.checkpoint_owner));
    read.owner_switches = read_count(&reader, COL_SWITCHES);
    read_position(&reader, COL_CHECKPOINT, COL_CHECKPOINT_SUB, &read.checkpoint);
    if (kh_extseq_is_none(&read.checkpoint)) {
        refuse(&reader, COL_CHECKPOINT);
    }
    read_position(&reader, COL_PENDING, COL_PENDING_SUB, &read.pending);
    read.parents_n = read_set(&reader, COL_PARENTS, read.parents, KH_PARENTS_MAX);
    read.children_n = read_set(&reader, COL_CHILDREN, read.children, KH_CHILDREN_MAX);
    read_range(&reader, &read.range);
    read_throughput(&reader, &read);
    read_text(&reader, COL_HANDOFF_OWNER, read.handoff_owner, sizeof(read.handoff_owner));
    if (reader.wrong != NULL) {
        return kh_fail(err, KH_INVALID, "lease %s in %s: %s is not what it should be",
                       read.key[0] != '\0' ? read.key : "without a key", db->path, reader.wrong);
    }
    *lease = read;
    return KH_OK;
}

/* Leases into rows. */

static void bind_text(sqlite3_stmt *stmt, int column, const char *text)
{
    const int code = text[0] == '\0' ? sqlite3_bind_null(stmt, column + 1)
                                     : sqlite3_bind_text(stmt, column + 1, text, -1, SQLITE_STATIC);

    kh_assert(code ==
              SQLITE_OK); /* it only fails for a parameter that is not there, or without memory */
}

static void bind_i64(sqlite3_stmt *stmt, int column, int64_t value)
{
    const int code = sqlite3_bind_int64(stmt, column + 1, value);

    kh_assert(code == SQLITE_OK);
}

static void bind_set(sqlite3_stmt *stmt, int column, const char (*ids)[KH_SHARD_ID_MAX + 1],
                     unsigned n)
{
    char list[SET_BYTES_MAX + 1] = "";
    size_t used = 0;
    int code;

    for (unsigned i = 0; i < n; i++) {
        const size_t id_bytes = strlen(ids[i]);

        kh_assert(used + id_bytes + 1 < sizeof(list));
        if (i > 0) {
            list[used++] = ',';
        }
        memcpy(list + used, ids[i], id_bytes);
        used += id_bytes;
    }
    code = n == 0 ? sqlite3_bind_null(stmt, column + 1)
                  : sqlite3_bind_text(stmt, column + 1, list, (int)used, SQLITE_TRANSIENT);
    kh_assert(code == SQLITE_OK);
}

static void bind_row(sqlite3_stmt *stmt, const struct kh_lease *lease)
{
    bind_text(stmt, COL_KEY, lease->key);
    bind_i64(stmt, COL_COUNTER, (int64_t)lease->counter);
    bind_text(stmt, COL_OWNER, lease->owner);
    bind_text(stmt, COL_CHECKPOINT_OWNER, lease->checkpoint_owner);
    bind_i64(stmt, COL_SWITCHES, (int64_t)lease->owner_switches);
    bind_text(stmt, COL_CHECKPOINT, lease->checkpoint.seq);
    bind_i64(stmt, COL_CHECKPOINT_SUB, lease->checkpoint.sub);
    bind_text(stmt, COL_PENDING, lease->pending.seq);
    if (!kh_extseq_is_none(&lease->pending)) {
        bind_i64(stmt, COL_PENDING_SUB, lease->pending.sub);
    }
    bind_set(stmt, COL_PARENTS, lease->parents, lease->parents_n);
    bind_set(stmt, COL_CHILDREN, lease->children, lease->children_n);
    bind_text(stmt, COL_RANGE_START, lease->range.start);
    bind_text(stmt, COL_RANGE_END, lease->range.end);
    if (lease->has_throughput) {
        const int code = sqlite3_bind_double(stmt, COL_THROUGHPUT + 1, lease->throughput_kbps);

        kh_assert(code == SQLITE_OK);
    }
    bind_text(stmt, COL_HANDOFF_OWNER, lease->handoff_owner);
}

/* A statement that changes one row. */
static enum kh_rc change(const struct kh_sqlite_db *db, sqlite3_stmt *stmt, struct kh_err *err)
{
    const int code = sqlite3_step(stmt);
    const enum kh_rc rc = code == SQLITE_DONE ? KH_OK : fail(db, "write", err);

    (void)sqlite3_reset(stmt);
    (void)sqlite3_clear_bindings(stmt);
    return rc;
}

/* KH_OK with *exists, KH_INVALID with *malformed for a row that cannot be used, or the file's
 * failure. */
static enum kh_rc find_row(const struct kh_sqlite_db *db, const char *key, bool *exists,
                           struct kh_lease *row, bool *malformed, struct kh_err *err)
{
    enum kh_rc rc = KH_OK;
    int code;

    bind_text(db->get, COL_KEY, key);
    code = sqlite3_step(db->get);
    *exists = code == SQLITE_ROW;
    *malformed = false;
    if (code == SQLITE_ROW) {
        rc = read_row(db, db->get, row, err);
        *malformed = rc != KH_OK;
    } else if (code != SQLITE_DONE) {
        rc = fail(db, "read", err);
    }
    (void)sqlite3_reset(db->get);
    (void)sqlite3_clear_bindings(db->get);
    return rc;
}

enum kh_rc kh_sqlite_run(struct kh_sqlite_db *db, const struct kh_lease_op *op,
                         struct kh_lease_answer *answer, struct kh_err *err)
{
    struct kh_lease row = {0};
    bool exists = false;
    bool malformed = false;
    enum kh_rc rc = find_row(db, op->key, &exists, &row, &malformed, err);

    if (malformed && op->verb != KH_LEASE_DELETE) {
        *answer = (struct kh_lease_answer){
            .id = op->id, .verb = op->verb, .outcome = KH_LEASE_FAILED, .rc = rc};
        return KH_OK;
    }
    if (rc != KH_OK && !malformed) {
        return rc;
    }
    if (op->verb == KH_LEASE_DELETE) {
        *answer =
            (struct kh_lease_answer){.id = op->id, .verb = op->verb, .outcome = KH_LEASE_DONE};
        bind_text(db->drop, COL_KEY, op->key);
        return change(db, db->drop, err);
    }
    kh_lease_op_answer(op, &exists, &row, answer);
    if (op->verb == KH_LEASE_GET || answer->outcome != KH_LEASE_DONE) {
        return KH_OK;
    }
    bind_row(db->put, &row);
    return change(db, db->put, err);
}

enum kh_rc kh_sqlite_list(struct kh_sqlite_db *db, struct kh_leases *leases,
                          struct kh_buf *malformed, size_t *malformed_n, struct kh_err *err)
{
    enum kh_rc rc = KH_OK;
    int code = sqlite3_step(db->list);

    /* Bounded by KH_STORE_LEASES_MAX, malformed rows included. */
    while (code == SQLITE_ROW && rc == KH_OK) {
        struct kh_lease *lease =
            leases->n + *malformed_n < KH_STORE_LEASES_MAX ? kh_leases_add(leases) : NULL;
        struct kh_err why;

        if (lease == NULL) {
            rc = kh_fail(err, KH_TOOBIG, "lease store %s: more than %d leases", db->path,
                         KH_STORE_LEASES_MAX);
        } else if (read_row(db, db->list, lease, &why) != KH_OK) {
            leases->n--;
            (*malformed_n)++;
            kh_store_malformed_add(malformed, &why);
        }
        code = sqlite3_step(db->list);
    }
    if (rc == KH_OK && code != SQLITE_DONE) {
        rc = fail(db, "read", err);
    }
    (void)sqlite3_reset(db->list);
    return rc;
}
