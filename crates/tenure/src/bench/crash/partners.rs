//! Partners: one who paid for its points before, one who pays afterwards, and what is settled.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;

use anyhow::{Context as _, Result, ensure};
use tenure_proto::loyalty::v1 as pb;
use tenure_proto::loyalty::v1::{EntryKind as Kind, PartnerDirection as Direction};
use tonic::Status;

use super::book::{Book, Told};
use super::draw::request_id;
use super::lock;
use super::work::{Write, send};
use crate::clients::Clients;

/// Buys blocks of points.
pub(super) const PREPAID: &str = "airline";
/// Pays by settlement.
pub(super) const POSTPAID: &str = "cafe";
/// Both.
pub(super) const ALL: [&str; 2] = [PREPAID, POSTPAID];

/// What 1,000 points cost that are earned, in minor units.
const EARNED: i64 = 1_250;
/// How many hundredths of a per cent of that are billed.
const BILLED: i32 = 9_000;
/// What is owed for 1,000 points that are spent.
const SPENT: i64 = 800;
/// How many points the first block has.
const FIRST: i64 = 300;

pub(super) fn buying(points: i64) -> pb::AddPointBlockRequest {
    pb::AddPointBlockRequest {
        request_id: request_id(),
        partner_id: PREPAID.to_owned(),
        points,
        price_minor: points,
        created_by: "clerk".to_owned(),
        ..pb::AddPointBlockRequest::default()
    }
}

pub(super) fn settling(partner: &str) -> pb::SettlePartnerRequest {
    pb::SettlePartnerRequest {
        request_id: request_id(),
        partner_id: partner.to_owned(),
        until_time: None,
        created_by: "clerk".to_owned(),
    }
}

pub(super) async fn buy(
    clients: &Clients,
    request: &pb::AddPointBlockRequest,
) -> Result<Told, Status> {
    let mut client = clients.partners.clone();
    let answer = client.add_point_block(request.clone()).await?.into_inner();
    let block = answer.block.unwrap_or_default();
    Ok(Told::Block {
        number: block.block_number,
        points: request.points,
    })
}

pub(super) async fn settle(
    clients: &Clients,
    request: &pb::SettlePartnerRequest,
) -> Result<Told, Status> {
    let mut client = clients.partners.clone();
    let answer = client.settle_partner(request.clone()).await?.into_inner();
    let settlement = answer.settlement.unwrap_or_default();
    Ok(Told::Settlement {
        partner: request.partner_id.clone(),
        number: settlement.settlement_number,
    })
}

/// Creates the partners, and sells the first block.
pub(super) async fn found(clients: &Clients, book: &Mutex<Book>) -> Result<()> {
    for partner in ALL {
        let funding = match partner {
            PREPAID => pb::PartnerFundingModel::Prepaid,
            _ => pb::PartnerFundingModel::Postpaid,
        };
        let request = pb::CreatePartnerRequest {
            request_id: request_id(),
            partner_id: partner.to_owned(),
            display_name: partner.to_owned(),
            kind: pb::PartnerKind::Both.into(),
            funding: funding.into(),
            currency_code: "EUR".to_owned(),
            prices: Some(pb::PartnerPrices {
                accrual_prices: vec![pb::AccrualPrice {
                    points_type: String::new(),
                    minor_per_thousand: EARNED,
                }],
                billing_basis_points: BILLED,
                redemption_minor_per_thousand: SPENT,
            }),
            alert_points: 0,
            created_by: "clerk".to_owned(),
        };
        let created = clients.partners.clone().create_partner(request).await;
        created.context("cannot create a partner")?;
    }
    let first = Write::Block(buying(FIRST));
    ensure!(send(clients, book, &first).await, "the first block");
    Ok(())
}

/// What an entry moved at its partner: points earned or spent; less than none where it takes back.
fn moved(entry: &pb::Entry) -> Option<(Direction, i64)> {
    let taken_back = entry.reversed_points - entry.shortfall_points;
    let moved = match entry.kind() {
        Kind::Earn => (Direction::Accrual, entry.points_delta),
        Kind::ReverseEarn => (Direction::Accrual, -taken_back),
        Kind::Redeem | Kind::Confirm => (Direction::Redemption, -entry.points_delta),
        Kind::ReverseRedeem => (Direction::Redemption, -taken_back),
        _ => return None,
    };
    (moved.1 != 0).then_some(moved)
}

/// The entries of a partner by id: what they moved.
type Moved<'e> = BTreeMap<&'e str, (Direction, i64)>;

fn moved_at<'e>(partner: &str, entries: &'e [pb::Entry]) -> Moved<'e> {
    let is_there = |entry: &&pb::Entry| {
        let at = entry.partner.as_ref();
        at.is_some_and(|at| at.partner_id == partner)
    };
    let own = entries.iter().filter(is_there);
    own.filter_map(|entry| Some((entry.entry_id.as_str(), moved(entry)?)))
        .collect()
}

async fn blocks(clients: &Clients) -> Result<Vec<pb::PointBlock>> {
    let (mut blocks, mut page_token) = (Vec::new(), String::new());
    loop {
        let request = pb::ListPointBlocksRequest {
            partner_id: PREPAID.to_owned(),
            page_size: 1_000,
            page_token,
        };
        let page = clients.partners.clone().list_point_blocks(request).await;
        let page = page.context("cannot list blocks")?.into_inner();
        blocks.extend(page.blocks);
        page_token = page.next_page_token;
        if page_token.is_empty() {
            return Ok(blocks);
        }
    }
}

/// No block gave more than it had, whatever is going on.
pub(super) async fn check_left(clients: &Clients) -> Result<()> {
    for block in blocks(clients).await? {
        ensure!(
            (0..=block.points).contains(&block.remaining_points),
            "a block gave more than it had: {block:?}"
        );
    }
    Ok(())
}

/// The blocks are those that were acknowledged; what is left is what was bought less what was drawn.
/// Then everything is settled, and each entry of a partner must be in one settlement.
pub(super) async fn check(
    clients: &Clients,
    book: &Mutex<Book>,
    entries: &[pb::Entry],
) -> Result<()> {
    let blocks = blocks(clients).await?;
    let found: BTreeMap<i64, i64> = blocks
        .iter()
        .map(|block| (block.block_number, block.points))
        .collect();
    let told = lock(book).told.clone();
    let mut bought = BTreeMap::new();
    for told in told.values() {
        if let Told::Block { number, points } = told {
            let before = bought.insert(*number, *points);
            ensure!(before.is_none(), "block {number} was acknowledged twice");
        }
    }
    ensure!(
        found == bought,
        "blocks {bought:?} were acknowledged, {found:?} are there"
    );
    let left: i64 = blocks.iter().map(|block| block.remaining_points).sum();
    let drawn = moved_at(PREPAID, entries);
    let drawn = drawn.values().filter(|it| it.0 == Direction::Accrual);
    let drawn: i64 = drawn.map(|(_, points)| points).sum();
    let bought: i64 = bought.values().sum();
    ensure!(
        left == bought - drawn,
        "{bought} points were bought and {drawn} drawn; {left} are left"
    );
    for partner in ALL {
        let last = settle(clients, &settling(partner)).await?;
        let told = told.values().chain([&last]).filter_map(|told| match told {
            Told::Settlement {
                partner: of,
                number,
            } if of == partner => Some(*number),
            _ => None,
        });
        let numbers: BTreeSet<i64> = told.collect();
        let moved = moved_at(partner, entries);
        check_settled(clients, partner, &numbers, moved).await?;
    }
    Ok(())
}

async fn settled(
    clients: &Clients,
    partner: &str,
    number: i64,
) -> Result<Vec<pb::SettlementEntry>> {
    let (mut entries, mut page_token) = (Vec::new(), String::new());
    loop {
        let request = pb::ListSettlementEntriesRequest {
            partner_id: partner.to_owned(),
            settlement_number: number,
            page_size: 1_000,
            page_token,
        };
        let mut client = clients.partners.clone();
        let page = client.list_settlement_entries(request).await?.into_inner();
        entries.extend(page.entries);
        page_token = page.next_page_token;
        if page_token.is_empty() {
            return Ok(entries);
        }
    }
}

/// Each entry is in one settlement as what it moved, and each settlement is the sum of its entries.
async fn check_settled(
    clients: &Clients,
    partner: &str,
    numbers: &BTreeSet<i64>,
    mut moved: Moved<'_>,
) -> Result<()> {
    // Numbered without gaps, the last one is the greatest: none that nobody was told of is missed.
    for number in 1..=numbers.last().copied().unwrap_or(0) {
        let name = format!("settlement {number} of {partner}");
        let entries = settled(clients, partner, number).await?;
        for entry in &entries {
            let wanted = moved.remove(entry.entry_id.as_str());
            ensure!(
                wanted == Some((entry.direction(), entry.points)),
                "{name} has {entry:?}; not settled was {wanted:?}"
            );
        }
        let request = pb::GetSettlementRequest {
            partner_id: partner.to_owned(),
            settlement_number: number,
        };
        let found = clients.partners.clone().get_settlement(request).await?;
        let found = found.into_inner().settlement.unwrap_or_default();
        check_sums(partner, &found, &entries).with_context(|| name)?;
    }
    ensure!(
        moved.is_empty(),
        "{partner}: no settlement has {:?}",
        moved.first_key_value()
    );
    let open = settled(clients, partner, 0).await?;
    ensure!(
        open.is_empty(),
        "{partner}: settled and still open: {open:?}"
    );
    Ok(())
}

/// The lines are the sums of the entries, and their amounts what the prices say.
fn check_sums(
    partner: &str,
    found: &pb::Settlement,
    entries: &[pb::SettlementEntry],
) -> Result<()> {
    let minor = |money: &Option<_>| {
        let money: Option<&tenure_proto::r#type::v1::Money> = money.as_ref();
        money.map_or(0, |money| money.amount_minor)
    };
    let mut sums = [0, 0];
    for (direction, sum) in [Direction::Accrual, Direction::Redemption]
        .into_iter()
        .zip(&mut sums)
    {
        let own = entries.iter().filter(|it| it.direction() == direction);
        let points: Vec<i64> = own.map(|entry| entry.points).collect();
        let lines = found.lines.iter().filter(|it| it.direction() == direction);
        let lines: Vec<_> = lines.collect();
        let shown: i64 = lines.iter().map(|it| it.points - it.returned_points).sum();
        let count: i64 = lines.iter().map(|it| it.entry_count).sum();
        let wanted = (points.iter().sum::<i64>(), i64::try_from(points.len())?);
        ensure!(
            (shown, count) == wanted,
            "its entries are {wanted:?} in points and number, its lines {shown} and {count}"
        );
        for line in lines {
            let (price, billed) = match (direction, partner) {
                // It paid before.
                (Direction::Accrual, PREPAID) => (0, i64::from(BILLED)),
                (Direction::Accrual, _) => (EARNED, i64::from(BILLED)),
                _ => (SPENT, 10_000),
            };
            let exact = i128::from(line.points - line.returned_points) * i128::from(price * billed);
            let wanted = rounded(exact, 10_000_000);
            let amount = minor(&line.amount);
            ensure!(
                i128::from(amount) == wanted,
                "a line comes to {amount} instead of {wanted}: {line:?}"
            );
            *sum += amount;
        }
    }
    let wanted = (
        i64::try_from(entries.len())?,
        sums[0],
        sums[1],
        sums[0] - sums[1],
    );
    let shown = (
        found.entry_count,
        minor(&found.accrual_amount),
        minor(&found.redemption_amount),
        minor(&found.net_amount),
    );
    ensure!(shown == wanted, "the sums are {shown:?}, wanted {wanted:?}");
    Ok(())
}

/// Rounds to the nearest, halves to the even one, by trying: the whole whose distance is least.
fn rounded(numerator: i128, denominator: i128) -> i128 {
    let near = numerator / denominator;
    let distance = |whole: &i128| ((whole * denominator - numerator).abs(), whole % 2 != 0);
    let best = (near - 1..=near + 1).min_by_key(distance);
    best.unwrap_or(near)
}
