/** Shows a waiting user that something is in progress. Plain JavaScript, because the set-up runs under any version of Node. */

/**
 * Shows what `describe` returns, with the time that has passed, until the returned function is called, which adds a last line if it
 * is given one: on a terminal one line that is updated every second, elsewhere a new line every 20 seconds.
 * @param {() => string} describe
 * @param {{ write(text: string): unknown, isTTY?: boolean, columns?: number }} stream
 * @returns {(lastWords?: string) => void}
 */
export function showProgress(describe, stream = process.stderr) {
  const startedAt = performance.now();
  const elapsed = () => inWords(performance.now() - startedAt);
  const isTerminal = stream.isTTY === true;
  const tell = (/** @type {string} */ text) => {
    // A line that wraps could not be updated. Back to the first column, and clear what a longer line may have left.
    stream.write(isTerminal ? `\r${text.slice(0, (stream.columns ?? 80) - 1)}\u001B[K` : `${text}\n`);
  };
  tell(describe());
  const ticker = setInterval(() => tell(`${describe()} (${elapsed()})`), isTerminal ? 1_000 : 20_000);
  return (lastWords) => {
    clearInterval(ticker);
    if (isTerminal) stream.write('\r\u001B[K');
    if (lastWords !== undefined) stream.write(`${lastWords} in ${elapsed()}\n`);
  };
}

/**
 * `45 s`, `3 min 10 s`, and from ten minutes on `12 min`.
 * @param {number} milliseconds
 */
export function inWords(milliseconds) {
  const seconds = Math.round(milliseconds / 1_000);
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  return minutes < 10 && seconds % 60 > 0 ? `${minutes} min ${seconds % 60} s` : `${minutes} min`;
}
