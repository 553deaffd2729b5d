/* Which leases a worker has is written down: by their name, or by where in the hash space they
 * begin. What matches is taken when it is free, and never stolen. */
#include "core/assign.h"

/* Exact for every share: the product is taken in two halves of 64 bits. */
static bool is_in_share(const struct kh_lease *lease, const struct kh_pin *pin)
{
    unsigned __int128 start = 0; /* not known: then the first share takes it, so that one does */
    unsigned __int128 low;
    unsigned __int128 share;

    if (!kh_hash_key_parse(kh_str(lease->range.start), &start)) {
        start = 0;
    }
    low = (unsigned __int128)(uint64_t)start * pin->of_n >> 64;
    share = ((start >> 64) * pin->of_n + low) >> 64;
    return share == pin->share - 1;
}

static bool matches(const struct kh_lease *lease, const struct kh_pin *pin)
{
    return pin->share > 0 ? is_in_share(lease, pin) : kh_pattern_matches(&pin->pattern, lease->key);
}

void kh_assign_pinned(const struct kh_table *table, const struct kh_assign_workers *workers,
                      const struct kh_assign_self *self, struct kh_wishes *wishes)
{
    const struct kh_worker_config *config = &self->ctx->config;
    size_t working_n = 0;

    (void)workers;
    for (size_t i = 0; i < kh_table_n(table); i++) {
        const struct kh_table_row *row = kh_table_at(table, i);

        working_n += kh_assign_is_busy(self, row) && !kh_lease_is_finished(&row->lease);
    }
    for (size_t i = 0; i < kh_table_n(table) && working_n < config->leases_max; i++) {
        struct kh_table_row *row = kh_table_at(table, i);

        if (!kh_assign_is_ours(self, row) && !kh_assign_is_shunned(self, row) &&
            matches(&row->lease, self->pin) &&
            kh_table_row_available(row, self->seen_at_ms, config->failover_ms)) {
            kh_wishes_add(wishes, (struct kh_wish){.row = row, .to = config->worker_id});
            working_n += !kh_lease_is_finished(&row->lease);
        }
    }
}
