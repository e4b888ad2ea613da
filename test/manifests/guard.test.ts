import { expect, test } from 'vitest';
import { z } from 'zod';
import { SKIP } from '../../src/pin/annotations.ts';
import { modes, OPT_IN_LABEL } from '../../src/pin/opt-in.ts';
import { namespaceSelector, readManifest } from './read.ts';

const rules = z.array(
  z.looseObject({ apiGroups: z.array(z.string()), operations: z.array(z.string()), scope: z.string() }),
);
const { spec: policy } = readManifest(
  'components/guard/guard.yaml',
  'ValidatingAdmissionPolicy',
  z.object({
    spec: z.object({
      failurePolicy: z.string(),
      matchConstraints: z.object({ namespaceSelector, resourceRules: rules }),
      variables: z.array(z.object({ name: z.string(), expression: z.string() })),
    }),
  }),
);
const { spec: binding } = readManifest(
  'components/guard/guard.yaml',
  'ValidatingAdmissionPolicyBinding',
  z.object({ spec: z.object({ validationActions: z.array(z.string()) }) }),
);
const { webhooks } = readManifest(
  'base/webhook.yaml',
  'MutatingWebhookConfiguration',
  z.object({ webhooks: z.array(z.object({ name: z.string(), namespaceSelector, rules })) }),
);
const enforce = webhooks.find(({ name }) => name === 'enforce.tagpin.dev');

test('the guard looks at what the webhook pins under enforce, and nothing else', () => {
  expect(policy.matchConstraints.namespaceSelector).toEqual(enforce?.namespaceSelector);
  expect(policy.matchConstraints.resourceRules).toEqual(enforce?.rules);
});

test('it refuses, also when it fails itself', () => {
  expect(policy.failurePolicy).toBe('Fail');
  expect(binding.validationActions).toEqual(['Deny']);
});

test('it knows the annotation that the webhook knows', () => {
  const skipped = policy.variables.find(({ name }) => name === 'skipped');
  expect(skipped?.expression).toContain(`annotations['${SKIP}']`);
});

test('the policy on labels knows the label and the values that the webhook knows', () => {
  const { spec: label } = readManifest(
    'components/guard/label.yaml',
    'ValidatingAdmissionPolicy',
    z.object({
      spec: z.object({
        variables: z.array(z.object({ expression: z.string() })),
        validations: z.array(z.object({ expression: z.string() })),
      }),
    }),
  );
  const list = modes.map((mode) => `'${mode}'`).join(', ');
  expect(label.validations[0]?.expression).toContain(`variables.value in [${list}]`);
  for (const { expression } of label.variables) expect(expression).toContain(`labels['${OPT_IN_LABEL}']`);
});
