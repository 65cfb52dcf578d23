-- What sources claim of customers: of each customer, name and source what was observed last.
CREATE TABLE profile_claim (
    lane INTEGER NOT NULL,
    customer_id TEXT COLLATE "C" NOT NULL,
    name TEXT COLLATE "C" NOT NULL,
    source TEXT COLLATE "C" NOT NULL,
    -- As src/store/profile.rs writes it; NULL where the source withdrew what it had said.
    claimed TEXT,
    observed_at BIGINT NOT NULL,
    -- 1 to 100; 0 where the claim does not say.
    trust INTEGER NOT NULL,
    expires_at BIGINT,
    recorded_at BIGINT NOT NULL,
    PRIMARY KEY (lane, customer_id, name, source)
);
