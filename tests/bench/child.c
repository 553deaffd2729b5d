/* The cheapest record processor there is: says to every message that it is done. For measurements
 * of kcl-host itself, with hundreds of children. */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int main(void)
{
    static const char mark[] = "\"action\":\"";
    char *line = NULL;
    size_t room = 0;

    while (getline(&line, &room, stdin) > 0) {
        const char *action = strstr(line, mark);
        size_t n = action == NULL ? 0 : strcspn(action + sizeof(mark) - 1, "\"");

        if (n > 0) {
            (void)printf("{\"action\":\"status\",\"responseFor\":\"%.*s\"}\n", (int)n,
                         action + sizeof(mark) - 1);
            (void)fflush(stdout);
        }
    }
    free(line);
    return 0;
}
