#include "spec/signals.h"

#include "base/must.h"

#include <signal.h>
#include <string.h>
#include <strings.h>

static const struct {
    const char *name;
    int number;
} signals[] = {
    {"SIGHUP",    SIGHUP   },
    {"SIGINT",    SIGINT   },
    {"SIGQUIT",   SIGQUIT  },
    {"SIGILL",    SIGILL   },
    {"SIGTRAP",   SIGTRAP  },
    {"SIGABRT",   SIGABRT  },
    {"SIGBUS",    SIGBUS   },
    {"SIGFPE",    SIGFPE   },
    {"SIGKILL",   SIGKILL  },
    {"SIGUSR1",   SIGUSR1  },
    {"SIGSEGV",   SIGSEGV  },
    {"SIGUSR2",   SIGUSR2  },
    {"SIGPIPE",   SIGPIPE  },
    {"SIGALRM",   SIGALRM  },
    {"SIGTERM",   SIGTERM  },
    {"SIGSTKFLT", SIGSTKFLT},
    {"SIGCHLD",   SIGCHLD  },
    {"SIGCONT",   SIGCONT  },
    {"SIGSTOP",   SIGSTOP  },
    {"SIGTSTP",   SIGTSTP  },
    {"SIGTTIN",   SIGTTIN  },
    {"SIGTTOU",   SIGTTOU  },
    {"SIGURG",    SIGURG   },
    {"SIGXCPU",   SIGXCPU  },
    {"SIGXFSZ",   SIGXFSZ  },
    {"SIGVTALRM", SIGVTALRM},
    {"SIGPROF",   SIGPROF  },
    {"SIGWINCH",  SIGWINCH },
    {"SIGIO",     SIGIO    },
    {"SIGPWR",    SIGPWR   },
    {"SIGSYS",    SIGSYS   },
};

static const char *const numbers[] = {"32", "33", "34", "35", "36", "37", "38", "39", "40", "41",
    "42", "43", "44", "45", "46", "47", "48", "49", "50", "51", "52", "53", "54", "55", "56", "57",
    "58", "59", "60", "61", "62", "63", "64"};

bool signal_parse(struct str text, int *out)
{
    int64_t number;

    if (str_to_int(text, &number)) {
        *out = (int)number;
        return number >= 1 && number <= 64;
    }
    for (size_t i = 0; i < COUNT(signals); i++) {
        const char *name = signals[i].name;
        if (text.len == strlen(name) && strncasecmp(text.at, name, text.len) == 0)
            *out = signals[i].number;
        else if (text.len == strlen(name + 3) && strncasecmp(text.at, name + 3, text.len) == 0)
            *out = signals[i].number;
        else
            continue;
        return true;
    }
    return false;
}

const char *signal_text(int number)
{
    for (size_t i = 0; i < COUNT(signals); i++)
        if (signals[i].number == number)
            return signals[i].name;
    must(number >= 32 && number <= 64);
    return numbers[number - 32];
}
