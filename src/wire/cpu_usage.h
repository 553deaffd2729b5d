/* cpu_usage: how busy a machine or container is, from what Linux and ECS tell about it.
 *
 * Shape   one reader a file or document, all pure; then two functions that make percent of what was
 *         read before and after.
 * Units   CPU time in ns, or in ticks where only its shares count; limits in CPUs (0.25 is a
 *         quarter of one); percent from 0 to 100.
 * Errors  KH_INVALID with the name of the file and what was expected; KH_TOOBIG over
 *         KH_CPU_FILE_BYTES_MAX or KH_ECS_BYTES_MAX.
 * Memory  plain values, but for the trees that the ECS readers build and free.
 * Truth   KCL 3.x Cgroupv1CpuWorkerMetric, Cgroupv2CpuWorkerMetric,
 *         LinuxCpuWorkerMetric, EcsCpuWorkerMetric; proc_stat(5), the kernel's cgroup-v1 and
 *         cgroup-v2 documents, the ECS task metadata endpoint version 4. Chosen differences: no
 *         time passed or a clock that went back is 0 percent, where Java divides by it; containers
 *         without shares each count as the whole task.
 */
#ifndef KH_WIRE_CPU_USAGE_H
#define KH_WIRE_CPU_USAGE_H

#include <stdint.h>

#include "base/err.h"
#include "base/str.h"

#define KH_CPU_FILE_BYTES_MAX   4096
#define KH_CPUS_MAX             65536
#define KH_ECS_BYTES_MAX        ((size_t)1 << 20)
#define KH_ECS_CONTAINER_ID_MAX 255

/* Time in use since some beginning, in ns. */
enum kh_rc kh_cpu_v1_used(struct kh_str usage, uint64_t *used_ns, struct kh_err *err) KH_MUST_USE;
enum kh_rc kh_cpu_v2_used(struct kh_str cpu_stat, uint64_t *used_ns,
                          struct kh_err *err) KH_MUST_USE;

/* How many CPUs the container may use; 0: it has no limit but its set of CPUs. */
enum kh_rc kh_cpu_v1_limit(struct kh_str quota, struct kh_str period, double *cpus,
                           struct kh_err *err) KH_MUST_USE;
enum kh_rc kh_cpu_v2_limit(struct kh_str cpu_max, double *cpus, struct kh_err *err) KH_MUST_USE;

/* The size of a set as "0-3,8". */
enum kh_rc kh_cpu_set_size(struct kh_str set, double *cpus, struct kh_err *err) KH_MUST_USE;

/* used_ns after span_ns have passed, against the limit of cpus (> 0, asserted). */
double kh_cpu_percent_of_limit(uint64_t used_ns, uint64_t span_ns, double cpus);

/* The machine's time as the first line of /proc/stat has it, in ticks. */
struct kh_cpu_ticks {
    uint64_t total; /* user, nice, system, idle, iowait */
    uint64_t idle;
};
enum kh_rc kh_cpu_ticks_read(struct kh_str proc_stat, struct kh_cpu_ticks *ticks,
                             struct kh_err *err) KH_MUST_USE;
double kh_cpu_percent_of_ticks(const struct kh_cpu_ticks *before, const struct kh_cpu_ticks *after);

/* ECS: which container this is, what it may use of its task, and how much it did use. */
struct kh_ecs_container {
    char id[KH_ECS_CONTAINER_ID_MAX + 1]; /* DockerId */
};
struct kh_ecs_limit {
    double task_cpus; /* 0: the task has no limit, only the machine has */
    double share;     /* of the task, > 0 */
};
enum kh_rc kh_ecs_read_container(struct kh_str json, struct kh_ecs_container *container,
                                 struct kh_err *err) KH_MUST_USE;
enum kh_rc kh_ecs_read_task(struct kh_str json, const struct kh_ecs_container *container,
                            struct kh_ecs_limit *limit, struct kh_err *err) KH_MUST_USE;
enum kh_rc kh_ecs_read_stats(struct kh_str json, const struct kh_ecs_limit *limit, double *percent,
                             struct kh_err *err) KH_MUST_USE;

#endif
