/* loop: the one event loop: descriptors, timers, signals, children.
 *
 * Shape   callbacks run one at a time on the one thread. A watch may be freed inside any callback,
 *         its own too. One loop at a time: it is libev's default loop, which reaps children.
 * Units   kh_ms, CLOCK_BOOTTIME (goes on while the machine sleeps); kh_loop_now_ms is read fresh at
 *         each wake-up.
 * Errors  kh_loop_new fails if the kernel gives no backend; registering never fails for outside
 *         reasons.
 * Memory  watches are heap objects of the loop's, owned by who made them, freed with kh_watch_free
 *         (NULL is fine) before the loop is.
 * Truth   libev 4.33, which is included by loop.c alone.
 */
#ifndef KH_IO_LOOP_H
#define KH_IO_LOOP_H

#include <sys/types.h>

#include "base/err.h"
#include "base/time.h"

struct kh_loop;
struct kh_watch;

enum kh_loop_want { KH_WANT_NONE = 0, KH_WANT_READ = 1, KH_WANT_WRITE = 2 };

typedef void kh_fd_ready(void *arg, int fd, unsigned ready); /* bits of kh_loop_want */
typedef void kh_timer_due(void *arg);
typedef void kh_signal_seen(void *arg, int signo);
typedef void kh_child_ended(void *arg, pid_t pid, int wait_status);

enum kh_rc kh_loop_new(struct kh_loop **out, struct kh_err *err) KH_MUST_USE;
void kh_loop_free(struct kh_loop *loop);
void kh_loop_run(struct kh_loop *loop); /* until kh_loop_stop */
void kh_loop_stop(struct kh_loop *loop);

kh_ms kh_loop_now_ms(const struct kh_loop *loop);

/* A descriptor; want may be changed at any time (KH_WANT_NONE pauses). Free the watch before
 * closing the fd. */
struct kh_watch *kh_loop_fd(struct kh_loop *loop, int fd, unsigned want, kh_fd_ready *ready,
                            void *arg);
void kh_watch_want(struct kh_watch *watch, unsigned want);

/* A timer that is off until kh_watch_at sets when it is due; it fires once and is off again.
 * KH_NEVER switches it off; an instant in the past fires at the next turn of the loop. */
struct kh_watch *kh_loop_timer(struct kh_loop *loop, kh_timer_due *due, void *arg);
void kh_watch_at(struct kh_watch *watch, kh_ms at_ms);

struct kh_watch *kh_loop_signal(struct kh_loop *loop, int signo, kh_signal_seen *seen, void *arg);

/* A child process of ours; fires once when it was reaped. Children nobody watches are reaped as
 * well (PID 1). */
struct kh_watch *kh_loop_child(struct kh_loop *loop, pid_t pid, kh_child_ended *ended, void *arg);

void kh_watch_free(struct kh_watch *watch);

#endif
