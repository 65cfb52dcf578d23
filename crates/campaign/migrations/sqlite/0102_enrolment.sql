-- Who takes part in which campaign, with the contact of the treated in the same row; and which
-- subscriptions run, to know when a customer has left.

CREATE TABLE enrolment (
    lane INTEGER NOT NULL,
    campaign_id TEXT NOT NULL REFERENCES campaign (campaign_id),
    customer_id TEXT NOT NULL,
    arm INTEGER NOT NULL,
    enrolled_at INTEGER NOT NULL,
    churn_probability REAL NOT NULL,
    churned_at INTEGER,
    -- NULL for those who are left alone, like all that follows.
    contact_id TEXT,
    contact_state INTEGER,
    -- From when on the contact may be pulled; NULL once it was acknowledged.
    ready_at INTEGER,
    lease_token TEXT,
    delivered_at INTEGER,
    answer INTEGER,
    answered_at INTEGER,
    -- From when on the owed points may be asked for; NULL while none are owed, and once granted.
    grant_at INTEGER,
    grant_tries INTEGER NOT NULL DEFAULT 0,
    granted_points INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (lane, campaign_id, customer_id)
) STRICT, WITHOUT ROWID;

-- Acknowledgements and responses name a contact.
CREATE UNIQUE INDEX enrolment_by_contact ON enrolment (lane, contact_id)
    WHERE contact_id IS NOT NULL;
-- Pulling reads from here: only what waits or is leased, in the order of readiness.
CREATE INDEX enrolment_by_readiness ON enrolment (lane, campaign_id, ready_at)
    WHERE ready_at IS NOT NULL;
CREATE INDEX enrolment_by_grant ON enrolment (lane, grant_at)
    WHERE grant_at IS NOT NULL;
-- News of a customer concerns all campaigns of the customer.
CREATE INDEX enrolment_by_customer ON enrolment (lane, customer_id);

CREATE TABLE active_subscription (
    lane INTEGER NOT NULL,
    customer_id TEXT NOT NULL,
    subscription_id TEXT NOT NULL,
    PRIMARY KEY (lane, customer_id, subscription_id)
) STRICT, WITHOUT ROWID;

-- When a customer last left of its own will: for customers who leave between the launch of a
-- campaign and the moment when their page of the audience is enrolled.
CREATE TABLE departure (
    lane INTEGER NOT NULL,
    customer_id TEXT NOT NULL,
    left_at INTEGER NOT NULL,
    PRIMARY KEY (lane, customer_id)
) STRICT, WITHOUT ROWID;

-- SQLite plans by these numbers until somebody runs ANALYZE. Without them it takes a lane for ten
-- rows and reads all of it where it should seek one customer. They are those of a small operator:
-- rows of the table, then rows that share the first, the first two, ... columns of the index.
ANALYZE enrolment;
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES
    ('enrolment', 'enrolment', '200000 12500 6250 1'),
    ('enrolment', 'enrolment_by_customer', '200000 12500 2'),
    ('enrolment', 'enrolment_by_contact', '100000 6250 1'),
    ('enrolment', 'enrolment_by_readiness', '50000 3125 1600 800'),
    ('enrolment', 'enrolment_by_grant', '1000 63 10'),
    ('active_subscription', 'active_subscription', '200000 12500 2 1'),
    ('departure', 'departure', '100000 6250 1');
ANALYZE sqlite_schema;
