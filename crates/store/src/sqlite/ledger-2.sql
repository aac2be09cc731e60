-- What somebody said of an answer afterwards: at most once a request.
CREATE TABLE feedback (
    seq   INTEGER PRIMARY KEY,
    at    INTEGER NOT NULL, -- microseconds since the epoch
    score REAL    NOT NULL, -- in [0, 1]
    label TEXT              -- where a word was said rather than a number
) STRICT;
