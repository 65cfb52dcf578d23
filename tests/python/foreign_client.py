"""Takes one customer through the lifecycle as a client that knows nothing but an address.

Everything about the API comes from the server's reflection: no generated code, no file of ours.
Usage: foreign_client.py HOST:PORT [RUN], where RUN makes the ids of this run unique.
"""

import datetime
import sys
import uuid

import grpc
from google.protobuf import descriptor_pool, json_format, message_factory
from google.rpc import error_details_pb2
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import (
    ProtoReflectionDescriptorDatabase,
)
from grpc_status import rpc_status

# Seconds; a call that takes longer has failed.
DEADLINE = 60
CUSTOMERS = 20
BONUS = 250


class Mismatch(Exception):
    """The server answered otherwise than its contract says."""


def expect(condition, message):
    if not condition:
        raise Mismatch(message)


def expect_equal(found, wanted, what):
    expect(found == wanted, f"{what}: wanted {wanted!r}, found {found!r}")


def say(step):
    print(f"ok  {step}", flush=True)


def ago(days):
    instant = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(days=days)
    return instant.isoformat()


def new_request():
    return str(uuid.uuid4())


class Service:
    """One service, its methods and messages as the server describes them."""

    def __init__(self, channel, pool, name):
        self.channel = channel
        self.pool = pool
        self.descriptor = pool.FindServiceByName(name)

    def __getattr__(self, method):
        return lambda **fields: self.call(method, fields)

    def prepare(self, method, fields):
        described = self.descriptor.methods_by_name[method]
        wanted = message_factory.GetMessageClass(described.input_type)
        answer = message_factory.GetMessageClass(described.output_type)
        path = f"/{self.descriptor.full_name}/{method}"
        make = self.channel.unary_stream if described.server_streaming else self.channel.unary_unary
        stub = make(
            path,
            request_serializer=wanted.SerializeToString,
            response_deserializer=answer.FromString,
        )
        request = json_format.ParseDict(fields, wanted(), descriptor_pool=self.pool)
        return stub, request

    def call(self, method, fields):
        stub, request = self.prepare(method, fields)
        return stub(request, timeout=DEADLINE)

    def refusal(self, method, fields):
        """Calls what must be refused; returns the code, the ErrorInfo and all field violations."""
        try:
            self.call(method, fields)
        except grpc.RpcError as error:
            status = rpc_status.from_call(error)
            expect(status is not None, f"{method}: the refusal carries no google.rpc.Status")
            info, violations = None, []
            for detail in status.details:
                if detail.Is(error_details_pb2.ErrorInfo.DESCRIPTOR):
                    info = error_details_pb2.ErrorInfo()
                    detail.Unpack(info)
                if detail.Is(error_details_pb2.BadRequest.DESCRIPTOR):
                    bad = error_details_pb2.BadRequest()
                    detail.Unpack(bad)
                    violations.extend(bad.field_violations)
            expect(info is not None, f"{method}: the refusal carries no ErrorInfo")
            return error.code(), info, violations
        raise Mismatch(f"{method} was not refused")


class Operator:
    """All services of one server, found by reflection."""

    def __init__(self, channel):
        database = ProtoReflectionDescriptorDatabase(channel)
        pool = descriptor_pool.DescriptorPool(database)
        names = set(database.get_services())
        wanted = {
            "customer": "tenure.customer.v1.CustomerService",
            "scoring": "tenure.scoring.v1.ScoringService",
            "campaign": "tenure.campaign.v1.CampaignService",
            "loyalty": "tenure.loyalty.v1.LoyaltyService",
            "health": "grpc.health.v1.Health",
        }
        missing = set(wanted.values()) - names
        expect(not missing, f"reflection does not list {sorted(missing)}")
        for attribute, name in wanted.items():
            setattr(self, attribute, Service(channel, pool, name))
        self.tenure_services = sorted(name for name in wanted.values() if "tenure" in name)


def check_health(operator):
    for name in ["", *operator.tenure_services]:
        answer = operator.health.Check(service=name)
        state = answer.DESCRIPTOR.fields_by_name["status"].enum_type.values_by_number[answer.status]
        expect_equal(state.name, "SERVING", f"health of {name or 'the server'}")
    say("every service says that it serves")


def customer_ids(run):
    return [f"{run}-{number:02}" for number in range(CUSTOMERS)]


def create_customers(operator, run):
    first, *others = [
        {
            "customerId": customer_id,
            "kind": "CUSTOMER_KIND_INDIVIDUAL",
            "joinTime": ago(400),
            "attributes": [
                {"name": "cohort", "value": {"text": run}},
                {"name": "household_size", "value": {"integer": "3"}},
                {"name": "paperless", "value": {"flag": True}},
            ],
        }
        for customer_id in customer_ids(run)
    ]
    request = {"requestId": new_request(), "customer": first}
    created = operator.customer.CreateCustomer(**request)
    expect_equal(created.customer.customer_id, first["customerId"], "the customer's id")
    expect_equal(len(created.customer.attributes), 3, "attributes")
    again = operator.customer.CreateCustomer(**request)
    expect(again.replayed, "a repeated creation says so")
    expect_equal(again.customer, created.customer, "the answer to a repeated creation")
    batch = operator.customer.BatchUpsertCustomers(requestId=new_request(), customers=others)
    expect_equal(batch.created_count, len(others), "customers created in a batch")
    say(f"creates {CUSTOMERS} customers, the first one twice with one effect")


def refuse_bad_fields(operator):
    request = {"requestId": new_request(), "customer": {"customerId": "has a space"}}
    code, info, violations = operator.customer.refusal("CreateCustomer", request)
    expect_equal(code, grpc.StatusCode.INVALID_ARGUMENT, "code for bad fields")
    expect_equal(info.reason, "INVALID_FIELDS", "reason for bad fields")
    expect_equal(info.domain, "customer.tenure", "domain of customer-data")
    named = {violation.field for violation in violations}
    expect({"customer.customer_id", "customer.kind"} <= named, f"violations name {sorted(named)}")
    say("reads from a refusal which two fields are wrong")


def add_facts(operator, run):
    ids = customer_ids(run)
    numbers = uuid.uuid4().int % 10**8
    subscriptions = [
        {
            "subscriptionId": f"{customer_id}-s",
            "customerId": customer_id,
            "service": "SERVICE_KIND_MOBILE",
            "productCode": "mobile-m",
            "msisdn": f"+4915{numbers:08}{index:02}",
            "startTime": ago(400),
            "monthlyFee": {"currencyCode": "EUR", "amountMinor": "2999"},
        }
        for index, customer_id in enumerate(ids)
    ]
    answer = operator.customer.BatchUpsertSubscriptions(
        requestId=new_request(), subscriptions=subscriptions
    )
    expect_equal(answer.created_count, CUSTOMERS, "subscriptions created")
    bills = [
        {
            "billId": f"{customer_id}-b{month}",
            "customerId": customer_id,
            "issueTime": ago(30 * month + 20),
            "dueTime": ago(30 * month + 6),
            "amount": {"currencyCode": "EUR", "amountMinor": "2999"},
            "state": "BILL_STATE_SETTLED",
            "settleTime": ago(30 * month + 10),
            "paidAmount": {"currencyCode": "EUR", "amountMinor": "2999"},
        }
        for customer_id in ids
        for month in range(3)
    ]
    answer = operator.customer.BatchUpsertBills(requestId=new_request(), bills=bills)
    expect_equal(answer.created_count, 3 * CUSTOMERS, "bills created")
    found = operator.customer.LookupCustomer(msisdn=subscriptions[0]["msisdn"])
    expect_equal(found.customer.customer_id, ids[0], "the customer behind a number")
    say("adds subscriptions and settled bills, finds a customer by number")


def score(operator, run):
    customer_id = customer_ids(run)[0]
    operator.scoring.CatchUp()
    score = operator.scoring.ScoreCustomer(customerId=customer_id).score
    expect_equal(score.customer_id, customer_id, "whose score")
    expect(score.stage != 0, "a score names a stage")
    expect(0 <= score.churn_probability <= 1, f"a probability of {score.churn_probability}")
    if not score.model_version:
        expect_equal(score.churn_probability, 0, "the probability without a model")
    expect(score.evidence, "a stage comes with its evidence")
    expect_equal(score.monthly_revenue.amount_minor, 2999, "the mean of the bills")
    begun = operator.scoring.CreateScoringRun(requestId=new_request()).scoring_run
    ended = operator.scoring.GetScoringRun(
        scoringRunId=begun.scoring_run_id, waitDuration="50s"
    ).scoring_run
    completed = ended.DESCRIPTOR.fields_by_name["state"].enum_type.values_by_name
    expect_equal(ended.state, completed["SCORING_RUN_STATE_COMPLETED"].number, "the run's state")
    say(f"scores a customer ({stage_name(score)}), then all of them")


def stage_name(score):
    return score.DESCRIPTOR.fields_by_name["stage"].enum_type.values_by_number[score.stage].name


def launch_campaign(operator, run):
    offer, campaign = f"{run}-offer", f"{run}-campaign"
    operator.campaign.CreateOffer(
        requestId=new_request(),
        offer={"offerId": offer, "displayName": "Points", "kind": "OFFER_KIND_POINTS"},
    )
    condition = {"name": "cohort", "comparison": "COMPARISON_EQUAL", "value": {"text": run}}
    operator.campaign.CreateCampaign(
        requestId=new_request(),
        campaign={
            "campaignId": campaign,
            "displayName": "Stay with us",
            "objective": "Fewer customers leave within a month.",
            "offerId": offer,
            "channel": "CHANNEL_SMS",
            "audience": {"conditions": [condition]},
            "controlShare": 0.2,
            "bonusPoints": str(BONUS),
            "measurementWindow": f"{30 * 86_400}s",
            "author": "ada",
        },
    )
    approval = {"requestId": new_request(), "campaignId": campaign, "approver": "ada"}
    code, info, _ = operator.campaign.refusal("ApproveCampaign", approval)
    expect_equal(code, grpc.StatusCode.FAILED_PRECONDITION, "code for one's own approval")
    expect_equal(info.reason, "APPROVER_IS_AUTHOR", "reason for one's own approval")
    operator.campaign.ApproveCampaign(**approval | {"requestId": new_request(), "approver": "bob"})
    operator.campaign.LaunchCampaign(requestId=new_request(), campaignId=campaign)
    operator.campaign.CatchUp()
    launched = operator.campaign.GetCampaign(campaignId=campaign, waitDuration="50s").campaign
    enrolled = launched.treated_count + launched.control_count
    expect_equal(enrolled, CUSTOMERS, "customers enrolled")
    expect(launched.treated_count > 0, "somebody is treated")
    say(f"launches a campaign: {launched.treated_count} treated, {launched.control_count} control")
    return campaign, launched.treated_count


def deliver_contacts(operator, campaign, treated):
    pulled = operator.campaign.PullContacts(
        requestId=new_request(), channel="CHANNEL_SMS", campaignId=campaign, maxContacts=100
    )
    expect_equal(len(pulled.contacts), treated, "contacts pulled")
    acknowledged = operator.campaign.AcknowledgeContacts(
        requestId=new_request(),
        acknowledgements=[
            {
                "contactId": contact.contact_id,
                "leaseToken": contact.lease_token,
                "outcome": "CONTACT_STATE_DELIVERED",
            }
            for contact in pulled.contacts
        ],
    )
    expect_equal(acknowledged.delivered_count, treated, "contacts delivered")
    say("pulls the contacts and acknowledges them")
    return pulled.contacts[0]


def accept_offer(operator, campaign, contact):
    operator.loyalty.CatchUp()
    account = {"accountId": contact.customer_id}
    before = operator.loyalty.GetAccount(**account).account.available_points
    expect(before > 0, "settled bills have earned points by themselves")
    operator.campaign.RecordResponses(
        requestId=new_request(),
        responses=[{"contactId": contact.contact_id, "kind": "RESPONSE_KIND_ACCEPTED"}],
    )
    operator.campaign.CatchUp()
    after = operator.loyalty.GetAccount(**account).account.available_points
    expect_equal(after - before, BONUS, "points granted for accepting")
    results = operator.campaign.GetCampaignResults(campaignId=campaign).results
    expect_equal(results.accepted_count, 1, "customers who accepted")
    say(f"accepts the offer: {before} points from bills, {BONUS} granted")
    return after


def spend_points(operator, account_id, available):
    earned = operator.loyalty.EarnPoints(
        requestId=new_request(), accountId=account_id, points="500", source="gift/1"
    )
    expect_equal(earned.available_points, available + 500, "points after earning 500")
    request = {
        "requestId": new_request(),
        "accountId": account_id,
        "points": "300",
        "source": "order/1",
    }
    redeemed = operator.loyalty.RedeemPoints(**request)
    expect_equal(redeemed.available_points, available + 200, "points after redeeming 300")
    expect_equal(redeemed.entry.points_delta, -300, "the movement")
    expect(not redeemed.replayed, "the first answer is no repetition")
    again = operator.loyalty.RedeemPoints(**request)
    expect(again.replayed, "the second answer is a repetition")
    expect_equal(again.entry, redeemed.entry, "the entry of a repeated request")
    balance = operator.loyalty.GetAccount(accountId=account_id).account.available_points
    expect_equal(balance, available + 200, "points after the same request twice")
    say("earns 500 and redeems 300 points, repeats the request and gets the same entry")
    return request, balance


def refuse_spending(operator, request, balance):
    too_much = request | {"requestId": new_request(), "points": str(balance + 1)}
    for _ in range(2):
        code, info, _ = operator.loyalty.refusal("RedeemPoints", too_much)
        expect_equal(code, grpc.StatusCode.FAILED_PRECONDITION, "code for too few points")
        expect_equal(info.reason, "INSUFFICIENT_POINTS", "reason for too few points")
        expect_equal(info.domain, "loyalty.tenure", "domain of loyalty-points")
        expect_equal(info.metadata["available_points"], str(balance), "points available")
        expect_equal(info.metadata["needed_points"], str(balance + 1), "points needed")
    code, info, _ = operator.loyalty.refusal("RedeemPoints", request | {"points": "301"})
    expect_equal(code, grpc.StatusCode.INVALID_ARGUMENT, "code for another body")
    expect_equal(info.reason, "REQUEST_ID_REUSED", "reason for another body")
    expect("points" in info.metadata["fields"], f"fields that differ: {info.metadata['fields']}")
    say("reads from refusals: too few points, and a request id with another body")


def watch_changes(operator, account_id, balance):
    total = 0
    for batch in operator.loyalty.WatchChanges(follow=False):
        for change in batch.changes:
            if change.account_id == account_id and change.WhichOneof("fact") == "entry":
                total += change.entry.points_delta
    expect_equal(total, balance, "the sum of all entries in the feed of changes")
    say("adds up the feed of changes to the balance")


def main(address, run):
    with grpc.insecure_channel(address) as channel:
        grpc.channel_ready_future(channel).result(timeout=DEADLINE)
        operator = Operator(channel)
        say("finds the services by reflection")
        check_health(operator)
        create_customers(operator, run)
        refuse_bad_fields(operator)
        add_facts(operator, run)
        score(operator, run)
        campaign, treated = launch_campaign(operator, run)
        contact = deliver_contacts(operator, campaign, treated)
        available = accept_offer(operator, campaign, contact)
        request, balance = spend_points(operator, contact.customer_id, available)
        refuse_spending(operator, request, balance)
        watch_changes(operator, contact.customer_id, balance)


if __name__ == "__main__":
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__)
    try:
        main(sys.argv[1], sys.argv[2] if len(sys.argv) == 3 else f"f{uuid.uuid4().hex[:8]}")
    except Mismatch as mismatch:
        sys.exit(f"mismatch: {mismatch}")
    except grpc.RpcError as error:
        sys.exit(f"refused: {error.code().name}: {error.details()}")
