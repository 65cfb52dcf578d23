-- Sealed ranges of the records in `entry`: each digest covers them whole, and the digest before it.
CREATE TABLE seal (
    lane INTEGER NOT NULL,
    -- 1, 2, 3 and so on: of two replicas that seal the same, the key lets one.
    block BIGINT NOT NULL,
    first_seq BIGINT NOT NULL,
    last_seq BIGINT NOT NULL,
    hash BYTEA NOT NULL,
    sealed_at BIGINT NOT NULL,
    PRIMARY KEY (lane, block)
);
