#include "cli/file.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/fd.h"

#define PIECE_BYTES 8192

enum kh_rc kh_file_read(const char *path, struct kh_buf *text, struct kh_err *err)
{
    char piece[PIECE_BYTES];
    enum kh_rc rc = KH_OK;
    ssize_t n = 1;
    int fd = open(path, O_RDONLY | O_CLOEXEC);

    if (fd < 0) {
        return kh_fail_errno(err, errno, "%s", path);
    }
    while (rc == KH_OK && n > 0) {
        n = read(fd, piece, sizeof(piece));
        if (n < 0 && errno == EINTR) {
            n = 1;
        } else if (n < 0) {
            rc = kh_fail_errno(err, errno, "%s", path);
        } else if (kh_buf_append(text, piece, (size_t)n) != KH_OK) {
            rc = kh_fail(err, KH_TOOBIG, "%s: larger than %zu bytes", path, text->max_bytes);
        }
    }
    kh_fd_close(&fd);
    return rc;
}
