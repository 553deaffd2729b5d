#include "host/utilization.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/mem.h"
#include "io/clock.h"
#include "io/env.h"
#include "wire/cpu_usage.h"

#define IMDS_DEFAULT    "http://169.254.169.254"
#define IMDS_MS_MAX     KH_SECONDS(5) /* Java's */
#define ECS_MS_MAX      KH_SECONDS(5)
#define IMDS_BYTES_MAX  ((size_t)64 << 10)
#define TOKEN_BYTES_MAX 1024
#define URL_BYTES       (KH_UTILIZATION_TEXT_MAX + 65)
#define PATH_BYTES      (KH_UTILIZATION_TEXT_MAX + 65)
#define NS_PER_MS       1000000

#define EKS_TOKEN  "/var/run/secrets/kubernetes.io/serviceaccount/token"
#define CGROUP     "/sys/fs/cgroup/"
#define CGROUP_V2  CGROUP "cgroup.controllers"
#define PROC_STAT  "/proc/stat"
#define CPU_ONLINE "/sys/devices/system/cpu/online"

/* The one request that is under way asks for this. */
enum question { ASK_CONTAINER, ASK_TASK, ASK_STATS, ASK_TOKEN, ASK_IDENTITY };

struct kh_utilization {
    struct kh_http *http; /* borrowed */
    kh_ms every_ms;
    kh_utilization_measured *measured;
    void *arg;
    char root[KH_UTILIZATION_TEXT_MAX + 1];
    char ecs_v4[KH_UTILIZATION_TEXT_MAX + 1]; /* "": not known, as are the others */
    char imds[KH_UTILIZATION_TEXT_MAX + 1];
    bool on_ecs;
    bool started;
    enum kh_platform platform;
    struct kh_watch *timer;
    struct kh_http_call *call; /* NULL: none is under way */
    enum question question;
    kh_ms due_at_ms;
    bool failing; /* and it was said */
    struct kh_ecs_container container;
    bool limit_known;
    struct kh_ecs_limit limit;
    bool begun; /* there is a measurement to compare with */
    uint64_t used_ns;
    kh_ms used_at_ms;
    struct kh_cpu_ticks ticks;
};

/* ---- what all platforms share ---- */

static void deliver(struct kh_utilization *utilization, double percent)
{
    if (utilization->failing) {
        utilization->failing = false;
        kh_log(KH_LOG_INFO, "utilization.measured_again");
    }
    utilization->measured(utilization->arg, percent);
}

static void deliver_failure(struct kh_utilization *utilization, const struct kh_err *err)
{
    if (!utilization->failing) {
        utilization->failing = true;
        kh_log(KH_LOG_WARN, "utilization.not_measured", kh_f("why", err->text));
    }
    utilization->measured(utilization->arg, -1);
}

static void decide(struct kh_utilization *utilization, enum kh_platform platform, const char *how)
{
    utilization->platform = platform;
    kh_log(KH_LOG_INFO, "utilization.measured_by", kh_f("how", how));
}

/* One file of the kernel's, whole; buf has room for KH_CPU_FILE_BYTES_MAX. What is longer is cut:
 * of /proc/stat only the first line counts. */
static enum kh_rc read_file(const struct kh_utilization *utilization, const char *path, char *buf,
                            struct kh_str *text, struct kh_err *err)
{
    char whole[PATH_BYTES];
    ssize_t n;
    int fd;

    *text = KH_STR("");
    (void)snprintf(whole, sizeof(whole), "%s%s", utilization->root, path);
    fd = open(whole, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) {
        return kh_fail_errno(err, errno, "open %s", whole);
    }
    n = read(fd, buf, KH_CPU_FILE_BYTES_MAX);
    if (n < 0) {
        enum kh_rc rc = kh_fail_errno(err, errno, "read %s", whole);

        kh_fd_close(&fd);
        return rc;
    }
    kh_fd_close(&fd);
    *text = kh_str_of(buf, (size_t)n);
    return KH_OK;
}

static bool is_there(const struct kh_utilization *utilization, const char *path)
{
    char whole[PATH_BYTES];

    (void)snprintf(whole, sizeof(whole), "%s%s", utilization->root, path);
    return access(whole, F_OK) == 0;
}

/* ---- containers of Kubernetes ---- */

struct usage {
    uint64_t used_ns;
    double cpus; /* 0: no limit of its own */
};

/* The first of the two files that is there. */
static enum kh_rc read_either(const struct kh_utilization *utilization, const char *path,
                              const char *other, char *buf, struct kh_str *text, struct kh_err *err)
{
    return read_file(utilization, is_there(utilization, path) ? path : other, buf, text, err);
}

static enum kh_rc read_v1(const struct kh_utilization *utilization, struct usage *usage,
                          struct kh_err *err)
{
    char used_buf[KH_CPU_FILE_BYTES_MAX];
    char period_buf[KH_CPU_FILE_BYTES_MAX];
    struct kh_str text;
    struct kh_str period;
    enum kh_rc rc = read_either(utilization, CGROUP "cpu/cpuacct.usage",
                                CGROUP "cpuacct/cpuacct.usage", used_buf, &text, err);

    if (rc == KH_OK) {
        rc = kh_cpu_v1_used(text, &usage->used_ns, err);
    }
    if (rc == KH_OK) {
        rc = read_file(utilization, CGROUP "cpu/cpu.cfs_quota_us", used_buf, &text, err);
    }
    if (rc == KH_OK) {
        rc = read_file(utilization, CGROUP "cpu/cpu.cfs_period_us", period_buf, &period, err);
    }
    return rc == KH_OK ? kh_cpu_v1_limit(text, period, &usage->cpus, err) : rc;
}

static enum kh_rc read_v2(const struct kh_utilization *utilization, struct usage *usage,
                          struct kh_err *err)
{
    char buf[KH_CPU_FILE_BYTES_MAX];
    struct kh_str text;
    enum kh_rc rc = read_file(utilization, CGROUP "cpu.stat", buf, &text, err);

    if (rc == KH_OK) {
        rc = kh_cpu_v2_used(text, &usage->used_ns, err);
    }
    if (rc == KH_OK) {
        rc = read_file(utilization, CGROUP "cpu.max", buf, &text, err);
    }
    return rc == KH_OK ? kh_cpu_v2_limit(text, &usage->cpus, err) : rc;
}

static enum kh_rc read_container(const struct kh_utilization *utilization, struct usage *usage,
                                 struct kh_err *err)
{
    char buf[KH_CPU_FILE_BYTES_MAX];
    struct kh_str text;
    bool v2 = is_there(utilization, CGROUP_V2);
    enum kh_rc rc = v2 ? read_v2(utilization, usage, err) : read_v1(utilization, usage, err);

    if (rc != KH_OK || usage->cpus > 0) {
        return rc;
    }
    rc = read_either(utilization,
                     v2 ? CGROUP "cpuset.cpus.effective" : CGROUP "cpuset/cpuset.effective_cpus",
                     CPU_ONLINE, buf, &text, err);
    return rc == KH_OK ? kh_cpu_set_size(text, &usage->cpus, err) : rc;
}

static void measure_container(struct kh_utilization *utilization)
{
    struct usage usage;
    struct kh_err err;
    double percent = 0;
    kh_ms now_ms;

    if (read_container(utilization, &usage, &err) != KH_OK) {
        deliver_failure(utilization, &err);
        return;
    }
    now_ms = kh_clock_boot_ms();
    if (utilization->begun && usage.used_ns >= utilization->used_ns) {
        percent = kh_cpu_percent_of_limit(usage.used_ns - utilization->used_ns,
                                          (uint64_t)(now_ms - utilization->used_at_ms) * NS_PER_MS,
                                          usage.cpus);
    }
    utilization->begun = true;
    utilization->used_ns = usage.used_ns;
    utilization->used_at_ms = now_ms;
    deliver(utilization, percent);
}

/* ---- machines ---- */

static void measure_machine(struct kh_utilization *utilization)
{
    char buf[KH_CPU_FILE_BYTES_MAX];
    struct kh_str text;
    struct kh_cpu_ticks ticks;
    struct kh_err err;
    double percent = 0;

    if (read_file(utilization, PROC_STAT, buf, &text, &err) != KH_OK ||
        kh_cpu_ticks_read(text, &ticks, &err) != KH_OK) {
        deliver_failure(utilization, &err);
        return;
    }
    if (utilization->begun) {
        percent = kh_cpu_percent_of_ticks(&utilization->ticks, &ticks);
    }
    utilization->begun = true;
    utilization->ticks = ticks;
    deliver(utilization, percent);
}

/* ---- what has to be asked for ---- */

static void on_answer(void *arg, struct kh_http_result *result);

/* method and header are the request's; url is base and path put together. */
struct asking {
    const char *method;
    const char *base;
    const char *path;
    const char *header;
    kh_ms ms_max;
    size_t bytes_max;
};

static void ask(struct kh_utilization *utilization, enum question question,
                const struct asking *asking)
{
    char url[URL_BYTES];
    struct kh_http_request request = {
        .method = asking->method,
        .url = url,
        .headers = {asking->header},
        .connect_ms_max = asking->ms_max,
        .total_ms_max = asking->ms_max,
        .stall_ms_max = KH_NEVER,
        .body_bytes_max = asking->bytes_max,
        .bypass_proxy = true,
    };

    kh_assert(utilization->call == NULL);
    (void)snprintf(url, sizeof(url), "%s%s", asking->base, asking->path);
    utilization->question = question;
    utilization->call = kh_http_send(utilization->http, &request, on_answer, utilization);
}

static void ask_ecs(struct kh_utilization *utilization, enum question question, const char *path)
{
    ask(utilization, question,
        &(struct asking){.method = "GET",
                         .base = utilization->ecs_v4,
                         .path = path,
                         .ms_max = ECS_MS_MAX,
                         .bytes_max = KH_ECS_BYTES_MAX});
}

static void ask_ecs_stats(struct kh_utilization *utilization)
{
    ask_ecs(utilization, ASK_STATS, "/stats");
}

static enum kh_rc take_ecs(struct kh_utilization *utilization, struct kh_str body,
                           struct kh_err *err)
{
    double percent;
    enum kh_rc rc;

    if (utilization->question == ASK_CONTAINER) {
        rc = kh_ecs_read_container(body, &utilization->container, err);
        if (rc == KH_OK) {
            ask_ecs(utilization, ASK_TASK, "/task");
        }
        return rc;
    }
    if (utilization->question == ASK_TASK) {
        rc = kh_ecs_read_task(body, &utilization->container, &utilization->limit, err);
        if (rc == KH_OK) {
            utilization->limit_known = true;
            ask_ecs_stats(utilization);
        }
        return rc;
    }
    rc = kh_ecs_read_stats(body, &utilization->limit, &percent, err);
    if (rc == KH_OK) {
        deliver(utilization, percent);
    }
    return rc;
}

static void found_out_ec2(struct kh_utilization *utilization, bool is_ec2)
{
    if (is_ec2 && is_there(utilization, PROC_STAT)) {
        decide(utilization, KH_PLATFORM_EC2, "EC2: /proc/stat");
        measure_machine(utilization);
        return;
    }
    decide(utilization, KH_PLATFORM_NONE, "nothing: neither ECS, EKS nor EC2");
}

static bool is_token(struct kh_str token)
{
    bool one_line = kh_str_find(token, '\n') == token.n && kh_str_find(token, '\r') == token.n;

    return token.n > 0 && token.n <= TOKEN_BYTES_MAX && one_line;
}

static void take_imds(struct kh_utilization *utilization, bool answered, struct kh_str body)
{
    char header[TOKEN_BYTES_MAX + 64];
    struct kh_str token = kh_str_trim(body);

    if (utilization->question == ASK_IDENTITY || !answered || !is_token(token)) {
        found_out_ec2(utilization, answered && utilization->question == ASK_IDENTITY);
        return;
    }
    (void)snprintf(header, sizeof(header), "X-aws-ec2-metadata-token: %.*s", KH_STR_ARG(token));
    ask(utilization, ASK_IDENTITY,
        &(struct asking){.method = "GET",
                         .base = utilization->imds,
                         .path = "/latest/dynamic/instance-identity/document",
                         .header = header,
                         .ms_max = IMDS_MS_MAX,
                         .bytes_max = IMDS_BYTES_MAX});
}

static void on_answer(void *arg, struct kh_http_result *result)
{
    struct kh_utilization *utilization = arg;
    bool answered = result->rc == KH_OK && result->status == 200;

    utilization->call = NULL;
    switch (utilization->question) {
    case ASK_TOKEN:
    case ASK_IDENTITY:
        take_imds(utilization, answered, kh_buf_str(result->body));
        return;
    case ASK_CONTAINER:
    case ASK_TASK:
    case ASK_STATS:
        if (result->rc == KH_OK && !answered) {
            (void)kh_fail(&result->err, KH_RETRY, "ECS metadata: status %d", result->status);
        }
        if (!answered || take_ecs(utilization, kh_buf_str(result->body), &result->err) != KH_OK) {
            deliver_failure(utilization, &result->err);
        }
        return;
    }
}

/* ---- choosing and measuring ---- */

static void choose(struct kh_utilization *utilization)
{
    if (utilization->on_ecs) {
        if (utilization->ecs_v4[0] != '\0') {
            decide(utilization, KH_PLATFORM_ECS, "ECS: the task metadata endpoint, version 4");
        } else {
            decide(utilization, KH_PLATFORM_NONE, "nothing: ECS without metadata of version 4");
        }
    } else if (is_there(utilization, EKS_TOKEN)) {
        decide(utilization, KH_PLATFORM_EKS,
               is_there(utilization, CGROUP_V2) ? "EKS: cgroup v2" : "EKS: cgroup v1");
    } else if (utilization->imds[0] == '\0') {
        decide(utilization, KH_PLATFORM_NONE, "nothing: EC2 must not be asked for");
    } else {
        ask(utilization, ASK_TOKEN,
            &(struct asking){.method = "PUT",
                             .base = utilization->imds,
                             .path = "/latest/api/token",
                             .header = "X-aws-ec2-metadata-token-ttl-seconds: 600",
                             .ms_max = IMDS_MS_MAX,
                             .bytes_max = IMDS_BYTES_MAX});
    }
}

static void measure(struct kh_utilization *utilization)
{
    switch (utilization->platform) {
    case KH_PLATFORM_UNKNOWN:
    case KH_PLATFORM_NONE:
        break;
    case KH_PLATFORM_ECS:
        if (utilization->limit_known) {
            ask_ecs_stats(utilization);
        } else {
            ask_ecs(utilization, ASK_CONTAINER, "");
        }
        break;
    case KH_PLATFORM_EKS:
        measure_container(utilization);
        break;
    case KH_PLATFORM_EC2:
        measure_machine(utilization);
        break;
    }
}

static void on_due(void *arg)
{
    struct kh_utilization *utilization = arg;

    kh_watch_at(utilization->timer, kh_clock_boot_ms() + utilization->every_ms);
    if (utilization->call != NULL) {
        return; /* a slow answer is waited for, not asked for twice */
    }
    if (utilization->platform == KH_PLATFORM_UNKNOWN) {
        choose(utilization);
    }
    if (utilization->call == NULL) {
        measure(utilization);
    }
    if (utilization->platform == KH_PLATFORM_NONE) {
        kh_watch_at(utilization->timer, KH_NEVER);
    }
}

void kh_utilization_start(struct kh_utilization *utilization)
{
    if (!utilization->started && utilization->platform != KH_PLATFORM_NONE) {
        utilization->started = true;
        utilization->begun = false; /* what was used while nobody looked is not of one second */
        kh_watch_at(utilization->timer, kh_clock_boot_ms());
    }
}

void kh_utilization_stop(struct kh_utilization *utilization)
{
    if (!utilization->started) {
        return;
    }
    utilization->started = false;
    kh_watch_at(utilization->timer, KH_NEVER);
    kh_http_cancel(utilization->call);
    utilization->call = NULL;
}

enum kh_platform kh_utilization_platform(const struct kh_utilization *utilization)
{
    return utilization->platform;
}

/* ---- from the outside ---- */

static const char *set_or_null(const char *name)
{
    const char *value = kh_env(name);

    return value != NULL && value[0] != '\0' ? value : NULL;
}

void kh_utilization_surroundings(struct kh_utilization_config *config)
{
    const char *imds = set_or_null("AWS_EC2_METADATA_SERVICE_ENDPOINT");

    config->root = "";
    config->ecs_v3 = set_or_null("ECS_CONTAINER_METADATA_URI");
    config->ecs_v4 = set_or_null("ECS_CONTAINER_METADATA_URI_V4");
    config->imds = imds != NULL ? imds : IMDS_DEFAULT;
    if (kh_str_eq_nocase(kh_str_trim(kh_str(kh_env("AWS_EC2_METADATA_DISABLED"))),
                         KH_STR("true"))) {
        config->imds = NULL;
    }
}

/* A text that does not fit is as good as none. A '/' at its end is taken off. */
static void copy_text(char text[KH_UTILIZATION_TEXT_MAX + 1], const char *from)
{
    struct kh_str s = kh_str(from);

    while (s.n > 0 && s.p[s.n - 1] == '/') {
        s.n--;
    }
    (void)!kh_str_copy(text, KH_UTILIZATION_TEXT_MAX + 1, s);
}

struct kh_utilization *kh_utilization_new(const struct kh_utilization_config *config)
{
    struct kh_utilization *utilization = kh_mem_new(1, sizeof(*utilization));

    kh_assert(config->every_ms > 0);
    utilization->http = config->http;
    utilization->every_ms = config->every_ms;
    utilization->measured = config->measured;
    utilization->arg = config->arg;
    utilization->on_ecs = config->ecs_v3 != NULL || config->ecs_v4 != NULL;
    copy_text(utilization->root, config->root);
    copy_text(utilization->ecs_v4, config->ecs_v4);
    copy_text(utilization->imds, config->imds);
    utilization->timer = kh_loop_timer(config->loop, on_due, utilization);
    return utilization;
}

void kh_utilization_free(struct kh_utilization *utilization)
{
    if (utilization == NULL) {
        return;
    }
    kh_utilization_stop(utilization);
    kh_watch_free(utilization->timer);
    kh_mem_free(utilization);
}
