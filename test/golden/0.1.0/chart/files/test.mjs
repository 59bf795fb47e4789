// Runs in the operator's image for `helm test`. A new Pod may take a while until it is ready.
const { READY_URL, METRICS_URL } = process.env;

async function ask(url, isGood) {
  const deadline = Date.now() + 90_000;
  for (;;) {
    const seen = await fetch(url, { signal: AbortSignal.timeout(5_000) }).then(
      async (answer) => ({ ok: answer.ok, text: (await answer.text()).trim() }),
      (error) => ({ ok: false, text: String(error.cause ?? error) }),
    );
    if (seen.ok && isGood(seen.text)) return console.log(`${url} is healthy`);
    if (Date.now() > deadline) throw new Error(`${url}: ${seen.text.slice(0, 500)}`);
    await new Promise((resolve) => setTimeout(resolve, 1_000));
  }
}

await ask(READY_URL, () => true);
await ask(METRICS_URL, (text) => text.includes('leader_election_master_status'));
