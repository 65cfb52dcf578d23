//! The desks of the demo's operator: what they tell beside customers, bills and usage.
//!
//! What can be told in batches is told of everybody; what takes a call each, of a share of the
//! customers, in whole blocks so that no household is torn.

use std::collections::{BTreeMap, HashSet};

use anyhow::{Context as _, Result};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use tenure_core::{ManualClock, Money, Timestamp};
use tenure_proto::customer::v1 as pb;
use tenure_proto::r#type::v1 as types;
use tenure_simulator::{
    Customer, CustomerMonth, EnquiryTopic, InteractionKind, Operator, exchange_key,
};

use super::community::{self, Community, Here};
use super::deed::{Agenda, Deed};
use super::ingest::{BATCH, CALLS, Ingest};
use super::world::MonthFacts;
use super::{leaving, ticket};
use crate::wire::{money, patient, timestamp};

/// Customers whose places share so many may belong together.
const BLOCK: u32 = 8;
/// Leaving early costs as much as so many months.
const PENALTY_MONTHS: i64 = 6;

/// Of whom everything is told: one block in so many; of nobody, when 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Share {
    every: u32,
}

impl Share {
    /// The share of `customers` that holds about `wanted` of them.
    #[must_use]
    pub fn of(wanted: u32, customers: u32) -> Self {
        let every = customers
            .checked_div(wanted)
            .map_or(0, |every| every.max(1));
        Self { every }
    }

    /// Returns true for a customer of whom everything is told.
    #[must_use]
    pub fn holds(self, index: u32) -> bool {
        (index / BLOCK).checked_rem(self.every) == Some(0)
    }

    /// Returns true when nothing is told of anybody.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.every == 0
    }
}

/// How often each RPC was called, and how much was sent in batches.
pub type Sent = BTreeMap<&'static str, usize>;

/// The desks.
pub(super) struct Office<'a> {
    operator: &'a Operator,
    share: Share,
    community: Community<'a>,
    agenda: Agenda,
    here: Here,
    exchanges: HashSet<String>,
    consents: BTreeMap<(Timestamp, String), pb::Consent>,
    surveys: BTreeMap<(Timestamp, String), pb::Survey>,
    sent: Sent,
}

impl<'a> Office<'a> {
    pub(super) fn new(operator: &'a Operator, share: Share) -> Self {
        let mut agenda = Agenda::default();
        for customer in operator.customers().filter(|it| share.holds(it.index)) {
            leaving::note_leads(&mut agenda, operator, &customer);
        }
        Self {
            operator,
            share,
            community: Community::new(operator, |index| share.holds(index)),
            agenda,
            here: Here::new(),
            exchanges: HashSet::new(),
            consents: BTreeMap::new(),
            surveys: BTreeMap::new(),
            sent: Sent::new(),
        }
    }

    /// Returns how much was sent.
    pub(super) fn sent(&self) -> &Sent {
        &self.sent
    }

    /// Plays what happens in a month at its instants, so that it is told before the month's facts.
    pub(super) async fn play(
        &mut self,
        ingest: &Ingest<'_>,
        clock: &ManualClock,
        month: u32,
        facts: &MonthFacts,
    ) -> Result<()> {
        if self.share.is_empty() {
            return Ok(());
        }
        let begin = self.operator.month_start(month);
        for lived in &facts.lived {
            self.note(lived, begin);
        }
        for (at, deed) in self
            .agenda
            .take_before(self.operator.month_start(month + 1))
        {
            clock.set(at);
            *self.sent.entry(deed.call()).or_default() += 1;
            deed.send(ingest).await?;
        }
        Ok(())
    }

    fn note(&mut self, lived: &CustomerMonth, begin: Timestamp) {
        let customer = self.operator.customer(lived.index);
        let is_told = self.share.holds(lived.index);
        if let Some(complaint) = &lived.complaint
            && let Some(told) = self.operator.ticket(complaint)
        {
            if is_told {
                ticket::note(&mut self.agenda, complaint, &told);
            }
            if let Some(survey) = self.operator.survey(complaint, &told) {
                let about = if is_told { told.key.as_str() } else { "" };
                let wire = wire_survey(&customer, about, &survey);
                self.surveys.insert((survey.at, survey.key), wire);
            }
        }
        if !is_told {
            return;
        }
        if let Some(question) = &lived.enquiry
            && question.kind == InteractionKind::Enquiry(EnquiryTopic::PortOut)
        {
            leaving::note_question(&mut self.agenda, question);
        }
        if let Some(end) = &lived.termination {
            match self.operator.departure(&customer, end) {
                Some(it) => {
                    leaving::note_departure(&mut self.agenda, &customer, end, &it, begin);
                }
                None => leaving::note_arrears(&mut self.agenda, &customer, end, begin),
            }
        }
    }

    /// Tells what stands from now on: those who joined belong to others, and who left does not;
    /// and what was said since.
    pub(super) async fn settle(
        &mut self,
        ingest: &Ingest<'_>,
        joined: &[u32],
        left: &[u32],
    ) -> Result<()> {
        if self.share.is_empty() {
            return Ok(());
        }
        let now = ingest.now();
        let joined: Vec<Customer> = joined
            .iter()
            .map(|it| self.operator.customer(*it))
            .collect();
        self.here
            .extend(joined.iter().map(|it| (it.index, it.joined_at)));
        for index in left {
            self.here.remove(index);
        }
        let new: HashSet<u32> = joined.iter().map(|it| it.index).collect();
        let [mut first, mut second] = self.community.told(&self.here, &|it| new.contains(&it)).0;
        for customer in joined.iter().filter(|it| self.here.contains_key(&it.index)) {
            if self.share.holds(customer.index) {
                first.extend(self.bound(customer, now));
            }
            self.consents.extend(consents(self.operator, customer));
        }
        self.serve(&joined, &mut first, &mut second);
        self.send(ingest, first).await?;
        self.send(ingest, second).await?;
        self.say(ingest, now).await?;
        let mut client = ingest.clients.desks.complaints.clone();
        let notes = client.catch_up(patient(pb::CatchUpRequest {})).await;
        notes.context("catch_up of complaints")?;
        Ok(())
    }

    /// Returns the SIMs of a customer, and what leaving early costs.
    fn bound(&self, customer: &Customer, now: Timestamp) -> Vec<Deed> {
        let (customer_id, mut deeds) = (customer.key(), Vec::new());
        for subscription in customer.subscriptions() {
            if let Some(iccid) = subscription.iccid {
                let sim = pb::AssignSimRequest {
                    customer_id: customer_id.clone(),
                    subscription_id: subscription.key.clone(),
                    iccid,
                    from_time: Some(timestamp(customer.joined_at)),
                    ..Default::default()
                };
                deeds.push(sim.into());
            }
        }
        let months = i32::try_from(customer.contract_end_tenure).unwrap_or(0);
        let price = Money {
            currency: self.operator.currency(),
            minor: PENALTY_MONTHS * customer.monthly_price_minor(),
        };
        if customer.joined_at.plus_months(months) > now
            && let Some(subscription) = customer.subscriptions().next()
        {
            let penalty = pb::SetContractPenaltyRequest {
                customer_id,
                subscription_id: subscription.key,
                penalty: Some(pb::ContractPenalty {
                    amount: Some(money(price)),
                    shape: pb::PenaltyShape::Falling.into(),
                    falls_from_time: None,
                }),
                ..Default::default()
            };
            deeds.push(penalty.into());
        }
        deeds
    }

    /// Adds everybody to the exchange that serves them.
    fn serve(&mut self, joined: &[Customer], first: &mut Vec<Deed>, second: &mut Vec<Deed>) {
        let mut served: BTreeMap<String, Vec<pb::NewGroupMember>> = BTreeMap::new();
        for customer in joined {
            let members = served.entry(exchange_key(customer.index)).or_default();
            members.push(community::member(customer.index, customer.joined_at));
        }
        for (exchange, members) in served {
            if self.exchanges.insert(exchange.clone()) {
                first.push(community::group(&exchange, pb::GroupKind::Place, None).into());
            }
            let batches = members.chunks(BATCH);
            second.extend(batches.map(|it| community::members(&exchange, it.to_vec()).into()));
        }
    }

    async fn send(&mut self, ingest: &Ingest<'_>, deeds: Vec<Deed>) -> Result<()> {
        for deed in &deeds {
            *self.sent.entry(deed.call()).or_default() += 1;
        }
        stream::iter(deeds)
            .map(|deed| deed.send(ingest))
            .buffer_unordered(CALLS)
            .try_for_each(|()| async { Ok(()) })
            .await
    }

    /// Sends what customers said up to now.
    async fn say(&mut self, ingest: &Ingest<'_>, now: Timestamp) -> Result<()> {
        let consents = take_until(&mut self.consents, now);
        *self.sent.entry("batch_record_consents").or_default() += consents.len();
        for batch in consents.chunks(BATCH) {
            let request = pb::BatchRecordConsentsRequest {
                request_id: ingest.request_id(),
                consents: batch.to_vec(),
            };
            let mut client = ingest.clients.desks.consents.clone();
            let answer = client.batch_record_consents(request).await;
            answer.context("batch_record_consents")?;
        }
        let surveys = take_until(&mut self.surveys, now);
        *self.sent.entry("batch_upsert_surveys").or_default() += surveys.len();
        for batch in surveys.chunks(BATCH) {
            let request = pb::BatchUpsertSurveysRequest {
                request_id: ingest.request_id(),
                surveys: batch.to_vec(),
            };
            let mut client = ingest.clients.desks.surveys.clone();
            let answer = client.batch_upsert_surveys(request).await;
            answer.context("batch_upsert_surveys")?;
        }
        Ok(())
    }
}

fn take_until<T>(said: &mut BTreeMap<(Timestamp, String), T>, now: Timestamp) -> Vec<T> {
    let later = said.split_off(&(now, String::new()));
    std::mem::replace(said, later).into_values().collect()
}

/// Returns what a customer lets the operator do, by when it was said.
fn consents(
    operator: &Operator,
    customer: &Customer,
) -> impl Iterator<Item = ((Timestamp, String), pb::Consent)> + use<> {
    let said = operator.consents(customer);
    let (customer_id, channel) = (customer.key(), customer.channel.as_str());
    let record = |purpose: pb::ConsentPurpose, status: pb::ConsentStatus, at: Timestamp| {
        let consent = pb::Consent {
            customer_id: customer_id.clone(),
            purpose: purpose.into(),
            status: status.into(),
            legal_basis: if status == pb::ConsentStatus::Granted {
                pb::LegalBasis::Consent.into()
            } else {
                pb::LegalBasis::Unspecified.into()
            },
            text_version: "2024-1".to_owned(),
            source: channel.to_owned(),
            valid_from: Some(timestamp(at)),
            ..Default::default()
        };
        (
            (at, format!("{customer_id}/{}", purpose.as_str_name())),
            consent,
        )
    };
    let answer = |yes: bool| match yes {
        true => pb::ConsentStatus::Granted,
        false => pb::ConsentStatus::Refused,
    };
    let (marketing, profiling) = (pb::ConsentPurpose::Marketing, pb::ConsentPurpose::Profiling);
    let withdrawn = said
        .withdrawn_at
        .map(|at| record(marketing, pb::ConsentStatus::Withdrawn, at));
    [
        record(marketing, answer(said.marketing), said.said_at),
        record(profiling, answer(said.profiling), said.said_at),
    ]
    .into_iter()
    .chain(withdrawn)
}

fn wire_survey(
    customer: &Customer,
    complaint_id: &str,
    survey: &tenure_simulator::Survey,
) -> pb::Survey {
    pb::Survey {
        survey_id: survey.key.clone(),
        customer_id: customer.key(),
        event_time: Some(timestamp(survey.at)),
        channel: types::Channel::App.into(),
        questionnaire_code: "AFTER_COMPLAINT".to_owned(),
        complaint_id: complaint_id.to_owned(),
        nps_score: Some(survey.nps.into()),
        service_quality: Some(pb::ServiceQuality {
            reliability: Some(survey.reliability.into()),
            responsiveness: Some(survey.responsiveness.into()),
            ..Default::default()
        }),
        answers: Vec::new(),
    }
}
