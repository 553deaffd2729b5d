/* assigning: a small fleet for the tests of policies: leases, workers' reports, and who gets what.
 *
 * Shape   assigning_setup; own and report; assigning_see shows the table; assigning_run asks the
 *         policy; then the wishes are looked at. Leases are named "0", "1", … in the order of own.
 * Units   as in core/assign.h. Reports are taken at wall second 1000, which is now.
 * Errors  none.
 * Memory  one fleet a program.
 * Truth   none.
 */
#ifndef KH_TESTS_LIB_ASSIGNING_H
#define KH_TESTS_LIB_ASSIGNING_H

#include "core/assign.h"

#define ASSIGNING_WALL_S 1000

extern struct kh_ctx assigning_ctx; /* worker id "me", default settings */
extern struct kh_table assigning_table;
extern struct kh_wishes assigning_wishes;

void assigning_setup(void);
void assigning_teardown(void);

/* One more lease; throughput below 0: none is stored. To be changed before it is seen. */
struct kh_lease *assigning_own(const char *owner, double kbps);
struct kh_table_row *assigning_row(const char *key);

/* A report without metrics, just made. */
struct kh_worker_stats *assigning_report(const char *worker_id);
void assigning_metric(struct kh_worker_stats *stats, const char *name, double value, double limit);

void assigning_hold(const char *key); /* this worker works on it */
void assigning_see(kh_ms now_ms);
void assigning_run(kh_assign_policy *policy, bool rebalance, const struct kh_pin *pin,
                   kh_ms seen_at_ms);

/* Who is to get the lease; "" if there is no wish for it. */
const char *assigning_to(const char *key);
/* How many leases worker_id is to get. */
size_t assigning_count(const char *worker_id);

#endif
