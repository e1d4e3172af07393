"""The whole house on one machine: real nats-server, PostgreSQL, Caddy and the services, all from wheels.

`stack.running.running` starts a stack for tests and tools, `stack.parts.parts` only bus and database.
"""
