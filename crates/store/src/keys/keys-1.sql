CREATE TABLE keys (
    id      TEXT PRIMARY KEY,
    hash    BLOB    NOT NULL UNIQUE, -- SHA-256 of the secret
    name    TEXT    NOT NULL,
    tenant  TEXT    NOT NULL,
    scope   TEXT    NOT NULL,        -- JSON
    created INTEGER NOT NULL,        -- microseconds since the epoch
    revoked INTEGER
) STRICT;
CREATE UNIQUE INDEX keys_name ON keys (name) WHERE revoked IS NULL;
