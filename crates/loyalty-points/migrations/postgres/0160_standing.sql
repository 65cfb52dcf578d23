-- What customer-data told of customers, as far as it has effects on points; in the lane of the customer.
CREATE TABLE customer_subscription (
    lane INTEGER NOT NULL,
    customer_id TEXT COLLATE "C" NOT NULL,
    subscription_id TEXT COLLATE "C" NOT NULL,
    -- 1 active, 2 terminated, 3 suspended.
    state INTEGER NOT NULL,
    -- Since when: what is told for an earlier instant is old.
    since BIGINT NOT NULL,
    PRIMARY KEY (lane, customer_id, subscription_id)
);

CREATE TABLE customer_payment (
    lane INTEGER NOT NULL,
    customer_id TEXT COLLATE "C" NOT NULL,
    in_arrears INTEGER NOT NULL,
    since BIGINT NOT NULL,
    PRIMARY KEY (lane, customer_id)
);

-- Accounts whose customers left and whose points will be void, unless they come back before.
CREATE TABLE leaver (
    lane INTEGER NOT NULL,
    account_id TEXT COLLATE "C" NOT NULL,
    void_from BIGINT NOT NULL,
    -- What was told when they left.
    source TEXT NOT NULL,
    PRIMARY KEY (lane, account_id)
);
CREATE INDEX leaver_by_time ON leaver (lane, void_from);
