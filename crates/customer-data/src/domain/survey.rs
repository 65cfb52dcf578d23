//! What customers answer when they are asked.

use tenure_core::{ComplaintId, CustomerId, SurveyId, Timestamp};

use super::words::Channel;

/// The best net promoter score; the worst is 0.
pub const NPS_MAX: i32 = 10;
/// The best of a dimension of service quality; the worst is 1.
pub const QUALITY_MAX: i32 = 7;
/// The most answers of one survey.
pub const ANSWERS_MAX: usize = 50;
/// The longest code of a questionnaire or a question, in bytes.
pub const QUESTION_LENGTH_MAX: usize = 64;
/// The longest code of an answer, in bytes.
pub const ANSWER_LENGTH_MAX: usize = 128;

/// A survey that was answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Survey {
    /// The operator's own key.
    pub id: SurveyId,
    /// Who answered.
    pub customer: CustomerId,
    /// When.
    pub answered_at: Timestamp,
    /// Where.
    pub channel: Channel,
    /// Which questionnaire.
    pub questionnaire: String,
    /// The complaint it is about.
    pub complaint: Option<ComplaintId>,
    /// The net promoter score.
    pub nps: Option<i32>,
    /// How the service was perceived.
    pub quality: Option<ServiceQuality>,
    /// Other questions and their answers.
    pub answers: Vec<(String, String)>,
}

/// The five dimensions of SERVQUAL, each 1 to 7.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ServiceQuality {
    /// Does what was promised.
    pub reliability: Option<i32>,
    /// Helps at once.
    pub responsiveness: Option<i32>,
    /// Inspires trust.
    pub assurance: Option<i32>,
    /// Cares.
    pub empathy: Option<i32>,
    /// Looks as it should.
    pub tangibles: Option<i32>,
}
