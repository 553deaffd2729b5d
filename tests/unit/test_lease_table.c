/* The index of owners: asking for it, and what a description says of it. */
#include "wire/lease_table.h"

#include <check.h>
#include <stdio.h>

#include "tests/lib/suite.h"

static struct kh_json *root;
static struct kh_err err;

static void teardown(void)
{
    kh_json_free(root);
    root = NULL;
}

static void parse(const char *text)
{
    teardown();
    ck_assert_msg(kh_json_parse(&root, kh_str(text), &err) == KH_OK, "%s", err.text);
}

#define INDEX_BEFORE                                                                             \
    "{\"TableName\":\"t\",\"AttributeDefinitions\":[{\"AttributeName\":\"leaseOwner\","          \
    "\"AttributeType\":\"S\"},{\"AttributeName\":\"leaseKey\",\"AttributeType\":\"S\"}],"        \
    "\"GlobalSecondaryIndexUpdates\":[{\"Create\":{\"IndexName\":\"LeaseOwnerToLeaseKeyIndex\"," \
    "\"KeySchema\":[{\"AttributeName\":\"leaseOwner\",\"KeyType\":\"HASH\"},"                    \
    "{\"AttributeName\":\"leaseKey\",\"KeyType\":\"RANGE\"}],"                                   \
    "\"Projection\":{\"ProjectionType\":\"KEYS_ONLY\"}"
#define THROUGHPUT(reads, writes) \
    "\"ProvisionedThroughput\":{\"ReadCapacityUnits\":" reads ",\"WriteCapacityUnits\":" writes "}"

static void index_is(const char *want)
{
    struct kh_buf body;

    kh_buf_init(&body, 4096);
    ck_assert_int_eq(kh_lease_table_index(&body, "t", root), KH_OK);
    ck_assert(kh_buf_append_char(&body, '\0') == KH_OK);
    ck_assert_str_eq(body.p, want);
    kh_buf_fini(&body);
}

START_TEST(the_index_of_a_table_on_demand_has_no_throughput)
{
    parse("{\"Table\":{\"BillingModeSummary\":{\"BillingMode\":\"PAY_PER_REQUEST\"}," THROUGHPUT(
        "0", "0") "}}");
    index_is(INDEX_BEFORE "}}]}");
    parse("{\"Table\":{\"BillingModeSummary\":{\"BillingMode\":\"PAY_PER_REQUEST\"}," THROUGHPUT(
        "5", "5") "}}");
    index_is(INDEX_BEFORE "}}]}");
    parse("{}");
    index_is(INDEX_BEFORE "}}]}");
}
END_TEST

START_TEST(the_index_of_a_provisioned_table_has_its_throughput)
{
    parse("{\"Table\":{" THROUGHPUT("10", "7") "}}");
    index_is(INDEX_BEFORE "," THROUGHPUT("10", "7") "}}]}");
}
END_TEST

static const struct {
    const char *indexes;
    bool there;
    bool active;
} descriptions[] = {
    {"", false, false},
    {"{\"IndexName\":\"other\",\"IndexStatus\":\"ACTIVE\"}", false, false},
    {"{\"IndexName\":\"LeaseOwnerToLeaseKeyIndex\",\"IndexStatus\":\"CREATING\","
     "\"Backfilling\":true}",
     true, false},
    {"{\"IndexName\":\"LeaseOwnerToLeaseKeyIndex\",\"IndexStatus\":\"CREATING\"}", true, false},
    {"{\"IndexName\":\"other\",\"IndexStatus\":\"CREATING\"},"
     "{\"IndexName\":\"LeaseOwnerToLeaseKeyIndex\",\"IndexStatus\":\"ACTIVE\"}",
     true, true},
    {"{\"IndexName\":\"LeaseOwnerToLeaseKeyIndex\",\"IndexStatus\":\"UPDATING\"}", true, true},
    {"{\"IndexName\":\"LeaseOwnerToLeaseKeyIndex\",\"IndexStatus\":\"ACTIVE\","
     "\"Backfilling\":true}",
     true, false},
    {"{\"IndexName\":\"LeaseOwnerToLeaseKeyIndex\",\"IndexStatus\":\"DELETING\"}", false, false},
};
enum { DESCRIPTIONS_N = sizeof(descriptions) / sizeof(descriptions[0]) };

START_TEST(an_index_is_there_and_active_or_not)
{
    char text[512];
    bool active = true;

    (void)snprintf(text, sizeof(text), "{\"Table\":{\"GlobalSecondaryIndexes\":[%s]}}",
                   descriptions[_i].indexes);
    parse(text);
    ck_assert(kh_lease_table_has_index(root, &active) == descriptions[_i].there);
    ck_assert(active == descriptions[_i].active);
}
END_TEST

START_TEST(a_table_exists_unless_it_is_being_deleted)
{
    bool exists = false;

    parse("{\"Table\":{\"TableStatus\":\"CREATING\"}}");
    ck_assert_int_eq(kh_lease_table_exists(root, "t", &exists, &err), KH_OK);
    ck_assert(exists);
    parse("{\"Table\":{\"TableStatus\":\"DELETING\"}}");
    ck_assert_int_eq(kh_lease_table_exists(root, "t", &exists, &err), KH_OK);
    ck_assert(!exists);
    parse("{}");
    ck_assert_int_eq(kh_lease_table_exists(root, "t", &exists, &err), KH_RETRY);
    ck_assert_str_eq(err.text, "table t: the answer to DescribeTable has no status");
}
END_TEST

int main(void)
{
    TCase *tcase = tcase_create("lease_table");

    tcase_add_checked_fixture(tcase, NULL, teardown);
    tcase_add_test(tcase, the_index_of_a_table_on_demand_has_no_throughput);
    tcase_add_test(tcase, the_index_of_a_provisioned_table_has_its_throughput);
    tcase_add_loop_test(tcase, an_index_is_there_and_active_or_not, 0, DESCRIPTIONS_N);
    tcase_add_test(tcase, a_table_exists_unless_it_is_being_deleted);
    return suite_run("lease_table", tcase);
}
