/* docker.h - instances that are containers, run by a Docker or Podman engine.
 *
 * The engine's words never leave this folder: what is declared goes in, what happens comes out, and
 * the rest of tend sees one more kind of instance.
 *
 *     docker_start ─▶ image? ─▶ pull ─▶ networks, volumes ─▶ create ─▶ connect ─▶ start ─▶
 * on_started any step fails ─▶ on_start_failed an event of the engine, or its return ─▶ inspect ─▶
 * on_exited (waits for docker_resume) docker_stop ─▶ stop ─▶ inspect ─▶ remove ─▶ on_exited,
 * on_gone
 *
 * An event only says *look*: what is told is what inspecting then shows, so that events which were
 * missed while the engine or the daemon was away change nothing. A container is found again by its
 * name and labels; one with another revision is replaced. Restarts are tend's: the engine's own
 * policy is `no`. Output goes into tend's log files, each line with the engine's time.
 *
 * All on the loop's thread, nothing waits; each request has a deadline. No callback comes from
 * inside a call of the owner. */
#ifndef TEND_DRIVE_DOCKER_DOCKER_H
#define TEND_DRIVE_DOCKER_DOCKER_H

#include "base/err.h"
#include "base/str.h"
#include "spec/project.h"

#include <stdbool.h>
#include <stdint.h>

struct loop;
struct docker;
struct docker_container;

struct docker_exit {
    bool known;   /* false: the container is gone, and nobody saw how it ended */
    int code;     /* -1 if a signal ended it */
    int signal;   /* 0 if it exited; the engine says 128 + signal, as a shell does */
    bool oom;     /* for its memory limit */
    bool stopped; /* docker_stop asked for it */
    int64_t ran_ns, at_wall_ns;
};

struct docker_callbacks {
    void (*on_started)(void *data, void *owner, int pid, int64_t at_wall_ns);
    void (*on_start_failed)(void *data, void *owner, const char *why);
    void (*on_exited)(void *data, void *owner, const struct docker_exit *x);
    void (*on_gone)(void *data, void *owner);
    /* An adopted one was found, running or waiting, as it was left. */
    void (*on_heard)(void *data, void *owner, bool running, int pid, int64_t started_wall_ns);
    /* The engine does not answer (or NULL: it does again). */
    void (*on_trouble)(void *data, const char *text);
};

/* `socket_path` NULL finds it: DOCKER_HOST, else Docker's, rootless Docker's or Podman's usual
 * place. Nothing is asked before the first container. */
struct docker *docker_create(struct loop *l, const char *socket_path, const char *logs_dir,
    const struct docker_callbacks *callbacks, void *data);
/* Leaves every container as it is. */
void docker_destroy(struct docker **d);

/* What is to run; the project is counted, the texts are copied. */
struct docker_instance {
    const struct project *project;
    const struct service *service;
    int slot;
    const char *revision;
};

struct docker_container *docker_start(
    struct docker *d, const struct docker_instance *instance, void *owner);
/* One that ran, or waited, when the last daemon ended. on_heard, on_exited or on_gone follows. */
struct docker_container *docker_adopt(
    struct docker *d, const struct docker_instance *instance, bool was_waiting, void *owner);
/* Start it again: on_started or on_start_failed. */
void docker_resume(struct docker_container *c);
/* `for_good`: it is declared no longer; the last of a project takes the project's networks along.
 */
void docker_stop(struct docker_container *c, int64_t grace_ms, bool for_good);
void docker_signal(struct docker_container *c, int signo);
/* Looks after it no longer, and leaves the container as it is. NULL afterwards. */
void docker_leave(struct docker_container **c);
/* Removes the container in the background, if it is still there. NULL afterwards. */
void docker_forget(struct docker_container **c);

/* Where it is reached from this machine: "172.18.0.2"; "127.0.0.1" with the machine's own network;
 * "" if not known. */
const char *docker_address(const struct docker_container *c);
int docker_pid(const struct docker_container *c);

/* Run inside, and wait for the end or the deadline. `detail` is "exit code 1: last line".
 * EXEC_NOT_ASKED: the engine does not answer, or the container does not run: it says nothing about
 * what runs inside. */
enum docker_exec_result { EXEC_PASSED, EXEC_FAILED, EXEC_TIMED_OUT, EXEC_NOT_ASKED };
typedef void (*docker_exec_fn)(void *data, enum docker_exec_result result, const char *detail);
struct docker_exec;
struct docker_exec *docker_exec_start(struct docker_container *c, const char *const *argv,
    int64_t timeout_ms, docker_exec_fn fn, void *data);
/* Nothing comes any more; what runs inside is left to end. */
void docker_exec_cancel(struct docker_exec **x);

#endif
