#include "scenario.h"

#include <string.h>

#include "base/assert.h"

#define COUNT(a)      (sizeof(a) / sizeof(a)[0])
#define SETTLE_MS_MAX KH_SECONDS(240)
#define DRAIN_MS_MAX  KH_SECONDS(300)
#define QUIET_MS      KH_SECONDS(60)
/* Two looks at the table and a hand-off; or two of the rounds that Java makes every 20 s. */
#define QUIET_GRACE_MS      KH_SECONDS(15)
#define QUIET_GRACE_JAVA_MS KH_SECONDS(45)
#define LEFT_ALONE_MS       KH_SECONDS(50) /* three failover times, and then some */

/* ---- helpers for trouble ---- */

static bool trouble_goes_on(const struct sim *sim)
{
    return sim->now_ms < sim->trouble_until_ms;
}

static uint32_t any_worker(struct sim *sim)
{
    return (uint32_t)kh_rand_below(&sim->rand, sim->workers_n);
}

static void wait_between(struct sim *sim, kh_ms low_s, kh_ms high_s)
{
    sim_run_for(sim, sim_draw(sim, KH_SECONDS(low_s), KH_SECONDS(high_s)));
}

static void mild_weather(struct sim *sim)
{
    sim->faults.stale_list = 200;
    sim->faults.slow = 5;
    sim->faults.late_tick = 20;
    sim->faults.extra_tick = 20;
}

static void split_any(struct sim *sim)
{
    (void)sim_stream_split(sim, (uint32_t)kh_rand_below(&sim->rand, sim->stream.shards_n));
}

static void merge_any(struct sim *sim)
{
    (void)sim_stream_merge(sim, (uint32_t)kh_rand_below(&sim->rand, sim->stream.shards_n));
}

static void bad_store(struct sim *sim)
{
    sim->faults.lost_answer = 30;
    sim->faults.lost_request = 30;
    sim->faults.late_write = 20;
    sim->faults.twice = 30;
    sim->faults.throttle = 20;
    sim->faults.fail = 20;
    sim->faults.stale_list = 300;
    sim->faults.slow = 30;
}

static void bad_stream(struct sim *sim)
{
    sim->faults.fetch_fail = 20;
    sim->faults.fetch_throttle = 20;
    sim->faults.fetch_expired = 10;
    sim->faults.fetch_slow = 20;
    sim->faults.open_fail = 50;
    sim->faults.list_fail = 100;
    sim->faults.list_stale = 300;
}

static void bad_children(struct sim *sim)
{
    sim->faults.child_dies = 15;
    sim->faults.child_hangs = 10;
    sim->faults.child_wrong = 10;
    sim->faults.child_twice = 50;
    sim->faults.child_forgets = 200;
    sim->faults.child_chats = 100;
    sim->faults.child_slow = 20;
    sim->faults.child_no_start = 50;
    sim->faults.child_stubborn = 50;
}

/* Unless it runs. */
static void start_again(struct sim *sim, uint32_t w, bool same_id)
{
    if (sim->workers[w].state == SIM_UP || sim->workers[w].state == SIM_FROZEN) {
        return;
    }
    if (sim->workers[w].is_peer) {
        sim_start_peer(sim, w);
    } else {
        sim_start(sim, w, same_id);
    }
}

/* ---- trouble ---- */

static void nothing_special(struct sim *sim)
{
    mild_weather(sim);
    while (trouble_goes_on(sim)) {
        wait_between(sim, 10, 20);
    }
}

static void crashed_worker_is_replaced(struct sim *sim)
{
    mild_weather(sim);
    while (trouble_goes_on(sim)) {
        uint32_t w = any_worker(sim);

        wait_between(sim, 1, 25);
        sim_crash(sim, w);
        wait_between(sim, 0, 15);
        sim_start(sim, w, false);
    }
}

/* A worker frozen past its leases must not act as their owner when it wakes. */
static void frozen_worker_gives_up_on_waking(struct sim *sim)
{
    mild_weather(sim);
    while (trouble_goes_on(sim)) {
        uint32_t w = any_worker(sim);

        wait_between(sim, 1, 20);
        sim_freeze(sim, w);
        wait_between(sim, 1, 25);
        sim_thaw(sim, w);
    }
}

/* One worker's way to the store is bad for a while: what it sends gets lost, or the answer to
 * it. */
static void one_worker_is_cut_off(struct sim *sim)
{
    mild_weather(sim);
    sim->faults.slow = 100;
    while (trouble_goes_on(sim)) {
        uint32_t w = any_worker(sim);

        wait_between(sim, 1, 10);
        sim->workers[w].cut_off = (unsigned)sim_draw(sim, 500, 1000);
        wait_between(sim, 3, 40);
        sim->workers[w].cut_off = 0;
    }
}

/* Frozen in the middle of its first shard sync; when it wakes, shards it has seen are long finished
 * and their leases deleted. */
static void slow_starter_makes_nothing_anew(struct sim *sim)
{
    sim->faults.slow = 100;
    sim_run_for(sim, sim_draw(sim, 0, 100));
    sim_freeze(sim, 1);
    wait_between(sim, 1, 10);
    split_any(sim);
    split_any(sim);
    while (trouble_goes_on(sim)) {
        wait_between(sim, 5, 20);
    }
    sim_thaw(sim, 1);
    wait_between(sim, 1, 10);
}

static void lost_answers_are_not_failures(struct sim *sim)
{
    mild_weather(sim);
    sim->faults.lost_answer = 80;
    sim->faults.lost_request = 40;
    sim->faults.twice = 80;
    sim->faults.stale_list = 300;
    nothing_special(sim);
}

static void writes_land_seconds_later(struct sim *sim)
{
    mild_weather(sim);
    sim->faults.late_write = 80;
    sim->faults.slow = 50;
    while (trouble_goes_on(sim)) {
        uint32_t w = any_worker(sim);

        wait_between(sim, 5, 30);
        sim_crash(sim, w);
        wait_between(sim, 0, 12);
        sim_start(sim, w, sim_chance(sim, 500));
    }
}

static void throttled_store_and_stream(struct sim *sim)
{
    sim->faults.throttle = 300;
    sim->faults.fail = 50;
    sim->faults.fetch_throttle = 200;
    sim->faults.fetch_slow = 30;
    sim->faults.list_fail = 200;
    sim->faults.open_fail = 200;
    while (trouble_goes_on(sim)) {
        wait_between(sim, 10, 20);
    }
}

static void shards_split_and_merge_in_a_storm(struct sim *sim)
{
    mild_weather(sim);
    bad_stream(sim);
    while (trouble_goes_on(sim)) {
        wait_between(sim, 0, 15);
        if (sim_chance(sim, 500)) {
            split_any(sim);
        } else {
            merge_any(sim);
        }
    }
}

static void children_fail_in_every_way(struct sim *sim)
{
    mild_weather(sim);
    bad_children(sim);
    while (trouble_goes_on(sim)) {
        wait_between(sim, 5, 40);
        split_any(sim);
    }
}

static void fleet_is_restarted_one_by_one(struct sim *sim)
{
    mild_weather(sim);
    for (uint32_t w = 0; trouble_goes_on(sim); w = (w + 1) % sim->workers_n) {
        wait_between(sim, 2, 20);
        sim_stop(sim, w);
        if (sim->faults.child_slow > 0 && sim_chance(sim, 300)) {
            sim_run_for(sim, sim_draw(sim, 0, 5000));
            sim_stop_now(sim, w); /* the second signal */
        }
        wait_between(sim, 20, 40);
        if (sim->workers[w].state == SIM_STOPPED) {
            sim_start(sim, w, false);
        }
    }
}

/* Workers come and go as they should, and every child stores what it has done when it is asked to
 * leave: then nothing is done twice. */
static void shards_are_handed_over(struct sim *sim)
{
    sim->faults.stale_list = 200;
    sim->faults.late_tick = 20;
    sim->calm = true;
    while (trouble_goes_on(sim)) {
        uint32_t w = any_worker(sim);

        wait_between(sim, 5, 30);
        if (sim_chance(sim, 200)) {
            split_any(sim);
        }
        sim_stop(sim, w);
        wait_between(sim, 20, 40);
        sim_start(sim, w, false);
    }
    wait_between(sim, 20, 40);
    if (sim->repeated_n > 0) {
        sim_fail(sim, "repeated: %llu records were processed twice though nothing went wrong",
                 (unsigned long long)sim->repeated_n);
    }
}

static void crash_or_freeze(struct sim *sim, uint32_t w)
{
    if (sim_chance(sim, 500)) {
        sim_crash(sim, w);
        wait_between(sim, 0, 15);
        start_again(sim, w, false);
    } else {
        sim_freeze(sim, w);
        wait_between(sim, 1, 25);
        sim_thaw(sim, w);
    }
}

/* Stopped so soon that what it has stolen may still be worked on. */
static void come_and_go(struct sim *sim, uint32_t w)
{
    sim_crash(sim, w);
    wait_between(sim, 11, 30);
    start_again(sim, w, false);
    sim_run_for(sim, sim_draw(sim, 100, 2500));
    sim_stop(sim, w);
    wait_between(sim, 20, 30);
    start_again(sim, w, false);
}

static void java_peers_take_their_share(struct sim *sim)
{
    mild_weather(sim);
    while (trouble_goes_on(sim)) {
        uint32_t w = any_worker(sim);

        wait_between(sim, 10, 60);
        if (sim_chance(sim, 400)) {
            split_any(sim);
        } else if (sim_chance(sim, 300)) {
            come_and_go(sim, w);
        } else {
            crash_or_freeze(sim, w);
        }
    }
}

/* Answers that come late, or not at all, are what Java's rules are weak against. */
static void java_peers_in_bad_weather(struct sim *sim)
{
    bad_store(sim);
    sim->faults.slow = 100;
    java_peers_take_their_share(sim);
}

static void replace(struct sim *sim, uint32_t w, bool by_java)
{
    sim_stop(sim, w);
    wait_between(sim, 2, 20);
    sim_crash(sim, w);
    if (by_java) {
        sim_start_peer(sim, w);
    } else {
        sim_start(sim, w, false);
    }
    wait_between(sim, 5, 30);
}

/* A fleet of Java becomes one of ours, machine by machine, and goes back. */
static void fleet_moves_over_and_back(struct sim *sim)
{
    mild_weather(sim);
    sim->faults.lost_answer = 10;
    for (bool by_java = false;; by_java = !by_java) {
        for (uint32_t w = 0; w < sim->workers_n; w++) {
            replace(sim, w, by_java);
            if (sim_chance(sim, 300)) {
                split_any(sim);
            } else if (sim_chance(sim, 300)) {
                merge_any(sim);
            }
        }
        if (by_java && !trouble_goes_on(sim)) {
            break;
        }
    }
    replace(sim, 0, false); /* one of ours, to be judged */
}

static void table_is_made_amid_crashes(struct sim *sim)
{
    bad_stream(sim);
    sim->faults.list_fail = 300;
    sim->faults.lost_answer = 50;
    sim->faults.lost_request = 50;
    sim->faults.late_write = 50;
    sim->faults.slow = 50;
    while (trouble_goes_on(sim)) {
        uint32_t w = any_worker(sim);

        sim_run_for(sim, sim_draw(sim, 1, 3000));
        sim_crash(sim, w);
        sim_run_for(sim, sim_draw(sim, 1, 2000));
        sim_start(sim, w, false);
        if (sim->now_ms > KH_SECONDS(40)) {
            wait_between(sim, 1, 30);
        }
        if (sim_chance(sim, 100)) {
            split_any(sim);
        }
    }
}

static void stop_under_load(struct sim *sim)
{
    mild_weather(sim);
    sim->faults.child_slow = 200;
    sim->faults.child_stubborn = 200;
    sim->faults.child_chats = 100;
    sim->faults.slow = 50;
    fleet_is_restarted_one_by_one(sim);
}

static void same_worker_id_comes_back(struct sim *sim)
{
    bad_store(sim);
    while (trouble_goes_on(sim)) {
        uint32_t w = any_worker(sim);

        wait_between(sim, 1, 20);
        sim_crash(sim, w);
        sim_run_for(sim, sim_draw(sim, 1, 12000));
        sim_start(sim, w, true);
    }
}

static void one_piece_of_chaos(struct sim *sim)
{
    uint32_t w = any_worker(sim);

    switch (kh_rand_below(&sim->rand, 7)) {
    case 0:
        sim_crash(sim, w);
        break;
    case 1:
        sim_freeze(sim, w);
        break;
    case 2:
        sim_stop(sim, w);
        break;
    case 3:
        sim_stop_now(sim, w);
        break;
    case 4:
        split_any(sim);
        break;
    case 5:
        merge_any(sim);
        break;
    default:
        sim_thaw(sim, w);
        break;
    }
    w = any_worker(sim);
    if (sim->workers[w].state == SIM_DOWN || sim->workers[w].state == SIM_STOPPED) {
        sim_start(sim, w, sim_chance(sim, 300));
    }
}

static void everything_at_once(struct sim *sim)
{
    bad_store(sim);
    bad_stream(sim);
    bad_children(sim);
    sim->faults.late_tick = 30;
    sim->faults.extra_tick = 30;
    while (trouble_goes_on(sim)) {
        wait_between(sim, 0, 12);
        one_piece_of_chaos(sim);
    }
}

static void stream_is_deleted(struct sim *sim)
{
    mild_weather(sim);
    bad_children(sim);
    wait_between(sim, 10, 60);
    split_any(sim);
    wait_between(sim, 0, 60);
    sim_note(sim, "the stream is deleted");
    sim->producing = false;
    sim->stream.deleted = true;
    wait_between(sim, 0, 60);
}

/* Everything is there before the worker starts. */
static void archive_is_replayed(struct sim *sim)
{
    bad_store(sim);
    bad_stream(sim);
    bad_children(sim);
    sim->producing = false;
    for (int i = 0; i < 6; i++) {
        for (int n = 0; n < 20; n++) {
            sim_stream_put(sim, (uint32_t)kh_rand_below(&sim->rand, SIM_KEYS), 1);
        }
        if (sim_chance(sim, 500)) {
            split_any(sim);
        } else {
            merge_any(sim);
        }
    }
    sim_start(sim, 0, false);
    sim_run_for(sim, sim->trouble_until_ms);
    sim->faults = (struct sim_faults){0};
    sim->calm = true;
}

static void clocks_jump(struct sim *sim)
{
    mild_weather(sim);
    while (trouble_goes_on(sim)) {
        uint32_t w = any_worker(sim);

        wait_between(sim, 1, 10);
        sim->workers[w].wall_skew_ms = sim_draw(sim, -KH_MINUTES(600), KH_MINUTES(600));
        if (sim_chance(sim, 200)) { /* a paused VM: its wall clock may be behind afterwards */
            sim_freeze(sim, w);
            wait_between(sim, 1, 25);
            sim_thaw(sim, w);
        }
    }
}

static void retention_passes_the_checkpoint(struct sim *sim)
{
    mild_weather(sim);
    bad_stream(sim);
    while (trouble_goes_on(sim)) {
        uint32_t w = any_worker(sim);

        wait_between(sim, 3, 20);
        if (sim_chance(sim, 300)) {
            sim_crash(sim, w);
            start_again(sim, w, false);
        } else if (sim_chance(sim, 300)) {
            split_any(sim);
        } else if (sim_chance(sim, 300)) {
            merge_any(sim);
        }
        sim_stream_trim(sim, sim->now_ms - sim_draw(sim, 0, KH_SECONDS(30)));
    }
}

static void store_refuses_writes_for_minutes(struct sim *sim)
{
    mild_weather(sim);
    while (trouble_goes_on(sim)) {
        wait_between(sim, 5, 20);
        sim->faults.refuse_writes = (unsigned)sim_draw(sim, 700, 1000);
        split_any(sim);
        wait_between(sim, 20, 120);
        sim->faults.refuse_writes = 0;
    }
}

static bool is_open_and_there(const struct sim *sim, uint32_t shard)
{
    return sim->stream.shards[shard].closed_at_ms == KH_NEVER && sim->table.rows[shard].exists;
}

/* A hand-off of which only its first half was made, by workers that are no more. */
static void leave_half_a_hand_off(struct sim *sim, uint32_t shard)
{
    struct kh_lease lease = sim->table.rows[shard].lease;

    (void)snprintf(lease.owner, sizeof lease.owner, "ghost-b");
    (void)snprintf(lease.checkpoint_owner, sizeof lease.checkpoint_owner, "ghost-a");
    if (sim_chance(sim, 300)) { /* or he who works on it lives */
        memcpy(lease.checkpoint_owner, sim->table.rows[shard].lease.owner,
               sizeof lease.checkpoint_owner);
    }
    lease.counter += sim_chance(sim, 500) ? 1 : 0;
    sim_table_edit(sim, shard, &lease);
}

/* Of two parents of a merge, one loses its lease before the child has one. */
static void merge_and_delete_a_parent(struct sim *sim, uint32_t shard)
{
    uint32_t child = sim->stream.shards_n;

    for (uint32_t key = 0; key < SIM_KEYS; key++) {
        sim_stream_put(sim, key, 1);
    }
    if (sim_stream_merge(sim, shard)) {
        const struct sim_shard *s = &sim->stream.shards[child];

        if (sim->table.rows[s->parents[0]].exists && sim->table.rows[s->parents[1]].exists) {
            sim_table_edit(sim, s->parents[kh_rand_below(&sim->rand, 2)], NULL);
        }
    }
}

static void edit_a_row(struct sim *sim, uint32_t shard)
{
    struct sim_row *row = &sim->table.rows[shard];

    switch (kh_rand_below(&sim->rand, 4)) {
    case 0:
        row->malformed = true;
        sim->table.has_lost_rows = true; /* what cannot be read counts as not there */
        sim_note(sim, "%s loses its counter", sim->stream.shards[shard].id);
        wait_between(sim, 1, 40);
        row->malformed = false;
        break;
    case 1:
        leave_half_a_hand_off(sim, shard);
        break;
    case 2:
        merge_and_delete_a_parent(sim, shard);
        break;
    default:
        sim_table_edit(sim, shard, NULL);
        break;
    }
}

static void rows_are_edited_by_hand(struct sim *sim)
{
    mild_weather(sim);
    while (trouble_goes_on(sim)) {
        uint32_t shard = (uint32_t)kh_rand_below(&sim->rand, sim->stream.shards_n);

        wait_between(sim, 5, 25);
        if (sim_chance(sim, 200)) {
            split_any(sim);
        } else if (is_open_and_there(sim, shard)) {
            edit_a_row(sim, shard);
        }
    }
}

static void set_version(struct sim *sim, enum kh_client_version version)
{
    static const char *const names[] = {"none", "init", "upgrade-from-2x", "2x", "3x-with-rollback",
                                        "3x"};
    struct kh_coord_item item = {.kind = KH_COORD_VERSION};
    enum kh_coord_place place =
        sim->coord.legacy_state ? KH_COORD_LEGACY_TABLE : KH_COORD_LEASE_TABLE;

    item.version.now.version = version;
    (void)snprintf(item.version.now.by, sizeof item.version.now.by, "operator");
    item.version.now.at_wall_ms = SIM_WALL_MS + sim->now_ms;
    sim_coord_set(sim, place, &item);
    sim_note(sim, "the fleet is to work as %s", names[version]);
}

/* One worker leads, by the rules of KCL 3.x. */
static void begin_led(struct sim *sim)
{
    sim->coord.legacy_state = !sim->config.peers_are_v3 && sim_chance(sim, 300);
    sim->coord.legacy_stats = sim->coord.legacy_state && sim_chance(sim, 700);
    set_version(sim, KH_VERSION_3X);
    if (sim_chance(sim, 700)) {
        sim_coord_make_index(sim, sim_draw(sim, 0, KH_SECONDS(20)));
    }
    mild_weather(sim);
    sim->faults.index_lag = 200;
}

static void trouble_in_a_led_fleet(struct sim *sim)
{
    while (trouble_goes_on(sim)) {
        uint32_t w = any_worker(sim);

        wait_between(sim, 5, 40);
        if (sim_chance(sim, 300)) {
            split_any(sim);
        } else if (sim_chance(sim, 400) && !sim->workers[w].is_peer) {
            sim_stop(sim, w);
            wait_between(sim, 20, 30);
            start_again(sim, w, false);
        } else {
            crash_or_freeze(sim, w);
        }
    }
}

static void one_worker_leads(struct sim *sim)
{
    if (!sim->config.peers_are_v3) {
        begin_led(sim);
    }
    trouble_in_a_led_fleet(sim);
}

static void one_worker_leads_in_bad_weather(struct sim *sim)
{
    begin_led(sim);
    bad_store(sim);
    sim->faults.index_lag = 500;
    while (trouble_goes_on(sim)) {
        uint32_t w = any_worker(sim);

        wait_between(sim, 5, 40);
        sim->workers[w].wall_skew_ms = sim_draw(sim, -KH_SECONDS(50), KH_SECONDS(50));
        crash_or_freeze(sim, w);
    }
}

/* Somebody tells a fleet that works as in 2.x to work as in 3.x, and takes it back, or not. */
static void mode_flips_under_way(struct sim *sim)
{
    static const enum kh_client_version next[][2] = {
        [KH_VERSION_NONE] = {KH_VERSION_UPGRADE_FROM_2X, KH_VERSION_UPGRADE_FROM_2X},
        [KH_VERSION_UPGRADE_FROM_2X] = {KH_VERSION_3X_WITH_ROLLBACK, KH_VERSION_2X},
        [KH_VERSION_2X] = {KH_VERSION_UPGRADE_FROM_2X, KH_VERSION_UPGRADE_FROM_2X},
        [KH_VERSION_3X_WITH_ROLLBACK] = {KH_VERSION_2X, KH_VERSION_3X},
    };
    enum kh_client_version version = KH_VERSION_NONE;

    mild_weather(sim);
    sim->coord.legacy_state = !sim->config.peers_are_v3 && sim_chance(sim, 300);
    sim->coord.legacy_stats = sim->coord.legacy_state && sim_chance(sim, 700);
    while (trouble_goes_on(sim)) {
        uint32_t w = any_worker(sim);

        wait_between(sim, 5, 40);
        if (sim_chance(sim, 300)) {
            crash_or_freeze(sim, w);
        } else if (version != KH_VERSION_3X) {
            version = next[version][kh_rand_below(&sim->rand, 2)];
            set_version(sim, version);
        }
        if (sim_chance(sim, 200)) {
            split_any(sim);
        }
    }
}

/* One random history of splits and merges, with crashes: every record at least once, and in order
 * for each key, whatever the moment. */
static void histories(struct sim *sim)
{
    mild_weather(sim);
    while (trouble_goes_on(sim)) {
        uint32_t w = any_worker(sim);
        kh_ms pause_ms = sim_chance(sim, 500) ? 1000 : KH_SECONDS(15);

        sim_run_for(sim, sim_draw(sim, 0, pause_ms));
        if (sim_chance(sim, 450)) {
            split_any(sim);
        } else if (sim_chance(sim, 600)) {
            merge_any(sim);
        } else {
            sim_crash(sim, w);
            sim_run_for(sim, sim_draw(sim, 0, pause_ms));
            start_again(sim, w, sim_chance(sim, 300));
        }
    }
}

/* ---- and that all is well afterwards ---- */

static uint32_t owner_of(const struct sim *sim, uint32_t shard)
{
    for (uint32_t w = 0; w < sim->workers_n; w++) {
        if (sim->workers[w].state == SIM_UP && sim->table.rows[shard].exists &&
            strcmp(sim->workers[w].config.worker_id, sim->table.rows[shard].lease.owner) == 0) {
            return w;
        }
    }
    return UINT32_MAX;
}

static bool is_led(const struct sim *sim)
{
    for (int place = 0; place < 2; place++) {
        const struct kh_coord_item *item =
            sim_coord_find(sim, (enum kh_coord_place)place, KH_COORD_VERSION, "");

        if (item != NULL && item->version.now.version >= KH_VERSION_3X_WITH_ROLLBACK) {
            return true;
        }
    }
    return false;
}

/* Every open shard is owned by somebody who acts as its owner, and nobody has two leases more than
 * another. */
static bool settled(struct sim *sim)
{
    uint32_t counts[SIM_WORKERS_MAX] = {0};
    uint32_t most = 0;
    uint32_t least = UINT32_MAX;

    for (uint32_t i = 0; i < sim->stream.shards_n; i++) {
        uint32_t w = owner_of(sim, i);
        bool open = sim->stream.shards[i].closed_at_ms == KH_NEVER;

        if (w != UINT32_MAX) {
            counts[w]++;
        }
        if (open && (w == UINT32_MAX || !sim_acts_as_owner(sim, w, i))) {
            return false;
        }
    }
    for (uint32_t w = 0; w < sim->workers_n; w++) {
        most = counts[w] > most ? counts[w] : most;
        least = counts[w] < least ? counts[w] : least;
    }
    return most - least <= 1 || is_led(sim); /* a leader goes by load */
}

/* Whoever has the shard now has got its last record too: a lease that has just changed hands may be
 * stopped before that, with its checkpoint where it was. */
static bool is_read_to_its_end(const struct sim *sim, uint32_t shard)
{
    const struct sim_shard *s = &sim->stream.shards[shard];
    uint32_t w = owner_of(sim, shard);
    const struct sim_child *child;

    if (w == UINT32_MAX || sim->workers[w].is_peer) {
        return true;
    }
    child = &sim->workers[w].children[shard];
    return sim_stream_after(s, &sim->table.rows[shard].lease.checkpoint) == s->records_n ||
           (child->alive && !child->busy && child->started && child->next == s->records_n);
}

/* Every record was acknowledged, and every closed shard is at its end. */
static bool drained(struct sim *sim)
{
    for (uint32_t i = 0; i < sim->stream.shards_n; i++) {
        const struct sim_shard *s = &sim->stream.shards[i];
        const struct sim_row *row = &sim->table.rows[i];

        if (row->exists && s->acked_n != s->records_n) {
            return false;
        }
        if (row->exists && s->closed_at_ms != KH_NEVER && !kh_lease_is_finished(&row->lease)) {
            return false;
        }
        if (!row->exists && !row->ended_once && s->closed_at_ms == KH_NEVER) {
            return false;
        }
        if (row->exists && s->closed_at_ms == KH_NEVER && !is_read_to_its_end(sim, i)) {
            return false;
        }
    }
    return true;
}

static bool all_stopped(struct sim *sim)
{
    for (uint32_t w = 0; w < sim->workers_n; w++) {
        if (!sim->workers[w].is_peer && sim->workers[w].state != SIM_STOPPED) {
            return false;
        }
    }
    return true;
}

static const char *why_not_settled(struct sim *sim, char *text, size_t text_bytes)
{
    size_t n = 0;

    text[0] = '\0';
    for (uint32_t i = 0; i < sim->stream.shards_n && n + 40 < text_bytes; i++) {
        const struct sim_shard *s = &sim->stream.shards[i];
        const struct sim_row *row = &sim->table.rows[i];
        uint32_t w = owner_of(sim, i);

        if (!row->exists && row->ended_once) {
            continue;
        }
        n += (size_t)snprintf(text + n, text_bytes - n, " %u:%s%c%s%zu/%zu", i,
                              row->exists ? "" : "none,", w == UINT32_MAX ? '-' : sim_letter(w),
                              kh_lease_is_finished(&row->lease) ? " end "
                              : s->closed_at_ms == KH_NEVER     ? " open "
                                                                : " closed ",
                              s->acked_n, s->records_n);
    }
    return text;
}

static void must(struct sim *sim, sim_predicate *predicate, kh_ms bound_ms, const char *what)
{
    char text[400];

    if (!sim_run_until(sim, predicate, bound_ms)) {
        sim_fail(sim, "liveness: not %s after %lld s without faults:%s", what,
                 (long long)bound_ms / 1000, why_not_settled(sim, text, sizeof text));
    }
}

static void calm_down(struct sim *sim)
{
    sim_note(sim, "faults end");
    sim->faults = (struct sim_faults){0};
    sim->calm = true;
    for (uint32_t w = 0; w < sim->workers_n; w++) {
        sim->workers[w].cut_off = 0;
        sim_thaw(sim, w);
        if (sim->workers[w].stop_asked_at_ms != KH_NEVER) {
            sim_crash(sim, w); /* half stopped: a new one takes its place */
        }
        start_again(sim, w, false);
    }
}

/* Stopped so soon after it had stolen the lease that the robbed one may still have been at work: it
 * then lets the lease run out. */
static bool was_just_taken(const struct sim *sim, const struct sim_row *row)
{
    for (uint32_t w = 0; w < sim->workers_n; w++) {
        const struct sim_worker *worker = &sim->workers[w];

        if (strcmp(worker->config.worker_id, row->lease.owner) == 0) {
            return worker->stop_asked_at_ms - row->taken_at_ms < worker->config.failover_ms;
        }
    }
    return false;
}

static void check_nothing_left(struct sim *sim)
{
    for (uint32_t i = 0; i < sim->stream.shards_n; i++) {
        const struct sim_row *row = &sim->table.rows[i];
        const struct sim_shard *s = &sim->stream.shards[i];
        size_t next;

        if (!row->exists || owner_of(sim, i) != UINT32_MAX) {
            continue; /* or a Java peer still has it */
        }
        if (kh_lease_is_finished(&row->lease) &&
            (is_led(sim) || sim->now_ms - row->since_ms < LEFT_ALONE_MS)) {
            continue; /* of a dead one: nobody hurries to take what is no work */
        }
        if (row->lease.owner[0] != '\0') {
            /* A leader may have given it to a worker that has died and whose report still
             * counts. */
            if (was_just_taken(sim, row) ||
                (is_led(sim) && sim->now_ms - row->taken_at_ms < KH_SECONDS(15))) {
                continue;
            }
            sim_fail(sim, "stop: the lease of %s still belongs to %s", s->id, row->lease.owner);
        }
        next = sim_stream_after(s, &row->lease.checkpoint);
        if (next != SIZE_MAX && next != s->records_n && !sim->stream.deleted) {
            sim_fail(sim, "stop: the checkpoint of %s is before record %zu of %zu", s->id, next,
                     s->records_n);
        }
    }
}

/* Once everybody has his share, nothing changes hands any more, as long as no lease comes or
 * goes. */
static void check_quiet(struct sim *sim)
{
    kh_ms grace_ms = sim->config.peers > 0 ? QUIET_GRACE_JAVA_MS : QUIET_GRACE_MS;
    kh_ms since_ms = sim->now_ms;
    kh_ms until_ms = sim->now_ms + grace_ms + QUIET_MS;
    uint64_t moves = sim->table.moves;

    while (sim->now_ms < until_ms) {
        sim_run_for(sim, 1000);
        since_ms = kh_ms_max(since_ms, sim->table.set_changed_at_ms);
        if (sim->now_ms - since_ms <= grace_ms) {
            moves = sim->table.moves;
        } else if (sim->table.moves != moves) {
            sim_fail(sim, "thrash: a lease changes hands though everybody has had his share");
        }
    }
}

static bool all_finished(struct sim *sim)
{
    for (uint32_t i = 0; i < sim->stream.shards_n; i++) {
        const struct sim_row *row = &sim->table.rows[i];

        if (row->exists && !kh_lease_is_finished(&row->lease)) {
            return false;
        }
    }
    return true;
}

static void judge(struct sim *sim)
{
    calm_down(sim);
    sim_run_for(sim, KH_SECONDS(30)); /* what was lost, late or slow has come to an end */
    if (sim->stream.deleted) {
        must(sim, all_finished, SETTLE_MS_MAX, "finished");
    } else {
        must(sim, settled, SETTLE_MS_MAX, "settled");
        if (!is_led(sim)) {
            check_quiet(sim);
        }
        must(sim, settled, SETTLE_MS_MAX, "settled after all");
        sim->producing = false;
        must(sim, drained, DRAIN_MS_MAX, "drained");
    }
    for (uint32_t w = 0; w < sim->workers_n; w++) {
        if (!sim->workers[w].is_peer) {
            sim_stop(sim, w);
            sim_run_for(sim, sim_draw(sim, 0, 500));
        }
    }
    must(sim, all_stopped, KH_SECONDS(60), "stopped");
    sim_run_for(sim, KH_SECONDS(2));
    check_nothing_left(sim);
}

/* Told to end by itself: it does, and not before everything that is there was processed. */
static void judge_by_itself(struct sim *sim)
{
    must(sim, all_stopped, SETTLE_MS_MAX, "stopped by itself");
    for (uint32_t w = 0; w < sim->workers_n; w++) {
        if (sim->workers[w].why != KH_STOP_DONE) {
            sim_fail(sim, "%c stopped by itself and does not say so", sim_letter(w));
        }
    }
    if (!drained(sim)) {
        sim_fail(sim, "%c stopped by itself before everything was processed", sim_letter(0));
    }
}

static void start_all(struct sim *sim, bool java_first)
{
    for (uint32_t i = 0; i < sim->workers_n && !sim->config.exit_when_done; i++) {
        uint32_t w = java_first ? sim->workers_n - 1 - i : i;

        if (w + sim->config.peers >= sim->workers_n) {
            sim_run_for(sim, sim_draw(sim, 0, KH_SECONDS(5)));
            sim_start_peer(sim, w);
        } else {
            sim_start(sim, w, false);
        }
    }
}

void sim_play(struct sim *sim, const struct scenario *scenario, kh_ms trouble_ms)
{
    sim->trouble_until_ms = trouble_ms;
    sim->producing = true;
    sim_push(sim, 0, (struct sim_ev){.type = SIM_EV_PRODUCE});
    if (sim->config.peers_are_v3 && scenario->trouble == one_worker_leads) {
        begin_led(sim);
    }
    start_all(sim, sim->config.peers_are_v3 && sim_chance(sim, 500));
    scenario->trouble(sim);
    if (sim->config.exit_when_done) {
        judge_by_itself(sim);
    } else {
        judge(sim);
    }
}

const struct scenario sim_scenarios[] = {
    {"steady", {.workers = 2, .shards = 4}, nothing_special},
    {"steady-latest",
     {.workers = 2, .shards = 3, .initial_position = KH_POSITION_LATEST},
     nothing_special},
    {"steady-timestamp",
     {.workers = 2, .shards = 3, .initial_position = KH_POSITION_AT_TIMESTAMP},
     nothing_special},
    {"crash", {.workers = 3, .shards = 4}, crashed_worker_is_replaced},
    {"freeze", {.workers = 2, .shards = 4, .drift = true}, frozen_worker_gives_up_on_waking},
    {"cut-off", {.workers = 3, .shards = 4, .drift = true}, one_worker_is_cut_off},
    {"slow-starter", {.workers = 2, .shards = 2}, slow_starter_makes_nothing_anew},
    {"lost-answers", {.workers = 2, .shards = 4}, lost_answers_are_not_failures},
    {"late-writes", {.workers = 2, .shards = 3}, writes_land_seconds_later},
    {"throttle", {.workers = 2, .shards = 4}, throttled_store_and_stream},
    {"reshard", {.workers = 3, .shards = 3}, shards_split_and_merge_in_a_storm},
    {"children", {.workers = 2, .shards = 3, .limit_actions = true}, children_fail_in_every_way},
    {"rolling-restart", {.workers = 3, .shards = 5}, fleet_is_restarted_one_by_one},
    {"hand-over", {.workers = 3, .shards = 5}, shards_are_handed_over},
    {"mixed", {.workers = 3, .shards = 5, .peers = 1}, java_peers_take_their_share},
    {"mixed-many", {.workers = 5, .shards = 6, .peers = 3}, java_peers_take_their_share},
    {"mixed-weather", {.workers = 4, .shards = 5, .peers = 2}, java_peers_in_bad_weather},
    {"rolling-java", {.workers = 3, .shards = 5, .peers = 3}, fleet_moves_over_and_back},
    {"initial-sync", {.workers = 3, .shards = 6}, table_is_made_amid_crashes},
    {"stop-under-load", {.workers = 2, .shards = 4, .limit_actions = true}, stop_under_load},
    {"same-worker-id", {.workers = 2, .shards = 3}, same_worker_id_comes_back},
    {"stream-deleted", {.workers = 2, .shards = 3, .limit_actions = true}, stream_is_deleted},
    {"exit-when-done",
     {.workers = 1, .shards = 3, .limit_actions = true, .exit_when_done = true},
     archive_is_replayed},
    {"led", {.workers = 3, .shards = 5, .measured = true}, one_worker_leads},
    {"led-weather", {.workers = 3, .shards = 4, .measured = true}, one_worker_leads_in_bad_weather},
    {"led-java",
     {.workers = 4, .shards = 5, .peers = 2, .peers_are_v3 = true, .measured = true},
     one_worker_leads},
    {"mode-flips", {.workers = 3, .shards = 5, .measured = true}, mode_flips_under_way},
    {"flips-java",
     {.workers = 4, .shards = 5, .peers = 2, .peers_are_v3 = true, .measured = true},
     mode_flips_under_way},
    {"clock-jumps", {.workers = 3, .shards = 4, .drift = true, .measured = true}, clocks_jump},
    {"retention", {.workers = 2, .shards = 3}, retention_passes_the_checkpoint},
    {"refused-writes", {.workers = 3, .shards = 4}, store_refuses_writes_for_minutes},
    {"edited-rows", {.workers = 3, .shards = 4}, rows_are_edited_by_hand},
    {"histories", {.workers = 3, .shards = 3, .put_ms = 300}, histories},
    {"fleet-4x32", {.workers = 4, .shards = 32}, nothing_special},
    {"everything",
     {.workers = 4, .shards = 4, .limit_actions = true, .drift = true},
     everything_at_once},
};

const size_t sim_scenarios_n = COUNT(sim_scenarios);
