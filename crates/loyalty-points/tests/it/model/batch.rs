//! Several commands of a client in one call.

use rand::Rng;
use tenure_core::Timestamp;
use tenure_proto::loyalty::v1::operation_result::Result as Answering;
use tenure_proto::loyalty::v1::*;

use super::call::{Answer, Call, Client, Done, Refused, insist};
use super::story::{Disagreement, Story};
use crate::naive::{Ask, Fact, No, Said};

/// A command that was drawn: whose account, what is asked, and the call.
type Drawn = (usize, Ask, Call);

impl Story {
    /// Draws commands that may stand in a batch and that `fits` likes.
    fn draw_some(&mut self, now: Timestamp, fits: fn(&Ask) -> bool) -> Vec<Drawn> {
        let count = self.random.random_range(1..6);
        let mut drawn: Vec<Drawn> = Vec::new();
        // Not each command may stand in a batch.
        for _ in 0..20 {
            let one = self.draw(now);
            if one.2.operation().is_some() && fits(&one.1) {
                drawn.push(one);
            }
            if drawn.len() == count {
                break;
            }
        }
        drawn
    }

    /// Commands of which each stands for itself. Those that touch two accounts are sent alone: in
    /// which order they and commands on the other account are decided is not promised.
    pub(super) async fn independent(
        &mut self,
        replicas: &[Client],
        now: Timestamp,
    ) -> Result<(), Disagreement> {
        let drawn = self.draw_some(now, |ask| !matches!(ask, Ask::Give(..)));
        let at = self.micros(now);
        let wanted = drawn
            .iter()
            .map(|(account, ask, _)| self.model.ask(*account, *ask, at));
        let wanted: Vec<Said> = wanted.collect();
        self.send(replicas, drawn, BatchMode::Independent, wanted, now)
            .await
    }

    /// Commands that are done together or not at all.
    pub(super) async fn together(
        &mut self,
        replicas: &[Client],
        now: Timestamp,
    ) -> Result<(), Disagreement> {
        let drawn = self.draw_some(now, |_| true);
        let at = self.micros(now);
        let before = self.model.clone();
        let wanted = drawn
            .iter()
            .map(|(account, ask, _)| self.model.ask(*account, *ask, at));
        let mut wanted: Vec<Said> = wanted.collect();
        let first = wanted.iter().find_map(|said| said.as_ref().err());
        if let Some(No { reason, .. }) = first.cloned() {
            self.model = before;
            self.name_operations(&mut wanted);
            let given_up = No {
                reason: "BATCH_REFUSED",
                facts: vec![("reason", Fact::Word(reason.to_owned()))],
            };
            for said in &mut wanted {
                if said.is_ok() {
                    *said = Err(given_up.clone());
                }
            }
        }
        self.send(replicas, drawn, BatchMode::AllOrNothing, wanted, now)
            .await
    }

    /// What was answered and then given up has no id that anybody may know: its place in the batch
    /// stands for it.
    fn name_operations(&self, wanted: &mut [Said]) {
        let places = wanted.iter().enumerate();
        let given_up: Vec<usize> = places
            .filter(|(_, said)| said.is_ok())
            .map(|(place, _)| place)
            .collect();
        let named = |fact: &Fact| match fact {
            Fact::Answer(number) => given_up.get(number.checked_sub(self.entries.len())?),
            _ => None,
        };
        for no in wanted.iter_mut().filter_map(|said| said.as_mut().err()) {
            for (name, fact) in &mut no.facts {
                if let Some(place) = named(fact) {
                    *name = "operation_index";
                    *fact = Fact::Number(i64::try_from(*place).unwrap());
                }
            }
        }
    }

    async fn send(
        &mut self,
        replicas: &[Client],
        drawn: Vec<Drawn>,
        mode: BatchMode,
        wanted: Vec<Said>,
        now: Timestamp,
    ) -> Result<(), Disagreement> {
        let operations = drawn.iter().filter_map(|(.., call)| call.operation());
        let request = BatchExecuteOperationsRequest {
            operations: operations.collect(),
            mode: mode.into(),
        };
        if request.operations.is_empty() {
            return Ok(());
        }
        let client = self.replica(replicas);
        let late = |result: &OperationResult| {
            let late = i32::from(tonic::Code::DeadlineExceeded);
            matches!(&result.result, Some(Answering::Error(error)) if error.code == late)
        };
        let (mut results, mut again) = (Vec::new(), 0);
        while again == 0 || (again < 5 && results.iter().any(late)) {
            let (answered, repeated) = insist!(client, batch_execute_operations, request.clone());
            let answered = answered.map_err(|status| format!("{drawn:?}: {status:?}"))?;
            results = answered.results;
            again += if repeated { 2 } else { 1 };
        }
        let again = again > 1;
        if results.len() != drawn.len() {
            return Err(format!("{drawn:?} has {} results", results.len()));
        }
        self.tally.batches += 1;
        for ((result, (.., call)), wanted) in results.into_iter().zip(drawn).zip(wanted) {
            let mut answer = read(result);
            if let Ok(done) = &mut answer {
                done.replayed &= !again;
            }
            let entry = answer.as_ref().ok().and_then(|done| done.entry.clone());
            self.compare(call, answer, entry, &wanted, now)?;
        }
        Ok(())
    }
}

fn read(result: OperationResult) -> Answer {
    match result.result {
        Some(Answering::Outcome(outcome)) => Ok(Done {
            entry: outcome.entry,
            hold: outcome.hold,
            available: outcome.available_points,
            replayed: outcome.replayed,
        }),
        Some(Answering::Error(error)) => Err(error.into()),
        None => Err(Refused {
            code: 0,
            reason: "nothing was said".to_owned(),
            facts: Default::default(),
        }),
    }
}
