//! What one month brings for one customer, in the words of the field.

use tenure_core::{Money, Timestamp};

use crate::customer::customer_key;
use crate::treatment::Response;

/// Why a relationship ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ChurnKind {
    /// Voluntarily, to a competitor, with the number where it is portable.
    Competitor,
    /// Voluntarily, leaving the market.
    MovedAway,
    /// By the operator, for three unpaid bills.
    PassiveArrears,
}

impl ChurnKind {
    /// Returns the name for files.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Competitor => "COMPETITOR",
            Self::MovedAway => "MOVED_AWAY",
            Self::PassiveArrears => "PASSIVE_ARREARS",
        }
    }

    /// Returns true when the customer chose it.
    #[must_use]
    pub fn is_voluntary(self) -> bool {
        self != Self::PassiveArrears
    }
}

/// The end of a relationship, with all its subscriptions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Termination {
    /// When, after the first week of the month.
    pub at: Timestamp,
    /// Why.
    pub kind: ChurnKind,
}

/// What a customer used in a month, over all mobile lines.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct UsageSummary {
    /// Minutes of outgoing calls.
    pub voice_minutes: u32,
    /// Megabytes of data.
    pub data_mb: u32,
    /// Messages sent.
    pub sms_count: u32,
    /// The share of calls within the customer's own group, 0 to 1.
    pub in_group_share: f64,
}

/// A bill for the month before the one in which it is issued.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bill {
    /// The customer's place.
    pub index: u32,
    /// The first instant of the month that it is for.
    pub period_start: Timestamp,
    /// When it was issued: on the second day of the month after.
    pub issued_at: Timestamp,
    /// Until when it is to be paid: 20 days after it was issued.
    pub due_at: Timestamp,
    /// What is to be paid.
    pub amount: Money,
    /// When it was paid, if in the month of its issue; see [`CustomerMonth::settlements`].
    pub settled_at: Option<Timestamp>,
}

impl Bill {
    /// Returns the operator's key of the bill, for example `B0000042-202401`.
    #[must_use]
    pub fn key(&self) -> String {
        bill_key(self.index, self.period_start)
    }
}

/// Returns the operator's key of the bill for the month of `period_start`.
#[must_use]
pub fn bill_key(index: u32, period_start: Timestamp) -> String {
    let (year, month, _) = period_start.date();
    format!("B{index:07}-{year:04}{month:02}")
}

/// The payment of a bill.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settlement {
    /// The customer's place.
    pub index: u32,
    /// The first instant of the month that the bill is for.
    pub period_start: Timestamp,
    /// When it was paid.
    pub settled_at: Timestamp,
}

impl Settlement {
    /// Returns the operator's key of the bill that is paid.
    #[must_use]
    pub fn bill_key(&self) -> String {
        bill_key(self.index, self.period_start)
    }
}

/// What a complaint is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ComplaintReason {
    /// Coverage, speed, dropped calls.
    Network,
    /// A bill or a price.
    Billing,
    /// How people were treated.
    Service,
}

/// What an enquiry is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum EnquiryTopic {
    /// A bill.
    Bill,
    /// Plans and prices.
    Plan,
    /// Devices and how to set them up.
    Device,
    /// How to take the number to a competitor.
    PortOut,
}

/// What an interaction is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum InteractionKind {
    /// A complaint.
    Complaint(ComplaintReason),
    /// A question.
    Enquiry(EnquiryTopic),
}

impl InteractionKind {
    /// Returns true for a complaint.
    #[must_use]
    pub fn is_complaint(self) -> bool {
        matches!(self, Self::Complaint(_))
    }

    /// Returns the name of the reason or topic for files.
    #[must_use]
    pub fn topic_str(self) -> &'static str {
        match self {
            Self::Complaint(ComplaintReason::Network) => "NETWORK",
            Self::Complaint(ComplaintReason::Billing) => "BILLING",
            Self::Complaint(ComplaintReason::Service) => "SERVICE",
            Self::Enquiry(EnquiryTopic::Bill) => "BILL",
            Self::Enquiry(EnquiryTopic::Plan) => "PLAN",
            Self::Enquiry(EnquiryTopic::Device) => "DEVICE",
            Self::Enquiry(EnquiryTopic::PortOut) => "PORT_OUT",
        }
    }
}

/// Something that a customer told the operator.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Interaction {
    /// The customer's place.
    pub index: u32,
    /// The operator's month.
    pub month: u32,
    /// What it was.
    pub kind: InteractionKind,
    /// When.
    pub at: Timestamp,
}

impl Interaction {
    /// Returns the operator's key of the interaction, for example `I0000042-007C`.
    #[must_use]
    pub fn key(&self) -> String {
        let letter = if self.kind.is_complaint() { 'C' } else { 'E' };
        format!("I{:07}-{:03}{letter}", self.index, self.month)
    }
}

/// What one month brings for one customer who is active in it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CustomerMonth {
    /// The customer's place.
    pub index: u32,
    /// The operator's month, from 0.
    pub month: u32,
    /// Whole months since joining; 0 in the month of joining.
    pub tenure_months: u32,
    /// The true probability of voluntary churn in this month, known when it begins.
    pub hazard: f64,
    /// When the customer joined, in the month of joining.
    pub joined_at: Option<Timestamp>,
    /// What was used.
    pub usage: UsageSummary,
    /// The bill issued in this month; none in the month of joining.
    pub bill: Option<Bill>,
    /// Earlier bills, left unpaid until now, that were paid together with this one.
    pub earlier_bills_settled: u32,
    /// A complaint.
    pub complaint: Option<Interaction>,
    /// An enquiry.
    pub enquiry: Option<Interaction>,
    /// The answer to the contact of this month, if there was one.
    pub response: Option<Response>,
    /// The end, if it came; there is no later month then.
    pub termination: Option<Termination>,
}

impl CustomerMonth {
    /// Returns the operator's key of the customer.
    #[must_use]
    pub fn customer_key(&self) -> String {
        customer_key(self.index)
    }

    /// Returns what was said in this month, in order of kind.
    pub fn interactions(&self) -> impl Iterator<Item = Interaction> + use<> {
        self.complaint.into_iter().chain(self.enquiry)
    }

    /// Returns all bills paid in this month, the oldest first.
    pub fn settlements(&self) -> impl Iterator<Item = Settlement> + use<> {
        let (index, earlier) = (self.index, self.earlier_bills_settled as i32);
        let paid = self
            .bill
            .and_then(|bill| Some((bill.period_start, bill.settled_at?)));
        paid.into_iter().flat_map(move |(last_period, settled_at)| {
            (-earlier..=0).map(move |back| Settlement {
                index,
                period_start: last_period.plus_months(back),
                settled_at,
            })
        })
    }
}
