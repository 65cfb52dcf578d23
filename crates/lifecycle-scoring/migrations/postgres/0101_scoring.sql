-- What is remembered of each customer, in a compact form of our own.
CREATE TABLE customer_state (
    lane INTEGER NOT NULL,
    customer_id TEXT COLLATE "C" NOT NULL,
    state BYTEA NOT NULL,
    PRIMARY KEY (lane, customer_id)
);

-- Where each customer stands, and the score of the last run that changed it.
CREATE TABLE score (
    lane INTEGER NOT NULL,
    customer_id TEXT COLLATE "C" NOT NULL,
    stage INTEGER NOT NULL CHECK (stage BETWEEN 1 AND 5),
    stage_since BIGINT NOT NULL,
    evaluated_at BIGINT NOT NULL,
    -- Evidence and candidate as JSON.
    placement TEXT NOT NULL,
    policy_version TEXT NOT NULL,
    churn_probability DOUBLE PRECISION NOT NULL,
    risk_band INTEGER NOT NULL,
    model_version TEXT NOT NULL,
    horizon_us BIGINT NOT NULL,
    currency TEXT,
    monthly_revenue_minor BIGINT,
    lifetime_value_minor BIGINT NOT NULL,
    value_tier INTEGER NOT NULL,
    PRIMARY KEY (lane, customer_id)
);
CREATE INDEX score_by_probability ON score (lane, churn_probability DESC, customer_id);
CREATE INDEX score_by_value ON score (lane, lifetime_value_minor DESC, customer_id);

-- The stages of a customer without gaps: each begins where the one before it ends.
CREATE TABLE stage_interval (
    lane INTEGER NOT NULL,
    customer_id TEXT COLLATE "C" NOT NULL,
    start_at BIGINT NOT NULL,
    end_at BIGINT CHECK (end_at > start_at),
    stage INTEGER NOT NULL CHECK (stage BETWEEN 1 AND 5),
    -- Evidence as JSON.
    evidence TEXT NOT NULL,
    policy_version TEXT NOT NULL,
    PRIMARY KEY (lane, customer_id, start_at)
);

-- Models: few, so without lanes. Ids are UUIDs of version 7 and sort by creation.
CREATE TABLE model (
    model_id TEXT COLLATE "C" PRIMARY KEY,
    state INTEGER NOT NULL,
    -- The request and what is told of the model, as messages of the API.
    request BYTEA NOT NULL,
    summary BYTEA NOT NULL,
    version TEXT,
    artefact TEXT,
    progress DOUBLE PRECISION NOT NULL
);
CREATE INDEX model_by_state ON model (state);

-- Runs over all customers, lane by lane; lane and customer say how far a run is.
CREATE TABLE scoring_run (
    scoring_run_id TEXT COLLATE "C" PRIMARY KEY,
    state INTEGER NOT NULL,
    score_at BIGINT NOT NULL,
    next_lane INTEGER NOT NULL,
    after_customer TEXT NOT NULL,
    scored_count BIGINT NOT NULL,
    changed_count BIGINT NOT NULL,
    moved_count BIGINT NOT NULL,
    customer_count BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    finished_at BIGINT
);
CREATE INDEX scoring_run_by_state ON scoring_run (state);
