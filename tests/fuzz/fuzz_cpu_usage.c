/* What Linux and ECS tell about the CPU: every reader gets it, whatever it is of. */
#include "base/assert.h"
#include "tests/fuzz/fuzz.h"
#include "wire/cpu_usage.h"

const char *const fuzz_corpus = "cpu_usage";

static void check_percent(double percent)
{
    kh_assert(percent >= 0);
    kh_assert(percent <= 100);
}

static void read_files(struct kh_str text)
{
    struct kh_str first;
    struct kh_str second;
    struct kh_cpu_ticks none = {0};
    struct kh_cpu_ticks ticks;
    uint64_t used_ns = 0;
    double cpus = 1;

    if (kh_cpu_v1_used(text, &used_ns, NULL) == KH_OK) {
        check_percent(kh_cpu_percent_of_limit(used_ns, 1, 1));
    }
    if (kh_cpu_v2_used(text, &used_ns, NULL) == KH_OK) {
        check_percent(kh_cpu_percent_of_limit(used_ns, UINT64_MAX, 1));
    }
    (void)kh_str_cut(text, '\n', &first, &second);
    if (kh_cpu_v1_limit(first, second, &cpus, NULL) == KH_OK && cpus > 0) {
        check_percent(kh_cpu_percent_of_limit(1, 1, cpus));
    }
    if (kh_cpu_v2_limit(text, &cpus, NULL) == KH_OK && cpus > 0) {
        check_percent(kh_cpu_percent_of_limit(1, 1, cpus));
    }
    if (kh_cpu_set_size(text, &cpus, NULL) == KH_OK) {
        kh_assert(cpus >= 1);
    }
    if (kh_cpu_ticks_read(text, &ticks, NULL) == KH_OK) {
        check_percent(kh_cpu_percent_of_ticks(&none, &ticks));
        check_percent(kh_cpu_percent_of_ticks(&ticks, &none));
    }
}

static void read_ecs(struct kh_str text)
{
    struct kh_ecs_container container = {.id = "one"};
    struct kh_ecs_limit limit = {.share = 1};
    double percent = 0;

    (void)!kh_ecs_read_container(text, &container, NULL);
    if (kh_ecs_read_task(text, &container, &limit, NULL) == KH_OK) {
        kh_assert(limit.share > 0);
        kh_assert(limit.share <= 1);
    }
    if (kh_ecs_read_stats(text, &limit, &percent, NULL) == KH_OK) {
        check_percent(percent);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    struct kh_str text = kh_str_of((const char *)bytes, n);

    read_files(text);
    read_ecs(text);
    return 0;
}
