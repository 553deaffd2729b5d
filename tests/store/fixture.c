#include "tests/store/fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sqlite3.h>

#include "aws/client.h"
#include "base/log.h"
#include "base/mem.h"
#include "io/http.h"
#include "tests/lib/loop_run.h"

enum kind kind;
struct kh_loop *loop;
char sqlite_path[128];
char table_name[64];
char state_name[96];
char stats_name[96];
struct kh_aws_client *dynamodb;

static struct kh_http *http;
static struct kh_creds *creds;
static char folder[64];

static void setup_dynamodb(void)
{
    struct kh_err err;
    const struct kh_aws_client_config config = {.service = "dynamodb",
                                                .target = "DynamoDB_20120810",
                                                .content_type = "application/x-amz-json-1.0",
                                                .region = "us-east-1",
                                                .endpoint = getenv("KH_TEST_DYNAMODB")};

    (void)setenv("AWS_ACCESS_KEY_ID", "x", 1);
    (void)setenv("AWS_SECRET_ACCESS_KEY", "y", 1);
    ck_assert_msg(kh_http_new(&http, loop, &err) == KH_OK, "%s", err.text);
    ck_assert_msg(kh_creds_new(&creds, loop, "DefaultCredentialsProvider", &err) == KH_OK, "%s",
                  err.text);
    ck_assert_msg(kh_aws_client_new(&dynamodb, loop, http, creds, &config, &err) == KH_OK, "%s",
                  err.text);
}

void fixture_setup(void)
{
    struct kh_err err;

    kh_log_set_level(KH_LOG_ERROR);
    /* Each test is a process of its own, so this is a table of its own. */
    (void)snprintf(table_name, sizeof(table_name), "kh-store.test_%ld", (long)getpid());
    (void)snprintf(state_name, sizeof(state_name), "%s-CoordinatorState", table_name);
    (void)snprintf(stats_name, sizeof(stats_name), "%s-WorkerMetricStats", table_name);
    ck_assert_msg(kh_loop_new(&loop, &err) == KH_OK, "%s", err.text);
    if (kind == KIND_SQLITE) {
        (void)snprintf(folder, sizeof(folder), "/tmp/kh-store-XXXXXX");
        ck_assert_ptr_nonnull(mkdtemp(folder));
        (void)snprintf(sqlite_path, sizeof(sqlite_path), "%s/leases.db", folder);
    } else if (kind == KIND_DYNAMODB) {
        setup_dynamodb();
    }
}

void fixture_teardown(void)
{
    static const char *const suffixes[] = {"", "-wal", "-shm", "-journal"};

    if (kind == KIND_SQLITE) {
        for (size_t i = 0; i < sizeof(suffixes) / sizeof(suffixes[0]); i++) {
            char path[160];

            (void)snprintf(path, sizeof(path), "%s%s", sqlite_path, suffixes[i]);
            (void)unlink(path);
        }
        ck_assert_int_eq(rmdir(folder), 0);
    } else if (kind == KIND_DYNAMODB) {
        kh_aws_client_free(dynamodb);
        kh_creds_free(creds);
        kh_http_free(http);
    }
    kh_loop_free(loop);
}

void fixture_attach(const char *path, const char *table)
{
    struct kh_err err;

    kind = KIND_SQLITE;
    ck_assert(kh_str_copy(sqlite_path, sizeof(sqlite_path), kh_str(path)));
    ck_assert(kh_str_copy(table_name, sizeof(table_name), kh_str(table)));
    ck_assert_msg(kh_loop_new(&loop, &err) == KH_OK, "%s", err.text);
}

/* Sides. */

static void on_answer(void *arg, const struct kh_lease_answer *answer)
{
    struct side *side = arg;

    ck_assert_uint_lt(side->answers_n, ANSWERS_MAX);
    side->answers[side->answers_n] = *answer;
    if (answer->verb == KH_LEASE_LIST) {
        kh_mem_free(side->leases);
        side->leases = kh_mem_new(answer->leases_n + 1, sizeof(*side->leases));
        if (answer->leases_n > 0) {
            memcpy(side->leases, answer->leases, answer->leases_n * sizeof(*side->leases));
        }
        side->answers[side->answers_n].leases = side->leases;
    }
    side->answers_n++;
    if (side->answers_n == side->awaited_n) {
        kh_loop_stop(loop);
    }
}

static void drop_coord(struct side *side)
{
    kh_mem_free((void *)side->coord.stats);
    kh_mem_free((void *)side->coord.keys);
    side->coord = (struct kh_coord_answer){0};
}

static void on_coord_answer(void *arg, const struct kh_coord_answer *answer)
{
    struct side *side = arg;
    struct kh_worker_stats *stats = kh_mem_new(answer->stats_n + 1, sizeof(*stats));
    struct kh_coord_key *keys = kh_mem_new(answer->keys_n + 1, sizeof(*keys));

    ck_assert_msg(!side->coord_answered, "answered twice");
    drop_coord(side);
    side->coord = *answer;
    if (answer->stats_n > 0) {
        memcpy(stats, answer->stats, answer->stats_n * sizeof(*stats));
    }
    if (answer->keys_n > 0) {
        memcpy(keys, answer->keys, answer->keys_n * sizeof(*keys));
    }
    side->coord.stats = stats;
    side->coord.keys = keys;
    side->coord_answered = true;
    kh_loop_stop(loop);
}

static void on_ensured(void *arg, const struct kh_err *err)
{
    struct side *side = arg;

    ck_assert(!side->ensured);
    side->ensured = true;
    side->ensure_err = *err;
    kh_loop_stop(loop);
}

struct kh_store_config side_config(struct side *side)
{
    static char where[160];

    (void)snprintf(where, sizeof(where), "%s%s",
                   kind == KIND_MEMORY   ? "memory"
                   : kind == KIND_SQLITE ? "sqlite:"
                                         : "dynamodb",
                   kind == KIND_SQLITE ? sqlite_path : "");
    return (struct kh_store_config){.where = where,
                                    .table = table_name,
                                    .state_table = state_name,
                                    .stats_table = stats_name,
                                    .dynamodb = dynamodb,
                                    .loop = loop,
                                    .answered = on_answer,
                                    .coord_answered = on_coord_answer,
                                    .arg = side,
                                    .write_ms_max = KH_SECONDS(5),
                                    .create_if_missing = true};
}

enum kh_rc side_try(struct side *side, const struct kh_store_config *config, struct kh_err *err)
{
    memset(side, 0, sizeof(*side));
    return kh_store_open(&side->store, config, err);
}

enum kh_rc side_ensure(struct side *side)
{
    kh_store_ensure(side->store, on_ensured, side);
    ck_assert_msg(!side->ensured, "ensure called back from inside");
    loop_run(loop, ANSWER_MS_MAX);
    ck_assert(side->ensured);
    return side->ensure_err.rc;
}

void side_open(struct side *side)
{
    const struct kh_store_config config = side_config(side);
    struct kh_err err;

    ck_assert_msg(side_try(side, &config, &err) == KH_OK, "%s", err.text);
    ck_assert_msg(side_ensure(side) == KH_OK, "%s", side->ensure_err.text);
}

void side_close(struct side *side)
{
    kh_store_close(side->store);
    kh_mem_free(side->leases);
    drop_coord(side);
    side->store = NULL;
    side->leases = NULL;
}

void submit(struct side *side, const struct kh_lease_op *op)
{
    const size_t before = side->answers_n;

    kh_store_submit(side->store, op);
    ck_assert_msg(side->answers_n == before, "answered from inside submit");
}

void wait_for(struct side *side, size_t n)
{
    ck_assert_uint_le(side->answers_n, n);
    if (side->answers_n < n) {
        side->awaited_n = n;
        loop_run(loop, ANSWER_MS_MAX);
        side->awaited_n = 0;
    }
    ck_assert_uint_eq(side->answers_n, n);
}

const struct kh_lease_answer *run(struct side *side, const struct kh_lease_op *op)
{
    static uint64_t newest_id = 1000;
    struct kh_lease_op numbered = *op;
    const struct kh_lease_answer *answer = &side->answers[0];

    numbered.id = ++newest_id;
    side->answers_n = 0;
    submit(side, &numbered);
    wait_for(side, 1);
    ck_assert_uint_eq(answer->id, newest_id);
    ck_assert_int_eq(answer->verb, op->verb);
    return answer;
}

const struct kh_coord_answer *run_coord(struct side *side, const struct kh_coord_op *op)
{
    static uint64_t newest_id = 500000;
    struct kh_coord_op numbered = *op;

    numbered.id = ++newest_id;
    side->coord_answered = false;
    kh_store_submit_coord(side->store, &numbered);
    ck_assert_msg(!side->coord_answered, "answered from inside submit");
    loop_run(loop, ANSWER_MS_MAX);
    ck_assert(side->coord_answered);
    ck_assert_uint_eq(side->coord.id, newest_id);
    ck_assert_int_eq(side->coord.verb, op->verb);
    ck_assert_int_eq(side->coord.kind, op->kind);
    return &side->coord;
}

/* Requests. */

static struct kh_lease_op op_for(enum kh_lease_verb verb, const char *key)
{
    struct kh_lease_op op = {.verb = verb};

    ck_assert(kh_str_copy(op.key, sizeof(op.key), kh_str(key)));
    return op;
}

struct kh_lease_op get_op(const char *key)
{
    return op_for(KH_LEASE_GET, key);
}

struct kh_lease_op update_op(const char *key)
{
    return op_for(KH_LEASE_UPDATE, key);
}

struct kh_lease_op delete_op(const char *key)
{
    return op_for(KH_LEASE_DELETE, key);
}

struct kh_lease_op create_op(const struct kh_lease *lease)
{
    struct kh_lease_op op = op_for(KH_LEASE_CREATE, lease->key);

    op.lease = *lease;
    return op;
}

void create(struct side *side, const struct kh_lease *lease)
{
    const struct kh_lease_op op = create_op(lease);

    ck_assert_int_eq(run(side, &op)->outcome, KH_LEASE_DONE);
}

struct kh_lease get(struct side *side, const char *key)
{
    const struct kh_lease_op op = get_op(key);
    const struct kh_lease_answer *answer = run(side, &op);

    ck_assert_int_eq(answer->outcome, KH_LEASE_DONE);
    ck_assert(answer->found);
    return answer->lease;
}

const struct kh_lease_answer *list(struct side *side)
{
    const struct kh_lease_op op = {.verb = KH_LEASE_LIST};
    const struct kh_lease_answer *answer = run(side, &op);

    ck_assert_int_eq(answer->outcome, KH_LEASE_DONE);
    return answer;
}

/* Behind the store's back. */

static struct kh_buf *wanted; /* where dynamodb_call wants its answer */

static void on_call(void *arg, struct kh_aws_answer *answer)
{
    (void)arg;
    ck_assert_msg(answer->rc == KH_OK, "%s", answer->err.text);
    *wanted = kh_buf_take(answer->body);
    kh_loop_stop(loop);
}

void dynamodb_call(const char *operation, const char *body, struct kh_buf *answer)
{
    struct kh_aws_request request = {.operation = operation};
    size_t n = 0;

    kh_buf_init(&request.body, 65536);
    ck_assert(kh_buf_append_str(&request.body, kh_str(body)) == KH_OK);
    wanted = answer;
    (void)kh_aws_call(dynamodb, &request, on_call, NULL);
    loop_run(loop, ANSWER_MS_MAX);
    /* Some servers print blanks; no value of ours has any. */
    for (size_t i = 0; i < answer->n; i++) {
        if (answer->p[i] != ' ') {
            answer->p[n++] = answer->p[i];
        }
    }
    answer->n = n;
    ck_assert(kh_buf_append_char(answer, '\0') == KH_OK);
}

static void dynamodb_put(const char *key, const char *attributes)
{
    struct kh_buf answer;
    char body[1024];

    (void)snprintf(body, sizeof(body),
                   "{\"TableName\":\"%s\",\"Item\":{\"leaseKey\":{\"S\":\"%s\"},%s}}", table_name,
                   key, attributes);
    dynamodb_call("PutItem", body, &answer);
    kh_buf_fini(&answer);
}

void sqlite_exec(const char *sql)
{
    sqlite3 *db = NULL;

    ck_assert_int_eq(sqlite3_open(sqlite_path, &db), SQLITE_OK);
    ck_assert_int_eq(sqlite3_busy_timeout(db, 5000), SQLITE_OK);
    ck_assert_msg(sqlite3_exec(db, sql, NULL, NULL, NULL) == SQLITE_OK, "%s: %s", sql,
                  sqlite3_errmsg(db));
    ck_assert_int_eq(sqlite3_close(db), SQLITE_OK);
}

bool plant_attribute(const char *key)
{
    char text[1024];
    struct kh_buf answer;

    switch (kind) {
    case KIND_MEMORY:
        return false; /* its rows are what this program knows of a lease */
    case KIND_SQLITE:
        (void)snprintf(text, sizeof(text),
                       "ALTER TABLE \"%s\" ADD COLUMN note TEXT; "
                       "UPDATE \"%s\" SET note = 'kept' WHERE leaseKey = '%s'",
                       table_name, table_name, key);
        sqlite_exec(text);
        return true;
    case KIND_DYNAMODB:
        (void)snprintf(text, sizeof(text),
                       "{\"TableName\":\"%s\",\"Key\":{\"leaseKey\":{\"S\":\"%s\"}},"
                       "\"UpdateExpression\":\"SET #n = :n\","
                       "\"ExpressionAttributeNames\":{\"#n\":\"note\"},"
                       "\"ExpressionAttributeValues\":{\":n\":{\"S\":\"kept\"}}}",
                       table_name, key);
        dynamodb_call("UpdateItem", text, &answer);
        kh_buf_fini(&answer);
        return true;
    }
    return false;
}

static int see_note(void *arg, int n, char **values, char **names)
{
    bool *seen = arg;

    (void)names;
    *seen = n == 1 && values[0] != NULL && strcmp(values[0], "kept") == 0;
    return 0;
}

bool has_planted_attribute(const char *key)
{
    bool seen = false;
    char text[512];

    if (kind == KIND_SQLITE) {
        sqlite3 *db = NULL;

        (void)snprintf(text, sizeof(text), "SELECT note FROM \"%s\" WHERE leaseKey = '%s'",
                       table_name, key);
        ck_assert_int_eq(sqlite3_open(sqlite_path, &db), SQLITE_OK);
        ck_assert_int_eq(sqlite3_exec(db, text, see_note, &seen, NULL), SQLITE_OK);
        ck_assert_int_eq(sqlite3_close(db), SQLITE_OK);
    } else if (kind == KIND_DYNAMODB) {
        struct kh_buf answer;

        (void)snprintf(text, sizeof(text),
                       "{\"TableName\":\"%s\",\"Key\":{\"leaseKey\":{\"S\":\"%s\"}}}", table_name,
                       key);
        dynamodb_call("GetItem", text, &answer);
        seen = strstr(answer.p, "\"note\":{\"S\":\"kept\"}") != NULL;
        kh_buf_fini(&answer);
    }
    return seen;
}

bool plant_malformed(const char *key)
{
    char text[1024];

    switch (kind) {
    case KIND_MEMORY:
        return false;
    case KIND_SQLITE:
        (void)snprintf(text, sizeof(text),
                       "INSERT INTO \"%s\" (leaseKey, leaseCounter, ownerSwitchesSinceCheckpoint, "
                       "checkpoint, checkpointSubSequenceNumber) VALUES ('%s', 3, 0, 'NOWHERE', 0)",
                       table_name, key);
        sqlite_exec(text);
        return true;
    case KIND_DYNAMODB:
        dynamodb_put(key, "\"leaseCounter\":{\"N\":\"3\"},"
                          "\"ownerSwitchesSinceCheckpoint\":{\"N\":\"0\"},"
                          "\"checkpoint\":{\"S\":\"NOWHERE\"}");
        return true;
    }
    return false;
}

bool plant_item(const char *item)
{
    char body[2048];
    struct kh_buf answer;

    if (kind != KIND_DYNAMODB) {
        return false;
    }
    (void)snprintf(body, sizeof(body), "{\"TableName\":\"%s\",\"Item\":%s}", table_name, item);
    dynamodb_call("PutItem", body, &answer);
    kh_buf_fini(&answer);
    return true;
}

bool plant_foreign(const char *key)
{
    if (kind != KIND_DYNAMODB) {
        return false; /* only DynamoDB's tables are shared with others */
    }
    dynamodb_put(key, "\"entityType\":{\"S\":\"WORKER_METRIC_STATS\"},\"lut\":{\"N\":\"1\"}");
    return true;
}
