/* java_property: what a command line written for java says by -Dname=value, as far as it is for us.
 *
 * Shape   set once, from the command line, before anything else runs; read by whoever looks for
 *         credentials, region or profile.
 * Units   none.
 * Errors  none: not set is NULL, set to nothing is "".
 * Memory  borrows the values, which live as long as the process.
 * Truth   SdkSystemSetting and ProfileFileSystemSetting of the AWS SDK for Java 2; aws.secretKey is
 *         the name in the SDK before it. A property beats the variable of the same meaning.
 */
#ifndef KH_IO_JAVA_PROPERTY_H
#define KH_IO_JAVA_PROPERTY_H

#include <stdbool.h>

#include "base/str.h"

enum kh_java_property {
    KH_JAVA_REGION,
    KH_JAVA_ACCESS_KEY_ID,
    KH_JAVA_SECRET_ACCESS_KEY,
    KH_JAVA_SESSION_TOKEN,
    KH_JAVA_PROFILE,
    KH_JAVA_CONFIG_FILE,
    KH_JAVA_CREDENTIALS_FILE,
    KH_JAVA_PROPERTIES
};

/* "aws.region": true if it is one of them. */
bool kh_java_property_find(struct kh_str name, enum kh_java_property *property);

void kh_java_property_set(enum kh_java_property property, const char *value);
const char *kh_java_property(enum kh_java_property property);

#endif
