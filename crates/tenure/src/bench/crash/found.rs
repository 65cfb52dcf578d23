//! What is there before anything breaks: customers, their accounts with points, and all else.

use std::sync::Mutex;

use anyhow::Result;
use tenure_core::{Clock as _, SystemClock, Timestamp};
use tenure_proto::customer::v1 as customer;
use tenure_proto::loyalty::v1 as pb;
use tenure_proto::loyalty::v1::operation::Operation as Asking;

use super::book::Book;
use super::draw::{earning, request_id};
use super::work::{Answered, Done, Write, account, send};
use super::{lock, partners, pools, shop};
use crate::clients::Clients;
use crate::wire::timestamp;

/// Creates the customers, and for each an account with points and a recipient; pools, rewards and
/// partners.
pub(super) async fn found(clients: &Clients, accounts: usize, book: &Mutex<Book>) -> Result<()> {
    let joined = SystemClock.now().plus_months(-12);
    join(clients, accounts, joined).await?;
    for number in 0..accounts {
        let request = pb::RegisterRecipientRequest {
            request_id: request_id(),
            account_id: account(number),
            recipient_account_id: account((number + 1) % accounts),
            replaced_account_id: String::new(),
        };
        let (id, account_id) = (request.request_id.clone(), request.account_id.clone());
        clients.loyalty.clone().register_recipient(request).await?;
        let done = Done {
            account: account_id,
            delta: Some(0),
            ..Done::default()
        };
        lock(book).note(&id, Answered::Done(done));
        let first = earning(request_id(), account(number), 500);
        let write = Write::One(Asking::EarnPoints(first));
        anyhow::ensure!(send(clients, book, &write).await, "the first points");
    }
    pools::found(clients, accounts, book).await?;
    shop::found(clients).await?;
    partners::found(clients, book).await
}

async fn join(clients: &Clients, accounts: usize, joined: Timestamp) -> Result<()> {
    let customers = (0..accounts).map(|number| customer::Customer {
        customer_id: account(number),
        kind: customer::CustomerKind::Individual.into(),
        join_time: Some(timestamp(joined)),
        ..Default::default()
    });
    let request = customer::BatchUpsertCustomersRequest {
        request_id: request_id(),
        customers: customers.collect(),
    };
    let mut client = clients.customer.clone();
    client.batch_upsert_customers(request).await?;
    let mut client = clients.loyalty.clone();
    for number in 0..accounts {
        let request = pb::CreateAccountRequest {
            request_id: request_id(),
            account_id: account(number),
            customer_id: account(number),
            join_time: Some(timestamp(joined)),
            ..Default::default()
        };
        client.create_account(request).await?;
    }
    Ok(())
}
