#include "drive/process/ports.h"

#include "base/fs.h"
#include "base/mem.h"

#include "test.h"

#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

struct place {
    char dir[64];
};

static struct place make_place(void)
{
    struct place place = {"/tmp/tend-ports-XXXXXX"};

    CHECK(mkdtemp(place.dir) != NULL);
    return place;
}

static int listen_on(int *out_port)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof a;
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    CHECK(bind(fd, (struct sockaddr *)&a, sizeof a) == 0 && listen(fd, 1) == 0);
    CHECK(getsockname(fd, (struct sockaddr *)&a, &length) == 0);
    *out_port = ntohs(a.sin_port);
    return fd;
}

CASE(two_daemons_never_get_the_same_port)
{
    struct place place = make_place();
    struct ports *a, *b;
    struct err err = ERR_INIT;
    int first, second, same;

    CHECK_OK(ports_create(&a, place.dir, &err), &err);
    CHECK_OK(ports_create(&b, place.dir, &err), &err);
    CHECK_OK(port_allocate(a, &first, &err), &err);
    CHECK(first >= PORTS_FIRST && first <= PORTS_LAST);
    CHECK(!port_claim(b, first, false, &err));
    CHECK_INT(err.kind, ERR_CONFLICT);
    CHECK(strstr(err.text, "another tend daemon (pid ") != NULL);
    CHECK_OK(port_allocate(a, &second, &err), &err);
    CHECK(second != first);
    port_release(a, first);
    CHECK_OK(port_claim(b, first, false, &err), &err);
    CHECK(!port_claim(b, first, false, &err)); /* given already */
    ports_destroy(&a);
    ports_destroy(&b);
    CHECK_OK(ports_create(&a, place.dir, &err), &err); /* the locks went with their holders */
    CHECK_OK(port_claim(a, first, false, &err), &err);
    CHECK_OK(port_allocate(a, &same, &err), &err);
    CHECK(same != first);
    ports_destroy(&a);
    CHECK(fs_remove_tree(place.dir, NULL));
}

CASE(a_taken_port_names_its_holder)
{
    struct place place = make_place();
    struct ports *p;
    struct err err = ERR_INIT;
    int port, fd = listen_on(&port);
    char expected[64];

    CHECK_OK(ports_create(&p, place.dir, &err), &err);
    CHECK(!port_claim(p, port, false, &err));
    CHECK_INT(err.kind, ERR_CONFLICT);
    (void)snprintf(expected, sizeof expected, "taken by pid %d (test_drive_port", (int)getpid());
    CHECK_SAYING(strstr(err.text, expected) != NULL, "%s", err.text);
    CHECK_OK(port_claim(p, port, true, &err), &err); /* adopted: it is expected to listen */
    ports_destroy(&p);
    (void)close(fd);
    CHECK(fs_remove_tree(place.dir, NULL));
}

CASE(nobody_holds_a_free_port_and_nonsense_is_refused)
{
    struct place place = make_place();
    struct ports *p;
    struct err err = ERR_INIT;
    char holder[PORT_HOLDER_BYTES];
    int port, fd = listen_on(&port);

    (void)close(fd);
    port_holder(port, holder);
    CHECK_TEXT(holder, "");
    CHECK_OK(ports_create(&p, place.dir, &err), &err);
    CHECK(!port_claim(p, 0, false, &err) && err.kind == ERR_INVALID);
    CHECK(!port_claim(p, 65536, false, &err) && err.kind == ERR_INVALID);
    port_release(p, 70000);
    ports_destroy(&p);
    CHECK(fs_remove_tree(place.dir, NULL));
}

CASE(a_directory_that_others_may_write_is_refused)
{
    struct ports *p;
    struct err err = ERR_INIT;

    CHECK(!ports_create(&p, "/tmp", &err));
    CHECK_INT(err.kind, ERR_DENIED);
    CHECK(p == NULL);
}

TEST_MAIN()
