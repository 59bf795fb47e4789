/** A real Prometheus on this host that scrapes a few addresses, and queries to it. */
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { ensureComponents } from '../control-plane/components.ts';
import { freePort } from '../control-plane/ports.ts';
import { answers } from '../control-plane/probe.ts';
import { Service } from '../control-plane/service.ts';
import { Watchdog } from '../control-plane/watchdog.ts';
import { scaledDuration } from './time-scale.ts';

export interface PrometheusOptions {
  readonly targets: readonly {
    /** `127.0.0.1:8080`, where `/metrics` is or will be served. */
    readonly address: string;
    /** Labels of every series of the target, beside `job`. */
    readonly labels: Readonly<Record<string, string>>;
  }[];
  /** More scrape jobs. */
  readonly jobs?: readonly object[];
  /** A rule file. */
  readonly rules: string;
  readonly logFile: string;
}

/** One series: its labels and its samples. Times are seconds since 1970. */
export interface Series {
  readonly labels: Readonly<Record<string, string>>;
  readonly points: readonly (readonly [time: number, value: number])[];
}

/** Scrape and evaluation interval: one second stands for one minute. */
const interval = scaledDuration('1m');
/** How long a value counts that was not scraped again: five minutes by default, scaled. */
const lookback = scaledDuration('5m');

export class Prometheus implements AsyncDisposable {
  readonly #service: Service;
  readonly #watchdog: Watchdog;
  readonly #port: number;

  private constructor(service: Service, watchdog: Watchdog, port: number) {
    this.#service = service;
    this.#watchdog = watchdog;
    this.#port = port;
  }

  /** Builds it first if needed. Throws a Refusal with the end of its log if it doesn't start. */
  static async start({ targets, jobs = [], rules, logFile }: PrometheusOptions): Promise<Prometheus> {
    const { prometheus: program } = await ensureComponents(['prometheus']);
    const folder = mkdtempSync(join(tmpdir(), 'vps247-prometheus-'));
    const watchdog = new Watchdog(folder);
    const port = await freePort();
    const listen = `127.0.0.1:${port}`;
    const config = {
      global: { scrape_interval: interval, scrape_timeout: interval, evaluation_interval: interval },
      rule_files: [join(folder, 'rules.yaml')],
      scrape_configs: [
        {
          job_name: 'vps247-operator',
          static_configs: targets.map(({ address, labels }) => ({ targets: [address], labels })),
        },
        ...jobs,
        // Prometheus reports its rule evaluations in its own metrics.
        { job_name: 'prometheus', static_configs: [{ targets: [listen] }] },
      ],
    };
    writeFileSync(join(folder, 'rules.yaml'), rules);
    writeFileSync(join(folder, 'prometheus.yaml'), stringify(config));
    const args = [
      `--config.file=${join(folder, 'prometheus.yaml')}`,
      `--storage.tsdb.path=${join(folder, 'data')}`,
      `--web.listen-address=${listen}`,
      `--query.lookback-delta=${lookback}`,
    ];
    const service = new Service({ name: 'prometheus', program, args, logFile });
    if (service.pid !== undefined) watchdog.watch([service.pid]);
    const prometheus = new Prometheus(service, watchdog, port);
    try {
      await service.ready(() => answers({ port, path: '/-/ready' }));
      return prometheus;
    } catch (error) {
      await prometheus[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** The current value of an expression. */
  async ask(expr: string): Promise<readonly Series[]> {
    const { result } = await this.#get<{ readonly result: readonly RawSeries[] }>('query', { query: expr });
    return result.map(({ metric, value }) => ({ labels: metric, points: value === undefined ? [] : [pointOf(value)] }));
  }

  /**
   * The values of an expression between two times, every `step` seconds. Leaves out NaN and infinite values, and series
   * without a value.
   */
  async askRange(expr: string, span: { start: number; end: number; step: number }): Promise<readonly Series[]> {
    const parameters = { query: expr, start: String(span.start), end: String(span.end), step: String(span.step) };
    const { result } = await this.#get<{ readonly result: readonly RawSeries[] }>('query_range', parameters);
    return result
      .map(({ metric, values = [] }) => ({
        labels: metric,
        points: values.map(pointOf).filter(([, value]) => Number.isFinite(value)),
      }))
      .filter(({ points }) => points.length > 0);
  }

  /** The metrics that an expression names, as Prometheus parses it. Throws if it isn't valid PromQL. */
  async metricsIn(expr: string): Promise<readonly string[]> {
    return [...namesIn(await this.#get<unknown>('parse_query', { query: expr }))];
  }

  /** The targets of a job. */
  async targets(job: string): Promise<readonly ScrapedTarget[]> {
    const { activeTargets } = await this.#get<{ readonly activeTargets: readonly ScrapedTarget[] }>('targets', {
      scrapePool: job,
    });
    return activeTargets;
  }

  /** The names of all series. */
  async names(): Promise<ReadonlySet<string>> {
    return new Set(await this.#get<readonly string[]>('label/__name__/values', {}));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#service.kill();
    await this.#watchdog.release();
  }

  async #get<Data>(path: string, parameters: Readonly<Record<string, string>>): Promise<Data> {
    const url = `http://127.0.0.1:${this.#port}/api/v1/${path}?${new URLSearchParams(parameters)}`;
    const answer = await fetch(url);
    // `as`: the API has the same format for every path, with the error in `error`.
    const { data, error } = (await answer.json()) as { readonly data: Data; readonly error?: string };
    if (error !== undefined) throw new Error(`Prometheus refuses ${parameters['query'] ?? path}: ${error}`);
    return data;
  }
}

/** A target: the labels with which it was discovered, and those of its series. */
interface ScrapedTarget {
  readonly discoveredLabels: Readonly<Record<string, string>>;
  readonly labels: Readonly<Record<string, string>>;
  readonly scrapeUrl: string;
}

interface RawSeries {
  readonly metric: Readonly<Record<string, string>>;
  readonly value?: readonly [number, string];
  readonly values?: readonly (readonly [number, string])[];
}

function pointOf([time, value]: readonly [number, string]): readonly [number, number] {
  return [time, Number(value)];
}

/** All selectors in a parsed expression. */
function* namesIn(node: unknown): Generator<string> {
  if (typeof node !== 'object' || node === null) return;
  const { type, name }: { type?: unknown; name?: unknown } = node;
  if ((type === 'vectorSelector' || type === 'matrixSelector') && typeof name === 'string') yield name;
  for (const part of Object.values(node)) yield* namesIn(part);
}
