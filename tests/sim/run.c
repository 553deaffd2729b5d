/* run: plays scenarios over a range of seeds, and tells everything about the first failure. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/assert.h"
#include "base/mem.h"
#include "scenario.h"
#include "script.h"

/* Long enough for a few crashes and expiries, short enough for hundreds of seeds. */
#define TROUBLE_MS_DEFAULT KH_SECONDS(120)

struct options {
    uint64_t first_seed;
    uint64_t last_seed;
    const char *scenario; /* NULL: all */
    const char *script;   /* NULL: none */
    kh_ms trouble_ms;
    bool transcript;
};

/* How fast is it? 4 workers and 32 shards, for a day. */
static const struct options bench = {
    .first_seed = 1, .last_seed = 1, .scenario = "fleet-4x32", .trouble_ms = KH_MINUTES(24 * 60)};

struct totals {
    uint64_t runs;
    uint64_t steps;
    kh_ms virtual_ms;
};

static struct sim *running; /* for the assertion hook only */

/* A failed assertion of the core is a failure of the run, told like the others. */
static void on_assert(void)
{
    if (running != NULL) {
        struct sim *sim = running;

        running = NULL;
        sim_fail(sim, "assertion failed: see above");
    }
}

/* False when a checker stopped the run; *sim is left for telling about it. */
static bool play(struct sim *sim, const struct scenario *scenario, kh_ms trouble_ms)
{
    running = sim;
    kh_assert_set_hook(on_assert);
    if (setjmp(sim->failed) != 0) {
        running = NULL;
        return false;
    }
    sim_play(sim, scenario, trouble_ms);
    running = NULL;
    return true;
}

static struct sim *new_run(uint64_t seed, const struct scenario *scenario)
{
    /* Scenarios of one seed should not share their dice. */
    return sim_new(seed * 1000003 + (uint64_t)(scenario - sim_scenarios), &scenario->config);
}

/* The same run again, this time remembered line by line. */
static void tell(uint64_t seed, const struct scenario *scenario, const struct options *options)
{
    struct sim *sim = new_run(seed, scenario);

    sim->record = true;
    if (play(sim, scenario, options->trouble_ms)) {
        (void)printf("seed %" PRIu64
                     " scenario %s failed only once: the run is not deterministic\n",
                     seed, scenario->name);
        return;
    }
    sim_print_last(sim, stdout);
    (void)printf("FAILED seed %" PRIu64 " scenario %s at %lld ms: %s\n", seed, scenario->name,
                 (long long)sim->now_ms, sim->failure);
    (void)printf("again: tests/sim/run --seeds %" PRIu64 "-%" PRIu64 " --scenario %s", seed, seed,
                 scenario->name);
    if (options->trouble_ms != TROUBLE_MS_DEFAULT) {
        (void)printf(" --hours %g", (double)options->trouble_ms / 3600000);
    }
    (void)printf("\n");
}

static bool run_one(uint64_t seed, const struct scenario *scenario, const struct options *options,
                    struct totals *totals)
{
    struct sim *sim = new_run(seed, scenario);
    bool passed;

    sim->out = options->transcript ? stdout : NULL;
    passed = play(sim, scenario, options->trouble_ms);
    totals->runs++;
    totals->steps += sim->steps;
    totals->virtual_ms += sim->now_ms;
    if (!passed) {
        tell(seed, scenario, options);
        return false;
    }
    sim_free(sim);
    return true;
}

static int run_all(const struct options *options)
{
    struct totals totals = {0};
    clock_t begin = clock();
    double cpu_s;
    bool found = false;

    /* Seed by seed, so that what some scenario finds is found early. */
    for (uint64_t seed = options->first_seed; seed <= options->last_seed; seed++) {
        for (size_t i = 0; i < sim_scenarios_n; i++) {
            bool wanted =
                options->scenario == NULL || strcmp(options->scenario, sim_scenarios[i].name) == 0;

            found |= wanted;
            if (wanted && !run_one(seed, &sim_scenarios[i], options, &totals)) {
                return EXIT_FAILURE;
            }
        }
    }
    if (!found) {
        (void)fprintf(stderr, "there is no scenario %s\n", options->scenario);
        return EXIT_FAILURE;
    }
    cpu_s = (double)(clock() - begin) / CLOCKS_PER_SEC;
    (void)printf("%" PRIu64 " runs passed: %.1f virtual hours, %" PRIu64
                 " steps of the core, %.1f s of CPU "
                 "(%.0f virtual hours a CPU minute)\n",
                 totals.runs, (double)totals.virtual_ms / 3600000, totals.steps, cpu_s,
                 (double)totals.virtual_ms / 60000 / (cpu_s > 0 ? cpu_s : 1));
    return EXIT_SUCCESS;
}

static int usage(void)
{
    (void)fprintf(
        stderr, "usage: run [--seeds A-B | --seed A] [--scenario NAME] [--hours H] [--transcript]\n"
                "       run --reshard N    random histories of splits and merges\n"
                "       run --bench        a day of 4 workers and 32 shards\n"
                "       run --script NAME\nscenarios:");
    for (size_t i = 0; i < sim_scenarios_n; i++) {
        (void)fprintf(stderr, " %s", sim_scenarios[i].name);
    }
    (void)fprintf(stderr, "\nscripts:");
    for (size_t i = 0; i < sim_scripts_n; i++) {
        (void)fprintf(stderr, " %s", sim_scripts[i].name);
    }
    (void)fprintf(stderr, "\n");
    return EXIT_FAILURE;
}

static bool parse_seeds(const char *text, struct options *options)
{
    struct kh_str first;
    struct kh_str last;

    if (!kh_str_cut(kh_str(text), '-', &first, &last)) {
        last = first;
    }
    return kh_str_u64(first, &options->first_seed) && kh_str_u64(last, &options->last_seed) &&
           options->first_seed <= options->last_seed;
}

static bool parse_value(const char *name, const char *value, struct options *options)
{
    if (strcmp(name, "--seeds") == 0 || strcmp(name, "--seed") == 0) {
        return parse_seeds(value, options);
    }
    if (strcmp(name, "--reshard") == 0) {
        options->scenario = "histories";
        options->first_seed = 1;
        return kh_str_u64(kh_str(value), &options->last_seed) && options->last_seed > 0;
    }
    if (strcmp(name, "--scenario") == 0) {
        options->scenario = value;
        return true;
    }
    if (strcmp(name, "--script") == 0) {
        options->script = value;
        return true;
    }
    if (strcmp(name, "--hours") == 0) {
        options->trouble_ms = (kh_ms)(strtod(value, NULL) * 3600000);
        return options->trouble_ms > 0;
    }
    return false;
}

static bool parse(int argc, char **argv, struct options *options)
{
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--transcript") == 0) {
            options->transcript = true;
        } else if (strcmp(argv[i], "--bench") == 0) {
            *options = bench;
        } else if (i + 1 == argc || !parse_value(argv[i], argv[i + 1], options)) {
            return false;
        } else {
            i++;
        }
    }
    return true;
}

static bool play_script(struct sim *sim, const struct script *script)
{
    if (setjmp(sim->failed) != 0) {
        return false;
    }
    script->play(sim);
    return true;
}

static int run_script(const char *name)
{
    for (size_t i = 0; i < sim_scripts_n; i++) {
        const struct script *script = &sim_scripts[i];
        struct sim *sim;

        if (strcmp(script->name, name) != 0) {
            continue;
        }
        sim = sim_new(1, &script->config);
        sim->out = stdout;
        if (!play_script(sim, script)) {
            (void)printf("FAILED script %s: %s\n", name, sim->failure);
            return EXIT_FAILURE;
        }
        sim_free(sim);
        return EXIT_SUCCESS;
    }
    return usage();
}

int main(int argc, char **argv)
{
    struct options options = {.first_seed = 1, .last_seed = 200, .trouble_ms = TROUBLE_MS_DEFAULT};

    if (!parse(argc, argv, &options)) {
        return usage();
    }
    if (options.script != NULL) {
        return run_script(options.script);
    }
    return run_all(&options);
}
