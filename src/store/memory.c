/* The table lives as long as any store of this process has it open: what tests want, and nothing
 * that outlives a worker. Two stores with the same table name see the same rows. */
#include "store/store.h"

#include <string.h>

#include "base/assert.h"
#include "base/map.h"
#include "base/mem.h"
#include "store/drivers.h"

struct table {
    struct table *next;
    char *name;      /* owned */
    unsigned stores; /* that have it open */
    bool created;
    struct kh_map rows;       /* key -> struct kh_lease, owned */
    struct coord_item *items; /* owned */
    bool has_index;
};

struct coord_item {
    struct coord_item *next;
    char key[KH_WORKER_ID_MAX + 1]; /* STATS: the worker's id */
    struct kh_coord_item item;
};

struct request {
    struct request *next;
    bool is_coord;
    struct kh_lease_op op;
    struct kh_coord_op coord;
};

struct memory {
    struct kh_store store; /* must be first */
    struct table *table;
    bool create_if_missing;
    struct kh_watch *soon;     /* owned: answers never come from inside a call */
    kh_store_ensured *ensured; /* NULL unless asked */
    void *ensured_arg;
    bool ready;
    struct request *first; /* owned, oldest first */
    struct request *last;
};

/* One thread has all stores: see loop.h. */
static struct table *tables;

static struct table *open_table(const char *name)
{
    struct table *table = tables;

    while (table != NULL && strcmp(table->name, name) != 0) {
        table = table->next;
    }
    if (table == NULL) {
        table = kh_mem_new(1, sizeof(*table));
        table->name = kh_mem_copy(name, strlen(name));
        kh_map_init(&table->rows);
        table->next = tables;
        tables = table;
    }
    table->stores++;
    return table;
}

static void close_table(struct table *table)
{
    struct table **link = &tables;

    if (--table->stores > 0) {
        return;
    }
    while (*link != table) {
        link = &(*link)->next;
    }
    *link = table->next;
    for (size_t i = 0; i < table->rows.n; i++) {
        kh_mem_free(table->rows.entries[i].value);
    }
    kh_map_fini(&table->rows);
    while (table->items != NULL) {
        struct coord_item *item = table->items;

        table->items = item->next;
        kh_mem_free(item);
    }
    kh_mem_free(table->name);
    kh_mem_free(table);
}

static void answer_list(struct memory *memory, const struct kh_lease_op *op)
{
    const struct kh_map *rows = &memory->table->rows;
    struct kh_lease_answer answer = {.id = op->id, .verb = KH_LEASE_LIST, .outcome = KH_LEASE_DONE};
    struct kh_leases leases = {0};
    struct kh_err err = {0};

    for (size_t i = 0; i < rows->n && answer.outcome == KH_LEASE_DONE; i++) {
        struct kh_lease *lease = kh_leases_add(&leases);

        if (lease == NULL) {
            answer.outcome = KH_LEASE_FAILED;
            answer.rc =
                kh_fail(&err, KH_TOOBIG, "memory: more than %d leases", KH_STORE_LEASES_MAX);
        } else {
            *lease = *(const struct kh_lease *)rows->entries[i].value;
        }
    }
    answer.leases = leases.items;
    answer.leases_n = answer.outcome == KH_LEASE_DONE ? leases.n : 0;
    kh_store_answer(&memory->store, &answer, &err);
    kh_leases_fini(&leases);
}

static void answer_one(struct memory *memory, const struct kh_lease_op *op)
{
    struct kh_map *rows = &memory->table->rows;
    struct kh_lease *stored = kh_map_get(rows, kh_str(op->key));
    bool exists = stored != NULL;
    struct kh_lease row = {0};
    struct kh_lease_answer answer;

    if (exists) {
        row = *stored;
    }
    kh_lease_op_answer(op, &exists, &row, &answer);
    if (!exists && stored != NULL) {
        (void)kh_map_remove(rows, kh_str(op->key));
        kh_mem_free(stored);
    } else if (exists && stored == NULL) {
        stored = kh_mem_new(1, sizeof(*stored));
        *stored = row;
        kh_map_add(rows, kh_str(stored->key), stored);
    } else if (exists) {
        *stored = row;
    }
    kh_store_answer(&memory->store, &answer, NULL);
}

/* What the fleet stores beside its leases. All of it is in the lease table: the tables of KCL 3.0
 * to 3.4 never exist here. The index is never behind. */

static bool is_same(const struct coord_item *item, const struct kh_coord_op *op)
{
    return item->item.kind == op->kind &&
           (op->kind != KH_COORD_STATS || strcmp(item->key, op->key) == 0);
}

static struct coord_item **find_item(struct memory *memory, const struct kh_coord_op *op)
{
    struct coord_item **link = &memory->table->items;

    while (*link != NULL && !is_same(*link, op)) {
        link = &(*link)->next;
    }
    return link;
}

static void answer_write(struct memory *memory, const struct kh_coord_op *op)
{
    struct coord_item **link = find_item(memory, op);
    struct coord_item *stored = *link;
    bool exists = stored != NULL;
    struct kh_coord_item item = {0};
    struct kh_coord_answer answer;
    enum kh_lease_outcome outcome;

    if (exists) {
        item = stored->item;
    }
    outcome = kh_coord_op_apply(op, &exists, &item);
    answer = kh_store_coord_answer_to(op, outcome, exists ? &item : NULL);
    if (!exists && stored != NULL) {
        *link = stored->next;
        kh_mem_free(stored);
    } else if (exists && stored == NULL) {
        *link = kh_mem_new(1, sizeof(**link));
        (*link)->item = item;
        memcpy((*link)->key, op->key, sizeof(op->key));
    } else if (exists) {
        stored->item = item;
    }
    kh_store_answer_coord(&memory->store, &answer, NULL);
}

static void answer_list_stats(struct memory *memory, const struct kh_coord_op *op)
{
    struct kh_coord_answer answer = kh_store_coord_answer_to(op, KH_LEASE_DONE, NULL);
    struct kh_stats_list list = {0};

    for (const struct coord_item *item = memory->table->items; item != NULL; item = item->next) {
        struct kh_worker_stats *stats =
            item->item.kind == KH_COORD_STATS ? kh_stats_list_add(&list) : NULL;

        if (stats != NULL) {
            *stats = item->item.stats;
        }
    }
    answer.stats = list.items;
    answer.stats_n = list.n;
    kh_store_answer_coord(&memory->store, &answer, NULL);
    kh_stats_list_fini(&list);
}

static void answer_owned(struct memory *memory, const struct kh_coord_op *op)
{
    const struct kh_map *rows = &memory->table->rows;
    struct kh_coord_answer answer = kh_store_coord_answer_to(op, KH_LEASE_DONE, NULL);
    struct kh_coord_keys keys = {0};

    for (size_t i = 0; i < rows->n; i++) {
        const struct kh_lease *lease = rows->entries[i].value;
        struct kh_coord_key *key =
            strcmp(lease->owner, op->key) == 0 ? kh_coord_keys_add(&keys) : NULL;

        if (key != NULL) {
            memcpy(key->key, lease->key, sizeof(lease->key));
        }
    }
    answer.keys = keys.items;
    answer.keys_n = keys.n;
    kh_store_answer_coord(&memory->store, &answer, NULL);
    kh_coord_keys_fini(&keys);
}

static void refuse_coord(struct memory *memory, const struct kh_coord_op *op, const char *what)
{
    struct kh_coord_answer answer = kh_store_coord_answer_to(op, KH_LEASE_FAILED, NULL);
    struct kh_err err;

    answer.rc =
        kh_fail(&err, KH_NOTFOUND, "memory: lease table %s has no %s", memory->store.table, what);
    kh_store_answer_coord(&memory->store, &answer, &err);
}

static void answer_item(struct memory *memory, const struct kh_coord_op *op)
{
    if (op->place == KH_COORD_LEGACY_TABLE) {
        refuse_coord(memory, op, "tables of KCL 3.0 to 3.4 beside it");
    } else if (op->verb == KH_COORD_LIST_STATS) {
        answer_list_stats(memory, op);
    } else if (op->verb == KH_COORD_GET) {
        const struct coord_item *found = *find_item(memory, op);
        const struct kh_coord_answer answer =
            kh_store_coord_answer_to(op, KH_LEASE_DONE, found != NULL ? &found->item : NULL);

        kh_store_answer_coord(&memory->store, &answer, NULL);
    } else {
        answer_write(memory, op);
    }
}

static void answer_index(struct memory *memory, const struct kh_coord_op *op)
{
    struct kh_coord_answer answer = kh_store_coord_answer_to(op, KH_LEASE_DONE, NULL);

    if (op->verb == KH_COORD_MAKE_INDEX) {
        memory->table->has_index = true;
    }
    answer.layout.has_index = memory->table->has_index;
    answer.layout.index_active = memory->table->has_index;
    kh_store_answer_coord(&memory->store, &answer, NULL);
}

static void answer_coord(struct memory *memory, const struct kh_coord_op *op)
{
    switch (op->verb) {
    case KH_COORD_LAYOUT:
    case KH_COORD_MAKE_INDEX:
        answer_index(memory, op);
        break;
    case KH_COORD_OWNED:
        if (memory->table->has_index) {
            answer_owned(memory, op);
        } else {
            refuse_coord(memory, op, "index of owners");
        }
        break;
    case KH_COORD_LIST_STATS:
    case KH_COORD_GET:
    case KH_COORD_PUT:
    case KH_COORD_UPDATE:
    case KH_COORD_DELETE:
        answer_item(memory, op);
        break;
    }
}

static void answer_ensure(struct memory *memory)
{
    kh_store_ensured *ensured = memory->ensured;
    struct kh_err err = {0};

    memory->ensured = NULL;
    if (!memory->table->created && !memory->create_if_missing) {
        (void)kh_fail(&err, KH_NOTFOUND, "lease table %s does not exist in memory",
                      memory->store.table);
    } else {
        memory->table->created = true;
        memory->ready = true;
    }
    ensured(memory->ensured_arg, &err);
}

/* One answer a turn: the store may be closed in any of them. */
static void answer_next(void *arg)
{
    struct memory *memory = arg;
    struct request *request = memory->first;

    if (request != NULL) {
        memory->first = request->next;
    }
    if (memory->first != NULL) {
        kh_watch_at(memory->soon, 0);
    }
    if (request == NULL) {
        kh_assert(memory->ensured != NULL);
        answer_ensure(memory);
    } else if (request->is_coord) {
        answer_coord(memory, &request->coord);
    } else if (request->op.verb == KH_LEASE_LIST) {
        answer_list(memory, &request->op);
    } else {
        answer_one(memory, &request->op);
    }
    kh_mem_free(request);
}

static enum kh_rc memory_open(struct kh_store **store, const struct kh_store_config *config,
                              struct kh_str rest, struct kh_err *err)
{
    struct memory *memory;

    if (rest.n > 0) {
        return kh_fail(err, KH_INVALID, "lease store %s: nothing can follow \"memory\"",
                       config->where);
    }
    memory = kh_mem_new(1, sizeof(*memory));
    kh_store_init(&memory->store, &kh_store_memory, config);
    memory->create_if_missing = config->create_if_missing;
    memory->table = open_table(config->table);
    memory->soon = kh_loop_timer(config->loop, answer_next, memory);
    *store = &memory->store;
    return KH_OK;
}

static void memory_ensure(struct kh_store *store, kh_store_ensured *ensured, void *arg)
{
    struct memory *memory = (struct memory *)store;

    kh_assert(memory->ensured == NULL);
    kh_assert(!memory->ready);
    memory->ensured = ensured;
    memory->ensured_arg = arg;
    kh_watch_at(memory->soon, 0);
}

static void enqueue(struct memory *memory, struct request *request)
{
    kh_assert(memory->ready);
    if (memory->first == NULL) {
        memory->first = request;
    } else {
        memory->last->next = request;
    }
    memory->last = request;
    kh_watch_at(memory->soon, 0);
}

static void memory_submit(struct kh_store *store, const struct kh_lease_op *op)
{
    struct request *request = kh_mem_new(1, sizeof(*request));

    request->op = *op;
    enqueue((struct memory *)store, request);
}

static void memory_submit_coord(struct kh_store *store, const struct kh_coord_op *op)
{
    struct request *request = kh_mem_new(1, sizeof(*request));

    request->is_coord = true;
    request->coord = *op;
    enqueue((struct memory *)store, request);
}

static void memory_close(struct kh_store *store)
{
    struct memory *memory = (struct memory *)store;

    while (memory->first != NULL) {
        struct request *request = memory->first;

        memory->first = request->next;
        kh_mem_free(request);
    }
    kh_watch_free(memory->soon);
    close_table(memory->table);
    kh_store_fini(store);
    kh_mem_free(memory);
}

const struct kh_store_driver kh_store_memory = {.scheme = "memory",
                                                .open = memory_open,
                                                .ensure = memory_ensure,
                                                .submit = memory_submit,
                                                .submit_coord = memory_submit_coord,
                                                .close = memory_close};
