-- Things that are counted while they are given away, each in the lane of its own key. Their movements
-- are records of table `entry`, of the kinds 41 to 49; what stands here follows from these.
CREATE TABLE stock (
    lane INTEGER NOT NULL,
    stock_id TEXT NOT NULL,
    added INTEGER NOT NULL,
    sold INTEGER NOT NULL,
    returned INTEGER NOT NULL,
    written_off INTEGER NOT NULL,
    -- How many of those that are there are put aside: the sum of the stock's open reservations.
    reserved INTEGER NOT NULL CHECK (reserved >= 0),
    -- How many records it has, and the number in the lane of the last one.
    records INTEGER NOT NULL,
    last_seq INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    PRIMARY KEY (lane, stock_id),
    CHECK (added - sold + returned - written_off - reserved >= 0)
) STRICT, WITHOUT ROWID;

-- What is put aside. A reservation that nobody fetched in time stays here until the next movement of its
-- stock, but counts no more.
CREATE TABLE stock_reservation (
    lane INTEGER NOT NULL,
    stock_id TEXT NOT NULL,
    -- The record that made it.
    seq INTEGER NOT NULL,
    recorded_at INTEGER NOT NULL,
    quantity INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    PRIMARY KEY (lane, stock_id, seq)
) STRICT, WITHOUT ROWID;
CREATE INDEX stock_reservation_by_expiry ON stock_reservation (lane, stock_id, expires_at);
