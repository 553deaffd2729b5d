#include "multilang/relay.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/mem.h"

/* A stderr that others have made non-blocking, and that nobody reads: do not hang the leases on
 * it. */
#define STDERR_PATIENCE_MS 100

enum { PREFIX, LINE, END, PARTS_N };

static bool wait_for_stderr(void)
{
    struct pollfd fd = {.fd = STDERR_FILENO, .events = POLLOUT};

    return poll(&fd, 1, STDERR_PATIENCE_MS) > 0 && (fd.revents & POLLOUT) != 0;
}

/* Mostly one call; more only where the kernel takes less than everything. */
static void write_parts(struct iovec parts[PARTS_N])
{
    size_t at = 0;

    while (at < PARTS_N) {
        ssize_t n = writev(STDERR_FILENO, parts + at, (int)(PARTS_N - at));
        size_t written = n > 0 ? (size_t)n : 0;

        if (n < 0 && errno != EINTR && (errno != EAGAIN || !wait_for_stderr())) {
            return;
        }
        while (at < PARTS_N && written >= parts[at].iov_len) {
            written -= parts[at].iov_len;
            at++;
        }
        if (at < PARTS_N) {
            parts[at].iov_base = (char *)parts[at].iov_base + written;
            parts[at].iov_len -= written;
        }
    }
}

/* Send what waits and then bytes. whole: that is the end of the line. */
static void send_piece(struct kh_relay *relay, const char *bytes, size_t n, bool whole)
{
    size_t prefix_n = relay->inside ? 0 : strlen(relay->prefix);
    struct iovec parts[PARTS_N] = {
        [PREFIX] = {.iov_base = relay->prefix, .iov_len = prefix_n},
        [LINE] = {.iov_base = relay->line.p, .iov_len = relay->line.n},
        [END] = {.iov_base = (void *)(uintptr_t)bytes, .iov_len = n},
    };

    write_parts(parts);
    kh_buf_reset(&relay->line);
    relay->inside = !whole;
}

void kh_relay_init(struct kh_relay *relay, const char *prefix)
{
    *relay = (struct kh_relay){.prefix = kh_mem_copy(prefix, strlen(prefix))};
    kh_buf_init(&relay->line, KH_RELAY_PIECE_BYTES);
}

void kh_relay_fini(struct kh_relay *relay)
{
    if (relay->line.n > 0 || relay->inside) {
        send_piece(relay, "\n", 1, true);
    }
    kh_buf_fini(&relay->line);
    kh_mem_free(relay->prefix);
    relay->prefix = NULL;
}

void kh_relay_add(struct kh_relay *relay, const char *bytes, size_t n)
{
    size_t done = 0;

    while (done < n) {
        const char *end = memchr(bytes + done, '\n', n - done);
        size_t part_n = end != NULL ? (size_t)(end - (bytes + done)) + 1 : n - done;

        if (end != NULL) {
            send_piece(relay, bytes + done, part_n, true);
        } else if (kh_buf_append(&relay->line, bytes + done, part_n) != KH_OK) {
            send_piece(relay, bytes + done, part_n, false);
        }
        done += part_n;
    }
    if (relay->line.n == 0) {
        struct kh_buf spare = kh_buf_take(&relay->line);

        kh_buf_fini(&spare); /* an idle child keeps no memory here */
    }
}
