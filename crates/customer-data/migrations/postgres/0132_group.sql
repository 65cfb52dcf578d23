-- Groups and their members in the lane of the group; memberships also in the lane of the member.

CREATE TABLE customer_group (
    -- The lane of the group's id.
    lane INTEGER NOT NULL,
    group_id TEXT COLLATE "C" NOT NULL,
    kind INTEGER NOT NULL,
    name TEXT NOT NULL,
    -- Empty where the group belongs to nobody.
    customer_id TEXT COLLATE "C" NOT NULL,
    place_code TEXT NOT NULL,
    member_count_max BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (lane, group_id)
);

-- Intervals of one member never overlap.
CREATE TABLE group_member (
    -- The lane of the group's id.
    lane INTEGER NOT NULL,
    group_id TEXT COLLATE "C" NOT NULL,
    customer_id TEXT COLLATE "C" NOT NULL,
    valid_from BIGINT NOT NULL,
    valid_until BIGINT NOT NULL CHECK (valid_until > valid_from),
    PRIMARY KEY (lane, group_id, customer_id, valid_from)
);

CREATE TABLE group_membership (
    lane INTEGER NOT NULL,
    customer_id TEXT COLLATE "C" NOT NULL,
    group_id TEXT COLLATE "C" NOT NULL,
    valid_from BIGINT NOT NULL,
    valid_until BIGINT NOT NULL CHECK (valid_until > valid_from),
    group_kind INTEGER NOT NULL,
    PRIMARY KEY (lane, customer_id, group_id, valid_from)
);
