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
    struct kh_map rows; /* key -> struct kh_lease, owned */
};

struct request {
    struct request *next;
    struct kh_lease_op op;
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

static void memory_submit(struct kh_store *store, const struct kh_lease_op *op)
{
    struct memory *memory = (struct memory *)store;
    struct request *request = kh_mem_new(1, sizeof(*request));

    kh_assert(memory->ready);
    request->op = *op;
    if (memory->first == NULL) {
        memory->first = request;
    } else {
        memory->last->next = request;
    }
    memory->last = request;
    kh_watch_at(memory->soon, 0);
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
                                                .close = memory_close};
