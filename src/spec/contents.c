#include "spec/contents.h"

#include "base/base64.h"
#include "base/fs.h"
#include "base/json.h"
#include "base/mem.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#define CONTENT_BYTES_MAX (1u << 20)

void contents_write(const struct project *p, struct buf *out)
{
    struct json j = json_begin(out);

    json_open_object(&j, NULL);
    for (size_t i = 0; i < p->content_count; i++) {
        char key[HASH_TEXT_BYTES];
        struct buf text = BUF_INIT(2 * CONTENT_BYTES_MAX);
        hash_format(&p->contents[i].hash, key);
        base64_encode(&text, p->contents[i].bytes);
        json_text(&j, key, text.at != NULL ? text.at : "");
        buf_fini(&text);
    }
    json_end(&j);
}

/* ---- storing ---- */

static bool decode(const char *text, struct buf *out)
{
    return base64_decode(out, str_from(text));
}

static MUST_USE bool store_one(
    const struct service_file *file, const json_t *given, const char *dir, struct err *err)
{
    char key[HASH_TEXT_BYTES];
    struct buf bytes = BUF_INIT(CONTENT_BYTES_MAX);
    bool ok = true;

    hash_format(&file->content, key);
    char *path = mem_format("%s/%s", dir, key);
    const char *text = json_string_value(json_object_get(given, key));
    if (text != NULL) {
        ok = decode(text, &bytes);
        struct hash is = hash_of(bytes.at, bytes.len);
        ok = ok && hash_eq(&is, &file->content);
        if (!ok)
            err_set(err, ERR_INVALID, "what was sent for %s '%.100s' is not what the document says",
                file->is_secret ? "secret" : "config", file->source);
        else if (!fs_exists(path))
            ok = fs_write(path, buf_str(&bytes), 0600, err);
    } else if (!fs_exists(path)) {
        ok = err_set(err, ERR_INVALID, "what is in %s '%.100s' was not sent",
            file->is_secret ? "secret" : "config", file->source);
    }
    free(path);
    buf_fini(&bytes);
    return ok;
}

bool contents_store(
    const struct project *p, const char *json, const char *objects_dir, struct err *err)
{
    json_t *given = json != NULL ? json_loads(json, JSON_REJECT_DUPLICATES, NULL) : NULL;
    bool ok = true;

    for (size_t i = 0; i < p->service_count && ok; i++)
        for (size_t k = 0; k < p->services[i].file_count && ok; k++)
            ok = store_one(&p->services[i].files[k], given, objects_dir, err);
    json_decref(given);
    return ok;
}

bool contents_read(
    const char *objects_dir, const struct hash *hash, struct buf *out, struct err *err)
{
    char key[HASH_TEXT_BYTES];
    size_t before = out->len;

    hash_format(hash, key);
    char *path = mem_format("%s/%s", objects_dir, key);
    bool ok = fs_read(path, out, err);
    free(path);
    TRY(ok);
    struct hash is = hash_of(out->at + before, out->len - before);
    return hash_eq(&is, hash) || err_set(err, ERR_CORRUPT, "%s/%s was changed", objects_dir, key);
}
