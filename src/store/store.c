#include "store/store.h"

#include <string.h>

#include "base/assert.h"
#include "base/log.h"
#include "base/mem.h"
#include "store/drivers.h"

#define FAILURE_LOG_MS KH_SECONDS(10)

static const struct kh_store_driver *const drivers[] = {
    &kh_store_dynamodb,
#ifdef HAVE_SQLITE
    &kh_store_sqlite,
#endif
    &kh_store_memory,
};
enum { DRIVERS_N = sizeof(drivers) / sizeof(drivers[0]) };

static const char *const verb_names[] = {[KH_LEASE_LIST] = "list",
                                         [KH_LEASE_GET] = "get",
                                         [KH_LEASE_CREATE] = "create",
                                         [KH_LEASE_UPDATE] = "update",
                                         [KH_LEASE_DELETE] = "delete"};

static const char *const coord_verb_names[] = {
    [KH_COORD_LAYOUT] = "layout", [KH_COORD_GET] = "get",
    [KH_COORD_PUT] = "put",       [KH_COORD_UPDATE] = "update",
    [KH_COORD_DELETE] = "delete", [KH_COORD_LIST_STATS] = "list_stats",
    [KH_COORD_OWNED] = "owned",   [KH_COORD_MAKE_INDEX] = "make_index"};

enum kh_rc kh_store_open(struct kh_store **store, const struct kh_store_config *config,
                         struct kh_err *err)
{
    struct kh_str scheme;
    struct kh_str rest = {0};

    kh_assert(config->loop != NULL);
    kh_assert(config->answered != NULL);
    (void)kh_str_cut(kh_str(config->where), ':', &scheme, &rest);
    if (config->table == NULL || config->table[0] == '\0') {
        return kh_fail(err, KH_INVALID, "lease store %s: the lease table has no name",
                       config->where);
    }
    for (size_t i = 0; i < DRIVERS_N; i++) {
        if (kh_str_eq(scheme, kh_str(drivers[i]->scheme))) {
            return drivers[i]->open(store, config, rest, err);
        }
    }
#ifndef HAVE_SQLITE
    if (kh_str_eq(scheme, KH_STR("sqlite"))) {
        return kh_fail(err, KH_INVALID, "lease store %s: this kcl-host was built without SQLite",
                       config->where);
    }
#endif
    return kh_fail(err, KH_INVALID,
                   "lease store %s: unknown kind; it can be dynamodb, sqlite:PATH or memory",
                   config->where);
}

void kh_store_ensure(struct kh_store *store, kh_store_ensured *ensured, void *arg)
{
    kh_assert(ensured != NULL);
    store->driver->ensure(store, ensured, arg);
}

bool kh_store_claim(struct kh_store *store, const struct kh_store_claim *claim,
                    kh_store_ensured *claimed, void *arg)
{
    kh_assert(claim->mark[0] != '\0');
    kh_assert(claimed != NULL);
    if (store->driver->claim == NULL) {
        return false;
    }
    kh_mem_free(store->mark);
    store->mark = kh_mem_copy(claim->mark, strlen(claim->mark));
    store->driver->claim(store, claim->adopt, claimed, arg);
    return true;
}

void kh_store_submit(struct kh_store *store, const struct kh_lease_op *op)
{
    kh_assert(kh_lease_op_is_sound(op));
    store->driver->submit(store, op);
}

void kh_store_submit_coord(struct kh_store *store, const struct kh_coord_op *op)
{
    kh_assert(kh_coord_op_is_sound(op));
    kh_assert(store->coord_answered != NULL);
    store->driver->submit_coord(store, op);
}

void kh_store_close(struct kh_store *store)
{
    if (store != NULL) {
        store->driver->close(store);
    }
}

void kh_store_init(struct kh_store *store, const struct kh_store_driver *driver,
                   const struct kh_store_config *config)
{
    *store = (struct kh_store){.driver = driver,
                               .loop = config->loop,
                               .table = kh_mem_copy(config->table, strlen(config->table)),
                               .answered = config->answered,
                               .coord_answered = config->coord_answered,
                               .arg = config->arg};
    kh_buf_init(&store->malformed, KH_STORE_MALFORMED_BYTES_MAX);
    kh_buf_init(&store->stats_malformed, KH_STORE_MALFORMED_BYTES_MAX);
}

void kh_store_fini(struct kh_store *store)
{
    kh_mem_free(store->table);
    kh_mem_free(store->mark);
    kh_buf_fini(&store->malformed);
    kh_buf_fini(&store->stats_malformed);
}

static void log_failure(struct kh_store *store, const char *request, bool unknown,
                        const struct kh_err *err)
{
    const kh_ms now_ms = kh_loop_now_ms(store->loop);

    if (store->failure_logged_at_ms != 0 && now_ms - store->failure_logged_at_ms < FAILURE_LOG_MS) {
        store->failures_unlogged++;
        return;
    }
    kh_log(KH_LOG_WARN, "store.failed", kh_f("table", store->table), kh_f("request", request),
           kh_f("rc", kh_rc_name(err->rc)), kh_f("applied", unknown ? "unknown" : "no"),
           kh_f("why", err->text), kh_fu("more", store->failures_unlogged));
    store->failure_logged_at_ms = now_ms;
    store->failures_unlogged = 0;
}

static bool is_failure(enum kh_lease_outcome outcome, enum kh_rc rc, const struct kh_err *err)
{
    if (outcome != KH_LEASE_FAILED && outcome != KH_LEASE_UNKNOWN) {
        return false;
    }
    kh_assert(rc != KH_OK);
    kh_assert(err != NULL);
    return true;
}

void kh_store_answer(struct kh_store *store, const struct kh_lease_answer *answer,
                     const struct kh_err *err)
{
    if (is_failure(answer->outcome, answer->rc, err)) {
        log_failure(store, verb_names[answer->verb], answer->outcome == KH_LEASE_UNKNOWN, err);
    }
    store->answered(store->arg, answer);
}

void kh_store_answer_coord(struct kh_store *store, const struct kh_coord_answer *answer,
                           const struct kh_err *err)
{
    if (is_failure(answer->outcome, answer->rc, err)) {
        log_failure(store, coord_verb_names[answer->verb], answer->outcome == KH_LEASE_UNKNOWN,
                    err);
    }
    store->coord_answered(store->arg, answer);
}

struct kh_coord_answer kh_store_coord_answer_to(const struct kh_coord_op *op,
                                                enum kh_lease_outcome outcome,
                                                const struct kh_coord_item *item)
{
    struct kh_coord_answer answer = {
        .id = op->id, .verb = op->verb, .kind = op->kind, .outcome = outcome};

    if (item != NULL) {
        answer.found = true;
        answer.item = *item;
    }
    return answer;
}

void kh_store_malformed_add(struct kh_buf *malformed, const struct kh_err *why)
{
    if (kh_buf_appendf(malformed, "%s\n", why->text) != KH_OK) {
        return; /* enough to begin with; answer.malformed_n counts them all */
    }
}

static void log_malformed(const struct kh_store *store, const char *event, struct kh_buf *before,
                          const struct kh_buf *malformed)
{
    struct kh_str rest = kh_buf_str(malformed);
    struct kh_str sentence;
    enum kh_rc rc;

    if (kh_str_eq(rest, kh_buf_str(before))) {
        return;
    }
    while (kh_str_cut(rest, '\n', &sentence, &rest)) {
        kh_log(KH_LOG_ERROR, event, kh_f("table", store->table), kh_fs("why", sentence));
    }
    kh_buf_reset(before);
    rc = kh_buf_append_str(before, kh_buf_str(malformed));
    kh_assert(rc == KH_OK); /* both have the same maximum */
}

void kh_store_malformed_log(struct kh_store *store, const struct kh_buf *malformed)
{
    log_malformed(store, "lease.malformed", &store->malformed, malformed);
}

void kh_store_stats_malformed_log(struct kh_store *store, const struct kh_buf *malformed)
{
    log_malformed(store, "stats.malformed", &store->stats_malformed, malformed);
}

void kh_leases_fini(struct kh_leases *leases)
{
    kh_mem_free(leases->items);
    *leases = (struct kh_leases){0};
}

struct kh_lease *kh_leases_add(struct kh_leases *leases)
{
    if (leases->n == KH_STORE_LEASES_MAX) {
        return NULL;
    }
    if (leases->n == leases->capacity) {
        leases->capacity = kh_mem_grown(leases->capacity, leases->n + 1);
        leases->items = kh_mem_resize(leases->items, leases->capacity, sizeof(*leases->items));
    }
    return &leases->items[leases->n++];
}

void kh_stats_list_fini(struct kh_stats_list *list)
{
    kh_mem_free(list->items);
    *list = (struct kh_stats_list){0};
}

struct kh_worker_stats *kh_stats_list_add(struct kh_stats_list *list)
{
    if (list->n == KH_STORE_STATS_MAX) {
        return NULL;
    }
    if (list->n == list->capacity) {
        list->capacity = kh_mem_grown(list->capacity, list->n + 1);
        list->items = kh_mem_resize(list->items, list->capacity, sizeof(*list->items));
    }
    return &list->items[list->n++];
}

void kh_coord_keys_fini(struct kh_coord_keys *keys)
{
    kh_mem_free(keys->items);
    *keys = (struct kh_coord_keys){0};
}

struct kh_coord_key *kh_coord_keys_add(struct kh_coord_keys *keys)
{
    if (keys->n == KH_STORE_LEASES_MAX) {
        return NULL;
    }
    if (keys->n == keys->capacity) {
        keys->capacity = kh_mem_grown(keys->capacity, keys->n + 1);
        keys->items = kh_mem_resize(keys->items, keys->capacity, sizeof(*keys->items));
    }
    return &keys->items[keys->n++];
}
