/* A client of NATS: publishes filled forms, counts positions, answers for booking and matching. */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "load.h"

enum { LOCATIONS = 1, DRIVER, BOOKINGS };
#define IN_SIZE (1 << 20)
#define OUT_SIZE (1 << 20)

long bus_located;
static int bus, filled, waiting;
static char *in, *out;
static long online;
static struct form driver_online, driver_offline, no_bookings, one_booking;

static void say(const char *text, size_t size) {
    if (waiting + (int)size > OUT_SIZE) bus_flush();
    memcpy(out + waiting, text, size);
    waiting += (int)size;
}

void bus_flush(void) {
    for (int sent = 0; sent < waiting;) {
        ssize_t some = send(bus, out + sent, (size_t)(waiting - sent), MSG_NOSIGNAL);
        if (some < 0) fail("bus: %s", strerror(errno));
        sent += (int)some;
    }
    waiting = 0;
}

void bus_open(int port, long online_drivers) {
    in = malloc(IN_SIZE + 1);
    out = malloc(OUT_SIZE);
    online = online_drivers;
    driver_online = read_form("driver_online");
    driver_offline = read_form("driver_offline");
    no_bookings = read_form("no_bookings");
    one_booking = read_form("one_booking");
    bus = open_tcp(port);
    char hello[256];
    int size = snprintf(hello, sizeof hello,
        "CONNECT {\"verbose\":false,\"pedantic\":false,\"headers\":true,\"name\":\"load\"}\r\n"
        "SUB request.matching.driver %d\r\nSUB request.booking.open %d\r\n", DRIVER, BOOKINGS);
    say(hello, (size_t)size);
    watch(bus, &bus_owner);
}

void bus_publish(struct form *form, long who, long serial) {
    fill(form, who, serial);
    say(form->text, form->size);
}

void bus_hear_locations(int wanted) {
    char line[64];
    int size = wanted ? snprintf(line, sizeof line, "SUB driver.location.> %d\r\n", LOCATIONS)
                      : snprintf(line, sizeof line, "UNSUB %d\r\n", LOCATIONS);
    say(line, (size_t)size);
}

/* The number in `"customer-000000000007"`. */
static long who_asks(const char *body, size_t size, int *is_driver) {
    for (size_t at = 0; at + 7 + DIGITS < size; at++) {
        *is_driver = !memcmp(body + at, "driver-", 7);
        if (*is_driver || !memcmp(body + at, "tomer-", 6)) return atol(body + at + (*is_driver ? 7 : 6));
    }
    fail("a request of nobody: %.*s", (int)size, body);
}

static void answer(int subscription, const char *reply, const char *body, size_t size) {
    int is_driver;
    long who = who_asks(body, size, &is_driver);
    struct form *form = is_driver ? &no_bookings : &one_booking;
    if (subscription == DRIVER) form = who < online ? &driver_online : &driver_offline;
    fill(form, who, 0);
    char line[512];
    say(line, (size_t)snprintf(line, sizeof line, "PUB %s %zu\r\n", reply, form->size));
    say(form->text, form->size);
    say("\r\n", 2);
}

/* `MSG subject sid [reply] size`, `HMSG subject sid [reply] headers size`. Returns what it takes, 0: not all here. */
static size_t message(char *line, size_t line_size, size_t available) {
    char *words[6], *rest = line, *word;
    int count = 0, has_headers = *line == 'H', subscription;
    char copy[1024];
    if (line_size >= sizeof copy) fail("bus: a long line");
    memcpy(copy, line, line_size);
    copy[line_size - 2] = 0;
    for (rest = copy; count < 6 && (word = strsep(&rest, " "));) words[count++] = word;
    size_t size = (size_t)atol(words[count - 1]), all = line_size + size + 2;
    if (available < all) return 0;
    size_t headers = has_headers ? (size_t)atol(words[count - 2]) : 0;
    subscription = atoi(words[2]);
    if (subscription == LOCATIONS) bus_located++;
    else answer(subscription, words[3], line + line_size + headers, size - headers);
    return all;
}

static size_t operation(char *at, size_t available) {
    char *end = memmem(at, available, "\r\n", 2);
    if (!end) return 0;
    size_t line_size = (size_t)(end - at) + 2;
    if (!memcmp(at, "MSG", 3) || !memcmp(at, "HMSG", 4)) return message(at, line_size, available);
    if (!memcmp(at, "PING", 4)) say("PONG\r\n", 6);
    if (*at == '-') fail("bus: %.*s", (int)line_size - 2, at);
    return line_size;
}

void bus_read(void) {
    ssize_t some = recv(bus, in + filled, (size_t)(IN_SIZE - filled), 0);
    if (some <= 0) fail("bus: closed");
    filled += (int)some;
    size_t at = 0, taken;
    while ((taken = operation(in + at, (size_t)filled - at)) > 0) at += taken;
    memmove(in, in + at, (size_t)filled - at);
    filled -= (int)at;
}
