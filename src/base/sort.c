#include "base/sort.h"

#include <stdlib.h>

static int order_of_pointers(const void *a, const void *b, void *order)
{
    kh_sort_order *const *by = order;

    return (*by)(*(const void *const *)a, *(const void *const *)b);
}

void kh_sort(const void **items, size_t n, kh_sort_order *order)
{
    if (n > 1) {
        qsort_r(items, n, sizeof(*items), order_of_pointers, &order);
    }
}
