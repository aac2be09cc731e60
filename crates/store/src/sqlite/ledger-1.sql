-- One row a request: what is listed and summed over. A row without a status is a request that runs.
CREATE TABLE requests (
    seq           INTEGER PRIMARY KEY,
    id            TEXT    NOT NULL,
    started       INTEGER NOT NULL, -- microseconds since the epoch
    tenant        TEXT    NOT NULL,
    key           TEXT,
    model         TEXT    NOT NULL, -- as asked for
    stream        INTEGER NOT NULL,
    session       TEXT,
    route         TEXT,
    target        TEXT,             -- who answered
    status        TEXT,
    cost_nano     INTEGER,          -- nano-dollars
    baseline_nano INTEGER,
    input_tokens  INTEGER NOT NULL DEFAULT 0,
    output_tokens INTEGER NOT NULL DEFAULT 0,
    usage_source  TEXT    NOT NULL DEFAULT 'unknown',
    total_us      INTEGER NOT NULL DEFAULT 0,
    overhead_us   INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE UNIQUE INDEX requests_id ON requests (id);
CREATE INDEX requests_started ON requests (started);
CREATE INDEX requests_open ON requests (seq) WHERE status IS NULL;

CREATE TABLE decisions (
    seq      INTEGER PRIMARY KEY,
    decision TEXT, -- JSON
    prompt   TEXT
) STRICT;

CREATE TABLE outcomes (
    seq      INTEGER PRIMARY KEY,
    attempts TEXT NOT NULL, -- JSON
    outcome  TEXT NOT NULL  -- JSON
) STRICT;
