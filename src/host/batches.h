/* batches: record batches by the numbers the core knows them by.
 *
 * Shape   a number is given out when a batch comes from the source, and ends with kh_batches_drop.
 * Units   none.
 * Errors  none: a number that is not there is our own mistake (asserted).
 * Memory  owns the batches.
 * Truth   own design: the core never sees records, only how many and up to where.
 */
#ifndef KH_HOST_BATCHES_H
#define KH_HOST_BATCHES_H

#include <stdint.h>

#include "base/map.h"
#include "wire/record.h"

struct kh_batches {
    struct kh_map by_number; /* number as 8 bytes -> struct entry, owned */
    uint64_t last;
};

void kh_batches_init(struct kh_batches *batches);
void kh_batches_fini(struct kh_batches *batches);

/* Takes the batch; returns its number, never 0. */
uint64_t kh_batches_add(struct kh_batches *batches, struct kh_batch *batch);

const struct kh_batch *kh_batches_get(const struct kh_batches *batches, uint64_t number);
void kh_batches_drop(struct kh_batches *batches, uint64_t number);

#endif
