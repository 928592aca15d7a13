/* frames.h - the engine's multiplexed output (logs, exec without a terminal) taken apart.
 *
 *     byte 0        stream: 0 stdin, 1 stdout, 2 stderr
 *     bytes 1–3     0
 *     bytes 4–7     length of the payload, big endian
 *     …             payload
 *
 * Payloads are handed on as they come, so nothing is kept here. Pure; one thread at a time. */
#ifndef TEND_DRIVE_DOCKER_FRAMES_H
#define TEND_DRIVE_DOCKER_FRAMES_H

#include "base/err.h"
#include "base/str.h"

#include <stdbool.h>
#include <stdint.h>

#define FRAME_HEAD_BYTES 8

struct frames {
    uint8_t head[FRAME_HEAD_BYTES];
    size_t head_len;
    uint32_t left;
};

/* A piece of a frame's payload; `last` if it is its end. An empty frame is one empty piece. */
typedef void (*frame_fn)(void *data, int stream, struct str piece, bool last);

/* A zeroed struct is ready. ERR_CORRUPT for a head that cannot be one. */
MUST_USE bool frames_feed(
    struct frames *f, struct str bytes, frame_fn on_frame, void *data, struct err *err);

#endif
