/* profile: one profile of the shared AWS files, both files merged.
 *
 * Shape   kh_profile_load reads both files anew each time; kh_profile_merge takes one file's text.
 * Units   none.
 * Errors  KH_NOTFOUND: neither file has the profile; KH_DENIED, KH_INVALID: a file is there but
 *         cannot be read. Lines that mean nothing are skipped, as the SDKs do.
 * Memory  values live in struct kh_secret; kh_profile_fini wipes them. Texts are borrowed.
 * Truth   ProfileFile of the AWS SDK for Java 2: ~/.aws/credentials with [NAME],
 *         ~/.aws/config with [profile NAME] or [default]; credentials win over config; `#` and `;`
 *         begin comments at the start of a line or after a blank; keys in any case; the later of
 *         duplicates wins; indented lines belong to the key above and are not used here.
 */
#ifndef KH_AWS_PROFILE_H
#define KH_AWS_PROFILE_H

#include <stdbool.h>

#include "aws/secret.h"
#include "base/err.h"
#include "base/str.h"

#define KH_PROFILE_FILE_BYTES_MAX ((size_t)1 << 20)
#define KH_PROFILE_NAME_MAX       127
#define KH_PROFILE_PATH_MAX       1023

enum kh_profile_key {
    KH_PROFILE_ACCESS_KEY_ID,
    KH_PROFILE_SECRET_ACCESS_KEY,
    KH_PROFILE_SESSION_TOKEN,
    KH_PROFILE_REGION,
    KH_PROFILE_SOURCE_PROFILE,
    KH_PROFILE_CREDENTIAL_SOURCE,
    KH_PROFILE_WEB_IDENTITY_TOKEN_FILE,
    KH_PROFILE_CREDENTIAL_PROCESS,
    KH_PROFILE_SSO_SESSION,
    KH_PROFILE_SSO_START_URL,
    KH_PROFILE_LOGIN_SESSION,
    KH_PROFILE_KEYS
};

enum kh_profile_file { KH_PROFILE_CONFIG, KH_PROFILE_CREDENTIALS };

struct kh_profile {
    char name[KH_PROFILE_NAME_MAX + 1];
    bool found;
    struct kh_secret values[KH_PROFILE_KEYS]; /* empty if not set */
};

/* name: NULL or "" is -Daws.profile, else AWS_PROFILE, else "default". */
enum kh_rc kh_profile_load(struct kh_profile *profile, const char *name,
                           struct kh_err *err) KH_MUST_USE;
void kh_profile_fini(struct kh_profile *profile);

/* Add what text has about the profile; what is there already gives way. */
void kh_profile_merge(struct kh_profile *profile, enum kh_profile_file file, struct kh_str text);

struct kh_str kh_profile_value(const struct kh_profile *profile, enum kh_profile_key key);

/* Where a file is looked for: -Daws.sharedCredentialsFile or -Daws.configFile, else
 * AWS_SHARED_CREDENTIALS_FILE or AWS_CONFIG_FILE, else below HOME. */
void kh_profile_path(enum kh_profile_file file, char path[KH_PROFILE_PATH_MAX + 1]);

#endif
