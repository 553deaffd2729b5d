#include <stdarg.h>
#include <string.h>

#include "base/mem.h"
#include "sim.h"

struct line {
    char *text;
    size_t n;
};

static void say(struct line *line, const char *fmt, ...) KH_PRINTF(2, 3);
static void say(struct line *line, const char *fmt, ...)
{
    va_list args;
    int n;

    va_start(args, fmt);
    n = vsnprintf(line->text + line->n, SIM_LINE_MAX - line->n, fmt, args);
    va_end(args);
    if (n > 0) {
        line->n = line->n + (size_t)n < SIM_LINE_MAX ? line->n + (size_t)n : SIM_LINE_MAX - 1;
    }
}

static bool wanted(const struct sim *sim)
{
    return sim->out != NULL || sim->record;
}

static struct line begin(struct sim *sim)
{
    struct line line = {.text = sim->last[sim->last_n++ % SIM_TRANSCRIPT_LAST]};

    say(&line, "[%4lld.%03lld] ", (long long)(sim->now_ms / 1000), (long long)(sim->now_ms % 1000));
    return line;
}

static void end(struct sim *sim, const struct line *line)
{
    if (sim->out != NULL) {
        (void)fprintf(sim->out, "%s\n", line->text);
    }
}

/* shardId-000000000003 -> 3 */
static const char *brief(const char *key)
{
    const char *dash = key == NULL ? NULL : strrchr(key, '-');

    if (key == NULL || dash == NULL || strncmp(key, "shardId-", 8) != 0) {
        return key == NULL ? "" : key;
    }
    dash++;
    while (dash[0] == '0' && dash[1] != '\0') {
        dash++;
    }
    return dash;
}

static void say_fields(struct line *line, const char *sign, unsigned fields)
{
    static const char *const names[] = {"counter",    "owner",   "checkpointOwner", "switches",
                                        "checkpoint", "pending", "children",        "range",
                                        "throughput", "handoff"};

    for (unsigned i = 0; i < sizeof names / sizeof names[0]; i++) {
        if ((fields & 1U << i) != 0) {
            say(line, " %s%s", sign, names[i]);
        }
    }
}

static void say_op(struct line *line, const struct kh_lease_op *op)
{
    static const char *const verbs[] = {"list", "get", "create", "update", "delete"};

    say(line, "%s", verbs[op->verb]);
    if (op->verb != KH_LEASE_LIST) {
        say(line, " %s", brief(op->key));
    }
    if (op->verb == KH_LEASE_CREATE) {
        say(line, " at %s", op->lease.checkpoint.seq);
    }
    if (op->verb != KH_LEASE_UPDATE) {
        return;
    }
    if ((op->expect_is & KH_LEASE_COUNTER) != 0) {
        say(line, " expecting %llu", (unsigned long long)op->expect_counter);
    }
    say_fields(line, "if-", op->expect_is & ~(unsigned)KH_LEASE_COUNTER);
    say_fields(line, "if-no-", op->expect_absent);
    say_fields(line, "", op->set & ~(unsigned)(KH_LEASE_CHECKPOINT | KH_LEASE_OWNER));
    say_fields(line, "+1 ", op->add_one);
    say_fields(line, "no-", op->remove);
    if ((op->set & KH_LEASE_OWNER) != 0) {
        say(line, " owner=%s", op->lease.owner);
    }
    if ((op->set & KH_LEASE_CHECKPOINT) != 0) {
        say(line, " checkpoint=%s/%lld", op->lease.checkpoint.seq,
            (long long)op->lease.checkpoint.sub);
    }
}

static void say_answer(struct line *line, const struct kh_lease_answer *answer)
{
    static const char *const outcomes[] = {"done", "conflict", "failed", "unknown"};

    say(line, "answer %llu %s", (unsigned long long)answer->id, outcomes[answer->outcome]);
    if (answer->verb == KH_LEASE_LIST && answer->outcome == KH_LEASE_DONE) {
        say(line, " %zu leases", answer->leases_n);
    } else if (answer->outcome == KH_LEASE_DONE || answer->outcome == KH_LEASE_CONFLICT) {
        say(line, " %s owner=%s counter=%llu checkpoint=%s", brief(answer->lease.key),
            answer->lease.owner, (unsigned long long)answer->lease.counter,
            answer->lease.checkpoint.seq);
    } else {
        say(line, " %s", kh_rc_name(answer->rc));
    }
}

static void say_coord_op(struct line *line, const struct kh_coord_op *op)
{
    static const char *const verbs[] = {"layout", "get",        "put",   "update",
                                        "delete", "list-stats", "owned", "make-index"};
    static const char *const kinds[] = {"lock", "version", "tables", "stats"};

    say(line, "coord %s %s%s%s", verbs[op->verb], kinds[op->kind],
        op->place == KH_COORD_LEGACY_TABLE ? " legacy " : " ", op->key);
}

static void say_coord_answer(struct line *line, const struct kh_coord_answer *answer)
{
    static const char *const outcomes[] = {"done", "conflict", "failed", "unknown"};

    say(line, "coord answer %llu %s%s", (unsigned long long)answer->id, outcomes[answer->outcome],
        answer->found ? " found" : "");
    if (answer->verb == KH_COORD_OWNED) {
        say(line, " %zu keys", answer->keys_n);
    } else if (answer->verb == KH_COORD_LIST_STATS) {
        say(line, " %zu workers", answer->stats_n);
    }
}

static void say_fetched(struct line *line, const struct kh_event *event)
{
    if (event->rc != KH_OK) {
        say(line, " %s", kh_rc_name(event->rc));
        return;
    }
    say(line, " %u records", event->fetched->records_n);
    if (!kh_extseq_is_none(&event->fetched->last)) {
        say(line, " to %s/%lld", event->fetched->last.seq, (long long)event->fetched->last.sub);
    }
    if (event->fetched->ended) {
        say(line, " ended, %zu children", event->fetched->children_n);
    }
}

static void say_event(struct line *line, const struct kh_event *event)
{
    if (event->type == KH_EVENT_STORE) {
        say_answer(line, event->answer);
        return;
    }
    if (event->type == KH_EVENT_COORD) {
        say_coord_answer(line, event->coord);
        return;
    }
    say(line, "%s%s%s", kh_event_type_name(event->type), event->key.n == 0 ? "" : " ",
        brief(event->key.p));
    if (event->type == KH_EVENT_FETCHED) {
        say_fetched(line, event);
    } else if (event->type == KH_EVENT_SHARDS || event->type == KH_EVENT_OPENED) {
        say(line, " %s", kh_rc_name(event->rc));
    } else if (event->type == KH_EVENT_CHILD_STATUS) {
        say(line, " %.*s", KH_STR_ARG(event->action_name));
    } else if (event->type == KH_EVENT_CHILD_CHECKPOINT) {
        say(line, " %.*s",
            KH_STR_ARG(event->checkpoint.has_seq ? event->checkpoint.seq : KH_STR("all")));
    } else if (event->type == KH_EVENT_CHILD_EXITED) {
        say(line, " status %d", event->exit_status);
    }
}

static void say_cmd(struct line *line, const struct kh_cmd *cmd)
{
    if (cmd->type == KH_CMD_STORE) {
        say(line, "%llu: ", (unsigned long long)cmd->op->id);
        say_op(line, cmd->op);
        return;
    }
    if (cmd->type == KH_CMD_COORD) {
        say(line, "%llu: ", (unsigned long long)cmd->coord->id);
        say_coord_op(line, cmd->coord);
        return;
    }
    say(line, "%s", kh_cmd_type_name(cmd->type));
    if (cmd->type == KH_CMD_NOTE) {
        say(line, " %s", cmd->note);
    }
    if (cmd->type == KH_CMD_CHILD_SEND) {
        say(line, " %s", kh_action_name(cmd->action));
    }
    if (cmd->key != NULL && cmd->key[0] != '\0') {
        say(line, " %s", brief(cmd->key));
    }
    if (cmd->type == KH_CMD_CHILD_SEND && cmd->action == KH_ACTION_INITIALIZE) {
        say(line, " at %s", cmd->skip_to.seq);
    }
    if (cmd->type == KH_CMD_OPEN) {
        say(line, " skipping to %s", kh_extseq_is_none(&cmd->skip_to) ? "none" : cmd->skip_to.seq);
    }
    if (cmd->type == KH_CMD_CHILD_ACK && cmd->error != NULL) {
        say(line, " %s", cmd->error);
    }
    if (cmd->type == KH_CMD_CHILD_SIGNAL) {
        say(line, " %s", cmd->kill ? "KILL" : "TERM");
    }
}

static void remember_note(struct sim *sim, const char *note)
{
    if (!sim_saw(sim, note) && sim->notes_n < SIM_NOTES_MAX) {
        sim->notes[sim->notes_n++] = note;
    }
}

void sim_transcribe(struct sim *sim, uint32_t w, const struct kh_event *event)
{
    const struct kh_cmds *cmds = &sim->workers[w].cmds;
    struct line line;

    for (size_t i = 0; i < cmds->n; i++) {
        if (cmds->items[i].type == KH_CMD_NOTE) {
            remember_note(sim, cmds->items[i].note);
        }
    }
    if (!wanted(sim)) {
        return;
    }
    line = begin(sim);
    say(&line, "%c < ", sim_letter(w));
    say_event(&line, event);
    for (size_t i = 0; i < cmds->n; i++) {
        say(&line, "%s", i == 0 ? "  > " : "; ");
        say_cmd(&line, &cmds->items[i]);
    }
    end(sim, &line);
}

void sim_note(struct sim *sim, const char *fmt, ...)
{
    struct line line;
    char text[200];
    va_list args;

    if (!wanted(sim)) {
        return;
    }
    va_start(args, fmt);
    (void)vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    line = begin(sim);
    say(&line, "-- %s", text);
    end(sim, &line);
}

void sim_print_last(const struct sim *sim, FILE *out)
{
    unsigned n = sim->last_n < SIM_TRANSCRIPT_LAST ? sim->last_n : SIM_TRANSCRIPT_LAST;

    for (unsigned i = sim->last_n - n; i < sim->last_n; i++) {
        (void)fprintf(out, "%s\n", sim->last[i % SIM_TRANSCRIPT_LAST]);
    }
}

bool sim_saw(const struct sim *sim, const char *note)
{
    for (unsigned i = 0; i < sim->notes_n; i++) {
        if (sim->notes[i] == note || strcmp(sim->notes[i], note) == 0) {
            return true;
        }
    }
    return false;
}
