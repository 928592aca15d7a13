/* A log check: has a line with the text come since this incarnation began? Each check reads what
 * was written since the one before; once seen, there is nothing more to ask. */
#include "observe/logs/log_source.h"
#include "observe/probe/probe_private.h"

#define BLOCK_BYTES  (32u << 10)
#define BUDGET_BYTES (1 << 20) /* a check; a flood of logs does not hold the loop */
#define LINE_SHOW    160

struct log_probe {
    struct probe base;
    char *path, *text;
    int64_t since_ns;
    bool open;
    struct log_source source;
};

static struct log_probe *log_of(struct probe *p)
{
    return (struct log_probe *)p;
}

static bool log_init(struct probe *p, const struct probe_target *target, struct err *err)
{
    struct log_probe *l = log_of(p);
    const char *text = target->check->path;

    if (text == NULL || text[0] == 0)
        return err_set(err, ERR_INVALID, "the text to look for is empty");
    if (target->log_path == NULL)
        return err_set(err, ERR_INVALID, "there is no log to look into");
    l->path = mem_copy_string(target->log_path);
    l->text = mem_copy_string(text);
    l->since_ns = target->log_since_ns;
    return true;
}

static bool open_source(struct log_probe *l, struct err *err)
{
    struct log_filter filter = {.since_ns = l->since_ns, .grep = str_from(l->text)};
    struct log_place place = {0};

    if (!log_source_open(&l->source, l->path, &filter, BLOCK_BYTES, err))
        return false;
    l->open = true;
    l->source.follows = true;
    if (l->since_ns != 0)
        TRY(log_chain_since(&l->source.chain, l->since_ns, &place, err));
    log_source_seek(&l->source, place);
    return true;
}

static void log_drop(struct probe *p)
{
    struct log_probe *l = log_of(p);

    if (l->open)
        log_source_close(&l->source);
    l->open = false;
}

static void found(struct log_probe *l)
{
    char shown[LINE_SHOW];

    probe_show(l->source.line.text, shown, sizeof shown);
    log_drop(&l->base);
    probe_finish(&l->base, true, "logged: %s", shown);
}

static void log_begin(struct probe *p)
{
    struct log_probe *l = log_of(p);
    struct err e = ERR_INIT;

    if (!l->open && !open_source(l, &e)) {
        log_drop(p);
        probe_finish(p, false, "%s", e.text);
        return;
    }
    l->source.budget_bytes = BUDGET_BYTES;
    switch (log_source_next(&l->source, &e)) {
    case LOG_NEXT_LINE:
        found(l);
        break;
    case LOG_NEXT_DRAINED:
    case LOG_NEXT_PAUSED:
        probe_finish(p, false, "not logged yet: %.*s", LINE_SHOW, l->text);
        break;
    case LOG_NEXT_FAILED:
        log_drop(p);
        probe_finish(p, false, "%s", e.text);
        break;
    }
}

static int64_t log_next(struct probe *p, int64_t now_ns)
{
    return p->mode == PROBE_STEADY ? PROBE_NEVER : probe_scheduled(p, now_ns);
}

static void log_fini(struct probe *p)
{
    free(log_of(p)->path);
    free(log_of(p)->text);
}

const struct probe_ops probe_log_ops = {
    .bytes = sizeof(struct log_probe),
    .init = log_init,
    .begin = log_begin,
    .drop = log_drop,
    .next = log_next,
    .fini = log_fini,
};
