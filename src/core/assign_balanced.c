/* The rules of KCL 2.x: each worker counts owners, knows its share, takes what is free and steals
 * what is missing. Chosen differences: an unowned lease that is seen for the first time is not
 * "very old" (in Java it is, and then nobody looks at the target); all workers share out what is
 * free in one order and each takes its own part at once, so that none loses a race, and takes of
 * the rest only what nobody else came for; a worker that is giving its leases up gets no part, and
 * does not keep the others waiting until its last one is free. */
#include "core/assign.h"

#include <string.h>

#include "base/assert.h"
#include "base/mem.h"

/* KCL: a lease nobody renewed for three times the failover time is taken whatever the target
 * says. */
#define VERY_OLD_FACTOR 3

/* Up to so many free leases are put in order, so that all workers share them out alike. */
#define SORTED_ROWS_MAX 512

struct owner {
    const char *id; /* borrowed from a row */
    uint32_t leases_n;
    bool leaving; /* it is giving its leases up */
};

/* What one round has to know about the fleet. */
struct view {
    const struct kh_table *table;
    const struct kh_assign_self *self;
    struct kh_map owners;      /* worker id -> struct owner, alive ones other than us */
    struct owner *owner_space; /* owned */
    size_t owners_n;
    uint32_t mine_n;
    uint32_t
        working_n; /* of them, those that are not finished: only these count against the maximum */
    struct kh_table_row **rows; /* owned: a scratch list */
    size_t rows_n;
};

static bool is_me(const struct view *view, const char *worker_id)
{
    return strcmp(worker_id, view->self->ctx->config.worker_id) == 0;
}

static bool is_worked_on(const struct view *view, const struct kh_table_row *row)
{
    return kh_map_get(view->self->held, kh_str(row->lease.key)) != NULL;
}

/* What we work on for its next owner counts as the next owner's. */
static bool is_held(const struct view *view, const struct kh_table_row *row)
{
    if (row->taking || is_me(view, row->lease.owner)) {
        return true;
    }
    return is_worked_on(view, row) && !is_me(view, row->lease.checkpoint_owner);
}

static bool is_available(const struct view *view, const struct kh_table_row *row)
{
    return !is_held(view, row) && !is_worked_on(view, row) &&
           !kh_assign_is_shunned(view->self, row) &&
           kh_table_row_available(row, view->self->seen_at_ms, view->self->ctx->config.failover_ms);
}

static void count_owner(struct view *view, const char *id)
{
    struct owner *owner = kh_map_get(&view->owners, kh_str(id));

    if (owner == NULL) {
        owner = &view->owner_space[view->owners_n++];
        *owner = (struct owner){.id = id};
        kh_map_add(&view->owners, kh_str(id), owner);
    }
    owner->leases_n++;
}

static void view_init(struct view *view, const struct kh_table *table,
                      const struct kh_assign_self *self)
{
    size_t n = kh_table_n(table);

    *view = (struct view){.table = table, .self = self};
    kh_map_init(&view->owners);
    view->owner_space = kh_mem_new(n + 1, sizeof(*view->owner_space));
    view->rows = kh_mem_new(n + 1, sizeof(struct kh_table_row *));
    for (size_t i = 0; i < n; i++) {
        const struct kh_table_row *row = kh_table_at(table, i);

        if (is_held(view, row)) {
            view->mine_n++;
            view->working_n += !kh_lease_is_finished(&row->lease);
        } else if (!is_available(view, row) && row->lease.owner[0] != '\0') {
            count_owner(view, row->lease.owner);
        }
    }
}

static void view_fini(struct view *view)
{
    kh_map_fini(&view->owners);
    kh_mem_free(view->owner_space);
    kh_mem_free(view->rows);
}

static uint32_t at_most(uint32_t n, uint32_t most)
{
    return n < most ? n : most;
}

/* Shuffled, so that workers that look at the same moment do not reach for the same lease. */
static void shuffle(struct view *view)
{
    for (size_t i = view->rows_n; i > 1; i--) {
        size_t j = (size_t)kh_rand_below(&view->self->ctx->rand, i);
        struct kh_table_row *row = view->rows[i - 1];

        view->rows[i - 1] = view->rows[j];
        view->rows[j] = row;
    }
}

static uint32_t target(const struct view *view)
{
    uint32_t leases_n = (uint32_t)kh_table_n(view->table);
    uint32_t workers_n = (uint32_t)view->owners_n + 1;

    return workers_n >= leases_n ? 1 : (leases_n + workers_n - 1) / workers_n;
}

/* How many more the settings allow. A finished lease is no work, and must not keep its children
 * from being taken. */
static uint32_t places_left(const struct view *view)
{
    uint32_t most = view->self->ctx->config.leases_max;

    return view->working_n < most ? most - view->working_n : 0;
}

static void pick(struct view *view, struct kh_wishes *wishes, uint32_t most, bool steal)
{
    shuffle(view);
    for (size_t i = 0; i < view->rows_n && i < most; i++) {
        kh_wishes_add(wishes, (struct kh_wish){.row = view->rows[i],
                                               .to = view->self->ctx->config.worker_id,
                                               .steal = steal});
    }
}

/* ---- what is free ---- */

static void mark_leaving(struct view *view)
{
    for (size_t i = 0; i < view->rows_n; i++) {
        for (size_t o = 0; o < view->owners_n && view->rows[i]->released_by != 0; o++) {
            struct owner *owner = &view->owner_space[o];

            owner->leaving |= kh_str_hash(kh_str(owner->id)) == view->rows[i]->released_by;
        }
    }
}

static void sort_by_key(struct view *view)
{
    for (size_t i = 1; i < view->rows_n && view->rows_n <= SORTED_ROWS_MAX; i++) {
        struct kh_table_row *row = view->rows[i];
        size_t at = i;

        while (at > 0 && strcmp(view->rows[at - 1]->lease.key, row->lease.key) > 0) {
            view->rows[at] = view->rows[at - 1];
            at--;
        }
        view->rows[at] = row;
    }
}

/* Whose turn it is; ours comes last in owner_space. */
static struct owner *least_busy(const struct view *view, uint32_t places)
{
    struct owner *least = NULL;

    for (size_t i = 0; i <= view->owners_n; i++) {
        struct owner *owner = &view->owner_space[i];
        bool full = i == view->owners_n && places == 0;

        if (owner->leaving || full) {
            continue;
        }
        if (least == NULL || owner->leases_n < least->leases_n ||
            (owner->leases_n == least->leases_n && strcmp(owner->id, least->id) < 0)) {
            least = owner;
        }
    }
    return least;
}

/* It has been free for two looks at the table, and whoever could have taken it has not. */
static bool is_left_over(const struct view *view, const struct kh_table_row *row)
{
    const struct kh_worker_config *config = &view->self->ctx->config;
    kh_ms free_ms = view->self->seen_at_ms - row->changed_at_ms;

    return free_ms > 2 * config->list_ms + (row->lease.owner[0] != '\0' ? config->failover_ms : 0);
}

static void take_part(struct view *view, struct kh_wishes *wishes, uint32_t target_n)
{
    struct owner *me = &view->owner_space[view->owners_n];
    uint32_t places = places_left(view);
    size_t others_n = 0;

    *me = (struct owner){.id = view->self->ctx->config.worker_id, .leases_n = view->mine_n};
    mark_leaving(view);
    sort_by_key(view);
    for (size_t i = 0; i < view->rows_n; i++) {
        struct owner *owner = least_busy(view, places);

        if (owner == NULL) {
            break;
        }
        owner->leases_n++;
        if (owner == me) {
            places--;
            kh_wishes_add(wishes, (struct kh_wish){.row = view->rows[i], .to = me->id});
        } else if (is_left_over(view, view->rows[i])) {
            view->rows[others_n++] = view->rows[i];
        }
    }
    view->rows_n = others_n;
    if (me->leases_n < target_n) {
        pick(view, wishes, at_most(target_n - me->leases_n, places), false);
    }
}

static void collect_available(struct view *view, kh_ms older_than_ms)
{
    view->rows_n = 0;
    for (size_t i = 0; i < kh_table_n(view->table); i++) {
        struct kh_table_row *row = kh_table_at(view->table, i);

        if (is_available(view, row) &&
            view->self->seen_at_ms - row->changed_at_ms > older_than_ms) {
            view->rows[view->rows_n++] = row;
        }
    }
}

static bool take_very_old(struct view *view, struct kh_wishes *wishes)
{
    const struct kh_worker_config *config = &view->self->ctx->config;

    if (!config->take_very_old) {
        return false;
    }
    collect_available(view, VERY_OLD_FACTOR * config->failover_ms);
    if (view->rows_n == 0) {
        return false;
    }
    pick(view, wishes, places_left(view), false);
    return true;
}

static struct owner *busiest(struct view *view)
{
    struct owner *most = NULL;

    for (size_t i = 0; i < view->owners_n; i++) {
        if (most == NULL || view->owner_space[i].leases_n > most->leases_n) {
            most = &view->owner_space[i];
        }
    }
    return most;
}

/* How many one owner has too many, and we too few. */
static uint32_t surplus(const struct owner *victim, uint32_t target_n, uint32_t needed)
{
    uint32_t n;

    if (victim == NULL || victim->leases_n < target_n) {
        return 0;
    }
    n = victim->leases_n - target_n;
    n = at_most(needed, n);
    return n == 0 && needed > 1 ? 1 : n;
}

/* A lease on its way from one owner to another is let alone, unless it got stuck there. */
static bool can_be_robbed(const struct view *view, const struct kh_table_row *row,
                          const struct owner *victim)
{
    const struct kh_worker_config *config = &view->self->ctx->config;

    return !is_held(view, row) && !is_available(view, row) &&
           !kh_assign_is_shunned(view->self, row) && strcmp(row->lease.owner, victim->id) == 0 &&
           !is_worked_on(view, row) &&
           (row->lease.checkpoint_owner[0] == '\0' ||
            kh_table_row_is_overdue(row, view->self->seen_at_ms, config->failover_ms,
                                    config->hand_over_ms));
}

static bool is_handed_over(const struct view *view, const struct kh_table_row *row)
{
    return view->self->ctx->config.hand_over && kh_lease_can_be_handed_over(&row->lease);
}

/* The leases of one owner that can be had; those it would hand over, if there are any. */
static bool collect_of(struct view *view, const struct owner *victim)
{
    bool handed_over = false;

    view->rows_n = 0;
    for (size_t i = 0; i < kh_table_n(view->table); i++) {
        struct kh_table_row *row = kh_table_at(view->table, i);

        if (!can_be_robbed(view, row, victim) || (handed_over && !is_handed_over(view, row))) {
            continue;
        }
        if (!handed_over && is_handed_over(view, row)) {
            handed_over = true;
            view->rows_n = 0;
        }
        view->rows[view->rows_n++] = row;
    }
    return handed_over;
}

/* From the busiest first. What is handed over costs nobody a record twice, so all of it is asked
 * for at once; of the rest steal_max is taken in one round. */
static void steal(struct view *view, struct kh_wishes *wishes, uint32_t target_n, uint32_t needed)
{
    uint32_t robbed_n = 0;

    for (size_t round = 0; round < view->owners_n && needed > 0; round++) {
        struct owner *victim = busiest(view);
        uint32_t n = surplus(victim, target_n, needed);
        size_t before = wishes->n;

        if (n == 0) {
            return;
        }
        if (!collect_of(view, victim)) {
            uint32_t left = view->self->ctx->config.steal_max - robbed_n;

            n = at_most(n, left);
            robbed_n += n;
        }
        pick(view, wishes, n, true);
        needed -= (uint32_t)(wishes->n - before);
        victim->leases_n = 0; /* done with this one */
    }
}

void kh_assign_balanced(const struct kh_table *table, const struct kh_assign_workers *workers,
                        const struct kh_assign_self *self, struct kh_wishes *wishes)
{
    struct view view;
    uint32_t target_n;

    (void)workers; /* their leases show all of them that counts here */
    kh_assert(self->ctx->config.leases_max > 0);
    if (kh_table_n(table) == 0) {
        return;
    }
    view_init(&view, table, self);
    target_n = target(&view);
    if (!take_very_old(&view, wishes)) {
        collect_available(&view, INT64_MIN);
        if (view.rows_n > 0) {
            take_part(&view, wishes, target_n);
        } else if (view.mine_n < target_n) {
            steal(&view, wishes, target_n, at_most(target_n - view.mine_n, places_left(&view)));
        }
    }
    view_fini(&view);
}
