-- The three roles and the schema's door. Run once by a superuser, connected to the database (or to template1, so that every
-- later database is born with the same walls):
--     psql -v owner=SECRET -v app=SECRET -v backup=SECRET -d carteira -f carteira/embedded/roles.sql
-- One statement a line: the embedded server runs this in single-user mode.
CREATE ROLE carteira_owner LOGIN NOSUPERUSER BYPASSRLS PASSWORD :'owner';
CREATE ROLE carteira_app LOGIN NOSUPERUSER NOBYPASSRLS NOCREATEROLE PASSWORD :'app';
CREATE ROLE carteira_backup LOGIN NOSUPERUSER BYPASSRLS REPLICATION PASSWORD :'backup';
GRANT pg_read_all_data TO carteira_backup;
ALTER ROLE carteira_app SET statement_timeout='15s';
ALTER ROLE carteira_app SET lock_timeout='5s';
ALTER ROLE carteira_app SET idle_in_transaction_session_timeout='30s';
ALTER ROLE carteira_app SET transaction_timeout='60s';
REVOKE ALL ON SCHEMA public FROM PUBLIC;
GRANT USAGE ON SCHEMA public TO carteira_app;
