#include "test.h"

#include "base/clock.h"
#include "io/loop.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <unistd.h>

/* Each case has this one; `order` collects a letter for each thing that happened. */
static struct {
    struct loop *loop;
    struct timer *timer, *limit;
    struct watch *watch;
    int ends[2];
    char order[64];
    int turns, count;
    int64_t at_ms;
} t;

#define LETTER(c) ((void *)(uintptr_t)(c))

static void note(char letter)
{
    size_t len = strlen(t.order);

    if (len + 1 < sizeof t.order)
        t.order[len] = letter;
}

static void give_up(void *data)
{
    (void)data;
    note('!');
    loop_stop(t.loop);
}

static void begin(void)
{
    struct err err = ERR_INIT;

    memset(&t, 0, sizeof t);
    CHECK_OK(loop_create(&t.loop, &err), &err);
    t.limit = timer_create_on(t.loop, give_up, NULL);
    timer_set(t.limit, 5000);
    CHECK(pipe2(t.ends, O_CLOEXEC | O_NONBLOCK) == 0);
}

static void end(void)
{
    timer_destroy(&t.timer);
    timer_destroy(&t.limit);
    watch_destroy(&t.watch);
    loop_destroy(&t.loop);
    (void)close(t.ends[0]);
    if (t.ends[1] != -1)
        (void)close(t.ends[1]);
    CHECK(t.loop == NULL);
}

static void stop_noting(void *data)
{
    note((char)(uintptr_t)data);
    loop_stop(t.loop);
}

static void only_note(void *data)
{
    note((char)(uintptr_t)data);
}

CASE(a_timer_fires_once_and_not_before_its_time)
{
    begin();
    t.timer = timer_create_on(t.loop, stop_noting, LETTER('a'));
    int64_t started_ms = loop_now_ms(t.loop);
    timer_set(t.timer, 20);
    loop_run(t.loop);
    CHECK(loop_now_ms(t.loop) - started_ms >= 19);
    CHECK_TEXT(t.order, "a");
    end();
}

CASE(setting_a_timer_again_replaces_its_time)
{
    begin();
    struct timer *other = timer_create_on(t.loop, only_note, LETTER('b'));
    t.timer = timer_create_on(t.loop, stop_noting, LETTER('a'));
    timer_set(t.timer, 4000);
    timer_set(other, 1);
    timer_set(t.timer, 10);
    loop_run(t.loop);
    CHECK_TEXT(t.order, "ba");
    timer_destroy(&other);
    end();
}

CASE(a_cleared_timer_stays_silent)
{
    begin();
    struct timer *other = timer_create_on(t.loop, only_note, LETTER('x'));
    timer_set(other, 1);
    timer_clear(other);
    timer_clear(other);
    t.timer = timer_create_on(t.loop, stop_noting, LETTER('a'));
    timer_set(t.timer, 10);
    loop_run(t.loop);
    CHECK_TEXT(t.order, "a");
    timer_destroy(&other);
    CHECK(other == NULL);
    timer_destroy(&other);
    end();
}

static void destroy_itself(void *data)
{
    (void)data;
    note('d');
    timer_destroy(&t.timer);
    loop_stop(t.loop);
}

CASE(a_timer_may_destroy_itself)
{
    begin();
    t.timer = timer_create_on(t.loop, destroy_itself, NULL);
    timer_set(t.timer, 0);
    loop_run(t.loop);
    CHECK_TEXT(t.order, "d");
    CHECK(t.timer == NULL);
    end();
}

static void set_again(void *data)
{
    (void)data;
    note('s');
    if (++t.count < 3)
        timer_set(t.timer, 0);
    else
        loop_stop(t.loop);
}

CASE(a_timer_may_set_itself_again)
{
    begin();
    t.timer = timer_create_on(t.loop, set_again, NULL);
    timer_set(t.timer, -5); /* a time that has passed is now */
    loop_run(t.loop);
    CHECK_TEXT(t.order, "sss");
    end();
}

static void read_one(void *data, int events)
{
    char byte;

    (void)data;
    CHECK(events & WATCH_READ);
    if (read(t.ends[0], &byte, 1) == 1)
        note(byte);
    if (byte == 'z')
        loop_stop(t.loop);
}

CASE(a_watch_tells_until_everything_is_read)
{
    struct err err = ERR_INIT;

    begin();
    CHECK_OK(watch_create(&t.watch, t.loop, t.ends[0], WATCH_READ, read_one, NULL, &err), &err);
    CHECK(write(t.ends[1], "xyz", 3) == 3);
    loop_run(t.loop);
    CHECK_TEXT(t.order, "xyz");
    end();
}

static void see_the_end(void *data, int events)
{
    char byte;

    (void)data;
    note(read(t.ends[0], &byte, 1) == 0 && events != 0 ? 'e' : '?');
    watch_destroy(&t.watch); /* inside its own callback */
    loop_stop(t.loop);
}

CASE(a_closed_pipe_is_told)
{
    struct err err = ERR_INIT;

    begin();
    CHECK_OK(watch_create(
                 &t.watch, t.loop, t.ends[0], WATCH_READ | WATCH_HANGUP, see_the_end, NULL, &err),
        &err);
    (void)close(t.ends[1]);
    t.ends[1] = -1;
    loop_run(t.loop);
    CHECK_TEXT(t.order, "e");
    end();
}

static void write_one(void *data, int events)
{
    (void)data;
    CHECK_INT(events, WATCH_WRITE);
    note('w');
    watch_set(t.watch, 0);
    watch_set(t.watch, 0);
    timer_set(t.timer, 10);
}

CASE(a_watch_of_nothing_is_silent)
{
    struct err err = ERR_INIT;

    begin();
    t.timer = timer_create_on(t.loop, stop_noting, LETTER('a'));
    CHECK_OK(watch_create(&t.watch, t.loop, t.ends[1], WATCH_WRITE, write_one, NULL, &err), &err);
    loop_run(t.loop);
    CHECK_TEXT(t.order, "wa");
    watch_set(t.watch, WATCH_WRITE);
    loop_run(t.loop);
    CHECK_TEXT(t.order, "wawa");
    end();
}

CASE(a_plain_file_cannot_be_watched)
{
    struct err err = ERR_INIT;

    begin();
    int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    CHECK(!watch_create(&t.watch, t.loop, fd, WATCH_READ, read_one, NULL, &err));
    CHECK(t.watch == NULL);
    CHECK(strstr(err.text, "watch descriptor") != NULL);
    (void)close(fd);
    end();
}

static struct watch *pair[2];

static void destroy_both(void *data, int events)
{
    (void)data, (void)events;
    note('p');
    watch_destroy(&pair[0]);
    watch_destroy(&pair[1]);
    timer_set(t.timer, 5);
}

CASE(after_its_destroy_no_callback_comes_although_it_was_ready)
{
    struct err err = ERR_INIT;
    int second[2];

    begin();
    CHECK(pipe2(second, O_CLOEXEC | O_NONBLOCK) == 0);
    t.timer = timer_create_on(t.loop, stop_noting, LETTER('a'));
    CHECK_OK(watch_create(&pair[0], t.loop, t.ends[0], WATCH_READ, destroy_both, NULL, &err), &err);
    CHECK_OK(watch_create(&pair[1], t.loop, second[0], WATCH_READ, destroy_both, NULL, &err), &err);
    CHECK(write(t.ends[1], "x", 1) == 1 && write(second[1], "x", 1) == 1);
    loop_run(t.loop);
    CHECK_TEXT(t.order, "pa");
    (void)close(second[0]);
    (void)close(second[1]);
    end();
}

enum { SENDERS = 4, LETTERS = 2000 };
static int last_seen[SENDERS];
static struct mail {
    int sender, number;
} mails[SENDERS][LETTERS];

static void receive(void *data)
{
    struct mail *mail = data;

    CHECK_INT(mail->number, last_seen[mail->sender]);
    last_seen[mail->sender]++;
    if (++t.count == SENDERS * LETTERS)
        loop_stop(t.loop);
}

static void *send_all(void *data)
{
    struct mail *mine = data;

    for (int i = 0; i < LETTERS; i++)
        loop_post(t.loop, receive, &mine[i]);
    return NULL;
}

CASE(letters_of_many_threads_all_come_each_sender_in_its_order)
{
    pthread_t threads[SENDERS];

    begin();
    memset(last_seen, 0, sizeof last_seen);
    for (int s = 0; s < SENDERS; s++) {
        for (int i = 0; i < LETTERS; i++)
            mails[s][i] = (struct mail){.sender = s, .number = i};
        CHECK(pthread_create(&threads[s], NULL, send_all, mails[s]) == 0);
    }
    loop_run(t.loop);
    for (int s = 0; s < SENDERS; s++)
        (void)pthread_join(threads[s], NULL);
    CHECK_INT(t.count, SENDERS * LETTERS);
    CHECK_TEXT(t.order, "");
    end();
}

CASE(a_letter_posted_before_the_run_is_read_in_it)
{
    begin();
    loop_post(t.loop, only_note, LETTER('1'));
    loop_post(t.loop, stop_noting, LETTER('2'));
    loop_run(t.loop);
    CHECK_TEXT(t.order, "12");
    end();
}

CASE(letters_that_nobody_reads_go_with_the_loop)
{
    begin();
    loop_post(t.loop, only_note, LETTER('1'));
    end();
    CHECK_TEXT(t.order, "");
}

CASE(a_loop_can_run_again_after_a_stop)
{
    begin();
    loop_stop(t.loop);
    loop_run(t.loop);
    loop_post(t.loop, only_note, LETTER('p'));
    t.timer = timer_create_on(t.loop, stop_noting, LETTER('a'));
    timer_set(t.timer, 10);
    loop_run(t.loop); /* the letter alone does not end it */
    CHECK_TEXT(t.order, "pa");
    end();
}

static void count_turn(void *data)
{
    (void)data;
    if (t.order[0] != '\0')
        note('.');
    t.turns++;
}

CASE(the_hook_comes_behind_timers_and_letters)
{
    begin();
    loop_after_turn(t.loop, count_turn, NULL);
    t.timer = timer_create_on(t.loop, stop_noting, LETTER('t'));
    timer_set(t.timer, 0);
    loop_run(t.loop);
    CHECK_SAYING(strncmp(t.order, "t.", 2) == 0, "%s", t.order);
    memset(t.order, 0, sizeof t.order);
    timer_set(t.limit, 5000);
    loop_post(t.loop, stop_noting, LETTER('l'));
    loop_run(t.loop);
    CHECK_SAYING(strncmp(t.order, "l.", 2) == 0, "%s", t.order);
    end();
}

static void note_signal(void *data, int signo)
{
    (void)data;
    CHECK_INT(signo, SIGUSR1);
    note('u');
    loop_stop(t.loop);
}

CASE(a_signal_arrives_as_a_callback)
{
    struct signal_watch *s;
    struct err err = ERR_INIT;

    begin();
    CHECK_OK(signal_watch_create(&s, t.loop, SIGUSR1, note_signal, NULL, &err), &err);
    (void)kill(getpid(), SIGUSR1);
    loop_run(t.loop);
    CHECK_TEXT(t.order, "u");
    signal_watch_destroy(&s);
    CHECK(s == NULL);
    end();
}

CASE(a_signal_that_cannot_be_watched_is_an_error)
{
    struct signal_watch *s = NULL;
    struct err err = ERR_INIT;

    begin();
    CHECK(!signal_watch_create(&s, t.loop, SIGKILL, note_signal, NULL, &err));
    CHECK(s == NULL);
    CHECK(strstr(err.text, "watch signal") != NULL);
    end();
}

CASE(no_loop_may_be_destroyed)
{
    struct loop *none = NULL;

    loop_destroy(&none);
    CHECK(none == NULL);
}

TEST_MAIN()
