//! `ListExpiringPoints`.

use std::collections::BTreeMap;

use tenure_core::{Lane, PageError, PageToken, Timestamp, Violations};
use tenure_proto::loyalty::v1::{
    Expiration, ExpiringPoints, ListExpiringPointsRequest, ListExpiringPointsResponse,
};
use tenure_rpc::{RequestError, fields};

use super::{accounts, convert, parse};
use crate::domain::Account;
use crate::error::Error;
use crate::store::Place;
use crate::{Shared, store};

pub(super) async fn list(
    shared: &Shared,
    message: ListExpiringPointsRequest,
) -> Result<ListExpiringPointsResponse, Error> {
    let catalogue = accounts::catalogue_with(shared, &[&message.programme_id]).await?;
    let now = shared.clock.now();
    let mut violations = Violations::new();
    let v = &mut violations;
    let programme = accounts::programme(&catalogue, &message.programme_id, now);
    let programme = v.take("programme_id", programme);
    let until = fields::required_time(v, "until_time", message.until_time.as_ref());
    if until.is_some_and(|until| until <= now) {
        v.add("until_time", "an instant in the future", "one that is not");
    }
    let size = fields::page_size(v, message.page_size);
    let ((programme, until), size) = parse::all(violations, programme.zip(until).zip(size))?;
    let arguments = format!("expiring\u{1f}{programme}\u{1f}{}", until.as_micros());
    let token = fields::page_token(&message.page_token, arguments.as_bytes());
    let place = place(token.map_err(RequestError::from)?.as_ref())?;

    // Accounts on which only holds run out are looked at, too, and pages are the shorter for them.
    let found = store::accounts_due(&shared.db, &programme, until, &place, size.get()).await?;
    let next = found.last().filter(|_| found.len() == size.get());
    let next = next.map(|last| PageToken::after([last.lane.to_string(), last.id.to_string()]));
    let expiring = found.into_iter().filter_map(|account| {
        let account = convert::at(account, now, &catalogue);
        expiring(&account, until)
    });
    Ok(ListExpiringPointsResponse {
        accounts: expiring.collect(),
        next_page_token: next
            .map(|next| next.seal(arguments.as_bytes()))
            .unwrap_or_default(),
    })
}

fn place(token: Option<&PageToken>) -> Result<Place, RequestError> {
    let Some(token) = token else {
        return Ok(Place::start());
    };
    let lane = parse::number(token.keys().first());
    let lane = lane.ok().and_then(|lane| Lane::try_from(lane).ok());
    match (lane, token.keys().get(1)) {
        (Some(lane), Some(account)) => Ok(Place {
            lane,
            account: account.clone(),
        }),
        _ => Err(PageError::Invalid.into()),
    }
}

/// Returns the points of an account that expire before an instant; nothing when there are none.
fn expiring(account: &Account, until: Timestamp) -> Option<ExpiringPoints> {
    let mut expirations: BTreeMap<Timestamp, i64> = BTreeMap::new();
    let lots = account.lots.iter();
    for lot in lots.filter(|lot| lot.remaining > 0 && lot.expires_at < until) {
        *expirations.entry(lot.expires_at).or_default() += lot.remaining;
    }
    let (first, _) = expirations.first_key_value()?;
    Some(ExpiringPoints {
        account_id: account.id.to_string(),
        customer_id: account.customer.to_string(),
        expiring_points: expirations.values().sum(),
        first_expire_time: Some(fields::time(*first)),
        expirations: expirations
            .iter()
            .map(|(at, points)| Expiration {
                expire_time: Some(fields::time(*at)),
                points: *points,
            })
            .collect(),
    })
}
