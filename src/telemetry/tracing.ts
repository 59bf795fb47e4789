/** A call to one of the two APIs that has just ended. Names and codes only: nothing of what was sent or answered. */
export interface TracedCall {
  readonly api: 'kubernetes' | 'provider';
  /** Such as `patch virtualmachines/status` or `CreateMachine`. */
  readonly name: string;
  /** The HTTP status, or the provider client's own code. */
  readonly code: string;
  readonly isError: boolean;
  readonly milliseconds: number;
}

/** Tells a collector of traces what is done and how long it takes: a span for each reconciliation and for each call. */
export interface Tracing {
  /** Runs a reconciliation over the object `namespace/name`. Calls that are made in it show as its parts. */
  reconciliation<T>(key: string, work: () => Promise<T>): Promise<T>;
  call(call: TracedCall): void;
  /** Delivers what is left, for two seconds at most. */
  stop(): Promise<void>;
}

export const noTracing: Tracing = {
  reconciliation: (_key, work) => work(),
  call: () => {},
  stop: () => Promise.resolve(),
};

type Environment = Readonly<Record<string, string | undefined>>;

/** Whether OpenTelemetry's variables name a collector, and none of them says not to trace. */
export function wantsTraces(env: Environment): boolean {
  const hasCollector = [env['OTEL_EXPORTER_OTLP_TRACES_ENDPOINT'], env['OTEL_EXPORTER_OTLP_ENDPOINT']].some(
    (url) => url !== undefined && url !== '',
  );
  const exporter = env['OTEL_TRACES_EXPORTER'] ?? '';
  return hasCollector && env['OTEL_SDK_DISABLED']?.toLowerCase() !== 'true' && (exporter === '' || exporter === 'otlp');
}

/** Which part of all passes is traced, 0 to 1, as OTEL_TRACES_SAMPLER says it; all for what it does not know. */
export function sampledPart(env: Environment): number {
  const sampler = env['OTEL_TRACES_SAMPLER'] ?? '';
  if (sampler.endsWith('always_off')) return 0;
  const part = Number(env['OTEL_TRACES_SAMPLER_ARG'] ?? '1');
  return sampler.endsWith('traceidratio') && part >= 0 && part <= 1 ? part : 1;
}
