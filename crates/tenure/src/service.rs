//! The names of the four services, and what each of them needs.

use std::fmt;

use tenure_sql::Migrations;

/// One of the four services.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, clap::ValueEnum)]
pub enum ServiceName {
    /// The one record of a customer.
    CustomerData,
    /// Where each customer stands.
    LifecycleScoring,
    /// What to do for a customer now.
    Campaign,
    /// How many points.
    LoyaltyPoints,
}

impl ServiceName {
    /// All of them, each after those that it calls.
    pub const ALL: [Self; 4] = [
        Self::CustomerData,
        Self::LifecycleScoring,
        Self::LoyaltyPoints,
        Self::Campaign,
    ];

    /// Returns the name as it is typed.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::CustomerData => tenure_customer_data::NAME,
            Self::LifecycleScoring => tenure_lifecycle_scoring::NAME,
            Self::Campaign => tenure_campaign::NAME,
            Self::LoyaltyPoints => tenure_loyalty_points::NAME,
        }
    }

    /// Returns the services that it calls.
    #[must_use]
    pub fn calls(self) -> &'static [Self] {
        match self {
            Self::CustomerData => &[],
            Self::LifecycleScoring | Self::LoyaltyPoints => &[Self::CustomerData],
            Self::Campaign => &[
                Self::CustomerData,
                Self::LifecycleScoring,
                Self::LoyaltyPoints,
            ],
        }
    }

    /// Returns the tables that it owns.
    #[must_use]
    pub fn migrations(self) -> &'static Migrations {
        match self {
            Self::CustomerData => &tenure_customer_data::MIGRATIONS,
            Self::LifecycleScoring => &tenure_lifecycle_scoring::MIGRATIONS,
            Self::Campaign => &tenure_campaign::MIGRATIONS,
            Self::LoyaltyPoints => &tenure_loyalty_points::MIGRATIONS,
        }
    }
}

impl fmt::Display for ServiceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}
