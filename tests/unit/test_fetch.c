#include "core/fetch.h"

#include <check.h>
#include <string.h>

#include "tests/lib/cmds.h"
#include "tests/lib/suite.h"

static struct kh_ctx ctx;
static struct kh_fetch fetch;
static struct kh_cmds out;
static uint64_t batches; /* given out so far */

static void setup(void)
{
    memset(&ctx, 0, sizeof(ctx));
    kh_worker_config_default(&ctx.config);
    kh_rand_init(&ctx.rand, 1);
    kh_cmds_init(&out);
    kh_fetch_init(&fetch, &ctx, "shardId-0");
    batches = 0;
}

static void teardown(void)
{
    kh_cmds_fini(&out);
}

static void begin(const char *seq, int64_t sub)
{
    struct kh_extseq checkpoint;

    ck_assert(kh_extseq_set(&checkpoint, kh_str(seq), sub));
    kh_cmds_reset(&out);
    kh_fetch_begin(&fetch, &checkpoint, 1000, &out);
}

static void opened(enum kh_rc rc, kh_ms now_ms)
{
    struct kh_event event = {
        .type = KH_EVENT_OPENED, .ticket = fetch.ticket, .rc = rc, .wall_ms = 1700000000000};

    kh_cmds_reset(&out);
    kh_fetch_step(&fetch, &event, now_ms, &out);
}

static void fetched(enum kh_rc rc, const struct kh_fetched *brought, kh_ms now_ms)
{
    struct kh_event event = {
        .type = KH_EVENT_FETCHED, .ticket = fetch.ticket, .rc = rc, .fetched = brought};

    kh_cmds_reset(&out);
    kh_fetch_step(&fetch, &event, now_ms, &out);
}

static void records(const char *last, uint32_t n, kh_ms now_ms)
{
    struct kh_fetched brought = {.records_n = n, .has_millis_behind = true};

    brought.batch = n > 0 ? ++batches : 0;
    if (last[0] != '\0') {
        ck_assert(kh_extseq_set(&brought.last, kh_str(last), 0));
    }
    fetched(KH_OK, &brought, now_ms);
}

static void tick(kh_ms now_ms)
{
    kh_cmds_reset(&out);
    kh_fetch_step(&fetch, &(struct kh_event){.type = KH_EVENT_TICK}, now_ms, &out);
}

static const struct kh_position *position(void)
{
    return &cmds_find(&out, KH_CMD_OPEN)->position;
}

START_TEST(a_sentinel_opens_at_its_own_position)
{
    begin("TRIM_HORIZON", 0);
    ck_assert_int_eq(position()->type, KH_POSITION_TRIM_HORIZON);
    kh_fetch_stop(&fetch, &out);
    begin("LATEST", 0);
    ck_assert_int_eq(position()->type, KH_POSITION_LATEST);
    kh_fetch_stop(&fetch, &out);
    ctx.config.initial_position = KH_POSITION_AT_TIMESTAMP;
    ctx.config.initial_wall_ms = 42;
    begin("AT_TIMESTAMP", 0);
    ck_assert_int_eq(position()->type, KH_POSITION_AT_TIMESTAMP);
    ck_assert_int_eq(position()->wall_ms, 42);
}
END_TEST

START_TEST(a_number_opens_at_itself_and_skips_what_is_done)
{
    begin("500", 3);
    ck_assert_int_eq(position()->type, KH_POSITION_AT_SEQUENCE);
    ck_assert_str_eq(position()->seq, "500");
    ck_assert_str_eq(cmds_find(&out, KH_CMD_OPEN)->skip_to.seq, "500");
    ck_assert_int_eq(cmds_find(&out, KH_CMD_OPEN)->skip_to.sub, 3);
}
END_TEST

START_TEST(a_refused_iterator_is_replaced_at_the_number_until_a_record_was_accepted)
{
    begin("500", 3);
    opened(KH_OK, 1010);
    ck_assert_ptr_nonnull(cmds_find(&out, KH_CMD_FETCH));
    fetched(KH_INVALID, NULL, 1020);
    ck_assert(cmds_noted(&out, "fetch.iterator_refused"));
    tick(kh_fetch_deadline(&fetch));
    ck_assert_int_eq(position()->type, KH_POSITION_AT_SEQUENCE);

    opened(KH_OK, 1300);
    records("600", 10, 1400);
    tick(kh_fetch_deadline(&fetch));
    fetched(KH_INVALID, NULL, 2000);
    tick(kh_fetch_deadline(&fetch));
    ck_assert_int_eq(position()->type, KH_POSITION_AFTER_SEQUENCE);
    ck_assert_str_eq(position()->seq, "600");
    ck_assert_str_eq(cmds_find(&out, KH_CMD_OPEN)->skip_to.seq, "500");
}
END_TEST

START_TEST(latest_is_opened_once_and_then_by_its_time)
{
    begin("LATEST", 0);
    opened(KH_OK, 1010);
    kh_fetch_stop(&fetch, &out);
    begin("LATEST", 0);
    ck_assert_int_eq(position()->type, KH_POSITION_AT_TIMESTAMP);
    ck_assert_int_eq(position()->wall_ms, 1700000000000);
}
END_TEST

START_TEST(a_backlog_is_read_without_idling_and_the_tip_with_it)
{
    begin("TRIM_HORIZON", 0);
    opened(KH_OK, 1000);
    records("600", 10, 1100);
    ck_assert_int_eq(kh_fetch_deadline(&fetch), 1250);
    tick(1250);
    records("", 0, 1300);
    ck_assert(fetch.caught_up);
    ck_assert_int_eq(kh_fetch_deadline(&fetch), 2750);
}
END_TEST

START_TEST(a_set_idle_time_holds_with_a_backlog_too)
{
    ctx.config.idle_fixed = true;
    begin("TRIM_HORIZON", 0);
    opened(KH_OK, 1000);
    records("600", 10, 1100);
    ck_assert_int_eq(kh_fetch_deadline(&fetch), 2500);
}
END_TEST

START_TEST(no_more_than_three_batches_are_read_ahead)
{
    struct kh_fetch_batch batch;

    begin("TRIM_HORIZON", 0);
    opened(KH_OK, 1000);
    records("600", 10, 1100);
    tick(1250);
    records("700", 10, 1300);
    tick(1550);
    records("800", 10, 1600);
    ck_assert_int_eq(kh_fetch_deadline(&fetch), KH_NEVER);
    tick(9000);
    ck_assert_uint_eq(out.n, 0);

    ck_assert(kh_fetch_pop(&fetch, &batch, 9000, &out));
    ck_assert_str_eq(batch.last.seq, "600");
    ck_assert_ptr_nonnull(cmds_find(&out, KH_CMD_FETCH));
}
END_TEST

START_TEST(failures_are_tried_again_ever_more_slowly)
{
    kh_ms pause_ms = 0;

    begin("TRIM_HORIZON", 0);
    opened(KH_RETRY, 1000);
    ck_assert(cmds_noted(&out, "fetch.open_failed"));
    for (int i = 0; i < 10; i++) {
        kh_ms at_ms = kh_fetch_deadline(&fetch);

        tick(at_ms);
        opened(KH_RETRY, at_ms);
        pause_ms = kh_fetch_deadline(&fetch) - at_ms;
    }
    ck_assert_int_gt(pause_ms, 7000);
    ck_assert_int_le(pause_ms, 10000);
}
END_TEST

START_TEST(a_throttled_read_waits_a_second_and_keeps_its_iterator)
{
    begin("TRIM_HORIZON", 0);
    opened(KH_OK, 1000);
    fetched(KH_THROTTLED, NULL, 1100);
    ck_assert(cmds_noted(&out, "fetch.failed"));
    ck_assert_int_gt(kh_fetch_deadline(&fetch), 1800);
    tick(kh_fetch_deadline(&fetch));
    ck_assert_ptr_nonnull(cmds_find(&out, KH_CMD_FETCH));
}
END_TEST

START_TEST(the_end_brings_the_children)
{
    struct kh_shard children[2] = {{.id = "shardId-1"}, {.id = "shardId-2"}};
    struct kh_fetched end = {.ended = true, .children = children, .children_n = 2};

    begin("TRIM_HORIZON", 0);
    opened(KH_OK, 1000);
    fetched(KH_OK, &end, 1100);
    ck_assert_int_eq(fetch.state, KH_FETCH_ENDED);
    ck_assert_uint_eq(fetch.children_n, 2);
    ck_assert_str_eq(fetch.children[1].id, "shardId-2");
    ck_assert(cmds_noted(&out, "fetch.shard_ended"));
    ck_assert_int_eq(kh_fetch_deadline(&fetch), KH_NEVER);
}
END_TEST

START_TEST(a_shard_that_is_gone_ends_without_children)
{
    begin("TRIM_HORIZON", 0);
    opened(KH_NOTFOUND, 1000);
    ck_assert_int_eq(fetch.state, KH_FETCH_ENDED);
    ck_assert_uint_eq(fetch.children_n, 0);
    ck_assert(cmds_noted(&out, "fetch.shard_gone"));
}
END_TEST

START_TEST(stopping_gives_every_batch_back)
{
    begin("TRIM_HORIZON", 0);
    opened(KH_OK, 1000);
    records("600", 10, 1100);
    tick(1250);
    records("700", 10, 1300);
    kh_cmds_reset(&out);
    kh_fetch_stop(&fetch, &out);
    ck_assert_uint_eq(cmds_count(&out, KH_CMD_DROP_BATCH), 2);
    ck_assert_uint_eq(cmds_count(&out, KH_CMD_CLOSE), 1);
    ck_assert_int_eq(fetch.state, KH_FETCH_CLOSED);
}
END_TEST

START_TEST(what_arrives_after_stopping_is_given_back)
{
    struct kh_fetched brought = {.batch = 9, .records_n = 1};
    struct kh_event event = {.type = KH_EVENT_FETCHED, .fetched = &brought};

    begin("TRIM_HORIZON", 0);
    opened(KH_OK, 1000);
    event.ticket = fetch.ticket;
    kh_fetch_stop(&fetch, &out);
    kh_cmds_reset(&out);
    kh_fetch_step(&fetch, &event, 1100, &out);
    ck_assert_uint_eq(cmds_find(&out, KH_CMD_DROP_BATCH)->batch, 9);
    ck_assert_int_eq(fetch.state, KH_FETCH_CLOSED);
}
END_TEST

START_TEST(a_lease_at_a_timestamp_needs_one_in_the_settings)
{
    begin("AT_TIMESTAMP", 0);
    ck_assert_ptr_null(cmds_find(&out, KH_CMD_OPEN));
    ck_assert(cmds_noted(&out, "fetch.no_timestamp"));
    ctx.config.initial_position = KH_POSITION_AT_TIMESTAMP;
    tick(kh_fetch_deadline(&fetch));
    ck_assert_ptr_nonnull(cmds_find(&out, KH_CMD_OPEN));
}
END_TEST

START_TEST(empty_batches_are_delivered_only_if_wanted)
{
    struct kh_fetch_batch batch;

    begin("TRIM_HORIZON", 0);
    opened(KH_OK, 1000);
    records("", 0, 1100);
    ck_assert(!kh_fetch_pop(&fetch, &batch, 1100, &out));
    ctx.config.deliver_empty = true;
    tick(kh_fetch_deadline(&fetch));
    records("", 0, 3000);
    ck_assert(kh_fetch_pop(&fetch, &batch, 3000, &out));
    ck_assert_uint_eq(batch.batch, 0);
}
END_TEST

int main(void)
{
    TCase *tcase = tcase_create("fetch");

    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, a_sentinel_opens_at_its_own_position);
    tcase_add_test(tcase, a_number_opens_at_itself_and_skips_what_is_done);
    tcase_add_test(tcase, a_refused_iterator_is_replaced_at_the_number_until_a_record_was_accepted);
    tcase_add_test(tcase, latest_is_opened_once_and_then_by_its_time);
    tcase_add_test(tcase, a_backlog_is_read_without_idling_and_the_tip_with_it);
    tcase_add_test(tcase, a_set_idle_time_holds_with_a_backlog_too);
    tcase_add_test(tcase, no_more_than_three_batches_are_read_ahead);
    tcase_add_test(tcase, failures_are_tried_again_ever_more_slowly);
    tcase_add_test(tcase, a_throttled_read_waits_a_second_and_keeps_its_iterator);
    tcase_add_test(tcase, the_end_brings_the_children);
    tcase_add_test(tcase, a_shard_that_is_gone_ends_without_children);
    tcase_add_test(tcase, stopping_gives_every_batch_back);
    tcase_add_test(tcase, what_arrives_after_stopping_is_given_back);
    tcase_add_test(tcase, a_lease_at_a_timestamp_needs_one_in_the_settings);
    tcase_add_test(tcase, empty_batches_are_delivered_only_if_wanted);
    return suite_run("fetch", tcase);
}
