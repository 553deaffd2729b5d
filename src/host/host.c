#include "host/host.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/log.h"
#include "base/mem.h"
#include "cli/exit.h"
#include "core/worker.h"
#include "host/access.h"
#include "host/batches.h"
#include "host/notes.h"
#include "host/processors.h"
#include "host/program.h"
#include "host/setup.h"
#include "host/utilization.h"
#include "io/clock.h"
#include "obs/flight.h"
#include "source/source.h"
#include "store/store.h"
#include "wire/stream_mark.h"

/* A service that does not answer at the start is asked again for a while: machines boot in any
 * order. */
#define START_TRIES_MAX 20
#define START_RETRY_MS  1000
#define START_TICKET    UINT64_MAX /* the core's tickets begin at 1 */
/* How many writes one after the other may go unanswered before a lease runs out. */
#define WRITES_PER_FAILOVER 3
#define WRITE_MS_MIN        500
#define SIGNALS_N           4

/* What is done before there is a worker; each step may be tried several times. */
enum start_step {
    START_LIST,     /* is the stream there? */
    START_IDENTIFY, /* which one is it? */
    START_ENSURE,   /* the lease table is there */
    START_CLAIM     /* and holds no other stream's leases */
};

struct host {
    const struct kh_settings *settings;
    bool exit_when_done;
    bool adopt;
    struct kh_loop *loop;
    struct kh_watch *signals[SIGNALS_N];
    struct kh_watch
        *deadline; /* the core's next TICK; before the worker exists, the next try to start */
    struct kh_access access;
    struct kh_source *source;
    struct kh_store *store;
    struct kh_utilization *utilization; /* NULL: nobody wants to know */
    struct kh_worker *worker;           /* NULL until the table is ready */
    struct kh_worker_config config;
    struct kh_cmds cmds;
    struct kh_batches batches;
    struct kh_processors processors;
    struct kh_cmd *unstarted; /* owned: CHILD_STARTs that failed in this step */
    size_t unstarted_n;
    size_t unstarted_capacity;
    enum start_step start;
    unsigned start_tries_n;
    char mark[KH_STREAM_MARK_MAX + 1]; /* of the stream; "" if it cannot be told */
    bool stepping;                     /* inside kh_worker_step or its commands */
    bool asked_to_stop;
    bool stopped;
    int status;
};

static void step(struct host *host, const struct kh_event *event);

/* ---- commands ---- */

static void start_child(struct host *host, const struct kh_cmd *cmd)
{
    if (kh_processors_start(&host->processors, cmd)) {
        return;
    }
    if (host->unstarted_n == host->unstarted_capacity) {
        host->unstarted_capacity = kh_mem_grown(host->unstarted_capacity, host->unstarted_n + 1);
        host->unstarted =
            kh_mem_resize(host->unstarted, host->unstarted_capacity, sizeof(*host->unstarted));
    }
    host->unstarted[host->unstarted_n++] = *cmd;
}

static void stop_loop(struct host *host)
{
    host->stopped = true;
    kh_loop_stop(host->loop);
}

static void carry(struct host *host, const struct kh_cmd *cmd)
{
    switch (cmd->type) {
    case KH_CMD_NOTE:
        kh_notes_log(cmd);
        break;
    case KH_CMD_STORE:
        kh_store_submit(host->store, cmd->op);
        break;
    case KH_CMD_COORD:
        kh_store_submit_coord(host->store, cmd->coord);
        break;
    case KH_CMD_LIST_SHARDS:
        kh_source_list(host->source, cmd->ticket, cmd->filter, cmd->wall_ms);
        break;
    case KH_CMD_OPEN:
        kh_source_begin(host->source, kh_str(cmd->key), cmd->ticket, &cmd->position, &cmd->skip_to);
        break;
    case KH_CMD_FETCH:
        kh_source_fetch(host->source, kh_str(cmd->key), cmd->ticket, cmd->limit);
        break;
    case KH_CMD_CLOSE:
        kh_source_end(host->source, kh_str(cmd->key));
        break;
    case KH_CMD_DROP_BATCH:
        kh_batches_drop(&host->batches, cmd->batch);
        break;
    case KH_CMD_CHILD_START:
        start_child(host, cmd);
        break;
    case KH_CMD_CHILD_SEND:
    case KH_CMD_CHILD_ACK:
    case KH_CMD_CHILD_CLOSE:
    case KH_CMD_CHILD_SIGNAL:
        kh_processors_carry(&host->processors, cmd,
                            cmd->batch != 0 ? kh_batches_get(&host->batches, cmd->batch) : NULL);
        break;
    case KH_CMD_STOPPED:
        if (cmd->why == KH_STOP_FAILED && host->status == KH_EXIT_OK) {
            host->status = KH_EXIT_PROCESSOR;
        }
        stop_loop(host);
        break;
    }
}

/* Tell the core of the children that could not be started, once its commands have all been carried
 * out. */
static void report_unstarted(struct host *host)
{
    while (host->unstarted_n > 0) {
        const struct kh_cmd cmd = host->unstarted[--host->unstarted_n];
        char shard[KH_SHARD_ID_MAX + 1];

        (void)snprintf(shard, sizeof(shard), "%s", cmd.key);
        step(host, &(struct kh_event){.type = KH_EVENT_CHILD_EXITED,
                                      .key = kh_str(shard),
                                      .child = cmd.child,
                                      .exit_status = -1});
    }
}

static void measure_if_wanted(struct host *host)
{
    if (host->utilization == NULL) {
        return;
    }
    if (kh_worker_reports(host->worker)) {
        kh_utilization_start(host->utilization);
    } else {
        kh_utilization_stop(host->utilization);
    }
}

static void step(struct host *host, const struct kh_event *event)
{
    kh_ms now_ms = kh_clock_boot_ms(); /* the loop's may be old after a long callback */

    if (host->worker == NULL || host->stopped) {
        return;
    }
    kh_assert(!host->stepping);
    host->stepping = true;
    kh_cmds_reset(&host->cmds);
    kh_flight_event(event, now_ms);
    kh_worker_step(host->worker, event, now_ms, &host->cmds);
    kh_flight_cmds(&host->cmds, now_ms);
    for (size_t i = 0; i < host->cmds.n; i++) {
        carry(host, &host->cmds.items[i]);
    }
    host->stepping = false;
    measure_if_wanted(host);
    report_unstarted(host);
    kh_watch_at(host->deadline, kh_worker_deadline(host->worker));
}

/* ---- callbacks into events ---- */

static void on_child_event(void *arg, const struct kh_event *event)
{
    step(arg, event);
}

static void on_store(void *arg, const struct kh_lease_answer *answer)
{
    step(arg, &(struct kh_event){.type = KH_EVENT_STORE, .answer = answer});
}

static void on_utilization(void *arg, double percent)
{
    step(arg, &(struct kh_event){.type = KH_EVENT_UTILIZATION, .percent = percent});
}

static void on_coord(void *arg, const struct kh_coord_answer *answer)
{
    step(arg, &(struct kh_event){
                  .type = KH_EVENT_COORD, .coord = answer, .wall_ms = kh_clock_wall_ms()});
}

static void tick(struct host *host)
{
    step(host, &(struct kh_event){.type = KH_EVENT_TICK, .wall_ms = kh_clock_wall_ms()});
}

static void fail(struct host *host, int status, const struct kh_err *err)
{
    kh_log(KH_LOG_ERROR, "host.cannot_go_on", kh_f("why", err->text));
    host->status = status;
    stop_loop(host);
}

/* A malformed line in a file stays malformed: going round it would skip a record, so the run
 * ends. */
static bool is_malformed_file(const struct host *host, const struct kh_err *err)
{
    return err != NULL && err->rc == KH_DENIED && kh_setup_is_file_source(host->settings);
}

static void stop_for_data(struct host *host, const struct kh_err *err)
{
    if (host->status == KH_EXIT_OK) {
        kh_log(KH_LOG_ERROR, "host.malformed_record", kh_f("why", err->text));
        host->status = KH_EXIT_DATA;
        host->asked_to_stop = true;
        step(host, &(struct kh_event){.type = KH_EVENT_STOP});
    }
}

/* The source did not do what it was asked. The core will try again; here is only what to tell. */
static void log_refusal(const struct host *host, const char *event, struct kh_str shard,
                        const struct kh_err *err)
{
    if (err != NULL && err->rc != KH_OK && !is_malformed_file(host, err)) {
        kh_log(err->rc == KH_THROTTLED ? KH_LOG_INFO : KH_LOG_WARN, event, kh_fs("shard", shard),
               kh_f("why", err->text));
    }
}

static void on_opened(void *arg, struct kh_str shard, uint64_t ticket, enum kh_rc rc,
                      int64_t wall_ms, const struct kh_err *err)
{
    log_refusal(arg, "source.not_opened", shard, err); /* the step may end what shard points to */
    step(
        arg,
        &(struct kh_event){
            .type = KH_EVENT_OPENED, .key = shard, .ticket = ticket, .rc = rc, .wall_ms = wall_ms});
    if (is_malformed_file(arg, err)) {
        stop_for_data(arg, err);
    }
}

static void on_fetched(void *arg, struct kh_str shard, uint64_t ticket, struct kh_batch *batch,
                       const struct kh_fetched *fetched, const struct kh_err *err)
{
    struct host *host = arg;
    struct kh_fetched numbered = *fetched;
    struct kh_event event = {.type = KH_EVENT_FETCHED, .key = shard, .ticket = ticket};

    log_refusal(host, "source.not_fetched", shard, err);
    if (batch != NULL) {
        numbered.batch = kh_batches_add(&host->batches, batch);
    }
    if (err == NULL) {
        event.fetched = &numbered;
    } else {
        event.rc = err->rc;
    }
    step(host, &event);
    if (is_malformed_file(host, err)) {
        stop_for_data(host, err);
    }
}

/* ---- start ---- */

/* A step of the start failed: if that may pass, it is due again soon. */
static bool try_again(struct host *host, const struct kh_err *err)
{
    bool passing = err->rc == KH_RETRY || err->rc == KH_THROTTLED ||
                   err->rc == KH_CONFLICT; /* a stream or table that is being made */

    if (!passing || ++host->start_tries_n == START_TRIES_MAX) {
        return false;
    }
    kh_log(KH_LOG_WARN, "host.start_delayed", kh_f("why", err->text));
    kh_watch_at(host->deadline, kh_loop_now_ms(host->loop) + START_RETRY_MS);
    return true;
}

static void next_start_step(struct host *host);

static void start_worker(struct host *host)
{
    host->worker = kh_worker_new(&host->config, kh_loop_now_ms(host->loop));
    kh_log(KH_LOG_INFO, "host.started", kh_f("worker", host->config.worker_id),
           kh_f("application", host->settings->application_name),
           kh_f("stream", host->settings->stream_name));
    tick(host);
}

static void on_claimed(void *arg, const struct kh_err *err)
{
    struct host *host = arg;
    struct kh_err why = *err;

    if (err->rc == KH_OK) {
        start_worker(host);
    } else if (err->rc == KH_CONFLICT || !try_again(host, err)) {
        fail(host, kh_setup_refused_leases(host->settings, &why), &why);
    }
}

static void on_ensured(void *arg, const struct kh_err *err)
{
    struct host *host = arg;

    if (err != NULL && err->rc != KH_OK) {
        struct kh_err why = *err;

        if (!try_again(host, err)) {
            fail(host, kh_setup_refused_store(host->settings, host->access.dynamodb_region, &why),
                 &why);
        }
        return;
    }
    host->start = START_CLAIM;
    next_start_step(host);
}

static void on_identified(void *arg, const char *mark, const struct kh_err *err)
{
    struct host *host = arg;

    if (err != NULL && (err->rc == KH_RETRY || err->rc == KH_THROTTLED || err->rc == KH_NOTFOUND)) {
        struct kh_err why = *err;

        if (!try_again(host, err)) {
            fail(host, kh_setup_refused_source(host->settings, host->access.kinesis_region, &why),
                 &why);
        }
        return;
    }
    if (err != NULL) {
        kh_log(KH_LOG_WARN, "host.stream_not_told",
               kh_f("guard", mark[0] != '\0' ? "by ARN alone" : "off"), kh_f("why", err->text));
    }
    (void)snprintf(host->mark, sizeof(host->mark), "%s", mark);
    host->start = START_ENSURE;
    next_start_step(host);
}

static void on_stream_listed(struct host *host, enum kh_rc rc, const struct kh_err *err)
{
    struct kh_err why;

    if (rc == KH_OK) {
        host->start = START_IDENTIFY;
        next_start_step(host);
        return;
    }
    why = *err;
    if (!try_again(host, err)) {
        fail(host, kh_setup_refused_source(host->settings, host->access.kinesis_region, &why),
             &why);
    }
}

static void claim(struct host *host)
{
    const struct kh_store_claim mine = {.mark = host->mark, .adopt = host->adopt};

    if (host->mark[0] == '\0' || !kh_store_claim(host->store, &mine, on_claimed, host)) {
        start_worker(host);
    }
}

/* Also the same step once more. */
static void next_start_step(struct host *host)
{
    switch (host->start) {
    case START_LIST:
        kh_source_list(host->source, START_TICKET, KH_SHARDS_AT_LATEST, 0);
        break;
    case START_IDENTIFY:
        if (!kh_source_identify(host->source, on_identified, host)) {
            on_identified(host, "", NULL);
        }
        break;
    case START_ENSURE:
        kh_store_ensure(host->store, on_ensured, host);
        break;
    case START_CLAIM:
        claim(host);
        break;
    }
}

static void on_shards(void *arg, uint64_t ticket, enum kh_rc rc, const struct kh_shard *shards,
                      size_t n, const struct kh_err *err)
{
    struct host *host = arg;

    if (ticket == START_TICKET) {
        on_stream_listed(host, rc, err);
        return;
    }
    log_refusal(host, "source.not_listed", kh_str(""), err);
    step(host,
         &(struct kh_event){
             .type = KH_EVENT_SHARDS, .ticket = ticket, .rc = rc, .shards = shards, .shards_n = n});
}

static void on_deadline(void *arg)
{
    struct host *host = arg;

    if (host->worker != NULL) {
        tick(host);
    } else {
        next_start_step(host);
    }
}

static void on_signal(void *arg, int signo)
{
    struct host *host = arg;
    enum kh_event_type type = host->asked_to_stop ? KH_EVENT_STOP_NOW : KH_EVENT_STOP;

    if (signo == SIGUSR1) {
        kh_notes_log_counts();
        return;
    }
    kh_log(KH_LOG_INFO, "host.signal", kh_fi("signal", signo));
    if (host->worker == NULL) {
        stop_loop(host);
        return;
    }
    host->asked_to_stop = true;
    step(host, &(struct kh_event){.type = type});
}

static enum kh_rc open_edges(struct host *host, struct kh_err *err)
{
    const struct kh_settings *settings = host->settings;
    struct kh_source_config source = {
        .where = settings->source,
        .stream = settings->stream_name,
        .stream_arn = settings->stream_arn,
        .loop = host->loop,
        .answers = {.shards = on_shards, .opened = on_opened, .fetched = on_fetched},
        .arg = host,
    };
    struct kh_store_config store = {
        .where = settings->lease_store,
        .table = settings->table_name,
        .state_table = settings->coordinator_state_table_name,
        .stats_table = settings->worker_metrics_table_name,
        .loop = host->loop,
        .answered = on_store,
        .coord_answered = on_coord,
        .arg = host,
        .write_ms_max = kh_ms_max(host->config.failover_ms / WRITES_PER_FAILOVER, WRITE_MS_MIN),
        .create_if_missing = true,
        .deletion_protection = settings->lease_table_deletion_protection_enabled,
        .point_in_time_recovery = settings->lease_table_pitr_enabled,
    };
    enum kh_rc rc = kh_access_open(&host->access, host->loop, settings, err);

    if (rc == KH_OK) {
        source.kinesis = host->access.kinesis;
        rc = kh_source_open(&host->source, &source, err);
        if (rc != KH_OK) {
            host->status = kh_setup_refused_source(settings, host->access.kinesis_region, err);
            (void)kh_settings_blame(settings, settings->source_place, err);
        }
    }
    if (rc == KH_OK) {
        store.dynamodb = host->access.dynamodb;
        rc = kh_store_open(&host->store, &store, err);
        if (rc != KH_OK) {
            host->status = kh_setup_refused_store(settings, host->access.dynamodb_region, err);
            (void)kh_settings_blame(settings, settings->lease_store_place, err);
        }
    }
    return rc;
}

/* Only who shares a table with others may be asked how busy its machine is. */
static void open_utilization(struct host *host)
{
    struct kh_utilization_config config = {
        .loop = host->loop,
        .http = host->access.http,
        .every_ms = host->settings->in_memory_worker_metrics_capture_frequency_millis,
        .measured = on_utilization,
        .arg = host,
    };

    if (host->access.dynamodb != NULL) {
        kh_utilization_surroundings(&config);
        host->utilization = kh_utilization_new(&config);
    }
}

static bool is_ignored(int signo)
{
    struct sigaction now;

    return sigaction(signo, NULL, &now) == 0 && now.sa_handler == SIG_IGN;
}

static enum kh_rc open_host(struct host *host, struct kh_err *err)
{
    static const int signos[SIGNALS_N] = {SIGTERM, SIGINT, SIGHUP, SIGUSR1};
    enum kh_rc rc = kh_program_check(host->settings->executable_argv[0], err);

    if (rc != KH_OK) {
        host->status = KH_EXIT_CONFIG;
        return kh_settings_blame(host->settings, host->settings->executable_name_place, err);
    }
    rc = kh_setup_worker(&host->config, host->settings, err);
    host->config.exit_when_done = host->exit_when_done;
    if (rc == KH_OK) {
        rc = kh_loop_new(&host->loop, err);
    }
    if (rc != KH_OK) {
        return rc;
    }
    for (size_t i = 0; i < SIGNALS_N; i++) {
        if (signos[i] != SIGHUP || !is_ignored(SIGHUP)) { /* nohup */
            host->signals[i] = kh_loop_signal(host->loop, signos[i], on_signal, host);
        }
    }
    host->deadline = kh_loop_timer(host->loop, on_deadline, host);
    host->processors.loop = host->loop;
    host->processors.settings = host->settings;
    host->processors.worker_id = host->config.worker_id;
    host->processors.on_event = on_child_event;
    host->processors.arg = host;
    rc = open_edges(host, err);
    if (rc == KH_OK) {
        open_utilization(host);
    }
    return rc;
}

static void close_host(struct host *host)
{
    host->stopped = true;
    kh_processors_fini(&host->processors);
    if (host->source != NULL) {
        kh_source_close(host->source);
    }
    if (host->store != NULL) {
        kh_store_close(host->store);
    }
    kh_utilization_free(host->utilization);
    kh_access_close(&host->access);
    kh_batches_fini(&host->batches);
    kh_worker_free(host->worker);
    kh_cmds_fini(&host->cmds);
    kh_mem_free(host->unstarted);
    kh_watch_free(host->deadline);
    for (size_t i = 0; i < SIGNALS_N; i++) {
        kh_watch_free(host->signals[i]);
    }
    kh_loop_free(host->loop);
}

int kh_host_run(const struct kh_host_options *options)
{
    struct host host = {.settings = options->settings,
                        .exit_when_done = options->exit_when_done,
                        .adopt = options->adopt,
                        .status = KH_EXIT_OK};
    struct kh_err err;
    enum kh_rc rc;

    kh_cmds_init(&host.cmds);
    kh_batches_init(&host.batches);
    kh_processors_init(&host.processors);
    rc = open_host(&host, &err);
    if (rc == KH_OK) {
        kh_watch_at(host.deadline, kh_loop_now_ms(host.loop));
        kh_loop_run(host.loop);
    } else {
        kh_log(KH_LOG_ERROR, "host.not_started", kh_f("why", err.text));
        host.status = host.status != KH_EXIT_OK ? host.status : kh_exit_for(rc);
    }
    kh_notes_log_counts();
    kh_log(KH_LOG_INFO, "host.ended", kh_fi("status", host.status));
    close_host(&host);
    return host.status;
}
