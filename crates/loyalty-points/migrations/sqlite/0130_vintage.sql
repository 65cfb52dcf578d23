-- Points by when they were earned, for the books: summed from the entries behind the writers' backs,
-- each entry once.
CREATE TABLE vintage (
    lane INTEGER NOT NULL,
    programme_id TEXT NOT NULL,
    -- The first day of the month of earning; like `day` counted from 1970-01-01.
    earn_month INTEGER NOT NULL,
    points_type TEXT NOT NULL,
    partner_id TEXT NOT NULL,
    -- The day that the entries were decided for, and their kind.
    day INTEGER NOT NULL,
    kind INTEGER NOT NULL,
    -- The changes of all points, of those held and of those pending.
    points INTEGER NOT NULL,
    held INTEGER NOT NULL,
    pending INTEGER NOT NULL,
    PRIMARY KEY (lane, programme_id, earn_month, points_type, partner_id, day, kind)
) STRICT, WITHOUT ROWID;

-- The number of the last entry of each lane that is in the sums; none for a lane without any.
CREATE TABLE vintage_position (
    lane INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    PRIMARY KEY (lane)
) STRICT, WITHOUT ROWID;
