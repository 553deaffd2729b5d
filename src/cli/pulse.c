#include "cli/pulse.h"

#include <inttypes.h>
#include <string.h>

#include "base/mem.h"
#include "cli/say.h"
#include "io/clock.h"

#define POLL_MS      500
#define LIST_POLL_MS 1000

enum kh_rc kh_pulse_get(struct kh_session *session, const char *key, struct kh_lease *lease,
                        struct kh_err *err)
{
    struct kh_lease_op op = {.id = 1, .verb = KH_LEASE_GET};

    if (!kh_str_copy(op.key, sizeof(op.key), kh_str(key))) {
        return kh_fail(err, KH_INVALID, "a lease's key has at most %d bytes", KH_LEASE_KEY_MAX);
    }
    (void)kh_session_lease(session, &op);
    if (session->lease.outcome != KH_LEASE_DONE) {
        return kh_session_refuse(session, "read the lease", err);
    }
    if (!session->lease.found) {
        return kh_fail(err, KH_NOTFOUND, "there is no lease %s in lease table %s", key,
                       session->settings->table_name);
    }
    *lease = session->lease.lease;
    return KH_OK;
}

static bool has_moved(const struct kh_lease *before, const struct kh_lease *now)
{
    return before->counter != now->counter || strcmp(before->owner, now->owner) != 0 ||
           strcmp(before->checkpoint_owner, now->checkpoint_owner) != 0;
}

static void say_watching(const struct kh_session *session)
{
    kh_say_meanwhile("watching for at most %" PRId64 " s whether owners are alive",
                     (session->settings->failover_time_millis + 999) / 1000);
}

enum kh_rc kh_pulse_watch(struct kh_session *session, const char *key, struct kh_lease *lease,
                          enum kh_pulse *pulse, struct kh_err *err)
{
    const kh_ms end_ms = kh_clock_boot_ms() + session->settings->failover_time_millis;
    const struct kh_lease first = *lease;
    enum kh_rc rc = KH_OK;

    *pulse = KH_PULSE_NONE;
    if (lease->owner[0] == '\0' && lease->checkpoint_owner[0] == '\0') {
        return KH_OK;
    }
    say_watching(session);
    *pulse = KH_PULSE_STILL;
    while (rc == KH_OK && *pulse == KH_PULSE_STILL && kh_clock_boot_ms() <= end_ms) {
        kh_session_pause(session, POLL_MS);
        rc = kh_pulse_get(session, key, lease, err);
        if (rc == KH_OK && has_moved(&first, lease)) {
            *pulse = lease->owner[0] == '\0' ? KH_PULSE_NONE : KH_PULSE_BEATS;
        }
    }
    return rc;
}

/* Both are sorted by key. */
static size_t count_living(const struct kh_lease *before, size_t before_n,
                           const struct kh_session *session, char living[KH_WORKER_ID_MAX + 1])
{
    const struct kh_lease *now = session->lease.leases;
    size_t living_n = 0;
    size_t b = 0;

    for (size_t i = 0; i < session->lease.leases_n; i++) {
        while (b < before_n && strcmp(before[b].key, now[i].key) < 0) {
            b++;
        }
        if (b < before_n && strcmp(before[b].key, now[i].key) == 0 && now[i].owner[0] != '\0' &&
            has_moved(&before[b], &now[i])) {
            living_n++;
            memcpy(living, kh_lease_actual_owner(&now[i]),
                   strlen(kh_lease_actual_owner(&now[i])) + 1);
        }
    }
    return living_n;
}

static bool is_any_owned(const struct kh_session *session)
{
    for (size_t i = 0; i < session->lease.leases_n; i++) {
        if (session->lease.leases[i].owner[0] != '\0') {
            return true;
        }
    }
    return false;
}

enum kh_rc kh_pulse_watch_all(struct kh_session *session, size_t *living_n,
                              char living[KH_WORKER_ID_MAX + 1], struct kh_err *err)
{
    const kh_ms end_ms = kh_clock_boot_ms() + session->settings->failover_time_millis;
    struct kh_lease *first;
    size_t first_n;
    enum kh_rc rc = kh_session_list(session, err);

    *living_n = 0;
    if (rc != KH_OK || !is_any_owned(session)) {
        return rc;
    }
    first_n = session->lease.leases_n;
    first = kh_mem_new(first_n, sizeof(*first));
    memcpy(first, session->lease.leases, first_n * sizeof(*first));
    say_watching(session);
    while (rc == KH_OK && *living_n == 0 && kh_clock_boot_ms() <= end_ms) {
        kh_session_pause(session, LIST_POLL_MS);
        rc = kh_session_list(session, err);
        if (rc == KH_OK) {
            *living_n = count_living(first, first_n, session, living);
        }
    }
    kh_mem_free(first);
    return rc;
}

enum kh_pulse kh_pulse_watch_lock(struct kh_session *session, enum kh_coord_place place,
                                  const struct kh_lock *lock, kh_ms watch_ms)
{
    const kh_ms end_ms = kh_clock_boot_ms() + watch_ms;
    const struct kh_coord_op op = {
        .id = 1, .verb = KH_COORD_GET, .place = place, .kind = KH_COORD_LOCK};

    kh_say_meanwhile("watching the leader's lock for at most %" PRId64 " s", watch_ms / 1000);
    while (kh_clock_boot_ms() < end_ms) {
        kh_session_pause(session, LIST_POLL_MS);
        if (kh_session_coord(session, &op) != KH_LEASE_DONE) {
            return KH_PULSE_BEATS;
        }
        if (!session->coord.found || session->coord.item.lock.released) {
            return KH_PULSE_NONE;
        }
        if (strcmp(session->coord.item.lock.version, lock->version) != 0) {
            return KH_PULSE_BEATS;
        }
    }
    return KH_PULSE_STILL;
}
