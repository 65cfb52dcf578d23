//! Books reckoned the simple way: every entry of every account, read through the API.

use std::collections::{BTreeMap, HashMap};

use tenure_proto::loyalty::v1::{Allocation, Entry, EntryKind as Kind, VintagePoints};

use crate::suite::Suite;

/// Month (the second at which it begins), kind of points, partner.
pub(crate) type Cohort = (i64, String, String);

/// What one entry changed of one cohort.
#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) cohort: Cohort,
    pub(crate) second: i64,
    pub(crate) kind: Kind,
    pub(crate) points: i64,
    pub(crate) held: i64,
    pub(crate) pending: i64,
}

/// Everything known after some of the entries.
#[derive(Default)]
struct Walk {
    rows: Vec<Row>,
    entries: HashMap<String, Entry>,
    /// How many points of an entry were taken back.
    taken_back: HashMap<String, i64>,
    /// The cohort of each lot.
    lots: HashMap<String, Cohort>,
    /// Pending points by account and lot.
    pending: HashMap<(String, String), i64>,
    /// The lots of each hold.
    holds: HashMap<String, Vec<Allocation>>,
}

/// Reads all entries of `accounts` and returns what they changed.
pub(crate) async fn walk(loyalty: &Suite, accounts: &[String]) -> Vec<Row> {
    let mut queues = Vec::new();
    for account in accounts {
        // Newest first, so the oldest is taken off the end.
        queues.push(all_entries(loyalty, account).await);
    }
    let mut walk = Walk::default();
    loop {
        let mut moved = false;
        for queue in &mut queues {
            while let Some(entry) = queue.pop_if(|entry| walk.is_ready(entry)) {
                walk.take(&entry);
                moved = true;
            }
        }
        if !moved {
            assert!(queues.iter().all(Vec::is_empty), "an entry waits for ever");
            return walk.rows;
        }
    }
}

async fn all_entries(loyalty: &Suite, account: &str) -> Vec<Entry> {
    use tenure_proto::loyalty::v1::ListEntriesRequest;
    let mut request = ListEntriesRequest {
        account_id: account.into(),
        page_size: 1_000,
        page_token: String::new(),
    };
    let mut entries = Vec::new();
    loop {
        let page = loyalty.client.clone().list_entries(request.clone()).await;
        // Some accounts are never opened.
        let Ok(page) = page else { return entries };
        let page = page.into_inner();
        entries.extend(page.entries);
        if page.next_page_token.is_empty() {
            return entries;
        }
        request.page_token = page.next_page_token;
    }
}

impl Walk {
    /// What comes from another account is known once it has left that one.
    fn is_ready(&self, entry: &Entry) -> bool {
        !is_coming(entry.kind()) || self.entries.contains_key(&entry.peer_entry_id)
    }

    fn take(&mut self, entry: &Entry) {
        self.know_lots(entry);
        for part in &entry.allocations {
            let (points, held, pending) = self.change(entry, part);
            self.row(entry, &part.lot_id, (points, held, pending));
        }
        match entry.kind() {
            Kind::Hold => {
                let parts = entry.allocations.clone();
                self.holds.insert(entry.hold_id.clone(), parts);
            }
            Kind::Confirm => {
                for part in self.holds[&entry.hold_id].clone() {
                    self.row(entry, &part.lot_id, (0, part.points_delta, 0));
                }
            }
            _ => {}
        }
        self.entries.insert(entry.entry_id.clone(), entry.clone());
    }

    fn row(&mut self, entry: &Entry, lot: &str, (points, held, pending): (i64, i64, i64)) {
        self.rows.push(Row {
            cohort: self.lots[lot].clone(),
            second: entry.entry_time.unwrap().seconds,
            kind: entry.kind(),
            points,
            held,
            pending,
        });
    }

    fn change(&mut self, entry: &Entry, part: &Allocation) -> (i64, i64, i64) {
        let points = part.points_delta;
        let key = (entry.account_id.clone(), part.lot_id.clone());
        match entry.kind() {
            Kind::Hold | Kind::Release | Kind::HoldTimeout => (0, -points, 0),
            Kind::Activate => {
                assert_eq!(self.pending.remove(&key), Some(points));
                (0, 0, -points)
            }
            Kind::Earn if entry.pending_points_delta != 0 => {
                self.pending.insert(key, points);
                (points, 0, points)
            }
            kind if is_coming(kind) => {
                let left = &self.entries[&entry.peer_entry_id];
                let was = self.rows.iter().rev().find(|row| {
                    row.kind == left.kind()
                        && row.cohort == self.lots[&part.lot_id]
                        && row.points == -points
                        && row.second == left.entry_time.unwrap().seconds
                });
                let is_pending = was.unwrap().pending != 0 && entry.pending_points_delta != 0;
                let pending = if is_pending { points } else { 0 };
                *self.pending.entry(key).or_default() += pending;
                (points, 0, pending)
            }
            _ => match self.pending.get_mut(&key) {
                Some(pending) if *pending > 0 => {
                    *pending += points;
                    (points, 0, points)
                }
                _ => (points, 0, 0),
            },
        }
    }

    /// Notes the month of lots that the entry made, or made again.
    fn know_lots(&mut self, entry: &Entry) {
        let origin = match entry.kind() {
            Kind::ReverseRedeem => self.came_back(entry),
            Kind::Reinstate => self.entries[&entry.reversed_entry_id].allocations.clone(),
            _ => Vec::new(),
        };
        for (at, part) in entry.allocations.iter().enumerate() {
            if self.lots.contains_key(&part.lot_id) {
                continue;
            }
            let cohort = match origin.get(at) {
                Some(from) => self.lots[&from.lot_id].clone(),
                None => {
                    let earned = crate::suite::day("1970-01-01")
                        + tenure_core::Span::from_seconds(entry.entry_time.unwrap().seconds);
                    let month = earned.month_start().as_micros() / 1_000_000;
                    (month, part.points_type.clone(), part.partner_id.clone())
                }
            };
            self.lots.insert(part.lot_id.clone(), cohort);
        }
    }

    /// Returns the parts of a redemption that a reversal brought back: those taken last come first.
    fn came_back(&mut self, entry: &Entry) -> Vec<Allocation> {
        let before = self
            .taken_back
            .entry(entry.reversed_entry_id.clone())
            .or_default();
        let mut points: Vec<Allocation> = Vec::new();
        for part in self.entries[&entry.reversed_entry_id]
            .allocations
            .iter()
            .rev()
        {
            for _ in 0..-part.points_delta {
                points.push(part.clone());
            }
        }
        let from = usize::try_from(*before).unwrap();
        let count = usize::try_from(entry.points_delta).unwrap();
        *before += entry.points_delta;
        let mut parts = points[from..from + count].to_vec();
        parts.reverse();
        parts.dedup_by(|one, other| one.lot_id == other.lot_id);
        parts
    }
}

/// Returns true for points that come from another account.
fn is_coming(kind: Kind) -> bool {
    matches!(kind, Kind::TransferIn | Kind::PoolIn)
}

/// Returns the points of every cohort over a period of seconds.
pub(crate) fn vintages(rows: &[Row], start: i64, end: i64) -> BTreeMap<Cohort, VintagePoints> {
    let mut found: BTreeMap<Cohort, VintagePoints> = BTreeMap::new();
    for row in rows.iter().filter(|row| row.second < end) {
        let points = found.entry(row.cohort.clone()).or_default();
        points.closing_points += row.points;
        points.held_points += row.held;
        points.pending_points += row.pending;
        points.available_points += row.points - row.held - row.pending;
        if row.second < start {
            points.opening_points += row.points;
            continue;
        }
        match row.kind {
            Kind::Earn => points.earned_points += row.points,
            Kind::Redeem | Kind::Confirm => points.redeemed_points -= row.points,
            Kind::Expire => points.expired_points -= row.points,
            Kind::ReverseRedeem => points.reversed_redeemed_points += row.points,
            Kind::ReverseEarn => points.reversed_earned_points -= row.points,
            Kind::Adjust => points.adjusted_points += row.points,
            Kind::Reinstate => points.reinstated_points += row.points,
            Kind::Close => points.voided_points -= row.points,
            Kind::RepayDebt => points.debt_repaid_points -= row.points,
            Kind::TransferOut | Kind::PoolOut => points.transferred_points += row.points,
            kind if is_coming(kind) => points.transferred_points += row.points,
            _ => assert_eq!(row.points, 0),
        }
    }
    found
}
