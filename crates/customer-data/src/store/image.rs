//! A fact as one column of bytes, to be put back as it was. What says whose it is, and which, stands
//! beside it.

use prost::Message;
use tenure_core::hash::{fnv1a64, mix64};
use tenure_core::{ComplaintId, Currency, CustomerId, Money, Timestamp};
use tenure_sql::SqlError;
use uuid::Uuid;

use super::rows::read;
use super::{facts, standing};
use crate::domain::reversal::UndoKey;
use crate::domain::words::{
    BillState, Channel, ChurnKind, CustomerKind, Direction, InteractionKind, InteractionPhase,
    ServiceKind,
};
use crate::domain::{
    Bill, Customer, Fact, ImportMark, Interaction, Msisdn, Standing, Subscription, Termination,
    UsageSummary,
};

#[derive(Clone, PartialEq, Message)]
struct CustomerImage {
    #[prost(int32, tag = "1")]
    kind: i32,
    #[prost(string, tag = "2")]
    display_name: String,
    #[prost(sint64, tag = "3")]
    joined_at: i64,
    #[prost(sint64, tag = "4")]
    created_at: i64,
    #[prost(sint64, tag = "5")]
    updated_at: i64,
    #[prost(int64, tag = "6")]
    version: i64,
    #[prost(string, optional, tag = "7")]
    import_id: Option<String>,
    #[prost(int64, tag = "8")]
    import_line: i64,
    /// As the table has it.
    #[prost(bytes = "vec", tag = "9")]
    facts: Vec<u8>,
}

#[derive(Clone, PartialEq, Message)]
struct SubscriptionImage {
    #[prost(int32, tag = "1")]
    service: i32,
    #[prost(string, tag = "2")]
    product_code: String,
    #[prost(string, optional, tag = "3")]
    msisdn: Option<String>,
    #[prost(sint64, optional, tag = "4")]
    msisdn_from: Option<i64>,
    #[prost(sint64, tag = "5")]
    started_at: i64,
    #[prost(sint64, optional, tag = "6")]
    contract_ends_at: Option<i64>,
    #[prost(string, optional, tag = "7")]
    fee_currency: Option<String>,
    #[prost(sint64, tag = "8")]
    fee_minor: i64,
    #[prost(sint64, optional, tag = "9")]
    terminated_at: Option<i64>,
    #[prost(int32, tag = "10")]
    churn_kind: i32,
    #[prost(string, tag = "11")]
    churn_reason: String,
    #[prost(sint64, tag = "12")]
    updated_at: i64,
    /// As the table has it.
    #[prost(string, optional, tag = "13")]
    standing: Option<String>,
}

#[derive(Clone, PartialEq, Message)]
struct BillImage {
    #[prost(sint64, tag = "1")]
    issued_at: i64,
    #[prost(sint64, tag = "2")]
    due_at: i64,
    #[prost(string, tag = "3")]
    currency: String,
    #[prost(sint64, tag = "4")]
    amount_minor: i64,
    #[prost(int32, tag = "5")]
    state: i32,
    #[prost(sint64, optional, tag = "6")]
    settled_at: Option<i64>,
    #[prost(sint64, optional, tag = "7")]
    paid_minor: Option<i64>,
    #[prost(sint64, tag = "8")]
    updated_at: i64,
}

#[derive(Clone, PartialEq, Message)]
struct UsageImage {
    /// In the order of the fields of a summary.
    #[prost(int64, repeated, tag = "1")]
    amounts: Vec<i64>,
}

#[derive(Clone, PartialEq, Message)]
struct InteractionImage {
    #[prost(sint64, tag = "1")]
    happened_at: i64,
    #[prost(int32, tag = "2")]
    channel: i32,
    #[prost(int32, tag = "3")]
    direction: i32,
    #[prost(int32, tag = "4")]
    kind: i32,
    #[prost(string, tag = "5")]
    reason: String,
    #[prost(string, tag = "6")]
    resolution: String,
    #[prost(int32, optional, tag = "7")]
    phase: Option<i32>,
    #[prost(string, optional, tag = "8")]
    complaint_id: Option<String>,
}

/// Returns a digest of an image: of a fact as an import left it.
pub(super) fn digest(image: &[u8]) -> i64 {
    mix64(fnv1a64(image)).cast_signed()
}

/// Returns a fact of a kind that imports change as bytes; nothing for others.
pub(super) fn encode(fact: &Fact) -> Vec<u8> {
    match fact {
        Fact::Customer(it) => customer(it),
        Fact::Subscription(it) => subscription(it),
        Fact::Bill(it) => bill(it),
        Fact::Usage(it) => usage(it),
        Fact::Interaction(it) => interaction(it),
        _ => Vec::new(),
    }
}

fn customer(it: &Customer) -> Vec<u8> {
    let image = CustomerImage {
        kind: it.kind.number(),
        display_name: it.display_name.clone(),
        joined_at: it.joined_at.as_micros(),
        created_at: it.created_at.as_micros(),
        updated_at: it.updated_at.as_micros(),
        version: it.version,
        import_id: it.import.map(|mark| mark.import_id.to_string()),
        import_line: it.import.map_or(0, |mark| mark.line),
        facts: facts::encode(it),
    };
    image.encode_to_vec()
}

fn subscription(it: &Subscription) -> Vec<u8> {
    let end = it.termination.as_ref();
    let image = SubscriptionImage {
        service: it.service.number(),
        product_code: it.product_code.clone(),
        msisdn: it.msisdn.as_ref().map(|number| number.as_str().to_owned()),
        msisdn_from: it.msisdn_from.map(Timestamp::as_micros),
        started_at: it.started_at.as_micros(),
        contract_ends_at: it.contract_ends_at.map(Timestamp::as_micros),
        fee_currency: it.monthly_fee.map(|fee| fee.currency.as_str().to_owned()),
        fee_minor: it.monthly_fee.map_or(0, |fee| fee.minor),
        terminated_at: end.map(|end| end.at.as_micros()),
        churn_kind: end.map_or(0, |end| end.kind.number()),
        churn_reason: end.map_or_else(String::new, |end| end.reason.clone()),
        updated_at: it.updated_at.as_micros(),
        standing: standing::encode(it),
    };
    image.encode_to_vec()
}

fn bill(it: &Bill) -> Vec<u8> {
    let image = BillImage {
        issued_at: it.issued_at.as_micros(),
        due_at: it.due_at.as_micros(),
        currency: it.amount.currency.as_str().to_owned(),
        amount_minor: it.amount.minor,
        state: it.state.number(),
        settled_at: it.settled_at.map(Timestamp::as_micros),
        paid_minor: it.paid.map(|paid| paid.minor),
        updated_at: it.updated_at.as_micros(),
    };
    image.encode_to_vec()
}

fn usage(it: &UsageSummary) -> Vec<u8> {
    let amounts = vec![
        it.voice_seconds,
        it.in_group_voice_seconds,
        it.data_megabytes,
        it.sms_count,
        it.roaming_seconds,
        it.roaming_megabytes,
        it.forwarded_offnet_seconds,
        it.forwarded_offnet_count,
        it.voice_count,
    ];
    UsageImage { amounts }.encode_to_vec()
}

fn interaction(it: &Interaction) -> Vec<u8> {
    let image = InteractionImage {
        happened_at: it.happened_at.as_micros(),
        channel: it.channel.number(),
        direction: it.direction.number(),
        kind: it.kind.number(),
        reason: it.reason.clone(),
        resolution: it.resolution.clone(),
        phase: it.phase.map(InteractionPhase::number),
        complaint_id: it.complaint.as_ref().map(ToString::to_string),
    };
    image.encode_to_vec()
}

/// Reads the fact of a customer that `key` names.
pub(super) fn decode(of: CustomerId, key: &UndoKey, bytes: &[u8]) -> Result<Fact, SqlError> {
    Ok(match key {
        UndoKey::Customer => Fact::Customer(known_customer(of, image(bytes)?)?),
        UndoKey::Subscription(id) => {
            let mut known = known_subscription(of, id.clone(), image(bytes)?)?;
            if let Some(text) = image::<SubscriptionImage>(bytes)?.standing {
                standing::decode(&text, &mut known)?;
            }
            Fact::Subscription(known)
        }
        UndoKey::Bill(id) => Fact::Bill(known_bill(of, id.clone(), &image(bytes)?)?),
        UndoKey::Usage(key) => Fact::Usage(known_usage(key.clone(), image(bytes)?)?),
        UndoKey::Interaction(id) => {
            Fact::Interaction(known_interaction(of, id.clone(), image(bytes)?)?)
        }
        UndoKey::Made => {
            return Err(SqlError::corrupt(
                "what an import made was not there before",
            ));
        }
    })
}

fn image<M: Message + Default>(bytes: &[u8]) -> Result<M, SqlError> {
    read("before", M::decode(bytes).ok())
}

fn instant(micros: Option<i64>) -> Option<Timestamp> {
    micros.map(Timestamp::from_micros)
}

fn known_customer(id: CustomerId, it: CustomerImage) -> Result<Customer, SqlError> {
    let (attributes, external_ids, payment) = facts::decode(&it.facts)?;
    let mark = |id: String| {
        let import_id = read("before", Uuid::try_parse(&id).ok())?;
        Ok::<_, SqlError>(ImportMark {
            import_id,
            line: it.import_line,
        })
    };
    Ok(Customer {
        id,
        kind: read("before", CustomerKind::from_number(it.kind))?,
        display_name: it.display_name,
        external_ids,
        attributes,
        joined_at: Timestamp::from_micros(it.joined_at),
        created_at: Timestamp::from_micros(it.created_at),
        updated_at: Timestamp::from_micros(it.updated_at),
        payment,
        version: it.version,
        import: it.import_id.map(mark).transpose()?,
    })
}

fn known_subscription(
    customer: CustomerId,
    id: tenure_core::SubscriptionId,
    it: SubscriptionImage,
) -> Result<Subscription, SqlError> {
    let number = |text: String| read("before", Msisdn::parse(&text).ok());
    let fee = |code: String| {
        let currency = read("before", Currency::parse(&code).ok())?;
        let minor = it.fee_minor;
        Ok::<_, SqlError>(Money { currency, minor })
    };
    let termination = match it.terminated_at {
        None => None,
        Some(at) => Some(Termination {
            at: Timestamp::from_micros(at),
            kind: read("before", ChurnKind::from_number(it.churn_kind))?,
            reason: it.churn_reason,
            is_ported_out: false,
        }),
    };
    let started_at = Timestamp::from_micros(it.started_at);
    Ok(Subscription {
        id,
        customer,
        service: read("before", ServiceKind::from_number(it.service))?,
        product_code: it.product_code,
        msisdn: it.msisdn.map(number).transpose()?,
        msisdn_from: instant(it.msisdn_from),
        started_at,
        contract_ends_at: instant(it.contract_ends_at),
        monthly_fee: it.fee_currency.map(fee).transpose()?,
        termination,
        standing: Standing::since(started_at),
        updated_at: Timestamp::from_micros(it.updated_at),
    })
}

fn known_bill(
    customer: CustomerId,
    id: tenure_core::BillId,
    it: &BillImage,
) -> Result<Bill, SqlError> {
    let currency = read("before", Currency::parse(&it.currency).ok())?;
    let money = |minor| Money { currency, minor };
    Ok(Bill {
        id,
        customer,
        issued_at: Timestamp::from_micros(it.issued_at),
        due_at: Timestamp::from_micros(it.due_at),
        amount: money(it.amount_minor),
        state: read("before", BillState::from_number(it.state))?,
        settled_at: instant(it.settled_at),
        paid: it.paid_minor.map(money),
        updated_at: Timestamp::from_micros(it.updated_at),
    })
}

fn known_usage(key: crate::domain::UsageKey, it: UsageImage) -> Result<UsageSummary, SqlError> {
    let amounts: Option<[i64; 9]> = it.amounts.try_into().ok();
    let [
        voice,
        group,
        data,
        sms,
        abroad,
        abroad_data,
        offnet,
        offnet_count,
        calls,
    ] = read("before", amounts)?;
    Ok(UsageSummary {
        key,
        voice_seconds: voice,
        in_group_voice_seconds: group,
        data_megabytes: data,
        sms_count: sms,
        roaming_seconds: abroad,
        roaming_megabytes: abroad_data,
        forwarded_offnet_seconds: offnet,
        forwarded_offnet_count: offnet_count,
        voice_count: calls,
    })
}

fn known_interaction(
    customer: CustomerId,
    id: tenure_core::InteractionId,
    it: InteractionImage,
) -> Result<Interaction, SqlError> {
    let phase = it
        .phase
        .map(|it| read("before", InteractionPhase::from_number(it)));
    let complaint = it.complaint_id.map(|id| ComplaintId::parse(&id));
    Ok(Interaction {
        id,
        customer,
        happened_at: Timestamp::from_micros(it.happened_at),
        channel: read("before", Channel::from_number(it.channel))?,
        direction: read("before", Direction::from_number(it.direction))?,
        kind: read("before", InteractionKind::from_number(it.kind))?,
        reason: it.reason,
        resolution: it.resolution,
        phase: phase.transpose()?,
        complaint: read("before", complaint.transpose().ok())?,
    })
}
