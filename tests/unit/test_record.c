#include "wire/record.h"

#include <check.h>
#include <stdlib.h>

#include "tests/lib/suite.h"

static struct kh_batch *batch;

static void add(const char *seq, int64_t sub)
{
    const struct kh_record record = {.data = KH_STR("QQ=="), .seq = kh_str(seq), .sub = sub};

    kh_batch_add(batch, &record);
}

static void skip_to(const char *seq, int64_t sub)
{
    struct kh_extseq pos;

    ck_assert(kh_extseq_set(&pos, kh_str(seq), sub));
    kh_batch_skip(batch, &pos);
}

static void assert_record(size_t i, const char *seq, int64_t sub)
{
    ck_assert_uint_lt(i, batch->records_n);
    ck_assert(kh_str_eq(batch->records[i].seq, kh_str(seq)));
    ck_assert_int_eq(batch->records[i].sub, sub);
}

static void set_up(void)
{
    batch = kh_batch_new();
    add("99", 0);
    add("100", 0);
    add("100", 1);
    add("100", 2);
    add("101", 0);
}

static void tear_down(void)
{
    kh_batch_free(batch);
}

START_TEST(records_at_or_before_the_position_are_taken_out)
{
    skip_to("100", 1);

    ck_assert_uint_eq(batch->records_n, 2);
    assert_record(0, "100", 2);
    assert_record(1, "101", 0);
}
END_TEST

START_TEST(order_is_by_value_not_by_text)
{
    skip_to("00099", 0);

    ck_assert_uint_eq(batch->records_n, 4);
    assert_record(0, "100", 0);
}
END_TEST

START_TEST(everything_may_be_taken_out)
{
    skip_to("101", 0);

    ck_assert_uint_eq(batch->records_n, 0);
}
END_TEST

START_TEST(sentinels_and_nothing_take_out_nothing)
{
    const struct kh_extseq none = {0};

    skip_to(KH_SEQ_LATEST, 0);
    skip_to(KH_SEQ_TRIM_HORIZON, 0);
    skip_to(KH_SEQ_AT_TIMESTAMP, 0);
    skip_to(KH_SEQ_SHARD_END, 0);
    kh_batch_skip(batch, &none);

    ck_assert_uint_eq(batch->records_n, 5);
    assert_record(0, "99", 0);
}
END_TEST

START_TEST(a_batch_knows_what_it_keeps_in_memory)
{
    const size_t before = kh_batch_bytes(batch);

    ck_assert_int_eq(kh_buf_reserve(&batch->body, 100000), KH_OK);
    ck_assert_uint_ge(kh_batch_bytes(batch), before + 100000);
    (void)kh_arena_new(&batch->arena, 50000);
    ck_assert_uint_ge(kh_batch_bytes(batch), before + 150000);
}
END_TEST

START_TEST(many_records_keep_their_order)
{
    batch->records_n = 0;
    for (int64_t i = 0; i < 1000; i++) {
        add("7", i);
    }
    ck_assert_uint_eq(batch->records_n, 1000);
    assert_record(0, "7", 0);
    assert_record(999, "7", 999);
    kh_batch_free(NULL);
}
END_TEST

START_TEST(data_bytes_are_counted_as_decoded)
{
    batch->records_n = 0;
    kh_batch_add(batch, &(struct kh_record){.data = KH_STR("YQ==")});
    kh_batch_add(batch, &(struct kh_record){.data = KH_STR("YWI=")});
    kh_batch_add(batch, &(struct kh_record){.data = KH_STR("YWJj")});
    kh_batch_add(batch, &(struct kh_record){.data = KH_STR("")});
    ck_assert_uint_eq(kh_batch_data_bytes(batch), 6);
}
END_TEST

int main(void)
{
    TCase *tcase = tcase_create("record");

    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, records_at_or_before_the_position_are_taken_out);
    tcase_add_test(tcase, order_is_by_value_not_by_text);
    tcase_add_test(tcase, everything_may_be_taken_out);
    tcase_add_test(tcase, sentinels_and_nothing_take_out_nothing);
    tcase_add_test(tcase, a_batch_knows_what_it_keeps_in_memory);
    tcase_add_test(tcase, many_records_keep_their_order);
    tcase_add_test(tcase, data_bytes_are_counted_as_decoded);
    return suite_run("record", tcase);
}
