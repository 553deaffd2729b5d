#include "core/lease.h"

#include <check.h>
#include <string.h>

#include "tests/lib/suite.h"

START_TEST(a_lease_for_a_shard_has_its_parents_and_range_and_nobody)
{
    const struct kh_shard shard = {.id = "shardId-000000000007",
                                   .parents_n = 2,
                                   .parents = {"shardId-000000000003", "shardId-000000000004"},
                                   .range = {.start = "100", .end = "200"},
                                   .start_seq = "4960",
                                   .open = true};
    struct kh_lease lease;

    memset(&lease, 0xff, sizeof(lease)); /* what was there before must not show through */
    kh_lease_for_shard(&lease, &shard, KH_SEQ_TRIM_HORIZON);

    ck_assert_str_eq(lease.key, "shardId-000000000007");
    ck_assert_str_eq(lease.owner, "");
    ck_assert_str_eq(lease.checkpoint_owner, "");
    ck_assert_uint_eq(lease.counter, 0);
    ck_assert_uint_eq(lease.owner_switches, 0);
    ck_assert_str_eq(lease.checkpoint.seq, "TRIM_HORIZON");
    ck_assert_int_eq(lease.checkpoint.sub, 0);
    ck_assert(kh_extseq_is_none(&lease.pending));
    ck_assert_uint_eq(lease.parents_n, 2);
    ck_assert_str_eq(lease.parents[0], "shardId-000000000003");
    ck_assert_str_eq(lease.parents[1], "shardId-000000000004");
    ck_assert_uint_eq(lease.children_n, 0);
    ck_assert_str_eq(lease.range.start, "100");
    ck_assert_str_eq(lease.range.end, "200");
    ck_assert(!lease.has_throughput);
}
END_TEST

START_TEST(during_a_hand_off_the_checkpoint_owner_is_the_one_who_works)
{
    struct kh_lease lease = {.key = "s"};

    ck_assert_str_eq(kh_lease_actual_owner(&lease), "");
    memcpy(lease.owner, "next", sizeof("next"));
    ck_assert_str_eq(kh_lease_actual_owner(&lease), "next");
    memcpy(lease.checkpoint_owner, "old", sizeof("old"));
    ck_assert_str_eq(kh_lease_actual_owner(&lease), "old");
}
END_TEST

START_TEST(a_lease_is_finished_at_shard_end_only)
{
    struct kh_lease lease = {.checkpoint = {.seq = "SHARD_END"}};

    ck_assert(kh_lease_is_finished(&lease));
    lease.checkpoint = kh_extseq_sentinel(KH_SEQ_LATEST);
    ck_assert(!kh_lease_is_finished(&lease));
    ck_assert(kh_extseq_set(&lease.checkpoint, KH_STR("99"), 0));
    ck_assert(!kh_lease_is_finished(&lease));
}
END_TEST

START_TEST(hash_keys_go_from_0_to_2_to_the_128_minus_1)
{
    unsigned __int128 value = 1;
    char text[KH_HASH_KEY_DIGITS_MAX + 1];

    ck_assert(kh_hash_key_parse(KH_STR("0"), &value));
    ck_assert(value == 0);
    kh_hash_key_format(value, text);
    ck_assert_str_eq(text, "0");

    ck_assert(kh_hash_key_parse(KH_STR("340282366920938463463374607431768211455"), &value));
    ck_assert(value == ~(unsigned __int128)0);
    kh_hash_key_format(value, text);
    ck_assert_str_eq(text, "340282366920938463463374607431768211455");

    ck_assert(kh_hash_key_parse(KH_STR("170141183460469231731687303715884105728"), &value));
    ck_assert(value == (unsigned __int128)1 << 127);
    kh_hash_key_format(value, text);
    ck_assert_str_eq(text, "170141183460469231731687303715884105728");

    ck_assert(kh_hash_key_parse(KH_STR("00010"), &value));
    ck_assert(value == 10);
}
END_TEST

START_TEST(what_is_no_hash_key_is_refused)
{
    static const char *const texts[] = {"",
                                        "-1",
                                        "1a",
                                        " 1",
                                        "340282366920938463463374607431768211456",
                                        "999999999999999999999999999999999999999",
                                        "0000000000000000000000000000000000000001"};

    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        unsigned __int128 value = 7;

        ck_assert_msg(!kh_hash_key_parse(kh_str(texts[i]), &value), "took \"%s\"", texts[i]);
        ck_assert(value == 7);
    }
}
END_TEST

START_TEST(a_range_begins_below_its_end)
{
    static const struct {
        struct kh_hash_range range;
        bool sound;
    } rows[] = {{{.start = "0", .end = "1"}, true},
                {{.start = "0", .end = "340282366920938463463374607431768211455"}, true},
                {{.start = "9", .end = "10"}, true}, /* by value, not by text */
                {{.start = "10", .end = "9"}, false},
                {{.start = "7", .end = "7"}, false},
                {{.start = "7", .end = "x"}, false},
                {{.start = "", .end = ""}, false}};

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        ck_assert(kh_hash_range_is_sound(&rows[i].range) == rows[i].sound);
    }
}
END_TEST

int main(void)
{
    TCase *tcase = tcase_create("lease");

    tcase_add_test(tcase, a_lease_for_a_shard_has_its_parents_and_range_and_nobody);
    tcase_add_test(tcase, during_a_hand_off_the_checkpoint_owner_is_the_one_who_works);
    tcase_add_test(tcase, a_lease_is_finished_at_shard_end_only);
    tcase_add_test(tcase, hash_keys_go_from_0_to_2_to_the_128_minus_1);
    tcase_add_test(tcase, what_is_no_hash_key_is_refused);
    tcase_add_test(tcase, a_range_begins_below_its_end);
    return suite_run("lease", tcase);
}
