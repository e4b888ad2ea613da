import { describe, expect, test } from 'vitest';
import { alerts } from './manifests.ts';
import { failuresIn, situations, withoutPromtool } from './promtool.ts';

if (withoutPromtool !== undefined) test.skip(`the alerts by promtool: ${withoutPromtool}`, () => undefined);

describe('alerts ring, or stay silent, when', () => {
  test.skipIf(withoutPromtool !== undefined).each(situations)('$name', async (situation) => {
    expect(await failuresIn(situation)).toBe('');
  });
});

describe.each(alerts)('for the alert $alert', ({ alert }) => {
  const tried = situations.flatMap(({ alert_rule_test: tests }) =>
    tests.filter(({ alertname }) => alertname === alert),
  );

  test('there is a situation in which it rings', () => {
    expect(tried.filter(({ exp_alerts }) => exp_alerts.length > 0)).not.toEqual([]);
  });

  // promtool wants exactly the alerts that are expected: with series beside those that ring, that is silence too.
  test('there is something in which it is silent', () => {
    const ringing = situations.filter(({ alert_rule_test: tests }) =>
      tests.some(({ alertname, exp_alerts }) => alertname === alert && exp_alerts.length > 0),
    );
    const isSilentBeside = ringing.some(({ input_series }) => input_series.length > 1);
    expect(isSilentBeside || tried.some(({ exp_alerts }) => exp_alerts.length === 0)).toBe(true);
  });
});
