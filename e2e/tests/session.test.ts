import { copyFileSync, mkdirSync, mkdtempSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { stringify } from 'yaml';
import { readCluster } from '../support/cluster.ts';
import { Images, type PushedImage } from '../support/images.ts';
import { picture } from '../support/picture.ts';
import { Terminal } from '../support/terminal.ts';
import { deployment } from '../support/workload.ts';

/*
 * The session at the top of the README, on a real cluster. The test draws it into .results/session.svg; to renew the
 * README's picture, copy that over docs/session.svg.
 */
const cluster = readCluster();
const images = new Images(cluster);
const NAMESPACE = 'my-team';
const LIST = 'kubectl get pods -o custom-columns=POD:.metadata.name,IMAGE:.spec.containers[*].image';

let terminal: Terminal;
let first: PushedImage;

beforeAll(async () => {
  const folder = mkdtempSync(join(cluster.directory, 'session-'));
  const bin = join(folder, 'bin');
  mkdirSync(bin);
  symlinkSync(cluster.programs.kubectl, join(bin, 'kubectl'));
  const kubeconfig = join(folder, 'kubeconfig');
  copyFileSync(cluster.kubeconfig, kubeconfig);
  first = await images.push('shop/web', '1.2');
  const manifest = deployment(first.tagged);
  writeFileSync(join(folder, 'web.yaml'), stringify(manifest, { aliasDuplicateObjects: false }));
  terminal = new Terminal(folder, { PATH: `${bin}:${process.env['PATH']}`, KUBECONFIG: kubeconfig });
  await aside(`kubectl create namespace ${NAMESPACE}`);
  await aside(`kubectl config set-context --current --namespace=${NAMESPACE}`);
  await aside(`until kubectl get serviceaccount default; do sleep 0.2; done`);
});
afterAll(async () => {
  await terminal?.aside(`kubectl delete namespace ${NAMESPACE} --wait=false`);
});

async function aside(command: string): Promise<void> {
  const { code, output } = await terminal.aside(command);
  if (code !== 0) throw new Error(`${command}\n${output}`);
}

/** The digests of the pods, once exactly two exist. */
async function digests(): Promise<string[]> {
  await aside(`kubectl rollout status deployment/web`);
  await aside(
    `until [ "$(kubectl get pods --selector app=web --field-selector status.phase=Running -o name | wc -l)" = 2 ]; do sleep 0.2; done; ` +
      `until [ "$(kubectl get pods --selector app=web -o name | wc -l)" = 2 ]; do sleep 0.2; done`,
  );
  const { output } = await terminal.type(LIST);
  return [...new Set(output.match(/sha256:[0-9a-f]{64}/g))];
}

test('the README: opted in, pinned, rescheduled, rolled out and rolled back', {
  timeout: 120_000,
}, async () => {
  await terminal.type(`kubectl label namespace ${NAMESPACE} tagpin.dev/pin=enforce`);
  const written = await terminal.type('grep image: web.yaml');
  expect(written.output).toContain(first.tagged);
  expect(await terminal.type('kubectl apply -f web.yaml')).toMatchObject({ code: 0 });
  expect(await digests()).toEqual([first.digest]);

  const second = await images.move(first);
  terminal.say('another build is pushed as web:1.2, and all pods are deleted');
  await terminal.type('kubectl delete pods --all');
  expect(await digests()).toEqual([first.digest]);

  terminal.say('the next rollout takes what the tag is by then; a rollback brings back what ran');
  await terminal.type('kubectl rollout restart deployment/web');
  expect(await digests()).toEqual([second.digest]);
  await terminal.type('kubectl rollout undo deployment/web');
  expect(await digests()).toEqual([first.digest]);
  expect(await terminal.type('kubectl diff -f web.yaml && echo no difference')).toMatchObject({
    output: 'no difference',
    code: 0,
  });

  terminal.say('a tag that nobody pushed');
  const refused = await terminal.type(`kubectl run web --image=${first.name}:9.9`);
  expect(refused.output).toContain('push the tag or correct the image');
  mkdirSync('.results', { recursive: true });
  writeFileSync('.results/session.svg', picture('tagpin at work on a cluster', terminal.typed));
});
