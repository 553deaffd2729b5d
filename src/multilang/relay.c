#include "multilang/relay.h"

#include <string.h>

#include "base/mem.h"
#include "base/stderr.h"

/* Send what waits and then bytes. whole: that is the end of the line. */
static void send_piece(struct kh_relay *relay, const char *bytes, size_t n, bool whole)
{
    const struct kh_str parts[] = {kh_str(relay->inside ? "" : relay->prefix),
                                   kh_buf_str(&relay->line), kh_str_of(bytes, n)};

    (void)kh_stderr_write(parts, sizeof(parts) / sizeof(parts[0]));
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
