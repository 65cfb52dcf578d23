//! What the operator sells: plans, contracts and products.

/// A mobile plan of the catalogue.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Plan {
    /// The operator's key of the plan.
    pub key: &'static str,
    /// The name that customers see.
    pub name: &'static str,
    /// The price of a month in minor units.
    pub price_minor: i64,
    /// Voice minutes included in a month.
    pub voice_minutes: u32,
    /// Data included in a month, in megabytes.
    pub data_mb: u32,
    /// True when it is made for organisations.
    pub is_for_organisations: bool,
}

const fn plan(
    key: &'static str,
    name: &'static str,
    price_minor: i64,
    voice_minutes: u32,
    data_mb: u32,
    is_for_organisations: bool,
) -> Plan {
    Plan {
        key,
        name,
        price_minor,
        voice_minutes,
        data_mb,
        is_for_organisations,
    }
}

/// The catalogue, from the cheapest plan to the dearest.
pub const PLANS: [Plan; 6] = [
    plan("P1", "Basic", 990, 150, 3_000, false),
    plan("P2", "Smart", 1_990, 400, 10_000, false),
    plan("P3", "Plus", 2_990, 800, 25_000, false),
    plan("P4", "Business", 3_490, 1_500, 20_000, true),
    plan("P5", "Max", 4_490, 2_000, 60_000, false),
    plan("P6", "Business Max", 6_990, 4_000, 80_000, true),
];

/// The price of a month to which price sensitivity is relative, in minor units: about the mean.
pub(crate) const REFERENCE_PRICE_MINOR: f64 = 2_400.0;

/// What a minute beyond the plan costs, in minor units.
pub(crate) const MINUTE_PRICE_MINOR: u32 = 5;

/// What each started gigabyte beyond the plan costs, in minor units.
pub(crate) const GIGABYTE_PRICE_MINOR: u32 = 150;

/// A service that a customer subscribes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Product {
    /// The first mobile line; every customer has it.
    Mobile,
    /// A fixed broadband line.
    Broadband,
    /// Television over the broadband line.
    Tv,
    /// A second SIM with a number of its own.
    SecondSim,
}

impl Product {
    /// All products, in the order of subscriptions.
    pub const ALL: [Self; 4] = [Self::Mobile, Self::Broadband, Self::Tv, Self::SecondSim];

    /// Returns the name for catalogues and files.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Mobile => "MOBILE",
            Self::Broadband => "BROADBAND",
            Self::Tv => "TV",
            Self::SecondSim => "SECOND_SIM",
        }
    }

    /// Returns the price of a month in minor units; the first mobile line costs what its plan does.
    pub(crate) fn price_minor(self) -> i64 {
        match self {
            Self::Mobile => 0,
            Self::Broadband => 2_490,
            Self::Tv => 990,
            Self::SecondSim => 690,
        }
    }
}

/// How long a customer is bound.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ContractKind {
    /// Not at all.
    MonthToMonth,
    /// For a year at a time.
    Months12,
    /// For two years at a time.
    Months24,
}

impl ContractKind {
    /// Returns the months that one term lasts, 0 without a term.
    #[must_use]
    pub fn term_months(self) -> u32 {
        match self {
            Self::MonthToMonth => 0,
            Self::Months12 => 12,
            Self::Months24 => 24,
        }
    }

    /// Returns the name for files.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::MonthToMonth => "MONTH_TO_MONTH",
            Self::Months12 => "MONTHS_12",
            Self::Months24 => "MONTHS_24",
        }
    }
}
