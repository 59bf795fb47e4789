import { buffer } from 'node:stream/consumers';
import { type RawServer, startRawServer } from './raw-server.ts';

/** A span as OTLP/HTTP sends it in JSON, with the fields that tests read. Times are nanoseconds since the epoch, as text. */
interface Span {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly name: string;
  readonly startTimeUnixNano: string;
  readonly endTimeUnixNano: string;
  readonly attributes: Readonly<Record<string, string>>;
  readonly isError: boolean;
}

/** A collector of traces that listens on this machine. */
export interface Collector extends AsyncDisposable {
  readonly url: string;
  readonly server: RawServer;
  /** All that was received, as it came. */
  readonly bodies: readonly string[];
  readonly spans: readonly Span[];
  /** The attributes of who sends them. */
  readonly resources: readonly Readonly<Record<string, string>>[];
}

interface Attribute {
  readonly key: string;
  readonly value: { readonly stringValue: string };
}

interface Export {
  readonly resourceSpans: readonly {
    readonly resource: { readonly attributes: readonly Attribute[] };
    readonly scopeSpans: readonly {
      readonly spans: readonly (Omit<Span, 'attributes' | 'isError'> & {
        readonly attributes: readonly Attribute[];
        readonly status: { readonly code?: number };
      })[];
    }[];
  }[];
}

function textsOf(attributes: readonly Attribute[]): Record<string, string> {
  return Object.fromEntries(attributes.map(({ key, value }) => [key, value.stringValue]));
}

export async function startCollector(): Promise<Collector> {
  const bodies: string[] = [];
  const server = await startRawServer(async (request, response) => {
    bodies.push((await buffer(request)).toString('utf8'));
    response.writeHead(200, { 'content-type': 'application/json' }).end('{}');
  });
  // What OTLP's JSON form is; a test that looks for a span notices anything else.
  const exports = (): Export[] => bodies.map((body) => JSON.parse(body) as Export);
  return {
    url: server.url,
    server,
    bodies,
    get spans() {
      return exports()
        .flatMap(({ resourceSpans }) => resourceSpans)
        .flatMap(({ scopeSpans }) => scopeSpans)
        .flatMap(({ spans }) => spans)
        .map((span) =>
          Object.assign({}, span, { attributes: textsOf(span.attributes), isError: span.status.code === 2 }),
        );
    },
    get resources() {
      return exports().flatMap(({ resourceSpans }) =>
        resourceSpans.map(({ resource }) => textsOf(resource.attributes)),
      );
    },
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}
