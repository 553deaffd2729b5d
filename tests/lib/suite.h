/* suite: what every unit test's main() ends with.
 *
 * Shape   a test program is one TCase; suite_run runs it.
 * Units   none.
 * Errors  the status to leave with: 0 only if every test passed.
 * Memory  takes the test case.
 * Truth   Check 0.15; scripts/test adds up the totals lines printed here.
 */
#ifndef KH_TESTS_LIB_SUITE_H
#define KH_TESTS_LIB_SUITE_H

#include <check.h>

int suite_run(const char *name, TCase *tcase);

#endif
