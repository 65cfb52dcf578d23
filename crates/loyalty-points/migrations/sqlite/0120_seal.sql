-- Sealed ranges of the records in `entry`: each digest covers them whole, and the digest before it.
CREATE TABLE seal (
    lane INTEGER NOT NULL,
    -- 1, 2, 3 and so on: of two replicas that seal the same, the key lets one.
    block INTEGER NOT NULL,
    first_seq INTEGER NOT NULL,
    last_seq INTEGER NOT NULL,
    hash BLOB NOT NULL,
    sealed_at INTEGER NOT NULL,
    PRIMARY KEY (lane, block)
) STRICT, WITHOUT ROWID;
