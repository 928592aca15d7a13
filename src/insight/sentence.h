/* sentence.h - an event as one sentence in plain English, by its type's row (event_types.h).
 *
 *     "web/1 was killed by SIGKILL after 3 min"
 *
 * An event whose type has no row, or whose evidence has none of the row's fields, reads
 * "TYPE: SUBJECT key=value …". Control characters and bytes that are not UTF-8 never get out;
 * values are cut at 200 bytes. Times of day are local (TZ). Any thread. */
#ifndef TEND_INSIGHT_SENTENCE_H
#define TEND_INSIGHT_SENTENCE_H

#include "base/buf.h"
#include "record/event.h"

/* Appends it, without a full stop. */
void sentence_render(const struct event *e, struct buf *out);

/* Appends `text` as a terminal may see it: control characters are blanks, what is not UTF-8 is
 * U+FFFD, and past `bytes_max` it ends with "…". */
void sentence_clean(struct str text, size_t bytes_max, struct buf *out);

/* "14:02:07.123" in local time, on another day than `now_ns` with the date before it. */
#define SENTENCE_TIME_BYTES 40
void sentence_time(int64_t wall_ns, int64_t now_ns, char out[SENTENCE_TIME_BYTES]);

#endif
