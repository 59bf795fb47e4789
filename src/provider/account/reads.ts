import type { Clock } from '../../domain/clock.ts';
import { type Failure, failed, type Outcome, succeeded } from '../../domain/failure.ts';
import type { ListedMachine, Machine, ProviderId } from '../../domain/machine.ts';
import type { Provider } from '../provider.ts';
import type { Catalog, TimedRead } from './account.ts';
import type { CallAdmission } from './admission/call-admission.ts';
import type { CredentialStatus } from './credential-status.ts';
import type { KeyProbes } from './polling/key-probes.ts';
import type { Subscriptions } from './subscriptions.ts';

/** The flow of the account's own reads. No key or namespace is empty, so it is unique. */
const accountFlow = '';

export interface ReadsOptions {
  readonly clock: Clock;
  readonly provider: Provider;
  readonly admission: CallAdmission;
  readonly credential: CredentialStatus;
  readonly subscriptions: Subscriptions;
  readonly keyProbes: KeyProbes | undefined;
  /** Aborts all reads. */
  readonly signal: AbortSignal;
  /** Why no call is sent now. */
  readonly refusal: () => Failure | undefined;
}

/** The reads of an account. Each waits for a slot, and is undefined if it gets none. */
export class Reads {
  readonly #options: ReadsOptions;

  constructor(options: ReadsOptions) {
    this.#options = options;
  }

  /** Lists for keys that were never accepted share few slots: a tenant may store many invalid keys. */
  list(): Promise<TimedRead<readonly ListedMachine[]> | undefined> {
    const { provider, credential, subscriptions, keyProbes, signal } = this.#options;
    const read = () => this.#timed('List', accountFlow, () => provider.listMachines(signal));
    if (keyProbes === undefined || credential.status === 'Accepted') return read();
    const [group = accountFlow] = subscriptions.groups();
    return keyProbes.run(read, group, () => !signal.aborted && subscriptions.size > 0);
  }

  machine(id: ProviderId, flow = accountFlow): Promise<TimedRead<Machine | undefined> | undefined> {
    const { provider, signal } = this.#options;
    return this.#timed('Read', flow, () => provider.getMachine(id, signal));
  }

  /** All three lists, or the first failure among them. */
  async catalog(): Promise<Outcome<Catalog>> {
    const { provider, signal } = this.#options;
    const [regions, packages, osTemplates] = await Promise.all([
      this.#ofCatalog(() => provider.listRegions(signal)),
      this.#ofCatalog(() => provider.listPackages(signal)),
      this.#ofCatalog(() => provider.listOsTemplates(signal)),
    ]);
    if (!regions.ok) return regions;
    if (!packages.ok) return packages;
    if (!osTemplates.ok) return osTemplates;
    return succeeded({ regions: regions.value, packages: packages.value, osTemplates: osTemplates.value });
  }

  async #ofCatalog<T>(read: () => Promise<Outcome<T>>): Promise<Outcome<T>> {
    const answer = await this.#timed('Read', accountFlow, read);
    // Rejected because of the present refusal, or because the account is stopped.
    const refusal = this.#options.refusal() ?? { class: 'Retry', code: 'Canceled', text: '' };
    return answer?.outcome ?? failed({ ...refusal, operation: 'ListRegions' });
  }

  #timed<T>(
    priority: 'Read' | 'List',
    flow: string,
    read: () => Promise<Outcome<T>>,
  ): Promise<TimedRead<T> | undefined> {
    return this.#options.admission.schedule(priority, flow, async () => {
      const startedAt = this.#options.clock.monotonic();
      return { startedAt, outcome: await read() };
    });
  }
}
