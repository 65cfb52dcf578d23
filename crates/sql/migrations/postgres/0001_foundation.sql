-- What every service's database has: who it is, its lanes, its change feed, the answers it gave,
-- and how far it has read the feeds of others.

CREATE TABLE meta (
    key TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    value TEXT NOT NULL
);

CREATE TABLE lane (
    lane INTEGER NOT NULL PRIMARY KEY,
    -- The number of the lane's last change. Numbers have no gaps and stand in commit order.
    seq BIGINT NOT NULL DEFAULT 0,
    -- Changes up to this number have been deleted.
    pruned_seq BIGINT NOT NULL DEFAULT 0,
    -- Raised by whoever takes a lane over, so that its former owner can no longer write.
    epoch BIGINT NOT NULL DEFAULT 0
) WITH (fillfactor = 10); -- Every write updates a row here: leave room to do so within its page.

CREATE TABLE change (
    lane INTEGER NOT NULL,
    seq BIGINT NOT NULL,
    kind TEXT COLLATE "C" NOT NULL,
    key TEXT COLLATE "C" NOT NULL,
    happened_at BIGINT NOT NULL,
    recorded_at BIGINT NOT NULL,
    body BYTEA NOT NULL,
    PRIMARY KEY (lane, seq)
);

CREATE TABLE answer (
    lane INTEGER NOT NULL,
    principal TEXT COLLATE "C" NOT NULL,
    method TEXT COLLATE "C" NOT NULL,
    request_id BYTEA NOT NULL,
    fingerprint BYTEA NOT NULL,
    -- NULL only inside the transaction that is about to answer.
    answer BYTEA,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (lane, request_id, method, principal)
) WITH (fillfactor = 80); -- Each row is updated once, by its own transaction.

CREATE TABLE consumer (
    name TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    resume_token TEXT NOT NULL,
    moved_at BIGINT NOT NULL
);

-- The same for people: instants as timestamps.
CREATE VIEW change_readable AS
SELECT lane, seq, kind, key, TO_TIMESTAMP(happened_at / 1e6) AS happened_at,
       TO_TIMESTAMP(recorded_at / 1e6) AS recorded_at, OCTET_LENGTH(body) AS body_bytes
FROM change;

CREATE VIEW answer_readable AS
SELECT lane, principal, method, ENCODE(request_id, 'hex') AS request_id,
       TO_TIMESTAMP(created_at / 1e6) AS created_at, OCTET_LENGTH(answer) AS answer_bytes
FROM answer;

CREATE VIEW consumer_readable AS
SELECT name, resume_token, TO_TIMESTAMP(moved_at / 1e6) AS moved_at
FROM consumer;
