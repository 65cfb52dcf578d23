//! The same command on the wire, its answer, and how to ask for something else under its request id.

use std::collections::BTreeMap;
use std::time::Duration;

use rand::Rng;
use rand::rngs::SmallRng;
use tenure_proto::loyalty::v1::loyalty_service_client::LoyaltyServiceClient;
use tenure_proto::loyalty::v1::operation::Operation as Asking;
use tenure_proto::loyalty::v1::*;
use tenure_proto::r#type::v1::ItemError;
use tenure_rpc::Transport;
use tonic::Status;

/// As long as a server lets a call take.
const TIMEOUT: Duration = Duration::from_secs(60);

/// Gives a request all the time there is.
pub(super) fn patient<T>(message: T) -> tonic::Request<T> {
    let mut request = tonic::Request::new(message);
    request.set_timeout(TIMEOUT);
    request
}

/// Calls a method. When the time ran out, nobody knows what happened; then the same request is sent
/// again, as the API says, a few times. Tells the answer, and whether it was sent again. A macro,
/// because each method is a function of its own.
macro_rules! insist {
    ($client:expr, $method:ident, $message:expr) => {{
        let (message, mut client) = ($message, $client.clone());
        let mut again = 0;
        loop {
            match client
                .$method($crate::model::call::patient(message.clone()))
                .await
            {
                Err(status) if again < 5 && status.code() == tonic::Code::DeadlineExceeded => {
                    again += 1;
                }
                answer => break (answer.map(tonic::Response::into_inner), again > 0),
            }
        }
    }};
}
pub(super) use insist;

/// One replica, as a client sees it.
pub(crate) type Client = LoyaltyServiceClient<Transport>;

/// What is said of a command that was done.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Done {
    pub(crate) entry: Option<Entry>,
    pub(crate) hold: Option<Hold>,
    pub(crate) available: i64,
    pub(crate) replayed: bool,
}

/// What is said of one that was not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refused {
    pub(crate) code: i32,
    pub(crate) reason: String,
    pub(crate) facts: BTreeMap<String, String>,
}

pub(crate) type Answer = Result<Done, Refused>;

impl From<Status> for Refused {
    fn from(status: Status) -> Self {
        use tonic_types::StatusExt;
        let info = status.get_details_error_info();
        let (reason, metadata) = match info {
            Some(info) => (info.reason, info.metadata),
            None => (
                format!("without a reason: {}", status.message()),
                Default::default(),
            ),
        };
        Self {
            code: status.code().into(),
            reason,
            facts: metadata.into_iter().collect(),
        }
    }
}

impl From<ItemError> for Refused {
    fn from(error: ItemError) -> Self {
        Self {
            code: error.code,
            reason: error.reason,
            facts: error.metadata.into_iter().collect(),
        }
    }
}

/// Makes the enum of all calls of their names, requests and methods; `plain` ones answer with an entry.
macro_rules! calls {
    (plain: { $($name:ident($request:ident) $method:ident,)* } held: { $($held:ident($asked:ident) $call:ident,)* }) => {
        /// A request of any kind that writes.
        #[derive(Debug, Clone)]
        pub(crate) enum Call {
            $($name($request),)*
            $($held($asked),)*
        }

        impl Call {
            pub(crate) fn kind(&self) -> &'static str {
                match self {
                    $(Self::$name(_) => stringify!($name),)*
                    $(Self::$held(_) => stringify!($held),)*
                }
            }

            pub(crate) fn request_id(&self) -> &str {
                match self {
                    $(Self::$name(request) => &request.request_id,)*
                    $(Self::$held(request) => &request.request_id,)*
                }
            }

            pub(crate) fn account_id(&self) -> &str {
                match self {
                    $(Self::$name(request) => &request.account_id,)*
                    $(Self::$held(request) => &request.account_id,)*
                }
            }

            pub(crate) async fn send(&self, client: &Client) -> Answer {
                Ok(match self {
                    $(Self::$name(request) => {
                        let (answer, again) = insist!(client, $method, request.clone());
                        let answer = answer?;
                        Done {
                            entry: answer.entry,
                            hold: None,
                            available: answer.available_points,
                            replayed: answer.replayed && !again,
                        }
                    })*
                    $(Self::$held(request) => {
                        let (answer, again) = insist!(client, $call, request.clone());
                        let answer = answer?;
                        Done {
                            entry: None,
                            hold: answer.hold,
                            available: answer.available_points,
                            replayed: answer.replayed && !again,
                        }
                    })*
                })
            }
        }
    };
}

calls! {
    plain: {
    Earn(EarnPointsRequest) earn_points,
    Redeem(RedeemPointsRequest) redeem_points,
    Confirm(ConfirmHoldRequest) confirm_hold,
    Reverse(ReverseEntryRequest) reverse_entry,
    Activate(ActivatePointsRequest) activate_points,
    Adjust(AdjustPointsRequest) adjust_points,
    Expire(ExpirePointsRequest) expire_points,
    Reinstate(ReinstatePointsRequest) reinstate_points,
    Freeze(FreezeAccountRequest) freeze_account,
    Unfreeze(UnfreezeAccountRequest) unfreeze_account,
    Close(CloseAccountRequest) close_account,
    Register(RegisterRecipientRequest) register_recipient,
    Transfer(TransferPointsRequest) transfer_points,
    Join(AddPoolMemberRequest) add_pool_member,
    Contribute(ContributePointsRequest) contribute_points,
    Merge(MergeAccountsRequest) merge_accounts,
    Split(SplitAccountRequest) split_account,
    }
    held: {
    Hold(CreateHoldRequest) create_hold,
    Release(ReleaseHoldRequest) release_hold,
    }
}

impl Call {
    /// Returns the call as an operation of a batch, if it may be one.
    pub(crate) fn operation(&self) -> Option<Operation> {
        let operation = match self.clone() {
            Self::Earn(request) => Asking::EarnPoints(request),
            Self::Redeem(request) => Asking::RedeemPoints(request),
            Self::Hold(request) => Asking::CreateHold(request),
            Self::Confirm(request) => Asking::ConfirmHold(request),
            Self::Release(request) => Asking::ReleaseHold(request),
            Self::Reverse(request) => Asking::ReverseEntry(request),
            Self::Activate(request) => Asking::ActivatePoints(request),
            Self::Adjust(request) => Asking::AdjustPoints(request),
            Self::Expire(request) => Asking::ExpirePoints(request),
            Self::Reinstate(request) => Asking::ReinstatePoints(request),
            Self::Transfer(request) => Asking::TransferPoints(request),
            _ => return None,
        };
        Some(Operation {
            operation: Some(operation),
        })
    }

    /// Returns another request under the same id, and the name of the field that differs.
    pub(crate) fn altered(&self, random: &mut SmallRng) -> (Self, &'static str) {
        if !matches!(self, Self::Redeem(_)) && random.random_bool(0.2) {
            let other = RedeemPointsRequest {
                request_id: self.request_id().to_owned(),
                account_id: self.account_id().to_owned(),
                points: 1,
                source: "order".to_owned(),
                ..RedeemPointsRequest::default()
            };
            return (Self::Redeem(other), "method");
        }
        let mut call = self.clone();
        let by_source = random.random_bool(0.3);
        let field = match &mut call {
            Self::Earn(it) if by_source => alter(&mut it.source, "source"),
            Self::Redeem(it) if by_source => alter(&mut it.source, "source"),
            Self::Hold(it) if by_source => alter(&mut it.source, "source"),
            Self::Reverse(it) if by_source => alter(&mut it.source, "source"),
            Self::Transfer(it) if by_source => alter(&mut it.source, "source"),
            Self::Contribute(it) if by_source => alter(&mut it.source, "source"),
            Self::Earn(it) => add(&mut it.points, "points"),
            Self::Redeem(it) => add(&mut it.points, "points"),
            Self::Hold(it) => add(&mut it.points, "points"),
            Self::Confirm(it) => add(&mut it.points, "points"),
            Self::Reverse(it) => add(&mut it.points, "points"),
            Self::Transfer(it) => add(&mut it.points, "points"),
            Self::Contribute(it) => add(&mut it.points, "points"),
            Self::Split(it) => add(&mut it.points, "points"),
            Self::Adjust(it) => add(&mut it.points_delta, "points_delta"),
            Self::Release(it) => alter_id(&mut it.hold_id, "hold_id"),
            Self::Activate(it) => alter_id(&mut it.lot_id, "lot_id"),
            Self::Expire(it) => alter(&mut it.reason, "reason"),
            Self::Reinstate(it) => alter(&mut it.reason, "reason"),
            Self::Freeze(it) => alter(&mut it.reason, "reason"),
            Self::Unfreeze(it) => alter(&mut it.author, "author"),
            Self::Close(it) => alter(&mut it.reason, "reason"),
            Self::Merge(it) => alter(&mut it.reason, "reason"),
            Self::Join(it) => alter(&mut it.member_account_id, "member_account_id"),
            Self::Register(it) => alter(&mut it.recipient_account_id, "recipient_account_id"),
        };
        (call, field)
    }
}

fn alter(text: &mut String, field: &'static str) -> &'static str {
    text.push('x');
    field
}

fn alter_id(id: &mut String, field: &'static str) -> &'static str {
    let last = if id.ends_with('7') { '8' } else { '7' };
    id.pop();
    id.push(last);
    field
}

/// Moves a number further from zero.
fn add(points: &mut i64, field: &'static str) -> &'static str {
    *points += if *points < 0 { -1 } else { 1 };
    field
}
