//! How far a settlement is.

/// The state of a settlement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum SettlementState {
    /// Its entries are being added up.
    Running = 1,
    /// It is complete.
    Open = 2,
    /// The bill was sent.
    Invoiced = 3,
    /// It was paid.
    Paid = 4,
    /// The partner does not agree.
    Disputed = 5,
}

impl SettlementState {
    const ALL: [Self; 5] = [
        Self::Running,
        Self::Open,
        Self::Invoiced,
        Self::Paid,
        Self::Disputed,
    ];

    /// Returns the number under which it is stored.
    #[must_use]
    pub fn number(self) -> i16 {
        self as i16
    }

    /// Returns the state stored under `number`.
    #[must_use]
    pub fn from_number(number: i16) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.number() == number)
    }

    /// Returns the name in the API, without its prefix.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Running => "RUNNING",
            Self::Open => "OPEN",
            Self::Invoiced => "INVOICED",
            Self::Paid => "PAID",
            Self::Disputed => "DISPUTED",
        }
    }

    /// Returns true when people may take it from this state to that one.
    #[must_use]
    pub fn leads_to(self, next: Self) -> bool {
        matches!(
            (self, next),
            (Self::Open | Self::Disputed, Self::Invoiced)
                | (Self::Invoiced | Self::Disputed, Self::Paid)
                | (Self::Invoiced, Self::Disputed)
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_settlement_is_invoiced_then_paid_and_only_an_invoiced_one_is_disputed() {
        let next = |state: SettlementState| -> Vec<&str> {
            let all = SettlementState::ALL.into_iter();
            all.filter(|to| state.leads_to(*to))
                .map(SettlementState::name)
                .collect()
        };
        assert_eq!(next(SettlementState::Running), [""; 0]);
        assert_eq!(next(SettlementState::Open), ["INVOICED"]);
        assert_eq!(next(SettlementState::Invoiced), ["PAID", "DISPUTED"]);
        assert_eq!(next(SettlementState::Disputed), ["INVOICED", "PAID"]);
        assert_eq!(next(SettlementState::Paid), [""; 0]);
    }
}
