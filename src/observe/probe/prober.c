#include "base/must.h"
#include "io/loop.h"
#include "observe/probe/probe_private.h"

#include <signal.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <unistd.h>

#define WHICH_MASK ((uintptr_t)7)

/* What an event of the prober's own means. */
enum { OF_TIMER, OF_ORPHAN };

/* ---- the heap: the probe with the least wake_ns is first ---- */

static void put(struct prober *prober, size_t i, struct probe *p)
{
    prober->heap.at[i] = p;
    p->heap_index = i;
}

static void sift_up(struct prober *prober, struct probe *p)
{
    size_t i = p->heap_index;

    for (; i > 0; i = (i - 1) / 2) {
        struct probe *parent = prober->heap.at[(i - 1) / 2];
        if (parent->wake_ns <= p->wake_ns)
            break;
        put(prober, i, parent);
    }
    put(prober, i, p);
}

static void sift_down(struct prober *prober, struct probe *p)
{
    size_t i = p->heap_index, count = prober->heap.count;

    for (size_t child = 2 * i + 1; child < count; child = 2 * i + 1) {
        if (child + 1 < count &&
            prober->heap.at[child + 1]->wake_ns < prober->heap.at[child]->wake_ns)
            child++;
        if (prober->heap.at[child]->wake_ns >= p->wake_ns)
            break;
        put(prober, i, prober->heap.at[child]);
        i = child;
    }
    put(prober, i, p);
}

/* Set the timer to the first probe, unless it comes earlier anyhow: an early one costs a wake-up,
 * setting it anew for each check would cost a call each. */
static void arm(struct prober *prober)
{
    int64_t at_ns = prober->heap.count > 0 ? prober->heap.at[0]->wake_ns : PROBE_NEVER;

    if (prober->dispatching || at_ns >= prober->armed_ns)
        return;
    struct itimerspec when = {
        .it_value = {.tv_sec = at_ns / NS_PER_S, .tv_nsec = at_ns % NS_PER_S}
    };
    if (at_ns <= 0)
        when.it_value.tv_nsec = 1; /* all zero would disarm it */
    must(timerfd_settime(prober->timer_fd, TFD_TIMER_ABSTIME, &when, NULL) == 0);
    prober->armed_ns = at_ns;
}

void prober_moved(struct prober *prober, struct probe *p)
{
    sift_up(prober, p);
    sift_down(prober, p);
    arm(prober);
}

void prober_add(struct prober *prober, struct probe *p)
{
    vec_push(&prober->heap, p);
    p->heap_index = prober->heap.count - 1;
    prober_moved(prober, p);
}

void prober_remove(struct prober *prober, struct probe *p)
{
    struct probe *last = prober->heap.at[prober->heap.count - 1];

    prober->heap.count--;
    if (last == p)
        return;
    put(prober, p->heap_index, last);
    prober_moved(prober, last);
}

/* ---- descriptors ---- */

static void *tag(struct probe *p, unsigned which)
{
    must(which <= WHICH_MASK);
    return (void *)((uintptr_t)p | which);
}

bool probe_watch(struct probe *p, int fd, unsigned which, uint32_t events)
{
    struct epoll_event e = {.events = events, .data.ptr = tag(p, which)};

    return epoll_ctl(p->prober->epoll_fd, EPOLL_CTL_ADD, fd, &e) == 0;
}

void probe_rewatch(struct probe *p, int fd, unsigned which, uint32_t events)
{
    struct epoll_event e = {.events = events, .data.ptr = tag(p, which)};

    must(epoll_ctl(p->prober->epoll_fd, EPOLL_CTL_MOD, fd, &e) == 0);
}

void probe_unwatch(struct probe *p, int fd, unsigned which)
{
    struct prober *prober = p->prober;

    /* Closing alone would not do while another thread's child, not yet executed, shares it. */
    (void)epoll_ctl(prober->epoll_fd, EPOLL_CTL_DEL, fd, NULL); /* may not be watched at all */
    for (int i = prober->batch_next; i < prober->batch_count; i++)
        if (prober->batch[i].data.ptr == tag(p, which))
            prober->batch[i].data.ptr = NULL;
}

/* ---- children that were killed ---- */

static bool reap(const struct orphan *o)
{
    siginfo_t info = {0};

    /* ECHILD: somebody else has. */
    if (waitid(P_PIDFD, (id_t)o->pid_fd, &info, WEXITED | WNOHANG) == 0 && info.si_pid == 0)
        return false;
    (void)close(o->pid_fd);
    return true;
}

static void reap_orphans(struct prober *prober)
{
    for (size_t i = prober->orphans.count; i-- > 0;)
        if (reap(&prober->orphans.at[i]))
            vec_remove(&prober->orphans, i);
}

void prober_reap(struct prober *prober, const struct probe *p, pid_t pid, int pid_fd)
{
    struct orphan o = {.pid = pid, .pid_fd = pid_fd, .whose = p};
    struct epoll_event e = {.events = EPOLLIN, .data.ptr = (void *)((uintptr_t)prober | OF_ORPHAN)};

    if (reap(&o))
        return;
    (void)epoll_ctl(prober->epoll_fd, EPOLL_CTL_ADD, pid_fd, &e); /* else at the next event */
    vec_push(&prober->orphans, o);
}

bool prober_is_reaping(const struct prober *prober, const struct probe *p)
{
    VEC_EACH (&prober->orphans, struct orphan, o)
        if (o->whose == p)
            return true;
    return false;
}

static void dispatch_own(struct prober *prober, unsigned which)
{
    if (which == OF_ORPHAN)
        reap_orphans(prober);
}

static void dispatch_events(struct prober *prober)
{
    int n = epoll_wait(prober->epoll_fd, prober->batch, PROBER_EVENTS_BATCH, 0);

    prober->batch_count = n > 0 ? n : 0;
    for (prober->batch_next = 0; prober->batch_next < prober->batch_count;) {
        struct epoll_event *e = &prober->batch[prober->batch_next++];
        uintptr_t pointer = (uintptr_t)e->data.ptr;
        if (pointer == 0)
            continue;
        if ((pointer & ~WHICH_MASK) == (uintptr_t)prober) {
            dispatch_own(prober, (unsigned)(pointer & WHICH_MASK));
            continue;
        }
        struct probe *p = OBJ(probe, PROBE_MAGIC, (void *)(pointer & ~WHICH_MASK));
        p->ops->ready(p, (unsigned)(pointer & WHICH_MASK), e->events);
    }
}

static void dispatch_times(struct prober *prober)
{
    int64_t now_ns = clock_boot_ns();

    while (prober->heap.count > 0 && prober->heap.at[0]->wake_ns <= now_ns)
        probe_wake(prober->heap.at[0], now_ns);
    if (prober->armed_ns <= now_ns) {
        prober->armed_ns = PROBE_NEVER;
        if (prober->heap.count == 0 || prober->heap.at[0]->wake_ns == PROBE_NEVER) {
            struct itimerspec never = {0}; /* else the expired timer stays ready */
            must(timerfd_settime(prober->timer_fd, 0, &never, NULL) == 0);
        }
    }
}

static void on_ready(void *data, int events)
{
    struct prober *prober = data;

    (void)events;
    prober->dispatching = true;
    dispatch_events(prober);
    dispatch_times(prober);
    prober->dispatching = false;
    arm(prober);
}

bool prober_create(struct prober **out, struct loop *l, struct err *err)
{
    struct prober *prober = mem_new(struct prober);

    prober->loop = l;
    prober->armed_ns = PROBE_NEVER;
    prober->timer_fd = -1;
    prober->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (prober->epoll_fd != -1)
        prober->timer_fd = timerfd_create(CLOCK_BOOTTIME, TFD_NONBLOCK | TFD_CLOEXEC);
    struct epoll_event e = {.events = EPOLLIN, .data.ptr = prober};
    if (prober->timer_fd == -1 ||
        epoll_ctl(prober->epoll_fd, EPOLL_CTL_ADD, prober->timer_fd, &e) == -1) {
        err_sys(err, "epoll and timer");
        goto fail;
    }
    if (!watch_create(&prober->watch, l, prober->epoll_fd, WATCH_READ, on_ready, prober, err))
        goto fail;
    *out = prober;
    return true;
fail:
    prober_destroy(&prober);
    return err_in(err, "prober");
}

void prober_destroy(struct prober **p)
{
    struct prober *prober = *p;

    if (prober == NULL)
        return;
    must(prober->heap.count == 0);
    reap_orphans(prober);
    VEC_EACH (&prober->orphans, struct orphan, o)
        (void)close(o->pid_fd); /* it dies unreaped, which only this process's end can follow */
    vec_fini(&prober->orphans);
    watch_destroy(&prober->watch);
    if (prober->timer_fd != -1)
        (void)close(prober->timer_fd);
    if (prober->epoll_fd != -1)
        (void)close(prober->epoll_fd);
    vec_fini(&prober->heap);
    free(prober);
    *p = NULL;
}
