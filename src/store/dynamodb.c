/* One request, one call: several at once, in any order. Making the table usable is
 * dynamodb_table.c's, what is no lease dynamodb_coord.c's. */
#include "store/store.h"

#include <string.h>

#include "aws/client.h"
#include "base/assert.h"
#include "base/mem.h"
#include "store/drivers.h"
#include "store/dynamodb_claim.h"
#include "store/dynamodb_coord.h"
#include "store/dynamodb_table.h"
#include "wire/lease_item.h"
#include "wire/stream_mark.h"

/* A row is some 2 KB with every attribute; a request says most of it twice. */
#define REQUEST_BYTES_MAX 16384
#define ROW_BYTES_MAX     ((size_t)512 << 10) /* DynamoDB's items end at 400 KB */
#define PAGE_BYTES_MAX    KH_JSON_BYTES_MAX   /* a page is 1 MB as DynamoDB counts, more as JSON */

#define PAGES_MAX 10000

struct request {
    struct request *next; /* in dynamodb->requests */
    struct request *prev;
    struct dynamodb *dynamodb; /* borrowed */
    struct kh_aws_call *call;  /* under way; done with when its callback begins */
    struct kh_lease_op op;
    struct kh_lease_answer answer;
    struct kh_err err;
    struct kh_leases leases; /* owned; LIST */
    struct kh_buf malformed; /* owned; LIST */
    unsigned pages;          /* LIST */
};

struct dynamodb {
    struct kh_store store;        /* must be first */
    struct kh_aws_client *client; /* borrowed */
    kh_ms write_ms_max;
    struct kh_dynamodb_table_config table_config;
    struct kh_dynamodb_table *ensuring; /* owned; NULL when done */
    kh_store_ensured *ensured;
    void *ensured_arg;
    struct kh_dynamodb_claim *claiming; /* owned; NULL when done */
    kh_store_ensured *claimed;
    void *claimed_arg;
    struct request *requests;        /* owned; answers wanted */
    struct kh_dynamodb_coord *coord; /* owned */
};

static void request_free(struct request *request)
{
    kh_leases_fini(&request->leases);
    kh_buf_fini(&request->malformed);
    kh_mem_free(request);
}

static void request_unlink(struct request *request)
{
    if (request->prev != NULL) {
        request->prev->next = request->next;
    } else {
        kh_assert(request->dynamodb->requests == request);
        request->dynamodb->requests = request->next;
    }
    if (request->next != NULL) {
        request->next->prev = request->prev;
    }
}

/* The end of every request. The store may be gone when it returns. */
static void finish(struct request *request)
{
    struct dynamodb *dynamodb = request->dynamodb;

    kh_assert(request->call == NULL);
    request->answer.id = request->op.id;
    request->answer.verb = request->op.verb;
    request_unlink(request);
    kh_store_answer(&dynamodb->store, &request->answer, &request->err);
    request_free(request);
}

/* request->err says why. */
static void finish_with(struct request *request, enum kh_lease_outcome outcome)
{
    kh_assert(request->err.rc != KH_OK);
    request->answer = (struct kh_lease_answer){.outcome = outcome, .rc = request->err.rc};
    finish(request);
}

/* An answer that nobody could have given who read the request: the write may have happened. */
static void finish_unreadable(struct request *request)
{
    (void)kh_wrap(&request->err, "lease table %s: answer to %s", request->dynamodb->store.table,
                  kh_lease_request_operation(request->op.verb));
    finish_with(request, request->op.verb == KH_LEASE_LIST || request->op.verb == KH_LEASE_GET
                             ? KH_LEASE_FAILED
                             : KH_LEASE_UNKNOWN);
}

static enum kh_rc parse(struct request *request, const struct kh_aws_answer *answer,
                        struct kh_json **root)
{
    const enum kh_rc rc = kh_json_parse(root, kh_buf_str(answer->body), &request->err);

    if (rc == KH_INVALID) {
        request->err.rc = KH_RETRY; /* not the request is invalid, the answer is */
    }
    return rc;
}

/* A lease of another stream is none that this worker could work on. */
static enum kh_item_type read_item(const struct request *request, const struct kh_json *item,
                                   struct kh_lease *lease, struct kh_err *err)
{
    const char *ours = request->dynamodb->store.mark;
    const struct kh_str mark = kh_stream_mark_of(item);
    const enum kh_item_type type = kh_lease_item_read(item, lease, err);

    if (type == KH_ITEM_LEASE && ours != NULL && mark.n > 0 &&
        !kh_stream_mark_same(mark, kh_str(ours))) {
        (void)kh_stream_mark_refuse(err, kh_str(lease->key), mark, kh_str(ours));
        err->rc = KH_INVALID; /* a CONFLICT would be one with the request */
        return KH_ITEM_MALFORMED;
    }
    return type;
}

/* The row for CONFLICT, GET and what was written. False: it is there but of no use, err says
 * why. */
static bool take_row(struct request *request, const struct kh_json *item)
{
    struct kh_lease_answer *answer = &request->answer;

    if (!kh_json_is_object(item)) {
        answer->found = false;
        return true;
    }
    answer->found = true;
    switch (read_item(request, item, &answer->lease, &request->err)) {
    case KH_ITEM_LEASE:
        return true;
    case KH_ITEM_FOREIGN:
        (void)kh_fail(&request->err, KH_INVALID, "lease table %s: the item %s is no lease",
                      request->dynamodb->store.table, request->op.key);
        return false;
    case KH_ITEM_MALFORMED:
        (void)kh_wrap(&request->err, "lease table %s", request->dynamodb->store.table);
        return false;
    }
    return false;
}

/* Calls. */

static void send_call(struct request *request, struct kh_aws_request *call, kh_aws_done *done)
{
    kh_assert(request->call == NULL);
    request->call = kh_aws_call(request->dynamodb->client, call, done, request);
}

static void send_op(struct request *request, const struct kh_lease_op *op, kh_aws_done *done)
{
    const bool is_read = op->verb == KH_LEASE_GET;
    const struct kh_store *store = &request->dynamodb->store;
    const struct kh_lease_place place = {store->table, store->mark};
    struct kh_aws_request call = {.operation = kh_lease_request_operation(op->verb),
                                  .attempts_max = is_read ? 0 : 1,
                                  .total_ms_max = is_read ? 0 : request->dynamodb->write_ms_max,
                                  .body_bytes_max = ROW_BYTES_MAX};
    enum kh_rc rc;

    kh_buf_init(&call.body, REQUEST_BYTES_MAX);
    rc = kh_lease_request(&call.body, &place, op);
    kh_assert(rc == KH_OK); /* every part of it is bounded */
    send_call(request, &call, done);
}

/* GET, and the second question after a CONFLICT. */
static void got_row(void *arg, struct kh_aws_answer *answer)
{
    struct request *request = arg;
    const bool is_get = request->op.verb == KH_LEASE_GET;
    struct kh_json *root = NULL;
    bool usable;

    request->call = NULL;
    if (answer->rc != KH_OK) {
        request->err = answer->err;
        /* After a CONFLICT the write certainly did not happen, but the core decides by the row, so
         * it has to ask again; only UNKNOWN makes it do so. */
        finish_with(request, is_get ? KH_LEASE_FAILED : KH_LEASE_UNKNOWN);
        return;
    }
    if (parse(request, answer, &root) != KH_OK) {
        finish_unreadable(request);
        return;
    }
    usable = take_row(request, kh_json_get(root, "Item"));
    kh_json_free(root);
    if (!usable) {
        finish_with(request, KH_LEASE_FAILED);
        return;
    }
    request->answer.outcome = is_get ? KH_LEASE_DONE : KH_LEASE_CONFLICT;
    finish(request);
}

static void ask_for_row(struct request *request)
{
    struct kh_lease_op get = {.verb = KH_LEASE_GET};

    memcpy(get.key, request->op.key, sizeof(get.key));
    send_op(request, &get, got_row);
}

/* The condition failed. Not every server says with what: ask then. */
static void conflict(struct request *request, const struct kh_aws_answer *answer)
{
    struct kh_json *root = NULL;
    bool usable;

    if (parse(request, answer, &root) != KH_OK || kh_json_get(root, "Item") == NULL) {
        kh_json_free(root);
        ask_for_row(request);
        return;
    }
    usable = take_row(request, kh_json_get(root, "Item"));
    kh_json_free(root);
    if (!usable) {
        finish_with(request, KH_LEASE_FAILED);
        return;
    }
    request->answer.outcome = KH_LEASE_CONFLICT;
    finish(request);
}

/* The row as it is now stored. */
static void written(struct request *request, const struct kh_aws_answer *answer)
{
    struct kh_json *root = NULL;
    bool usable = true;

    if (request->op.verb == KH_LEASE_UPDATE) {
        if (parse(request, answer, &root) != KH_OK) {
            finish_unreadable(request);
            return;
        }
        usable = take_row(request, kh_json_get(root, "Attributes"));
        if (usable && !request->answer.found) {
            usable = false;
            (void)kh_fail(&request->err, KH_RETRY, "it has no Attributes");
        }
        if (usable && !kh_lease_op_shows(&request->op, &request->answer.lease)) {
            usable = false;
            (void)kh_fail(&request->err, KH_RETRY, "its Attributes are not what was written");
        }
        kh_json_free(root);
    } else if (request->op.verb == KH_LEASE_CREATE) {
        request->answer.lease = request->op.lease;
    }
    if (!usable) {
        finish_unreadable(request);
        return;
    }
    request->answer.found = false;
    request->answer.outcome = KH_LEASE_DONE;
    finish(request);
}

static void wrote(void *arg, struct kh_aws_answer *answer)
{
    struct request *request = arg;

    request->call = NULL;
    if (answer->rc == KH_OK) {
        written(request, answer);
        return;
    }
    if (strcmp(answer->code, "ConditionalCheckFailedException") == 0 && !answer->unknown) {
        conflict(request, answer);
        return;
    }
    request->err = answer->err;
    if (request->err.rc == KH_CONFLICT) {
        request->err.rc = KH_RETRY; /* the table itself is being changed */
    }
    finish_with(request, answer->unknown ? KH_LEASE_UNKNOWN : KH_LEASE_FAILED);
}

/* LIST. */

static void ask_for_page(struct request *request, struct kh_str after);

static bool take_items(struct request *request, const struct kh_json *items)
{
    for (size_t i = 0; i < kh_json_length(items); i++) {
        struct kh_lease *lease = kh_leases_add(&request->leases);
        enum kh_item_type type = KH_ITEM_FOREIGN;
        struct kh_err why;

        if (lease == NULL) {
            (void)kh_fail(&request->err, KH_TOOBIG, "lease table %s has more than %d leases",
                          request->dynamodb->store.table, KH_STORE_LEASES_MAX);
            return false;
        }
        type = read_item(request, kh_json_at(items, i), lease, &why);
        if (type != KH_ITEM_LEASE) {
            request->leases.n--;
        }
        if (type == KH_ITEM_MALFORMED) {
            request->answer.malformed_n++;
            kh_store_malformed_add(&request->malformed, &why);
        }
    }
    return true;
}

static void finish_list(struct request *request)
{
    kh_store_malformed_log(&request->dynamodb->store, &request->malformed);
    request->answer.outcome = KH_LEASE_DONE;
    request->answer.leases = request->leases.items;
    request->answer.leases_n = request->leases.n;
    finish(request);
}

/* One that does not say clearly what there is and whether more follows would make leases seem to be
 * gone. */
static bool check_page(struct request *request, const struct kh_json *root)
{
    struct kh_str after;

    if (!kh_json_is_array(kh_json_get(root, "Items"))) {
        (void)kh_fail(&request->err, KH_RETRY, "it has no Items");
        return false;
    }
    if (kh_json_get(root, "LastEvaluatedKey") != NULL && !kh_lease_scan_more(root, &after)) {
        (void)kh_fail(&request->err, KH_RETRY, "its LastEvaluatedKey is no key");
        return false;
    }
    return true;
}

static void got_page(void *arg, struct kh_aws_answer *answer)
{
    struct request *request = arg;
    struct kh_json *root = NULL;
    struct kh_str after;

    request->call = NULL;
    if (answer->rc != KH_OK) {
        request->err = answer->err;
        finish_with(request, KH_LEASE_FAILED);
        return;
    }
    if (parse(request, answer, &root) != KH_OK) {
        finish_unreadable(request);
        return;
    }
    if (!check_page(request, root)) {
        kh_json_free(root);
        finish_unreadable(request);
        return;
    }
    if (!take_items(request, kh_json_get(root, "Items"))) {
        kh_json_free(root);
        finish_with(request, KH_LEASE_FAILED);
        return;
    }
    request->pages++;
    if (!kh_lease_scan_more(root, &after)) {
        kh_json_free(root);
        finish_list(request);
        return;
    }
    if (request->pages == PAGES_MAX) {
        kh_json_free(root);
        (void)kh_fail(&request->err, KH_TOOBIG, "lease table %s has more than %d pages of items",
                      request->dynamodb->store.table, PAGES_MAX);
        finish_with(request, KH_LEASE_FAILED);
        return;
    }
    ask_for_page(request, after);
    kh_json_free(root); /* what `after` stands in */
}

static void ask_for_page(struct request *request, struct kh_str after)
{
    struct kh_aws_request call = {.operation = kh_lease_request_operation(KH_LEASE_LIST),
                                  .body_bytes_max = PAGE_BYTES_MAX};
    enum kh_rc rc;

    kh_buf_init(&call.body, REQUEST_BYTES_MAX);
    rc = kh_lease_scan_request(&call.body, request->dynamodb->store.table, after);
    if (rc !=
        KH_OK) { /* `after` is the server's: DynamoDB's own limit is far below, others may have
                  * none */
        kh_buf_fini(&call.body);
        (void)kh_fail(&request->err, rc, "lease table %s: the key of an item is too long",
                      request->dynamodb->store.table);
        finish_with(request, KH_LEASE_FAILED);
        return;
    }
    send_call(request, &call, got_page);
}

/* The driver. */

static enum kh_rc dynamodb_open(struct kh_store **store, const struct kh_store_config *config,
                                struct kh_str rest, struct kh_err *err)
{
    struct dynamodb *dynamodb;

    if (rest.n > 0) {
        return kh_fail(err, KH_INVALID,
                       "lease store %s: nothing can follow \"dynamodb\"; tableName names the table",
                       config->where);
    }
    kh_assert(config->dynamodb != NULL);
    dynamodb = kh_mem_new(1, sizeof(*dynamodb));
    kh_store_init(&dynamodb->store, &kh_store_dynamodb, config);
    dynamodb->client = config->dynamodb;
    dynamodb->write_ms_max = config->write_ms_max;
    kh_assert(config->write_ms_max > 0);
    dynamodb->table_config =
        (struct kh_dynamodb_table_config){.client = config->dynamodb,
                                          .loop = config->loop,
                                          .table = dynamodb->store.table,
                                          .create_if_missing = config->create_if_missing,
                                          .deletion_protection = config->deletion_protection,
                                          .point_in_time_recovery = config->point_in_time_recovery};
    dynamodb->coord = kh_dynamodb_coord_new(&dynamodb->store, config);
    *store = &dynamodb->store;
    return KH_OK;
}

static void table_ready(void *arg, const struct kh_err *err)
{
    struct dynamodb *dynamodb = arg;

    kh_dynamodb_table_free(dynamodb->ensuring);
    dynamodb->ensuring = NULL;
    dynamodb->ensured(dynamodb->ensured_arg, err);
}

static void dynamodb_ensure(struct kh_store *store, kh_store_ensured *ensured, void *arg)
{
    struct dynamodb *dynamodb = (struct dynamodb *)store;

    kh_assert(dynamodb->ensuring == NULL);
    dynamodb->ensured = ensured;
    dynamodb->ensured_arg = arg;
    dynamodb->ensuring = kh_dynamodb_table_ensure(&dynamodb->table_config, table_ready, dynamodb);
}

static void claim_done(void *arg, const struct kh_err *err)
{
    struct dynamodb *dynamodb = arg;

    kh_dynamodb_claim_free(dynamodb->claiming);
    dynamodb->claiming = NULL;
    dynamodb->claimed(dynamodb->claimed_arg, err);
}

static void dynamodb_claim(struct kh_store *store, bool adopt, kh_store_ensured *claimed, void *arg)
{
    struct dynamodb *dynamodb = (struct dynamodb *)store;
    const struct kh_dynamodb_claim_config config = {
        .client = dynamodb->client, .table = store->table, .mark = store->mark, .adopt = adopt};

    kh_assert(dynamodb->claiming == NULL);
    dynamodb->claimed = claimed;
    dynamodb->claimed_arg = arg;
    dynamodb->claiming = kh_dynamodb_claim_new(&config, claim_done, dynamodb);
}

static void dynamodb_submit(struct kh_store *store, const struct kh_lease_op *op)
{
    struct dynamodb *dynamodb = (struct dynamodb *)store;
    struct request *request = kh_mem_new(1, sizeof(*request));

    kh_buf_init(&request->malformed, KH_STORE_MALFORMED_BYTES_MAX);
    request->dynamodb = dynamodb;
    request->op = *op;
    request->next = dynamodb->requests;
    if (request->next != NULL) {
        request->next->prev = request;
    }
    dynamodb->requests = request;
    if (op->verb == KH_LEASE_LIST) {
        ask_for_page(request, (struct kh_str){0});
    } else {
        send_op(request, op, op->verb == KH_LEASE_GET ? got_row : wrote);
    }
}

static void dynamodb_submit_coord(struct kh_store *store, const struct kh_coord_op *op)
{
    kh_dynamodb_coord_submit(((struct dynamodb *)store)->coord, op);
}

static void dynamodb_close(struct kh_store *store)
{
    struct dynamodb *dynamodb = (struct dynamodb *)store;

    kh_dynamodb_coord_free(dynamodb->coord);
    kh_dynamodb_table_free(dynamodb->ensuring);
    kh_dynamodb_claim_free(dynamodb->claiming);
    while (dynamodb->requests != NULL) {
        struct request *request = dynamodb->requests;

        kh_aws_cancel(request->call);
        request_unlink(request);
        request_free(request);
    }
    kh_store_fini(store);
    kh_mem_free(dynamodb);
}

const struct kh_store_driver kh_store_dynamodb = {.scheme = "dynamodb",
                                                  .open = dynamodb_open,
                                                  .ensure = dynamodb_ensure,
                                                  .claim = dynamodb_claim,
                                                  .submit = dynamodb_submit,
                                                  .submit_coord = dynamodb_submit_coord,
                                                  .close = dynamodb_close};
