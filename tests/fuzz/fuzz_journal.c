/* A segment file of any content: opening, verifying, reading and appending must not crash nor loop,
 * and appending to a journal that verifies leaves one that does.
 * The first byte: 1 = checksums are made right first, so that what lies behind them is reached. */
#include "base/crc32c.h"
#include "base/fs.h"
#include "base/must.h"
#include "record/journal.h"
#include "record/segment.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char dir[64], path[96];

static void make_directory(void)
{
    if (dir[0] != '\0')
        return;
    (void)snprintf(dir, sizeof dir, "/dev/shm/tend-fuzz-XXXXXX");
    must(mkdtemp(dir) != NULL);
    (void)snprintf(path, sizeof path, "%s/00000001.seg", dir);
}

static void put_crc(unsigned char *at, const unsigned char *from, size_t len)
{
    uint32_t crc = crc32c(from, len);

    memcpy(at, &crc, sizeof crc);
}

static void fix_checksums(unsigned char *bytes, size_t len)
{
    if (len < SEGMENT_HEADER_BYTES)
        return;
    put_crc(bytes + 124, bytes, 124);
    for (size_t at = SEGMENT_HEADER_BYTES; at + RECORD_HEADER_BYTES <= len;) {
        size_t record = record_bytes(bytes + at);
        if (record < RECORD_HEADER_BYTES || record % 8 != 0 || record > len - at)
            return;
        put_crc(bytes + at + 4, bytes + at + 8, record - 8);
        at += record;
    }
}

static void check_event(const struct event *e)
{
    must(strlen(e->type) < 256 && strlen(e->actor) < 256 && strlen(e->subject) < 256);
    must(e->cause_count <= EVENT_CAUSES_MAX);
    volatile char last = 0;
    for (size_t i = 0; i < e->evidence.len; i++)
        last = e->evidence.at[i]; /* all of it may be read */
    (void)last;
}

static void read_all(struct journal *j)
{
    struct journal_reader *r = journal_reader_create(j, 0);
    struct event e;
    uint64_t before = 0;
    int broken = 0;

    for (;;) {
        enum journal_next got = journal_reader_next(r, &e, NULL);
        if (got == JOURNAL_END || got == JOURNAL_FAILED)
            break;
        if (got == JOURNAL_BROKEN) {
            must(++broken < 100000);
            continue;
        }
        must(e.seq > before);
        before = e.seq;
        check_event(&e);
    }
    for (int i = 0; i < 3; i++)
        if (journal_reader_back(r, &e, NULL) == JOURNAL_EVENT)
            check_event(&e);
    journal_reader_destroy(&r);
}

static void append_and_verify(bool was_ok)
{
    struct journal *j;
    struct journal_verdict v;

    if (!journal_open(&j, dir, NULL, NULL, NULL))
        return;
    read_all(j);
    must(journal_append(j, &(struct event){.type = "daemon.started", .actor = "tend"}) > 0);
    must(journal_flush(j, INT64_MAX / 4, NULL));
    read_all(j);
    journal_close(&j);
    must(journal_verify(dir, NULL, NULL, &v, NULL));
    must(v.ok || !was_ok);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct journal_verdict v;

    if (size < 1)
        return 0;
    make_directory();
    unsigned char *bytes = malloc(size);
    memcpy(bytes, data + 1, size - 1);
    if (data[0] & 1)
        fix_checksums(bytes, size - 1);
    must(fs_write_volatile(path, (struct str){(char *)bytes, size - 1}, 0600, NULL));
    free(bytes);
    must(journal_verify(dir, NULL, NULL, &v, NULL) || v.events == 0);
    append_and_verify(v.ok);
    must(fs_remove_tree(dir, NULL) && fs_make_dirs(dir, 0700, NULL));
    return 0;
}
