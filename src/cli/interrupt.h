/* interrupt.h - Ctrl-C as something to be asked for, where leaving at once would leave a mess.
 * One thread; signals interrupt poll, read and sleep. */
#ifndef TEND_CLI_INTERRUPT_H
#define TEND_CLI_INTERRUPT_H

/* From here on SIGINT, SIGTERM and SIGHUP are counted. */
void interrupt_begin(void);
/* They end the process again. */
void interrupt_end(void);
/* How many came since the begin. */
int interrupt_count(void);

#endif
