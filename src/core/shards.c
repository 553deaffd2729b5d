#include "core/shards.h"

#include <string.h>

#include "base/assert.h"
#include "base/mem.h"

/* Generations of splits and merges that one listing can hold; Kinesis keeps a shard for at most a
 * year. */
#define GENERATIONS_MAX 10000

/* What is known of one listed shard while planning. */
struct node {
    const struct kh_shard *shard;
    bool has_lease;
    bool has_child;     /* in the listing */
    bool is_unexpected; /* a parent of it still counts as open */
    bool last;          /* of its line: open, or the end of an archive */
    bool needed;  /* an open shard without a lease, or the child of one that is being read; or an
                   * ancestor of such a one with no lease between them */
    bool settled; /* the two below are final */
    bool is_descendant; /* has a lease, or descends from a shard that has one or gets one */
    bool create;
};

struct planner {
    struct node *nodes; /* owned */
    size_t n;
    struct kh_map by_id;          /* shard id -> struct node */
    const struct kh_table *table; /* borrowed */
    enum kh_position_type initial;
};

void kh_shard_plan_init(struct kh_shard_plan *plan)
{
    *plan = (struct kh_shard_plan){0};
}

void kh_shard_plan_fini(struct kh_shard_plan *plan)
{
    kh_mem_free(plan->steps);
    *plan = (struct kh_shard_plan){0};
}

const char *kh_shards_initial_sentinel(enum kh_position_type initial)
{
    switch (initial) {
    case KH_POSITION_TRIM_HORIZON:
        return KH_SEQ_TRIM_HORIZON;
    case KH_POSITION_LATEST:
        return KH_SEQ_LATEST;
    case KH_POSITION_AT_TIMESTAMP:
        return KH_SEQ_AT_TIMESTAMP;
    case KH_POSITION_AT_SEQUENCE:
    case KH_POSITION_AFTER_SEQUENCE:
        break;
    }
    kh_assert(false);
    return "";
}

/* Order of creation: starting sequence number, then id, as Java does it. A shard without a number
 * counts as 0. */
static struct kh_str start_of(const struct kh_shard *shard)
{
    return shard->start_seq[0] != '\0' ? kh_str(shard->start_seq) : KH_STR("0");
}

static int creation_cmp(const struct kh_shard *a, const struct kh_shard *b)
{
    int cmp = kh_seqno_cmp(start_of(a), start_of(b));

    return cmp != 0 ? cmp : strcmp(a->id, b->id);
}

static struct kh_shard_step *add_step(struct kh_shard_plan *plan)
{
    if (plan->n == plan->capacity) {
        plan->capacity = kh_mem_grown(plan->capacity, plan->n + 1);
        plan->steps = kh_mem_resize(plan->steps, plan->capacity, sizeof(*plan->steps));
    }
    return &plan->steps[plan->n++];
}

/* Insert where it belongs: plans are short, and built once. */
static struct kh_shard_step *plan_lease(struct kh_shard_plan *plan, const struct kh_shard **order,
                                        const struct kh_shard *shard, const char *sentinel)
{
    size_t at = plan->n;
    struct kh_shard_step *step;

    (void)add_step(plan);
    while (at > 0 && creation_cmp(shard, order[at - 1]) < 0) {
        plan->steps[at] = plan->steps[at - 1];
        order[at] = order[at - 1];
        at--;
    }
    order[at] = shard;
    step = &plan->steps[at];
    *step = (struct kh_shard_step){.type = KH_SHARD_CREATE};
    kh_lease_for_shard(&step->lease, shard, sentinel);
    return step;
}

void kh_shards_plan_all(struct kh_shard_plan *plan, const struct kh_shard *shards, size_t n,
                        enum kh_position_type initial)
{
    const struct kh_shard **order = kh_mem_new(n + 1, sizeof(const struct kh_shard *));

    for (size_t i = 0; i < n; i++) {
        (void)plan_lease(plan, order, &shards[i], kh_shards_initial_sentinel(initial));
    }
    kh_mem_free(order);
}

static struct node *parent_of(const struct planner *planner, const struct node *node, unsigned i)
{
    return kh_map_get(&planner->by_id, kh_str(node->shard->parents[i]));
}

static void look_at_parents(struct planner *planner, struct node *node)
{
    for (unsigned p = 0; p < node->shard->parents_n; p++) {
        struct node *parent = parent_of(planner, node, p);

        if (parent != NULL) {
            parent->has_child = true;
            node->is_unexpected |= parent->shard->open;
        }
    }
}

/* A closed shard without children is not of this moment, but somebody may have kept it: it is read
 * unless only what comes from now on is wanted. */
static void find_last(struct planner *planner)
{
    for (size_t i = 0; i < planner->n; i++) {
        look_at_parents(planner, &planner->nodes[i]);
    }
    for (size_t i = 0; i < planner->n; i++) {
        struct node *node = &planner->nodes[i];

        node->last =
            !node->is_unexpected &&
            (node->shard->open || (!node->has_child && planner->initial != KH_POSITION_LATEST));
    }
}

static void planner_init(struct planner *planner, const struct kh_shard *shards, size_t n,
                         const struct kh_table *table, enum kh_position_type initial)
{
    *planner = (struct planner){.n = n, .table = table, .initial = initial};
    planner->nodes = kh_mem_new(n + 1, sizeof(*planner->nodes));
    kh_map_init(&planner->by_id);
    for (size_t i = 0; i < n; i++) {
        struct node *node = &planner->nodes[i];

        node->shard = &shards[i];
        node->has_lease = kh_table_find(table, shards[i].id) != NULL;
        if (kh_map_get(&planner->by_id, kh_str(shards[i].id)) == NULL) {
            kh_map_add(&planner->by_id, kh_str(shards[i].id), node);
        }
    }
    find_last(planner);
}

static void planner_fini(struct planner *planner)
{
    kh_map_fini(&planner->by_id);
    kh_mem_free(planner->nodes);
}

/* The listing was taken while a reshard went on: a child is there, its parent still counts as
 * open. */
static bool has_unexpected_child(const struct planner *planner)
{
    for (size_t i = 0; i < planner->n; i++) {
        if (planner->nodes[i].is_unexpected) {
            return true;
        }
    }
    return false;
}

/* In the listing or not. */
static bool has_parent_with_lease(const struct planner *planner, const struct node *node)
{
    for (unsigned p = 0; p < node->shard->parents_n; p++) {
        if (kh_table_find(planner->table, node->shard->parents[p]) != NULL) {
            return true;
        }
    }
    return false;
}

/* All parents in the listing are settled: settle this one. */
static void settle(struct planner *planner, struct node *node)
{
    node->settled = true;
    node->is_descendant = node->has_lease;
    if (!node->needed) {
        return;
    }
    node->is_descendant |= has_parent_with_lease(planner, node);
    for (unsigned p = 0; p < node->shard->parents_n; p++) {
        const struct node *parent = parent_of(planner, node, p);

        node->is_descendant |= parent != NULL && (parent->is_descendant || parent->create);
    }
    if (!node->is_descendant) {
        node->create = planner->initial != KH_POSITION_LATEST;
        return;
    }
    /* A merge of one shard whose line is read already with one whose line is not: that parent must
     * be read too. */
    for (unsigned p = 0; p < node->shard->parents_n; p++) {
        struct node *parent = parent_of(planner, node, p);

        if (parent != NULL && !parent->has_lease && !parent->is_descendant && !parent->create) {
            parent->create = true;
        }
    }
}

/* True if a parent has become needed through this node. */
static bool mark_parents(const struct planner *planner, const struct node *node)
{
    bool moved = false;

    for (unsigned p = 0; node->needed && p < node->shard->parents_n; p++) {
        struct node *parent = parent_of(planner, node, p);

        if (parent != NULL && !parent->has_lease && !parent->needed) {
            parent->needed = true;
            moved = true;
        }
    }
    return moved;
}

/* Somebody is reading a closed parent of it, and will look for its other parent at the end. */
static bool is_awaited(const struct planner *planner, const struct node *node)
{
    for (unsigned p = 0; p < node->shard->parents_n; p++) {
        const struct node *parent = parent_of(planner, node, p);
        const struct kh_table_row *row = kh_table_find(planner->table, node->shard->parents[p]);

        if (row != NULL && !kh_lease_is_finished(&row->lease) &&
            (parent == NULL || !parent->shard->open)) {
            return true;
        }
    }
    return false;
}

/* From the last shards without a lease up to the nearest shards that have one. */
static void mark_needed(struct planner *planner)
{
    bool moved = true;

    for (size_t i = 0; i < planner->n; i++) {
        struct node *node = &planner->nodes[i];

        node->needed = !node->has_lease && (node->last || is_awaited(planner, node));
    }
    for (unsigned generation = 0; moved && generation < GENERATIONS_MAX; generation++) {
        moved = false;
        for (size_t i = planner->n; i > 0; i--) {
            moved |= mark_parents(planner, &planner->nodes[i - 1]);
        }
    }
}

static bool parents_settled(const struct planner *planner, const struct node *node)
{
    for (unsigned p = 0; p < node->shard->parents_n; p++) {
        const struct node *parent = parent_of(planner, node, p);

        if (parent != NULL && !parent->settled) {
            return false;
        }
    }
    return true;
}

/* Parents before children, generation after generation; a listing whose parents form a circle stops
 * moving. */
static void settle_all(struct planner *planner)
{
    bool moved = true;

    for (unsigned generation = 0; moved && generation < GENERATIONS_MAX; generation++) {
        moved = false;
        for (size_t i = 0; i < planner->n; i++) {
            struct node *node = &planner->nodes[i];

            if (!node->settled && parents_settled(planner, node)) {
                settle(planner, node);
                moved = true;
            }
        }
    }
}

/* The leases that Java's rules want. */
static void plan_lines(struct planner *planner, struct kh_shard_plan *plan,
                       const struct kh_shard **order)
{
    mark_needed(planner);
    settle_all(planner);
    for (size_t i = 0; i < planner->n; i++) {
        struct node *node = &planner->nodes[i];

        /* LATEST: an open shard of a line nobody reads starts at its tip. */
        if (node->last && !node->has_lease && !node->is_descendant) {
            node->create = true;
        }
        if (node->create && !node->has_lease) {
            (void)plan_lease(plan, order, node->shard,
                             kh_shards_initial_sentinel(planner->initial));
        }
    }
}

/* The id of a parent that is finished, if the others are too, or are gone without a trace; else
 * NULL. */
static const char *finished_parent(const struct planner *planner, const struct node *node)
{
    const char *finished = NULL;

    for (unsigned p = 0; p < node->shard->parents_n; p++) {
        const struct kh_table_row *row = kh_table_find(planner->table, node->shard->parents[p]);

        if (row == NULL ? parent_of(planner, node, p) != NULL
                        : !kh_lease_is_finished(&row->lease)) {
            return NULL;
        }
        finished = row != NULL ? row->lease.key : finished;
    }
    return finished;
}

/* Shards whose parents were read to their end, and which got no lease then: the end of such a
 * parent came without the names of its children, or somebody has deleted the lease. */
static void plan_orphans(const struct planner *planner, struct kh_shard_plan *plan,
                         const struct kh_shard **order)
{
    for (size_t i = 0; i < planner->n; i++) {
        const struct node *node = &planner->nodes[i];
        const char *parent = finished_parent(planner, node);

        if (parent != NULL && !node->has_lease && !node->create && !node->is_unexpected) {
            struct kh_shard_step *step = plan_lease(plan, order, node->shard, KH_SEQ_TRIM_HORIZON);

            step->type = KH_SHARD_CREATE_IF;
            memcpy(step->parent, parent, strlen(parent) + 1);
        }
    }
}

static void plan_ranges(const struct planner *planner, struct kh_shard_plan *plan)
{
    for (size_t i = 0; i < planner->n; i++) {
        const struct kh_shard *shard = planner->nodes[i].shard;
        const struct kh_table_row *row = kh_table_find(planner->table, shard->id);

        if (row != NULL && !kh_lease_is_finished(&row->lease) &&
            row->lease.range.start[0] == '\0' && kh_hash_range_is_sound(&shard->range)) {
            struct kh_shard_step *step = add_step(plan);

            *step = (struct kh_shard_step){.type = KH_SHARD_FILL_RANGE};
            memcpy(step->lease.key, shard->id, sizeof(step->lease.key));
            step->lease.range = shard->range;
        }
    }
}

void kh_shards_plan_missing(struct kh_shard_plan *plan, const struct kh_shard *shards, size_t n,
                            const struct kh_table *table, enum kh_position_type initial,
                            bool ignore_unexpected_children)
{
    const struct kh_shard **order = kh_mem_new(n + 1, sizeof(const struct kh_shard *));
    struct planner planner;

    planner_init(&planner, shards, n, table, initial);
    plan->inconsistent = !ignore_unexpected_children && has_unexpected_child(&planner);
    if (!plan->inconsistent) {
        plan_lines(&planner, plan, order);
        plan_orphans(&planner, plan, order);
        plan_ranges(&planner, plan);
    }
    planner_fini(&planner);
    kh_mem_free(order);
}
