//! Everything that the service shows of a client's accounts, compared with the model.

use tenure_core::{Span, Timestamp};
use tenure_proto::loyalty::v1::*;
use tenure_rpc::fields;

use super::ask::ACCOUNTS;
use super::call::{Client, insist};
use super::request::kind_of;
use super::story::{Disagreement, Story};
use crate::naive::Micros;
use crate::naive::shown::{ShownAccount, ShownHold, ShownLot};

type Wire = Option<prost_types::Timestamp>;

/// Requires what was found to be what was wanted.
macro_rules! require {
    ($what:expr, $found:expr, $wanted:expr) => {
        let (found, wanted) = ($found, $wanted);
        if found != wanted {
            return Err(format!(
                "{}\n  found  {found:?}\n  wanted {wanted:?}",
                $what
            ));
        }
    };
}

impl Story {
    fn time(&self, at: Micros) -> Wire {
        Some(fields::time(self.start + Span::from_micros(at)))
    }

    /// Compares accounts, lots and holds, whether or not what is due is booked; returns how many
    /// points the accounts have.
    pub(crate) async fn check(
        &mut self,
        client: &Client,
        now: Timestamp,
    ) -> Result<i64, Disagreement> {
        self.model.pass(self.micros(now));
        require!("answers", self.entries.len(), self.model.answers());
        let mut sum = 0;
        for number in (0..ACCOUNTS).filter(|number| self.model.exists(*number)) {
            let shown = self.model.show(number);
            self.check_account(client, number, &shown).await?;
            sum += shown.available + shown.held + shown.pending;
            let lots = self.check_lots(client, number).await?;
            self.tally.compare("accounts", 1);
            self.tally.compare("lots", lots);
        }
        let holds: Vec<ShownHold> = self.model.show_holds().collect();
        for hold in holds {
            self.check_hold(client, &hold).await?;
            self.tally.compare("holds", 1);
        }
        Ok(sum)
    }

    /// Compares entries, when what is due is booked.
    pub(crate) async fn check_booked(&mut self, client: &Client) -> Result<(), Disagreement> {
        for number in (0..ACCOUNTS).filter(|number| self.model.exists(*number)) {
            let entries = self.check_entries(client, number).await?;
            self.tally.compare("entries", entries);
        }
        Ok(())
    }

    /// How many points of the accounts expired.
    pub(crate) fn expired(&self) -> i64 {
        self.model.expired()
    }

    async fn check_account(
        &self,
        client: &Client,
        number: usize,
        shown: &ShownAccount,
    ) -> Result<(), Disagreement> {
        let account_id = self.account(number);
        let request = GetAccountRequest {
            account_id: account_id.clone(),
        };
        let found = insist!(client, get_account, request).0;
        let found = found.map_err(|status| format!("{account_id}: {status:?}"))?;
        let found = found.account.unwrap_or_default();
        let state = match shown.is_closed {
            true => AccountState::Closed,
            false => AccountState::Active,
        };
        require!(
            &account_id,
            (
                found.available_points,
                found.held_points,
                found.pending_points
            ),
            (shown.available, shown.held, shown.pending)
        );
        require!(
            &account_id,
            (found.debt_points, found.state()),
            (shown.debt, state)
        );
        let blocks = found.blocks.iter().map(AccountBlock::kind);
        let wanted = shown.blocks.iter().map(|block| kind_of(*block));
        require!(
            &account_id,
            blocks.collect::<Vec<_>>(),
            wanted.collect::<Vec<_>>()
        );
        let members = found.pool_members.iter().map(|it| it.account_id.clone());
        let wanted = self.model.members(number).into_iter();
        require!(
            &account_id,
            members.collect::<Vec<_>>(),
            wanted.map(|it| self.account(it)).collect::<Vec<_>>()
        );
        let pool = self.model.pool_of(number).map(|it| self.account(it));
        require!(
            &account_id,
            &found.pool_account_id,
            &pool.unwrap_or_default()
        );
        let recipients = found.recipients.into_iter();
        let recipients = recipients.map(|known| (known.account_id, known.effective_time));
        let wanted = shown.recipients.iter();
        let wanted = wanted.map(|(known, from)| (self.account(*known), self.time(*from)));
        require!(
            &account_id,
            recipients.collect::<Vec<_>>(),
            wanted.collect::<Vec<_>>()
        );
        let wanted = shown.next_activation.and_then(|at| self.time(at));
        require!(&account_id, found.next_activate_time, wanted);
        let (next, points) = shown.next_expiry.unzip();
        require!(
            &account_id,
            (found.next_expire_time, found.expiring_points),
            (next.and_then(|at| self.time(at)), points.unwrap_or(0))
        );
        Ok(())
    }

    async fn check_lots(&self, client: &Client, number: usize) -> Result<u64, Disagreement> {
        let account_id = self.account(number);
        let request = ListLotsRequest {
            account_id: account_id.clone(),
            page_size: 1_000,
            ..ListLotsRequest::default()
        };
        let found = insist!(client, list_lots, request).0;
        let found = found.map_err(|status| format!("lots of {account_id}: {status:?}"))?;
        let mut lots = Vec::new();
        for lot in found.lots {
            let (name, state, special) = (
                self.lot(&lot.lot_id)?,
                lot.state(),
                lot.points_type == "promotion",
            );
            let points = (lot.remaining_points, lot.held_points, state, special);
            lots.push((
                name,
                points,
                [lot.earn_time, lot.expire_time, lot.activate_time],
            ));
        }
        let wanted = self
            .model
            .show_lots(number)
            .into_iter()
            .map(|lot: ShownLot| {
                let state = match lot.is_pending {
                    true => LotState::Pending,
                    false => LotState::Available,
                };
                let points = (lot.rest, lot.held, state, lot.is_special);
                let active = lot.active.and_then(|at| self.time(at));
                (
                    lot.name,
                    points,
                    [self.time(lot.earned), self.time(lot.until), active],
                )
            });
        let count = lots.len();
        require!(&account_id, lots, wanted.collect::<Vec<_>>());
        Ok(u64::try_from(count).expect("a count"))
    }

    /// All that was answered stands among the entries, once, and nothing else was asked for; the
    /// entries add up.
    async fn check_entries(&self, client: &Client, number: usize) -> Result<u64, Disagreement> {
        let account_id = self.account(number);
        let shown = self.model.show(number);
        let points = shown.available + shown.held + shown.pending;
        let mut entries: Vec<Entry> = Vec::new();
        let mut page_token = String::new();
        loop {
            let request = ListEntriesRequest {
                account_id: account_id.clone(),
                page_size: 1_000,
                page_token,
            };
            let page = insist!(client, list_entries, request).0;
            let page = page.map_err(|status| format!("entries of {account_id}: {status:?}"))?;
            entries.extend(page.entries);
            page_token = page.next_page_token;
            if page_token.is_empty() {
                break;
            }
        }
        entries.reverse();
        let numbers = entries.iter().map(|entry| entry.sequence_number);
        require!(
            &account_id,
            numbers.collect::<Vec<_>>(),
            (1..).take(entries.len()).collect::<Vec<i64>>()
        );
        let sum = |part: fn(&Entry) -> i64| -> i64 { entries.iter().map(part).sum() };
        let sums = (
            sum(|entry| entry.points_delta),
            sum(|entry| entry.debt_points_delta),
        );
        require!(&account_id, sums, (points, shown.debt));
        let count = entries.len();
        entries.retain(|entry| !entry.request_id.is_empty());
        let own = self
            .entries
            .iter()
            .filter(|entry| entry.account_id == account_id);
        require!(&account_id, entries, own.cloned().collect::<Vec<_>>());
        Ok(u64::try_from(count).expect("a count"))
    }

    async fn check_hold(&self, client: &Client, hold: &ShownHold) -> Result<(), Disagreement> {
        let request = GetHoldRequest {
            account_id: self.account(hold.owner),
            hold_id: self.id(hold.number),
        };
        let found = insist!(client, get_hold, request).0;
        let found = found.map_err(|status| format!("{hold:?}: {status:?}"))?;
        let found = found.hold.unwrap_or_default();
        let state = match hold.end {
            None => HoldState::Open,
            Some("HOLD_ALREADY_CONFIRMED") => HoldState::Confirmed,
            Some("HOLD_ALREADY_RELEASED") => HoldState::Released,
            Some(_) => HoldState::Expired,
        };
        require!(
            format!("{hold:?}"),
            (
                found.points,
                found.confirmed_points,
                found.state(),
                found.expire_time
            ),
            (hold.points, hold.confirmed, state, self.time(hold.until))
        );
        Ok(())
    }
}
