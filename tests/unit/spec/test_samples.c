/* Compose files of others, below $TEND_CORPUS: each is loaded, or refused for what it really says.
 */
#include "world.h"

#include <glob.h>

static const struct {
    const char *file;
    int errors; /* 0: it loads */
    unsigned line;
    const char *context; /* the folder that the first error misses: only the files are here */
} verdicts[] = {
    {"angular__compose.yaml",                       1, 4,  "angular"      },
    {"apache-php__compose.yaml",                    1, 4,  "app"          },
    {"aspnet-mssql__compose.yaml",                  1, 3,  "app/aspnetapp"},
    {"django__compose.yaml",                        1, 4,  "app"          },
    {"elasticsearch-logstash-kibana__compose.yaml", 0, 0,  NULL           },
    {"fastapi__compose.yaml",                       0, 0,  NULL           },
    {"flask-redis__compose.yaml",                   0, 0,  NULL           },
    {"gitea-postgres__compose.yaml",                0, 0,  NULL           },
    {"minecraft__compose.yaml",                     0, 0,  NULL           },
    {"nextcloud-postgres__compose.yaml",            0, 0,  NULL           },
    {"nextcloud-redis-mariadb__compose.yaml",       0, 0,  NULL           },
    {"nginx-flask-mysql__compose.yaml",             2, 29, "backend"      },
    {"nginx-golang-mysql__compose.yaml",            1, 4,  "backend"      },
    {"nginx-golang-postgres__compose.yaml",         1, 4,  "backend"      },
    {"nginx-nodejs-redis__compose.yaml",            3, 9,  "web"          },
    {"nginx-wsgi-flask__compose.yaml",              2, 3,  "nginx"        },
    {"pihole-cloudflared-DoH__compose.yaml",        0, 0,  NULL           },
    {"plex__compose.yaml",                          0, 0,  NULL           },
    {"portainer__compose.yaml",                     0, 0,  NULL           },
    {"prometheus-grafana__compose.yaml",            0, 0,  NULL           },
    {"react-express-mongodb__compose.yaml",         2, 4,  "frontend"     },
    {"react-express-mysql__compose.yaml",           2, 6,  "backend"      },
    {"react-java-mysql__compose.yaml",              2, 3,  "backend"      },
    {"react-rust-postgres__compose.yaml",           2, 5,  "frontend"     },
    {"sparkjava-mysql__compose.yaml",               1, 3,  "backend"      },
    {"sparkjava__compose.yaml",                     1, 3,  "sparkjava"    },
    {"spring-postgres__compose.yaml",               1, 3,  "backend"      },
    {"traefik-golang__compose.yaml",                1, 14, "backend"      },
    {"wasmedge-mysql-nginx__compose.yml",           1, 13, "backend"      },
    {"wireguard__compose.yaml",                     0, 0,  NULL           },
    {"wordpress-mysql__compose.yaml",               0, 0,  NULL           },
};

static const struct diagnostic *first_error(struct world *w)
{
    const struct diagnostic *d;

    for (size_t i = 0; (d = diagnostics_at(w->diagnostics, i)) != NULL; i++)
        if (d->severity == SEVERITY_ERROR)
            return d;
    return NULL;
}

static void check_only_missing(struct world *w, const char *file)
{
    const struct diagnostic *d;

    for (size_t i = 0; (d = diagnostics_at(w->diagnostics, i)) != NULL; i++)
        CHECK_SAYING(d->severity != SEVERITY_ERROR || strcmp(d->code, "missing-file") == 0,
            "%s: %s", file, told(w));
}

static void check_verdict(const char *corpus, size_t i)
{
    struct world *w = world_create();
    char path[512], reason[1024];
    const char *files[] = {path};

    (void)snprintf(path, sizeof path, "%s/samples/compose/%s", corpus, verdicts[i].file);
    w->options.files = files;
    w->options.file_count = 1;
    w->options.project_name = "sample";
    (void)load(w);
    CHECK_SAYING((int)diagnostics_count(w->diagnostics, SEVERITY_ERROR) == verdicts[i].errors, "%s",
        told(w));
    check_only_missing(w, verdicts[i].file);
    if (verdicts[i].errors == 0) {
        check_same_from_document(w->project);
    } else {
        (void)snprintf(reason, sizeof reason,
            "build context '%s/samples/compose/%s': No such file or directory", corpus,
            verdicts[i].context);
        CHECK_TEXT(first_error(w)->message, reason);
        CHECK_INT(first_error(w)->where.line, verdicts[i].line);
    }
    world_destroy(&w);
}

CASE(compose_files_of_others_load_or_are_refused_for_what_they_say)
{
    const char *corpus = getenv("TEND_CORPUS");
    size_t count = sizeof verdicts / sizeof verdicts[0];
    char pattern[512];
    glob_t found;

    if (corpus == NULL)
        SKIP("TEND_CORPUS is not set");
    for (size_t i = 0; i < count; i++)
        check_verdict(corpus, i);
    (void)snprintf(pattern, sizeof pattern, "%s/samples/compose/*.y*ml", corpus);
    CHECK_INT(glob(pattern, 0, NULL, &found), 0);
    CHECK_INT(found.gl_pathc, count); /* every file has its row */
    globfree(&found);
}

TEST_MAIN()
