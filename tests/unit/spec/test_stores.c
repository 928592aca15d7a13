/* volumes, tmpfs, configs and secrets. */
#include "world.h"

#include "spec/contents.h"

#include <stdlib.h>

#define TOP "name: t\nservices:\n  s:\n    command: x\n"

static const struct project *load_text(struct world *w, const char *text)
{
    project_unref(&w->project);
    put_file(w, "tend.yaml", text);
    return load(w);
}

static const struct service *load_one(struct world *w, const char *rest)
{
    char text[1500];

    (void)snprintf(text, sizeof text, TOP "%s", rest);
    const struct project *p = load_text(w, text);
    CHECK_SAYING(p != NULL, "%s", told(w));
    return &p->services[0];
}

static void check_refused(const char *rest, const char *text)
{
    struct world *w = world_create();
    char file[1500];

    (void)snprintf(file, sizeof file, TOP "%s\n", rest);
    CHECK(load_text(w, file) == NULL);
    CHECK_SAYING(strstr(told(w), text) != NULL, "%s", told(w));
    world_destroy(&w);
}

/* The same again from its document, in place of it. */
static const struct project *reload(struct world *w)
{
    const struct project *before = w->project;
    const struct project *again =
        spec_load_document(before->document, (struct str){0}, w->diagnostics);

    CHECK_SAYING(again != NULL, "%s", told(w));
    CHECK(hash_eq(&again->digest, &before->digest));
    CHECK(hash_eq(&again->services[0].revision, &before->services[0].revision));
    project_unref(&before);
    w->project = again;
    return again;
}

CASE(short_and_long_forms_of_volumes_say_the_same)
{
    struct world *w = world_create();
    const struct service *s = load_one(w,
        "    volumes:\n    - /srv/own\n    - data:/srv/data:ro\n    - ./conf:/srv/conf\n"
        "    - {type: bind, source: ../up, target: /srv/./up/, bind: {create_host_path: false}}\n"
        "    - {type: tmpfs, target: /srv/tmp, tmpfs: {size: 1m, mode: 0700}}\n"
        "    - {type: volume, source: data, target: /srv/sub, volume: {subpath: a/b}}\n"
        "    tmpfs: /srv/t2:size=64k,uid=3,exec,mode=755\n"
        "    read_only: true\n    shm_size: 64m\nvolumes: {data: }\n");

    CHECK_INT(s->mount_count, 7);
    CHECK_TEXT(s->mounts[0].target, "/srv/conf");
    CHECK(strstr(s->mounts[0].source, "/conf") != NULL && s->mounts[0].source[0] == '/');
    CHECK_INT(s->mounts[0].kind, MOUNT_BIND);
    CHECK_INT(s->mounts[1].kind, MOUNT_VOLUME);
    CHECK_TEXT(s->mounts[1].source, "data");
    CHECK(s->mounts[1].read_only);
    CHECK_TEXT(s->mounts[2].target, "/srv/own");
    CHECK(s->mounts[2].source == NULL);
    CHECK_TEXT(s->mounts[3].subpath, "a/b");
    CHECK_INT(s->mounts[4].size_bytes, 64 << 10);
    CHECK_INT(s->mounts[4].uid, 3);
    CHECK_INT(s->mounts[4].mode, 0755);
    CHECK_INT(s->mounts[4].options, MOUNT_EXEC);
    CHECK_INT(s->mounts[5].size_bytes, 1 << 20);
    CHECK_INT(s->mounts[5].mode, 0700);
    CHECK_TEXT(s->mounts[6].target, "/srv/up");
    CHECK(!s->mounts[6].create);
    CHECK(s->read_only);
    CHECK_INT(s->shm_bytes, 64 << 20);
    world_destroy(&w);
}

CASE(volumes_come_back_from_a_document)
{
    struct world *w = world_create();

    (void)load_one(w,
        "    volumes: [/srv/own, 'data:/srv/data:ro', {type: bind, source: ., target: "
        "/up, bind: {create_host_path: false}}]\n    tmpfs: ['/t:size=64k,uid=3,gid=4,"
        "exec,suid,dev,ro,mode=755']\nvolumes: {data: , old: {external: true}}\n");
    const struct project *p = reload(w);
    CHECK_INT(p->shared.volumes.count, 2);
    CHECK_INT(p->services[0].mounts[2].gid, 4);
    CHECK_INT(p->services[0].mounts[2].options, MOUNT_EXEC | MOUNT_SUID | MOUNT_DEV);
    CHECK(p->services[0].mounts[2].read_only);
    world_destroy(&w);
}

CASE(what_cannot_be_a_volume_is_told)
{
    check_refused("    volumes: [data:/b]", "there is no volume 'data'");
    check_refused("    volumes: [data:b]\nvolumes: {data: }", "absolute path, not 'b'");
    check_refused("    volumes: ['./a:/proc']", "over /, /dev, /proc or /sys");
    check_refused(
        "    volumes: ['./a:/b', 'c:/b']\nvolumes: {c: }", "two volumes are to be seen at '/b'");
    check_refused("    volumes: ['./a:/b']\n    tmpfs: /b/", "two volumes are to be seen at '/b'");
    check_refused("    volumes: ['./a:/b:rx']", "access is ro or rw, not 'rx'");
    check_refused("    volumes: ['./a:/b:rshared']", "'rprivate'");
    check_refused("    volumes: [{type: npipe, source: a, target: /b}]", "only the types bind");
    check_refused(
        "    volumes: [{type: bin, source: a, target: /b}]", "is bind, volume or tmpfs, not 'bin'");
    check_refused("    volumes: [{type: bind, target: /b}]", "needs a source");
    check_refused("    volumes: [{type: volume, source: a/b, target: /b}]", "a volume's name");
    check_refused("    volumes: [{type: volume, source: a, target: /b, volume: {subpath: ../x}}]\n"
                  "volumes: {a: }",
        "stays in it");
    check_refused("    volumes: [[x]]", "texts and maps in its list");
    check_refused("    tmpfs: /t:size=lots", "a tmpfs takes size=64m");
    check_refused("    tmpfs: /t:sice=1m", "not 'sice=1m'");
    check_refused("    volumes: [a:/a]\nvolumes: {a: {external: true}}", "is external");
    check_refused("    volumes: [a:/a]\nvolumes: {a: {driver: nfs}}", "has a driver");
    check_refused("volumes: {a: {drivr: local}}", "did you mean 'driver'?");
}

CASE(a_later_files_volume_replaces_the_one_of_its_target)
{
    struct world *w = world_create();
    static const char *const names[] = {"a.yaml", "b.yaml"};

    put_file(w, "a.yaml", TOP "    volumes: ['./a:/x', './b:/y']\n    tmpfs: /t\n");
    put_file(w, "b.yaml",
        "services: {s: {volumes: [{type: bind, source: ./c, target: /x}], tmpfs: "
        "['/t:size=1m']}}\n");
    w->options.files = names;
    w->options.file_count = 2;
    const struct project *p = load(w);
    CHECK_SAYING(p != NULL, "%s", told(w));
    CHECK_INT(p->services[0].mount_count, 3);
    CHECK_INT(p->services[0].mounts[0].size_bytes, 1 << 20);
    CHECK(strstr(p->services[0].mounts[1].source, "/c") != NULL);
    world_destroy(&w);
}

CASE(what_is_in_a_secret_travels_beside_the_document)
{
    struct world *w = world_create();

    put_file(w, "pw.txt", "hunter2");
    const struct service *s = load_one(w,
        "    secrets: [{source: pw, target: db, mode: 0440, uid: 7}]\n    configs: [motd]\n"
        "secrets: {pw: {file: pw.txt}, unused: {file: nowhere}}\nconfigs: {motd: {content: hi}}\n");
    const struct project *p = w->project;
    struct buf shown = BUF_INIT(4096);
    char digest[HASH_TEXT_BYTES];

    CHECK_INT(s->file_count, 2);
    CHECK(!s->files[0].is_secret && s->files[1].is_secret);
    CHECK_TEXT(s->files[1].target, "db");
    CHECK_INT(s->files[1].mode, 0440);
    CHECK_INT(s->files[1].uid, 7);
    CHECK_INT(s->files[0].mode, 0444);
    CHECK_INT(p->content_count, 2);
    CHECK(str_find_text(p->document, STR("hunter2")) < 0);
    hash_format(&s->files[1].content, digest);
    CHECK(str_find_text(p->document, str_from(digest)) > 0);
    spec_write_redacted(p, false, &shown);
    CHECK(strstr(shown.at, digest) == NULL && strstr(shown.at, "***") != NULL);
    buf_fini(&shown);
    CHECK_INT(reload(w)->content_count, 0);
    world_destroy(&w);
}

CASE(other_contents_are_another_revision)
{
    struct world *w = world_create();
    static const char text[] = "    secrets: [pw]\nsecrets: {pw: {file: pw.txt}}\n";

    put_file(w, "pw.txt", "one");
    struct hash one = load_one(w, text)->revision;
    put_file(w, "pw.txt", "two");
    struct hash two = load_one(w, text)->revision;
    put_file(w, "pw.txt", "one");
    struct hash again = load_one(w, text)->revision;
    CHECK(!hash_eq(&one, &two));
    CHECK(hash_eq(&one, &again));
    world_destroy(&w);
}

CASE(what_cannot_be_a_file_is_told)
{
    check_refused("    secrets: [pw]", "there is no secret 'pw'");
    check_refused("    secrets: [pw]\nsecrets: {pw: {file: nowhere}}", "nowhere: No such file");
    check_refused(
        "    secrets: [pw]\nsecrets: {pw: {environment: TEND_NOT_SET}}", "TEND_NOT_SET is not set");
    check_refused("    secrets: [pw]\nsecrets: {pw: {external: true}}", "external secret 'pw'");
    check_refused(
        "    secrets: [pw]\nsecrets: {pw: {external: {name: x}}}", "external secret 'pw'");
    check_refused("    secrets: [pw]\nsecrets: {pw: }", "it says not what is in it");
    check_refused("    configs: [c]\nconfigs: {c: {content: x, file: y}}", "only one of file");
    check_refused("    secrets: [pw]\nsecrets: {pw: {content: x}}", "unknown key 'content'");
    check_refused("    configs: [{source: c, mode: 440}]\nconfigs: {c: {content: x}}",
        "octal digits with a leading 0, such as 0440, not '440'");
    check_refused("    configs: [{source: c, target: a/b}]\nconfigs: {c: {content: x}}",
        "a file's name or an absolute path");
    check_refused(
        "    configs: [{source: c, target: /a/../b}]\nconfigs: {c: {content: x}}", "'..'");
    check_refused(
        "    configs: [c, {source: d, target: c}]\nconfigs: {c: {content: x}, d: {content: y}}",
        "have the target 'c'");
    check_refused("    secrets: pw", "'secrets' takes a list");
    check_refused("    secrets: [{target: x}]", "'source' is missing");
}

CASE(contents_are_kept_and_come_back_as_they_were)
{
    struct world *w = world_create();
    struct buf json = BUF_INIT(4096), bytes = BUF_INIT(4096);
    struct err err = ERR_INIT;

    (void)load_one(
        w, "    configs: [c, e]\nconfigs: {c: {content: 'some text'}, e: {content: ''}}\n");
    contents_write(w->project, &json);
    const struct project *p = reload(w);
    CHECK(!contents_store(p, NULL, w->dir, &err) && err.kind == ERR_INVALID);
    CHECK(strstr(err.text, "'c' was not sent") != NULL);
    CHECK(!contents_store(p, "{\"x\":1}", w->dir, &err));
    CHECK_OK(contents_store(p, json.at, w->dir, &err), &err);
    CHECK_OK(contents_store(p, NULL, w->dir, &err), &err);
    CHECK_OK(contents_read(w->dir, &p->services[0].files[0].content, &bytes, &err), &err);
    CHECK_TEXT(bytes.at, "some text");
    char *other = strstr(json.at, "c29t");
    other[0] = 'd';
    struct world *fresh = world_create();
    CHECK(!contents_store(p, json.at, fresh->dir, &err) && err.kind == ERR_INVALID);
    CHECK(strstr(err.text, "is not what the document says") != NULL);
    world_destroy(&fresh);
    buf_fini(&json);
    buf_fini(&bytes);
    world_destroy(&w);
}

TEST_MAIN()
