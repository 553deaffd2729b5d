#include "core/shards.h"

#include <check.h>
#include <stdio.h>
#include <string.h>

#include "base/rand.h"
#include "tests/lib/suite.h"

/* The rules of KCL's HierarchicalShardSyncer (getLeasesToCreate of a table that is not empty),
 * written down plainly, against kh_shards_plan_missing() on random streams and tables. */

#define SHARDS_MAX  64
#define HISTORIES_N 4000

struct model {
    struct kh_shard shards[SHARDS_MAX]; /* all that there ever were, in order of creation */
    unsigned low[SHARDS_MAX];           /* hash range, in pieces of the hash space */
    unsigned high[SHARDS_MAX];
    bool listed[SHARDS_MAX]; /* not past retention */
    bool leased[SHARDS_MAX];
    bool finished[SHARDS_MAX];
    unsigned n;
    uint64_t seq;
};

/* What Java knows while it plans. */
struct java {
    const struct model *model;
    enum kh_position_type initial;
    bool ours; /* with the differences that shards.h names */
    bool known[SHARDS_MAX];
    bool descendant[SHARDS_MAX]; /* memoised */
    bool should_create[SHARDS_MAX];
    bool made[SHARDS_MAX];
    const char *checkpoint[SHARDS_MAX];
    bool if_parent[SHARDS_MAX];
};

static struct model model;
static struct java java;
static struct kh_table table;
static struct kh_shard_plan plan;
static struct kh_rand dice;
static unsigned differing_n;

static void setup(void)
{
    kh_shard_plan_init(&plan);
}

static void teardown(void)
{
    kh_shard_plan_fini(&plan);
}

static bool chance(unsigned per_mille)
{
    return kh_rand_chance(&dice, per_mille);
}

/* ---- a stream and its history ---- */

static unsigned add_shard(unsigned low, unsigned high)
{
    struct kh_shard *shard = &model.shards[model.n];

    memset(shard, 0, sizeof(*shard));
    (void)snprintf(shard->id, sizeof(shard->id), "s%02u", model.n);
    (void)snprintf(shard->start_seq, sizeof(shard->start_seq), "%llu",
                   (unsigned long long)model.seq);
    shard->open = true;
    model.low[model.n] = low;
    model.high[model.n] = high;
    model.listed[model.n] = true;
    return model.n++;
}

static void adopt(unsigned parent, unsigned child)
{
    struct kh_shard *shard = &model.shards[child];

    memcpy(shard->parents[shard->parents_n++], model.shards[parent].id, sizeof(shard->id));
    model.shards[parent].open = false;
}

static void split(unsigned parent)
{
    unsigned middle = (model.low[parent] + model.high[parent]) / 2;

    if (model.n + 2 <= SHARDS_MAX && model.low[parent] < model.high[parent]) {
        adopt(parent, add_shard(model.low[parent], middle));
        adopt(parent, add_shard(middle + 1, model.high[parent]));
    }
}

static void merge(unsigned left)
{
    for (unsigned right = 0; right < model.n && model.n < SHARDS_MAX; right++) {
        if (model.shards[right].open && model.low[right] == model.high[left] + 1) {
            unsigned child = add_shard(model.low[left], model.high[right]);

            adopt(left, child);
            adopt(right, child);
            return;
        }
    }
}

static void make_stream(void)
{
    unsigned roots_n = 1 + (unsigned)kh_rand_below(&dice, 6);
    unsigned reshards_n = (unsigned)kh_rand_below(&dice, 30);

    memset(&model, 0, sizeof(model));
    model.seq = 5; /* numbers of different length meet */
    for (unsigned i = 0; i < roots_n; i++) {
        (void)add_shard(i * 100, i * 100 + 99);
    }
    for (unsigned i = 0; i < reshards_n; i++) {
        unsigned shard = (unsigned)kh_rand_below(&dice, model.n);

        model.seq += kh_rand_below(&dice, 20);
        if (model.shards[shard].open && chance(500)) {
            split(shard);
        } else if (model.shards[shard].open) {
            merge(shard);
        }
    }
}

/* The oldest closed shards pass retention; a child never does before its parent. */
static void let_time_pass(void)
{
    unsigned gone_n = chance(500) ? (unsigned)kh_rand_below(&dice, model.n) : 0;

    for (unsigned i = 0; i < gone_n && !model.shards[i].open; i++) {
        model.listed[i] = false;
    }
}

static int find(const char *id)
{
    for (unsigned i = 0; i < model.n; i++) {
        if (strcmp(model.shards[i].id, id) == 0) {
            return (int)i;
        }
    }
    return -1;
}

static int parent_of(unsigned shard, unsigned p)
{
    return find(model.shards[shard].parents[p]);
}

/* ---- Java ---- */

static bool make_lease(unsigned shard, const char *checkpoint)
{
    java.made[shard] = true;
    java.checkpoint[shard] = checkpoint;
    return true;
}

static bool check_descendant(unsigned shard);

static void make_parents(unsigned shard, const bool *is_descendant)
{
    const char *initial = kh_shards_initial_sentinel(java.initial);

    for (unsigned p = 0; p < model.shards[shard].parents_n; p++) {
        unsigned parent = (unsigned)parent_of(shard, p);

        if (!model.listed[parent] || model.leased[parent]) {
            continue;
        }
        if (java.made[parent] || java.should_create[parent] || !is_descendant[p]) {
            make_lease(parent, is_descendant[p] && java.initial != KH_POSITION_AT_TIMESTAMP
                                   ? KH_SEQ_TRIM_HORIZON
                                   : initial);
        }
    }
}

/* checkIfDescendantAndAddNewLeasesForAncestors, recursive as it is there. */
static bool check_descendant(unsigned shard)
{
    bool parents[KH_PARENTS_MAX] = {false};
    bool descendant = false;

    if (!model.listed[shard]) {
        return java.ours && model.leased[shard];
    }
    if (java.known[shard]) {
        return java.descendant[shard];
    }
    if (model.leased[shard]) {
        descendant = true;
    } else {
        for (unsigned p = 0; p < model.shards[shard].parents_n; p++) {
            unsigned parent = (unsigned)parent_of(shard, p);

            parents[p] = check_descendant(parent) || java.should_create[parent];
            descendant |= parents[p];
        }
        if (descendant) {
            make_parents(shard, parents);
        } else {
            java.should_create[shard] = java.initial != KH_POSITION_LATEST;
        }
    }
    java.known[shard] = true;
    java.descendant[shard] = descendant;
    return descendant;
}

static bool is_inconsistent(unsigned shard)
{
    for (unsigned p = 0; p < model.shards[shard].parents_n; p++) {
        unsigned parent = (unsigned)parent_of(shard, p);

        if (model.listed[parent] && model.shards[parent].open) {
            return true;
        }
    }
    return false;
}

/* Ours: each parent's lease is finished, or there is none and the parent is past retention. */
static bool is_orphan(unsigned shard)
{
    bool any = false;

    for (unsigned p = 0; p < model.shards[shard].parents_n; p++) {
        unsigned parent = (unsigned)parent_of(shard, p);

        if (model.leased[parent] ? !model.finished[parent] : model.listed[parent]) {
            return false;
        }
        any |= model.leased[parent];
    }
    return any;
}

/* Ours: a closed parent of it is being read. */
static bool is_awaited(unsigned shard)
{
    for (unsigned p = 0; p < model.shards[shard].parents_n; p++) {
        unsigned parent = (unsigned)parent_of(shard, p);

        if (model.leased[parent] && !model.finished[parent] &&
            !(model.listed[parent] && model.shards[parent].open)) {
            return true;
        }
    }
    return false;
}

static void make_java_plan(enum kh_position_type initial, bool ours)
{
    java = (struct java){.initial = initial, .ours = ours};
    for (unsigned i = 0; i < model.n; i++) {
        if (model.listed[i] && model.shards[i].open && !model.leased[i] && !is_inconsistent(i) &&
            !check_descendant(i)) {
            make_lease(i, kh_shards_initial_sentinel(initial));
        }
    }
    for (unsigned i = 0; i < model.n && ours; i++) {
        if (model.listed[i] && !model.leased[i] && is_awaited(i)) {
            ck_assert(check_descendant(i)); /* which makes the leases of its parents */
        }
    }
    for (unsigned i = 0; i < model.n && ours; i++) {
        if (model.listed[i] && !model.leased[i] && !is_inconsistent(i) && is_orphan(i)) {
            ck_assert(!java.made[i]);
            java.if_parent[i] = make_lease(i, KH_SEQ_TRIM_HORIZON);
        }
    }
}

/* ---- ours ---- */

static void make_table(void)
{
    struct kh_lease leases[SHARDS_MAX];
    size_t n = 0;

    for (unsigned i = 0; i < model.n; i++) {
        if (model.leased[i]) {
            kh_lease_for_shard(&leases[n], &model.shards[i],
                               model.finished[i] ? KH_SEQ_SHARD_END : KH_SEQ_TRIM_HORIZON);
            strcpy(leases[n].range.start, "0"); /* known, whatever it is */
            strcpy(leases[n++].range.end, "1");
        }
    }
    kh_table_init(&table);
    kh_table_update(&table, leases, n, KH_SECONDS(10), 0);
}

static void make_our_plan(enum kh_position_type initial, bool ignore)
{
    struct kh_shard listing[SHARDS_MAX];
    size_t n = 0;

    for (unsigned i = 0; i < model.n; i++) {
        size_t at = (size_t)kh_rand_below(&dice, n + 1); /* in any order */

        if (model.listed[i]) {
            listing[n] = listing[at];
            listing[at] = model.shards[i];
            n++;
        }
    }
    plan.n = 0;
    kh_shards_plan_missing(&plan, listing, n, &table, initial, ignore);
}

/* Shards were made in the order in which their leases are to be. */
static void compare(uint64_t seed)
{
    size_t at = 0;

    for (unsigned i = 0; i < model.n; i++) {
        const struct kh_shard_step *step = &plan.steps[at];

        if (!java.made[i]) {
            continue;
        }
        ck_assert_msg(at < plan.n, "seed %llu: no lease for %s", (unsigned long long)seed,
                      model.shards[i].id);
        ck_assert_msg(strcmp(step->lease.key, model.shards[i].id) == 0,
                      "seed %llu: a lease for %s, Java wants %s", (unsigned long long)seed,
                      step->lease.key, model.shards[i].id);
        ck_assert_msg(kh_extseq_is(&step->lease.checkpoint, java.checkpoint[i]),
                      "seed %llu: %s at %s, Java has %s", (unsigned long long)seed, step->lease.key,
                      step->lease.checkpoint.seq, java.checkpoint[i]);
        ck_assert_int_eq(step->type, java.if_parent[i] ? KH_SHARD_CREATE_IF : KH_SHARD_CREATE);
        ck_assert_uint_eq(step->lease.parents_n, model.shards[i].parents_n);
        at++;
    }
    ck_assert_msg(at == plan.n, "seed %llu: a lease for %s that Java does not want",
                  (unsigned long long)seed, at < plan.n ? plan.steps[at].lease.key : "");
}

static void count_differing(enum kh_position_type initial)
{
    bool ours[SHARDS_MAX];

    memcpy(ours, java.made, sizeof(ours));
    make_java_plan(initial, false);
    differing_n += memcmp(ours, java.made, sizeof(ours)) != 0 ? 1 : 0;
}

static void judge(uint64_t seed, bool ours, bool ignore)
{
    static const enum kh_position_type positions[] = {KH_POSITION_LATEST, KH_POSITION_TRIM_HORIZON,
                                                      KH_POSITION_AT_TIMESTAMP};

    make_table();
    for (unsigned i = 0; i < 3; i++) {
        make_java_plan(positions[i], ours);
        make_our_plan(positions[i], ignore);
        ck_assert(!plan.inconsistent);
        compare(seed);
        count_differing(positions[i]);
    }
    kh_table_fini(&table);
}

/* No lease below a shard that has none, but descends from one that has: a table that nobody has
 * edited. */
static bool is_contiguous(unsigned shard)
{
    bool above[SHARDS_MAX] = {false}; /* has a lease, or an ancestor that has */

    for (unsigned i = 0; i <= shard; i++) {
        above[i] = i < shard && model.leased[i];
        for (unsigned p = 0; p < model.shards[i].parents_n; p++) {
            unsigned parent = (unsigned)parent_of(i, p);

            above[i] |= above[parent];
            if (i == shard && above[parent] && !model.leased[parent]) {
                return false;
            }
        }
    }
    return true;
}

/* Nothing of what shards.h names as different can happen: no lease is finished, none is of a shard
 * that is past retention, none was deleted. */
START_TEST(with_unfinished_leases_the_plan_is_javas)
{
    unsigned leases_n = 0;

    differing_n = 0;
    for (uint64_t seed = 1; seed <= HISTORIES_N; seed++) {
        unsigned likely = (unsigned)(seed % 5) * 200 + 50;

        kh_rand_init(&dice, seed);
        make_stream();
        let_time_pass();
        for (unsigned i = 0; i < model.n; i++) {
            model.leased[i] = model.listed[i] && is_contiguous(i) && chance(likely);
        }
        judge(seed, false, false);
        leases_n += (unsigned)plan.n;
    }
    ck_assert_uint_gt(leases_n, HISTORIES_N); /* there was something to compare */
    ck_assert_uint_eq(differing_n, 0);
}
END_TEST

START_TEST(with_finished_and_forgotten_leases_it_differs_only_as_chosen)
{
    differing_n = 0;
    for (uint64_t seed = 1; seed <= HISTORIES_N; seed++) {
        kh_rand_init(&dice, seed);
        make_stream();
        let_time_pass();
        for (unsigned i = 0; i < model.n; i++) {
            model.leased[i] = chance(400);
            model.finished[i] = !model.shards[i].open && chance(500);
        }
        judge(seed, true, false);
    }
    ck_assert_uint_gt(differing_n, HISTORIES_N / 10); /* the differences did come up */
}
END_TEST

/* Parents that still count as open: Java leaves their children out, or gives up. */
START_TEST(listings_of_the_middle_of_a_reshard_are_ignored_or_used_as_java_does)
{
    unsigned refused_n = 0;

    for (uint64_t seed = 1; seed <= HISTORIES_N; seed++) {
        bool any = false;

        kh_rand_init(&dice, seed);
        make_stream();
        for (unsigned i = 0; i < model.n; i++) {
            model.leased[i] = chance(300);
            model.shards[i].open |= chance(100);
        }
        for (unsigned i = 0; i < model.n; i++) {
            any |= is_inconsistent(i);
        }
        judge(seed, true, true);
        make_table();
        make_our_plan(KH_POSITION_LATEST, false);
        ck_assert(plan.inconsistent == any);
        kh_table_fini(&table);
        refused_n += any;
    }
    ck_assert_uint_gt(refused_n, HISTORIES_N / 2);
}
END_TEST

int main(void)
{
    TCase *tcase = tcase_create("shards_java");

    tcase_set_timeout(tcase, 120);
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, with_unfinished_leases_the_plan_is_javas);
    tcase_add_test(tcase, with_finished_and_forgotten_leases_it_differs_only_as_chosen);
    tcase_add_test(tcase, listings_of_the_middle_of_a_reshard_are_ignored_or_used_as_java_does);
    return suite_run("shards_java", tcase);
}
