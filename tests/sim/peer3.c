/* What a worker of KCL 3.x does beside renewing and processing: leases.md 5. */
#include "peer.h"

#include <string.h>

#include "sim.h"

#define DISCOVER_MS     9975
#define REPORT_MS       KH_SECONDS(30)
#define ASSIGN_MS       KH_SECONDS(20)
#define MONITOR_MS      KH_SECONDS(2)
#define VERSION_MS      KH_SECONDS(60)
#define HAND_OFF_MS     KH_SECONDS(30)
#define REPORTS_VALID_S 60
#define REBALANCE_EVERY 3
#define ASK_LEAD_MS     KH_SECONDS(30)

static struct sim_peer *peer_of(const struct sim *sim, uint32_t w)
{
    return sim->workers[w].peer;
}

static struct sim_peer3 *own(const struct sim *sim, uint32_t w)
{
    return &peer_of(sim, w)->v3;
}

static const char *name_of(const struct sim *sim, uint32_t w)
{
    return sim->workers[w].config.worker_id;
}

static void ask(struct sim *sim, uint32_t w, struct kh_coord_op *op, enum sim_peer_purpose purpose)
{
    op->id = sim_peer_number(sim, w, 0, purpose);
    sim_coord_submit(sim, w, op);
}

/* ---- which generation the fleet works as ---- */

static void look_at_version(struct sim *sim, uint32_t w)
{
    const struct kh_coord_item *item =
        sim_coord_find(sim, KH_COORD_LEASE_TABLE, KH_COORD_VERSION, "");

    own(sim, w)->led = item != NULL && item->version.now.version >= KH_VERSION_3X_WITH_ROLLBACK;
    sim_peer_set_timer(sim, w, SIM_PEER_VERSION, VERSION_MS);
}

bool sim_peer3_takes(const struct sim *sim, uint32_t w)
{
    return !peer_of(sim, w)->is_v3 || !own(sim, w)->led;
}

/* ---- discovery ---- */

static void discover(struct sim *sim, uint32_t w)
{
    struct kh_coord_op op = {.verb = KH_COORD_OWNED};

    sim_peer_set_timer(sim, w, SIM_PEER_DISCOVER, DISCOVER_MS);
    if (own(sim, w)->led && !peer_of(sim, w)->stopping) {
        (void)snprintf(op.key, sizeof op.key, "%s", name_of(sim, w));
        ask(sim, w, &op, SIM_PEER_FOR_KEYS);
    }
}

static void on_keys(struct sim *sim, uint32_t w, const struct kh_coord_answer *answer)
{
    for (size_t i = 0; answer->outcome == KH_LEASE_DONE && i < answer->keys_n; i++) {
        uint32_t shard = sim_stream_find(sim, kh_str(answer->keys[i].key));
        struct kh_lease_op get = {.verb = KH_LEASE_GET};

        if (!peer_of(sim, w)->leases[shard].held) {
            memcpy(get.key, sim->stream.shards[shard].id, sizeof get.key);
            sim_peer_submit(sim, w, &get, shard, SIM_PEER_FOR_LOOKED);
        }
    }
}

void sim_peer3_looked(struct sim *sim, uint32_t w, uint32_t shard,
                      const struct kh_lease_answer *answer)
{
    if (answer->outcome == KH_LEASE_DONE && answer->found && !peer_of(sim, w)->stopping &&
        !peer_of(sim, w)->leases[shard].held && strcmp(answer->lease.owner, name_of(sim, w)) == 0 &&
        answer->lease.checkpoint_owner[0] == '\0') {
        sim_peer_hold(sim, w, shard, &answer->lease, sim->now_ms);
    }
}

/* ---- reports: of a machine on which nothing can be measured ---- */

static void report(struct sim *sim, uint32_t w)
{
    struct kh_coord_op op = {
        .verb = KH_COORD_UPDATE, .kind = KH_COORD_STATS, .item = {.kind = KH_COORD_STATS}};
    struct kh_worker_stats *stats = &op.item.stats;

    (void)snprintf(op.key, sizeof op.key, "%s", name_of(sim, w));
    (void)snprintf(stats->worker_id, sizeof stats->worker_id, "%s", name_of(sim, w));
    stats->reported_wall_s = sim_worker_wall_ms(sim, w) / 1000;
    stats->has_support = true;
    stats->support = 1;
    stats->support_wall_s = stats->reported_wall_s;
    ask(sim, w, &op, SIM_PEER_FOR_NOTHING);
    sim_peer_set_timer(sim, w, SIM_PEER_REPORT, REPORT_MS);
}

/* ---- the lock ---- */

static void fill_lock(struct sim *sim, uint32_t w, struct kh_coord_op *op)
{
    struct sim_peer3 *v3 = own(sim, w);
    struct kh_lock *lock = &op->item.lock;

    op->kind = KH_COORD_LOCK;
    op->item.kind = KH_COORD_LOCK;
    op->expect.kind = KH_COORD_LOCK;
    lock->duration_ms = KH_LOCK_DURATION_MS;
    (void)snprintf(lock->owner, sizeof lock->owner, "%s", name_of(sim, w));
    (void)snprintf(lock->version, sizeof lock->version, "%s-%llu", name_of(sim, w),
                   (unsigned long long)++v3->uuid);
    memcpy(v3->tried, lock->version, sizeof v3->tried);
}

static void beat(struct sim *sim, uint32_t w)
{
    struct sim_peer3 *v3 = own(sim, w);
    struct kh_coord_op op = {.verb = KH_COORD_UPDATE};

    sim_peer_set_timer(sim, w, SIM_PEER_BEAT, KH_LOCK_HEARTBEAT_MS);
    if (!v3->has_lock) {
        return;
    }
    fill_lock(sim, w, &op);
    op.expect_bits = KH_EXPECT_LOCK_VERSION | KH_EXPECT_LOCK_OWNER;
    memcpy(op.expect.lock.version, v3->version, sizeof v3->version);
    memcpy(op.expect.lock.owner, op.item.lock.owner, sizeof op.item.lock.owner);
    ask(sim, w, &op, SIM_PEER_FOR_LOCK);
}

static void on_lock_written(struct sim *sim, uint32_t w, const struct kh_coord_answer *answer)
{
    struct sim_peer3 *v3 = own(sim, w);

    if (answer->outcome == KH_LEASE_DONE) {
        v3->has_lock = true;
        memcpy(v3->version, v3->tried, sizeof v3->version);
        v3->beat_at_ms = sim->now_ms;
    } else if (answer->outcome == KH_LEASE_CONFLICT) {
        v3->has_lock = false;
    }
}

/* Somebody else's: expired if this process has seen it unchanged for longer than it says. */
static void on_lock_read(struct sim *sim, uint32_t w, const struct kh_coord_answer *answer)
{
    struct sim_peer3 *v3 = own(sim, w);
    const struct kh_lock *lock = &answer->item.lock;
    struct kh_coord_op op = {.verb = KH_COORD_PUT};
    bool same = answer->found && strcmp(lock->version, v3->seen.version) == 0;

    if (answer->outcome != KH_LEASE_DONE) {
        return;
    }
    if (!answer->found) {
        op.expect_bits = KH_EXPECT_ABSENT;
    } else if (lock->released) {
        op.expect_bits = KH_EXPECT_RELEASED;
    } else if (same && sim->now_ms - v3->seen_at_ms > lock->duration_ms) {
        op.expect_bits = KH_EXPECT_LOCK_VERSION;
        op.expect.lock = *lock;
    } else {
        v3->seen_at_ms = same ? v3->seen_at_ms : sim->now_ms;
        v3->seen = *lock;
        v3->refused_at_ms = sim->now_ms;
        return;
    }
    fill_lock(sim, w, &op);
    ask(sim, w, &op, SIM_PEER_FOR_LOCK);
}

/* ---- assignment ---- */

static void assign(struct sim *sim, uint32_t w)
{
    struct sim_peer3 *v3 = own(sim, w);
    struct kh_coord_op get = {.verb = KH_COORD_GET, .kind = KH_COORD_LOCK};
    struct kh_lease_op list = {.verb = KH_LEASE_LIST};

    sim_peer_set_timer(sim, w, SIM_PEER_ASSIGN, ASSIGN_MS);
    if (!v3->led || peer_of(sim, w)->stopping) {
        return;
    }
    if (v3->has_lock && sim->now_ms - v3->beat_at_ms <= KH_LOCK_DURATION_MS) {
        sim_peer_submit(sim, w, &list, 0, SIM_PEER_FOR_LEASES);
    } else if (sim->now_ms - v3->refused_at_ms >= ASK_LEAD_MS) {
        v3->has_lock = false;
        ask(sim, w, &get, SIM_PEER_FOR_LOCK_READ);
    }
}

void sim_peer3_listed(struct sim *sim, uint32_t w, const struct kh_lease_answer *answer)
{
    struct kh_coord_op op = {.verb = KH_COORD_LIST_STATS};

    if (answer->outcome == KH_LEASE_DONE) {
        sim_peer_see_all(sim, w, answer);
        ask(sim, w, &op, SIM_PEER_FOR_STATS);
    }
}

static const char *actual_owner(const struct sim_peer_lease *lease)
{
    return kh_lease_actual_owner(&lease->view);
}

static bool is_expired(const struct sim *sim, const struct sim_peer_lease *lease)
{
    return actual_owner(lease)[0] == '\0' ||
           sim->now_ms - lease->viewed_at_ms > SIM_PEER_FAILOVER_MS;
}

static void expect_owners(struct kh_lease_op *op, const struct kh_lease *lease)
{
    if (lease->owner[0] != '\0') {
        op->expect_is |= KH_LEASE_OWNER;
        memcpy(op->expect_owner, lease->owner, sizeof op->expect_owner);
    } else {
        op->expect_absent |= KH_LEASE_OWNER;
    }
    if (lease->checkpoint_owner[0] != '\0') {
        op->expect_is |= KH_LEASE_CHECKPOINT_OWNER;
        memcpy(op->expect_checkpoint_owner, lease->checkpoint_owner,
               sizeof op->expect_checkpoint_owner);
    } else {
        op->expect_absent |= KH_LEASE_CHECKPOINT_OWNER;
    }
}

/* W5 */
static void submit_assignment(struct sim *sim, uint32_t w, uint32_t shard,
                              const struct kh_lease *lease, const char *to)
{
    struct kh_lease_op op = {.verb = KH_LEASE_UPDATE,
                             .set = KH_LEASE_OWNER,
                             .remove = KH_LEASE_CHECKPOINT_OWNER,
                             .add_one = KH_LEASE_COUNTER};
    bool switched = (lease->owner[0] != '\0' && strcmp(lease->owner, to) != 0) ||
                    strcmp(lease->checkpoint_owner, to) == 0;

    memcpy(op.key, lease->key, sizeof op.key);
    expect_owners(&op, lease);
    op.add_one |= switched ? KH_LEASE_SWITCHES : 0;
    (void)snprintf(op.lease.owner, sizeof op.lease.owner, "%s", to);
    sim_peer_submit(sim, w, &op, shard,
                    strcmp(lease->checkpoint_owner, name_of(sim, w)) == 0 ? SIM_PEER_FOR_GIVING
                                                                          : SIM_PEER_FOR_NOTHING);
}

/* W4 or W5, as LAM step 10 has it. */
static void give(struct sim *sim, uint32_t w, uint32_t shard, const char *to)
{
    struct sim_peer_lease *lease = &peer_of(sim, w)->leases[shard];
    struct kh_lease_op op = {.verb = KH_LEASE_UPDATE,
                             .set = KH_LEASE_OWNER | KH_LEASE_CHECKPOINT_OWNER};
    bool alive = !is_expired(sim, lease);

    if (alive && !kh_lease_is_finished(&lease->view) && lease->view.checkpoint_owner[0] == '\0') {
        memcpy(op.key, lease->view.key, sizeof op.key);
        expect_owners(&op, &lease->view);
        (void)snprintf(op.lease.owner, sizeof op.lease.owner, "%s", to);
        memcpy(op.lease.checkpoint_owner, lease->view.owner, sizeof op.lease.checkpoint_owner);
        sim_peer_submit(sim, w, &op, shard, SIM_PEER_FOR_NOTHING);
        lease->blocked_until_ms = sim->now_ms + HAND_OFF_MS + SIM_PEER_FAILOVER_MS;
    } else {
        sim->workers[w].steals = alive ? SIM_STEAL_FOR_ANOTHER : SIM_STEAL_NONE;
        submit_assignment(sim, w, shard, &lease->view, to);
        sim->workers[w].steals = SIM_STEAL_NONE;
    }
    sim_note(sim, "%c as leader gives %s to %s", sim_letter(w), lease->view.key, to);
}

static size_t find_worker(const struct kh_worker_stats *stats, size_t n, const char *id)
{
    size_t at = 0;

    while (at < n && strcmp(stats[at].worker_id, id) != 0) {
        at++;
    }
    return at;
}

struct fleet {
    struct kh_worker_stats active[64];
    size_t leases[64];
    size_t n;
};

static size_t least_of(const struct fleet *fleet)
{
    size_t least = 0;

    for (size_t i = 1; i < fleet->n; i++) {
        least = fleet->leases[i] < fleet->leases[least] ? i : least;
    }
    return least;
}

/* By number, for by load takes longer to write down; the writes are what matters. */
static void even_out(struct sim *sim, uint32_t w, struct fleet *fleet)
{
    for (uint32_t i = 0; i < sim->stream.shards_n; i++) {
        const struct sim_peer_lease *lease = &peer_of(sim, w)->leases[i];
        size_t least = least_of(fleet);
        size_t from;

        if (!lease->seen || is_expired(sim, lease)) {
            continue;
        }
        from = find_worker(fleet->active, fleet->n, actual_owner(lease));
        if (from < fleet->n && fleet->leases[from] > fleet->leases[least] + 1 &&
            (lease->view.checkpoint_owner[0] == '\0' || sim->now_ms >= lease->blocked_until_ms)) {
            give(sim, w, i, fleet->active[least].worker_id);
            fleet->leases[from]--;
            fleet->leases[least]++;
        }
    }
}

static void on_stats(struct sim *sim, uint32_t w, const struct kh_coord_answer *answer)
{
    struct sim_peer3 *v3 = own(sim, w);
    int64_t now_wall_s = sim_worker_wall_ms(sim, w) / 1000;
    struct fleet fleet = {.n = 0};

    for (size_t i = 0; i < answer->stats_n && fleet.n < 64; i++) {
        if (now_wall_s - answer->stats[i].reported_wall_s <= REPORTS_VALID_S) {
            fleet.active[fleet.n++] = answer->stats[i];
        }
    }
    if (answer->outcome != KH_LEASE_DONE || fleet.n == 0 || !v3->has_lock) {
        return;
    }
    for (uint32_t i = 0; i < sim->stream.shards_n; i++) {
        const struct sim_peer_lease *lease = &peer_of(sim, w)->leases[i];
        size_t at = find_worker(fleet.active, fleet.n, actual_owner(lease));

        fleet.leases[at < fleet.n ? at : 0] +=
            lease->seen && !is_expired(sim, lease) && at < fleet.n ? 1 : 0;
    }
    for (uint32_t i = 0; i < sim->stream.shards_n; i++) {
        if (peer_of(sim, w)->leases[i].seen && is_expired(sim, &peer_of(sim, w)->leases[i])) {
            size_t least = least_of(&fleet);

            give(sim, w, i, fleet.active[least].worker_id);
            fleet.leases[least]++;
        }
    }
    if (v3->run_n++ % REBALANCE_EVERY == 0) {
        even_out(sim, w, &fleet);
    }
}

/* ---- handing over what this worker owns ---- */

/* Its consumer is done, or its time is up. */
void sim_peer3_pass_on(struct sim *sim, uint32_t w, uint32_t shard)
{
    struct sim_peer_lease *lease = &peer_of(sim, w)->leases[shard];

    lease->working = true; /* until it is answered */
    lease->passed_on = true;
    submit_assignment(sim, w, shard, &lease->copy, lease->copy.owner);
}

static void monitor(struct sim *sim, uint32_t w)
{
    for (uint32_t i = 0; i < sim->stream.shards_n; i++) {
        struct sim_peer_lease *lease = &peer_of(sim, w)->leases[i];

        if (lease->held && lease->handing && sim->now_ms >= lease->hand_by_ms) {
            lease->hand_by_ms = KH_NEVER;
            sim->workers[w].steals = SIM_STEAL_FOR_ANOTHER;
            submit_assignment(sim, w, i, &lease->copy, lease->copy.owner);
            sim->workers[w].steals = SIM_STEAL_NONE;
        }
    }
    sim_peer_set_timer(sim, w, SIM_PEER_MONITOR, MONITOR_MS);
}

/* A renewal has found that the lease is to go to somebody else. */
void sim_peer3_asked(struct sim *sim, struct sim_peer_lease *lease)
{
    if (!lease->handing) {
        lease->handing = true;
        lease->hand_by_ms = sim->now_ms + HAND_OFF_MS;
    }
}

/* ---- routing ---- */

void sim_peer3_start(struct sim *sim, uint32_t w)
{
    own(sim, w)->refused_at_ms = -ASK_LEAD_MS;
    look_at_version(sim, w);
    sim_peer_set_timer(sim, w, SIM_PEER_DISCOVER, 0);
    sim_peer_set_timer(sim, w, SIM_PEER_REPORT, KH_SECONDS(2));
    sim_peer_set_timer(sim, w, SIM_PEER_ASSIGN, 3);
    sim_peer_set_timer(sim, w, SIM_PEER_BEAT, KH_LOCK_HEARTBEAT_MS);
    sim_peer_set_timer(sim, w, SIM_PEER_MONITOR, 4);
}

void sim_peer3_timer(struct sim *sim, uint32_t w, enum sim_peer_timer timer)
{
    if (timer == SIM_PEER_DISCOVER) {
        discover(sim, w);
    } else if (timer == SIM_PEER_REPORT) {
        report(sim, w);
    } else if (timer == SIM_PEER_ASSIGN) {
        assign(sim, w);
    } else if (timer == SIM_PEER_BEAT) {
        beat(sim, w);
    } else if (timer == SIM_PEER_MONITOR) {
        monitor(sim, w);
    } else {
        look_at_version(sim, w);
    }
}

void sim_peer3_answer(struct sim *sim, uint32_t w, const struct sim_coord_call *call)
{
    enum sim_peer_purpose purpose = sim_peer_purpose_of(call->op.id);

    if (purpose == SIM_PEER_FOR_KEYS) {
        on_keys(sim, w, &call->answer);
    } else if (purpose == SIM_PEER_FOR_LOCK) {
        on_lock_written(sim, w, &call->answer);
    } else if (purpose == SIM_PEER_FOR_LOCK_READ) {
        on_lock_read(sim, w, &call->answer);
    } else if (purpose == SIM_PEER_FOR_STATS) {
        on_stats(sim, w, &call->answer);
    }
}
