#include "drive/docker/frames.h"

#include <string.h>

static bool take_head(struct frames *f, frame_fn on_frame, void *data, struct err *err)
{
    if (f->head[0] > 2 || f->head[1] != 0 || f->head[2] != 0 || f->head[3] != 0)
        return err_set(err, ERR_CORRUPT, "the engine's output is not in frames");
    f->left = (uint32_t)f->head[4] << 24 | (uint32_t)f->head[5] << 16 | (uint32_t)f->head[6] << 8 |
              f->head[7];
    if (f->left == 0) {
        f->head_len = 0;
        on_frame(data, f->head[0], STR(""), true);
    }
    return true;
}

bool frames_feed(struct frames *f, struct str bytes, frame_fn on_frame, void *data, struct err *err)
{
    while (bytes.len > 0) {
        if (f->head_len < FRAME_HEAD_BYTES) {
            f->head[f->head_len++] = (uint8_t)bytes.at[0];
            bytes = str_tail(bytes, 1);
            if (f->head_len == FRAME_HEAD_BYTES)
                TRY(take_head(f, on_frame, data, err));
            continue;
        }
        struct str piece = bytes;
        if (piece.len > f->left)
            piece.len = f->left;
        bytes = str_tail(bytes, piece.len);
        f->left -= (uint32_t)piece.len;
        if (f->left == 0)
            f->head_len = 0;
        on_frame(data, f->head[0], piece, f->left == 0);
    }
    return true;
}
