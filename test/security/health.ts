/** What came of watching a process's /healthz. Milliseconds. */
export interface Health {
  /** The longest time from one answer to the next. */
  readonly largestGap: number;
  readonly answers: number;
  /** Answers that were not 200, and connections that were refused. */
  readonly failures: number;
}

/** Asks /healthz again and again until it is stopped. An answer that does not come counts as a gap, not as a failure. */
export function watchHealth(health: string): { stop(): Promise<Health> } {
  const stopping = new AbortController();
  let [largestGap, answers, failures] = [0, 0, 0];
  const watching = (async () => {
    let last = performance.now();
    while (!stopping.signal.aborted) {
      try {
        const answer = await fetch(`${health}/healthz`, { signal: AbortSignal.timeout(60_000) });
        await answer.text();
        if (answer.ok) answers += 1;
        else failures += 1;
      } catch {
        failures += 1;
      }
      const now = performance.now();
      largestGap = Math.max(largestGap, now - last);
      last = now;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  })();
  return {
    async stop() {
      stopping.abort();
      await watching;
      return { largestGap, answers, failures };
    },
  };
}
