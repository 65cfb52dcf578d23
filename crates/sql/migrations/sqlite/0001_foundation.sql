-- What every service's database has: who it is, its lanes, its change feed, the answers it gave,
-- and how far it has read the feeds of others.

CREATE TABLE meta (
    key TEXT NOT NULL PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE lane (
    lane INTEGER NOT NULL PRIMARY KEY,
    -- The number of the lane's last change. Numbers have no gaps and stand in commit order.
    seq INTEGER NOT NULL DEFAULT 0,
    -- Changes up to this number have been deleted.
    pruned_seq INTEGER NOT NULL DEFAULT 0,
    -- Raised by whoever takes a lane over, so that its former owner can no longer write.
    epoch INTEGER NOT NULL DEFAULT 0
) STRICT;

CREATE TABLE change (
    lane INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    kind TEXT NOT NULL,
    key TEXT NOT NULL,
    happened_at INTEGER NOT NULL,
    recorded_at INTEGER NOT NULL,
    body BLOB NOT NULL,
    PRIMARY KEY (lane, seq)
) STRICT, WITHOUT ROWID;

CREATE TABLE answer (
    lane INTEGER NOT NULL,
    principal TEXT NOT NULL,
    method TEXT NOT NULL,
    request_id BLOB NOT NULL,
    fingerprint BLOB NOT NULL,
    -- NULL only inside the transaction that is about to answer.
    answer BLOB,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (lane, request_id, method, principal)
) STRICT, WITHOUT ROWID;

CREATE TABLE consumer (
    name TEXT NOT NULL PRIMARY KEY,
    resume_token TEXT NOT NULL,
    moved_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
