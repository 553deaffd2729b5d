#include "core/assign.h"

#include "base/mem.h"

void kh_wishes_init(struct kh_wishes *wishes)
{
    *wishes = (struct kh_wishes){0};
}

void kh_wishes_fini(struct kh_wishes *wishes)
{
    kh_mem_free(wishes->items);
    *wishes = (struct kh_wishes){0};
}

void kh_wishes_add(struct kh_wishes *wishes, struct kh_wish wish)
{
    if (wishes->n == wishes->capacity) {
        wishes->capacity = kh_mem_grown(wishes->capacity, wishes->n + 1);
        wishes->items = kh_mem_resize(wishes->items, wishes->capacity, sizeof(*wishes->items));
    }
    wishes->items[wishes->n++] = wish;
}
