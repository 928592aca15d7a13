/* Compose files of others, below $TEND_CORPUS: each is loaded, or refused for what it really says.
 */
#include "world.h"

#include <glob.h>

static const struct {
    const char *file;
    int errors; /* 0: it loads */
    unsigned line;
    const char *reason; /* of the first error, behind "not supported: " */
} verdicts[] = {
    {"angular__compose.yaml",                       1, 3, "service 'web' is a container ('build')"        },
    {"apache-php__compose.yaml",                    1, 3, "service 'web' is a container ('build')"        },
    {"aspnet-mssql__compose.yaml",                  2, 3, "service 'web' is a container ('build')"        },
    {"django__compose.yaml",                        1, 3, "service 'web' is a container ('build')"        },
    {"elasticsearch-logstash-kibana__compose.yaml", 3, 3,
     "service 'elasticsearch' is a container ('image')"                                                   },
    {"fastapi__compose.yaml",                       1, 3, "service 'api' is a container ('build')"        },
    {"flask-redis__compose.yaml",                   2, 3, "service 'redis' is a container ('image')"      },
    {"gitea-postgres__compose.yaml",                2, 3, "service 'gitea' is a container ('image')"      },
    {"minecraft__compose.yaml",                     1, 3, "service 'minecraft' is a container ('image')"  },
    {"nextcloud-postgres__compose.yaml",            2, 3, "service 'nc' is a container ('image')"         },
    {"nextcloud-redis-mariadb__compose.yaml",       3, 3, "service 'nc' is a container ('image')"         },
    {"nginx-flask-mysql__compose.yaml",             3, 4, "service 'db' is a container ('image')"         },
    {"nginx-golang-mysql__compose.yaml",            3, 3, "service 'backend' is a container ('build')"    },
    {"nginx-golang-postgres__compose.yaml",         3, 3, "service 'backend' is a container ('build')"    },
    {"nginx-nodejs-redis__compose.yaml",            4, 4, "service 'redis' is a container ('image')"      },
    {"nginx-wsgi-flask__compose.yaml",              2, 3, "service 'nginx-proxy' is a container ('build')"},
    {"pihole-cloudflared-DoH__compose.yaml",        2, 4,
     "service 'cloudflared' is a container ('image')"                                                     },
    {"plex__compose.yaml",                          1, 3, "service 'plex' is a container ('image')"       },
    {"portainer__compose.yaml",                     1, 3, "service 'portainer' is a container ('image')"  },
    {"prometheus-grafana__compose.yaml",            2, 3, "service 'prometheus' is a container ('image')" },
    {"react-express-mongodb__compose.yaml",         3, 3, "service 'frontend' is a container ('build')"   },
    {"react-express-mysql__compose.yaml",           3, 3, "service 'backend' is a container ('build')"    },
    {"react-java-mysql__compose.yaml",              3, 3, "service 'backend' is a container ('build')"    },
    {"react-rust-postgres__compose.yaml",           3, 4, "service 'frontend' is a container ('build')"   },
    {"sparkjava-mysql__compose.yaml",               2, 3, "service 'backend' is a container ('build')"    },
    {"sparkjava__compose.yaml",                     1, 3, "service 'sparkjava' is a container ('build')"  },
    {"spring-postgres__compose.yaml",               2, 3, "service 'backend' is a container ('build')"    },
    {"traefik-golang__compose.yaml",                2, 3, "service 'frontend' is a container ('image')"   },
    {"wasmedge-mysql-nginx__compose.yml",           3, 3, "service 'frontend' is a container ('image')"   },
    {"wireguard__compose.yaml",                     1, 4, "service 'wireguard' is a container ('image')"  },
    {"wordpress-mysql__compose.yaml",               2, 4, "service 'db' is a container ('image')"         },
};

static const struct diagnostic *first_error(struct world *w)
{
    const struct diagnostic *d;

    for (size_t i = 0; (d = diagnostics_at(w->diagnostics, i)) != NULL; i++)
        if (d->severity == SEVERITY_ERROR)
            return d;
    return NULL;
}

static void check_only_unsupported(struct world *w, const char *file)
{
    const struct diagnostic *d;

    for (size_t i = 0; (d = diagnostics_at(w->diagnostics, i)) != NULL; i++)
        CHECK_SAYING(d->severity != SEVERITY_ERROR || strcmp(d->code, "not-supported") == 0,
            "%s: %s", file, told(w));
}

static void check_verdict(const char *corpus, size_t i)
{
    struct world *w = world_create();
    char path[512], reason[300];
    const char *files[] = {path};

    (void)snprintf(path, sizeof path, "%s/samples/compose/%s", corpus, verdicts[i].file);
    w->options.files = files;
    w->options.file_count = 1;
    w->options.project_name = "sample";
    (void)load(w);
    CHECK_SAYING((int)diagnostics_count(w->diagnostics, SEVERITY_ERROR) == verdicts[i].errors, "%s",
        told(w));
    check_only_unsupported(w, verdicts[i].file);
    if (verdicts[i].errors == 0) {
        check_same_from_document(w->project);
    } else {
        (void)snprintf(reason, sizeof reason, "not supported: %s", verdicts[i].reason);
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
