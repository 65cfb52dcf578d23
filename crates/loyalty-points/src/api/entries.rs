//! `GetEntry`, `ListEntries`.

use tenure_core::{PageError, Violations, page};
use tenure_proto::loyalty::v1::{
    GetEntryRequest, GetEntryResponse, ListEntriesRequest, ListEntriesResponse,
};
use tenure_rpc::{RequestError, fields};

use super::{accounts, convert, parse};
use crate::domain::Refusal;
use crate::error::Error;
use crate::{Shared, store};

pub(super) async fn get(
    shared: &Shared,
    message: GetEntryRequest,
) -> Result<GetEntryResponse, Error> {
    let mut violations = Violations::new();
    let account = parse::account(&mut violations, &message.account_id);
    let entry = parse::entry_id(&mut violations, "entry_id", &message.entry_id);
    let (account, id) = parse::all(violations, account.zip(entry))?;
    let lane = shared.lane(account.as_str());
    match store::entry(&shared.db, lane, &account, id).await? {
        Some(entry) => Ok(GetEntryResponse {
            entry: Some(convert::entry(&entry)),
        }),
        None => {
            accounts::require(shared, &account).await?;
            Err(Refusal::EntryNotFound {
                entry: id.to_string(),
            }
            .into())
        }
    }
}

pub(super) async fn list(
    shared: &Shared,
    message: ListEntriesRequest,
) -> Result<ListEntriesResponse, Error> {
    let mut violations = Violations::new();
    let id = parse::account(&mut violations, &message.account_id);
    let size = fields::page_size(&mut violations, message.page_size);
    let (id, size) = parse::all(violations, id.zip(size))?;
    let arguments = format!("entries\u{1f}{id}");
    let token = fields::page_token(&message.page_token, arguments.as_bytes());
    let lane = shared.lane(id.as_str());
    let from = match token.map_err(RequestError::from)? {
        Some(token) => {
            let from = parse::number(token.keys().first());
            from.map_err(|_| RequestError::from(PageError::Invalid))?
        }
        None => {
            let account = store::account(&shared.db, lane, &id).await?;
            let found = account.ok_or_else(|| Refusal::AccountNotFound {
                account: id.to_string(),
            });
            found?.last_seq
        }
    };
    let entries = store::entries_page(&shared.db, lane, &id, from, size).await?;
    // A page goes on with the record before its last one.
    let (entries, next) = page::cut(entries, size, |entry| vec![entry.previous.to_string()]);
    Ok(ListEntriesResponse {
        entries: entries.iter().map(convert::entry).collect(),
        next_page_token: next
            .map(|next| next.seal(arguments.as_bytes()))
            .unwrap_or_default(),
    })
}
