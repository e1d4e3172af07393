/* The loop: one epoll for all clients, the bus and the commands. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "load.h"

#define AT_ONCE 512

char bus_owner, input_owner;
static int loop;
static int has_input;

double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

void fail(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputc('\n', stderr);
    exit(1);
}

char *read_file(const char *name, size_t *size) {
    FILE *file = fopen(name, "rb");
    if (!file || fseek(file, 0, SEEK_END)) fail("%s: %s", name, strerror(errno));
    *size = (size_t)ftell(file);
    rewind(file);
    char *text = malloc(*size + 1);
    if (fread(text, 1, *size, file) != *size) fail("%s: short", name);
    text[*size] = 0;
    fclose(file);
    return text;
}

struct form read_form(const char *name) {
    struct form form = {0};
    form.text = read_file(name, &form.size);
    for (size_t at = 0; at + DIGITS <= form.size; at++) {
        if (!memcmp(form.text + at, "############", DIGITS) && form.whos < 8) form.who[form.whos++] = at;
        if (!memcmp(form.text + at, "@@@@@@@@@@@@", DIGITS) && form.serials < 8) form.serial[form.serials++] = at;
    }
    return form;
}

static void put_number(char *at, long number) {
    for (int digit = DIGITS - 1; digit >= 0; digit--, number /= 10) at[digit] = (char)('0' + number % 10);
}

void fill(struct form *form, long who, long serial) {
    for (int place = 0; place < form->whos; place++) put_number(form->text + form->who[place], who);
    for (int place = 0; place < form->serials; place++) put_number(form->text + form->serial[place], serial);
}

int open_tcp(int port) {
    int fd = socket(AF_INET, SOCK_STREAM, 0), on = 1;
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (fd < 0 || connect(fd, (void *)&address, sizeof address)) fail("port %d: %s", port, strerror(errno));
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    return fd;
}

void watch(int fd, void *owner) {
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = owner};
    if (epoll_ctl(loop, EPOLL_CTL_ADD, fd, &event)) fail("epoll: %s", strerror(errno));
}

void unwatch(int fd) { epoll_ctl(loop, EPOLL_CTL_DEL, fd, NULL); }

void pump(double seconds) {
    struct epoll_event events[AT_ONCE];
    struct timespec time = {.tv_sec = (time_t)seconds, .tv_nsec = (long)((seconds - (double)(time_t)seconds) * 1e9)};
    struct pollfd all = {.fd = loop, .events = POLLIN}; /* epoll itself sleeps whole milliseconds */
    bus_flush();
    if (ppoll(&all, 1, &time, NULL) < 0) fail("poll: %s", strerror(errno));
    int count = epoll_wait(loop, events, AT_ONCE, 0);
    for (int index = 0; index < count; index++) {
        void *owner = events[index].data.ptr;
        if (owner == &bus_owner) bus_read();
        else if (owner == &input_owner) has_input = 1;
        else socket_read(owner);
    }
    bus_flush();
}

int main(int count, char **arguments) {
    if (count != 5) fail("usage: load SERVER_PORT BUS_PORT TOKEN_FILE ONLINE   (forms: in this folder)");
    struct rlimit files = {0};
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    prctl(PR_SET_TIMERSLACK, 1UL); /* nanoseconds; else a short sleep is 50 microseconds longer */
    loop = epoll_create1(0);
    bus_open(atoi(arguments[2]), atol(arguments[4]));
    sockets_open(atoi(arguments[1]), arguments[3]);
    watch(STDIN_FILENO, &input_owner);
    char line[256];
    for (;;) {
        has_input = 0;
        while (!has_input) pump(60);
        if (!fgets(line, sizeof line, stdin)) return 0;
        unwatch(STDIN_FILENO); /* one command at a time */
        command(line);
        fflush(stdout);
        watch(STDIN_FILENO, &input_owner);
    }
}
