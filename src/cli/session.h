/* session: the lease table, asked one thing after the other.
 *
 * Shape   for sub-commands: opens what is needed and runs the loop inside each call until the
 *         answer is there.
 * Units   ms.
 * Errors  one sentence each. A lease request that failed or is unknown was logged by the store.
 * Memory  the caller's struct owns everything until kh_session_close; answers live until the next
 *         request.
 * Truth   own design.
 */
#ifndef KH_CLI_SESSION_H
#define KH_CLI_SESSION_H

#include "base/time.h"
#include "config/settings.h"
#include "host/access.h"
#include "store/store.h"
#include "wire/json.h"

struct kh_session {
    const struct kh_settings *settings; /* borrowed */
    struct kh_loop *loop;
    struct kh_access access;
    struct kh_store *store;
    bool answered;
    struct kh_lease_answer lease; /* of the newest kh_session_lease */
    struct kh_lease *leases;      /* owned: what it listed, by key */
    struct kh_coord_answer coord; /* of the newest kh_session_coord; without its lists */
    struct kh_err err;            /* of the newest kh_session_call */
    struct kh_json *root;
};

/* The clients and the store; nothing is asked yet. A store in memory is nobody's: INVALID. */
enum kh_rc kh_session_open(struct kh_session *session, const struct kh_settings *settings,
                           struct kh_err *err) KH_MUST_USE;
void kh_session_close(struct kh_session *session);

/* The table is there and is one; it is not made. */
enum kh_rc kh_session_ensure(struct kh_session *session, struct kh_err *err) KH_MUST_USE;

/* One request; its answer is session->lease. */
enum kh_lease_outcome kh_session_lease(struct kh_session *session, const struct kh_lease_op *op);

/* The same for what a fleet has beside its leases: GET, PUT, UPDATE, DELETE. */
enum kh_lease_outcome kh_session_coord(struct kh_session *session, const struct kh_coord_op *op);

/* All leases, sorted by key, as session->lease.leases. */
enum kh_rc kh_session_list(struct kh_session *session, struct kh_err *err) KH_MUST_USE;

/* DynamoDB alone: one call, whose body is taken. *root is borrowed until the next one. CONFLICT: a
 * condition failed. */
enum kh_rc kh_session_call(struct kh_session *session, const char *operation, struct kh_buf *body,
                           const struct kh_json **root, struct kh_err *err) KH_MUST_USE;

void kh_session_pause(struct kh_session *session, kh_ms pause_ms);

/* Why the newest lease request was not done; KH_OK if it was. */
enum kh_rc kh_session_refuse(const struct kh_session *session, const char *what,
                             struct kh_err *err);
/* The same for the newest coord request. */
enum kh_rc kh_session_refuse_coord(const struct kh_session *session, const char *what,
                                   struct kh_err *err);

#endif
