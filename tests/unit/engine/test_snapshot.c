#include "engine/snapshot.h"

#include "test.h"

#include <pthread.h>

static const struct snapshot *make(uint64_t head, const struct service_snapshot *service)
{
    struct snapshot *s = snapshot_create();
    const struct service_snapshot **services =
        arena_new_array(s->arena, 1, const struct service_snapshot *);

    services[0] = service_snapshot_ref(service);
    s->services = services;
    s->service_count = 1;
    s->head = head;
    s->project = arena_copy(s->arena, "shop");
    return s;
}

CASE(a_cell_is_empty_before_the_first_publish)
{
    struct snapshot_cell *cell = snapshot_cell_create();

    CHECK(snapshot_cell_acquire(cell) == NULL);
    snapshot_cell_destroy(&cell);
    CHECK(cell == NULL);
}

CASE(a_reader_keeps_what_it_acquired_while_newer_ones_are_published)
{
    struct snapshot_cell *cell = snapshot_cell_create();
    struct service_snapshot *web = service_snapshot_create();
    const struct service_snapshot *mine = web;

    web->name = arena_copy(web->arena, "web");
    snapshot_cell_publish(cell, make(1, web));
    const struct snapshot *old = snapshot_cell_acquire(cell);
    snapshot_cell_publish(cell, make(2, web));
    service_snapshot_unref(&mine);
    const struct snapshot *newest = snapshot_cell_acquire(cell);
    snapshot_cell_destroy(&cell);

    CHECK_INT(old->head, 1);
    CHECK_INT(newest->head, 2);
    CHECK(snapshot_service(old, STR("web")) == snapshot_service(newest, STR("web")));
    CHECK(snapshot_service(old, STR("we")) == NULL);
    CHECK_TEXT(old->services[0]->name, "web");
    snapshot_unref(&old);
    snapshot_unref(&newest);
    CHECK(old == NULL && newest == NULL);
    snapshot_unref(&newest);
}

static void *read_many(void *data)
{
    uint64_t last = 0;
    bool in_order = true;

    for (int i = 0; i < 20000; i++) {
        const struct snapshot *s = snapshot_cell_acquire(data);
        in_order = in_order && s->head >= last;
        last = s->head;
        snapshot_unref(&s);
    }
    return in_order ? data : NULL;
}

CASE(readers_on_other_threads_see_heads_that_never_go_back)
{
    struct snapshot_cell *cell = snapshot_cell_create();
    struct service_snapshot *web = service_snapshot_create();
    const struct service_snapshot *mine = web;
    pthread_t readers[2];
    void *in_order;

    web->name = "web";
    snapshot_cell_publish(cell, make(1, web));
    for (int i = 0; i < 2; i++)
        CHECK_INT(pthread_create(&readers[i], NULL, read_many, cell), 0);
    for (uint64_t head = 2; head < 5000; head++)
        snapshot_cell_publish(cell, make(head, web));
    for (int i = 0; i < 2; i++) {
        CHECK_INT(pthread_join(readers[i], &in_order), 0);
        CHECK(in_order != NULL);
    }
    service_snapshot_unref(&mine);
    snapshot_cell_destroy(&cell);
}

TEST_MAIN()
