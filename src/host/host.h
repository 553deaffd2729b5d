/* host: the shell around the core: owns the loop, turns callbacks into events, carries commands
 * out.
 *
 * Shape   kh_host_run() opens everything, checks it, runs until the worker has stopped, and closes
 *         everything.
 * Units   none.
 * Errors  the return value is an exit status of cli/exit.h; each failure was logged once, as one
 *         sentence.
 * Memory  borrows the settings until it returns.
 * Truth   KCL MultiLangDaemon and Scheduler. Chosen differences: stream, table, rights and program
 *         are checked before anything is written or started, and a failed start is not status 0.
 */
#ifndef KH_HOST_HOST_H
#define KH_HOST_HOST_H

#include <stdbool.h>

#include "config/settings.h"

struct kh_host_options {
    const struct kh_settings *settings;
    bool exit_when_done;
    bool adopt; /* leases of another stream are taken for this one's */
};

int kh_host_run(const struct kh_host_options *options) KH_MUST_USE;

#endif
