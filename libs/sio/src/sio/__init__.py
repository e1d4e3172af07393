"""A Socket.IO server: protocol 5 over Engine.IO 4, text only, the default namespace only.

packets.py     bytes ↔ packets, pure
line.py        what comes in: one packet after the other, and no faster than allowed
socket.py      what goes out: kept until the welcome, measured, coalesced for slow readers
connection.py  one client, whatever carries its packets: CONNECT, events, its end
server.py      all of them: rooms, emissions, heartbeats, deadlines
polling.py     carried by HTTP long-polling, an ASGI app
websocket.py   carried by WebSockets, a protocol for uvicorn's `ws=`
http.py        a protocol for uvicorn's `http=` that waits for a request only so long
"""
