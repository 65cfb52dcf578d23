//! `CreateAccount`, `GetAccount`, `ListAccounts`, `ListLots`.

use std::sync::Arc;

use tenure_core::violation::Mismatch;
use tenure_core::{
    AccountId, CustomerId, PageError, PageToken, ProgrammeId, Timestamp, Violations, page,
};
use tenure_proto::loyalty::v1::{
    CreateAccountRequest, CreateAccountResponse, GetAccountRequest, GetAccountResponse,
    ListAccountsRequest, ListAccountsResponse, ListLotsRequest, ListLotsResponse,
};
use tenure_rpc::{RequestError, fields};

use super::submit::{Reading, submit_under};
use super::{convert, parse};
use crate::domain::{Account, Catalogue, Command, EntryId, Lot, Refusal};
use crate::error::Error;
use crate::{Shared, store};

pub(super) async fn create(
    shared: &Shared,
    message: CreateAccountRequest,
) -> Result<CreateAccountResponse, Error> {
    let catalogue = catalogue_with(shared, &[&message.programme_id]).await?;
    submit_under(shared, &catalogue, message).await
}

pub(super) fn open(message: &CreateAccountRequest, reading: &mut Reading<'_>) -> Option<Command> {
    let (v, now) = (&mut reading.violations, reading.shared.clock.now());
    let customer = v.take("customer_id", CustomerId::parse(&message.customer_id));
    let programme = programme(reading.catalogue, &message.programme_id, now);
    let programme = v.take("programme_id", programme);
    let joined_at = fields::optional_time(v, "join_time", message.join_time.as_ref());
    if joined_at.is_some_and(|at| at > now) {
        v.add("join_time", "an instant not after now", "a later one");
    }
    Some(Command::Open {
        customer: customer?,
        programme: programme?,
        joined_at,
    })
}

/// Returns the rules, read again when this process does not know one of the programmes.
pub(super) async fn catalogue_with(shared: &Shared, ids: &[&str]) -> Result<Arc<Catalogue>, Error> {
    let now = shared.clock.now();
    let known = shared.rules.known(&shared.db, now).await?;
    if ids.iter().all(|id| programme(&known, id, now).is_ok()) {
        return Ok(known);
    }
    Ok(shared.rules.fresh(&shared.db, now).await?)
}

/// Returns the programme with this id, or the default one.
pub(super) fn programme(
    catalogue: &Catalogue,
    id: &str,
    now: Timestamp,
) -> Result<ProgrammeId, Mismatch> {
    let default = catalogue.default_programme();
    if id.is_empty() || id == default.as_str() {
        return Ok(default.clone());
    }
    let known = ProgrammeId::parse(id).ok();
    known
        .filter(|id| catalogue.in_force(id, now).is_some())
        .ok_or_else(|| {
            Mismatch::new(
                format!("nothing, {default} or another programme with a version in force"),
                "an unknown programme",
            )
        })
}

/// Returns an account as it is now.
pub(super) async fn require(shared: &Shared, id: &AccountId) -> Result<Account, Error> {
    let found = store::account(&shared.db, shared.lane(id.as_str()), id).await?;
    let account = found.ok_or_else(|| Refusal::AccountNotFound {
        account: id.to_string(),
    })?;
    let now = shared.clock.now();
    let catalogue = shared.rules.known(&shared.db, now).await?;
    Ok(convert::at(account, now, &catalogue))
}

pub(super) async fn get(
    shared: &Shared,
    message: GetAccountRequest,
) -> Result<GetAccountResponse, Error> {
    let mut violations = Violations::new();
    let id = parse::account(&mut violations, &message.account_id);
    let account = require(shared, &parse::all(violations, id)?).await?;
    Ok(GetAccountResponse {
        account: Some(convert::account(&account)),
    })
}

pub(super) async fn list(
    shared: &Shared,
    message: ListAccountsRequest,
) -> Result<ListAccountsResponse, Error> {
    let mut violations = Violations::new();
    let v = &mut violations;
    let size = fields::page_size(v, message.page_size);
    let customer = match message.customer_id.as_str() {
        "" => None,
        id => v.take("customer_id", CustomerId::parse(id)),
    };
    let size = parse::all(violations, size)?;
    let arguments = format!("accounts\u{1f}{}", message.customer_id);
    let token = fields::page_token(&message.page_token, arguments.as_bytes());
    let token = token.map_err(RequestError::from)?;
    let after = token
        .as_ref()
        .and_then(|token| token.keys().first())
        .map_or("", String::as_str);
    let rows = store::accounts_page(&shared.db, customer.as_ref(), after, size).await?;
    let (rows, next) = page::cut(rows, size, |account| vec![account.id.to_string()]);
    let now = shared.clock.now();
    let catalogue = shared.rules.known(&shared.db, now).await?;
    let settled = |row| convert::account(&convert::at(row, now, &catalogue));
    Ok(ListAccountsResponse {
        accounts: rows.into_iter().map(settled).collect(),
        next_page_token: next
            .map(|next| next.seal(arguments.as_bytes()))
            .unwrap_or_default(),
    })
}

pub(super) async fn list_lots(
    shared: &Shared,
    message: ListLotsRequest,
) -> Result<ListLotsResponse, Error> {
    let mut violations = Violations::new();
    let id = parse::account(&mut violations, &message.account_id);
    let size = fields::page_size(&mut violations, message.page_size);
    let (id, size) = parse::all(violations, id.zip(size))?;
    let arguments = format!("lots\u{1f}{id}");
    let token = fields::page_token(&message.page_token, arguments.as_bytes());
    let after = lot_after(token.map_err(RequestError::from)?.as_ref())?;
    let account = require(shared, &id).await?;
    let now = shared.clock.now();
    let catalogue = shared.rules.known(&shared.db, now).await?;
    let rules = catalogue.of_account(Some(&account.programme), now);
    let order = rules.map_or_else(Default::default, |it| it.programme.policies.order_of_use);
    let later = |lot: &&Lot| after.is_none_or(|after| lot.order_by(order) > after);
    let mut lots: Vec<&Lot> = account.lots.iter().filter(later).collect();
    lots.sort_by_key(|lot| lot.order_by(order));
    lots.truncate(size.get() + 1);
    let (lots, next) = page::cut(lots, size, |lot| {
        let (first, second, id) = lot.order_by(order);
        vec![
            first.as_micros().to_string(),
            second.as_micros().to_string(),
            id.to_string(),
        ]
    });
    Ok(ListLotsResponse {
        lots: lots
            .into_iter()
            .map(|lot| convert::lot(&account, lot))
            .collect(),
        next_page_token: next
            .map(|next| next.seal(arguments.as_bytes()))
            .unwrap_or_default(),
    })
}

/// Returns the place after which a page of lots starts.
fn lot_after(
    token: Option<&PageToken>,
) -> Result<Option<(Timestamp, Timestamp, EntryId)>, RequestError> {
    let Some(token) = token else { return Ok(None) };
    let instant = |at: usize| parse::number(token.keys().get(at)).map(Timestamp::from_micros);
    let id = token.keys().get(2).map_or("", String::as_str);
    match (instant(0), instant(1), EntryId::parse(id)) {
        (Ok(first), Ok(second), Ok(id)) => Ok(Some((first, second, id))),
        _ => Err(PageError::Invalid.into()),
    }
}
