/* shuffle: which worker leads where there is no lock: everybody works out the same one.
 *
 * Shape   pure functions of the table: distinct lease owners, sorted, shuffled with a fixed seed;
 *         the first of them leads.
 * Units   none.
 * Errors  none.
 * Memory  scratch memory only.
 * Truth   KCL DeterministicShuffleShardSyncLeaderDecider: Java's String order (UTF-16 units; worker
 *         ids are UTF-8 here), Collections.shuffle, Random(1947). Chosen difference: it is worked
 *         out from the newest look at the table, not every 300 s.
 */
#ifndef KH_CORE_SHUFFLE_H
#define KH_CORE_SHUFFLE_H

#include <stdbool.h>
#include <stddef.h>

#include "core/table.h"

/* Which element of a sorted list of n comes first after the shuffle; n > 0 (asserted). */
size_t kh_shuffle_first(size_t n);

/* As Java's String.compareTo on the same text. */
int kh_shuffle_order(const char *a, const char *b);

/* The leader among ids, which may name one twice; sorts them. NULL if there is none. */
const char *kh_shuffle_leader(const char **ids, size_t n);

/* Whether this worker leads. With no lease owned everybody does. */
bool kh_shuffle_leads(const struct kh_table *table, const char *worker_id);

#endif
