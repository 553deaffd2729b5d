#include "obs/flight.h"

#include <stdio.h>
#include <string.h>

#include "base/assert.h"
#include "base/stderr.h"
#include "obs/flight_text.h"

static struct {
    char lines[KH_FLIGHT_LINES][KH_FLIGHT_LINE_MAX + 1]; /* a ring */
    size_t n;                                            /* lines ever written */
} flight;

/* Begin the next line; returns how long it is so far. */
static size_t begin(char direction, kh_ms now_ms, char **line)
{
    *line = flight.lines[flight.n % KH_FLIGHT_LINES];
    flight.n++;
    int n = snprintf(*line, KH_FLIGHT_LINE_MAX + 1, "[%4lld.%03lld] %c ",
                     (long long)(now_ms / 1000), (long long)(now_ms % 1000), direction);
    kh_assert(n > 0 && n < KH_FLIGHT_LINE_MAX);
    return (size_t)n;
}

void kh_flight_event(const struct kh_event *event, kh_ms now_ms)
{
    char *line;
    size_t n = begin('<', now_ms, &line);

    (void)kh_flight_text_event(line + n, KH_FLIGHT_LINE_MAX + 1 - n, event);
}

void kh_flight_cmds(const struct kh_cmds *cmds, kh_ms now_ms)
{
    for (size_t i = 0; i < cmds->n; i++) {
        char *line;
        size_t n = begin('>', now_ms, &line);

        (void)kh_flight_text_cmd(line + n, KH_FLIGHT_LINE_MAX + 1 - n, &cmds->items[i]);
    }
}

void kh_flight_dump(void)
{
    size_t first = flight.n > KH_FLIGHT_LINES ? flight.n - KH_FLIGHT_LINES : 0;

    for (size_t i = first; i < flight.n; i++) {
        const struct kh_str line[] = {kh_str(flight.lines[i % KH_FLIGHT_LINES]), KH_STR("\n")};

        if (!kh_stderr_write(line, 2)) {
            return;
        }
    }
}
