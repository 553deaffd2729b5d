/* utilization: how busy this machine or container is, measured about once a second.
 *
 * Shape   new finds nothing out; start chooses, once, how this platform can be measured, then
 *         measures until stop. Each measurement is one call of measured. On a platform of which
 *         nothing can be said it is never called.
 * Units   percent of the CPU that the process may use, from 0 to 100; -1: the measurement failed.
 * Errors  none returned: logged once when measuring begins to fail and once when it works again.
 * Memory  the config's pointers but for the texts are borrowed until free, which cancels
 *         everything.
 * Truth   KCL 3.x WorkerMetricsSelector: ECS, EKS, EC2, in this order; the first
 *         that matches decides, even when it cannot be measured then. Files of the kernel are read
 *         in the loop's thread: they answer at once. The network is asked without waiting. Chosen
 *         differences: AWS_EC2_METADATA_DISABLED and AWS_EC2_METADATA_SERVICE_ENDPOINT count, as
 *         they do for the AWS SDKs; limits are read again with each sample.
 */
#ifndef KH_HOST_UTILIZATION_H
#define KH_HOST_UTILIZATION_H

#include <stdbool.h>

#include "base/time.h"
#include "io/http.h"
#include "io/loop.h"

enum kh_platform {
    KH_PLATFORM_UNKNOWN, /* not started, or not found out yet */
    KH_PLATFORM_ECS,
    KH_PLATFORM_EKS,
    KH_PLATFORM_EC2,
    KH_PLATFORM_NONE /* none of them, or one that cannot be measured */
};

typedef void kh_utilization_measured(void *arg, double percent);

#define KH_UTILIZATION_TEXT_MAX 511

struct kh_utilization_config {
    struct kh_loop *loop;
    struct kh_http *http;
    kh_ms every_ms;
    kh_utilization_measured *measured;
    void *arg;
    const char *root;   /* put before every path; "" but in tests. Copied, as are the others */
    const char *ecs_v3; /* ECS_CONTAINER_METADATA_URI, or NULL */
    const char *ecs_v4; /* ECS_CONTAINER_METADATA_URI_V4, or NULL */
    const char *imds;   /* where EC2 tells about the instance; NULL: it must not be asked */
};

/* Fill in root, ecs_* and imds from this process's environment. */
void kh_utilization_surroundings(struct kh_utilization_config *config);

struct kh_utilization;

struct kh_utilization *kh_utilization_new(const struct kh_utilization_config *config);
void kh_utilization_free(struct kh_utilization *utilization);

/* Both may be called at any time, also again. */
void kh_utilization_start(struct kh_utilization *utilization);
void kh_utilization_stop(struct kh_utilization *utilization);

enum kh_platform kh_utilization_platform(const struct kh_utilization *utilization);

#endif
