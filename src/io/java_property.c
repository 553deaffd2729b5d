#include "io/java_property.h"

#include "base/assert.h"

static const struct {
    const char *name;
    enum kh_java_property property;
} names[] = {
    {"aws.region", KH_JAVA_REGION},
    {"aws.accessKeyId", KH_JAVA_ACCESS_KEY_ID},
    {"aws.secretAccessKey", KH_JAVA_SECRET_ACCESS_KEY},
    {"aws.secretKey", KH_JAVA_SECRET_ACCESS_KEY},
    {"aws.sessionToken", KH_JAVA_SESSION_TOKEN},
    {"aws.profile", KH_JAVA_PROFILE},
    {"aws.configFile", KH_JAVA_CONFIG_FILE},
    {"aws.sharedCredentialsFile", KH_JAVA_CREDENTIALS_FILE},
};

static const char *values[KH_JAVA_PROPERTIES];

bool kh_java_property_find(struct kh_str name, enum kh_java_property *property)
{
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (kh_str_eq(name, kh_str(names[i].name))) {
            *property = names[i].property;
            return true;
        }
    }
    return false;
}

void kh_java_property_set(enum kh_java_property property, const char *value)
{
    kh_assert(property < KH_JAVA_PROPERTIES);
    values[property] = value;
}

const char *kh_java_property(enum kh_java_property property)
{
    kh_assert(property < KH_JAVA_PROPERTIES);
    return values[property];
}
