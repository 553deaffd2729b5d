#include "io/env.h"

#include <stdlib.h>

const char *kh_env(const char *name)
{
    return getenv(name);
}
