#include "core/shards.h"

#include <string.h>

#include "base/assert.h"
#include "base/mem.h"

/* Generations of splits and merges that one listing can hold; Kinesis keeps a shard for at most a
 * year. */
#define GENERATIONS_MAX 10000

struct span {
    unsigned __int128 start;
    unsigned __int128 end;
};

/* What is known of one listed shard while planning. */
struct node {
    const struct kh_shard *shard;
    bool has_lease;
    bool has_child; /* in the listing */
    bool last;      /* of its line: open, or the end of an archive */
    bool needed;    /* an open shard without a lease, or an ancestor of one with no lease between
                     * them */
    bool settled;   /* the two below are final */
    bool is_descendant; /* has a lease, or descends from a shard that has one or gets one */
    bool create;
    const char *sentinel;
};

struct planner {
    struct node *nodes; /* owned */
    size_t n;
    struct kh_map by_id; /* shard id -> struct node */
    enum kh_position_type initial;
};

void kh_shard_plan_init(struct kh_shard_plan *plan)
{
    *plan = (struct kh_shard_plan){0};
}

void kh_shard_plan_fini(struct kh_shard_plan *plan)
{
    kh_mem_free(plan->leases);
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

/* Insert where it belongs: plans are short, and built once. */
static void plan_lease(struct kh_shard_plan *plan, const struct kh_shard **order,
                       const struct kh_shard *shard, const char *sentinel)
{
    size_t at = plan->n;

    if (plan->n == plan->capacity) {
        plan->capacity = kh_mem_grown(plan->capacity, plan->n + 1);
        plan->leases = kh_mem_resize(plan->leases, plan->capacity, sizeof(*plan->leases));
    }
    while (at > 0 && creation_cmp(shard, order[at - 1]) < 0) {
        plan->leases[at] = plan->leases[at - 1];
        order[at] = order[at - 1];
        at--;
    }
    order[at] = shard;
    kh_lease_for_shard(&plan->leases[at], shard, sentinel);
    plan->n++;
}

void kh_shards_plan_all(struct kh_shard_plan *plan, const struct kh_shard *shards, size_t n,
                        enum kh_position_type initial)
{
    const struct kh_shard **order = kh_mem_new(n + 1, sizeof(const struct kh_shard *));

    for (size_t i = 0; i < n; i++) {
        plan_lease(plan, order, &shards[i], kh_shards_initial_sentinel(initial));
    }
    kh_mem_free(order);
}

static struct node *parent_of(const struct planner *planner, const struct node *node, unsigned i)
{
    return kh_map_get(&planner->by_id, kh_str(node->shard->parents[i]));
}

/* A closed shard without children is not of this moment, but somebody may have kept it: it is read
 * unless only what comes from now on is wanted. */
static void find_last(struct planner *planner)
{
    for (size_t i = 0; i < planner->n; i++) {
        const struct node *node = &planner->nodes[i];

        for (unsigned p = 0; p < node->shard->parents_n; p++) {
            struct node *parent = parent_of(planner, node, p);

            if (parent != NULL) {
                parent->has_child = true;
            }
        }
    }
    for (size_t i = 0; i < planner->n; i++) {
        struct node *node = &planner->nodes[i];

        node->last =
            node->shard->open || (!node->has_child && planner->initial != KH_POSITION_LATEST);
    }
}

static void planner_init(struct planner *planner, const struct kh_shard *shards, size_t n,
                         const struct kh_table *table, enum kh_position_type initial)
{
    *planner = (struct planner){.n = n, .initial = initial};
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
        const struct node *node = &planner->nodes[i];

        for (unsigned p = 0; p < node->shard->parents_n; p++) {
            const struct node *parent = parent_of(planner, node, p);

            if (parent != NULL && parent->shard->open) {
                return true;
            }
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
    for (unsigned p = 0; p < node->shard->parents_n; p++) {
        const struct node *parent = parent_of(planner, node, p);

        node->is_descendant |= parent != NULL && (parent->is_descendant || parent->create);
    }
    if (!node->is_descendant) {
        node->create = planner->initial != KH_POSITION_LATEST;
        node->sentinel = kh_shards_initial_sentinel(planner->initial);
        return;
    }
    /* A merge of one shard whose line is read already with one whose line is not: that parent must
     * be read too. */
    for (unsigned p = 0; p < node->shard->parents_n; p++) {
        struct node *parent = parent_of(planner, node, p);

        if (parent != NULL && !parent->has_lease && !parent->is_descendant && !parent->create) {
            parent->create = true;
            parent->sentinel = kh_shards_initial_sentinel(planner->initial);
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

/* From the last shards without a lease up to the nearest shards that have one. */
static void mark_needed(struct planner *planner)
{
    bool moved = true;

    for (size_t i = 0; i < planner->n; i++) {
        planner->nodes[i].needed = planner->nodes[i].last && !planner->nodes[i].has_lease;
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

void kh_shards_plan_missing(struct kh_shard_plan *plan, const struct kh_shard *shards, size_t n,
                            const struct kh_table *table, enum kh_position_type initial,
                            bool ignore_unexpected_children)
{
    const struct kh_shard **order = kh_mem_new(n + 1, sizeof(const struct kh_shard *));
    struct planner planner;

    planner_init(&planner, shards, n, table, initial);
    plan->inconsistent = !ignore_unexpected_children && has_unexpected_child(&planner);
    if (!plan->inconsistent) {
        mark_needed(&planner);
        settle_all(&planner);
    }
    for (size_t i = 0; i < n && !plan->inconsistent; i++) {
        struct node *node = &planner.nodes[i];

        /* LATEST: an open shard of a line nobody reads starts at its tip. */
        if (node->last && !node->has_lease && !node->is_descendant && !node->create) {
            node->create = true;
            node->sentinel = kh_shards_initial_sentinel(initial);
        }
        if (node->create && !node->has_lease) {
            plan_lease(plan, order, node->shard, node->sentinel);
        }
    }
    planner_fini(&planner);
    kh_mem_free(order);
}

static bool span_of(const struct kh_hash_range *range, struct span *span)
{
    return kh_hash_key_parse(kh_str(range->start), &span->start) &&
           kh_hash_key_parse(kh_str(range->end), &span->end);
}

static void sort_spans(struct span *spans, size_t n)
{
    for (size_t i = 1; i < n; i++) {
        struct span span = spans[i];
        size_t at = i;

        while (at > 0 && spans[at - 1].start > span.start) {
            spans[at] = spans[at - 1];
            at--;
        }
        spans[at] = span;
    }
}

/* Sweep over sorted spans; exact: no two may overlap. */
static bool spans_cover(const struct span *spans, size_t n, bool exact)
{
    const unsigned __int128 last = ~(unsigned __int128)0;
    unsigned __int128 reached;

    if (n == 0 || spans[0].start != 0) {
        return false;
    }
    reached = spans[0].end;
    for (size_t i = 1; i < n; i++) {
        if (reached == last) {
            return !exact;
        }
        if (spans[i].start > reached + 1 || (exact && spans[i].start != reached + 1)) {
            return false;
        }
        reached = spans[i].end > reached ? spans[i].end : reached;
    }
    return reached == last;
}

bool kh_shards_cover(const struct kh_shard *shards, size_t n)
{
    struct span *spans = kh_mem_new(n + 1, sizeof(*spans));
    bool known = true;
    bool cover;

    for (size_t i = 0; i < n && known; i++) {
        known = span_of(&shards[i].range, &spans[i]);
    }
    sort_spans(spans, known ? n : 0);
    cover = known && spans_cover(spans, n, true);
    kh_mem_free(spans);
    return cover;
}

bool kh_shards_has_hole(const struct kh_table *table)
{
    size_t n = kh_table_n(table);
    struct span *spans = kh_mem_new(n + 1, sizeof(*spans));
    size_t spans_n = 0;
    bool known = true;
    bool cover;

    for (size_t i = 0; i < n && known; i++) {
        const struct kh_lease *lease = &kh_table_at(table, i)->lease;

        if (!kh_lease_is_finished(lease)) {
            known = span_of(&lease->range, &spans[spans_n]);
            spans_n++;
        }
    }
    sort_spans(spans, known ? spans_n : 0);
    cover = known && spans_cover(spans, spans_n, false);
    kh_mem_free(spans);
    return !cover;
}
