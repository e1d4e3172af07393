/* Many Socket.IO clients and one NATS client in one thread: the load of `just bench edge`.
   What it does not do: reconnect, compress, fragment, poll. Any surprise ends it with a message. */
#ifndef LOAD_H
#define LOAD_H

#include <stddef.h>
#include <stdint.h>

/* main.c */
double now(void); /* seconds, monotonic */
void fail(const char *format, ...) __attribute__((noreturn, format(printf, 1, 2)));
char *read_file(const char *name, size_t *size);
int open_tcp(int port);               /* connected, to this machine; blocks */
void watch(int fd, void *owner);      /* `owner` comes back from `pump` when there is something to read */
void unwatch(int fd);
void pump(double seconds);            /* read what comes within so long; everything below is called from here */
extern char bus_owner, input_owner;   /* owners that are no socket */

/* A text in which 12 marks are replaced by a number, so that its length never changes. */
#define DIGITS 12
struct form {
    char *text;
    size_t size;
    int whos, serials;
    size_t who[8], serial[8];         /* where `############` and `@@@@@@@@@@@@` stand */
};
struct form read_form(const char *name);
void fill(struct form *form, long who, long serial);

/* bus.c */
void bus_open(int port, long online);
void bus_read(void);
void bus_flush(void);
void bus_publish(struct form *form, long who, long serial);
void bus_hear_locations(int wanted);
extern long bus_located;              /* positions that came over the bus since the last look */

/* sockets.c */
void sockets_open(int port, const char *token_file);
void sockets_dial(void);              /* the next one; its index is `sockets_dialled - 1` */
void socket_read(void *socket);
void socket_say_location(long index, long serial, long ack); /* ack < 0: none is wanted */
void sockets_close(void);
extern long sockets_dialled, sockets_ready; /* ready: connected, and told the snapshot */
extern long events_heard;             /* besides snapshots */
extern void (*on_ack)(long ack);

/* commands.c: each prints one line of JSON */
void command(char *line);

#endif
