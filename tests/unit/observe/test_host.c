#include "observe/host/host.h"

#include "base/clock.h"
#include "observe/host/host_private.h"
#include "test.h"

#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

CASE(the_machine_has_processors_memory_and_disk)
{
    struct host_memory m;
    struct host_disk d;
    struct err e = ERR_INIT;
    CHECK(host_cpu_count() >= 1);
    CHECK_OK(host_memory(&m, &e), &e);
    CHECK(m.total_bytes > 1 << 20 && m.available_bytes > 0 && m.available_bytes <= m.total_bytes);
    CHECK_OK(host_disk("/tmp", &d, &e), &e);
    CHECK(d.total_bytes > 0 && d.free_bytes <= d.total_bytes);
    CHECK(!host_disk("/no/such/place", &d, &e));
    CHECK_INT(e.kind, ERR_MISSING);
}

CASE(a_process_that_works_uses_time_and_memory)
{
    struct process_usage before, after;
    struct err e = ERR_INIT;
    size_t bytes = 32 << 20;
    CHECK_OK(host_process_usage(getpid(), &before, &e), &e);
    char *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    memset(memory, 1, bytes);
    for (clock_t start = clock(); clock() - start < CLOCKS_PER_SEC / 20;)
        ;
    CHECK_OK(host_process_usage(getpid(), &after, &e), &e);
    CHECK(after.cpu_ns - before.cpu_ns >= 30 * NS_PER_MS);
    CHECK(after.memory_bytes - before.memory_bytes > (int64_t)bytes * 9 / 10);
    CHECK_INT(after.threads, 1);
    CHECK(after.started_ns == before.started_ns && after.started_ns <= clock_boot_ns());
    CHECK(clock_boot_ns() - after.started_ns < 60 * NS_PER_S);
    int64_t pss;
    CHECK_OK(host_process_pss(getpid(), &pss, &e), &e);
    CHECK(pss > (int64_t)bytes * 9 / 10);
    (void)munmap(memory, bytes);
}

CASE(a_zombie_counts_as_gone_and_a_kept_file_knows_its_process)
{
    struct process_usage u;
    struct usage *kept;
    struct err e = ERR_INIT;
    pid_t pid = fork();
    if (pid == 0) {
        (void)pause();
        _exit(0);
    }
    struct usage_source source = {.pid = pid};
    CHECK_OK(usage_open(&kept, &source, &e), &e);
    CHECK_OK(usage_read(kept, &u, &e), &e);
    CHECK_INT(u.threads, 1); /* its memory may not be counted yet */
    CHECK(kill(pid, SIGKILL) == 0);
    siginfo_t info;
    CHECK(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT) == 0);
    CHECK(!host_process_usage(pid, &u, &e));
    CHECK_INT(e.kind, ERR_MISSING);
    CHECK(waitpid(pid, NULL, 0) == pid);
    CHECK(!usage_read(kept, &u, &e));
    CHECK_INT(e.kind, ERR_MISSING);
    usage_close(&kept);
    CHECK(!usage_open(&kept, &source, &e));
    CHECK_INT(e.kind, ERR_MISSING);
    int64_t pss;
    CHECK(!host_process_pss(pid, &pss, &e));
    CHECK_INT(e.kind, ERR_MISSING);
}

CASE(a_name_full_of_parentheses_does_not_mislead)
{
    struct process_usage u;
    struct err e = ERR_INIT;
    struct str text = STR("12 (a) Z (b ) c) S 1 12 12 0 -1 4194560 100 0 0 0 7 3 0 0 20 0 5 0 100 "
                          "1000000 25 18446744073709551615 1 1\n");
    CHECK_OK(host_proc_parse_stat(text, &u, &e), &e);
    CHECK_INT(u.threads, 5);
    CHECK_INT(u.cpu_ns, 10 * (NS_PER_S / sysconf(_SC_CLK_TCK)));
    CHECK_INT(u.memory_bytes, 25 * sysconf(_SC_PAGESIZE));
    CHECK(!host_proc_parse_stat(STR("12 (a) S 1"), &u, &e));
    CHECK(!host_proc_parse_stat(STR(""), &u, &e));
}

static void write_file(char path[64], const char *text)
{
    (void)strcpy(path, "/tmp/tend-test-XXXXXX");
    int fd = mkstemp(path);
    CHECK(fd != -1 && write(fd, text, strlen(text)) == (ssize_t)strlen(text));
    (void)close(fd);
}

CASE(cgroup_files_of_both_versions_are_read)
{
    char memory[64], cpu[64], v1[64];
    struct usage *kept;
    struct process_usage u;
    struct err e = ERR_INIT;
    write_file(memory, "8123456\n");
    write_file(cpu, "usage_usec 1500\nuser_usec 1000\nsystem_usec 500\n");
    write_file(v1, "1500000\n");
    struct usage_source source = {.memory_file = memory, .cpu_file = cpu};
    for (int i = 0; i < 2; i++) {
        CHECK_OK(usage_open(&kept, &source, &e), &e);
        CHECK_OK(usage_read(kept, &u, &e), &e);
        CHECK_OK(usage_read(kept, &u, &e), &e);
        CHECK_INT(u.memory_bytes, 8123456);
        CHECK_INT(u.cpu_ns, 1500000);
        usage_close(&kept);
        source.cpu_file = v1;
    }
    source.cpu_file = NULL;
    source.pid = getpid();
    CHECK_OK(usage_open(&kept, &source, &e), &e);
    CHECK_OK(usage_read(kept, &u, &e), &e);
    CHECK(u.memory_bytes == 8123456 && u.threads == 1);
    usage_close(&kept);
    int64_t n;
    CHECK(!usage_parse_number(STR("max\n"), &n) && !usage_parse_number(STR(""), &n));
    (void)unlink(memory);
    (void)unlink(cpu);
    (void)unlink(v1);
}

CASE(this_process_knows_itself)
{
    struct host_self before, after;
    struct err e = ERR_INIT;
    CHECK_OK(host_self(&before, &e), &e);
    int fd = dup(1);
    CHECK_OK(host_self(&after, &e), &e);
    CHECK_INT(after.open_fds, before.open_fds + 1);
    CHECK(after.max_fds > after.open_fds && after.usage.memory_bytes > 0);
    (void)close(fd);
}

TEST_MAIN()
