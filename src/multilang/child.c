#include "multilang/child.h"

#include <errno.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/mem.h"
#include "multilang/lines.h"
#include "multilang/quota.h"
#include "multilang/relay.h"
#include "multilang/spawn.h"
#include "multilang/warden.h"

#define CHILD_MAGIC 0x6368696cu

/* How much is read from one pipe before others get their turn; what a pipe holds unless somebody
 * made it larger. */
#define READ_BYTES_MAX KH_LINES_ADD_MAX

/* For the same reason, how often one child's stdin is filled in one turn. */
#define WRITES_MAX 16

/* A child that closed its stdout can never answer again, and one that closed its stdin hears
 * nothing any more. Mostly it is just about to exit; if not, it is made to. */
#define MUTE_MS_MAX KH_SECONDS(2)

struct unsent {
    struct unsent *next;
    struct kh_buf bytes;
};

struct kh_child {
    uint32_t magic;
    struct kh_loop *loop; /* borrowed */
    void (*on_line)(void *arg, struct kh_str line);
    void (*on_exit)(void *arg, int wait_status);
    void *arg; /* borrowed */

    struct kh_spawned process; /* a descriptor is -1 once it is closed */
    bool exited;               /* reaped; the pid may be somebody else's by now */
    int wait_status;
    bool exit_told;
    bool in_call;  /* inside on_line or on_exit, from where this child may be freed */
    bool unwanted; /* it was: free it when the call is back */
    bool held;
    bool close_asked;

    struct unsent *queue; /* owned; the first is being written */
    struct unsent *queue_last;
    size_t first_sent_bytes;
    size_t unsent_bytes;

    struct kh_lines lines;
    size_t too_long_told;
    struct kh_quota too_long;
    size_t left_bytes; /* exited: what of its own words is still in the pipe */
    bool deaf;         /* it closed its stdin, and not because we did */
    kh_ms mute_at_ms;  /* stdout or stdin closed: until when it may go on living without */
    struct kh_relay relay;

    struct kh_watch *to; /* owned, as all watches; NULL with a closed descriptor */
    struct kh_watch *from;
    struct kh_watch *stderr_watch;
    struct kh_watch *ended;
    struct kh_watch *again; /* lines wait to be handed over, or the child is mute */
};

static struct kh_child *child_of(void *arg)
{
    struct kh_child *child = arg;

    kh_assert(child->magic == CHILD_MAGIC);
    return child;
}

static void close_end(struct kh_watch **watch, int *fd)
{
    kh_watch_free(*watch);
    *watch = NULL;
    kh_fd_close(fd);
}

/* stdin */

static void drop_first(struct kh_child *child)
{
    struct unsent *first = child->queue;

    child->unsent_bytes -= first->bytes.n - child->first_sent_bytes;
    child->first_sent_bytes = 0;
    child->queue = first->next;
    kh_buf_fini(&first->bytes);
    kh_mem_free(first);
}

static void close_stdin(struct kh_child *child)
{
    while (child->queue != NULL) {
        drop_first(child);
    }
    kh_assert(child->unsent_bytes == 0);
    close_end(&child->to, &child->process.to_fd);
}

/* It closed one of its ends. */
static void give_notice(struct kh_child *child)
{
    child->mute_at_ms = kh_loop_now_ms(child->loop) + MUTE_MS_MAX;
    kh_watch_at(child->again, child->mute_at_ms);
}

static void on_deaf(struct kh_child *child)
{
    close_stdin(child);
    if (!child->exited && !child->close_asked) {
        child->deaf = true;
        give_notice(child);
    }
}

/* True while there is more to write, and room for it. */
static bool write_some(struct kh_child *child)
{
    struct kh_buf *bytes = &child->queue->bytes;
    ssize_t n = write(child->process.to_fd, bytes->p + child->first_sent_bytes,
                      bytes->n - child->first_sent_bytes);

    if (n < 0 && errno != EINTR && errno != EAGAIN) {
        on_deaf(child); /* EPIPE */
        return false;
    }
    if (n > 0) {
        child->first_sent_bytes += (size_t)n;
        child->unsent_bytes -= (size_t)n;
    }
    if (child->first_sent_bytes == bytes->n) {
        drop_first(child);
    }
    return child->queue != NULL && !(n < 0 && errno == EAGAIN);
}

static void flush(struct kh_child *child)
{
    int writes = 0;

    while (child->queue != NULL && writes < WRITES_MAX && write_some(child)) {
        writes++;
    }
    if (child->process.to_fd < 0) {
        return;
    }
    if (child->queue == NULL && child->close_asked) {
        close_stdin(child);
        return;
    }
    /* There is nothing to read here: what is told so is that the other end was closed. */
    kh_watch_want(child->to, child->queue != NULL ? KH_WANT_WRITE : KH_WANT_READ);
}

static void on_stdin_ready(void *arg, int fd, unsigned ready)
{
    struct kh_child *child = child_of(arg);

    (void)ready;
    kh_assert(fd == child->process.to_fd);
    if (child->queue == NULL) {
        on_deaf(child);
    } else {
        flush(child);
    }
}

void kh_child_send(struct kh_child *child, struct kh_buf *line)
{
    struct kh_buf bytes = kh_buf_take(line);
    struct unsent *unsent;
    bool was_idle = child->queue == NULL;

    kh_assert(bytes.n > 0);
    if (child->process.to_fd < 0 || child->close_asked) {
        kh_buf_fini(&bytes);
        return;
    }
    unsent = kh_mem_new(1, sizeof(*unsent));
    unsent->bytes = bytes;
    child->unsent_bytes += bytes.n;
    if (was_idle) {
        child->queue = unsent;
    } else {
        child->queue_last->next = unsent;
    }
    child->queue_last = unsent;
    if (was_idle) {
        flush(child); /* mostly there is room: no need to wait for the loop's next turn */
    }
}

size_t kh_child_unsent_bytes(const struct kh_child *child)
{
    return child->unsent_bytes;
}

void kh_child_close_stdin(struct kh_child *child)
{
    child->close_asked = true;
    if (child->process.to_fd >= 0 && child->queue == NULL) {
        close_stdin(child);
    }
}

/* stderr */

/* One read, passed on. False at the end, or when nothing is there. */
static bool relay_some(struct kh_child *child, size_t bytes_max)
{
    char bytes[READ_BYTES_MAX];
    ssize_t n = read(child->process.stderr_fd, bytes, bytes_max);

    if (n > 0) {
        kh_relay_add(&child->relay, bytes, (size_t)n);
        return true;
    }
    if (n == 0 || (errno != EINTR && errno != EAGAIN)) {
        close_end(&child->stderr_watch, &child->process.stderr_fd);
    }
    return false;
}

static void on_stderr_ready(void *arg, int fd, unsigned ready)
{
    struct kh_child *child = child_of(arg);

    (void)ready;
    kh_assert(fd == child->process.stderr_fd);
    (void)relay_some(child, READ_BYTES_MAX);
}

/* stdout */

static void call_on_line(struct kh_child *child, struct kh_str line)
{
    child->in_call = true;
    child->on_line(child->arg, line);
    child->in_call = false;
}

static void tell_too_long(struct kh_child *child)
{
    size_t n = child->lines.too_long_n - child->too_long_told;
    uint64_t unsaid_n; /* n has them, too */

    if (n > 0 && kh_quota_take(&child->too_long, kh_loop_now_ms(child->loop), &unsaid_n)) {
        kh_log(KH_LOG_WARN, "child.line_too_long", kh_fi("pid", child->process.pid),
               kh_fu("lines", n), kh_fu("bytes_max", child->lines.line_bytes_max));
        child->too_long_told = child->lines.too_long_n;
    }
}

static bool may_give(const struct kh_child *child)
{
    return !child->held && !child->unwanted;
}

/* Hand over what was read; false when something may be left, because lines are held. */
static bool give_lines(struct kh_child *child)
{
    struct kh_str line;

    while (may_give(child) && kh_lines_next(&child->lines, &line)) {
        call_on_line(child, line);
    }
    tell_too_long(child);
    if (may_give(child) && child->process.from_fd < 0 && kh_lines_last(&child->lines, &line)) {
        call_on_line(child, line);
    }
    return may_give(child);
}

/* One read, kept in lines; the number of bytes. Closes our end when the pipe is at its own. */
static size_t take_some(struct kh_child *child, size_t bytes_max)
{
    char bytes[READ_BYTES_MAX];
    ssize_t n = read(child->process.from_fd, bytes, bytes_max);

    if (n > 0) {
        kh_lines_add(&child->lines, bytes, (size_t)n);
        return (size_t)n;
    }
    if (n == 0 || (errno != EINTR && errno != EAGAIN)) {
        close_end(&child->from, &child->process.from_fd);
    }
    return 0;
}

static void release(struct kh_child *child)
{
    close_stdin(child);
    close_end(&child->from, &child->process.from_fd);
    close_end(&child->stderr_watch, &child->process.stderr_fd);
    kh_watch_free(child->ended);
    kh_watch_free(child->again);
    kh_lines_fini(&child->lines);
    kh_relay_fini(&child->relay);
    child->magic = 0;
    kh_mem_free(child);
}

/* The end of every callback of the loop that calls on_line or on_exit: they may have freed the
 * child. */
static void settle(struct kh_child *child)
{
    if (child->unwanted) {
        release(child);
    }
}

static void on_stdout_ready(void *arg, int fd, unsigned ready)
{
    struct kh_child *child = child_of(arg);

    (void)ready;
    kh_assert(fd == child->process.from_fd);
    kh_assert(!child->held);
    (void)take_some(child, READ_BYTES_MAX);
    if (child->process.from_fd < 0) {
        give_notice(child);
    }
    (void)give_lines(child);
    settle(child);
}

void kh_child_hold_lines(struct kh_child *child, bool hold)
{
    if (hold == child->held) {
        return;
    }
    child->held = hold;
    if (hold && child->from != NULL) {
        kh_watch_want(child->from, KH_WANT_NONE);
    }
    if (!hold) {
        kh_watch_at(child->again, kh_loop_now_ms(child->loop)); /* never from inside this call */
    }
}

/* The end */

static size_t bytes_in_pipe(int fd)
{
    int n = 0;

    return fd >= 0 && ioctl(fd, FIONREAD, &n) == 0 && n > 0 ? (size_t)n : 0;
}

/* Take what the process itself had written, and no more: whoever else holds its stdout is not
 * waited for. */
static void take_rest(struct kh_child *child)
{
    size_t n = child->left_bytes < READ_BYTES_MAX ? child->left_bytes : READ_BYTES_MAX;

    n = n > 0 ? take_some(child, n) : 0;
    child->left_bytes -= n;
    if (n == 0) {
        close_end(&child->from, &child->process.from_fd);
    }
}

static void finish(struct kh_child *child)
{
    kh_assert(child->exited);
    while (give_lines(child) && child->process.from_fd >= 0) {
        take_rest(child);
    }
    if (may_give(child) && !child->exit_told) {
        child->exit_told = true;
        child->in_call = true;
        child->on_exit(child->arg, child->wait_status);
        child->in_call = false;
    }
}

/* Its last words on stderr, again without waiting for others. */
static void relay_rest(struct kh_child *child)
{
    size_t left_bytes = bytes_in_pipe(child->process.stderr_fd);
    size_t reads = (left_bytes + READ_BYTES_MAX - 1) / READ_BYTES_MAX;

    while (reads > 0 && relay_some(child, READ_BYTES_MAX)) {
        reads--;
    }
    close_end(&child->stderr_watch, &child->process.stderr_fd);
}

static void on_ended(void *arg, pid_t pid, int wait_status)
{
    struct kh_child *child = child_of(arg);

    kh_assert(pid == child->process.pid);
    kh_assert(!child->exited);
    kh_child_signal(child, SIGKILL); /* what it left running in its group */
    kh_warden_ended(child->process.pid);
    child->exited = true;
    child->wait_status = wait_status;
    child->left_bytes = bytes_in_pipe(child->process.from_fd);
    if (child->from != NULL) {
        kh_watch_want(child->from, KH_WANT_NONE);
    }
    close_stdin(child);
    relay_rest(child);
    finish(child);
    settle(child);
}

/* A process that still runs, its stdout or stdin closed, while answers are expected of it. */
static void end_mute(struct kh_child *child)
{
    if (child->close_asked) {
        return; /* it is on its way out and may take its time */
    }
    if (kh_loop_now_ms(child->loop) < child->mute_at_ms) {
        kh_watch_at(child->again, child->mute_at_ms);
        return;
    }
    kh_log(KH_LOG_WARN, child->from == NULL ? "child.stdout_closed" : "child.stdin_closed",
           kh_fi("pid", child->process.pid));
    kh_child_signal(child, SIGKILL);
}

static void on_again(void *arg)
{
    struct kh_child *child = child_of(arg);

    if (child->exited) {
        finish(child);
    } else if (give_lines(child)) {
        if (child->from != NULL) {
            kh_watch_want(child->from, KH_WANT_READ);
        }
        if (child->from == NULL || child->deaf) {
            end_mute(child);
        }
    }
    settle(child);
}

void kh_child_signal(struct kh_child *child, int signo)
{
    if (!child->exited) {
        (void)kill(-child->process.pid, signo);
    }
}

long kh_child_pid(const struct kh_child *child)
{
    return child->process.pid;
}

enum kh_rc kh_child_start(struct kh_child **child, const struct kh_child_config *config,
                          struct kh_err *err)
{
    const struct sigaction ignore = {.sa_handler = SIG_IGN};
    struct kh_spawned process;
    struct kh_child *made;
    enum kh_rc rc;

    kh_assert(config->on_line != NULL);
    kh_assert(config->on_exit != NULL);
    rc = kh_spawn(&process, config->argv, config->environment, err);
    if (rc != KH_OK) {
        return rc;
    }
    (void)sigaction(SIGPIPE, &ignore, NULL); /* a child that closes its stdin must not end us */
    kh_warden_begins(process.pid);
    made = kh_mem_new(1, sizeof(*made));
    made->magic = CHILD_MAGIC;
    made->loop = config->loop;
    made->on_line = config->on_line;
    made->on_exit = config->on_exit;
    made->arg = config->arg;
    made->process = process;
    kh_lines_init(&made->lines, config->line_bytes_max);
    kh_relay_init(&made->relay, config->stderr_prefix);
    made->to = kh_loop_fd(made->loop, process.to_fd, KH_WANT_READ, on_stdin_ready, made);
    made->from = kh_loop_fd(made->loop, process.from_fd, KH_WANT_READ, on_stdout_ready, made);
    made->stderr_watch =
        kh_loop_fd(made->loop, process.stderr_fd, KH_WANT_READ, on_stderr_ready, made);
    made->ended = kh_loop_child(made->loop, process.pid, on_ended, made);
    made->again = kh_loop_timer(made->loop, on_again, made);
    *child = made;
    return KH_OK;
}

void kh_child_free(struct kh_child *child)
{
    if (child == NULL) {
        return;
    }
    kh_assert(child->magic == CHILD_MAGIC);
    kh_assert(!child->unwanted);
    if (!child->exited) {
        kh_child_signal(child, SIGKILL);
        kh_warden_ended(child->process.pid);
    }
    if (child->in_call) {
        child->unwanted = true;
        return;
    }
    release(child);
}
