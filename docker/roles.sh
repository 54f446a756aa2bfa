#!/bin/sh
# Run by the PostgreSQL image on an empty volume: roles, walls, database; the same as the embedded server's.
set -eu
psql --set ON_ERROR_STOP=1 --username "$POSTGRES_USER" --dbname template1 --quiet \
    --set owner="$OWNER_PASSWORD" --set app="$APP_PASSWORD" --set backup="$BACKUP_PASSWORD" --file /roles.sql
psql --set ON_ERROR_STOP=1 --username "$POSTGRES_USER" --dbname postgres --quiet --command "CREATE DATABASE carteira OWNER carteira_owner"
