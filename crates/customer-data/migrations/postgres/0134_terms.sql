-- What binds customers to subscriptions, and what tells that they want to go.

CREATE TABLE subscription_penalty (
    lane INTEGER NOT NULL,
    customer_id TEXT COLLATE "C" NOT NULL,
    subscription_id TEXT COLLATE "C" NOT NULL,
    currency TEXT NOT NULL,
    amount_minor BIGINT NOT NULL,
    shape INTEGER NOT NULL,
    falls_from BIGINT,
    PRIMARY KEY (lane, customer_id, subscription_id)
);

-- At most the last notice of a subscription stands.
CREATE TABLE termination_notice (
    lane INTEGER NOT NULL,
    customer_id TEXT COLLATE "C" NOT NULL,
    subscription_id TEXT COLLATE "C" NOT NULL,
    given_at BIGINT NOT NULL,
    effective_at BIGINT NOT NULL CHECK (effective_at >= given_at),
    reason TEXT NOT NULL,
    withdrawn_at BIGINT,
    PRIMARY KEY (lane, customer_id, subscription_id, given_at)
);

CREATE TABLE leaving_signal (
    lane INTEGER NOT NULL,
    customer_id TEXT COLLATE "C" NOT NULL,
    happened_at BIGINT NOT NULL,
    signal_id TEXT COLLATE "C" NOT NULL,
    -- Empty where no subscription was named.
    subscription_id TEXT COLLATE "C" NOT NULL,
    kind INTEGER NOT NULL,
    competitor_code TEXT NOT NULL,
    PRIMARY KEY (lane, customer_id, happened_at, signal_id)
);
