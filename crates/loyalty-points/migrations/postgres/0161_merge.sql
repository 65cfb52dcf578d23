-- Into which account a closed one was merged, in the lane of the closed one.
CREATE TABLE merge_link (
    lane INTEGER NOT NULL,
    account_id TEXT COLLATE "C" NOT NULL,
    into_id TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (lane, account_id)
);

-- Which accounts were merged into one, also those that came by way of others: what they had earned counts
-- for its tier.
CREATE TABLE merged_account (
    lane INTEGER NOT NULL,
    account_id TEXT COLLATE "C" NOT NULL,
    from_id TEXT COLLATE "C" NOT NULL,
    from_lane INTEGER NOT NULL,
    PRIMARY KEY (lane, account_id, from_id)
);
