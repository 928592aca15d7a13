#include "cli/interrupt.h"

#include "base/must.h"

#include <signal.h>

static volatile sig_atomic_t count;

static const int signals[] = {SIGINT, SIGTERM, SIGHUP};

static void on_signal(int signo)
{
    (void)signo;
    count++;
}

static void set_all(void (*handler)(int))
{
    struct sigaction action = {.sa_handler = handler}; /* no SA_RESTART: waiting ends */

    for (size_t i = 0; i < COUNT(signals); i++)
        (void)sigaction(signals[i], &action, NULL); /* fails only for signals that do not exist */
}

void interrupt_begin(void)
{
    count = 0;
    set_all(on_signal);
}

void interrupt_end(void)
{
    set_all(SIG_DFL);
}

int interrupt_count(void)
{
    return count;
}
