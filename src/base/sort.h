/* sort: an array of pointers in an order.
 *
 * Shape   one function; the order is the caller's and must decide between any two items, so that
 *         the same items always end in the same sequence.
 * Units   items.
 * Errors  none.
 * Memory  keeps nothing.
 * Truth   own design, a thin name over qsort.
 */
#ifndef KH_BASE_SORT_H
#define KH_BASE_SORT_H

#include <stddef.h>

/* Below 0, 0 or above 0, as strcmp. */
typedef int kh_sort_order(const void *a, const void *b);

void kh_sort(const void **items, size_t n, kh_sort_order *order);

#endif
