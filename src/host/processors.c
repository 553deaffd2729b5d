#include "host/processors.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include "base/assert.h"
#include "base/log.h"
#include "base/mem.h"
#include "multilang/child.h"
#include "multilang/quota.h"
#include "multilang/warden.h"
#include "wire/multilang.h"

/* Far above all that can come in: a byte from outside becomes at most six here (\\uXXXX), and no
 * answer and no line of a child is longer than 32 MiB. */
#define LINE_OUT_BYTES_MAX ((size_t)256 * 1024 * 1024)
/* A child's messages have some 300 bytes; what is longer than this is not one. */
#define LINE_IN_BYTES_MAX ((size_t)1024 * 1024)
#define LINE_SHOWN_BYTES  200
#define ENV_TEXT_BYTES    (KH_SHARD_ID_MAX + 32)

struct processor {
    uint32_t number; /* its bytes are the key */
    struct kh_processors *all;
    char shard[KH_SHARD_ID_MAX + 1];
    struct kh_child *child; /* owned */
    struct kh_quota skipped;
    struct kh_quota refused;
    bool asked;                                  /* a checkpoint line waits for its answer */
    char *asked_seq;                             /* owned: what it said, to be echoed */
    struct kh_child_checkpoint asked_checkpoint; /* its seq points to asked_seq */
};

static struct kh_str key_of(const uint32_t *number)
{
    return kh_str_of((const char *)number, sizeof(*number));
}

void kh_processors_init(struct kh_processors *processors)
{
    kh_warden_start();
    kh_map_init(&processors->by_number);
}

static void free_processor(struct processor *processor)
{
    kh_child_free(processor->child);
    kh_mem_free(processor->asked_seq);
    kh_mem_free(processor);
}

void kh_processors_fini(struct kh_processors *processors)
{
    for (size_t i = 0; i < processors->by_number.n; i++) {
        free_processor(processors->by_number.entries[i].value);
    }
    kh_map_fini(&processors->by_number);
    kh_warden_stop();
}

/* ---- from the child ---- */

static void log_skipped(struct processor *processor, struct kh_str line, const char *why)
{
    struct kh_str shown = kh_str_of(line.p, line.n < LINE_SHOWN_BYTES ? line.n : LINE_SHOWN_BYTES);
    uint64_t unsaid_n;

    if (!kh_quota_take(&processor->skipped, kh_loop_now_ms(processor->all->loop), &unsaid_n)) {
        return;
    }
    kh_log(KH_LOG_INFO, "child.line_skipped", kh_f("shard", processor->shard), kh_f("why", why),
           kh_fs("line", shown), kh_fu("unsaid", unsaid_n));
}

/* The answer will echo what the child wrote, which must outlive the line. Until it is sent no more
 * lines are taken. */
static void ask(struct processor *processor, const struct kh_child_checkpoint *checkpoint)
{
    kh_assert(!processor->asked);
    processor->asked = true;
    processor->asked_checkpoint = *checkpoint;
    if (checkpoint->has_seq) {
        processor->asked_seq = kh_mem_copy(checkpoint->seq.p, checkpoint->seq.n);
        processor->asked_checkpoint.seq.p = processor->asked_seq;
    }
    kh_child_hold_lines(processor->child, true);
}

static void on_line(void *arg, struct kh_str line)
{
    struct processor *processor = arg;
    struct kh_event event = {.key = kh_str(processor->shard), .child = processor->number};
    struct kh_arena scratch;
    struct kh_line judged;

    kh_arena_init(&scratch);
    kh_multilang_judge(line, &scratch, &judged);
    if (judged.rest_dropped) {
        log_skipped(processor, line, "something stands behind the message");
    }
    switch (judged.type) {
    case KH_LINE_SKIPPED:
        log_skipped(processor, line, judged.why);
        break;
    case KH_LINE_STATUS:
        event.type = KH_EVENT_CHILD_STATUS;
        event.action_name = judged.response_for;
        processor->all->on_event(processor->all->arg, &event);
        break;
    case KH_LINE_CHECKPOINT:
        event.type = KH_EVENT_CHILD_CHECKPOINT;
        ask(processor, &judged.checkpoint);
        event.checkpoint = processor->asked_checkpoint;
        processor->all->on_event(processor->all->arg, &event);
        break;
    }
    kh_arena_fini(&scratch);
}

static void log_exit(const struct processor *processor, int wait_status)
{
    bool by_signal = WIFSIGNALED(wait_status);

    kh_log(KH_LOG_INFO, "child.exited", kh_f("shard", processor->shard),
           kh_fi("pid", kh_child_pid(processor->child)),
           kh_fi(by_signal ? "signal" : "status",
                 by_signal ? WTERMSIG(wait_status) : WEXITSTATUS(wait_status)));
}

static void on_ended(void *arg, int wait_status)
{
    struct processor *processor = arg;
    struct kh_processors *all = processor->all;
    char shard[KH_SHARD_ID_MAX + 1];
    struct kh_event event = {
        .type = KH_EVENT_CHILD_EXITED, .child = processor->number, .exit_status = wait_status};

    log_exit(processor, wait_status);
    memcpy(shard, processor->shard, sizeof(shard));
    event.key = kh_str(shard);
    (void)kh_map_remove(&all->by_number, key_of(&processor->number));
    free_processor(processor);
    all->on_event(all->arg, &event);
}

/* ---- to the child ---- */

bool kh_processors_start(struct kh_processors *processors, const struct kh_cmd *cmd)
{
    const struct kh_settings *settings = processors->settings;
    struct processor *processor = kh_mem_new(1, sizeof(*processor));
    char shard[ENV_TEXT_BYTES];
    char stream[ENV_TEXT_BYTES];
    char worker[ENV_TEXT_BYTES];
    char prefix[ENV_TEXT_BYTES];
    char *const environment[] = {shard, stream, worker, NULL};
    struct kh_child_config config = {
        .loop = processors->loop,
        .argv = settings->executable_argv,
        .environment = environment,
        .stderr_prefix = settings->child_stderr_prefix ? prefix : "",
        .line_bytes_max = LINE_IN_BYTES_MAX,
        .on_line = on_line,
        .on_exit = on_ended,
        .arg = processor,
    };
    struct kh_err err;
    bool fits = kh_str_copy(processor->shard, sizeof(processor->shard), kh_str(cmd->key));

    kh_assert(fits);
    processor->number = cmd->child;
    processor->all = processors;
    (void)snprintf(shard, sizeof(shard), "KCL_SHARD_ID=%s", cmd->key);
    (void)snprintf(stream, sizeof(stream), "KCL_STREAM_NAME=%s", settings->stream_name);
    (void)snprintf(worker, sizeof(worker), "KCL_WORKER_ID=%s", processors->worker_id);
    (void)snprintf(prefix, sizeof(prefix), "%s: ", cmd->key);
    if (kh_child_start(&processor->child, &config, &err) != KH_OK) {
        kh_log(KH_LOG_ERROR, "child.not_started", kh_f("shard", cmd->key), kh_f("why", err.text));
        kh_mem_free(processor);
        return false;
    }
    kh_map_add(&processors->by_number, key_of(&processor->number), processor);
    kh_log(KH_LOG_INFO, "child.started", kh_f("shard", cmd->key),
           kh_fi("pid", kh_child_pid(processor->child)));
    return true;
}

static enum kh_rc encode(struct kh_buf *line, const struct kh_settings *settings,
                         const struct kh_cmd *cmd, const struct kh_batch *batch)
{
    switch (cmd->action) {
    case KH_ACTION_INITIALIZE:
        return kh_multilang_initialize(line, kh_str(cmd->key), &cmd->skip_to);
    case KH_ACTION_PROCESS_RECORDS:
        return kh_multilang_process_records(line, batch);
    case KH_ACTION_LEASE_LOST:
    case KH_ACTION_SHARD_ENDED:
        if (settings->shutdown_with_reason) {
            return kh_multilang_shutdown(line, cmd->action);
        }
        break;
    case KH_ACTION_SHUTDOWN_REQUESTED:
        break;
    }
    return kh_multilang_plain(line, cmd->action);
}

static void send_action(struct processor *processor, const struct kh_cmd *cmd,
                        const struct kh_batch *batch)
{
    struct kh_buf line;
    enum kh_rc rc;

    kh_buf_init(&line, LINE_OUT_BYTES_MAX);
    rc = encode(&line, processor->all->settings, cmd, batch);
    kh_assert(rc == KH_OK);
    kh_child_send(processor->child, &line);
}

static void log_refused(struct processor *processor, const char *error)
{
    uint64_t unsaid_n;

    if (kh_quota_take(&processor->refused, kh_loop_now_ms(processor->all->loop), &unsaid_n)) {
        kh_log(KH_LOG_WARN, "child.checkpoint_refused", kh_f("shard", processor->shard),
               kh_f("error", error), kh_fu("unsaid", unsaid_n));
    }
}

static void send_ack(struct processor *processor, const char *error)
{
    struct kh_buf line;
    enum kh_rc rc;

    kh_assert(processor->asked);
    kh_buf_init(&line, LINE_OUT_BYTES_MAX);
    rc = kh_multilang_ack(&line, &processor->asked_checkpoint, error);
    kh_assert(rc == KH_OK);
    kh_child_send(processor->child, &line);
    processor->asked = false;
    kh_mem_free(processor->asked_seq);
    processor->asked_seq = NULL;
    kh_child_hold_lines(processor->child, false);
    if (error != NULL) {
        log_refused(processor, error);
    }
}

void kh_processors_carry(struct kh_processors *processors, const struct kh_cmd *cmd,
                         const struct kh_batch *batch)
{
    struct processor *processor = kh_map_get(&processors->by_number, key_of(&cmd->child));

    if (processor == NULL) {
        return; /* it could not be started; its CHILD_EXITED is on the way */
    }
    switch (cmd->type) {
    case KH_CMD_CHILD_SEND:
        send_action(processor, cmd, batch);
        break;
    case KH_CMD_CHILD_ACK:
        send_ack(processor, cmd->error);
        break;
    case KH_CMD_CHILD_CLOSE:
        kh_child_close_stdin(processor->child);
        break;
    case KH_CMD_CHILD_SIGNAL:
        kh_child_signal(processor->child, cmd->kill ? SIGKILL : SIGTERM);
        break;
    case KH_CMD_NOTE:
    case KH_CMD_STORE:
    case KH_CMD_COORD:
    case KH_CMD_LIST_SHARDS:
    case KH_CMD_OPEN:
    case KH_CMD_FETCH:
    case KH_CMD_CLOSE:
    case KH_CMD_DROP_BATCH:
    case KH_CMD_CHILD_START:
    case KH_CMD_STOPPED:
        kh_assert(false);
    }
}
