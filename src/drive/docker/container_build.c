/* An image from a build's context: packed on a worker, sent as it is read, known again by a label.
 *
 *     STEP_PACK ─▶ digest ─▶ is there an image with this label? ─yes─▶ on
 *                                         └─no─▶ STEP_BUILD ─▶ STEP_IMAGE */
#include "drive/docker/docker_private.h"

#include "base/buf.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/must.h"
#include "drive/docker/pack.h"
#include "io/worker.h"

#include <jansson.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LABEL_BUILD      "dev.tend.build"
#define BUILD_SILENCE_MS (30 * 60 * 1000) /* a RUN step may say nothing for long */

struct docker_packing {
    struct docker_container *container; /* NULL: given up */
    struct pack pack;
    struct err err;
    bool ok;
    char *dir, *dockerfile, *inline_text;
};

static const struct build *build_of(const struct docker_container *c)
{
    return c->instance.service->container->build;
}

static bool is_remote(const struct build *b)
{
    return b->context[0] != '/';
}

/* ---- what is asked for ---- */

static bool can_build(const struct build *b, struct err *err)
{
    static const char why[] = "not supported: `%s` of a build, which needs BuildKit";
    const char *key = b->secrets.count > 0             ? "secrets"
                      : b->ssh != NULL                 ? "ssh"
                      : b->cache_to != NULL            ? "cache_to"
                      : b->additional_contexts != NULL ? "additional_contexts"
                      : b->entitlements != NULL        ? "entitlements"
                      : b->privileged                  ? "privileged"
                      : b->platforms != NULL && b->platforms[0] != NULL && b->platforms[1] != NULL
                          ? "platforms"
                          : NULL;

    if (key != NULL)
        return err_set(err, ERR_UNSUPPORTED, why, key);
    if (b->dockerfile != NULL && (b->dockerfile[0] == '/' || strncmp(b->dockerfile, "..", 2) == 0))
        return err_set(err, ERR_UNSUPPORTED,
            "not supported: a dockerfile outside of the build's context ('%s')", b->dockerfile);
    return true;
}

static void put_json_names(struct docker_container *c, struct buf *target, const char *key,
    const char *const *names, const char *more_name, const char *more_value)
{
    struct buf text = BUF_INIT(1 << 20);
    struct json j = json_begin(&text);

    json_open_object(&j, NULL);
    for (; names != NULL && names[0] != NULL; names += 2)
        json_text(&j, names[0], names[1]);
    if (more_name != NULL)
        json_text(&j, more_name, more_value);
    json_end(&j);
    buf_format(target, "&%s=%s", key, container_escape(c, text.at));
    buf_fini(&text);
}

static void put_query(
    struct docker_container *c, struct buf *target, const char *key, const char *value)
{
    if (value != NULL)
        buf_format(target, "&%s=%s", key, container_escape(c, value));
}

/* All but the label. */
static void put_options(struct docker_container *c, struct buf *t)
{
    const struct build *b = build_of(c);

    put_query(c, t, "t", body_image(c->arena, &c->instance));
    for (const char *const *tag = b->tags; tag != NULL && *tag != NULL; tag++)
        put_query(c, t, "t", *tag);
    put_query(c, t, "dockerfile", b->dockerfile_inline != NULL ? PACK_INLINE_NAME : b->dockerfile);
    put_query(c, t, "target", b->target);
    put_query(c, t, "networkmode", b->network);
    put_query(c, t, "platform",
        b->platforms != NULL ? b->platforms[0] : c->instance.service->container->platform);
    for (const char *const *host = b->extra_hosts; host != NULL && *host != NULL; host++)
        put_query(c, t, "extrahosts", *host);
    if (b->shm_size > 0)
        buf_format(t, "&shmsize=%lld", (long long)b->shm_size);
    buf_format(t, "%s%s", b->no_cache ? "&nocache=1" : "", b->pull ? "&pull=1" : "");
    put_json_names(c, t, "buildargs", b->args, NULL, NULL);
}

/* What makes an image another one: the context and everything that is asked for. */
static void set_digest(struct docker_container *c, const struct hash *context)
{
    struct buf options = BUF_INIT(4 << 20);

    put_options(c, &options);
    put_json_names(c, &options, "labels", build_of(c)->labels, NULL, NULL);
    struct str parts[] = {
        {(const char *)context->at, sizeof context->at},
        buf_str(&options)
    };
    struct hash digest = hash_of_parts(parts, 2);
    hash_format(&digest, c->build_digest);
    buf_fini(&options);
}

/* ---- packing ---- */

static void pack_on_worker(void *data, struct cancel *cancel)
{
    struct docker_packing *p = data;

    p->pack.cancel = cancel;
    p->ok = cancel_check(cancel, &p->err) && pack_context(&p->pack, &p->err);
}

static void free_packing(struct docker_packing *p)
{
    if (p->pack.fd != -1)
        (void)close(p->pack.fd);
    free(p->dir);
    free(p->dockerfile);
    free(p->inline_text);
    free(p);
}

static void on_packed(void *data)
{
    struct docker_packing *p = data;
    struct docker_container *c = p->container;

    if (c != NULL) {
        c->packing = NULL;
        cancel_unref(&c->pack_cancel);
        if (p->ok) {
            c->context_fd = p->pack.fd;
            c->context_bytes = p->pack.bytes;
            p->pack.fd = -1;
            set_digest(c, &p->pack.digest);
            container_packed(c, NULL);
        } else {
            container_packed(c, p->err.text);
        }
    }
    free_packing(p);
}

void container_forget_context(struct docker_container *c)
{
    if (c->packing != NULL) {
        c->packing->container = NULL;
        cancel_now(c->pack_cancel);
        cancel_unref(&c->pack_cancel);
        c->packing = NULL;
    }
    if (c->context_fd != -1)
        (void)close(c->context_fd);
    c->context_fd = -1;
}

static char *copy(const char *text)
{
    return text != NULL ? mem_format("%s", text) : NULL;
}

static bool start_packing(struct docker_container *c, struct err *err)
{
    struct docker *d = c->docker;
    const struct build *b = build_of(c);
    struct docker_packing *p = mem_new(struct docker_packing);

    *p = (struct docker_packing){.container = c,
        .err = ERR_INIT,
        .dir = copy(b->context),
        .dockerfile = copy(b->dockerfile != NULL ? b->dockerfile : "Dockerfile"),
        .inline_text = copy(b->dockerfile_inline)};
    p->pack = (struct pack){
        .dir = p->dir, .dockerfile = p->dockerfile, .inline_text = p->inline_text, .fd = -1};
    p->pack.fd = open(d->logs_dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    c->pack_cancel = cancel_create(0);
    struct worker_task task = {.run = pack_on_worker,
        .done = on_packed,
        .data = p,
        .loop = d->loop,
        .cancel = c->pack_cancel};
    bool ok = p->pack.fd != -1 || err_sys(err, "a temporary file in %s", d->logs_dir);
    if (ok && d->workers == NULL)
        d->workers = workers_create(2, 1000);
    ok = ok && workers_run(d->workers, &task, err);
    if (ok) {
        c->packing = p;
        return true;
    }
    cancel_unref(&c->pack_cancel);
    free_packing(p);
    return false;
}

void container_ask_pack(struct docker_container *c)
{
    struct err err = ERR_INIT;
    static const struct hash nothing;

    if (!can_build(build_of(c), &err)) {
        container_fail(c, err.text);
    } else if (is_remote(build_of(c))) {
        set_digest(c, &nothing); /* the engine fetches it: built where there is no image */
        container_go(c, STEP_IMAGE);
    } else if (!start_packing(c, &err)) {
        container_fail(c, err.text);
    }
}

/* ---- building ---- */

bool container_image_is_built(const struct docker_container *c, struct str inspected)
{
    json_t *root = json_loadb(inspected.at != NULL ? inspected.at : "", inspected.len, 0, NULL);
    const json_t *labels = json_object_get(json_object_get(root, "Config"), "Labels");
    const char *digest = json_string_value(json_object_get(labels, LABEL_BUILD));
    bool same = digest != NULL && strcmp(digest, c->build_digest) == 0;

    json_decref(root);
    return same;
}

void container_ask_build(struct docker_container *c)
{
    const struct build *b = build_of(c);
    struct docker *d = c->docker;
    struct buf target = BUF_INIT(8 << 20);

    buf_format(&target, "/v1.%d/build?rm=1&forcerm=1", d->api);
    put_options(c, &target);
    put_json_names(c, &target, "labels", b->labels, LABEL_BUILD, c->build_digest);
    if (is_remote(b))
        put_query(c, &target, "remote", b->context);
    struct call_request request = {.socket_path = d->socket_path,
        .method = "POST",
        .target = target.at,
        .body_fd = is_remote(b) ? 0 : c->context_fd,
        .body_fd_bytes = is_remote(b) ? 0 : c->context_bytes,
        .deadline_ms = BUILD_SILENCE_MS,
        .on_piece = container_on_progress,
        .on_done = container_on_answer,
        .data = c};
    c->pull_error[0] = '\0';
    c->call = call_start(d->loop, &request);
    buf_fini(&target);
}
