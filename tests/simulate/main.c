/* simulate - lives thousands of lives of projects against the shipped engine and looks whether what
 * must hold did. See --help; lives as text: script.h; what is looked at: --list-checks. */
#include "life.h"
#include "plant.h"
#include "shrink.h"

#include "base/must.h"

#include <dirent.h>
#include <getopt.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define DEEDS_DEFAULT 30
#define SHRINK_LIVES  4000
#define TWICE_OF      32 /* one life of so many is lived twice */
#define VIEWS_OF      32 /* and its journal folded by the shipped views */
#define THREADS_MAX   64
#define SCRIPT_MAX    (1u << 20)

struct options {
    uint64_t from, seeds;
    int threads, deeds;
    bool verbose, json, shrink, all_plants, keep_going;
    const struct plant *plant;
};

struct totals {
    uint64_t lives, failed, events, starts, deaths;
    int64_t lived_ns;
    uint64_t seed; /* the lowest that failed */
    struct verdict verdict;
};

struct crew {
    const struct options *options;
    pthread_mutex_t lock;
    uint64_t next;
    bool stop;
    struct totals totals;
};

static const char help[] =
    "simulate - lives whole lives of projects against the shipped engine, and looks at each step\n"
    "whether what must hold does\n\n"
    "  --seeds N       so many lives (1000)\n"
    "  --from S        from this seed on (1)\n"
    "  --seed S        this one, with its story\n"
    "  --threads N     at once (processors)\n"
    "  --steps N       about so many deeds a life (30)\n"
    "  --plant BUG     with a bug put in on purpose; all: each of them must be found\n"
    "  --list-plants, --list-checks\n"
    "  --case FILE     a life as text; a folder: each of its *.txt, as TAP\n"
    "  --no-shrink     show a failing life as it is\n"
    "  --keep-going    count failing lives instead of stopping at the first\n"
    "  --json          the figures as JSON\n"
    "  --verbose       tell the story in any case\n";

static double seconds_now(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* ---- one life ---- */

static void live(
    const struct script *script, const struct life_options *options, struct verdict *out)
{
    plant_use(options->plant);
    life_run(script, options, out);
    plant_use(NULL);
}

static void live_seed(const struct options *o, uint64_t seed, struct verdict *out)
{
    struct life_options options = {.plant = o->plant, .views = seed % VIEWS_OF == 0};
    struct script script;
    struct verdict again;

    script_generate(&script, seed, o->deeds);
    live(&script, &options, out);
    if (!out->failed && seed % TWICE_OF == 1) {
        live(&script, &options, &again);
        if (again.digest != out->digest) {
            out->failed = true;
            out->check = "deterministic";
            (void)snprintf(out->text, sizeof out->text, "%" PRIx64 " and then %" PRIx64,
                out->digest, again.digest);
        }
    }
    script_fini(&script);
}

/* The story of a life, its text, and what went wrong. */
static void show(const struct script *script, const struct life_options *options)
{
    struct buf story = BUF_INIT(64u << 20), text = BUF_INIT(SCRIPT_MAX);
    struct life_options telling = *options;
    struct verdict v;

    telling.story = &story;
    live(script, &telling, &v);
    script_write(script, &text);
    (void)printf("%s\n", buf_str(&story).at);
    (void)printf("# keep it: tests/simulate/cases/NAME.txt\n%s", buf_str(&text).at);
    if (v.failed)
        (void)printf("\n%s at %.3f s: %s\n", v.check, (double)v.at_ns / 1e9, v.text);
    buf_fini(&story);
    buf_fini(&text);
}

static void show_seed(const struct options *o, uint64_t seed, const struct verdict *v)
{
    struct life_options options = {.plant = o->plant, .views = seed % VIEWS_OF == 0};
    struct script script;

    script_generate(&script, seed, o->deeds);
    if (v->failed && o->shrink && strcmp(v->check, "deterministic") != 0) {
        plant_use(o->plant);
        shrink(&script, &options, v->check, SHRINK_LIVES);
        plant_use(NULL);
    }
    show(&script, &options);
    script_fini(&script);
}

/* ---- many ---- */

static void count(struct crew *crew, uint64_t seed, const struct verdict *v)
{
    struct totals *t = &crew->totals;

    t->lives++;
    t->events += v->events;
    t->starts += v->starts;
    t->deaths += v->deaths;
    t->lived_ns += v->lived_ns;
    if (!v->failed)
        return;
    if (crew->options->keep_going)
        (void)printf("seed %" PRIu64 ": %s: %s\n", seed, v->check, v->text);
    if (t->failed == 0 || seed < t->seed) {
        t->seed = seed;
        t->verdict = *v;
    }
    t->failed++;
    crew->stop = !crew->options->keep_going;
}

static void *work(void *data)
{
    struct crew *crew = data;
    const struct options *o = crew->options;

    for (;;) {
        struct verdict v;
        uint64_t seed;
        bool over;

        (void)pthread_mutex_lock(&crew->lock);
        seed = crew->next++;
        over = crew->stop || seed >= o->from + o->seeds;
        (void)pthread_mutex_unlock(&crew->lock);
        if (over)
            return NULL;
        live_seed(o, seed, &v);
        (void)pthread_mutex_lock(&crew->lock);
        count(crew, seed, &v);
        (void)pthread_mutex_unlock(&crew->lock);
    }
}

static void live_all(const struct options *o, struct totals *out)
{
    struct crew crew = {.options = o, .lock = PTHREAD_MUTEX_INITIALIZER, .next = o->from};
    pthread_t threads[THREADS_MAX];
    int started = 0;

    while (started < o->threads - 1 && pthread_create(&threads[started], NULL, work, &crew) == 0)
        started++;
    (void)work(&crew);
    while (started > 0)
        (void)pthread_join(threads[--started], NULL);
    *out = crew.totals;
}

static void print_figures(const struct options *o, const struct totals *t, double seconds)
{
    if (o->json)
        (void)printf("{\"v\":1,\"lives\":%" PRIu64 ",\"failed\":%" PRIu64 ",\"seconds\":%.2f,"
                     "\"lives_per_second\":%.1f,\"threads\":%d,\"events\":%" PRIu64
                     ",\"starts\":%" PRIu64 ",\"daemon_deaths\":%" PRIu64
                     ",\"lived_hours\":%.1f}\n",
            t->lives, t->failed, seconds, (double)t->lives / seconds, o->threads, t->events,
            t->starts, t->deaths, (double)t->lived_ns / 3.6e12);
    else
        (void)printf("%" PRIu64 " lives, %" PRIu64 " failed, in %.1f s (%.0f a second): %" PRIu64
                     " events, %" PRIu64 " starts, %" PRIu64
                     " deaths of the daemon, %.0f hours lived\n",
            t->lives, t->failed, seconds, (double)t->lives / seconds, t->events, t->starts,
            t->deaths, (double)t->lived_ns / 3.6e12);
}

static int run_seeds(const struct options *o)
{
    double began = seconds_now();
    struct totals t;

    live_all(o, &t);
    print_figures(o, &t, seconds_now() - began);
    if (t.failed > 0 && !o->json && !o->keep_going) {
        (void)printf("seed %" PRIu64 ": %s: %s\n\n", t.seed, t.verdict.check, t.verdict.text);
        show_seed(o, t.seed, &t.verdict);
    } else if (o->verbose && o->seeds == 1)
        show_seed(o, o->from, &t.verdict);
    return t.failed > 0;
}

/* ---- plants, cases ---- */

static bool is_named(const char *names, const char *name)
{
    struct str rest = str_from(names);

    while (rest.len > 0)
        if (str_is(str_cut(&rest, ' '), name))
            return true;
    return false;
}

/* As TAP: each is found, in time, by a check that is meant to. */
static int run_plants(const struct options *o)
{
    size_t count;
    const struct plant *plants = plants_all(&count);
    int failures = 0;

    for (size_t k = 0; k < count; k++) {
        struct options own = *o;
        struct totals t;
        bool ok;

        own.plant = &plants[k];
        own.seeds = (uint64_t)plants[k].seeds;
        own.keep_going = false;
        live_all(&own, &t);
        ok = t.failed > 0 && is_named(plants[k].found_by, t.verdict.check);
        if (t.failed > 0)
            (void)printf("# seed %" PRIu64 ": %s: %s\n", t.seed, t.verdict.check, t.verdict.text);
        (void)printf("%sok %zu - %s is found within %d lives\n", ok ? "" : "not ", k + 1,
            plants[k].name, plants[k].seeds);
        failures += !ok;
    }
    (void)printf("1..%zu\n", count);
    return failures > 0;
}

static bool read_file(const char *path, struct buf *out)
{
    FILE *f = fopen(path, "re");
    char chunk[4096];
    size_t got;

    if (f == NULL)
        return false;
    while ((got = fread(chunk, 1, sizeof chunk, f)) > 0)
        buf_add(out, chunk, got);
    (void)fclose(f);
    return !buf_full(out);
}

static bool run_case(const struct options *o, const char *path, bool tells)
{
    struct life_options options = {.plant = o->plant, .views = true};
    struct buf text = BUF_INIT(SCRIPT_MAX);
    struct script script = {0};
    struct verdict v = {.failed = true, .check = "read", .text = "it cannot be read"};
    struct err err = ERR_INIT;

    if (read_file(path, &text) && !script_read(&script, buf_str(&text), &err))
        (void)snprintf(v.text, sizeof v.text, "%s", err.text);
    else if (script.deeds.count > 0)
        live(&script, &options, &v);
    if (v.failed)
        (void)printf("# %s: %s: %s\n", path, v.check, v.text);
    if (tells && script.deeds.count > 0)
        show(&script, &options);
    script_fini(&script);
    buf_fini(&text);
    return !v.failed;
}

static int is_case(const struct dirent *entry)
{
    return str_ends(str_from(entry->d_name), ".txt");
}

static int run_cases(const struct options *o, const char *path)
{
    struct dirent **names;
    int count = scandir(path, &names, is_case, alphasort), failures = 0;

    if (count < 0)
        return !run_case(o, path, true);
    for (int k = 0; k < count; k++) {
        char file[4096];
        bool ok;

        (void)snprintf(file, sizeof file, "%s/%s", path, names[k]->d_name);
        ok = run_case(o, file, false);
        (void)printf("%sok %d - %s\n", ok ? "" : "not ", k + 1, names[k]->d_name);
        failures += !ok;
        free(names[k]);
    }
    free(names);
    (void)printf("1..%d\n", count);
    return failures > 0;
}

/* ---- options ---- */

static int list_plants(void)
{
    size_t count;
    const struct plant *plants = plants_all(&count);

    for (size_t k = 0; k < count; k++)
        (void)printf("%-22s %s (%s)\n", plants[k].name, plants[k].help, plants[k].found_by);
    return 0;
}

static int list_checks(void)
{
    size_t count;
    const struct check *checks = checks_all(&count);

    for (size_t k = 0; k < count; k++)
        (void)printf("%-24s %s\n", checks[k].name, checks[k].help);
    return 0;
}

static uint64_t number(const char *text)
{
    uint64_t value;

    if (str_to_uint(str_from(text), &value))
        return value;
    (void)fprintf(stderr, "simulate: \"%s\" is no number\n", text);
    exit(2);
}

static const struct plant *wanted_plant(struct options *o, const char *name)
{
    const struct plant *p = plant_find(name);

    o->all_plants = strcmp(name, "all") == 0;
    if (p == NULL && !o->all_plants) {
        (void)fprintf(stderr, "simulate: there is no plant \"%s\" (--list-plants)\n", name);
        exit(2);
    }
    return p;
}

int main(int argc, char **argv)
{
    static const struct option longs[] = {
        {"seeds",       1, NULL, 'n'},
        {"from",        1, NULL, 'f'},
        {"seed",        1, NULL, 's'},
        {"threads",     1, NULL, 't'},
        {"steps",       1, NULL, 'd'},
        {"plant",       1, NULL, 'p'},
        {"list-plants", 0, NULL, 'P'},
        {"list-checks", 0, NULL, 'C'},
        {"case",        1, NULL, 'c'},
        {"no-shrink",   0, NULL, 'S'},
        {"keep-going",  0, NULL, 'k'},
        {"json",        0, NULL, 'j'},
        {"verbose",     0, NULL, 'v'},
        {"help",        0, NULL, 'h'},
        {NULL,          0, NULL, 0  }
    };
    struct options o = {.from = 1,
        .seeds = 1000,
        .threads = (int)sysconf(_SC_NPROCESSORS_ONLN),
        .deeds = DEEDS_DEFAULT,
        .shrink = true};
    const char *cases = NULL;

    for (int c; (c = getopt_long(argc, argv, "h", longs, NULL)) != -1;)
        switch (c) {
        case 'n':
            o.seeds = number(optarg);
            break;
        case 'f':
            o.from = number(optarg);
            break;
        case 's':
            o.from = number(optarg);
            o.seeds = 1;
            o.verbose = true;
            break;
        case 't':
            o.threads = (int)number(optarg);
            break;
        case 'd':
            o.deeds = (int)number(optarg) + 1;
            break;
        case 'p':
            o.plant = wanted_plant(&o, optarg);
            break;
        case 'c':
            cases = optarg;
            break;
        case 'S':
            o.shrink = false;
            break;
        case 'k':
            o.keep_going = true;
            break;
        case 'j':
            o.json = true;
            break;
        case 'v':
            o.verbose = true;
            break;
        case 'P':
            return list_plants();
        case 'C':
            return list_checks();
        case 'h':
            (void)fputs(help, stdout);
            return 0;
        default:
            (void)fputs(help, stderr);
            return 2;
        }
    o.threads = o.threads < 1 ? 1 : o.threads > THREADS_MAX ? THREADS_MAX : o.threads;
    if (cases != NULL)
        return run_cases(&o, cases);
    return o.all_plants ? run_plants(&o) : run_seeds(&o);
}
