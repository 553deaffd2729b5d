#include "check.h"

#include <string.h>

#include "sim.h"

/* What the core says about a shard it holds; false if it does not hold it. */
static bool look_up(const struct sim *sim, uint32_t w, uint32_t shard,
                    struct kh_worker_shard *found)
{
    const struct sim_worker *worker = &sim->workers[w];
    size_t n = kh_worker_shards_n(worker->core);

    for (size_t i = 0; i < n; i++) {
        *found = kh_worker_shard_at(worker->core, i, sim_worker_now(sim, w));
        if (strcmp(found->key, sim->stream.shards[shard].id) == 0) {
            return true;
        }
    }
    return false;
}

bool sim_acts_as_owner(const struct sim *sim, uint32_t w, uint32_t shard)
{
    struct kh_worker_shard found;

    if (sim->workers[w].is_peer) {
        return sim_peer_acts_as_owner(sim, w, shard);
    }
    return look_up(sim, w, shard, &found) && found.acts_as_owner;
}

/* Clocks that run at different rates disagree by so much over a failover time. */
static kh_ms slack_ms(const struct sim *sim)
{
    return sim->config.drift ? 5 : 0;
}

static bool was_just_moved(const struct sim *sim, const struct sim_row *row)
{
    kh_ms window_ms = SIM_PEER_FAILOVER_MS + slack_ms(sim);

    return sim->now_ms - row->stolen_at_ms <= window_ms ||
           sim->now_ms - row->given_at_ms <= window_ms;
}

/* Two at once are forgiven where Java's own rules make them, and only for as long:
 *
 * - A Java thief begins at once. Whoever it robs learns it from its next write, and stops at the
 *   latest when its lease runs out: failover time after its last write, which was before the theft.
 * - The same when a Java leader gives a lease away whose owner is alive: the new owner cannot know.
 * - Java counts expiry from the answer to a write, not from its sending; and an earlier write that
 * it
 *   recognises as its own as if it were new. So it may still act when the counter has stood still
 *   for the failover time. Ours may begin from then on and not before.
 *
 * Two Java workers are no matter of ours. */
static bool is_forgiven(const struct sim *sim, uint32_t a, uint32_t b, uint32_t shard)
{
    const struct sim_row *row = &sim->table.rows[shard];
    kh_ms failover_ms = SIM_PEER_FAILOVER_MS + slack_ms(sim);
    uint32_t ours = sim->workers[a].is_peer ? b : a;
    uint32_t java = sim->workers[a].is_peer ? a : b;

    if (sim->workers[a].is_peer && sim->workers[b].is_peer) {
        return true;
    }
    if (sim->now_ms - row->given_at_ms <= failover_ms) {
        return true;
    }
    if (!sim->workers[a].is_peer && !sim->workers[b].is_peer) {
        return false;
    }
    if (row->beat_at_ms[ours] <= row->beat_at_ms[java]) {
        return sim->now_ms - row->stolen_at_ms <= failover_ms;
    }
    return sim->now_ms + slack_ms(sim) >= row->beat_at_ms[java] + SIM_PEER_FAILOVER_MS;
}

static void check_alone(struct sim *sim, uint32_t w, uint32_t shard)
{
    for (uint32_t other = 0; other < sim->workers_n; other++) {
        struct sim_worker *o = &sim->workers[other];

        if (other == w || o->state != SIM_UP || !(o->is_peer || o->acts[shard])) {
            continue;
        }
        o->acts[shard] = sim_acts_as_owner(sim, other, shard); /* its time goes on without it */
        if (o->acts[shard] && !is_forgiven(sim, w, other, shard)) {
            sim_fail(sim, "one owner: %c and %c both act as owner of %s", sim_letter(w),
                     sim_letter(other), sim->stream.shards[shard].id);
        }
    }
}

void sim_check_peer(struct sim *sim, uint32_t w, uint32_t shard)
{
    if (!sim->table.rows[shard].finished) {
        check_alone(sim, w, shard);
    }
}

/* In a hand-off whoever is named by checkpointOwner works on, and the next owner waits until that
 * one has left, or has not been heard of for the failover time. */
static void check_hand_off(struct sim *sim, uint32_t w, uint32_t shard)
{
    const struct sim_row *row = &sim->table.rows[shard];
    const char *me = sim->workers[w].config.worker_id;

    if (row->exists && strcmp(row->lease.owner, me) == 0 &&
        row->lease.checkpoint_owner[0] != '\0' && strcmp(row->lease.checkpoint_owner, me) != 0 &&
        !row->edited) {
        sim_fail(sim, "hand-off: %c acts as owner of %s, on which %s still works", sim_letter(w),
                 sim->stream.shards[shard].id, row->lease.checkpoint_owner);
    }
}

void sim_check_owners(struct sim *sim, uint32_t w)
{
    struct sim_worker *worker = &sim->workers[w];
    size_t n = kh_worker_shards_n(worker->core);

    memset(worker->acts, 0, sizeof worker->acts[0] * sim->stream.shards_n);
    for (size_t i = 0; i < n; i++) {
        struct kh_worker_shard held = kh_worker_shard_at(worker->core, i, sim_worker_now(sim, w));
        uint32_t shard = sim_stream_find(sim, kh_str(held.key));

        if (shard == UINT32_MAX) {
            sim_fail(sim, "%c holds %s, which never was", sim_letter(w), held.key);
        }
        /* Nobody works on a finished shard: there it is only said who keeps the lease. */
        if (held.acts_as_owner && !sim->table.rows[shard].finished) {
            worker->acts[shard] = true;
            check_hand_off(sim, w, shard);
            check_alone(sim, w, shard);
        }
    }
}

static void check_checkpoint_write(struct sim *sim, uint32_t w, uint32_t shard,
                                   const struct kh_lease_op *op)
{
    const struct kh_extseq *asked = sim->workers[w].asked[shard];

    if (!sim_acts_as_owner(sim, w, shard)) {
        sim_fail(sim, "lease lost: %c checkpoints %s without acting as its owner", sim_letter(w),
                 op->key);
    }
    if (!kh_extseq_same(&op->lease.checkpoint, &asked[0]) &&
        !kh_extseq_same(&op->lease.checkpoint, &asked[1])) {
        sim_fail(sim, "invented: %c checkpoints %s at %s/%lld, its child asked for %s/%lld",
                 sim_letter(w), op->key, op->lease.checkpoint.seq,
                 (long long)op->lease.checkpoint.sub, asked[0].seq, (long long)asked[0].sub);
    }
}

/* Releases it, or finishes a hand-off. */
static bool gives_away(const struct kh_lease_op *op)
{
    return (op->remove & KH_LEASE_OWNER) != 0 ||
           ((op->remove & KH_LEASE_CHECKPOINT_OWNER) != 0 && (op->set & KH_LEASE_OWNER) == 0);
}

/* Only whoever holds the lock of a 3.x fleet tells others what they own. */
static void check_leads(struct sim *sim, uint32_t w, const struct kh_lease_op *op)
{
    const char *me = sim->workers[w].config.worker_id;
    bool holds = false;

    for (int place = 0; place < 2; place++) {
        const struct kh_coord_item *lock =
            sim_coord_find(sim, (enum kh_coord_place)place, KH_COORD_LOCK, "");

        holds |= lock != NULL && strcmp(lock->lock.owner, me) == 0;
    }
    if (!holds) {
        sim_fail(sim, "leader: %c gives %s to %s and does not lead", sim_letter(w), op->key,
                 op->lease.owner);
    }
}

void sim_check_write(struct sim *sim, uint32_t w, const struct kh_lease_op *op)
{
    uint32_t shard = sim_stream_find(sim, kh_str(op->key));
    struct kh_worker_shard held;

    if (op->verb != KH_LEASE_UPDATE || shard == UINT32_MAX) {
        return;
    }
    if ((op->set & KH_LEASE_OWNER) != 0 &&
        strcmp(op->lease.owner, sim->workers[w].config.worker_id) != 0 &&
        strcmp(op->lease.owner, op->expect_checkpoint_owner) != 0) {
        check_leads(sim, w, op);
    }
    if ((op->set & KH_LEASE_CHECKPOINT) != 0) {
        check_checkpoint_write(sim, w, shard, op);
    }
    if (gives_away(op) && sim->workers[w].children[shard].used) {
        sim_fail(sim, "release: %c gives %s away while its child still runs", sim_letter(w),
                 op->key);
    }
    if (((op->set | op->remove) & KH_LEASE_OWNER) == 0 &&
        (op->set | op->add_one) != KH_LEASE_CHILDREN && look_up(sim, w, shard, &held) &&
        sim_worker_now(sim, w) >= held.expires_at_ms) {
        sim_fail(sim, "expiry: %c renews %s after it had expired", sim_letter(w), op->key);
    }
}

static bool knows_3x(const struct sim *sim)
{
    return sim_coord_find(sim, KH_COORD_LEASE_TABLE, KH_COORD_VERSION, "") != NULL ||
           sim_coord_find(sim, KH_COORD_LEGACY_TABLE, KH_COORD_VERSION, "") != NULL;
}

/* An item that is no lease stops every 2.x worker that reads the table: none is written unless
 * somebody has made this a 3.x fleet. */
void sim_check_coord(struct sim *sim, uint32_t w, const struct kh_coord_op *op)
{
    bool writes = op->verb == KH_COORD_PUT || op->verb == KH_COORD_UPDATE;

    if (writes && op->place == KH_COORD_LEASE_TABLE && !knows_3x(sim)) {
        sim_fail(sim, "foreign: %c writes an item that is no lease into the table of a 2.x fleet",
                 sim_letter(w));
    }
}

static void check_children_leases(struct sim *sim, uint32_t shard)
{
    const struct sim_shard *s = &sim->stream.shards[shard];

    for (unsigned i = 0; i < s->children_n; i++) {
        if (!sim->table.rows[s->children[i]].exists && !sim->stream.deleted && !s->gone &&
            !sim->table.rows[s->children[i]].edited) {
            sim_fail(sim, "children: %s is at SHARD_END before its child %s has a lease", s->id,
                     sim->stream.shards[s->children[i]].id);
        }
    }
}

static void check_ended(struct sim *sim, uint32_t shard)
{
    const struct sim_shard *s = &sim->stream.shards[shard];

    if (s->closed_at_ms == KH_NEVER && !sim->stream.deleted) {
        sim_fail(sim, "end: %s is at SHARD_END and still open", s->id);
    }
    if (s->acked_n != s->records_n && !sim->stream.deleted) {
        sim_fail(sim, "end: %s is at SHARD_END with %zu of %zu records acknowledged", s->id,
                 s->acked_n, s->records_n);
    }
    check_children_leases(sim, shard);
}

static void check_created(struct sim *sim, uint32_t shard, const struct sim_row *row)
{
    const struct sim_shard *s = &sim->stream.shards[shard];

    if (row->ended_once && !sim->table.has_lost_rows) {
        sim_fail(sim, "created: %s gets a lease again after it was finished", s->id);
    }
    if (row->lease.counter != 0 || row->lease.owner[0] != '\0') {
        sim_fail(sim, "created: the new lease of %s has a counter or an owner", s->id);
    }
    for (unsigned i = 0; i < s->parents_n; i++) {
        if (sim->table.rows[s->parents[i]].exists &&
            kh_extseq_is(&row->lease.checkpoint, KH_SEQ_LATEST)) {
            sim_fail(sim, "created: the lease of %s is at LATEST though its parent has a lease",
                     s->id);
        }
    }
}

/* A finished lease goes when all its children have begun, the oldest generation first: a child
 * whose parents have no leases begins at once, and nothing else says that a shard was finished. */
static void check_deleted(struct sim *sim, uint32_t shard, const struct kh_lease *old)
{
    const struct sim_shard *s = &sim->stream.shards[shard];

    if (!kh_lease_is_finished(old) && !sim->table.has_lost_rows) {
        sim_fail(sim, "deleted: the lease of %s, which is not finished", s->id);
    }
    if (sim->stream.deleted || sim->table.has_lost_rows || s->gone) {
        return;
    }
    for (unsigned i = 0; i < s->children_n; i++) {
        const struct sim_row *child = &sim->table.rows[s->children[i]];

        if (!child->exists || kh_extseq_is(&child->lease.checkpoint, KH_SEQ_TRIM_HORIZON) ||
            kh_extseq_is(&child->lease.checkpoint, KH_SEQ_AT_TIMESTAMP)) {
            sim_fail(sim, "deleted: the lease of %s before its child %s has begun", s->id,
                     sim->stream.shards[s->children[i]].id);
        }
    }
    for (unsigned i = 0; i < s->parents_n; i++) {
        if (sim->table.rows[s->parents[i]].exists) {
            sim_fail(sim, "deleted: the lease of %s before that of its parent %s", s->id,
                     sim->stream.shards[s->parents[i]].id);
        }
    }
}

/* A hand-off begins, or the other way round is taken back: whoever works on the shard goes on. */
static bool is_asked_for(const struct kh_lease *old, const struct kh_lease *now)
{
    return old->owner[0] != '\0' && old->checkpoint_owner[0] == '\0' &&
           strcmp(now->checkpoint_owner, old->owner) == 0;
}

void sim_check_row(struct sim *sim, uint32_t shard, bool old_exists, const struct kh_lease *old,
                   const struct sim_row *row)
{
    const struct sim_shard *s = &sim->stream.shards[shard];
    const struct kh_extseq *now = &row->lease.checkpoint;

    if (!row->exists) {
        if (old_exists) {
            check_deleted(sim, shard, old);
        }
        return;
    }
    if (!old_exists) {
        check_created(sim, shard, row);
        return;
    }
    if (row->lease.counter < old->counter) {
        sim_fail(sim, "counter: %s goes back to %llu", s->id,
                 (unsigned long long)row->lease.counter);
    }
    if (strcmp(row->lease.owner, old->owner) != 0 && row->lease.counter == old->counter &&
        !is_asked_for(old, &row->lease) && !is_asked_for(&row->lease, old)) {
        sim_fail(sim, "counter: %s changes hands without it", s->id);
    }
    if (kh_extseq_same(now, &old->checkpoint)) {
        return;
    }
    /* The counter is the only fence: a row that was deleted by hand and made anew may come to show
     * the one its earlier owner expects. */
    if (kh_extseq_cmp(now, &old->checkpoint) < 0 && !row->edited) {
        sim_fail(sim, "moved back: the checkpoint of %s goes from %s/%lld to %s/%lld", s->id,
                 old->checkpoint.seq, (long long)old->checkpoint.sub, now->seq,
                 (long long)now->sub);
    }
    if (kh_lease_is_finished(&row->lease)) {
        check_ended(sim, shard);
    } else if (kh_extseq_is_digits(now) && sim_stream_after(s, now) > s->acked_n) {
        sim_fail(sim,
                 "skipped: the checkpoint of %s passes a record that no child has acknowledged",
                 s->id);
    }
}

static void check_initialize(struct sim *sim, uint32_t w, uint32_t shard, const struct kh_cmd *cmd)
{
    const struct sim_shard *s = &sim->stream.shards[shard];
    const struct sim_row *row = &sim->table.rows[shard];

    for (unsigned i = 0; i < s->parents_n; i++) {
        const struct sim_row *parent = &sim->table.rows[s->parents[i]];

        if (parent->exists && !kh_lease_is_finished(&parent->lease) && !sim->table.has_lost_rows) {
            sim_fail(sim, "parents: %c begins %s before its parent %s has ended", sim_letter(w),
                     s->id, sim->stream.shards[s->parents[i]].id);
        }
    }
    if (row->exists && !sim->table.has_lost_rows &&
        kh_extseq_cmp(&cmd->skip_to, &row->lease.checkpoint) > 0) {
        sim_fail(sim, "invented: %c begins %s at %s, the table has %s", sim_letter(w), s->id,
                 cmd->skip_to.seq, row->lease.checkpoint.seq);
    }
    /* A Java thief may have finished it before the robbed one has noticed. */
    if ((row->ended_once && !was_just_moved(sim, row) && !sim->table.has_lost_rows) ||
        kh_extseq_is(&cmd->skip_to, KH_SEQ_SHARD_END)) {
        sim_fail(sim, "%c begins %s, which is finished", sim_letter(w), s->id);
    }
}

static void check_process(struct sim *sim, uint32_t w, uint32_t shard, const struct kh_cmd *cmd)
{
    const struct sim_shard *s = &sim->stream.shards[shard];
    const struct sim_child *child = &sim->workers[w].children[shard];
    const struct sim_batch *batch = NULL;

    for (size_t i = 0; i < SIM_BATCHES_MAX && cmd->batch != 0; i++) {
        if (sim->workers[w].batches[i].id == cmd->batch) {
            batch = &sim->workers[w].batches[i];
        }
    }
    if (batch == NULL) {
        return; /* an empty list */
    }
    if (child->started && batch->first != child->next && batch->first > s->trimmed_n) {
        sim_fail(sim, "order: the child of %s gets record %zu after record %zu", s->id,
                 batch->first, child->next - 1);
    }
    if (!child->started) {
        size_t begin = sim_stream_after(s, &child->init);

        if (begin != SIZE_MAX && begin != batch->first && batch->first > s->trimmed_n) {
            sim_fail(sim, "order: the child of %s begins at record %zu, its checkpoint says %zu",
                     s->id, batch->first, begin);
        }
        if (batch->first > s->acked_n) {
            sim_fail(
                sim,
                "skipped: a child of %s begins at record %zu, record %zu was never acknowledged",
                s->id, batch->first, s->acked_n);
        }
    }
    sim_check_records(sim, shard, batch->first, batch->first + batch->n);
}

static void check_shard_ended(struct sim *sim, uint32_t shard)
{
    const struct sim_shard *s = &sim->stream.shards[shard];

    if (!sim->stream.deleted && (s->closed_at_ms == KH_NEVER || s->delivered_n != s->records_n)) {
        sim_fail(sim, "end: the child of %s is told its end at record %zu of %zu", s->id,
                 s->delivered_n, s->records_n);
    }
}

void sim_check_send(struct sim *sim, uint32_t w, uint32_t shard, const struct kh_cmd *cmd)
{
    const struct sim_child *child = &sim->workers[w].children[shard];
    const char *id = sim->stream.shards[shard].id;

    if (child->initialised == (cmd->action == KH_ACTION_INITIALIZE)) {
        sim_fail(sim, "%c sends %s to a child of %s that is %sinitialised", sim_letter(w),
                 kh_action_name(cmd->action), id, child->initialised ? "" : "not ");
    }
    if (cmd->action == KH_ACTION_LEASE_LOST) {
        return;
    }
    if (!sim_acts_as_owner(sim, w, shard)) {
        sim_fail(sim, "lease lost: %c sends %s for %s without acting as its owner", sim_letter(w),
                 kh_action_name(cmd->action), id);
    }
    if (cmd->action == KH_ACTION_INITIALIZE) {
        check_initialize(sim, w, shard, cmd);
    } else if (cmd->action == KH_ACTION_PROCESS_RECORDS) {
        check_process(sim, w, shard, cmd);
    } else if (cmd->action == KH_ACTION_SHARD_ENDED) {
        check_shard_ended(sim, shard);
    }
}

void sim_check_records(struct sim *sim, uint32_t shard, size_t first, size_t next)
{
    struct sim_shard *s = &sim->stream.shards[shard];

    if (first > s->delivered_n) {
        sim_fail(sim, "skipped: %s delivers record %zu, record %zu was never delivered", s->id,
                 first, s->delivered_n);
    }
    sim->repeated_n +=
        first < s->delivered_n ? (next < s->delivered_n ? next : s->delivered_n) - first : 0;
    for (size_t i = s->delivered_n; i < next; i++) {
        const struct sim_record *r = &s->records[i];

        if (r->ordinal != sim->stream.delivered[r->key]) {
            sim_fail(sim, "key order: %s delivers record %u of key %u, record %u is due", s->id,
                     r->ordinal, r->key, sim->stream.delivered[r->key]);
        }
        sim->stream.delivered[r->key]++;
    }
    s->delivered_n = next > s->delivered_n ? next : s->delivered_n;
}

void sim_check_ack(struct sim *sim, uint32_t shard, const struct sim_ask *ask, const char *error)
{
    const struct sim_row *row = &sim->table.rows[shard];

    if (error != NULL) {
        return;
    }
    if (ask->must_fail || ask->below) {
        sim_fail(sim, "range: a checkpoint of %s at %s/%lld is confirmed, which is out of range",
                 sim->stream.shards[shard].id, ask->meaning.seq, (long long)ask->meaning.sub);
    }
    if (row->exists && !sim->table.has_lost_rows &&
        kh_extseq_cmp(&row->lease.checkpoint, &ask->meaning) < 0) {
        sim_fail(sim, "durable: a checkpoint of %s at %s/%lld is confirmed, the table has %s/%lld",
                 sim->stream.shards[shard].id, ask->meaning.seq, (long long)ask->meaning.sub,
                 row->lease.checkpoint.seq, (long long)row->lease.checkpoint.sub);
    }
}

void sim_count_acked(struct sim *sim, uint32_t shard, size_t next)
{
    struct sim_shard *s = &sim->stream.shards[shard];

    s->acked_n = next > s->acked_n ? next : s->acked_n;
}

void sim_excuse(struct sim *sim, uint32_t shard, size_t next)
{
    struct sim_shard *s = &sim->stream.shards[shard];

    for (size_t i = s->delivered_n; i < next; i++) {
        const struct sim_record *r = &s->records[i];

        if (r->ordinal >= sim->stream.delivered[r->key]) {
            sim->stream.delivered[r->key] = r->ordinal + 1;
        }
    }
    s->delivered_n = next > s->delivered_n ? next : s->delivered_n;
    sim_count_acked(sim, shard, next);
}
