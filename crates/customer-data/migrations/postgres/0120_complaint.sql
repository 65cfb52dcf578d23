-- Complaints: what is looked for by it stands in columns of its own, the rest in one that is always
-- read whole.
CREATE TABLE complaint (
    lane INTEGER NOT NULL,
    customer_id TEXT COLLATE "C" NOT NULL,
    complaint_id TEXT COLLATE "C" NOT NULL,
    kind INTEGER NOT NULL,
    severity INTEGER NOT NULL,
    state INTEGER NOT NULL,
    -- Who has it.
    department TEXT COLLATE "C" NOT NULL,
    person TEXT COLLATE "C" NOT NULL,
    created_at BIGINT NOT NULL,
    -- Nothing while it is open.
    ended_at BIGINT,
    -- Where it stands among the open ones of its owner: the promised time, or the end of time where
    -- nothing is promised. Nothing after its end.
    urgent_at BIGINT,
    -- The next promised time that can pass and was not noted. Nothing where there is none.
    due_at BIGINT,
    -- The rest, as src/store/complaint/record.rs writes it. Personal data.
    record TEXT NOT NULL,
    PRIMARY KEY (lane, customer_id, complaint_id)
);

-- What a department has to do, over all lanes.
CREATE INDEX complaint_by_owner ON complaint (department, urgent_at, complaint_id)
WHERE urgent_at IS NOT NULL;

-- What passes next, over all lanes.
CREATE INDEX complaint_by_due ON complaint (due_at) WHERE due_at IS NOT NULL;

-- Steps follow each other without gaps.
CREATE TABLE complaint_step (
    lane INTEGER NOT NULL,
    customer_id TEXT COLLATE "C" NOT NULL,
    complaint_id TEXT COLLATE "C" NOT NULL,
    step_number INTEGER NOT NULL,
    state INTEGER NOT NULL,
    department TEXT COLLATE "C" NOT NULL,
    person TEXT COLLATE "C" NOT NULL,
    begun_at BIGINT NOT NULL,
    promised_until BIGINT,
    ended_at BIGINT CHECK (ended_at >= begun_at),
    -- When it was noted that the promised time had passed.
    breach_at BIGINT,
    reason TEXT NOT NULL,
    PRIMARY KEY (lane, customer_id, complaint_id, step_number)
);
