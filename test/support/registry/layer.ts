import { gzipSync } from 'node:zlib';
import { sha256 } from './digest.ts';

/** A compressed layer, and the digest of its uncompressed tar, for the image's config. */
export interface Layer {
  readonly compressed: Buffer;
  readonly diffId: string;
}

/** A layer with these files: path, without a leading slash, to content. Equal files make an equal layer. */
export function layer(files: Readonly<Record<string, string>>): Layer {
  const entries = Object.entries(files).flatMap(([path, content]) => tarEntry(path, Buffer.from(content)));
  // a tar ends with two empty blocks
  const tar = Buffer.concat([...entries, Buffer.alloc(2 * blockSize)]);
  return { compressed: gzipSync(tar), diffId: sha256(tar) };
}

const blockSize = 512;

function tarEntry(path: string, content: Buffer): Buffer[] {
  const padding = Buffer.alloc((blockSize - (content.length % blockSize)) % blockSize);
  return [ustarHeader(path, content.length), content, padding];
}

function ustarHeader(path: string, size: number): Buffer {
  const header = Buffer.alloc(blockSize);
  const octal = (value: number, width: number) => `${value.toString(8).padStart(width - 1, '0')}\0`;
  header.write(path, 0, 100);
  header.write(octal(0o644, 8), 100);
  header.write(octal(0, 8), 108); // uid
  header.write(octal(0, 8), 116); // gid
  header.write(octal(size, 12), 124);
  header.write(octal(0, 12), 136); // mtime: constant, so that the digest depends only on the content
  header.write('        ', 148); // for the checksum, its own field counts as spaces
  header.write('0', 156); // a regular file
  header.write('ustar\x0000', 257);
  const checksum = header.reduce((sum, byte) => sum + byte, 0);
  header.write(`${checksum.toString(8).padStart(6, '0')}\0 `, 148);
  return header;
}
