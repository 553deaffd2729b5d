/* What only a file can suffer: wrong paths, strange files, and the end of its writer. */
#include "tests/store/rows.h"

#include <ctype.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <sqlite3.h>

#include "tests/lib/lease_eq.h"
#include "tests/lib/loop_run.h"
#include "tests/store/fixture.h"

extern char **environ;

static struct side side;

static const struct kh_lease fresh = {.key = "shardId-000000000001", .checkpoint = {.seq = "1"}};

static void setup(void)
{
    fixture_setup();
}

static void ensure_fails(enum kh_rc rc, const char *before_path, const char *after_path)
{
    const struct kh_store_config config = side_config(&side);
    struct kh_err err;
    char want[512];

    ck_assert_msg(side_try(&side, &config, &err) == KH_OK, "%s", err.text);
    ck_assert_int_eq(side_ensure(&side), rc);
    (void)snprintf(want, sizeof(want), "%s%s%s", before_path, sqlite_path, after_path);
    ck_assert_str_eq(side.ensure_err.text, want);
    side_close(&side);
}

static void write_file(const char *text)
{
    FILE *file = fopen(sqlite_path, "w");

    ck_assert_ptr_nonnull(file);
    ck_assert_int_ge(fputs(text, file), 0);
    ck_assert_int_eq(fclose(file), 0);
}

static void file_is(const char *text)
{
    char got[4096] = "";
    FILE *file = fopen(sqlite_path, "r");

    ck_assert_ptr_nonnull(file);
    ck_assert_uint_eq(fread(got, 1, sizeof(got) - 1, file), strlen(text));
    ck_assert_str_eq(got, text);
    ck_assert_int_eq(fclose(file), 0);
}

START_TEST(a_folder_that_is_missing_is_told)
{
    char before[sizeof(sqlite_path)];

    memcpy(before, sqlite_path, sizeof(before));
    (void)snprintf(sqlite_path, sizeof(sqlite_path), "%.64s.d/leases.db", before);
    ensure_fails(KH_NOTFOUND, "lease store ", " cannot be created: its folder does not exist");
    memcpy(sqlite_path, before, sizeof(before));
}
END_TEST

START_TEST(a_folder_in_its_place_is_told)
{
    ck_assert_int_eq(mkdir(sqlite_path, 0700), 0);
    ensure_fails(KH_INVALID, "open lease store ", ": Is a directory");
    ck_assert_int_eq(rmdir(sqlite_path), 0);
}
END_TEST

START_TEST(a_file_that_is_no_database_is_told_and_left_alone)
{
    static const char text[] = "leaseTable = mine\nthis is a properties file, not a database\n"
                               "and it is longer than the hundred bytes of a header\n";

    write_file(text);
    ensure_fails(KH_INVALID, "lease store ", ": cannot be used: file is not a database");
    file_is(text);
}
END_TEST

START_TEST(another_programs_database_is_told_and_left_alone)
{
    sqlite_exec("CREATE TABLE books (title TEXT)");
    ensure_fails(KH_INVALID, "lease store ",
                 " is a database of another program; name a file of its own");
    sqlite_exec("SELECT title FROM books");
}
END_TEST

START_TEST(a_newer_schema_is_told)
{
    side_open(&side);
    side_close(&side);
    sqlite_exec("PRAGMA user_version = 3");
    ensure_fails(KH_INVALID, "lease store ",
                 " has schema version 3; this kcl-host knows versions 1 to 2");
}
END_TEST

/* A table and a row of it as the first kcl-host wrote them. */
static void make_old_table(const char *table)
{
    char sql[2048];

    (void)snprintf(
        sql, sizeof(sql),
        "CREATE TABLE \"%s\" (leaseKey TEXT PRIMARY KEY NOT NULL, leaseCounter INTEGER NOT NULL, "
        "leaseOwner TEXT, checkpointOwner TEXT, ownerSwitchesSinceCheckpoint INTEGER NOT NULL, "
        "checkpoint TEXT NOT NULL, checkpointSubSequenceNumber INTEGER NOT NULL, "
        "pendingCheckpoint TEXT, pendingCheckpointSubSequenceNumber INTEGER, parentShardId TEXT, "
        "childShardIds TEXT, startingHashKey TEXT, endingHashKey TEXT, throughputKBps REAL) "
        "WITHOUT ROWID; "
        "INSERT INTO \"%s\" VALUES ('shardId-000000000001', 7, 'alice', NULL, 2, '4959', 1, NULL, "
        "NULL, 'shardId-000000000000', NULL, '0', '99', 0.5)",
        table, table);
    sqlite_exec(sql);
}

static void make_old_file(void)
{
    sqlite_exec("PRAGMA application_id = 1262701640; PRAGMA user_version = 1");
    make_old_table(table_name);
}

static int see_number(void *arg, int n, char **values, char **names)
{
    int *number = arg;

    (void)names;
    ck_assert_int_eq(n, 1);
    *number = (int)strtol(values[0], NULL, 10);
    return 0;
}

static int number_of(const char *sql)
{
    sqlite3 *db = NULL;
    int number = -1;

    ck_assert_int_eq(sqlite3_open(sqlite_path, &db), SQLITE_OK);
    ck_assert_int_eq(sqlite3_exec(db, sql, see_number, &number, NULL), SQLITE_OK);
    ck_assert_int_eq(sqlite3_close(db), SQLITE_OK);
    return number;
}

static const struct kh_lease old_row = {.key = "shardId-000000000001",
                                        .owner = "alice",
                                        .counter = 7,
                                        .owner_switches = 2,
                                        .checkpoint = {.seq = "4959", .sub = 1},
                                        .parents_n = 1,
                                        .parents = {"shardId-000000000000"},
                                        .range = {.start = "0", .end = "99"},
                                        .has_throughput = true,
                                        .throughput_kbps = 0.5};

START_TEST(a_file_of_schema_1_goes_on_as_one_of_schema_2)
{
    struct kh_lease_op op = update_op(old_row.key);
    struct kh_lease want = old_row;
    struct kh_lease got;

    make_old_file();
    make_old_table("a \"\"second\"\" table");
    sqlite_exec("CREATE TABLE notes (leaseNote TEXT)"); /* somebody's own: stays as it is */
    side_open(&side);
    got = get(&side, old_row.key);
    test_lease_eq(&got, &old_row);
    op.set = KH_LEASE_HANDOFF_OWNER;
    memcpy(op.lease.handoff_owner, "alice", sizeof("alice"));
    ck_assert_int_eq(run(&side, &op)->outcome, KH_LEASE_DONE);
    side_close(&side);

    ck_assert_int_eq(number_of("PRAGMA user_version"), 2);
    ck_assert_int_eq(number_of("SELECT count(*) FROM \"a \"\"second\"\" table\" "
                               "WHERE kclHostHandoff IS NULL"),
                     1);
    ck_assert_int_eq(number_of("SELECT count(*) FROM pragma_table_info('notes')"), 1);
    side_open(&side);
    got = get(&side, old_row.key);
    memcpy(want.handoff_owner, "alice", sizeof("alice"));
    test_lease_eq(&got, &want);
    side_close(&side);
}
END_TEST

START_TEST(an_old_file_without_the_table_is_left_at_its_schema)
{
    struct kh_store_config config = side_config(&side);
    struct kh_err err;

    make_old_file();
    config.create_if_missing = false;
    config.table = "another";
    ck_assert_int_eq(side_try(&side, &config, &err), KH_OK);
    ck_assert_int_eq(side_ensure(&side), KH_NOTFOUND);
    side_close(&side);
    ck_assert_int_eq(number_of("PRAGMA user_version"), 1);

    config.table = table_name; /* it is there: nothing has to be created */
    ck_assert_int_eq(side_try(&side, &config, &err), KH_OK);
    ck_assert_msg(side_ensure(&side) == KH_OK, "%s", side.ensure_err.text);
    ck_assert_uint_eq(list(&side)->leases_n, 1);
    side_close(&side);
    ck_assert_int_eq(number_of("PRAGMA user_version"), 2);
}
END_TEST

START_TEST(a_file_knows_of_no_fleet)
{
    const struct kh_coord_op layout = {.verb = KH_COORD_LAYOUT};
    const struct kh_coord_op look = {.verb = KH_COORD_GET, .kind = KH_COORD_LOCK};
    const struct kh_coord_answer *answer;

    side_open(&side);
    answer = run_coord(&side, &layout);
    ck_assert_int_eq(answer->outcome, KH_LEASE_DONE);
    ck_assert(!answer->layout.legacy_state);
    ck_assert(!answer->layout.legacy_stats);
    ck_assert(!answer->layout.has_index);
    ck_assert(!answer->layout.index_active);
    answer = run_coord(&side, &look);
    ck_assert_int_eq(answer->outcome, KH_LEASE_FAILED);
    ck_assert_int_eq(answer->rc, KH_INVALID);
    side_close(&side);
}
END_TEST

START_TEST(a_file_that_is_missing_is_not_created_unless_asked)
{
    struct kh_store_config config = side_config(&side);
    struct kh_err err;

    config.create_if_missing = false;
    ck_assert_int_eq(side_try(&side, &config, &err), KH_OK);
    ck_assert_int_eq(side_ensure(&side), KH_NOTFOUND);
    ck_assert_ptr_nonnull(strstr(side.ensure_err.text, sqlite_path));
    side_close(&side);
    ck_assert_int_ne(access(sqlite_path, F_OK), 0);
}
END_TEST

START_TEST(a_place_that_cannot_be_written_is_told)
{
    char before[sizeof(sqlite_path)];

    memcpy(before, sqlite_path, sizeof(before));
    (void)snprintf(sqlite_path, sizeof(sqlite_path), "/proc/kh-leases.db");
    {
        const struct kh_store_config config = side_config(&side);
        struct kh_err err;

        ck_assert_int_eq(side_try(&side, &config, &err), KH_OK);
        ck_assert_int_ne(side_ensure(&side), KH_OK);
        ck_assert_ptr_nonnull(strstr(side.ensure_err.text, "/proc/kh-leases.db"));
        side_close(&side);
    }
    memcpy(sqlite_path, before, sizeof(before));
}
END_TEST

START_TEST(a_path_is_needed)
{
    struct kh_store_config config = side_config(&side);
    struct kh_err err;

    config.where = "sqlite:";
    ck_assert_int_eq(side_try(&side, &config, &err), KH_INVALID);
    ck_assert_str_eq(err.text, "lease store sqlite: names no file; it should be sqlite:PATH");
    config.where = "sqlight:/tmp/x";
    ck_assert_int_eq(side_try(&side, &config, &err), KH_INVALID);
    ck_assert_str_eq(err.text, "lease store sqlight:/tmp/x: unknown kind; it can be dynamodb, "
                               "sqlite:PATH or memory");
}
END_TEST

static int ended_with;

static void on_ended(void *arg, pid_t pid, int wait_status)
{
    (void)arg;
    (void)pid;
    ended_with = wait_status;
    kh_loop_stop(loop);
}

/* The loop reaps every child, so it has to be asked. */
static int wait_status_of(pid_t pid)
{
    struct kh_watch *watch = kh_loop_child(loop, pid, on_ended, NULL);

    loop_run(loop, ANSWER_MS_MAX);
    kh_watch_free(watch);
    return ended_with;
}

/* Hold the write lock for a while, as a slow transaction would. gate tells when it is held. */
static void hold_the_lock(int gate)
{
    sqlite3 *db = NULL;
    const bool held = sqlite3_open(sqlite_path, &db) == SQLITE_OK &&
                      sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL) == SQLITE_OK &&
                      write(gate, "x", 1) == 1;

    (void)poll(NULL, 0, 300);
    _exit(held && sqlite3_exec(db, "COMMIT", NULL, NULL, NULL) == SQLITE_OK ? 0 : 1);
}

static struct kh_err late_err;
static int late_n; /* of: ensured, the other process ended */

static void on_late_ensured(void *arg, const struct kh_err *err)
{
    (void)arg;
    late_err = *err;
    if (++late_n == 2) {
        kh_loop_stop(loop);
    }
}

static void on_late_ended(void *arg, pid_t pid, int wait_status)
{
    (void)pid;
    *(int *)arg = wait_status;
    if (++late_n == 2) {
        kh_loop_stop(loop);
    }
}

START_TEST(a_lock_of_another_process_is_waited_for)
{
    const struct kh_store_config config = side_config(&side);
    struct kh_watch *watch;
    struct kh_err err;
    pid_t pid;
    int status = -1;
    int gate[2];
    char byte;

    side_open(&side);
    side_close(&side); /* SQLite must not be in use across a fork */
    ck_assert_int_eq(pipe(gate), 0);
    pid = fork();
    if (pid == 0) {
        hold_the_lock(gate[1]);
    }
    watch = kh_loop_child(loop, pid, on_late_ended, &status);
    ck_assert_int_eq(read(gate[0], &byte, 1), 1);
    ck_assert_int_eq(side_try(&side, &config, &err), KH_OK);
    kh_store_ensure(side.store, on_late_ensured, NULL);
    loop_run(loop, ANSWER_MS_MAX);
    kh_watch_free(watch);
    ck_assert_int_eq(status, 0);
    ck_assert_msg(late_err.rc == KH_OK, "%s", late_err.text);
    create(&side, &fresh);
    side_close(&side);
}
END_TEST

static struct kh_lease_op torn_op(uint64_t n)
{
    struct kh_lease_op op = update_op(fresh.key);

    op.set = KH_LEASE_COUNTER | KH_LEASE_SWITCHES | KH_LEASE_CHECKPOINT | KH_LEASE_PENDING |
             KH_LEASE_OWNER;
    op.expect_is = KH_LEASE_COUNTER;
    op.expect_counter = n;
    op.lease.counter = n + 1;
    op.lease.owner_switches = n + 1;
    (void)snprintf(op.lease.checkpoint.seq, sizeof(op.lease.checkpoint.seq), "%llu",
                   (unsigned long long)(n + 1));
    op.lease.pending = op.lease.checkpoint;
    (void)snprintf(op.lease.owner, sizeof(op.lease.owner), "%llu", (unsigned long long)(n + 1));
    return op;
}

static const char *writer_path;
static const char *writer_table;

START_TEST(write_until_killed)
{
    uint64_t n;

    fixture_attach(writer_path, writer_table);
    side_open(&side);
    for (n = get(&side, fresh.key).counter;; n++) {
        const struct kh_lease_op op = torn_op(n);

        ck_assert_int_eq(run(&side, &op)->outcome, KH_LEASE_DONE);
        (void)printf("%llu\n", (unsigned long long)(n + 1));
        (void)fflush(stdout);
    }
}
END_TEST

void add_writer(TCase *tcase, const char *path, const char *table)
{
    writer_path = path;
    writer_table = table;
    tcase_add_test(tcase, write_until_killed);
}

/* Start a writer, let it say so many numbers, and kill it: the newest number it said. */
static unsigned long long kill_a_writer(int wanted)
{
    char *const argv[] = {(char *)"conformance", (char *)"write", sqlite_path, table_name, NULL};
    posix_spawn_file_actions_t actions;
    int out[2];
    char line[64];
    unsigned long long said = 0;
    FILE *numbers;
    pid_t pid;
    int n = 0;

    ck_assert_int_eq(pipe2(out, O_CLOEXEC), 0);
    ck_assert_int_eq(posix_spawn_file_actions_init(&actions), 0);
    ck_assert_int_eq(posix_spawn_file_actions_adddup2(&actions, out[1], STDOUT_FILENO), 0);
    ck_assert_int_eq(posix_spawn(&pid, "/proc/self/exe", &actions, NULL, argv, environ), 0);
    ck_assert_int_eq(posix_spawn_file_actions_destroy(&actions), 0);
    ck_assert_int_eq(close(out[1]), 0);
    numbers = fdopen(out[0], "r");
    while (n < wanted && fgets(line, sizeof(line), numbers) != NULL) {
        if (isdigit((unsigned char)line[0])) { /* not what Check says before */
            said = strtoull(line, NULL, 10);
            n++;
        }
    }
    ck_assert_int_eq(kill(pid, SIGKILL), 0);
    ck_assert_int_eq(WTERMSIG(wait_status_of(pid)), SIGKILL);
    while (fgets(line, sizeof(line), numbers) != NULL) {
        said = strtoull(line, NULL, 10); /* lines of a few bytes are written whole */
    }
    ck_assert_int_eq(fclose(numbers), 0);
    ck_assert_int_eq(n, wanted);
    return said;
}

START_TEST(a_writer_that_is_killed_leaves_no_torn_row_and_loses_no_answer)
{
    unsigned long long before = 0;

    side_open(&side);
    create(&side, &fresh);
    for (int i = 0; i < 10; i++) {
        const unsigned long long said = kill_a_writer(1 + 7 * i);
        const struct kh_lease lease = get(&side, fresh.key);
        char text[32];

        ck_assert_uint_gt(said, before);
        ck_assert_msg(lease.counter == said || lease.counter == said + 1, "said %llu, stored %llu",
                      said, (unsigned long long)lease.counter);
        ck_assert_uint_eq(lease.owner_switches, lease.counter);
        (void)snprintf(text, sizeof(text), "%llu", (unsigned long long)lease.counter);
        ck_assert_str_eq(lease.checkpoint.seq, text);
        ck_assert_str_eq(lease.pending.seq, text);
        ck_assert_str_eq(lease.owner, text);
        before = said;
    }
    side_close(&side);
}
END_TEST

void add_sqlite_rows(TCase *tcase)
{
    tcase_set_timeout(tcase, 120);
    tcase_add_checked_fixture(tcase, setup, fixture_teardown);
    tcase_add_test(tcase, a_folder_that_is_missing_is_told);
    tcase_add_test(tcase, a_folder_in_its_place_is_told);
    tcase_add_test(tcase, a_file_that_is_no_database_is_told_and_left_alone);
    tcase_add_test(tcase, another_programs_database_is_told_and_left_alone);
    tcase_add_test(tcase, a_newer_schema_is_told);
    tcase_add_test(tcase, a_file_of_schema_1_goes_on_as_one_of_schema_2);
    tcase_add_test(tcase, an_old_file_without_the_table_is_left_at_its_schema);
    tcase_add_test(tcase, a_file_knows_of_no_fleet);
    tcase_add_test(tcase, a_file_that_is_missing_is_not_created_unless_asked);
    tcase_add_test(tcase, a_place_that_cannot_be_written_is_told);
    tcase_add_test(tcase, a_path_is_needed);
    tcase_add_test(tcase, a_lock_of_another_process_is_waited_for);
    tcase_add_test(tcase, a_writer_that_is_killed_leaves_no_torn_row_and_loses_no_answer);
}
