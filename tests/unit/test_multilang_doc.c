/* proto/multilang.md: every example in it is executed. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "tests/lib/suite.h"
#include "wire/json.h"
#include "wire/multilang.h"

#define LINE_BYTES 4096

enum block { BLOCK_NONE, BLOCK_HOST, BLOCK_CHILD, BLOCK_TALK };

/* A talk so far: what the child owes, or is owed. */
struct talk {
    char last[32]; /* the action that was sent last; "" before the first */
    bool busy;     /* it is not answered */
    bool asked;    /* the checkpoint in asked_line is not answered */
    char asked_line[LINE_BYTES];
};

static enum block block;
static char child_line[LINE_BYTES]; /* BLOCK_CHILD: waits for its verdict */
static bool has_child_line;
static struct talk talk;
static unsigned line_n;
static unsigned hosts_n;
static unsigned judged_n;
static unsigned talks_n;
static struct kh_buf out;
static struct kh_arena scratch;

/* ---- what the host says ---- */

static struct kh_str text_of(const struct kh_json *object, const char *name)
{
    struct kh_str text = {0};

    ck_assert_msg(kh_json_str(kh_json_get(object, name), &text), "line %u: %s", line_n, name);
    return text;
}

static int64_t number_of(const struct kh_json *object, const char *name)
{
    int64_t number = 0;

    ck_assert_msg(kh_json_i64(kh_json_get(object, name), &number), "line %u: %s", line_n, name);
    return number;
}

static enum kh_rc write_initialize(const struct kh_json *line)
{
    struct kh_extseq at;

    ck_assert(
        kh_extseq_set(&at, text_of(line, "sequenceNumber"), number_of(line, "subSequenceNumber")));
    return kh_multilang_initialize(&out, text_of(line, "shardId"), &at);
}

/* As GetRecords brings it: the inside of a JSON string, in UTF-8. */
static struct kh_str key_of(const struct kh_json *record)
{
    struct kh_buf key;
    struct kh_str inside;

    kh_buf_init(&key, LINE_BYTES);
    ck_assert_int_eq(kh_json_append_string(&key, text_of(record, "partitionKey")), KH_OK);
    inside = kh_arena_copy(&scratch, kh_str_of(key.p + 1, key.n - 2));
    kh_buf_fini(&key);
    return inside;
}

static enum kh_rc write_records(const struct kh_json *line)
{
    const struct kh_json *records = kh_json_get(line, "records");
    struct kh_batch *batch = kh_batch_new();
    enum kh_rc rc;

    for (size_t i = 0; i < kh_json_length(records); i++) {
        const struct kh_json *record = kh_json_at(records, i);

        kh_batch_add(batch, &(struct kh_record){
                                .data = text_of(record, "data"),
                                .partition_key = key_of(record),
                                .seq = text_of(record, "sequenceNumber"),
                                .arrival_ms = number_of(record, "approximateArrivalTimestamp"),
                                .sub = number_of(record, "subSequenceNumber")});
    }
    batch->has_millis_behind =
        kh_json_i64(kh_json_get(line, "millisBehindLatest"), &batch->millis_behind);
    rc = kh_multilang_process_records(&out, batch);
    kh_batch_free(batch);
    return rc;
}

/* The answer to what was asked, or to what the answer itself repeats. */
static enum kh_rc write_ack(const struct kh_json *line, const char *asked)
{
    struct kh_child_checkpoint repeated = {0};
    struct kh_str error = {0};
    char name[64] = "";
    struct kh_line judged;

    if (asked != NULL) {
        kh_multilang_judge(kh_str(asked), &scratch, &judged);
        ck_assert_int_eq(judged.type, KH_LINE_CHECKPOINT);
        repeated = judged.checkpoint;
    } else {
        repeated.has_seq = kh_json_str(kh_json_get(line, "sequenceNumber"), &repeated.seq);
        repeated.has_sub = kh_json_i64(kh_json_get(line, "subSequenceNumber"), &repeated.sub);
    }
    if (!kh_json_str(kh_json_get(line, "error"), &error)) {
        return kh_multilang_ack(&out, &repeated, NULL);
    }
    ck_assert(kh_str_copy(name, sizeof(name), error));
    return kh_multilang_ack(&out, &repeated, name);
}

static enum kh_rc write_shutdown(const struct kh_json *line)
{
    bool ended = kh_str_eq(text_of(line, "reason"), KH_STR("TERMINATE"));

    return kh_multilang_shutdown(&out, ended ? KH_ACTION_SHARD_ENDED : KH_ACTION_LEASE_LOST);
}

static enum kh_rc write_plain(const char *action)
{
    static const enum kh_action plain[] = {KH_ACTION_LEASE_LOST, KH_ACTION_SHARD_ENDED,
                                           KH_ACTION_SHUTDOWN_REQUESTED};

    for (size_t i = 0; i < sizeof(plain) / sizeof(plain[0]); i++) {
        if (strcmp(action, kh_action_name(plain[i])) == 0) {
            return kh_multilang_plain(&out, plain[i]);
        }
    }
    ck_abort_msg("line %u: no action of the host", line_n);
}

/* Written again from its own values, byte for byte. asked: the checkpoint line it answers. */
static void check_host_line(const char *line, const char *asked, char action[32])
{
    struct kh_json *root = NULL;
    struct kh_err err;
    enum kh_rc rc;

    ck_assert_msg(kh_json_parse(&root, kh_str(line), &err) == KH_OK, "line %u: %s", line_n, line);
    ck_assert(kh_str_copy(action, 32, text_of(root, "action")));
    kh_buf_reset(&out);
    if (strcmp(action, "initialize") == 0) {
        rc = write_initialize(root);
    } else if (strcmp(action, "processRecords") == 0) {
        rc = write_records(root);
    } else if (strcmp(action, "checkpoint") == 0) {
        rc = write_ack(root, asked);
    } else if (strcmp(action, "shutdown") == 0) {
        rc = write_shutdown(root);
    } else {
        rc = write_plain(action);
    }
    ck_assert_int_eq(rc, KH_OK);
    ck_assert_int_eq(kh_buf_append_char(&out, '\0'), KH_OK);
    out.p[strlen(out.p) - 1] = '\0'; /* the line end */
    ck_assert_str_eq(out.p, line);
    kh_json_free(root);
    hosts_n++;
}

/* ---- what the child says ---- */

static void describe_checkpoint(const struct kh_child_checkpoint *checkpoint, char *text, size_t n)
{
    char sub[24] = "null";

    if (checkpoint->sub_bad) {
        (void)snprintf(sub, sizeof(sub), "bad");
    } else if (checkpoint->has_sub) {
        (void)snprintf(sub, sizeof(sub), "%lld", (long long)checkpoint->sub);
    }
    if (checkpoint->has_seq) {
        (void)snprintf(text, n, "checkpoint \"%.*s\" %s", KH_STR_ARG(checkpoint->seq), sub);
    } else {
        (void)snprintf(text, n, "checkpoint null %s", sub);
    }
}

static void describe(const char *line, char *text, size_t n)
{
    struct kh_line judged;
    size_t told;

    kh_multilang_judge(kh_str(line), &scratch, &judged);
    switch (judged.type) {
    case KH_LINE_SKIPPED:
        (void)snprintf(text, n, "skipped: %s", judged.why);
        break;
    case KH_LINE_STATUS:
        (void)snprintf(text, n, "status \"%.*s\"", KH_STR_ARG(judged.response_for));
        break;
    case KH_LINE_CHECKPOINT:
        describe_checkpoint(&judged.checkpoint, text, n);
        break;
    }
    told = strlen(text);
    (void)snprintf(text + told, n - told, "%s", judged.rest_dropped ? "; rest dropped" : "");
}

static void on_child_line(const char *line)
{
    char told[LINE_BYTES];

    if (strncmp(line, "=> ", 3) != 0) {
        ck_assert_msg(!has_child_line, "line %u: the line before has no verdict", line_n);
        has_child_line = true;
        (void)snprintf(child_line, sizeof(child_line), "%s", line);
        return;
    }
    ck_assert_msg(has_child_line, "line %u: a verdict on nothing", line_n);
    has_child_line = false;
    describe(child_line, told, sizeof(told));
    ck_assert_msg(strcmp(told, line + 3) == 0, "line %u: it is %s", line_n, told);
    judged_n++;
}

/* ---- conversations ---- */

/* What may follow in one child's life. */
static bool may_follow(const char *last, const char *action)
{
    if (strcmp(action, "initialize") == 0) {
        return last[0] == '\0';
    }
    if (strcmp(last, "shutdownRequested") == 0) {
        return strcmp(action, "leaseLost") == 0;
    }
    return last[0] != '\0' && strcmp(last, "leaseLost") != 0 && strcmp(last, "shardEnded") != 0;
}

static void on_host_says(const char *line)
{
    char action[32];

    check_host_line(line, talk.asked ? talk.asked_line : NULL, action);
    if (strcmp(action, "checkpoint") == 0) {
        ck_assert_msg(talk.asked, "line %u: answers nothing", line_n);
        talk.asked = false;
        return;
    }
    ck_assert_msg(!talk.busy && !talk.asked, "line %u: one action at a time", line_n);
    ck_assert_msg(may_follow(talk.last, action), "line %u: after %s", line_n, talk.last);
    talk.busy = true;
    memcpy(talk.last, action, sizeof(talk.last));
}

static void on_child_says(const char *line)
{
    struct kh_line judged;

    kh_multilang_judge(kh_str(line), &scratch, &judged);
    ck_assert_msg(talk.busy && !talk.asked, "line %u: it is not the child's turn", line_n);
    if (judged.type == KH_LINE_STATUS) {
        ck_assert_msg(kh_str_eq(judged.response_for, kh_str(talk.last)), "line %u", line_n);
        talk.busy = false;
    } else if (judged.type == KH_LINE_CHECKPOINT) {
        talk.asked = true;
        (void)snprintf(talk.asked_line, sizeof(talk.asked_line), "%s", line);
    }
}

static void on_talk_line(const char *line)
{
    if (strncmp(line, "> ", 2) == 0) {
        on_host_says(line + 2);
    } else if (strncmp(line, "< ", 2) == 0) {
        on_child_says(line + 2);
    } else {
        ck_assert_msg(line[0] == '(', "line %u: whose is it?", line_n);
    }
}

static void end_talk(void)
{
    ck_assert_msg(!talk.busy && !talk.asked, "line %u: it ends in the middle", line_n);
    ck_assert_msg(strcmp(talk.last, "leaseLost") == 0 || strcmp(talk.last, "shardEnded") == 0,
                  "line %u: it ends with %s", line_n, talk.last);
    memset(&talk, 0, sizeof(talk));
    talks_n++;
}

/* ---- the document ---- */

static void on_fence(const char *line)
{
    static const struct {
        const char *fence;
        enum block block;
    } fences[] = {{"```host", BLOCK_HOST}, {"```child", BLOCK_CHILD}, {"```talk", BLOCK_TALK}};

    if (block != BLOCK_NONE) {
        ck_assert_str_eq(line, "```");
        ck_assert_msg(!has_child_line, "line %u: the line before has no verdict", line_n);
        if (block == BLOCK_TALK) {
            end_talk();
        }
        block = BLOCK_NONE;
        return;
    }
    for (size_t i = 0; i < sizeof(fences) / sizeof(fences[0]); i++) {
        block = strcmp(line, fences[i].fence) == 0 ? fences[i].block : block;
    }
    ck_assert_msg(block != BLOCK_NONE, "line %u: an example of what?", line_n);
}

static void on_line(const char *line)
{
    char action[32];

    if (strncmp(line, "```", 3) == 0) {
        on_fence(line);
        return;
    }
    switch (block) {
    case BLOCK_NONE:
        break;
    case BLOCK_HOST:
        check_host_line(line, NULL, action);
        break;
    case BLOCK_CHILD:
        on_child_line(line);
        break;
    case BLOCK_TALK:
        on_talk_line(line);
        break;
    }
}

START_TEST(every_example_is_as_the_program_has_it)
{
    const char *top = getenv("KH_SRCDIR");
    char path[LINE_BYTES];
    char line[LINE_BYTES];
    FILE *file;

    (void)snprintf(path, sizeof(path), "%s/proto/multilang.md", top != NULL ? top : ".");
    file = fopen(path, "r");
    ck_assert_msg(file != NULL, "%s", path);
    kh_buf_init(&out, 1 << 20);
    kh_arena_init(&scratch);
    while (fgets(line, sizeof(line), file) != NULL) {
        line_n++;
        ck_assert_msg(strchr(line, '\n') != NULL, "line %u is too long", line_n);
        *strchr(line, '\n') = '\0';
        on_line(line);
    }
    ck_assert_int_eq(fclose(file), 0);
    kh_buf_fini(&out);
    kh_arena_fini(&scratch);
    ck_assert_int_eq(block, BLOCK_NONE);
    ck_assert_uint_ge(hosts_n, 20);
    ck_assert_uint_ge(judged_n, 45);
    ck_assert_uint_ge(talks_n, 3);
}
END_TEST

int main(void)
{
    TCase *tcase = tcase_create("multilang_doc");

    tcase_add_test(tcase, every_example_is_as_the_program_has_it);
    return suite_run("multilang_doc", tcase);
}
