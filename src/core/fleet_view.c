#include "core/fleet_view.h"

#include <string.h>

#include "base/assert.h"
#include "base/mem.h"
#include "base/sort.h"

/* A worker whose reports are older than this many periods is taken for dead. */
#define REPORT_PERIODS_MAX 2
#define FAILED             (-1.0)

/* ---- workers ---- */

double kh_fleet_view_average(const struct kh_metric *metric, double alpha)
{
    double average = 0;
    bool first = true;

    for (unsigned i = 0; i < metric->values_n; i++) {
        const double value = metric->values[i];

        if (value == FAILED) {
            continue;
        }
        average = first ? value : alpha * value + (1 - alpha) * average;
        first = false;
    }
    return average;
}

/* Each metric says where its limit is, and none has failed the last time. */
static bool is_usable(const struct kh_worker_stats *stats)
{
    for (unsigned i = 0; i < stats->metrics_n; i++) {
        const struct kh_metric *metric = &stats->metrics[i];

        if (!metric->has_limit || metric->limit == 0 ||
            (metric->values_n > 0 && metric->values[metric->values_n - 1] == FAILED)) {
            return false;
        }
    }
    return true;
}

static bool is_fresh(const struct kh_worker_stats *stats, const struct kh_assign_workers *workers,
                     const struct kh_worker_config *config)
{
    return (workers->now_wall_s - stats->reported_wall_s) * 1000 <=
           REPORT_PERIODS_MAX * config->report_ms;
}

static void add_worker(struct kh_fleet_view *view, const struct kh_worker_stats *stats)
{
    struct kh_view_worker *worker = &view->workers[view->workers_n++];

    *worker = (struct kh_view_worker){.stats = stats, .metrics_n = stats->metrics_n};
    for (unsigned i = 0; i < stats->metrics_n; i++) {
        const struct kh_metric *metric = &stats->metrics[i];

        worker->metrics[i] = (struct kh_view_metric){
            .name = metric->name,
            .value = kh_fleet_view_average(metric, view->self->ctx->config.metrics_alpha),
            .limit = metric->limit};
    }
    kh_map_add(&view->by_id, kh_str(stats->worker_id), worker);
}

/* A fleet on its way from two tables to one can show a worker twice: then the newest report
 * counts. */
static bool is_newest(const struct kh_assign_workers *workers, size_t at)
{
    const struct kh_worker_stats *stats = &workers->stats[at];

    for (size_t i = 0; i < workers->n; i++) {
        const struct kh_worker_stats *other = &workers->stats[i];
        const int64_t newer_s = other->reported_wall_s - stats->reported_wall_s;

        if (i != at && (newer_s > 0 || (newer_s == 0 && i < at)) &&
            strcmp(other->worker_id, stats->worker_id) == 0) {
            return false;
        }
    }
    return true;
}

static void see_workers(struct kh_fleet_view *view, const struct kh_assign_workers *workers)
{
    view->workers = kh_mem_new(workers->n + 1, sizeof(*view->workers));
    for (size_t i = 0; i < workers->n; i++) {
        const struct kh_worker_stats *stats = &workers->stats[i];

        if (is_fresh(stats, workers, &view->self->ctx->config) && is_usable(stats) &&
            is_newest(workers, i)) {
            add_worker(view, stats);
        }
    }
}

/* ---- leases ---- */

bool kh_fleet_view_is_blocked(const struct kh_table_row *row, const struct kh_worker_config *config,
                              kh_ms now_ms)
{
    return row->lease.checkpoint_owner[0] != '\0' && !kh_lease_is_finished(&row->lease) &&
           !kh_table_row_available(row, now_ms, config->failover_ms) &&
           !kh_table_row_is_overdue(row, now_ms, config->failover_ms, config->hand_over_ms);
}

/* Nobody's, or run out. A worker finds what was assigned to it when it asks next, a Java worker
 * every half of assign_ms, and renews it for the first time after that: until then the lease does
 * not move, and its owner is not dead. */
static bool is_free(const struct kh_table_row *row, const struct kh_worker_config *config,
                    kh_ms now_ms)
{
    bool is_new = row->changed_at_ms <= row->asked_at_ms;
    kh_ms patience_ms =
        is_new ? kh_ms_max(config->failover_ms, config->assign_ms) : config->failover_ms;

    return kh_table_row_available(row, now_ms, patience_ms);
}

static void see_lease(struct kh_fleet_view *view, struct kh_table_row *row, double mean_kbps)
{
    const struct kh_assign_self *self = view->self;
    const struct kh_worker_config *config = &self->ctx->config;
    struct kh_view_lease *lease = &view->leases[view->leases_n++];
    const bool busy = kh_assign_is_busy(self, row);
    const bool blocked = kh_fleet_view_is_blocked(row, config, self->seen_at_ms);
    const char *whose = blocked ? row->lease.owner : kh_lease_actual_owner(&row->lease);

    *lease = (struct kh_view_lease){.row = row,
                                    .kbps = row->lease.has_throughput ? row->lease.throughput_kbps
                                                                      : mean_kbps,
                                    .worker = kh_map_get(&view->by_id, kh_str(whose)),
                                    .free = !busy && is_free(row, config, self->seen_at_ms)};
    lease->fixed = row->taking || blocked ||
                   (lease->free ? strcmp(row->lease.owner, config->worker_id) == 0
                                : kh_lease_is_finished(&row->lease));
    if (lease->worker != NULL) {
        lease->worker->leases_n++;
        lease->worker->working_n += !kh_lease_is_finished(&row->lease);
        lease->worker->kbps += lease->kbps;
    }
    if (lease->free && !lease->fixed) {
        view->free[view->free_n++] = lease;
    }
}

/* Nobody's first, then those that were not renewed for longest. */
static int by_urgency(const void *a, const void *b)
{
    const struct kh_table_row *x = ((const struct kh_view_lease *)a)->row;
    const struct kh_table_row *y = ((const struct kh_view_lease *)b)->row;
    const bool x_owned = x->lease.owner[0] != '\0';
    const bool y_owned = y->lease.owner[0] != '\0';

    if (x_owned != y_owned) {
        return x_owned ? 1 : -1;
    }
    if (x_owned && x->changed_at_ms != y->changed_at_ms) {
        return x->changed_at_ms < y->changed_at_ms ? -1 : 1;
    }
    return strcmp(x->lease.key, y->lease.key);
}

static double mean_of_known(const struct kh_table *table)
{
    double sum = 0;
    size_t known_n = 0;

    for (size_t i = 0; i < kh_table_n(table); i++) {
        const struct kh_lease *lease = &kh_table_at(table, i)->lease;

        if (lease->has_throughput) {
            sum += lease->throughput_kbps;
            known_n++;
        }
    }
    return known_n == 0 ? 0 : sum / (double)known_n;
}

void kh_fleet_view_init(struct kh_fleet_view *view, const struct kh_table *table,
                        const struct kh_assign_workers *workers, const struct kh_assign_self *self,
                        struct kh_wishes *wishes)
{
    const size_t n = kh_table_n(table);
    const double mean_kbps = mean_of_known(table);

    *view = (struct kh_fleet_view){.self = self, .wishes = wishes};
    kh_map_init(&view->by_id);
    see_workers(view, workers);
    view->leases = kh_mem_new(n + 1, sizeof(*view->leases));
    view->free = kh_mem_new(n + 1, sizeof(*view->free));
    for (size_t i = 0; i < n; i++) {
        see_lease(view, kh_table_at(table, i), mean_kbps);
    }
    kh_sort(view->free, view->free_n, by_urgency);
    view->target_kbps =
        mean_kbps * (double)n / (double)(view->workers_n == 0 ? 1 : view->workers_n);
}

void kh_fleet_view_fini(struct kh_fleet_view *view)
{
    kh_map_fini(&view->by_id);
    kh_mem_free(view->workers);
    kh_mem_free(view->leases);
    kh_mem_free(view->free);
}

/* ---- moves ---- */

bool kh_fleet_view_has_room(const struct kh_fleet_view *view, const struct kh_view_worker *worker)
{
    const struct kh_worker_config *config = &view->self->ctx->config;

    return worker->kbps <= config->host_kbps_max && worker->working_n < config->leases_max;
}

bool kh_fleet_view_move(struct kh_fleet_view *view, struct kh_view_lease *lease,
                        struct kh_view_worker *worker)
{
    const struct kh_lease *row = &lease->row->lease;
    const size_t working = kh_lease_is_finished(row) ? 0 : 1;

    kh_assert(!lease->fixed);
    kh_assert(worker != NULL);
    if (lease->worker == worker && !(lease->free && row->checkpoint_owner[0] != '\0')) {
        return false;
    }
    if (lease->worker != NULL) {
        lease->worker->leases_n--;
        lease->worker->working_n -= working;
        lease->worker->kbps -= lease->kbps;
    }
    worker->leases_n++;
    worker->working_n += working;
    worker->kbps += lease->kbps;
    lease->worker = worker;
    lease->fixed = true;
    kh_wishes_add(
        view->wishes,
        (struct kh_wish){.row = lease->row, .to = worker->stats->worker_id, .steal = !lease->free});
    return true;
}
