/* hands_private.h - what the files of the hands share.
 *
 *   hands.c           turns, the journal, samples      hands_process.c   processes, ports, records
 *   hands_probe.c     probes                           hands_restore.c   after a restart
 *   hands_files.c     volumes, configs and secrets */
#ifndef TEND_ENGINE_HANDS_PRIVATE_H
#define TEND_ENGINE_HANDS_PRIVATE_H

#include "engine/hands.h"

#include "base/vec.h"
#include "drive/docker/docker.h"
#include "drive/process/ports.h"
#include "drive/process/process.h"
#include "observe/host/host.h"
#include "observe/host/trend.h"
#include "observe/probe/probe.h"

#define HAND_MAGIC 0x68616e64

/* What is held of one instance. */
struct hand {
    uint32_t magic;
    struct hands *hands;
    struct instance *instance;
    struct process *process;            /* NULL: none */
    struct docker_container *container; /* in its place; NULL: none */
    struct docker_exec *exec;           /* a container's exec probe under way */
    struct timer *exec_timer;
    enum engine_probe probe_mode;
    int64_t probe_since_ns, probe_began_ns;
    struct probe *probe; /* NULL: none */
    struct trend trend;  /* of this start's memory */
    bool leak_told;
    int shim_pid; /* as it was last heard of; another one has taken over */
    int port;     /* claimed; 0 none */
    bool port_is_fixed;
    char failed[ERR_TEXT_BYTES]; /* a start that failed at once, to be told in the next turn */
};

/* A record that is acknowledged when its event is durable. */
struct unacknowledged {
    uint64_t seq;
    struct hand *hand; /* NULL: forgotten meanwhile */
    uint64_t run_id;   /* a slot's next run counts its records anew */
    uint64_t number;
};

struct degradation {
    char what[32];
    char text[200];
};

struct hands {
    struct hands_settings settings;
    struct engine *engine;
    struct process_driver *driver;
    struct docker *docker; /* made with the first container */
    struct prober *prober;
    struct ports *ports;
    struct timer *turn, *sample;
    bool begun;
    struct restoring *restoring; /* hands_restore is at work */
    bool notice_asked;           /* a durable notice is under way */
    int64_t clock_offset_ns;
    int64_t machine_bytes; /* of memory; 0: not known */
    char logs_dir[4096], volumes_dir[4096];
    struct {
        VEC_OF(struct hand *);
    } failed; /* starts that failed at once */
    struct {
        VEC_OF(struct unacknowledged);
    } unacknowledged; /* in order of seq */
    struct {
        VEC_OF(struct degradation);
    } degraded;
};

/* ---- hands.c ---- */
struct hand *hand_of(struct hands *h, struct instance *i);
void hand_release(struct hand *hand);
uint64_t hands_record(void *data, const struct event *e);
void hands_wake(struct hands *h);
/* Tell the engine what time it is: at the start of each callback that tells it something. */
void hands_now(struct hands *h);
/* An event about the daemon itself. */
void hands_tell(struct hands *h, const char *type, const char *json);

/* ---- hands_process.c ---- */
MUST_USE bool hands_driver_create(struct hands *h, struct err *err);
void hands_spawn(void *data, struct instance *i);
void hands_resume(void *data, struct instance *i);
void hands_stop(void *data, struct instance *i, int64_t grace_ns);
void hands_signal(void *data, struct instance *i, int signo);
void hands_lease(void *data, struct instance *i, bool hands_off);
void hands_tell_failed(struct hands *h);
int hands_port_of(void *data, const char *service);
/* Borrows from `a` and the instance. */
void hands_fill_spec(
    struct hands *h, struct arena *a, const struct instance *i, struct process_spec *out);

/* ---- hands_files.c ---- */
void hands_fill_files(
    struct hands *h, struct arena *a, const struct service *s, struct process_spec *out);
/* NAME=VALUE, NULL-terminated: all that the instance gets. */
const char *const *hands_variables(struct hands *h, struct arena *a, const struct instance *i);

/* ---- hands_container.c ---- */
bool hands_is_container(const struct instance *i); /* what it is to run */
void hands_container_spawn(struct hand *hand);
void hands_container_resume(struct hand *hand);
void hands_container_stop(struct hand *hand, int64_t grace_ns);
/* True if the container has a probe of its own kind, which then follows `mode`. */
bool hands_container_probe(struct hand *hand, enum engine_probe mode);
/* What the prober is to ask instead: the container's address. */
void hands_container_target(const struct hand *hand, struct healthcheck *check,
    const char **out_host, int64_t *log_since_ns);
void hands_container_release(struct hand *hand, bool leave);
/* It ran, or waited, when the last daemon ended. */
void hands_container_adopt(struct hand *hand, bool was_waiting);

/* ---- hands_probe.c ---- */
void hands_probe(void *data, struct instance *i, enum engine_probe mode);

#endif
