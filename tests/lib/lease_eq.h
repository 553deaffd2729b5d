/* lease_eq: two lease rows compared attribute by attribute.
 *
 * Shape   fails the running Check test at the first attribute that differs, and names it.
 * Units   none.
 * Errors  none returned.
 * Memory  borrows both.
 * Truth   core/lease.h: sets (parents, children) are equal in any order.
 */
#ifndef KH_TESTS_LIB_LEASE_EQ_H
#define KH_TESTS_LIB_LEASE_EQ_H

#include "core/lease.h"

void test_lease_eq(const struct kh_lease *got, const struct kh_lease *want);

#endif
