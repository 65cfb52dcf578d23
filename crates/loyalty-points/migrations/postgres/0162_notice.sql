-- Which expiries were told, until they are past: each once for each day of expiry and span.
CREATE TABLE expiry_notice (
    lane INTEGER NOT NULL,
    account_id TEXT COLLATE "C" NOT NULL,
    -- The first instant of the day.
    expire_day BIGINT NOT NULL,
    -- The span.
    days INTEGER NOT NULL,
    PRIMARY KEY (lane, account_id, expire_day, days)
);
CREATE INDEX expiry_notice_by_day ON expiry_notice (lane, expire_day);

-- How far each lane was looked through on its last day (counted from 1970-01-01).
CREATE TABLE notice_position (
    lane INTEGER NOT NULL,
    day BIGINT NOT NULL,
    -- The last account; nothing when the day is done.
    after_id TEXT COLLATE "C",
    PRIMARY KEY (lane)
);
