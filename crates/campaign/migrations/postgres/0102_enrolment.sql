-- Who takes part in which campaign, with the contact of the treated in the same row; and which
-- subscriptions run, to know when a customer has left.

CREATE TABLE enrolment (
    lane INTEGER NOT NULL,
    campaign_id TEXT COLLATE "C" NOT NULL REFERENCES campaign (campaign_id),
    customer_id TEXT COLLATE "C" NOT NULL,
    arm BIGINT NOT NULL,
    enrolled_at BIGINT NOT NULL,
    churn_probability DOUBLE PRECISION NOT NULL,
    churned_at BIGINT,
    -- NULL for those who are left alone, like all that follows.
    contact_id TEXT COLLATE "C",
    contact_state BIGINT,
    -- From when on the contact may be pulled; NULL once it was acknowledged.
    ready_at BIGINT,
    lease_token TEXT COLLATE "C",
    delivered_at BIGINT,
    answer BIGINT,
    answered_at BIGINT,
    -- From when on the owed points may be asked for; NULL while none are owed, and once granted.
    grant_at BIGINT,
    grant_tries BIGINT NOT NULL DEFAULT 0,
    granted_points BIGINT NOT NULL DEFAULT 0,
    PRIMARY KEY (lane, campaign_id, customer_id)
);

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
    customer_id TEXT COLLATE "C" NOT NULL,
    subscription_id TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (lane, customer_id, subscription_id)
);

-- When a customer last left of its own will: for customers who leave between the launch of a
-- campaign and the moment when their page of the audience is enrolled.
CREATE TABLE departure (
    lane INTEGER NOT NULL,
    customer_id TEXT COLLATE "C" NOT NULL,
    left_at BIGINT NOT NULL,
    PRIMARY KEY (lane, customer_id)
);
