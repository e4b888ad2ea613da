import { expect, test } from 'vitest';
import { decide } from '../../src/pin/decide.ts';
import type { Mode } from '../../src/pin/opt-in.ts';
import { podSchema } from '../../src/pin/pod.ts';
import { type DryRunResult, endpointsCheck, trialCheck, trialPod } from '../../src/preflight/installation.ts';

const refused = (message: string, status = 403): DryRunResult => ({
  refusal: { status, message },
  warnings: [],
});
const denied = (entry: string, message: string) =>
  refused(`admission webhook "${entry}" denied the request: ${message}`);
const invalid = 'container "preflight": invalid image reference "TAGPIN-PREFLIGHT"';

/* What a real API server says (Kubernetes 1.37). */
test.each<[string, Mode, DryRunResult, string]>([
  ['tagpin refuses it', 'enforce', denied('enforce.tagpin.dev', invalid), 'ok'],
  [
    'tagpin warns of it',
    'best-effort',
    { refusal: undefined, warnings: ['something else', `not pinned: ${invalid}`] },
    'ok',
  ],
  [
    'tagpin warns of it, and a quota refuses it',
    'audit',
    { ...refused('exceeded quota'), warnings: [`can't be pinned: ${invalid}`] },
    'ok',
  ],
  ['it is admitted without a word', 'best-effort', { refusal: undefined, warnings: [] }, 'problem'],
  ['it is admitted without a word', 'enforce', { refusal: undefined, warnings: [] }, 'problem'],
  [
    'the call fails',
    'enforce',
    refused(
      'Internal error occurred: failed calling webhook "enforce.tagpin.dev": failed to call webhook: Post "https://tagpin.tagpin-system.svc:443/pin/enforce?timeout=10s": no endpoints available for service "tagpin"',
      500,
    ),
    'problem',
  ],
  ['another webhook refuses it', 'enforce', denied('policy.example.com', 'no'), 'not asked'],
  [
    'whoever asks may create no pods',
    'enforce',
    refused(
      'pods is forbidden: User "ada" cannot create resource "pods" in API group "" in the namespace "x"',
    ),
    'not asked',
  ],
])('where %s in %s', (_what, mode, judgement, result) => {
  expect(trialCheck(mode, judgement)).toMatchObject({ name: 'call', result });
});

test('no registry is asked for the image of the pod on trial', () => {
  const decided = decide(podSchema.parse(trialPod), { skip: ['*', '**/*'], honourSkipAnnotation: true });
  expect(decided.map(({ decision }) => decision.action)).toEqual(['refuse']);
});

test.each([
  [0, 0, /^Service tagpin-system\/tagpin has no pods; look at its Deployment/],
  [0, 2, /^none of the 2 pods behind Service tagpin-system\/tagpin is ready; look at their logs$/],
])('with %d of %d pods ready, a Service is a problem in words of its own', (ready, all, detail) => {
  const check = endpointsCheck({ value: { service: 'tagpin-system/tagpin', exists: true, ready, all } });
  expect(check).toMatchObject({ result: 'problem', detail: expect.stringMatching(detail) });
});
