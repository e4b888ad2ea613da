import { parser } from '@prometheus-io/lezer-promql';

/** What an expression of PromQL says, as Prometheus' own editor reads it. */
export interface Expression {
  /** The metrics that it names, and the labels. */
  readonly metrics: readonly string[];
  readonly labels: readonly string[];
  /** The piece where it stops being PromQL. */
  readonly mistake: string | undefined;
}

/** What Grafana puts in before Prometheus sees the expression. */
const variable = /\$__rate_interval/g;

export function readPromql(text: string): Expression {
  const expression = text.replace(variable, '5m');
  const [metrics, labels]: [string[], string[]] = [[], []];
  let mistake: string | undefined;
  parser.parse(expression).iterate({
    enter({ type, from, to, node }) {
      if (type.isError) mistake ??= expression.slice(from, Math.max(to, from + 20)) || 'its end';
      if (type.name === 'LabelName') labels.push(expression.slice(from, to));
      if (type.name === 'Identifier' && node.parent?.name === 'VectorSelector') {
        metrics.push(expression.slice(from, to));
      }
    },
  });
  return { metrics, labels, mistake };
}
