#include "core/table.h"

#include <string.h>

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

/* Whoever had the lease before can be at work no more: nobody had it, its owner's time was up, or
 * it was handed over by the one write that ends a hand-off and counts no switch. More than one
 * write may lie between two looks that are far apart. */
static bool is_clean_change(const struct kh_table_row *row, const struct kh_lease *lease,
                            kh_ms failover_ms, kh_ms now_ms)
{
    const struct kh_lease *old = &row->lease;
    bool one_write = lease->counter == old->counter + 1;

    if (kh_table_row_available(row, now_ms, failover_ms)) {
        return one_write;
    }
    return old->checkpoint_owner[0] != '\0' && strcmp(old->owner, lease->owner) == 0 &&
           (lease->owner_switches == 0 || lease->owner_switches == old->owner_switches) &&
           now_ms - row->seen_at_ms < failover_ms;
}

void kh_table_row_see(struct kh_table_row *row, const struct kh_lease *lease, kh_ms failover_ms,
                      kh_ms now_ms)
{
    bool same_owner = strcmp(row->lease.owner, lease->owner) == 0;
    bool same_pair =
        same_owner && strcmp(row->lease.checkpoint_owner, lease->checkpoint_owner) == 0;

    if (!same_owner || (!same_pair && lease->checkpoint_owner[0] == '\0')) {
        row->free_at_ms =
            is_clean_change(row, lease, failover_ms, now_ms) ? now_ms : now_ms + failover_ms;
    }
    if (!same_owner) {
        row->released_by =
            lease->owner[0] == '\0' && !kh_table_row_available(row, now_ms, failover_ms)
                ? kh_str_hash(kh_str(row->lease.owner))
                : 0;
    }
    if (!same_pair) {
        row->asked_at_ms = now_ms;
    }
    if (row->lease.counter != lease->counter) {
        row->changed_at_ms = now_ms;
    }
    row->reshaped |= kh_lease_is_finished(&row->lease) != kh_lease_is_finished(lease) ||
                     memcmp(&row->lease.range, &lease->range, sizeof(lease->range)) != 0;
    row->lease = *lease;
    row->seen_at_ms = now_ms;
}

/* The first sight of a lease: it may have been stolen. A checkpoint since then shows that the
 * robbed one has stopped. */
static struct kh_table_row *add(struct kh_table *table, const struct kh_lease *lease,
                                kh_ms failover_ms, kh_ms now_ms)
{
    struct kh_table_row *row = kh_mem_new(1, sizeof(*row));

    *row = (struct kh_table_row){
        .lease = *lease,
        .changed_at_ms = now_ms,
        .free_at_ms = lease->owner_switches > 0 ? now_ms + failover_ms : now_ms,
        .asked_at_ms = now_ms - 1, /* nobody says that they are its owners only now */
        .seen_at_ms = now_ms,
        .reshaped = true,
    };
    kh_map_add(&table->rows, kh_str(row->lease.key), row);
    return row;
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
        table->shape++;
        (void)kh_map_remove(&table->rows, kh_str(row->lease.key)); /* the last one moves to i */
        kh_mem_free(row);
    }
}

/* Listings come in the same order again and again. */
static struct kh_table_row *find_from(const struct kh_table *table, size_t i, const char *key)
{
    if (i < table->rows.n && strcmp(kh_table_at(table, i)->lease.key, key) == 0) {
        return kh_table_at(table, i);
    }
    return kh_table_find(table, key);
}

void kh_table_update(struct kh_table *table, const struct kh_lease *leases, size_t n,
                     kh_ms failover_ms, kh_ms now_ms)
{
    table->round++;
    for (size_t i = 0; i < n; i++) {
        struct kh_table_row *row = find_from(table, i, leases[i].key);

        if (row == NULL) {
            row = add(table, &leases[i], failover_ms, now_ms);
        } else {
            kh_table_row_see(row, &leases[i], failover_ms, now_ms);
        }
        row->round = table->round;
        table->shape += row->reshaped;
        row->reshaped = false;
    }
    forget_unseen(table);
}

bool kh_table_row_available(const struct kh_table_row *row, kh_ms now_ms, kh_ms failover_ms)
{
    return row->lease.owner[0] == '\0' || now_ms - row->changed_at_ms > failover_ms;
}

bool kh_table_row_is_overdue(const struct kh_table_row *row, kh_ms now_ms, kh_ms failover_ms,
                             kh_ms hand_off_ms)
{
    return row->lease.checkpoint_owner[0] != '\0' &&
           now_ms - row->asked_at_ms > failover_ms + hand_off_ms;
}
