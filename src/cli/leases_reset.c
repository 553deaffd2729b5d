#include "cli/leases_reset.h"

#include <stdio.h>
#include <string.h>

#include "base/assert.h"
#include "base/mem.h"
#include "cli/pulse.h"
#include "cli/say.h"
#include "wire/stream_mark.h"

#define REQUEST_BYTES_MAX 16384

/* Whoever would still hold it loses it by the counter. */
static enum kh_rc take_away(struct kh_session *session, const struct kh_lease *lease,
                            const char *to, struct kh_err *err)
{
    struct kh_lease_op op = {.id = 1,
                             .verb = KH_LEASE_UPDATE,
                             .expect_is = KH_LEASE_COUNTER,
                             .expect_counter = lease->counter,
                             .set = KH_LEASE_COUNTER,
                             .remove = KH_LEASE_OWNER | KH_LEASE_CHECKPOINT_OWNER,
                             .lease = {.counter = lease->counter + 1}};

    memcpy(op.key, lease->key, sizeof(op.key));
    if (to != NULL) {
        const bool set = kh_extseq_set(&op.lease.checkpoint, kh_str(to), 0);

        kh_assert(set);
        op.set |= KH_LEASE_CHECKPOINT | KH_LEASE_SWITCHES;
        op.remove |= KH_LEASE_PENDING;
    }
    (void)kh_session_lease(session, &op);
    return kh_session_refuse(session, lease->key, err);
}

static enum kh_rc delete (struct kh_session *session, const struct kh_lease *lease,
                          struct kh_err *err) {
    struct kh_lease_op op = {.id = 1, .verb = KH_LEASE_DELETE};

    memcpy(op.key, lease->key, sizeof(op.key));
    (void)kh_session_lease(session, &op);
    return kh_session_refuse(session, lease->key, err);
}

/* A lease that starts anew may be the next stream's. */
static enum kh_rc unmark(struct kh_session *session, const struct kh_lease *lease,
                         struct kh_err *err)
{
    const struct kh_json *root;
    struct kh_buf body;
    enum kh_rc rc;

    if (session->access.dynamodb == NULL) {
        return KH_OK; /* other stores have no marks */
    }
    kh_buf_init(&body, REQUEST_BYTES_MAX);
    rc = kh_stream_mark_remove(&body, session->settings->table_name, kh_str(lease->key));
    kh_assert(rc == KH_OK); /* both are bounded */
    rc = kh_session_call(session, "UpdateItem", &body, &root, err);
    return rc == KH_OK ? KH_OK : kh_wrap(err, "lease %s", lease->key);
}

static enum kh_rc reset_one(struct kh_session *session, const struct kh_lease *lease,
                            const char *to, struct kh_err *err)
{
    enum kh_rc rc = take_away(session, lease, to, err);

    if (rc == KH_OK) {
        rc = to != NULL ? unmark(session, lease, err) : delete (session, lease, err);
    }
    return rc;
}

/* They may be anything: the guard of a later start names what is in the way. */
static void tell_malformed(size_t malformed_n)
{
    if (malformed_n > 0) {
        kh_say_meanwhile("%zu items that cannot be read are left as they are, as logged above",
                         malformed_n);
    }
}

static int finish(const struct kh_session *session, size_t done_n, const char *to, bool dry_run)
{
    static const char *const starts[] = {[KH_START_LATEST] = "LATEST",
                                         [KH_START_TRIM_HORIZON] = "TRIM_HORIZON",
                                         [KH_START_AT_TIMESTAMP] = "AT_TIMESTAMP"};
    const char *would = dry_run ? "would be " : "";

    if (to != NULL) {
        printf("%zu leases %sset to %s\n", done_n, would, to);
    } else {
        printf("%zu leases %sdeleted; the next start makes them anew, at initialPositionInStream = "
               "%s\n",
               done_n, would, starts[session->settings->initial_position_in_stream]);
    }
    return kh_say_done();
}

int kh_leases_reset(struct kh_session *session, const char *to, bool dry_run)
{
    char living[KH_WORKER_ID_MAX + 1];
    struct kh_lease *leases;
    size_t living_n;
    size_t n;
    size_t done_n = 0;
    struct kh_err err;
    enum kh_rc rc = kh_pulse_watch_all(session, &living_n, living, &err);

    if (rc == KH_OK && living_n > 0) {
        rc = kh_fail(
            &err, KH_CONFLICT,
            "lease table %s: %zu leases were renewed just now, one of them by %s; stop all "
            "workers of application %s first",
            session->settings->table_name, living_n, living, session->settings->application_name);
    }
    if (rc != KH_OK) {
        return kh_say_failure(&err);
    }
    tell_malformed(session->lease.malformed_n);
    n = session->lease.leases_n;
    leases = session->leases; /* ours now: the requests below are no lists */
    session->leases = NULL;
    while (rc == KH_OK && done_n < n) {
        printf("%s  %s\n", leases[done_n].key, leases[done_n].checkpoint.seq);
        rc = dry_run ? KH_OK : reset_one(session, &leases[done_n], to, &err);
        done_n += rc == KH_OK;
    }
    kh_mem_free(leases);
    if (rc != KH_OK) {
        kh_say_meanwhile("%zu of %zu leases are reset; run it again for the rest", done_n, n);
        return kh_say_failure(&err);
    }
    return finish(session, n, to, dry_run);
}
