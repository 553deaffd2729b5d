/* scale: what a fleet costs and how fast it comes to rest, in virtual time.
 *
 *     tests/sim/scale [WORKERSxLEASES…]          200x10000; without arguments 4x32 and 40x1000
 *
 * For each size: requests and units a minute in a steady fleet, the time to balance from an empty
 * table, after a tenth of the workers is killed, after as many new ones join, and after a tenth is
 * asked to stop; beside them what leases.md says that Java's workers do in the same fleet. Judged,
 * with status 1: no lease may stay without a living owner, the fleet must come to rest within a
 * bound, in a steady fleet no lease changes hands, and no renewal comes later than after half of
 * failoverTimeMillis. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "scale_fleet.h"

#define SEED            1
#define START_SPREAD_MS KH_SECONDS(2)
#define REST_MS         KH_SECONDS(60) /* from the first balance to the judged minutes */
#define STEADY_MIN      5
#define BALANCE_MS_MAX  KH_MINUTES(10)
/* To judge: from a kill to a living owner for everything. */
#define LOSS_ROUNDS_MAX 5

/* Java's timers, leases.md 3.1, 4, 5; all with default settings. */
#define JAVA_RENEW_S     3.308
#define JAVA_TAKE_S      20.05
#define JAVA_DISCOVER_S  9.975
#define JAVA_ASSIGN_S    20.0
#define JAVA_REPORT_S    30.0
#define JAVA_LOCK_S      30.0
#define JAVA_INDEX_BYTES 100 /* of an entry of the index: two keys */

struct result {
    struct fleet_bill steady; /* of STEADY_MIN minutes */
    kh_ms empty_ms;
    kh_ms killed_ms;
    kh_ms joined_ms;
    kh_ms stopped_ms;
    uint64_t empty_writes; /* until balanced from an empty table */
    uint64_t changes;      /* of owners in the steady minutes */
    kh_ms latest_renewal_ms;
    kh_ms longest_rest_ms;
    double cpu_percent; /* of one core, a worker, in the steady minutes: core and model */
};

static unsigned failures_n;

static void judge(bool holds, const char *what)
{
    if (!holds) {
        (void)printf("FAIL: %s\n", what);
        failures_n++;
    }
}

static kh_ms until_balanced(struct fleet *fleet, const char *after)
{
    kh_ms from_ms = fleet->now_ms;
    char what[128];

    (void)snprintf(what, sizeof(what), "%s: not balanced within %lld s", after,
                   (long long)BALANCE_MS_MAX / 1000);
    judge(fleet_run_until(fleet, fleet_is_balanced, BALANCE_MS_MAX), what);
    return fleet->now_ms - from_ms;
}

/* Some time after it came to rest it must still be at rest, and everything be worked on. */
static void rest(struct fleet *fleet, const char *after)
{
    char what[128];

    fleet_run_for(fleet, REST_MS);
    (void)snprintf(what, sizeof(what), "%s: balance was lost again", after);
    judge(fleet_is_balanced(fleet), what);
    (void)snprintf(what, sizeof(what), "%s: %u of %u leases are processed", after,
                   fleet_processed_n(fleet), fleet->leases_n);
    judge(fleet_processed_n(fleet) == fleet->leases_n, what);
}

static void measure_steady(struct fleet *fleet, struct result *result)
{
    struct fleet_bill before = fleet->bill;
    uint64_t changes = fleet->owner_changes;
    clock_t from = clock();
    const struct fleet_bill *now = &fleet->bill;

    fleet_run_for(fleet, KH_MINUTES(STEADY_MIN));
    result->steady = (struct fleet_bill){
        .scans = now->scans - before.scans,
        .scan_pages = now->scan_pages - before.scan_pages,
        .gets = now->gets - before.gets,
        .creates = now->creates - before.creates,
        .updates = now->updates - before.updates,
        .conflicts = now->conflicts - before.conflicts,
        .other = now->other - before.other,
        .read_halves = now->read_halves - before.read_halves,
        .write_units = now->write_units - before.write_units,
    };
    result->changes = fleet->owner_changes - changes;
    result->cpu_percent = (double)(clock() - from) / CLOCKS_PER_SEC * 100 / (STEADY_MIN * 60.0) /
                          fleet_alive_n(fleet);
    judge(result->changes == 0, "owners change in a steady fleet");
}

static void play(struct fleet *fleet, uint32_t workers_n, struct result *result)
{
    uint32_t tenth = workers_n >= 10 ? workers_n / 10 : 1;
    kh_ms round_ms;

    for (uint32_t w = 0; w < workers_n; w++) {
        fleet_start(fleet, kh_rand_between(&fleet->rand, 0, START_SPREAD_MS));
    }
    result->empty_ms = until_balanced(fleet, "an empty table");
    result->empty_writes = fleet->bill.write_units;
    rest(fleet, "an empty table");
    measure_steady(fleet, result);

    for (uint32_t w = 0; w < tenth; w++) {
        fleet_kill(fleet, w);
    }
    result->killed_ms = until_balanced(fleet, "a tenth killed");
    round_ms = 2 * fleet->failover_ms; /* no worker looks less often than a Java worker */
    judge(result->killed_ms <= LOSS_ROUNDS_MAX * round_ms, "a tenth killed: that took too long");
    rest(fleet, "a tenth killed");

    for (uint32_t w = 0; w < tenth; w++) {
        fleet_start(fleet, kh_rand_between(&fleet->rand, 0, START_SPREAD_MS));
    }
    fleet_run_for(fleet, START_SPREAD_MS);
    result->joined_ms = until_balanced(fleet, "a tenth joined") + START_SPREAD_MS;
    rest(fleet, "a tenth joined");

    for (uint32_t w = 0; w < tenth; w++) {
        fleet_stop(fleet, tenth + w);
    }
    result->stopped_ms = until_balanced(fleet, "a tenth stopped");
    rest(fleet, "a tenth stopped");
    result->latest_renewal_ms = fleet->latest_renewal_ms;
    result->longest_rest_ms = fleet->longest_rest_ms;
    judge(result->latest_renewal_ms * 2 <= fleet->failover_ms,
          "a lease was renewed later than after half of failoverTimeMillis");
}

/* ---- telling ---- */

struct row {
    const char *what;
    double ours;
    double java_2;
    double java_3;
};

static double ceil_of(double value)
{
    double whole = (double)(uint64_t)value;

    return whole < value ? whole + 1 : whole;
}

static double scan_units(double bytes)
{
    return ceil_of(bytes / 4096) / 2;
}

static double scan_pages(double bytes)
{
    return (double)((uint64_t)(bytes / (1 << 20)) + 1);
}

static void print_rows(const struct row *rows, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        (void)printf("  %-34s %12.0f %12.0f %12.0f\n", rows[i].what, rows[i].ours, rows[i].java_2,
                     rows[i].java_3);
    }
}

/* The formulas: 2.x scans the table in each worker; 3.x scans it in the leader alone, asks the
 * index for each worker, reports each worker's metrics, and asks for the lock. */
static void tell_minute(const struct result *result, double workers, double leases)
{
    const struct fleet_bill *bill = &result->steady;
    double bytes = leases * FLEET_ITEM_BYTES;
    double renewals = leases * 60 / JAVA_RENEW_S;
    double takes = workers * 60 / JAVA_TAKE_S;
    double assigns = 60 / JAVA_ASSIGN_S;
    double queries = workers * 60 / JAVA_DISCOVER_S;
    double reports = workers * 60 / JAVA_REPORT_S;
    double locks = workers * 60 / JAVA_LOCK_S;
    double index_bytes = leases / workers * JAVA_INDEX_BYTES;
    struct row rows[] = {
        {"looks at the whole table", (double)bill->scans / STEADY_MIN, takes, assigns},
        {"read requests", (double)(bill->scan_pages + bill->gets + bill->other) / STEADY_MIN,
         takes * scan_pages(bytes),
         assigns * scan_pages(bytes + workers * FLEET_ITEM_BYTES) + queries + locks},
        {"read units", (double)bill->read_halves / 2 / STEADY_MIN, takes * scan_units(bytes),
         assigns * scan_units(bytes + workers * FLEET_ITEM_BYTES) +
             queries * scan_units(index_bytes) + locks},
        {"write requests", (double)(bill->creates + bill->updates) / STEADY_MIN, renewals,
         renewals + reports + 60 / JAVA_LOCK_S},
        {"write units", (double)bill->write_units / STEADY_MIN, renewals,
         renewals + reports + 60 / JAVA_LOCK_S},
    };

    (void)printf("  %-34s %12s %12s %12s\n", "a minute, steady, whole fleet", "kcl-host",
                 "Java 2.x", "Java 3.x");
    print_rows(rows, sizeof(rows) / sizeof(rows[0]));
}

static void tell(const struct result *result, uint32_t workers_n, uint32_t leases_n,
                 kh_ms failover_ms)
{
    double shares = (double)leases_n / workers_n;

    tell_minute(result, workers_n, leases_n);
    (void)printf("  %-34s %12s %12s %12s\n", "seconds to balance", "", "", "");
    (void)printf("  %-34s %12.1f %12s %12s   (%" PRIu64 " writes; Java 2.x: %.0f s when the first "
                 "worker took all)\n",
                 "from an empty table", (double)result->empty_ms / 1000, "20 to 130", "30 to 120",
                 result->empty_writes, shares * JAVA_TAKE_S);
    (void)printf("  %-34s %12.1f %12s %12s\n", "after a tenth was killed",
                 (double)result->killed_ms / 1000, "20 to 40", "30 to 180");
    (void)printf("  %-34s %12.1f %12.0f %12s\n", "after a tenth joined",
                 (double)result->joined_ms / 1000, shares * JAVA_TAKE_S, "30 to 300");
    (void)printf("  %-34s %12.1f %12s %12s\n", "after a tenth was asked to stop",
                 (double)result->stopped_ms / 1000, "20 to 40", "30 to 180");
    (void)printf("  longest rest of a lease that was handed over %.1f s (Java 3.x: 10.0)\n",
                 (double)result->longest_rest_ms / 1000);
    (void)printf(
        "  latest renewal %.1f s, %.0f %% of failoverTimeMillis; owner changes in %d steady "
        "minutes %" PRIu64 "; CPU of a worker %.2f %% of a core\n",
        (double)result->latest_renewal_ms / 1000,
        (double)result->latest_renewal_ms * 100 / (double)failover_ms, STEADY_MIN, result->changes,
        result->cpu_percent);
}

static bool run_size(const char *text)
{
    struct result result = {0};
    struct fleet fleet;
    unsigned workers_n;
    unsigned leases_n;
    char rest_of;
    clock_t from = clock();

    if (sscanf(text, "%ux%u%c", &workers_n, &leases_n, &rest_of) != 2 || workers_n < 2 ||
        workers_n > 1000 || leases_n < workers_n || leases_n > 100000) {
        (void)fprintf(stderr, "scale: %s is no size such as 200x10000\n", text);
        return false;
    }
    fleet_init(&fleet, workers_n + workers_n / 10 + 1, leases_n, SEED);
    (void)printf("%u workers, %u leases\n", workers_n, leases_n);
    play(&fleet, workers_n, &result);
    tell(&result, workers_n, leases_n, fleet.failover_ms);
    (void)printf("  (%.0f virtual minutes, %" PRIu64 " steps in %.1f s of CPU)\n",
                 (double)fleet.now_ms / 60000, fleet.steps,
                 (double)(clock() - from) / CLOCKS_PER_SEC);
    (void)fflush(stdout);
    fleet_fini(&fleet);
    return true;
}

int main(int argc, char **argv)
{
    bool known = true;

    if (argc == 1) {
        known = run_size("4x32") && run_size("40x1000");
    }
    for (int i = 1; known && i < argc; i++) {
        known = run_size(argv[i]);
    }
    if (!known) {
        return 2;
    }
    (void)printf("%s\n", failures_n == 0 ? "PASS" : "FAIL");
    return failures_n == 0 ? 0 : 1;
}
