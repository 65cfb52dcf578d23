-- Billing accounts in the lane of who pays; what they pay for also in the lane of who has it.

CREATE TABLE billing_account (
    lane INTEGER NOT NULL,
    customer_id TEXT COLLATE "C" NOT NULL,
    account_id TEXT COLLATE "C" NOT NULL,
    kind INTEGER NOT NULL,
    name TEXT NOT NULL,
    state INTEGER NOT NULL,
    currency TEXT NOT NULL,
    cycle_day INTEGER NOT NULL,
    -- Nothing where no corporate terms were agreed.
    fee_waived BIGINT,
    reimbursed_minor BIGINT,
    reimbursed_basis_points BIGINT,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (lane, customer_id, account_id)
);

CREATE TABLE account_subscription (
    -- The lane of who pays.
    lane INTEGER NOT NULL,
    customer_id TEXT COLLATE "C" NOT NULL,
    account_id TEXT COLLATE "C" NOT NULL,
    subscription_id TEXT COLLATE "C" NOT NULL,
    valid_from BIGINT NOT NULL,
    valid_until BIGINT NOT NULL CHECK (valid_until > valid_from),
    -- Who has the subscription.
    user_customer_id TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (lane, customer_id, account_id, subscription_id, valid_from)
);

-- Intervals of one subscription never overlap.
CREATE TABLE subscription_payer (
    -- The lane of who has the subscription.
    lane INTEGER NOT NULL,
    customer_id TEXT COLLATE "C" NOT NULL,
    subscription_id TEXT COLLATE "C" NOT NULL,
    valid_from BIGINT NOT NULL,
    valid_until BIGINT NOT NULL CHECK (valid_until > valid_from),
    payer_customer_id TEXT COLLATE "C" NOT NULL,
    account_id TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (lane, customer_id, subscription_id, valid_from)
);
