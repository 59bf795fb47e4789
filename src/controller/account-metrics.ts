import type { Account } from '../provider/account/account.ts';
import type { Metrics } from '../telemetry/metrics.ts';

/** Sets the gauges of the accounts in use, at `now` (monotonic). An account that is not in use has no series. */
export function showAccounts(metrics: Metrics, accounts: ReadonlyMap<number, Account>, now: number): void {
  const { providerUnavailable, providerPaused, providerRate, providerInFlight, providerWaiting } = metrics;
  for (const gauge of [providerUnavailable, providerPaused, providerRate, providerInFlight, providerWaiting])
    gauge.reset();
  let oldestList = 0;
  for (const [ordinal, { callStats, snapshot }] of accounts) {
    const account = String(ordinal);
    providerUnavailable.set({ account }, callStats.isCircuitOpen ? 1 : 0);
    providerPaused.set({ account }, callStats.isRateLimited ? 1 : 0);
    providerRate.set({ account }, callStats.rate);
    providerInFlight.set({ account }, callStats.inFlight);
    for (const [priority, count] of Object.entries(callStats.waiting))
      providerWaiting.set({ account, priority }, count);
    if (snapshot !== undefined) oldestList = Math.max(oldestList, now - snapshot.answeredAt);
  }
  metrics.listAge.set(oldestList / 1000);
}
