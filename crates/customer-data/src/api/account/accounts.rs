//! Billing accounts: upsert, list.

use tenure_core::{BillingAccountId, Currency, CustomerId, Timestamp, Violations};
use tenure_proto::customer::v1 as wire;
use tenure_rpc::fields;
use tenure_sql::feed;
use tonic::Status;

use super::{account, require_customer};
use crate::api::customer::required_customer;
use crate::api::identity::page_of_record;
use crate::api::once::{Write, once};
use crate::api::page::Page;
use crate::api::parse::{money, required_word};
use crate::domain::account::{
    AccountKind, AccountState, BASIS_POINTS_MAX, BillingAccount, CorporateTerms, NAME_LENGTH_MAX,
    Reimbursement,
};
use crate::domain::refusal::Reason;
use crate::domain::{Change, Fact, Refusal, text};
use crate::{Deps, Error, store};

/// The word for an account in the table of owners.
const OWNED: &str = "billing_account";

pub(super) async fn upsert(
    deps: &Deps,
    request: &wire::UpsertBillingAccountRequest,
) -> Result<wire::UpsertBillingAccountResponse, Status> {
    let mut violations = Violations::new();
    let id = fields::request_id(&mut violations, &request.request_id);
    let given = request.billing_account.as_ref();
    let given = fields::required(&mut violations, "billing_account", given);
    let now = deps.clock.now();
    let new = violations.within("billing_account.", |inner| parse(inner, given?, now));
    violations.into_result().map_err(Error::from)?;
    let (id, new) = id.zip(new).expect("what is missing is a violation");
    once!(deps, id, request, write => upsert_in(&mut write, new))
}

pub(in crate::api) fn parse(
    violations: &mut Violations,
    wire: &wire::BillingAccount,
    now: Timestamp,
) -> Option<BillingAccount> {
    let id = violations.take("account_id", BillingAccountId::parse(&wire.account_id));
    let customer = violations.take("customer_id", CustomerId::parse(&wire.customer_id));
    let kind = required_word(violations, "kind", wire.kind, AccountKind::from_number);
    let name = violations.take("name", text::parse(&wire.name, NAME_LENGTH_MAX));
    let state = required_word(violations, "state", wire.state, AccountState::from_number);
    let currency = violations.take("currency_code", Currency::parse(&wire.currency_code));
    let corporate = wire.corporate_terms.as_ref().map(|terms| {
        violations.within("corporate_terms.", |inner| {
            corporate(inner, terms, currency)
        })
    });
    let account = BillingAccount {
        id: id?,
        customer: customer?,
        kind: kind?,
        name: name?,
        state: state?,
        currency: currency?,
        cycle_day: wire.billing_cycle_day,
        corporate,
        created_at: now,
        updated_at: now,
    };
    account.check(violations);
    Some(account)
}

fn corporate(
    violations: &mut Violations,
    wire: &wire::CorporateTerms,
    currency: Option<Currency>,
) -> CorporateTerms {
    use wire::corporate_terms::Reimbursement as Wire;
    let reimbursement = match &wire.reimbursement {
        None => None,
        Some(Wire::Amount(amount)) => {
            let amount = money(violations, "amount", Some(amount));
            if amount.is_some_and(|it| currency.is_some_and(|currency| it.currency != currency)) {
                let wanted = "the currency of the account";
                violations.add("amount.currency_code", wanted, "another");
            }
            if amount.is_some_and(|it| it.minor <= 0) {
                violations.add("amount.amount_minor", "more than 0", "not more");
            }
            amount.map(|it| Reimbursement::Amount(it.minor))
        }
        Some(Wire::BasisPoints(points)) => {
            if !(1..=BASIS_POINTS_MAX).contains(points) {
                let wanted = format!("1 to {BASIS_POINTS_MAX}");
                violations.add("basis_points", wanted, points.to_string());
            }
            Some(Reimbursement::BasisPoints(*points))
        }
    };
    CorporateTerms {
        is_fee_waived: wire.monthly_fee_waived,
        reimbursement,
    }
}

async fn upsert_in(
    write: &mut Write,
    new: BillingAccount,
) -> Result<wire::UpsertBillingAccountResponse, Error> {
    let lanes = write.lanes;
    let wanted = [lanes.of(new.customer.as_str()), lanes.of(new.id.as_str())];
    feed::lock_lanes(&mut write.tx, &wanted).await?;
    let field = "billing_account.customer_id";
    require_customer(write, field, &new.customer).await?;
    let key = (OWNED, new.id.as_str());
    let owner = store::claim::claim(&mut write.tx, lanes, key, &new.customer).await?;
    if owner != new.customer {
        let (reason, wanted) = (
            Reason::BillingAccountExists,
            "an id of this customer or a new one",
        );
        let found = "the id of another customer's";
        let refusal = Refusal::new(reason, "billing_account.account_id", wanted, found);
        return Err(Error::refused(
            refusal.with("account_id", new.id.as_str()),
            "",
        ));
    }
    let known = store::account::get(&mut write.tx, lanes, &new.customer, &new.id).await?;
    let changed = match &known {
        Some(known) => new
            .replace(known)
            .map_err(|refusal| Error::refused(refusal, ""))?,
        None => Some(new),
    };
    if let Some(changed) = &changed {
        store::account::save(&mut write.tx, lanes, changed).await?;
        let change = Change {
            event_at: write.now,
            fact: Fact::Account(changed.clone()),
        };
        write.tell(&[change]).await?;
    }
    Ok(wire::UpsertBillingAccountResponse {
        billing_account: changed.or(known).as_ref().map(account),
        replayed: false,
    })
}

pub(super) async fn list(
    deps: &Deps,
    request: &wire::ListBillingAccountsRequest,
) -> Result<wire::ListBillingAccountsResponse, Error> {
    let customer = required_customer(&request.customer_id)?;
    let (size, token) = (request.page_size, &request.page_token);
    let arguments = format!("accounts/{customer}");
    let page = Page::parse(Violations::new(), size, token, arguments)?;
    let after = page.text(0)?.unwrap_or_default();
    let limit = page.size.probe();
    let order = |row: &BillingAccount| row.id.clone();
    let rows = page_of_record!(deps, &customer, limit, order, member => {
        store::account::list(&deps.db, member, after, limit)
    });
    let (rows, next_page_token) = page.cut(rows, |row| vec![row.id.to_string()]);
    Ok(wire::ListBillingAccountsResponse {
        billing_accounts: rows.iter().map(account).collect(),
        next_page_token,
    })
}
