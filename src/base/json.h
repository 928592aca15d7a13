/* json.h - writing JSON (RFC 8259) into a buffer; reading is jansson's.
 *
 *     struct json j = json_begin(&out);
 *     json_open_object(&j, NULL);
 *     json_text(&j, "name", "web");
 *     json_open_array(&j, "ports");
 *     json_int(&j, NULL, 8080);
 *     json_end(&j);
 *     json_end(&j);                          {"name":"web","ports":[8080]}
 *
 * Inside an object each value has a key, inside an array or at the top the key is NULL. Bytes that
 * are not UTF-8 become U+FFFD. Depth is bounded by JSON_DEPTH_MAX (a must: the writer knows what it
 * writes). Keys are written in the order of the calls: canonical text needs sorted calls.
 * The names stay clear of jansson's (json_object, json_array, json_null), so that a file may
 * include both. One thread at a time. */
#ifndef TEND_BASE_JSON_H
#define TEND_BASE_JSON_H

#include "base/buf.h"
#include "base/str.h"

#include <stdbool.h>
#include <stdint.h>

#define JSON_DEPTH_MAX 32

struct json {
    struct buf *out;
    unsigned depth;
    bool started[JSON_DEPTH_MAX + 1];
    char closer[JSON_DEPTH_MAX + 1];
};

struct json json_begin(struct buf *out);
void json_open_object(struct json *j, const char *key);
void json_open_array(struct json *j, const char *key);
/* Closes the innermost object or array. */
void json_end(struct json *j);

void json_text(struct json *j, const char *key, const char *value); /* NULL is null */
void json_str(struct json *j, const char *key, struct str value);
void json_format(struct json *j, const char *key, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
void json_int(struct json *j, const char *key, int64_t value);
void json_number(struct json *j, const char *key, double value); /* not finite is null */
void json_bool(struct json *j, const char *key, bool value);
void json_add_null(struct json *j, const char *key);
/* A value that is JSON text already. */
void json_raw(struct json *j, const char *key, struct str value);
/* As above with a key that is not terminated. */
void json_str_key(struct json *j, struct str key);

/* The quoted form of `text`, appended to `out`. */
void json_quote(struct buf *out, struct str text);

#endif
