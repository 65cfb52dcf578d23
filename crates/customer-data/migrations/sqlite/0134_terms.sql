-- What binds customers to subscriptions, and what tells that they want to go.

CREATE TABLE subscription_penalty (
    lane INTEGER NOT NULL,
    customer_id TEXT NOT NULL,
    subscription_id TEXT NOT NULL,
    currency TEXT NOT NULL,
    amount_minor INTEGER NOT NULL,
    shape INTEGER NOT NULL,
    falls_from INTEGER,
    PRIMARY KEY (lane, customer_id, subscription_id)
) STRICT, WITHOUT ROWID;

-- At most the last notice of a subscription stands.
CREATE TABLE termination_notice (
    lane INTEGER NOT NULL,
    customer_id TEXT NOT NULL,
    subscription_id TEXT NOT NULL,
    given_at INTEGER NOT NULL,
    effective_at INTEGER NOT NULL CHECK (effective_at >= given_at),
    reason TEXT NOT NULL,
    withdrawn_at INTEGER,
    PRIMARY KEY (lane, customer_id, subscription_id, given_at)
) STRICT, WITHOUT ROWID;

CREATE TABLE leaving_signal (
    lane INTEGER NOT NULL,
    customer_id TEXT NOT NULL,
    happened_at INTEGER NOT NULL,
    signal_id TEXT NOT NULL,
    -- Empty where no subscription was named.
    subscription_id TEXT NOT NULL,
    kind INTEGER NOT NULL,
    competitor_code TEXT NOT NULL,
    PRIMARY KEY (lane, customer_id, happened_at, signal_id)
) STRICT, WITHOUT ROWID;
