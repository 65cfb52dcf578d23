-- Programmes, and the versions of their rules. Small tables: the same on every node.
CREATE TABLE programme (
    programme_id TEXT NOT NULL PRIMARY KEY,
    -- The number of its newest version.
    head INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    created_by TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE programme_version (
    programme_id TEXT NOT NULL,
    number INTEGER NOT NULL,
    -- Its rules; never changed.
    body TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    created_by TEXT NOT NULL,
    -- NULL for a draft.
    effective_from INTEGER,
    activated_at INTEGER,
    activated_by TEXT,
    PRIMARY KEY (programme_id, number)
) STRICT, WITHOUT ROWID;

-- What events earned, with the facts that decided: an event earns once, limits of days and tiers
-- count it, and changes of rules are tried on it.
CREATE TABLE earned_event (
    lane INTEGER NOT NULL,
    account_id TEXT NOT NULL,
    event_id TEXT NOT NULL,
    programme_id TEXT NOT NULL,
    number INTEGER NOT NULL,
    happened_at INTEGER NOT NULL,
    recorded_at INTEGER NOT NULL,
    points INTEGER NOT NULL,
    qualifying INTEGER NOT NULL,
    paid INTEGER NOT NULL,
    -- The first of its entries in the lane; 0 when nothing was earned.
    seq INTEGER NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (lane, account_id, event_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX earned_event_by_time ON earned_event (lane, account_id, happened_at, event_id);

-- The entries of each event: one for each lot. What is taken back of them (in `ending`) counts for tiers
-- no more.
CREATE TABLE earned_entry (
    lane INTEGER NOT NULL,
    account_id TEXT NOT NULL,
    event_id TEXT NOT NULL,
    seq INTEGER NOT NULL,
    points INTEGER NOT NULL,
    -- How many of the points count for tiers.
    qualifying INTEGER NOT NULL,
    PRIMARY KEY (lane, account_id, event_id, seq)
) STRICT, WITHOUT ROWID;

-- Who was referred in a programme, in the lane of the one who was: once.
CREATE TABLE referral (
    lane INTEGER NOT NULL,
    programme_id TEXT NOT NULL,
    referred_id TEXT NOT NULL,
    account_id TEXT NOT NULL,
    recorded_at INTEGER NOT NULL,
    PRIMARY KEY (lane, programme_id, referred_id)
) STRICT, WITHOUT ROWID;

-- The tier of each account that ever had one.
CREATE TABLE tier (
    lane INTEGER NOT NULL,
    account_id TEXT NOT NULL,
    tier_id TEXT NOT NULL,
    since INTEGER NOT NULL,
    kept_until INTEGER NOT NULL,
    -- When it must be looked at again: the end of its grace.
    due_at INTEGER NOT NULL,
    -- How often it changed.
    changes INTEGER NOT NULL,
    PRIMARY KEY (lane, account_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX tier_by_due ON tier (lane, due_at);

CREATE TABLE tier_change (
    lane INTEGER NOT NULL,
    account_id TEXT NOT NULL,
    number INTEGER NOT NULL,
    previous_tier_id TEXT NOT NULL,
    tier_id TEXT NOT NULL,
    changed_at INTEGER NOT NULL,
    qualifying INTEGER NOT NULL,
    paid INTEGER NOT NULL,
    version INTEGER NOT NULL,
    PRIMARY KEY (lane, account_id, number)
) STRICT, WITHOUT ROWID;
