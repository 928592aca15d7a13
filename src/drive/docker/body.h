/* body.h - what is declared, in the container engine's own JSON. Pure. */
#ifndef TEND_DRIVE_DOCKER_BODY_H
#define TEND_DRIVE_DOCKER_BODY_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "spec/project.h"

/* One instance, as it is to be made. Borrowed. */
struct body_instance {
    const struct project *project;
    const struct service *service;
    int slot;
    const char *revision; /* of what it runs, as text */
};

#define LABEL_PROJECT  "com.docker.compose.project"
#define LABEL_SERVICE  "com.docker.compose.service"
#define LABEL_NUMBER   "com.docker.compose.container-number"
#define LABEL_REVISION "dev.tend.revision"

/* "shop-web-1", or what the service says. In the arena. */
const char *body_container_name(struct arena *a, const struct body_instance *i);
/* What the engine calls a network or volume of the project: "shop_default". */
const char *body_network_name(struct arena *a, const struct project *p, const char *key);
const char *body_volume_name(struct arena *a, const struct project *p, const char *key);
/* The image that it runs: declared, or PROJECT-SERVICE for a build without a name. */
const char *body_image(struct arena *a, const struct body_instance *i);
/* POST /containers/create. ERR_UNSUPPORTED for what is declared and cannot be passed on. */
MUST_USE bool body_container(
    struct arena *a, const struct body_instance *i, struct buf *out, struct err *err);
/* POST /networks/ID/connect for the service's network number `n`. */
void body_connect(struct arena *a, const struct body_instance *i, size_t n, struct buf *out);
/* How many networks of its own it is in: at least the default one, none with a network_mode. */
size_t body_network_count(const struct container *c);
const char *body_network_key(const struct container *c, size_t n);
/* POST /networks/create; NULL declared is the default one. */
void body_network(struct arena *a, const struct project *p, const char *key, struct buf *out);
/* POST /volumes/create */
void body_volume(struct arena *a, const struct project *p, const char *key, struct buf *out);

#endif
