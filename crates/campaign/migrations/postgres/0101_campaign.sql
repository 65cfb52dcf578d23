-- Offers and campaigns: small tables, written by people.

CREATE TABLE offer (
    offer_id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    display_name TEXT NOT NULL,
    description TEXT NOT NULL,
    kind BIGINT NOT NULL,
    cost_currency TEXT,
    cost_minor BIGINT,
    created_at BIGINT NOT NULL,
    CHECK ((cost_currency IS NULL) = (cost_minor IS NULL))
);

CREATE TABLE campaign (
    campaign_id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    display_name TEXT NOT NULL,
    objective TEXT NOT NULL,
    offer_id TEXT COLLATE "C" NOT NULL REFERENCES offer (offer_id),
    channel BIGINT NOT NULL,
    -- Conditions as JSON: read whole, never searched.
    audience TEXT NOT NULL,
    control_share DOUBLE PRECISION NOT NULL CHECK (control_share > 0 AND control_share < 1),
    bonus_points BIGINT NOT NULL CHECK (bonus_points >= 0),
    window_us BIGINT NOT NULL CHECK (window_us > 0),
    author TEXT COLLATE "C" NOT NULL,
    approver TEXT COLLATE "C" CHECK (approver <> author),
    state BIGINT NOT NULL,
    -- How far enrolment is. The page number is moved by compare-and-swap.
    enrol_page BIGINT NOT NULL,
    enrol_cursor TEXT NOT NULL,
    is_enrolled BIGINT NOT NULL,
    treated_count BIGINT NOT NULL,
    control_count BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    launched_at BIGINT,
    ended_at BIGINT,
    version BIGINT NOT NULL
);

CREATE INDEX campaign_by_state ON campaign (state, channel);
