//! A customer: what the operator knows, and the hidden traits that drive the rest.

use tenure_core::Timestamp;

use crate::plan::{ContractKind, PLANS, Plan, Product};
use crate::treatment::ContactEffect;

/// What a customer is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CustomerKind {
    /// A natural person.
    Individual,
    /// A company or an office.
    Organisation,
}

impl CustomerKind {
    /// Returns the name for files.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Individual => "INDIVIDUAL",
            Self::Organisation => "ORGANISATION",
        }
    }
}

/// Where customers live; the first regions are the big ones.
pub const REGIONS: [&str; 6] = ["CAPITAL", "NORTH", "EAST", "SOUTH", "WEST", "ISLANDS"];

/// How a customer was acquired.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AcquisitionChannel {
    /// In one of the operator's shops.
    Shop,
    /// On the operator's web site or app.
    Online,
    /// Called by the operator.
    Telesales,
    /// Through an independent dealer; such customers drift away sooner.
    Dealer,
}

impl AcquisitionChannel {
    /// All channels.
    pub const ALL: [Self; 4] = [Self::Shop, Self::Online, Self::Telesales, Self::Dealer];

    /// Returns the name for files.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Shop => "SHOP",
            Self::Online => "ONLINE",
            Self::Telesales => "TELESALES",
            Self::Dealer => "DEALER",
        }
    }
}

/// A customer as drawn once; what happens to them is a [`Life`](crate::Life).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Customer {
    /// The place among all customers, from 0.
    pub index: u32,
    /// Person or organisation.
    pub kind: CustomerKind,
    /// One of [`REGIONS`].
    pub region: &'static str,
    /// The first of the five years in which an individual was born.
    pub birth_year_band: Option<u16>,
    /// The plan of the first mobile line.
    pub plan: &'static Plan,
    /// How long each term binds.
    pub contract: ContractKind,
    /// The tenure in months at which the last term ends, 0 without a contract.
    pub contract_end_tenure: u32,
    /// How the customer was acquired.
    pub channel: AcquisitionChannel,
    /// When the customer joined.
    pub joined_at: Timestamp,
    /// The month of joining, counted from the operator's first month: negative before it.
    pub join_month: i32,
    /// True when the number can be taken to a competitor.
    pub is_portable: bool,
    /// True when the customer keeps another operator's number as well.
    pub has_rival_sim: bool,
    /// What the customer is like; no operator ever sees it.
    pub traits: Traits,
    pub(crate) products: u8,
    pub(crate) msisdn_seed: u64,
}

/// Hidden traits. Those named "normal" have mean 0 and variance 1 over all customers.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Traits {
    /// How much price matters; normal, but lower for those who joined long ago.
    pub price_sensitivity: f64,
    /// How much service matters; normal.
    pub service_sensitivity: f64,
    /// How punctually bills are paid; normal.
    pub payment_discipline: f64,
    /// How weak the relationship is; normal. It feeds the entry into a decline, and churn itself.
    pub unhealth: f64,
    /// How readily offers are accepted; normal.
    pub persuadability: f64,
    /// How readily points are spent; normal.
    pub redemption_appetite: f64,
    /// What a retention contact does to this customer.
    pub contact_effect: ContactEffect,
    /// Minutes of a normal month at maturity.
    pub voice_level: f64,
    /// Megabytes of a normal month at maturity.
    pub data_level: f64,
    /// Messages of a normal month at maturity.
    pub sms_level: f64,
    /// The share of calls within the customer's own group.
    pub in_group_share: f64,
}

/// A service that a customer has from the operator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subscription {
    /// The operator's key of it.
    pub key: String,
    /// What it is.
    pub product: Product,
    /// The number, for mobile lines.
    pub msisdn: Option<String>,
    /// The SIM's ICCID, for mobile lines: 89, then 999 as in the number, then who and which line.
    pub iccid: Option<String>,
}

impl Customer {
    /// Returns the operator's key of the customer.
    #[must_use]
    pub fn key(&self) -> String {
        customer_key(self.index)
    }

    /// Returns the products subscribed to, the first mobile line first.
    pub fn products(&self) -> impl Iterator<Item = Product> + use<> {
        let products = self.products;
        Product::ALL
            .into_iter()
            .filter(move |product| products & (1 << *product as u8) != 0)
    }

    /// Returns how many products are subscribed to, 1 to 4.
    #[must_use]
    pub fn product_count(&self) -> u32 {
        self.products.count_ones()
    }

    /// Returns the subscriptions, all begun when the customer joined.
    pub fn subscriptions(&self) -> impl Iterator<Item = Subscription> + use<> {
        let (index, msisdn_seed) = (self.index, self.msisdn_seed);
        self.products().map(move |product| Subscription {
            key: subscription_key(index, product),
            product,
            msisdn: msisdn(msisdn_seed, index, product),
            iccid: msisdn(msisdn_seed, index, product)
                .map(|_| format!("89999{index:013}{}", product as u8 + 1)),
        })
    }

    /// Returns the number of the first mobile line.
    #[must_use]
    pub fn msisdn(&self) -> String {
        msisdn(self.msisdn_seed, self.index, Product::Mobile).expect("a mobile line has a number")
    }

    /// Returns what all products together cost in a month, in minor units.
    #[must_use]
    pub fn monthly_price_minor(&self) -> i64 {
        self.plan.price_minor + self.products().map(Product::price_minor).sum::<i64>()
    }

    /// Returns whole months since joining in `month` of the operator: 0 in the month of joining,
    /// nothing before.
    #[must_use]
    pub fn tenure_months(&self, month: u32) -> Option<u32> {
        u32::try_from(i64::from(month) - i64::from(self.join_month)).ok()
    }

    /// Returns the months that a contract still binds in `month`.
    #[must_use]
    pub fn contract_remaining_months(&self, month: u32) -> u32 {
        self.tenure_months(month)
            .map_or(0, |t| self.contract_end_tenure.saturating_sub(t))
    }
}

/// Returns the operator's key of a customer, for example `C0000042`.
#[must_use]
pub fn customer_key(index: u32) -> String {
    format!("C{index:07}")
}

/// Returns the operator's key of a subscription, for example `S0000042-1`.
#[must_use]
pub fn subscription_key(index: u32, product: Product) -> String {
    format!("S{index:07}-{}", product as u8 + 1)
}

/// Nine digits behind +999, the country code that the ITU keeps unassigned: no such phone exists.
const MSISDN_RANGE: u64 = 1_000_000_000;

/// Odd and not a multiple of five, so that multiplying by it permutes the range.
const MSISDN_FACTOR: u64 = 387_420_489;

/// Returns the number of a mobile line: unique, as it permutes (index, line) within the range.
fn msisdn(seed: u64, index: u32, product: Product) -> Option<String> {
    let line = match product {
        Product::Mobile => u64::from(index),
        Product::SecondSim => u64::from(index) + MSISDN_RANGE / 2,
        Product::Broadband | Product::Tv => return None,
    };
    let number = (line * MSISDN_FACTOR + seed % MSISDN_RANGE) % MSISDN_RANGE;
    Some(format!("+999{number:09}"))
}

impl Customer {
    /// Returns the months since the last contract ended, nothing while bound or never bound.
    pub(crate) fn months_off_contract(&self, tenure: u32) -> Option<u32> {
        if self.contract_end_tenure == 0 {
            return None;
        }
        tenure.checked_sub(self.contract_end_tenure)
    }

    pub(crate) fn plan_at(place: usize) -> &'static Plan {
        &PLANS[place]
    }
}
