import { AsyncLocalStorage } from 'node:async_hooks';
import { type Context, diag, DiagLogLevel, ROOT_CONTEXT, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import {
  detectResources,
  resourceAttributesEnvDetector,
  resourceFromAttributes,
  serviceNameEnvDetector,
} from '@opentelemetry/resources';
import { BatchSpanProcessor, TraceIdRatioBasedSampler, TracerProvider } from '@opentelemetry/sdk-trace';
import type { Clock } from '../domain/clock.ts';
import type { Log } from './log.ts';
import type { Tracing } from './tracing.ts';

export interface TracingOptions {
  readonly clock: Clock;
  readonly log: Log;
  /** The operator's. */
  readonly version: string;
  /** Part of all passes, 0 to 1. */
  readonly sampledPart: number;
}

const patience = 2_000;

/**
 * Traces over OTLP/HTTP, to where OpenTelemetry's own variables say. Imported only where they do: what it consists of takes
 * memory that an operator without a collector does not have to spend.
 */
export function createTracing({ clock, log, version, sampledPart }: TracingOptions): Tracing {
  const service = resourceFromAttributes({ 'service.name': 'vps247-operator', 'service.version': version });
  const named = detectResources({ detectors: [resourceAttributesEnvDetector, serviceNameEnvDetector] });
  const provider = new TracerProvider({
    resource: service.merge(named),
    sampler: new TraceIdRatioBasedSampler(sampledPart),
    spanProcessors: [new BatchSpanProcessor({ exporter: new OTLPTraceExporter() })],
  });
  const tracer = provider.getTracer('vps247-operator', version);
  /** The reconciliation that the running code belongs to. */
  const current = new AsyncLocalStorage<Context>();
  sayOnce(log);

  return {
    async reconciliation(key, work) {
      const [namespace = '', name = ''] = key.split('/');
      const span = tracer.startSpan(
        'reconcile',
        {
          kind: SpanKind.INTERNAL,
          startTime: clock.now(),
          attributes: { 'k8s.namespace.name': namespace, 'vps247.object.name': name },
        },
        ROOT_CONTEXT,
      );
      try {
        return await current.run(trace.setSpan(ROOT_CONTEXT, span), work);
      } catch (error) {
        // Not the error's words: the log tells them, redacted.
        span.setStatus({ code: SpanStatusCode.ERROR });
        throw error;
      } finally {
        span.end(clock.now());
      }
    },
    call({ api, name, code, isError, milliseconds }) {
      const end = clock.now();
      const context = current.getStore();
      // Nobody's pass: a watch, a list, an event. Sampled by itself.
      const span = tracer.startSpan(
        name,
        {
          kind: SpanKind.CLIENT,
          startTime: end - milliseconds,
          attributes: { 'vps247.api': api, 'vps247.code': code },
        },
        context ?? ROOT_CONTEXT,
      );
      if (isError) span.setStatus({ code: SpanStatusCode.ERROR });
      span.end(end);
    },
    async stop() {
      const late = Promise.withResolvers<void>();
      const cancel = clock.schedule(patience, late.resolve);
      await Promise.race([provider.shutdown().catch(() => {}), late.promise]);
      cancel();
    },
  };
}

const silent = (): void => {};

/** The library's own complaints may quote its headers, which are somebody's credentials: that there are any is enough. */
function sayOnce(log: Log): void {
  let isSaid = false;
  const complain = (): void => {
    if (!isSaid) log.warn('Failed to export traces');
    isSaid = true;
  };
  diag.setLogger(
    { error: complain, warn: silent, info: silent, debug: silent, verbose: silent },
    { logLevel: DiagLogLevel.ERROR, suppressOverrideMessage: true },
  );
}
