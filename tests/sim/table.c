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

/* They are large: used ones are kept for the next request, with their lists. */
static struct sim_request *take_place(struct sim *sim)
{
    struct sim_request *request = sim->free_requests;

    if (request == NULL) {
        return kh_mem_new(1, sizeof *request);
    }
    sim->free_requests = request->next_free;
    return request;
}

struct sim_request *sim_request_new(struct sim *sim, uint32_t worker)
{
    struct sim_request *request = take_place(sim);

    request->worker = worker;
    request->life = sim->workers[worker].life;
    request->steal = sim->workers[worker].steals;
    request->fate = SIM_FATE_PLAIN;
    request->coord = NULL;
    return request;
}

static struct sim_request *copy_of(struct sim *sim, const struct sim_request *request)
{
    struct sim_request *copy = sim_request_new(sim, request->worker);

    copy->op = request->op;
    copy->answer = request->answer;
    copy->steal = request->steal;
    if (request->coord != NULL) {
        copy->coord = kh_mem_new(1, sizeof *copy->coord);
        *copy->coord = *request->coord;
    }
    return copy;
}

void sim_request_free(struct sim *sim, struct sim_request *request)
{
    if (request->coord != NULL) {
        kh_mem_free(request->coord->stats);
        kh_mem_free(request->coord->keys);
        kh_mem_free(request->coord);
        request->coord = NULL;
    }
    request->next_free = sim->free_requests;
    sim->free_requests = request;
}

void sim_table_fini(struct sim *sim)
{
    struct sim_request *next;

    for (struct sim_request *request = sim->free_requests; request != NULL; request = next) {
        next = request->next_free;
        kh_mem_free(request->leases);
        kh_mem_free(request);
    }
    sim->free_requests = NULL;
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
        struct sim_request *late = copy_of(sim, request);

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
    request->answer.found = false;
    request->answer.leases_n = 0;
    request->answer.malformed_n = 0;
    sim_request_send(sim, request);
}

/* Of the version i changes back. */
static unsigned old_index(const struct sim_row *row, unsigned i)
{
    return (row->old_at + SIM_OLD_SLOTS - i) % SIM_OLD_SLOTS;
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
    for (i = 0; i + 1 < row->old_n && row->old[old_index(row, i)].since_ms > as_of_ms; i++) {
    }
    if (row->old_n == 0) {
        return false;
    }
    *lease = row->old[old_index(row, i)].lease;
    return row->old[old_index(row, i)].exists;
}

static void answer_list(struct sim *sim, struct sim_request *request)
{
    bool stale = sim_chance(sim, sim->faults.stale_list);
    size_t n = 0;

    if (request->leases_capacity < sim->stream.shards_n) {
        request->leases_capacity = sim->stream.shards_n;
        request->leases =
            kh_mem_resize(request->leases, request->leases_capacity, sizeof *request->leases);
    }
    request->answer.malformed_n = 0;
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

/* Counts as the newest earlier version only once the row has changed. */
static void copy_old(struct sim_row *row)
{
    unsigned at = (row->old_at + 1) % SIM_OLD_SLOTS;

    row->old[at].since_ms = row->since_ms;
    row->old[at].exists = row->exists;
    row->old[at].lease = row->lease;
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

/* The row has been changed since copy_old(). */
static void changed(struct sim *sim, struct sim_row *row)
{
    row->old_at = (row->old_at + 1) % SIM_OLD_SLOTS;
    row->old_n = row->old_n < SIM_OLD_MAX ? row->old_n + 1 : SIM_OLD_MAX;
    row->since_ms = sim->now_ms;
    row->malformed = row->malformed && row->exists;
    row->finished = kh_lease_is_finished(&row->lease);
    row->ended_once = row->ended_once || (row->exists && row->finished);
    keep_owner(sim, row);
    if (row->old[row->old_at].exists != row->exists) {
        sim->table.set_changed_at_ms = sim->now_ms;
    }
}

/* Whoever owned it learns it from its next write: until then two may act. */
void sim_table_edit(struct sim *sim, uint32_t shard, const struct kh_lease *lease)
{
    struct sim_row *row = &sim->table.rows[shard];

    sim_note(sim, "the lease of %s is %s by hand", sim->stream.shards[shard].id,
             lease == NULL ? "deleted" : "edited");
    copy_old(row);
    row->exists = lease != NULL;
    row->lease = lease != NULL ? *lease : row->lease;
    changed(sim, row);
    row->given_at_ms = sim->now_ms;
    row->edited = true;
    sim->table.has_lost_rows |= lease == NULL;
}

static void apply_to_row(struct sim *sim, struct sim_request *request)
{
    uint32_t shard = sim_stream_find(sim, kh_str(request->op.key));
    const struct kh_lease *old;
    struct sim_row *row;

    if (shard == UINT32_MAX) {
        sim_fail(sim, "a request names lease %s, which never was", request->op.key);
    }
    row = &sim->table.rows[shard];
    if (row->exists && row->malformed && request->op.verb != KH_LEASE_DELETE) {
        set_outcome(request, KH_LEASE_FAILED, KH_INVALID);
        return;
    }
    if (request->op.verb != KH_LEASE_GET) {
        copy_old(row);
    }
    kh_lease_op_answer(&request->op, &row->exists, &row->lease, &request->answer);
    if (request->op.verb == KH_LEASE_GET || request->answer.outcome != KH_LEASE_DONE) {
        return;
    }
    changed(sim, row);
    old = &row->old[row->old_at].lease;
    if (request->steal == SIM_STEAL_FOR_ITSELF) {
        row->stolen_at_ms = sim->now_ms;
    } else if (request->steal == SIM_STEAL_FOR_ANOTHER) {
        row->given_at_ms = sim->now_ms;
    }
    if (row->exists && row->lease.counter != old->counter &&
        sim->workers[request->worker].life == request->life &&
        strcmp(kh_lease_actual_owner(&row->lease),
               sim->workers[request->worker].config.worker_id) == 0) {
        row->beat_at_ms[request->worker] = sim->now_ms;
    }
    sim_check_row(sim, shard, row->old[row->old_at].exists, old, row);
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
        sim_request_free(sim, request);
        return;
    case SIM_FATE_TWICE:
        request->fate = SIM_FATE_PLAIN;
        push_request(sim, request, SIM_EV_APPLY, sim->now_ms + 1);
        return;
    case SIM_FATE_LOST_ANSWER:
        set_outcome(request, KH_LEASE_UNKNOWN, KH_RETRY);
        break;
    case SIM_FATE_PLAIN:
        break;
    }
    push_request(sim, request, SIM_EV_ANSWER, kh_ms_max(request->answer_at_ms, sim->now_ms));
}
