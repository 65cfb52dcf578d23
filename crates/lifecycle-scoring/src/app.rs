//! What handlers and jobs share: the database, the clock, the policy, the model that scores.

use std::sync::{Arc, Mutex, PoisonError};

use prost::Message;
use tenure_core::{Clock, Ids, Span};
use tenure_proto::customer::v1::customer_service_client::CustomerServiceClient;
use tenure_proto::customer::v1::privacy_service_client::PrivacyServiceClient;
use tenure_proto::scoring::v1 as proto;
use tenure_rpc::{Lifecycle, Transport};
use tenure_sql::{Db, SqlError};

use crate::domain::assess::{Assessment, Risk, assess, can_leave};
use crate::domain::features::{FeatureRow, derive};
use crate::domain::model::Model;
use crate::domain::policy::Policy;
use crate::domain::stage::place;
use crate::store::customer::Known;
use crate::store::score::ScoreRow;
use crate::{Deps, Error, store};

/// What handlers and jobs share.
#[derive(Debug)]
pub(crate) struct App {
    pub(crate) db: Db,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) ids: Ids,
    pub(crate) policy: Policy,
    pub(crate) lifecycle: Lifecycle,
    pub(crate) customers: CustomerServiceClient<Transport>,
    pub(crate) privacy: PrivacyServiceClient<Transport>,
    model: Mutex<Option<Arc<ActiveModel>>>,
}

/// The model that scores.
#[derive(Debug)]
pub(crate) struct ActiveModel {
    pub(crate) model: Model,
    pub(crate) horizon: Span,
}

/// A customer with what is said about them now.
#[derive(Debug)]
pub(crate) struct Judged {
    pub(crate) known: Known,
    pub(crate) features: FeatureRow,
    pub(crate) said: Assessment,
    pub(crate) row: ScoreRow,
}

impl Judged {
    /// Returns true when the customer is in another stage than stored.
    pub(crate) fn has_moved(&self) -> bool {
        self.known
            .score
            .as_ref()
            .is_none_or(|before| before.stage != self.row.stage)
    }

    /// Returns true when anything but the instant differs from what is stored.
    pub(crate) fn has_changed(&self) -> bool {
        self.known
            .score
            .as_ref()
            .is_none_or(|before| !before.says_the_same(&self.row))
    }
}

impl App {
    pub(crate) fn new(deps: Deps) -> Self {
        Self {
            db: deps.db,
            clock: deps.clock,
            ids: deps.ids,
            policy: deps.config.policy,
            lifecycle: deps.lifecycle,
            privacy: PrivacyServiceClient::new(deps.customer_data.clone()),
            customers: CustomerServiceClient::new(deps.customer_data),
            model: Mutex::new(None),
        }
    }

    /// Returns the model that scores, read again only when another one became active.
    pub(crate) async fn active_model(&self) -> Result<Option<Arc<ActiveModel>>, Error> {
        let Some(version) = store::model::active_version(&self.db).await? else {
            return Ok(None);
        };
        let cached = self
            .model
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        if let Some(cached) = cached.filter(|cached| cached.model.version == version) {
            return Ok(Some(cached));
        }
        let (Some(artefact), Some(row)) = (
            store::model::active_artefact(&self.db).await?,
            store::model::active(&self.db).await?,
        ) else {
            return Ok(None);
        };
        let model = Model::from_json(&artefact).map_err(|e| Error::Broken(e.to_string()))?;
        let summary = proto::Model::decode(row.summary.as_slice())
            .map_err(|_| SqlError::corrupt("the stored summary of a model cannot be read"))?;
        let horizon = summary.horizon.map_or(0, |horizon| {
            horizon.seconds * 1_000_000 + i64::from(horizon.nanos) / 1_000
        });
        let active = Arc::new(ActiveModel {
            model,
            horizon: Span::from_micros(horizon),
        });
        *self.model.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(&active));
        Ok(Some(active))
    }
}

/// Says of customers what is to be said at `at`, in the order given. Takes its time: a thousand
/// customers are tens of milliseconds.
pub(crate) fn judge(
    policy: &Policy,
    model: Option<&ActiveModel>,
    customers: Vec<Known>,
    at: tenure_core::Timestamp,
) -> Result<Vec<Judged>, SqlError> {
    let rows: Vec<FeatureRow> = customers
        .iter()
        .map(|known| derive(&known.state, at))
        .collect();
    let probabilities = model.map(|active| active.model.score(&rows));
    let mut judged = Vec::with_capacity(rows.len());
    for (index, (known, features)) in customers.into_iter().zip(rows).enumerate() {
        let before = known.placement()?;
        let placement = place(&policy.stage, before.as_ref(), &known.state, &features);
        let risk = model
            .zip(probabilities.as_ref())
            .map(|(active, probabilities)| Risk {
                probability: if can_leave(&placement) {
                    probabilities[index]
                } else {
                    0.0
                },
                horizon: active.horizon,
                model_version: active.model.version.clone(),
            });
        let said = assess(policy, &known.state, &features, placement, risk);
        let row = ScoreRow::of(&known.customer_id, &policy.version, &said);
        judged.push(Judged {
            known,
            features,
            said,
            row,
        });
    }
    Ok(judged)
}
