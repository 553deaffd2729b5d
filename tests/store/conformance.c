/* One suite for every lease store that can be had here: memory and SQLite always, DynamoDB where
 * KH_TEST_DYNAMODB names a server (tests/store/run-dynamodb starts one). */
#include <stdlib.h>
#include <string.h>

#include "tests/lib/suite.h"
#include "tests/store/fixture.h"
#include "tests/store/rows.h"

static int run_kind(enum kind under_test, const char *name, void (*add)(TCase *))
{
    TCase *tcase = tcase_create(name);

    kind = under_test;
    add(tcase);
    return suite_run(name, tcase);
}

int main(int argc, char **argv)
{
    int failed = 0;

    if (argc == 4 && strcmp(argv[1], "write") == 0) {
        TCase *tcase = tcase_create("writer");

        (void)setenv("CK_FORK", "no", 1);
        add_writer(tcase, argv[2], argv[3]);
        return suite_run("writer", tcase);
    }
    failed |= run_kind(KIND_MEMORY, "store: memory", add_rows);
    failed |= run_kind(KIND_MEMORY, "store: memory, the fleet's", add_coord_rows);
    failed |= run_kind(KIND_SQLITE, "store: sqlite", add_rows);
    failed |= run_kind(KIND_SQLITE, "store: sqlite alone", add_sqlite_rows);
    if (getenv("KH_TEST_DYNAMODB") != NULL) {
        failed |= run_kind(KIND_DYNAMODB, "store: dynamodb", add_rows);
        failed |= run_kind(KIND_DYNAMODB, "store: dynamodb, the fleet's", add_coord_rows);
        failed |= run_kind(KIND_DYNAMODB, "store: dynamodb alone", add_dynamodb_rows);
        failed |=
            run_kind(KIND_DYNAMODB, "store: dynamodb alone, the fleet's", add_dynamodb_coord_rows);
    }
    return failed;
}
