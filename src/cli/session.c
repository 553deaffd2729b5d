#include "cli/session.h"

#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/mem.h"
#include "io/clock.h"

#define WRITE_MS_MAX   KH_SECONDS(5)
#define BODY_BYTES_MAX KH_JSON_BYTES_MAX

static void wait_for_answer(struct kh_session *session)
{
    while (!session->answered) {
        kh_loop_run(session->loop);
    }
    session->answered = false;
}

static void answer(struct kh_session *session)
{
    session->answered = true;
    kh_loop_stop(session->loop);
}

static int by_key(const void *a, const void *b)
{
    return strcmp(((const struct kh_lease *)a)->key, ((const struct kh_lease *)b)->key);
}

static void on_lease(void *arg, const struct kh_lease_answer *got)
{
    struct kh_session *session = arg;

    session->lease = *got;
    if (got->verb == KH_LEASE_LIST) {
        kh_mem_free(session->leases);
        session->leases = kh_mem_new(got->leases_n + 1, sizeof(*session->leases));
        if (got->leases_n > 0) {
            memcpy(session->leases, got->leases, got->leases_n * sizeof(*session->leases));
            qsort(session->leases, got->leases_n, sizeof(*session->leases), by_key);
        }
        session->lease.leases = session->leases;
    }
    answer(session);
}

static void on_coord(void *arg, const struct kh_coord_answer *got)
{
    struct kh_session *session = arg;

    session->coord = *got;
    answer(session);
}

static void on_ensured(void *arg, const struct kh_err *err)
{
    struct kh_session *session = arg;

    session->err = *err;
    answer(session);
}

static void on_call(void *arg, struct kh_aws_answer *got)
{
    struct kh_session *session = arg;

    session->err = got->err;
    session->err.rc = got->rc;
    if (got->unknown && got->rc != KH_OK) {
        (void)kh_wrap(&session->err, "it is not known whether it was done");
    }
    if (got->rc == KH_OK) {
        session->err.rc = kh_json_parse(&session->root, kh_buf_str(got->body), &session->err);
    }
    answer(session);
}

static void on_timer(void *arg)
{
    answer(arg);
}

enum kh_rc kh_session_open(struct kh_session *session, const struct kh_settings *settings,
                           struct kh_err *err)
{
    struct kh_settings leases_alone = *settings; /* a sub-command reads no stream */
    struct kh_store_config store = {.where = settings->lease_store,
                                    .table = settings->table_name,
                                    .state_table = settings->coordinator_state_table_name,
                                    .stats_table = settings->worker_metrics_table_name,
                                    .answered = on_lease,
                                    .coord_answered = on_coord,
                                    .arg = session,
                                    .write_ms_max = WRITE_MS_MAX};
    enum kh_rc rc;

    *session = (struct kh_session){.settings = settings};
    if (strcmp(settings->lease_store, "memory") == 0) {
        return kh_fail(err, KH_INVALID,
                       "leaseStore = memory: its leases are known to one process alone");
    }
    leases_alone.source = (char[]){""};
    rc = kh_loop_new(&session->loop, err);
    if (rc == KH_OK) {
        rc = kh_access_open(&session->access, session->loop, &leases_alone, err);
    }
    if (rc == KH_OK) {
        store.loop = session->loop;
        store.dynamodb = session->access.dynamodb;
        rc = kh_store_open(&session->store, &store, err);
    }
    return rc;
}

void kh_session_close(struct kh_session *session)
{
    kh_store_close(session->store);
    kh_access_close(&session->access);
    kh_json_free(session->root);
    kh_mem_free(session->leases);
    kh_loop_free(session->loop);
}

enum kh_rc kh_session_ensure(struct kh_session *session, struct kh_err *err)
{
    kh_store_ensure(session->store, on_ensured, session);
    wait_for_answer(session);
    *err = session->err;
    return err->rc;
}

enum kh_lease_outcome kh_session_lease(struct kh_session *session, const struct kh_lease_op *op)
{
    kh_store_submit(session->store, op);
    wait_for_answer(session);
    return session->lease.outcome;
}

enum kh_lease_outcome kh_session_coord(struct kh_session *session, const struct kh_coord_op *op)
{
    kh_store_submit_coord(session->store, op);
    wait_for_answer(session);
    return session->coord.outcome;
}

static enum kh_rc refuse(enum kh_lease_outcome outcome, enum kh_rc rc, const char *what,
                         struct kh_err *err)
{
    switch (outcome) {
    case KH_LEASE_DONE:
        break;
    case KH_LEASE_CONFLICT:
        return kh_fail(err, KH_CONFLICT, "%s: it was changed at the same moment; try again", what);
    case KH_LEASE_FAILED:
        return kh_fail(err, rc, "%s: refused (%s), as logged above", what, kh_rc_name(rc));
    case KH_LEASE_UNKNOWN:
        return kh_fail(
            err, rc, "%s: it is not known whether it was done, as logged above; look again", what);
    }
    return KH_OK;
}

enum kh_rc kh_session_refuse(const struct kh_session *session, const char *what, struct kh_err *err)
{
    return refuse(session->lease.outcome, session->lease.rc, what, err);
}

enum kh_rc kh_session_refuse_coord(const struct kh_session *session, const char *what,
                                   struct kh_err *err)
{
    return refuse(session->coord.outcome, session->coord.rc, what, err);
}

enum kh_rc kh_session_list(struct kh_session *session, struct kh_err *err)
{
    const struct kh_lease_op op = {.id = 1, .verb = KH_LEASE_LIST};

    (void)kh_session_lease(session, &op);
    return kh_session_refuse(session, "list the leases", err);
}

enum kh_rc kh_session_call(struct kh_session *session, const char *operation, struct kh_buf *body,
                           const struct kh_json **root, struct kh_err *err)
{
    const bool is_read = strcmp(operation, "Scan") == 0 || strcmp(operation, "GetItem") == 0 ||
                         strcmp(operation, "DescribeTable") == 0;
    struct kh_aws_request request = {.operation = operation,
                                     .body = kh_buf_take(body),
                                     .attempts_max = is_read ? 0 : 1, /* a condition could fail by
                                                                       * our own first attempt */
                                     .body_bytes_max = BODY_BYTES_MAX};

    kh_assert(session->access.dynamodb != NULL);
    kh_json_free(session->root);
    session->root = NULL;
    (void)kh_aws_call(session->access.dynamodb, &request, on_call, session);
    wait_for_answer(session);
    *root = session->root;
    *err = session->err;
    return err->rc;
}

void kh_session_pause(struct kh_session *session, kh_ms pause_ms)
{
    struct kh_watch *timer = kh_loop_timer(session->loop, on_timer, session);

    kh_watch_at(timer, kh_clock_boot_ms() + pause_ms);
    wait_for_answer(session);
    kh_watch_free(timer);
}
