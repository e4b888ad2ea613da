import { parser } from '@prometheus-io/lezer-promql';
import type { Sample } from './exposition.ts';

/** What an expression of PromQL says, as Prometheus' own editor reads it. */
export interface Expression {
  /** The metrics that it names, and the labels. */
  readonly metrics: readonly string[];
  readonly labels: readonly string[];
  readonly selectors: readonly Selector[];
  /** The piece where it stops being PromQL. */
  readonly mistake: string | undefined;
}

/** A metric and what its labels have to be: `tagpin_images_total{mode="enforce",reason!~"a|b"}`. */
export interface Selector {
  readonly metric: string;
  readonly matchers: readonly { readonly label: string; readonly operator: string; readonly value: string }[];
}

/** What Grafana puts in before Prometheus sees the expression. */
const variable = /\$__rate_interval/g;

export function readPromql(text: string): Expression {
  const expression = text.replace(variable, '5m');
  const [metrics, labels, selectors]: [string[], string[], Selector[]] = [[], [], []];
  let mistake: string | undefined;
  parser.parse(expression).iterate({
    enter({ type, from, to, node }) {
      if (type.isError) mistake ??= expression.slice(from, Math.max(to, from + 20)) || 'its end';
      if (type.name === 'LabelName') labels.push(expression.slice(from, to));
      if (type.name === 'Identifier' && node.parent?.name === 'VectorSelector') {
        metrics.push(expression.slice(from, to));
      }
      if (type.name === 'VectorSelector') selectors.push(readSelector(expression.slice(from, to)));
    },
  });
  return { metrics, labels, selectors, mistake };
}

function readSelector(text: string): Selector {
  const [metric = ''] = /^[\w:]+/.exec(text) ?? [];
  const matchers = [...text.matchAll(/(\w+)\s*(=~|!~|!=|=)\s*"([^"]*)"/g)].map(
    ([, label = '', operator = '', value = '']) => ({ label, operator, value }),
  );
  return { metric, matchers };
}

/** The samples that a selector selects; expressions are anchored, as in Prometheus. */
export const selected = (samples: readonly Sample[], { metric, matchers }: Selector): Sample[] =>
  samples.filter(
    ({ name, labels }) =>
      name === metric &&
      matchers.every(({ label, operator, value }) => {
        const actual = labels[label] ?? '';
        const isEqual = operator.endsWith('~') ? new RegExp(`^(?:${value})$`).test(actual) : actual === value;
        return operator.startsWith('!') ? !isEqual : isEqual;
      }),
  );
