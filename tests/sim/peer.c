#include "peer.h"

#include <string.h>

#include "base/mem.h"
#include "sim.h"

#define RENEW_MS       3308
#define DISPATCH_MS    1000
#define PARENT_POLL_MS KH_SECONDS(10)
#define CLEAN_TICK_MS  KH_MINUTES(1)
#define CLEAN_MS       KH_MINUTES(5)
#define BATCH_RECORDS  50
#define PURPOSES       32
#define SHARDS         256
_Static_assert(SIM_SHARDS_MAX <= SHARDS, "a shard has to fit into a request's number");

static struct sim_peer *peer_of(const struct sim *sim, uint32_t w)
{
    return sim->workers[w].peer;
}

void sim_peer_set_timer(struct sim *sim, uint32_t w, enum sim_peer_timer timer, kh_ms delay_ms)
{
    sim_push(sim, delay_ms,
             (struct sim_ev){
                 .type = SIM_EV_PEER, .worker = w, .life = sim->workers[w].life, .a = timer});
}

/* What an answer is about is told by the request's number. */
uint64_t sim_peer_number(struct sim *sim, uint32_t w, uint32_t shard, enum sim_peer_purpose purpose)
{
    return (++peer_of(sim, w)->op_n * SHARDS + shard) * PURPOSES + (uint64_t)purpose;
}

enum sim_peer_purpose sim_peer_purpose_of(uint64_t id)
{
    return (enum sim_peer_purpose)(id % PURPOSES);
}

void sim_peer_submit(struct sim *sim, uint32_t w, struct kh_lease_op *op, uint32_t shard,
                     enum sim_peer_purpose purpose)
{
    op->id = sim_peer_number(sim, w, shard, purpose);
    sim_table_submit(sim, w, op);
}

void sim_peer_start(struct sim *sim, uint32_t w, bool is_v3)
{
    struct sim_peer *peer = kh_mem_new(1, sizeof *peer);

    sim->workers[w].peer = peer;
    peer->is_v3 = is_v3;
    if (is_v3) {
        sim_peer3_start(sim, w);
    }
    peer->cleaned_at_ms = sim->now_ms;
    sim_peer_set_timer(sim, w, SIM_PEER_TAKE, 0);
    sim_peer_set_timer(sim, w, SIM_PEER_RENEW, 1);
    sim_peer_set_timer(sim, w, SIM_PEER_DISPATCH, 2);
    sim_peer_set_timer(sim, w, SIM_PEER_CLEAN, CLEAN_TICK_MS);
}

bool sim_peer_is_expired(const struct sim *sim, const struct sim_peer_lease *lease)
{
    return sim->now_ms - lease->changed_at_ms > SIM_PEER_FAILOVER_MS;
}

static bool is_ours(const struct sim *sim, const struct sim_peer_lease *lease)
{
    return lease->held && !sim_peer_is_expired(sim, lease);
}

bool sim_peer_acts_as_owner(const struct sim *sim, uint32_t w, uint32_t shard)
{
    const struct sim_peer_lease *lease = &peer_of(sim, w)->leases[shard];

    return is_ours(sim, lease) && !lease->passed_on;
}

void sim_peer_hold(struct sim *sim, uint32_t w, uint32_t shard, const struct kh_lease *lease,
                   kh_ms changed_at_ms)
{
    struct sim_peer_lease *own = &peer_of(sim, w)->leases[shard];

    own->working = own->working && !own->checkpoint_waits;
    own->held = true;
    own->token = ++peer_of(sim, w)->token;
    own->copy = *lease;
    own->changed_at_ms = changed_at_ms;
    own->busy = false;
    own->handing = false;
    own->passed_on = false;
    own->asked_child = false;
    own->renewal_waits = false;
    own->checkpoint_waits = false;
    sim_note(sim, "%c holds %s", sim_letter(w), lease->key);
}

/* ---- writes on a held lease ---- */

static void send_write(struct sim *sim, uint32_t w, uint32_t shard, struct kh_lease_op *op,
                       enum sim_peer_purpose purpose)
{
    struct sim_peer_lease *lease = &peer_of(sim, w)->leases[shard];

    op->verb = KH_LEASE_UPDATE;
    memcpy(op->key, sim->stream.shards[shard].id, sizeof op->key);
    op->expect_is |= KH_LEASE_COUNTER;
    op->expect_counter = lease->copy.counter;
    op->set |= KH_LEASE_COUNTER;
    op->lease.counter = lease->copy.counter + 1;
    lease->busy = true;
    sim_peer_submit(sim, w, op, shard, purpose);
    lease->op = op->id;
}

static void drop(struct sim *sim, uint32_t w, uint32_t shard)
{
    peer_of(sim, w)->leases[shard].held = false;
    sim_note(sim, "%c drops %s", sim_letter(w), sim->stream.shards[shard].id);
}

/* The lock is free: whoever waits for it goes on. */
static void next_write(struct sim *sim, uint32_t w, uint32_t shard)
{
    struct sim_peer_lease *lease = &peer_of(sim, w)->leases[shard];
    struct kh_lease_op op = {0};

    if (lease->busy) {
        return;
    }
    if (lease->checkpoint_waits && is_ours(sim, lease)) {
        lease->checkpoint_waits = false;
        op.set = KH_LEASE_CHECKPOINT | KH_LEASE_SWITCHES;
        op.remove = KH_LEASE_PENDING;
        op.lease.checkpoint = lease->wanted;
        send_write(sim, w, shard, &op, SIM_PEER_FOR_CHECKPOINT);
    } else if (lease->checkpoint_waits) {
        lease->checkpoint_waits = false; /* ShutdownException */
        lease->working = false;
    } else if (lease->renewal_waits && lease->held) {
        lease->renewal_waits = false;
        op.expect_absent = peer_of(sim, w)->is_v3 && lease->copy.checkpoint_owner[0] == '\0'
                               ? KH_LEASE_CHECKPOINT_OWNER
                               : 0;
        send_write(sim, w, shard, &op, SIM_PEER_FOR_RENEWAL);
    }
}

static void renew_all(struct sim *sim, uint32_t w)
{
    for (uint32_t i = sim->stream.shards_n; i-- > 0;) {
        struct sim_peer_lease *lease = &peer_of(sim, w)->leases[i];

        if (lease->held && !is_ours(sim, lease)) {
            drop(sim, w, i);
        }
        lease->renewal_waits = lease->held;
        next_write(sim, w, i);
    }
}

static void written(struct sim *sim, struct sim_peer_lease *lease)
{
    lease->copy.counter++;
    lease->changed_at_ms = sim->now_ms;
}

/* leases.md 2.2, 1: the leader wants somebody else to have it, and us to finish. */
static void follow_hand_off(struct sim *sim, uint32_t w, uint32_t shard, const struct kh_lease *row)
{
    struct sim_peer_lease *lease = &peer_of(sim, w)->leases[shard];

    if (strcmp(lease->copy.owner, row->checkpoint_owner) != 0 ||
        strcmp(row->checkpoint_owner, row->owner) == 0) {
        drop(sim, w, shard);
        return;
    }
    memcpy(lease->copy.owner, row->owner, sizeof lease->copy.owner);
    memcpy(lease->copy.checkpoint_owner, row->checkpoint_owner,
           sizeof lease->copy.checkpoint_owner);
    lease->renewal_waits = true;
    next_write(sim, w, shard);
}

static void on_renewal(struct sim *sim, uint32_t w, uint32_t shard,
                       const struct kh_lease_answer *answer)
{
    struct sim_peer_lease *lease = &peer_of(sim, w)->leases[shard];
    struct kh_lease_op get = {.verb = KH_LEASE_GET};

    if (answer->id != lease->op) {
        return;
    }
    if (answer->outcome == KH_LEASE_CONFLICT && peer_of(sim, w)->is_v3 && answer->found &&
        lease->copy.checkpoint_owner[0] == '\0' && answer->lease.checkpoint_owner[0] != '\0') {
        lease->busy = false;
        follow_hand_off(sim, w, shard, &answer->lease);
        return;
    }
    if (answer->outcome == KH_LEASE_CONFLICT) {
        memcpy(get.key, sim->stream.shards[shard].id, sizeof get.key);
        sim_peer_submit(sim, w, &get, shard, SIM_PEER_FOR_RECOVERY);
        lease->op = get.id;
        return;
    }
    lease->busy = false;
    if (answer->outcome == KH_LEASE_DONE) {
        written(sim, lease);
        if (peer_of(sim, w)->is_v3 && lease->copy.checkpoint_owner[0] != '\0') {
            sim_peer3_asked(sim, lease);
        }
    }
    next_write(sim, w, shard);
}

/* Our own earlier write? */
static void on_recovery(struct sim *sim, uint32_t w, uint32_t shard,
                        const struct kh_lease_answer *answer)
{
    struct sim_peer_lease *lease = &peer_of(sim, w)->leases[shard];

    if (answer->id != lease->op) {
        return;
    }
    lease->busy = false;
    if (answer->outcome == KH_LEASE_DONE) {
        if (answer->found &&
            strcmp(answer->lease.owner, kh_lease_actual_owner(&lease->copy)) == 0 &&
            answer->lease.counter == lease->copy.counter + 1) {
            written(sim, lease);
        } else {
            drop(sim, w, shard);
        }
    }
    next_write(sim, w, shard);
}

static void on_checkpoint(struct sim *sim, uint32_t w, uint32_t shard,
                          const struct kh_lease_answer *answer)
{
    struct sim_peer_lease *lease = &peer_of(sim, w)->leases[shard];

    lease->working = false;
    if (answer->id != lease->op) {
        return;
    }
    lease->busy = false;
    if (answer->outcome == KH_LEASE_DONE) {
        written(sim, lease);
        lease->copy.checkpoint = answer->lease.checkpoint;
        if (kh_lease_is_finished(&answer->lease) && lease->state == SIM_PEER_ENDING) {
            lease->state = SIM_PEER_COMPLETE;
        }
    } else if (answer->outcome == KH_LEASE_CONFLICT) {
        drop(sim, w, shard);
    }
    next_write(sim, w, shard);
}

/* ---- the record processor ---- */

static void checkpoint(struct sim *sim, uint32_t w, uint32_t shard, const struct kh_extseq *value)
{
    struct sim_peer_lease *lease = &peer_of(sim, w)->leases[shard];

    lease->working = true;
    lease->checkpoint_waits = true;
    lease->wanted = *value;
    next_write(sim, w, shard);
}

static void checkpoint_all(struct sim *sim, uint32_t w, uint32_t shard)
{
    struct sim_peer_lease *lease = &peer_of(sim, w)->leases[shard];
    struct kh_extseq last = sim_stream_seq(&sim->stream.shards[shard], lease->next - 1);

    if (kh_extseq_cmp(&lease->copy.checkpoint, &last) < 0) {
        checkpoint(sim, w, shard, &last);
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

static void wait_for_parents(struct sim *sim, struct sim_peer_lease *lease, uint32_t shard)
{
    if (sim->now_ms < lease->again_at_ms) {
        return;
    }
    if (may_begin(sim, shard)) {
        lease->state = SIM_PEER_INITIALIZING;
    } else {
        lease->again_at_ms = sim->now_ms + PARENT_POLL_MS;
    }
}

static void initialize(struct sim *sim, struct sim_peer_lease *lease, uint32_t shard)
{
    const struct sim_row *row = &sim->table.rows[shard];
    const struct sim_shard *s = &sim->stream.shards[shard];

    if (!row->exists) {
        return; /* it throws, and is tried again */
    }
    lease->copy.checkpoint = row->lease.checkpoint;
    if (kh_lease_is_finished(&row->lease)) {
        lease->state = SIM_PEER_COMPLETE;
        return;
    }
    lease->next = sim_stream_after(s, &row->lease.checkpoint);
    if (lease->next == SIZE_MAX) { /* LATEST, AT_TIMESTAMP */
        lease->next = s->records_n;
        sim_excuse(sim, shard, s->records_n);
    }
    lease->next = lease->next < s->trimmed_n ? s->trimmed_n : lease->next;
    lease->first = lease->next;
    lease->state = SIM_PEER_PROCESSING;
}

static void process(struct sim *sim, uint32_t w, uint32_t shard)
{
    struct sim_shard *s = &sim->stream.shards[shard];
    struct sim_peer_lease *lease = &peer_of(sim, w)->leases[shard];
    size_t next;

    lease->next = lease->next < s->trimmed_n ? s->trimmed_n : lease->next;
    if (lease->next == s->records_n) {
        if (s->closed_at_ms != KH_NEVER) {
            lease->state = SIM_PEER_ENDING;
            lease->children_known = false;
        }
        return;
    }
    next = lease->next + (size_t)kh_rand_between(&sim->rand, 1, BATCH_RECORDS);
    lease->first = lease->next;
    lease->next = next < s->records_n ? next : s->records_n;
    lease->working = true;
    sim_note(sim, "%c processes %s from %zu to %zu", sim_letter(w), s->id, lease->first,
             lease->next);
    sim_check_peer(sim, w, shard);
    sim_check_records(sim, shard, lease->first, lease->next);
    sim_push(sim,
             sim_chance(sim, sim->faults.child_slow) ? sim_draw(sim, 1000, 8000)
                                                     : sim_draw(sim, 1, 60),
             (struct sim_ev){.type = SIM_EV_PEER,
                             .worker = w,
                             .life = sim->workers[w].life,
                             .shard = shard,
                             .a = SIM_PEER_WORKED});
}

static void worked(struct sim *sim, uint32_t w, uint32_t shard)
{
    struct sim_peer_lease *lease = &peer_of(sim, w)->leases[shard];

    if (lease->state != SIM_PEER_PROCESSING || !lease->working || lease->checkpoint_waits) {
        return;
    }
    lease->working = false;
    sim_count_acked(sim, shard, lease->next);
    if (sim_chance(sim, 500) && lease->consumer_token == lease->token) {
        checkpoint_all(sim, w, shard);
    }
}

/* ---- the end of a shard ---- */

/* Of a merge: both parents need a lease. One of them alone is an error that Java mostly retries and
 * sometimes takes for final. */
static bool has_both_parents(struct sim *sim, struct sim_peer_lease *lease, uint32_t shard)
{
    const struct sim_shard *s = &sim->stream.shards[shard];
    const struct sim_shard *child = &sim->stream.shards[s->children[0]];
    unsigned n = 0;

    if (s->children_n != 1) {
        return true;
    }
    for (unsigned i = 0; i < child->parents_n; i++) {
        n += sim->table.rows[child->parents[i]].exists ? 1 : 0;
    }
    if (n == 1 && sim_chance(sim, 33)) {
        lease->held = false;
    }
    return n == 2;
}

/* Creates the children's leases one by one; true once they are all there. */
static bool children_stand(struct sim *sim, uint32_t w, uint32_t shard)
{
    const struct sim_shard *s = &sim->stream.shards[shard];

    for (unsigned i = 0; i < s->children_n; i++) {
        struct kh_shard child = sim_stream_shard(sim, s->children[i]);
        struct kh_lease_op op = {.verb = KH_LEASE_CREATE};

        if (!sim->table.rows[s->children[i]].exists) {
            memcpy(op.key, child.id, sizeof op.key);
            kh_lease_for_shard(&op.lease, &child, KH_SEQ_TRIM_HORIZON);
            peer_of(sim, w)->leases[shard].working = true;
            sim_peer_submit(sim, w, &op, shard, SIM_PEER_FOR_CHILD);
            return false;
        }
    }
    return true;
}

static void write_children(struct sim *sim, uint32_t w, uint32_t shard)
{
    const struct sim_shard *s = &sim->stream.shards[shard];
    struct kh_lease_op op = {.verb = KH_LEASE_UPDATE, .set = KH_LEASE_CHILDREN};

    memcpy(op.key, s->id, sizeof op.key);
    op.lease.children_n = s->children_n;
    for (unsigned i = 0; i < s->children_n; i++) {
        memcpy(op.lease.children[i], sim->stream.shards[s->children[i]].id,
               sizeof op.lease.children[i]);
    }
    peer_of(sim, w)->leases[shard].working = true;
    sim_peer_submit(sim, w, &op, shard, SIM_PEER_FOR_META);
}

static void end_shard(struct sim *sim, uint32_t w, uint32_t shard)
{
    struct sim_peer_lease *lease = &peer_of(sim, w)->leases[shard];
    struct kh_extseq end = kh_extseq_sentinel(KH_SEQ_SHARD_END);

    if (lease->working || !has_both_parents(sim, lease, shard) || !is_ours(sim, lease) ||
        (!lease->children_known && !children_stand(sim, w, shard))) {
        return;
    }
    if (!lease->children_known) {
        write_children(sim, w, shard);
    } else if (sim->table.rows[shard].exists &&
               kh_lease_is_finished(&sim->table.rows[shard].lease)) {
        lease->state = SIM_PEER_COMPLETE;
    } else {
        checkpoint(sim, w, shard, &end);
    }
}

static void on_child(struct sim *sim, uint32_t w, uint32_t shard,
                     const struct kh_lease_answer *answer)
{
    peer_of(sim, w)->leases[shard].working = false;
    if (answer->outcome == KH_LEASE_DONE || answer->outcome == KH_LEASE_CONFLICT) {
        end_shard(sim, w, shard);
    }
}

static void on_meta(struct sim *sim, uint32_t w, uint32_t shard,
                    const struct kh_lease_answer *answer)
{
    struct sim_peer_lease *lease = &peer_of(sim, w)->leases[shard];

    lease->working = false;
    if (answer->outcome == KH_LEASE_DONE && lease->state == SIM_PEER_ENDING) {
        lease->children_known = true;
        end_shard(sim, w, shard);
    }
}

static bool may_be_deleted(const struct sim *sim, uint32_t shard)
{
    const struct sim_shard *s = &sim->stream.shards[shard];

    for (unsigned i = 0; i < s->children_n; i++) {
        const struct sim_row *child = &sim->table.rows[s->children[i]];

        if (!child->exists || kh_extseq_is(&child->lease.checkpoint, KH_SEQ_TRIM_HORIZON) ||
            kh_extseq_is(&child->lease.checkpoint, KH_SEQ_AT_TIMESTAMP)) {
            return false;
        }
    }
    for (unsigned i = 0; i < s->parents_n; i++) {
        if (sim->table.rows[s->parents[i]].exists) {
            return false;
        }
    }
    return true;
}

static void clean(struct sim *sim, uint32_t w)
{
    struct sim_peer *peer = peer_of(sim, w);
    bool deleted = false;

    if (sim->now_ms - peer->cleaned_at_ms < CLEAN_MS) {
        return;
    }
    for (uint32_t i = 0; i < sim->stream.shards_n; i++) {
        struct kh_lease_op op = {.verb = KH_LEASE_DELETE};

        if (peer->leases[i].state == SIM_PEER_COMPLETE && is_ours(sim, &peer->leases[i]) &&
            sim->table.rows[i].exists && may_be_deleted(sim, i)) {
            memcpy(op.key, sim->stream.shards[i].id, sizeof op.key);
            sim_peer_submit(sim, w, &op, i, SIM_PEER_FOR_NOTHING);
            deleted = true;
        }
    }
    peer->cleaned_at_ms = deleted ? sim->now_ms : peer->cleaned_at_ms;
}

static void on_given(struct sim *sim, uint32_t w, uint32_t shard,
                     const struct kh_lease_answer *answer)
{
    struct sim_peer_lease *lease = &peer_of(sim, w)->leases[shard];

    lease->working = false;
    if (lease->handing &&
        (answer->outcome == KH_LEASE_DONE || answer->outcome == KH_LEASE_CONFLICT)) {
        drop(sim, w, shard);
    }
}

/* ---- dispatch ---- */

/* The processor is told, may checkpoint, and then the lease is passed on; a consumer that waits for
 * its parents does not come to that. */
static void hand_over(struct sim *sim, uint32_t w, uint32_t shard)
{
    struct sim_peer_lease *lease = &peer_of(sim, w)->leases[shard];

    if (lease->state == SIM_PEER_WAITING && !may_begin(sim, shard)) {
        return;
    }
    if (!lease->asked_child && lease->state == SIM_PEER_PROCESSING && lease->next > lease->first &&
        (sim->calm || sim_chance(sim, 700))) {
        lease->asked_child = true;
        checkpoint_all(sim, w, shard);
        if (lease->working) {
            return;
        }
    }
    if (!lease->busy) {
        sim_peer3_pass_on(sim, w, shard);
    }
}

/* A consumer belongs to one tenure; the next one waits until its task has come back. */
static void match_consumer(const struct sim *sim, struct sim_peer_lease *lease)
{
    bool ours = is_ours(sim, lease);

    if (lease->state != SIM_PEER_NONE && !lease->working &&
        (!ours || lease->consumer_token != lease->token)) {
        lease->state = SIM_PEER_NONE; /* leaseLost */
    }
    if (lease->state == SIM_PEER_NONE && ours && !lease->working) {
        lease->state = SIM_PEER_WAITING;
        lease->consumer_token = lease->token;
        lease->again_at_ms = sim->now_ms;
        lease->children_known = false;
    }
}

/* shutdownRequested, and then the lease is dropped: in memory only. */
static void request_shutdown(struct sim *sim, uint32_t w, uint32_t shard)
{
    struct sim_peer_lease *lease = &peer_of(sim, w)->leases[shard];

    if (lease->state == SIM_PEER_PROCESSING && lease->held && lease->next > lease->first &&
        sim_chance(sim, 700)) {
        checkpoint_all(sim, w, shard);
        lease->first = lease->next;
    }
    lease->held = lease->working;
}

static void advance(struct sim *sim, uint32_t w, uint32_t shard)
{
    struct sim_peer_lease *lease = &peer_of(sim, w)->leases[shard];

    match_consumer(sim, lease);
    if (lease->working || lease->state == SIM_PEER_NONE) {
        return;
    }
    if (peer_of(sim, w)->stopping) {
        request_shutdown(sim, w, shard);
        return;
    }
    if (lease->handing && lease->held && lease->state != SIM_PEER_ENDING) {
        hand_over(sim, w, shard);
        return;
    }
    switch (lease->state) {
    case SIM_PEER_NONE:
    case SIM_PEER_COMPLETE:
        break;
    case SIM_PEER_WAITING:
        wait_for_parents(sim, lease, shard);
        break;
    case SIM_PEER_INITIALIZING:
        initialize(sim, lease, shard);
        break;
    case SIM_PEER_PROCESSING:
        process(sim, w, shard);
        break;
    case SIM_PEER_ENDING:
        end_shard(sim, w, shard);
        break;
    }
}

static void dispatch(struct sim *sim, uint32_t w)
{
    struct sim_peer *peer = peer_of(sim, w);
    bool any = false;

    for (uint32_t i = 0; i < sim->stream.shards_n; i++) {
        advance(sim, w, i);
        any |= peer->leases[i].held || peer->leases[i].working;
    }
    if (peer->stopping && !any) {
        sim_peer_exit(sim, w);
        return;
    }
    sim_peer_set_timer(sim, w, SIM_PEER_DISPATCH, DISPATCH_MS);
}

static void stop(struct sim *sim, uint32_t w)
{
    if (sim_chance(sim, 500)) {
        sim_peer_exit(sim, w); /* shutdownGraceMillis is 0: it waits for nothing */
    } else {
        peer_of(sim, w)->stopping = true;
    }
}

void sim_peer_timer(struct sim *sim, uint32_t w, const struct sim_ev *ev)
{
    switch ((enum sim_peer_timer)ev->a) {
    case SIM_PEER_TAKE:
        sim_peer_look(sim, w);
        break;
    case SIM_PEER_RENEW:
        renew_all(sim, w);
        sim_peer_set_timer(sim, w, SIM_PEER_RENEW, RENEW_MS);
        break;
    case SIM_PEER_DISPATCH:
        dispatch(sim, w);
        break;
    case SIM_PEER_CLEAN:
        clean(sim, w);
        sim_peer_set_timer(sim, w, SIM_PEER_CLEAN, CLEAN_TICK_MS);
        break;
    case SIM_PEER_WORKED:
        worked(sim, w, ev->shard);
        break;
    case SIM_PEER_STOP:
        stop(sim, w);
        break;
    case SIM_PEER_VERSION:
    case SIM_PEER_DISCOVER:
    case SIM_PEER_REPORT:
    case SIM_PEER_ASSIGN:
    case SIM_PEER_BEAT:
    case SIM_PEER_MONITOR:
        sim_peer3_timer(sim, w, (enum sim_peer_timer)ev->a);
        break;
    }
}

void sim_peer_answer(struct sim *sim, uint32_t w, const struct sim_request *request)
{
    const struct kh_lease_answer *answer = &request->answer;
    uint32_t shard = (uint32_t)(request->op.id / PURPOSES % SHARDS);

    if (request->coord != NULL) {
        sim_peer3_answer(sim, w, request->coord);
        return;
    }
    switch (sim_peer_purpose_of(request->op.id)) {
    case SIM_PEER_FOR_LOOK:
        sim_peer_looked(sim, w, answer);
        break;
    case SIM_PEER_FOR_REREAD:
        sim_peer_reread(sim, w, shard, answer);
        break;
    case SIM_PEER_FOR_TAKE:
        sim_peer_took(sim, w, shard, answer);
        break;
    case SIM_PEER_FOR_RENEWAL:
        on_renewal(sim, w, shard, answer);
        break;
    case SIM_PEER_FOR_RECOVERY:
        on_recovery(sim, w, shard, answer);
        break;
    case SIM_PEER_FOR_CHECKPOINT:
        on_checkpoint(sim, w, shard, answer);
        break;
    case SIM_PEER_FOR_CHILD:
        on_child(sim, w, shard, answer);
        break;
    case SIM_PEER_FOR_META:
        on_meta(sim, w, shard, answer);
        break;
    case SIM_PEER_FOR_LOOKED:
        sim_peer3_looked(sim, w, shard, answer);
        break;
    case SIM_PEER_FOR_LEASES:
        sim_peer3_listed(sim, w, answer);
        break;
    case SIM_PEER_FOR_GIVING:
        on_given(sim, w, shard, answer);
        break;
    case SIM_PEER_FOR_NOTHING:
    case SIM_PEER_FOR_KEYS:
    case SIM_PEER_FOR_LOCK:
    case SIM_PEER_FOR_LOCK_READ:
    case SIM_PEER_FOR_STATS:
        break;
    }
}
