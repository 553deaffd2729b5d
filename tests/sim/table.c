#include "table.h"

#include <string.h>

#include "base/assert.h"
#include "base/mem.h"
#include "sim.h"

static void push_request(struct sim *sim, struct sim_request *request, enum sim_ev_type type,
                         kh_ms at_ms)
{
    sim_push(sim, at_ms - sim->now_ms,
             (struct sim_ev){
                 .type = type, .worker = request->worker, .life = request->life, .p = request});
}

struct sim_request *sim_request_new(struct sim *sim, uint32_t worker)
{
    struct sim_request *request = kh_mem_new(1, sizeof *request);

    request->worker = worker;
    request->life = sim->workers[worker].life;
    request->steal = sim->workers[worker].steals;
    return request;
}

static struct sim_request *copy_of(const struct sim_request *request)
{
    struct sim_request *copy = kh_mem_new(1, sizeof *copy);

    *copy = *request;
    if (request->coord != NULL) {
        copy->coord = kh_mem_new(1, sizeof *copy->coord);
        *copy->coord = *request->coord;
    }
    return copy;
}

void sim_request_free(struct sim_request *request)
{
    if (request != NULL) {
        if (request->coord != NULL) {
            kh_mem_free(request->coord->stats);
            kh_mem_free(request->coord->keys);
            kh_mem_free(request->coord);
        }
        kh_mem_free(request->leases);
        kh_mem_free(request);
    }
}

static void set_outcome(struct sim_request *request, enum kh_lease_outcome outcome, enum kh_rc rc)
{
    if (request->coord != NULL) {
        request->coord->answer.outcome = outcome;
        request->coord->answer.rc = rc;
    } else {
        request->answer.outcome = outcome;
        request->answer.rc = rc;
    }
}

static void answer_unapplied(struct sim *sim, struct sim_request *request,
                             enum kh_lease_outcome outcome, enum kh_rc rc, kh_ms at_ms)
{
    set_outcome(request, outcome, rc);
    push_request(sim, request, SIM_EV_ANSWER, at_ms);
}

static bool is_write(const struct sim_request *request)
{
    if (request->coord != NULL) {
        enum kh_coord_verb verb = request->coord->op.verb;

        return verb == KH_COORD_PUT || verb == KH_COORD_UPDATE || verb == KH_COORD_DELETE;
    }
    return request->op.verb != KH_LEASE_LIST && request->op.verb != KH_LEASE_GET;
}

void sim_request_send(struct sim *sim, struct sim_request *request)
{
    const struct sim_faults *faults = &sim->faults;
    kh_ms there_ms = sim->now_ms + sim_latency(sim, faults->slow);
    kh_ms timeout_ms = sim->now_ms + sim_draw(sim, 1000, 5000);
    bool cut_off = sim_chance(sim, sim->workers[request->worker].cut_off);
    bool too_slow;

    request->answer_at_ms = there_ms + sim_latency(sim, faults->slow);
    too_slow = request->answer_at_ms > timeout_ms;
    if (sim_chance(sim, faults->throttle) ||
        (is_write(request) && sim_chance(sim, faults->refuse_writes))) {
        answer_unapplied(sim, request, KH_LEASE_FAILED, KH_THROTTLED, request->answer_at_ms);
    } else if (sim_chance(sim, faults->fail)) {
        answer_unapplied(sim, request, KH_LEASE_FAILED, KH_RETRY, request->answer_at_ms);
    } else if (sim_chance(sim, faults->lost_request) || (cut_off && sim_chance(sim, 500))) {
        answer_unapplied(sim, request, KH_LEASE_UNKNOWN, KH_RETRY, timeout_ms);
    } else if (there_ms > timeout_ms || sim_chance(sim, faults->late_write)) {
        struct sim_request *late = copy_of(request);

        late->fate = SIM_FATE_LATE;
        push_request(sim, late, SIM_EV_APPLY, timeout_ms + sim_draw(sim, 0, 8000));
        answer_unapplied(sim, request, KH_LEASE_UNKNOWN, KH_RETRY, timeout_ms);
    } else {
        if (too_slow || cut_off || sim_chance(sim, faults->lost_answer)) {
            request->fate = SIM_FATE_LOST_ANSWER;
            request->answer_at_ms = timeout_ms;
        } else if (sim_chance(sim, faults->twice)) {
            request->fate = SIM_FATE_TWICE;
        }
        push_request(sim, request, SIM_EV_APPLY, there_ms);
    }
}

void sim_table_submit(struct sim *sim, uint32_t worker, const struct kh_lease_op *op)
{
    struct sim_request *request = sim_request_new(sim, worker);

    request->op = *op;
    request->answer.id = op->id;
    request->answer.verb = op->verb;
    sim_request_send(sim, request);
}

/* The row as a reader sees it that is up to 2 s behind. */
static bool stale_row(struct sim *sim, const struct sim_row *row, struct kh_lease *lease)
{
    kh_ms as_of_ms = sim->now_ms - sim_draw(sim, 0, 2000);
    unsigned i;

    if (!sim_chance(sim, 500) || row->since_ms <= as_of_ms) {
        *lease = row->lease;
        return row->exists;
    }
    for (i = 0; i + 1 < row->old_n && row->old[i].since_ms > as_of_ms; i++) {
    }
    if (row->old_n == 0) {
        return false;
    }
    *lease = row->old[i].lease;
    return row->old[i].exists;
}

static void answer_list(struct sim *sim, struct sim_request *request)
{
    bool stale = sim_chance(sim, sim->faults.stale_list);
    size_t n = 0;

    request->leases = kh_mem_new(sim->stream.shards_n, sizeof *request->leases);
    for (uint32_t i = 0; i < sim->stream.shards_n; i++) {
        const struct sim_row *row = &sim->table.rows[i];

        if (row->exists && row->malformed) {
            request->answer.malformed_n++;
        } else if (stale) {
            n += stale_row(sim, row, &request->leases[n]) ? 1 : 0;
        } else if (row->exists) {
            request->leases[n++] = row->lease;
        }
    }
    request->answer.leases = request->leases;
    request->answer.leases_n = n;
    request->answer.outcome = KH_LEASE_DONE;
}

static void keep_old(struct sim_row *row)
{
    for (unsigned i = SIM_OLD_MAX - 1; i > 0; i--) {
        if (i - 1 < row->old_n) {
            row->old[i] = row->old[i - 1];
        }
    }
    row->old[0].since_ms = row->since_ms;
    row->old[0].exists = row->exists;
    row->old[0].lease = row->lease;
    row->old_n = row->old_n < SIM_OLD_MAX ? row->old_n + 1 : SIM_OLD_MAX;
}

const char *sim_table_owner_at(const struct sim_row *row, kh_ms at_ms)
{
    for (unsigned i = 0; i < row->owners_n; i++) {
        if (row->owners[i].since_ms <= at_ms) {
            return row->owners[i].owner;
        }
    }
    return row->owners_n == SIM_OWNERS_MAX ? row->owners[SIM_OWNERS_MAX - 1].owner : "";
}

static void keep_owner(struct sim *sim, struct sim_row *row)
{
    const char *owner = row->exists ? row->lease.owner : "";

    if (row->owners_n > 0 && strcmp(row->owners[0].owner, owner) == 0) {
        return;
    }
    row->taken_at_ms = sim->now_ms;
    sim->table.moves++;
    for (unsigned i = SIM_OWNERS_MAX - 1; i > 0; i--) {
        if (i - 1 < row->owners_n) {
            row->owners[i] = row->owners[i - 1];
        }
    }
    row->owners[0].since_ms = sim->now_ms;
    (void)snprintf(row->owners[0].owner, sizeof row->owners[0].owner, "%s", owner);
    row->owners_n = row->owners_n < SIM_OWNERS_MAX ? row->owners_n + 1 : SIM_OWNERS_MAX;
}

static void change(struct sim *sim, struct sim_row *row, bool exists, const struct kh_lease *lease)
{
    keep_old(row);
    row->exists = exists;
    row->lease = *lease;
    row->since_ms = sim->now_ms;
    row->malformed = row->malformed && exists;
    keep_owner(sim, row);
    if (row->old[0].exists != exists) {
        sim->table.set_changed_at_ms = sim->now_ms;
    }
}

/* Whoever owned it learns it from its next write: until then two may act. */
void sim_table_edit(struct sim *sim, uint32_t shard, const struct kh_lease *lease)
{
    struct sim_row *row = &sim->table.rows[shard];

    sim_note(sim, "the lease of %s is %s by hand", sim->stream.shards[shard].id,
             lease == NULL ? "deleted" : "edited");
    change(sim, row, lease != NULL, lease != NULL ? lease : &row->lease);
    row->given_at_ms = sim->now_ms;
    row->edited = true;
    sim->table.has_lost_rows |= lease == NULL;
}

static void apply_to_row(struct sim *sim, struct sim_request *request)
{
    uint32_t shard = sim_stream_find(sim, kh_str(request->op.key));
    struct sim_row *row;
    struct kh_lease lease;
    bool exists;

    if (shard == UINT32_MAX) {
        sim_fail(sim, "a request names lease %s, which never was", request->op.key);
    }
    row = &sim->table.rows[shard];
    if (row->exists && row->malformed && request->op.verb != KH_LEASE_DELETE) {
        set_outcome(request, KH_LEASE_FAILED, KH_INVALID);
        return;
    }
    exists = row->exists;
    lease = row->lease;
    kh_lease_op_answer(&request->op, &exists, &lease, &request->answer);
    if (request->op.verb == KH_LEASE_GET || request->answer.outcome != KH_LEASE_DONE) {
        return;
    }
    change(sim, row, exists, &lease);
    if (request->steal == SIM_STEAL_FOR_ITSELF) {
        row->stolen_at_ms = sim->now_ms;
    } else if (request->steal == SIM_STEAL_FOR_ANOTHER) {
        row->given_at_ms = sim->now_ms;
    }
    if (exists && lease.counter != row->old[0].lease.counter &&
        sim->workers[request->worker].life == request->life) {
        row->beat_at_ms[request->worker] = sim->now_ms;
    }
    row->ended_once = row->ended_once || (exists && kh_lease_is_finished(&lease));
    sim_check_row(sim, shard, row->old[0].exists, &row->old[0].lease, row);
}

void sim_table_apply(struct sim *sim, struct sim_request *request)
{
    if (request->coord != NULL) {
        sim_coord_apply(sim, request);
    } else if (request->op.verb == KH_LEASE_LIST) {
        answer_list(sim, request);
    } else {
        apply_to_row(sim, request);
    }
    switch (request->fate) {
    case SIM_FATE_LATE:
        sim_request_free(request);
        return;
    case SIM_FATE_TWICE:
        request->fate = SIM_FATE_PLAIN;
        push_request(sim, request, SIM_EV_APPLY, sim->now_ms + 1);
        kh_mem_free(request->leases);
        request->leases = NULL;
        return;
    case SIM_FATE_LOST_ANSWER:
        set_outcome(request, KH_LEASE_UNKNOWN, KH_RETRY);
        break;
    case SIM_FATE_PLAIN:
        break;
    }
    push_request(sim, request, SIM_EV_ANSWER, kh_ms_max(request->answer_at_ms, sim->now_ms));
}
