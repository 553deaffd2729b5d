/* Nothing is taken: leases come from whoever writes our id into the table. */
#include "core/assign.h"

void kh_assign_none(const struct kh_table *table, const struct kh_assign_workers *workers,
                    const struct kh_assign_self *self, struct kh_wishes *wishes)
{
    (void)table;
    (void)workers;
    (void)self;
    (void)wishes;
}
