/** One file of known content from an HTTP server. */
import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream, renameSync, rmSync, statSync } from 'node:fs';
import http from 'node:http';
import https from 'node:https';
import { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import got, { RequestError, type Response } from 'got';

export interface Download {
  readonly url: string;
  /** SHA-512 of the content, in hex. */
  readonly hash: string;
  /** Where it goes. What has arrived of it is kept beside, as `<file>.partial`, and the next download continues from there. */
  readonly file: string;
  /** For the proxy that it may name. */
  readonly env: NodeJS.ProcessEnv;
  readonly patience?: Patience;
  readonly onProgress: (progress: Progress) => void;
}

/** Milliseconds. */
export interface Patience {
  /** Until a connection stands. */
  readonly connect: number;
  /** While nothing arrives. */
  readonly silence: number;
}

export interface Progress {
  readonly received: number;
  /** Undefined when the server doesn't say. */
  readonly total: number | undefined;
}

/** Why a file can't be had: the message is a clause. */
export class DownloadError extends Error {
  override name = 'DownloadError';
}

/** The user waits, and the programs can be built instead. */
const usualPatience: Patience = { connect: 5_000, silence: 10_000 };

/** A connection that breaks more often than this isn't usable for a file of this size. */
const maxAttempts = 5;

/** Resolves when the file is there with the content that it must have; rejects with a DownloadError. */
export async function download(wanted: Download): Promise<void> {
  const partial = `${wanted.file}.partial`;
  for (let attempt = 1; ; attempt++) {
    const start = sizeOf(partial);
    try {
      await fetchRest(wanted, partial, start);
    } catch (error) {
      // As long as each attempt brings the end closer, the next one may reach it.
      if (attempt < maxAttempts && sizeOf(partial) > start) continue;
      throw error;
    }
    if ((await hashOf(partial)) === wanted.hash) break;
    rmSync(partial);
    // Pieces may not belong together. What came in one piece is another file.
    if (start === 0) throw new DownloadError(`what ${hostOf(wanted)} sent doesn't have the pinned SHA-512 checksum`);
  }
  renameSync(partial, wanted.file);
}

/** Adds to the partial file what it lacks. */
async function fetchRest(wanted: Download, partial: string, start: number): Promise<void> {
  const { url, env, patience = usualPatience, onProgress } = wanted;
  const silence = new AbortController();
  const watchdog = setTimeout(() => silence.abort(), patience.silence);
  try {
    const agents = { proxyEnv: env, autoSelectFamilyAttemptTimeout: Math.ceil(patience.connect / 2) };
    const stream = got.stream(url, {
      agent: { http: new http.Agent(agents), https: new https.Agent(agents) },
      headers: start === 0 ? {} : { range: `bytes=${start}-` },
      // The checksum is that of the compressed file.
      decompress: false,
      retry: { limit: 0 },
      throwHttpErrors: false,
      timeout: { connect: patience.connect },
      signal: silence.signal,
    });
    const response = await new Promise<Response>((resolve, reject) => {
      stream.once('response', resolve).once('error', reject);
    });
    const isRest = response.statusCode === 206;
    // Not satisfiable: there is nothing behind what is here.
    if (response.statusCode === 416 && start > 0) return void stream.on('error', () => {}).destroy();
    if (!isRest && response.statusCode !== 200) {
      stream.on('error', () => {}).destroy();
      throw new DownloadError(`${hostOf(wanted)} answers ${response.statusCode}`);
    }
    const length = Number(response.headers['content-length']);
    let received = isRest ? start : 0;
    const total = Number.isInteger(length) ? received + length : undefined;
    const meter = new Transform({
      transform: (chunk: Buffer, _encoding, done) => {
        watchdog.refresh();
        received += chunk.length;
        onProgress({ received, total });
        done(null, chunk);
      },
    });
    await pipeline(stream, meter, createWriteStream(partial, { flags: isRest ? 'a' : 'w' }));
  } catch (error) {
    if (silence.signal.aborted) {
      throw new DownloadError(`${hostOf(wanted)} sent nothing for ${patience.silence / 1_000} s`, { cause: error });
    }
    throw error instanceof DownloadError ? error : new DownloadError(reasonOf(wanted, error), { cause: error });
  } finally {
    clearTimeout(watchdog);
  }
}

/** By its code: the message of an error may quote the URL of a proxy or mirror, password included. */
function reasonOf(wanted: Download, error: unknown): string {
  const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown error';
  const isRemote = error instanceof RequestError || code.startsWith('ERR_');
  return isRemote ? `the connection to ${hostOf(wanted)} failed (${code})` : `can't write ${wanted.file} (${code})`;
}

function hostOf({ url }: Download): string {
  return URL.parse(url)?.host || 'the mirror';
}

function sizeOf(file: string): number {
  return statSync(file, { throwIfNoEntry: false })?.size ?? 0;
}

async function hashOf(file: string): Promise<string> {
  const hash = createHash('sha512');
  await pipeline(createReadStream(file), hash);
  return hash.digest('hex');
}
