/* text_diff.h - what differs between two texts, line by line, as a unified diff.
 *
 *     @@ -12,3 +12,3 @@
 *      events {
 *     -  worker_connections 512;
 *     +  worker_connections 4096;
 *      }
 *
 * The shortest script by Myers, "An O(ND) Difference Algorithm and Its Variations" (1986), within a
 * bound of work: texts that have little in common are shown as one that goes and one that comes. A
 * last line without its end is followed by "\ No newline at end of file", as diff(1) does. Any
 * thread. */
#ifndef TEND_BASE_TEXT_DIFF_H
#define TEND_BASE_TEXT_DIFF_H

#include "base/buf.h"
#include "base/str.h"

/* Appends hunks with `context` lines around each; nothing for equal texts. Past `lines_max` lines
 * it ends with a line that counts the rest: "… 7 more lines". */
void text_diff(
    struct str before, struct str after, size_t context, size_t lines_max, struct buf *out);

#endif
