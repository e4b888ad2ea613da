import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { parse, parseAllDocuments } from 'yaml';
import { z } from 'zod';
import { isNeverPinned } from '../../src/pin/opt-in.ts';
import { neededByWebhook } from '../../src/preflight/permissions.ts';
import {
  entryOf,
  modesWithoutEntry,
  takesPart,
  webhookConfigurationSchema,
} from '../../src/preflight/webhook-configuration.ts';

const base = join(import.meta.dirname, '../../manifests/base');
const read = (file: string) => readFileSync(join(base, file), 'utf8');
const configuration = webhookConfigurationSchema.parse(parse(read('webhook.yaml'), { merge: true }));

test('the webhook configuration has an entry for each mode', () => {
  expect(modesWithoutEntry(configuration)).toEqual([]);
});

test.each(['kube-system', 'kube-node-lease', 'tagpin-system', 'kube-public', 'default', 'my-team'])(
  'namespace %s takes part by the webhook configuration, or never does by what is known without it',
  (namespace) => {
    const entry = entryOf(configuration, 'enforce');
    const takes = entry && takesPart(entry, 'enforce', namespace, {});
    expect(takes).toBe(!isNeverPinned(namespace, 'tagpin-system'));
  },
);

const role = z.object({
  kind: z.enum(['Role', 'ClusterRole']),
  rules: z.array(
    z.object({
      apiGroups: z.array(z.string()),
      resources: z.array(z.string()),
      resourceNames: z.array(z.string()).default([]),
      verbs: z.array(z.string()),
    }),
  ),
});

describe('what the webhook is asked to be allowed', () => {
  /** Nothing of pinning misses it: the webhook configuration goes with tagpin's namespace by it. */
  const toGo = 'get  namespaces';
  /** Its own Secret, which the right to read all of them covers; not so with the component namespaced-secrets. */
  const covered = 'get  secrets tagpin-certificate';

  test('is what the manifests grant, no more and no less', () => {
    const manifests = ['rbac.yaml', '../overlays/default/rbac.yaml'].map(read).join('---\n');
    const roles = parseAllDocuments(manifests).flatMap((document) => {
      const parsed = role.safeParse(document.toJS());
      return parsed.success ? [parsed.data] : [];
    });
    const granted = roles.flatMap(({ rules }) =>
      rules.flatMap(({ apiGroups, resources, resourceNames, verbs }) =>
        apiGroups.flatMap((group) =>
          resources.flatMap((resource) =>
            verbs.map((verb) => [verb, group, resource, ...resourceNames].join(' ').trim()),
          ),
        ),
      ),
    );
    const needed = neededByWebhook('my-team', {
      namespace: 'tagpin-system',
      secret: 'tagpin-certificate',
      webhookConfiguration: 'tagpin',
      isCertificateOthers: false,
    }).map(({ verb, group, resource, name }) => [verb, group, resource, name ?? ''].join(' ').trim());
    expect([...needed, toGo].sort()).toEqual([...granted, covered].sort());
  });
});
