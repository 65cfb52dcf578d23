-- The catalogue of rewards. Small tables: the same on every node.
CREATE TABLE reward (
    reward_id TEXT NOT NULL PRIMARY KEY,
    programme_id TEXT NOT NULL,
    -- The number of its newest version, which is the one that counts.
    head INTEGER NOT NULL,
    -- 1 when its things are counted: then it has a stock, in table `stock`.
    is_counted INTEGER NOT NULL,
    created_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE reward_version (
    reward_id TEXT NOT NULL,
    number INTEGER NOT NULL,
    -- What it says; never changed.
    body TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    created_by TEXT NOT NULL,
    PRIMARY KEY (reward_id, number)
) STRICT, WITHOUT ROWID;

-- Where the orders of rewards stand. What an order says is in its last entry, `by_seq`.
CREATE TABLE reward_order (
    lane INTEGER NOT NULL,
    -- Its first entry, of the account's lane.
    seq INTEGER NOT NULL,
    account_id TEXT NOT NULL,
    reward_id TEXT NOT NULL,
    -- 1 reserved (until `expires_at`), 2 placed, 3 fulfilled, 4 cancelled, 5 refunded.
    state INTEGER NOT NULL,
    quantity INTEGER NOT NULL,
    -- The year 9999 for orders that were never reserved.
    expires_at INTEGER NOT NULL,
    by_seq INTEGER NOT NULL,
    PRIMARY KEY (lane, seq)
) STRICT, WITHOUT ROWID;
CREATE INDEX reward_order_by_account ON reward_order (lane, account_id, reward_id, seq);
CREATE INDEX reward_order_by_state ON reward_order (state, lane, seq);
