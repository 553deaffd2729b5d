#include "core/taking.h"

#include <string.h>

#include "base/assert.h"

/* A read unit each. */
#define COMING_AT_ONCE_MAX 10

void kh_taking_init(struct kh_taking *taking, struct kh_ctx *ctx)
{
    enum kh_rc rc;

    *taking = (struct kh_taking){.ctx = ctx};
    rc = kh_assignment_init(&taking->assignment, ctx->config.assignment, NULL);
    kh_assert(rc == KH_OK);
    kh_wishes_init(&taking->wishes);
}

void kh_taking_fini(struct kh_taking *taking)
{
    kh_assignment_fini(&taking->assignment);
    kh_wishes_fini(&taking->wishes);
}

static bool is_me(const struct kh_taking *taking, const char *worker_id)
{
    return strcmp(worker_id, taking->ctx->config.worker_id) == 0;
}

static struct kh_assign_self self_of(struct kh_taking *taking)
{
    return (struct kh_assign_self){.ctx = taking->ctx,
                                   .held = taking->held,
                                   .seen_at_ms = taking->seen_at_ms,
                                   .pin = &taking->assignment.pin};
}

static bool is_busy(struct kh_taking *taking, const struct kh_table_row *row)
{
    const struct kh_assign_self self = self_of(taking);

    return kh_assign_is_busy(&self, row);
}

static bool is_shunned(struct kh_taking *taking, const struct kh_table_row *row)
{
    const struct kh_assign_self self = self_of(taking);

    return kh_assign_is_shunned(&self, row);
}

/* ---- the writes ---- */

static struct kh_lease_op *update(struct kh_taking *taking, const struct kh_lease *lease,
                                  struct kh_cmds *out)
{
    struct kh_lease_op *op = kh_cmds_push_op(out, KH_LEASE_UPDATE, lease->key);

    op->id = ++taking->ctx->op;
    return op;
}

/* W3. begin_at_ms: from when on nobody else can still work on the shard. */
static void take(struct kh_taking *taking, struct kh_table_row *row, kh_ms begin_at_ms,
                 kh_ms now_ms, struct kh_cmds *out)
{
    const struct kh_worker_config *config = &taking->ctx->config;
    const struct kh_lease *lease = &row->lease;
    struct kh_lease_op *op = update(taking, lease, out);

    if (is_me(taking, lease->owner)) {
        kh_lease_op_expect_owners(op, lease); /* a hand-off leaves the counter as it is */
    }
    op->expect_is |= KH_LEASE_COUNTER;
    op->expect_counter = lease->counter;
    op->set = KH_LEASE_COUNTER | KH_LEASE_OWNER;
    memcpy(op->lease.owner, config->worker_id, sizeof(op->lease.owner));
    op->lease.counter = lease->counter + 1;
    if (config->hand_over) {
        op->set |= KH_LEASE_HANDOFF_OWNER;
        memcpy(op->lease.handoff_owner, config->worker_id, sizeof(op->lease.handoff_owner));
    }
    op->remove = KH_LEASE_CHECKPOINT_OWNER;
    op->add_one = kh_lease_is_switch(lease, config->worker_id) ? KH_LEASE_SWITCHES : 0;
    row->taking = true;
    kh_pending_add(taking->pending, op->id, KH_PENDING_TAKE, lease->key, now_ms)->begin_at_ms =
        begin_at_ms;
}

/* We stop before it was handed over: its owner may keep it. */
static void ask_no_more(struct kh_taking *taking, const struct kh_lease *lease, struct kh_cmds *out)
{
    struct kh_lease_op *op = update(taking, lease, out);

    kh_lease_op_expect_owners(op, lease);
    op->set = KH_LEASE_OWNER;
    memcpy(op->lease.owner, lease->checkpoint_owner, sizeof(op->lease.owner));
    op->remove = KH_LEASE_CHECKPOINT_OWNER;
}

/* Whatever was appended last is waited for. */
static void wait_for(struct kh_taking *taking, enum kh_pending_who who, const char *key,
                     kh_ms now_ms)
{
    (void)kh_pending_add(taking->pending, taking->ctx->op, who, key, now_ms);
}

/* ---- what the table says is ours ---- */

/* In a hand-off to us whoever still works on the shard comes first; unless it is dead: then nobody
 * renews; or cannot come to an end. */
static bool is_handed_over(const struct kh_taking *taking, const struct kh_table_row *row)
{
    const struct kh_worker_config *config = &taking->ctx->config;

    return row->lease.checkpoint_owner[0] == '\0' ||
           kh_table_row_available(row, taking->seen_at_ms, config->failover_ms) ||
           kh_table_row_is_overdue(row, taking->seen_at_ms, config->failover_ms,
                                   config->hand_over_ms);
}

/* From when on we are the only one who can work on a row of ours. */
static kh_ms begin_ms(const struct kh_taking *taking, const struct kh_table_row *row)
{
    if (row->lease.checkpoint_owner[0] == '\0') {
        return row->free_at_ms;
    }
    return row->changed_at_ms + taking->ctx->config.failover_ms;
}

static void readopt(struct kh_taking *taking, struct kh_table_row *row, kh_ms now_ms,
                    struct kh_cmds *out)
{
    if (!is_busy(taking, row) && is_me(taking, row->lease.owner) && !is_shunned(taking, row) &&
        is_handed_over(taking, row)) {
        kh_cmds_note(out, row->lease.key, "worker.readopt");
        take(taking, row, begin_ms(taking, row), now_ms, out);
    }
}

/* The table says a lease is ours, but no write of ours that we know of made it so: it was handed
 * over or assigned, an answer was lost, or a process before this one had our id. It counts as ours
 * only after a write of our own. */
void kh_taking_readopt(struct kh_taking *taking, kh_ms now_ms, struct kh_cmds *out)
{
    for (size_t i = 0; i < kh_table_n(taking->table); i++) {
        readopt(taking, kh_table_at(taking->table, i), now_ms, out);
    }
}

static void look_at(struct kh_taking *taking, const char *key, kh_ms now_ms, struct kh_cmds *out)
{
    kh_cmds_push_op(out, KH_LEASE_GET, key)->id = ++taking->ctx->op;
    wait_for(taking, KH_PENDING_LOOK, key, now_ms);
}

void kh_taking_look_into(struct kh_taking *taking, const struct kh_coord_key *keys, size_t n,
                         kh_ms now_ms, struct kh_cmds *out)
{
    for (size_t i = 0; i < n; i++) {
        const struct kh_table_row *row = kh_table_find(taking->table, keys[i].key);

        if (row != NULL && (is_busy(taking, row) || is_me(taking, row->lease.owner))) {
            continue; /* the table has shown it, too */
        }
        look_at(taking, keys[i].key, now_ms, out);
    }
}

bool kh_taking_look_at_coming(struct kh_taking *taking, kh_ms now_ms, struct kh_cmds *out)
{
    size_t n = kh_table_n(taking->table);
    unsigned asked_n = 0;

    for (size_t i = 0; i < n && asked_n < COMING_AT_ONCE_MAX; i++) {
        const struct kh_table_row *row = kh_table_at(taking->table, taking->coming_i++ % n);

        if (row->lease.checkpoint_owner[0] != '\0' && is_me(taking, row->lease.owner) &&
            !is_busy(taking, row)) {
            look_at(taking, row->lease.key, now_ms, out);
            asked_n++;
        }
    }
    return asked_n > 0;
}

/* The index is always a little late: only the lease itself says whose it is. */
void kh_taking_on_looked(struct kh_taking *taking, const struct kh_pending_entry *entry,
                         const struct kh_lease_answer *answer, kh_ms now_ms, struct kh_cmds *out)
{
    struct kh_table_row *row = kh_table_find(taking->table, entry->key);

    if (answer->outcome != KH_LEASE_DONE || !answer->found || !is_me(taking, answer->lease.owner) ||
        (row != NULL && is_busy(taking, row))) {
        return;
    }
    if (row == NULL) {
        taking->look_soon = true;
        return;
    }
    kh_table_row_see(row, &answer->lease, taking->ctx->config.failover_ms, now_ms);
    if (answer->lease.checkpoint_owner[0] == '\0') {
        readopt(taking, row, now_ms, out);
    }
}

/* ---- what the policy wishes ---- */

/* Everybody for itself. */
static void take_wish(struct kh_taking *taking, const struct kh_wish *wish, kh_ms now_ms,
                      struct kh_cmds *out)
{
    const struct kh_worker_config *config = &taking->ctx->config;
    const struct kh_lease *lease = &wish->row->lease;

    if (wish->steal && config->hand_over && kh_lease_can_be_handed_over(lease)) {
        kh_cmds_note(out, lease->key, "worker.ask_for");
        kh_lease_op_hand_over(update(taking, lease, out), lease, config->worker_id);
        wait_for(taking, KH_PENDING_ASK, lease->key, now_ms);
        return;
    }
    kh_cmds_note(out, lease->key, wish->steal ? "worker.steal" : "worker.take");
    /* Whoever is robbed notices with its next write, or at the latest when its lease runs out by
     * its own clock: failover_ms after the last sign of life that we have seen. */
    take(taking, wish->row, wish->steal ? wish->row->changed_at_ms + config->failover_ms : now_ms,
         now_ms, out);
}

static void take_for_ourselves(struct kh_taking *taking, kh_ms now_ms, struct kh_cmds *out)
{
    const struct kh_assign_self self = self_of(taking);

    taking->wishes.n = 0;
    taking->assignment.taking(taking->table, &(struct kh_assign_workers){0}, &self,
                              &taking->wishes);
    for (size_t i = 0; i < taking->wishes.n; i++) {
        take_wish(taking, &taking->wishes.items[i], now_ms, out);
    }
}

/* The leader, for all. Every owner that is given or robbed of leases here reports, so it is a
 * worker of 3.x that knows what a hand-off is. */
static void give_wish(struct kh_taking *taking, const struct kh_wish *wish, kh_ms now_ms,
                      struct kh_cmds *out)
{
    const struct kh_lease *lease = &wish->row->lease;

    if (is_me(taking, wish->to) && is_shunned(taking, wish->row)) {
        return;
    }
    if (!wish->steal && is_me(taking, wish->to)) {
        kh_cmds_note(out, lease->key, "worker.take");
        take(taking, wish->row, now_ms, now_ms, out);
        return;
    }
    if (wish->steal && taking->ctx->config.hand_over && lease->checkpoint_owner[0] == '\0') {
        kh_cmds_note(out, lease->key, "fleet.handoff_begun");
        kh_lease_op_hand_over(update(taking, lease, out), lease, wish->to);
    } else {
        kh_cmds_note(out, lease->key, "fleet.assigned");
        kh_lease_op_assign(update(taking, lease, out), lease, wish->to);
    }
    wish->row->taking = true;
    wait_for(taking, KH_PENDING_GIVE, lease->key, now_ms);
}

static bool is_something_free(struct kh_taking *taking)
{
    const struct kh_assign_self self = self_of(taking);

    for (size_t i = 0; i < kh_table_n(taking->table); i++) {
        const struct kh_table_row *row = kh_table_at(taking->table, i);

        if (!kh_assign_is_ours(&self, row) &&
            kh_table_row_available(row, taking->seen_at_ms, taking->ctx->config.failover_ms)) {
            return true;
        }
    }
    return false;
}

/* Now and then, and soon after somebody joined. */
static bool is_time_to_even_out(struct kh_taking *taking, size_t workers_n, kh_ms now_ms)
{
    const bool joined = workers_n > taking->workers_n &&
                        now_ms - taking->rebalanced_at_ms >= taking->ctx->config.assign_ms;

    taking->workers_n = joined || workers_n < taking->workers_n ? workers_n : taking->workers_n;
    return joined || now_ms >= taking->rebalance_at_ms;
}

static void lead(struct kh_taking *taking, kh_ms now_ms, struct kh_cmds *out)
{
    const struct kh_worker_config *config = &taking->ctx->config;
    const struct kh_assign_self self = self_of(taking);
    struct kh_assign_workers workers;

    if (!taking->leads) {
        taking->leads = true;
        taking->rebalance_at_ms = now_ms;
    }
    if (now_ms < taking->rebalance_at_ms && !taking->fleet->stats_came &&
        !is_something_free(taking)) {
        return;
    }
    if (!kh_fleet_workers(taking->fleet, &workers, now_ms)) {
        return; /* they come, and then it is decided */
    }
    workers.rebalance = is_time_to_even_out(taking, workers.n, now_ms);
    if (workers.rebalance) {
        taking->workers_n = workers.n;
        taking->rebalanced_at_ms = now_ms;
        taking->rebalance_at_ms = now_ms + (kh_ms)config->rebalance_every * config->assign_ms;
    }
    taking->wishes.n = 0;
    taking->assignment.leading(taking->table, &workers, &self, &taking->wishes);
    for (size_t i = 0; i < taking->wishes.n; i++) {
        give_wish(taking, &taking->wishes.items[i], now_ms, out);
    }
}

void kh_taking_decide(struct kh_taking *taking, kh_ms now_ms, struct kh_cmds *out)
{
    const bool for_all = taking->assignment.leading != NULL;

    switch (kh_fleet_mode(taking->fleet)) {
    case KH_FLEET_UNKNOWN:
        break;
    case KH_FLEET_TAKES:
        take_for_ourselves(taking, now_ms, out);
        break;
    case KH_FLEET_IS_LED:
        if (!for_all) {
            take_for_ourselves(taking, now_ms, out);
        } else if (kh_fleet_leads(taking->fleet, taking->table, now_ms)) {
            lead(taking, now_ms, out);
            return;
        }
        break;
    }
    taking->leads = false;
}

/* ---- answers ---- */

bool kh_taking_on_take(struct kh_taking *taking, const struct kh_pending_entry *entry,
                       const struct kh_lease_answer *answer, kh_ms now_ms, struct kh_cmds *out)
{
    struct kh_table_row *row = kh_table_find(taking->table, entry->key);

    kh_assert(row != NULL); /* rows that are being taken are not forgotten */
    row->taking = false;
    if (answer->outcome != KH_LEASE_DONE) {
        kh_cmds_note(out, row->lease.key, "worker.not_taken");
        taking->look_soon = true;
        return false; /* an unknown one shows in the next look, and is re-adopted then */
    }
    kh_table_row_see(row, &answer->lease, taking->ctx->config.failover_ms, now_ms);
    if (now_ms >= entry->sent_at_ms + taking->ctx->config.failover_ms) {
        kh_cmds_note(out, row->lease.key, "worker.taken_too_late");
        return false;
    }
    kh_assert(is_me(taking, answer->lease.owner));
    return true;
}

void kh_taking_on_asked(struct kh_taking *taking, const struct kh_pending_entry *entry,
                        const struct kh_lease_answer *answer, kh_ms now_ms, struct kh_cmds *out)
{
    struct kh_table_row *row = kh_table_find(taking->table, entry->key);

    if (entry->who == KH_PENDING_GIVE) {
        kh_assert(row != NULL); /* as above */
        row->taking = false;
    }
    if (answer->outcome != KH_LEASE_DONE) {
        kh_cmds_note(out, row == NULL ? "" : row->lease.key,
                     entry->who == KH_PENDING_GIVE ? "fleet.not_assigned" : "worker.not_asked_for");
    } else if (row != NULL) {
        kh_table_row_see(row, &answer->lease, taking->ctx->config.failover_ms, now_ms);
    }
}

void kh_taking_stop(struct kh_taking *taking, kh_ms now_ms, struct kh_cmds *out)
{
    for (size_t i = 0; i < kh_table_n(taking->table); i++) {
        const struct kh_table_row *row = kh_table_at(taking->table, i);

        if (is_me(taking, row->lease.owner) && row->lease.checkpoint_owner[0] != '\0' &&
            !is_busy(taking, row)) {
            ask_no_more(taking, &row->lease, out);
            wait_for(taking, KH_PENDING_ASK, row->lease.key, now_ms);
        }
    }
}
