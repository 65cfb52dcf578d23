-- What customers said about the use of their data. Rows are only ever added, each behind all that the
-- customer has; only erasure takes them away.
CREATE TABLE consent (
    lane INTEGER NOT NULL,
    customer_id TEXT COLLATE "C" NOT NULL,
    recorded_at BIGINT NOT NULL,
    consent_id TEXT COLLATE "C" NOT NULL,
    purpose INTEGER NOT NULL,
    -- 0 for every channel.
    channel INTEGER NOT NULL,
    -- What a number or an address is found by; empty for every one.
    contact_point TEXT NOT NULL,
    status INTEGER NOT NULL,
    -- 0 where nobody said.
    legal_basis INTEGER NOT NULL,
    text_version TEXT NOT NULL,
    source TEXT NOT NULL,
    actor TEXT NOT NULL,
    valid_from BIGINT NOT NULL,
    valid_until BIGINT NOT NULL CHECK (valid_until > valid_from),
    -- The number or the address itself.
    sealed TEXT NOT NULL,
    PRIMARY KEY (lane, customer_id, recorded_at)
);

-- The same for people: instants as timestamps, and no personal data.
CREATE VIEW consent_readable AS
SELECT lane, customer_id, TO_TIMESTAMP(recorded_at / 1e6) AS recorded_at, consent_id, purpose,
       channel, status, legal_basis, text_version, source, actor,
       TO_TIMESTAMP(valid_from / 1e6) AS valid_from, valid_until
FROM consent;
