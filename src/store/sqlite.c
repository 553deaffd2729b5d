/* SQLite blocks, so it has a thread: the only one besides the loop's. Requests go to it and answers
 * come back through two lists under one lock; an eventfd wakes the loop. Whatever is waiting goes
 * into one transaction, so that the renewals of many leases cost one sync of the disk. */
#include "store/store.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/fd.h"
#include "base/mem.h"
#include "store/sqlite_db.h"

/* Requests in one transaction: other processes wait for so long. */
#define BATCH_MAX 256

struct job {
    struct job *next;
    bool ensure;   /* otherwise op */
    bool is_coord; /* answered without the thread: coord */
    struct kh_coord_answer coord;
    struct kh_lease_op op;
    struct kh_lease_answer answer;
    struct kh_leases leases; /* owned; LIST */
    struct kh_buf malformed; /* owned; LIST */
    struct kh_err err;
};

struct jobs {
    struct job *first; /* owned, oldest first */
    struct job *last;
};

struct sqlite {
    struct kh_store store; /* must be first; the loop's, as all down to the lock */
    char *path;            /* owned; constant, as create_if_missing is: the thread reads them too */
    bool create_if_missing;
    kh_store_ensured *ensured;
    void *ensured_arg;
    bool ready;
    struct kh_watch *watch; /* owned; on wake_fd */
    struct jobs answered;   /* taken from done, being handed over */
    pthread_t thread;
    int wake_fd; /* owned; the thread writes, the loop reads */

    pthread_mutex_t lock;
    pthread_cond_t changed; /* todo or stop */
    struct jobs todo;       /* under lock */
    struct jobs done;       /* under lock */
    atomic_bool stop;

    struct kh_sqlite_db *db; /* owned; the thread's */
};

static void push(struct jobs *jobs, struct job *job)
{
    job->next = NULL;
    if (jobs->first == NULL) {
        jobs->first = job;
    } else {
        jobs->last->next = job;
    }
    jobs->last = job;
}

static struct job *pop(struct jobs *jobs)
{
    struct job *job = jobs->first;

    if (job != NULL) {
        jobs->first = job->next;
    }
    return job;
}

static struct jobs take_all(struct jobs *jobs)
{
    const struct jobs all = *jobs;

    jobs->first = NULL;
    return all;
}

static struct job *job_new(void)
{
    struct job *job = kh_mem_new(1, sizeof(*job));

    kh_buf_init(&job->malformed, KH_STORE_MALFORMED_BYTES_MAX);
    return job;
}

static void job_free(struct job *job)
{
    kh_leases_fini(&job->leases);
    kh_buf_fini(&job->malformed);
    kh_mem_free(job);
}

static void free_all(struct jobs *jobs)
{
    for (struct job *job = pop(jobs); job != NULL; job = pop(jobs)) {
        job_free(job);
    }
}

/* On the thread. */

static bool writes(const struct kh_lease_op *op)
{
    return op->verb != KH_LEASE_LIST && op->verb != KH_LEASE_GET;
}

static enum kh_rc run_one(struct sqlite *sqlite, struct job *job)
{
    struct kh_lease_answer *answer = &job->answer;
    enum kh_rc rc;

    if (job->op.verb != KH_LEASE_LIST) {
        return kh_sqlite_run(sqlite->db, &job->op, answer, &job->err);
    }
    *answer =
        (struct kh_lease_answer){.id = job->op.id, .verb = KH_LEASE_LIST, .outcome = KH_LEASE_DONE};
    rc = kh_sqlite_list(sqlite->db, &job->leases, &job->malformed, &answer->malformed_n, &job->err);
    answer->leases = job->leases.items;
    answer->leases_n = job->leases.n;
    return rc;
}

/* Whatever each of them would have answered: the transaction they share came to nothing. */
static void fail_all(struct jobs *batch, enum kh_lease_outcome outcome, const struct kh_err *err)
{
    for (struct job *job = batch->first; job != NULL; job = job->next) {
        job->answer =
            (struct kh_lease_answer){.id = job->op.id,
                                     .verb = job->op.verb,
                                     .outcome = writes(&job->op) ? outcome : KH_LEASE_FAILED,
                                     .rc = err->rc};
        job->err = *err;
    }
}

static void run_batch(struct sqlite *sqlite, struct jobs *batch)
{
    struct kh_err err = {0};
    bool any_writes = false;
    enum kh_rc rc;

    for (struct job *job = batch->first; job != NULL; job = job->next) {
        any_writes = any_writes || writes(&job->op);
    }
    rc = kh_sqlite_begin(sqlite->db, any_writes, &err);
    for (struct job *job = batch->first; job != NULL && rc == KH_OK; job = job->next) {
        rc = run_one(sqlite, job);
        err = job->err;
    }
    if (rc != KH_OK) {
        kh_sqlite_rollback(sqlite->db);
        fail_all(batch, KH_LEASE_FAILED, &err);
        return;
    }
    if (kh_sqlite_commit(sqlite->db, &err) != KH_OK) {
        kh_sqlite_rollback(sqlite->db);
        fail_all(batch, KH_LEASE_UNKNOWN, &err); /* it may have reached the disk all the same */
    }
}

static void run_ensure(struct sqlite *sqlite, struct job *job)
{
    if (kh_sqlite_open(&sqlite->db, sqlite->path, sqlite->store.table, sqlite->create_if_missing,
                       &sqlite->stop, &job->err) != KH_OK) {
        kh_assert(sqlite->db == NULL);
    }
}

/* What one transaction takes from todo. Ensure comes first and alone. */
static struct jobs take_batch(struct sqlite *sqlite)
{
    struct jobs batch = {0};

    for (int i = 0; i < BATCH_MAX && sqlite->todo.first != NULL; i++) {
        struct job *job = pop(&sqlite->todo);

        push(&batch, job);
        if (job->ensure) {
            break;
        }
    }
    return batch;
}

static void hand_back(struct sqlite *sqlite, struct jobs *batch)
{
    const uint64_t one = 1;
    ssize_t n;

    for (struct job *job = pop(batch); job != NULL; job = pop(batch)) {
        push(&sqlite->done, job);
    }
    n = write(sqlite->wake_fd, &one, sizeof(one));
    kh_assert(n == (ssize_t)sizeof(one)); /* an eventfd takes 2^64 - 2 of them */
}

static void *run_thread(void *arg)
{
    struct sqlite *sqlite = arg;

    (void)pthread_mutex_lock(&sqlite->lock);
    while (!atomic_load(&sqlite->stop)) {
        struct jobs batch = take_batch(sqlite);

        if (batch.first == NULL) {
            (void)pthread_cond_wait(&sqlite->changed, &sqlite->lock);
            continue;
        }
        (void)pthread_mutex_unlock(&sqlite->lock);
        if (batch.first->ensure) {
            run_ensure(sqlite, batch.first);
        } else {
            run_batch(sqlite, &batch);
        }
        (void)pthread_mutex_lock(&sqlite->lock);
        hand_back(sqlite, &batch);
    }
    (void)pthread_mutex_unlock(&sqlite->lock);
    kh_sqlite_close(sqlite->db);
    return NULL;
}

/* On the loop. */

/* The store may be closed when this returns. */
static void deliver(struct sqlite *sqlite, struct job *job)
{
    if (job->ensure) {
        kh_store_ensured *ensured = sqlite->ensured;

        sqlite->ensured = NULL;
        sqlite->ready = job->err.rc == KH_OK;
        ensured(sqlite->ensured_arg, &job->err);
        return;
    }
    if (job->is_coord) {
        kh_store_answer_coord(&sqlite->store, &job->coord, &job->err);
        return;
    }
    if (job->op.verb == KH_LEASE_LIST && job->answer.outcome == KH_LEASE_DONE) {
        kh_store_malformed_log(&sqlite->store, &job->malformed);
    }
    kh_store_answer(&sqlite->store, &job->answer, &job->err);
}

static void deliver_next(void *arg, int fd, unsigned ready)
{
    struct sqlite *sqlite = arg;
    struct job *job;
    uint64_t n;

    (void)ready;
    if (sqlite->answered.first == NULL) {
        (void)pthread_mutex_lock(&sqlite->lock);
        sqlite->answered = take_all(&sqlite->done);
        (void)pthread_mutex_unlock(&sqlite->lock);
    }
    job = pop(&sqlite->answered);
    if (sqlite->answered.first == NULL) {
        /* Nothing of ours is left; what the thread adds from now on wakes us again. */
        (void)pthread_mutex_lock(&sqlite->lock);
        if (sqlite->done.first == NULL && read(fd, &n, sizeof(n)) < 0) {
            kh_assert(errno == EAGAIN);
        }
        (void)pthread_mutex_unlock(&sqlite->lock);
    }
    if (job != NULL) {
        deliver(sqlite, job);
        job_free(job);
    }
}

/* Signals are the loop's business. */
static enum kh_rc start_thread(struct sqlite *sqlite, struct kh_err *err)
{
    sigset_t all;
    sigset_t before;
    int e;

    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    e = pthread_create(&sqlite->thread, NULL, run_thread, sqlite);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    return e == 0 ? KH_OK
                  : kh_fail_errno(err, e, "start a thread for lease store %s", sqlite->path);
}

/* All but the watch, with no thread running. */
static void destroy(struct sqlite *sqlite)
{
    (void)pthread_cond_destroy(&sqlite->changed);
    (void)pthread_mutex_destroy(&sqlite->lock);
    kh_fd_close(&sqlite->wake_fd);
    kh_mem_free(sqlite->path);
    kh_store_fini(&sqlite->store);
    kh_mem_free(sqlite);
}

static enum kh_rc sqlite_open(struct kh_store **store, const struct kh_store_config *config,
                              struct kh_str rest, struct kh_err *err)
{
    struct sqlite *sqlite;
    enum kh_rc rc;
    int wake_fd;

    if (rest.n == 0) {
        return kh_fail(err, KH_INVALID, "lease store %s names no file; it should be sqlite:PATH",
                       config->where);
    }
    wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (wake_fd < 0) {
        return kh_fail_errno(err, errno, "eventfd for lease store %s", config->where);
    }
    sqlite = kh_mem_new(1, sizeof(*sqlite));
    kh_store_init(&sqlite->store, &kh_store_sqlite, config);
    sqlite->path = kh_mem_copy(rest.p, rest.n);
    sqlite->create_if_missing = config->create_if_missing;
    sqlite->wake_fd = wake_fd;
    (void)pthread_mutex_init(&sqlite->lock, NULL);
    (void)pthread_cond_init(&sqlite->changed, NULL);
    rc = start_thread(sqlite, err);
    if (rc != KH_OK) {
        destroy(sqlite);
        return rc;
    }
    sqlite->watch = kh_loop_fd(config->loop, wake_fd, KH_WANT_READ, deliver_next, sqlite);
    *store = &sqlite->store;
    return KH_OK;
}

static void enqueue(struct sqlite *sqlite, struct job *job)
{
    (void)pthread_mutex_lock(&sqlite->lock);
    push(&sqlite->todo, job);
    (void)pthread_cond_signal(&sqlite->changed);
    (void)pthread_mutex_unlock(&sqlite->lock);
}

static void sqlite_ensure(struct kh_store *store, kh_store_ensured *ensured, void *arg)
{
    struct sqlite *sqlite = (struct sqlite *)store;
    struct job *job = job_new();

    kh_assert(sqlite->ensured == NULL);
    kh_assert(!sqlite->ready);
    sqlite->ensured = ensured;
    sqlite->ensured_arg = arg;
    job->ensure = true;
    enqueue(sqlite, job);
}

static void sqlite_submit(struct kh_store *store, const struct kh_lease_op *op)
{
    struct sqlite *sqlite = (struct sqlite *)store;
    struct job *job = job_new();

    kh_assert(sqlite->ready);
    job->op = *op;
    enqueue(sqlite, job);
}

/* The file is one machine's: there is no fleet to know of. */
static void sqlite_submit_coord(struct kh_store *store, const struct kh_coord_op *op)
{
    struct sqlite *sqlite = (struct sqlite *)store;
    const bool is_layout = op->verb == KH_COORD_LAYOUT;
    struct job *job = job_new();
    struct jobs answered = {0};

    kh_assert(sqlite->ready);
    job->is_coord = true;
    job->coord = kh_store_coord_answer_to(op, is_layout ? KH_LEASE_DONE : KH_LEASE_FAILED, NULL);
    if (!is_layout) {
        job->coord.rc = kh_fail(&job->err, KH_INVALID, "lease store %s keeps no state of a fleet",
                                sqlite->path);
    }
    push(&answered, job);
    (void)pthread_mutex_lock(&sqlite->lock);
    hand_back(sqlite, &answered);
    (void)pthread_mutex_unlock(&sqlite->lock);
}

static void sqlite_close(struct kh_store *store)
{
    struct sqlite *sqlite = (struct sqlite *)store;

    kh_watch_free(sqlite->watch);
    (void)pthread_mutex_lock(&sqlite->lock);
    atomic_store(&sqlite->stop, true);
    (void)pthread_cond_signal(&sqlite->changed);
    (void)pthread_mutex_unlock(&sqlite->lock);
    (void)pthread_join(sqlite->thread, NULL);
    free_all(&sqlite->todo);
    free_all(&sqlite->done);
    free_all(&sqlite->answered);
    destroy(sqlite);
}

const struct kh_store_driver kh_store_sqlite = {.scheme = "sqlite",
                                                .open = sqlite_open,
                                                .ensure = sqlite_ensure,
                                                .submit = sqlite_submit,
                                                .submit_coord = sqlite_submit_coord,
                                                .close = sqlite_close};
