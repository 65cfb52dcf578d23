//! The simulated operator in the words of customer-data.

use std::collections::{HashMap, VecDeque};

use tenure_core::{Money, Timestamp};
use tenure_proto::customer::v1 as pb;
use tenure_proto::r#type::v1 as types;
use tenure_simulator::{
    self as sim, CustomerMonth, Operator, ResponseKind, Stepper, Treatments, customer_key,
};

use super::leaving;
use super::office::Share;
use crate::wire::{money, timestamp};

/// What one month brings, ready to be sent.
#[derive(Debug, Default)]
pub struct MonthFacts {
    /// Customers who joined.
    pub customers: Vec<pb::Customer>,
    /// Their subscriptions.
    pub subscriptions: Vec<pb::Subscription>,
    /// Bills that were issued or settled.
    pub bills: Vec<pb::Bill>,
    /// What was used.
    pub usage_summaries: Vec<pb::UsageSummary>,
    /// Complaints and questions.
    pub interactions: Vec<pb::Interaction>,
    /// Subscriptions that ended.
    pub terminations: Vec<pb::TerminateSubscriptionRequest>,
    /// Answers to contacts: customer id, whether the offer was accepted, and when.
    pub responses: Vec<(String, bool, Timestamp)>,
    /// The places of those who joined.
    pub joined: Vec<u32>,
    /// The places of those who left.
    pub left: Vec<u32>,
    /// The months of those who said something or left.
    pub lived: Vec<CustomerMonth>,
}

/// The operator as it goes through its months.
pub struct World<'a> {
    operator: &'a Operator,
    share: Share,
    stepper: Stepper<'a>,
    unpaid: HashMap<String, sim::Bill>,
    unsolved: Vec<sim::Interaction>,
    numbers: Numbers,
}

impl<'a> World<'a> {
    /// Creates the world before its first month; complaints of `share` have a ticket.
    #[must_use]
    pub fn new(operator: &'a Operator, share: Share) -> Self {
        Self {
            operator,
            share,
            stepper: operator.stepper(),
            unpaid: HashMap::new(),
            unsolved: Vec::new(),
            numbers: Numbers::default(),
        }
    }

    /// Returns how many numbers were given to somebody else after their holder had left.
    #[must_use]
    pub fn recycled_numbers(&self) -> usize {
        self.numbers.recycled.len()
    }

    /// Returns who is a customer when the first month begins, with their subscriptions.
    #[must_use]
    pub fn founders(&self) -> MonthFacts {
        let mut facts = MonthFacts::default();
        for customer in self
            .operator
            .customers()
            .filter(|customer| customer.join_month < 0)
        {
            facts.join(&customer, None);
        }
        facts
    }

    /// Lives through the next month.
    pub fn step(&mut self, treatments: &Treatments) -> MonthFacts {
        let mut facts = MonthFacts::default();
        let end = self.operator.month_start(self.stepper.month() + 1);
        for month in self.stepper.step(treatments) {
            let customer = self.operator.customer(month.index);
            if month.joined_at.is_some() {
                facts.join(&customer, self.numbers.take(&customer));
            }
            facts
                .usage_summaries
                .push(usage(&month, self.operator.month_start(month.month)));
            self.unsolved.extend(month.complaint);
            let questions = month.enquiry.iter();
            facts
                .interactions
                .extend(questions.map(|it| interaction(it, None, "")));
            bills(&month, &mut self.unpaid, &mut facts.bills);
            if let Some(termination) = month.termination {
                let departure = self.operator.departure(&customer, &termination);
                let departure = departure.as_ref();
                self.numbers.give_back(&customer, &termination, departure);
                let ends = terminations(&customer, &termination, departure);
                facts.terminations.extend(ends);
                facts.left.push(month.index);
            }
            if month.interactions().next().is_some() || month.termination.is_some() {
                facts.lived.push(month);
            }
            if let Some(response) = month.response
                && response.kind != ResponseKind::NoAnswer
            {
                let is_accepted = response.kind == ResponseKind::Accepted;
                facts
                    .responses
                    .push((month.customer_key(), is_accepted, response.at));
            }
        }
        self.complain(end, &mut facts);
        facts
    }

    /// Tells complaints of the month, and older ones that were solved in it, as they stand at `end`.
    fn complain(&mut self, end: Timestamp, facts: &mut MonthFacts) {
        let month = self.stepper.month() - 1;
        let (operator, share) = (self.operator, self.share);
        self.unsolved.retain(|complaint| {
            let ticket = operator.ticket(complaint);
            let ticket = ticket.expect("a complaint has a ticket");
            let is_solved = ticket.resolved_at() < end;
            if is_solved || complaint.month == month {
                let resolution = if is_solved { "SOLVED" } else { "" };
                let key = share.holds(complaint.index).then_some(ticket.key);
                let told = interaction(complaint, key, resolution);
                facts.interactions.push(told);
            }
            !is_solved
        });
    }
}

/// How long a number rests before somebody else gets it.
const REST_MONTHS: i32 = 6;

/// Numbers that were given back, and who got them.
#[derive(Debug, Default)]
struct Numbers {
    free: VecDeque<(Timestamp, String)>,
    recycled: HashMap<u32, String>,
}

impl Numbers {
    /// Returns the number that has rested longest, when it has rested long enough.
    fn take(&mut self, customer: &sim::Customer) -> Option<String> {
        let (free_since, _) = self.free.front()?;
        if free_since.plus_months(REST_MONTHS) > customer.joined_at {
            return None;
        }
        let (_, number) = self.free.pop_front()?;
        self.recycled.insert(customer.index, number.clone());
        Some(number)
    }

    /// Takes back the number of somebody who left without it.
    fn give_back(
        &mut self,
        customer: &sim::Customer,
        termination: &sim::Termination,
        departure: Option<&sim::Departure>,
    ) {
        if !departure.is_some_and(sim::Departure::is_ported) {
            let own = || customer.msisdn();
            let number = self.recycled.get(&customer.index).cloned();
            let number = number.unwrap_or_else(own);
            self.free.push_back((termination.at, number));
        }
    }
}

impl MonthFacts {
    /// Adds somebody who joined, with a number that others had before, if there is one.
    fn join(&mut self, customer: &sim::Customer, mut number: Option<String>) {
        self.joined.push(customer.index);
        self.customers.push(profile(customer));
        self.subscriptions
            .extend(customer.subscriptions().map(|mut it| {
                if it.product == sim::Product::Mobile {
                    it.msisdn = number.take().or(it.msisdn);
                }
                subscription(customer, it)
            }));
    }

    /// Returns how many facts there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.customers.len()
            + self.subscriptions.len()
            + self.bills.len()
            + self.usage_summaries.len()
            + self.interactions.len()
            + self.terminations.len()
    }

    /// Returns true when nothing happened.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

fn attribute(name: &str, kind: types::attribute_value::Kind) -> types::Attribute {
    types::Attribute {
        name: name.to_owned(),
        value: Some(types::AttributeValue { kind: Some(kind) }),
    }
}

fn profile(customer: &sim::Customer) -> pb::Customer {
    use types::attribute_value::Kind::{Flag, Integer, Text};
    let mut attributes = vec![
        attribute("region", Text(customer.region.to_owned())),
        attribute("plan", Text(customer.plan.key.to_owned())),
        attribute("contract", Text(customer.contract.as_str().to_owned())),
        attribute(
            "acquisition_channel",
            Text(customer.channel.as_str().to_owned()),
        ),
        attribute(
            "monthly_price_minor",
            Integer(customer.monthly_price_minor()),
        ),
        attribute("number_portable", Flag(customer.is_portable)),
        attribute("second_number", Flag(customer.has_rival_sim)),
    ];
    if let Some(band) = customer.birth_year_band {
        attributes.push(attribute("birth_year_band", Integer(band.into())));
    }
    let kind = match customer.kind {
        sim::CustomerKind::Individual => pb::CustomerKind::Individual,
        sim::CustomerKind::Organisation => pb::CustomerKind::Organisation,
    };
    pb::Customer {
        customer_id: customer_key(customer.index),
        kind: kind.into(),
        display_name: format!("Customer {}", customer.index),
        external_ids: vec![types::ExternalId {
            system: "crm".to_owned(),
            id: format!("{:010}", customer.index),
        }],
        attributes,
        join_time: Some(timestamp(customer.joined_at)),
        ..Default::default()
    }
}

fn subscription(customer: &sim::Customer, subscription: sim::Subscription) -> pb::Subscription {
    let service = match subscription.product {
        sim::Product::Mobile | sim::Product::SecondSim => pb::ServiceKind::Mobile,
        sim::Product::Broadband => pb::ServiceKind::Broadband,
        sim::Product::Tv => pb::ServiceKind::Tv,
    };
    let contract_months = i32::try_from(customer.contract_end_tenure).unwrap_or(0);
    let contract_end = customer.joined_at.plus_months(contract_months);
    pb::Subscription {
        subscription_id: subscription.key,
        customer_id: customer_key(customer.index),
        service: service.into(),
        product_code: match subscription.product {
            sim::Product::Mobile => customer.plan.key.to_owned(),
            other => other.as_str().to_owned(),
        },
        msisdn: subscription.msisdn.unwrap_or_default(),
        start_time: Some(timestamp(customer.joined_at)),
        contract_end_time: (contract_months > 0).then(|| timestamp(contract_end)),
        ..Default::default()
    }
}

fn usage(month: &CustomerMonth, start: Timestamp) -> pb::UsageSummary {
    let voice_seconds = i64::from(month.usage.voice_minutes) * 60;
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_precision_loss,
        reason = "a share of it"
    )]
    let in_group_voice_seconds = (voice_seconds as f64 * month.usage.in_group_share) as i64;
    pb::UsageSummary {
        customer_id: month.customer_key(),
        subscription_id: String::new(),
        period: pb::UsagePeriod::Month.into(),
        start_time: Some(timestamp(start)),
        voice_seconds,
        in_group_voice_seconds,
        data_megabytes: month.usage.data_mb.into(),
        sms_count: month.usage.sms_count.into(),
        ..Default::default()
    }
}

fn interaction(
    interaction: &sim::Interaction,
    ticket: Option<String>,
    resolution: &str,
) -> pb::Interaction {
    let kind = match interaction.kind {
        sim::InteractionKind::Complaint(_) => pb::InteractionKind::Complaint,
        sim::InteractionKind::Enquiry(sim::EnquiryTopic::PortOut) => pb::InteractionKind::Leaving,
        sim::InteractionKind::Enquiry(_) => pb::InteractionKind::Enquiry,
    };
    pb::Interaction {
        interaction_id: interaction.key(),
        customer_id: customer_key(interaction.index),
        event_time: Some(timestamp(interaction.at)),
        channel: types::Channel::CallCentre.into(),
        direction: pb::InteractionDirection::Inbound.into(),
        kind: kind.into(),
        reason: interaction.kind.topic_str().to_owned(),
        resolution: resolution.to_owned(),
        phase: pb::InteractionPhase::AfterSale.into(),
        complaint_id: ticket.unwrap_or_default(),
    }
}

/// Adds the month's bill as it stands at the end of the month, and older ones that were settled.
fn bills(month: &CustomerMonth, unpaid: &mut HashMap<String, sim::Bill>, out: &mut Vec<pb::Bill>) {
    if let Some(issued) = month.bill {
        unpaid.insert(issued.key(), issued);
        if issued.settled_at.is_none() {
            out.push(bill(&issued, None));
        }
    }
    for settlement in month.settlements() {
        if let Some(settled) = unpaid.remove(&settlement.bill_key()) {
            out.push(bill(&settled, Some(settlement.settled_at)));
        }
    }
}

fn bill(bill: &sim::Bill, settled_at: Option<Timestamp>) -> pb::Bill {
    let amount: Money = bill.amount;
    let state = if settled_at.is_some() {
        pb::BillState::Settled
    } else {
        pb::BillState::Sent
    };
    pb::Bill {
        bill_id: bill.key(),
        customer_id: customer_key(bill.index),
        issue_time: Some(timestamp(bill.issued_at)),
        due_time: Some(timestamp(bill.due_at)),
        amount: Some(money(amount)),
        state: state.into(),
        settle_time: settled_at.map(timestamp),
        paid_amount: settled_at.map(|_| money(amount)),
        update_time: None,
    }
}

fn terminations(
    customer: &sim::Customer,
    termination: &sim::Termination,
    departure: Option<&sim::Departure>,
) -> impl Iterator<Item = pb::TerminateSubscriptionRequest> + use<> {
    let churn_kind = match termination.kind {
        sim::ChurnKind::Competitor => pb::ChurnKind::Competitor,
        sim::ChurnKind::MovedAway => pb::ChurnKind::MarketExit,
        sim::ChurnKind::PassiveArrears => pb::ChurnKind::Arrears,
    };
    let is_ported = departure.is_some_and(sim::Departure::is_ported);
    let churn_reason = leaving::reason(termination, departure);
    let (customer_id, at) = (customer_key(customer.index), timestamp(termination.at));
    customer
        .subscriptions()
        .map(move |subscription| pb::TerminateSubscriptionRequest {
            request_id: String::new(),
            customer_id: customer_id.clone(),
            ported_out: is_ported && subscription.product == sim::Product::Mobile,
            subscription_id: subscription.key,
            churn_kind: churn_kind.into(),
            churn_reason: churn_reason.to_owned(),
            terminate_time: Some(at),
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use tenure_simulator::OperatorConfig;

    #[test]
    fn every_bill_is_settled_at_most_once_and_none_is_settled_before_it_was_issued() {
        let start = Timestamp::from_date(2024, 1, 1).expect("a day");
        let config = OperatorConfig {
            seed: 3,
            customers: 200,
            start,
            months: 12,
        };
        let operator = Operator::new(config).expect("a small operator");
        let mut world = World::new(&operator, Share::of(0, 200));
        let mut settled = std::collections::HashSet::new();

        for _ in 0..12 {
            for bill in world.step(&Treatments::none()).bills {
                if let Some(at) = &bill.settle_time {
                    assert!(at.seconds >= bill.issue_time.expect("issued").seconds);
                    assert!(settled.insert(bill.bill_id), "settled twice");
                }
            }
        }

        assert!(
            settled.len() > 1_000,
            "{} bills were settled",
            settled.len()
        );
    }
}
