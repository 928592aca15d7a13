/* logs_private.h - one reading of logs_read: its services, their slots, and the merge. */
#ifndef TEND_OBSERVE_LOGS_LOGS_PRIVATE_H
#define TEND_OBSERVE_LOGS_LOGS_PRIVATE_H

#include "observe/logs/log_source.h"

struct logs_cancel {
    int fd; /* an eventfd: readable once cancelled */
    atomic_bool set;
};

struct logged_slot {
    struct log_source source;
    size_t order; /* of being found: decides between equal times */
};

struct logged_service {
    char *name;
    char *dir;
    int wd; /* its inotify watch; -1: none */
    bool dirty, rescan;
    struct {
        VEC_OF(struct logged_slot *);
    } slots;
};

struct reading {
    const struct logs_query *query;
    logs_fn fn;
    void *data;
    struct log_filter filter;
    struct {
        VEC_OF(struct logged_service *);
    } services;
    struct {
        VEC_OF(struct logged_slot *); /* each with a line; the least time is first */
    } heap;
    size_t slot_count;
    int64_t skip; /* so many lines are not given: they come before the tail */
    bool ended;   /* the taker wants no more */
    int inotify_fd, root_wd;
};

/* ---- logs.c ---- */

/* Finds the services and slots that are there and not known yet. With `watch` set, each service's
 * folder is watched first. */
MUST_USE bool reading_find_services(struct reading *r, struct err *err);
MUST_USE bool reading_find_slots(
    struct reading *r, struct logged_service *service, struct err *err);
bool reading_is_cancelled(const struct reading *r);

/* ---- logs_merge.c ---- */

/* Gives what is there, in the order of time, until all are drained or the taker has had enough.
 * Of services that are not dirty nothing is asked. */
MUST_USE bool reading_merge(struct reading *r, struct err *err);

/* ---- logs_follow.c ---- */

void reading_watch(struct reading *r);
void reading_watch_service(struct reading *r, struct logged_service *service);
void reading_unwatch(struct reading *r);
/* Goes on until cancelled, ended, or past `until_ns`. */
MUST_USE bool reading_follow(struct reading *r, struct err *err);

#endif
