/* docker_private.h - one engine and its containers. */
#ifndef TEND_DRIVE_DOCKER_DOCKER_PRIVATE_H
#define TEND_DRIVE_DOCKER_DOCKER_PRIVATE_H

#include "base/buf.h"
#include "base/hash.h"
#include "base/vec.h"
#include "drive/docker/body.h"
#include "drive/docker/call.h"
#include "drive/docker/docker.h"
#include "drive/docker/frames.h"
#include "io/loop.h"

#define CONTAINER_MAGIC 0x636f6e74
#define REQUEST_MS      30000
#define PULL_SILENCE_MS 120000
#define RETRY_MS        1000
#define BUSY_MS         10
#define API_OLDEST      40 /* 1.40: Docker 19.03 */
#define API_NEWEST      47

struct docker {
    struct loop *loop;
    char *socket_path, *logs_dir;
    struct docker_callbacks callbacks;
    void *data;
    int api; /* 1.`api`; 0 is not known yet */
    struct call *version, *events;
    struct timer *retry;
    struct buf line;         /* of the events' stream */
    struct workers *workers; /* that pack; made with the first build */
    bool in_trouble;
    struct {
        VEC_OF(struct docker_container *);
    } containers;
};

/* What is under way. One request at a time. */
enum step {
    STEP_NONE,
    STEP_WAIT_ENGINE, /* its version is not known yet */
    STEP_PACK,        /* a build's context, on a worker */
    STEP_IMAGE,
    STEP_PULL,
    STEP_BUILD,
    STEP_NETWORK,
    STEP_NETWORK_MAKE,
    STEP_VOLUME,
    STEP_CREATE,
    STEP_TAKE,    /* the name exists: is it ours? */
    STEP_REPLACE, /* ours, and of another revision */
    STEP_CONNECT,
    STEP_START,
    STEP_LOOK,  /* started: its pid and address */
    STEP_WATCH, /* an event came, or it was adopted: how is it? */
    STEP_STOP,
    STEP_STOPPED, /* how did it end? */
    STEP_REMOVE,
    STEP_TIDY, /* the networks of a project of which it was the last */
};

enum container_state {
    CONTAINER_LAUNCHING,
    CONTAINER_ADOPTING,
    CONTAINER_RUNNING,
    CONTAINER_WAITING, /* ended, or failed to start; for a word of its owner */
    CONTAINER_STOPPING,
    CONTAINER_GONE,
};

struct docker_log;
struct docker_packing;
struct cancel;

struct docker_container {
    uint32_t magic;
    struct docker *docker;
    void *owner; /* NULL: forgotten */
    struct arena *arena;
    struct body_instance instance;
    const struct project *project;
    const char *name;
    enum container_state state;
    enum step step;
    size_t index; /* of the network or volume that is looked at */
    struct call *call;
    struct timer *timer; /* the next try, or a word to the owner from the loop */
    void (*later)(struct docker_container *c);
    bool look_again; /* an event came while a request was under way */
    bool stop_asked, for_good, was_waiting, image_pulled;
    bool exists;  /* as far as is known: only then it is ours to stop or remove */
    bool is_told; /* its owner believes that it runs */
    int64_t grace_ms;
    int pid;
    int64_t started_wall_ns;
    char address[64];
    char pull_error[300];
    struct buf piece; /* a line of the pull's progress */
    struct docker_log *log;
    /* Of a build: */
    struct docker_packing *packing;
    struct cancel *pack_cancel;
    int context_fd; /* -1: none packed */
    int64_t context_bytes;
    char build_digest[HASH_TEXT_BYTES];
    bool is_built;
};

/* How inspecting shows it. */
struct container_view {
    bool running, oom;
    int pid, code;
    int64_t started_wall_ns, finished_wall_ns;
    char address[64];
    char project[128], service[128], revision[96];
    int number;
    bool host_network;
};
/* False for what is no answer to an inspection. Pure. */
bool container_view_read(struct str json, struct container_view *out);
/* "die" and its like about which container: its name in `out`. False: nothing for us. Pure. */
bool docker_event_read(struct str json, char *out_name, size_t bytes);

/* ---- docker.c ---- */
/* Asks for the engine's version and events, unless they are had. */
void docker_wake(struct docker *d);
struct call *docker_call(struct docker *d, const char *method, const char *target, struct str body,
    int64_t deadline_ms, call_piece_fn on_piece, call_done_fn on_done, void *data);
void docker_trouble(struct docker *d, const struct err *err);

/* Frees it. */
void docker_release(struct docker_container *c);

/* ---- container.c ---- */
void container_go_on(struct docker_container *c); /* the engine is there */
void container_engine_failed(struct docker_container *c, const struct err *err);
void container_look(struct docker_container *c);
void container_go(struct docker_container *c, enum step step);
void container_fail(struct docker_container *c, const char *why);
/* Tells its owner; nobody's is freed. */
void container_gone(struct docker_container *c);
void container_on_answer(void *data, int status, struct str body, const struct err *err);
void container_later(
    struct docker_container *c, void (*later)(struct docker_container *c), int64_t delay_ms);

/* ---- container_ask.c: one request each, answered by container_on_answer ---- */
void container_ask_about(
    struct docker_container *c, const char *method, const char *what, int64_t deadline_ms);
void container_ask_image(struct docker_container *c);
void container_ask_pull(struct docker_container *c);
void container_ask_networks(struct docker_container *c);
void container_ask_network_made(struct docker_container *c);
void container_ask_volume(struct docker_container *c);
void container_ask_create(struct docker_container *c);
void container_ask_connect(struct docker_container *c);
void container_ask_stop(struct docker_container *c);
void container_ask_tidy(struct docker_container *c);
/* Characters of a query or path that are not themselves; in the container's arena. */
const char *container_escape(struct docker_container *c, const char *text);
/* A line of a pull's or build's progress: its error is kept. */
void container_on_progress(void *data, struct str piece);
/* The network that is looked at. */
const char *container_network_key(const struct docker_container *c);

/* ---- container_build.c ---- */
void container_ask_pack(struct docker_container *c); /* container_packed follows */
void container_packed(struct docker_container *c, const char *why_not);
bool container_image_is_built(const struct docker_container *c, struct str inspected);
void container_ask_build(struct docker_container *c);
void container_forget_context(struct docker_container *c);

/* ---- docker_log.c ---- */
struct docker_log *docker_log_open(struct docker_container *c);
/* Follow the container's output from where the file ends. Nothing if it does so already. */
void docker_log_follow(struct docker_log *log);
void docker_log_close(struct docker_log **log);

#endif
