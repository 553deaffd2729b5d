/* settings: a .properties file, the environment and the command line as one struct.
 *
 * Shape   struct kh_settings has one member for every KH_SETTING row of settings.def, named as the
 *         Java key in lower case with underscores, a NAME_is_set: something gave it a value, and a
 *         NAME_place: what did.
 * Units   in the members' names, which are Java's: …_millis, …_in_seconds.
 * Errors  kh_settings_load: NOTFOUND, DENIED (the file cannot be read), TOOBIG, INVALID (its
 *         content cannot be used; the list says why). Warnings and notices come with KH_OK, too.
 * Memory  owns its texts, which are never NULL; kh_settings_fini frees them. Places borrow from the
 *         sources.
 * Truth   MultiLangDaemonConfiguration and KinesisClientLibConfigurator of KCL 3.5.1. Chosen
 *         differences: a value that cannot be read is refused where Java takes 0 or false for it;
 *         keys in another case are taken; unknown keys are warned about; streamArn's region stands
 *         in for regionName; an endpoint without scheme is https; milliseconds are told from
 *         seconds; a graceful stop has 5 s unless the file says otherwise;
 *         clientVersionConfig is AUTO, where Java writes a state that workers of 2.x cannot bear.
 */
#ifndef KH_CONFIG_SETTINGS_H
#define KH_CONFIG_SETTINGS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/log.h"
#include "base/time.h"
#include "config/problem.h"

enum kh_start { KH_START_LATEST, KH_START_TRIM_HORIZON, KH_START_AT_TIMESTAMP };
enum kh_retrieval { KH_RETRIEVAL_DEFAULT, KH_RETRIEVAL_POLLING, KH_RETRIEVAL_FANOUT };
enum kh_metrics_level { KH_METRICS_NONE, KH_METRICS_SUMMARY, KH_METRICS_DETAILED };
enum kh_version_config {
    KH_VERSION_CONFIG_AUTO,
    KH_VERSION_CONFIG_3X,
    KH_VERSION_CONFIG_WITH_2X,
    KH_VERSION_CONFIG_WITH_2X_PHASE1
};
enum kh_processor_failure {
    KH_PROCESSOR_FAILURE_RESTART,
    KH_PROCESSOR_FAILURE_RELEASE,
    KH_PROCESSOR_FAILURE_EXIT
};
enum kh_shard_end { KH_SHARD_END_REQUIRE, KH_SHARD_END_AUTO };
enum kh_log_form { KH_LOG_FORM_TEXT, KH_LOG_FORM_JSON };

/* The C type behind the first column of settings.def. */
#define KH_SETTING_C_TEXT       char *
#define KH_SETTING_C_URL        char *
#define KH_SETTING_C_BOOL       bool
#define KH_SETTING_C_COUNT      uint32_t
#define KH_SETTING_C_MILLIS     kh_ms
#define KH_SETTING_C_SECONDS    int64_t
#define KH_SETTING_C_INSTANT    int64_t /* milliseconds since 1970 */
#define KH_SETTING_C_DURATION   kh_ms
#define KH_SETTING_C_DECIMAL    double
#define KH_SETTING_C_VERSION    enum kh_version_config
#define KH_SETTING_C_START      enum kh_start
#define KH_SETTING_C_RETRIEVAL  enum kh_retrieval
#define KH_SETTING_C_METRICS    enum kh_metrics_level
#define KH_SETTING_C_FAILURE    enum kh_processor_failure
#define KH_SETTING_C_SHARD_END  enum kh_shard_end
#define KH_SETTING_C_LOG_LEVEL  enum kh_log_level
#define KH_SETTING_C_LOG_FORMAT enum kh_log_form

/* After a load these members are settled, whatever combination of keys the file has:
 *   initial_position_in_stream is AT_TIMESTAMP if initial_position_in_stream_extended is set;
 *   stream_name is the name in stream_arn; stream_arn ends with it, and is empty if its region is
 *   not the one in use; region_name is stream_arn's region if the file has none (then it may still
 *   be empty); table_name is application_name if the file has none;
 *   aws_credentials_provider_dynamo_db is aws_credentials_provider if the file has none;
 *   coordinator_state_table_name and worker_metrics_table_name are made of application_name if the
 *   file has none, and stay empty if that is too long for the name of a table;
 *   lease_assignment_interval_millis is twice failover_time_millis if the file has none;
 *   max_throughput_per_host_k_bps is 0 when there is no limit.
 * worker_id may be empty: the host makes one up. timeout_in_seconds is 0 when there is no limit. */
struct kh_settings {
#define KH_SETTING(type, field, key, text, low, high, rule, help) \
    KH_SETTING_C_##type field;                                    \
    bool field##_is_set;                                          \
    struct kh_place field##_place;
#include "config/settings.def"
    char **executable_argv; /* owned; executable_name split at blanks, NULL-terminated */
    const char *file;       /* borrowed: problems->file of what was read last */
};

/* All defaults. */
void kh_settings_init(struct kh_settings *settings);
void kh_settings_fini(struct kh_settings *settings);

/* What settings come from; of two sources that give the same key the later one counts. */
struct kh_settings_sources {
    const char *path; /* of the file; "-": standard input */
    /* NAME=value, NULL at its end. A variable KCL_NAME gives the key that is called so but for '_',
     * '.' and the case of letters; and ${NAME} in the file stands for any variable. */
    const char *const *environment;
    const char *const *assignments; /* KEY=VALUE, as --set has them */
    size_t assignments_n;
};

/* Read all sources into settings (initialised before). problems was initialised with the name to
 * print for the file. */
enum kh_rc kh_settings_load(struct kh_settings *settings, const struct kh_settings_sources *sources,
                            struct kh_problems *problems) KH_MUST_USE;

/* The same with a text in memory instead of the file. */
enum kh_rc kh_settings_parse(struct kh_settings *settings, struct kh_str text,
                             const struct kh_settings_sources *sources,
                             struct kh_problems *problems) KH_MUST_USE;

/* Put before err's text where the value was given that turned out to be wrong: "FILE:LINE",
 * "environment variable NAME", "--set". Nothing if it is the default. Returns err's own code. */
enum kh_rc kh_settings_blame(const struct kh_settings *settings, struct kh_place place,
                             struct kh_err *err);

/* The rows of settings.def, for help texts and tests. */
struct kh_setting_help {
    const char *key;
    const char *text; /* default; "" if there is none */
    const char
        *allowed; /* "true or false", "LATEST, TRIM_HORIZON", "100 to 2147483647"; "" for texts */
    const char *help;
    const char *more;    /* further sentences; "" if there are none */
    const char *section; /* what it is about */
};
size_t kh_settings_help_n(void);
/* Another way to write key i, the nth; NULL if there are no more. beats: of the two it counts. */
const char *kh_settings_help_alias(size_t i, size_t nth, bool *beats);

/* allowed points into room. */
struct kh_setting_help kh_settings_help_at(size_t i, char room[KH_PROBLEM_ALLOWED_MAX + 1]);

#endif
