//! Closed sets of words, each with the number by which it is stored and sent.

/// Declares a closed set whose words have numbers. A macro, because ten sets of one shape would be
/// ten times the same two matches, and the two must never disagree.
macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$word_doc:meta])* $word:ident = $number:literal,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub(crate) enum $name { $($(#[$word_doc])* $word,)* }

        impl $name {
            /// Returns the word's number, which never changes.
            pub(crate) fn number(self) -> i32 {
                match self { $(Self::$word => $number,)* }
            }

            /// Returns the word with this number.
            pub(crate) fn from_number(number: i32) -> Option<Self> {
                match number { $($number => Some(Self::$word),)* _ => None }
            }
        }
    };
}

pub(crate) use words;

words! {
    /// A way to reach a customer.
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
        /// The web site.
        Web = 7,
    }
}
words! {
    /// Where a customer stands in the lifecycle.
    Stage {
        /// Won or to be won, not yet active.
        Acquisition = 1,
        /// Active and growing.
        Growth = 2,
        /// High and steady.
        Maturity = 3,
        /// A lasting fall.
        Decline = 4,
        /// Left.
        Churned = 5,
    }
}
words! {
    /// How likely a customer is to leave.
    RiskBand {
        /// Nothing to do.
        Low = 1,
        /// Worth watching.
        Medium = 2,
        /// Worth a contact.
        High = 3,
        /// About to leave.
        Critical = 4,
    }
}
words! {
    /// What a customer is worth.
    ValueTier {
        /// Costs more than it brings.
        Negative = 1,
        /// Below the ordinary.
        Low = 2,
        /// Ordinary.
        Medium = 3,
        /// Among those that carry the operator.
        High = 4,
    }
}
words! {
    /// What is offered.
    OfferKind {
        /// Bonus points.
        Points = 1,
        /// A lower price.
        Discount = 2,
        /// More of a service for the same price.
        Service = 3,
        /// A present.
        Gift = 4,
    }
}
