"""Our push service beside a sender on node-apn: `just bench push`."""
