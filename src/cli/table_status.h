/* table_status: what a fleet's tables hold, for people or as JSON.
 *
 * Shape   one function, which prints. It only reads.
 * Units   none.
 * Errors  an exit status, after one sentence on standard error.
 * Memory  none kept.
 * Truth   cli/survey.h; man/kcl-host.1 describes the output.
 */
#ifndef KH_CLI_TABLE_STATUS_H
#define KH_CLI_TABLE_STATUS_H

#include "cli/survey.h"

/* "CLIENT_VERSION_3X"; what a name we do not know is told as. */
const char *kh_table_version_name(enum kh_client_version version);

int kh_table_status(struct kh_session *session, const struct kh_survey *survey, bool json,
                    kh_ms watch_ms);

#endif
