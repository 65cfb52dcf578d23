-- Programmes, and the versions of their rules. Small tables: the same on every node.
CREATE TABLE programme (
    programme_id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    -- The number of its newest version.
    head BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    created_by TEXT NOT NULL
);

CREATE TABLE programme_version (
    programme_id TEXT COLLATE "C" NOT NULL,
    number BIGINT NOT NULL,
    -- Its rules; never changed.
    body TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    created_by TEXT NOT NULL,
    -- NULL for a draft.
    effective_from BIGINT,
    activated_at BIGINT,
    activated_by TEXT,
    PRIMARY KEY (programme_id, number)
);

-- What events earned, with the facts that decided: an event earns once, limits of days and tiers
-- count it, and changes of rules are tried on it.
CREATE TABLE earned_event (
    lane INTEGER NOT NULL,
    account_id TEXT COLLATE "C" NOT NULL,
    event_id TEXT COLLATE "C" NOT NULL,
    programme_id TEXT COLLATE "C" NOT NULL,
    number BIGINT NOT NULL,
    happened_at BIGINT NOT NULL,
    recorded_at BIGINT NOT NULL,
    points BIGINT NOT NULL,
    qualifying BIGINT NOT NULL,
    paid BIGINT NOT NULL,
    -- The first of its entries in the lane; 0 when nothing was earned.
    seq BIGINT NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (lane, account_id, event_id)
);
CREATE INDEX earned_event_by_time ON earned_event (lane, account_id, happened_at, event_id);

-- The entries of each event: one for each lot. What is taken back of them (in `ending`) counts for tiers
-- no more.
CREATE TABLE earned_entry (
    lane INTEGER NOT NULL,
    account_id TEXT COLLATE "C" NOT NULL,
    event_id TEXT COLLATE "C" NOT NULL,
    seq BIGINT NOT NULL,
    points BIGINT NOT NULL,
    -- How many of the points count for tiers.
    qualifying BIGINT NOT NULL,
    PRIMARY KEY (lane, account_id, event_id, seq)
);

-- Who was referred in a programme, in the lane of the one who was: once.
CREATE TABLE referral (
    lane INTEGER NOT NULL,
    programme_id TEXT COLLATE "C" NOT NULL,
    referred_id TEXT COLLATE "C" NOT NULL,
    account_id TEXT COLLATE "C" NOT NULL,
    recorded_at BIGINT NOT NULL,
    PRIMARY KEY (lane, programme_id, referred_id)
);

-- The tier of each account that ever had one.
CREATE TABLE tier (
    lane INTEGER NOT NULL,
    account_id TEXT COLLATE "C" NOT NULL,
    tier_id TEXT COLLATE "C" NOT NULL,
    since BIGINT NOT NULL,
    kept_until BIGINT NOT NULL,
    -- When it must be looked at again: the end of its grace.
    due_at BIGINT NOT NULL,
    -- How often it changed.
    changes BIGINT NOT NULL,
    PRIMARY KEY (lane, account_id)
);
CREATE INDEX tier_by_due ON tier (lane, due_at);

CREATE TABLE tier_change (
    lane INTEGER NOT NULL,
    account_id TEXT COLLATE "C" NOT NULL,
    number BIGINT NOT NULL,
    previous_tier_id TEXT COLLATE "C" NOT NULL,
    tier_id TEXT COLLATE "C" NOT NULL,
    changed_at BIGINT NOT NULL,
    qualifying BIGINT NOT NULL,
    paid BIGINT NOT NULL,
    version BIGINT NOT NULL,
    PRIMARY KEY (lane, account_id, number)
);

-- The same for people: instants as timestamps.
CREATE VIEW programme_readable AS
SELECT programme_id, head, TO_TIMESTAMP(created_at / 1e6) AS created_at, created_by
FROM programme;

CREATE VIEW programme_version_readable AS
SELECT programme_id, number, TO_TIMESTAMP(created_at / 1e6) AS created_at, created_by,
       TO_TIMESTAMP(effective_from / 1e6) AS effective_from,
       TO_TIMESTAMP(activated_at / 1e6) AS activated_at, activated_by, body
FROM programme_version;

CREATE VIEW earned_event_readable AS
SELECT lane, account_id, event_id, programme_id, number,
       TO_TIMESTAMP(happened_at / 1e6) AS happened_at,
       TO_TIMESTAMP(recorded_at / 1e6) AS recorded_at, points, qualifying, paid, seq
FROM earned_event;

CREATE VIEW referral_readable AS
SELECT lane, programme_id, referred_id, account_id, TO_TIMESTAMP(recorded_at / 1e6) AS recorded_at
FROM referral;

CREATE VIEW tier_readable AS
SELECT lane, account_id, tier_id, TO_TIMESTAMP(since / 1e6) AS since,
       TO_TIMESTAMP(kept_until / 1e6) AS kept_until, TO_TIMESTAMP(due_at / 1e6) AS due_at, changes
FROM tier;

CREATE VIEW tier_change_readable AS
SELECT lane, account_id, number, previous_tier_id, tier_id,
       TO_TIMESTAMP(changed_at / 1e6) AS changed_at, qualifying, paid, version
FROM tier_change;
