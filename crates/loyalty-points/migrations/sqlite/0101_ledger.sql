-- Accounts with their live lots and open holds inline, because every spend reads all of them.
CREATE TABLE account (
    lane INTEGER NOT NULL,
    account_id TEXT NOT NULL,
    customer_id TEXT NOT NULL,
    programme_id TEXT NOT NULL,
    -- All points, held ones included: the sum of the lots in `state`.
    balance INTEGER NOT NULL CHECK (balance >= 0),
    -- When the next lot or hold falls due; the year 9999 when none does.
    next_due INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    state BLOB NOT NULL,
    PRIMARY KEY (lane, account_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX account_by_due ON account (lane, next_due);
CREATE INDEX account_by_id ON account (account_id);
CREATE INDEX account_by_customer ON account (customer_id, account_id);

-- What happened, numbered as in `lane`: the ledger, the change feed and the memory of requests at once.
CREATE TABLE entry (
    lane INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    -- The account's record before this one, 0 for none: a list is read along this chain, which costs
    -- nothing to keep, where an index by account would be written at random places.
    previous_seq INTEGER NOT NULL,
    account_id TEXT NOT NULL,
    -- 0 for the opening of the account, -1 for a refused request, which moved nothing and stands here
    -- to be refused alike when it is repeated; else the kind of the entry.
    kind INTEGER NOT NULL,
    points INTEGER NOT NULL,
    decided_at INTEGER NOT NULL,
    recorded_at INTEGER NOT NULL,
    request_id BLOB,
    -- Of earnings only: a source earns once.
    earned_source TEXT,
    body BLOB NOT NULL,
    PRIMARY KEY (lane, seq)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX entry_by_request ON entry (lane, request_id) WHERE request_id IS NOT NULL;
CREATE UNIQUE INDEX entry_by_source ON entry (lane, account_id, earned_source)
WHERE earned_source IS NOT NULL;

-- Which entry closed a hold, or took points of an entry back; and how many had come back before: the
-- key lets only one of two that know the same go on.
CREATE TABLE ending (
    lane INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    points_before INTEGER NOT NULL,
    points INTEGER NOT NULL,
    by_seq INTEGER NOT NULL,
    PRIMARY KEY (lane, seq, points_before)
) STRICT, WITHOUT ROWID;

-- What entries add up to, by the day they were decided for (counted from 1970-01-01): kept with every
-- commit, so that books need not read every entry.
CREATE TABLE total (
    lane INTEGER NOT NULL,
    programme_id TEXT NOT NULL,
    day INTEGER NOT NULL,
    kind INTEGER NOT NULL,
    points INTEGER NOT NULL,
    -- Where in the lane these entries stand, for the parts of a day.
    first_seq INTEGER NOT NULL,
    last_seq INTEGER NOT NULL,
    PRIMARY KEY (lane, programme_id, day, kind)
) STRICT, WITHOUT ROWID;
