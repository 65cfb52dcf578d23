-- Accounts with their live lots and open holds inline, because every spend reads all of them.
CREATE TABLE account (
    lane INTEGER NOT NULL,
    account_id TEXT COLLATE "C" NOT NULL,
    customer_id TEXT COLLATE "C" NOT NULL,
    programme_id TEXT COLLATE "C" NOT NULL,
    -- All points, held ones included: the sum of the lots in `state`.
    balance BIGINT NOT NULL CHECK (balance >= 0),
    -- When the next lot or hold falls due; the year 9999 when none does.
    next_due BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    state BYTEA NOT NULL,
    PRIMARY KEY (lane, account_id)
) WITH (fillfactor = 60); -- Every entry updates a row here: leave room to do so within its page.
CREATE INDEX account_by_due ON account (lane, next_due);
CREATE INDEX account_by_id ON account (account_id);
CREATE INDEX account_by_customer ON account (customer_id, account_id);

-- What happened, numbered as in `lane`: the ledger, the change feed and the memory of requests at once.
CREATE TABLE entry (
    lane INTEGER NOT NULL,
    seq BIGINT NOT NULL,
    -- The account's record before this one, 0 for none: a list is read along this chain, which costs
    -- nothing to keep, where an index by account would be written at random places.
    previous_seq BIGINT NOT NULL,
    account_id TEXT COLLATE "C" NOT NULL,
    -- 0 for the opening of the account, -1 for a refused request, which moved nothing and stands here
    -- to be refused alike when it is repeated; else the kind of the entry.
    kind INTEGER NOT NULL,
    points BIGINT NOT NULL,
    decided_at BIGINT NOT NULL,
    recorded_at BIGINT NOT NULL,
    request_id BYTEA,
    -- Of earnings only: a source earns once.
    earned_source TEXT COLLATE "C",
    body BYTEA NOT NULL,
    PRIMARY KEY (lane, seq)
);
CREATE UNIQUE INDEX entry_by_request ON entry (lane, request_id) WHERE request_id IS NOT NULL;
CREATE UNIQUE INDEX entry_by_source ON entry (lane, account_id, earned_source)
WHERE earned_source IS NOT NULL;

-- Which entry closed a hold, or took points of an entry back; and how many had come back before: the
-- key lets only one of two that know the same go on.
CREATE TABLE ending (
    lane INTEGER NOT NULL,
    seq BIGINT NOT NULL,
    points_before BIGINT NOT NULL,
    points BIGINT NOT NULL,
    by_seq BIGINT NOT NULL,
    PRIMARY KEY (lane, seq, points_before)
);

-- What entries add up to, by the day they were decided for (counted from 1970-01-01): kept with every
-- commit, so that books need not read every entry.
CREATE TABLE total (
    lane INTEGER NOT NULL,
    programme_id TEXT COLLATE "C" NOT NULL,
    day BIGINT NOT NULL,
    kind INTEGER NOT NULL,
    points BIGINT NOT NULL,
    -- Where in the lane these entries stand, for the parts of a day.
    first_seq BIGINT NOT NULL,
    last_seq BIGINT NOT NULL,
    PRIMARY KEY (lane, programme_id, day, kind)
) WITH (fillfactor = 50); -- The rows of today are updated by every commit.

-- The same for people: instants as timestamps.
CREATE VIEW account_readable AS
SELECT lane, account_id, customer_id, programme_id, balance,
       TO_TIMESTAMP(next_due / 1e6) AS next_due, TO_TIMESTAMP(created_at / 1e6) AS created_at,
       TO_TIMESTAMP(updated_at / 1e6) AS updated_at
FROM account;

CREATE VIEW entry_readable AS
SELECT lane, seq, account_id, kind, points, TO_TIMESTAMP(decided_at / 1e6) AS decided_at,
       TO_TIMESTAMP(recorded_at / 1e6) AS recorded_at, ENCODE(request_id, 'hex') AS request_id,
       earned_source
FROM entry;
