/* host_private.h - reading /proc, shared within host/. */
#ifndef TEND_OBSERVE_HOST_HOST_PRIVATE_H
#define TEND_OBSERVE_HOST_HOST_PRIVATE_H

#include "base/str.h"
#include "observe/host/host.h"

/* -1 and ERR_MISSING when there is no such process. */
int host_proc_open(pid_t pid, const char *file, struct err *err);
/* From an open /proc/PID/stat. */
MUST_USE bool host_proc_read_stat(int fd, struct process_usage *out, struct err *err);
/* Pure. */
MUST_USE bool host_proc_parse_stat(struct str text, struct process_usage *out, struct err *err);
/* The line "NAME:  N kB" of /proc/meminfo or smaps. Pure. */
MUST_USE bool host_proc_find_kilobytes(struct str text, const char *name, int64_t *out_bytes);
/* A lone number, or the line "usage_usec N" of a cpu.stat (times 1000). Pure. */
MUST_USE bool usage_parse_number(struct str text, int64_t *out);

#endif
