//! Subscriptions, bills, usage and interactions of a row.

use tenure_proto::customer::v1 as wire;

use super::cell::{Condition, Header};
use super::mapping::{
    BillMap, InteractionMap, SubscriptionMap, TerminationMap, UsageMap, ValueMap, When,
};
use super::plan::Reader;
use super::value::{Context, Value};
use super::word::{self, Word, Words};

/// Compiles every part of a list.
pub(super) fn compile<M, P>(
    list: &str,
    maps: &[M],
    context: Context,
    header: &mut Header<'_>,
    compile: impl Fn(&M, &mut Compiler<'_, '_>) -> Option<P>,
) -> Vec<P> {
    let mut plans = Vec::with_capacity(maps.len());
    for (at, map) in maps.iter().enumerate() {
        let prefix = format!("{list}[{at}]");
        plans.extend(compile(
            map,
            &mut Compiler {
                prefix,
                context,
                header,
            },
        ));
    }
    plans
}

/// Joins the values of one part with the header.
pub(super) struct Compiler<'a, 'h> {
    prefix: String,
    context: Context,
    header: &'a mut Header<'h>,
}

impl Compiler<'_, '_> {
    fn value(&mut self, field: &str, map: &ValueMap) -> Option<Value> {
        Value::compile(
            &format!("{}.{field}", self.prefix),
            map,
            self.context,
            self.header,
        )
    }

    fn optional(&mut self, field: &str, map: Option<&ValueMap>) -> Option<Value> {
        map.and_then(|map| self.value(field, map))
    }

    fn word(&mut self, field: &str, map: &ValueMap, words: &'static Words) -> Option<Word> {
        let field = format!("{}.{field}", self.prefix);
        Word::compile(&field, map, words, self.context, self.header)
    }

    /// Compiles an amount, which needs a currency.
    fn money(&mut self, field: &str, map: &ValueMap) -> Option<Value> {
        let value = self.value(field, map)?;
        if value.has_no_currency() {
            let field = format!("{}.{field}", self.prefix);
            let problem =
                format!("`{field}` is an amount: it wants `currency`, here or at the top");
            self.header.problems.push(problem);
        }
        Some(value)
    }

    fn when(&mut self, when: Option<&When>) -> Option<Condition> {
        when.and_then(|when| Condition::compile(when, self.header))
    }
}

/// Returns whether a part applies to a row; what is wrong with the condition is noted.
fn applies(when: Option<&Condition>, reader: &mut Reader<'_>) -> bool {
    match when.map(|when| when.applies(reader.row)) {
        None => true,
        Some(Ok(applies)) => applies,
        Some(Err((column, mismatch))) => {
            reader.reject(&column, mismatch);
            false
        }
    }
}

#[derive(Debug)]
pub(super) struct SubscriptionPlan {
    when: Option<Condition>,
    id: Value,
    service: Word,
    product: Value,
    msisdn: Option<Value>,
    start: Value,
    contract_end: Option<Value>,
    fee: Option<Value>,
    termination: Option<TerminationPlan>,
}

#[derive(Debug)]
struct TerminationPlan {
    when: Option<Condition>,
    time: Value,
    kind: Word,
    reason: Option<Value>,
}

impl SubscriptionPlan {
    pub(super) fn compile(map: &SubscriptionMap, at: &mut Compiler<'_, '_>) -> Option<Self> {
        let when = at.when(map.when.as_ref());
        let id = at.value("subscription_id", &map.subscription_id);
        let service = at.word("service", &map.service, &word::SERVICE_KIND);
        let product = at.value("product_code", &map.product_code);
        let msisdn = at.optional("msisdn", map.msisdn.as_ref());
        let start = at.value("start_time", &map.start_time);
        let contract_end = at.optional("contract_end_time", map.contract_end_time.as_ref());
        let fee = map.monthly_fee.as_ref();
        let fee = fee.and_then(|map| at.money("monthly_fee", map));
        let termination = map.termination.as_ref();
        let termination = termination.and_then(|map| TerminationPlan::compile(map, at));
        Some(Self {
            when,
            id: id?,
            service: service?,
            product: product?,
            msisdn,
            start: start?,
            contract_end,
            fee,
            termination,
        })
    }

    pub(super) fn read(&self, reader: &mut Reader<'_>) -> Option<wire::Subscription> {
        if !applies(self.when.as_ref(), reader) {
            return None;
        }
        let fee = self.fee.as_ref();
        let mut subscription = wire::Subscription {
            subscription_id: reader.required(&self.id),
            service: reader.word(&self.service),
            product_code: reader.required(&self.product),
            msisdn: reader.text(self.msisdn.as_ref()),
            start_time: reader.required_instant(&self.start),
            contract_end_time: reader.instant(self.contract_end.as_ref()),
            monthly_fee: fee.and_then(|fee| reader.parsed(fee, |text| fee.money(text))),
            ..Default::default()
        };
        if let Some(termination) = &self.termination {
            termination.read(reader, &mut subscription);
        }
        Some(subscription)
    }

    /// Returns where the value of a field comes from.
    pub(super) fn value_of(&self, field: &str) -> Option<&Value> {
        match field {
            "subscription_id" => Some(&self.id),
            "service" => Some(&self.service.value),
            "product_code" => Some(&self.product),
            "msisdn" => self.msisdn.as_ref(),
            "start_time" => Some(&self.start),
            "contract_end_time" => self.contract_end.as_ref(),
            "terminate_time" => self.termination.as_ref().map(|end| &end.time),
            _ => None,
        }
    }
}

impl TerminationPlan {
    fn compile(map: &TerminationMap, at: &mut Compiler<'_, '_>) -> Option<Self> {
        let when = at.when(map.when.as_ref());
        let time = at.value("termination.terminate_time", &map.terminate_time);
        let kind = at.word("termination.churn_kind", &map.churn_kind, &word::CHURN_KIND);
        let reason = at.optional("termination.churn_reason", map.churn_reason.as_ref());
        Some(Self {
            when,
            time: time?,
            kind: kind?,
            reason,
        })
    }

    fn read(&self, reader: &mut Reader<'_>, subscription: &mut wire::Subscription) {
        if !applies(self.when.as_ref(), reader) {
            return;
        }
        // Without a condition, a blank time says that the subscription runs.
        let time = match self.when {
            Some(_) => reader.required_instant(&self.time),
            None => reader.instant(Some(&self.time)),
        };
        let Some(time) = time else { return };
        subscription.terminate_time = Some(time);
        subscription.churn_kind = reader.word(&self.kind);
        subscription.churn_reason = reader.text(self.reason.as_ref());
    }
}

#[derive(Debug)]
pub(super) struct BillPlan {
    when: Option<Condition>,
    id: Value,
    issue: Value,
    due: Value,
    amount: Value,
    state: Word,
    settle: Option<Value>,
    paid: Option<Value>,
}

impl BillPlan {
    pub(super) fn compile(map: &BillMap, at: &mut Compiler<'_, '_>) -> Option<Self> {
        let when = at.when(map.when.as_ref());
        let id = at.value("bill_id", &map.bill_id);
        let issue = at.value("issue_time", &map.issue_time);
        let due = at.value("due_time", &map.due_time);
        let amount = at.money("amount", &map.amount);
        let state = at.word("state", &map.state, &word::BILL_STATE);
        let settle = at.optional("settle_time", map.settle_time.as_ref());
        let paid = map.paid_amount.as_ref();
        let paid = paid.and_then(|map| at.money("paid_amount", map));
        let (id, issue, due) = (id?, issue?, due?);
        Some(Self {
            when,
            id,
            issue,
            due,
            amount: amount?,
            state: state?,
            settle,
            paid,
        })
    }

    pub(super) fn read(&self, reader: &mut Reader<'_>) -> Option<wire::Bill> {
        if !applies(self.when.as_ref(), reader) {
            return None;
        }
        let paid = self.paid.as_ref();
        Some(wire::Bill {
            bill_id: reader.required(&self.id),
            issue_time: reader.required_instant(&self.issue),
            due_time: reader.required_instant(&self.due),
            amount: reader.present(&self.amount, |text| self.amount.money(text)),
            state: reader.word(&self.state),
            settle_time: reader.instant(self.settle.as_ref()),
            paid_amount: paid.and_then(|paid| reader.parsed(paid, |text| paid.money(text))),
            ..Default::default()
        })
    }
}

#[derive(Debug)]
pub(super) struct UsagePlan {
    when: Option<Condition>,
    subscription: Option<Value>,
    period: Word,
    start: Value,
    voice: Option<Value>,
    in_group: Option<Value>,
    data: Option<Value>,
    sms: Option<Value>,
}

impl UsagePlan {
    pub(super) fn compile(map: &UsageMap, at: &mut Compiler<'_, '_>) -> Option<Self> {
        let when = at.when(map.when.as_ref());
        let subscription = at.optional("subscription_id", map.subscription_id.as_ref());
        let period = at.word("period", &map.period, &word::USAGE_PERIOD);
        let start = at.value("start_time", &map.start_time);
        let voice = at.optional("voice_seconds", map.voice_seconds.as_ref());
        let in_group = at.optional(
            "in_group_voice_seconds",
            map.in_group_voice_seconds.as_ref(),
        );
        let data = at.optional("data_megabytes", map.data_megabytes.as_ref());
        let sms = at.optional("sms_count", map.sms_count.as_ref());
        let (period, start) = (period?, start?);
        Some(Self {
            when,
            subscription,
            period,
            start,
            voice,
            in_group,
            data,
            sms,
        })
    }

    pub(super) fn read(&self, reader: &mut Reader<'_>) -> Option<wire::UsageSummary> {
        if !applies(self.when.as_ref(), reader) {
            return None;
        }
        let mut amount = |value: Option<&Value>| {
            value
                .and_then(|value| reader.parsed(value, Value::integer))
                .unwrap_or(0)
        };
        let (voice_seconds, in_group_voice_seconds) =
            (amount(self.voice.as_ref()), amount(self.in_group.as_ref()));
        let (data_megabytes, sms_count) = (amount(self.data.as_ref()), amount(self.sms.as_ref()));
        Some(wire::UsageSummary {
            customer_id: String::new(),
            subscription_id: reader.text(self.subscription.as_ref()),
            period: reader.word(&self.period),
            start_time: reader.required_instant(&self.start),
            voice_seconds,
            in_group_voice_seconds,
            data_megabytes,
            sms_count,
            ..Default::default()
        })
    }
}

#[derive(Debug)]
pub(super) struct InteractionPlan {
    when: Option<Condition>,
    id: Value,
    event: Value,
    channel: Word,
    direction: Word,
    kind: Word,
    reason: Option<Value>,
    resolution: Option<Value>,
}

impl InteractionPlan {
    pub(super) fn compile(map: &InteractionMap, at: &mut Compiler<'_, '_>) -> Option<Self> {
        let when = at.when(map.when.as_ref());
        let id = at.value("interaction_id", &map.interaction_id);
        let event = at.value("event_time", &map.event_time);
        let channel = at.word("channel", &map.channel, &word::CHANNEL);
        let direction = at.word("direction", &map.direction, &word::DIRECTION);
        let kind = at.word("kind", &map.kind, &word::INTERACTION_KIND);
        let reason = at.optional("reason", map.reason.as_ref());
        let resolution = at.optional("resolution", map.resolution.as_ref());
        let (id, event, channel) = (id?, event?, channel?);
        Some(Self {
            when,
            id,
            event,
            channel,
            direction: direction?,
            kind: kind?,
            reason,
            resolution,
        })
    }

    pub(super) fn read(&self, reader: &mut Reader<'_>) -> Option<wire::Interaction> {
        if !applies(self.when.as_ref(), reader) {
            return None;
        }
        Some(wire::Interaction {
            interaction_id: reader.required(&self.id),
            customer_id: String::new(),
            event_time: reader.required_instant(&self.event),
            channel: reader.word(&self.channel),
            direction: reader.word(&self.direction),
            kind: reader.word(&self.kind),
            reason: reader.text(self.reason.as_ref()),
            resolution: reader.text(self.resolution.as_ref()),
            ..Default::default()
        })
    }
}
