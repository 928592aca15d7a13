#include "serve/guard.h"

#include "test.h"

static const char *const names[] = {"tend.example", NULL};
static const struct guard guard = {.host_names = names, .port = 8363, .token = "secret"};
static struct err err;

static enum guard_verdict judge(enum guard_class class, struct guard_request r)
{
    err = (struct err)ERR_INIT;
    return guard_judge(&guard, class, false, &r, &err);
}

CASE(only_our_own_names_with_our_port_are_answered)
{
    static const char *const good[] = {
        "127.0.0.1:8363", "localhost:8363", "LOCALHOST:8363", "[::1]:8363", "tend.example:8363"};
    static const char *const bad[] = {"", "127.0.0.1", "localhost", "127.0.0.1:80",
        "127.0.0.1:8364", "evil.example:8363", "localhost.evil.example:8363", "127.0.0.1:8363:8363",
        "[::1:8363", "[::1]x:8363", ":8363", "127.0.0.1:08363x", "127.0.0.1:99999999999999999999",
        "user@127.0.0.1:8363", "127.0.0.1:8363 ", "tend.example.:8363"};

    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
        CHECK_INT(
            judge(GUARD_READ, (struct guard_request){.host = str_from(good[i])}), GUARD_ALLOWED);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        CHECK_SAYING(
            judge(GUARD_READ, (struct guard_request){.host = str_from(bad[i])}) == GUARD_REFUSED,
            "answered: %s", bad[i]);
    CHECK_INT(judge(GUARD_READ, (struct guard_request){0}), GUARD_REFUSED);
}

CASE(other_sites_pages_are_refused_for_reading_and_changing)
{
    static const char *const origins[] = {"http://evil.example", "null", "",
        "https://localhost:8363", "http://localhost:8364", "http://localhost",
        "http://127.0.0.1:8363"};
    struct guard_request r = {.host = STR("localhost:8363"), .authorization = STR("Bearer secret")};

    for (size_t i = 0; i < sizeof origins / sizeof origins[0]; i++) {
        r.origin = str_from(origins[i]);
        CHECK_SAYING(judge(GUARD_READ, r) == GUARD_REFUSED, "read from %s", origins[i]);
        CHECK_SAYING(judge(GUARD_MUTATE, r) == GUARD_REFUSED, "changed from %s", origins[i]);
        CHECK_INT(judge(GUARD_INGEST, r), GUARD_ALLOWED);
    }
    r.origin = STR("http://LOCALHOST:8363");
    CHECK_INT(judge(GUARD_READ, r), GUARD_ALLOWED);
    CHECK_INT(judge(GUARD_MUTATE, r), GUARD_ALLOWED);
}

CASE(a_fetch_from_another_site_is_refused_and_a_followed_link_is_not)
{
    struct guard_request r = {.host = STR("localhost:8363"),
        .fetch_site = STR("cross-site"),
        .fetch_mode = STR("no-cors")};

    CHECK_INT(judge(GUARD_READ, r), GUARD_REFUSED);
    r.fetch_mode = STR("navigate");
    CHECK_INT(judge(GUARD_READ, r), GUARD_ALLOWED);
    r.fetch_site = STR("same-origin");
    r.fetch_mode = STR("cors");
    CHECK_INT(judge(GUARD_READ, r), GUARD_ALLOWED);
}

CASE(a_change_over_tcp_needs_the_very_token)
{
    static const char *const bad[] = {"Bearer", "Bearer ", "Bearer secre", "Bearer secret2",
        "Bearer Secret", "Basic secret", "secret", "Bearer secret x"};
    struct guard_request r = {.host = STR("localhost:8363")};

    CHECK_INT(judge(GUARD_MUTATE, r), GUARD_NEEDS_TOKEN);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        r.authorization = str_from(bad[i]);
        CHECK_SAYING(judge(GUARD_MUTATE, r) == GUARD_NEEDS_TOKEN, "took: %s", bad[i]);
        CHECK(strstr(err.text, "secre") == NULL);
    }
    r.authorization = STR("bearer  secret");
    CHECK_INT(judge(GUARD_MUTATE, r), GUARD_ALLOWED);
}

CASE(without_a_token_nothing_changes_over_tcp)
{
    struct guard none = {.port = 8363}, empty = {.port = 8363, .token = ""};
    struct guard_request r = {.host = STR("localhost:8363"), .authorization = STR("Bearer ")};

    CHECK_INT(guard_judge(&none, GUARD_MUTATE, false, &r, &err), GUARD_NEEDS_TOKEN);
    CHECK_INT(guard_judge(&empty, GUARD_MUTATE, false, &r, &err), GUARD_NEEDS_TOKEN);
}

CASE(what_is_local_only_is_refused_over_tcp_even_with_the_token)
{
    struct guard_request r = {.host = STR("localhost:8363"), .authorization = STR("Bearer secret")};

    CHECK_INT(guard_judge(&guard, GUARD_MUTATE, true, &r, &err), GUARD_REFUSED);
}

CASE(the_unix_socket_needs_no_token_but_the_right_user)
{
    struct guard_request r = {.local = true, .user_is_allowed = true};

    CHECK_INT(guard_judge(&guard, GUARD_MUTATE, true, &r, &err), GUARD_ALLOWED);
    r.user_is_allowed = false;
    CHECK_INT(guard_judge(&guard, GUARD_READ, false, &r, &err), GUARD_REFUSED);
}

TEST_MAIN()
