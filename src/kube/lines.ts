import { KubeError } from './errors.ts';

/**
 * The JSON values of a stream that has one per line. Ends with the stream; throws KubeError `Protocol` at a line that is
 * no JSON, and `Network` when the stream ends within a line.
 */
export async function* readJsonLines(what: string, chunks: AsyncIterable<Uint8Array>): AsyncIterable<unknown> {
  const decoder = new TextDecoder();
  // Pieces of a line that has not ended; put together once, for a large object comes in many.
  let pieces: string[] = [];
  for await (const chunk of chunks) {
    const [first = '', ...rest] = decoder.decode(chunk, { stream: true }).split('\n');
    pieces.push(first);
    for (const next of rest) {
      const line = pieces.join('');
      pieces = [next];
      if (line.trim() !== '') yield parse(what, line);
    }
  }
  if (pieces.join('').trim() !== '') throw new KubeError(`${what}: cut within an event`, { reason: 'Network' });
}

/** Parses an answer; throws KubeError `Protocol` without the text, which is somebody else's. */
export function parse(what: string, text: string, status?: number): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new KubeError(`${what}: the answer is not JSON`, { reason: 'Protocol', status });
  }
}
