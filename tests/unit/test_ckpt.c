#include "core/ckpt.h"

#include <check.h>

#include "tests/lib/suite.h"

static struct kh_ckpt ckpt;
static struct kh_extseq value;
static const char *error;

static struct kh_extseq at(const char *seq, int64_t sub)
{
    struct kh_extseq pos;

    ck_assert(kh_extseq_set(&pos, kh_str(seq), sub));
    return pos;
}

/* Stored is 100; records up to 200, sub 3, were handed to the child. */
static void setup(void)
{
    struct kh_extseq stored = at("100", 0);
    struct kh_extseq delivered = at("200", 3);

    kh_ckpt_init(&ckpt, &stored);
    kh_ckpt_delivered(&ckpt, &delivered);
}

static enum kh_ckpt_verdict judge(struct kh_child_checkpoint asked)
{
    return kh_ckpt_judge(&ckpt, &asked, &value, &error);
}

static enum kh_ckpt_verdict judge_at(const char *seq)
{
    return judge((struct kh_child_checkpoint){.has_seq = true, .seq = kh_str(seq)});
}

static enum kh_ckpt_verdict judge_pair(const char *seq, int64_t sub)
{
    return judge((struct kh_child_checkpoint){
        .has_seq = true, .seq = kh_str(seq), .has_sub = true, .sub = sub});
}

static void ck_refused(enum kh_ckpt_verdict verdict)
{
    ck_assert_int_eq(verdict, KH_CKPT_REFUSE);
    ck_assert_str_eq(error, "IllegalArgumentException");
}

START_TEST(without_a_number_everything_delivered_is_meant)
{
    ck_assert_int_eq(judge((struct kh_child_checkpoint){0}), KH_CKPT_WRITE);
    ck_assert_str_eq(value.seq, "200");
    ck_assert_int_eq(value.sub, 3);
}
END_TEST

START_TEST(before_any_batch_the_stored_one_is_meant_and_nothing_written)
{
    kh_ckpt_init(&ckpt, &ckpt.stored);
    ck_assert_int_eq(judge((struct kh_child_checkpoint){0}), KH_CKPT_SAME);
}
END_TEST

START_TEST(a_number_alone_means_sub_zero)
{
    ck_assert_int_eq(judge_at("150"), KH_CKPT_WRITE);
    ck_assert_str_eq(value.seq, "150");
    ck_assert_int_eq(value.sub, 0);
}
END_TEST

START_TEST(the_range_goes_from_what_is_stored_to_what_was_delivered)
{
    ck_assert_int_eq(judge_at("100"), KH_CKPT_SAME);
    ck_assert_int_eq(judge_pair("200", 3), KH_CKPT_WRITE);
    ck_refused(judge_pair("200", 4));
    ck_refused(judge_at("99"));
    ck_refused(judge_at("201"));
}
END_TEST

START_TEST(what_is_no_position_is_an_illegal_argument)
{
    ck_refused(judge_at("None"));
    ck_refused(judge_at(""));
    ck_refused(judge_pair("150", -1));
    ck_refused(judge((struct kh_child_checkpoint){
        .has_seq = true, .seq = KH_STR("150"), .has_sub = true, .sub_bad = true}));
}
END_TEST

START_TEST(shard_end_is_for_the_end_of_the_shard)
{
    ck_refused(judge_at("SHARD_END"));
    ckpt.at_shard_end = true;
    ck_assert_int_eq(judge_at("SHARD_END"), KH_CKPT_WRITE);
    ck_assert_str_eq(value.seq, "SHARD_END");
    ck_assert_int_eq(judge((struct kh_child_checkpoint){0}), KH_CKPT_WRITE);
    ck_assert_str_eq(value.seq, "SHARD_END");
    ck_assert_int_eq(judge_pair("200", 3), KH_CKPT_WRITE);
    ck_assert_str_eq(value.seq, "SHARD_END");
    ck_assert_int_eq(judge_at("200"), KH_CKPT_WRITE);
    ck_assert_str_eq(value.seq, "200");
}
END_TEST

START_TEST(the_last_pair_ends_the_shard_also_if_it_is_stored_already)
{
    ckpt.stored = at("200", 3);
    ckpt.at_shard_end = true;
    ck_assert_int_eq(judge_pair("200", 3), KH_CKPT_WRITE);
    ck_assert_str_eq(value.seq, "SHARD_END");
}
END_TEST

START_TEST(shard_end_twice_is_a_success_without_a_write)
{
    ckpt.at_shard_end = true;
    ckpt.stored = at("SHARD_END", 0);
    ck_assert_int_eq(judge((struct kh_child_checkpoint){0}), KH_CKPT_SAME);
}
END_TEST

START_TEST(a_sentinel_never_replaces_another)
{
    struct kh_extseq horizon = at("TRIM_HORIZON", 0);
    struct kh_extseq delivered = at("200", 0);

    kh_ckpt_init(&ckpt, &horizon);
    kh_ckpt_delivered(&ckpt, &delivered);
    ck_assert_int_eq(judge_at("TRIM_HORIZON"), KH_CKPT_SAME);
    ck_refused(judge_at("LATEST"));
    ck_refused(judge_at("AT_TIMESTAMP"));
}
END_TEST

START_TEST(what_was_delivered_never_goes_back)
{
    struct kh_extseq earlier = at("150", 0);
    struct kh_extseq none = {0};

    kh_ckpt_delivered(&ckpt, &earlier);
    kh_ckpt_delivered(&ckpt, &none);
    ck_assert_str_eq(ckpt.delivered.seq, "200");
}
END_TEST

int main(void)
{
    TCase *tcase = tcase_create("ckpt");

    tcase_add_checked_fixture(tcase, setup, NULL);
    tcase_add_test(tcase, without_a_number_everything_delivered_is_meant);
    tcase_add_test(tcase, before_any_batch_the_stored_one_is_meant_and_nothing_written);
    tcase_add_test(tcase, a_number_alone_means_sub_zero);
    tcase_add_test(tcase, the_range_goes_from_what_is_stored_to_what_was_delivered);
    tcase_add_test(tcase, what_is_no_position_is_an_illegal_argument);
    tcase_add_test(tcase, shard_end_is_for_the_end_of_the_shard);
    tcase_add_test(tcase, the_last_pair_ends_the_shard_also_if_it_is_stored_already);
    tcase_add_test(tcase, shard_end_twice_is_a_success_without_a_write);
    tcase_add_test(tcase, a_sentinel_never_replaces_another);
    tcase_add_test(tcase, what_was_delivered_never_goes_back);
    return suite_run("ckpt", tcase);
}
