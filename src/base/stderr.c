#include "base/stderr.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#define PATIENCE_MS 100

static bool was_full; /* and nothing was waited for since */

/* True as well when something is wrong with it: write(2) will say so. */
static bool has_room(void)
{
    struct pollfd fd = {.fd = STDERR_FILENO, .events = POLLOUT};
    int n;

    do {
        n = poll(&fd, 1, was_full ? 0 : PATIENCE_MS);
    } while (n < 0 && errno == EINTR);
    was_full = n == 0;
    return !was_full;
}

static bool write_piece(const char *bytes, size_t n)
{
    while (n > 0) { /* each round writes something, or is the last one */
        ssize_t written = has_room() ? write(STDERR_FILENO, bytes, n) : 0;

        if (written == 0 || (written < 0 && errno != EINTR)) {
            return false;
        }
        if (written > 0) {
            bytes += written;
            n -= (size_t)written;
        }
    }
    return true;
}

bool kh_stderr_write(const struct kh_str parts[], size_t parts_n)
{
    char piece[PIPE_BUF];
    size_t n = 0;

    for (size_t i = 0; i < parts_n; i++) {
        struct kh_str rest = parts[i];

        while (rest.n > 0) {
            size_t taken = rest.n < sizeof(piece) - n ? rest.n : sizeof(piece) - n;

            memcpy(piece + n, rest.p, taken);
            n += taken;
            rest = kh_str_of(rest.p + taken, rest.n - taken);
            if (n < sizeof(piece)) {
                continue;
            }
            if (!write_piece(piece, n)) {
                return false;
            }
            n = 0;
        }
    }
    return write_piece(piece, n);
}
