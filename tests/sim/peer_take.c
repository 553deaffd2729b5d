/* The taker of KCL 2.x: leases.md 4, A to I. */
#include "peer.h"

#include <string.h>

#include "sim.h"

#define TAKE_MS        20050
#define VERY_OLD_MS    (3 * SIM_PEER_FAILOVER_MS)
#define SLOW_LOOK_MS   1666
#define TAKE_TRIES_MAX 3
#define STEAL_MAX      1
#define NEVER_OWNED_MS (INT64_MIN / 2)
#define WISHES_FULL(r) ((r)->n == SIM_SHARDS_MAX)

static struct sim_peer *peer_of(const struct sim *sim, uint32_t w)
{
    return sim->workers[w].peer;
}

static const char *name_of(const struct sim *sim, uint32_t w)
{
    return sim->workers[w].config.worker_id;
}

static void end_round(struct sim *sim, uint32_t w)
{
    peer_of(sim, w)->round.runs = false;
    sim_peer_set_timer(sim, w, SIM_PEER_TAKE, TAKE_MS);
}

void sim_peer_look(struct sim *sim, uint32_t w)
{
    struct sim_peer *peer = peer_of(sim, w);
    struct kh_lease_op list = {.verb = KH_LEASE_LIST};

    if (peer->stopping) {
        return;
    }
    if (!sim_peer3_takes(sim, w)) {
        end_round(sim, w);
        return;
    }
    peer->round = (struct sim_peer_round){.runs = true, .began_at_ms = sim->now_ms};
    sim_peer_submit(sim, w, &list, 0, SIM_PEER_FOR_LOOK);
}

/* A: when each counter was last seen to change. */
static void see(struct sim *sim, struct sim_peer_lease *lease, const struct kh_lease *row)
{
    if (!lease->seen) {
        lease->viewed_at_ms = row->owner[0] == '\0' ? NEVER_OWNED_MS : sim->now_ms;
    } else if (lease->view.counter != row->counter) {
        lease->viewed_at_ms = sim->now_ms;
    }
    lease->seen = true;
    lease->view = *row;
}

void sim_peer_see_all(struct sim *sim, uint32_t w, const struct kh_lease_answer *answer)
{
    bool there[SIM_SHARDS_MAX] = {false};

    for (size_t i = 0; i < answer->leases_n; i++) {
        uint32_t shard = sim_stream_find(sim, kh_str(answer->leases[i].key));

        there[shard] = true;
        see(sim, &peer_of(sim, w)->leases[shard], &answer->leases[i]);
    }
    for (uint32_t i = 0; i < SIM_SHARDS_MAX; i++) {
        struct sim_peer_lease *lease = &peer_of(sim, w)->leases[i];

        lease->seen = lease->seen && there[i];
    }
}

static bool is_available(const struct sim *sim, const struct sim_peer_lease *lease)
{
    return lease->view.owner[0] == '\0' || sim->now_ms - lease->viewed_at_ms > SIM_PEER_FAILOVER_MS;
}

struct count {
    const char *owner;
    size_t n;
};

/* C: leases per living owner, ourselves first; returns how many owners there are. */
static size_t count_owners(const struct sim *sim, uint32_t w,
                           struct count counts[SIM_SHARDS_MAX + 1], size_t *leases_n)
{
    const struct sim_peer *peer = peer_of(sim, w);
    size_t n = 1;

    counts[0] = (struct count){.owner = name_of(sim, w)};
    *leases_n = 0;
    for (uint32_t i = 0; i < sim->stream.shards_n; i++) {
        const struct sim_peer_lease *lease = &peer->leases[i];
        size_t at = 0;

        *leases_n += lease->seen ? 1 : 0;
        if (!lease->seen || is_available(sim, lease)) {
            continue;
        }
        while (at < n && strcmp(counts[at].owner, lease->view.owner) != 0) {
            at++;
        }
        if (at == n) {
            counts[n++] = (struct count){.owner = lease->view.owner};
        }
        counts[at].n++;
    }
    return n;
}

static void wish(struct sim_peer_round *round, uint32_t shard, bool steal)
{
    round->wishes[round->n].shard = shard;
    round->wishes[round->n].steal = steal;
    round->wishes[round->n++].taken = false;
}

/* Keep n of the wishes, drawn by lot. */
static void draw_wishes(struct sim *sim, struct sim_peer_round *round, size_t n)
{
    for (size_t i = 0; i < n && i < round->n; i++) {
        size_t j = i + (size_t)kh_rand_below(&sim->rand, round->n - i);
        uint32_t shard = round->wishes[i].shard;

        round->wishes[i].shard = round->wishes[j].shard;
        round->wishes[j].shard = shard;
    }
    round->n = n < round->n ? n : round->n;
}

/* E: what nobody was seen to own for three times the failover time is taken whatever the share is,
 * and a lease that was never owned counts as such. */
static bool wish_very_old(struct sim *sim, uint32_t w)
{
    struct sim_peer *peer = peer_of(sim, w);

    for (uint32_t i = 0; i < sim->stream.shards_n; i++) {
        const struct sim_peer_lease *lease = &peer->leases[i];

        if (lease->seen && lease->viewed_at_ms < sim->now_ms - VERY_OLD_MS) {
            wish(&peer->round, i, false);
        }
    }
    draw_wishes(sim, &peer->round, peer->round.n);
    return peer->round.n > 0;
}

/* G */
static void wish_to_steal(struct sim *sim, uint32_t w, const struct count *victim, size_t n)
{
    struct sim_peer *peer = peer_of(sim, w);

    for (uint32_t i = 0; i < sim->stream.shards_n; i++) {
        if (peer->leases[i].seen && strcmp(peer->leases[i].view.owner, victim->owner) == 0) {
            wish(&peer->round, i, true);
        }
    }
    draw_wishes(sim, &peer->round, n);
}

/* D, F, G */
static void wish_for_share(struct sim *sim, uint32_t w)
{
    struct sim_peer *peer = peer_of(sim, w);
    struct count counts[SIM_SHARDS_MAX + 1];
    size_t leases_n;
    size_t owners_n = count_owners(sim, w, counts, &leases_n);
    size_t target = owners_n >= leases_n ? 1 : (leases_n + owners_n - 1) / owners_n;
    size_t needed = target > counts[0].n ? target - counts[0].n : 0;
    const struct count *victim = NULL;
    size_t n;

    for (uint32_t i = 0; i < sim->stream.shards_n && needed > 0; i++) {
        if (peer->leases[i].seen && is_available(sim, &peer->leases[i])) {
            wish(&peer->round, i, false);
        }
    }
    if (needed == 0 || leases_n == 0 || peer->round.n > 0) {
        draw_wishes(sim, &peer->round, needed);
        return;
    }
    for (size_t i = 1; i < owners_n; i++) {
        victim = victim == NULL || counts[i].n > victim->n ? &counts[i] : victim;
    }
    if (victim == NULL || victim->n < target) {
        return;
    }
    n = victim->n - target < needed ? victim->n - target : needed;
    n = n == 0 && needed > 1 ? 1 : n;
    wish_to_steal(sim, w, victim, n < STEAL_MAX ? n : STEAL_MAX);
}

static void send_take(struct sim *sim, uint32_t w, uint32_t shard, bool steal)
{
    const struct sim_peer_lease *lease = &peer_of(sim, w)->leases[shard];
    struct kh_lease_op op = {.verb = KH_LEASE_UPDATE,
                             .expect_is = KH_LEASE_COUNTER,
                             .expect_counter = lease->view.counter,
                             .set = KH_LEASE_COUNTER | KH_LEASE_OWNER};
    bool switched = lease->view.owner[0] != '\0' && strcmp(lease->view.owner, name_of(sim, w)) != 0;

    op.lease.counter = lease->view.counter + 1;
    op.add_one = switched ? KH_LEASE_SWITCHES : 0;
    op.remove = peer_of(sim, w)->is_v3 ? KH_LEASE_CHECKPOINT_OWNER : 0;
    memcpy(op.lease.owner, name_of(sim, w), sizeof op.lease.owner);
    memcpy(op.key, sim->stream.shards[shard].id, sizeof op.key);
    sim->workers[w].steals = steal ? SIM_STEAL_FOR_ITSELF : SIM_STEAL_NONE;
    sim_peer_submit(sim, w, &op, shard, SIM_PEER_FOR_TAKE);
    sim->workers[w].steals = SIM_STEAL_NONE;
}

/* Only a whole round hands what it has taken to the renewer. */
static void hand_over_taken(struct sim *sim, uint32_t w)
{
    struct sim_peer *peer = peer_of(sim, w);

    for (size_t i = 0; i < peer->round.n && !peer->stopping; i++) {
        const struct sim_peer_lease *lease = &peer->leases[peer->round.wishes[i].shard];

        if (peer->round.wishes[i].taken) {
            sim_peer_hold(sim, w, peer->round.wishes[i].shard, &lease->view, lease->viewed_at_ms);
        }
    }
}

/* H, then I: one request after the other. */
static void go_on(struct sim *sim, uint32_t w)
{
    struct sim_peer_round *round = &peer_of(sim, w)->round;

    while (round->rereads && round->at < round->n && !round->wishes[round->at].steal) {
        round->at++;
    }
    if (round->rereads && round->at == round->n) {
        round->rereads = false;
        round->at = 0;
    }
    if (round->rereads) {
        struct kh_lease_op get = {.verb = KH_LEASE_GET};
        uint32_t shard = round->wishes[round->at].shard;

        memcpy(get.key, sim->stream.shards[shard].id, sizeof get.key);
        sim_peer_submit(sim, w, &get, shard, SIM_PEER_FOR_REREAD);
    } else if (round->at < round->n) {
        round->tries_n++;
        send_take(sim, w, round->wishes[round->at].shard, round->wishes[round->at].steal);
    } else {
        hand_over_taken(sim, w);
        end_round(sim, w);
    }
}

/* Somebody has to make the first leases. */
static void make_table(struct sim *sim, uint32_t w)
{
    for (uint32_t i = 0; i < sim->stream.shards_n; i++) {
        struct kh_shard shard = sim_stream_shard(sim, i);
        struct kh_lease_op op = {.verb = KH_LEASE_CREATE};

        if (shard.parents_n == 0) {
            memcpy(op.key, shard.id, sizeof op.key);
            kh_lease_for_shard(&op.lease, &shard, KH_SEQ_TRIM_HORIZON);
            sim_peer_submit(sim, w, &op, i, SIM_PEER_FOR_NOTHING);
        }
    }
}

void sim_peer_looked(struct sim *sim, uint32_t w, const struct kh_lease_answer *answer)
{
    struct sim_peer_round *round = &peer_of(sim, w)->round;

    /* An item that is no lease throws in every scan of 2.x. */
    if (answer->outcome != KH_LEASE_DONE ||
        (!peer_of(sim, w)->is_v3 && sim_coord_has_foreign_items(sim))) {
        end_round(sim, w);
        return;
    }
    if (answer->leases_n == 0 && sim->table.set_changed_at_ms == 0) {
        make_table(sim, w);
    }
    sim_peer_see_all(sim, w, answer);
    if (!wish_very_old(sim, w)) {
        wish_for_share(sim, w);
    }
    round->rereads = sim->now_ms - round->began_at_ms > SLOW_LOOK_MS;
    go_on(sim, w);
}

void sim_peer_reread(struct sim *sim, uint32_t w, uint32_t shard,
                     const struct kh_lease_answer *answer)
{
    struct sim_peer *peer = peer_of(sim, w);

    if (answer->outcome == KH_LEASE_DONE && answer->found) {
        peer->leases[shard].view = answer->lease;
    }
    peer->round.at++;
    go_on(sim, w);
}

void sim_peer_took(struct sim *sim, uint32_t w, uint32_t shard,
                   const struct kh_lease_answer *answer)
{
    struct sim_peer *peer = peer_of(sim, w);
    struct sim_peer_round *round = &peer->round;
    bool throttled = answer->outcome == KH_LEASE_FAILED && answer->rc == KH_THROTTLED;

    if (throttled && round->tries_n < TAKE_TRIES_MAX) {
        go_on(sim, w);
        return;
    }
    if (!throttled && answer->outcome != KH_LEASE_DONE && answer->outcome != KH_LEASE_CONFLICT) {
        end_round(sim, w); /* what it has taken so far is renewed by nobody */
        return;
    }
    if (answer->outcome == KH_LEASE_DONE) {
        peer->leases[shard].view = answer->lease;
        peer->leases[shard].viewed_at_ms = sim->now_ms;
        round->wishes[round->at].taken = true;
    }
    round->at++;
    round->tries_n = 0;
    go_on(sim, w);
}
