//! Customers of the demo spend their points.

use anyhow::{Context as _, Result};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use tenure_core::Points;
use tenure_proto::loyalty::v1 as pb;
use tenure_simulator::Operator;

use super::ingest::{CALLS, Ingest};

/// Lets every customer of the operator redeem what they wish to in `month`; returns how many did.
///
/// # Errors
/// When loyalty-points refuses or does not answer.
pub(super) async fn redeem(ingest: &Ingest<'_>, operator: &Operator, month: u32) -> Result<usize> {
    let mut wishes = Vec::new();
    let mut page_token = String::new();
    loop {
        let request = pb::ListAccountsRequest {
            customer_id: String::new(),
            page_size: 1_000,
            page_token,
        };
        let page = ingest
            .clients
            .loyalty
            .clone()
            .list_accounts(request)
            .await?
            .into_inner();
        wishes.extend(
            page.accounts
                .iter()
                .filter_map(|account| wish(operator, month, account)),
        );
        page_token = page.next_page_token;
        if page_token.is_empty() {
            break;
        }
    }
    let count = wishes.len();
    stream::iter(wishes)
        .map(|(account_id, points)| {
            let source = format!("shop/{month}");
            let request_id = ingest.request_id();
            let request = pb::RedeemPointsRequest {
                request_id,
                account_id,
                points,
                source,
                member_account_id: String::new(),
                partner_id: String::new(),
            };
            let mut client = ingest.clients.loyalty.clone();
            async move { client.redeem_points(request).await }
        })
        .buffer_unordered(CALLS)
        .try_for_each(|_| async { Ok(()) })
        .await
        .context("redeem_points")?;
    Ok(count)
}

/// Returns how many points the holder of an account wishes to spend, when any.
fn wish(operator: &Operator, month: u32, account: &pb::Account) -> Option<(String, i64)> {
    let index: u32 = account.customer_id.strip_prefix('C')?.parse().ok()?;
    let customer = operator.customer(index);
    let points = operator
        .redemption(&customer, month, Points::new(account.available_points))
        .get();
    (points > 0).then(|| (account.account_id.clone(), points))
}
