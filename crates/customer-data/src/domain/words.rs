//! The closed sets of words: kinds, states, channels, with the numbers they have on the wire and in
//! the database.

/// Makes an enum whose numbers are fixed. A macro, because a function cannot make a type, and eight
/// hand-written pairs of matches would drift apart.
macro_rules! numbered {
    ($(#[$doc:meta])* $name:ident { $($(#[$word_doc:meta])* $word:ident = $number:literal,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name {
            $($(#[$word_doc])* $word = $number,)*
        }

        impl $name {
            /// Every word.
            pub const ALL: &[Self] = &[$(Self::$word),*];

            /// Returns the number of the word.
            #[must_use]
            pub fn number(self) -> i32 {
                self as i32
            }

            /// Returns the word of a number, or nothing when there is none.
            #[must_use]
            pub fn from_number(number: i32) -> Option<Self> {
                match number {
                    $($number => Some(Self::$word),)*
                    _ => None,
                }
            }
        }
    };
}

pub(crate) use numbered;

numbered! {
    /// What a customer is.
    CustomerKind {
        /// A person.
        Individual = 1,
        /// A company, an authority, a club.
        Organisation = 2,
    }
}
numbered! {
    /// Kinds of service.
    ServiceKind {
        /// A mobile line.
        Mobile = 1,
        /// Internet access at a place.
        Broadband = 2,
        /// Television.
        Tv = 3,
        /// A telephone line at a place.
        FixedLine = 4,
        /// Anything else.
        Other = 5,
    }
}
numbered! {
    /// How a customer was lost.
    ChurnKind {
        /// Went to a competitor.
        Competitor = 1,
        /// Left the market.
        MarketExit = 2,
        /// Moved to another product or brand of the operator.
        InternalMigration = 3,
        /// For a reason that nobody noted.
        Unstated = 4,
        /// The operator ended it because bills were not paid.
        Arrears = 5,
        /// The operator ended it because of fraud.
        Fraud = 6,
    }
}
numbered! {
    /// Why a subscription is suspended.
    SuspensionKind {
        /// Bills are not paid.
        Arrears = 1,
        /// The customer asked for it.
        Requested = 2,
        /// The operator or an authority ordered it.
        Forced = 3,
        /// More was spent than the customer is trusted with.
        HighSpend = 4,
        /// It is about to be terminated.
        PendingTermination = 5,
    }
}
numbered! {
    /// The condition of a customer's bills.
    PaymentStatus {
        /// Something is to be paid, and there is still time.
        Due = 1,
        /// All is paid.
        Paid = 2,
        /// Something should have been paid by now.
        InArrears = 3,
    }
}
numbered! {
    /// How far a bill is paid.
    BillState {
        /// Sent, not paid.
        Sent = 1,
        /// Paid in part.
        PartiallyPaid = 2,
        /// Paid.
        Settled = 3,
    }
}
numbered! {
    /// The length of a usage summary.
    UsagePeriod {
        /// One day in UTC.
        Day = 1,
        /// One calendar month in UTC.
        Month = 2,
    }
}
numbered! {
    /// A way in which the operator and its customers meet.
    Channel {
        /// A shop of the operator.
        Store = 1,
        /// The hotline.
        CallCentre = 2,
        /// An agent or dealer.
        Agent = 3,
        /// The operator's application.
        App = 4,
        /// A text message.
        Sms = 5,
        /// An electronic mail.
        Email = 6,
        /// The operator's web site.
        Web = 7,
    }
}
numbered! {
    /// Who began an interaction.
    Direction {
        /// The customer.
        Inbound = 1,
        /// The operator.
        Outbound = 2,
    }
}
numbered! {
    /// Where an interaction stands in the course of a sale.
    InteractionPhase {
        /// Before.
        PreSale = 1,
        /// During.
        InSale = 2,
        /// After.
        AfterSale = 3,
    }
}
numbered! {
    /// What an interaction was.
    InteractionKind {
        /// A question.
        Enquiry = 1,
        /// A complaint.
        Complaint = 2,
        /// A wish to change or to buy something.
        Order = 3,
        /// An offer or message of a campaign.
        Campaign = 4,
        /// A question about leaving.
        Leaving = 5,
    }
}
numbered! {
    /// What data may be used for (TMF644), and profiling.
    ConsentPurpose {
        /// To run the contract.
        Admin = 1,
        /// To inform about what the customer has.
        Information = 2,
        /// To offer something.
        Marketing = 3,
        /// To learn from it.
        Research = 4,
        /// To predict and to decide about this customer.
        Profiling = 5,
    }
}
numbered! {
    /// What was said about a use of data.
    ConsentStatus {
        /// Yes.
        Granted = 1,
        /// No, when asked.
        Refused = 2,
        /// No longer.
        Withdrawn = 3,
    }
}
numbered! {
    /// What makes a use of personal data lawful (GDPR article 6).
    LegalBasis {
        /// The customer agreed.
        Consent = 1,
        /// The contract needs it.
        Contract = 2,
        /// The law asks for it.
        LegalObligation = 3,
        /// Somebody's life depends on it.
        VitalInterest = 4,
        /// A public task needs it.
        PublicTask = 5,
        /// The operator's interest outweighs.
        LegitimateInterest = 6,
    }
}
numbered! {
    /// How far an erasure is.
    ErasureState {
        /// Traces are being removed.
        Running = 1,
        /// All is done.
        Completed = 2,
    }
}
