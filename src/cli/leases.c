#include "cli/leases.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/assert.h"
#include "cli/exit.h"
#include "cli/leases_list.h"
#include "cli/leases_reset.h"
#include "cli/pulse.h"
#include "cli/say.h"
#include "cli/survey.h"
#include "io/clock.h"

#define HAND_OVER_MS_MAX  KH_SECONDS(30) /* gracefulLeaseHandoffTimeoutMillis */
#define HAND_OVER_POLL_MS 250

static struct kh_lease_op update(const struct kh_lease *lease)
{
    struct kh_lease_op op = {.id = 1, .verb = KH_LEASE_UPDATE};

    memcpy(op.key, lease->key, sizeof(op.key));
    return op;
}

/* W5, and on the counter as well: an owner that has woken up keeps it. */
static enum kh_rc assign(struct kh_session *session, const struct kh_lease *lease,
                         const char *worker, struct kh_err *err)
{
    struct kh_lease_op op = update(lease);

    kh_lease_op_assign(&op, lease, worker);
    op.expect_is |= KH_LEASE_COUNTER;
    op.expect_counter = lease->counter;
    (void)kh_session_lease(session, &op);
    return kh_session_refuse(session, "assign", err);
}

/* W4. The counter is the owner's. */
static enum kh_rc ask_to_hand_over(struct kh_session *session, const struct kh_lease *lease,
                                   const char *worker, struct kh_err *err)
{
    struct kh_lease_op op = update(lease);

    kh_lease_op_hand_over(&op, lease, worker);
    (void)kh_session_lease(session, &op);
    return kh_session_refuse(session, "ask for a hand-over", err);
}

/* After ask_to_hand_over: until its owner has let go. */
static int tell_hand_over(struct kh_session *session, const struct kh_lease *lease,
                          const char *worker)
{
    const kh_ms began_ms = kh_clock_boot_ms();
    const kh_ms wait_ms = HAND_OVER_MS_MAX + session->settings->failover_time_millis;
    struct kh_lease now;
    struct kh_err err;

    do {
        kh_session_pause(session, HAND_OVER_POLL_MS);
        if (kh_pulse_get(session, lease->key, &now, &err) != KH_OK) {
            return kh_say_failure(&err);
        }
        if (now.checkpoint_owner[0] == '\0' && strcmp(now.owner, worker) == 0) {
            printf("lease %s: handed over from %s to %s after %.1f s\n", lease->key, lease->owner,
                   worker, (double)(kh_clock_boot_ms() - began_ms) / 1000);
            return kh_say_done();
        }
        if (strcmp(now.owner, worker) != 0) {
            (void)kh_fail(&err, KH_CONFLICT,
                          "lease %s: was asked for, but went to \"%s\" meanwhile", lease->key,
                          now.owner);
            return kh_say_failure(&err);
        }
    } while (kh_clock_boot_ms() - began_ms < wait_ms);
    (void)kh_fail(&err, KH_CONFLICT,
                  "lease %s: %s was asked to hand it over to %s %" PRId64
                  " s ago and has not done so; it stays asked",
                  lease->key, lease->owner, worker, wait_ms / 1000);
    return kh_say_failure(&err);
}

/* A worker of 3.x notices checkpointOwner. */
static enum kh_rc check_is_3x(struct kh_session *session, const struct kh_lease *lease,
                              struct kh_err *err)
{
    struct kh_survey survey = {0};
    enum kh_rc rc = KH_OK;
    bool is_3x = false;

    if (session->access.dynamodb != NULL) {
        rc = kh_survey_read(&survey, session, err);
        is_3x = rc == KH_OK && kh_survey_is_3x(&survey);
        kh_survey_fini(&survey);
    }
    if (rc == KH_OK && !is_3x) {
        rc = kh_fail(err, KH_CONFLICT,
                     "lease %s: its owner %s is alive, is no kcl-host that hands leases over, and "
                     "the fleet is not in 3.x mode; stop it, then try again",
                     lease->key, lease->owner);
    }
    return rc;
}

static enum kh_rc check_assignable(struct kh_session *session, const struct kh_lease *lease,
                                   enum kh_pulse pulse, struct kh_err *err)
{
    if (pulse != KH_PULSE_BEATS) {
        return KH_OK;
    }
    if (lease->checkpoint_owner[0] != '\0') {
        return kh_fail(err, KH_CONFLICT,
                       "lease %s is being handed over from %s to %s; wait until that is done",
                       lease->key, lease->checkpoint_owner, lease->owner);
    }
    return kh_lease_can_be_handed_over(lease) ? KH_OK : check_is_3x(session, lease, err);
}

static int run_assign(struct kh_session *session, const char *key, const char *worker)
{
    enum kh_pulse pulse = KH_PULSE_NONE;
    struct kh_lease lease;
    struct kh_err err;
    enum kh_rc rc = kh_pulse_get(session, key, &lease, &err);

    if (rc == KH_OK && kh_lease_is_finished(&lease)) {
        rc = kh_fail(&err, KH_CONFLICT, "lease %s: the shard is finished, nothing is left to do",
                     key);
    }
    if (rc == KH_OK && strcmp(lease.owner, worker) == 0 && lease.checkpoint_owner[0] == '\0') {
        printf("lease %s: is %s's already\n", key, worker);
        return kh_say_done();
    }
    if (rc == KH_OK) {
        rc = kh_pulse_watch(session, key, &lease, &pulse, &err);
    }
    if (rc == KH_OK) {
        rc = check_assignable(session, &lease, pulse, &err);
    }
    if (rc == KH_OK && pulse == KH_PULSE_BEATS) {
        rc = ask_to_hand_over(session, &lease, worker, &err);
        return rc == KH_OK ? tell_hand_over(session, &lease, worker) : kh_say_failure(&err);
    }
    if (rc == KH_OK) {
        rc = assign(session, &lease, worker, &err);
    }
    if (rc != KH_OK) {
        return kh_say_failure(&err);
    }
    printf("lease %s: assigned to %s; it had %s%s\n", key, worker,
           lease.owner[0] != '\0' ? "an owner that is gone: " : "no owner", lease.owner);
    return kh_say_done();
}

/* W6. */
static enum kh_rc evict(struct kh_session *session, const struct kh_lease *lease,
                        struct kh_err *err)
{
    struct kh_lease_op op = update(lease);

    kh_lease_op_expect_owners(&op, lease);
    op.expect_is |= KH_LEASE_COUNTER;
    op.expect_counter = lease->counter;
    op.remove = KH_LEASE_OWNER | KH_LEASE_CHECKPOINT_OWNER;
    op.add_one = KH_LEASE_COUNTER;
    (void)kh_session_lease(session, &op);
    return kh_session_refuse(session, "release", err);
}

static int run_release(struct kh_session *session, const char *key)
{
    enum kh_pulse pulse = KH_PULSE_NONE;
    struct kh_lease lease;
    struct kh_err err;
    enum kh_rc rc = kh_pulse_get(session, key, &lease, &err);

    if (rc == KH_OK) {
        rc = kh_pulse_watch(session, key, &lease, &pulse, &err);
    }
    if (rc == KH_OK && pulse == KH_PULSE_NONE) {
        printf("lease %s: has no owner\n", key);
        return kh_say_done();
    }
    if (rc == KH_OK && pulse == KH_PULSE_BEATS) {
        rc = kh_fail(&err, KH_CONFLICT,
                     "lease %s: its owner %s is alive, and nobody can be told to let go without "
                     "somebody to hand over to; use leases assign, or stop that worker",
                     key, kh_lease_actual_owner(&lease));
    }
    if (rc == KH_OK) {
        rc = evict(session, &lease, &err);
    }
    if (rc != KH_OK) {
        return kh_say_failure(&err);
    }
    printf("lease %s: released; its owner %s is gone\n", key, kh_lease_actual_owner(&lease));
    return kh_say_done();
}

int kh_leases_run(struct kh_session *session, const struct kh_options *options)
{
    struct kh_err err;

    if (kh_session_ensure(session, &err) != KH_OK) {
        return kh_say_failure(&err);
    }
    switch (options->command) {
    case KH_COMMAND_LEASES_LIST:
        return kh_leases_list(session, options->json);
    case KH_COMMAND_LEASES_ASSIGN:
        return run_assign(session, options->words[0], options->words[1]);
    case KH_COMMAND_LEASES_RELEASE:
        return run_release(session, options->words[0]);
    case KH_COMMAND_LEASES_RESET:
        return kh_leases_reset(session, options->to, options->dry_run);
    case KH_COMMAND_RUN:
    case KH_COMMAND_CONFIG:
    case KH_COMMAND_TABLE_STATUS:
    case KH_COMMAND_TABLE_MIGRATE:
    case KH_COMMAND_TABLE_ROLLBACK:
    case KH_COMMAND_TABLE_CLEAN:
        break;
    }
    kh_assert(false);
    return KH_EXIT_SOFTWARE;
}
