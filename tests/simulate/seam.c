#include "seam.h"

#include "base/arena.h"
#include "base/buf.h"
#include "base/fs.h"
#include "base/map.h"
#include "base/mem.h"
#include "base/must.h"
#include "io/worker.h"
#include "observe/host/host.h"

#include <stdlib.h>
#include <string.h>

static _Thread_local struct sim *sim;
static _Thread_local struct map *kept;
static char a_loop, a_journal, a_view;

void seam_use(struct sim *s)
{
    sim = s;
}

struct sim *seam_sim(void)
{
    return sim;
}

struct loop *seam_loop(void)
{
    return (struct loop *)(void *)&a_loop;
}

struct journal *seam_journal(void)
{
    return (struct journal *)(void *)&a_journal;
}

struct views *seam_views(void)
{
    return (struct views *)(void *)&a_view;
}

void seam_keep_files(struct map *files)
{
    kept = files;
}

/* ---- io/loop.h ---- */

void loop_after_turn(struct loop *l, void (*hook)(void *data), void *data)
{
    (void)l;
    sim_loop_after_turn(sim, hook, data);
}

/* There is one thread here: what it posts to itself may as well be done. */
void loop_post(struct loop *l, inbox_fn fn, void *data)
{
    (void)l;
    fn(data);
}

struct timer *timer_create_on(struct loop *l, timer_fn fn, void *data)
{
    (void)l;
    return sim_timer_create(sim, fn, data);
}

void timer_destroy(struct timer **t)
{
    sim_timer_destroy(t);
}

void timer_set(struct timer *t, int64_t delay_ms)
{
    sim_timer_set(t, delay_ms);
}

void timer_clear(struct timer *t)
{
    sim_timer_clear(t);
}

/* ---- io/worker.h: what would be done meanwhile is done at once ---- */

struct workers *workers_create(unsigned threads_max, size_t queue_max)
{
    (void)threads_max, (void)queue_max;
    return (struct workers *)(void *)&a_loop;
}

void workers_destroy(struct workers **w)
{
    *w = NULL;
}

bool workers_run(struct workers *w, const struct worker_task *task, struct err *err)
{
    struct worker_task mine = *task;

    (void)w, (void)err;
    mine.run(mine.data, mine.cancel);
    if (mine.done != NULL)
        mine.done(mine.data);
    return true;
}

/* ---- record/journal.h, record/views.h ---- */

uint64_t journal_append(struct journal *j, const struct event *e)
{
    (void)j;
    return sim_journal_append(sim, e);
}

bool journal_append_durable(struct journal *j, const struct event *e, uint64_t *out_seq,
    journal_durable_fn fn, void *data, struct err *err)
{
    (void)j;
    return sim_journal_append_durable(sim, e, out_seq, fn, data, err);
}

void journal_when_durable(struct journal *j, uint64_t seq, journal_durable_fn fn, void *data)
{
    (void)j;
    sim_journal_when_durable(sim, seq, fn, data);
}

uint64_t journal_head(struct journal *j)
{
    (void)j;
    return sim_journal_head(sim);
}

uint64_t journal_durable(struct journal *j)
{
    (void)j;
    return sim_journal_durable(sim);
}

struct wanted_facts {
    const char *subject, *key_prefix;
    views_fact_fn fn;
    void *data;
};

static bool pass_fact(void *data, const struct views_fact *fact)
{
    const struct wanted_facts *w = data;
    size_t len = w->subject != NULL ? strlen(w->subject) : 0;

    if (w->subject != NULL && (strncmp(fact->subject, w->subject, len) != 0 ||
                                  (fact->subject[len] != 0 && fact->subject[len] != '/')))
        return true;
    if (w->key_prefix != NULL && !str_starts(str_from(fact->key), w->key_prefix))
        return true;
    return w->fn(w->data, fact);
}

bool views_facts_each(struct views *v, const char *subject, const char *key_prefix,
    views_fact_fn fn, void *data, struct err *err)
{
    struct wanted_facts wanted = {subject, key_prefix, fn, data};

    (void)v, (void)err;
    return sim_views_facts_each(sim, pass_fact, &wanted);
}

bool views_instances_each(
    struct views *v, const char *service, views_instance_fn fn, void *data, struct err *err)
{
    (void)v, (void)err;
    must(service == NULL);
    return sim_views_instances_each(sim, fn, data);
}

/* ---- observe ---- */

bool prober_create(struct prober **out, struct loop *l, struct err *err)
{
    (void)l, (void)err;
    *out = (struct prober *)(void *)&a_loop;
    return true;
}

void prober_destroy(struct prober **p)
{
    *p = NULL;
}

bool probe_create(struct probe **out, struct prober *prober, const struct probe_target *target,
    probe_fn fn, void *data, struct err *err)
{
    (void)prober, (void)err;
    *out = sim_probe_create(sim, target, fn, data);
    return true;
}

void probe_destroy(struct probe **p)
{
    sim_probe_destroy(p);
}

void probe_start(struct probe *p, enum probe_mode mode)
{
    sim_probe_start(p, mode);
}

void probe_stop(struct probe *p)
{
    sim_probe_stop(p);
}

void probe_heartbeat(struct probe *p)
{
    (void)p; /* no program here sends one */
}

bool host_memory(struct host_memory *out, struct err *err)
{
    (void)out;
    return err_set(err, ERR_UNSUPPORTED, "the world in memory has none");
}

bool host_process_usage(pid_t pid, struct process_usage *out, struct err *err)
{
    (void)pid, (void)out;
    return err_set(err, ERR_UNSUPPORTED, "the world in memory has none");
}

/* ---- drive/process/ports.h ---- */

bool ports_create(struct ports **out, const char *dir, struct err *err)
{
    (void)dir, (void)err;
    *out = (struct ports *)(void *)&a_loop;
    return true;
}

void ports_destroy(struct ports **p)
{
    *p = NULL;
}

bool port_allocate(struct ports *p, int *out_port, struct err *err)
{
    (void)p;
    return sim_port_allocate(sim, out_port, err);
}

bool port_claim(struct ports *p, int port, bool in_use, struct err *err)
{
    (void)p;
    return sim_port_claim(sim, port, in_use, err);
}

void port_release(struct ports *p, int port)
{
    (void)p;
    sim_port_release(sim, port);
}

/* ---- drive/process/process.h ---- */

bool process_driver_create(struct process_driver **out, struct loop *l,
    const struct process_settings *settings, const struct process_callbacks *callbacks, void *data,
    struct err *err)
{
    (void)l, (void)settings, (void)err;
    sim_driver_open(sim, callbacks, data);
    *out = (struct process_driver *)(void *)&a_loop;
    return true;
}

void process_driver_destroy(struct process_driver **d)
{
    *d = NULL;
    sim_driver_close(sim);
}

const char *const *process_driver_degraded(const struct process_driver *d)
{
    static const char *const none[] = {NULL};

    (void)d;
    return none;
}

const char *process_files_dir(
    const struct process_driver *d, struct arena *a, const char *service, int slot, bool secrets)
{
    (void)d;
    return arena_format(a, "/run/%s.%d/%s", service, slot, secrets ? "secrets" : "configs");
}

bool process_has_view(const struct process_driver *d, const struct process_spec *spec)
{
    (void)d, (void)spec;
    return false;
}

bool process_start(struct process_driver *d, const struct process_spec *spec, void *owner,
    struct process **out, struct err *err)
{
    (void)d;
    return sim_process_start(sim, spec, owner, out, err);
}

bool process_adopt_all(
    struct process_driver *d, const struct process_adoption *adoption, struct err *err)
{
    (void)d;
    return sim_process_adopt_all(sim, adoption, err);
}

void process_forget(struct process **p)
{
    sim_process_forget(p);
}

void process_stop(struct process *p, int signo, int64_t grace_ms)
{
    sim_process_stop(p, signo, grace_ms);
}

void process_signal(struct process *p, int signo, bool group)
{
    (void)group;
    sim_process_signal(p, signo);
}

void process_lease(struct process *p, const struct process_lease *lease)
{
    sim_process_lease(p, lease);
}

void process_resume(struct process *p)
{
    sim_process_resume(p);
}

void process_hold(struct process *p, bool on)
{
    sim_process_hold(p, on);
}

void process_ack(struct process *p, uint64_t number)
{
    sim_process_ack(p, number);
}

void *process_owner(const struct process *p)
{
    return sim_process_owner(p);
}

const char *process_service(const struct process *p)
{
    return sim_process_service(p);
}

int process_slot(const struct process *p)
{
    return sim_process_slot(p);
}

enum process_phase process_phase(const struct process *p)
{
    return sim_process_phase(p);
}

int process_pid(const struct process *p)
{
    return sim_process_pid(p);
}

int process_shim_pid(const struct process *p)
{
    return sim_process_shim_pid(p);
}

uint64_t process_run_id(const struct process *p)
{
    return sim_process_run_id(p);
}

int64_t process_started_boot_ns(const struct process *p)
{
    return sim_process_started_boot_ns(p);
}

bool process_usage(const struct process *p, struct cgroup_usage *out)
{
    (void)p, (void)out;
    return false;
}

/* ---- put in their place by the linker ---- */

int64_t __real_clock_boot_ns(void);
int64_t __wrap_clock_boot_ns(void);
int64_t __wrap_clock_boot_ns(void)
{
    return sim != NULL ? sim_boot_ns(sim) : __real_clock_boot_ns();
}

int64_t __real_clock_wall_ns(void);
int64_t __wrap_clock_wall_ns(void);
int64_t __wrap_clock_wall_ns(void)
{
    return sim != NULL ? sim_wall_ns(sim) : __real_clock_wall_ns();
}

uint64_t __real_random_secret_seed(void);
uint64_t __wrap_random_secret_seed(void);
uint64_t __wrap_random_secret_seed(void)
{
    return sim != NULL ? sim_chance(sim, "engine", sim_event_count(sim))
                       : __real_random_secret_seed();
}

void __wrap_mem_give_back(void);
void __wrap_mem_give_back(void)
{
    /* thousands of lives share one heap */
}

bool __real_fs_exists(const char *path);
bool __wrap_fs_exists(const char *path);
bool __wrap_fs_exists(const char *path)
{
    return kept != NULL ? map_get(kept, str_from(path)) != NULL : __real_fs_exists(path);
}

bool __real_fs_write(const char *path, struct str text, mode_t mode, struct err *err);
bool __wrap_fs_write(const char *path, struct str text, mode_t mode, struct err *err);
bool __wrap_fs_write(const char *path, struct str text, mode_t mode, struct err *err)
{
    if (kept == NULL)
        return __real_fs_write(path, text, mode, err);
    (void)map_put(kept, str_from(mem_copy_string(path)), mem_format("%.*s", STR_ARG(text)));
    return true;
}

bool __real_fs_read(const char *path, struct buf *out, struct err *err);
bool __wrap_fs_read(const char *path, struct buf *out, struct err *err);
bool __wrap_fs_read(const char *path, struct buf *out, struct err *err)
{
    const char *text = kept != NULL ? map_get(kept, str_from(path)) : NULL;

    if (kept == NULL)
        return __real_fs_read(path, out, err);
    if (text == NULL)
        return err_set(err, ERR_MISSING, "%s", path);
    buf_add_text(out, text);
    return true;
}
