/* One WebSocket client (RFC 6455): connects, says what its script says, counts what it hears. */
#ifndef SESSION_H
#define SESSION_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

#include "gauge.h"

enum state { IDLE, CONNECTING, UPGRADING, GREETING, OPEN, LEAVING };

/* `script` is what it says: texts separated by tabs, each after the first when the one before was answered by one
 * message. An empty text says nothing and waits for a message all the same. */
struct session {
    int fd;
    uint32_t number;
    enum state state;
    bool fresh;             /* not open yet since its first try, */
    int64_t began_ns;       /* which was then */
    const char *script;
    const char *said;       /* where it is in the script */
    char *carry;            /* the beginning of a frame whose rest has not come */
    uint32_t carried;
    int64_t seq, head;      /* the last entry it has, and where the welcome said that the stream stands */
    bool caught_up;
    struct session *next;   /* in its slot of the wheel */
};

/* What all sessions share: where they connect to, what they expect, and what they counted. */
struct shared {
    struct sockaddr_in server;
    const char *path;
    const char *ping, *pong; /* a heartbeat within messages, and its answer */
    int poll;
    uint64_t messages, stamped, bytes, sent;
    int64_t last_ns;        /* when the last stamped message came */
    struct gauge latency;   /* of stamped messages, one way */
    struct gauge opening;   /* from the first try to the end of the script */
    uint64_t refused, lost, failed, gaps, caught_up, open;
    int close_code;         /* the last one heard */
    void (*opened)(struct session *);
    void (*gone)(struct session *, int64_t retry_ns); /* ended; -1: it need not be tried again */
};

extern struct shared shared;

void session_start(struct session *session);
void session_ready(struct session *session, uint32_t events);

/* Close an open one: with a close frame, whose answer is waited for (then `gone` is called), or without a word. */
void session_leave(struct session *session);
void session_drop(struct session *session);

/* Stop reading, with as small a window as the system allows. */
void session_deafen(struct session *session);

void session_send(struct session *session, int opcode, const char *payload, size_t size);

#endif
