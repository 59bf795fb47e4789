import type { OperatorSettings } from '../../../src/config/settings.ts';
import type { Failure } from '../../../src/domain/failure.ts';
import type { ProviderWrite } from '../../../src/provider/account/account.ts';
import type { AccountOptions } from '../../../src/provider/account/account-core.ts';
import type { RegisteredAccount } from '../../../src/provider/account/account.ts';
import { createAccount } from '../../../src/provider/account/account-core.ts';
import { silentLog } from '../../../src/telemetry/log.ts';
import type { ManualClock } from '../../support/clock.ts';
import { createManualClock } from '../../support/clock.ts';
import type { FakeProvider } from '../../support/fake-provider.ts';
import { createFakeProvider, machine } from '../../support/fake-provider.ts';
import { usual } from '../../support/usual-settings.ts';

export interface AccountFixture {
  readonly clock: ManualClock;
  readonly provider: FakeProvider;
  readonly account: RegisteredAccount;
  /** The keys woken since the last look, in order. */
  woken(): readonly string[];
}

/** A separate account, with a fake provider and a manual clock. */
export function createFixture(
  machines = [machine(1), machine(2)],
  {
    settings,
    ...options
  }: Partial<Omit<AccountOptions, 'settings'>> & { readonly settings?: Partial<OperatorSettings> } = {},
): AccountFixture {
  const clock = createManualClock();
  const provider = createFakeProvider(machines);
  const woken: string[] = [];
  const wake = (key: string): void => void woken.push(key);
  // 0.5 is the middle of every jitter: an idle poll is a minute, and a rate-limit pause is 5 % longer than requested.
  const account = createAccount({
    provider,
    keyedHash: (text) => text,
    clock,
    log: silentLog,
    random: () => 0.5,
    wake,
    settings: { ...usual, ...settings },
    ...options,
  });
  return { clock, provider, account, woken: () => woken.splice(0) };
}

/** A write for this VM, of the namespace `default`. */
export const change = (subject: string): ProviderWrite => ({
  machineName: subject,
  priority: 'Power',
  flow: 'default',
});

/** A failure without the call that it belongs to. */
export type Facts = Omit<Failure, 'operation'>;
export const unauthorized: Facts = { class: 'Credentials', code: 'Unauthorized', status: 401, text: '' };
export const down: Facts = { class: 'Retry', code: 'ConnectFailed', text: '' };
export const limited: Facts = { class: 'Wait', code: 'RateLimited', status: 429, retryAfter: 20_000, text: '' };
