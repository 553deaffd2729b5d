#include "obs/flight.h"

#include <check.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "obs/flight_text.h"
#include "tests/lib/suite.h"

static char text[KH_FLIGHT_LINE_MAX + 1];

static void assert_event(const struct kh_event *event, const char *expected)
{
    size_t n = kh_flight_text_event(text, sizeof(text), event);

    ck_assert_str_eq(text, expected);
    ck_assert_uint_eq(n, strlen(expected));
}

static void assert_cmd(const struct kh_cmd *cmd, const char *expected)
{
    size_t n = kh_flight_text_cmd(text, sizeof(text), cmd);

    ck_assert_str_eq(text, expected);
    ck_assert_uint_eq(n, strlen(expected));
}

START_TEST(events_of_shards_and_children_name_the_shard)
{
    const struct kh_str key = KH_STR("shardId-000000000003");

    assert_event(&(struct kh_event){.type = KH_EVENT_TICK}, "tick");
    assert_event(&(struct kh_event){.type = KH_EVENT_OPENED, .key = key, .rc = KH_NOTFOUND},
                 "opened 3 notfound");
    assert_event(&(struct kh_event){.type = KH_EVENT_CHILD_STATUS,
                                    .key = key,
                                    .action_name = KH_STR("initialize")},
                 "child_status 3 initialize");
    assert_event(&(struct kh_event){.type = KH_EVENT_CHILD_EXITED, .key = key, .exit_status = 9},
                 "child_exited 3 status 9");
    assert_event(&(struct kh_event){.type = KH_EVENT_SHARDS, .shards_n = 4}, "shards ok, 4 shards");
}
END_TEST

START_TEST(unusual_shard_names_are_whole)
{
    assert_event(&(struct kh_event){.type = KH_EVENT_OPENED, .key = KH_STR("shardId-000000000000")},
                 "opened 0 ok");
    assert_event(&(struct kh_event){.type = KH_EVENT_OPENED, .key = KH_STR("left")},
                 "opened left ok");
}
END_TEST

START_TEST(a_checkpoint_shows_what_was_asked)
{
    struct kh_event event = {.type = KH_EVENT_CHILD_CHECKPOINT, .key = KH_STR("shardId-1")};

    assert_event(&event, "child_checkpoint 1 all");
    event.checkpoint = (struct kh_child_checkpoint){
        .has_seq = true, .seq = KH_STR("495"), .has_sub = true, .sub = 2};
    assert_event(&event, "child_checkpoint 1 495/2");
    event.checkpoint.sub_bad = true;
    assert_event(&event, "child_checkpoint 1 495/bad");
}
END_TEST

START_TEST(requests_of_the_fleet_show_what_is_written_and_expected)
{
    struct kh_coord_op op = {.id = 7, .verb = KH_COORD_LAYOUT};
    const struct kh_cmd cmd = {.type = KH_CMD_COORD, .coord = &op};

    assert_cmd(&cmd, "7: layout");
    op = (struct kh_coord_op){.id = 8, .verb = KH_COORD_GET, .place = KH_COORD_LEGACY_TABLE};
    assert_cmd(&cmd, "8: get lock in its old table");
    op = (struct kh_coord_op){.id = 9,
                              .verb = KH_COORD_UPDATE,
                              .expect_bits = KH_EXPECT_LOCK_VERSION | KH_EXPECT_LOCK_OWNER,
                              .item = {.lock = {.owner = "me", .version = "v2", .released = true}}};
    assert_cmd(&cmd, "9: update lock owner=me version=v2 released if-version if-owner");
    op = (struct kh_coord_op){
        .id = 10,
        .verb = KH_COORD_PUT,
        .kind = KH_COORD_VERSION,
        .expect_bits = KH_EXPECT_ABSENT,
        .item = {.kind = KH_COORD_VERSION,
                 .version = {.now = {.version = KH_VERSION_3X_WITH_ROLLBACK, .by = "me"}}}};
    assert_cmd(&cmd, "10: put version 3x_with_rollback by=me if-absent");
    op = (struct kh_coord_op){.id = 11,
                              .verb = KH_COORD_DELETE,
                              .kind = KH_COORD_STATS,
                              .key = "w",
                              .expect_bits = KH_EXPECT_REPORTED};
    assert_cmd(&cmd, "11: delete stats w if-lut");
    op = (struct kh_coord_op){.id = 12, .verb = KH_COORD_OWNED, .key = "w"};
    assert_cmd(&cmd, "12: owned w");
    op = (struct kh_coord_op){
        .id = 13,
        .verb = KH_COORD_UPDATE,
        .kind = KH_COORD_STATS,
        .key = "w",
        .item = {.kind = KH_COORD_STATS,
                 .stats = {.worker_id = "w",
                           .reported_wall_s = 5,
                           .metrics_n = 1,
                           .metrics = {{.name = "C", .values_n = 2, .values = {1, 12.25}}}}}};
    assert_cmd(&cmd, "13: update stats w lut=5 C=12.2");
}
END_TEST

START_TEST(answers_to_the_fleet_show_what_is_there)
{
    struct kh_coord_answer answer = {
        .id = 7,
        .verb = KH_COORD_LAYOUT,
        .layout = {.legacy_state = true, .legacy_stats = true, .has_index = true}};
    const struct kh_event event = {.type = KH_EVENT_COORD, .coord = &answer};

    assert_event(&event, "answer 7 done layout: old state, old stats, index being made");
    answer.layout = (struct kh_layout){0};
    assert_event(&event, "answer 7 done layout: no index");
    answer = (struct kh_coord_answer){.id = 8, .verb = KH_COORD_GET};
    assert_event(&event, "answer 8 done nothing");
    answer = (struct kh_coord_answer){.id = 9,
                                      .verb = KH_COORD_PUT,
                                      .outcome = KH_LEASE_CONFLICT,
                                      .found = true,
                                      .item = {.lock = {.owner = "bob", .version = "v1"}}};
    assert_event(&event, "answer 9 conflict lock owner=bob version=v1");
    answer = (struct kh_coord_answer){
        .id = 10,
        .verb = KH_COORD_GET,
        .kind = KH_COORD_TABLES,
        .found = true,
        .item = {.kind = KH_COORD_TABLES, .tables = {.status = KH_TABLES_DEPLOYED, .by = "w"}}};
    assert_event(&event, "answer 10 done tables deployed by=w");
    answer = (struct kh_coord_answer){.id = 11, .verb = KH_COORD_LIST_STATS, .stats_n = 3};
    assert_event(&event, "answer 11 done 3 stats");
    answer = (struct kh_coord_answer){.id = 12, .verb = KH_COORD_OWNED, .keys_n = 4};
    assert_event(&event, "answer 12 done 4 leases");
    answer = (struct kh_coord_answer){
        .id = 13, .verb = KH_COORD_OWNED, .outcome = KH_LEASE_FAILED, .rc = KH_NOTFOUND};
    assert_event(&event, "answer 13 failed notfound");
    answer = (struct kh_coord_answer){.id = 14, .verb = KH_COORD_MAKE_INDEX};
    assert_event(&event, "answer 14 done");
}
END_TEST

START_TEST(what_was_fetched_shows_how_far)
{
    struct kh_fetched fetched = {
        .records_n = 10, .batch = 7, .last = {.seq = "495"}, .ended = true, .children_n = 2};
    struct kh_event event = {
        .type = KH_EVENT_FETCHED, .key = KH_STR("shardId-1"), .fetched = &fetched};

    assert_event(&event, "fetched 1 10 records to 495/0, batch 7, ended, 2 children");
    fetched = (struct kh_fetched){0};
    assert_event(&event, "fetched 1 0 records to none");
    event.rc = KH_THROTTLED;
    assert_event(&event, "fetched 1 throttled");
}
END_TEST

START_TEST(an_answer_shows_the_row)
{
    static struct kh_lease_answer answer = {
        .id = 12,
        .verb = KH_LEASE_UPDATE,
        .outcome = KH_LEASE_CONFLICT,
        .lease = {.key = "shardId-1", .owner = "B", .counter = 8, .checkpoint = {.seq = "LATEST"}}};
    struct kh_event event = {.type = KH_EVENT_STORE, .answer = &answer};

    assert_event(&event, "answer 12 conflict 1 owner=B counter=8 checkpoint=LATEST/0");
    answer.outcome = KH_LEASE_UNKNOWN;
    answer.rc = KH_RETRY;
    assert_event(&event, "answer 12 unknown retry");
    answer = (struct kh_lease_answer){.id = 1, .verb = KH_LEASE_LIST, .leases_n = 4};
    assert_event(&event, "answer 1 done 4 leases");
}
END_TEST

START_TEST(a_request_shows_what_it_expects_and_sets)
{
    static struct kh_lease_op op = {
        .id = 3,
        .verb = KH_LEASE_UPDATE,
        .key = "shardId-000000000010",
        .expect_is = KH_LEASE_COUNTER | KH_LEASE_OWNER,
        .expect_counter = 7,
        .expect_absent = KH_LEASE_CHECKPOINT_OWNER,
        .set = KH_LEASE_OWNER | KH_LEASE_CHECKPOINT | KH_LEASE_CHILDREN,
        .add_one = KH_LEASE_COUNTER,
        .remove = KH_LEASE_PENDING,
        .lease = {.owner = "A", .checkpoint = {.seq = "495", .sub = 1}}};
    struct kh_cmd cmd = {.type = KH_CMD_STORE, .key = op.key, .op = &op};

    assert_cmd(&cmd, "3: update 10 expecting 7 if-owner if-no-checkpointOwner children +1 counter "
                     "no-pending owner=A checkpoint=495/1");
    op = (struct kh_lease_op){.id = 4,
                              .verb = KH_LEASE_CREATE,
                              .key = "shardId-1",
                              .lease = {.checkpoint = {.seq = "TRIM_HORIZON"}}};
    assert_cmd(&cmd, "4: create 1 at TRIM_HORIZON/0");
    op = (struct kh_lease_op){.id = 5, .verb = KH_LEASE_LIST};
    assert_cmd(&cmd, "5: list");
}
END_TEST

START_TEST(commands_show_what_matters)
{
    const char *key = "shardId-2";

    assert_cmd(&(struct kh_cmd){.type = KH_CMD_NOTE, .key = key, .note = "hold.taken", .value = 5},
               "note hold.taken 2 5");
    assert_cmd(&(struct kh_cmd){.type = KH_CMD_NOTE, .key = "", .note = "worker.stopping"},
               "note worker.stopping");
    assert_cmd(&(struct kh_cmd){.type = KH_CMD_OPEN, .key = key}, "open 2 skipping to none");
    assert_cmd(&(struct kh_cmd){.type = KH_CMD_FETCH, .key = key, .limit = 100},
               "fetch 2 at most 100");
    assert_cmd(&(struct kh_cmd){.type = KH_CMD_DROP_BATCH, .batch = 7}, "drop_batch 7");
    assert_cmd(&(struct kh_cmd){.type = KH_CMD_CHILD_SEND,
                                .key = key,
                                .action = KH_ACTION_INITIALIZE,
                                .skip_to = {.seq = "LATEST"}},
               "child_send initialize 2 at LATEST/0");
    assert_cmd(
        &(struct kh_cmd){
            .type = KH_CMD_CHILD_SEND, .key = key, .action = KH_ACTION_PROCESS_RECORDS, .batch = 7},
        "child_send processRecords 2 batch 7");
    assert_cmd(&(struct kh_cmd){.type = KH_CMD_CHILD_ACK, .key = key}, "child_ack 2 success");
    assert_cmd(&(struct kh_cmd){.type = KH_CMD_CHILD_SIGNAL, .key = key, .kill = true},
               "child_signal 2 KILL");
    assert_cmd(&(struct kh_cmd){.type = KH_CMD_STOPPED, .why = KH_STOP_DONE}, "stopped done");
    assert_cmd(&(struct kh_cmd){.type = KH_CMD_STOPPED, .why = KH_STOP_FAILED}, "stopped failed");
}
END_TEST

START_TEST(a_line_that_does_not_fit_is_cut)
{
    const struct kh_cmd cmd = {.type = KH_CMD_NOTE, .key = "", .note = "hold.taken"};

    ck_assert_uint_eq(kh_flight_text_cmd(text, 8, &cmd), 7);
    ck_assert_str_eq(text, "note ho");
}
END_TEST

/* What a dump writes; the reader takes it up to room. */
static size_t dump(char *room, size_t room_bytes)
{
    int before = dup(STDERR_FILENO);
    int fds[2];
    size_t n = 0;
    ssize_t got;

    ck_assert_int_eq(pipe(fds), 0);
    ck_assert_int_eq(dup2(fds[1], STDERR_FILENO), STDERR_FILENO);
    ck_assert_int_eq(close(fds[1]), 0);
    kh_flight_dump();
    ck_assert_int_eq(dup2(before, STDERR_FILENO), STDERR_FILENO);
    ck_assert_int_eq(close(before), 0);
    while ((got = read(fds[0], room + n, room_bytes - 1 - n)) > 0) {
        n += (size_t)got;
    }
    ck_assert_int_eq(close(fds[0]), 0);
    room[n] = '\0';
    return n;
}

START_TEST(the_recorder_keeps_the_last_lines_oldest_first)
{
    static char seen[KH_FLIGHT_LINES * 64];
    struct kh_cmds cmds;
    unsigned lines = 0;

    ck_assert_uint_eq(dump(seen, sizeof(seen)), 0);
    kh_cmds_init(&cmds);
    kh_cmds_note(&cmds, "", "a.note");
    kh_flight_event(&(struct kh_event){.type = KH_EVENT_TICK}, 4000);
    kh_flight_cmds(&cmds, 4001);
    (void)dump(seen, sizeof(seen));
    ck_assert_str_eq(seen, "[   4.000] < tick\n[   4.001] > note a.note\n");

    for (kh_ms now_ms = 5000; now_ms < 5000 + KH_FLIGHT_LINES; now_ms++) {
        kh_flight_event(&(struct kh_event){.type = KH_EVENT_TICK}, now_ms);
    }
    (void)dump(seen, sizeof(seen));
    for (const char *p = seen; *p != '\0'; p++) {
        lines += *p == '\n' ? 1 : 0;
    }
    ck_assert_uint_eq(lines, KH_FLIGHT_LINES);
    ck_assert_int_eq(strncmp(seen, "[   5.000] < tick\n", 18), 0);
    kh_cmds_fini(&cmds);
}
END_TEST

int main(void)
{
    TCase *tcase = tcase_create("flight");

    tcase_add_test(tcase, events_of_shards_and_children_name_the_shard);
    tcase_add_test(tcase, unusual_shard_names_are_whole);
    tcase_add_test(tcase, a_checkpoint_shows_what_was_asked);
    tcase_add_test(tcase, requests_of_the_fleet_show_what_is_written_and_expected);
    tcase_add_test(tcase, answers_to_the_fleet_show_what_is_there);
    tcase_add_test(tcase, what_was_fetched_shows_how_far);
    tcase_add_test(tcase, an_answer_shows_the_row);
    tcase_add_test(tcase, a_request_shows_what_it_expects_and_sets);
    tcase_add_test(tcase, commands_show_what_matters);
    tcase_add_test(tcase, a_line_that_does_not_fit_is_cut);
    tcase_add_test(tcase, the_recorder_keeps_the_last_lines_oldest_first);
    return suite_run("flight", tcase);
}
