//! What of an answer is personal, and what of it somebody without the right to it is shown.

use super::text::is_code;

/// What hides a letter.
const HIDDEN: &str = "•••";
/// The most digits of a number that are shown.
const DIGITS_SHOWN_MAX: usize = 3;

/// How a value is shown to somebody without the right to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mask {
    /// The first letter of each word, which is enough to greet a person who has said the name.
    Name,
    /// Its last digits, which is enough to tell the lines of a customer apart.
    Number,
    /// An address of mail: its first letter; anything else as a number.
    Contact,
    /// Nothing but that there is something.
    Text,
    /// A code of the operator's is shown; anything else is text.
    Words,
    /// Not even that.
    Withheld,
}

/// The fields of answers that are personal: message, field, how it is masked. Messages of the package
/// `tenure.customer.v1` stand without it, others with theirs.
pub const PERSONAL: &[(&str, &str, Mask)] = &[
    ("Customer", "display_name", Mask::Name),
    ("CallerPart", "display_name", Mask::Name),
    ("Subscription", "msisdn", Mask::Number),
    ("BriefSubscription", "msisdn", Mask::Number),
    ("Consent", "contact_point", Mask::Contact),
    ("Complaint", "description", Mask::Text),
    ("ProposedResolution", "text", Mask::Text),
    ("Promise", "text", Mask::Text),
    ("Interaction", "reason", Mask::Words),
    ("Interaction", "resolution", Mask::Words),
    ("Subscription", "churn_reason", Mask::Words),
    ("Subscription", "suspension_reason", Mask::Words),
    ("Prospect", "display_name", Mask::Name),
    ("PartyName", "title", Mask::Name),
    ("PartyName", "given_name", Mask::Name),
    ("PartyName", "middle_name", Mask::Name),
    ("PartyName", "family_name", Mask::Name),
    ("PartyName", "legal_name", Mask::Name),
    ("BillingAccount", "name", Mask::Name),
    ("Group", "name", Mask::Name),
    ("ContactMedium", "phone_number", Mask::Number),
    ("ContactMedium", "email_address", Mask::Contact),
    ("PostalAddress", "street", Mask::Text),
    ("PostalAddress", "postal_code", Mask::Text),
    ("PostalAddress", "city", Mask::Text),
    ("PostalAddress", "region", Mask::Text),
    ("SimHolding", "iccid", Mask::Number),
    ("Lead", "interest", Mask::Words),
    ("Lead", "lost_reason", Mask::Words),
    ("Relationship", "role", Mask::Words),
    ("MergeCause", "reason", Mask::Words),
    ("MergeLink", "unmerge_reason", Mask::Words),
    ("MatchFinding", "reason", Mask::Words),
    ("StatusPeriod", "reason", Mask::Words),
    ("TerminationNotice", "reason", Mask::Words),
    ("MatchKey", "blocked_values", Mask::Text),
    ("FieldDifference", "before", Mask::Text),
    ("FieldDifference", "after", Mask::Text),
    ("ExportedRow", "json", Mask::Text),
    ("RowReject", "found", Mask::Text),
    ("tenure.type.v1.ExternalId", "id", Mask::Text),
    ("tenure.type.v1.AttributeValue", "text", Mask::Text),
    ("tenure.type.v1.AttributeValue", "integer", Mask::Withheld),
    ("tenure.type.v1.AttributeValue", "number", Mask::Withheld),
    ("tenure.type.v1.AttributeValue", "instant", Mask::Withheld),
];

/// The fields that hold text and nothing personal, in whatever message or in one: keys and codes of the
/// operator's, our own ids, words of other services about a customer's state. A text field of an answer
/// stands here or in [`PERSONAL`]; a test finds one that does not.
pub const PLAIN: &[&str] = &[
    "Access.method",
    "Access.principal",
    "Access.purpose",
    "Attribute.name",
    "BriefReason.code",
    "BriefReason.statement",
    "Consent.actor",
    "Consent.source",
    "Erasure.reason",
    "ErasureReceipt.service",
    "ErasureReceipt.step",
    "ExportedRow.table",
    "ExternalId.system",
    "FactPreview.kind",
    "FieldDifference.field",
    "FieldDifference.kind",
    "FieldOrigin.field",
    "FieldPreview.field",
    "FieldPreview.kind",
    "Group.place_code",
    "IdentityPolicy.description",
    "ImportConflict.fact_id",
    "ImportConflict.fact_kind",
    "Lead.source",
    "LeavingSignal.competitor_code",
    "MatchFinding.actor",
    "MatchKey.name",
    "MatchKey.verified_attribute",
    "MatchPart.fields",
    "MatchingRun.failure",
    "MergeCause.actor",
    "MergeLink.unmerge_actor",
    "PostalAddress.country_code",
    "ProfileAttribute.source",
    "ProfileClaim.source",
    "Prospect.source",
    "Removal.bill_ids",
    "Removal.interaction_ids",
    "Removal.subscription_ids",
    "QualityPolicy.source",
    "QualityRule.field",
    "QualityFinding.field",
    "ReferenceCheck.values",
    "DriftCheck.categories",
    "RowReject.column",
    "RowReject.wanted",
    "SourceTrust.system",
    "SurvivorshipRule.field",
    "access_id",
    "account_id",
    "answer_code",
    "awaited_services",
    "bill_id",
    "blocked_fingerprints",
    "campaign_id",
    "complaint_id",
    "consent_id",
    "consent_ids",
    "contact_id",
    "content_digest",
    "currency_code",
    "customer_id",
    "customer_ids",
    "department_code",
    "erasure_id",
    "etag",
    "fingerprint",
    "from_customer_id",
    "group_id",
    "import_id",
    "interaction_id",
    "lead_id",
    "loser_customer_id",
    "mapping_digest",
    "match_key",
    "medium_id",
    "member_customer_ids",
    "merge_id",
    "merged_customer_id",
    "message_code",
    "model_version",
    "named_loser_customer_ids",
    "named_survivor_customer_id",
    "next_page_token",
    "next_tier_id",
    "offer_description",
    "offer_display_name",
    "offer_id",
    "payer_customer_id",
    "person_code",
    "product_code",
    "programme_id",
    "promise_id",
    "prospect_id",
    "question_code",
    "questionnaire_code",
    "reason_code",
    "relationship_id",
    "requested_by",
    "resolution_code",
    "resume_token",
    "rule_id",
    "run_id",
    "signal_id",
    "source_name",
    "subject_code",
    "subscription_id",
    "survey_id",
    "survivor_customer_id",
    "text_version",
    "tier_id",
    "to_customer_id",
    "transferred_from_customer_id",
    "transferred_to_customer_id",
];

/// The methods that nobody without the right may call: nothing would be left of their answers.
pub const NEEDS_RIGHT: &[&str] = &[
    "tenure.customer.v1.PrivacyService/ExportCustomer",
    "tenure.customer.v1.PrivacyService/ListAccesses",
];

/// The methods whose answers are not recorded: the record of who read what tells nothing of the customer.
pub const UNRECORDED: &[&str] = &["tenure.customer.v1.PrivacyService/ListAccesses"];

impl Mask {
    /// Returns what is shown of a text. Of an empty one nothing is hidden.
    #[must_use]
    pub fn show(self, text: &str) -> String {
        if text.is_empty() {
            return String::new();
        }
        match self {
            Self::Name => name(text),
            Self::Number => number(text),
            Self::Contact => contact(text),
            Self::Words if is_code(text) => text.to_owned(),
            Self::Text | Self::Words => HIDDEN.to_owned(),
            Self::Withheld => String::new(),
        }
    }
}

fn name(text: &str) -> String {
    let words = text.split_whitespace();
    let initial = |word: &str| word.chars().next().map(|first| format!("{first}{HIDDEN}"));
    let initials: Vec<String> = words.filter_map(initial).collect();
    initials.join(" ")
}

/// Shows at most a third of the digits, and at most the last three.
fn number(text: &str) -> String {
    let characters: Vec<char> = text.chars().collect();
    let shown = (characters.len() / 3).min(DIGITS_SHOWN_MAX);
    let last: String = characters[characters.len() - shown..].iter().collect();
    format!("{HIDDEN}{last}")
}

fn contact(text: &str) -> String {
    match text.split_once('@') {
        None => number(text),
        Some((before, _)) => {
            let first: String = before.chars().take(1).collect();
            format!("{first}{HIDDEN}@{HIDDEN}")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_its_initials_and_a_number_its_last_digits() {
        assert_eq!(Mask::Name.show("Ada  Lovelace"), "A••• L•••");
        assert_eq!(Mask::Name.show("Éva"), "É•••");
        assert_eq!(Mask::Number.show("+999111222333"), "•••333");
        assert_eq!(Mask::Number.show("123456"), "•••56");
        assert_eq!(Mask::Number.show("12"), "•••");
        assert_eq!(Mask::Contact.show("ada@love.example"), "a•••@•••");
        assert_eq!(Mask::Contact.show("@"), "•••@•••");
        assert_eq!(Mask::Contact.show("+999111222333"), "•••333");
    }

    #[test]
    fn codes_are_shown_and_words_are_not() {
        for code in ["BILLING", "NO_SIGNAL", "PRICE-2", "A.1"] {
            assert_eq!(Mask::Words.show(code), code);
        }
        for words in [
            "Ada called",
            "Ada",
            "ada",
            "+999111222333",
            "A999111222",
            "É",
        ] {
            assert_eq!(Mask::Words.show(words), HIDDEN, "{words}");
        }
        assert_eq!(Mask::Text.show("BILLING"), HIDDEN);
        assert_eq!(Mask::Withheld.show("x"), "");
        assert_eq!(Mask::Text.show(""), "");
    }
}
