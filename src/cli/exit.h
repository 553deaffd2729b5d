/* exit: the statuses the program ends with.
 *
 * Shape   the names and numbers of sysexits.h, so that scripts and service managers can tell what
 *         to do. A crash ends by its signal, as a failed assertion does by SIGABRT.
 * Units   none.
 * Errors  none: this is where errors end.
 * Memory  none.
 * Truth   sysexits(3); README.md, --help and man/kcl-host.1 list the same ones, held together by
 *         tests/unit/test_options.c.
 */
#ifndef KH_CLI_EXIT_H
#define KH_CLI_EXIT_H

#include "base/err.h"

#define KH_EXIT_OK        0  /* stopped as asked, or --exit-when-done and everything is done */
#define KH_EXIT_PROCESSOR 1  /* a record processor failed, and onProcessorFailure = exit */
#define KH_EXIT_USAGE     64 /* the command line is wrong */
#define KH_EXIT_DATA      65 /* input data is malformed: an ndjson line, shards.json */
#define KH_EXIT_NOINPUT \
    66 /* the properties file, or the directory of source=file:, cannot be read */
#define KH_EXIT_UNAVAILABLE 69 /* service not reachable, or the stream or table is not there */
#define KH_EXIT_SOFTWARE    70 /* a mistake of the program itself that it noticed in time */
#define KH_EXIT_OSERR       71 /* out of memory, processes or descriptors */
#define KH_EXIT_CANTCREAT   73 /* the lease table or lease file cannot be created */
#define KH_EXIT_TEMPFAIL    75 /* a sub-command is refused as things stand: nothing was changed */
#define KH_EXIT_NOPERM      77 /* no credentials, wrong ones, or rights that are missing */
#define KH_EXIT_CONFIG \
    78 /* the properties are wrong, executableName cannot be run, or the leases are another
        * stream's */

/* The status for a failure that has no more fitting one: by what its code means. */
int kh_exit_for(enum kh_rc rc);

/* The rows above as lines "STATUS  meaning", for --help. */
extern const char kh_exit_help[];

#endif
