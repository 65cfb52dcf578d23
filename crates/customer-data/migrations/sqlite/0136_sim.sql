-- Who was given a SIM when, in the lane of the SIM. A holding ends with its subscription, whatever its
-- row says.
CREATE TABLE sim (
    -- The lane of the SIM.
    lane INTEGER NOT NULL,
    -- What the SIM is found by: nobody reads the ICCID from it.
    iccid TEXT NOT NULL,
    valid_from INTEGER NOT NULL,
    valid_until INTEGER NOT NULL CHECK (valid_until > valid_from),
    customer_id TEXT NOT NULL,
    subscription_id TEXT NOT NULL,
    PRIMARY KEY (lane, iccid, valid_from)
) STRICT, WITHOUT ROWID;

-- The same in the lane of whom it was given to.
CREATE TABLE customer_sim (
    lane INTEGER NOT NULL,
    customer_id TEXT NOT NULL,
    subscription_id TEXT NOT NULL,
    valid_from INTEGER NOT NULL,
    valid_until INTEGER NOT NULL CHECK (valid_until > valid_from),
    iccid TEXT NOT NULL,
    PRIMARY KEY (lane, customer_id, subscription_id, valid_from)
) STRICT, WITHOUT ROWID;
