#include "peer.h"

#include <string.h>

#include "base/mem.h"
#include "sim.h"

#define FAILOVER_MS KH_SECONDS(10)
#define TAKE_MS     20050
#define RENEW_MS    3308
#define PROCESS_MS  1000

static struct sim_peer *peer_of(const struct sim *sim, uint32_t w)
{
    return sim->workers[w].peer;
}

static void set_timer(struct sim *sim, uint32_t w, enum sim_peer_timer timer, kh_ms delay_ms)
{
    sim_push(sim, delay_ms,
             (struct sim_ev){
                 .type = SIM_EV_PEER, .worker = w, .life = sim->workers[w].life, .a = timer});
}

void sim_peer_start(struct sim *sim, uint32_t w)
{
    sim->workers[w].peer = kh_mem_new(1, sizeof(struct sim_peer));
    set_timer(sim, w, SIM_PEER_TAKE, 0);
    set_timer(sim, w, SIM_PEER_RENEW, 1);
    set_timer(sim, w, SIM_PEER_PROCESS, 2);
}

bool sim_peer_acts_as_owner(const struct sim *sim, uint32_t w, uint32_t shard)
{
    const struct sim_peer_lease *lease = &peer_of(sim, w)->leases[shard];

    return lease->held && sim->now_ms < lease->expires_at_ms;
}

static void submit(struct sim *sim, uint32_t w, struct kh_lease_op *op)
{
    op->id = ++peer_of(sim, w)->op_id;
    sim_table_submit(sim, w, op);
}

/* A write that expects the counter as last known, and adds one. */
static void write_lease(struct sim *sim, uint32_t w, uint32_t shard, const struct kh_lease_op *what)
{
    struct sim_peer_lease *lease = &peer_of(sim, w)->leases[shard];
    struct kh_lease_op op = *what;

    op.verb = KH_LEASE_UPDATE;
    memcpy(op.key, sim->stream.shards[shard].id, sizeof op.key);
    op.expect_is = KH_LEASE_COUNTER;
    op.expect_counter = lease->copy.counter;
    op.set |= KH_LEASE_COUNTER;
    op.lease.counter = lease->copy.counter + 1;
    lease->busy = true;
    lease->sent_at_ms = sim->now_ms;
    submit(sim, w, &op);
}

static void renew_all(struct sim *sim, uint32_t w)
{
    for (uint32_t i = 0; i < sim->stream.shards_n; i++) {
        struct sim_peer_lease *lease = &peer_of(sim, w)->leases[i];

        if (lease->held && sim->now_ms >= lease->expires_at_ms) {
            lease->held = false;
        }
        if (lease->held && !lease->busy) {
            write_lease(sim, w, i, &(struct kh_lease_op){0});
        }
    }
}

static bool may_begin(const struct sim *sim, uint32_t shard)
{
    const struct sim_shard *s = &sim->stream.shards[shard];

    for (unsigned i = 0; i < s->parents_n; i++) {
        const struct sim_row *parent = &sim->table.rows[s->parents[i]];

        if (parent->exists && !kh_lease_is_finished(&parent->lease)) {
            return false;
        }
    }
    return true;
}

/* Creates the children's leases; true once they are all there. */
static bool children_stand(struct sim *sim, uint32_t w, uint32_t shard)
{
    const struct sim_shard *s = &sim->stream.shards[shard];
    bool all = true;

    for (unsigned i = 0; i < s->children_n; i++) {
        struct kh_shard child = sim_stream_shard(sim, s->children[i]);
        struct kh_lease_op op = {.verb = KH_LEASE_CREATE};

        if (!sim->table.rows[s->children[i]].exists) {
            all = false;
            memcpy(op.key, child.id, sizeof op.key);
            kh_lease_for_shard(&op.lease, &child, KH_SEQ_TRIM_HORIZON);
            submit(sim, w, &op);
        }
    }
    return all;
}

static void checkpoint(struct sim *sim, uint32_t w, uint32_t shard, const struct kh_extseq *pos)
{
    struct kh_lease_op op = {.set = KH_LEASE_CHECKPOINT | KH_LEASE_SWITCHES};

    op.lease.checkpoint = *pos;
    write_lease(sim, w, shard, &op);
}

static void process(struct sim *sim, uint32_t w, uint32_t shard)
{
    struct sim_shard *s = &sim->stream.shards[shard];
    struct sim_peer_lease *lease = &peer_of(sim, w)->leases[shard];
    struct kh_extseq end = kh_extseq_sentinel(KH_SEQ_SHARD_END);
    struct kh_extseq last;

    if (!lease->held || lease->busy || sim->now_ms >= lease->expires_at_ms ||
        kh_lease_is_finished(&lease->copy) || !may_begin(sim, shard)) {
        return;
    }
    if (lease->next < s->records_n) {
        sim_check_records(sim, shard, lease->next, s->records_n);
        sim_count_acked(sim, shard, s->records_n);
        lease->next = s->records_n;
        last = sim_stream_seq(s, s->records_n - 1);
        checkpoint(sim, w, shard, &last);
    } else if (s->closed_at_ms != KH_NEVER && children_stand(sim, w, shard)) {
        checkpoint(sim, w, shard, &end);
    }
}

void sim_peer_timer(struct sim *sim, uint32_t w, enum sim_peer_timer timer)
{
    struct kh_lease_op list = {.verb = KH_LEASE_LIST};

    switch (timer) {
    case SIM_PEER_TAKE:
        submit(sim, w, &list);
        set_timer(sim, w, timer, TAKE_MS);
        break;
    case SIM_PEER_RENEW:
        renew_all(sim, w);
        set_timer(sim, w, timer, RENEW_MS);
        break;
    case SIM_PEER_PROCESS:
        for (uint32_t i = 0; i < sim->stream.shards_n; i++) {
            process(sim, w, i);
        }
        set_timer(sim, w, timer, PROCESS_MS);
        break;
    }
}

static void look_at(struct sim *sim, uint32_t w, const struct kh_lease *row)
{
    struct sim_peer_lease *lease = &peer_of(sim, w)->leases[sim_stream_find(sim, kh_str(row->key))];

    if (lease->held) {
        return;
    }
    if (!lease->seen) {
        lease->changed_at_ms = row->owner[0] == '\0' ? -3 * FAILOVER_MS - 1 : sim->now_ms;
    } else if (lease->copy.counter != row->counter) {
        lease->changed_at_ms = sim->now_ms;
    }
    lease->seen = true;
    lease->copy = *row;
}

struct count {
    const char *owner;
    size_t n;
};

/* Leases per living owner, ourselves first; returns how many owners there are. */
static size_t count_owners(const struct sim *sim, uint32_t w,
                           struct count counts[SIM_SHARDS_MAX + 1], size_t *leases_n)
{
    const struct sim_peer *peer = peer_of(sim, w);
    size_t n = 1;

    counts[0] = (struct count){.owner = sim->workers[w].config.worker_id};
    *leases_n = 0;
    for (uint32_t i = 0; i < sim->stream.shards_n; i++) {
        const struct sim_peer_lease *lease = &peer->leases[i];
        size_t at = 0;

        *leases_n += lease->seen ? 1 : 0;
        if (!lease->seen || lease->copy.owner[0] == '\0' ||
            sim->now_ms - lease->changed_at_ms > FAILOVER_MS) {
            continue;
        }
        while (at < n && strcmp(counts[at].owner, lease->copy.owner) != 0) {
            at++;
        }
        if (at == n) {
            counts[n++] = (struct count){.owner = lease->copy.owner};
        }
        counts[at].n++;
    }
    return n;
}

static void take(struct sim *sim, uint32_t w, uint32_t shard)
{
    struct kh_lease_op op = {.set = KH_LEASE_OWNER, .remove = KH_LEASE_CHECKPOINT_OWNER};

    memcpy(op.lease.owner, sim->workers[w].config.worker_id, sizeof op.lease.owner);
    write_lease(sim, w, shard, &op);
}

/* Rules C to G of the taker, in table order instead of shuffled. */
static void take_share(struct sim *sim, uint32_t w)
{
    struct count counts[SIM_SHARDS_MAX + 1];
    size_t leases_n;
    size_t owners_n = count_owners(sim, w, counts, &leases_n);
    size_t target = owners_n >= leases_n ? 1 : (leases_n + owners_n - 1) / owners_n;
    size_t needed = target > counts[0].n ? target - counts[0].n : 0;
    const struct count *victim = &counts[0];
    bool found = false;

    for (uint32_t i = 0; i < sim->stream.shards_n; i++) {
        struct sim_peer_lease *lease = &peer_of(sim, w)->leases[i];
        bool available =
            lease->seen && !lease->held && !lease->busy &&
            (lease->copy.owner[0] == '\0' || sim->now_ms - lease->changed_at_ms > FAILOVER_MS);

        found = found || available;
        if (available && needed > 0) {
            take(sim, w, i);
            needed--;
        }
    }
    for (size_t i = 1; i < owners_n; i++) {
        victim = counts[i].n > victim->n ? &counts[i] : victim;
    }
    if (found || needed == 0 || victim->n < target || (victim->n == target && needed < 2)) {
        return;
    }
    for (uint32_t i = 0; i < sim->stream.shards_n; i++) {
        struct sim_peer_lease *lease = &peer_of(sim, w)->leases[i];

        if (lease->seen && !lease->held && !lease->busy &&
            strcmp(lease->copy.owner, victim->owner) == 0) {
            sim->workers[w].stealing = true;
            take(sim, w, i);
            sim->workers[w].stealing = false;
            return;
        }
    }
}

static void forget_deleted(struct sim *sim, uint32_t w, const struct kh_lease_answer *answer)
{
    bool there[SIM_SHARDS_MAX] = {false};

    for (size_t i = 0; i < answer->leases_n; i++) {
        there[sim_stream_find(sim, kh_str(answer->leases[i].key))] = true;
    }
    for (uint32_t i = 0; i < SIM_SHARDS_MAX; i++) {
        struct sim_peer_lease *lease = &peer_of(sim, w)->leases[i];

        lease->seen = lease->seen && (there[i] || lease->held);
    }
}

static void listed(struct sim *sim, uint32_t w, const struct kh_lease_answer *answer)
{
    if (answer->outcome == KH_LEASE_DONE) {
        forget_deleted(sim, w, answer);
        for (size_t i = 0; i < answer->leases_n; i++) {
            look_at(sim, w, &answer->leases[i]);
        }
        take_share(sim, w);
    }
}

static void written(struct sim *sim, uint32_t w, uint32_t shard, const struct kh_lease_op *op,
                    const struct kh_lease_answer *answer)
{
    struct sim_peer_lease *lease = &peer_of(sim, w)->leases[shard];
    const char *me = sim->workers[w].config.worker_id;
    bool renewal = (op->set & (KH_LEASE_OWNER | KH_LEASE_CHECKPOINT)) == 0;

    lease->busy = false;
    if (answer->outcome == KH_LEASE_DONE) {
        bool begins = !lease->held;
        size_t next = sim_stream_after(&sim->stream.shards[shard], &answer->lease.checkpoint);

        if (begins && (op->set & KH_LEASE_OWNER) == 0) {
            return; /* given up meanwhile */
        }
        lease->held = true;
        lease->copy = answer->lease;
        lease->changed_at_ms = sim->now_ms;
        lease->expires_at_ms = lease->sent_at_ms + FAILOVER_MS;
        lease->next = begins ? next : lease->next;
    } else if (answer->outcome == KH_LEASE_CONFLICT) {
        bool own = renewal && answer->found && strcmp(answer->lease.owner, me) == 0 &&
                   answer->lease.counter == lease->copy.counter + 1;

        lease->held = lease->held && own;
        lease->seen = answer->found;
        lease->changed_at_ms = sim->now_ms;
        lease->copy = answer->lease;
    }
}

void sim_peer_answer(struct sim *sim, uint32_t w, const struct sim_request *request)
{
    const struct kh_lease_op *op = &request->op;

    if (op->verb == KH_LEASE_LIST) {
        listed(sim, w, &request->answer);
    } else if (op->verb == KH_LEASE_UPDATE) {
        written(sim, w, sim_stream_find(sim, kh_str(op->key)), op, &request->answer);
    }
}
