/* vec.h - a growing array of any type.
 *
 *     struct names { VEC_OF(const char *); };
 *     struct names names = {0};
 *     vec_push(&names, "web");
 *     VEC_EACH(&names, const char *, name) puts(*name);
 *     vec_fini(&names);
 *
 * Elements move when it grows: keep indexes, not pointers, across a push. One thread at a time. */
#ifndef TEND_BASE_VEC_H
#define TEND_BASE_VEC_H

#include "base/mem.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#define VEC_OF(type) \
    type *at;        \
    size_t count, capacity

#define vec_grow_(v)                                                            \
    ((v)->count < (v)->capacity                                                 \
            ? (void)0                                                           \
            : (void)((v)->capacity = (v)->capacity > 0 ? (v)->capacity * 2 : 8, \
                  (v)->at = mem_resize((v)->at, (v)->capacity, sizeof *(v)->at)))

#define vec_push(v, ...) (vec_grow_(v), (v)->at[(v)->count++] = (__VA_ARGS__))
/* A zeroed element at the end. */
#define vec_add(v) \
    (vec_grow_(v), memset(&(v)->at[(v)->count], 0, sizeof *(v)->at), &(v)->at[(v)->count++])
/* Remove element i, keeping the order. */
#define vec_remove(v, i) \
    (memmove(&(v)->at[i], &(v)->at[(i) + 1], ((v)->count - (i)-1) * sizeof *(v)->at), (v)->count--)
#define vec_fini(v)             (free((v)->at), (v)->at = NULL, (v)->count = (v)->capacity = 0)

#define VEC_EACH(v, type, name) for (type *name = (v)->at; name < (v)->at + (v)->count; name++)

#endif
