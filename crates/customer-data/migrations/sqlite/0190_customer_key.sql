-- With what the personal columns of a customer are sealed, itself sealed with the master key. Without its
-- row here nothing of a customer can be read: keep this table out of what is kept for long.
CREATE TABLE customer_key (
    lane INTEGER NOT NULL,
    customer_id TEXT NOT NULL,
    wrapped BLOB NOT NULL,
    PRIMARY KEY (lane, customer_id)
) STRICT, WITHOUT ROWID;
