/* ports.h - $PORT for instances, without races between daemons.
 *
 * Ports come from 20000 to 29999 without what the kernel gives to clients
 * (ip_local_port_range). A port that is held has a locked file (flock) in one directory that all
 * daemons of this user share, and is test-bound before it is given out; the lock goes with the
 * daemon, so that after its death the next one claims the same ports for the instances it adopts.
 * One thread at a time. */
#ifndef TEND_DRIVE_PROCESS_PORTS_H
#define TEND_DRIVE_PROCESS_PORTS_H

#include "base/err.h"

#include <stdbool.h>

#define PORTS_FIRST 20000
#define PORTS_LAST  29999

struct ports;

/* `dir` is made if it is missing; NULL: /run/tend/ports for root, else
 * $XDG_RUNTIME_DIR/tend/ports, else /tmp/tend-UID/ports. */
MUST_USE bool ports_create(struct ports **out, const char *dir, struct err *err);
/* Lets go of all of them. */
void ports_destroy(struct ports **p);
/* A free one that nobody else gets until port_release; ERR_LIMIT when there is none. */
MUST_USE bool port_allocate(struct ports *p, int *out_port, struct err *err);
/* A given one, fixed by the user or kept by an instance that is adopted (`in_use`: then a program
 * that listens there is expected). ERR_CONFLICT names who holds it. */
MUST_USE bool port_claim(struct ports *p, int port, bool in_use, struct err *err);
void port_release(struct ports *p, int port);
/* "pid 812 (nginx)", as far as may be seen; "" if nobody listens there. */
#define PORT_HOLDER_BYTES 96
void port_holder(int port, char out[PORT_HOLDER_BYTES]);

#endif
