//! One message to one customer: its name, its lease, and what may be said about it.

use std::fmt;

use tenure_core::violation::Mismatch;
use tenure_core::{Lane, Timestamp};
use uuid::Uuid;

use super::words::words;

/// The name of a contact: a UUID that ends in the lane of its customer, so that whoever names a
/// contact leads us to its lane without a search.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct ContactId(Uuid);

impl ContactId {
    /// Makes an id from a random UUID, whose last two bytes give way to the lane.
    pub(crate) fn new(random: Uuid, lane: Lane) -> Self {
        let mut bytes = random.into_bytes();
        let lane = u16::try_from(lane).expect("at most 1,024 lanes");
        bytes[14..].copy_from_slice(&lane.to_be_bytes());
        Self(Uuid::from_bytes(bytes))
    }

    /// Parses an id. Whether there is such a contact, only the database knows.
    pub(crate) fn parse(text: &str) -> Result<Self, Mismatch> {
        let found = || {
            if text.is_empty() {
                "nothing".into()
            } else {
                "something else".to_owned()
            }
        };
        Uuid::try_parse(text)
            .map(Self)
            .map_err(|_| Mismatch::new("the id of a contact, a UUID", found()))
    }

    /// Returns the lane in which to look for the contact. An id that is none of ours may name a lane
    /// that does not exist.
    pub(crate) fn lane(self) -> Lane {
        let [.., high, low] = self.0.into_bytes();
        Lane::from(u16::from_be_bytes([high, low]))
    }

    /// Returns the id as a UUID.
    pub(crate) fn as_uuid(self) -> Uuid {
        self.0
    }
}

impl fmt::Display for ContactId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.hyphenated().fmt(f)
    }
}

words! {
    /// How far a contact is, as stored. That it was dropped follows from the campaign's end.
    ContactState {
        /// Waits to be pulled.
        Pending = 1,
        /// Pulled; being sent.
        Leased = 2,
        /// Delivered.
        Delivered = 3,
        /// Could not be delivered.
        Failed = 4,
    }
}
/// What became of a contact that was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Delivery {
    /// It arrived.
    Delivered,
    /// It did not.
    Failed,
}

words! {
    /// What a customer answered.
    Answer {
        /// Yes.
        Accepted = 1,
        /// No.
        Declined = 2,
    }
}

impl Delivery {
    /// Returns what became of a contact that ended in this state.
    pub(crate) fn from_state(state: ContactState) -> Option<Self> {
        match state {
            ContactState::Delivered => Some(Self::Delivered),
            ContactState::Failed => Some(Self::Failed),
            ContactState::Pending | ContactState::Leased => None,
        }
    }

    fn state(self) -> ContactState {
        match self {
            Self::Delivered => ContactState::Delivered,
            Self::Failed => ContactState::Failed,
        }
    }
}

/// A contact with a treated customer.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Contact {
    /// Its name.
    pub(crate) id: ContactId,
    /// How far it is.
    pub(crate) state: ContactState,
    /// Who may acknowledge it.
    pub(crate) lease: Option<Lease>,
    /// When it was delivered.
    pub(crate) delivered_at: Option<Timestamp>,
    /// What the customer answered, and when.
    pub(crate) answer: Option<(Answer, Timestamp)>,
    /// Points that loyalty-points has booked.
    pub(crate) granted_points: i64,
}

/// The right to acknowledge a contact, for a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Lease {
    /// Proves whose it is.
    pub(crate) token: Uuid,
    /// From when on somebody else may pull the contact.
    pub(crate) expires_at: Timestamp,
}

/// Why something that was said about a contact was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ContactRefusal {
    /// The lease ran out or belongs to somebody else.
    LeaseLost,
    /// The contact was acknowledged with another outcome.
    AlreadyAcknowledged,
    /// An answer needs a contact that was delivered.
    NotDelivered,
}

impl Contact {
    /// Creates a contact that waits to be pulled.
    pub(crate) fn new(id: ContactId) -> Self {
        let state = ContactState::Pending;
        Self {
            id,
            state,
            lease: None,
            delivered_at: None,
            answer: None,
            granted_points: 0,
        }
    }

    /// Records what became of the contact at `at`; true when that is news. The same outcome said
    /// again is no news, whoever says it: the message is what counts, not the messenger.
    pub(crate) fn acknowledge(
        &mut self,
        delivery: Delivery,
        token: Option<Uuid>,
        at: Timestamp,
        now: Timestamp,
    ) -> Result<bool, ContactRefusal> {
        match self.state {
            state if state == delivery.state() => Ok(false),
            ContactState::Delivered | ContactState::Failed => {
                Err(ContactRefusal::AlreadyAcknowledged)
            }
            ContactState::Leased
                if self
                    .lease
                    .is_some_and(|lease| Some(lease.token) == token && now < lease.expires_at) =>
            {
                self.state = delivery.state();
                self.lease = None;
                self.delivered_at = (delivery == Delivery::Delivered).then_some(at);
                Ok(true)
            }
            ContactState::Leased | ContactState::Pending => Err(ContactRefusal::LeaseLost),
        }
    }

    /// Records the customer's answer; true when it is the first, which counts.
    pub(crate) fn respond(
        &mut self,
        answer: Answer,
        at: Timestamp,
    ) -> Result<bool, ContactRefusal> {
        if self.state != ContactState::Delivered {
            return Err(ContactRefusal::NotDelivered);
        }
        let first = self.answer.is_none();
        self.answer.get_or_insert((answer, at));
        Ok(first)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_micros(1_000);
    const TOKEN: Uuid = Uuid::from_u128(7);

    fn leased() -> Contact {
        let mut contact = Contact::new(ContactId::new(Uuid::from_u128(1), 3));
        contact.state = ContactState::Leased;
        contact.lease = Some(Lease {
            token: TOKEN,
            expires_at: Timestamp::from_micros(2_000),
        });
        contact
    }

    #[test]
    fn an_id_names_its_lane() {
        for lane in [0, 1, 15, 255, 1_023] {
            let id = ContactId::new(Uuid::from_u128(u128::MAX / 3), lane);

            assert_eq!(id.lane(), lane);
            assert_eq!(ContactId::parse(&id.to_string()), Ok(id));
        }
    }

    #[test]
    fn a_lease_lets_its_owner_acknowledge_until_it_ends() {
        let end = Timestamp::from_micros(2_000);
        let say = |token, now| leased().acknowledge(Delivery::Delivered, token, NOW, now);

        assert_eq!(say(Some(TOKEN), NOW), Ok(true));
        assert_eq!(
            say(Some(Uuid::from_u128(8)), NOW),
            Err(ContactRefusal::LeaseLost)
        );
        assert_eq!(say(None, NOW), Err(ContactRefusal::LeaseLost));
        assert_eq!(say(Some(TOKEN), end), Err(ContactRefusal::LeaseLost));
    }

    #[test]
    fn an_outcome_may_be_repeated_but_not_changed() {
        let mut contact = leased();
        contact
            .acknowledge(Delivery::Failed, Some(TOKEN), NOW, NOW)
            .unwrap();

        assert_eq!(
            contact.acknowledge(Delivery::Failed, None, NOW, NOW),
            Ok(false)
        );
        assert_eq!(
            contact.acknowledge(Delivery::Delivered, Some(TOKEN), NOW, NOW),
            Err(ContactRefusal::AlreadyAcknowledged)
        );
        assert_eq!(contact.delivered_at, None);
    }

    #[test]
    fn the_first_answer_to_a_delivered_contact_counts() {
        let mut contact = leased();
        assert_eq!(
            contact.respond(Answer::Accepted, NOW),
            Err(ContactRefusal::NotDelivered)
        );
        contact
            .acknowledge(Delivery::Delivered, Some(TOKEN), NOW, NOW)
            .unwrap();

        assert_eq!(contact.respond(Answer::Declined, NOW), Ok(true));
        assert_eq!(contact.respond(Answer::Accepted, NOW), Ok(false));
        assert_eq!(contact.answer, Some((Answer::Declined, NOW)));
    }
}
