/** Tells a waiting person that something runs. Plain JavaScript, because the set-up runs under whatever Node there is. */

/**
 * Writes what `describe` says until the returned function is called, which adds its own last words if it has some: on a terminal
 * one line that renews itself every second, elsewhere a new line every 20 seconds.
 * @param {() => string} describe
 * @param {{ write(text: string): unknown, isTTY?: boolean }} stream
 * @returns {(lastWords?: string) => void}
 */
export function showProgress(describe, stream = process.stderr) {
  const isTerminal = stream.isTTY === true;
  // Back to the first column, and clear what a longer line may have left.
  const tell = () => stream.write(isTerminal ? `\r${describe()}\u001B[K` : `${describe()}\n`);
  tell();
  const ticker = setInterval(tell, isTerminal ? 1_000 : 20_000);
  return (lastWords) => {
    clearInterval(ticker);
    if (isTerminal) stream.write('\r\u001B[K');
    if (lastWords !== undefined) stream.write(`${lastWords}\n`);
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
