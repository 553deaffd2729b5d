/* The rules of KCL 3.x's leader: leases go to whoever is furthest below the average of the fleet,
 * by CPU or whatever a worker reports, by throughput where it reports nothing; then from those far
 * above it. Chosen differences: see fleet_view.h; a receiver that would be filled too far keeps its
 * place for the next, smaller lease (Java loses it for the rest of the run); where nothing but
 * throughput is known and there is none, leases are evened out by count. */
#include <string.h>

#include "base/assert.h"
#include "base/mem.h"
#include "core/fleet_view.h"

#define THROUGHPUT       "T"
#define THROUGHPUT_LIMIT 100.0
#define PERCENT          100.0

/* ---- metrics ---- */

static struct kh_view_metric *metric_of(struct kh_view_worker *worker, const char *name)
{
    for (unsigned i = 0; i < worker->metrics_n; i++) {
        if (strcmp(worker->metrics[i].name, name) == 0) {
            return &worker->metrics[i];
        }
    }
    return NULL;
}

/* Who reports no metric is measured by what it reads. */
static void measure_by_throughput(struct kh_fleet_view *view)
{
    for (size_t i = 0; i < view->workers_n; i++) {
        struct kh_view_worker *worker = &view->workers[i];

        if (worker->metrics_n == 0) {
            worker->metrics_n = 1;
            worker->metrics[0] = (struct kh_view_metric){
                .name = THROUGHPUT,
                .value = view->target_kbps > 0 ? PERCENT * worker->kbps / view->target_kbps : 0,
                .limit = THROUGHPUT_LIMIT};
        }
    }
}

static double fleet_average(struct kh_fleet_view *view, const char *name)
{
    double sum = 0;
    size_t n = 0;

    for (size_t i = 0; i < view->workers_n; i++) {
        const struct kh_view_metric *metric = metric_of(&view->workers[i], name);

        sum += metric == NULL ? 0 : metric->value;
        n += metric != NULL;
    }
    kh_assert(n > 0);
    return sum / (double)n;
}

/* How far below the fleet's average, in parts of its own value, by whichever metric is nearest. */
static double room(const struct kh_view_worker *worker)
{
    double least = 0;

    for (unsigned i = 0; i < worker->metrics_n; i++) {
        const struct kh_view_metric *metric = &worker->metrics[i];
        double part = metric->value == 0 ? 1 : (metric->fleet - metric->value) / metric->value;

        least = i == 0 || part < least ? part : least;
    }
    return least;
}

static void measure(struct kh_fleet_view *view)
{
    measure_by_throughput(view);
    for (size_t i = 0; i < view->workers_n; i++) {
        struct kh_view_worker *worker = &view->workers[i];

        for (unsigned j = 0; j < worker->metrics_n; j++) {
            worker->metrics[j].fleet = fleet_average(view, worker->metrics[j].name);
        }
    }
    for (size_t i = 0; i < view->workers_n; i++) {
        view->workers[i].room = room(&view->workers[i]);
    }
}

/* What a lease adds to a metric of whoever gets it. */
static double added(const struct kh_fleet_view *view, const struct kh_view_metric *metric,
                    const struct kh_view_lease *lease)
{
    size_t share = view->leases_n / view->workers_n;

    return view->target_kbps > 0 ? lease->kbps * metric->fleet / view->target_kbps
                                 : metric->fleet / (double)(share > 0 ? share : 1);
}

/* ---- who gets the next one ---- */

static bool is_before(const struct kh_view_worker *a, const struct kh_view_worker *b)
{
    return a->room > b->room || (a->room == b->room && a->leases_n < b->leases_n);
}

static struct kh_view_worker *head(const struct kh_fleet_view *view)
{
    struct kh_view_worker *first = NULL;

    for (size_t i = 0; i < view->workers_n; i++) {
        struct kh_view_worker *worker = &view->workers[i];

        if (kh_fleet_view_has_room(view, worker) && (first == NULL || is_before(worker, first))) {
            first = worker;
        }
    }
    return first;
}

static void give(struct kh_fleet_view *view, struct kh_view_lease *lease,
                 struct kh_view_worker *worker)
{
    if (!kh_fleet_view_move(view, lease, worker)) {
        return;
    }
    for (unsigned i = 0; i < worker->metrics_n; i++) {
        worker->metrics[i].value += added(view, &worker->metrics[i], lease);
    }
    worker->room = room(worker);
}

static void give_free(struct kh_fleet_view *view)
{
    for (size_t i = 0; i < view->free_n; i++) {
        struct kh_view_worker *worker = head(view);

        if (worker == NULL) {
            return;
        }
        give(view, (struct kh_view_lease *)view->free[i], worker);
    }
}

/* ---- evening out ---- */

/* Whom to take from, and how much. */
struct donors {
    struct kh_view_worker **workers; /* owned */
    double *kbps;                    /* owned; beside workers */
    size_t n;
    double total_kbps;
};

static void donors_init(struct donors *donors, const struct kh_fleet_view *view)
{
    *donors = (struct donors){
        .workers = kh_mem_new(view->workers_n, sizeof(struct kh_view_worker *)),
        .kbps = kh_mem_new(view->workers_n, sizeof(double)),
    };
}

static void donors_fini(struct donors *donors)
{
    kh_mem_free(donors->workers);
    kh_mem_free(donors->kbps);
}

static void add_donor(struct donors *donors, const struct kh_fleet_view *view,
                      struct kh_view_worker *worker, const struct kh_view_metric *metric)
{
    double part = metric->value > 0 ? (metric->value - metric->fleet) / metric->value : 0;
    double kbps = worker->kbps * part * view->self->ctx->config.dampening_percent / PERCENT;
    size_t at = donors->n++;

    /* The largest first. */
    while (at > 0 && donors->kbps[at - 1] < kbps) {
        donors->kbps[at] = donors->kbps[at - 1];
        donors->workers[at] = donors->workers[at - 1];
        at--;
    }
    donors->kbps[at] = kbps;
    donors->workers[at] = worker;
    donors->total_kbps += kbps;
}

/* None, as long as all are near enough to the average and below their limits. */
static void find_donors(struct donors *donors, struct kh_fleet_view *view, const char *name)
{
    const double threshold = view->self->ctx->config.rebalance_percent / PERCENT;
    struct kh_view_worker *most = NULL;
    const struct kh_view_metric *highest = NULL;
    bool uneven = false;

    donors->n = 0;
    donors->total_kbps = 0;
    for (size_t i = 0; i < view->workers_n; i++) {
        struct kh_view_worker *worker = &view->workers[i];
        const struct kh_view_metric *metric = metric_of(worker, name);

        if (metric == NULL) {
            continue;
        }
        const double upper = metric->fleet * (1 + threshold);
        const double lower = metric->fleet * (1 - threshold);

        uneven |= metric->value > upper || metric->value < lower || metric->value > metric->limit;
        if (metric->value >= upper || metric->value > metric->limit) {
            add_donor(donors, view, worker, metric);
        }
        if (highest == NULL || metric->value > highest->value) {
            most = worker;
            highest = metric;
        }
    }
    if (!uneven) {
        donors->n = 0;
        donors->total_kbps = 0;
    } else if (donors->n == 0) {
        add_donor(donors, view, most, highest);
    }
}

static bool is_seen_before(const struct kh_fleet_view *view, size_t worker_at, unsigned metric_at)
{
    const char *name = view->workers[worker_at].metrics[metric_at].name;

    for (size_t i = 0; i < worker_at; i++) {
        if (metric_of(&view->workers[i], name) != NULL) {
            return true;
        }
    }
    return false;
}

/* By the metric which asks for most to be moved. */
static void find_most(struct donors *most, struct kh_fleet_view *view)
{
    struct donors donors;

    donors_init(&donors, view);
    most->total_kbps = -1;
    for (size_t i = 0; i < view->workers_n; i++) {
        for (unsigned j = 0; j < view->workers[i].metrics_n; j++) {
            if (is_seen_before(view, i, j)) {
                continue;
            }
            find_donors(&donors, view, view->workers[i].metrics[j].name);
            if (donors.total_kbps > most->total_kbps) {
                struct donors swap = *most;

                *most = donors;
                donors = swap;
            }
        }
    }
    donors_fini(&donors);
}

static size_t movable_of(const struct kh_fleet_view *view, const struct kh_view_worker *donor,
                         struct kh_view_lease **leases)
{
    size_t n = 0;

    for (size_t i = 0; i < view->leases_n; i++) {
        struct kh_view_lease *lease = &view->leases[i];

        if (lease->worker == donor && !lease->fixed && !lease->free) {
            leases[n++] = lease;
        }
    }
    for (size_t i = n; i > 1; i--) {
        size_t j = (size_t)kh_rand_below(&view->self->ctx->rand, i);
        struct kh_view_lease *last = leases[i - 1];

        leases[i - 1] = leases[j];
        leases[j] = last;
    }
    return n;
}

/* Which of leases[0..n) to take so that kbps is not reached: they come to the front. */
static size_t choose(struct kh_view_lease **leases, size_t n, double kbps, bool overshoot)
{
    size_t chosen_n = 0;
    size_t smallest = 0;

    for (size_t i = 0; i < n; i++) {
        struct kh_view_lease *lease = leases[i];

        if (lease->kbps < leases[smallest]->kbps) {
            smallest = i;
        }
        if (kbps - lease->kbps > 0) {
            kbps -= lease->kbps;
            leases[i] = leases[chosen_n];
            leases[chosen_n++] = lease;
        }
    }
    if (chosen_n == 0 && n > 0 && overshoot) {
        leases[0] = leases[smallest];
        chosen_n = 1;
    }
    return chosen_n;
}

static bool would_be_too_much(const struct kh_fleet_view *view, const struct kh_view_worker *worker,
                              const struct kh_view_lease *lease)
{
    for (unsigned i = 0; i < worker->metrics_n; i++) {
        const struct kh_view_metric *metric = &worker->metrics[i];
        const double value = metric->value + added(view, metric, lease);

        if (value > metric->fleet || value > metric->limit) {
            return true;
        }
    }
    return false;
}

static void take_from(struct kh_fleet_view *view, const struct kh_view_worker *donor, double kbps,
                      struct kh_view_lease **leases)
{
    size_t n = movable_of(view, donor, leases);

    n = donor->kbps == 0 ? (n > 0 ? 1 : 0)
                         : choose(leases, n, kbps, view->self->ctx->config.overshoot);
    for (size_t i = 0; i < n; i++) {
        struct kh_view_worker *worker = head(view);

        if (worker == NULL || would_be_too_much(view, worker, leases[i])) {
            return;
        }
        give(view, leases[i], worker);
    }
}

static void even_out(struct kh_fleet_view *view)
{
    struct kh_view_lease **leases = kh_mem_new(view->leases_n + 1, sizeof(struct kh_view_lease *));
    struct donors donors;

    donors_init(&donors, view);
    find_most(&donors, view);
    for (size_t i = 0; i < donors.n; i++) {
        take_from(view, donors.workers[i], donors.kbps[i], leases);
    }
    donors_fini(&donors);
    kh_mem_free(leases);
}

static bool is_nothing_measured(const struct kh_fleet_view *view)
{
    for (size_t i = 0; i < view->workers_n; i++) {
        if (view->workers[i].stats->metrics_n > 0) {
            return false;
        }
    }
    return view->target_kbps == 0;
}

void kh_assign_utilization(const struct kh_table *table, const struct kh_assign_workers *workers,
                           const struct kh_assign_self *self, struct kh_wishes *wishes)
{
    struct kh_fleet_view view;

    kh_fleet_view_init(&view, table, workers, self, wishes);
    if (view.workers_n > 0) {
        measure(&view);
        give_free(&view);
        if (workers->rebalance && is_nothing_measured(&view)) {
            kh_assign_even_out(&view);
        } else if (workers->rebalance) {
            even_out(&view);
        }
    }
    kh_fleet_view_fini(&view);
}
