import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import {
  type AuditCluster,
  installation,
  namespaceObject,
  startAuditCluster,
  webhookConfiguration,
  workload,
} from './audits.ts';

let cluster: AuditCluster;

beforeAll(async () => {
  cluster = await startAuditCluster();
  cluster.put(
    namespaceObject('shop', 'enforce'),
    namespaceObject('kube-system', 'enforce'),
    namespaceObject('typo', 'enforced'),
    namespaceObject('plain'),
    ...['shop', 'kube-system', 'typo', 'plain'].map((namespace) =>
      workload('apps/v1', 'Deployment', { namespace, image: 'registry.example.com/app:latest' }),
    ),
  );
});
afterAll(() => cluster[Symbol.asyncDispose]());
beforeEach(() => {
  cluster.put(...installation());
});

type Configuration = ReturnType<typeof webhookConfiguration>;
type Webhook = Configuration['webhooks'][number];

/** Puts tagpin's configuration with each webhook changed. */
function configure(change: (webhook: Webhook) => Webhook, name = 'tagpin'): void {
  const { webhooks, ...rest } = webhookConfiguration();
  cluster.put({ ...rest, metadata: { name }, webhooks: webhooks.map(change) });
}
const uninstall = () => cluster.api.remove('MutatingWebhookConfiguration', undefined, 'tagpin');

async function about(namespace: string) {
  const { data } = await cluster.audit({ namespace: [namespace], registry: false });
  const [found] = data.namespaces;
  return {
    mode: found?.mode,
    findings: found?.findings.map(({ kind }) => kind),
    message: found?.findings[0]?.message,
    notes: found?.notes,
    images: data.images.map(({ findings }) => findings.map(({ kind }) => kind).join()),
  };
}

describe('the mode of a namespace is what the webhook configurations select', () => {
  test('by its label, where tagpin is installed', async () => {
    expect(await about('shop')).toMatchObject({ mode: 'enforce', findings: [], notes: [], images: [''] });
    expect(await about('plain')).toMatchObject({ findings: [], images: ['latest,unpinned'] });
  });

  test('whatever the configuration is called, and wherever the Service is', async () => {
    uninstall();
    cluster.put({ apiVersion: 'v1', kind: 'Service', metadata: { namespace: 'pinning', name: 'pin' } });
    const clientConfig = (path: string) => ({ service: { namespace: 'pinning', name: 'pin', path } });
    configure(
      (webhook) => ({ ...webhook, clientConfig: clientConfig(`/pin/${webhook.name.split('.')[0]}`) }),
      'pinning-of-tags',
    );
    expect(await about('shop')).toMatchObject({ mode: 'enforce', findings: [] });
    cluster.api.remove('MutatingWebhookConfiguration', undefined, 'pinning-of-tags');
  });

  test('also without a label, if that is what they say', async () => {
    configure((webhook) => ({ ...webhook, namespaceSelector: {} }));
    expect(await about('plain')).toMatchObject({ mode: 'enforce', findings: [], images: [''] });
  });

  test('and with a note of conditions that audit does not understand', async () => {
    const expression = "request.userInfo.username != 'ci'";
    configure((webhook) => ({ ...webhook, matchConditions: [{ name: 'not-ci', expression }] }));
    expect(await about('shop')).toMatchObject({
      mode: 'enforce',
      notes: ['matchCondition not-ci of webhook enforce.tagpin.dev may leave pods out'],
    });
  });
});

describe('a label without effect is a finding', () => {
  test('where tagpin is not installed', async () => {
    uninstall();
    const found = await about('shop');
    expect(found).toMatchObject({ findings: ['ineffective'], images: ['latest,unpinned'] });
    expect(found.mode).toBeUndefined();
    expect(found.message).toBe(
      'namespace shop has the label tagpin.dev/pin=enforce, which has no effect: tagpin is not installed: no ' +
        "MutatingWebhookConfiguration has a webhook of it; apply tagpin's manifests, or take the label away",
    );
  });

  test('in a namespace that the configuration leaves out', async () => {
    const { message, ...found } = await about('kube-system');
    expect(found).toMatchObject({ findings: ['ineffective'], images: ['latest,unpinned'] });
    expect(message).toMatch(
      /: namespaceSelector of webhook enforce.tagpin.dev of MutatingWebhookConfiguration tagpin leaves it out; correct that/,
    );
  });

  test('also if a webhook for pods by digest selects the namespace', async () => {
    const { webhooks, ...rest } = webhookConfiguration();
    const forDigests = webhooks.map((webhook) => ({
      ...webhook,
      name: webhook.name.replace('enforce.', 'enforce.digest.'),
      matchConditions: [],
    }));
    const none = { matchLabels: { team: 'none' } };
    const leftOut = webhooks.map((webhook) => ({ ...webhook, namespaceSelector: none }));
    cluster.put({ ...rest, webhooks: [...leftOut, ...forDigests.slice(0, 1)] });
    expect(await about('shop')).toMatchObject({ findings: ['ineffective'] });
  });

  test('with a value that means nothing', async () => {
    expect(await about('typo')).toMatchObject({ findings: ['label', 'ineffective'] });
  });

  const pods = { apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE'], resources: ['pods'] };
  test.each<[string, Partial<Record<string, unknown>>, RegExp]>([
    [
      'a namespaceSelector',
      { namespaceSelector: { matchLabels: { team: 'a' } } },
      /: namespaceSelector of webhook/,
    ],
    [
      'an objectSelector',
      { objectSelector: { matchLabels: { pin: 'yes' } } },
      /: the objectSelector of webhook/,
    ],
    ['rules for no new pods', { rules: [{ ...pods, operations: ['UPDATE'] }] }, /: rules of webhook/],
    ['no rules', { rules: null }, /: rules of webhook/],
    [
      'a match condition',
      { matchConditions: [{ name: 'not-shop', expression: "request.namespace != 'shop'" }] },
      /: matchCondition not-shop of webhook/,
    ],
    [
      'a Service that is gone',
      { clientConfig: { service: { namespace: 'gone', name: 'tagpin', path: '/pin/enforce' } } },
      /: there is no Service gone\/tagpin, which webhook .* calls: its pods are refused;/,
    ],
  ])('with %s that does not select it', async (_, change, message) => {
    configure((webhook) => (webhook.name === 'enforce.tagpin.dev' ? { ...webhook, ...change } : webhook));
    const found = await about('shop');
    expect(found).toMatchObject({ findings: ['ineffective'], images: ['latest,unpinned'] });
    expect(found.message).toMatch(message);
  });

  test('with an exit code of its own, unless another finding of --fail-on occurs', async () => {
    uninstall();
    const code = async (...failOn: ('latest' | 'ineffective' | 'gone')[]) =>
      (await cluster.print({ namespace: ['shop'], registry: false, only: ['latest'], failOn })).code;
    expect(await code('latest')).toBe(1);
    expect(await code('ineffective')).toBe(4);
    expect(await code('ineffective', 'latest')).toBe(1);
    expect(await code('gone')).toBe(0);
  });

  test('and --only shows the images of its namespace', async () => {
    uninstall();
    const { data } = await cluster.audit({ registry: false, only: ['ineffective'] });
    expect(data.images.map(({ namespace }) => namespace)).toEqual(['kube-system', 'shop', 'typo']);
  });
});

describe('webhook configurations that may not be read', () => {
  const forbid = () => cluster.api.fail({ resource: 'mutatingwebhookconfigurations', effect: 'forbidden' });

  test('leave the audit incomplete where a namespace has opted in', async () => {
    const restore = forbid();
    const { code, data } = await cluster.audit({ namespace: ['shop'], registry: false });
    restore();
    expect(code).toBe(3);
    expect(data.namespaces[0]).toMatchObject({
      label: 'enforce',
      findings: [],
      notes: ["labelled enforce; whether that has an effect isn't known"],
    });
    expect(data.problems[0]?.message).toMatch(
      /^the mutatingwebhookconfigurations can't be read: .*; ask for that/,
    );
  });

  test('do not matter elsewhere', async () => {
    const restore = forbid();
    const { code } = await cluster.audit({ namespace: ['plain'], registry: false });
    restore();
    expect(code).toBe(0);
  });

  test('and a Service that may not be read counts as there', async () => {
    const restore = cluster.api.fail({ resource: 'services', effect: 'forbidden' });
    expect(await about('shop')).toMatchObject({ mode: 'enforce', findings: [] });
    restore();
  });
});
