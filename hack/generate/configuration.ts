import { exitCodes, secondSignal } from '../../src/config/exit-codes.ts';
import { flagOf, settingNames, settingsTable, variableOf, type Setting } from '../../src/config/settings.ts';
import { generatedFrom, pageWidth, wrapped } from './table.ts';

/** docs/configuration.md: every setting with its flag, variable, default and valid values. */
export function renderConfiguration(): string {
  const entries = settingNames.map((name) => {
    const { kind, defaultValue, description }: Setting<unknown> = settingsTable[name];
    const facts = [
      `- Variable: \`${variableOf(name)}\``,
      `- Value: ${kind.rule}`,
      ...(defaultValue === '' ? [] : [`- Default: \`${defaultValue}\``]),
    ];
    return [
      `### ${flagOf(name)}`,
      wrapped(description, pageWidth),
      facts.map((fact) => wrapped(fact, pageWidth, '  ')).join('\n'),
    ].join('\n\n');
  });
  const codes = [
    ...Object.values(exitCodes),
    ...Object.entries(secondSignal).map(([signal, code]) => ({
      code,
      meaning: `A second signal, ${signal}: the operator exited immediately. The intents of calls in flight are stored.`,
      remedy: 'restart the operator',
    })),
  ].map(({ code, meaning, remedy }) => wrapped(`- **${code}**: ${meaning} To do: ${remedy}.`, pageWidth, '  '));
  return `# Settings

${generatedFrom('src/config/settings.ts, src/config/exit-codes.ts')}

- A flag overrides the environment variable, and the variable overrides the default. An empty variable
  counts as not set.
- \`--flag value\` and \`--flag=value\` mean the same. A boolean flag without a value means true.
- The operator reports all invalid settings at once, contacts nothing, and exits with code 2.
- \`--help\` prints this list, \`--version\` the version.
- Durations are written as in Kubernetes: \`500ms\`, \`90s\`, \`5m\`, \`1h30m\`.
- The Helm chart has each setting under \`config\`, by its name in camel case
  (\`config.pollInterval\`), except \`watchNamespaces\` and \`takeOverFrom\`. Helm refuses an invalid
  value. [The chart's README](../deploy/chart/README.md) lists them.

API keys aren't settings: they come from the Secret that a VirtualMachine refers to.

## Flags

${entries.join('\n\n')}

## Network

### Egress

The operator opens connections to these addresses and to no others:

- The cluster's DNS, UDP and TCP 53.
- The Kubernetes API server, TCP 443, behind its Service mostly 6443: objects, Secrets, the Lease and events.
- The host of \`--api-url\` (\`api.vps247.com\` by default), TCP 443, or the proxy and its port.
- The collector of [traces](tracing.md), if you name one, TCP, mostly 4318.

### Connections

A connection to the provider, name, proxy and TLS included, must be made within
\`--api-connect-timeout\`. If the provider's name has several addresses, the operator tries one after
another, each for half of that time at most. It keeps an unused connection for 15 seconds, and sends
no write over one that was unused for more than three.

### Proxy

The operator reaches the provider through a forward proxy if the usual variables name one. The chart
sets them with \`extraEnv\`. Lower-case names work too, and win.

- \`HTTPS_PROXY\`: URL of the proxy for an \`--api-url\` with https, such as
  \`http://proxy.example.com:3128\`. Without a scheme, http is meant. It may hold a user name and a
  password; these never appear in a log line, an event or a status.
- \`HTTP_PROXY\`: the same for an \`--api-url\` with http, which needs \`--insecure-api-url\`. That proxy
  sees API keys.
- \`NO_PROXY\`: hosts that are reached without the proxy, with commas between them: a name with all
  its subdomains (\`vps247.com\`), an address (\`10.0.0.7\`), a range (\`10.0.0.0/8\`), each name with or
  without a port, or \`*\`.

For https the proxy must allow CONNECT to the provider's host and port. It sees these two, and
neither API key nor requests. The operator's first log line shows the proxy's host and port. A call
that the proxy refuses was certainly not made: the operator tries it again, and the message says \`no
connection (proxy answered 407)\`, for example.

Loopback addresses, the Kubernetes API server and the collector of traces are always reached without
this proxy.

### Custom CAs

\`NODE_EXTRA_CA_CERTS\` names a file of PEM certificates. The operator trusts them beside the CAs that
Node ships, for every TLS connection except that to the Kubernetes API server, whose CA is in the
kubeconfig or the service account. Node reads the file at the start; restart the operator after a
change. [Restricted networks](restricted-networks.md#behind-a-proxy-or-with-a-private-ca) shows it for
the chart.

## Exit codes

The operator doesn't end for what you can fix while it waits: an API server that doesn't answer or
rejects its credentials, a CustomResourceDefinition that is missing or too old, or a missing
permission. \`/readyz\` names the cause, as does one log line, and the operator continues
automatically once it is fixed:

\`\`\`text
[+]ping ok
[-]kubernetes failed: The operator may not list virtualmachines (vps247.com) in all namespaces.
[-]virtualmachines failed: The initial list of VirtualMachines is not complete; see the log for failed requests.
readyz check failed
\`\`\`

\`/readyz?verbose\` shows the same list when all checks pass. A replica on standby is ready.

${codes.join('\n')}
`;
}
