//! The parts of a briefing about tickets and promises.

use tenure_core::Timestamp;
use tenure_proto::customer::v1 as wire;
use tenure_rpc::fields::time;

use super::own::count;
use crate::api::show;
use crate::domain::briefing::{owed, urgent};
use crate::domain::complaint::words::ResolutionState;
use crate::domain::{Complaint, Promise};

const COMPLAINTS_SHOWN: usize = 5;
const PROMISES_SHOWN: usize = 5;

pub(super) fn complaints(mut open: Vec<Complaint>, now: Timestamp) -> wire::ComplaintsPart {
    urgent(&mut open, now);
    let breached = open.iter().filter(|it| it.breach_count > 0).count();
    wire::ComplaintsPart {
        state: None,
        complaints: open.iter().take(COMPLAINTS_SHOWN).map(brief).collect(),
        complaint_count: count(open.len()),
        breached_count: count(breached),
    }
}

fn brief(complaint: &Complaint) -> wire::BriefComplaint {
    let subscription = complaint.subscription.as_ref();
    let mut latest_first = complaint.resolutions.iter().rev();
    let unanswered = latest_first.find(|it| it.state == ResolutionState::Proposed);
    wire::BriefComplaint {
        complaint_id: complaint.id.to_string(),
        customer_id: complaint.customer.to_string(),
        kind: complaint.kind.number(),
        severity: complaint.severity.number(),
        subject_code: complaint.subject.clone(),
        subscription_id: subscription.map_or(String::new(), ToString::to_string),
        complaint_state: complaint.state().number(),
        state_time: Some(time(complaint.state_since)),
        create_time: Some(time(complaint.created_at)),
        owner: Some(show::staff(&complaint.step.owner)),
        promised_time: complaint.step.promised_until.map(time),
        expected_resolution_time: Some(time(complaint.expected_at)),
        breached: complaint.breach_count > 0,
        breach_count: complaint.breach_count,
        last_breach: complaint.last_breach.as_ref().map(show::breach),
        reopen_count: complaint.reopen_count,
        notice_time: complaint.notices.last().map(|notice| time(notice.at)),
        unanswered_resolution: unanswered.map(show::resolution),
    }
}

pub(super) fn promises(unkept: Vec<Promise>, now: Timestamp) -> wire::PromisesPart {
    let owed = owed(unkept, now);
    let shown = owed.promises.iter().take(PROMISES_SHOWN);
    wire::PromisesPart {
        state: None,
        promises: shown.map(show::promise).collect(),
        overdue_count: count(owed.overdue),
        broken_count: count(owed.broken),
        open_count: count(owed.open),
    }
}
