/* CRI log files: no byte of a text is lost or invented by parsing and joining, whatever is read. */
#include "base/must.h"
#include "observe/logs/cri.h"

#include <string.h>

static size_t texts_of(struct str rest)
{
    struct cri_clock clock = {0};
    struct cri_join join = {0};
    struct log_line line = {0};
    size_t in = 0, out = 0;

    while (rest.len > 0) {
        struct str bytes = str_cut(&rest, '\n');
        struct cri_record r = cri_parse(bytes, &clock);
        struct cri_clock fresh = {0};
        struct cri_record again = cri_parse(bytes, &fresh);
        must(again.malformed == r.malformed && again.at_ns == r.at_ns &&
             again.partial == r.partial && again.text.len == r.text.len);
        must(r.text.len == 0 ||
             (r.text.at >= bytes.at && r.text.at + r.text.len <= bytes.at + bytes.len));
        in += r.text.len;
        if (cri_join_feed(&join, &r, &line))
            out += line.text.len;
    }
    while (cri_join_flush(&join, &line))
        out += line.text.len;
    cri_join_fini(&join);
    must(in == out);
    return in;
}

int LLVMFuzzerTestOneInput(const unsigned char *bytes, size_t len);

int LLVMFuzzerTestOneInput(const unsigned char *bytes, size_t len)
{
    must(texts_of((struct str){(const char *)bytes, len}) <= len);
    return 0;
}
