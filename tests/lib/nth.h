/* nth: makes the n-th system call fail, for n = 1, 2, … until the operation under test succeeds.
 *
 * Shape   for (unsigned n = 1;; n++) { nth_fail(n, EMFILE); … operation …; if (!nth_stop()) break;
 *         check that it failed and left nothing behind }
 *         The calls that can fail are those of the table in nth.c. The linker puts nth.c between
 *         them and our own objects (KH_NTH in files.am); libraries and Check are not touched.
 * Units   calls are counted from 1.
 * Errors  none.
 * Memory  none.
 * Truth   own design: the way to test what stands behind an `out:` label.
 */
#ifndef KH_TESTS_LIB_NTH_H
#define KH_TESTS_LIB_NTH_H

#include <stdbool.h>

/* From now on count, and let the n-th call fail with errnum. */
void nth_fail(unsigned n, int errnum);

/* Count no more; true if a call was made to fail since nth_fail. */
bool nth_stop(void);

/* How many descriptors this process has open. */
unsigned nth_open_fds(void);

#endif
