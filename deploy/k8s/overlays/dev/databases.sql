-- One database and one role a service, as in production; no role may look into another's.
CREATE ROLE booking LOGIN PASSWORD 'booking';
CREATE ROLE matching LOGIN PASSWORD 'matching';
CREATE ROLE push LOGIN PASSWORD 'push';
CREATE DATABASE booking OWNER booking;
CREATE DATABASE matching OWNER matching;
CREATE DATABASE push OWNER push;
REVOKE CONNECT ON DATABASE booking, matching, push FROM PUBLIC;
