-- Partners, who fund points or take them, and their terms. Small tables: the same on every node.
CREATE TABLE partner (
    partner_id TEXT NOT NULL PRIMARY KEY,
    display_name TEXT NOT NULL,
    -- 1 accrual, 2 redemption, 3 both.
    kind INTEGER NOT NULL,
    -- 1 prepaid, 2 postpaid.
    payment INTEGER NOT NULL,
    currency TEXT NOT NULL,
    is_closed INTEGER NOT NULL,
    -- Below so many prepaid points somebody is told.
    alert_points INTEGER NOT NULL,
    -- The numbers of its newest terms and its newest settlement.
    terms INTEGER NOT NULL,
    settlements INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    created_by TEXT NOT NULL,
    updated_at INTEGER NOT NULL,
    updated_by TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE partner_terms (
    partner_id TEXT NOT NULL,
    number INTEGER NOT NULL,
    effective_from INTEGER NOT NULL,
    -- Its prices; never changed.
    body TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    created_by TEXT NOT NULL,
    PRIMARY KEY (partner_id, number)
) STRICT, WITHOUT ROWID;

-- The entries that touch a partner, written with them: what a settlement reads instead of the ledger.
CREATE TABLE partner_entry (
    lane INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    partner_id TEXT NOT NULL,
    -- 1 earned, 2 spent; points are negative where they were taken back.
    direction INTEGER NOT NULL,
    points INTEGER NOT NULL,
    points_type TEXT NOT NULL,
    -- What they are priced by.
    terms INTEGER NOT NULL,
    share INTEGER NOT NULL,
    decided_at INTEGER NOT NULL,
    -- The number of the settlement that it is in; 0 for none yet.
    settled_in INTEGER NOT NULL,
    PRIMARY KEY (lane, seq)
) STRICT, WITHOUT ROWID;
CREATE INDEX partner_entry_by_settlement ON partner_entry (lane, partner_id, settled_in, decided_at, seq);

CREATE TABLE settlement (
    partner_id TEXT NOT NULL,
    -- 1, 2, 3 and so on for each partner.
    number INTEGER NOT NULL,
    -- 1 running, 2 open, 3 invoiced, 4 paid, 5 disputed.
    state INTEGER NOT NULL,
    -- What was decided at or after this instant is left to a later one.
    until_at INTEGER NOT NULL,
    -- How far a running one is: the lanes before this one are done.
    next_lane INTEGER NOT NULL,
    entries INTEGER NOT NULL,
    -- Sums of its lines, in minor units, once it is not running any more.
    accrual_minor INTEGER NOT NULL,
    redemption_minor INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    created_by TEXT NOT NULL,
    finished_at INTEGER,
    updated_at INTEGER NOT NULL,
    updated_by TEXT NOT NULL,
    -- What was said when its state changed last: an invoice number, why it is disputed.
    note TEXT NOT NULL,
    PRIMARY KEY (partner_id, number)
) STRICT, WITHOUT ROWID;

-- Which numbers of each lane a settlement is about: behind the first, up to the second.
CREATE TABLE settlement_range (
    lane INTEGER NOT NULL,
    partner_id TEXT NOT NULL,
    number INTEGER NOT NULL,
    seq_from INTEGER NOT NULL,
    seq_to INTEGER NOT NULL,
    PRIMARY KEY (lane, partner_id, number)
) STRICT, WITHOUT ROWID;

-- What a settlement adds up to; prices and amount once it is not running any more.
CREATE TABLE settlement_line (
    partner_id TEXT NOT NULL,
    number INTEGER NOT NULL,
    direction INTEGER NOT NULL,
    points_type TEXT NOT NULL,
    terms INTEGER NOT NULL,
    share INTEGER NOT NULL,
    entries INTEGER NOT NULL,
    points INTEGER NOT NULL,
    returned_points INTEGER NOT NULL,
    -- Minor units for 1,000 points, and the part of it that is billed in basis points.
    price INTEGER NOT NULL,
    billed INTEGER NOT NULL,
    amount_minor INTEGER NOT NULL,
    PRIMARY KEY (partner_id, number, direction, points_type, terms, share)
) STRICT, WITHOUT ROWID;

-- Points that a partner bought in advance; how many are left stands in the stock of the block.
CREATE TABLE point_block (
    partner_id TEXT NOT NULL,
    -- 1, 2, 3 and so on for each partner.
    number INTEGER NOT NULL,
    -- The stock and its lane.
    stock_id TEXT NOT NULL,
    stock_lane INTEGER NOT NULL,
    points INTEGER NOT NULL,
    starts_at INTEGER NOT NULL,
    ends_at INTEGER NOT NULL,
    is_reserve INTEGER NOT NULL,
    -- What was paid for the whole of it, in minor units.
    price_minor INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    created_by TEXT NOT NULL,
    PRIMARY KEY (partner_id, number)
) STRICT, WITHOUT ROWID;
