#include "obs/flight_text.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/assert.h"

/* A line that is being put together. */
struct line {
    char *p;
    size_t n;
    size_t max_bytes; /* with the terminator */
};

static void say(struct line *line, const char *fmt, ...) KH_PRINTF(2, 3);

static void say(struct line *line, const char *fmt, ...)
{
    size_t room = line->max_bytes - line->n;
    va_list args;

    va_start(args, fmt);
    int n = vsnprintf(line->p + line->n, room, fmt, args);
    va_end(args);
    kh_assert(n >= 0);
    line->n += (size_t)n < room ? (size_t)n : room - 1;
}

static void say_key(struct line *line, struct kh_str key)
{
    const struct kh_str usual = KH_STR("shardId-");

    if (key.n == 0) {
        return;
    }
    if (kh_str_starts(key, usual)) {
        key = kh_str_of(key.p + usual.n, key.n - usual.n);
        while (key.n > 1 && key.p[0] == '0') {
            key = kh_str_of(key.p + 1, key.n - 1);
        }
    }
    say(line, " %.*s", KH_STR_ARG(key));
}

static void say_position(struct line *line, const struct kh_extseq *position)
{
    if (kh_extseq_is_none(position)) {
        say(line, "none");
    } else {
        say(line, "%s/%lld", position->seq, (long long)position->sub);
    }
}

static void say_fields(struct line *line, const char *sign, unsigned fields)
{
    static const char *const names[] = {"counter",    "owner",       "checkpointOwner", "switches",
                                        "checkpoint", "pending",     "children",        "range",
                                        "throughput", "handoffOwner"};
    const unsigned names_n = sizeof(names) / sizeof(names[0]);

    kh_assert(fields < 1U << names_n);
    for (unsigned i = 0; i < names_n; i++) {
        if ((fields & 1U << i) != 0) {
            say(line, " %s%s", sign, names[i]);
        }
    }
}

static const char *verb_name(enum kh_lease_verb verb)
{
    switch (verb) {
    case KH_LEASE_LIST:
        return "list";
    case KH_LEASE_GET:
        return "get";
    case KH_LEASE_CREATE:
        return "create";
    case KH_LEASE_UPDATE:
        return "update";
    case KH_LEASE_DELETE:
        return "delete";
    }
    kh_assert(false);
    return "";
}

static const char *outcome_name(enum kh_lease_outcome outcome)
{
    switch (outcome) {
    case KH_LEASE_DONE:
        return "done";
    case KH_LEASE_CONFLICT:
        return "conflict";
    case KH_LEASE_FAILED:
        return "failed";
    case KH_LEASE_UNKNOWN:
        return "unknown";
    }
    kh_assert(false);
    return "";
}

static void say_update(struct line *line, const struct kh_lease_op *op)
{
    const unsigned with_values = KH_LEASE_CHECKPOINT | KH_LEASE_OWNER;

    if ((op->expect_is & KH_LEASE_COUNTER) != 0) {
        say(line, " expecting %llu", (unsigned long long)op->expect_counter);
    }
    say_fields(line, "if-", op->expect_is & ~(unsigned)KH_LEASE_COUNTER);
    say_fields(line, "if-no-", op->expect_absent);
    say_fields(line, "", op->set & ~with_values);
    say_fields(line, "+1 ", op->add_one);
    say_fields(line, "no-", op->remove);
    if ((op->set & KH_LEASE_OWNER) != 0) {
        say(line, " owner=%s", op->lease.owner);
    }
    if ((op->set & KH_LEASE_CHECKPOINT) != 0) {
        say(line, " checkpoint=");
        say_position(line, &op->lease.checkpoint);
    }
}

static void say_op(struct line *line, const struct kh_lease_op *op)
{
    say(line, "%llu: %s", (unsigned long long)op->id, verb_name(op->verb));
    if (op->verb != KH_LEASE_LIST) {
        say_key(line, kh_str(op->key));
    }
    if (op->verb == KH_LEASE_CREATE) {
        say(line, " at ");
        say_position(line, &op->lease.checkpoint);
    }
    if (op->verb == KH_LEASE_UPDATE) {
        say_update(line, op);
    }
}

static void say_answer(struct line *line, const struct kh_lease_answer *answer)
{
    bool done = answer->outcome == KH_LEASE_DONE;

    say(line, "answer %llu %s", (unsigned long long)answer->id, outcome_name(answer->outcome));
    if (done && answer->verb == KH_LEASE_LIST) {
        say(line, " %zu leases", answer->leases_n);
    } else if (done || answer->outcome == KH_LEASE_CONFLICT) {
        say_key(line, kh_str(answer->lease.key));
        say(line, " owner=%s counter=%llu checkpoint=", answer->lease.owner,
            (unsigned long long)answer->lease.counter);
        say_position(line, &answer->lease.checkpoint);
    } else {
        say(line, " %s", kh_rc_name(answer->rc));
    }
}

/* What a fleet stores beside its leases. */

static const char *coord_verb_name(enum kh_coord_verb verb)
{
    switch (verb) {
    case KH_COORD_LAYOUT:
        return "layout";
    case KH_COORD_GET:
        return "get";
    case KH_COORD_PUT:
        return "put";
    case KH_COORD_UPDATE:
        return "update";
    case KH_COORD_DELETE:
        return "delete";
    case KH_COORD_LIST_STATS:
        return "list_stats";
    case KH_COORD_OWNED:
        return "owned";
    case KH_COORD_MAKE_INDEX:
        return "make_index";
    }
    kh_assert(false);
    return "";
}

static const char *version_name(enum kh_client_version version)
{
    switch (version) {
    case KH_VERSION_NONE:
        return "none";
    case KH_VERSION_INIT:
        return "init";
    case KH_VERSION_UPGRADE_FROM_2X:
        return "upgrade_from_2x";
    case KH_VERSION_2X:
        return "2x";
    case KH_VERSION_3X_WITH_ROLLBACK:
        return "3x_with_rollback";
    case KH_VERSION_3X:
        return "3x";
    case KH_VERSION_OTHER:
        return "other";
    }
    kh_assert(false);
    return "";
}

static const char *tables_name(enum kh_table_status status)
{
    switch (status) {
    case KH_TABLES_NONE:
        return "none";
    case KH_TABLES_INIT:
        return "init";
    case KH_TABLES_DEPLOYED:
        return "deployed";
    case KH_TABLES_PENDING:
        return "pending";
    case KH_TABLES_COMPLETE:
        return "complete";
    case KH_TABLES_OTHER:
        return "other";
    }
    kh_assert(false);
    return "";
}

static void say_stats(struct line *line, const struct kh_worker_stats *stats)
{
    say(line, " stats %s lut=%lld", stats->worker_id, (long long)stats->reported_wall_s);
    for (unsigned i = 0; i < stats->metrics_n; i++) {
        const struct kh_metric *metric = &stats->metrics[i];

        if (metric->values_n > 0) {
            say(line, " %s=%.1f", metric->name, metric->values[metric->values_n - 1]);
        }
    }
}

static void say_coord_item(struct line *line, const struct kh_coord_item *item)
{
    switch (item->kind) {
    case KH_COORD_LOCK:
        say(line, " lock owner=%s version=%s%s", item->lock.owner, item->lock.version,
            item->lock.released ? " released" : "");
        break;
    case KH_COORD_VERSION:
        say(line, " version %s by=%s", version_name(item->version.now.version),
            item->version.now.by);
        break;
    case KH_COORD_TABLES:
        say(line, " tables %s by=%s", tables_name(item->tables.status), item->tables.by);
        break;
    case KH_COORD_STATS:
        say_stats(line, &item->stats);
        break;
    }
}

static void say_expected(struct line *line, unsigned bits)
{
    static const char *const names[] = {"absent", "released",       "version",
                                        "owner",  "client_version", "lut"};

    for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if ((bits & 1U << i) != 0) {
            say(line, " if-%s", names[i]);
        }
    }
}

static void say_coord_op(struct line *line, const struct kh_coord_op *op)
{
    static const char *const kinds[] = {"lock", "version", "tables", "stats"};

    say(line, "%llu: %s", (unsigned long long)op->id, coord_verb_name(op->verb));
    if (op->verb == KH_COORD_PUT || op->verb == KH_COORD_UPDATE) {
        say_coord_item(line, &op->item);
    } else if (op->verb == KH_COORD_GET || op->verb == KH_COORD_DELETE) {
        say(line, " %s", kinds[op->kind]);
        say(line, op->key[0] != '\0' ? " %s" : "%s", op->key);
    } else if (op->verb == KH_COORD_OWNED) {
        say(line, " %s", op->key);
    }
    say_expected(line, op->expect_bits);
    if (op->place == KH_COORD_LEGACY_TABLE) {
        say(line, " in its old table");
    }
}

static void say_layout(struct line *line, const struct kh_layout *layout)
{
    say(line, " layout:%s%s%s", layout->legacy_state ? " old state," : "",
        layout->legacy_stats ? " old stats," : "",
        layout->index_active ? " index"
        : layout->has_index  ? " index being made"
                             : " no index");
}

static void say_coord_done(struct line *line, const struct kh_coord_answer *answer)
{
    switch (answer->verb) {
    case KH_COORD_LAYOUT:
        say_layout(line, &answer->layout);
        break;
    case KH_COORD_LIST_STATS:
        say(line, " %zu stats", answer->stats_n);
        break;
    case KH_COORD_OWNED:
        say(line, " %zu leases", answer->keys_n);
        break;
    case KH_COORD_GET:
    case KH_COORD_PUT:
    case KH_COORD_UPDATE:
    case KH_COORD_DELETE:
        if (answer->found) {
            say_coord_item(line, &answer->item);
        } else {
            say(line, " nothing");
        }
        break;
    case KH_COORD_MAKE_INDEX:
        break;
    }
}

static void say_coord_answer(struct line *line, const struct kh_coord_answer *answer)
{
    say(line, "answer %llu %s", (unsigned long long)answer->id, outcome_name(answer->outcome));
    if (answer->outcome == KH_LEASE_DONE || answer->outcome == KH_LEASE_CONFLICT) {
        say_coord_done(line, answer);
    } else {
        say(line, " %s", kh_rc_name(answer->rc));
    }
}

static void say_fetched(struct line *line, const struct kh_event *event)
{
    const struct kh_fetched *fetched = event->fetched;

    if (event->rc != KH_OK) {
        say(line, " %s", kh_rc_name(event->rc));
        return;
    }
    say(line, " %u records to ", fetched->records_n);
    say_position(line, &fetched->last);
    if (fetched->batch != 0) {
        say(line, ", batch %llu", (unsigned long long)fetched->batch);
    }
    if (fetched->ended) {
        say(line, ", ended, %zu children", fetched->children_n);
    }
}

static void say_checkpoint(struct line *line, const struct kh_child_checkpoint *checkpoint)
{
    say(line, " %.*s", KH_STR_ARG(checkpoint->has_seq ? checkpoint->seq : KH_STR("all")));
    if (checkpoint->sub_bad) {
        say(line, "/bad");
    } else if (checkpoint->has_sub) {
        say(line, "/%lld", (long long)checkpoint->sub);
    }
}

size_t kh_flight_text_event(char *text, size_t text_bytes, const struct kh_event *event)
{
    struct line line = {.p = text, .max_bytes = text_bytes};

    kh_assert(text_bytes > 0);
    text[0] = '\0';
    if (event->type == KH_EVENT_STORE) {
        say_answer(&line, event->answer);
        return line.n;
    }
    if (event->type == KH_EVENT_COORD) {
        say_coord_answer(&line, event->coord);
        return line.n;
    }
    say(&line, "%s", kh_event_type_name(event->type));
    say_key(&line, event->key);
    switch (event->type) {
    case KH_EVENT_SHARDS:
        say(&line, " %s, %zu shards", kh_rc_name(event->rc), event->shards_n);
        break;
    case KH_EVENT_OPENED:
        say(&line, " %s", kh_rc_name(event->rc));
        break;
    case KH_EVENT_FETCHED:
        say_fetched(&line, event);
        break;
    case KH_EVENT_CHILD_STATUS:
        say(&line, " %.*s", KH_STR_ARG(event->action_name));
        break;
    case KH_EVENT_CHILD_CHECKPOINT:
        say_checkpoint(&line, &event->checkpoint);
        break;
    case KH_EVENT_CHILD_EXITED:
        say(&line, " status %d", event->exit_status);
        break;
    case KH_EVENT_UTILIZATION:
        say(&line, " %.1f", event->percent);
        break;
    case KH_EVENT_TICK:
    case KH_EVENT_STORE:
    case KH_EVENT_COORD:
    case KH_EVENT_STOP:
    case KH_EVENT_STOP_NOW:
        break;
    }
    return line.n;
}

static const char *stop_reason(enum kh_stop_reason why)
{
    switch (why) {
    case KH_STOP_ASKED:
        return "asked";
    case KH_STOP_DONE:
        return "done";
    case KH_STOP_FAILED:
        break;
    }
    return "failed";
}

static void say_send(struct line *line, const struct kh_cmd *cmd)
{
    say(line, " %s", kh_action_name(cmd->action));
    say_key(line, kh_str(cmd->key));
    if (cmd->action == KH_ACTION_INITIALIZE) {
        say(line, " at ");
        say_position(line, &cmd->skip_to);
    } else if (cmd->action == KH_ACTION_PROCESS_RECORDS) {
        say(line, " batch %llu", (unsigned long long)cmd->batch);
    }
}

static void say_note(struct line *line, const struct kh_cmd *cmd)
{
    say(line, " %s", cmd->note);
    say_key(line, kh_str(cmd->key));
    if (cmd->value != 0) {
        say(line, " %lld", (long long)cmd->value);
    }
}

size_t kh_flight_text_cmd(char *text, size_t text_bytes, const struct kh_cmd *cmd)
{
    struct line line = {.p = text, .max_bytes = text_bytes};

    kh_assert(text_bytes > 0);
    text[0] = '\0';
    if (cmd->type == KH_CMD_STORE) {
        say_op(&line, cmd->op);
        return line.n;
    }
    if (cmd->type == KH_CMD_COORD) {
        say_coord_op(&line, cmd->coord);
        return line.n;
    }
    say(&line, "%s", kh_cmd_type_name(cmd->type));
    if (cmd->type == KH_CMD_NOTE) {
        say_note(&line, cmd);
        return line.n;
    }
    if (cmd->type == KH_CMD_CHILD_SEND) {
        say_send(&line, cmd);
        return line.n;
    }
    say_key(&line, kh_str(cmd->key));
    switch (cmd->type) {
    case KH_CMD_OPEN:
        say(&line, " skipping to ");
        say_position(&line, &cmd->skip_to);
        break;
    case KH_CMD_FETCH:
        say(&line, " at most %u", cmd->limit);
        break;
    case KH_CMD_DROP_BATCH:
        say(&line, " %llu", (unsigned long long)cmd->batch);
        break;
    case KH_CMD_CHILD_ACK:
        say(&line, " %s", cmd->error != NULL ? cmd->error : "success");
        break;
    case KH_CMD_CHILD_SIGNAL:
        say(&line, " %s", cmd->kill ? "KILL" : "TERM");
        break;
    case KH_CMD_STOPPED:
        say(&line, " %s", stop_reason(cmd->why));
        break;
    case KH_CMD_NOTE:
    case KH_CMD_STORE:
    case KH_CMD_COORD:
    case KH_CMD_LIST_SHARDS:
    case KH_CMD_CLOSE:
    case KH_CMD_CHILD_START:
    case KH_CMD_CHILD_SEND:
    case KH_CMD_CHILD_CLOSE:
        break;
    }
    return line.n;
}
