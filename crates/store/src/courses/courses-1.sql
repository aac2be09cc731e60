CREATE TABLE courses (
    tenant  TEXT    NOT NULL,
    session TEXT    NOT NULL,
    course  TEXT    NOT NULL, -- JSON
    version INTEGER NOT NULL, -- rises with every change
    changed INTEGER NOT NULL, -- microseconds since the epoch
    PRIMARY KEY (tenant, session)
) STRICT, WITHOUT ROWID;
CREATE INDEX courses_changed ON courses (changed);
