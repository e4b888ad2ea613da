import { beforeAll, describe, expect, test } from 'vitest';
import { createCertificate, faultOf, type IssuedCertificate } from '../../src/certificate/certificate.ts';
import { type ReplicaState, rotate, type SharedCertificates } from '../../src/certificate/rotation.ts';

const DAY_MS = 86_400_000;
const start = Date.UTC(2026, 0, 1);
const names = ['tagpin.tagpin-system.svc'] as const;

/** The day after the first certificate was made, as one replica sees it. */
const onDay = (day: number, view: Partial<ReplicaState> = {}): ReplicaState => ({
  now: start + day * DAY_MS,
  names,
  known: undefined,
  jitter: 0,
  isSettled: () => false,
  ...view,
});
const pair = ({ cert, key }: IssuedCertificate) => ({ cert, key });

let old: IssuedCertificate;
let fresh: IssuedCertificate;
let serving: SharedCertificates;
let rotating: SharedCertificates;
beforeAll(async () => {
  old = await createCertificate(names, start);
  fresh = await createCertificate(names, start + 250 * DAY_MS);
  serving = { cas: [old.ca], serving: pair(old) };
  rotating = { cas: [old.ca, fresh.ca], serving: pair(old), next: pair(fresh) };
});

describe('a rotation', () => {
  test('begins with a first certificate and its CA', async () => {
    const first = await rotate(undefined, onDay(0));
    expect(faultOf(first.serving, names[0], start)).toBeUndefined();
    expect(first).toEqual({ cas: [expect.any(String)], serving: first.serving });
  });

  test('rests for two thirds of the life', async () => {
    expect(await rotate(serving, onDay(240))).toEqual(serving);
  });

  test('then stores the next certificate, of another CA, beside the one that is served', async () => {
    const { cas, next, ...rest } = await rotate(serving, onDay(250));
    expect(rest.serving).toEqual(serving.serving);
    expect(cas).toEqual([old.ca, expect.any(String)]);
    expect(next && faultOf(next, names[0], start)).toBeUndefined();
    expect(next?.cert).not.toBe(old.cert);
  });

  test('begins a little earlier in some replicas than in others', async () => {
    expect(await rotate(serving, onDay(241.5, { jitter: 0 }))).toEqual(serving);
    expect((await rotate(serving, onDay(241.5, { jitter: 1 }))).next).toBeDefined();
  });

  test('waits until the API server has known the CA of the next for a while', async () => {
    expect(await rotate(rotating, onDay(250))).toEqual(rotating);
  });

  test('then serves the next certificate, and keeps the CA of the old', async () => {
    const isSettled = (cert: string) => cert === fresh.cert;
    expect(await rotate(rotating, onDay(250, { isSettled }))).toEqual({
      cas: [old.ca, fresh.ca],
      serving: pair(fresh),
    });
  });

  test('drops the CA of the old once that has expired', async () => {
    const rotated = { cas: [old.ca, fresh.ca], serving: pair(fresh) };
    expect((await rotate(rotated, onDay(364))).cas).toEqual([old.ca, fresh.ca]);
    expect((await rotate(rotated, onDay(366))).cas).toEqual([fresh.ca]);
  });

  test('serves the next at once if the old has expired meanwhile', async () => {
    expect(await rotate(rotating, onDay(366))).toEqual({ cas: [fresh.ca], serving: pair(fresh) });
  });

  test('of years never has more than two CAs, nor a certificate that has less than 100 days left', async () => {
    let shared = await rotate(undefined, onDay(0));
    for (let day = 1; day < 3_000; day += 10) {
      shared = await rotate(shared, onDay(day, { isSettled: () => true }));
      expect(shared.cas.length).toBeLessThanOrEqual(2);
      expect(faultOf(shared.serving, names[0], start + (day + 100) * DAY_MS)).toBeUndefined();
    }
  });
});

describe('a lost shared certificate', () => {
  test('is restored from a running replica, even during a rotation', async () => {
    expect(await rotate(undefined, onDay(250, { known: rotating }))).toEqual(rotating);
  });

  test('is created again if no replica has it', async () => {
    const made = await rotate(undefined, onDay(250));
    expect(made.cas).not.toContain(old.ca);
  });

  test.each([
    ['for another name', async () => createCertificate(['other.svc'], start)],
    ['that has expired', async () => createCertificate(names, start - 400 * DAY_MS)],
    ['that no CA there has signed', async () => ({ ...(await createCertificate(names, start)), ca: old.ca })],
    ['that cannot be read', async () => ({ ca: old.ca, cert: 'x', key: 'y' })],
  ])('or replaced by one %s, likewise', async (_, wrong) => {
    const issued = await wrong();
    const stored = { cas: [issued.ca], serving: pair(issued) };
    const known = serving;
    expect((await rotate(stored, onDay(1, { known }))).serving).toEqual(pair(old));
    const made = await rotate(stored, onDay(1));
    expect(faultOf(made.serving, names[0], start)).toBeUndefined();
    expect(made.serving.cert).not.toBe(old.cert);
  });

  test('or replaced by another that can serve, is followed, and the CA of what is still served stays', async () => {
    const stored = { cas: [fresh.ca], serving: pair(fresh) };
    expect(await rotate(stored, onDay(251, { known: serving }))).toEqual({
      cas: [fresh.ca, old.ca],
      serving: pair(fresh),
    });
  });
});
