/* leases_list: leases as a table for people, or as JSON.
 *
 * Shape   one function, which prints.
 * Units   as in core/lease.h.
 * Errors  an exit status, after one sentence on standard error.
 * Memory  none kept.
 * Truth   own design; man/kcl-host.1 describes the output.
 */
#ifndef KH_CLI_LEASES_LIST_H
#define KH_CLI_LEASES_LIST_H

#include "cli/session.h"

int kh_leases_list(struct kh_session *session, bool json);

#endif
