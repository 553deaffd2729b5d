#include "core/sync.h"

#include <check.h>
#include <string.h>

#include "tests/lib/cmds.h"
#include "tests/lib/suite.h"

#define HALF      "170141183460469231731687303715884105727"
#define HALF_NEXT "170141183460469231731687303715884105728"
#define LAST      "340282366920938463463374607431768211455"
#define ROWS_N    3

/* A stream of two shards, a and b. a0 was split into both of them. */
static const struct kh_shard halves[2] = {
    {.id = "a", .parents_n = 1, .parents = {"a0"}, .range = {"0", HALF}, .open = true},
    {.id = "b", .parents_n = 1, .parents = {"a0"}, .range = {HALF_NEXT, LAST}, .open = true}};

static struct kh_ctx ctx;
static struct kh_sync sync;
static struct kh_table table;
static struct kh_cmds out;
static struct kh_lease rows[ROWS_N];
static size_t rows_n;

static void setup(void)
{
    memset(&ctx, 0, sizeof(ctx));
    kh_worker_config_default(&ctx.config);
    kh_rand_init(&ctx.rand, 1);
    kh_cmds_init(&out);
    kh_table_init(&table);
    kh_sync_init(&sync, &ctx, 1000);
    rows_n = 0;
}

static void teardown(void)
{
    kh_sync_fini(&sync);
    kh_table_fini(&table);
    kh_cmds_fini(&out);
}

static void have(const char *key, const struct kh_hash_range *range, const char *at)
{
    struct kh_lease *row = &rows[rows_n++];

    *row = (struct kh_lease){.counter = 7, .checkpoint = kh_extseq_sentinel(at), .range = *range};
    strcpy(row->key, key);
}

/* A look at the table. */
static void look(kh_ms now_ms)
{
    kh_cmds_reset(&out);
    kh_table_update(&table, rows, rows_n, KH_SECONDS(10), now_ms);
    sync.looked_at_ms = now_ms;
    kh_sync_audit(&sync, &table, now_ms, &out);
}

/* True if the stream is listed now. */
static bool tick(kh_ms now_ms)
{
    kh_cmds_reset(&out);
    kh_sync_tick(&sync, &table, now_ms, &out);
    return cmds_find(&out, KH_CMD_LIST_SHARDS) != NULL;
}

static bool listed(size_t n, enum kh_rc rc, kh_ms now_ms)
{
    struct kh_event event = {
        .type = KH_EVENT_SHARDS, .ticket = sync.ticket, .rc = rc, .shards = halves, .shards_n = n};

    kh_cmds_reset(&out);
    return kh_sync_on_shards(&sync, &event, &table, now_ms, &out);
}

static bool answer(struct kh_lease_answer given, kh_ms now_ms)
{
    kh_cmds_reset(&out);
    return kh_sync_on_answer(&sync, &given, now_ms, &out);
}

static const struct kh_cmd *note(const char *name)
{
    for (size_t i = 0; i < out.n; i++) {
        if (out.items[i].type == KH_CMD_NOTE && strcmp(out.items[i].note, name) == 0) {
            return &out.items[i];
        }
    }
    return NULL;
}

START_TEST(a_covered_table_wants_nothing)
{
    have("a", &halves[0].range, KH_SEQ_LATEST);
    have("b", &halves[1].range, KH_SEQ_LATEST);
    look(1000);
    ck_assert(!tick(1000));
    ck_assert_int_eq(kh_sync_deadline(&sync), KH_NEVER);
    ck_assert_uint_eq(out.n, 0);
}
END_TEST

START_TEST(a_hole_is_told_when_a_listing_confirms_it_and_told_again_when_it_is_repaired)
{
    have("a", &halves[0].range, KH_SEQ_LATEST);
    look(1000);
    ck_assert_uint_eq(out.n, 0);
    ck_assert(tick(1000));
    ck_assert_int_eq(cmds_find(&out, KH_CMD_LIST_SHARDS)->filter, KH_SHARDS_ALL);
    ck_assert(!listed(2, KH_OK, 1010));
    ck_assert_str_eq(note("sync.hole")->key, "a");
    ck_assert_int_eq(note("sync.hole")->value, 500000);
    ck_assert_int_eq(cmds_op(&out)->verb, KH_LEASE_CREATE);
    ck_assert_str_eq(cmds_op(&out)->key, "b");
    ck_assert(answer((struct kh_lease_answer){.outcome = KH_LEASE_DONE}, 1020));
    ck_assert_ptr_nonnull(note("sync.lease_created"));

    have("b", &halves[1].range, KH_SEQ_LATEST);
    look(2000);
    ck_assert_ptr_nonnull(note("sync.hole_repaired"));
    look(3000);
    ck_assert_uint_eq(out.n, 0);
}
END_TEST

START_TEST(a_hole_is_seen_to_by_others_only_if_it_stays)
{
    ctx.config.audit_ms = 60000;
    sync.leads = false;
    have("a", &halves[0].range, KH_SEQ_TRIM_HORIZON);
    look(1000);
    ck_assert(!sync.wanted);
    look(180999);
    ck_assert(!sync.wanted);
    look(181000);
    ck_assert(sync.wanted);
}
END_TEST

START_TEST(into_an_empty_table_everybody_looks)
{
    sync.leads = false;
    look(1000);
    ck_assert(sync.wanted);
}
END_TEST

START_TEST(a_table_that_is_being_filled_has_no_hole_yet)
{
    have("a", &halves[0].range, KH_SEQ_LATEST);
    rows[0].counter = 0;
    look(1000);
    ck_assert(tick(1000));
    (void)listed(2, KH_OK, 1010);
    ck_assert_ptr_null(note("sync.hole"));
    ck_assert_str_eq(cmds_op(&out)->key, "b");
}
END_TEST

/* The look at the table was old, and the next may be: a worker that ends when all is done must not
 * end on it. */
START_TEST(a_lease_that_is_there_and_not_in_our_table_is_something_to_do)
{
    have("a", &halves[0].range, KH_SEQ_LATEST);
    look(1000);
    ck_assert(tick(1000));
    ck_assert(!listed(2, KH_OK, 1010));
    ck_assert(answer((struct kh_lease_answer){.id = cmds_op(&out)->id,
                                              .verb = KH_LEASE_CREATE,
                                              .outcome = KH_LEASE_CONFLICT,
                                              .found = true},
                     1020));
    ck_assert(!sync.complete);
}
END_TEST

START_TEST(a_hole_that_stays_is_told_once)
{
    have("a", &halves[0].range, KH_SEQ_LATEST);
    for (kh_ms now_ms = 1000; now_ms < 6000; now_ms += 1000) {
        look(now_ms);
        ck_assert_uint_eq(out.n, 0);
    }
    look(6000);
    ck_assert_ptr_nonnull(note("sync.hole"));
    for (kh_ms now_ms = 7000; now_ms < 100000; now_ms += 1000) {
        look(now_ms);
        ck_assert_uint_eq(out.n, 0);
    }
    strcpy(rows[0].range.end, "9"); /* another one */
    look(100000);
    ck_assert_uint_eq(out.n, 0);
    look(105000);
    ck_assert_int_eq(note("sync.hole")->value, 1000000);
}
END_TEST

START_TEST(an_empty_table_has_no_hole)
{
    look(1000);
    look(100000);
    ck_assert_uint_eq(out.n, 0);
    ck_assert(tick(100000));
}
END_TEST

/* How long until the next listing after one that found nothing to do. */
static kh_ms next_pause(void)
{
    kh_ms now_ms = kh_sync_deadline(&sync);

    look(now_ms);
    ck_assert(tick(now_ms));
    ck_assert(listed(1, KH_OK, now_ms));
    look(now_ms);
    return kh_sync_deadline(&sync) - now_ms;
}

START_TEST(a_hole_that_the_stream_itself_has_is_looked_into_ever_more_rarely)
{
    kh_ms pause_ms;

    have("a", &halves[0].range, KH_SEQ_LATEST);
    look(1000);
    pause_ms = next_pause();
    ck_assert_int_gt(pause_ms, KH_SECONDS(44));
    ck_assert_int_le(pause_ms, KH_SECONDS(60));
    for (int i = 0; i < 10; i++) {
        pause_ms = next_pause();
    }
    ck_assert_int_gt(pause_ms, KH_MINUTES(11));
    ck_assert_int_le(pause_ms, KH_MINUTES(16));
}
END_TEST

START_TEST(news_shorten_the_pause)
{
    kh_ms now_ms;

    have("a", &halves[0].range, KH_SEQ_LATEST);
    look(1000);
    for (int i = 0; i < 10; i++) {
        (void)next_pause();
    }
    now_ms = sync.next_at_ms - KH_SECONDS(1);
    kh_sync_want(&sync);
    ck_assert_int_le(kh_sync_deadline(&sync), now_ms - KH_MINUTES(9));

    sync.next_at_ms = now_ms;
    strcpy(rows[0].range.end, "9");
    look(now_ms - KH_SECONDS(2));
    ck_assert(tick(now_ms - KH_SECONDS(2)));
}
END_TEST

START_TEST(a_range_is_filled_in_whoever_owns_the_lease)
{
    const struct kh_lease_op *op;

    have("a", &halves[0].range, KH_SEQ_LATEST);
    have("b", &(struct kh_hash_range){"", ""}, KH_SEQ_LATEST);
    look(1000);
    ck_assert(tick(1000));
    (void)listed(2, KH_OK, 1010);
    op = cmds_op(&out);
    ck_assert_int_eq(op->verb, KH_LEASE_UPDATE);
    ck_assert_str_eq(op->key, "b");
    ck_assert_uint_eq(op->expect_is | op->expect_absent | op->add_one | op->remove, 0);
    ck_assert_uint_eq(op->set, KH_LEASE_HASH_RANGE);
    ck_assert_str_eq(op->lease.range.start, HALF_NEXT);
    ck_assert_str_eq(op->lease.range.end, LAST);
    ck_assert(answer((struct kh_lease_answer){.outcome = KH_LEASE_DONE}, 1020));
    ck_assert_ptr_nonnull(note("sync.range_filled"));
}
END_TEST

START_TEST(a_lease_whose_range_nobody_knows_does_not_keep_the_listings_coming)
{
    have("a", &halves[0].range, KH_SEQ_LATEST);
    have("gone", &(struct kh_hash_range){"", ""}, KH_SEQ_LATEST);
    have("b", &halves[1].range, KH_SEQ_LATEST);
    look(1000);
    ck_assert(!sync.hole.found);
    (void)next_pause();
    for (int i = 0; i < 10; i++) {
        (void)next_pause();
    }
    ck_assert_int_gt(next_pause(), KH_MINUTES(11));
    ck_assert_ptr_null(note("sync.hole"));
}
END_TEST

/* The hole may be that of a row that cannot be read. */
START_TEST(in_doubt_a_hole_is_left_alone_for_some_minutes)
{
    have("a", &halves[0].range, KH_SEQ_LATEST);
    sync.in_doubt = true;
    look(1000);
    ck_assert(!tick(1000));
    ck_assert_int_eq(kh_sync_deadline(&sync), 1000 + KH_MINUTES(5));
    look(200000);
    ck_assert(!tick(200000));

    sync.in_doubt = false; /* the row was mended, and is not the one that is missing */
    look(200000);
    ck_assert(tick(200000));
}
END_TEST

START_TEST(in_doubt_for_long_the_hole_is_filled)
{
    have("a", &halves[0].range, KH_SEQ_LATEST);
    sync.in_doubt = true;
    look(1000);
    look(1000 + KH_MINUTES(5));
    ck_assert(tick(1000 + KH_MINUTES(5)));
}
END_TEST

static void orphan(void)
{
    have("a0", &(struct kh_hash_range){"0", LAST}, KH_SEQ_SHARD_END);
    have("a", &halves[0].range, KH_SEQ_LATEST);
    look(1000);
    ck_assert(tick(1000));
    (void)listed(2, KH_OK, 1010);
    ck_assert_int_eq(cmds_op(&out)->verb, KH_LEASE_GET);
    ck_assert_str_eq(cmds_op(&out)->key, "a0");
}

START_TEST(a_child_that_got_no_lease_gets_one_while_its_parents_is_there)
{
    struct kh_lease_answer parent = {.verb = KH_LEASE_GET, .outcome = KH_LEASE_DONE, .found = true};

    orphan();
    parent.lease = rows[0];
    ck_assert(!answer(parent, 1020));
    ck_assert_int_eq(cmds_op(&out)->verb, KH_LEASE_CREATE);
    ck_assert_str_eq(cmds_op(&out)->key, "b");
    ck_assert_str_eq(cmds_op(&out)->lease.checkpoint.seq, "TRIM_HORIZON");
    ck_assert(answer((struct kh_lease_answer){.outcome = KH_LEASE_DONE}, 1030));
    ck_assert_ptr_nonnull(note("sync.orphan_lease_created"));
}
END_TEST

/* The look was an old one: parent and child were read, and cleaned up. */
START_TEST(a_deleted_lease_is_not_made_anew)
{
    orphan();
    ck_assert(
        answer((struct kh_lease_answer){.verb = KH_LEASE_GET, .outcome = KH_LEASE_DONE}, 1020));
    ck_assert_ptr_null(cmds_op(&out));
    ck_assert(sync.complete);
}
END_TEST

START_TEST(a_parent_that_cannot_be_read_makes_nothing)
{
    orphan();
    ck_assert(
        !answer((struct kh_lease_answer){.verb = KH_LEASE_GET, .outcome = KH_LEASE_UNKNOWN}, 1020));
    ck_assert_ptr_nonnull(note("sync.lease_not_created"));
    ck_assert_int_eq(sync.state, KH_SYNC_IDLE);
    ck_assert_int_le(kh_sync_deadline(&sync), 2020);
}
END_TEST

START_TEST(a_stream_that_cannot_be_listed_for_long_is_asked_once_a_minute)
{
    kh_ms now_ms = 1000;
    kh_ms before_ms = 0;

    have("a", &halves[0].range, KH_SEQ_LATEST);
    for (int i = 0; i < 12; i++) {
        look(now_ms);
        ck_assert(tick(now_ms));
        ck_assert(!listed(0, KH_NOTFOUND, now_ms));
        ck_assert_ptr_nonnull(note("sync.shards_not_listed"));
        before_ms = now_ms;
        now_ms = kh_sync_deadline(&sync);
    }
    ck_assert_int_gt(now_ms - before_ms, KH_SECONDS(44));
    ck_assert_int_le(now_ms - before_ms, KH_SECONDS(60));
    look(now_ms);
    ck_assert(tick(now_ms)); /* and when it can be listed again, nothing was lost */
    (void)listed(2, KH_OK, now_ms);
    ck_assert_str_eq(cmds_op(&out)->key, "b");
}
END_TEST

/* ---- large plans ---- */

#define MANY_N 30

static struct kh_shard many[MANY_N];

/* So many shards without parents, and an empty table: the first creation is asked for. */
static void fill(size_t n)
{
    struct kh_event event = {.type = KH_EVENT_SHARDS, .rc = KH_OK, .shards = many, .shards_n = n};
    unsigned __int128 width = ~(unsigned __int128)0 / n + 1;

    for (size_t i = 0; i < n; i++) {
        many[i] = (struct kh_shard){.id = {'s', (char)('A' + i)}, .open = true};
        kh_hash_key_format(width * i, many[i].range.start);
        kh_hash_key_format(i + 1 == n ? ~(unsigned __int128)0 : width * (i + 1) - 1,
                           many[i].range.end);
    }
    look(1000);
    ck_assert(tick(1000));
    event.ticket = sync.ticket;
    kh_cmds_reset(&out);
    ck_assert(!kh_sync_on_shards(&sync, &event, &table, 1010, &out));
}

/* Answer all creations; false if they came in the order of the listing. */
static bool make_all(size_t n)
{
    bool made[MANY_N] = {false};
    bool in_order = true;

    for (size_t i = 0; i < n; i++) {
        size_t which = (size_t)(cmds_op(&out)->key[1] - 'A');

        ck_assert(!made[which]);
        made[which] = true;
        in_order &= which == i;
        ck_assert(answer((struct kh_lease_answer){.outcome = KH_LEASE_DONE}, 1020) == (i + 1 == n));
    }
    return !in_order;
}

START_TEST(a_large_plan_is_made_in_an_order_of_its_own)
{
    sync.ctx->config.initial_position = KH_POSITION_TRIM_HORIZON;
    fill(21);
    ck_assert(make_all(21));
}
END_TEST

START_TEST(a_small_plan_is_made_in_the_order_of_the_listing)
{
    fill(20);
    ck_assert(!make_all(20));
}
END_TEST

START_TEST(whoever_comes_too_late_again_and_again_leaves_the_rest_to_others)
{
    struct kh_lease_answer lost = {.outcome = KH_LEASE_CONFLICT, .found = true};

    fill(MANY_N);
    ck_assert(!answer((struct kh_lease_answer){.outcome = KH_LEASE_DONE}, 1020));
    for (int i = 0; i < 19; i++) {
        ck_assert(!answer(lost, 1030));
    }
    ck_assert(answer(lost, 1040)); /* the twentieth in a row; nine are left */
    ck_assert_ptr_null(cmds_op(&out));
    ck_assert(!tick(1041));
    ck_assert(tick(3040)); /* sees to it that the others have made them */
}
END_TEST

START_TEST(a_creation_of_our_own_in_between_counts_from_the_beginning)
{
    struct kh_lease_answer lost = {.outcome = KH_LEASE_CONFLICT, .found = true};

    fill(MANY_N);
    for (int i = 0; i < 19; i++) {
        ck_assert(!answer(lost, 1030));
    }
    ck_assert(!answer((struct kh_lease_answer){.outcome = KH_LEASE_DONE}, 1040));
    ck_assert(!answer(lost, 1050));
}
END_TEST

int main(void)
{
    TCase *tcase = tcase_create("sync");

    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, a_covered_table_wants_nothing);
    tcase_add_test(tcase,
                   a_hole_is_told_when_a_listing_confirms_it_and_told_again_when_it_is_repaired);
    tcase_add_test(tcase, a_hole_is_seen_to_by_others_only_if_it_stays);
    tcase_add_test(tcase, into_an_empty_table_everybody_looks);
    tcase_add_test(tcase, a_table_that_is_being_filled_has_no_hole_yet);
    tcase_add_test(tcase, a_lease_that_is_there_and_not_in_our_table_is_something_to_do);
    tcase_add_test(tcase, a_hole_that_stays_is_told_once);
    tcase_add_test(tcase, an_empty_table_has_no_hole);
    tcase_add_test(tcase, a_hole_that_the_stream_itself_has_is_looked_into_ever_more_rarely);
    tcase_add_test(tcase, news_shorten_the_pause);
    tcase_add_test(tcase, a_range_is_filled_in_whoever_owns_the_lease);
    tcase_add_test(tcase, a_lease_whose_range_nobody_knows_does_not_keep_the_listings_coming);
    tcase_add_test(tcase, in_doubt_a_hole_is_left_alone_for_some_minutes);
    tcase_add_test(tcase, in_doubt_for_long_the_hole_is_filled);
    tcase_add_test(tcase, a_child_that_got_no_lease_gets_one_while_its_parents_is_there);
    tcase_add_test(tcase, a_deleted_lease_is_not_made_anew);
    tcase_add_test(tcase, a_parent_that_cannot_be_read_makes_nothing);
    tcase_add_test(tcase, a_stream_that_cannot_be_listed_for_long_is_asked_once_a_minute);
    tcase_add_test(tcase, a_large_plan_is_made_in_an_order_of_its_own);
    tcase_add_test(tcase, a_small_plan_is_made_in_the_order_of_the_listing);
    tcase_add_test(tcase, whoever_comes_too_late_again_and_again_leaves_the_rest_to_others);
    tcase_add_test(tcase, a_creation_of_our_own_in_between_counts_from_the_beginning);
    return suite_run("sync", tcase);
}
