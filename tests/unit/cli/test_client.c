#include "cli/client.h"
#include "cli/project_name.h"
#include "cli/transport.h"

#include "test.h"

CASE(a_host_cannot_be_an_option_of_ssh)
{
    CHECK(transport_host_valid(STR("db1")));
    CHECK(transport_host_valid(STR("me@db1.example.org")));
    CHECK(transport_host_valid(STR("me@[fe80::1%eth0]")));
    CHECK(!transport_host_valid(STR("-oProxyCommand=x")));
    CHECK(!transport_host_valid(STR("me@-oProxyCommand=x")));
    CHECK(!transport_host_valid(STR("a b")));
    CHECK(!transport_host_valid(STR("a;b")));
    CHECK(!transport_host_valid(STR("")));
    CHECK(!transport_host_valid(STR("@x")));
}

CASE(a_name_is_found_without_reading_yaml)
{
    struct str name;

    CHECK(project_name_scan(STR("# x\nname: shop\nservices:\n  name: no\n"), &name));
    CHECK_STR(name, "shop");
    CHECK(project_name_scan(STR("name: \"my-shop\"   # mine\n"), &name));
    CHECK_STR(name, "my-shop");
    CHECK(!project_name_scan(STR("services:\n  name: no\n"), &name));
    CHECK(!project_name_scan(STR("name: ${NAME}\n"), &name));
}

CASE(names_in_an_address_are_encoded)
{
    struct buf url = BUF_INIT(256);

    client_add_encoded(&url, "web/1&x=ü ");
    CHECK_TEXT(url.at, "web/1%26x%3D%C3%BC%20");
    buf_fini(&url);
}

CASE(each_kind_of_failure_has_its_exit_code)
{
    CHECK_INT(cli_exit_code(ERR_UNREACHABLE), 7);
    CHECK_INT(cli_exit_code(ERR_DENIED), 3);
    CHECK_INT(cli_exit_code(ERR_CONFLICT), 5);
    CHECK_INT(cli_exit_code(ERR_CANCELLED), 130);
    CHECK_INT(cli_exit_code(ERR_IO), 1);
}

TEST_MAIN()
