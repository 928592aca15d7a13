#include "drive/process/ports.h"

#include "base/buf.h"
#include "base/fs.h"
#include "base/mem.h"
#include "base/random.h"
#include "base/str.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define PORT_COUNT    65536
#define TCP_BYTES_MAX (16u << 20)
#define TCP_LISTEN    "0A"
#define LINK_BYTES    64

struct ports {
    char *dir;
    int next; /* where the search goes on, so that a port is not given again at once */
    int client_first, client_last; /* ip_local_port_range */
    int locks[PORT_COUNT];         /* descriptor of the locked file + 1; 0: not held */
};

/* ---- create ---- */

static char *default_dir(void)
{
    const char *runtime = getenv("XDG_RUNTIME_DIR");

    if (geteuid() == 0)
        return mem_copy_string("/run/tend/ports");
    if (runtime != NULL && runtime[0] == '/')
        return mem_format("%s/tend/ports", runtime);
    return mem_format("/tmp/tend-%u/ports", (unsigned)geteuid());
}

static void read_client_range(struct ports *p)
{
    struct buf text = BUF_INIT(256);
    int first, last;

    if (fs_read("/proc/sys/net/ipv4/ip_local_port_range", &text, NULL) &&
        sscanf(text.at, "%d %d", &first, &last) == 2) {
        p->client_first = first;
        p->client_last = last;
    }
    buf_fini(&text);
}

/* In /tmp somebody else could have made it first. */
static MUST_USE bool check_owner(const char *dir, struct err *err)
{
    struct stat st;

    if (lstat(dir, &st) == -1)
        return err_sys(err, "%s", dir);
    if (!S_ISDIR(st.st_mode) || st.st_uid != geteuid() || (st.st_mode & 022) != 0)
        return err_set(err, ERR_DENIED, "%s: not a directory of this user alone", dir);
    return true;
}

bool ports_create(struct ports **out, const char *dir, struct err *err)
{
    struct ports *p = mem_new(struct ports);

    p->dir = dir != NULL ? mem_copy_string(dir) : default_dir();
    read_client_range(p);
    struct random random = {random_secret_seed()};
    p->next = PORTS_FIRST + (int)random_below(&random, PORTS_LAST - PORTS_FIRST + 1);
    *out = p;
    if (fs_make_dirs(p->dir, 0700, err) && check_owner(p->dir, err))
        return true;
    ports_destroy(out);
    return err_in(err, "port locks");
}

static char *lock_path(const struct ports *p, int port)
{
    return mem_format("%s/%d", p->dir, port);
}

void ports_destroy(struct ports **ports)
{
    struct ports *p = *ports;

    if (p == NULL)
        return;
    *ports = NULL;
    for (int port = 0; port < PORT_COUNT; port++)
        if (p->locks[port] > 0)
            (void)close(p->locks[port] - 1); /* the file stays: its next user locks it */
    free(p->dir);
    free(p);
}

/* ---- locks ---- */

/* The file names us, for whoever finds the port taken. It is never removed: two daemons could
 * otherwise hold locks on two files of one name. */
static MUST_USE bool lock_port(struct ports *p, int port, struct err *err)
{
    char *path = lock_path(p, port), text[32] = "";
    int fd = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
    bool ok = fd != -1 || err_sys(err, "%s", path);

    free(path);
    if (!ok)
        return false;
    if (flock(fd, LOCK_EX | LOCK_NB) == -1) {
        ssize_t got = pread(fd, text, sizeof text - 1, 0);
        struct str holder = str_trim((struct str){text, got > 0 ? (size_t)got : 0});
        (void)close(fd);
        return err_set(err, ERR_CONFLICT, "port %d is reserved by another tend daemon (pid %.*s)",
            port, STR_ARG(holder));
    }
    /* Always of one length: a file that is cut and written anew frees a block and takes another. */
    int length = snprintf(text, sizeof text, "%-10d\n", (int)getpid());
    (void)!pwrite(fd, text, (size_t)length, 0); /* only a help for people */
    p->locks[port] = fd + 1;
    return true;
}

void port_release(struct ports *p, int port)
{
    if (port <= 0 || port >= PORT_COUNT || p->locks[port] == 0)
        return;
    (void)close(p->locks[port] - 1);
    p->locks[port] = 0;
}

/* ---- is it free? ---- */

static bool can_bind(int family, const void *address, socklen_t length)
{
    int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;

    if (fd == -1)
        return true; /* no such family here: nobody listens on it */
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on); /* past TIME_WAIT */
    if (family == AF_INET6)
        (void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
    bool ok = bind(fd, address, length) == 0 || (errno != EADDRINUSE && errno != EACCES);
    (void)close(fd);
    return ok;
}

static bool is_free(int port)
{
    struct sockaddr_in any = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    struct sockaddr_in6 any6 = {.sin6_family = AF_INET6, .sin6_port = htons((uint16_t)port)};

    return can_bind(AF_INET, &any, sizeof any) && can_bind(AF_INET6, &any6, sizeof any6);
}

static bool is_ours_to_give(const struct ports *p, int port)
{
    return p->locks[port] == 0 && (port < p->client_first || port > p->client_last);
}

bool port_allocate(struct ports *p, int *out_port, struct err *err)
{
    for (int i = PORTS_FIRST; i <= PORTS_LAST; i++) {
        int port = p->next;
        p->next = port < PORTS_LAST ? port + 1 : PORTS_FIRST;
        if (!is_ours_to_give(p, port) || !lock_port(p, port, NULL))
            continue;
        if (is_free(port)) {
            *out_port = port;
            return true;
        }
        port_release(p, port);
    }
    return err_set(err, ERR_LIMIT, "no free port from %d to %d", PORTS_FIRST, PORTS_LAST);
}

bool port_claim(struct ports *p, int port, bool in_use, struct err *err)
{
    char holder[PORT_HOLDER_BYTES];

    if (port < 1 || port >= PORT_COUNT)
        return err_set(err, ERR_INVALID, "port %d: from 1 to 65535", port);
    if (p->locks[port] > 0)
        return err_set(err, ERR_CONFLICT, "port %d is given to another instance", port);
    TRY(lock_port(p, port, err));
    if (in_use || is_free(port))
        return true;
    port_release(p, port);
    port_holder(port, holder);
    if (holder[0] == '\0')
        return err_set(err, ERR_CONFLICT, "port %d is taken or not allowed here", port);
    return err_set(err, ERR_CONFLICT, "port %d is taken by %s", port, holder);
}

/* ---- who holds it? ---- */

/* "  sl  local_address rem_address   st tx:rx tr:when retrnsmt   uid  timeout inode …" */
static uint64_t inode_in_line(struct str line, int port)
{
    char number[8];
    uint64_t inode;

    (void)snprintf(number, sizeof number, "%04X", (unsigned)port);
    line = str_trim(line);
    (void)str_cut(&line, ' ');
    struct str local = str_cut(&line, ' ');
    line = str_trim(line);
    (void)str_cut(&line, ' ');
    if (!str_ends(local, number) || !str_is(str_cut(&line, ' '), TCP_LISTEN))
        return 0;
    for (int field = 0; field < 5;) { /* up to the inode, over runs of blanks */
        struct str word = str_cut(&line, ' ');
        if (word.len > 0 && ++field == 5)
            break;
        if (line.len == 0)
            return 0;
    }
    line = str_trim(line);
    return str_to_uint(str_cut(&line, ' '), &inode) ? inode : 0;
}

static uint64_t listening_inode(const char *path, int port)
{
    struct buf text = BUF_INIT(TCP_BYTES_MAX);
    uint64_t inode = 0;

    if (fs_read(path, &text, NULL))
        for (struct str rest = buf_str(&text); inode == 0 && rest.len > 0;)
            inode = inode_in_line(str_cut(&rest, '\n'), port);
    buf_fini(&text);
    return inode;
}

static bool holds_inode(const char *pid, const char *wanted)
{
    char path[64], target[LINK_BYTES];
    bool found = false;

    (void)snprintf(path, sizeof path, "/proc/%.20s/fd", pid);
    DIR *dir = opendir(path);
    for (struct dirent *entry; dir != NULL && !found && (entry = readdir(dir)) != NULL;) {
        ssize_t length = readlinkat(dirfd(dir), entry->d_name, target, sizeof target - 1);
        if (length <= 0)
            continue;
        target[length] = '\0';
        found = strcmp(target, wanted) == 0;
    }
    if (dir != NULL)
        (void)closedir(dir);
    return found;
}

static void describe(const char *pid, char out[PORT_HOLDER_BYTES])
{
    char path[64];
    struct buf name = BUF_INIT(64);

    (void)snprintf(path, sizeof path, "/proc/%.20s/comm", pid);
    (void)!fs_read(path, &name, NULL); /* gone again: the pid alone */
    struct str program = str_trim(buf_str(&name));
    (void)snprintf(out, PORT_HOLDER_BYTES, "pid %.20s (%.*s)", pid, STR_ARG(program));
    buf_fini(&name);
}

void port_holder(int port, char out[PORT_HOLDER_BYTES])
{
    char wanted[LINK_BYTES];
    uint64_t inode = listening_inode("/proc/net/tcp", port);

    out[0] = '\0';
    if (inode == 0)
        inode = listening_inode("/proc/net/tcp6", port);
    if (inode == 0)
        return;
    (void)snprintf(wanted, sizeof wanted, "socket:[%llu]", (unsigned long long)inode);
    (void)snprintf(out, PORT_HOLDER_BYTES, "a program of another user");
    DIR *proc = opendir("/proc");
    for (struct dirent *entry; proc != NULL && (entry = readdir(proc)) != NULL;)
        if (entry->d_name[0] >= '1' && entry->d_name[0] <= '9' &&
            holds_inode(entry->d_name, wanted)) {
            describe(entry->d_name, out);
            break;
        }
    if (proc != NULL)
        (void)closedir(proc);
}
