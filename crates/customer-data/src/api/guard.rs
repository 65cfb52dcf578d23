//! What stands around every RPC: whether the caller may see personal data, what is masked if not, and
//! the record of who was shown what.

mod plan;
mod walk;

use std::sync::Arc;

use bytes::Bytes;
use tenure_core::{Ids, Violations};
use tenure_rpc::inspect::{Admission, Checked, Convert, Inspected, Inspector};
use tonic::Status;

use crate::domain::access::{View, is_purpose};
use crate::domain::{Access, Right};
use crate::job::access::AccessLog;
use crate::{Deps, Error};
use plan::{Method, Plan};

/// The header that says what data is asked for.
const PURPOSE: &str = "x-purpose";

/// Looks at all calls of the service.
pub(crate) struct Guard {
    deps: Arc<Deps>,
    log: AccessLog,
    plan: &'static Plan,
    /// Records are no facts of a story that is told again with the same ids.
    ids: Ids,
}

impl Guard {
    pub(crate) fn new(deps: Arc<Deps>, log: AccessLog) -> Self {
        Self {
            deps,
            log,
            plan: Plan::of_all_services(),
            ids: Ids::system(),
        }
    }

    fn view(&self, call: &Inspected) -> View {
        match self.deps.config.privacy.right_of(&call.principal) {
            Right::Masked => View::Masked,
            Right::Full | Right::System => View::Full,
        }
    }

    /// Returns what the caller gets, once it is recorded.
    async fn show(&self, call: &Inspected, message: Bytes) -> Result<Bytes, Error> {
        let Some(method) = self.plan.method(&call.path) else {
            return Ok(message);
        };
        let mut customers = Vec::new();
        let view = self.view(call);
        let shown = match view {
            View::Full => {
                let read = self.plan.customers(method, &message, &mut customers);
                read.ok_or_else(unreadable)?;
                message
            }
            View::Masked => {
                let masked = self.plan.mask(method, &message, &mut customers);
                masked.ok_or_else(unreadable)?.into()
            }
        };
        if method.names_whom_it_asks_for {
            let read = self.plan.asked(method, &call.request, &mut customers);
            read.ok_or_else(unreadable)?;
            if method.is_stream && customers.is_empty() {
                // Everybody.
                customers.push(String::new());
            }
        }
        customers.sort_unstable();
        customers.dedup();
        self.log
            .record(self.accesses(call, view, customers))
            .await?;
        Ok(shown)
    }

    fn accesses(&self, call: &Inspected, view: View, customers: Vec<String>) -> Vec<Access> {
        let at = self.deps.clock.now();
        let purpose = call.headers.get(PURPOSE);
        let purpose = purpose.and_then(|it| it.to_str().ok()).unwrap_or_default();
        let of = |customer| Access {
            id: self.ids.uuid(at).to_string(),
            customer,
            at,
            principal: call.principal.name().to_owned(),
            method: call.path.trim_start_matches('/').to_owned(),
            view,
            purpose: purpose.to_owned(),
        };
        customers.into_iter().map(of).collect()
    }
}

impl Inspector for Guard {
    fn admit(&self, call: &Inspected) -> Result<Admission, Status> {
        let Some(method) = self.plan.method(&call.path) else {
            return Ok(Admission::Unseen);
        };
        let right = self.deps.config.privacy.right_of(&call.principal);
        if right == Right::Masked && method.needs_right {
            return Err(Error::PersonalDataRefused.into());
        }
        if let Some(purpose) = call.headers.get(PURPOSE)
            && !purpose.to_str().is_ok_and(is_purpose)
        {
            let mut violations = Violations::new();
            let wanted = "a code of 1 to 64 letters, digits, `_`, `-` and `.`";
            violations.add(PURPOSE, wanted, "another text");
            violations.into_result().map_err(Error::from)?;
        }
        if right == Right::System || !method.shows_customers {
            return Ok(Admission::Unseen);
        }
        Ok(admission(method))
    }

    fn answered<'a>(&'a self, call: &'a Inspected, message: Bytes) -> Checked<'a, Bytes> {
        Box::pin(async move { Ok(self.show(call, message).await?) })
    }

    fn stream(&self, call: &Inspected) -> Option<Arc<Convert>> {
        let method = self.plan.method(&call.path)?;
        if self.view(call) == View::Full {
            return None;
        }
        let plan = self.plan;
        Some(Arc::new(move |message| {
            let masked = plan.mask(method, message, &mut Vec::new());
            Ok(masked.ok_or_else(unreadable)?)
        }))
    }
}

/// Returns the customers whom an answer of a method names: the method as `Service/Method`, without a slash
/// before it.
pub(super) fn named(method: &str, answer: &[u8]) -> Vec<String> {
    let (plan, mut customers) = (Plan::of_all_services(), Vec::new());
    if let Some(method) = plan.method(&format!("/{method}")) {
        let read = plan.customers(method, answer, &mut customers);
        read.expect("an answer that was just encoded is a message");
    }
    customers
}

fn admission(method: &Method) -> Admission {
    match method.is_stream {
        true => Admission::Stream,
        false => Admission::Message {
            needs_request: method.names_whom_it_asks_for,
        },
    }
}

fn unreadable() -> Error {
    Error::Unreadable("an answer of our own, which is to be masked".to_owned())
}
