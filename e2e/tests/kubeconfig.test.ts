import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readCluster } from '../support/cluster.ts';
import { client, type KubeconfigCase, program, tryCase } from '../support/kubeconfigs/case.ts';
import { credentials } from '../support/kubeconfigs/credentials.ts';
import { files } from '../support/kubeconfigs/files.ts';
import { type Recorder, startRecorder } from '../support/kubeconfigs/recorder.ts';
import { servers } from '../support/kubeconfigs/servers.ts';
import { texts } from '../support/kubeconfigs/texts.ts';

const { programs, packaged } = readCluster();
/** Both ask for the ServiceAccount `x` of their namespace first. */
const kubectl = program(programs.kubectl, 'create', 'token', 'x');
const command = program(join(packaged, 'tagpin'), 'resolve', '--service-account', 'x', 'a.invalid/app:1');
const tagpinOf = ({ isProcess = false, pod }: KubeconfigCase) =>
  isProcess || pod !== undefined ? command : client;

let recorder: Recorder;
beforeAll(async () => {
  recorder = await startRecorder();
});
afterAll(() => recorder[Symbol.asyncDispose]());

const tables: Readonly<Record<string, readonly KubeconfigCase[]>> = { files, servers, credentials, texts };

describe.each(Object.entries(tables))(
  'tagpin asks the same server in the same way as kubectl: %s',
  (_, cases) => {
    test.each(cases.filter(({ otherwise }) => otherwise === undefined))('$of', async (one) => {
      const expected = await tryCase(kubectl, one, recorder);
      const { sighting, plugin, said } = await tryCase(tagpinOf(one), one, recorder);
      expect({ sighting, plugin }, `${expected.said}\n${said}`).toEqual({
        sighting: expected.sighting,
        plugin: expected.plugin,
      });
      expect(expected.sighting === undefined, expected.said).toBe(one.refused !== undefined);
      if (one.refused !== undefined) expect(said).toMatch(one.refused);
    });
  },
);

describe('tagpin does otherwise than kubectl', () => {
  const different = Object.values(tables)
    .flat()
    .filter(({ otherwise }) => otherwise !== undefined);

  test.each(different)('$of: $otherwise', async (one) => {
    const kubectls = await tryCase(kubectl, one, recorder);
    const { sighting, said } = await tryCase(tagpinOf(one), one, recorder);
    if (one.refused !== undefined) expect(said).toMatch(one.refused);
    expect([sighting !== undefined, sighting], kubectls.said).not.toEqual([true, kubectls.sighting]);
  });
});
