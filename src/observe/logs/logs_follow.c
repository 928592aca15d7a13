#include "base/clock.h"
#include "observe/logs/logs_private.h"

#include <errno.h>
#include <poll.h>
#include <sys/inotify.h>
#include <unistd.h>

#define POLL_MS       200 /* where folders cannot be watched */
#define UNTIL_POLL_MS 500
#define FOLDER_EVENTS (IN_MODIFY | IN_CREATE | IN_MOVED_TO | IN_ONLYDIR)
#define ROOT_EVENTS   (IN_CREATE | IN_MOVED_TO | IN_ONLYDIR)

void reading_watch(struct reading *r)
{
    r->inotify_fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    if (r->inotify_fd != -1)
        r->root_wd = inotify_add_watch(r->inotify_fd, r->query->dir, ROOT_EVENTS);
}

void reading_watch_service(struct reading *r, struct logged_service *service)
{
    if (service->wd == -1 && r->inotify_fd != -1)
        service->wd = inotify_add_watch(r->inotify_fd, service->dir, FOLDER_EVENTS);
}

void reading_unwatch(struct reading *r)
{
    if (r->inotify_fd != -1)
        (void)close(r->inotify_fd);
    r->inotify_fd = -1;
}

static void mark_all(struct reading *r)
{
    VEC_EACH (&r->services, struct logged_service *, service)
        (*service)->dirty = (*service)->rescan = true;
}

static void mark(struct reading *r, const struct inotify_event *e, bool *out_new_folder)
{
    if (e->mask & IN_Q_OVERFLOW) {
        mark_all(r);
        *out_new_folder = true;
        return;
    }
    if (e->wd == r->root_wd)
        *out_new_folder = true;
    VEC_EACH (&r->services, struct logged_service *, service) {
        if ((*service)->wd != e->wd)
            continue;
        (*service)->dirty = true;
        (*service)->rescan |= (e->mask & (IN_CREATE | IN_MOVED_TO)) != 0;
        if (e->mask & IN_IGNORED) /* the folder was removed */
            (*service)->wd = -1;
    }
}

static void take_events(struct reading *r, bool *out_new_folder)
{
    _Alignas(struct inotify_event) char bytes[16 << 10];

    for (ssize_t n; (n = read(r->inotify_fd, bytes, sizeof bytes)) > 0;)
        for (char *at = bytes; at < bytes + n;) {
            const struct inotify_event *e = (const struct inotify_event *)at;
            mark(r, e, out_new_folder);
            at += sizeof *e + e->len;
        }
}

static bool all_watched(const struct reading *r)
{
    if (r->inotify_fd == -1 || r->root_wd == -1)
        return false;
    VEC_EACH (&r->services, struct logged_service *, service)
        if ((*service)->wd == -1 && (*service)->slots.count > 0)
            return false;
    return true;
}

static bool wait_for_more(struct reading *r, bool *out_new_folder, struct err *err)
{
    struct pollfd fds[] = {
        {.fd = r->query->cancel->fd, .events = POLLIN},
        {.fd = r->inotify_fd,        .events = POLLIN}
    };
    bool watched = all_watched(r);
    int timeout_ms = !watched ? POLL_MS : r->query->until_ns != 0 ? UNTIL_POLL_MS : -1;

    if (poll(fds, 2, timeout_ms) == -1 && errno != EINTR)
        return err_sys(err, "poll");
    if (r->inotify_fd != -1)
        take_events(r, out_new_folder);
    if (!watched) {
        mark_all(r);
        *out_new_folder = true;
    }
    return true;
}

static bool find_new(struct reading *r, bool new_folder, struct err *err)
{
    if (new_folder)
        TRY(reading_find_services(r, err));
    VEC_EACH (&r->services, struct logged_service *, service) {
        if (!(*service)->rescan)
            continue;
        (*service)->rescan = false;
        TRY(reading_find_slots(r, *service, err));
    }
    return true;
}

static bool is_past_end(const struct reading *r)
{
    return r->query->until_ns != 0 && clock_wall_ns() > r->query->until_ns + NS_PER_S;
}

bool reading_follow(struct reading *r, struct err *err)
{
    mark_all(r); /* what came since the files were opened */
    for (;;) {
        bool new_folder = false;
        TRY(find_new(r, false, err));
        TRY(reading_merge(r, err));
        if (r->ended || is_past_end(r))
            return true;
        TRY(wait_for_more(r, &new_folder, err));
        if (reading_is_cancelled(r))
            return err_set(err, ERR_CANCELLED, "cancelled");
        TRY(find_new(r, new_folder, err));
    }
}
