#include "io/http_private.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define BACKLOG 128

/* A path of any length, through the folder's descriptor: sun_path holds 107 bytes. */
static bool make_address(struct sockaddr_un *out, const struct http_listener *l, struct err *err)
{
    *out = (struct sockaddr_un){.sun_family = AF_UNIX};
    int len =
        snprintf(out->sun_path, sizeof out->sun_path, "/proc/self/fd/%d/%s", l->dir_fd, l->name);

    if (len < 0 || (size_t)len >= sizeof out->sun_path)
        return err_set(err, ERR_LIMIT, "the socket's name is too long");
    return true;
}

static bool open_folder(struct http_listener *l, const char *path, struct err *err)
{
    const char *slash = strrchr(path, '/');
    struct str name = str_from(slash != NULL ? slash + 1 : path);
    char folder[4096];

    if (name.len == 0 || name.len >= sizeof l->name)
        return err_set(err, ERR_LIMIT, "the socket's name has %zu bytes", name.len);
    memcpy(l->name, name.at, name.len + 1);
    int len = slash == NULL ? snprintf(folder, sizeof folder, ".")
                            : snprintf(folder, sizeof folder, "%.*s/", (int)(slash - path), path);
    if (len < 0 || (size_t)len >= sizeof folder)
        return err_set(err, ERR_LIMIT, "the path has over %zu bytes", sizeof folder);
    l->dir_fd = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
    return l->dir_fd >= 0 || err_sys(err, "%s", folder);
}

/* True when somebody accepts connections there. */
static bool is_answered(const struct sockaddr_un *address)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    bool answered = connect(fd, (const struct sockaddr *)address, sizeof *address) == 0 ||
                    errno == EAGAIN; /* its backlog is full */

    (void)close(fd);
    return answered;
}

static bool bind_unix(struct http_listener *l, struct err *err)
{
    struct sockaddr_un address;
    struct stat found;

    TRY(make_address(&address, l, err));
    if (fstatat(l->dir_fd, l->name, &found, AT_SYMLINK_NOFOLLOW) == 0) {
        if (!S_ISSOCK(found.st_mode))
            return err_set(err, ERR_CONFLICT, "is there and is not a socket");
        if (is_answered(&address))
            return err_set(err, ERR_CONFLICT, "another daemon answers there");
        if (unlinkat(l->dir_fd, l->name, 0) != 0)
            return err_sys(err, "remove the stale one");
    }
    l->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (l->fd == -1)
        return err_sys(err, "socket");
    /* On Linux the mode of the socket's inode gives that of the file: never open to others. */
    if (fchmod(l->fd, 0600) != 0)
        return err_sys(err, "fchmod");
    if (bind(l->fd, (struct sockaddr *)&address, sizeof address) != 0)
        return err_sys(err, "bind");
    l->made = true;
    if (fchmodat(l->dir_fd, l->name, 0600, 0) != 0)
        return err_sys(err, "chmod");
    return listen(l->fd, BACKLOG) == 0 || err_sys(err, "listen");
}

bool http_listen_unix(struct http_listener *out, const char *path, struct err *err)
{
    if (open_folder(out, path, err) && bind_unix(out, err))
        return true;
    http_listener_close(out);
    return err_in(err, "socket %s", path);
}

/* ---- TCP ---- */

static bool resolve(const char *address, struct addrinfo **out, struct err *err)
{
    char host[256];
    struct str port = str_from(address), name;
    const char *colon = strrchr(address, ':');
    uint64_t number;

    if (colon == NULL)
        return err_set(err, ERR_INVALID, "wants HOST:PORT");
    name = (struct str){.at = address, .len = (size_t)(colon - address)};
    port = str_tail(port, name.len + 1);
    if (!str_to_uint(port, &number) || number > 65535)
        return err_set(err, ERR_INVALID, "the port must be 0 to 65535");
    if (name.len >= 2 && name.at[0] == '[' && name.at[name.len - 1] == ']')
        name = (struct str){.at = name.at + 1, .len = name.len - 2};
    if (name.len == 0 || name.len >= sizeof host)
        return err_set(err, ERR_INVALID, "names no address to listen on");
    memcpy(host, name.at, name.len);
    host[name.len] = '\0';
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM,
        .ai_flags =
            AI_PASSIVE | AI_NUMERICSERV | (strcmp(host, "localhost") == 0 ? 0 : AI_NUMERICHOST)};
    int code = getaddrinfo(host, port.at, &hints, out);
    if (code != 0)
        return err_set(err, ERR_INVALID, "%s: %s", host, gai_strerror(code));
    return true;
}

/* The inode of the socket that listens on `port`, from /proc/net/tcp*; 0 for none. */
static unsigned long listening_inode(const char *table, int port)
{
    FILE *f = fopen(table, "re");
    char line[512];
    unsigned local_port, state;
    unsigned long inode, found = 0;

    if (f == NULL)
        return 0;
    while (found == 0 && fgets(line, sizeof line, f) != NULL)
        if (sscanf(line, "%*d: %*[0-9A-Fa-f]:%x %*[0-9A-Fa-f]:%*x %x %*s %*s %*s %*u %*u %lu",
                &local_port, &state, &inode) == 3 &&
            state == 0x0a && (int)local_port == port)
            found = inode;
    (void)fclose(f);
    return found;
}

static bool process_holds(const char *pid, unsigned long inode)
{
    char path[300], wanted[64], link[64];
    bool holds = false;

    (void)snprintf(path, sizeof path, "/proc/%s/fd", pid);
    (void)snprintf(wanted, sizeof wanted, "socket:[%lu]", inode);
    DIR *dir = opendir(path);
    if (dir == NULL)
        return false;
    for (struct dirent *e; !holds && (e = readdir(dir)) != NULL;) {
        ssize_t len = readlinkat(dirfd(dir), e->d_name, link, sizeof link - 1);
        link[len > 0 ? len : 0] = '\0';
        holds = strcmp(link, wanted) == 0;
    }
    (void)closedir(dir);
    return holds;
}

/* Who listens on that port, as far as /proc lets us see; 0 for nobody known. */
static int find_holder(int port)
{
    unsigned long inode = listening_inode("/proc/net/tcp", port);
    int pid = 0;

    if (inode == 0)
        inode = listening_inode("/proc/net/tcp6", port);
    DIR *proc = inode != 0 ? opendir("/proc") : NULL;
    if (proc == NULL)
        return 0;
    for (struct dirent *e; pid == 0 && (e = readdir(proc)) != NULL;)
        if (e->d_name[0] >= '1' && e->d_name[0] <= '9' && process_holds(e->d_name, inode))
            pid = atoi(e->d_name);
    (void)closedir(proc);
    return pid;
}

static bool refuse_taken(int port, struct err *err)
{
    int pid = find_holder(port);

    if (pid > 0)
        return err_set(err, ERR_CONFLICT, "already taken by pid %d", pid);
    return err_set(err, ERR_CONFLICT, "already taken by another program");
}

static int port_of(const struct sockaddr *address)
{
    return ntohs(address->sa_family == AF_INET6
                     ? ((const struct sockaddr_in6 *)(const void *)address)->sin6_port
                     : ((const struct sockaddr_in *)(const void *)address)->sin_port);
}

static bool bind_tcp(struct http_listener *l, const struct addrinfo *info, struct err *err)
{
    struct sockaddr_storage bound;
    socklen_t len = sizeof bound;
    int on = 1;

    l->fd = socket(info->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (l->fd == -1)
        return err_sys(err, "socket");
    (void)setsockopt(l->fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (info->ai_family == AF_INET6)
        (void)setsockopt(l->fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
    if (bind(l->fd, info->ai_addr, info->ai_addrlen) != 0 || listen(l->fd, BACKLOG) != 0)
        return errno == EADDRINUSE ? refuse_taken(port_of(info->ai_addr), err)
                                   : err_sys(err, "bind");
    if (getsockname(l->fd, (struct sockaddr *)&bound, &len) != 0)
        return err_sys(err, "getsockname");
    l->port = port_of((struct sockaddr *)&bound);
    return true;
}

bool http_listen_tcp(struct http_listener *out, const char *address, struct err *err)
{
    struct addrinfo *info = NULL;
    bool done = resolve(address, &info, err) && bind_tcp(out, info, err);

    if (info != NULL)
        freeaddrinfo(info);
    if (done)
        return true;
    http_listener_close(out);
    return err_in(err, "address %s", address);
}

bool http_address_is_free(const char *address)
{
    struct http_listener probe = {.fd = -1, .dir_fd = -1};
    struct err err = ERR_INIT;
    bool is_free = http_listen_tcp(&probe, address, &err);

    http_listener_close(&probe);
    return is_free;
}

void http_listener_close(struct http_listener *l)
{
    if (l->fd >= 0)
        (void)close(l->fd);
    if (l->made)
        (void)unlinkat(l->dir_fd, l->name, 0); /* gone already is as well */
    if (l->dir_fd >= 0)
        (void)close(l->dir_fd);
    *l = (struct http_listener){.fd = -1, .dir_fd = -1};
}

void http_read_peer(int fd, struct http_peer *out)
{
    struct ucred who;
    socklen_t len = sizeof who;
    int domain = 0;
    socklen_t domain_len = sizeof domain;

    *out = (struct http_peer){.uid = (uid_t)-1, .gid = (gid_t)-1};
    if (getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &domain_len) != 0 || domain != AF_UNIX ||
        getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &len) != 0)
        return;
    *out = (struct http_peer){.local = true, .uid = who.uid, .gid = who.gid, .pid = who.pid};
}
