import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { isInternal, isMetadata } from '../../src/registry/private-address.ts';

/** As tagpin meets a host: the way a URL has it. */
const hostOf = (host: string) => new URL(`https://${host}/`).hostname;

describe('a metadata service is known', () => {
  test.each([
    '169.254.169.254',
    '169.254.169.254.',
    '2852039166',
    '0xA9FEA9FE',
    '0251.0376.0251.0376',
    '169.254.43518',
    '0xa9.0xfe.0xa9.0xfe',
    '[::ffff:169.254.169.254]',
    '[::ffff:a9fe:a9fe]',
    '[::169.254.169.254]',
    '[64:ff9b::a9fe:a9fe]',
    '[64:ff9b:1::a9fe:a9fe]',
    '[::ffff:0:a9fe:a9fe]',
    '[fe80::a9fe:a9fe]',
    '169.254.169.252',
    '169.254.42.42',
    '[fd00:42::42]',
    '169.254.0.23',
    '169.254.170.2',
    '169.254.170.23',
    '[fd00:ec2::254]',
    '[fd00:ec2::23]',
    '[fd20:ce::254]',
    '100.100.100.200',
    '168.63.129.16',
    'metadata.google.internal',
    'METADATA.google.internal.',
    'metadata.goog',
    'instance-data.ec2.internal',
  ])('as %s', (host) => {
    expect(isMetadata(hostOf(host))).toBe(true);
    expect(isInternal(hostOf(host))).toBe(true);
  });

  test.each(['169.254.169.253', '10.0.0.1', 'registry.example.com', '8.8.8.8', '[fd00:ec3::1]'])(
    'and %s is none',
    (host) => expect(isMetadata(hostOf(host))).toBe(false),
  );
});

describe('a private address', () => {
  test.each([
    '127.0.0.1',
    '127.1',
    '2130706433',
    '0.0.0.0',
    '10.1.2.3',
    '172.16.0.1',
    '192.168.1.1',
    '169.254.1.1',
    '100.64.0.1',
    '224.0.0.1',
    '255.255.255.255',
    '[::]',
    '[::1]',
    '[::10.0.0.1]',
    '[4000::1]',
    '[fe80::1]',
    '[fc00::1]',
    '[::ffff:10.0.0.1]',
    '[64:ff9b::10.0.0.1]',
    '[64:ff9b:1::8.8.8.8]',
    '[2002:a00:1::]',
    'localhost',
    'localhost.',
    'a.localhost',
  ])('%s is', (host) => expect(isInternal(hostOf(host))).toBe(true));

  test.each([
    '8.8.8.8',
    '[2606:4700::1111]',
    '[::ffff:8.8.8.8]',
    '[64:ff9b::8.8.8.8]',
    'registry.example.com',
  ])('%s is not', (host) => expect(isInternal(hostOf(host))).toBe(false));
});

describe('for any address', () => {
  const octet = fc.integer({ min: 0, max: 255 });
  const address = fc.oneof(
    fc.tuple(octet, octet, octet, octet),
    fc.constantFrom<[number, number, number, number]>(
      [169, 254, 169, 254],
      [10, 0, 0, 1],
      [127, 0, 0, 1],
      [8, 8, 8, 8],
    ),
  );

  test('its spelling makes no difference', () => {
    fc.assert(
      fc.property(address, (octets) => {
        const dotted = octets.join('.');
        const number = octets.reduce((sum, octet) => sum * 256 + octet, 0);
        const [a, b, c, d] = octets.map((octet) => octet.toString(16).padStart(2, '0'));
        const spellings = [
          `${dotted}.`,
          String(number),
          `0x${number.toString(16)}`,
          octets.map((octet) => `0${octet.toString(8)}`).join('.'),
          octets.map((octet) => `0x${octet.toString(16)}`).join('.'),
          `[::ffff:${dotted}]`,
          `[::ffff:${a}${b}:${c}${d}]`,
          `[64:ff9b::${a}${b}:${c}${d}]`,
        ].map(hostOf);
        for (const spelling of spellings) {
          expect([spelling, isInternal(spelling)]).toEqual([spelling, isInternal(dotted)]);
          expect([spelling, isMetadata(spelling)]).toEqual([spelling, isMetadata(dotted)]);
        }
      }),
    );
  });

  test('and any text at all, there is an answer', () => {
    fc.assert(fc.property(fc.string(), (text) => typeof isInternal(text) === 'boolean'));
  });
});
