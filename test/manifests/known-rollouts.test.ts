import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { parseConfig } from '../../src/config.ts';
import { IMAGES, SKIP } from '../../src/pin/annotations.ts';
import { revisionKinds } from '../../src/revision/kinds.ts';
import { OWN_HASH, PINS } from '../../src/revision/pins.ts';
import { namespaceSelector, readManifest, readPatch } from './read.ts';

const folder = '../charts/tagpin/known-rollouts';
const rule = z.looseObject({ operations: z.array(z.string()), resources: z.array(z.string()) });
const variable = z.object({ name: z.string(), expression: z.string() });
const policySchema = z.object({
  metadata: z.object({ name: z.string() }),
  spec: z.object({
    failurePolicy: z.string(),
    paramKind: z.object({ apiVersion: z.string(), kind: z.string() }).optional(),
    matchConstraints: z.object({ namespaceSelector, resourceRules: z.array(rule) }),
    matchConditions: z.array(z.object({ expression: z.string() })),
    variables: z.array(variable).default([]),
  }),
});
const bindingSchema = z.object({
  spec: z.object({
    policyName: z.string(),
    matchResources: z.object({ namespaceSelector }),
    paramRef: z.object({ parameterNotFoundAction: z.string() }).optional(),
  }),
});
const { webhooks } = readManifest(
  'base/webhook.yaml',
  'MutatingWebhookConfiguration',
  z.object({ webhooks: z.array(z.object({ name: z.string(), namespaceSelector })) }),
);
const added = readPatch(
  `${folder}/pin.yaml`,
  z.array(z.object({ value: z.union([variable, z.array(z.unknown())]) })),
).flatMap(({ value }) => (Array.isArray(value) ? [] : [value]));
const expressionOf = (name: string) => added.find((candidate) => candidate.name === name)?.expression;

const kinds = Object.entries(revisionKinds).map(([kind, of]) => ({ kind, ...of }));
const files = [...kinds.map(({ resource }) => `${resource.name}.yaml`), 'live.yaml', 'kept.yaml'];

describe.each(files)('the policy of %s', (file) => {
  const policy = readManifest(`${folder}/${file}`, 'MutatingAdmissionPolicy', policySchema);
  const binding = readManifest(`${folder}/${file}`, 'MutatingAdmissionPolicyBinding', bindingSchema);

  test('looks only where digests are stored for pods', () => {
    const revision = webhooks.find(({ name }) => name === 'revision.tagpin.dev');
    expect(policy.spec.matchConstraints.namespaceSelector).toEqual(revision?.namespaceSelector);
  });

  test('refuses nothing when it fails, or has no revision to go by', () => {
    expect(policy.spec.failurePolicy).toBe('Ignore');
    expect(binding.spec.paramRef?.parameterNotFoundAction ?? 'Allow').toBe('Allow');
  });

  test('is bound, in namespaces that enforce until somebody says others', () => {
    expect(binding.spec.policyName).toBe(policy.metadata.name);
    expect(binding.spec.matchResources.namespaceSelector.matchExpressions).toEqual([
      { key: 'tagpin.dev/pin', operator: 'In', values: ['enforce'] },
    ]);
  });
});

describe.each(kinds)('the policy for pods of a $kind', ({ kind, resource, hashLabels }) => {
  const policy = readManifest(
    `${folder}/${resource.name}.yaml`,
    'MutatingAdmissionPolicy',
    policySchema,
  ).spec;

  test('has it as its parameter, and looks at pods as they are created', () => {
    expect(policy.paramKind).toEqual({ apiVersion: `${resource.group}/${resource.version}`, kind });
    expect(policy.matchConstraints.resourceRules).toMatchObject([
      { operations: ['CREATE'], resources: ['pods'] },
    ]);
  });

  test('knows its hash by the labels that the webhook knows it by, in that order', () => {
    const [{ name, expression } = { name: '', expression: '' }] = policy.variables;
    expect(name).toBe('hashes');
    expect([...expression.matchAll(/labels\['([^']+)'\]/g)].map(([, label]) => label)).toEqual(hashLabels);
  });

  test('goes by stored pins, and leaves pods alone that remember some already', () => {
    expect(policy.matchConditions[0]?.expression).toContain(`key.startsWith('${PINS}')`);
    expect(policy.matchConditions[0]?.expression).toContain(`!('${IMAGES}' in`);
  });
});

describe('what is done with a pod', () => {
  test('is by default what the configuration says by default', () => {
    const { pin } = parseConfig('{}', 'default');
    expect(expressionOf('keepTag')).toBe(`${pin.keepTag}`);
    expect(expressionOf('pullPolicy')).toBe(`'${pin.pullPolicy}'`);
    expect(expressionOf('skipAnnotation')).toBe(
      `[${pin.skipAnnotation.map((mode) => `'${mode}'`).join(', ')}]`,
    );
  });

  test('is where a patch of the settings looks for them', () => {
    expect(added.slice(0, 3).map(({ name }) => name)).toEqual(['keepTag', 'pullPolicy', 'skipAnnotation']);
  });

  test('has the names that the webhook has', () => {
    expect(expressionOf('prefix')).toContain(`'${PINS}' + (variables.hashes + ['${OWN_HASH}'])`);
    expect(expressionOf('skipped')).toContain(`annotations['${SKIP}']`);
    expect(expressionOf('annotations')).toContain(`{'${IMAGES}': variables.images}`);
  });
});
