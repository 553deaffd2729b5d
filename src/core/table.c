#include "core/table.h"

#include "base/assert.h"
#include "base/mem.h"

void kh_table_init(struct kh_table *table)
{
    *table = (struct kh_table){0};
    kh_map_init(&table->rows);
}

void kh_table_fini(struct kh_table *table)
{
    for (size_t i = 0; i < table->rows.n; i++) {
        kh_mem_free(table->rows.entries[i].value);
    }
    kh_map_fini(&table->rows);
}

struct kh_table_row *kh_table_find(const struct kh_table *table, const char *key)
{
    return kh_map_get(&table->rows, kh_str(key));
}

size_t kh_table_n(const struct kh_table *table)
{
    return table->rows.n;
}

struct kh_table_row *kh_table_at(const struct kh_table *table, size_t i)
{
    kh_assert(i < table->rows.n);
    return table->rows.entries[i].value;
}

static void see(struct kh_table *table, const struct kh_lease *lease, kh_ms now_ms)
{
    struct kh_table_row *row = kh_table_find(table, lease->key);

    if (row == NULL) {
        row = kh_mem_new(1, sizeof(*row));
        row->lease = *lease;
        row->changed_at_ms = now_ms;
        kh_map_add(&table->rows, kh_str(row->lease.key), row);
    } else if (row->lease.counter != lease->counter) {
        row->changed_at_ms = now_ms;
    }
    row->lease = *lease;
    row->round = table->round;
}

static void forget_unseen(struct kh_table *table)
{
    size_t i = 0;

    while (i < table->rows.n) {
        struct kh_table_row *row = kh_table_at(table, i);

        if (row->round == table->round || row->taking) {
            i++;
            continue;
        }
        (void)kh_map_remove(&table->rows, kh_str(row->lease.key)); /* the last one moves to i */
        kh_mem_free(row);
    }
}

void kh_table_update(struct kh_table *table, const struct kh_lease *leases, size_t n, kh_ms now_ms)
{
    table->round++;
    for (size_t i = 0; i < n; i++) {
        see(table, &leases[i], now_ms);
    }
    forget_unseen(table);
}

bool kh_table_row_available(const struct kh_table_row *row, kh_ms now_ms, kh_ms failover_ms)
{
    return row->lease.owner[0] == '\0' || now_ms - row->changed_at_ms > failover_ms;
}
