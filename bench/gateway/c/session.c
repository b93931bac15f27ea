#define _GNU_SOURCE
#include "session.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define BUFFER_BYTES (4 << 20)
#define SOURCES 250 /* addresses 127.0.1.1 to .250: more ports, and no address with too many connections */
#define RETRY_NS 1000000000LL
#define STAMP_DIGITS 19

struct shared shared;
static char buffer[BUFFER_BYTES + 1];

static int64_t number_after(const char *text, const char *name) {
    const char *found = strstr(text, name);
    return found == NULL ? -1 : strtoll(found + strlen(name), NULL, 10);
}

static void watch(struct session *session, int how, uint32_t events) {
    struct epoll_event event = {.events = events, .data.ptr = session};
    epoll_ctl(shared.poll, how, session->fd, &event);
}

static void forget(struct session *session) {
    if (session->state == OPEN) shared.open--;
    if (session->fd >= 0) close(session->fd);
    free(session->carry);
    session->carry = NULL;
    session->carried = 0;
    session->fd = -1;
    session->state = IDLE;
}

/* The server, or the way to it, ended the connection. */
static void end(struct session *session, int64_t retry_ns) {
    bool was_up = session->state >= OPEN;
    if (session->state == OPEN) shared.lost++;
    forget(session);
    shared.gone(session, was_up ? -1 : retry_ns);
}

static void fail(struct session *session) {
    if (session->state < OPEN) shared.failed++;
    end(session, RETRY_NS / 2 + random() % RETRY_NS);
}

void session_start(struct session *session) {
    int on = 1;
    struct sockaddr_in source = {.sin_family = AF_INET};
    source.sin_addr.s_addr = htonl(0x7f000101 + session->number % SOURCES);
    session->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    session->state = CONNECTING;
    if (!session->fresh) session->began_ns = now_ns();
    session->fresh = true;
    session->said = session->script;
    session->caught_up = false;
    session->head = -1;
    session->seq = number_after(session->script, "\"seq\":");
    if (session->fd < 0) return fail(session);
    setsockopt(session->fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
    setsockopt(session->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    bind(session->fd, (struct sockaddr *)&source, sizeof source);
    if (connect(session->fd, (struct sockaddr *)&shared.server, sizeof shared.server) < 0 && errno != EINPROGRESS)
        return fail(session);
    watch(session, EPOLL_CTL_ADD, EPOLLOUT);
}

static void put(struct session *session, const char *data, size_t size) {
    if (send(session->fd, data, size, MSG_NOSIGNAL) == (ssize_t)size) shared.sent++;
}

static void upgrade(struct session *session) {
    char request[1024];
    int size = snprintf(
        request, sizeof request,
        "GET %s HTTP/1.1\r\nHost: %s:%d\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n",
        shared.path, inet_ntoa(shared.server.sin_addr), ntohs(shared.server.sin_port));
    put(session, request, size);
    session->state = UPGRADING;
    watch(session, EPOLL_CTL_MOD, EPOLLIN);
}

void session_send(struct session *session, int opcode, const char *payload, size_t size) {
    char frame[8192];
    size_t at = 0;
    if (size > sizeof frame - 14) return;
    frame[at++] = (char)(0x80 | opcode);
    frame[at++] = (char)(0x80 | (size < 126 ? size : 126));
    if (size >= 126) {
        frame[at++] = (char)(size >> 8);
        frame[at++] = (char)size;
    }
    memset(frame + at, 0, 4); /* masked with zeros */
    memcpy(frame + at + 4, payload, size);
    put(session, frame, at + 4 + size);
}

/* Go on in the script: say the next text, or be open when there is none. */
static void say_next(struct session *session) {
    if (session->said == NULL || *session->said == '\0') {
        session->state = OPEN;
        shared.open++;
        gauge_add(&shared.opening, now_ns() - session->began_ns);
        session->fresh = false;
        return shared.opened(session);
    }
    const char *tab = strchrnul(session->said, '\t');
    if (tab > session->said) session_send(session, 1, session->said, tab - session->said);
    session->said = *tab ? tab + 1 : tab;
}

/* Every entry must be the next one. */
static void check_entries(struct session *session, const char *payload) {
    static const char name[] = "\"t\":\"entry\",\"seq\":";
    if (strncmp(payload, "{\"t\":\"welcome\"", 14) == 0) {
        session->head = number_after(payload, "\"seq\":");
        bool resumed = strstr(payload, "\"resumed\":true") != NULL;
        shared.gaps += session->seq >= 0 && !resumed;
        if (!resumed) session->seq = session->head;
    }
    for (const char *at = payload; (at = strstr(at, name)) != NULL;) {
        int64_t seq = strtoll(at += sizeof name - 1, NULL, 10);
        shared.gaps += seq != session->seq + 1;
        session->seq = seq;
    }
    if (!session->caught_up && session->head >= 0 && session->seq >= session->head) {
        session->caught_up = true;
        shared.caught_up++;
    }
}

static void count(const char *payload, size_t size, int64_t now) {
    shared.messages++;
    shared.bytes += size;
    const char *stamp = memchr(payload, '@', size);
    if (stamp == NULL || payload + size - stamp <= STAMP_DIGITS) return;
    shared.stamped++;
    shared.last_ns = now;
    gauge_add(&shared.latency, now - strtoll(stamp + 1, NULL, 10));
}

static bool is_kind(const char *payload, size_t size, char kind) {
    return size > 8 && memcmp(payload, "{\"t\":\"", 6) == 0 && payload[6] == kind;
}

static void hear(struct session *session, char *payload, size_t size, int64_t now) {
    if (shared.ping != NULL && size == strlen(shared.ping) && memcmp(payload, shared.ping, size) == 0)
        return session_send(session, 1, shared.pong, strlen(shared.pong));
    count(payload, size, now);
    char after = payload[size];
    payload[size] = '\0';
    if (is_kind(payload, size, 'e') || is_kind(payload, size, 'w')) check_entries(session, payload);
    bool refused = session->state == GREETING && is_kind(payload, size, 'b');
    int64_t wait_ms = refused ? number_after(payload, "\"after\":") : 0;
    int64_t spread_ms = refused ? number_after(payload, "\"spread\":") : 0;
    payload[size] = after;
    if (refused) {
        shared.refused++;
        end(session, (wait_ms + (spread_ms > 0 ? random() % spread_ms : 0)) * 1000000);
    } else if (session->state == GREETING) {
        say_next(session);
    }
}

/* Take the complete frames of `data`; how many bytes they are. The session may have ended meanwhile. */
static size_t take_frames(struct session *session, char *data, size_t size, int64_t now) {
    size_t at = 0;
    while (session->fd >= 0 && size - at >= 2) {
        unsigned char *frame = (unsigned char *)data + at;
        size_t head = 2, length = frame[1] & 0x7f;
        if (length >= 126) {
            int bytes = length == 126 ? 2 : 8;
            head += bytes;
            if (size - at < head) break;
            length = 0;
            for (int i = 0; i < bytes; i++) length = length << 8 | frame[2 + i];
        }
        if (size - at < head + length) break;
        at += head + length;
        int opcode = frame[0] & 0x0f;
        if (opcode == 9) {
            session_send(session, 10, (char *)frame + head, length);
        } else if (opcode == 8) {
            shared.close_code = length < 2 ? 1005 : frame[head] << 8 | frame[head + 1];
            fail(session);
        } else if (opcode < 3) {
            hear(session, (char *)frame + head, length, now);
        }
    }
    return at;
}

/* Take the answer to the handshake; how many bytes it is, 0 while it is not complete. */
static size_t take_answer(struct session *session, char *data, size_t size) {
    data[size] = '\0';
    char *end_of_head = strstr(data, "\r\n\r\n");
    if (end_of_head == NULL) return 0;
    if (strncmp(data, "HTTP/1.1 101", 12) == 0) {
        session->state = GREETING;
        say_next(session);
    } else {
        const char *wait = strcasestr(data, "\r\nretry-after:");
        int64_t wait_ns = (wait != NULL ? strtoll(wait + 14, NULL, 10) : 1) * 1000000000LL;
        shared.refused++;
        end(session, wait_ns + random() % RETRY_NS);
    }
    return end_of_head + 4 - data;
}

static void receive(struct session *session) {
    memcpy(buffer, session->carry, session->carried);
    ssize_t got = recv(session->fd, buffer + session->carried, BUFFER_BYTES - session->carried, 0);
    if (got < 0 && errno == EAGAIN) return;
    if (got <= 0) return fail(session);
    size_t size = session->carried + got, taken = 0;
    if (session->state == UPGRADING) taken = take_answer(session, buffer, size);
    if (session->fd >= 0 && session->state > UPGRADING)
        taken += take_frames(session, buffer + taken, size - taken, now_ns());
    if (session->fd < 0) return;
    free(session->carry);
    session->carried = size - taken;
    session->carry = session->carried ? malloc(session->carried) : NULL;
    memcpy(session->carry, buffer + taken, session->carried);
}

void session_ready(struct session *session, uint32_t events) {
    if (session->fd < 0) return;
    if (session->state == CONNECTING && !(events & (EPOLLERR | EPOLLHUP))) upgrade(session);
    else receive(session);
}

void session_leave(struct session *session) {
    session_send(session, 8, "\x03\xe8", 2);
    shared.open--;
    session->state = LEAVING;
}

void session_drop(struct session *session) { forget(session); }

void session_deafen(struct session *session) {
    int least = 1;
    setsockopt(session->fd, SOL_SOCKET, SO_RCVBUF, &least, sizeof least);
    watch(session, EPOLL_CTL_DEL, 0);
}
