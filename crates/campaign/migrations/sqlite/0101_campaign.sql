-- Offers and campaigns: small tables, written by people.

CREATE TABLE offer (
    offer_id TEXT NOT NULL PRIMARY KEY,
    display_name TEXT NOT NULL,
    description TEXT NOT NULL,
    kind INTEGER NOT NULL,
    cost_currency TEXT,
    cost_minor INTEGER,
    created_at INTEGER NOT NULL,
    CHECK ((cost_currency IS NULL) = (cost_minor IS NULL))
) STRICT, WITHOUT ROWID;

CREATE TABLE campaign (
    campaign_id TEXT NOT NULL PRIMARY KEY,
    display_name TEXT NOT NULL,
    objective TEXT NOT NULL,
    offer_id TEXT NOT NULL REFERENCES offer (offer_id),
    channel INTEGER NOT NULL,
    -- Conditions as JSON: read whole, never searched.
    audience TEXT NOT NULL,
    control_share REAL NOT NULL CHECK (control_share > 0 AND control_share < 1),
    bonus_points INTEGER NOT NULL CHECK (bonus_points >= 0),
    window_us INTEGER NOT NULL CHECK (window_us > 0),
    author TEXT NOT NULL,
    approver TEXT CHECK (approver <> author),
    state INTEGER NOT NULL,
    -- How far enrolment is. The page number is moved by compare-and-swap.
    enrol_page INTEGER NOT NULL,
    enrol_cursor TEXT NOT NULL,
    is_enrolled INTEGER NOT NULL,
    treated_count INTEGER NOT NULL,
    control_count INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    launched_at INTEGER,
    ended_at INTEGER,
    version INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX campaign_by_state ON campaign (state, channel);
