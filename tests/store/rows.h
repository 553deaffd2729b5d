/* rows: the tests a store has to pass, as lists to be added to a test case.
 *
 * Shape   add_rows is for every kind; the others are about what only one kind can do or suffer.
 * Units   none.
 * Errors  none.
 * Memory  none.
 * Truth   src/store/store.h and proto/lease-table.md.
 */
#ifndef KH_TESTS_STORE_ROWS_H
#define KH_TESTS_STORE_ROWS_H

#include <check.h>

void add_rows(TCase *tcase);
void add_coord_rows(TCase *tcase);
void add_sqlite_rows(TCase *tcase);
void add_dynamodb_rows(TCase *tcase);
void add_dynamodb_coord_rows(TCase *tcase);

/* `conformance write PATH TABLE`: update one lease again and again, until a row of SQLite's kills
 * the process. */
void add_writer(TCase *tcase, const char *path, const char *table);

#endif
