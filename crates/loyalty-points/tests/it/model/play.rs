//! Many clients at once, in rounds; between rounds the clock jumps.

use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};
use tenure_core::{Clock, ManualClock, Span, Timestamp};
use tenure_proto::loyalty::v1::{
    CatchUpRequest, GetBooksRequest, SealLedgerRequest, VerifyLedgerRequest,
};
use tokio::task::JoinSet;

use super::call::{Client, insist};
use super::story::{Disagreement, Scene, Story};
use super::tally::Tally;
use crate::naive::{Micros, SECOND};

const DAY: Micros = 86_400 * SECOND;
/// Instants that lie further ahead are not jumped to: hardly anything would happen in between.
const FAR: Micros = 40 * DAY;

/// What is played.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Plan {
    /// How many commands at least.
    pub(crate) commands: u64,
    /// How many clients there are at once.
    pub(crate) clients: usize,
    /// After how many steps a client goes on with new accounts: the model is slow, because it is
    /// simple.
    pub(crate) steps: usize,
    /// Decides what is random.
    pub(crate) seed: u64,
}

/// What differed, and where.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) place: String,
    pub(crate) what: Disagreement,
}

/// A run that goes on.
struct Play<'p> {
    plan: Plan,
    scene: Scene,
    clock: ManualClock,
    random: SmallRng,
    stories: Vec<Story>,
    over: Vec<Story>,
    tally: Tally,
    /// How far the verification of the ledger is.
    verified: String,
    round: usize,
    tell: &'p (dyn Fn(u64) + Sync),
}

/// Plays a plan on a service that is fresh and that has the clock; `tell` hears how many commands
/// were sent so far.
pub(crate) async fn play(
    plan: Plan,
    scene: Scene,
    clock: ManualClock,
    tell: &(dyn Fn(u64) + Sync),
) -> Result<Tally, Failure> {
    let mut play = Play {
        plan,
        scene,
        clock,
        random: SmallRng::seed_from_u64(plan.seed),
        stories: Vec::new(),
        over: Vec::new(),
        tally: Tally::default(),
        verified: String::new(),
        round: 0,
        tell,
    };
    Box::pin(play.run()).await
}

impl Play<'_> {
    async fn run(&mut self) -> Result<Tally, Failure> {
        for client in 0..self.plan.clients {
            let story = self.begin(client, 0).await?;
            self.stories.push(story);
        }
        while self.commands() < self.plan.commands {
            self.round += 1;
            self.one_round().await?;
            (self.tell)(self.commands());
            self.renew().await?;
            self.jump();
        }
        self.end().await
    }

    fn commands(&self) -> u64 {
        let stories = self.stories.iter().chain(&self.over);
        stories.map(|story| story.tally.commands()).sum()
    }

    fn place(&self, story: &str) -> String {
        format!("seed {}, round {}, {story}", self.plan.seed, self.round)
    }

    fn failure(&self, story: &str, what: Disagreement) -> Failure {
        Failure {
            place: self.place(story),
            what,
        }
    }

    /// Begins a story with new accounts.
    async fn begin(&mut self, client: usize, number: usize) -> Result<Story, Failure> {
        let name = format!("client-{client}.{number}");
        let seed = self.random.random();
        let story = Story::open(&self.scene, name.clone(), seed, self.clock.now()).await;
        story.map_err(|what| self.failure(&name, what))
    }

    /// All clients send some commands, each one after the other; meanwhile somebody tidies up.
    async fn one_round(&mut self) -> Result<(), Failure> {
        let now = self.clock.now();
        let mut clients = JoinSet::new();
        for mut story in self.stories.drain(..) {
            let replicas = self.scene.replicas.clone();
            let steps = story.random.random_range(1..8);
            clients.spawn(async move {
                let mut said = Ok(());
                for _ in 0..steps {
                    said = Box::pin(story.step(&replicas, now)).await;
                    if said.is_err() {
                        break;
                    }
                }
                (story, said)
            });
        }
        let tidied = self.tidy().await;
        let mut wrong = None;
        while let Some(ended) = clients.join_next().await {
            let (story, said) = ended.expect("a client does not panic");
            if let Err(what) = said {
                let place = format!("{} step {}", story.name, story.steps);
                wrong = wrong.or(Some(self.failure(&place, what)));
            }
            self.stories.push(story);
        }
        self.stories.sort_by(|one, other| one.name.cmp(&other.name));
        tidied?;
        wrong.map_or(Ok(()), Err)
    }

    /// Books what is due, seals, and verifies a part of the ledger, while it is written.
    async fn tidy(&mut self) -> Result<(), Failure> {
        let replicas = &self.scene.replicas;
        let client = replicas[self.random.random_range(0..replicas.len())].clone();
        match self.random.random_range(0..12) {
            0 => {
                let done = insist!(client, catch_up, CatchUpRequest {}).0;
                done.map_err(|status| self.failure("catching up", format!("{status:?}")))?;
            }
            1 => {
                let done = insist!(client, seal_ledger, SealLedgerRequest {}).0;
                done.map_err(|status| self.failure("sealing", format!("{status:?}")))?;
            }
            2..5 => self.verify(&client).await?,
            _ => {}
        }
        Ok(())
    }

    /// Verifies the next part of the ledger.
    async fn verify(&mut self, client: &Client) -> Result<(), Failure> {
        let request = VerifyLedgerRequest {
            resume_token: std::mem::take(&mut self.verified),
            record_limit: 5_000,
        };
        let found = insist!(client, verify_ledger, request).0;
        let found = found.map_err(|status| self.failure("verifying", format!("{status:?}")))?;
        if !found.findings.is_empty() {
            return Err(self.failure("verifying", format!("{:?}", found.findings)));
        }
        *self
            .tally
            .compared
            .entry("slices of the ledger")
            .or_default() += 1;
        self.verified = found.resume_token;
        Ok(())
    }

    /// Ends stories that are long enough, and looks at one of the others.
    async fn renew(&mut self) -> Result<(), Failure> {
        for client in 0..self.stories.len() {
            if self.stories[client].steps < self.plan.steps {
                continue;
            }
            let name = &self.stories[client].name;
            let number = name.strip_prefix("client-").expect("they are named so");
            let (number, part) = number.split_once('.').expect("they are named so");
            let parse = |text: &str| text.parse::<usize>().expect("a number");
            let (number, part) = (parse(number), parse(part) + 1);
            let story = self.begin(number, part).await?;
            let old = std::mem::replace(&mut self.stories[client], story);
            self.over.push(old);
        }
        if self.round.is_multiple_of(40) {
            let which = self.random.random_range(0..self.stories.len());
            let client = self.scene.replicas[self.round % self.scene.replicas.len()].clone();
            let story = &mut self.stories[which];
            let name = story.name.clone();
            let checked = story.check(&client, self.clock.now()).await;
            checked.map_err(|what| self.failure(&name, what))?;
        }
        Ok(())
    }

    /// Moves the clock, mostly to where something happens by itself, or next to it.
    fn jump(&mut self) {
        let now = self.clock.now();
        let (to, name) = match self.random.random_range(0..100) {
            0..35 => return,
            35..55 => (self.random.random_range(1..3 * SECOND), "a little"),
            55..57 => (DAY, "a day"),
            57 => (20 * DAY, "twenty days"),
            _ => self.next_instant(now),
        };
        if to > 0 {
            self.clock.advance(Span::from_micros(to));
            self.tally.jump(name);
        }
    }

    /// How far it is to one of the instants that come next, or to just before or after it.
    fn next_instant(&mut self, now: Timestamp) -> (Micros, &'static str) {
        let which = self.random.random_range(0..self.stories.len());
        let story = &self.stories[which];
        let ahead = story.model.instants().into_iter();
        let ahead = ahead.map(|at| at - story.micros(now));
        let near: Vec<Micros> = ahead.filter(|span| (1..FAR).contains(span)).collect();
        if near.is_empty() {
            return (SECOND, "a little");
        }
        let soon = near[self.random.random_range(0..near.len().min(6))];
        match self.random.random_range(0..8) {
            0 => (soon - SECOND, "a second before an expiry or activation"),
            1 => (soon - 1, "a microsecond before an expiry or activation"),
            2 => (soon + 1, "a microsecond after an expiry or activation"),
            3 => (soon + SECOND, "a second after an expiry or activation"),
            _ => (soon, "exactly to an expiry or activation"),
        }
    }

    /// Compares everything that is left, and has the ledger verified as a whole.
    async fn end(&mut self) -> Result<Tally, Failure> {
        self.over.append(&mut self.stories);
        let now = self.clock.now();
        let replicas = self.scene.replicas.clone();
        let mut stories = std::mem::take(&mut self.over);
        let (mut points, mut expired) = (0, 0);
        for (number, story) in stories.iter_mut().enumerate() {
            let client = &replicas[number % replicas.len()];
            let checked = story.check(client, now).await;
            points += checked.map_err(|what| self.failure(&story.name, what))?;
            expired += story.expired();
        }
        let client = replicas[0].clone();
        let caught_up = insist!(client, catch_up, CatchUpRequest {}).0;
        caught_up.map_err(|status| self.failure("catching up", format!("{status:?}")))?;
        for mut story in stories {
            let checked = story.check_booked(&client).await;
            checked.map_err(|what| self.failure(&story.name, what))?;
            self.tally.compare("clients' stories", 1);
            self.tally.add(story.tally);
        }
        let books = insist!(client, get_books, GetBooksRequest::default()).0;
        let books = books.map_err(|status| self.failure("books", format!("{status:?}")))?;
        let books = books.books.unwrap_or_default();
        let found = (books.closing_points, books.lot_points, books.expired_points);
        if found != (points, points, expired) {
            let wanted = (points, points, expired);
            return Err(self.failure("books", format!("{found:?} instead of {wanted:?}")));
        }
        self.verified = String::new();
        loop {
            self.verify(&client).await?;
            if self.verified.is_empty() {
                return Ok(std::mem::take(&mut self.tally));
            }
        }
    }
}
