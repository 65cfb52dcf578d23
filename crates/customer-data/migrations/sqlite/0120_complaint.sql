-- Complaints: what is looked for by it stands in columns of its own, the rest in one that is always
-- read whole.
CREATE TABLE complaint (
    lane INTEGER NOT NULL,
    customer_id TEXT NOT NULL,
    complaint_id TEXT NOT NULL,
    kind INTEGER NOT NULL,
    severity INTEGER NOT NULL,
    state INTEGER NOT NULL,
    -- Who has it.
    department TEXT NOT NULL,
    person TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    -- Nothing while it is open.
    ended_at INTEGER,
    -- Where it stands among the open ones of its owner: the promised time, or the end of time where
    -- nothing is promised. Nothing after its end.
    urgent_at INTEGER,
    -- The next promised time that can pass and was not noted. Nothing where there is none.
    due_at INTEGER,
    -- The rest, as src/store/complaint/record.rs writes it. Personal data.
    record TEXT NOT NULL,
    PRIMARY KEY (lane, customer_id, complaint_id)
) STRICT, WITHOUT ROWID;

-- What a department has to do, over all lanes.
CREATE INDEX complaint_by_owner ON complaint (department, urgent_at, complaint_id)
WHERE urgent_at IS NOT NULL;

-- What passes next, over all lanes.
CREATE INDEX complaint_by_due ON complaint (due_at) WHERE due_at IS NOT NULL;

-- Steps follow each other without gaps.
CREATE TABLE complaint_step (
    lane INTEGER NOT NULL,
    customer_id TEXT NOT NULL,
    complaint_id TEXT NOT NULL,
    step_number INTEGER NOT NULL,
    state INTEGER NOT NULL,
    department TEXT NOT NULL,
    person TEXT NOT NULL,
    begun_at INTEGER NOT NULL,
    promised_until INTEGER,
    ended_at INTEGER CHECK (ended_at >= begun_at),
    -- When it was noted that the promised time had passed.
    breach_at INTEGER,
    reason TEXT NOT NULL,
    PRIMARY KEY (lane, customer_id, complaint_id, step_number)
) STRICT, WITHOUT ROWID;
