#include "serve/accept.h"

#include "test.h"

static const char *const metrics[] = {"text/plain", "application/openmetrics-text"};
static const char *const streams[] = {"application/x-ndjson", "text/event-stream"};

static int best(const char *header, const char *const *offers)
{
    return (int)accept_best(str_from(header), offers, 2);
}

CASE(prometheus_gets_openmetrics)
{
    CHECK_INT(best("application/openmetrics-text;version=1.0.0,application/openmetrics-text;"
                   "version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
                  metrics),
        1);
}

CASE(without_a_header_or_with_stars_the_first_offer_wins)
{
    CHECK_INT(accept_best((struct str){0}, metrics, 2), 0);
    CHECK_INT(best("*/*", metrics), 0);
    CHECK_INT(best("text/html,application/xhtml+xml,*/*;q=0.8", metrics), 0);
}

CASE(the_greater_weight_wins_and_the_more_exact_range_gives_it)
{
    CHECK_INT(best("text/plain;q=0.3, application/openmetrics-text; q=0.4", metrics), 1);
    CHECK_INT(best("text/*, application/openmetrics-text;q=0.9", metrics), 0);
    CHECK_INT(best("text/plain;q=0, */*", metrics), 1);
    CHECK_INT(best("TEXT/Event-Stream", streams), 1);
    CHECK_INT(best("text/event-stream, */*;q=0.1", streams), 1);
}

CASE(nonsense_falls_back_to_the_first)
{
    static const char *const bad[] = {"", ",", ";;;", "/", "image/png", "text/event-stream;q=2",
        "text/event-stream;q=0.9.9", "text/event-stream;q=", "text/event-stream;q=-1"};

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        CHECK_SAYING(best(bad[i], streams) == 0, "%s", bad[i]);
}

TEST_MAIN()
