#include "source/file_shards.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/fd.h"
#include "base/mem.h"

#define LISTING             "shards.json"
#define LISTING_BYTES_MAX   ((size_t)64 << 20)
#define PATH_BYTES_MAX      ((size_t)64 << 10)
#define LISTING_PIECE_BYTES ((size_t)64 << 10)

static char *path_of(const char *dir, const char *name, const char *suffix)
{
    struct kh_buf path;
    enum kh_rc rc;

    kh_buf_init(&path, PATH_BYTES_MAX);
    rc = kh_buf_appendf(&path, "%s/%s%s", dir, name, suffix);
    if (rc == KH_OK) {
        rc = kh_buf_append_char(&path, '\0');
    }
    kh_assert(rc == KH_OK); /* a command line's or a directory entry's length */
    return path.p;
}

char *kh_file_shards_path(const char *dir, const char *id)
{
    return path_of(dir, id, KH_FILE_SUFFIX);
}

/* What was to be read is not there, or not for us. */
static enum kh_rc cannot(const char *what, const char *path, struct kh_err *err)
{
    bool absent = errno == ENOENT || errno == ENOTDIR;

    return kh_fail(err, absent ? KH_NOTFOUND : KH_DENIED, "%s %s: %s", what, path, strerror(errno));
}

/* One piece more; *end at the end of the file. */
static enum kh_rc read_piece(int fd, struct kh_buf *text, bool *end)
{
    ssize_t n;
    enum kh_rc rc = kh_buf_reserve(text, LISTING_PIECE_BYTES);

    if (rc != KH_OK) {
        return rc;
    }
    do {
        n = read(fd, text->p + text->n, LISTING_PIECE_BYTES);
    } while (n < 0 && errno == EINTR);
    if (n < 0) {
        return KH_RETRY;
    }
    kh_buf_added(text, (size_t)n);
    *end = n == 0;
    return KH_OK;
}

/* KH_NOTFOUND: there is no listing, which is fine. */
static enum kh_rc read_listing(struct kh_buf *text, const char *path, struct kh_err *err)
{
    enum kh_rc rc = KH_OK;
    bool end = false;
    int fd = open(path, O_RDONLY | O_CLOEXEC);

    if (fd < 0 && errno == ENOENT) {
        return KH_NOTFOUND;
    }
    if (fd < 0) {
        return cannot("open", path, err);
    }
    while (rc == KH_OK && !end) {
        rc = read_piece(fd, text, &end);
    }
    if (rc == KH_TOOBIG) {
        rc = kh_fail(err, KH_INVALID, "read %s: it is larger than %zu bytes", path,
                     LISTING_BYTES_MAX);
    } else if (rc != KH_OK) {
        rc = cannot("read", path, err);
    }
    kh_fd_close(&fd);
    return rc;
}

static const struct kh_shard *find(const struct kh_shard_list *shards, size_t n, struct kh_str id)
{
    for (size_t i = 0; i < n; i++) {
        if (kh_str_eq(kh_str(shards->items[i].id), id)) {
            return &shards->items[i];
        }
    }
    return NULL;
}

const struct kh_shard *kh_file_shards_find(const struct kh_shard_list *shards, struct kh_str id)
{
    return find(shards, shards->n, id);
}

static unsigned count_children(const struct kh_shard_list *shards, struct kh_str id)
{
    unsigned n = 0;

    for (size_t i = 0; i < shards->n; i++) {
        const struct kh_shard *shard = &shards->items[i];

        for (unsigned p = 0; p < shard->parents_n; p++) {
            n += kh_str_eq(kh_str(shard->parents[p]), id);
        }
    }
    return n;
}

/* What the API always sends, but a file made by hand may lack. */
static enum kh_rc check_listed(const struct kh_shard_list *shards, const char *dir,
                               const char *path, struct kh_err *err)
{
    for (size_t i = 0; i < shards->n; i++) {
        const struct kh_shard *shard = &shards->items[i];
        char *file;
        bool missing;

        if (find(shards, i, kh_str(shard->id)) != NULL) {
            return kh_fail(err, KH_INVALID, "%s: shard %s is listed twice", path, shard->id);
        }
        if (shard->range.start[0] == '\0' || shard->range.end[0] == '\0') {
            return kh_fail(err, KH_INVALID, "%s: shard %s has no HashKeyRange", path, shard->id);
        }
        if (count_children(shards, kh_str(shard->id)) > KH_CHILDREN_MAX) {
            return kh_fail(err, KH_INVALID, "%s: shard %s has more than %d child shards", path,
                           shard->id, KH_CHILDREN_MAX);
        }
        file = kh_file_shards_path(dir, shard->id);
        missing = !shard->open && access(file, F_OK) != 0;
        kh_mem_free(file);
        if (missing) {
            return kh_fail(err, KH_INVALID,
                           "%s: shard %s is closed, but there is no %s%s: put its records there, "
                           "or an empty file if it has none",
                           path, shard->id, shard->id, KH_FILE_SUFFIX);
        }
    }
    return KH_OK;
}

static enum kh_rc parse_listing(struct kh_shard_list *shards, const char *dir, const char *path,
                                struct kh_str text, struct kh_err *err)
{
    struct kh_buf next_token;
    enum kh_rc rc;

    kh_buf_init(&next_token, LISTING_BYTES_MAX);
    rc = kh_kinesis_list_shards(text, shards, &next_token, err);
    if (rc != KH_OK) {
        (void)kh_wrap(err, "%s is not what `aws kinesis list-shards` prints", path);
        rc = KH_INVALID;
    } else if (next_token.n > 0) {
        rc =
            kh_fail(err, KH_INVALID,
                    "%s is one page of several (it has a NextToken): save the whole listing", path);
    } else if (shards->n == 0) {
        rc = kh_fail(err, KH_INVALID, "%s lists no shards", path);
    } else {
        rc = check_listed(shards, dir, path, err);
    }
    kh_buf_fini(&next_token);
    return rc;
}

static void add_shard(struct kh_shard_list *shards, struct kh_str id)
{
    struct kh_shard *shard;
    bool fits;

    if (shards->n == shards->capacity) {
        shards->capacity = kh_mem_grown(shards->capacity, shards->n + 1);
        shards->items = kh_mem_resize(shards->items, shards->capacity, sizeof(*shards->items));
    }
    shard = &shards->items[shards->n++];
    *shard = (struct kh_shard){.open = true};
    fits = kh_str_copy(shard->id, sizeof(shard->id), id);
    kh_assert(fits);
}

/* One entry of the folder. listed: shards.json said which shards there are. */
static enum kh_rc take_entry(struct kh_shard_list *shards, const char *dir, const char *name,
                             bool listed, struct kh_err *err)
{
    struct kh_str id = kh_str(name);

    if (name[0] == '.' || !kh_str_ends(id, KH_STR(KH_FILE_SUFFIX))) {
        return KH_OK;
    }
    id.n -= KH_STR(KH_FILE_SUFFIX).n;
    if (id.n > KH_SHARD_ID_MAX) {
        return kh_fail(err, KH_INVALID, "%s/%s: a shard id has at most %d characters", dir, name,
                       KH_SHARD_ID_MAX);
    }
    if (!listed) {
        add_shard(shards, id);
    } else if (kh_file_shards_find(shards, id) == NULL) {
        return kh_fail(err, KH_INVALID,
                       "%s/%s belongs to no shard of %s/%s: list its shard there, or move the "
                       "file away",
                       dir, name, dir, LISTING);
    }
    return KH_OK;
}

static enum kh_rc read_folder(struct kh_shard_list *shards, const char *dir, bool listed,
                              struct kh_err *err)
{
    enum kh_rc rc = KH_OK;
    const struct dirent *entry;
    DIR *folder = opendir(dir);

    if (folder == NULL) {
        return cannot("read the folder of records", dir, err);
    }
    while (rc == KH_OK && (entry = readdir(folder)) != NULL) {
        rc = take_entry(shards, dir, entry->d_name, listed, err);
    }
    (void)closedir(folder);
    return rc;
}

static int by_id(const void *one, const void *other)
{
    const struct kh_shard *a = one;
    const struct kh_shard *b = other;

    return strcmp(a->id, b->id);
}

/* 2^128 cut into n parts that differ by one at most, the larger ones last. */
static void share_hash_space(struct kh_shard_list *shards)
{
    const unsigned __int128 highest = ~(unsigned __int128)0;
    unsigned __int128 part;

    kh_assert(shards->n > 0);
    part = highest / shards->n;
    for (size_t i = 0; i < shards->n; i++) {
        bool last = i + 1 == shards->n;

        kh_hash_key_format(part * i, shards->items[i].range.start);
        kh_hash_key_format(last ? highest : part * (i + 1) - 1, shards->items[i].range.end);
    }
}

enum kh_rc kh_file_shards_read(struct kh_shard_list *shards, const char *dir, struct kh_err *err)
{
    struct kh_buf text;
    char *path = path_of(dir, LISTING, "");
    enum kh_rc rc;
    bool listed;

    kh_shard_list_init(shards);
    kh_buf_init(&text, LISTING_BYTES_MAX);
    rc = read_listing(&text, path, err);
    listed = rc == KH_OK;
    if (listed) {
        rc = parse_listing(shards, dir, path, kh_buf_str(&text), err);
    }
    if (rc == KH_OK || rc == KH_NOTFOUND) {
        rc = read_folder(shards, dir, listed, err);
    }
    if (rc == KH_OK && shards->n == 0) {
        rc = kh_fail(err, KH_NOTFOUND,
                     "folder of records %s: there is no SHARDID%s in it, and no %s", dir,
                     KH_FILE_SUFFIX, LISTING);
    }
    if (rc == KH_OK && !listed) {
        qsort(shards->items, shards->n, sizeof(*shards->items), by_id);
        share_hash_space(shards);
    }
    kh_buf_fini(&text);
    kh_mem_free(path);
    return rc;
}

static bool has_parent_here(const struct kh_shard_list *shards, const struct kh_shard *shard)
{
    for (unsigned i = 0; i < shard->parents_n; i++) {
        if (kh_file_shards_find(shards, kh_str(shard->parents[i])) != NULL) {
            return true;
        }
    }
    return false;
}

bool kh_file_shards_match(const struct kh_shard_list *shards, const struct kh_shard *shard,
                          enum kh_shard_filter filter)
{
    switch (filter) {
    case KH_SHARDS_ALL:
        return true;
    case KH_SHARDS_AT_LATEST:
        return shard->open;
    case KH_SHARDS_AT_TRIM_HORIZON:
    case KH_SHARDS_AT_TIMESTAMP:
        /* Nobody wrote down when a shard was opened or closed. The oldest are right for every
         * instant: their records from before it are passed over when they are read. */
        return !has_parent_here(shards, shard);
    }
    kh_assert(false);
    return false;
}
