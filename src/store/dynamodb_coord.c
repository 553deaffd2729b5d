#include "store/dynamodb_coord.h"

#include <string.h>

#include "base/assert.h"
#include "base/mem.h"
#include "wire/coord_item.h"
#include "wire/lease_table.h"

/* A state says ten names twice, each six times as long when every byte is escaped. */
#define REQUEST_BYTES_MAX 65536
#define ITEM_BYTES_MAX    ((size_t)512 << 10) /* DynamoDB's items end at 400 KB */
#define PAGE_BYTES_MAX    KH_JSON_BYTES_MAX   /* a page is 1 MB as DynamoDB counts, more as JSON */
#define PAGES_MAX         10000

/* Which tables LAYOUT looks at, one after the other. */
enum look { LOOK_LEASES, LOOK_STATE, LOOK_STATS, LOOKED };

struct request {
    struct request *next; /* in coord->requests */
    struct request *prev;
    struct kh_dynamodb_coord *coord; /* borrowed */
    struct kh_aws_call *call;        /* under way; done with when its callback begins */
    struct kh_coord_op op;
    struct kh_coord_answer answer;
    struct kh_err err;
    enum look look;             /* LAYOUT */
    struct kh_stats_list stats; /* owned; LIST_STATS */
    struct kh_coord_keys keys;  /* owned; OWNED */
    struct kh_buf malformed;    /* owned; LIST_STATS, OWNED */
    unsigned pages;
};

struct kh_dynamodb_coord {
    struct kh_store *store;       /* borrowed */
    struct kh_aws_client *client; /* borrowed */
    kh_ms write_ms_max;
    char *state_table;        /* owned; NULL: none is looked for */
    char *stats_table;        /* owned; the same */
    struct request *requests; /* owned; answers wanted */
};

static void request_free(struct request *request)
{
    kh_stats_list_fini(&request->stats);
    kh_coord_keys_fini(&request->keys);
    kh_buf_fini(&request->malformed);
    kh_mem_free(request);
}

static void request_unlink(struct request *request)
{
    if (request->prev != NULL) {
        request->prev->next = request->next;
    } else {
        kh_assert(request->coord->requests == request);
        request->coord->requests = request->next;
    }
    if (request->next != NULL) {
        request->next->prev = request->prev;
    }
}

/* The table an op is about; NULL if that is one we were not told of. */
static const char *table_of(const struct request *request)
{
    const struct kh_dynamodb_coord *coord = request->coord;

    if (request->op.verb == KH_COORD_OWNED || request->op.verb == KH_COORD_MAKE_INDEX ||
        request->op.place == KH_COORD_LEASE_TABLE) {
        return coord->store->table;
    }
    return request->op.verb == KH_COORD_LIST_STATS || request->op.kind == KH_COORD_STATS
               ? coord->stats_table
               : coord->state_table;
}

static bool is_write(enum kh_coord_verb verb)
{
    switch (verb) {
    case KH_COORD_PUT:
    case KH_COORD_UPDATE:
    case KH_COORD_DELETE:
    case KH_COORD_MAKE_INDEX:
        return true;
    case KH_COORD_LAYOUT:
    case KH_COORD_GET:
    case KH_COORD_LIST_STATS:
    case KH_COORD_OWNED:
        return false;
    }
    return false;
}

/* The end of every request. The store may be gone when it returns. */
static void finish(struct request *request)
{
    kh_assert(request->call == NULL);
    request->answer.id = request->op.id;
    request->answer.verb = request->op.verb;
    request->answer.kind = request->op.kind;
    request_unlink(request);
    kh_store_answer_coord(request->coord->store, &request->answer, &request->err);
    request_free(request);
}

/* request->err says why. */
static void finish_with(struct request *request, enum kh_lease_outcome outcome)
{
    kh_assert(request->err.rc != KH_OK);
    request->answer = (struct kh_coord_answer){.outcome = outcome, .rc = request->err.rc};
    finish(request);
}

/* An answer that nobody could have given who read the request. */
static void finish_unreadable(struct request *request)
{
    const char *table = request->op.verb == KH_COORD_LAYOUT ? NULL : table_of(request);

    (void)kh_wrap(&request->err, "table %s: answer to %s",
                  table != NULL ? table : request->coord->store->table,
                  kh_coord_request_operation(request->op.verb));
    finish_with(request, is_write(request->op.verb) ? KH_LEASE_UNKNOWN : KH_LEASE_FAILED);
}

static void finish_done(struct request *request)
{
    request->answer.outcome = KH_LEASE_DONE;
    finish(request);
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

/* A call that failed. What the table itself is in the middle of passes. */
static void take_failure(struct request *request, const struct kh_aws_answer *answer)
{
    request->err = answer->err;
    if (request->err.rc == KH_CONFLICT) {
        request->err.rc = KH_RETRY;
    }
}

/* What GET found, or what is in the way. False: it is there but of no use, err says why. */
static bool take_item(struct request *request, const struct kh_json *item)
{
    struct kh_coord_answer *answer = &request->answer;

    answer->found = kh_json_is_object(item);
    if (!answer->found) {
        return true;
    }
    if (kh_coord_item_read(item, request->op.place, request->op.kind, &answer->item,
                           &request->err) != KH_OK) {
        (void)kh_wrap(&request->err, "table %s", table_of(request));
        return false;
    }
    return true;
}

/* Calls. */

static void send_call(struct request *request, struct kh_aws_request *call, kh_aws_done *done)
{
    kh_assert(request->call == NULL);
    request->call = kh_aws_call(request->coord->client, call, done, request);
}

static void send_op(struct request *request, const struct kh_coord_op *op, kh_aws_done *done)
{
    const bool writes = is_write(op->verb);
    struct kh_aws_request call = {.operation = kh_coord_request_operation(op->verb),
                                  .attempts_max = writes ? 1 : 0,
                                  .total_ms_max = writes ? request->coord->write_ms_max : 0,
                                  .body_bytes_max = ITEM_BYTES_MAX};
    enum kh_rc rc;

    kh_buf_init(&call.body, REQUEST_BYTES_MAX);
    rc = kh_coord_request(&call.body, table_of(request), op, NULL);
    kh_assert(rc == KH_OK); /* every part of it is bounded */
    send_call(request, &call, done);
}

static void send_describe(struct request *request, const char *table, kh_aws_done *done)
{
    struct kh_aws_request call = {.operation = "DescribeTable"};
    enum kh_rc rc;

    kh_buf_init(&call.body, REQUEST_BYTES_MAX);
    rc = kh_lease_table_describe(&call.body, table);
    kh_assert(rc == KH_OK);
    send_call(request, &call, done);
}

/* GET, and the second question after a CONFLICT. */
static void got_item(void *arg, struct kh_aws_answer *answer)
{
    struct request *request = arg;
    const bool is_get = request->op.verb == KH_COORD_GET;
    struct kh_json *root = NULL;
    bool usable;

    request->call = NULL;
    if (answer->rc != KH_OK) {
        take_failure(request, answer);
        /* After a CONFLICT the write certainly did not happen, but the core decides by the item, so
         * it has to ask again; only UNKNOWN makes it do so. */
        finish_with(request, is_get ? KH_LEASE_FAILED : KH_LEASE_UNKNOWN);
        return;
    }
    if (parse(request, answer, &root) != KH_OK) {
        finish_unreadable(request);
        return;
    }
    usable = take_item(request, kh_json_get(root, "Item"));
    kh_json_free(root);
    if (!usable) {
        finish_with(request, KH_LEASE_FAILED);
    } else if (is_get || (request->op.verb == KH_COORD_DELETE && !request->answer.found)) {
        finish_done(request); /* nothing was there to be deleted */
    } else {
        request->answer.outcome = KH_LEASE_CONFLICT;
        finish(request);
    }
}

/* The condition failed. Not every server says with what, and none says that there is nothing: ask
 * then. */
static void conflict(struct request *request, const struct kh_aws_answer *answer)
{
    struct kh_json *root = NULL;
    struct kh_coord_op get = {
        .verb = KH_COORD_GET, .place = request->op.place, .kind = request->op.kind};
    bool usable;

    if (parse(request, answer, &root) != KH_OK || kh_json_get(root, "Item") == NULL) {
        kh_json_free(root);
        memcpy(get.key, request->op.key, sizeof(get.key));
        send_op(request, &get, got_item);
        return;
    }
    usable = take_item(request, kh_json_get(root, "Item"));
    kh_json_free(root);
    if (!usable) {
        finish_with(request, KH_LEASE_FAILED);
        return;
    }
    request->answer.outcome = KH_LEASE_CONFLICT;
    finish(request);
}

static void wrote(void *arg, struct kh_aws_answer *answer)
{
    struct request *request = arg;

    request->call = NULL;
    if (answer->rc == KH_OK) {
        if (request->op.verb != KH_COORD_DELETE) {
            request->answer.found = true;
            request->answer.item = request->op.item;
        }
        finish_done(request);
        return;
    }
    if (strcmp(answer->code, "ConditionalCheckFailedException") == 0 && !answer->unknown) {
        conflict(request, answer);
        return;
    }
    take_failure(request, answer);
    finish_with(request, answer->unknown ? KH_LEASE_UNKNOWN : KH_LEASE_FAILED);
}

/* Lists. */

static void ask_for_page(struct request *request, const struct kh_json *after);

static bool take_stats(struct request *request, const struct kh_json *item)
{
    struct kh_worker_stats *stats = kh_stats_list_add(&request->stats);
    struct kh_coord_item read = {0};
    struct kh_err why;

    if (stats == NULL) {
        (void)kh_fail(&request->err, KH_TOOBIG, "table %s has the metrics of more than %d workers",
                      table_of(request), KH_STORE_STATS_MAX);
        return false;
    }
    if (kh_coord_item_read(item, request->op.place, KH_COORD_STATS, &read, &why) != KH_OK) {
        request->stats.n--;
        request->answer.malformed_n++;
        kh_store_malformed_add(&request->malformed, &why);
        return true;
    }
    *stats = read.stats;
    return true;
}

static bool take_key(struct request *request, const struct kh_json *item)
{
    struct kh_coord_key *key = kh_coord_keys_add(&request->keys);

    if (key == NULL) {
        (void)kh_fail(&request->err, KH_TOOBIG, "worker %s has more than %d leases",
                      request->op.key, KH_STORE_LEASES_MAX);
        return false;
    }
    if (!kh_coord_owned_read(item, key)) {
        request->keys.n--; /* LIST tells of it */
        request->answer.malformed_n++;
    }
    return true;
}

static bool take_page(struct request *request, const struct kh_json *items)
{
    for (size_t i = 0; i < kh_json_length(items); i++) {
        const struct kh_json *item = kh_json_at(items, i);
        const bool taken = request->op.verb == KH_COORD_OWNED ? take_key(request, item)
                                                              : take_stats(request, item);

        if (!taken) {
            return false;
        }
    }
    return true;
}

static void finish_list(struct request *request)
{
    if (request->op.verb == KH_COORD_LIST_STATS) {
        kh_store_stats_malformed_log(request->coord->store, &request->malformed);
    }
    request->answer.stats = request->stats.items;
    request->answer.stats_n = request->stats.n;
    request->answer.keys = request->keys.items;
    request->answer.keys_n = request->keys.n;
    finish_done(request);
}

static void next_page(struct request *request, const struct kh_json *root)
{
    const struct kh_json *after = kh_coord_more(root);

    request->pages++;
    if (after == NULL) {
        finish_list(request);
    } else if (request->pages == PAGES_MAX) {
        (void)kh_fail(&request->err, KH_TOOBIG, "table %s has more than %d pages of items",
                      table_of(request), PAGES_MAX);
        finish_with(request, KH_LEASE_FAILED);
    } else {
        ask_for_page(request, after);
    }
}

/* DynamoDB has one code for whatever is wrong with a request, an index that is not there yet
 * included; only the words tell. */
static void judge_index(struct request *request)
{
    if (request->op.verb != KH_COORD_OWNED || request->err.rc != KH_INVALID) {
        return;
    }
    if (strstr(request->err.text, "does not have the specified index") != NULL) {
        request->err.rc = KH_NOTFOUND;
    } else if (strstr(request->err.text, "backfilling") != NULL) {
        request->err.rc = KH_RETRY;
    }
}

static void got_page(void *arg, struct kh_aws_answer *answer)
{
    struct request *request = arg;
    struct kh_json *root = NULL;

    request->call = NULL;
    if (answer->rc != KH_OK) {
        take_failure(request, answer);
        judge_index(request);
        finish_with(request, KH_LEASE_FAILED);
        return;
    }
    if (parse(request, answer, &root) != KH_OK) {
        finish_unreadable(request);
        return;
    }
    if (!kh_json_is_array(kh_json_get(root, "Items"))) {
        (void)kh_fail(&request->err, KH_RETRY, "it has no Items");
        finish_unreadable(request);
    } else if (!take_page(request, kh_json_get(root, "Items"))) {
        finish_with(request, KH_LEASE_FAILED);
    } else {
        next_page(request, root);
    }
    kh_json_free(root);
}

static void ask_for_page(struct request *request, const struct kh_json *after)
{
    struct kh_aws_request call = {.operation = kh_coord_request_operation(request->op.verb),
                                  .body_bytes_max = PAGE_BYTES_MAX};
    enum kh_rc rc;

    kh_buf_init(&call.body, REQUEST_BYTES_MAX);
    rc = kh_coord_request(&call.body, table_of(request), &request->op, after);
    if (rc != KH_OK) {
        kh_buf_fini(&call.body);
        (void)kh_fail(&request->err, KH_RETRY, "its LastEvaluatedKey is no key");
        finish_unreadable(request);
        return;
    }
    send_call(request, &call, got_page);
}

/* LAYOUT. */

static const char *table_to_look_at(const struct request *request)
{
    switch (request->look) {
    case LOOK_LEASES:
        return request->coord->store->table;
    case LOOK_STATE:
        return request->coord->state_table;
    case LOOK_STATS:
        return request->coord->stats_table;
    case LOOKED:
        break;
    }
    return NULL;
}

static void look(struct request *request);

static enum kh_rc judge_look(struct request *request, const struct kh_json *root)
{
    struct kh_layout *layout = &request->answer.layout;

    switch (request->look) {
    case LOOK_LEASES:
        layout->has_index = kh_lease_table_has_index(root, &layout->index_active);
        return KH_OK;
    case LOOK_STATE:
        return kh_lease_table_exists(root, request->coord->state_table, &layout->legacy_state,
                                     &request->err);
    case LOOK_STATS:
        return kh_lease_table_exists(root, request->coord->stats_table, &layout->legacy_stats,
                                     &request->err);
    case LOOKED:
        break;
    }
    kh_assert(false);
    return KH_OK;
}

static void looked(void *arg, struct kh_aws_answer *answer)
{
    struct request *request = arg;
    struct kh_json *root = NULL;
    enum kh_rc rc = KH_OK;

    request->call = NULL;
    if (answer->rc == KH_OK) {
        rc = parse(request, answer, &root);
        rc = rc != KH_OK ? rc : judge_look(request, root);
        kh_json_free(root);
        if (rc != KH_OK) {
            finish_unreadable(request);
            return;
        }
    } else if (answer->rc != KH_NOTFOUND || request->look == LOOK_LEASES) {
        take_failure(request, answer);
        (void)kh_wrap(&request->err, "describe table %s", table_to_look_at(request));
        finish_with(request, KH_LEASE_FAILED);
        return;
    }
    request->look++;
    look(request);
}

static void look(struct request *request)
{
    const char *table = table_to_look_at(request);

    if (table == NULL && request->look == LOOK_STATE) {
        request->look++;
        table = table_to_look_at(request);
    }
    if (table == NULL) {
        finish_done(request);
        return;
    }
    send_describe(request, table, looked);
}

/* MAKE_INDEX. */

static void index_made(void *arg, struct kh_aws_answer *answer)
{
    struct request *request = arg;

    request->call = NULL;
    if (answer->rc == KH_OK) {
        request->answer.layout.has_index = true;
        finish_done(request);
        return;
    }
    take_failure(request, answer);
    /* One index at a time, or another worker was faster: the next look will show it. */
    if (strcmp(answer->code, "LimitExceededException") == 0) {
        request->err.rc = KH_RETRY;
    }
    finish_with(request, answer->unknown ? KH_LEASE_UNKNOWN : KH_LEASE_FAILED);
}

static void make_index(struct request *request, const struct kh_json *root)
{
    struct kh_aws_request call = {.operation = "UpdateTable",
                                  .attempts_max = 1,
                                  .total_ms_max = request->coord->write_ms_max};
    enum kh_rc rc;

    kh_buf_init(&call.body, REQUEST_BYTES_MAX);
    rc = kh_lease_table_index(&call.body, request->coord->store->table, root);
    kh_assert(rc == KH_OK);
    send_call(request, &call, index_made);
}

static void described_for_index(void *arg, struct kh_aws_answer *answer)
{
    struct request *request = arg;
    struct kh_layout *layout = &request->answer.layout;
    struct kh_json *root = NULL;

    request->call = NULL;
    if (answer->rc != KH_OK) {
        take_failure(request, answer);
        finish_with(request, KH_LEASE_FAILED);
        return;
    }
    if (parse(request, answer, &root) != KH_OK) {
        finish_with(request, KH_LEASE_FAILED); /* nothing was asked for yet */
        return;
    }
    layout->has_index = kh_lease_table_has_index(root, &layout->index_active);
    if (layout->has_index) {
        finish_done(request);
    } else {
        make_index(request, root);
    }
    kh_json_free(root);
}

/* The object. */

static char *copy_name(const char *name)
{
    return name == NULL || name[0] == '\0' ? NULL : kh_mem_copy(name, strlen(name));
}

struct kh_dynamodb_coord *kh_dynamodb_coord_new(struct kh_store *store,
                                                const struct kh_store_config *config)
{
    struct kh_dynamodb_coord *coord = kh_mem_new(1, sizeof(*coord));

    coord->store = store;
    coord->client = config->dynamodb;
    coord->write_ms_max = config->write_ms_max;
    coord->state_table = copy_name(config->state_table);
    coord->stats_table = copy_name(config->stats_table);
    return coord;
}

void kh_dynamodb_coord_free(struct kh_dynamodb_coord *coord)
{
    if (coord == NULL) {
        return;
    }
    while (coord->requests != NULL) {
        struct request *request = coord->requests;

        kh_aws_cancel(request->call);
        request_unlink(request);
        request_free(request);
    }
    kh_mem_free(coord->state_table);
    kh_mem_free(coord->stats_table);
    kh_mem_free(coord);
}

void kh_dynamodb_coord_submit(struct kh_dynamodb_coord *coord, const struct kh_coord_op *op)
{
    struct request *request = kh_mem_new(1, sizeof(*request));

    kh_buf_init(&request->malformed, KH_STORE_MALFORMED_BYTES_MAX);
    request->coord = coord;
    request->op = *op;
    request->next = coord->requests;
    if (request->next != NULL) {
        request->next->prev = request;
    }
    coord->requests = request;
    switch (op->verb) {
    case KH_COORD_LAYOUT:
        look(request);
        break;
    case KH_COORD_MAKE_INDEX:
        send_describe(request, coord->store->table, described_for_index);
        break;
    case KH_COORD_LIST_STATS:
    case KH_COORD_OWNED:
        kh_assert(table_of(request) != NULL);
        ask_for_page(request, NULL);
        break;
    case KH_COORD_GET:
        kh_assert(table_of(request) != NULL);
        send_op(request, op, got_item);
        break;
    case KH_COORD_PUT:
    case KH_COORD_UPDATE:
    case KH_COORD_DELETE:
        kh_assert(table_of(request) != NULL);
        send_op(request, op, wrote);
        break;
    }
}
