-- Things that are counted while they are given away, each in the lane of its own key. Their movements
-- are records of table `entry`, of the kinds 41 to 49; what stands here follows from these.
CREATE TABLE stock (
    lane INTEGER NOT NULL,
    stock_id TEXT COLLATE "C" NOT NULL,
    added BIGINT NOT NULL,
    sold BIGINT NOT NULL,
    returned BIGINT NOT NULL,
    written_off BIGINT NOT NULL,
    -- How many of those that are there are put aside: the sum of the stock's open reservations.
    reserved BIGINT NOT NULL CHECK (reserved >= 0),
    -- How many records it has, and the number in the lane of the last one.
    records BIGINT NOT NULL,
    last_seq BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (lane, stock_id),
    CHECK (added - sold + returned - written_off - reserved >= 0)
) WITH (fillfactor = 50); -- Every movement updates a row here.

-- What is put aside. A reservation that nobody fetched in time stays here until the next movement of its
-- stock, but counts no more.
CREATE TABLE stock_reservation (
    lane INTEGER NOT NULL,
    stock_id TEXT COLLATE "C" NOT NULL,
    -- The record that made it.
    seq BIGINT NOT NULL,
    recorded_at BIGINT NOT NULL,
    quantity BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    PRIMARY KEY (lane, stock_id, seq)
);
CREATE INDEX stock_reservation_by_expiry ON stock_reservation (lane, stock_id, expires_at);
