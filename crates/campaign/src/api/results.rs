//! What a campaign achieved.

use tenure_core::{CampaignId, Violations};
use tenure_proto::campaign::v1::{
    ArmResult, CampaignResults, EffectEstimate, GetCampaignResultsRequest,
    GetCampaignResultsResponse, SampleRatioCheck,
};
use tenure_rpc::fields::time;

use super::campaign::existing;
use super::offer::refused;
use super::wire::signed;
use crate::Inner;
use crate::domain::campaign::{Campaign, StepRefusal};
use crate::domain::results::{ArmTally, Findings, Measured, Tally, compare, measured};
use crate::domain::stats::{Difference, SampleRatio};
use crate::error::Error;
use crate::store;

const LEVELS: std::ops::RangeInclusive<f64> = 0.5..=0.999;
const LEVEL_DEFAULT: f64 = 0.95;
const METHOD: &str = "NEWCOMBE";

/// Compares the arms of a campaign.
pub(super) async fn get(
    inner: &Inner,
    request: &GetCampaignResultsRequest,
) -> Result<GetCampaignResultsResponse, Error> {
    let mut v = Violations::new();
    let id = v.take("campaign_id", CampaignId::parse(&request.campaign_id));
    let asked = request.confidence_level;
    let level = if asked == 0.0 { LEVEL_DEFAULT } else { asked };
    if !LEVELS.contains(&level) {
        v.add("confidence_level", "0.5 to 0.999, or 0", asked.to_string());
    }
    let Some(id) = id.filter(|_| v.is_empty()) else {
        return Err(refused(v));
    };
    let campaign = existing(inner, &id).await?;
    let Some(launched_at) = campaign.launched_at else {
        return Err(Error::step(&id, StepRefusal::State(campaign.state)));
    };
    let measured = measured(launched_at, campaign.draft.window, inner.clock.now());
    let tally = store::tally::tally(&inner.db, &id, measured).await?;
    let found = compare(&tally, campaign.draft.control_share, level);
    let results = Some(results(&campaign, measured, &tally, &found, level));
    Ok(GetCampaignResultsResponse { results })
}

fn results(
    campaign: &Campaign,
    measured: Measured,
    tally: &Tally,
    found: &Findings,
    level: f64,
) -> CampaignResults {
    CampaignResults {
        campaign_id: campaign.id().to_string(),
        measure_time: Some(time(measured.until)),
        is_final: measured.is_final,
        treated: Some(arm(tally.treated)),
        control: Some(arm(tally.control)),
        retention_effect: found.effect.map(|difference| effect(difference, level)),
        sample_ratio: Some(sample_ratio(
            campaign.draft.control_share,
            found.sample_ratio,
        )),
        delivered_count: signed(tally.delivered),
        accepted_count: signed(tally.accepted),
        declined_count: signed(tally.declined),
        granted_points: tally.granted_points,
    }
}

fn arm(tally: ArmTally) -> ArmResult {
    let retained = tally.retained();
    ArmResult {
        customer_count: signed(retained.total),
        retained_count: signed(retained.count),
        retention_rate: retained.share().unwrap_or(0.0),
    }
}

fn effect(difference: Difference, level: f64) -> EffectEstimate {
    EffectEstimate {
        estimate: difference.estimate,
        lower_bound: difference.lower,
        upper_bound: difference.upper,
        confidence_level: level,
        method: METHOD.to_owned(),
    }
}

fn sample_ratio(wanted: f64, found: SampleRatio) -> SampleRatioCheck {
    SampleRatioCheck {
        expected_control_share: wanted,
        observed_control_share: found.observed_share.unwrap_or(0.0),
        chi_squared: found.chi_squared,
        p_value: found.p_value,
        passed: found.passed(),
    }
}
