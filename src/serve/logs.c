/* Reading logs blocks, also for ever: each reading has a thread of the followers' pool and waits
 * there for room in its stream. A client that goes away cancels it. */
#include "base/base64.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/must.h"
#include "base/regex.h"

#include "engine/snapshot.h"

#include "io/worker.h"

#include "observe/logs/logs.h"

#include "serve/serve_private.h"
#include "serve/time_text.h"

#include <stdlib.h>
#include <string.h>

#define READING_MAGIC    0x6c6f6772u
#define PIECE_BYTES      (32u << 10) /* of a line: even all escaped it fits into a stream */
#define LINE_JSON_BYTES  (6 * PIECE_BYTES + 1024)
#define READER_STALLS_MS (30 * MS_PER_S)
#define SERVICES_MAX     64

struct reading {
    uint32_t magic;
    int refs; /* the task's and the stream's hooks' */
    struct serve *serve;
    struct http_stream *stream;
    struct logs_query query;
    struct logs_cancel *cancel;
    char *names; /* "web\0api\0": what `services` points into */
    const char *services[SERVICES_MAX];
    char *grep;
    struct regex *pattern;
};

static void unref(struct reading *r)
{
    if (__atomic_sub_fetch(&r->refs, 1, __ATOMIC_ACQ_REL) > 0)
        return;
    if (r->cancel != NULL)
        logs_cancel_destroy(&r->cancel);
    free(r->names);
    free(r->grep);
    if (r->pattern != NULL)
        regex_free(&r->pattern);
    free(r);
}

/* A piece of at most PIECE_BYTES that does not end inside a character, where that can be seen. */
static struct str cut_piece(struct str *rest)
{
    struct str piece = *rest;

    if (piece.len > PIECE_BYTES) {
        piece.len = PIECE_BYTES;
        for (int i = 0; i < 3 && ((unsigned char)rest->at[piece.len] & 0xc0) == 0x80; i++)
            piece.len--;
    }
    *rest = str_tail(*rest, piece.len);
    return piece;
}

/* What is no text cannot stand in JSON as it is. */
static void add_bytes(struct json *j, struct str piece)
{
    struct buf text = BUF_INIT(2 * PIECE_BYTES);

    base64_encode(&text, piece);
    json_str(j, "bytes", buf_str(&text));
    buf_fini(&text);
}

/* The run of a job that wrote it; 0: none, or none that status still lists. */
static int run_of(const struct reading *r, const struct log_line *line)
{
    const struct snapshot *s = r->serve->host.acquire(r->serve->host.data);
    const struct service_snapshot *service = snapshot_service(s, str_from(line->service));
    int64_t began_ns = 0;
    int number = 0;

    for (size_t i = 0; service != NULL && service->job != NULL && i < service->job->run_count;
         i++) {
        const struct job_run_snapshot *run = &service->job->runs[i];

        if (run->slot != line->slot || run->requested_at_ns > line->at_ns ||
            run->requested_at_ns < began_ns)
            continue;
        began_ns = run->requested_at_ns;
        number =
            run->ended_at_ns == 0 || line->at_ns <= run->ended_at_ns + NS_PER_S ? run->number : 0;
    }
    snapshot_unref(&s);
    return number;
}

static bool send_piece(
    struct reading *r, const struct log_line *line, struct str piece, bool continues)
{
    struct buf out = BUF_INIT(LINE_JSON_BYTES);
    struct json j = json_begin(&out);
    char at[CLOCK_TEXT_BYTES];
    int run;

    clock_format(line->at_ns, 9, at);
    json_open_object(&j, NULL);
    json_text(&j, "at", at);
    json_text(&j, "service", line->service);
    json_int(&j, "slot", line->slot);
    if ((run = run_of(r, line)) > 0)
        json_int(&j, "run", run);
    json_text(&j, "stream", log_stream_name(line->stream));
    json_str(&j, "line", piece);
    if (str_utf8_valid(piece) < piece.len)
        add_bytes(&j, piece);
    if (continues)
        json_bool(&j, "continues", true);
    json_end(&j);
    bool sent = http_stream_wait(r->stream, out.len + 64, READER_STALLS_MS) &&
                http_stream_line(r->stream, 0, "line", buf_str(&out));
    buf_fini(&out);
    return sent;
}

static bool on_line(void *data, const struct log_line *line)
{
    struct reading *r = OBJ(reading, READING_MAGIC, data);
    struct str rest = line->text;

    do {
        struct str piece = cut_piece(&rest);
        if (!send_piece(r, line, piece, rest.len > 0 || line->continues))
            return false;
    } while (rest.len > 0);
    return true;
}

static void send_failure(struct reading *r, const struct err *err)
{
    struct buf body = BUF_INIT(8 << 10);

    if (err->kind == ERR_CANCELLED)
        return;
    answer_failure_later(r->stream, err, "");
    answer_error_json(&body, err, "");
    (void)http_stream_line(r->stream, 0, "error", str_trim(buf_str(&body)));
    buf_fini(&body);
}

static void count_reading(struct serve *s, int by)
{
    (void)pthread_mutex_lock(&s->lock);
    s->log_readings += (unsigned)by;
    (void)pthread_mutex_unlock(&s->lock);
}

static void end_reading(struct reading *r)
{
    struct serve *s = r->serve;

    http_stream_end(&r->stream);
    unref(r);
    count_reading(s, -1);
    serve_task_end(s);
}

static void run_reading(void *data, struct cancel *cancel)
{
    struct reading *r = OBJ(reading, READING_MAGIC, data);
    struct err err;

    (void)cancel;
    if (r->query.follow)
        http_stream_begin(r->stream);
    if (!logs_read(&r->query, on_line, r, &err))
        send_failure(r, &err);
    end_reading(r);
}

static void on_closed(void *data)
{
    struct reading *r = OBJ(reading, READING_MAGIC, data);

    logs_cancel(r->cancel);
    unref(r);
}

/* "web,api" */
static bool read_services(struct reading *r, struct err *err)
{
    char *name = r->names, *comma;

    for (; name != NULL; name = comma) {
        comma = strchr(name, ',');
        if (comma != NULL)
            *comma++ = '\0';
        if (name[0] == '\0' || strchr(name, '/') != NULL || name[0] == '.')
            return err_set(err, ERR_INVALID, "\"%.100s\" is no service's name", name);
        if (r->query.service_count == SERVICES_MAX)
            return err_set(err, ERR_INVALID, "more than %d services", SERVICES_MAX);
        r->services[r->query.service_count++] = name;
    }
    r->query.services = r->query.service_count > 0 ? r->services : NULL;
    return true;
}

#define META "\\.+*?()|[]{}^$"

/* What holds no character of a regular expression's own is looked for as it is, which is faster. */
static bool read_pattern(struct reading *r, bool fixed, struct err *err)
{
    if (r->grep == NULL || fixed || strpbrk(r->grep, META) == NULL) {
        r->query.grep = str_from(r->grep);
        return true;
    }
    r->query.pattern = r->pattern = regex_compile(str_from(r->grep), err);
    return r->pattern != NULL || err_in(err, "grep");
}

static bool read_query(const struct call *call, struct reading *r, struct err *err)
{
    const struct http_target *target = http_request_target(call->request);
    struct str since = http_target_parameter(target, "since");
    struct str until = http_target_parameter(target, "until");
    int64_t slot, now_ns = clock_wall_ns();

    TRY(call_number(call, "slot", 0, &slot, err));
    TRY(call_number(call, "tail", -1, &r->query.tail, err));
    if (since.len > 0)
        TRY(time_text_parse(since, "since", now_ns, &r->query.since_ns, err));
    if (until.len > 0)
        TRY(time_text_parse(until, "until", now_ns, &r->query.until_ns, err));
    r->query.slot = slot < INT32_MAX ? (int)slot : INT32_MAX;
    r->query.dir = call->serve->host.logs_dir;
    r->query.follow = str_is(http_target_parameter(target, "follow"), "1");
    r->grep = call_parameter(call, "grep");
    r->names = call_parameter(call, "service");
    TRY(read_pattern(r, str_is(http_target_parameter(target, "fixed"), "1"), err));
    return read_services(r, err) && logs_cancel_create(&r->cancel, err);
}

static bool take_place(struct serve *s, struct err *err)
{
    (void)pthread_mutex_lock(&s->lock);
    bool free_place = s->log_readings < LOG_READINGS_MAX;
    s->log_readings += free_place ? 1 : 0;
    (void)pthread_mutex_unlock(&s->lock);
    return free_place || err_set(err, ERR_LIMIT, "%d clients read logs already", LOG_READINGS_MAX);
}

void answer_logs(struct call *call)
{
    struct reading *r = mem_new(struct reading);
    struct worker_task work = {.run = run_reading, .data = r};
    struct err err;

    *r = (struct reading){.magic = READING_MAGIC, .refs = 1, .serve = call->serve};
    if (!read_query(call, r, &err) || !take_place(call->serve, &err)) {
        unref(r);
        answer_failure(call, &err, "/tend/v1/openapi.json shows what the route takes");
        return;
    }
    r->query.cancel = r->cancel;
    r->refs = 2;
    r->stream = http_stream_open(call->request, answer_framing(call));
    http_stream_hook(r->stream, &(struct http_stream_hooks){.data = r, .closed = on_closed});
    serve_task_begin(call->serve);
    if (workers_run(call->serve->followers, &work, &err))
        return;
    answer_failure_later(r->stream, &err, "try again in a moment");
    end_reading(r);
}
