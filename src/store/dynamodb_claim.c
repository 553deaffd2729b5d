#include "store/dynamodb_claim.h"

#include <string.h>

#include "base/assert.h"
#include "base/log.h"
#include "base/mem.h"
#include "store/drivers.h"
#include "wire/lease_item.h"
#include "wire/stream_mark.h"

#define REQUEST_BYTES_MAX ((size_t)128 << 10) /* escaped, one byte may become six */
#define PAGE_BYTES_MAX    KH_JSON_BYTES_MAX

struct row {
    char *key;  /* owned */
    char *mark; /* owned */
};

struct kh_dynamodb_claim {
    struct kh_dynamodb_claim_config config;
    kh_store_ensured *claimed;
    void *arg;                /* borrowed */
    struct kh_aws_call *call; /* under way, or NULL */
    struct row *rows;         /* owned; with adopt: whose mark is to be changed */
    size_t rows_n;
    size_t rows_capacity;
    size_t adopted_n; /* of them */
};

static void ask_page(struct kh_dynamodb_claim *claim, struct kh_str after);
static void adopt_next(struct kh_dynamodb_claim *claim);

/* The end; the object may be gone when it returns. */
static void finish(struct kh_dynamodb_claim *claim, const struct kh_err *err)
{
    kh_assert(claim->call == NULL);
    claim->claimed(claim->arg, err);
}

static void call(struct kh_dynamodb_claim *claim, const char *operation, struct kh_buf *body,
                 kh_aws_done *done)
{
    struct kh_aws_request request = {
        .operation = operation, .body = kh_buf_take(body), .body_bytes_max = PAGE_BYTES_MAX};

    kh_assert(claim->call == NULL);
    claim->call = kh_aws_call(claim->config.client, &request, done, claim);
}

static void add_row(struct kh_dynamodb_claim *claim, struct kh_str key, struct kh_str mark)
{
    if (claim->rows_n == claim->rows_capacity) {
        claim->rows_capacity = kh_mem_grown(claim->rows_capacity, claim->rows_n + 1);
        claim->rows = kh_mem_resize(claim->rows, claim->rows_capacity, sizeof(*claim->rows));
    }
    claim->rows[claim->rows_n++] =
        (struct row){kh_mem_copy(key.p, key.n), kh_mem_copy(mark.p, mark.n)};
}

/* One item of another mark than ours, as text. */
static enum kh_rc judge(struct kh_dynamodb_claim *claim, const struct kh_json *item,
                        struct kh_err *err)
{
    const struct kh_str mark = kh_stream_mark_of(item);
    struct kh_str key = {0};

    if (mark.n == 0 || kh_stream_mark_same(mark, kh_str(claim->config.mark)) ||
        !kh_json_str(kh_json_get(kh_json_get(item, KH_LEASE_KEY_ATTRIBUTE), "S"), &key)) {
        return KH_OK;
    }
    if (!claim->config.adopt) {
        return kh_stream_mark_refuse(err, key, mark, kh_str(claim->config.mark));
    }
    if (key.n > KH_ITEM_KEY_MAX || mark.n > KH_STREAM_MARK_MAX) {
        return kh_fail(err, KH_TOOBIG,
                       "lease table %s: the lease %.*s or its " KH_STREAM_MARK_ATTRIBUTE
                       " is too long",
                       claim->config.table, (int)(key.n < 100 ? key.n : 100), key.p);
    }
    if (claim->rows_n == KH_STORE_LEASES_MAX) {
        return kh_fail(err, KH_TOOBIG, "lease table %s has more than %d leases",
                       claim->config.table, KH_STORE_LEASES_MAX);
    }
    add_row(claim, key, mark);
    return KH_OK;
}

static enum kh_rc take_page(struct kh_dynamodb_claim *claim, const struct kh_json *root,
                            struct kh_err *err)
{
    const struct kh_json *items = kh_json_get(root, "Items");
    enum kh_rc rc = KH_OK;

    if (!kh_json_is_array(items)) {
        return kh_fail(err, KH_RETRY, "lease table %s: answer to Scan: it has no Items",
                       claim->config.table);
    }
    for (size_t i = 0; rc == KH_OK && i < kh_json_length(items); i++) {
        rc = judge(claim, kh_json_at(items, i), err);
    }
    return rc;
}

static void got_page(void *arg, struct kh_aws_answer *answer)
{
    struct kh_dynamodb_claim *claim = arg;
    struct kh_json *root = NULL;
    struct kh_err err = answer->err;
    struct kh_str after;
    enum kh_rc rc = answer->rc;

    claim->call = NULL;
    if (rc == KH_CONFLICT) {
        err.rc = KH_RETRY; /* the table is being changed */
    }
    if (rc == KH_OK) {
        rc = kh_json_parse(&root, kh_buf_str(answer->body), &err) == KH_OK
                 ? take_page(claim, root, &err)
                 : kh_fail(&err, KH_RETRY, "lease table %s: the answer to Scan cannot be read",
                           claim->config.table);
    }
    if (rc != KH_OK) {
        finish(claim, &err);
    } else if (kh_lease_scan_more(root, &after)) {
        ask_page(claim, after);
    } else {
        adopt_next(claim);
    }
    kh_json_free(root);
}

static void ask_page(struct kh_dynamodb_claim *claim, struct kh_str after)
{
    struct kh_buf body;
    struct kh_err err;

    kh_buf_init(&body, REQUEST_BYTES_MAX);
    if (kh_stream_mark_scan(&body, claim->config.table, kh_str(claim->config.mark), after) !=
        KH_OK) { /* `after` is the server's */
        (void)kh_fail(&err, KH_TOOBIG, "lease table %s: the key of an item is too long",
                      claim->config.table);
        kh_buf_fini(&body);
        finish(claim, &err);
        return;
    }
    call(claim, "Scan", &body, got_page);
}

/* A row that changed meanwhile is somebody else's to judge; what it is shows when it is read. */
static void adopted(void *arg, struct kh_aws_answer *answer)
{
    struct kh_dynamodb_claim *claim = arg;

    claim->call = NULL;
    if (answer->rc != KH_OK && strcmp(answer->code, "ConditionalCheckFailedException") != 0) {
        answer->err.rc = answer->rc == KH_CONFLICT ? KH_RETRY : answer->rc;
        finish(claim, &answer->err);
        return;
    }
    claim->adopted_n++;
    adopt_next(claim);
}

static void adopt_next(struct kh_dynamodb_claim *claim)
{
    const struct kh_err none = {0};
    struct kh_buf body;
    enum kh_rc rc;

    if (claim->adopted_n == claim->rows_n) {
        if (claim->rows_n > 0) {
            kh_log(KH_LOG_WARN, "store.leases_adopted", kh_f("table", claim->config.table),
                   kh_fu("leases", claim->rows_n), kh_f("from", claim->rows[0].mark),
                   kh_f("stream", claim->config.mark));
        }
        finish(claim, &none);
        return;
    }
    kh_buf_init(&body, REQUEST_BYTES_MAX);
    rc = kh_stream_mark_update(
        &body, claim->config.table,
        &(struct kh_stream_mark_change){.key = kh_str(claim->rows[claim->adopted_n].key),
                                        .from = kh_str(claim->rows[claim->adopted_n].mark),
                                        .to = kh_str(claim->config.mark)});
    kh_assert(rc == KH_OK); /* judge() has bounded both */
    call(claim, "UpdateItem", &body, adopted);
}

struct kh_dynamodb_claim *kh_dynamodb_claim_new(const struct kh_dynamodb_claim_config *config,
                                                kh_store_ensured *claimed, void *arg)
{
    struct kh_dynamodb_claim *claim = kh_mem_new(1, sizeof(*claim));

    claim->config = *config;
    claim->claimed = claimed;
    claim->arg = arg;
    ask_page(claim, kh_str(""));
    return claim;
}

void kh_dynamodb_claim_free(struct kh_dynamodb_claim *claim)
{
    if (claim == NULL) {
        return;
    }
    kh_aws_cancel(claim->call);
    for (size_t i = 0; i < claim->rows_n; i++) {
        kh_mem_free(claim->rows[i].key);
        kh_mem_free(claim->rows[i].mark);
    }
    kh_mem_free(claim->rows);
    kh_mem_free(claim);
}
