/* The rules of KCL 3.x's LEASE_COUNT_BASED leader: what is free goes to whoever has least, then
 * leases move from who has most to who has least. Chosen difference: that goes on until no two
 * workers differ by more than one lease; Java only takes from those above the rounded-up share. */
#include <string.h>

#include "core/fleet_view.h"

/* Java: the rounded-up share is as far as a worker is filled. With least first nobody gets there
 * before everybody else is as full, so only the maxima of the settings are left to look at. */
static struct kh_view_worker *least(const struct kh_fleet_view *view)
{
    struct kh_view_worker *found = NULL;

    for (size_t i = 0; i < view->workers_n; i++) {
        struct kh_view_worker *worker = &view->workers[i];

        if (kh_fleet_view_has_room(view, worker) &&
            (found == NULL || worker->leases_n < found->leases_n)) {
            found = worker;
        }
    }
    return found;
}

static void give_free(struct kh_fleet_view *view)
{
    for (size_t i = 0; i < view->free_n; i++) {
        struct kh_view_worker *worker = least(view);

        if (worker == NULL) {
            return;
        }
        (void)kh_fleet_view_move(view, (struct kh_view_lease *)view->free[i], worker);
    }
}

/* The lease to take next: of whoever has most among those that have one that may move. */
static struct kh_view_lease *of_most(const struct kh_fleet_view *view)
{
    struct kh_view_lease *found = NULL;

    for (size_t i = 0; i < view->leases_n; i++) {
        struct kh_view_lease *lease = &view->leases[i];

        if (lease->worker != NULL && !lease->fixed && !lease->free &&
            (found == NULL || lease->worker->leases_n > found->worker->leases_n)) {
            found = lease;
        }
    }
    return found;
}

void kh_assign_even_out(struct kh_fleet_view *view)
{
    for (size_t i = 0; i < view->leases_n; i++) {
        struct kh_view_worker *worker = least(view);
        struct kh_view_lease *lease = of_most(view);

        if (worker == NULL || lease == NULL || lease->worker->leases_n < worker->leases_n + 2) {
            return;
        }
        (void)kh_fleet_view_move(view, lease, worker);
    }
}

void kh_assign_counted(const struct kh_table *table, const struct kh_assign_workers *workers,
                       const struct kh_assign_self *self, struct kh_wishes *wishes)
{
    struct kh_fleet_view view;

    kh_fleet_view_init(&view, table, workers, self, wishes);
    give_free(&view);
    if (workers->rebalance) {
        kh_assign_even_out(&view);
    }
    kh_fleet_view_fini(&view);
}
