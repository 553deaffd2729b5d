/* sqlite_db: lease tables in one SQLite file. Blocking: for the helper thread of sqlite.c.
 *
 * Shape   one SQL table a lease table, under its name, with KCL's attribute names as columns; sets
 *         are lists with commas. Requests run inside a transaction that the caller begins and
 *         commits.
 * Units   none.
 * Errors  a sentence that names the file, and the table where it matters. A failed request or
 *         commit leaves nothing behind after kh_sqlite_rollback, but a failed commit may have
 *         become durable all the same.
 * Memory  a heap object; answers go into the caller's.
 * Truth   SQLite 3.40, which is included by sqlite_db.c alone. Write-ahead log, so that a reader
 *         never stops a writer of another process, and synchronous = FULL, so that a checkpoint
 *         which was acknowledged survives the power going off. The file carries an application id
 *         and the version of its schema: 2, which added kclHostHandoff; a file of version 1 becomes
 *         one of version 2 when it is opened.
 */
#ifndef KH_STORE_SQLITE_DB_H
#define KH_STORE_SQLITE_DB_H

#include <stdatomic.h>

#include "store/drivers.h"

struct kh_sqlite_db;

/* create: make file and table where they are missing; otherwise that is KH_NOTFOUND. stop
 * (borrowed): once true, waiting for another process's lock ends. Nothing is written before
 * everything was found to be in order. */
enum kh_rc kh_sqlite_open(struct kh_sqlite_db **db, const char *path, const char *table,
                          bool create, const atomic_bool *stop, struct kh_err *err) KH_MUST_USE;
void kh_sqlite_close(struct kh_sqlite_db *db);

/* writes: take the write lock at once, so that what is read stays true until the commit. */
enum kh_rc kh_sqlite_begin(struct kh_sqlite_db *db, bool writes, struct kh_err *err) KH_MUST_USE;
enum kh_rc kh_sqlite_commit(struct kh_sqlite_db *db, struct kh_err *err) KH_MUST_USE;
void kh_sqlite_rollback(struct kh_sqlite_db *db);

/* Everything but LIST. A row that is malformed makes the answer FAILED with KH_INVALID, which is no
 * failure of the transaction: err has the sentence, and KH_OK is returned. */
enum kh_rc kh_sqlite_run(struct kh_sqlite_db *db, const struct kh_lease_op *op,
                         struct kh_lease_answer *answer, struct kh_err *err) KH_MUST_USE;

/* LIST; malformed gets a sentence for each row left out, malformed_n counts them. */
enum kh_rc kh_sqlite_list(struct kh_sqlite_db *db, struct kh_leases *leases,
                          struct kh_buf *malformed, size_t *malformed_n,
                          struct kh_err *err) KH_MUST_USE;

#endif
