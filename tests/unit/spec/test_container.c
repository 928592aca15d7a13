/* What a container is declared with: each form lands where it belongs, and comes back the same from
 * the canonical document (load_service compares). */
#include "world.h"

#include "spec/fields.h"

static const struct container *load_container(struct world *w, const char *lines)
{
    const struct container *c = load_service(w, lines)->container;

    CHECK(c != NULL);
    return c;
}

static const struct port_mapping *port(const struct container *c, size_t i)
{
    CHECK(i < c->ports.count);
    return FIELD_AT(c->ports, struct port_mapping, i);
}

static const struct mount *mount(const struct container *c, size_t i)
{
    CHECK(i < c->mounts.count);
    return FIELD_AT(c->mounts, struct mount, i);
}

CASE(a_service_with_an_image_is_a_container_and_keeps_the_images_command)
{
    struct world *w = world_create();
    const struct service *s = load_service(w, "    image: ghcr.io/a/b:1\n    user: www\n");

    CHECK(s->container != NULL && s->argv == NULL);
    CHECK_TEXT(s->container->image, "ghcr.io/a/b:1");
    CHECK_TEXT(s->user, "www");
    CHECK(s->container->command == NULL && s->container->entrypoint == NULL);
    CHECK(s->healthcheck.kind == PROBE_NONE);
    s = load_service(w, "    command: sleep 1\n");
    CHECK(s->container == NULL);
    world_destroy(&w);
}

CASE(an_empty_entrypoint_is_not_the_same_as_none)
{
    struct world *w = world_create();
    const struct container *c =
        load_container(w, "    image: a\n    entrypoint: []\n    command: x 'y z'\n");

    CHECK(c->entrypoint != NULL && c->entrypoint[0] == NULL);
    CHECK_TEXT(c->command[1], "y z");
    world_destroy(&w);
}

CASE(ports_are_expanded_and_keep_what_they_say)
{
    struct world *w = world_create();
    const struct container *c = load_container(w,
        "    image: a\n    ports: [80, '8080:81', '127.0.0.1::82', '[::1]:83:84/udp', "
        "'90-91:92-93', '100-110:99', {target: 5, published: 6, mode: host}]\n");

    CHECK_INT(c->ports.count, 8);
    CHECK(port(c, 0)->target == 80 && port(c, 0)->published == NULL);
    CHECK_TEXT(port(c, 1)->published, "8080");
    CHECK(port(c, 2)->target == 82 && port(c, 2)->published == NULL);
    CHECK_TEXT(port(c, 2)->host_ip, "127.0.0.1");
    CHECK_TEXT(port(c, 3)->host_ip, "::1");
    CHECK_TEXT(port(c, 3)->protocol, "udp");
    CHECK(port(c, 5)->target == 93);
    CHECK_TEXT(port(c, 5)->published, "91");
    CHECK_TEXT(port(c, 6)->published, "100-110");
    CHECK_TEXT(port(c, 7)->mode, "host");
    world_destroy(&w);
}

CASE(volumes_are_folders_names_or_nothing_by_how_they_begin)
{
    struct world *w = world_create();
    char path[200];
    const struct container *c = load_container(w,
        "    image: a\n    volumes: ['./x:/y:ro,rslave', 'data:/d:nocopy', '/anon', '/e:/f', "
        "{type: tmpfs, target: /t, tmpfs: {size: 1m, mode: 0700}}]\n"
        "volumes: {data: {external: {name: other}}}\n");

    (void)snprintf(path, sizeof path, "%s/x", w->dir);
    CHECK_INT(c->mounts.count, 5);
    CHECK_TEXT(mount(c, 0)->source, path);
    CHECK(mount(c, 0)->read_only && mount(c, 0)->create_host_path);
    CHECK_TEXT(mount(c, 0)->propagation, "rslave");
    CHECK(mount(c, 1)->type == MOUNT_VOLUME && mount(c, 1)->nocopy);
    CHECK(mount(c, 2)->type == MOUNT_VOLUME && mount(c, 2)->source == NULL);
    CHECK(mount(c, 3)->type == MOUNT_BIND);
    CHECK(mount(c, 4)->tmpfs_mode == 0700 && mount(c, 4)->tmpfs_bytes == 1 << 20);
    const struct volume_source *v = FIELD_AT(w->project->shared.volumes, struct volume_source, 0);
    CHECK(v->external);
    CHECK_TEXT(v->real_name, "other");
    world_destroy(&w);
}

CASE(networks_are_a_list_or_a_map)
{
    struct world *w = world_create();
    const struct container *c = load_container(w,
        "    image: a\n    networks: {back: {aliases: [x], ipv4_address: 10.0.0.2}, default: }\n"
        "networks: {back: {internal: true, ipam: {config: [{subnet: 10.0.0.0/24}]}}}\n");
    const struct network_attachment *n = FIELD_AT(c->networks, struct network_attachment, 0);

    CHECK_TEXT(n->name, "back");
    CHECK_TEXT(n->aliases[0], "x");
    CHECK_TEXT(n->ipv4_address, "10.0.0.2");
    const struct network *net = FIELD_AT(w->project->shared.networks, struct network, 0);
    CHECK(net->internal && net->pools.count == 1);
    c = load_container(w, "    image: a\n    networks: [back]\nnetworks: {back: }\n");
    CHECK_TEXT(FIELD_AT(c->networks, struct network_attachment, 0)->name, "back");
    world_destroy(&w);
}

CASE(what_is_granted_and_allowed_is_kept)
{
    struct world *w = world_create();
    const struct container *c =
        load_container(w, "    image: a\n    secrets: [s, {source: s, target: /t, mode: 0440}]\n"
                          "    cap_add: [NET_ADMIN]\n    sysctls: {net.core.somaxconn: 1024}\n"
                          "    devices: ['/dev/null:/dev/zero:r']\n    gpus: all\n    extra_hosts: "
                          "['h=host-gateway']\n"
                          "    cpu_rt_runtime: 400ms\n    memswap_limit: -1\n    shm_size: 1g\n"
                          "    pull_policy: if_not_present\nsecrets: {s: {file: ./s}}\n");

    CHECK(FIELD_AT(c->secrets, struct file_grant, 1)->mode == 0440);
    CHECK_TEXT(c->sysctls[1], "1024");
    CHECK_TEXT(FIELD_AT(c->devices, struct device_mapping, 0)->permissions, "r");
    CHECK_INT(FIELD_AT(c->gpus, struct device_request, 0)->count, -1);
    CHECK_TEXT(c->extra_hosts[0], "h:host-gateway");
    CHECK_INT(c->cpu_rt_runtime_us, 400000);
    CHECK_INT(c->memswap_limit, -1);
    CHECK_TEXT(c->pull_policy, "missing");
    world_destroy(&w);
}

CASE(a_build_has_its_arguments_and_an_absolute_context)
{
    struct world *w = world_create();
    const struct build *b = load_container(
        w, "    build: {context: ., args: [A=1, GREETING, NOBODY], target: t, tags: [x]}\n")
                                ->build;

    CHECK_TEXT(b->context, w->dir);
    CHECK_TEXT(b->args[0], "A");
    CHECK_TEXT(b->args[3], "hello");
    CHECK(b->args[4] == NULL);
    CHECK_TEXT(b->tags[0], "x");
    b = load_container(w, "    build: https://example.com/x.git#main\n")->build;
    CHECK_TEXT(b->context, "https://example.com/x.git#main");
    world_destroy(&w);
}

TEST_MAIN()
