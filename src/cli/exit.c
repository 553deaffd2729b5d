#include "cli/exit.h"

/* 126, 127 and 128 + n stay the shell's. */
const char kh_exit_help[] =
    "Exit status:\n"
    "   0  stopped as asked, or --exit-when-done and everything is done\n"
    "   1  a record processor failed, and onProcessorFailure = exit\n"
    "  64  the command line is wrong\n"
    "  65  input data is malformed: an ndjson line, shards.json\n"
    "  66  the properties file, or the directory of source=file:, cannot be read\n"
    "  69  a service cannot be reached, or the stream or table is not there\n"
    "  70  a mistake of the program itself that it noticed in time\n"
    "  71  out of memory, processes or descriptors\n"
    "  73  the lease table or lease file cannot be created\n"
    "  75  a sub-command is refused as things stand; the sentence says what is in the way\n"
    "  77  no credentials, wrong ones, or rights that are missing\n"
    "  78  the properties are wrong, executableName cannot be run, or the leases are another\n"
    "      stream's\n";

int kh_exit_for(enum kh_rc rc)
{
    switch (rc) {
    case KH_OK:
        return KH_EXIT_OK;
    case KH_DENIED:
        return KH_EXIT_NOPERM;
    case KH_INVALID:
    case KH_TOOBIG:
        return KH_EXIT_CONFIG;
    case KH_RETRY:
    case KH_THROTTLED:
    case KH_CONFLICT:
    case KH_NOTFOUND:
    case KH_CLOSED:
        break;
    }
    return KH_EXIT_UNAVAILABLE;
}
