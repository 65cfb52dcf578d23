-- Who may become a customer, and what may be bought.

CREATE TABLE prospect (
    lane INTEGER NOT NULL,
    -- The key that the customer will have.
    customer_id TEXT COLLATE "C" NOT NULL,
    kind INTEGER NOT NULL,
    display_name TEXT NOT NULL,
    source TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    activated_at BIGINT,
    PRIMARY KEY (lane, customer_id)
);

-- Lists run over all lanes by id.
CREATE INDEX prospect_by_id ON prospect (customer_id);

CREATE TABLE lead (
    lane INTEGER NOT NULL,
    customer_id TEXT COLLATE "C" NOT NULL,
    lead_id TEXT COLLATE "C" NOT NULL,
    source TEXT NOT NULL,
    interest TEXT NOT NULL,
    state INTEGER NOT NULL,
    lost_reason TEXT NOT NULL,
    state_since BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (lane, customer_id, lead_id)
);

-- The same: all leads, and those that wait in a state.
CREATE INDEX lead_by_id ON lead (lead_id);
CREATE INDEX lead_by_state ON lead (state, lead_id);
