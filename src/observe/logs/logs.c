#include "observe/logs/logs.h"

#include "observe/logs/logs_private.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define SERVICES_MAX      100000
#define BLOCK_BYTES_MAX   (256u << 10)
#define BLOCK_BYTES_MIN   (32u << 10)
#define BLOCKS_BYTES_MAX  (8u << 20)
#define TAIL_WINDOW_BYTES (64 << 10)
#define TAIL_LINE_BYTES   256 /* a guess at a usual line, for the first window */
#define TAIL_GROWTH       4

bool logs_cancel_create(struct logs_cancel **out, struct err *err)
{
    int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);

    if (fd == -1)
        return err_sys(err, "eventfd");
    *out = mem_new(struct logs_cancel);
    (*out)->fd = fd;
    return true;
}

void logs_cancel_destroy(struct logs_cancel **c)
{
    if (*c == NULL)
        return;
    (void)close((*c)->fd);
    free(*c);
    *c = NULL;
}

void logs_cancel(struct logs_cancel *c)
{
    c->set = true;
    (void)eventfd_write(c->fd, 1); /* fails only when it is readable already */
}

bool reading_is_cancelled(const struct reading *r)
{
    return r->query->cancel != NULL && r->query->cancel->set;
}

/* ---- finding services and slots ---- */

static bool is_service_name(const char *name)
{
    return name[0] != 0 && name[0] != '.' && strchr(name, '/') == NULL;
}

/* "3.log" and "3.log.2" are slot 3; 0: another file. */
static int slot_of_file(const char *name)
{
    struct str rest = str_from(name);
    int64_t slot, number;

    if (!str_to_int(str_cut(&rest, '.'), &slot) || slot < 1 || slot > INT32_MAX)
        return 0;
    if (!str_is(str_cut(&rest, '.'), "log") || (rest.len > 0 && !str_to_int(rest, &number)))
        return 0;
    return (int)slot;
}

static bool knows_slot(const struct logged_service *service, int slot)
{
    VEC_EACH (&service->slots, struct logged_slot *, s)
        if ((*s)->source.slot == slot)
            return true;
    return false;
}

static bool add_slot(struct reading *r, struct logged_service *service, int slot, struct err *err)
{
    struct logged_slot *s = mem_new(struct logged_slot);
    char *path = mem_format("%s/%d.log", service->dir, slot);
    bool ok = log_source_open(&s->source, path, &r->filter, BLOCK_BYTES_MAX, err);

    free(path);
    if (!ok) {
        free(s);
        return false;
    }
    s->order = r->slot_count++;
    s->source.service = service->name;
    s->source.slot = slot;
    s->source.follows = r->query->follow;
    s->source.cancelled = r->query->cancel != NULL ? &r->query->cancel->set : NULL;
    vec_push(&service->slots, s);
    service->dirty = true;
    return true;
}

bool reading_find_slots(struct reading *r, struct logged_service *service, struct err *err)
{
    if (r->query->follow)
        reading_watch_service(r, service);
    DIR *dir = opendir(service->dir);
    bool ok = true;

    if (dir == NULL)
        return errno == ENOENT || err_sys(err, "%s", service->dir);
    for (struct dirent *e; ok && (e = readdir(dir)) != NULL;) {
        int slot = slot_of_file(e->d_name);
        bool wanted = slot != 0 && (r->query->slot == 0 || slot == r->query->slot);
        if (wanted && !knows_slot(service, slot))
            ok = add_slot(r, service, slot, err);
    }
    (void)closedir(dir);
    return ok;
}

static struct logged_service *find_service(const struct reading *r, const char *name)
{
    VEC_EACH (&r->services, struct logged_service *, service)
        if (strcmp((*service)->name, name) == 0)
            return *service;
    return NULL;
}

static bool add_service(struct reading *r, const char *name, struct err *err)
{
    struct logged_service *service = find_service(r, name);

    if (service == NULL) {
        service = mem_new(struct logged_service);
        service->name = mem_copy_string(name);
        service->dir = mem_format("%s/%s", r->query->dir, name);
        service->wd = -1;
        vec_push(&r->services, service);
    }
    return reading_find_slots(r, service, err);
}

static bool add_all_services(struct reading *r, struct err *err)
{
    DIR *dir = opendir(r->query->dir);
    bool ok = true;

    if (dir == NULL)
        return errno == ENOENT || err_sys(err, "%s", r->query->dir);
    for (struct dirent *e; ok && (e = readdir(dir)) != NULL;) {
        if (!is_service_name(e->d_name) || (e->d_type != DT_DIR && e->d_type != DT_UNKNOWN))
            continue;
        ok = r->services.count < SERVICES_MAX ? add_service(r, e->d_name, err)
                                              : err_set(err, ERR_LIMIT, "too many services");
    }
    (void)closedir(dir);
    return ok;
}

bool reading_find_services(struct reading *r, struct err *err)
{
    if (r->query->follow && r->inotify_fd != -1 && r->root_wd == -1) {
        reading_unwatch(r); /* its folder was not there */
        reading_watch(r);
        VEC_EACH (&r->services, struct logged_service *, service)
            (*service)->wd = -1;
    }
    if (r->query->services == NULL)
        return add_all_services(r, err);
    for (size_t i = 0; i < r->query->service_count; i++)
        TRY(add_service(r, r->query->services[i], err));
    return true;
}

/* ---- where to begin ---- */

static bool is_at_start(struct log_place place)
{
    return place.file == 0 && place.offset == 0;
}

static bool count_lines(struct log_source *s, int64_t *out_count, struct err *err)
{
    enum log_next next;

    *out_count = 0;
    while ((next = log_source_next(s, err)) == LOG_NEXT_LINE)
        ++*out_count;
    return next == LOG_NEXT_DRAINED;
}

/* Go back from the end in growing windows until one holds enough lines. */
static bool seek_tail(
    struct log_source *s, struct log_place first, int64_t tail, int64_t *out_count, struct err *err)
{
    int64_t window = TAIL_WINDOW_BYTES;

    if (tail < INT64_MAX / TAIL_LINE_BYTES && tail * TAIL_LINE_BYTES > window)
        window = tail * TAIL_LINE_BYTES;
    for (;; window = window < INT64_MAX / TAIL_GROWTH ? window * TAIL_GROWTH : INT64_MAX) {
        struct log_place place = log_chain_back(&s->chain, s->limit, window);
        if (log_place_before(place, first))
            place = first;
        log_source_seek(s, place);
        TRY(count_lines(s, out_count, err));
        log_source_seek(s, place);
        if (*out_count >= tail || is_at_start(place) || !log_place_before(first, place))
            return true;
    }
}

static bool seek_slot(struct reading *r, struct log_source *s, int64_t *out_count, struct err *err)
{
    struct log_place first = {0};

    *out_count = 0;
    s->limit = log_chain_end(&s->chain);
    s->limited = true;
    if (r->filter.since_ns != 0) {
        TRY(log_chain_since(&s->chain, r->filter.since_ns, &first, err));
        log_source_seek(s, first);
    }
    return r->query->tail < 0 || seek_tail(s, first, r->query->tail, out_count, err);
}

static bool seek_all(struct reading *r, struct err *err)
{
    size_t block_bytes = r->slot_count > 0 ? BLOCKS_BYTES_MAX / r->slot_count : BLOCK_BYTES_MAX;
    int64_t lines = 0, count;

    if (block_bytes < BLOCK_BYTES_MIN)
        block_bytes = BLOCK_BYTES_MIN;
    VEC_EACH (&r->services, struct logged_service *, service)
        VEC_EACH (&(*service)->slots, struct logged_slot *, slot) {
            if (block_bytes < BLOCK_BYTES_MAX)
                (*slot)->source.block_bytes = block_bytes;
            TRY(seek_slot(r, &(*slot)->source, &count, err));
            lines += count;
        }
    if (r->query->tail >= 0 && lines > r->query->tail)
        r->skip = lines - r->query->tail;
    return true;
}

/* From here on to wherever they go. */
static void lift_limits(struct reading *r)
{
    VEC_EACH (&r->services, struct logged_service *, service)
        VEC_EACH (&(*service)->slots, struct logged_slot *, slot)
            (*slot)->source.limited = false;
}

/* ---- the whole ---- */

static bool check_query(const struct logs_query *query, struct err *err)
{
    if (query->follow && query->cancel == NULL)
        return err_set(err, ERR_INVALID, "following needs a way to cancel");
    if (query->slot < 0 || query->tail < -1)
        return err_set(err, ERR_INVALID, "a slot or tail below zero");
    for (size_t i = 0; i < query->service_count; i++)
        if (!is_service_name(query->services[i]))
            return err_set(
                err, ERR_INVALID, "\"%s\" is not the name of a service", query->services[i]);
    return true;
}

static bool run(struct reading *r, struct err *err)
{
    if (r->query->follow)
        reading_watch(r);
    TRY(reading_find_services(r, err));
    TRY(seek_all(r, err));
    TRY(reading_merge(r, err));
    if (!r->query->follow || r->ended)
        return true;
    lift_limits(r);
    return reading_follow(r, err);
}

static void clean_up(struct reading *r)
{
    reading_unwatch(r);
    VEC_EACH (&r->services, struct logged_service *, service) {
        VEC_EACH (&(*service)->slots, struct logged_slot *, slot) {
            log_source_close(&(*slot)->source);
            free(*slot);
        }
        vec_fini(&(*service)->slots);
        free((*service)->name);
        free((*service)->dir);
        free(*service);
    }
    vec_fini(&r->services);
    vec_fini(&r->heap);
}

bool logs_read(const struct logs_query *query, logs_fn fn, void *data, struct err *err)
{
    struct reading r = {
        .query = query,
        .fn = fn,
        .data = data,
        .filter = {.since_ns = query->since_ns,
                   .until_ns = query->until_ns,
                   .grep = query->grep,
                   .pattern = query->pattern},
        .inotify_fd = -1,
        .root_wd = -1
    };

    if (!check_query(query, err))
        return err_in(err, "logs");
    bool ok = run(&r, err);
    clean_up(&r);
    return ok || err_in(err, "logs");
}
