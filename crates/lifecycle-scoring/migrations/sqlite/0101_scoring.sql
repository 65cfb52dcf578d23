-- What is remembered of each customer, in a compact form of our own.
CREATE TABLE customer_state (
    lane INTEGER NOT NULL,
    customer_id TEXT NOT NULL,
    state BLOB NOT NULL,
    PRIMARY KEY (lane, customer_id)
) STRICT, WITHOUT ROWID;

-- Where each customer stands, and the score of the last run that changed it.
CREATE TABLE score (
    lane INTEGER NOT NULL,
    customer_id TEXT NOT NULL,
    stage INTEGER NOT NULL CHECK (stage BETWEEN 1 AND 5),
    stage_since INTEGER NOT NULL,
    evaluated_at INTEGER NOT NULL,
    -- Evidence and candidate as JSON.
    placement TEXT NOT NULL,
    policy_version TEXT NOT NULL,
    churn_probability REAL NOT NULL,
    risk_band INTEGER NOT NULL,
    model_version TEXT NOT NULL,
    horizon_us INTEGER NOT NULL,
    currency TEXT,
    monthly_revenue_minor INTEGER,
    lifetime_value_minor INTEGER NOT NULL,
    value_tier INTEGER NOT NULL,
    PRIMARY KEY (lane, customer_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX score_by_probability ON score (lane, churn_probability DESC, customer_id);
CREATE INDEX score_by_value ON score (lane, lifetime_value_minor DESC, customer_id);

-- The stages of a customer without gaps: each begins where the one before it ends.
CREATE TABLE stage_interval (
    lane INTEGER NOT NULL,
    customer_id TEXT NOT NULL,
    start_at INTEGER NOT NULL,
    end_at INTEGER CHECK (end_at > start_at),
    stage INTEGER NOT NULL CHECK (stage BETWEEN 1 AND 5),
    -- Evidence as JSON.
    evidence TEXT NOT NULL,
    policy_version TEXT NOT NULL,
    PRIMARY KEY (lane, customer_id, start_at)
) STRICT, WITHOUT ROWID;

-- Models: few, so without lanes. Ids are UUIDs of version 7 and sort by creation.
CREATE TABLE model (
    model_id TEXT PRIMARY KEY,
    state INTEGER NOT NULL,
    -- The request and what is told of the model, as messages of the API.
    request BLOB NOT NULL,
    summary BLOB NOT NULL,
    version TEXT,
    artefact TEXT,
    progress REAL NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX model_by_state ON model (state);

-- Runs over all customers, lane by lane; lane and customer say how far a run is.
CREATE TABLE scoring_run (
    scoring_run_id TEXT PRIMARY KEY,
    state INTEGER NOT NULL,
    score_at INTEGER NOT NULL,
    next_lane INTEGER NOT NULL,
    after_customer TEXT NOT NULL,
    scored_count INTEGER NOT NULL,
    changed_count INTEGER NOT NULL,
    moved_count INTEGER NOT NULL,
    customer_count INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    finished_at INTEGER
) STRICT, WITHOUT ROWID;
CREATE INDEX scoring_run_by_state ON scoring_run (state);
