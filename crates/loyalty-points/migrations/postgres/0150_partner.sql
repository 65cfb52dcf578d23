-- Partners, who fund points or take them, and their terms. Small tables: the same on every node.
CREATE TABLE partner (
    partner_id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    display_name TEXT COLLATE "C" NOT NULL,
    -- 1 accrual, 2 redemption, 3 both.
    kind BIGINT NOT NULL,
    -- 1 prepaid, 2 postpaid.
    payment BIGINT NOT NULL,
    currency TEXT COLLATE "C" NOT NULL,
    is_closed BIGINT NOT NULL,
    -- Below so many prepaid points somebody is told.
    alert_points BIGINT NOT NULL,
    -- The numbers of its newest terms and its newest settlement.
    terms BIGINT NOT NULL,
    settlements BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    created_by TEXT COLLATE "C" NOT NULL,
    updated_at BIGINT NOT NULL,
    updated_by TEXT COLLATE "C" NOT NULL
);

CREATE TABLE partner_terms (
    partner_id TEXT COLLATE "C" NOT NULL,
    number BIGINT NOT NULL,
    effective_from BIGINT NOT NULL,
    -- Its prices; never changed.
    body TEXT COLLATE "C" NOT NULL,
    created_at BIGINT NOT NULL,
    created_by TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (partner_id, number)
);

-- The entries that touch a partner, written with them: what a settlement reads instead of the ledger.
CREATE TABLE partner_entry (
    lane INTEGER NOT NULL,
    seq BIGINT NOT NULL,
    partner_id TEXT COLLATE "C" NOT NULL,
    -- 1 earned, 2 spent; points are negative where they were taken back.
    direction BIGINT NOT NULL,
    points BIGINT NOT NULL,
    points_type TEXT COLLATE "C" NOT NULL,
    -- What they are priced by.
    terms BIGINT NOT NULL,
    share BIGINT NOT NULL,
    decided_at BIGINT NOT NULL,
    -- The number of the settlement that it is in; 0 for none yet.
    settled_in BIGINT NOT NULL,
    PRIMARY KEY (lane, seq)
);
CREATE INDEX partner_entry_by_settlement ON partner_entry (lane, partner_id, settled_in, decided_at, seq);

CREATE TABLE settlement (
    partner_id TEXT COLLATE "C" NOT NULL,
    -- 1, 2, 3 and so on for each partner.
    number BIGINT NOT NULL,
    -- 1 running, 2 open, 3 invoiced, 4 paid, 5 disputed.
    state BIGINT NOT NULL,
    -- What was decided at or after this instant is left to a later one.
    until_at BIGINT NOT NULL,
    -- How far a running one is: the lanes before this one are done.
    next_lane INTEGER NOT NULL,
    entries BIGINT NOT NULL,
    -- Sums of its lines, in minor units, once it is not running any more.
    accrual_minor BIGINT NOT NULL,
    redemption_minor BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    created_by TEXT COLLATE "C" NOT NULL,
    finished_at BIGINT,
    updated_at BIGINT NOT NULL,
    updated_by TEXT COLLATE "C" NOT NULL,
    -- What was said when its state changed last: an invoice number, why it is disputed.
    note TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (partner_id, number)
);

-- Which numbers of each lane a settlement is about: behind the first, up to the second.
CREATE TABLE settlement_range (
    lane INTEGER NOT NULL,
    partner_id TEXT COLLATE "C" NOT NULL,
    number BIGINT NOT NULL,
    seq_from BIGINT NOT NULL,
    seq_to BIGINT NOT NULL,
    PRIMARY KEY (lane, partner_id, number)
);

-- What a settlement adds up to; prices and amount once it is not running any more.
CREATE TABLE settlement_line (
    partner_id TEXT COLLATE "C" NOT NULL,
    number BIGINT NOT NULL,
    direction BIGINT NOT NULL,
    points_type TEXT COLLATE "C" NOT NULL,
    terms BIGINT NOT NULL,
    share BIGINT NOT NULL,
    entries BIGINT NOT NULL,
    points BIGINT NOT NULL,
    returned_points BIGINT NOT NULL,
    -- Minor units for 1,000 points, and the part of it that is billed in basis points.
    price BIGINT NOT NULL,
    billed BIGINT NOT NULL,
    amount_minor BIGINT NOT NULL,
    PRIMARY KEY (partner_id, number, direction, points_type, terms, share)
);

-- Points that a partner bought in advance; how many are left stands in the stock of the block.
CREATE TABLE point_block (
    partner_id TEXT COLLATE "C" NOT NULL,
    -- 1, 2, 3 and so on for each partner.
    number BIGINT NOT NULL,
    -- The stock and its lane.
    stock_id TEXT COLLATE "C" NOT NULL,
    stock_lane INTEGER NOT NULL,
    points BIGINT NOT NULL,
    starts_at BIGINT NOT NULL,
    ends_at BIGINT NOT NULL,
    is_reserve BIGINT NOT NULL,
    -- What was paid for the whole of it, in minor units.
    price_minor BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    created_by TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (partner_id, number)
);
