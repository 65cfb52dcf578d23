//! `EarnForEvent`, `SimulateEarning`.

use tenure_core::{AccountId, CustomerId, Violations};
use tenure_proto::loyalty::v1 as pb;
use tenure_rpc::fields;

use super::{Failed, rules_in, rules_out, versions};
use crate::Shared;
use crate::api::once::{Begun, begin};
use crate::api::{accounts, convert, parse};
use crate::domain::{Event, EventKind, EventPart, Facts, Record, evaluate};
use crate::error::Error;
use crate::store::{self, Happened, NotBooked};

/// The longest own id of an event: with its kind and the number of a lot it is a source.
const EVENT_ID_LENGTH_MAX: usize = 100;
/// The longest key.
const KEY_LENGTH_MAX: usize = 64;
/// The most parts of an amount, and products of a customer.
const ITEMS_MAX: usize = 64;
/// The most months: of a hundred years.
const MONTHS_MAX: i32 = 1_200;

/// Returns a word that may be empty, or notes what is wrong with it.
fn word(v: &mut Violations, field: &str, text: &str, length_max: usize) -> Option<String> {
    if text.len() > length_max || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
        let wanted = format!("at most {length_max} printable ASCII characters without spaces");
        v.add(field, wanted, format!("{} bytes", text.len()));
        return None;
    }
    Some(text.to_owned())
}

fn months(v: &mut Violations, field: &str, months: i32) -> Option<u16> {
    let found = u16::try_from(months).ok().filter(|_| months <= MONTHS_MAX);
    if found.is_none() {
        v.add(field, format!("0 to {MONTHS_MAX}"), months.to_string());
    }
    found
}

fn event(shared: &Shared, v: &mut Violations, message: &pb::EarningEvent) -> Option<Event> {
    let kind = rules_in::event_kind(v, "kind", message.kind);
    let id = word(v, "event_id", &message.event_id, EVENT_ID_LENGTH_MAX);
    if message.event_id.is_empty() {
        v.add("event_id", "an id", "nothing");
    }
    let now = shared.clock.now();
    let at = fields::optional_time(v, "event_time", message.event_time.as_ref()).unwrap_or(now);
    if at > now {
        v.add("event_time", "an instant not in the future", "a later one");
    }
    let paid = message.paid_amount_minor;
    if !(0..=Event::PAID_MAX).contains(&paid) {
        let wanted = format!("0 to {}", Event::PAID_MAX);
        v.add("paid_amount_minor", wanted, paid.to_string());
    }
    fields::at_most(v, "parts", &message.parts, ITEMS_MAX);
    let mut parts = Vec::new();
    for part in message.parts.iter().take(ITEMS_MAX) {
        let key = word(v, "parts.part", &part.part, KEY_LENGTH_MAX);
        if part.amount_minor.unsigned_abs() > Event::PAID_MAX.unsigned_abs() {
            let wanted = format!("at most {}", Event::PAID_MAX);
            v.add("parts.amount_minor", wanted, part.amount_minor.to_string());
        }
        let minor = part.amount_minor;
        parts.extend(key.map(|key| EventPart { key, minor }));
    }
    let code = word(v, "code", &message.code, KEY_LENGTH_MAX);
    let referred = if kind == Some(EventKind::Referral) {
        let id = v.take(
            "referred_customer_id",
            CustomerId::parse(&message.referred_customer_id),
        );
        id.map(|id| id.to_string())
    } else {
        Some(String::new())
    };
    Some(Event {
        kind: kind?,
        id: id?,
        at: at.as_micros(),
        paid,
        parts,
        code: code?,
        referred: referred?,
    })
}

fn facts(v: &mut Violations, message: Option<&pb::CustomerFacts>) -> Option<Facts> {
    let Some(message) = message else {
        return Some(Facts::default());
    };
    let tenure = message.tenure_months;
    let tenure_months = tenure.map(|found| months(v, "tenure_months", found));
    let punctual = months(v, "punctual_months", message.punctual_months);
    let star = word(v, "star", &message.star, KEY_LENGTH_MAX);
    fields::at_most(v, "product_codes", &message.product_codes, ITEMS_MAX);
    let products = message.product_codes.iter().take(ITEMS_MAX);
    let products: Vec<Option<String>> = products
        .map(|product| word(v, "product_codes", product, KEY_LENGTH_MAX))
        .collect();
    fields::at_most(v, "blocks", &message.blocks, ITEMS_MAX);
    let blocks = message.blocks.iter().take(ITEMS_MAX);
    let blocks: Vec<_> = blocks
        .map(|block| rules_in::block(v, "blocks", *block))
        .collect();
    Some(Facts {
        tenure_months: match tenure_months {
            None => None,
            Some(found) => Some(found?),
        },
        star: star?,
        tier: String::new(),
        punctual_months: punctual?,
        products: products.into_iter().collect::<Option<_>>()?,
        blocks: blocks.into_iter().collect::<Option<_>>()?,
        earned_today: Vec::new(),
    })
}

fn event_and_facts(
    shared: &Shared,
    v: &mut Violations,
    event: Option<&pb::EarningEvent>,
    facts: Option<&pb::CustomerFacts>,
) -> Option<(Event, Facts)> {
    let event = fields::required(v, "event", event);
    let event = event.and_then(|event| v.within("event.", |v| self::event(shared, v, event)));
    let facts = v.within("facts.", |v| self::facts(v, facts));
    event.zip(facts)
}

pub(super) async fn earn(
    shared: &Shared,
    message: pb::EarnForEventRequest,
) -> Result<pb::EarnForEventResponse, Failed> {
    let mut violations = Violations::new();
    let v = &mut violations;
    let request = parse::request_id(v, &message.request_id);
    let account = parse::account(v, &message.account_id);
    let what = event_and_facts(shared, v, message.event.as_ref(), message.facts.as_ref());
    let parsed = request.zip(account.zip(what));
    let (request, (account, (event, facts))) = parse::all(violations, parsed)?;
    let begun = begin(shared, request, &message);
    let mut write = match begun.await.map_err(Failed::Stored)? {
        Begun::Answered(answer) => return Ok(answer),
        Begun::New(write) => write,
    };
    let happened = Happened {
        lane: shared.lane(account.as_str()),
        account,
        event,
        facts,
        open: message.open_account,
        joined_at: None,
        formerly: Vec::new(),
    };
    let (db, clock) = (&shared.db, &*shared.clock);
    let events = std::slice::from_ref(&happened);
    let mut outcomes = store::earn(&mut write.tx, db, clock, &shared.rules, events).await?;
    let outcome = outcomes
        .pop()
        .ok_or(Error::Internal("an event had no outcome"))?;
    let answer = match outcome {
        Ok(booked) => Ok(pb::EarnForEventResponse {
            earning: Some(rules_out::earning(
                &booked.earning,
                booked.programme.as_str(),
                booked.number,
            )),
            entries: booked
                .entries
                .iter()
                .filter_map(|record| entry(record))
                .collect(),
            available_points: booked.available,
            tier_id: booked.tier,
            replayed: false,
        }),
        Err(NotBooked::Ledger(refusal)) => Err(Error::from(refusal)),
        Err(NotBooked::Programme(refusal)) => Err(Error::from(refusal)),
    };
    Ok(write.finish(answer).await?)
}

fn entry(record: &Record) -> Option<pb::Entry> {
    match record {
        Record::Entry(entry) => Some(convert::entry(entry)),
        Record::Opened(_) | Record::Refused(_) | Record::Notice(_) | Record::Stock(_) => None,
    }
}

pub(super) async fn simulate(
    shared: &Shared,
    message: pb::SimulateEarningRequest,
) -> Result<pb::SimulateEarningResponse, Failed> {
    let now = shared.clock.now();
    let catalogue = shared.rules.fresh(&shared.db, now).await?;
    let mut violations = Violations::new();
    let v = &mut violations;
    let account = match message.account_id.as_str() {
        "" => None,
        id => v.take("account_id", AccountId::parse(id)),
    };
    let programme = super::programmes::id_or_default(v, &message.programme_id, &catalogue);
    let what = event_and_facts(shared, v, message.event.as_ref(), message.facts.as_ref());
    let (mut programme, (event, mut facts)) = parse::all(violations, programme.zip(what))?;
    if let Some(id) = &account {
        let account = accounts::require(shared, id).await?;
        store::add_standing(&mut facts, &account, event.at());
        programme = account.programme;
    }
    let in_force = catalogue.in_force(&programme, now);
    let number = match message.version_number {
        0 => in_force.map_or(0, |rules| rules.number),
        number => number,
    };
    let version = match in_force.filter(|rules| rules.number == number) {
        Some(rules) => (*rules.version).clone(),
        None => {
            versions::require_version(shared, &programme, number)
                .await?
                .rules
        }
    };
    if let Some(id) = &account {
        let place = (shared.lane(id.as_str()), id);
        let day = version.zone.day_of(event.at());
        (facts.tier, facts.earned_today) = store::knowledge(&shared.db, place, day).await?;
    }
    let earning = evaluate(&version, &event, &facts);
    let earning = Some(rules_out::earning(&earning, programme.as_str(), number));
    Ok(pb::SimulateEarningResponse { earning })
}
