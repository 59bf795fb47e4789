import { parser } from '@prometheus-io/lezer-promql';
import { alerts } from '../../hack/generate/monitoring/alerts.ts';
import { dashboards } from '../../hack/generate/monitoring/panels.ts';
import { rateInterval, withVariables } from '../../hack/generate/monitoring/variables.ts';

/** Every expression that is shipped, by where it stands. Grafana's own variables stand for what it puts there. */
export const expressions: readonly (readonly [where: string, expr: string])[] = [
  ...alerts.map(({ name, expr }) => [`alert ${name}`, expr] as const),
  ...dashboards.flatMap(({ title, panels }) =>
    panels.flatMap((panel) =>
      panel.queries.map(
        ({ expr }) => [`${title}: ${panel.title}`, withVariables(expr, { __rate_interval: rateInterval })] as const,
      ),
    ),
  ),
];

/** What an expression asks for; undefined if it isn't valid PromQL. */
export function metricsIn(expr: string): readonly string[] | undefined {
  const names: string[] = [];
  let isValid = true;
  parser.parse(expr).iterate({
    enter: ({ type, name, from, to }) => {
      if (type.isError) isValid = false;
      // An Identifier is a name of a function as well; those of metrics stand in a VectorSelector.
      if (name === 'VectorSelector') names.push(expr.slice(from, to).replace(/\{.*$/s, '').trim());
    },
  });
  return isValid ? names : undefined;
}
