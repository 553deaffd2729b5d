#include "coord.h"

#include <string.h>

#include "base/assert.h"
#include "base/mem.h"
#include "sim.h"

static struct sim_coord_row *find(const struct sim *sim, enum kh_coord_place place,
                                  enum kh_coord_kind kind, const char *key)
{
    const struct sim_coord_place *p = &sim->coord.places[place];

    for (size_t i = 0; i < p->n; i++) {
        struct sim_coord_row *row = &p->rows[i];

        if (row->kind == kind && (kind != KH_COORD_STATS || strcmp(row->key, key) == 0)) {
            return row;
        }
    }
    return NULL;
}

static struct sim_coord_row *need(struct sim *sim, enum kh_coord_place place,
                                  enum kh_coord_kind kind, const char *key)
{
    struct sim_coord_place *p = &sim->coord.places[place];
    struct sim_coord_row *row = find(sim, place, kind, key);

    if (row != NULL) {
        return row;
    }
    if (p->n == p->capacity) {
        p->capacity = kh_mem_grown(p->capacity, p->n + 1);
        p->rows = kh_mem_resize(p->rows, p->capacity, sizeof *p->rows);
    }
    row = &p->rows[p->n++];
    memset(row, 0, sizeof *row);
    row->kind = kind;
    (void)snprintf(row->key, sizeof row->key, "%s", kind == KH_COORD_STATS ? key : "");
    return row;
}

void sim_coord_fini(struct sim *sim)
{
    for (size_t i = 0; i < 2; i++) {
        kh_mem_free(sim->coord.places[i].rows);
    }
    memset(&sim->coord, 0, sizeof sim->coord);
}

const struct kh_coord_item *sim_coord_find(const struct sim *sim, enum kh_coord_place place,
                                           enum kh_coord_kind kind, const char *key)
{
    const struct sim_coord_row *row = find(sim, place, kind, key);

    return row != NULL && row->exists ? &row->item : NULL;
}

static void change(struct sim *sim, struct sim_coord_row *row, bool exists,
                   const struct kh_coord_item *item)
{
    row->existed = row->exists;
    row->old = row->item;
    row->exists = exists;
    row->item = *item;
    row->since_ms = sim->now_ms;
}

void sim_coord_set(struct sim *sim, enum kh_coord_place place, const struct kh_coord_item *item)
{
    const char *key = item->kind == KH_COORD_STATS ? item->stats.worker_id : "";

    change(sim, need(sim, place, item->kind, key), true, item);
}

void sim_coord_make_index(struct sim *sim, kh_ms filling_ms)
{
    if (!sim->coord.has_index) {
        sim->coord.has_index = true;
        sim->coord.index_active_at_ms = sim->now_ms + filling_ms;
        sim_note(sim, "the index is made");
    }
}

bool sim_coord_has_foreign_items(const struct sim *sim)
{
    const struct sim_coord_place *p = &sim->coord.places[KH_COORD_LEASE_TABLE];

    for (size_t i = 0; i < p->n; i++) {
        if (p->rows[i].exists) {
            return true;
        }
    }
    return false;
}

/* ---- requests ---- */

static bool has_table(const struct sim *sim, const struct kh_coord_op *op)
{
    if (op->place == KH_COORD_LEASE_TABLE) {
        return true;
    }
    return op->kind == KH_COORD_STATS || op->verb == KH_COORD_LIST_STATS ? sim->coord.legacy_stats
                                                                         : sim->coord.legacy_state;
}

static bool index_is_active(const struct sim *sim)
{
    return sim->coord.has_index && sim->now_ms >= sim->coord.index_active_at_ms;
}

static void fail(struct kh_coord_answer *answer, enum kh_rc rc)
{
    answer->outcome = KH_LEASE_FAILED;
    answer->rc = rc;
}

static void answer_layout(const struct sim *sim, struct kh_coord_answer *answer)
{
    answer->layout = (struct kh_layout){.legacy_state = sim->coord.legacy_state,
                                        .legacy_stats = sim->coord.legacy_stats,
                                        .has_index = sim->coord.has_index,
                                        .index_active = index_is_active(sim)};
}

static void answer_stats(struct sim *sim, struct sim_coord_call *call)
{
    const struct sim_coord_place *p = &sim->coord.places[call->op.place];
    kh_ms as_of_ms = sim->now_ms - sim_draw(sim, 0, sim_chance(sim, 300) ? 2000 : 0);
    size_t n = 0;

    call->stats = kh_mem_resize(call->stats, p->n, sizeof *call->stats);
    for (size_t i = 0; i < p->n; i++) {
        const struct sim_coord_row *row = &p->rows[i];
        bool old = row->since_ms > as_of_ms;

        if (row->kind == KH_COORD_STATS && (old ? row->existed : row->exists)) {
            call->stats[n++] = old ? row->old.stats : row->item.stats;
        }
    }
    call->answer.stats = call->stats;
    call->answer.stats_n = n;
}

/* The index shows owners as they were a little while ago. */
static void answer_owned(struct sim *sim, struct sim_coord_call *call)
{
    bool late = sim_chance(sim, sim->faults.index_lag);
    kh_ms as_of_ms = sim->now_ms - (late ? sim_draw(sim, 1000, 8000) : sim_draw(sim, 5, 500));
    size_t n = 0;

    if (!index_is_active(sim)) {
        fail(&call->answer, sim->coord.has_index ? KH_INVALID : KH_NOTFOUND);
        return;
    }
    call->keys = kh_mem_resize(call->keys, SIM_SHARDS_MAX, sizeof *call->keys);
    for (uint32_t i = 0; i < sim->stream.shards_n; i++) {
        if (strcmp(sim_table_owner_at(&sim->table.rows[i], as_of_ms), call->op.key) == 0) {
            (void)snprintf(call->keys[n++].key, sizeof call->keys->key, "%s",
                           sim->stream.shards[i].id);
        }
    }
    call->answer.keys = call->keys;
    call->answer.keys_n = n;
}

static void answer_get(const struct sim *sim, struct sim_coord_call *call)
{
    const struct kh_coord_op *op = &call->op;
    const struct kh_coord_item *item = sim_coord_find(sim, op->place, op->kind, op->key);

    call->answer.found = item != NULL;
    if (item != NULL) {
        call->answer.item = *item;
    }
}

static void answer_write(struct sim *sim, struct sim_coord_call *call)
{
    const struct kh_coord_op *op = &call->op;
    struct sim_coord_row *row = need(sim, op->place, op->kind, op->key);
    struct kh_coord_item item = row->item;
    bool exists = row->exists;

    call->answer.outcome = kh_coord_op_apply(op, &exists, &item);
    if (call->answer.outcome == KH_LEASE_DONE) {
        change(sim, row, exists, &item);
    }
    call->answer.found = row->exists;
    call->answer.item = row->item;
}

void sim_coord_apply(struct sim *sim, const struct sim_request *request)
{
    struct sim_coord_call *call = request->coord;
    const struct kh_coord_op *op = &call->op;

    call->answer = (struct kh_coord_answer){
        .id = op->id, .verb = op->verb, .kind = op->kind, .outcome = KH_LEASE_DONE};
    switch (op->verb) {
    case KH_COORD_LAYOUT:
        answer_layout(sim, &call->answer);
        return;
    case KH_COORD_OWNED:
        answer_owned(sim, call);
        return;
    case KH_COORD_MAKE_INDEX:
        sim_coord_make_index(sim, sim_draw(sim, KH_SECONDS(5), KH_SECONDS(40)));
        return;
    case KH_COORD_LIST_STATS:
    case KH_COORD_GET:
    case KH_COORD_PUT:
    case KH_COORD_UPDATE:
    case KH_COORD_DELETE:
        break;
    }
    if (!has_table(sim, op)) {
        fail(&call->answer, KH_NOTFOUND);
    } else if (op->verb == KH_COORD_LIST_STATS) {
        answer_stats(sim, call);
    } else if (op->verb == KH_COORD_GET) {
        answer_get(sim, call);
    } else {
        answer_write(sim, call);
    }
}

void sim_coord_submit(struct sim *sim, uint32_t worker, const struct kh_coord_op *op)
{
    struct sim_request *request = sim_request_new(sim, worker);

    if (!kh_coord_op_is_sound(op)) {
        sim_fail(sim, "%c asks the coordinator for nothing sound", sim_letter(worker));
    }
    request->coord = kh_mem_new(1, sizeof *request->coord);
    request->coord->op = *op;
    request->coord->answer =
        (struct kh_coord_answer){.id = op->id, .verb = op->verb, .kind = op->kind};
    sim_request_send(sim, request);
}
