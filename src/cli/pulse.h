/* pulse: whether the owner of a lease is alive, as far as the table shows it.
 *
 * Shape   who owns a lease renews it: its counter moves, at least three times in
 *         failoverTimeMillis. So it is read again until it moves, or for that long.
 * Units   ms.
 * Errors  NOTFOUND: no such lease; what the store says.
 * Memory  the lease is the caller's.
 * Truth   KCL: a lease runs out failoverTimeMillis after its counter was last seen to move.
 */
#ifndef KH_CLI_PULSE_H
#define KH_CLI_PULSE_H

#include "cli/session.h"

enum kh_pulse {
    KH_PULSE_NONE,  /* nobody owns it */
    KH_PULSE_BEATS, /* the counter moved, or another owner came */
    KH_PULSE_STILL  /* it did not, for failoverTimeMillis */
};

/* One lease as it is now. */
enum kh_rc kh_pulse_get(struct kh_session *session, const char *key, struct kh_lease *lease,
                        struct kh_err *err) KH_MUST_USE;

/* lease is as it was first seen, and becomes what was seen last. */
enum kh_rc kh_pulse_watch(struct kh_session *session, const char *key, struct kh_lease *lease,
                          enum kh_pulse *pulse, struct kh_err *err) KH_MUST_USE;

/* Whether the leader's lock moves within watch_ms. It counts as BEATS when that cannot be seen. */
enum kh_pulse kh_pulse_watch_lock(struct kh_session *session, enum kh_coord_place place,
                                  const struct kh_lock *lock, kh_ms watch_ms);

/* The same for all leases at once: how many are owned by somebody alive; *living names one of
 * them. session->lease.leases is what was seen last. */
enum kh_rc kh_pulse_watch_all(struct kh_session *session, size_t *living_n,
                              char living[KH_WORKER_ID_MAX + 1], struct kh_err *err) KH_MUST_USE;

#endif
