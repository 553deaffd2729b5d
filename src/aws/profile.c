#include "aws/profile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/fd.h"
#include "base/mem.h"
#include "io/env.h"
#include "io/java_property.h"

static const char *const key_names[KH_PROFILE_KEYS] = {
    [KH_PROFILE_ACCESS_KEY_ID] = "aws_access_key_id",
    [KH_PROFILE_SECRET_ACCESS_KEY] = "aws_secret_access_key",
    [KH_PROFILE_SESSION_TOKEN] = "aws_session_token",
    [KH_PROFILE_REGION] = "region",
    [KH_PROFILE_SOURCE_PROFILE] = "source_profile",
    [KH_PROFILE_CREDENTIAL_SOURCE] = "credential_source",
    [KH_PROFILE_WEB_IDENTITY_TOKEN_FILE] = "web_identity_token_file",
    [KH_PROFILE_CREDENTIAL_PROCESS] = "credential_process",
    [KH_PROFILE_SSO_SESSION] = "sso_session",
    [KH_PROFILE_SSO_START_URL] = "sso_start_url",
    [KH_PROFILE_LOGIN_SESSION] = "login_session",
};

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

/* Does "[…]" open our profile? [profile NAME] in the config file, where [default] needs no word;
 * [NAME] in the credentials file. */
static bool is_ours(struct kh_str section, enum kh_profile_file file, const char *name)
{
    struct kh_str word = KH_STR("profile");

    section = kh_str_trim(section);
    if (file == KH_PROFILE_CREDENTIALS) {
        return kh_str_eq(section, kh_str(name));
    }
    if (kh_str_starts(section, word) && section.n > word.n && is_blank(section.p[word.n])) {
        return kh_str_eq(kh_str_trim(kh_str_of(section.p + word.n, section.n - word.n)),
                         kh_str(name));
    }
    return strcmp(name, "default") == 0 && kh_str_eq(section, KH_STR("default"));
}

static struct kh_str without_comment(struct kh_str value)
{
    for (size_t i = 1; i < value.n; i++) {
        if ((value.p[i] == '#' || value.p[i] == ';') && is_blank(value.p[i - 1])) {
            return kh_str_of(value.p, i);
        }
    }
    return value;
}

static void take_line(struct kh_profile *profile, struct kh_str line)
{
    struct kh_str key;
    struct kh_str value;

    if (!kh_str_cut(line, '=', &key, &value)) {
        return;
    }
    key = kh_str_trim(key);
    value = kh_str_trim(without_comment(value));
    for (size_t i = 0; i < KH_PROFILE_KEYS; i++) {
        if (kh_str_eq_nocase(key, kh_str(key_names[i]))) {
            kh_secret_set(&profile->values[i], value);
        }
    }
}

void kh_profile_merge(struct kh_profile *profile, enum kh_profile_file file, struct kh_str text)
{
    bool ours = false;

    while (text.n > 0) {
        struct kh_str line;

        if (!kh_str_cut(text, '\n', &line, &text)) {
            text.n = 0;
        }
        if (line.n == 0 || line.p[0] == '#' || line.p[0] == ';' || is_blank(line.p[0])) {
            continue;
        }
        if (line.p[0] == '[') {
            size_t end = kh_str_find(line, ']');

            ours = end < line.n && is_ours(kh_str_of(line.p + 1, end - 1), file, profile->name);
            profile->found |= ours;
        } else if (ours) {
            take_line(profile, line);
        }
    }
}

void kh_profile_path(enum kh_profile_file file, char path[KH_PROFILE_PATH_MAX + 1])
{
    bool config = file == KH_PROFILE_CONFIG;
    const char *given = kh_java_property(config ? KH_JAVA_CONFIG_FILE : KH_JAVA_CREDENTIALS_FILE);
    const char *home = kh_env("HOME");
    const char *leaf = config ? "config" : "credentials";
    int n;

    if (given == NULL || given[0] == '\0') {
        given = kh_env(config ? "AWS_CONFIG_FILE" : "AWS_SHARED_CREDENTIALS_FILE");
    }
    if (given != NULL && given[0] != '\0') {
        n = snprintf(path, KH_PROFILE_PATH_MAX + 1, "%s", given);
    } else {
        n = snprintf(path, KH_PROFILE_PATH_MAX + 1, "%s/.aws/%s", home != NULL ? home : "", leaf);
    }
    if (n < 0 || n > KH_PROFILE_PATH_MAX) {
        path[0] = '\0'; /* no such file, then */
    }
}

/* Read up to bytes_max bytes; *n is what there was. */
static enum kh_rc read_all(int fd, char *bytes, size_t bytes_max, size_t *n)
{
    *n = 0;
    while (*n < bytes_max) {
        ssize_t got = read(fd, bytes + *n, bytes_max - *n);

        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            return KH_INVALID;
        }
        if (got == 0) {
            break;
        }
        *n += (size_t)got;
    }
    return KH_OK;
}

/* A file that is not there is an empty one. Its bytes are wiped: there are keys among them. */
static enum kh_rc merge_file(struct kh_profile *profile, enum kh_profile_file file,
                             struct kh_err *err)
{
    char path[KH_PROFILE_PATH_MAX + 1];
    enum kh_rc rc = KH_OK;
    char *bytes = NULL;
    size_t n = 0;
    int fd;

    kh_profile_path(file, path);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 && (errno == ENOENT || errno == ENOTDIR)) {
        return KH_OK;
    }
    if (fd < 0) {
        return kh_fail_errno(err, errno, "open %s", path);
    }
    bytes = kh_mem_new(KH_PROFILE_FILE_BYTES_MAX + 1, 1);
    if (read_all(fd, bytes, KH_PROFILE_FILE_BYTES_MAX + 1, &n) != KH_OK) {
        rc = kh_fail_errno(err, errno, "read %s", path);
        goto out;
    }
    if (n > KH_PROFILE_FILE_BYTES_MAX) {
        rc = kh_fail(err, KH_INVALID, "%s: longer than %zu bytes", path, KH_PROFILE_FILE_BYTES_MAX);
        goto out;
    }
    kh_profile_merge(profile, file, kh_str_of(bytes, n));

out:
    explicit_bzero(bytes, n);
    kh_mem_free(bytes);
    kh_fd_close(&fd);
    return rc;
}

static enum kh_rc choose_name(struct kh_profile *profile, const char *name, struct kh_err *err)
{
    if (name == NULL || name[0] == '\0') {
        name = kh_java_property(KH_JAVA_PROFILE);
    }
    if (name == NULL || name[0] == '\0') {
        name = kh_env("AWS_PROFILE");
    }
    if (name == NULL || name[0] == '\0') {
        name = "default";
    }
    if (!kh_str_copy(profile->name, sizeof(profile->name), kh_str(name))) {
        return kh_fail(err, KH_INVALID, "profile name %.20s… is longer than %d characters", name,
                       KH_PROFILE_NAME_MAX);
    }
    return KH_OK;
}

enum kh_rc kh_profile_load(struct kh_profile *profile, const char *name, struct kh_err *err)
{
    enum kh_rc rc;

    memset(profile, 0, sizeof(*profile));
    rc = choose_name(profile, name, err);
    if (rc == KH_OK) {
        rc = merge_file(profile, KH_PROFILE_CONFIG, err);
    }
    if (rc == KH_OK) {
        rc = merge_file(profile, KH_PROFILE_CREDENTIALS, err);
    }
    if (rc == KH_OK && !profile->found) {
        char config[KH_PROFILE_PATH_MAX + 1];
        char credentials[KH_PROFILE_PATH_MAX + 1];

        kh_profile_path(KH_PROFILE_CONFIG, config);
        kh_profile_path(KH_PROFILE_CREDENTIALS, credentials);
        rc = kh_fail(err, KH_NOTFOUND, "neither %s nor %s has profile %s", credentials, config,
                     profile->name);
    }
    if (rc != KH_OK) {
        kh_profile_fini(profile);
    }
    return rc;
}

void kh_profile_fini(struct kh_profile *profile)
{
    for (size_t i = 0; i < KH_PROFILE_KEYS; i++) {
        kh_secret_fini(&profile->values[i]);
    }
}

struct kh_str kh_profile_value(const struct kh_profile *profile, enum kh_profile_key key)
{
    kh_assert(key < KH_PROFILE_KEYS);
    return kh_secret_text(&profile->values[key]);
}
