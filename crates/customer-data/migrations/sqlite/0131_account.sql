-- Billing accounts in the lane of who pays; what they pay for also in the lane of who has it.

CREATE TABLE billing_account (
    lane INTEGER NOT NULL,
    customer_id TEXT NOT NULL,
    account_id TEXT NOT NULL,
    kind INTEGER NOT NULL,
    name TEXT NOT NULL,
    state INTEGER NOT NULL,
    currency TEXT NOT NULL,
    cycle_day INTEGER NOT NULL,
    -- Nothing where no corporate terms were agreed.
    fee_waived INTEGER,
    reimbursed_minor INTEGER,
    reimbursed_basis_points INTEGER,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    PRIMARY KEY (lane, customer_id, account_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE account_subscription (
    -- The lane of who pays.
    lane INTEGER NOT NULL,
    customer_id TEXT NOT NULL,
    account_id TEXT NOT NULL,
    subscription_id TEXT NOT NULL,
    valid_from INTEGER NOT NULL,
    valid_until INTEGER NOT NULL CHECK (valid_until > valid_from),
    -- Who has the subscription.
    user_customer_id TEXT NOT NULL,
    PRIMARY KEY (lane, customer_id, account_id, subscription_id, valid_from)
) STRICT, WITHOUT ROWID;

-- Intervals of one subscription never overlap.
CREATE TABLE subscription_payer (
    -- The lane of who has the subscription.
    lane INTEGER NOT NULL,
    customer_id TEXT NOT NULL,
    subscription_id TEXT NOT NULL,
    valid_from INTEGER NOT NULL,
    valid_until INTEGER NOT NULL CHECK (valid_until > valid_from),
    payer_customer_id TEXT NOT NULL,
    account_id TEXT NOT NULL,
    PRIMARY KEY (lane, customer_id, subscription_id, valid_from)
) STRICT, WITHOUT ROWID;
