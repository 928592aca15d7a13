#include "drive/sim/sim_private.h"

#include <signal.h>
#include <string.h>

/* clang-format off */
static const struct sim_program programs[] = {
    /* name, help,                                            ready, ends, hangs, stop */
    {"ok",          "answers at once, for ever",                   5,     -1,    -1,    2},
    {"slow",        "takes its time to start",                  3000,     -1,    -1,    2},
    {"stubborn",    "ends only when it is killed",                 5,     -1,    -1,   -1},
    {"crash",       "exits with 1 at once",                       -1,      2,    -1,    2, .code = 1},
    {"crash-ready", "answers, and exits with 1 soon after",        5,     50,    -1,    2, .code = 1},
    {"flash",       "exits with 1 after a moment",                 1,    100,    -1,    2, .code = 1},
    {"flaky",       "crashes now and then",                        5,  20000,    -1,    2, .signal = SIGSEGV},
    {"leaky",       "is killed for its memory after a while",      5,   8000,    -1,    2, .signal = SIGKILL, .oom = true},
    {"freezer",     "hangs after a while",                         5,     -1,  9000,    2},
    {"never-ready", "runs and never answers",                     -1,     -1,    -1,    2},
    {"job",         "exits with 0 soon",                           1,     10,    -1,    2},
    {"long-job",    "works for some seconds and exits with 0",     1,   4000,    -1,    2},
    {"bad-job",     "exits with 3 soon",                           1,     10,    -1,    2, .code = 3},
    {"missing",     "there is no such program",                   -1,     -1,    -1,    2, .missing = true},
    {"broken",      "cannot be executed",                         -1,     -1,    -1,    2, .fails = true},
};
/* clang-format on */

const struct sim_program *sim_program_find(const char *name)
{
    for (size_t k = 0; k < COUNT(programs); k++)
        if (strcmp(programs[k].name, name) == 0)
            return &programs[k];
    return NULL;
}

const struct sim_program *sim_programs(size_t *out_count)
{
    *out_count = COUNT(programs);
    return programs;
}
