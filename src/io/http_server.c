#include "io/http_private.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/must.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#define CONNECTION_BYTES (16u << 10) /* a head must fit into it */
#define CONNECTIONS_MAX  256u
#define LOCAL_SHARE      8u  /* one in so many connections is kept for the UNIX socket */
#define IDLE_TIMEOUT_S   60u /* nothing read or written for so long */
#define HEAD_TIMEOUT_MS  (15 * MS_PER_S)
#define HEARTBEAT_MS     (15 * MS_PER_S)
#define LAST_WORDS_MS    500 /* for clients to take complete answers at the stop */
#define ACCEPT_PAUSE_MS  100
#define ACCEPTS_PER_TURN 16
#define EVENTS_PER_TURN  32
#define STACK_BYTES      (256u << 10)

/* What an epoll event is about: a small number, or a suspended request's address. */
enum source { SOURCE_MHD, SOURCE_WAKE, SOURCE_UNIX, SOURCE_TCP, SOURCE_COUNT };

/* ---- waking: streams that somebody appended to ---- */

void http_wake(struct http_server *server, struct http_stream *s)
{
    if (s->queued)
        return;
    s->queued = true;
    (void)__atomic_add_fetch(&s->refs, 1, __ATOMIC_RELAXED); /* the list's */
    (void)pthread_mutex_lock(&server->woken_lock);
    bool first = server->woken == NULL;
    s->next_woken = server->woken;
    server->woken = s;
    (void)pthread_mutex_unlock(&server->woken_lock);
    if (first)
        (void)eventfd_write(server->wake_fd, 1); /* fails only when it is set already */
}

static struct http_stream *take_woken(struct http_server *server)
{
    (void)pthread_mutex_lock(&server->woken_lock);
    struct http_stream *first = server->woken;
    server->woken = NULL;
    (void)pthread_mutex_unlock(&server->woken_lock);
    return first;
}

static void resume_woken(struct http_server *server)
{
    for (struct http_stream *s = take_woken(server), *next; s != NULL; s = next) {
        (void)pthread_mutex_lock(&s->lock);
        next = s->next_woken;
        s->queued = false;
        (void)pthread_mutex_unlock(&s->lock);
        http_stream_resume(s);
        http_stream_unref(s);
    }
}

void http_watch_hangup(struct http_request *r, bool watched)
{
    struct epoll_event event = {.events = EPOLLRDHUP | EPOLLONESHOT, .data.ptr = r};

    must(r->suspended != watched);
    r->suspended = watched;
    if (watched) {
        MHD_suspend_connection(r->mhd);
        (void)epoll_ctl(r->server->epoll_fd, EPOLL_CTL_ADD, r->connection->fd, &event);
    } else {
        (void)epoll_ctl(r->server->epoll_fd, EPOLL_CTL_DEL, r->connection->fd, NULL);
        MHD_resume_connection(r->mhd);
    }
}

static bool is_suspended(const struct http_server *server, const void *request)
{
    for (const struct http_connection *c = server->connections; c != NULL; c = c->next)
        if (c->current == request)
            return c->current->suspended;
    return false; /* an event of this turn for a request that an earlier event ended */
}

static void hang_up(struct http_server *server, struct http_request *r)
{
    if (!is_suspended(server, r))
        return;
    http_stream_close(r->stream);
    http_watch_hangup(r, false);
}

/* ---- connections ---- */

static void on_connection(
    void *data, struct MHD_Connection *mhd, void **slot, enum MHD_ConnectionNotificationCode code)
{
    struct http_server *server = data;
    struct http_connection *c = *slot;

    if (code == MHD_CONNECTION_NOTIFY_STARTED) {
        c = mem_new(struct http_connection);
        c->server = server;
        c->fd = MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
        http_read_peer(c->fd, &c->peer);
        c->deadline_ms = clock_boot_ms() + server->options.head_timeout_ms;
        c->next = server->connections;
        c->link = &server->connections;
        if (c->next != NULL)
            c->next->link = &c->next;
        server->connections = c;
        server->tcp_count += c->peer.local ? 0 : 1;
        (void)__atomic_add_fetch(&server->open, 1, __ATOMIC_RELAXED);
        *slot = c;
        return;
    }
    *c->link = c->next;
    if (c->next != NULL)
        c->next->link = c->link;
    server->tcp_count -= c->peer.local ? 0 : 1;
    (void)__atomic_sub_fetch(&server->open, 1, __ATOMIC_RELAXED);
    free(c->raw_target);
    free(c);
    *slot = NULL;
}

/* The target as it came, before libmicrohttpd splits it. */
static void *on_target(void *data, const char *target, struct MHD_Connection *mhd)
{
    struct http_connection *c =
        MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_SOCKET_CONTEXT)->socket_context;

    (void)data;
    free(c->raw_target);
    c->raw_target = mem_copy_string(target);
    return NULL;
}

/* The target is decoded by http_target.c. */
static size_t leave_escaped(void *data, struct MHD_Connection *mhd, char *text)
{
    (void)data;
    (void)mhd;
    return strlen(text);
}

static void listen_for(struct http_server *server, bool accepting)
{
    const struct http_listener *listeners[] = {&server->unix_listener, &server->tcp_listener};

    for (size_t i = 0; i < COUNT(listeners); i++) {
        struct epoll_event event = {.events = accepting ? EPOLLIN : 0, .data.u64 = SOURCE_UNIX + i};
        if (listeners[i]->fd >= 0)
            (void)epoll_ctl(server->epoll_fd, EPOLL_CTL_MOD, listeners[i]->fd, &event);
    }
    server->accept_again_ms = accepting ? 0 : clock_boot_ms() + ACCEPT_PAUSE_MS;
}

static bool has_room(const struct http_server *server, bool tcp)
{
    unsigned most = server->options.connections_max;

    if (tcp)
        return server->tcp_count < most - most / LOCAL_SHARE;
    return server->open < most;
}

static void accept_some(struct http_server *server, const struct http_listener *l)
{
    for (int i = 0; i < ACCEPTS_PER_TURN; i++) {
        struct sockaddr_storage address = {0};
        socklen_t len = sizeof address;
        int fd = accept4(l->fd, (struct sockaddr *)&address, &len, SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (fd == -1) {
            if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
                listen_for(server, false); /* or it would be ready for ever */
            return;
        }
        (void)__atomic_add_fetch(&server->accepted, 1, __ATOMIC_RELAXED);
        if (has_room(server, l->dir_fd < 0))
            (void)MHD_add_connection(server->mhd, fd, (struct sockaddr *)&address, len);
        else
            (void)close(fd);
    }
}

/* ---- time ---- */

static int64_t sooner(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* When the next deadline of ours passes; INT64_MAX for none. */
static int64_t next_due_ms(const struct http_server *server)
{
    int64_t due = INT64_MAX;

    if (server->accept_again_ms != 0)
        due = server->accept_again_ms;
    for (const struct http_connection *c = server->connections; c != NULL; c = c->next) {
        if (c->deadline_ms != 0)
            due = sooner(due, c->deadline_ms);
        if (c->current != NULL && c->current->stream != NULL)
            due = sooner(due, http_stream_due_ms(c->current->stream));
    }
    return due;
}

static int wait_ms(const struct http_server *server)
{
    int64_t now = clock_boot_ms(), due = next_due_ms(server), wait = INT64_MAX;
    MHD_UNSIGNED_LONG_LONG mhd_ms;

    if (MHD_get_timeout(server->mhd, &mhd_ms) == MHD_YES)
        wait = mhd_ms > INT32_MAX ? INT32_MAX : (int64_t)mhd_ms;
    if (due != INT64_MAX)
        wait = sooner(wait, due > now ? due - now : 0);
    return wait == INT64_MAX ? -1 : (int)sooner(wait, INT32_MAX);
}

static void pass_time(struct http_server *server)
{
    int64_t now = clock_boot_ms();

    if (server->accept_again_ms != 0 && now >= server->accept_again_ms)
        listen_for(server, true);
    for (struct http_connection *c = server->connections; c != NULL; c = c->next) {
        if (c->deadline_ms != 0 && now >= c->deadline_ms) {
            (void)shutdown(c->fd, SHUT_RDWR); /* libmicrohttpd sees the end and closes */
            c->deadline_ms = 0;
        }
        if (c->current != NULL && c->current->stream != NULL)
            http_stream_heartbeat(c->current->stream, now);
    }
}

/* ---- the thread ---- */

static void take_event(struct http_server *server, const struct epoll_event *event)
{
    eventfd_t ignored;

    if (event->data.u64 >= SOURCE_COUNT) {
        hang_up(server, event->data.ptr);
        return;
    }
    switch ((enum source)event->data.u64) {
    case SOURCE_WAKE:
        (void)eventfd_read(server->wake_fd, &ignored);
        break;
    case SOURCE_UNIX:
        accept_some(server, &server->unix_listener);
        break;
    case SOURCE_TCP:
        accept_some(server, &server->tcp_listener);
        break;
    case SOURCE_MHD: /* MHD_run comes in each turn */
    case SOURCE_COUNT:
        break;
    }
}

static bool is_stopping(struct http_server *server)
{
    (void)pthread_mutex_lock(&server->woken_lock);
    bool stopping = server->stopping;
    (void)pthread_mutex_unlock(&server->woken_lock);
    return stopping;
}

static bool has_last_words(const struct http_server *server)
{
    for (const struct http_connection *c = server->connections; c != NULL; c = c->next) {
        const struct http_request *r = c->current;
        if (r != NULL && (r->stream != NULL ? http_stream_is_ended(r->stream) : r->status != 0))
            return true;
    }
    return false;
}

static void turn(struct http_server *server, int most_ms)
{
    struct epoll_event events[EVENTS_PER_TURN];
    int count = epoll_wait(server->epoll_fd, events, EVENTS_PER_TURN, most_ms);

    for (int i = 0; i < count; i++)
        take_event(server, &events[i]);
    pass_time(server);
    resume_woken(server);
    (void)MHD_run(server->mhd);
}

/* Answers that are complete still go out: also the one of whoever asked the daemon to end. */
static void send_last_words(struct http_server *server)
{
    int64_t until_ms = clock_boot_ms() + LAST_WORDS_MS;

    while (has_last_words(server) && clock_boot_ms() < until_ms)
        turn(server, 10);
}

static void close_all(struct http_server *server)
{
    for (struct http_connection *c = server->connections; c != NULL; c = c->next) {
        struct http_request *r = c->current;
        if (r == NULL || r->stream == NULL)
            continue;
        http_stream_close(r->stream);
        http_stream_resume(r->stream);
    }
    MHD_stop_daemon(server->mhd);
    resume_woken(server); /* gives the list's references back */
}

static void *serve_all(void *data)
{
    struct http_server *server = data;

    while (!is_stopping(server))
        turn(server, wait_ms(server));
    send_last_words(server);
    close_all(server);
    return NULL;
}

/* ---- start and stop ---- */

static bool start_mhd(struct http_server *server, struct err *err)
{
    server->mhd = MHD_start_daemon(
        MHD_USE_EPOLL | MHD_USE_NO_LISTEN_SOCKET | MHD_ALLOW_SUSPEND_RESUME, 0, NULL, NULL,
        http_on_request, server, MHD_OPTION_NOTIFY_COMPLETED, http_on_completed, server,
        MHD_OPTION_NOTIFY_CONNECTION, on_connection, server, MHD_OPTION_URI_LOG_CALLBACK, on_target,
        server, MHD_OPTION_UNESCAPE_CALLBACK, leave_escaped, server, MHD_OPTION_CONNECTION_LIMIT,
        server->options.connections_max, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
        (size_t)CONNECTION_BYTES, MHD_OPTION_CONNECTION_TIMEOUT, IDLE_TIMEOUT_S,
        MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_SIGPIPE_HANDLED_BY_APP, 1, MHD_OPTION_END);
    return server->mhd != NULL || err_set(err, ERR_IO, "libmicrohttpd does not start");
}

static bool watch_fd(struct http_server *server, int fd, enum source source, struct err *err)
{
    struct epoll_event event = {.events = EPOLLIN, .data.u64 = source};

    if (fd < 0)
        return true;
    return epoll_ctl(server->epoll_fd, EPOLL_CTL_ADD, fd, &event) == 0 || err_sys(err, "epoll_ctl");
}

static bool watch_all(struct http_server *server, struct err *err)
{
    int mhd_fd = MHD_get_daemon_info(server->mhd, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd;

    server->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    server->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (server->epoll_fd == -1 || server->wake_fd == -1)
        return err_sys(err, "epoll and eventfd");
    return watch_fd(server, mhd_fd, SOURCE_MHD, err) &&
           watch_fd(server, server->wake_fd, SOURCE_WAKE, err) &&
           watch_fd(server, server->unix_listener.fd, SOURCE_UNIX, err) &&
           watch_fd(server, server->tcp_listener.fd, SOURCE_TCP, err);
}

/* All signals stay with the control thread; SIGPIPE must not end the process. */
static bool start_thread(struct http_server *server, struct err *err)
{
    pthread_attr_t attributes;
    sigset_t all, before;

    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_BLOCK, &all, &before);
    (void)pthread_attr_init(&attributes);
    (void)pthread_attr_setstacksize(&attributes, STACK_BYTES);
    errno = pthread_create(&server->thread, &attributes, serve_all, server);
    bool started = errno == 0 || err_sys(err, "start the HTTP thread");
    (void)pthread_attr_destroy(&attributes);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (started)
        (void)pthread_setname_np(server->thread, "http");
    return started;
}

static void free_server(struct http_server *server)
{
    http_listener_close(&server->unix_listener);
    http_listener_close(&server->tcp_listener);
    if (server->epoll_fd >= 0)
        (void)close(server->epoll_fd);
    if (server->wake_fd >= 0)
        (void)close(server->wake_fd);
    (void)pthread_mutex_destroy(&server->woken_lock);
    free(server);
}

static struct http_server *make_server(
    const struct http_server_options *options, const struct http_handler *handler)
{
    struct http_server *server = mem_new(struct http_server);

    server->handler = *handler;
    server->options = *options;
    if (server->options.connections_max == 0)
        server->options.connections_max = CONNECTIONS_MAX;
    if (server->options.head_timeout_ms == 0)
        server->options.head_timeout_ms = HEAD_TIMEOUT_MS;
    if (server->options.heartbeat_ms == 0)
        server->options.heartbeat_ms = HEARTBEAT_MS;
    server->epoll_fd = server->wake_fd = -1;
    server->unix_listener = server->tcp_listener = (struct http_listener){.fd = -1, .dir_fd = -1};
    (void)pthread_mutex_init(&server->woken_lock, NULL);
    return server;
}

static bool start_all(struct http_server *server, struct err *err)
{
    const struct http_server_options *options = &server->options;

    /* The socket last: whoever can connect there finds a server that has all it needs. */
    if (options->tcp_address != NULL)
        TRY(http_listen_tcp(&server->tcp_listener, options->tcp_address, err));
    if (options->unix_path != NULL)
        TRY(http_listen_unix(&server->unix_listener, options->unix_path, err));
    TRY(start_mhd(server, err));
    if (watch_all(server, err) && start_thread(server, err))
        return true;
    MHD_stop_daemon(server->mhd);
    return false;
}

bool http_server_start(struct http_server **out, const struct http_server_options *options,
    const struct http_handler *handler, struct err *err)
{
    struct http_server *server = make_server(options, handler);

    if (!start_all(server, err)) {
        free_server(server);
        return err_in(err, "HTTP server");
    }
    *out = server;
    return true;
}

void http_server_stop(struct http_server **server)
{
    if (*server == NULL)
        return;
    (void)pthread_mutex_lock(&(*server)->woken_lock);
    (*server)->stopping = true;
    (void)pthread_mutex_unlock(&(*server)->woken_lock);
    (void)eventfd_write((*server)->wake_fd, 1);
    (void)pthread_join((*server)->thread, NULL);
    free_server(*server);
    *server = NULL;
}

int http_server_port(const struct http_server *server)
{
    return server->tcp_listener.port;
}

struct http_server_counts http_server_counts(const struct http_server *server)
{
    return (struct http_server_counts){
        .accepted = __atomic_load_n(&server->accepted, __ATOMIC_RELAXED),
        .open = __atomic_load_n(&server->open, __ATOMIC_RELAXED),
        .streams = __atomic_load_n(&server->streams, __ATOMIC_RELAXED),
    };
}
