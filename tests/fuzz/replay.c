/* Gives a fuzz target every file of its corpus, once: what make check runs, with any compiler. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "tests/fuzz/fuzz.h"

static int replay_file(const char *path)
{
    struct stat status;
    FILE *file = fopen(path, "rb");

    if (file == NULL || fstat(fileno(file), &status) != 0) {
        perror(path);
        return 1;
    }
    size_t n = (size_t)status.st_size;
    /* On the heap and no byte too long, so that reading beyond the end is seen. */
    uint8_t *bytes = malloc(n > 0 ? n : 1);
    int failed = bytes == NULL || fread(bytes, 1, n, file) != n;
    if (failed) {
        perror(path);
    } else {
        (void)LLVMFuzzerTestOneInput(bytes, n);
    }
    free(bytes);
    (void)fclose(file);
    return failed;
}

int main(void)
{
    const char *top = getenv("KH_SRCDIR");
    char folder[2048];
    char path[4096];
    int checked = 0;
    int failed = 0;

    (void)snprintf(folder, sizeof(folder), "%s/tests/fuzz/corpus/%s", top != NULL ? top : ".",
                   fuzz_corpus);
    DIR *corpus = opendir(folder);
    if (corpus == NULL) {
        perror(folder);
        return 1;
    }
    for (struct dirent *entry = readdir(corpus); entry != NULL; entry = readdir(corpus)) {
        if (entry->d_name[0] != '.') {
            (void)snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name);
            failed += replay_file(path);
            checked++;
        }
    }
    (void)closedir(corpus);
    printf("Replayed: %s\n%d%%: Checks: %d, Failures: %d, Errors: 0\n", fuzz_corpus,
           checked > 0 ? (checked - failed) * 100 / checked : 0, checked, failed);
    return checked > 0 && failed == 0 ? 0 : 1;
}
