-- Which ids are one customer. No row of a customer moves in a merge: these tables alone change.

-- Every link that was ever made, in the lane of the loser. What is in force makes the records.
CREATE TABLE identity_link (
    lane INTEGER NOT NULL,
    loser_customer_id TEXT COLLATE "C" NOT NULL,
    merge_id TEXT COLLATE "C" NOT NULL,
    survivor_customer_id TEXT COLLATE "C" NOT NULL,
    -- Above all links that the two hung together with when it was made.
    ordinal BIGINT NOT NULL,
    survivor_has_name INTEGER NOT NULL,
    loser_has_name INTEGER NOT NULL,
    since BIGINT NOT NULL,
    policy_version BIGINT NOT NULL,
    match_key TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    actor TEXT NOT NULL,
    reason TEXT NOT NULL,
    -- Nothing while it is in force.
    until BIGINT,
    until_actor TEXT,
    until_reason TEXT,
    PRIMARY KEY (lane, loser_customer_id, merge_id)
);

-- Links are listed from both ends.
CREATE INDEX identity_link_by_survivor ON identity_link (survivor_customer_id);

-- Whom a merge names, in the lane of the merge. Written once.
CREATE TABLE identity_merge (
    lane INTEGER NOT NULL,
    merge_id TEXT COLLATE "C" NOT NULL,
    loser_customer_id TEXT COLLATE "C" NOT NULL,
    survivor_customer_id TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (lane, merge_id, loser_customer_id)
);

-- Where the record of a member is found, the survivor's too; nothing for who was never merged. It
-- follows from the links in force.
CREATE TABLE identity_alias (
    lane INTEGER NOT NULL,
    customer_id TEXT COLLATE "C" NOT NULL,
    survivor_lane INTEGER NOT NULL,
    survivor_customer_id TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (lane, customer_id)
);

-- The members of a record, the survivor too, in the lane of the survivor.
CREATE TABLE identity_member (
    lane INTEGER NOT NULL,
    survivor_customer_id TEXT COLLATE "C" NOT NULL,
    member_customer_id TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (lane, survivor_customer_id, member_customer_id)
);

-- How customers are recognised as one: few rows, all in one lane. Versions never change.
CREATE TABLE identity_policy (
    lane INTEGER NOT NULL,
    version BIGINT NOT NULL,
    -- The rules as JSON, as src/store/identity/policy.rs writes them.
    body TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    -- When it was last activated.
    activated_at BIGINT,
    is_active INTEGER NOT NULL,
    PRIMARY KEY (lane, version)
);

-- The same for people: instants as timestamps.
CREATE VIEW identity_link_readable AS
SELECT lane, loser_customer_id, merge_id, survivor_customer_id, ordinal, TO_TIMESTAMP(since / 1e6) AS since,
       policy_version, match_key, actor, reason, TO_TIMESTAMP(until / 1e6) AS until, until_actor,
       until_reason
FROM identity_link;

CREATE VIEW identity_policy_readable AS
SELECT lane, version, body, TO_TIMESTAMP(created_at / 1e6) AS created_at,
       TO_TIMESTAMP(activated_at / 1e6) AS activated_at, is_active
FROM identity_policy;
