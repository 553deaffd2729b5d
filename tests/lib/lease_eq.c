#include "tests/lib/lease_eq.h"

#include <check.h>

static bool is_in(const char *id, const char (*ids)[KH_SHARD_ID_MAX + 1], unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        if (kh_str_eq(kh_str(id), kh_str(ids[i]))) {
            return true;
        }
    }
    return false;
}

void test_lease_eq(const struct kh_lease *got, const struct kh_lease *want)
{
    ck_assert_str_eq(got->key, want->key);
    ck_assert_str_eq(got->owner, want->owner);
    ck_assert_str_eq(got->checkpoint_owner, want->checkpoint_owner);
    ck_assert_str_eq(got->handoff_owner, want->handoff_owner);
    ck_assert_uint_eq(got->counter, want->counter);
    ck_assert_uint_eq(got->owner_switches, want->owner_switches);
    ck_assert_str_eq(got->checkpoint.seq, want->checkpoint.seq);
    ck_assert_int_eq(got->checkpoint.sub, want->checkpoint.sub);
    ck_assert_str_eq(got->pending.seq, want->pending.seq);
    ck_assert_int_eq(got->pending.sub, want->pending.sub);
    ck_assert_uint_eq(got->parents_n, want->parents_n);
    for (unsigned i = 0; i < got->parents_n; i++) {
        ck_assert_msg(is_in(got->parents[i], want->parents, want->parents_n), "parent %s",
                      got->parents[i]);
    }
    ck_assert_uint_eq(got->children_n, want->children_n);
    for (unsigned i = 0; i < got->children_n; i++) {
        ck_assert_msg(is_in(got->children[i], want->children, want->children_n), "child %s",
                      got->children[i]);
    }
    ck_assert_str_eq(got->range.start, want->range.start);
    ck_assert_str_eq(got->range.end, want->range.end);
    ck_assert(got->has_throughput == want->has_throughput);
    ck_assert_double_eq(got->throughput_kbps, want->throughput_kbps);
}
