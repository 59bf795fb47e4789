import { expect, test } from 'vitest';
import { createCallReports } from '../../src/telemetry/call-reports.ts';
import { createMetrics } from '../../src/telemetry/metrics.ts';
import type { TracedCall } from '../../src/telemetry/tracing.ts';

function create() {
  const metrics = createMetrics({ version: 'x' });
  const spans: TracedCall[] = [];
  const reports = createCallReports(metrics, { call: (span) => void spans.push(span) });
  const samples = async (): Promise<readonly string[]> =>
    (await metrics.render())
      .split('\n')
      .filter((line) => /^(?:rest_client|\w+_(?:provider_call|kubernetes_))/.test(line));
  return { reports, spans, samples };
}

const call = { verb: 'patch', method: 'PATCH', host: 'api.test:6443', resource: 'leases', milliseconds: 1_500 };

test.each([
  { status: 200, code: '200', isError: false },
  { status: 399, code: '399', isError: false },
  { status: 400, code: '400', isError: true },
  { status: 0, code: '<error>', isError: true },
])(
  'a request to Kubernetes with status $status is counted and timed in seconds, as an error: $isError',
  async ({ status, code, isError }) => {
    const { reports, spans, samples } = create();
    reports.kubernetes.onCall({ ...call, status });
    const lines = await samples();
    expect(lines).toContain(
      `rest_client_requests_total{code="${code}",method="PATCH",host="api.test:6443",verb="patch",resource="leases"} 1`,
    );
    // As in client-go, the verb of the duration is the HTTP method.
    expect(lines).toContain('rest_client_request_duration_seconds_sum{verb="PATCH",host="api.test:6443"} 1.5');
    expect(spans).toEqual([
      { api: 'kubernetes', name: 'patch leases', code: String(status), isError, milliseconds: 1_500 },
    ]);
  },
);

test('the bytes of requests and responses of Kubernetes are counted separately', async () => {
  const { reports, samples } = create();
  const traffic = { verb: 'watch', resource: 'secrets' };
  reports.kubernetes.onTraffic({ ...traffic, sent: 3, received: 0 });
  reports.kubernetes.onTraffic({ ...traffic, sent: 0, received: 70 });
  const lines = await samples();
  expect(lines).toContain('vps247_operator_kubernetes_sent_bytes_total{verb="watch",resource="secrets"} 3');
  expect(lines).toContain('vps247_operator_kubernetes_received_bytes_total{verb="watch",resource="secrets"} 70');
});

test.each([
  { code: 'ok', isError: false },
  { code: 'Busy', isError: true },
])('a call to the provider is counted by its code and timed in seconds: $code', async ({ code, isError }) => {
  const { reports, spans, samples } = create();
  reports.provider.onCall({ operation: 'StopMachine', code, milliseconds: 250 });
  const lines = await samples();
  expect(lines).toContain(`vps247_operator_provider_calls_total{operation="StopMachine",code="${code}"} 1`);
  expect(lines).toContain('vps247_operator_provider_call_duration_seconds_sum{operation="StopMachine"} 0.25');
  expect(spans).toEqual([{ api: 'provider', name: 'StopMachine', code, isError, milliseconds: 250 }]);
});
