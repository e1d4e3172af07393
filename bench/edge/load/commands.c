/* What the bench asks for, a line each; answered by a line of JSON. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "load.h"

#define PATIENCE 60.0 /* seconds without which nothing takes */
#define THROTTLE 1.1  /* seconds after which each driver may be located again */

static long serial = 1; /* of all events and positions */

static void must_go_on(double since, const char *what) {
    if (now() - since > PATIENCE) fail("%s takes too long", what);
}

static void rest(double seconds) {
    for (double until = now() + seconds; now() < until;) pump(until - now() > 0 ? until - now() : 0);
}

/* connect COUNT AT_ONCE: seconds until all are connected and have their snapshot */
static void dial(long count, long at_once) {
    double begin = now();
    long before = sockets_ready;
    while (sockets_ready - before < count) {
        while (sockets_dialled < before + count && sockets_dialled - sockets_ready < at_once) sockets_dial();
        pump(1);
        must_go_on(begin, "connecting");
    }
    printf("{\"seconds\": %.6f}\n", now() - begin);
}

/* locations DRIVERS ROUNDS WARM_UP WINDOW: in each round each driver says one, until the bus has them all;
   the throttle of the next round is waited for. Seconds of each round after the first ones. */
static void locations(long drivers, long rounds, long warm_up, long window) {
    bus_hear_locations(1);
    rest(THROTTLE);
    printf("{\"seconds\": [");
    for (long round = 0; round < warm_up + rounds; round++) {
        double begin = now();
        bus_located = 0;
        for (long said = 0; bus_located < drivers;) {
            for (; said < drivers && said - bus_located < window; said++) socket_say_location(said, serial++, -1);
            pump(1);
            must_go_on(begin, "locating");
        }
        if (round >= warm_up) printf("%s%.6f", round > warm_up ? ", " : "", now() - begin);
        rest(THROTTLE);
    }
    printf("]}\n");
    bus_hear_locations(0);
}

/* publish FORM COUNT FIRST ROOMS HEARERS WINDOW: events to the rooms FIRST, FIRST + 1, … in turn, each heard by
   HEARERS sockets, WINDOW of them under way at once. Seconds until all are heard. */
static void publish(const char *name, long count, long first, long rooms, long hearers, long window) {
    struct form form = read_form(name);
    double begin = now();
    events_heard = 0;
    for (long said = 0; events_heard < count * hearers;) {
        for (; said < count && said - events_heard / hearers < window; said++)
            bus_publish(&form, first + said % rooms, serial++);
        pump(1);
        must_go_on(begin, name);
    }
    printf("{\"seconds\": %.6f}\n", now() - begin);
    free(form.text);
}

static double *asked, *taken;
static long answered;

static void on_answer(long ack) { taken[answered++] = now() - asked[ack]; }

static int by_size(const void *one, const void *other) {
    double difference = *(const double *)one - *(const double *)other;
    return (difference > 0) - (difference < 0);
}

/* round_trips DRIVERS RATE COUNT EVERY: positions at RATE a second; each EVERYth wants an ack. Microseconds. */
static void round_trips(long drivers, double rate, long count, long every) {
    asked = calloc((size_t)count, sizeof *asked);
    taken = calloc((size_t)count, sizeof *taken);
    answered = 0;
    on_ack = on_answer;
    rest(THROTTLE);
    double begin = now();
    long asking = 0;
    for (long said = 0; said < count;) {
        double ahead = begin + (double)said / rate - now();
        if (ahead > 0) {
            pump(ahead);
            continue;
        }
        int wants = said % every == every - 1;
        if (wants) asked[asking] = now();
        socket_say_location(said % drivers, serial++, wants ? asking++ : -1);
        said++;
    }
    while (answered < asking) { pump(1); must_go_on(begin, "answering"); }
    qsort(taken, (size_t)answered, sizeof *taken, by_size);
    printf("{\"seconds\": %.6f, \"p50_us\": %.1f, \"p99_us\": %.1f}\n", now() - begin,
           taken[answered / 2] * 1e6, taken[answered * 99 / 100] * 1e6);
    free(asked);
    free(taken);
    on_ack = NULL;
}

void command(char *line) {
    char name[64] = "", form[64] = "";
    long a, b, c, d, e;
    sscanf(line, "%63s", name);
    if (sscanf(line, "connect %ld %ld", &a, &b) == 2) dial(a, b);
    else if (sscanf(line, "locations %ld %ld %ld %ld", &a, &b, &c, &d) == 4) locations(a, b, c, d);
    else if (sscanf(line, "publish %63s %ld %ld %ld %ld %ld", form, &a, &b, &c, &d, &e) == 6) publish(form, a, b, c, d, e);
    else if (sscanf(line, "round_trips %ld %ld %ld %ld", &a, &b, &c, &d) == 4) round_trips(a, (double)b, c, d);
    else if (!strcmp(name, "close")) { sockets_close(); printf("{}\n"); }
    else fail("no such command: %s", line);
}
