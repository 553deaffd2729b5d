/* A folder of files as a stream: each test writes its own folder. */
#include "source/source.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <check.h>

#include "base/mem.h"
#include "io/clock.h"
#include "tests/lib/suite.h"

#define ID "shardId-000000000000"

/* Record n arrived at n seconds past 1700000000; data is base64 for "n". */
#define LINE(n)                                                                  \
    "{\"SequenceNumber\":\"" #n "\",\"ApproximateArrivalTimestamp\":17000000" #n \
    ".5,\"Data\":\"eA==\",\"PartitionKey\":\"k\"}\n"
#define ARRIVED_MS(n) (INT64_C(1700000000500) + (n)*INT64_C(1000))

static char dir[64];
static struct kh_loop *loop;
static struct kh_source *source;
static struct kh_watch *limit_timer;
static unsigned answers; /* of any type */

/* The last answer of each type. */
static struct {
    uint64_t ticket;
    enum kh_rc rc;
    char ids[256]; /* "a b c " */
    struct kh_shard first;
} listed;
static struct {
    uint64_t ticket;
    enum kh_rc rc;
    char shard[64];
    int64_t wall_ms;
    char text[512];
} opened;
static struct {
    uint64_t ticket;
    enum kh_rc rc;
    char shard[64];
    char seqs[512]; /* "11 12 " */
    char children[256];
    char text[512];
    struct kh_fetched fetched;
    struct kh_record first; /* its texts are gone */
} fetched;

static void note(char *list, size_t list_bytes, const char *word)
{
    size_t n = strlen(list);

    ck_assert_int_lt(snprintf(list + n, list_bytes - n, "%s ", word), (int)(list_bytes - n));
}

static void answered(void)
{
    answers++;
    kh_loop_stop(loop);
}

static void on_shards(void *arg, uint64_t ticket, enum kh_rc rc, const struct kh_shard *shards,
                      size_t n, const struct kh_err *err)
{
    (void)arg;
    (void)err;
    memset(&listed, 0, sizeof(listed));
    listed.ticket = ticket;
    listed.rc = rc;
    for (size_t i = 0; i < n; i++) {
        note(listed.ids, sizeof(listed.ids), shards[i].id);
    }
    if (n > 0) {
        listed.first = shards[0];
    }
    answered();
}

static void on_opened(void *arg, struct kh_str shard, uint64_t ticket, enum kh_rc rc,
                      int64_t wall_ms, const struct kh_err *err)
{
    (void)arg;
    memset(&opened, 0, sizeof(opened));
    opened.ticket = ticket;
    opened.rc = rc;
    opened.wall_ms = wall_ms;
    ck_assert(kh_str_copy(opened.shard, sizeof(opened.shard), shard));
    if (err != NULL) {
        ck_assert(kh_str_copy(opened.text, sizeof(opened.text), kh_str(err->text)));
    }
    answered();
}

static void on_fetched(void *arg, struct kh_str shard, uint64_t ticket, struct kh_batch *batch,
                       const struct kh_fetched *what, const struct kh_err *err)
{
    (void)arg;
    memset(&fetched, 0, sizeof(fetched));
    fetched.ticket = ticket;
    fetched.rc = err == NULL ? KH_OK : err->rc;
    fetched.fetched = *what;
    ck_assert(kh_str_copy(fetched.shard, sizeof(fetched.shard), shard));
    ck_assert_uint_eq(what->records_n, batch != NULL ? batch->records_n : 0);
    for (size_t i = 0; batch != NULL && i < batch->records_n && i < 20; i++) {
        char seq[KH_SEQNO_DIGITS_MAX + 1];

        ck_assert(kh_str_copy(seq, sizeof(seq), batch->records[i].seq));
        note(fetched.seqs, sizeof(fetched.seqs), seq);
        fetched.first = batch->records[0];
    }
    for (size_t i = 0; i < what->children_n; i++) {
        note(fetched.children, sizeof(fetched.children), what->children[i].id);
    }
    if (err != NULL) {
        ck_assert(kh_str_copy(fetched.text, sizeof(fetched.text), kh_str(err->text)));
    }
    kh_batch_free(batch);
    answered();
}

static void on_limit(void *arg)
{
    (void)arg;
    ck_abort_msg("no answer came");
}

static void await_answer(void)
{
    unsigned before = answers;

    kh_watch_at(limit_timer, kh_loop_now_ms(loop) + KH_SECONDS(30));
    ck_assert_uint_eq(answers, before); /* never from inside the call */
    kh_loop_run(loop);
    ck_assert_uint_eq(answers, before + 1);
}

static void append(const char *name, const char *text)
{
    char path[256];
    FILE *file;

    ck_assert_int_lt(snprintf(path, sizeof(path), "%s/%s", dir, name), (int)sizeof(path));
    file = fopen(path, "a");
    ck_assert_ptr_nonnull(file);
    ck_assert_int_ge(fputs(text, file), 0);
    ck_assert_int_eq(fclose(file), 0);
}

static enum kh_rc open_folder(struct kh_err *err)
{
    char where[128];
    struct kh_source_config config = {
        .where = where,
        .stream = "",
        .stream_arn = "",
        .loop = loop,
        .answers = {on_shards, on_opened, on_fetched},
    };

    ck_assert_int_lt(snprintf(where, sizeof(where), "file:%s", dir), (int)sizeof(where));
    return kh_source_open(&source, &config, err);
}

static void open_well(void)
{
    struct kh_err err;

    ck_assert_msg(open_folder(&err) == KH_OK, "%s", err.text);
}

/* The sentence, without the folder's own name. */
static const char *refusal(enum kh_rc rc)
{
    static struct kh_err err;
    char *at;

    ck_assert_int_eq(open_folder(&err), rc);
    while ((at = strstr(err.text, dir)) != NULL) {
        memmove(at + 3, at + strlen(dir), strlen(at + strlen(dir)) + 1);
        memcpy(at, "DIR", 3);
    }
    return err.text;
}

static void list(enum kh_shard_filter filter)
{
    kh_source_list(source, 7, filter, 0);
    await_answer();
    ck_assert_uint_eq(listed.ticket, 7);
    ck_assert_int_eq(listed.rc, KH_OK);
}

static void begin_skipping(struct kh_position position, const char *skip_to)
{
    struct kh_extseq skip = {0};

    if (skip_to != NULL) {
        ck_assert(kh_extseq_set(&skip, kh_str(skip_to), 0));
    }
    kh_source_begin(source, KH_STR(ID), 8, &position, &skip);
    await_answer();
    ck_assert_uint_eq(opened.ticket, 8);
    ck_assert_str_eq(opened.shard, ID);
}

static void begin(struct kh_position position)
{
    begin_skipping(position, NULL);
    ck_assert_int_eq(opened.rc, KH_OK);
}

static void begin_at(enum kh_position_type type, const char *seq)
{
    struct kh_position position = {.type = type};

    ck_assert(kh_str_copy(position.seq, sizeof(position.seq), kh_str(seq)));
    begin(position);
}

static void begin_first(void)
{
    begin((struct kh_position){.type = KH_POSITION_TRIM_HORIZON});
}

static void fetch(uint32_t limit)
{
    kh_source_fetch(source, KH_STR(ID), 9, limit);
    await_answer();
    ck_assert_uint_eq(fetched.ticket, 9);
    ck_assert_str_eq(fetched.shard, ID);
}

static void set_up(void)
{
    struct kh_err err;

    (void)snprintf(dir, sizeof(dir), "/tmp/test_source_file.XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(dir));
    ck_assert_int_eq(kh_loop_new(&loop, &err), KH_OK);
    limit_timer = kh_loop_timer(loop, on_limit, NULL);
    source = NULL;
}

static void tear_down(void)
{
    char command[128];

    kh_source_close(source);
    kh_watch_free(limit_timer);
    kh_loop_free(loop);
    (void)snprintf(command, sizeof(command), "rm -rf %s", dir);
    ck_assert_int_eq(system(command), 0);
}

/* Shards */

START_TEST(files_without_a_listing_share_the_hash_space_in_order_of_their_ids)
{
    append("shardId-2.ndjson", "");
    append("shardId-0.ndjson", "");
    append("shardId-1.ndjson", "");
    append("notes.txt", "not a shard");
    open_well();
    list(KH_SHARDS_ALL);
    ck_assert_str_eq(listed.ids, "shardId-0 shardId-1 shardId-2 ");
    ck_assert(listed.first.open);
    ck_assert_str_eq(listed.first.range.start, "0");
    ck_assert_str_eq(listed.first.range.end, "113427455640312821154458202477256070484");
    list(KH_SHARDS_AT_LATEST);
    ck_assert_str_eq(listed.ids, "shardId-0 shardId-1 shardId-2 ");
}
END_TEST

START_TEST(one_file_has_the_whole_hash_space)
{
    append(ID ".ndjson", "");
    open_well();
    list(KH_SHARDS_AT_TRIM_HORIZON);
    ck_assert_str_eq(listed.first.range.start, "0");
    ck_assert_str_eq(listed.first.range.end, "340282366920938463463374607431768211455");
}
END_TEST

static const char family[] =
    "{\"Shards\":["
    "{\"ShardId\":\"" ID "\",\"HashKeyRange\":{\"StartingHashKey\":\"0\","
    "\"EndingHashKey\":\"340282366920938463463374607431768211455\"},\"SequenceNumberRange\":"
    "{\"StartingSequenceNumber\":\"1\",\"EndingSequenceNumber\":\"99\"}},"
    "{\"ShardId\":\"shardId-000000000001\",\"ParentShardId\":\"" ID "\",\"HashKeyRange\":"
    "{\"StartingHashKey\":\"0\",\"EndingHashKey\":\"170141183460469231731687303715884105727\"},"
    "\"SequenceNumberRange\":{\"StartingSequenceNumber\":\"100\"}},"
    "{\"ShardId\":\"shardId-000000000002\",\"ParentShardId\":\"" ID "\",\"HashKeyRange\":"
    "{\"StartingHashKey\":\"170141183460469231731687303715884105728\","
    "\"EndingHashKey\":\"340282366920938463463374607431768211455\"},"
    "\"SequenceNumberRange\":{\"StartingSequenceNumber\":\"100\"}}]}\n";

START_TEST(a_saved_listing_tells_parents_ranges_and_what_is_open)
{
    append("shards.json", family);
    append(ID ".ndjson", "");
    open_well();
    list(KH_SHARDS_ALL);
    ck_assert_str_eq(listed.ids, ID " shardId-000000000001 shardId-000000000002 ");
    list(KH_SHARDS_AT_TRIM_HORIZON);
    ck_assert_str_eq(listed.ids, ID " ");
    ck_assert(!listed.first.open);
    list(KH_SHARDS_AT_TIMESTAMP);
    ck_assert_str_eq(listed.ids, ID " ");
    list(KH_SHARDS_AT_LATEST);
    ck_assert_str_eq(listed.ids, "shardId-000000000001 shardId-000000000002 ");
    ck_assert_str_eq(listed.first.parents[0], ID);
}
END_TEST

START_TEST(a_shard_that_is_not_there_is_not_taken_for_one_that_has_ended)
{
    append("shardId-000000000005.ndjson", "");
    open_well();
    begin_skipping((struct kh_position){.type = KH_POSITION_TRIM_HORIZON}, NULL);
    ck_assert_int_eq(opened.rc, KH_DENIED);
}
END_TEST

/* Positions */

START_TEST(trim_horizon_begins_with_the_first_record)
{
    append(ID ".ndjson", LINE(11) LINE(12) LINE(13));
    open_well();
    begin_first();
    fetch(10);
    ck_assert_str_eq(fetched.seqs, "11 12 13 ");
    ck_assert_int_eq(fetched.first.arrival_ms, ARRIVED_MS(11));
    ck_assert_str_eq(fetched.fetched.last.seq, "13");
    ck_assert_int_eq(fetched.fetched.millis_behind, 0);
    ck_assert(!fetched.fetched.ended);
}
END_TEST

START_TEST(latest_begins_behind_what_is_there_and_tells_a_time_to_come_back_to)
{
    append(ID ".ndjson", LINE(11) LINE(12));
    open_well();
    begin((struct kh_position){.type = KH_POSITION_LATEST});
    ck_assert_int_eq(opened.wall_ms, ARRIVED_MS(12));
    append(ID ".ndjson", LINE(13));
    fetch(10);
    ck_assert_str_eq(fetched.seqs, "13 ");
    kh_source_end(source, KH_STR(ID));

    begin((struct kh_position){.type = KH_POSITION_AT_TIMESTAMP, .wall_ms = ARRIVED_MS(12)});
    fetch(10);
    ck_assert_str_eq(fetched.seqs, "12 13 ");
}
END_TEST

START_TEST(latest_leaves_a_line_that_is_being_written_for_later)
{
    append(ID ".ndjson", LINE(11) "{\"SequenceNumber\":\"12\",");
    open_well();
    begin((struct kh_position){.type = KH_POSITION_LATEST});
    append(ID ".ndjson", "\"Data\":\"\",\"PartitionKey\":\"k\"}\n");
    fetch(10);
    ck_assert_str_eq(fetched.seqs, "12 ");
}
END_TEST

START_TEST(a_timestamp_begins_with_the_first_record_not_before_it)
{
    append(ID ".ndjson", LINE(11) LINE(12) LINE(13));
    open_well();
    begin((struct kh_position){.type = KH_POSITION_AT_TIMESTAMP, .wall_ms = ARRIVED_MS(12) - 999});
    fetch(10);
    ck_assert_str_eq(fetched.seqs, "12 13 ");
}
END_TEST

START_TEST(sequence_positions_compare_by_value)
{
    append(ID ".ndjson",
           "{\"SequenceNumber\":\"9\",\"Data\":\"\",\"PartitionKey\":\"k\"}\n" LINE(11) LINE(12));
    open_well();
    begin_at(KH_POSITION_AT_SEQUENCE, "11");
    fetch(10);
    ck_assert_str_eq(fetched.seqs, "11 12 ");
    begin_at(KH_POSITION_AFTER_SEQUENCE, "11");
    fetch(10);
    ck_assert_str_eq(fetched.seqs, "12 ");
    begin_at(KH_POSITION_AFTER_SEQUENCE, "010");
    fetch(10);
    ck_assert_str_eq(fetched.seqs, "11 12 ");
    begin_at(KH_POSITION_AFTER_SEQUENCE, "99");
    fetch(10);
    ck_assert_str_eq(fetched.seqs, "");
    ck_assert_int_eq(fetched.fetched.millis_behind, 0);
}
END_TEST

START_TEST(records_up_to_the_checkpoint_are_passed_over_but_count_as_read)
{
    append(ID ".ndjson", LINE(11) LINE(12) LINE(13));
    open_well();
    begin_skipping((struct kh_position){.type = KH_POSITION_TRIM_HORIZON}, "12");
    fetch(2);
    ck_assert_str_eq(fetched.seqs, "");
    ck_assert_str_eq(fetched.fetched.last.seq, "12");
    ck_assert_int_gt(fetched.fetched.millis_behind, 0);
    fetch(2);
    ck_assert_str_eq(fetched.seqs, "13 ");
}
END_TEST

/* Reading */

START_TEST(a_limit_is_kept_and_lag_is_never_nothing_while_there_is_more)
{
    int64_t lag_ms = kh_clock_wall_ms() - ARRIVED_MS(12);

    append(ID ".ndjson", LINE(11) LINE(12) LINE(13));
    open_well();
    begin_first();
    fetch(2);
    ck_assert_str_eq(fetched.seqs, "11 12 ");
    ck_assert_int_ge(fetched.fetched.millis_behind, lag_ms);
    fetch(2);
    ck_assert_str_eq(fetched.seqs, "13 ");
    ck_assert_int_eq(fetched.fetched.millis_behind, 0);
}
END_TEST

START_TEST(lag_is_at_least_one_when_records_come_from_the_future)
{
    append(ID ".ndjson", "{\"SequenceNumber\":\"1\",\"ApproximateArrivalTimestamp\":9900000000,"
                         "\"Data\":\"\",\"PartitionKey\":\"k\"}\n" LINE(12));
    open_well();
    begin_first();
    fetch(1);
    ck_assert_int_eq(fetched.fetched.millis_behind, 1);
}
END_TEST

START_TEST(an_open_shard_is_followed_line_by_line)
{
    append(ID ".ndjson", LINE(11));
    open_well();
    begin_first();
    fetch(10);
    ck_assert_str_eq(fetched.seqs, "11 ");
    fetch(10);
    ck_assert_str_eq(fetched.seqs, "");
    ck_assert(kh_extseq_is_none(&fetched.fetched.last));
    append(ID ".ndjson", "{\"SequenceNumber\":\"12\",\"Data\":\"\",");
    fetch(10);
    ck_assert_str_eq(fetched.seqs, "");
    ck_assert_int_eq(fetched.fetched.millis_behind, 0);
    append(ID ".ndjson", "\"PartitionKey\":\"k\"}\r\n\n");
    fetch(10);
    ck_assert_str_eq(fetched.seqs, "12 ");
    ck_assert(!fetched.fetched.ended);
}
END_TEST

START_TEST(an_open_shard_may_get_its_file_later)
{
    append("shards.json", family);
    append(ID ".ndjson", "");
    open_well();
    kh_source_begin(source, KH_STR("shardId-000000000001"), 8,
                    &(struct kh_position){.type = KH_POSITION_LATEST}, &(struct kh_extseq){0});
    await_answer();
    ck_assert_int_eq(opened.rc, KH_OK);
    append("shardId-000000000001.ndjson", LINE(11));
    kh_source_fetch(source, KH_STR("shardId-000000000001"), 9, 10);
    await_answer();
    ck_assert_str_eq(fetched.seqs, "11 ");
}
END_TEST

START_TEST(a_closed_shard_ends_with_its_last_line_and_names_its_children)
{
    append("shards.json", family);
    append(ID ".ndjson",
           LINE(11) "{\"SequenceNumber\":\"12\",\"Data\":\"\",\"PartitionKey\":\"k\"}");
    open_well();
    begin_first();
    fetch(1);
    ck_assert_str_eq(fetched.seqs, "11 ");
    ck_assert(!fetched.fetched.ended);
    fetch(1);
    ck_assert_str_eq(fetched.seqs, "12 ");
    ck_assert(fetched.fetched.ended);
    ck_assert_str_eq(fetched.children, "shardId-000000000001 shardId-000000000002 ");
}
END_TEST

START_TEST(an_empty_closed_shard_ends_at_once)
{
    append("shards.json", family);
    append(ID ".ndjson", "");
    open_well();
    begin((struct kh_position){.type = KH_POSITION_LATEST});
    fetch(1);
    ck_assert(fetched.fetched.ended);
    ck_assert_uint_eq(fetched.fetched.records_n, 0);
}
END_TEST

static void append_many(unsigned from, unsigned n, unsigned data_bytes)
{
    char *line = malloc(data_bytes + 256);
    unsigned at;

    for (unsigned i = from; i < from + n; i++) {
        at = (unsigned)sprintf(line,
                               "{\"SequenceNumber\":\"%u\",\"PartitionKey\":\"k\",\"Data\":\"", i);
        memset(line + at, 'A', data_bytes);
        (void)sprintf(line + at + data_bytes, "\"}\n");
        append(ID ".ndjson", line);
    }
    free(line);
}

START_TEST(a_batch_holds_about_a_mebibyte)
{
    append_many(1, 4, 400000);
    open_well();
    begin_first();
    fetch(100);
    ck_assert_str_eq(fetched.seqs, "1 2 ");
    ck_assert_int_gt(fetched.fetched.millis_behind, 0);
    fetch(100);
    ck_assert_str_eq(fetched.seqs, "3 4 ");
    ck_assert_int_eq(fetched.fetched.millis_behind, 0);
}
END_TEST

START_TEST(a_record_of_ten_mebibytes_comes_whole)
{
    append_many(1, 1, 14 << 20);
    append_many(2, 1, 8);
    open_well();
    begin_first();
    fetch(100);
    ck_assert_str_eq(fetched.seqs, "1 2 ");
}
END_TEST

START_TEST(a_position_deep_in_a_large_file_is_found_in_steps)
{
    append_many(1000, 300, 20000);
    open_well();
    begin_at(KH_POSITION_AFTER_SEQUENCE, "1297");
    fetch(100);
    ck_assert_str_eq(fetched.seqs, "1298 1299 ");
}
END_TEST

START_TEST(a_shard_that_is_ended_gets_no_answer_any_more)
{
    append(ID ".ndjson", LINE(11));
    open_well();
    begin_first();
    kh_source_fetch(source, KH_STR(ID), 9, 10);
    kh_source_end(source, KH_STR(ID));
    kh_source_list(source, 7, KH_SHARDS_ALL, 0);
    await_answer();
    ck_assert_uint_eq(fetched.ticket, 0);
    ck_assert_uint_eq(listed.ticket, 7);
    kh_source_end(source, KH_STR(ID)); /* once more does nothing */
    memset(&fetched, 0, sizeof(fetched));
}
END_TEST

/* What is wrong */

START_TEST(a_malformed_line_stops_its_shard_again_and_again_behind_the_good_ones)
{
    append(ID ".ndjson", LINE(11) LINE(12) "\n{\"SequenceNumber\":12x}\n" LINE(14));
    open_well();
    begin_first();
    fetch(10);
    ck_assert_str_eq(fetched.seqs, "11 12 ");
    ck_assert_int_gt(fetched.fetched.millis_behind, 0);
    for (int i = 0; i < 2; i++) {
        fetch(10);
        ck_assert_int_eq(fetched.rc, KH_DENIED);
        ck_assert_uint_eq(fetched.fetched.records_n, 0);
        ck_assert_ptr_nonnull(strstr(fetched.text, "/" ID ".ndjson line 4 is no record: expected"));
        ck_assert_ptr_nonnull(strstr(fetched.text, "correct the line, then start again"));
    }
}
END_TEST

START_TEST(sequence_numbers_that_do_not_rise_stop_the_shard)
{
    append(ID ".ndjson", LINE(12) LINE(12));
    open_well();
    begin_first();
    fetch(1);
    fetch(1);
    ck_assert_int_eq(fetched.rc, KH_DENIED);
    ck_assert_ptr_nonnull(strstr(fetched.text, "line 2: sequence number 12 is not above"));
}
END_TEST

START_TEST(a_file_that_shrinks_stops_the_shard)
{
    char path[128];

    append(ID ".ndjson", LINE(11) LINE(12));
    open_well();
    begin_first();
    fetch(10);
    (void)snprintf(path, sizeof(path), "%s/" ID ".ndjson", dir);
    ck_assert_int_eq(truncate(path, 10), 0);
    fetch(10);
    ck_assert_int_eq(fetched.rc, KH_DENIED);
    ck_assert_ptr_nonnull(strstr(fetched.text, "a file of records may only grow"));
}
END_TEST

START_TEST(a_malformed_first_line_is_found_when_the_folder_is_opened)
{
    append("shardId-1.ndjson", LINE(11));
    append("shardId-2.ndjson", "hello\n");
    ck_assert_str_eq(refusal(KH_INVALID),
                     "DIR/shardId-2.ndjson line 1 is no record: expected an object "
                     "at column 1; correct the line, then start again");
}
END_TEST

START_TEST(a_folder_that_is_missing_is_refused)
{
    struct kh_err err;
    struct kh_source_config config = {.where = "file:/no/such/folder", .loop = loop};

    ck_assert_int_eq(kh_source_open(&source, &config, &err), KH_NOTFOUND);
    ck_assert_str_eq(err.text, "read the folder of records /no/such/folder: No such file or "
                               "directory");
    config.where = "file:/etc/passwd";
    ck_assert_int_eq(kh_source_open(&source, &config, &err), KH_NOTFOUND);
    config.where = "file:";
    ck_assert_int_eq(kh_source_open(&source, &config, &err), KH_INVALID);
    ck_assert_str_eq(err.text, "source file:: the folder is missing; write file:DIR");
    config.where = "flie:/tmp";
    ck_assert_int_eq(kh_source_open(&source, &config, &err), KH_INVALID);
    ck_assert_str_eq(err.text, "source flie:/tmp: unknown kind; known are kinesis and file:DIR");
}
END_TEST

START_TEST(a_folder_without_shards_is_refused)
{
    append("shards.txt", "");
    ck_assert_str_eq(refusal(KH_NOTFOUND),
                     "folder of records DIR: there is no SHARDID.ndjson in it, and no "
                     "shards.json");
}
END_TEST

START_TEST(a_listing_that_is_no_listing_is_refused)
{
    append("shards.json", "{\"Shards\":[{\"ShardId\":7}]}");
    append(ID ".ndjson", "");
    ck_assert_ptr_nonnull(strstr(refusal(KH_INVALID),
                                 "DIR/shards.json is not what `aws kinesis list-shards` "
                                 "prints: "));
}
END_TEST

START_TEST(a_listing_of_no_shards_is_refused)
{
    append("shards.json", "{\"Shards\":[]}");
    ck_assert_str_eq(refusal(KH_INVALID), "DIR/shards.json lists no shards");
}
END_TEST

START_TEST(a_shard_with_more_children_than_kinesis_makes_is_refused)
{
    append(
        "shards.json",
        "{\"Shards\":["
        "{\"ShardId\":\"p\",\"HashKeyRange\":{\"StartingHashKey\":\"0\",\"EndingHashKey\":\"9\"},"
        "\"SequenceNumberRange\":{\"StartingSequenceNumber\":\"1\"}}");
    for (int i = 1; i <= 5; i++) {
        char child[256];

        (void)snprintf(child, sizeof(child),
                       ",{\"ShardId\":\"c%d\",\"ParentShardId\":\"p\",\"HashKeyRange\":{"
                       "\"StartingHashKey\":\"0\",\"EndingHashKey\":\"9\"},"
                       "\"SequenceNumberRange\":{\"StartingSequenceNumber\":\"1\"}}",
                       i);
        append("shards.json", child);
    }
    append("shards.json", "]}");
    ck_assert_str_eq(refusal(KH_INVALID), "DIR/shards.json: shard p has more than 4 child shards");
}
END_TEST

START_TEST(one_page_of_a_listing_is_refused)
{
    append("shards.json", "{\"Shards\":[],\"NextToken\":\"abc\"}");
    ck_assert_str_eq(refusal(KH_INVALID),
                     "DIR/shards.json is one page of several (it has a NextToken): save "
                     "the whole listing");
}
END_TEST

START_TEST(a_closed_shard_without_a_file_is_refused)
{
    append("shards.json", family);
    ck_assert_str_eq(refusal(KH_INVALID),
                     "DIR/shards.json: shard " ID " is closed, but there is no " ID
                     ".ndjson: put its records there, or an empty file if it has none");
}
END_TEST

START_TEST(a_pipe_in_place_of_a_file_is_refused_at_once)
{
    char path[256];

    ck_assert_int_lt(snprintf(path, sizeof(path), "%s/" ID ".ndjson", dir), (int)sizeof(path));
    ck_assert_int_eq(mkfifo(path, 0600), 0);
    ck_assert_str_eq(refusal(KH_DENIED), "DIR/" ID ".ndjson is not a file");
}
END_TEST

START_TEST(a_file_without_a_listed_shard_is_refused)
{
    append("shards.json", family);
    append(ID ".ndjson", "");
    append("shardId-000000000007.ndjson", "");
    ck_assert_str_eq(refusal(KH_INVALID),
                     "DIR/shardId-000000000007.ndjson belongs to no shard of "
                     "DIR/shards.json: list its shard there, or move the file away");
}
END_TEST

int main(void)
{
    TCase *tcase = tcase_create("source_file");

    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, files_without_a_listing_share_the_hash_space_in_order_of_their_ids);
    tcase_add_test(tcase, one_file_has_the_whole_hash_space);
    tcase_add_test(tcase, a_saved_listing_tells_parents_ranges_and_what_is_open);
    tcase_add_test(tcase, a_shard_that_is_not_there_is_not_taken_for_one_that_has_ended);
    tcase_add_test(tcase, trim_horizon_begins_with_the_first_record);
    tcase_add_test(tcase, latest_begins_behind_what_is_there_and_tells_a_time_to_come_back_to);
    tcase_add_test(tcase, latest_leaves_a_line_that_is_being_written_for_later);
    tcase_add_test(tcase, a_timestamp_begins_with_the_first_record_not_before_it);
    tcase_add_test(tcase, sequence_positions_compare_by_value);
    tcase_add_test(tcase, records_up_to_the_checkpoint_are_passed_over_but_count_as_read);
    tcase_add_test(tcase, a_limit_is_kept_and_lag_is_never_nothing_while_there_is_more);
    tcase_add_test(tcase, lag_is_at_least_one_when_records_come_from_the_future);
    tcase_add_test(tcase, an_open_shard_is_followed_line_by_line);
    tcase_add_test(tcase, an_open_shard_may_get_its_file_later);
    tcase_add_test(tcase, a_closed_shard_ends_with_its_last_line_and_names_its_children);
    tcase_add_test(tcase, an_empty_closed_shard_ends_at_once);
    tcase_add_test(tcase, a_batch_holds_about_a_mebibyte);
    tcase_add_test(tcase, a_record_of_ten_mebibytes_comes_whole);
    tcase_add_test(tcase, a_position_deep_in_a_large_file_is_found_in_steps);
    tcase_add_test(tcase, a_shard_that_is_ended_gets_no_answer_any_more);
    tcase_add_test(tcase, a_malformed_line_stops_its_shard_again_and_again_behind_the_good_ones);
    tcase_add_test(tcase, sequence_numbers_that_do_not_rise_stop_the_shard);
    tcase_add_test(tcase, a_file_that_shrinks_stops_the_shard);
    tcase_add_test(tcase, a_malformed_first_line_is_found_when_the_folder_is_opened);
    tcase_add_test(tcase, a_folder_that_is_missing_is_refused);
    tcase_add_test(tcase, a_folder_without_shards_is_refused);
    tcase_add_test(tcase, a_listing_that_is_no_listing_is_refused);
    tcase_add_test(tcase, a_listing_of_no_shards_is_refused);
    tcase_add_test(tcase, a_shard_with_more_children_than_kinesis_makes_is_refused);
    tcase_add_test(tcase, one_page_of_a_listing_is_refused);
    tcase_add_test(tcase, a_closed_shard_without_a_file_is_refused);
    tcase_add_test(tcase, a_pipe_in_place_of_a_file_is_refused_at_once);
    tcase_add_test(tcase, a_file_without_a_listed_shard_is_refused);
    return suite_run("source_file", tcase);
}
