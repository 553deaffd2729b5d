#include "tests/lib/suite.h"

#include <stdlib.h>

/* Check's own limit of 4 s is passed now and then on a machine that has more to do. */
#define TEST_S_MAX 120

int suite_run(const char *name, TCase *tcase)
{
    Suite *suite = suite_create(name);
    SRunner *runner;
    int failed;

    tcase_set_timeout(tcase, TEST_S_MAX);
    suite_add_tcase(suite, tcase);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
