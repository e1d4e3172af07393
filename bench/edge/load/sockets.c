/* Socket.IO clients over WebSocket: RFC 6455, Engine.IO 4, Socket.IO 5, as much of each as a load needs. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "load.h"

enum state { UPGRADING, CONNECTING, WAITING, READY };

struct socket {
    int fd;
    enum state state;
    long index;
    char *in;
    size_t filled, room;
};

long sockets_dialled, sockets_ready, events_heard;
void (*on_ack)(long ack);
static struct socket *sockets;
static char **tokens;
static long token_count;
static int server_port;

void sockets_open(int port, const char *token_file) {
    size_t size;
    char *rest = read_file(token_file, &size), *line;
    server_port = port;
    for (size_t at = 0; at < size; at++) token_count += rest[at] == '\n';
    tokens = calloc((size_t)token_count, sizeof *tokens);
    sockets = calloc((size_t)token_count, sizeof *sockets);
    for (long index = 0; index < token_count && (line = strsep(&rest, "\n")); index++) tokens[index] = line;
}

static void send_all(struct socket *one, const void *bytes, size_t size) {
    if (send(one->fd, bytes, size, MSG_NOSIGNAL) != (ssize_t)size) fail("socket %ld takes nothing", one->index);
}

static void say_frame(struct socket *one, unsigned char first, const char *text, size_t size) {
    static const unsigned char mask[4] = {0x5a, 0x0f, 0xc3, 0x96};
    unsigned char frame[2048];
    size_t head = 2;
    if (size > sizeof frame - 8) fail("a long frame");
    frame[0] = first;
    frame[1] = (unsigned char)(0x80 | (size < 126 ? size : 126));
    if (size >= 126) {
        frame[2] = (unsigned char)(size >> 8);
        frame[3] = (unsigned char)size;
        head = 4;
    }
    memcpy(frame + head, mask, 4);
    head += 4;
    for (size_t at = 0; at < size; at++) frame[head + at] = (unsigned char)text[at] ^ mask[at & 3];
    send_all(one, frame, head + size);
}

static void say(struct socket *one, const char *text, size_t size) { say_frame(one, 0x81, text, size); }

void sockets_dial(void) {
    if (sockets_dialled == token_count) fail("no token for one more socket");
    struct socket *one = &sockets[sockets_dialled];
    *one = (struct socket){.fd = open_tcp(server_port), .index = sockets_dialled++, .room = 1024};
    one->in = malloc(one->room);
    char request[512];
    int size = snprintf(request, sizeof request,
        "GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nUpgrade: websocket\r\n"
        "Connection: Upgrade\r\nSec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==\r\nSec-WebSocket-Version: 13\r\n\r\n",
        server_port);
    send_all(one, request, (size_t)size);
    fcntl(one->fd, F_SETFL, fcntl(one->fd, F_GETFL) | O_NONBLOCK);
    watch(one->fd, one);
}

void socket_say_location(long index, long serial, long ack) {
    char text[256], id[24] = "";
    if (ack >= 0) snprintf(id, sizeof id, "%ld", ack);
    int size = snprintf(text, sizeof text,
        "42%s[\"pilot:location\",{\"lat\":40.7%05ld,\"lng\":-73.9%05ld,\"heading\":%ld,\"speed\":%ld.5}]", id,
        serial % 99991, serial % 99989, serial % 360, serial % 30);
    say(&sockets[index], text, (size_t)size);
}

static void on_event(struct socket *one) {
    if (one->state == READY) {
        events_heard++;
    } else { /* the first one is the snapshot */
        one->state = READY;
        sockets_ready++;
    }
}

static void on_message(struct socket *one, const char *text, size_t size) {
    char said[1200];
    switch (size ? text[0] : 0) {
    case '0': /* open */
        say(one, said, (size_t)snprintf(said, sizeof said, "40{\"token\":\"%s\"}", tokens[one->index]));
        return;
    case '2': /* ping */
        say(one, "3", 1);
        return;
    case '4':
        if (size > 1 && text[1] == '0') { one->state = WAITING; return; }
        if (size > 1 && text[1] == '2') { on_event(one); return; }
        if (size > 1 && text[1] == '3') { if (on_ack) on_ack(atol(text + 2)); return; }
    }
    fail("socket %ld is told %.*s", one->index, (int)size, text);
}

/* Returns what the first frame takes, 0: not all here. */
static size_t frame(struct socket *one, char *at, size_t available) {
    unsigned char *head = (unsigned char *)at;
    if (available < 2) return 0;
    size_t size = head[1], start = 2;
    if (size > 126) fail("socket %ld: a long frame", one->index);
    if (size == 126) {
        if (available < 4) return 0;
        size = (size_t)(head[2] << 8 | head[3]);
        start = 4;
    }
    if (available < start + size) return 0;
    if (head[0] == 0x81) on_message(one, at + start, size);
    else if (head[0] == 0x89) say_frame(one, 0x8a, at + start, size); /* a ping of WebSocket itself */
    else fail("socket %ld: frame %02x %.*s", one->index, head[0], (int)size, at + start);
    return start + size;
}

static size_t upgraded(struct socket *one) {
    char *end = memmem(one->in, one->filled, "\r\n\r\n", 4);
    if (!end) return 0;
    if (memcmp(one->in, "HTTP/1.1 101", 12)) fail("socket %ld: %.*s", one->index, 200, one->in);
    one->state = CONNECTING;
    return (size_t)(end - one->in) + 4;
}

void socket_read(void *which) {
    struct socket *one = which;
    if (one->filled == one->room) one->in = realloc(one->in, one->room *= 2);
    ssize_t some = recv(one->fd, one->in + one->filled, one->room - one->filled, 0);
    if (some < 0 && errno == EAGAIN) return;
    if (some <= 0) fail("socket %ld was hung up on", one->index);
    one->filled += (size_t)some;
    size_t at = 0, taken;
    if (one->state == UPGRADING && (at = upgraded(one)) == 0) return;
    while (one->filled > at && (taken = frame(one, one->in + at, one->filled - at)) > 0) at += taken;
    memmove(one->in, one->in + at, one->filled - at);
    one->filled -= at;
}

void sockets_close(void) {
    for (long index = 0; index < sockets_dialled; index++) {
        unwatch(sockets[index].fd);
        close(sockets[index].fd);
        free(sockets[index].in);
    }
    sockets_dialled = sockets_ready = 0;
}
