//! Operations of one batch that stand in each other's way.
//!
//! What an operation of a batch wrote is taken back when another one is refused: nobody can ever look
//! its entry up. The refusal names the operation instead, by its place in the batch.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};
use tenure_core::{Coded, ErrorCode};

use super::Refusal;

/// Why an operation cannot be done together with one before it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum Clash {
    /// The earlier one earns for the same source.
    #[error("source {source_event} earns points in operation {operation} of the same batch")]
    Source {
        /// The source.
        source_event: String,
        /// The earlier one, from 0.
        operation: usize,
    },
    /// The earlier one takes the same entry back.
    #[error("entry {entry} is reversed by operation {operation} of the same batch")]
    Reversal {
        /// The entry.
        entry: String,
        /// The earlier one, from 0.
        operation: usize,
    },
    /// The earlier one opens the same account.
    #[error("account {account} is opened by operation {operation} of the same batch")]
    Account {
        /// The account.
        account: String,
        /// The earlier one, from 0.
        operation: usize,
    },
}

impl Clash {
    pub(super) fn facts(&self) -> Vec<(&'static str, String)> {
        let (name, value, operation) = match self {
            Self::Source {
                source_event,
                operation,
            } => ("source", source_event, operation),
            Self::Reversal { entry, operation } => ("entry_id", entry, operation),
            Self::Account { account, operation } => ("account_id", account, operation),
        };
        vec![
            (name, value.clone()),
            ("operation_index", operation.to_string()),
        ]
    }
}

impl Coded for Clash {
    fn code(&self) -> ErrorCode {
        match self {
            Self::Source { .. } | Self::Account { .. } => ErrorCode::AlreadyExists,
            Self::Reversal { .. } => ErrorCode::FailedPrecondition,
        }
    }

    fn reason(&self) -> &'static str {
        match self {
            Self::Source { .. } => "EVENT_ALREADY_EARNED",
            Self::Reversal { .. } => "ENTRY_ALREADY_REVERSED",
            Self::Account { .. } => "ACCOUNT_EXISTS",
        }
    }
}

/// What operations of a batch wrote before all of it was taken back, and which of them did.
#[derive(Debug, Default)]
pub(in crate::domain) struct Undone {
    /// By the id of an entry.
    pub(in crate::domain) entries: HashMap<String, usize>,
    /// By the account that was opened.
    pub(in crate::domain) accounts: HashMap<String, usize>,
}

impl Undone {
    /// Says of a refusal that names what was taken back which operation had written it.
    pub(in crate::domain) fn explain(&self, refusal: Refusal) -> Refusal {
        let clash = match &refusal {
            Refusal::EventAlreadyEarned {
                source_event,
                entry,
            } => self.entries.get(entry).map(|operation| Clash::Source {
                source_event: source_event.clone(),
                operation: *operation,
            }),
            Refusal::EntryAlreadyReversed { entry, reversal } => {
                let operation = self.entries.get(reversal);
                operation.map(|operation| Clash::Reversal {
                    entry: entry.clone(),
                    operation: *operation,
                })
            }
            Refusal::AccountExists { account } => {
                let operation = self.accounts.get(account);
                operation.map(|operation| Clash::Account {
                    account: account.clone(),
                    operation: *operation,
                })
            }
            _ => None,
        };
        clash.map_or(refusal, Refusal::Clash)
    }
}
