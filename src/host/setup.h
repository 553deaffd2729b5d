/* setup: what a run is told before it starts: the worker's configuration from the settings, and how
 * a failed start is explained.
 *
 * Shape   functions without state.
 * Units   as in core/worker.h.
 * Errors  kh_setup_worker: TOOBIG, a worker id that is too long. The kh_setup_refused_* complete a
 *         sentence with what was wanted and what to do, and give the exit status (cli/exit.h).
 * Memory  none kept.
 * Truth   own design.
 */
#ifndef KH_HOST_SETUP_H
#define KH_HOST_SETUP_H

#include "config/settings.h"
#include "core/worker.h"

/* Everything, the seed and the name of the worker included. */
enum kh_rc kh_setup_worker(struct kh_worker_config *config, const struct kh_settings *settings,
                           struct kh_err *err) KH_MUST_USE;

bool kh_setup_is_file_source(const struct kh_settings *settings);

/* The source cannot be opened, or the stream cannot be listed. region may be "". */
int kh_setup_refused_source(const struct kh_settings *settings, const char *region,
                            struct kh_err *err);

/* The store cannot be opened, or the table neither found nor created. */
int kh_setup_refused_store(const struct kh_settings *settings, const char *region,
                           struct kh_err *err);

/* The table holds another stream's leases, or could not be searched for them. */
int kh_setup_refused_leases(const struct kh_settings *settings, struct kh_err *err);

#endif
