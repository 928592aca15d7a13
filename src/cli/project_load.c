#include "cli/project_load.h"

#include "spec/node.h"

#include "base/json.h"

#include <stdio.h>
#include <string.h>

#define FINDINGS_BYTES_MAX (16u << 20)

struct names {
    VEC_OF(const char *);
};

static void collect(const struct cli *cli, const char *flag, struct names *out)
{
    VEC_EACH (&cli->arguments.flags, struct given_flag, given)
        if (strcmp(given->flag->name, flag) == 0)
            vec_push(out, given->value);
}

/* `file` NULL: what -f says. */
static const struct project *load(
    struct cli *cli, const char *file, const struct load_options *more, struct diagnostics *d)
{
    struct names files = {0}, profiles = {0}, vars = {0}, var_files = {0};
    struct load_options options = *more;
    const struct project *project;

    if (file != NULL)
        vec_push(&files, file);
    else
        collect(cli, "file", &files);
    collect(cli, "profile", &profiles);
    collect(cli, "var", &vars);
    collect(cli, "var-file", &var_files);
    options.project_name = cli_value(cli, "project");
    options.files = files.at;
    options.file_count = files.count;
    options.profiles = profiles.at;
    options.profile_count = profiles.count;
    options.vars = vars.at;
    options.var_count = vars.count;
    options.var_files = var_files.at;
    options.var_file_count = var_files.count;
    if (options.environment == NULL)
        options.environment = cli_value(cli, "env");
    if (flag_find(cli->arguments.command, STR("strict")) != NULL)
        options.strict = cli_flag(cli, "strict");
    project = spec_load(&options, d);
    vec_fini(&files);
    vec_fini(&profiles);
    vec_fini(&vars);
    vec_fini(&var_files);
    if (project != NULL)
        (void)snprintf(cli->project, sizeof cli->project, "%s", project->name);
    return project;
}

const struct project *project_load(
    struct cli *cli, const struct load_options *more, struct diagnostics *d)
{
    static const struct load_options none;

    return load(cli, NULL, more != NULL ? more : &none, d);
}

void project_print_findings(struct diagnostics *d)
{
    struct buf out = BUF_INIT(FINDINGS_BYTES_MAX), list = BUF_INIT(FINDINGS_BYTES_MAX);
    struct json j = json_begin(&out);

    diagnostics_json(d, &list);
    json_open_object(&j, NULL);
    json_int(&j, "v", 1);
    json_bool(&j, "ok", diagnostics_count(d, SEVERITY_ERROR) == 0);
    json_int(&j, "errors", (int64_t)diagnostics_count(d, SEVERITY_ERROR));
    json_int(&j, "warnings", (int64_t)diagnostics_count(d, SEVERITY_WARNING));
    json_raw(&j, "diagnostics", buf_str(&list));
    json_end(&j);
    (void)printf("%s\n", out.at); /* a failed stdout is found when it is flushed */
    buf_fini(&out);
    buf_fini(&list);
}

static void tell(struct cli *cli, struct diagnostics *d, bool failed)
{
    struct buf out = BUF_INIT(FINDINGS_BYTES_MAX);

    if (cli->json && failed)
        project_print_findings(d);
    else if (failed || !cli->quiet) {
        diagnostics_render(d, &out, cli->err_out.colour);
        (void)fwrite(out.at != NULL ? out.at : "", 1, out.len, stderr); /* nobody is left to tell */
    }
    buf_fini(&out);
}

const struct project *project_need_file(
    struct cli *cli, const char *file, const char *environment, int *out_code)
{
    struct diagnostics *d = diagnostics_create();
    const struct load_options options = {.environment = environment};
    const struct project *project = load(cli, file, &options, d);

    tell(cli, d, project == NULL);
    diagnostics_destroy(&d);
    *out_code = project != NULL ? EXIT_DONE : EXIT_FAILED;
    return project;
}

const struct project *project_need(struct cli *cli, int *out_code)
{
    return project_need_file(cli, NULL, NULL, out_code);
}
