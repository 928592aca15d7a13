#include "io/http_private.h"

#include "base/clock.h"
#include "base/mem.h"
#include "base/must.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define REFUSED_TEXT "application/json; charset=utf-8"

struct str http_request_method(const struct http_request *r)
{
    return r->method;
}

const struct http_target *http_request_target(const struct http_request *r)
{
    return r->target;
}

struct str http_request_body(const struct http_request *r)
{
    return buf_str(&r->body);
}

const struct http_peer *http_request_peer(const struct http_request *r)
{
    return &r->connection->peer;
}

int http_request_server_port(const struct http_request *r)
{
    return r->server->tcp_listener.port;
}

void http_request_set(struct http_request *r, const void *data)
{
    r->slot = data;
}

const void *http_request_get(const struct http_request *r)
{
    return r->slot;
}

/* ---- headers ---- */

struct search {
    const char *name;
    unsigned count;
    struct str first;
};

static enum MHD_Result look_at(
    void *data, enum MHD_ValueKind kind, const char *name, const char *value)
{
    struct search *search = data;

    (void)kind;
    if (strcasecmp(name, search->name) != 0)
        return MHD_YES;
    if (search->count++ == 0)
        search->first = str_from(value);
    return MHD_YES;
}

static struct search find_header(const struct http_request *r, const char *name)
{
    struct search search = {.name = name};

    (void)MHD_get_connection_values(r->mhd, MHD_HEADER_KIND, look_at, &search);
    return search;
}

struct str http_request_header(const struct http_request *r, const char *name)
{
    return find_header(r, name).first;
}

unsigned http_request_header_count(const struct http_request *r, const char *name)
{
    return find_header(r, name).count;
}

/* RFC 9110, 5.6.2 */
static bool is_token(const char *name)
{
    static const char others[] = "!#$%&'*+-.^_`|~";

    for (const char *c = name; *c != '\0'; c++)
        if (!((*c >= '0' && *c <= '9') || (*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z') ||
                strchr(others, *c) != NULL))
            return false;
    return name[0] != '\0';
}

/* libmicrohttpd 0.9.75 joins a folded line to the header's name: "Transfer-Encoding:\r\n chunked"
 * arrives as a header Transfer-Encodingchunked, and the body would be taken for a request. */
static bool is_folded_framing(const char *name)
{
    static const char *const framing[] = {"Transfer-Encoding", "Content-Length"};

    for (size_t i = 0; i < COUNT(framing); i++) {
        size_t len = strlen(framing[i]);
        if (strncasecmp(name, framing[i], len) == 0 && name[len] != '\0')
            return true;
    }
    return false;
}

static bool has_control(const char *value)
{
    for (; *value != '\0'; value++)
        if (((unsigned char)*value < 0x20 && *value != '\t') || *value == 0x7f)
            return true;
    return false;
}

static enum MHD_Result check_header(
    void *data, enum MHD_ValueKind kind, const char *name, const char *value)
{
    const char **wrong = data;

    (void)kind;
    if (!is_token(name))
        *wrong = "a header's name is not a token";
    else if (is_folded_framing(name))
        *wrong = "a folded or unknown header of framing";
    else if (value != NULL && has_control(value))
        *wrong = "a header's value holds a control character"; /* a lone CR too */
    return *wrong == NULL ? MHD_YES : MHD_NO;
}

/* What libmicrohttpd lets through though two programs may read it as two different messages
 * (RFC 9112, 6.3 and 11.2); NULL when there is nothing. */
static const char *find_ambiguity(const struct http_request *r)
{
    struct search length = find_header(r, MHD_HTTP_HEADER_CONTENT_LENGTH);
    struct search coding = find_header(r, MHD_HTTP_HEADER_TRANSFER_ENCODING);
    const char *wrong = NULL;
    uint64_t bytes;

    (void)MHD_get_connection_values(r->mhd, MHD_HEADER_KIND, check_header, &wrong);
    if (wrong != NULL)
        return wrong;
    if (length.count > 1)
        return "two Content-Length headers";
    if (length.count == 1 && !str_to_uint(length.first, &bytes))
        return "Content-Length is not a number";
    if (length.count > 0 && coding.count > 0)
        return "Content-Length together with Transfer-Encoding";
    if (coding.count > 1 || (coding.count == 1 && strcasecmp(coding.first.at, "chunked") != 0))
        return "a Transfer-Encoding other than chunked";
    if (find_header(r, MHD_HTTP_HEADER_HOST).count > 1)
        return "two Host headers";
    return NULL;
}

/* ---- answers ---- */

void http_put_headers(struct http_request *r, struct MHD_Response *response, const char *type)
{
    const struct http_header *fixed = r->server->options.headers;

    if (type != NULL)
        (void)MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, type);
    for (; fixed != NULL && fixed->name != NULL; fixed++)
        (void)MHD_add_response_header(response, fixed->name, fixed->value);
    for (size_t i = 0; i < r->extra_count; i++)
        (void)MHD_add_response_header(response, r->extra[i].name, r->extra[i].value);
}

void http_add_header(struct http_request *r, const char *name, const char *value)
{
    must(r->extra_count < COUNT(r->extra));
    r->extra[r->extra_count++] =
        (struct http_header){.name = mem_copy_string(name), .value = mem_copy_string(value)};
}

void http_answer(struct http_request *r, int status, const char *content_type, struct str body)
{
    must(r->status == 0 && r->stream == NULL);
    r->status = status;
    r->response = MHD_create_response_from_buffer(body.len, (void *)body.at, MHD_RESPMEM_MUST_COPY);
    http_put_headers(r, r->response, content_type);
}

void http_allow_body(struct http_request *r, size_t bytes_max)
{
    must(r->in_head);
    r->body_allowed = true;
    r->body.bytes_max = bytes_max;
}

/* Refused by the server itself, before or instead of the handler; the connection is closed since
 * what follows cannot be trusted to be a request. */
static void refuse(struct http_request *r, int status, const char *kind, const char *text)
{
    struct buf body = BUF_INIT(1024);

    buf_format(
        &body, "{\"v\":1,\"error\":{\"kind\":\"%s\",\"text\":\"%s\",\"help\":\"\"}}\n", kind, text);
    http_add_header(r, MHD_HTTP_HEADER_CONNECTION, "close");
    http_answer(r, status, REFUSED_TEXT, buf_str(&body));
    buf_fini(&body);
}

/* ---- a request's way ---- */

static void free_request(struct http_request *r)
{
    for (size_t i = 0; i < r->extra_count; i++) {
        free((void *)r->extra[i].name);
        free((void *)r->extra[i].value);
    }
    buf_fini(&r->body);
    free(r->target);
    free(r);
}

static struct http_request *make_request(
    struct http_server *server, struct MHD_Connection *mhd, const char *method)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    struct http_request *r = mem_new(struct http_request);

    *r = (struct http_request){.server = server,
        .connection = info->socket_context,
        .mhd = mhd,
        .method = str_from(method),
        .head_only = strcmp(method, "HEAD") == 0,
        .started_ns = clock_boot_ns(),
        .target = mem_new(struct http_target)};
    r->connection->current = r;
    r->connection->deadline_ms = 0;
    return r;
}

static bool fits_bound(const struct http_request *r)
{
    struct str length = http_request_header(r, MHD_HTTP_HEADER_CONTENT_LENGTH);
    bool chunked = http_request_header(r, MHD_HTTP_HEADER_TRANSFER_ENCODING).at != NULL;
    uint64_t bytes = 0;

    if (length.at != NULL && !str_to_uint(length, &bytes))
        return false;
    return r->body_allowed ? bytes <= r->body.bytes_max : bytes == 0 && !chunked;
}

static void begin_request(struct http_request *r)
{
    const char *ambiguity = find_ambiguity(r);
    struct err err;

    if (ambiguity != NULL) {
        refuse(r, MHD_HTTP_BAD_REQUEST, "invalid", ambiguity);
        return;
    }
    if (!http_target_parse(r->target, str_from(r->connection->raw_target), &err)) {
        refuse(r, err.kind == ERR_LIMIT ? MHD_HTTP_URI_TOO_LONG : MHD_HTTP_BAD_REQUEST,
            err_kind_name(err.kind), err.text);
        return;
    }
    r->in_head = true;
    r->server->handler.head(r->server->handler.data, r);
    r->in_head = false;
    if (r->status == 0 && !fits_bound(r))
        refuse(r, MHD_HTTP_CONTENT_TOO_LARGE, "limit", "the body is larger than this route takes");
}

static enum MHD_Result queue_answer(struct http_request *r)
{
    enum MHD_Result queued = MHD_queue_response(r->mhd, (unsigned)r->status, r->response);

    MHD_destroy_response(r->response);
    r->response = NULL;
    return queued;
}

/* The stream's answer if there is one by now; else wait for it: the wake that a decision brings is
 * handled on this thread, so it comes behind the suspending. */
static enum MHD_Result wait_for_stream(struct http_request *r)
{
    if (!http_stream_is_decided(r->stream)) {
        if (http_stream_is_closed(r->stream))
            return MHD_NO;
        http_watch_hangup(r, true);
        return MHD_YES;
    }
    r->response = http_stream_response(r);
    return queue_answer(r);
}

enum MHD_Result http_on_request(void *data, struct MHD_Connection *mhd, const char *url,
    const char *method, const char *version, const char *upload, size_t *upload_len, void **slot)
{
    struct http_server *server = data;
    struct http_request *r = *slot;

    (void)url; /* already split by libmicrohttpd: see raw_target */
    (void)version;
    if (r == NULL) {
        *slot = r = make_request(server, mhd, method);
        begin_request(r);
        return r->status != 0 ? queue_answer(r) : MHD_YES;
    }
    if (*upload_len > 0) {
        buf_add(&r->body, upload, *upload_len);
        *upload_len = 0;
        return buf_full(&r->body) || !r->body_allowed ? MHD_NO : MHD_YES;
    }
    if (r->stream == NULL) {
        server->handler.request(server->handler.data, r);
        must((r->status != 0) != (r->stream != NULL));
        if (r->status != 0)
            return queue_answer(r);
    }
    return wait_for_stream(r);
}

void http_on_completed(
    void *data, struct MHD_Connection *mhd, void **slot, enum MHD_RequestTerminationCode code)
{
    struct http_server *server = data;
    struct http_request *r = *slot;

    (void)mhd;
    (void)code;
    if (r == NULL)
        return;
    *slot = NULL;
    if (r->stream != NULL) {
        http_stream_close(r->stream);
        r->stream->request = NULL;
        http_stream_unref(r->stream);
        (void)__atomic_sub_fetch(&server->streams, 1, __ATOMIC_RELAXED);
    }
    if (server->handler.answered != NULL && r->status != 0)
        server->handler.answered(server->handler.data, r->status, clock_boot_ns() - r->started_ns);
    r->connection->current = NULL;
    r->connection->deadline_ms = clock_boot_ms() + server->options.head_timeout_ms;
    if (r->response != NULL)
        MHD_destroy_response(r->response);
    free_request(r);
}
