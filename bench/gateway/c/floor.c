/* The floor of a fan-out: shakes hands with whoever comes, then does nothing but send() the same frame to each.
 *
 * Commands on stdin: `run COUNT PER_S BYTES` sends COUNT messages of BYTES at an even rate (0: at once), each with
 * the time of its sending, and answers one line of JSON when it is done. usage: floor PORT */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "gauge.h"

static int clients[1 << 20];
static size_t client_count;

static void welcome(int listener) {
    static const char answer[] = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                                 "Sec-WebSocket-Accept: ICX+Yqv66kxgM0FcWaLWlFLwTAI=\r\n\r\n";
    char request[2048];
    int on = 1, client = accept(listener, NULL, NULL);
    if (client < 0) return;
    setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (recv(client, request, sizeof request, 0) <= 0 || send(client, answer, sizeof answer - 1, 0) < 0) close(client);
    else clients[client_count++] = client;
}

static size_t frame_of(char *frame, size_t bytes) {
    size_t head = bytes < 126 ? 2 : 4;
    frame[0] = (char)0x81;
    frame[1] = (char)(bytes < 126 ? bytes : 126);
    if (head == 4) {
        frame[2] = (char)(bytes >> 8);
        frame[3] = (char)bytes;
    }
    memset(frame + head, 'x', bytes);
    return head;
}

static void run(long count, double per_s, size_t bytes) {
    static char frame[1 << 16];
    size_t head = frame_of(frame, bytes);
    long refused = 0;
    int64_t began = now_ns(), late = 0;
    for (long number = 0; number < count; number++) {
        int64_t due = began + (per_s > 0 ? (int64_t)(number * 1e9 / per_s) : 0);
        struct timespec at = {due / 1000000000, due % 1000000000};
        clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL);
        int64_t now = now_ns();
        if (now - due > late) late = now - due;
        int stamp = sprintf(frame + head, "@%019ld", now);
        frame[head + stamp] = 'x';
        for (size_t i = 0; i < client_count; i++)
            refused += send(clients[i], frame, head + bytes, MSG_NOSIGNAL | MSG_DONTWAIT) < 0;
    }
    printf("{\"began_ns\":%ld,\"refused\":%ld,\"late_max_ms\":%.2f}\n", began, refused, late / 1e6);
    fflush(stdout);
}

int main(int count, char **words) {
    struct rlimit files;
    int on = 1, listener = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in here = {.sin_family = AF_INET, .sin_port = htons(count > 1 ? atoi(words[1]) : 0)};
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    here.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(listener, (struct sockaddr *)&here, sizeof here) < 0 || listen(listener, 1024) < 0) return perror("floor"), 1;
    printf("{}\n");
    fflush(stdout);
    struct pollfd watched[] = {{.fd = 0, .events = POLLIN}, {.fd = listener, .events = POLLIN}};
    for (char line[256]; poll(watched, 2, -1) > 0;) {
        if (watched[1].revents) welcome(listener);
        if (!watched[0].revents) continue;
        long messages;
        double per_s;
        size_t bytes;
        if (fgets(line, sizeof line, stdin) == NULL) return 0;
        if (sscanf(line, "run %ld %lf %zu", &messages, &per_s, &bytes) == 3) run(messages, per_s, bytes);
    }
}
