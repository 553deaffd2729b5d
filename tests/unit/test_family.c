#include "core/family.h"

#include <check.h>
#include <string.h>

#include "tests/lib/cmds.h"
#include "tests/lib/suite.h"

static struct kh_ctx ctx;
static struct kh_family family;
static struct kh_cmds out;
static struct kh_lease lease;

static void setup(void)
{
    memset(&ctx, 0, sizeof(ctx));
    kh_worker_config_default(&ctx.config);
    kh_rand_init(&ctx.rand, 1);
    kh_cmds_init(&out);
    kh_family_init(&family, &ctx, "p1");
    lease = (struct kh_lease){
        .key = "p1", .parents_n = 2, .parents = {"grandparent-1", "grandparent-2"}};
}

static void teardown(void)
{
    kh_cmds_fini(&out);
}

static enum kh_family_outcome answer(enum kh_lease_outcome outcome, bool found, const char *at)
{
    struct kh_lease_answer given = {.id = family.op,
                                    .verb = cmds_op(&out)->verb,
                                    .outcome = outcome,
                                    .found = found,
                                    .lease = {.key = "x"}};

    ck_assert(kh_extseq_set(&given.lease.checkpoint, kh_str(at), 0));
    kh_cmds_reset(&out);
    return kh_family_step(&family, &(struct kh_event){.type = KH_EVENT_STORE, .answer = &given},
                          1000, &out);
}

static enum kh_family_outcome tick(kh_ms now_ms)
{
    kh_cmds_reset(&out);
    return kh_family_step(&family, &(struct kh_event){.type = KH_EVENT_TICK}, now_ms, &out);
}

START_TEST(without_parents_nothing_is_asked)
{
    lease.parents_n = 0;
    ck_assert_int_eq(kh_family_ask_parents(&family, &lease, &out), KH_FAMILY_DONE);
    ck_assert_uint_eq(out.n, 0);
}
END_TEST

START_TEST(both_parents_must_be_finished)
{
    ck_assert_int_eq(kh_family_ask_parents(&family, &lease, &out), KH_FAMILY_NOT_YET);
    ck_assert_int_eq(cmds_op(&out)->verb, KH_LEASE_GET);
    ck_assert_str_eq(cmds_op(&out)->key, "grandparent-1");
    ck_assert_int_eq(answer(KH_LEASE_DONE, true, KH_SEQ_SHARD_END), KH_FAMILY_NOT_YET);
    ck_assert_str_eq(cmds_op(&out)->key, "grandparent-2");
    ck_assert_int_eq(answer(KH_LEASE_DONE, true, KH_SEQ_LATEST), KH_FAMILY_NOT_YET);
    ck_assert_int_eq(family.state, KH_FAMILY_PAUSED);

    ck_assert_int_eq(tick(kh_family_deadline(&family) - 1), KH_FAMILY_NOT_YET);
    ck_assert_uint_eq(out.n, 0);
    (void)tick(kh_family_deadline(&family));
    ck_assert_str_eq(cmds_op(&out)->key, "grandparent-2");
    ck_assert_int_eq(answer(KH_LEASE_DONE, true, KH_SEQ_SHARD_END), KH_FAMILY_DONE);
}
END_TEST

START_TEST(a_parent_without_lease_does_not_block)
{
    lease.parents_n = 1;
    (void)kh_family_ask_parents(&family, &lease, &out);
    ck_assert_int_eq(answer(KH_LEASE_DONE, false, KH_SEQ_LATEST), KH_FAMILY_DONE);
}
END_TEST

START_TEST(a_parent_that_cannot_be_read_blocks)
{
    (void)kh_family_ask_parents(&family, &lease, &out);
    ck_assert_int_eq(answer(KH_LEASE_UNKNOWN, false, KH_SEQ_LATEST), KH_FAMILY_NOT_YET);
    (void)tick(kh_family_deadline(&family));
    ck_assert_str_eq(cmds_op(&out)->key, "grandparent-1");
}
END_TEST

START_TEST(a_poke_asks_again_at_once)
{
    (void)kh_family_ask_parents(&family, &lease, &out);
    (void)answer(KH_LEASE_DONE, true, KH_SEQ_LATEST);
    kh_family_poke(&family, 1100);
    ck_assert_int_eq(kh_family_deadline(&family), 1100);
}
END_TEST

static const struct kh_shard halves[2] = {
    {.id = "c1", .parents_n = 1, .parents = {"p1"}, .range = {"0", "5"}},
    {.id = "c2", .parents_n = 1, .parents = {"p1"}, .range = {"6", "9"}}};

START_TEST(the_children_of_a_split_are_created_one_after_the_other)
{
    ck_assert_int_eq(kh_family_make_children(&family, halves, 2, &out), KH_FAMILY_NOT_YET);
    ck_assert_int_eq(cmds_op(&out)->verb, KH_LEASE_CREATE);
    ck_assert_str_eq(cmds_op(&out)->lease.key, "c1");
    ck_assert_str_eq(cmds_op(&out)->lease.checkpoint.seq, "TRIM_HORIZON");
    ck_assert_str_eq(cmds_op(&out)->lease.parents[0], "p1");
    ck_assert_str_eq(cmds_op(&out)->lease.range.end, "5");
    ck_assert_int_eq(answer(KH_LEASE_DONE, true, KH_SEQ_TRIM_HORIZON), KH_FAMILY_NOT_YET);
    ck_assert(cmds_noted(&out, "family.child_lease_created"));
    ck_assert_str_eq(cmds_op(&out)->lease.key, "c2");
    ck_assert_int_eq(answer(KH_LEASE_CONFLICT, true, KH_SEQ_TRIM_HORIZON), KH_FAMILY_DONE);
    ck_assert(!cmds_noted(&out, "family.child_lease_created"));
}
END_TEST

START_TEST(a_creation_that_may_have_happened_is_made_again)
{
    (void)kh_family_make_children(&family, halves, 1, &out);
    ck_assert_int_eq(answer(KH_LEASE_UNKNOWN, false, KH_SEQ_LATEST), KH_FAMILY_NOT_YET);
    (void)tick(kh_family_deadline(&family));
    ck_assert_int_eq(cmds_op(&out)->verb, KH_LEASE_CREATE);
    ck_assert_int_eq(answer(KH_LEASE_CONFLICT, true, KH_SEQ_TRIM_HORIZON), KH_FAMILY_DONE);
}
END_TEST

static const struct kh_shard merged = {.id = "c", .parents_n = 2, .parents = {"p1", "p2"}};

/* The other parent of the merge has no lease, and its child none either. */
static void miss_the_other_parent(void)
{
    (void)kh_family_make_children(&family, &merged, 1, &out);
    ck_assert_int_eq(cmds_op(&out)->verb, KH_LEASE_GET);
    ck_assert_str_eq(cmds_op(&out)->key, "p2");
    ck_assert_int_eq(answer(KH_LEASE_DONE, false, KH_SEQ_LATEST), KH_FAMILY_NOT_YET);
    ck_assert_str_eq(cmds_op(&out)->key, "c");
    ck_assert_int_eq(answer(KH_LEASE_DONE, false, KH_SEQ_LATEST), KH_FAMILY_WANTS_SYNC);
    ck_assert(cmds_noted(&out, "family.other_parent_without_lease"));
}

START_TEST(the_child_of_a_merge_waits_for_the_other_parents_lease)
{
    miss_the_other_parent();
    (void)tick(kh_family_deadline(&family));
    ck_assert_str_eq(cmds_op(&out)->key, "p2");
    ck_assert_int_eq(answer(KH_LEASE_DONE, false, KH_SEQ_LATEST), KH_FAMILY_NOT_YET);
    ck_assert_int_eq(answer(KH_LEASE_DONE, false, KH_SEQ_LATEST), KH_FAMILY_WANTS_SYNC);
    ck_assert_uint_eq(out.n, 0); /* it is told once */

    (void)tick(kh_family_deadline(&family));
    ck_assert_int_eq(answer(KH_LEASE_DONE, true, KH_SEQ_LATEST), KH_FAMILY_NOT_YET);
    ck_assert_int_eq(cmds_op(&out)->verb, KH_LEASE_CREATE);
    ck_assert_int_eq(answer(KH_LEASE_DONE, true, KH_SEQ_LATEST), KH_FAMILY_DONE);
}
END_TEST

/* Somebody has deleted the other parent's lease after it had been asked for. */
START_TEST(a_child_that_is_there_already_waits_for_nothing)
{
    (void)kh_family_make_children(&family, &merged, 1, &out);
    (void)answer(KH_LEASE_DONE, false, KH_SEQ_LATEST);
    ck_assert_int_eq(answer(KH_LEASE_DONE, true, KH_SEQ_TRIM_HORIZON), KH_FAMILY_DONE);
    ck_assert_uint_eq(out.n, 0);
}
END_TEST

static void listed(const struct kh_shard *shards, size_t n, kh_ms now_ms)
{
    kh_cmds_reset(&out);
    kh_family_listed(&family, shards, n, now_ms, &out);
}

START_TEST(an_other_parent_past_retention_holds_nothing_up)
{
    static const struct kh_shard with_it[] = {{.id = "p1"}, {.id = "p2"}};

    miss_the_other_parent();
    listed(with_it, 2, 1010); /* listed: shard sync will make its lease */
    ck_assert_int_gt(kh_family_deadline(&family), 1010);
    listed(with_it, 1, 1020);
    ck_assert_int_eq(kh_family_deadline(&family), 1020);
    (void)tick(1020);
    ck_assert_str_eq(cmds_op(&out)->key, "p2");
    ck_assert_int_eq(answer(KH_LEASE_DONE, false, KH_SEQ_LATEST), KH_FAMILY_NOT_YET);
    ck_assert_int_eq(cmds_op(&out)->verb, KH_LEASE_CREATE);
    ck_assert_str_eq(cmds_op(&out)->key, "c");
}
END_TEST

static void finished_split(void)
{
    lease.checkpoint = kh_extseq_sentinel(KH_SEQ_SHARD_END);
    lease.children_n = 2;
    strcpy(lease.children[0], "c1");
    strcpy(lease.children[1], "c2");
    lease.parents_n = 1;
    ck_assert_int_eq(kh_family_clean(&family, &lease, 1000, &out), KH_FAMILY_NOT_YET);
}

START_TEST(a_finished_lease_is_deleted_when_its_children_have_begun_and_its_parents_are_gone)
{
    finished_split();
    ck_assert_str_eq(cmds_op(&out)->key, "c1");
    (void)answer(KH_LEASE_DONE, true, "100");
    ck_assert_str_eq(cmds_op(&out)->key, "c2");
    (void)answer(KH_LEASE_DONE, true, KH_SEQ_LATEST);
    ck_assert_str_eq(cmds_op(&out)->key, "grandparent-1");
    (void)answer(KH_LEASE_DONE, false, "100");
    ck_assert_int_eq(cmds_op(&out)->verb, KH_LEASE_DELETE);
    ck_assert_str_eq(cmds_op(&out)->key, "p1");
    ck_assert_int_eq(answer(KH_LEASE_DONE, false, "100"), KH_FAMILY_DONE);
    ck_assert(cmds_noted(&out, "family.lease_deleted"));
}
END_TEST

START_TEST(a_child_that_has_not_begun_or_is_not_there_keeps_the_lease)
{
    finished_split();
    (void)answer(KH_LEASE_DONE, true, "100");
    (void)answer(KH_LEASE_DONE, true, KH_SEQ_TRIM_HORIZON);
    ck_assert_int_eq(family.state, KH_FAMILY_PAUSED);
    ck_assert_int_gt(kh_family_deadline(&family), 1000 + 45000);

    (void)tick(kh_family_deadline(&family)); /* from the first child again */
    ck_assert_str_eq(cmds_op(&out)->key, "c1");
    ck_assert_int_eq(answer(KH_LEASE_DONE, false, "100"), KH_FAMILY_WANTS_SYNC);
    ck_assert_int_eq(family.state, KH_FAMILY_PAUSED);
}
END_TEST

START_TEST(a_parent_that_still_has_a_lease_keeps_the_lease)
{
    finished_split();
    (void)answer(KH_LEASE_DONE, true, "100");
    (void)answer(KH_LEASE_DONE, true, "100");
    (void)answer(KH_LEASE_DONE, true, KH_SEQ_SHARD_END);
    ck_assert_int_eq(family.state, KH_FAMILY_PAUSED);
}
END_TEST

/* Its end came without children. */
static void finished_alone(void)
{
    lease.checkpoint = kh_extseq_sentinel(KH_SEQ_SHARD_END);
    lease.parents_n = 1;
    ck_assert_int_eq(kh_family_clean(&family, &lease, 1000, &out), KH_FAMILY_WANTS_SYNC);
    ck_assert_uint_eq(out.n, 0);
    ck_assert_int_gt(kh_family_deadline(&family), 1000 + 224000);
    ck_assert_int_le(kh_family_deadline(&family), 1000 + 300000);
}

static const struct kh_shard others[3] = {{.id = "x"},
                                          {.id = "c1", .parents_n = 1, .parents = {"p1"}},
                                          {.id = "c2", .parents_n = 2, .parents = {"p0", "p1"}}};

START_TEST(children_that_nobody_knew_are_learnt_from_a_listing)
{
    finished_alone();
    listed(others, 3, 2000);
    ck_assert_int_eq(cmds_op(&out)->verb, KH_LEASE_UPDATE);
    ck_assert_str_eq(cmds_op(&out)->key, "p1");
    ck_assert_uint_eq(cmds_op(&out)->expect_is | cmds_op(&out)->expect_absent, 0);
    ck_assert_uint_eq(cmds_op(&out)->set, KH_LEASE_CHILDREN);
    ck_assert_uint_eq(cmds_op(&out)->lease.children_n, 2);
    ck_assert_str_eq(cmds_op(&out)->lease.children[0], "c1");
    ck_assert_str_eq(cmds_op(&out)->lease.children[1], "c2");
    ck_assert_int_eq(answer(KH_LEASE_DONE, true, KH_SEQ_SHARD_END), KH_FAMILY_NOT_YET);
    ck_assert(cmds_noted(&out, "family.children_named"));

    lease.children_n = 1; /* as the renewal shows */
    strcpy(lease.children[0], "c1");
    (void)tick(kh_family_deadline(&family));
    ck_assert_str_eq(cmds_op(&out)->key, "c1");
}
END_TEST

static void ask_again(void)
{
    kh_ms now_ms = kh_family_deadline(&family);

    ck_assert_int_eq(tick(now_ms), KH_FAMILY_WANTS_SYNC);
    ck_assert_uint_eq(out.n, 0);
}

START_TEST(a_shard_that_is_listed_without_children_keeps_its_lease)
{
    static const struct kh_shard itself = {.id = "p1"};

    finished_alone();
    for (int i = 0; i < 10; i++) {
        listed(&itself, 1, kh_family_deadline(&family) - 1000);
        ck_assert_uint_eq(out.n, 0);
        ask_again();
    }
}
END_TEST

START_TEST(a_lease_whose_shard_is_in_no_listing_any_more_is_deleted_after_its_parents)
{
    finished_alone();
    listed(others, 1, 2000);
    ck_assert_uint_eq(out.n, 0);
    ask_again();
    listed(others, 1, 200000);
    ck_assert_int_eq(kh_family_deadline(&family), 200000);
    (void)tick(200000);
    ck_assert_str_eq(cmds_op(&out)->key, "grandparent-1");
    (void)answer(KH_LEASE_DONE, true, KH_SEQ_SHARD_END);
    ck_assert_int_eq(family.state, KH_FAMILY_PAUSED);
    (void)tick(kh_family_deadline(&family));
    (void)answer(KH_LEASE_DONE, false, KH_SEQ_SHARD_END);
    ck_assert_int_eq(cmds_op(&out)->verb, KH_LEASE_DELETE);
    ck_assert_int_eq(answer(KH_LEASE_DONE, false, KH_SEQ_LATEST), KH_FAMILY_DONE);
    ck_assert(cmds_noted(&out, "family.gone_lease_deleted"));
}
END_TEST

START_TEST(two_listings_of_one_moment_do_not_say_that_a_shard_is_gone)
{
    static const struct kh_shard itself = {.id = "p1"};

    finished_alone();
    listed(others, 1, 2000);
    listed(others, 1, 151999);
    ask_again();
    listed(&itself, 1, 200000); /* there it is */
    listed(others, 1, 300000);
    ask_again();
}
END_TEST

START_TEST(children_that_have_not_begun_keep_the_lease_of_a_shard_that_is_gone)
{
    finished_split();
    (void)answer(KH_LEASE_DONE, false, "100"); /* c1: wants a listing */
    listed(others, 1, 2000);
    listed(others, 1, 200000);
    (void)tick(200000);
    ck_assert_str_eq(cmds_op(&out)->key, "c1");
    (void)answer(KH_LEASE_DONE, false, "100"); /* c1 is gone as well */
    ck_assert_str_eq(cmds_op(&out)->key, "c2");
    (void)answer(KH_LEASE_DONE, true, KH_SEQ_TRIM_HORIZON);
    ck_assert_int_eq(family.state, KH_FAMILY_PAUSED);
}
END_TEST

START_TEST(a_lease_that_was_edited_meanwhile_is_let_be)
{
    finished_alone();
    lease.checkpoint = kh_extseq_sentinel(KH_SEQ_TRIM_HORIZON);
    ck_assert_int_eq(tick(kh_family_deadline(&family)), KH_FAMILY_NOT_YET);
    ck_assert_int_eq(family.state, KH_FAMILY_IDLE);
    ck_assert_uint_eq(out.n, 0);
}
END_TEST

START_TEST(an_answer_that_comes_after_stopping_is_ignored)
{
    (void)kh_family_make_children(&family, halves, 2, &out);
    kh_family_stop(&family);
    ck_assert_int_eq(answer(KH_LEASE_DONE, true, KH_SEQ_LATEST), KH_FAMILY_NOT_YET);
    ck_assert_uint_eq(out.n, 0);
    ck_assert_int_eq(kh_family_deadline(&family), KH_NEVER);
}
END_TEST

int main(void)
{
    TCase *tcase = tcase_create("family");

    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, without_parents_nothing_is_asked);
    tcase_add_test(tcase, both_parents_must_be_finished);
    tcase_add_test(tcase, a_parent_without_lease_does_not_block);
    tcase_add_test(tcase, a_parent_that_cannot_be_read_blocks);
    tcase_add_test(tcase, a_poke_asks_again_at_once);
    tcase_add_test(tcase, the_children_of_a_split_are_created_one_after_the_other);
    tcase_add_test(tcase, a_creation_that_may_have_happened_is_made_again);
    tcase_add_test(tcase, the_child_of_a_merge_waits_for_the_other_parents_lease);
    tcase_add_test(
        tcase, a_finished_lease_is_deleted_when_its_children_have_begun_and_its_parents_are_gone);
    tcase_add_test(tcase, a_child_that_has_not_begun_or_is_not_there_keeps_the_lease);
    tcase_add_test(tcase, a_parent_that_still_has_a_lease_keeps_the_lease);
    tcase_add_test(tcase, a_child_that_is_there_already_waits_for_nothing);
    tcase_add_test(tcase, an_other_parent_past_retention_holds_nothing_up);
    tcase_add_test(tcase, children_that_nobody_knew_are_learnt_from_a_listing);
    tcase_add_test(tcase, a_shard_that_is_listed_without_children_keeps_its_lease);
    tcase_add_test(tcase,
                   a_lease_whose_shard_is_in_no_listing_any_more_is_deleted_after_its_parents);
    tcase_add_test(tcase, two_listings_of_one_moment_do_not_say_that_a_shard_is_gone);
    tcase_add_test(tcase, children_that_have_not_begun_keep_the_lease_of_a_shard_that_is_gone);
    tcase_add_test(tcase, a_lease_that_was_edited_meanwhile_is_let_be);
    tcase_add_test(tcase, an_answer_that_comes_after_stopping_is_ignored);
    return suite_run("family", tcase);
}
