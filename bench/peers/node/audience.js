"use strict";

// Who is in which room, and the NATS subscriptions that follow: the first one in subscribes, the last one out ends it.
class Audience {
  constructor(nc, deliver) {
    this.nc = nc;
    this.deliver = deliver;
    this.rooms = new Map(); // name → {sockets, subscriptions, confirmed}
  }

  async enter(socket, { name, subjects }) {
    let room = this.rooms.get(name);
    if (!room) {
      const callback = (failure, message) => failure || this.deliver(message);
      const subscriptions = subjects.map((subject) => this.nc.subscribe(subject, { callback }));
      room = { sockets: new Set(), subscriptions, confirmed: this.nc.flush() };
      this.rooms.set(name, room);
    }
    room.sockets.add(socket.id);
    (socket.data.rooms ??= []).push(name);
    socket.join(name);
    await room.confirmed;
  }

  leaveAll(socket) {
    for (const name of socket.data.rooms) {
      const room = this.rooms.get(name);
      room.sockets.delete(socket.id);
      if (room.sockets.size === 0) {
        this.rooms.delete(name);
        for (const subscription of room.subscriptions) subscription.unsubscribe();
      }
    }
  }
}

module.exports = { Audience };
