-- Groups and their members in the lane of the group; memberships also in the lane of the member.

CREATE TABLE customer_group (
    -- The lane of the group's id.
    lane INTEGER NOT NULL,
    group_id TEXT NOT NULL,
    kind INTEGER NOT NULL,
    name TEXT NOT NULL,
    -- Empty where the group belongs to nobody.
    customer_id TEXT NOT NULL,
    place_code TEXT NOT NULL,
    member_count_max INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    PRIMARY KEY (lane, group_id)
) STRICT, WITHOUT ROWID;

-- Intervals of one member never overlap.
CREATE TABLE group_member (
    -- The lane of the group's id.
    lane INTEGER NOT NULL,
    group_id TEXT NOT NULL,
    customer_id TEXT NOT NULL,
    valid_from INTEGER NOT NULL,
    valid_until INTEGER NOT NULL CHECK (valid_until > valid_from),
    PRIMARY KEY (lane, group_id, customer_id, valid_from)
) STRICT, WITHOUT ROWID;

CREATE TABLE group_membership (
    lane INTEGER NOT NULL,
    customer_id TEXT NOT NULL,
    group_id TEXT NOT NULL,
    valid_from INTEGER NOT NULL,
    valid_until INTEGER NOT NULL CHECK (valid_until > valid_from),
    group_kind INTEGER NOT NULL,
    PRIMARY KEY (lane, customer_id, group_id, valid_from)
) STRICT, WITHOUT ROWID;
