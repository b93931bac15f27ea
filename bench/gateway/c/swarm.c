/* Many WebSocket clients in one process, told what to do on stdin, one command a line:
 *
 *   load FILE                  the scripts of the sessions, one a line (see session.h)
 *   open FIRST COUNT AT_ONCE   open sessions, at most AT_ONCE of them under way; who is refused comes back when told
 *   churn FIRST COUNT TOTAL    open and close, TOTAL times in all, COUNT at once: one half with a close frame
 *   close FIRST COUNT          close with a close frame and wait for the server's
 *   deaf FIRST COUNT           never read again
 *   wait WHAT COUNT SECONDS    until `messages`, `stamped`, `caught_up` or `lost` is COUNT, or the time is over
 *   clear                      forget what was counted and measured
 *
 * Each command is answered, when it is done, by one line of JSON: what was counted and measured since `clear`.
 * usage: swarm ADDRESS PORT PATH [PING PONG] */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "session.h"

#define TICK_NS 2000000LL
#define SLOTS 32768 /* a retry further away than 65 s comes at 65 s */
#define EVENTS 512
#define BEGIN_AT_A_TIME 16
#define GIVE_UP_NS 300000000000LL

static struct session *sessions;
static uint32_t session_count;
static struct session *wheel[SLOTS];
static uint64_t ticks;
static int64_t timer_began, cleared_at, cleared_cpu;
static struct gauge lag; /* from when the timer was first due to when it was looked at */

/* The command in hand. */
static struct {
    char name[16];
    uint32_t next, last, at_once, under_way, left;
    uint64_t *counter, target;
    int64_t began, deadline;
} task;

static void answer(void) {
    int64_t now = now_ns();
    printf(
        "{\"took_s\":%.6f,\"open\":%lu,\"messages\":%lu,\"stamped\":%lu,\"bytes\":%lu,\"last_ns\":%ld,"
        "\"p50_ms\":%.2f,\"p99_ms\":%.2f,\"max_ms\":%.2f,\"opening_p50_ms\":%.2f,\"opening_p99_ms\":%.2f,"
        "\"opening_max_ms\":%.2f,\"refused\":%lu,\"failed\":%lu,\"lost\":%lu,\"gaps\":%lu,\"caught_up\":%lu,"
        "\"close_code\":%d,\"lag_p99_ms\":%.2f,\"lag_max_ms\":%.2f,\"cpu_share\":%.3f}\n",
        (now - task.began) / 1e9, shared.open, shared.messages, shared.stamped, shared.bytes, shared.last_ns,
        gauge_ms(&shared.latency, 0.5), gauge_ms(&shared.latency, 0.99), shared.latency.max_ns / 1e6,
        gauge_ms(&shared.opening, 0.5), gauge_ms(&shared.opening, 0.99), shared.opening.max_ns / 1e6,
        shared.refused, shared.failed, shared.lost, shared.gaps, shared.caught_up, shared.close_code, gauge_ms(&lag, 0.99),
        lag.max_ns / 1e6, (double)(cpu_ns() - cleared_cpu) / (now - cleared_at));
    fflush(stdout);
    task.name[0] = '\0';
}

static int is_task(const char *name) { return strcmp(task.name, name) == 0; }

static int may_begin(void) { return task.under_way < task.at_once && task.next < task.last && task.left > 0; }

/* Begin with as many as may be under way, a few at a time: a connect() takes 30 us, and others are heard in between. */
static void advance(void) {
    for (int begun = 0; begun < BEGIN_AT_A_TIME && may_begin(); begun++) {
        task.under_way++;
        session_start(&sessions[task.next++]);
    }
}

static int is_beginning(void) { return (is_task("open") || is_task("churn")) && may_begin(); }

/* Start `session` in a while: never at once, for it may be in the middle of hearing something. */
static void start_in(struct session *session, int64_t wait_ns) {
    uint64_t slots = wait_ns / TICK_NS + 1;
    struct session **slot = &wheel[(ticks + (slots < SLOTS ? slots : SLOTS - 1)) % SLOTS];
    session->next = *slot;
    *slot = session;
}

static void on_opened(struct session *session) {
    if (is_task("open")) {
        task.under_way--;
        task.left--;
    } else if (is_task("churn")) {
        if (session->number % 2) {
            session_leave(session);
        } else {
            session_drop(session);
            shared.gone(session, -1);
        }
    }
}

static void on_gone(struct session *session, int64_t retry_ns) {
    if (retry_ns >= 0) {
        start_in(session, retry_ns);
    } else if (is_task("close")) {
        task.left--;
    } else if (is_task("churn")) {
        if (task.left > 0) task.left--;
        if (task.left >= task.at_once) start_in(session, 0);
    }
}

static void tick(int timer) {
    uint64_t expired;
    if (read(timer, &expired, sizeof expired) != sizeof expired) return;
    gauge_add(&lag, now_ns() - (timer_began + (int64_t)(ticks + 1) * TICK_NS));
    for (ticks += expired; expired > 0; expired--) {
        struct session **slot = &wheel[(ticks - expired + 1) % SLOTS], *due = *slot;
        *slot = NULL;
        while (due != NULL) {
            struct session *session = due;
            due = due->next;
            session_start(session);
        }
    }
}

static void load(const char *file) {
    FILE *lines = fopen(file, "r");
    char *line = NULL;
    size_t room = 0;
    ssize_t size;
    if (lines == NULL) return;
    sessions = calloc(1 << 20, sizeof *sessions);
    while ((size = getline(&line, &room, lines)) >= 0) {
        line[strcspn(line, "\n")] = '\0';
        struct session *session = &sessions[session_count];
        *session = (struct session){.fd = -1, .number = session_count++, .script = strdup(line)};
    }
    fclose(lines);
}

static void clear(void) {
    shared.messages = shared.stamped = shared.bytes = shared.sent = 0;
    shared.close_code = shared.refused = shared.lost = shared.failed = shared.gaps = shared.caught_up = 0;
    gauge_clear(&shared.latency);
    gauge_clear(&shared.opening);
    gauge_clear(&lag);
    cleared_at = now_ns();
    cleared_cpu = cpu_ns();
}

static void plan(uint32_t first, uint32_t count, uint32_t at_once, uint32_t total) {
    task.next = first;
    task.last = first + count < session_count ? first + count : session_count;
    task.at_once = at_once;
    task.under_way = 0;
    task.left = total;
}

static uint64_t *counter(const char *name) {
    if (strcmp(name, "messages") == 0) return &shared.messages;
    if (strcmp(name, "stamped") == 0) return &shared.stamped;
    if (strcmp(name, "caught_up") == 0) return &shared.caught_up;
    return &shared.lost;
}

static void command(char *line) {
    char text[256] = "";
    uint32_t first = 0, count = 0, third = 0;
    double seconds = 0;
    sscanf(line, "%15s %255s", task.name, text);
    sscanf(line, "%*s %u %u %u", &first, &count, &third);
    task.began = now_ns();
    task.deadline = task.began + GIVE_UP_NS;
    plan(first, count, third, count);
    if (is_task("load")) load(text);
    if (is_task("clear")) clear();
    if (is_task("wait")) {
        sscanf(line, "%*s %*s %lu %lf", &task.target, &seconds);
        task.counter = counter(text);
        task.deadline = task.began + (int64_t)(seconds * 1e9);
        return;
    }
    if (is_task("open")) return advance();
    if (is_task("churn")) {
        plan(first, count, count, third);
        return advance();
    }
    for (uint32_t number = first; number < task.last && number < first + count; number++) {
        struct session *session = &sessions[number];
        if (is_task("close") && session->state == OPEN) session_leave(session);
        else if (is_task("close")) task.left--;
        if (is_task("deaf") && session->state == OPEN) session_deafen(session);
    }
    if (!is_task("close")) answer();
}

static void settle(void) {
    if (task.name[0] == '\0') return;
    if (is_beginning()) advance();
    int done = is_task("wait") ? *task.counter >= task.target : task.left == 0;
    if (done || now_ns() >= task.deadline) answer();
}

static int read_commands(void) {
    static char input[4096];
    static size_t have;
    ssize_t got = read(0, input + have, sizeof input - have - 1);
    if (got <= 0) return 0;
    have += got;
    input[have] = '\0';
    for (char *end; (end = strchr(input, '\n')) != NULL;) {
        *end = '\0';
        command(input);
        have -= end + 1 - input;
        memmove(input, end + 1, have + 1);
    }
    return 1;
}

static void watch(int fd) {
    struct epoll_event event = {.events = EPOLLIN, .data.u64 = fd};
    epoll_ctl(shared.poll, EPOLL_CTL_ADD, fd, &event);
}

int main(int count, char **words) {
    struct rlimit files;
    /* redis-server and the publisher may share our core, and what waits for them waits for us: they come first. */
    setpriority(PRIO_PROCESS, 0, 10);
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    if (count != 4 && count != 6) return fprintf(stderr, "usage: swarm ADDRESS PORT PATH [PING PONG]\n"), 2;
    shared.server = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons(atoi(words[2]))};
    inet_pton(AF_INET, words[1], &shared.server.sin_addr);
    shared.path = words[3];
    shared.ping = count == 6 ? words[4] : NULL;
    shared.pong = count == 6 ? words[5] : NULL;
    shared.opened = on_opened;
    shared.gone = on_gone;
    shared.poll = epoll_create1(0);
    int timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
    timer_began = now_ns();
    int64_t due = timer_began + TICK_NS;
    struct itimerspec every = {{0, TICK_NS}, {due / 1000000000, due % 1000000000}};
    timerfd_settime(timer, TFD_TIMER_ABSTIME, &every, NULL);
    watch(0);
    watch(timer);
    clear();
    for (struct epoll_event events[EVENTS];;) {
        int ready = epoll_wait(shared.poll, events, EVENTS, is_beginning() ? 0 : -1);
        for (int i = 0; i < ready; i++) {
            if (events[i].data.u64 == 0) {
                if (!read_commands()) return 0;
            } else if (events[i].data.u64 == (uint64_t)timer) {
                tick(timer);
            } else {
                session_ready(events[i].data.ptr, events[i].events);
            }
        }
        settle();
    }
}
