#!/bin/sh
# Create Airflow's database and the operational one, each with its owner, and a user who may only read the second.
# The image of PostgreSQL runs this once, when its volume is empty.
set -eu
password() { cat "/run/isthmus/$1"; }

psql -v ON_ERROR_STOP=1 -U "$POSTGRES_USER" -d postgres <<SQL
CREATE ROLE airflow LOGIN PASSWORD '$(password airflow)';
CREATE ROLE operations LOGIN PASSWORD '$(password operations)';
CREATE ROLE reader LOGIN PASSWORD '$(password reader)';
-- Two ingests at once would otherwise start in the middle of a table, each where the other is.
ALTER ROLE reader SET synchronize_seqscans = off;
CREATE DATABASE airflow OWNER airflow;
CREATE DATABASE operations OWNER operations;
REVOKE CONNECT ON DATABASE airflow FROM PUBLIC;
\connect operations
GRANT USAGE ON SCHEMA public TO reader;
ALTER DEFAULT PRIVILEGES FOR ROLE operations GRANT SELECT ON TABLES TO reader;
GRANT ALL ON SCHEMA public TO operations;
SQL
