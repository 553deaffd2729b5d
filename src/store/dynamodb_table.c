#include "store/dynamodb_table.h"

#include "base/assert.h"
#include "base/log.h"
#include "base/mem.h"
#include "wire/lease_table.h"

#define REQUEST_BYTES_MAX 4096
#define POLL_MS_MIN       250
#define POLL_MS_MAX       KH_SECONDS(5)
#define WAIT_MS_MAX       KH_MINUTES(10) /* as Java */

struct kh_dynamodb_table {
    struct kh_dynamodb_table_config config;
    kh_store_ensured *ensured;
    void *arg;                /* borrowed */
    struct kh_aws_call *call; /* under way, or NULL */
    struct kh_watch *timer;   /* owned; the next look */
    bool create_sent;
    kh_ms poll_ms;
    kh_ms give_up_at_ms;
};

static void described(void *arg, struct kh_aws_answer *answer);

/* The end; the object may be gone when it returns. */
static void finish(struct kh_dynamodb_table *table, const struct kh_err *err)
{
    kh_assert(table->call == NULL);
    table->ensured(table->arg, err);
}

static void send_call(struct kh_dynamodb_table *table, const char *operation, struct kh_buf *body,
                      kh_aws_done *done)
{
    struct kh_aws_request request = {.operation = operation, .body = kh_buf_take(body)};

    kh_assert(table->call == NULL);
    table->call = kh_aws_call(table->config.client, &request, done, table);
}

static void describe(void *arg)
{
    struct kh_dynamodb_table *table = arg;
    struct kh_buf body;
    enum kh_rc rc;

    kh_buf_init(&body, REQUEST_BYTES_MAX);
    rc = kh_lease_table_describe(&body, table->config.table);
    kh_assert(rc == KH_OK);
    send_call(table, "DescribeTable", &body, described);
}

static void look_again(struct kh_dynamodb_table *table)
{
    const kh_ms now_ms = kh_loop_now_ms(table->config.loop);
    struct kh_err err;

    if (now_ms >= table->give_up_at_ms) {
        (void)kh_fail(&err, KH_RETRY, "lease table %s did not become active in 10 minutes",
                      table->config.table);
        finish(table, &err);
        return;
    }
    kh_watch_at(table->timer, now_ms + table->poll_ms);
    table->poll_ms = kh_ms_min(table->poll_ms * 2, POLL_MS_MAX);
}

static void created(void *arg, struct kh_aws_answer *answer)
{
    struct kh_dynamodb_table *table = arg;

    table->call = NULL;
    /* CONFLICT: another worker was faster, or our own lost answer. */
    if (answer->rc != KH_OK && answer->rc != KH_CONFLICT) {
        struct kh_err err = answer->err;

        (void)kh_wrap(&err, "create lease table %s", table->config.table);
        finish(table, &err);
        return;
    }
    if (answer->rc == KH_OK) {
        kh_log(KH_LOG_INFO, "store.table_created", kh_f("table", table->config.table));
    }
    look_again(table);
}

static void create(struct kh_dynamodb_table *table)
{
    struct kh_buf body;
    enum kh_rc rc;

    kh_buf_init(&body, REQUEST_BYTES_MAX);
    rc = kh_lease_table_create(&body, table->config.table, table->config.deletion_protection);
    kh_assert(rc == KH_OK);
    table->create_sent = true;
    send_call(table, "CreateTable", &body, created);
}

static void recovery_set(void *arg, struct kh_aws_answer *answer)
{
    struct kh_dynamodb_table *table = arg;
    struct kh_err err = answer->err;

    table->call = NULL;
    if (answer->rc != KH_OK) {
        (void)kh_wrap(&err, "turn on point-in-time recovery of lease table %s",
                      table->config.table);
    } else {
        err.rc = KH_OK;
    }
    finish(table, &err);
}

static void usable(struct kh_dynamodb_table *table)
{
    const struct kh_err none = {0};
    struct kh_buf body;
    enum kh_rc rc;

    if (!table->config.point_in_time_recovery) {
        finish(table, &none);
        return;
    }
    kh_buf_init(&body, REQUEST_BYTES_MAX);
    rc = kh_lease_table_recovery(&body, table->config.table);
    kh_assert(rc == KH_OK);
    send_call(table, "UpdateContinuousBackups", &body, recovery_set);
}

static void not_found(struct kh_dynamodb_table *table)
{
    struct kh_err err;

    if (!table->config.create_if_missing) {
        (void)kh_fail(&err, KH_NOTFOUND, "lease table %s does not exist", table->config.table);
        finish(table, &err);
    } else if (!table->create_sent) {
        create(table);
    } else {
        look_again(table); /* DescribeTable may lag behind CreateTable */
    }
}

static void found(struct kh_dynamodb_table *table, const struct kh_buf *body)
{
    enum kh_lease_table_state state = KH_LEASE_TABLE_PENDING;
    struct kh_json *root = NULL;
    struct kh_err err = {0};
    enum kh_rc rc = kh_json_parse(&root, kh_buf_str(body), &err);

    if (rc != KH_OK) {
        rc = kh_wrap(&err, "describe lease table %s", table->config.table);
    } else {
        rc = kh_lease_table_judge(root, table->config.table, &state, &err);
    }
    kh_json_free(root);
    if (rc == KH_OK && state == KH_LEASE_TABLE_BLOCKED) {
        rc = kh_fail(&err, KH_DENIED,
                     "lease table %s is archived or its encryption key is out of reach",
                     table->config.table);
    }
    if (rc != KH_OK) {
        finish(table, &err);
    } else if (state == KH_LEASE_TABLE_PENDING) {
        look_again(table);
    } else {
        usable(table);
    }
}

static void described(void *arg, struct kh_aws_answer *answer)
{
    struct kh_dynamodb_table *table = arg;

    table->call = NULL;
    if (answer->rc == KH_NOTFOUND) {
        not_found(table);
    } else if (answer->rc != KH_OK) {
        struct kh_err err = answer->err;

        (void)kh_wrap(&err, "describe lease table %s", table->config.table);
        finish(table, &err);
    } else {
        found(table, answer->body);
    }
}

struct kh_dynamodb_table *kh_dynamodb_table_ensure(const struct kh_dynamodb_table_config *config,
                                                   kh_store_ensured *ensured, void *arg)
{
    struct kh_dynamodb_table *table = kh_mem_new(1, sizeof(*table));

    table->config = *config;
    table->ensured = ensured;
    table->arg = arg;
    table->poll_ms = POLL_MS_MIN;
    table->give_up_at_ms = kh_loop_now_ms(config->loop) + WAIT_MS_MAX;
    table->timer = kh_loop_timer(config->loop, describe, table);
    describe(table);
    return table;
}

void kh_dynamodb_table_free(struct kh_dynamodb_table *table)
{
    if (table == NULL) {
        return;
    }
    kh_aws_cancel(table->call);
    kh_watch_free(table->timer);
    kh_mem_free(table);
}
