#include "io/loop.h"

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <ev.h>

#include "base/assert.h"
#include "base/fd.h"
#include "base/mem.h"
#include "io/clock.h"

#define WATCH_MAGIC 0x77746368u
#define LOOP_MAGIC  0x6c6f6f70u

enum watch_type { WATCH_FD, WATCH_TIMER, WATCH_SIGNAL, WATCH_CHILD };

/* Timers are ours, not libev's: those run on CLOCK_MONOTONIC, which stands still while the machine
 * sleeps, and a worker that wakes up must see at once that its leases expired. One timerfd serves
 * the earliest. */
struct link {
    struct link *next;
    struct link *prev;
};

struct kh_watch {
    struct link link; /* TIMER: in loop->timers or a list of due ones; must be first */
    uint32_t magic;
    enum watch_type type;
    struct kh_loop *loop; /* borrowed */
    void *arg;            /* borrowed */
    kh_ms at_ms;          /* TIMER */
    union {
        ev_io io;
        ev_signal signal;
        ev_child child;
    } ev;
    union {
        kh_fd_ready *ready;
        kh_timer_due *due;
        kh_signal_seen *seen;
        kh_child_ended *ended;
    } call;
};

struct kh_loop {
    uint32_t magic;
    struct ev_loop *ev; /* owned; libev's default loop, the only one that reaps children */
    kh_ms now_ms;
    bool stopped;
    size_t watches;       /* alive; must be 0 in the end */
    struct link timers;   /* armed, earliest first */
    int timer_fd;         /* owned */
    kh_ms timer_fd_at_ms; /* what timer_fd is set to; KH_NEVER: off */
    ev_io timer_io;
    ev_check awake;
    ev_prepare asleep;
};

static void list_init(struct link *list)
{
    list->next = list;
    list->prev = list;
}

static void list_remove(struct link *item)
{
    item->next->prev = item->prev;
    item->prev->next = item->next;
    list_init(item);
}

static void list_insert_before(struct link *item, struct link *place)
{
    item->prev = place->prev;
    item->next = place;
    place->prev->next = item;
    place->prev = item;
}

static struct kh_watch *timer_of(struct link *item)
{
    struct kh_watch *watch = (struct kh_watch *)item;

    kh_assert(watch->magic == WATCH_MAGIC);
    kh_assert(watch->type == WATCH_TIMER);
    return watch;
}

static struct kh_watch *watch_of(void *arg, enum watch_type type)
{
    struct kh_watch *watch = arg;

    kh_assert(watch->magic == WATCH_MAGIC);
    kh_assert(watch->type == type);
    return watch;
}

static struct kh_loop *loop_of(void *arg)
{
    struct kh_loop *loop = arg;

    kh_assert(loop->magic == LOOP_MAGIC);
    return loop;
}

/* Before every sleep: one system call, and only if the earliest deadline is another one than last
 * time. */
static void set_timer_fd(struct kh_loop *loop)
{
    struct itimerspec spec = {0};
    kh_ms at_ms = KH_NEVER;
    int failed;

    if (loop->timers.next != &loop->timers) {
        at_ms = timer_of(loop->timers.next)->at_ms;
    }
    if (at_ms == loop->timer_fd_at_ms) {
        return;
    }
    if (at_ms != KH_NEVER) {
        kh_ms set_ms = kh_ms_max(at_ms, 1); /* all zero would switch it off */

        spec.it_value.tv_sec = (time_t)(set_ms / 1000);
        spec.it_value.tv_nsec = (long)(set_ms % 1000) * 1000000;
    }
    failed = timerfd_settime(loop->timer_fd, TFD_TIMER_ABSTIME, &spec, NULL);
    kh_assert(failed == 0);
    loop->timer_fd_at_ms = at_ms;
}

/* Only what is due now is fired: a callback that arms a timer in the past has to wait for the next
 * turn, so that no timer can starve the rest of the loop. */
static void fire_timers(struct kh_loop *loop)
{
    struct link due;

    list_init(&due);
    while (loop->timers.next != &loop->timers &&
           timer_of(loop->timers.next)->at_ms <= loop->now_ms) {
        struct link *item = loop->timers.next;

        list_remove(item);
        list_insert_before(item, &due);
    }
    /* Callbacks may free or arm any watch, which takes it out of this list. */
    while (due.next != &due) {
        struct kh_watch *watch = timer_of(due.next);

        list_remove(&watch->link);
        watch->at_ms = KH_NEVER;
        watch->call.due(watch->arg);
    }
}

static void on_timer_fd(struct ev_loop *ev, ev_io *io, int revents)
{
    struct kh_loop *loop = loop_of(io->data);
    uint64_t expirations;
    ssize_t n = read(loop->timer_fd, &expirations, sizeof(expirations));

    (void)ev;
    (void)revents;
    (void)n; /* EAGAIN: it was set anew in this turn; the timers themselves say what is due */
    loop->timer_fd_at_ms = KH_NEVER;
    fire_timers(loop);
}

/* Runs first after each sleep, by its priority. */
static void on_awake(struct ev_loop *ev, ev_check *check, int revents)
{
    struct kh_loop *loop = loop_of(check->data);

    (void)ev;
    (void)revents;
    loop->now_ms = kh_clock_boot_ms();
}

static void on_asleep(struct ev_loop *ev, ev_prepare *prepare, int revents)
{
    (void)ev;
    (void)revents;
    set_timer_fd(loop_of(prepare->data));
}

enum kh_rc kh_loop_new(struct kh_loop **out, struct kh_err *err)
{
    struct kh_loop *loop;
    struct ev_loop *ev;
    int timer_fd = timerfd_create(CLOCK_BOOTTIME, TFD_CLOEXEC | TFD_NONBLOCK);

    if (timer_fd < 0) {
        return kh_fail_errno(err, errno, "create the loop's timer");
    }
    ev = ev_default_loop(EVFLAG_NOENV | EVBACKEND_EPOLL);
    if (ev == NULL) {
        kh_fd_close(&timer_fd);
        return kh_fail(err, KH_INVALID, "create the event loop: the kernel offers no epoll");
    }
    loop = kh_mem_new(1, sizeof(*loop));
    loop->magic = LOOP_MAGIC;
    loop->ev = ev;
    loop->now_ms = kh_clock_boot_ms();
    loop->timer_fd = timer_fd;
    loop->timer_fd_at_ms = KH_NEVER;
    list_init(&loop->timers);

    ev_io_init(&loop->timer_io, on_timer_fd, timer_fd, EV_READ);
    loop->timer_io.data = loop;
    ev_io_start(ev, &loop->timer_io);
    ev_check_init(&loop->awake, on_awake);
    ev_set_priority(&loop->awake, EV_MAXPRI);
    loop->awake.data = loop;
    ev_check_start(ev, &loop->awake);
    ev_prepare_init(&loop->asleep, on_asleep);
    loop->asleep.data = loop;
    ev_prepare_start(ev, &loop->asleep);

    /* Children we were born with (PID 1) may have ended before libev began to listen. */
    ev_feed_signal_event(ev, SIGCHLD);
    *out = loop;
    return KH_OK;
}

void kh_loop_free(struct kh_loop *loop)
{
    if (loop == NULL) {
        return;
    }
    kh_assert(loop->magic == LOOP_MAGIC);
    kh_assert(loop->watches == 0);
    ev_io_stop(loop->ev, &loop->timer_io);
    ev_check_stop(loop->ev, &loop->awake);
    ev_prepare_stop(loop->ev, &loop->asleep);
    ev_loop_destroy(loop->ev);
    kh_fd_close(&loop->timer_fd);
    loop->magic = 0;
    kh_mem_free(loop);
}

void kh_loop_run(struct kh_loop *loop)
{
    loop->now_ms = kh_clock_boot_ms();
    while (!loop->stopped) {
        ev_run(loop->ev, EVRUN_ONCE);
    }
    loop->stopped = false;
}

void kh_loop_stop(struct kh_loop *loop)
{
    loop->stopped = true;
}

kh_ms kh_loop_now_ms(const struct kh_loop *loop)
{
    return loop->now_ms;
}

static struct kh_watch *new_watch(struct kh_loop *loop, enum watch_type type, void *arg)
{
    struct kh_watch *watch = kh_mem_new(1, sizeof(*watch));

    kh_assert(loop->magic == LOOP_MAGIC);
    watch->magic = WATCH_MAGIC;
    watch->type = type;
    watch->loop = loop;
    watch->arg = arg;
    watch->at_ms = KH_NEVER;
    list_init(&watch->link);
    loop->watches++;
    return watch;
}

static int events_of(unsigned want)
{
    return ((want & KH_WANT_READ) != 0 ? EV_READ : 0) |
           ((want & KH_WANT_WRITE) != 0 ? EV_WRITE : 0);
}

static void on_fd(struct ev_loop *ev, ev_io *io, int revents)
{
    struct kh_watch *watch = watch_of(io->data, WATCH_FD);
    unsigned ready = 0;

    (void)ev;
    kh_assert((revents & EV_ERROR) == 0); /* the descriptor was closed before its watch */
    if ((revents & EV_READ) != 0) {
        ready |= KH_WANT_READ;
    }
    if ((revents & EV_WRITE) != 0) {
        ready |= KH_WANT_WRITE;
    }
    watch->call.ready(watch->arg, io->fd, ready);
}

struct kh_watch *kh_loop_fd(struct kh_loop *loop, int fd, unsigned want, kh_fd_ready *ready,
                            void *arg)
{
    struct kh_watch *watch = new_watch(loop, WATCH_FD, arg);

    kh_assert(fd >= 0);
    watch->call.ready = ready;
    ev_io_init(&watch->ev.io, on_fd, fd, 0);
    watch->ev.io.data = watch;
    kh_watch_want(watch, want);
    return watch;
}

void kh_watch_want(struct kh_watch *watch, unsigned want)
{
    ev_io *io = &watch_of(watch, WATCH_FD)->ev.io;
    int fd = io->fd;

    ev_io_stop(watch->loop->ev, io);
    if (want != KH_WANT_NONE) {
        ev_io_set(io, fd, events_of(want));
        ev_io_start(watch->loop->ev, io);
    }
}

struct kh_watch *kh_loop_timer(struct kh_loop *loop, kh_timer_due *due, void *arg)
{
    struct kh_watch *watch = new_watch(loop, WATCH_TIMER, arg);

    watch->call.due = due;
    return watch;
}

/* From the end, because most timers are set further ahead than those that wait already. */
static struct link *place_of(struct kh_loop *loop, kh_ms at_ms)
{
    struct link *place = &loop->timers;

    while (place->prev != &loop->timers && timer_of(place->prev)->at_ms > at_ms) {
        place = place->prev;
    }
    return place;
}

void kh_watch_at(struct kh_watch *watch, kh_ms at_ms)
{
    (void)watch_of(watch, WATCH_TIMER);
    list_remove(&watch->link);
    watch->at_ms = at_ms;
    if (at_ms != KH_NEVER) {
        list_insert_before(&watch->link, place_of(watch->loop, at_ms));
    }
}

static void on_signal(struct ev_loop *ev, ev_signal *seen, int revents)
{
    struct kh_watch *watch = watch_of(seen->data, WATCH_SIGNAL);

    (void)ev;
    (void)revents;
    watch->call.seen(watch->arg, seen->signum);
}

struct kh_watch *kh_loop_signal(struct kh_loop *loop, int signo, kh_signal_seen *seen, void *arg)
{
    struct kh_watch *watch = new_watch(loop, WATCH_SIGNAL, arg);

    kh_assert(signo != SIGCHLD); /* libev's, for kh_loop_child */
    watch->call.seen = seen;
    ev_signal_init(&watch->ev.signal, on_signal, signo);
    watch->ev.signal.data = watch;
    ev_signal_start(loop->ev, &watch->ev.signal);
    return watch;
}

static void on_child(struct ev_loop *ev, ev_child *child, int revents)
{
    struct kh_watch *watch = watch_of(child->data, WATCH_CHILD);

    (void)revents;
    ev_child_stop(ev, child);
    watch->call.ended(watch->arg, (pid_t)child->rpid, child->rstatus);
}

/* libev waits for every child, watched or not, so nothing stays a zombie. */
struct kh_watch *kh_loop_child(struct kh_loop *loop, pid_t pid, kh_child_ended *ended, void *arg)
{
    struct kh_watch *watch = new_watch(loop, WATCH_CHILD, arg);

    kh_assert(pid > 0);
    watch->call.ended = ended;
    ev_child_init(&watch->ev.child, on_child, pid, 0);
    watch->ev.child.data = watch;
    ev_child_start(loop->ev, &watch->ev.child);
    return watch;
}

void kh_watch_free(struct kh_watch *watch)
{
    if (watch == NULL) {
        return;
    }
    kh_assert(watch->magic == WATCH_MAGIC);
    kh_assert(watch->loop->watches > 0);
    switch (watch->type) {
    case WATCH_FD:
        ev_io_stop(watch->loop->ev, &watch->ev.io);
        break;
    case WATCH_TIMER:
        list_remove(&watch->link);
        break;
    case WATCH_SIGNAL:
        ev_signal_stop(watch->loop->ev, &watch->ev.signal);
        break;
    case WATCH_CHILD:
        ev_child_stop(watch->loop->ev, &watch->ev.child);
        break;
    }
    watch->loop->watches--;
    watch->magic = 0;
    kh_mem_free(watch);
}
