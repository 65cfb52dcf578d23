//! Short words for the calls of `ProgrammeService`.

use tenure_core::Timestamp;
use tenure_proto::loyalty::v1::programme_service_client::ProgrammeServiceClient;
use tenure_proto::loyalty::v1::*;
use tenure_rpc::Transport;
use tenure_rpc::fields::time;
use tenure_rpc::transport::in_process;

use crate::suite::{Answer, Suite, new_id};

/// Points for each unit of money, good to the end of the n-th month.
pub(crate) fn per_unit(points: i32) -> ProgrammeRules {
    let basis = PerUnitBasis {
        points,
        minor_per_unit: 100,
        excluded_parts: vec!["penalty".into()],
        multiplier: None,
    };
    ProgrammeRules {
        display_name: "Points".into(),
        expiry: Some(months(36)),
        rules: vec![rule(
            "base",
            EventKind::Bill,
            earning_rule::Basis::PerUnit(basis),
        )],
        ..ProgrammeRules::default()
    }
}

pub(crate) fn months(months: i32) -> ExpiryPolicy {
    ExpiryPolicy {
        end: Some(expiry_policy::End::Months(months)),
    }
}

pub(crate) fn rule(rule_id: &str, kind: EventKind, basis: earning_rule::Basis) -> EarningRule {
    EarningRule {
        rule_id: rule_id.into(),
        event_kind: kind.into(),
        basis: Some(basis),
        qualifying_basis_points: 10_000,
        ..EarningRule::default()
    }
}

pub(crate) fn flat(points: i64) -> earning_rule::Basis {
    let size = Some(reward::Size::Points(points));
    earning_rule::Basis::PerEvent(Reward { size })
}

pub(crate) fn event(kind: EventKind, event_id: &str, paid_amount_minor: i64) -> EarningEvent {
    EarningEvent {
        kind: kind.into(),
        event_id: event_id.into(),
        paid_amount_minor,
        ..EarningEvent::default()
    }
}

pub(crate) fn earning(account_id: &str, event: EarningEvent) -> EarnForEventRequest {
    EarnForEventRequest {
        request_id: new_id(),
        account_id: account_id.into(),
        event: Some(event),
        facts: None,
        open_account: true,
    }
}

impl Suite {
    pub(crate) fn programmes(&self) -> ProgrammeServiceClient<Transport> {
        ProgrammeServiceClient::new(in_process(self.service.routes()))
    }

    pub(crate) async fn draft(&self, rules: ProgrammeRules) -> Answer<ProgrammeVersion> {
        let request = CreateProgrammeVersionRequest {
            request_id: new_id(),
            programme_id: "default".into(),
            rules: Some(rules),
            created_by: "ada".into(),
        };
        let answer = self.programmes().create_programme_version(request).await?;
        Ok(answer.into_inner().version.unwrap())
    }

    pub(crate) async fn switch_on(
        &self,
        version: &ProgrammeVersion,
        effective: Option<Timestamp>,
    ) -> Answer<ProgrammeVersion> {
        let request = ActivateProgrammeVersionRequest {
            request_id: new_id(),
            programme_id: version.programme_id.clone(),
            version_number: version.version_number,
            effective_time: effective.map(time),
            activated_by: "bob".into(),
        };
        let answer = self
            .programmes()
            .activate_programme_version(request)
            .await?;
        Ok(answer.into_inner().version.unwrap())
    }

    /// Makes rules the rules of the default programme from now on.
    pub(crate) async fn rule_by(&self, rules: ProgrammeRules) -> ProgrammeVersion {
        let version = self.draft(rules).await.unwrap();
        self.switch_on(&version, None).await.unwrap()
    }

    pub(crate) async fn earn_for_event(
        &self,
        request: EarnForEventRequest,
    ) -> Answer<EarnForEventResponse> {
        let answer = self.programmes().earn_for_event(request).await?;
        Ok(answer.into_inner())
    }

    pub(crate) async fn version(&self, number: i64) -> Answer<ProgrammeVersion> {
        let request = GetProgrammeVersionRequest {
            programme_id: String::new(),
            version_number: number,
        };
        let answer = self.programmes().get_programme_version(request).await?;
        Ok(answer.into_inner().version.unwrap())
    }

    pub(crate) async fn tier(&self, account_id: &str) -> Tier {
        let account_id = account_id.into();
        let mut client = self.programmes();
        client
            .get_tier(GetTierRequest { account_id })
            .await
            .unwrap()
            .into_inner()
            .tier
            .unwrap()
    }
}
