#include "cli/leases_list.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/assert.h"
#include "cli/say.h"

static int widest(int width, const char *text)
{
    const int n = (int)strlen(text);

    return n > width ? n : width;
}

/* "next (from present)" during a hand-off. */
static void tell_owner(const struct kh_lease *lease, char text[2 * KH_WORKER_ID_MAX + 16])
{
    if (lease->checkpoint_owner[0] != '\0') {
        (void)snprintf(text, 2 * KH_WORKER_ID_MAX + 16, "%s (from %s)", lease->owner,
                       lease->checkpoint_owner);
    } else {
        (void)snprintf(text, 2 * KH_WORKER_ID_MAX + 16, "%s",
                       lease->owner[0] != '\0' ? lease->owner : "-");
    }
}

static void print_text(const struct kh_lease *leases, size_t n)
{
    char owner[2 * KH_WORKER_ID_MAX + 16];
    int key_width = (int)strlen("LEASE");
    int owner_width = (int)strlen("OWNER");

    for (size_t i = 0; i < n; i++) {
        tell_owner(&leases[i], owner);
        key_width = widest(key_width, leases[i].key);
        owner_width = widest(owner_width, owner);
    }
    printf("%-*s  %-*s  %10s  %s\n", key_width, "LEASE", owner_width, "OWNER", "COUNTER",
           "CHECKPOINT");
    for (size_t i = 0; i < n; i++) {
        tell_owner(&leases[i], owner);
        printf("%-*s  %-*s  %10" PRIu64 "  %s", key_width, leases[i].key, owner_width, owner,
               leases[i].counter, leases[i].checkpoint.seq);
        if (leases[i].checkpoint.sub != 0) {
            printf(" sub %" PRId64, leases[i].checkpoint.sub);
        }
        printf("\n");
    }
}

static void put_member(struct kh_json_writer *writer, const char *name, const char *value)
{
    kh_json_key(writer, name);
    if (value[0] != '\0') {
        kh_json_put_str(writer, kh_str(value));
    } else {
        kh_json_put_null(writer);
    }
}

static void put_ids(struct kh_json_writer *writer, const char *name,
                    const char (*ids)[KH_SHARD_ID_MAX + 1], unsigned n)
{
    kh_json_key(writer, name);
    kh_json_open_array(writer);
    for (unsigned i = 0; i < n; i++) {
        kh_json_put_str(writer, kh_str(ids[i]));
    }
    kh_json_close_array(writer);
}

static void put_lease(struct kh_json_writer *writer, const struct kh_lease *lease)
{
    kh_json_open_object(writer);
    put_member(writer, "lease", lease->key);
    put_member(writer, "owner", lease->owner);
    put_member(writer, "checkpointOwner", lease->checkpoint_owner);
    kh_json_key(writer, "handsOver");
    kh_json_put_bool(writer, kh_lease_can_be_handed_over(lease));
    kh_json_key(writer, "counter");
    kh_json_put_u64(writer, lease->counter);
    kh_json_key(writer, "ownerSwitchesSinceCheckpoint");
    kh_json_put_u64(writer, lease->owner_switches);
    put_member(writer, "checkpoint", lease->checkpoint.seq);
    kh_json_key(writer, "checkpointSubSequenceNumber");
    kh_json_put_i64(writer, lease->checkpoint.sub);
    put_member(writer, "pendingCheckpoint", lease->pending.seq);
    put_ids(writer, "parents", lease->parents, lease->parents_n);
    put_ids(writer, "children", lease->children, lease->children_n);
    put_member(writer, "startingHashKey", lease->range.start);
    put_member(writer, "endingHashKey", lease->range.end);
    kh_json_close_object(writer);
}

static void print_json(const struct kh_lease *leases, size_t n)
{
    struct kh_json_writer writer;
    struct kh_buf json;
    enum kh_rc rc;

    kh_buf_init(&json, KH_SAY_JSON_BYTES_MAX);
    kh_json_begin(&writer, &json);
    kh_json_open_array(&writer);
    for (size_t i = 0; i < n; i++) {
        put_lease(&writer, &leases[i]);
    }
    kh_json_close_array(&writer);
    rc = kh_json_end(&writer);
    kh_assert(rc == KH_OK); /* KH_STORE_LEASES_MAX leases of 2 KB */
    kh_say_json(&json);
}

int kh_leases_list(struct kh_session *session, bool json)
{
    struct kh_err err;

    if (kh_session_list(session, &err) != KH_OK) {
        return kh_say_failure(&err);
    }
    if (json) {
        print_json(session->lease.leases, session->lease.leases_n);
    } else {
        print_text(session->lease.leases, session->lease.leases_n);
    }
    if (session->lease.malformed_n > 0) {
        kh_say_meanwhile("%zu items that cannot be read are left out, as logged above",
                         session->lease.malformed_n);
    }
    return kh_say_done();
}
